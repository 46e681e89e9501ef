/* Tests of the run directory. */
#include "config.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "store/difference.h"
#include "store/rundir.h"

static const char spec[] = "name: a\njobs:\n  - id: b\n";

static struct rundir *open_it(const char *dir, const char *text, bool *fresh,
                              struct err *err)
{
    return rundir_open(dir, text, strlen(text), "/home/x/a.yaml", NULL, fresh,
                       err);
}

static void assert_refused(const char *dir, const char *text, int code,
                           const char *needle)
{
    struct err err = {0};
    bool fresh;
    assert_null(open_it(dir, text, &fresh, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.text, needle))
        fail_msg("no \"%s\" in \"%s\"", needle, err.text);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void makes_and_opens_again(void **state)
{
    const char *base = *state;
    char dir[512];
    struct err err = {0};
    bool fresh = false;
    size_t len;
    snprintf(dir, sizeof(dir), "%s/new.run///", base);
    mode_t old = umask(0);
    struct rundir *r = open_it(dir, spec, &fresh, &err);
    umask(old);
    assert_non_null(r);
    assert_true(fresh);
    assert_int_equal(rundir_session(r), 1);
    assert_string_equal(rundir_path(r), path_of("%s/new.run", base));
    assert_memory_equal(rundir_spec(r, &len), spec, strlen(spec));
    assert_int_equal(len, strlen(spec));
    assert_string_equal(rundir_spec_path(r), "/home/x/a.yaml");
    rundir_close(r);
    assert_int_equal(mode_of(path_of("%s/new.run", base)), 0700);
    assert_int_equal(mode_of(path_of("%s/new.run/journal", base)), 0700);
    assert_int_equal(mode_of(path_of("%s/new.run/output", base)), 0700);
    assert_int_equal(mode_of(path_of("%s/new.run/files", base)), 0700);
    assert_int_equal(mode_of(path_of("%s/new.run/run.yaml", base)), 0600);

    file_make(path_of("%s/new.run/journal/0007.journal", base), "", 0);
    file_make(path_of("%s/new.run/output/0011.stdout", base), "", 0);
    r = open_it(dir, spec, &fresh, &err);
    assert_non_null(r);
    assert_false(fresh);
    assert_int_equal(rundir_session(r), 12);
    rundir_close(r);

    r = rundir_open_read(dir, &err);
    assert_non_null(r);
    assert_int_equal(rundir_session(r), 7);
    assert_memory_equal(rundir_spec(r, &len), spec, strlen(spec));
    assert_string_equal(rundir_spec_path(r), "/home/x/a.yaml");
    char *file = rundir_file(r, "journal/%04u.journal", 7u);
    assert_string_equal(file, path_of("%s/new.run/journal/0007.journal", base));
    mem_free(file);
    rundir_close(r);
}

static void keeps_any_spec_text(void **state)
{
    char dir[512];
    struct err err = {0};
    bool fresh;
    size_t len;
    static const char text[] = "\0a\n# ---- the job spec, as given ----\n\xff%";
    snprintf(dir, sizeof(dir), "%s/run", (char *)*state);
    struct rundir *r =
        rundir_open(dir, text, sizeof(text) - 1, "/odd\n%41\npath \xc3\xa4",
                    NULL, &fresh, &err);
    assert_non_null(r);
    rundir_close(r);
    r = rundir_open_read(dir, &err);
    assert_non_null(r);
    assert_string_equal(rundir_spec_path(r), "/odd\n%41\npath \xc3\xa4");
    assert_memory_equal(rundir_spec(r, &len), text, sizeof(text) - 1);
    assert_int_equal(len, sizeof(text) - 1);
    rundir_close(r);
    r = rundir_open(dir, text, sizeof(text) - 1, NULL, NULL, &fresh, &err);
    assert_non_null(r);
    assert_string_equal(rundir_spec_path(r), "");
    rundir_close(r);
}

static void refuses_a_changed_spec(void **state)
{
    static const struct {
        const char *text, *needle;
    } cases[] = {
        {"name: a\njobs:\n  - id: c\n",
         "line 3 was `  - id: b` and is now `  - id: c`"},
        {"name: a\njobs:\n", "line 3 was `  - id: b` and is now (nothing)"},
        {"name: a\njobs:\n  - id: b\n  - id: c\n",
         "line 4 was (nothing) and is now `  - id: c`"},
        {"name: a\njobs:\n  - id: b",
         "line 3 was `  - id: b` and is now `  - id: b` without a line end"},
        {"", "line 1 was `name: a` and is now (nothing)"},
        {"name: \x1b[31m\n", "is now `name: \\x1b[31m`"},
        {"name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "aaaa...` (use -o DIR for another run, or --fresh to start anew)"},
    };
    char dir[512];
    struct err err = {0};
    bool fresh;
    snprintf(dir, sizeof(dir), "%s/run", (char *)*state);
    rundir_close(open_it(dir, spec, &fresh, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(dir, cases[i].text, EINVAL, cases[i].needle);
    struct rundir *r = open_it(dir, spec, &fresh, &err); /* nothing happened */
    assert_non_null(r);
    rundir_close(r);
}

/* What differs is seen, however long the line is. */
static void shows_the_part_that_differs(void **state)
{
    (void)state;
    struct difference d;
    char old[300], new[300];
    memset(old, 'a', sizeof(old));
    memset(new, 'a', sizeof(new));
    for (size_t at = 0; at < sizeof(old); at++) {
        new[at] = 'b';
        difference_find(old, sizeof(old), new, sizeof(new), &d);
        new[at] = 'a';
        assert_null(strchr(d.was, 'b'));
        assert_non_null(strchr(d.is, 'b'));
        assert_true(strlen(d.is) <= 2 + 60 + 6);
    }
    memcpy(new + 100, "\xc3\xa4", 2); /* no character is cut */
    memcpy(old, new, sizeof(old));
    for (size_t at = 30; at < 160; at++) {
        if (at == 100 || at == 101)
            continue;
        new[at] = 'b';
        difference_find(old, sizeof(old), new, sizeof(new), &d);
        new[at] = 'a';
        assert_null(strchr(d.is, '\\'));
    }
}

static void refuses_what_is_not_ours(void **state)
{
    const char *base = *state;
    char dir[512];
    struct err err = {0};
    bool fresh;
    snprintf(dir, sizeof(dir), "%s/other", base);
    assert_int_equal(mkdir(dir, 0755), 0);
    file_make(path_of("%s/thesis.tex", dir), "x", 1);
    assert_refused(dir, spec, EEXIST, "thesis.tex");
    assert_int_equal(access(path_of("%s/lock", dir), F_OK), -1);
    assert_int_equal(unlink(path_of("%s/thesis.tex", dir)), 0);

    file_make(path_of("%s/run.yaml", dir), "jobs:\n", 6);
    assert_refused(dir, spec, EEXIST, "is not ours");
    file_make(path_of("%s/run.yaml", dir), "# mpibatch run 2\n", 17);
    assert_refused(dir, spec, EPROTO, "newer");
    file_make(path_of("%s/run.yaml", dir), "# mpibatch run 1\n", 17);
    assert_refused(dir, spec, EBADMSG, "damaged");
    file_make(path_of("%s/run.yaml", dir), "# mpibatch run 1x\n", 18);
    assert_refused(dir, spec, EBADMSG, "damaged");
    assert_int_equal(unlink(path_of("%s/run.yaml", dir)), 0);

    assert_int_equal(mkdir(path_of("%s/journal", dir), 0700), 0);
    file_make(path_of("%s/journal/0001.journal", dir), "", 0);
    assert_refused(dir, spec, EEXIST, "a journal and no run.yaml");
    assert_int_equal(unlink(path_of("%s/journal/0001.journal", dir)), 0);

    assert_int_equal(chmod(dir, 0777), 0);
    struct rundir *r = open_it(dir, spec, &fresh, &err);
    assert_null(r);
    assert_int_equal(err.code, EPERM);
    assert_int_equal(chmod(dir, 0755), 0);
    r = open_it(dir, spec, &fresh, &err);
    assert_non_null(r);
    rundir_close(r);

    file_make(path_of("%s/file", base), "", 0);
    assert_refused(path_of("%s/file", base), spec, ENOTDIR, "not a folder");
    assert_refused(path_of("%s/file/run", base), spec, ENOTDIR, "folder");
    assert_null(rundir_open_read(path_of("%s/none", base), &err));
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(mkdir(path_of("%s/empty", base), 0700), 0);
    assert_null(rundir_open_read(path_of("%s/empty", base), &err));
    assert_int_equal(err.code, ENOENT);
}

/* Each state that a crash may leave while it is made. */
static void completes_what_a_crash_left(void **state)
{
    static const char *const made[] = {"lock", "journal", "output", "files",
                                       "run.yaml.1.tmp"};
    for (size_t n = 0; n <= 5; n++) {
        char dir[512];
        struct err err = {0};
        bool fresh = false;
        snprintf(dir, sizeof(dir), "%s/crash%zu", (char *)*state, n);
        assert_int_equal(mkdir(dir, 0700), 0);
        for (size_t i = 0; i < n; i++)
            if (i == 0 || i == 4)
                file_make(path_of("%s/%s", dir, made[i]), "", 0);
            else
                assert_int_equal(mkdir(path_of("%s/%s", dir, made[i]), 0700),
                                 0);
        struct rundir *r = open_it(dir, spec, &fresh, &err);
        assert_non_null(r);
        assert_true(fresh);
        assert_int_equal(rundir_session(r), 1);
        rundir_close(r);
    }
}

static void only_one_may_write(void **state)
{
    char dir[512], *to = NULL;
    struct err err = {0};
    bool fresh;
    snprintf(dir, sizeof(dir), "%s/run", (char *)*state);
    struct rundir *r = open_it(dir, spec, &fresh, &err);
    assert_non_null(r);
    char pid[64];
    snprintf(pid, sizeof(pid), "pid %ld, since 20", (long)getpid());
    assert_refused(dir, spec, EBUSY, pid);
    assert_int_equal(rundir_move_aside(dir, &to, &err), -1);
    assert_int_equal(err.code, EBUSY);
    pid_t child = fork();
    if (child == 0)
        _exit(open_it(dir, spec, &fresh, &err) ? 0 : err.code);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), EBUSY);
    struct rundir *reader = rundir_open_read(dir, &err);
    assert_non_null(reader);
    rundir_close(reader);
    rundir_close(r);
    r = open_it(dir, spec, &fresh, &err);
    assert_non_null(r);
    rundir_close(r);
}

static void moves_aside(void **state)
{
    char dir[512], *to = NULL;
    struct err err = {0};
    bool fresh;
    snprintf(dir, sizeof(dir), "%s/run", (char *)*state);
    assert_int_equal(rundir_move_aside(dir, &to, &err), 0);
    assert_null(to);
    for (int i = 1; i <= 3; i++) {
        rundir_close(open_it(dir, spec, &fresh, &err));
        assert_true(fresh);
        assert_int_equal(rundir_move_aside(dir, &to, &err), 0);
        assert_string_equal(to, path_of("%s.%d", dir, i));
        assert_int_equal(access(path_of("%s.%d/run.yaml", dir, i), F_OK), 0);
        mem_free(to);
    }
    assert_int_equal(mkdir(dir, 0700), 0);
    file_make(path_of("%s/precious", dir), "", 0);
    assert_int_equal(rundir_move_aside(dir, &to, &err), -1);
    assert_int_equal(err.code, EEXIST);
    assert_null(to);
}

static void removes_old_temporaries(void **state)
{
    char dir[512];
    struct err err = {0};
    bool fresh;
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(dir, sizeof(dir), "%s/run", (char *)*state);
    rundir_close(open_it(dir, spec, &fresh, &err));
    file_make(path_of("%s/results.h5.77.tmp", dir), "x", 1);
    file_make(path_of("%s/status.json.77.tmp", dir), "x", 1);
    assert_int_equal(
        utimensat(AT_FDCWD, path_of("%s/results.h5.77.tmp", dir), old, 0), 0);
    rundir_close(open_it(dir, spec, &fresh, &err));
    assert_int_equal(access(path_of("%s/results.h5.77.tmp", dir), F_OK), -1);
    assert_int_equal(access(path_of("%s/status.json.77.tmp", dir), F_OK), 0);
}

static void places_large_outputs(void **state)
{
    struct err err = {0};
    const char *dir = *state;
    const struct attempt first = {.attempt = 1}, second = {.attempt = 2};
    /* each node has its own */
    const struct attempt start = {
        .index = INDEX_START, .attempt = 1, .node = 7};
    char *path =
        rundir_large_output(dir, "", "starttask", &start, 0, false, &err);
    assert_string_equal(path, "files/.pools/starttask/stdout.1.node7");
    mem_free(path);
    path = rundir_large_output(dir, "scan", "t-1", &second, 1, false, &err);
    assert_string_equal(path, "files/scan/t-1/stderr.2");
    mem_free(path);
    assert_int_equal(access(path_of("%s/files", dir), F_OK), -1);
    for (int i = 0; i < 2; i++) {
        path = rundir_large_output(dir, "scan", "t-1", &first, 0, true, &err);
        assert_string_equal(path, "files/scan/t-1/stdout.1");
        mem_free(path);
    }
    assert_int_equal(mode_of(path_of("%s/files/scan/t-1", dir)), 0700);
    assert_null(rundir_large_output(dir, "..", "t", &first, 0, true, &err));
    assert_int_equal(err.code, EINVAL);
    assert_null(rundir_large_output(dir, "scan", "a/b", &first, 0, true, &err));
    assert_null(rundir_large_output(path_of("%s/no", dir), "a", "b", &first, 0,
                                    true, &err));
    assert_int_equal(err.code, ENOENT);
}

static void survives_lack_of_memory(void **state)
{
    char dir[512];
    struct err err = {0};
    bool fresh;
    struct rundir *r = NULL;
    for (unsigned long k = 1; !r && k < 1000; k++) {
        snprintf(dir, sizeof(dir), "%s/run%lu", (char *)*state, k % 2);
        mem_fail_at(k);
        r = open_it(dir, spec, &fresh, &err);
        mem_fail_at(0);
        if (!r)
            assert_int_equal(err.code, ENOMEM);
    }
    assert_non_null(r);
    rundir_close(r);
    r = NULL;
    for (unsigned long k = 1; !r && k < 1000; k++) {
        mem_fail_at(k);
        r = rundir_open_read(dir, &err);
        mem_fail_at(0);
        if (!r)
            assert_int_equal(err.code, ENOMEM);
    }
    assert_non_null(r);
    rundir_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
        TEST(makes_and_opens_again),    TEST(keeps_any_spec_text),
        TEST(refuses_a_changed_spec),   TEST(shows_the_part_that_differs),
        TEST(refuses_what_is_not_ours), TEST(completes_what_a_crash_left),
        TEST(only_one_may_write),       TEST(moves_aside),
        TEST(removes_old_temporaries),  TEST(places_large_outputs),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
