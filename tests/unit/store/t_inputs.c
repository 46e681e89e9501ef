/* The tables of a run: read, copied into the run directory, compared, told. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>

#include "store/inputs.h"
#include "store/rundir.h"

static struct inputs *inputs_of(const char *dir)
{
    struct err err = {0};
    struct inputs *in = inputs_create(dir, &err);
    assert_non_null(in);
    return in;
}

static void text_make(const char *dir, const char *name, const char *text)
{
    file_make(path_of("%s/%s", dir, name), text, strlen(text));
}

static void assert_gets(struct inputs *in, enum table_kind kind,
                        const char *path, const char *expected, size_t len)
{
    const char *bytes;
    size_t have;
    struct err err = {0};
    if (inputs_get(in, kind, path, &bytes, &have, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(have, len);
    assert_memory_equal(bytes, expected, len);
}

static void assert_gets_not(struct inputs *in, const char *path, int code,
                            const char *message)
{
    const char *bytes;
    size_t len;
    struct err err = {0};
    assert_int_equal(inputs_get(in, TABLE_CSV, path, &bytes, &len, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, message))
        fail_msg("%s", err.text);
}

static void files_and_patterns(void **state)
{
    text_make(*state, "b.csv", "a\n1\n");
    text_make(*state, "a.csv", "");
    struct inputs *in = inputs_of(*state);
    assert_gets(in, TABLE_CSV, "b.csv", "a\n1\n", 4);
    assert_gets(in, TABLE_CSV, "a.csv", "", 0);
    assert_gets(in, TABLE_PATHS, "*.csv", "a.csv\0b.csv", 12);
    assert_gets(in, TABLE_PATHS, "*.dat", "", 0);
    assert_gets(in, TABLE_TSV, "b.csv", "a\n1\n", 4);
    assert_gets(in, TABLE_CSV, path_of("%s/b.csv", (char *)*state), "a\n1\n",
                4);
    assert_int_equal(inputs_count(in), 6);
    text_make(*state, "c.csv", "x");
    assert_gets(in, TABLE_PATHS, "*.csv", "a.csv\0b.csv", 12); /* once */
    assert_int_equal(inputs_count(in), 6);
    assert_gets_not(in, "nowhere.csv", ENOENT, "nowhere.csv");
    assert_gets_not(in, ".", EINVAL, "is a folder, not a file");
    assert_int_equal(mkfifo(path_of("%s/pipe", (char *)*state), 0600), 0);
    assert_gets_not(in, "pipe", EINVAL, "no regular file");
    int fd = open(path_of("%s/huge", (char *)*state), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, INT64_C(1) << 32), 0);
    close(fd);
    assert_gets_not(in, "huge", EFBIG, "4294967296 bytes");
    assert_int_equal(inputs_count(in), 6);
    inputs_destroy(in);
}

/* Open the run directory of a spec that names a CSV file, a pattern and a file
 * of commands in dir. */
static struct rundir *run_open(const char *dir, struct inputs **in, bool *fresh,
                               struct err *err)
{
    const char *bytes;
    size_t len;
    char path[4096];
    snprintf(path, sizeof(path), "%s/x.run", dir);
    *in = inputs_of(dir);
    if (inputs_get(*in, TABLE_CSV, "p%.csv", &bytes, &len, err) < 0 ||
        inputs_get(*in, TABLE_PATHS, "in/*", &bytes, &len, err) < 0 ||
        inputs_get(*in, TABLE_COMMANDS, "c.txt", &bytes, &len, err) < 0)
        fail_msg("%s", err->text);
    return rundir_open(path, "x", 1, "/x", *in, fresh, err);
}

static void run_files_make(const char *dir)
{
    text_make(dir, "p%.csv", "a,b\n1,2\n3,4\n");
    text_make(dir, "c.txt", "echo 1\necho 2\n");
    mkdir(path_of("%s/in", dir), 0700);
    text_make(dir, "in/a", "");
    text_make(dir, "in/b", "");
}

static void run_close(struct rundir *r, struct inputs *in)
{
    rundir_close(r);
    inputs_destroy(in);
}

static void assert_refuses(const char *dir, const char *message)
{
    struct err err = {0};
    struct inputs *in;
    bool fresh;
    struct rundir *r = run_open(dir, &in, &fresh, &err);
    assert_null(r);
    assert_int_equal(err.code, EINVAL);
    if (!strstr(err.text, message) || !strstr(err.text, "x.run belongs to") ||
        !strstr(err.text, "--fresh"))
        fail_msg("%s", err.text);
    inputs_destroy(in);
}

static void assert_accepts(const char *dir)
{
    struct err err = {0};
    struct inputs *in;
    bool fresh;
    struct rundir *r = run_open(dir, &in, &fresh, &err);
    if (!r)
        fail_msg("%s", err.text);
    assert_false(fresh);
    run_close(r, in);
}

static void copies(void **state)
{
    struct err err = {0};
    struct inputs *in;
    bool fresh;
    const char *dir = *state;
    run_files_make(dir);
    struct rundir *r = run_open(dir, &in, &fresh, &err);
    if (!r)
        fail_msg("%s", err.text);
    assert_true(fresh);
    /* the bytes are those of the copy: what happens to the file is no matter */
    text_make(dir, "p%.csv", "");
    text_make(dir, "c.txt", "");
    assert_gets(in, TABLE_CSV, "p%.csv", "a,b\n1,2\n3,4\n", 12);
    assert_gets(in, TABLE_COMMANDS, "c.txt", "echo 1\necho 2\n", 14);
    run_close(r, in);
    struct buf index = file_of(path_of("%s/x.run/tables/index", dir));
    assert_string_equal(buf_text(&index), "1.csv csv 12 p%25.csv\n"
                                          "2.paths paths 10 in/*\n"
                                          "3.commands commands 14 c.txt\n");
    buf_fini(&index);
    struct stat st;
    assert_int_equal(stat(path_of("%s/x.run/tables/1.csv", dir), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* who reads the run later finds them there */
    assert_int_equal(remove(path_of("%s/c.txt", dir)), 0);
    in = inputs_open(path_of("%s/x.run", dir), &err);
    assert_non_null(in);
    assert_gets(in, TABLE_CSV, "p%.csv", "a,b\n1,2\n3,4\n", 12);
    assert_gets(in, TABLE_PATHS, "in/*", "in/a\0in/b", 10);
    assert_gets(in, TABLE_COMMANDS, "c.txt", "echo 1\necho 2\n", 14);
    assert_gets_not(in, "other.csv", ENOENT, "no copy of other.csv");
    inputs_destroy(in);
}

static void compared(void **state)
{
    struct err err = {0};
    struct inputs *in;
    bool fresh;
    const char *dir = *state;
    run_files_make(dir);
    struct rundir *r = run_open(dir, &in, &fresh, &err);
    assert_non_null(r);
    run_close(r, in);
    assert_accepts(dir);
    text_make(dir, "p%.csv", "a,b\n1,2\n3,5\n");
    assert_refuses(dir, "another p%.csv: line 3 was `3,4` and is now `3,5`");
    text_make(dir, "p%.csv", "a,b\n1,2\n3,4\n5,6\n");
    assert_refuses(dir, "line 4 was (nothing) and is now `5,6`");
    text_make(dir, "p%.csv", "a,b\n1,2\n");
    assert_refuses(dir, "line 3 was `3,4` and is now (nothing)");
    run_files_make(dir);
    assert_accepts(dir);
    text_make(dir, "in/c", "");
    assert_refuses(dir, "\"in/*\" matches now: in/c is new (put");
    assert_int_equal(remove(path_of("%s/in/a", dir)), 0);
    assert_refuses(dir, "in/c is new, in/a is gone (put");
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "in/d%d", i);
        text_make(dir, name, "");
    }
    assert_refuses(dir, "in/c, in/d0, in/d1 and 3 more are new, in/a is gone");
}

/* A run directory that is not as we have left it. */
static void damaged(void **state)
{
    static const char *const indices[] = {
        "1.csv csv 12",     "1.csv csv 12 x",      "x\n",
        "1.csv cvs 12 x\n", "../1.csv csv 12 x\n", "1.csv csv 99999999999 x\n"};
    struct err err = {0};
    struct inputs *in;
    bool fresh;
    const char *dir = *state;
    run_files_make(dir);
    struct rundir *r = run_open(dir, &in, &fresh, &err);
    assert_non_null(r);
    run_close(r, in);
    text_make(dir, "x.run/tables/1.csv", "short");
    in = inputs_open(path_of("%s/x.run", dir), &err);
    assert_gets_not(in, "p%.csv", EBADMSG, "is damaged");
    inputs_destroy(in);
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        text_make(dir, "x.run/tables/index", indices[i]);
        assert_null(inputs_open(path_of("%s/x.run", dir), &err));
        assert_int_equal(err.code, EBADMSG);
    }
}

/* A file that somebody writes between reading and copying. */
static void changes(void **state)
{
    struct err err = {0};
    const char *bytes, *dir = *state;
    size_t len;
    bool fresh;
    text_make(dir, "p.csv", "a\n1\n");
    struct inputs *in = inputs_of(dir);
    assert_int_equal(inputs_get(in, TABLE_CSV, "p.csv", &bytes, &len, &err), 0);
    text_make(dir, "p.csv", "a\n");
    char path[4096];
    snprintf(path, sizeof(path), "%s/x.run", dir);
    assert_null(rundir_open(path, "x", 1, "/x", in, &fresh, &err));
    assert_int_equal(err.code, EAGAIN);
    assert_non_null(strstr(err.text, "p.csv is being changed"));
    inputs_destroy(in);
    /* what was begun is no obstacle */
    in = inputs_of(dir);
    assert_gets(in, TABLE_CSV, "p.csv", "a\n", 2);
    struct rundir *r = rundir_open(path, "x", 1, "/x", in, &fresh, &err);
    assert_non_null(r);
    assert_true(fresh);
    run_close(r, in);
}

static void told(void **state)
{
    struct err err = {0};
    struct inputs *in = inputs_create_told(&err);
    (void)state;
    memcpy(inputs_add(in, TABLE_CSV, "p.csv", 3, &err), "a\n1", 3);
    assert_non_null(inputs_add(in, TABLE_PATHS, "*", 0, &err));
    assert_gets(in, TABLE_CSV, "p.csv", "a\n1", 3);
    assert_gets(in, TABLE_PATHS, "*", "", 0);
    assert_gets_not(in, "q.csv", ENOENT, "no copy of q.csv");
    inputs_destroy(in);
}

/* Each allocation fails once. */
static void no_memory(void **state)
{
    const char *dir = *state;
    run_files_make(dir);
    for (unsigned long k = 1;; k++) {
        struct err err = {0};
        const char *bytes;
        size_t len;
        mem_fail_at(k);
        struct inputs *in = inputs_create(dir, &err);
        bool ok =
            in &&
            inputs_get(in, TABLE_CSV, "p%.csv", &bytes, &len, &err) == 0 &&
            inputs_get(in, TABLE_PATHS, "in/*", &bytes, &len, &err) == 0;
        int fd = ok ? open(dir, O_RDONLY | O_DIRECTORY) : -1;
        ok = ok && inputs_keep(in, fd, dir, &err) == 0 &&
             inputs_compare(in, fd, dir, &err) == 0;
        unsigned long used = mem_fail_at(0);
        inputs_destroy(in);
        if (fd >= 0)
            close(fd);
        assert_true(ok || err.code == ENOMEM);
        if (used < k)
            break;
    }
}

#define SCRATCH_TEST(f)                                                        \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {SCRATCH_TEST(files_and_patterns),
                                       SCRATCH_TEST(copies),
                                       SCRATCH_TEST(compared),
                                       SCRATCH_TEST(damaged),
                                       SCRATCH_TEST(changes),
                                       SCRATCH_TEST(told),
                                       SCRATCH_TEST(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
