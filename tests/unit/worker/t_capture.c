/* Capturing: in memory, to a file, around the limit, on a full disk. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "worker/capture.h"

enum { LIMIT = 1000 };

static char file[] = "/tmp/t_capture.XXXXXX";

/* What the capture is told to open. */
struct place {
    const char *path; /* NULL: it cannot be made */
    unsigned asked;
};

static char *place_path(void *arg, int stream, struct err *err)
{
    struct place *p = arg;
    assert_int_equal(stream, 1);
    p->asked++;
    if (!p->path)
        err_set(err, ENOENT, "no place");
    return p->path ? mem_strdup(p->path) : NULL;
}

/* No file may be longer than this. */
static void file_limit(rlim_t bytes)
{
    assert_int_equal(
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, RLIM_INFINITY}), 0);
}

static void begin(struct capture *c, struct place *p, int *end)
{
    struct err err;
    struct capture_file where = {.path = place_path, .arg = p};
    assert_int_equal(capture_init(c, 1, LIMIT, &where, end, &err), 0);
}

static void say(int end, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = (char)('a' + i % 26);
        assert_int_equal(write(end, &c, 1), 1);
    }
}

/* The capture has len bytes of what say says. */
static void check(struct capture *c, size_t len)
{
    const char *data;
    size_t have;
    struct err err;
    assert_int_equal(capture_view(c, &data, &have, &err), 0);
    assert_int_equal(have, len);
    assert_int_equal(c->bytes, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], 'a' + (int)(i % 26));
    capture_view_end(c, data, have);
}

/* 0, LIMIT - 1, LIMIT bytes stay in memory; LIMIT + 1 and more go to a file. */
static void test_limit(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 50000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct capture c;
        struct place p = {.path = file};
        struct err err;
        int end;
        begin(&c, &p, &end);
        say(end, lens[i]);
        assert_int_equal(capture_read(&c, &err), CAPTURE_OPEN);
        close(end);
        assert_true(capture_finish(&c, &err));
        check(&c, lens[i]);
        assert_int_equal(p.asked, lens[i] > LIMIT);
        assert_int_equal(c.file_fd >= 0, lens[i] > LIMIT);
        capture_fini(&c);
    }
}

/* The pipe's end is told from a pause. */
static void test_states(void **state)
{
    (void)state;
    struct capture c;
    struct place p = {.path = file};
    struct err err;
    int end;
    begin(&c, &p, &end);
    assert_int_equal(capture_read(&c, &err), CAPTURE_OPEN);
    say(end, 10);
    assert_int_equal(capture_read(&c, &err), CAPTURE_OPEN);
    close(end);
    assert_int_equal(capture_read(&c, &err), CAPTURE_CLOSED);
    check(&c, 10);
    capture_fini(&c);
}

/* Finishing does not wait for a process that still holds the pipe. */
static void test_finish_open(void **state)
{
    (void)state;
    struct capture c;
    struct place p = {.path = file};
    struct err err;
    int end;
    begin(&c, &p, &end);
    say(end, 30);
    assert_true(capture_finish(&c, &err));
    check(&c, 30);
    assert_int_equal(c.fd, -1);
    close(end);
    capture_fini(&c);
}

/* No place, or a full disk: nothing is lost, and it goes on later. */
static void test_stalled(void **state)
{
    (void)state;
    /* a path that cannot be had, one that cannot be made, a disk that is full
     * (what may not be written fails alike) */
    const char *const bad[] = {NULL, "/nowhere/file", file};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct capture c;
        struct place p = {.path = bad[i]};
        struct err err = {0};
        int end;
        file_limit(0);
        begin(&c, &p, &end);
        say(end, 3000);
        assert_int_equal(capture_read(&c, &err), CAPTURE_STALLED);
        assert_true(err.text[0]);
        assert_true(c.stalled);
        assert_false(capture_finish(&c, &err));
        say(end, 0);
        p.path = file;
        file_limit(RLIM_INFINITY);
        if (c.file_fd < 0) { /* ask for its place once more */
            mem_free(c.file_path);
            c.file_path = NULL;
        }
        close(end);
        assert_true(capture_finish(&c, &err));
        assert_false(c.stalled);
        check(&c, 3000);
        capture_fini(&c);
    }
}

/* The file of an attempt of the same number, which somebody may still write,
 * is replaced and stays as it is. */
static void test_replace(void **state)
{
    (void)state;
    struct capture c;
    struct place p = {.path = file};
    struct stat st;
    struct err err;
    int end, fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "old", 3), 3);
    begin(&c, &p, &end);
    say(end, 2000);
    close(end);
    assert_true(capture_finish(&c, &err));
    assert_int_equal(write(fd, "er", 2), 2);
    check(&c, 2000);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 5);
    close(fd);
    capture_fini(&c);
}

static void test_discard(void **state)
{
    (void)state;
    struct capture c;
    struct place p = {.path = "/tmp/t_capture.gone"};
    struct err err;
    int end;
    begin(&c, &p, &end);
    say(end, 2000);
    close(end);
    assert_true(capture_finish(&c, &err));
    assert_int_equal(access(p.path, F_OK), 0);
    capture_discard(&c);
    assert_int_equal(access(p.path, F_OK), -1);
    assert_int_equal(c.bytes, 0);
    capture_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),       cmocka_unit_test(test_states),
        cmocka_unit_test(test_finish_open), cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_replace),     cmocka_unit_test(test_discard)};
    signal(SIGXFSZ, SIG_IGN);
    int fd = mkstemp(file);
    if (fd < 0)
        return 99;
    close(fd);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return rc;
}
