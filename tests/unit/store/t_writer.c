/* Tests of the writer. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "store/writer.h"

/* Stands in front of libc's: some syncs fail, and drop what was written. */
static _Atomic int failing_syncs;

int fdatasync(int fd)
{
    if (failing_syncs > 0) {
        failing_syncs--;
        errno = ftruncate(fd, 0) == 0 ? EDQUOT : EBADF;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void nap_ms(long ms)
{
    nanosleep(
        &(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
        NULL);
}

/* Wait until what a question says is at least want. */
static void wait_for(uint64_t (*ask)(const struct writer *w),
                     const struct writer *w, uint64_t want)
{
    int64_t until = clock_mono_ns() + 20 * NS_PER_SEC;
    while (ask(w) < want && clock_mono_ns() < until)
        nap_ms(1);
    assert_true(ask(w) >= want);
}

static void writes_in_order(void **state)
{
    const char *dir = *state;
    struct err err = {0};
    uint64_t last = 0, ticket;
    struct buf expected[2];
    struct writer *w = writer_create(&err);
    assert_non_null(w);
    int files[2];
    for (int f = 0; f < 2; f++) {
        files[f] = writer_add_file(w, create(path_of("%s/%d", dir, f)), "f", 0);
        buf_init(&expected[f], 64 << 20);
    }
    unsigned seed = 7;
    char *data = mem_calloc(1, 3 << 20);
    for (int i = 0; i < 20000; i++) {
        int f = rand_r(&seed) % 2;
        size_t len = (size_t)rand_r(&seed) % 200;
        if (i % 5000 == 0)
            len = 3 << 20;
        memset(data, 'a' + i % 26, len);
        assert_int_equal(writer_append(w, files[f], data, len, &ticket, &err),
                         0);
        assert_true(ticket > last);
        last = ticket;
        assert_int_equal(buf_put(&expected[f], data, len), 0);
        if (i % 7 == 0)
            writer_flush(w);
        if (i % 999 == 0)
            writer_sync(w);
    }
    writer_flush(w);
    wait_for(writer_written, w, last);
    assert_int_equal(writer_backlog_bytes(w), 0);
    writer_sync(w);
    wait_for(writer_synced, w, last);
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    for (int f = 0; f < 2; f++) {
        struct buf b = file_of(path_of("%s/%d", dir, f));
        assert_int_equal(b.len, expected[f].len);
        assert_memory_equal(b.data, expected[f].data, b.len);
        buf_fini(&b);
        buf_fini(&expected[f]);
    }
    mem_free(data);
}

static void goes_on_at_an_offset(void **state)
{
    struct err err = {0};
    const char *path = path_of("%s/f", (char *)*state);
    file_make(path, "headerJUNK", 10);
    struct writer *w = writer_create(&err);
    int f = writer_add_file(w, open(path, O_WRONLY | O_CLOEXEC), "f", 6);
    assert_int_equal(writer_append(w, f, "ab", 2, NULL, &err), 0);
    assert_int_equal(writer_append(w, f, "", 0, NULL, &err), 0);
    assert_int_equal(writer_append(w, f, "cde", 3, NULL, &err), 0);
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    struct buf b = file_of(path);
    assert_string_equal(b.data, "headerabcde");
    buf_fini(&b);
}

/* Neither flush nor sync is called: within two seconds all is on disk. */
static void syncs_by_itself(void **state)
{
    struct err err = {0};
    uint64_t ticket;
    struct writer *w = writer_create(&err);
    int f = writer_add_file(w, create(path_of("%s/f", (char *)*state)), "f", 0);
    assert_int_equal(writer_append(w, f, "x", 1, &ticket, &err), 0);
    int64_t start = clock_mono_ns();
    wait_for(writer_synced, w, ticket);
    assert_true(clock_mono_ns() - start < 3 * NS_PER_SEC);
    assert_int_equal(writer_destroy(w, 0, &err), 0);
}

static void bounds_its_files(void **state)
{
    struct err err = {0};
    struct writer *w = writer_create(&err);
    for (int i = 0; i < 8; i++)
        assert_int_equal(
            writer_add_file(w, create(path_of("%s/f", (char *)*state)), "f", 0),
            i);
    int fd = create(path_of("%s/f", (char *)*state));
    assert_int_equal(writer_add_file(w, fd, "f", 0), -1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(writer_destroy(w, 0, &err), 0);
    assert_int_equal(writer_destroy(NULL, 0, &err), 0);
}

/* A device that takes nothing. */
static void says_why_it_stalls(void **state)
{
    struct err err = {0};
    char why[256] = "?";
    (void)state;
    struct writer *w = writer_create(&err);
    int f = writer_add_file(w, open("/dev/full", O_WRONLY | O_CLOEXEC),
                            "the/journal", 0);
    assert_false(writer_stalled(w, why));
    assert_string_equal(why, "");
    assert_int_equal(writer_append(w, f, "abc", 3, NULL, &err), 0);
    writer_flush(w);
    int64_t until = clock_mono_ns() + 10 * NS_PER_SEC;
    while (!writer_stalled(w, why) && clock_mono_ns() < until)
        nap_ms(1);
    assert_string_equal(why,
                        "cannot write the/journal: No space left on device");
    assert_int_equal(writer_append(w, f, "de", 2, NULL, &err), 0);
    assert_int_equal(writer_backlog_bytes(w), 5);
    assert_int_equal(writer_written(w), 0);
    int64_t start = clock_mono_ns();
    assert_int_equal(writer_destroy(w, NS_PER_SEC / 10, &err), -1);
    assert_true(clock_mono_ns() - start < NS_PER_SEC);
    assert_int_equal(err.code, EIO);
    assert_string_equal(err.text,
                        "cannot write the/journal: No space left on device; 5 "
                        "bytes are lost");
}

static void writes_again_what_a_sync_dropped(void **state)
{
    struct err err = {0};
    uint64_t ticket;
    char why[256];
    struct writer *w = writer_create(&err);
    const char *path = path_of("%s/f", (char *)*state);
    int f = writer_add_file(w, create(path), "f", 0);
    assert_int_equal(writer_append(w, f, "abc", 3, &ticket, &err), 0);
    writer_sync(w);
    wait_for(writer_synced, w, ticket);
    /* what is on disk is lost here too, but is not to be written again */
    failing_syncs = 2;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(writer_append(w, f, "defg", 4, &ticket, &err), 0);
        writer_flush(w);
        wait_for(writer_written, w, ticket);
    }
    writer_sync(w);
    int64_t until = clock_mono_ns() + 10 * NS_PER_SEC;
    while (!writer_stalled(w, why) && clock_mono_ns() < until)
        nap_ms(1);
    assert_string_equal(why, "cannot write f: Disk quota exceeded");
    assert_int_equal(writer_synced(w), 1);
    wait_for(writer_synced, w, ticket);
    assert_false(writer_stalled(w, why));
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    struct buf b = file_of(path);
    assert_int_equal(b.len, 403);
    assert_memory_equal(b.data, "\0\0\0defgdefg", 11);
    assert_string_equal(b.data + 395, "defgdefg");
    buf_fini(&b);
}

enum { CHILD_OK = 0, CHILD_CANNOT = 77 };

/* Write 600 KB into dir, where `limit` bytes fit until free_room. Exit code. */
static int fill_up(const char *dir, void (*free_room)(const char *dir))
{
    struct err err = {0};
    char why[256], chunk[1000];
    uint64_t ticket = 0;
    char path[512];
    snprintf(path, sizeof(path), "%s/f", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct writer *w = fd < 0 ? NULL : writer_create(&err);
    if (!w)
        return 1;
    int f = writer_add_file(w, fd, "f", 0);
    for (int i = 0; i < 600; i++) {
        memset(chunk, 'a' + i % 26, sizeof(chunk));
        writer_append(w, f, chunk, sizeof(chunk), &ticket, &err);
        if (i % 10 == 0)
            writer_flush(w);
    }
    writer_flush(w);
    int64_t until = clock_mono_ns() + 10 * NS_PER_SEC;
    while (!writer_stalled(w, why) && clock_mono_ns() < until)
        nap_ms(1);
    if (!writer_stalled(w, why) || writer_written(w) >= ticket)
        return 2;
    free_room(dir);
    while (writer_synced(w) < ticket && clock_mono_ns() < until)
        nap_ms(1);
    if (writer_synced(w) < ticket || writer_stalled(w, why))
        return 3;
    if (writer_destroy(w, 0, &err) < 0)
        return 4;
    FILE *in = fopen(path, "r");
    for (int i = 0; i < 600 * 1000; i++)
        if (getc(in) != 'a' + i / 1000 % 26)
            return 5;
    return getc(in) == EOF ? CHILD_OK : 6;
}

static void remove_ballast(const char *dir)
{
    unlink(path_of("%s/ballast", dir));
}

static void raise_limit(const char *dir)
{
    (void)dir;
    struct rlimit r = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &r);
}

/* On a file system of 1 MB that is full; needs root. */
static int on_full_disk(const char *dir)
{
    if (unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tiny", dir, "tmpfs", 0, "size=1m") < 0)
        return CHILD_CANNOT;
    int fd = open(path_of("%s/ballast", dir), O_WRONLY | O_CREAT, 0600);
    char block[4096] = "";
    for (int i = 0; i < 200; i++)
        if (write(fd, block, sizeof(block)) != sizeof(block))
            return 7;
    close(fd);
    return fill_up(dir, remove_ballast);
}

/* Files may have 100 KB and some bytes, so that a write is cut short. */
static int under_limit(const char *dir)
{
    struct rlimit r = {.rlim_cur = 100123, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &r) < 0)
        return CHILD_CANNOT;
    return fill_up(dir, raise_limit);
}

static int in_child(int (*f)(const char *dir), const char *dir)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(f(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void resumes_when_there_is_room(void **state)
{
    int rc = in_child(on_full_disk, *state);
    if (rc == CHILD_CANNOT)
        print_message("# no private mount here: the full disk is left out\n");
    else
        assert_int_equal(rc, CHILD_OK);
    assert_int_equal(in_child(under_limit, *state), CHILD_OK);
}

static void survives_lack_of_memory(void **state)
{
    struct err err = {0};
    struct writer *w = NULL;
    unsigned long k = 1;
    for (; !w; k++) {
        mem_fail_at(k);
        w = writer_create(&err);
        mem_fail_at(0);
    }
    assert_int_equal(k, 3); /* one allocation */
    int f = writer_add_file(w, create(path_of("%s/f", (char *)*state)), "f", 0);
    unsigned failed = 0;
    for (k = 1; k < 200; k++) {
        mem_fail_at(k % 4);
        if (writer_append(w, f, "x", 1, NULL, &err) < 0) {
            assert_int_equal(err.code, ENOMEM);
            failed++;
        }
        mem_fail_at(0);
    }
    assert_true(failed > 0);
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    struct buf b = file_of(path_of("%s/f", (char *)*state));
    assert_int_equal(b.len, 199 - failed);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
        TEST(writes_in_order),
        TEST(goes_on_at_an_offset),
        TEST(syncs_by_itself),
        TEST(bounds_its_files),
        TEST(says_why_it_stalls),
        TEST(writes_again_what_a_sync_dropped),
        TEST(resumes_when_there_is_room),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
