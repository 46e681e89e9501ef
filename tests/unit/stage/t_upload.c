/* Uploads: names and places, errors that pass and that do not, attempts after
 * attempts, and death at any moment. The linker puts the __wrap_ functions
 * here in front of the system's. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "prng.h"
#include "stage/copy.h"
#include "stage/upload.h"

/* The next so many calls fail. */
static struct {
    int fsyncs, renames, copies;
    int code;
    void (*at_rename)(void); /* before each */
} faults;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from, const char *old, int to, const char *name);
int __wrap_renameat(int from, const char *old, int to, const char *name);
int __real_copy_data(int from, int to, uint64_t bytes, const atomic_bool *stop);
int __wrap_copy_data(int from, int to, uint64_t bytes, const atomic_bool *stop);

static bool fails(int *left)
{
    if (*left == 0)
        return false;
    --*left;
    errno = faults.code;
    return true;
}

int __wrap_fsync(int fd)
{
    return fails(&faults.fsyncs) ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from, const char *old, int to, const char *name)
{
    if (faults.at_rename)
        faults.at_rename();
    return fails(&faults.renames) ? -1 : __real_renameat(from, old, to, name);
}

int __wrap_copy_data(int from, int to, uint64_t bytes, const atomic_bool *stop)
{
    if (faults.copies > 0)
        (void)!write(to, "half", bytes < 4 ? bytes : 4);
    return fails(&faults.copies) ? -1 : __real_copy_data(from, to, bytes, stop);
}

static char here[] = "/tmp/mpibatch-t_upload.XXXXXX";
static char task_dir[256], manifests[256], results[256], other[256];
static struct upload_counts counts;
static enum failure failure;
static struct err err;

static void shell(const char *line)
{
    int rc = system(line);
    if (rc != 0)
        fail_msg("%s: %d", line, rc);
}

static int enter(void **state)
{
    (void)state;
    umask(022);
    if (!mkdtemp(here) || chdir(here) < 0)
        return -1;
    snprintf(task_dir, sizeof(task_dir), "%s/task", here);
    snprintf(manifests, sizeof(manifests), "%s/uploads", here);
    snprintf(results, sizeof(results), "%s/results", here);
    snprintf(other, sizeof(other), "%s/other", here);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof(line), "cd / && rm -rf %s", here);
    return system(line);
}

/* A task's directory with some files, empty containers. */
static int begin(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof(faults));
    shell("rm -rf task uploads results other outside;"
          "mkdir -p task/wd/out/deep task/wd/.hidden results other "
          "outside; cd task; echo o >stdout.txt; echo e >stderr.txt; cd wd;"
          "echo a >a.dat; echo b >b.dat; echo t >t.txt; echo h >.h.dat;"
          "echo x >out/x.dat; echo y >out/deep/y.dat; echo s >.hidden/s.dat;"
          "echo secret >../../outside/secret; chmod 750 t.txt");
    return 0;
}

static int run(const struct upload_set *sets, uint32_t count)
{
    struct upload u = {.task_dir = task_dir,
                       .manifests = manifests,
                       .key = "job.0",
                       .sets = sets,
                       .set_count = count,
                       .pause_ms = 1};
    memset(&counts, 0, sizeof(counts));
    failure = FAILURE_NONE;
    err_clear(&err);
    return upload_run(&u, &counts, &failure, &err);
}

static int run_one(const char *pattern, const char *path)
{
    struct upload_set set = {pattern, results, "results", path};
    return run(&set, 1);
}

/* The files in results, sorted, between blanks. */
static void there(const char *expected)
{
    char got[4096];
    FILE *f = popen("cd results && find . -type f -o -type l |"
                    " sed 's,^[.]/,,' | LC_ALL=C sort | paste -sd' '",
                    "r");
    assert_non_null(f);
    size_t n = fread(got, 1, sizeof(got) - 1, f);
    got[n > 0 ? n - 1 : 0] = '\0';
    pclose(f);
    assert_string_equal(got, expected);
}

static void ended_well(int rc)
{
    if (rc < 0)
        fail_msg("%s", err.text);
}

static void names_are_as_azure_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path, *files;
    } cases[] = {
        {"a.dat", "best.dat", "best.dat"},
        {"a.dat", "sub/dir/best.dat", "sub/dir/best.dat"},
        {"a.dat", "sub/", "sub/a.dat"},
        {"a.dat", NULL, "a.dat"},
        {"out/x.dat", "", "out/x.dat"},
        {"*.dat", "j/t", "j/t/a.dat j/t/b.dat"},
        {"*.dat", "j/t/", "j/t/a.dat j/t/b.dat"},
        {"[ac].dat", NULL, "a.dat"},
        {"[!a].dat", NULL, "b.dat"},
        {"?.*", NULL, "a.dat b.dat t.txt"},
        {".*.dat", NULL, ".h.dat"},
        {"**/*.dat", "p", "p/a.dat p/b.dat p/out/deep/y.dat p/out/x.dat"},
        {"**", "p", "p/a.dat p/b.dat p/out/deep/y.dat p/out/x.dat p/t.txt"},
        {"out/**", NULL, "out/deep/y.dat out/x.dat"},
        {".hidden/*", NULL, ".hidden/s.dat"},
        {"../std*.txt", "logs", "logs/stderr.txt logs/stdout.txt"},
        {"../stdout.txt", "log.txt", "log.txt"},
        {"none*", "p", ""},
        {"none", "p", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(NULL);
        print_message("%s\n", cases[i].pattern);
        ended_well(run_one(cases[i].pattern, cases[i].path));
        there(cases[i].files);
        shell("test ! -e uploads/job.0 || test -n \"$(ls -A results)\"");
    }
    begin(NULL);
    ended_well(run_one("t.txt", "t"));
    shell("cmp task/wd/t.txt results/t; test $(stat -c %a results/t) = 750");
    assert_int_equal(counts.files, 1);
    assert_int_equal(counts.bytes, 2);
    upload_forget(manifests, "job.0");
    upload_forget(manifests, "job.0");
    shell("test -z \"$(ls -A uploads 2>&1)\"");
}

static void later_sets_win(void **state)
{
    (void)state;
    struct upload_set sets[] = {{"a.dat", results, "results", "r"},
                                {"*.dat", other, "other", "r"},
                                {"b.dat", results, "results", "r"},
                                {"t.txt", results, "results", "s"}};
    ended_well(run(sets, 4));
    there("r s");
    shell("test $(cat results/r) = b; test $(cat other/r/a.dat) = a");
    assert_int_equal(counts.files, 4);
}

static void nothing_leads_out(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "../../outside/*",
        "/etc/passwd",
        "out/../../../outside/*",
        "..",
        "../..",
        "out/",
        "",
    };
    static const char *const paths[] = {"../x", "a/../../x", "/x", "a/../b"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        assert_int_equal(run_one(patterns[i], "p"), -1);
        assert_int_equal(err.code, EINVAL);
        assert_int_equal(failure, FAILURE_UPLOAD_MISC);
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(run_one("a.dat", paths[i]), -1);
        assert_int_equal(err.code, EINVAL);
    }
    there("");
    shell("ln -s ../../outside results/out; ln -s sub results/in;"
          "mkdir results/sub");
    assert_int_equal(run_one("a.dat", "out/a"), -1);
    ended_well(run_one("a.dat", "in/a"));
    shell("test -f results/sub/a; test $(ls outside) = secret");
}

static void links_out_are_left(void **state)
{
    (void)state;
    shell("cd task/wd; ln -s ../../outside/secret l1.dat;"
          "ln -s ../../outside out/dir; ln -s a.dat inside.dat;"
          "ln -s $PWD/b.dat absolute.dat; ln -s /etc/passwd l2.dat;"
          "ln -s circle circle.dat; ln -s circle.dat circle; mkfifo f.dat;"
          "ln -s nothing n.dat");
    ended_well(run_one("*.dat", "p"));
    there("p/a.dat p/absolute.dat p/b.dat p/inside.dat");
    assert_int_equal(counts.links_left, 2);
    assert_string_equal(counts.link_left, "l1.dat");
    shell("test $(cat results/p/absolute.dat) = b;"
          "test ! -L results/p/inside.dat");
    begin(NULL);
    shell("ln -s ../../../outside task/wd/out/dir");
    ended_well(run_one("out/dir/*", "p"));
    there("");
    assert_int_equal(counts.links_left, 1);
    shell("rm -r task/wd; ln -s ../outside task/wd");
    ended_well(run_one("*", "p"));
    there("");
    shell("rm task/wd");
    ended_well(run_one("*", "p"));
    there("");
}

static void what_passes_is_tried_again(void **state)
{
    (void)state;
    static const int codes[] = {EIO, ESTALE, EAGAIN, EINTR, ETIMEDOUT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        begin(NULL);
        faults.code = codes[i];
        faults.fsyncs = faults.copies = faults.renames = 2;
        ended_well(run_one("*.dat", "p"));
        there("p/a.dat p/b.dat");
        shell("test $(cat results/p/a.dat) = a");
        assert_int_equal(counts.retries, 6);
        begin(NULL);
        faults.code = codes[i];
        faults.copies = 1000;
        assert_int_equal(run_one("*.dat", "p"), -1);
        assert_int_equal(err.code, codes[i]);
        assert_int_equal(failure, codes[i] == ETIMEDOUT
                                      ? FAILURE_UPLOAD_TIMED_OUT
                                      : FAILURE_UPLOAD_MISC);
        assert_int_equal(counts.retries, UPLOAD_RETRIES);
        there("");
    }
}

static void what_does_not_pass_is_told_at_once(void **state)
{
    (void)state;
    faults.code = ENOSPC;
    faults.copies = 1;
    assert_int_equal(run_one("*.dat", "p"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_MISC);
    assert_string_equal(err.text, "the container results is full: cannot "
                                  "store \"p/a.dat\": No space left on "
                                  "device");
    assert_int_equal(counts.retries, 0);
    there("");
    faults.code = EDQUOT;
    faults.fsyncs = 1;
    assert_int_equal(run_one("*.dat", "p"), -1);
    assert_non_null(strstr(err.text, "the container results is full"));
    there("");
    faults.code = EACCES;
    faults.renames = 1;
    assert_int_equal(run_one("*.dat", "p"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_ACCESS_DENIED);
    shell("rm -r results");
    assert_int_equal(run_one("*.dat", "p"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_CONTAINER_NOT_FOUND);
    shell("echo >results");
    assert_int_equal(run_one("none", "p"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_CONTAINER_NOT_FOUND);
    shell("rm results; mkdir -p results/p/a.dat");
    assert_int_equal(run_one("a.dat", "p/a.dat"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_MISC);
    shell("mkdir -p results/q; echo >results/q/f");
    assert_int_equal(run_one("a.dat", "q/f/a"), -1);
    assert_int_equal(failure, FAILURE_UPLOAD_MISC);
    atomic_bool stop = true;
    struct upload_set set = {"a.dat", results, "results", "c"};
    struct upload u = {.task_dir = task_dir,
                       .manifests = manifests,
                       .key = "job.0",
                       .sets = &set,
                       .set_count = 1,
                       .stop = &stop};
    assert_int_equal(upload_run(&u, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    shell("test -z \"$(find results -name '.*mpibatch*')\"");
}

static void an_attempt_removes_what_was_left(void **state)
{
    (void)state;
    ended_well(run_one("**/*.dat", "p"));
    there("p/a.dat p/b.dat p/out/deep/y.dat p/out/x.dat");
    /* somebody else's now: it stays */
    shell("echo other >results/p/b.dat");
    shell("rm task/wd/b.dat task/wd/out/x.dat; echo 2 >task/wd/a.dat");
    ended_well(run_one("**/*.dat", "p"));
    there("p/a.dat p/b.dat p/out/deep/y.dat");
    shell("test $(cat results/p/a.dat) = 2; test $(cat results/p/b.dat) = "
          "other");
    assert_int_equal(counts.removed, 1);
    ended_well(run(NULL, 0));
    there("p/b.dat");
    assert_int_equal(counts.removed, 2);
    shell("test -z \"$(ls -A uploads 2>&1)\"");
    /* a container that has gone, a manifest that is cut, one that is none */
    struct upload_set set = {"*.dat", other, "other", "p"};
    ended_well(run(&set, 1));
    shell("rm -r other; mkdir other");
    ended_well(run_one("a.dat", "x"));
    there("p/b.dat x");
    shell("truncate -s -5 uploads/job.0");
    ended_well(run_one("a.dat", "y"));
    shell("echo hello >uploads/job.0");
    assert_int_equal(run_one("a.dat", "y"), -1);
    assert_int_equal(err.code, EPROTO);
}

static void another_begins(void)
{
    faults.at_rename = NULL;
    shell("rm -rf task2; cp -r task task2; echo 2 >task2/wd/a.dat;"
          "rm task2/wd/b.dat");
    char dir[300];
    snprintf(dir, sizeof(dir), "%s/task2", here);
    struct upload_set set = {"*.dat", results, "results", "p"};
    struct upload u = {.task_dir = dir,
                       .manifests = manifests,
                       .key = "job.0",
                       .sets = &set,
                       .set_count = 1};
    ended_well(upload_run(&u, NULL, NULL, &err));
}

/* A rank that was given up for lost stores on while the task runs again. */
static void of_two_at_once_the_later_wins(void **state)
{
    (void)state;
    struct stat st;
    faults.code = EIO;
    faults.fsyncs = 0;
    /* the other one comes between copying and renaming: at the manifest, which
     * is replaced by a rename of its own, we are too late to see it */
    faults.at_rename = another_begins;
    (void)!run_one("*.dat", "p");
    assert_int_equal(lstat("results/p/a.dat", &st), 0);
    shell("test -z \"$(find results -name '.*mpibatch*')\"");
    ended_well(run_one("*.dat", "p"));
    there("p/a.dat p/b.dat");
}

/* The file of one letter that a round makes: each letter has its length. */
static uint64_t lengths['z' + 1];

static void make_file(const char *path, char letter)
{
    size_t length = (size_t)lengths[(unsigned char)letter];
    char *data = malloc(length);
    assert_non_null(data);
    memset(data, letter, length);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, data, length), 0);
    close(fd);
    free(data);
}

/* Each file that has its name is of one letter, and of full length. */
static void all_whole(const char *folder)
{
    glob_t found;
    struct err failed;
    char pattern[300];
    snprintf(pattern, sizeof(pattern), "%s/f*", folder);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        assert_int_equal(file_read(found.gl_pathv[i], &b, &failed), 0);
        assert_true(b.len > 0);
        unsigned char letter = (unsigned char)b.data[0];
        assert_in_range(letter, 'a', 'z');
        assert_int_equal(b.len, lengths[letter]);
        assert_memory_equal(b.data, b.data + 1, b.len - 1);
        buf_fini(&b);
    }
    globfree(&found);
}

/* Attempts that are killed at any moment, and one that is not: its files are
 * there, and only they; at all times each is whole. */
static void death_leaves_nothing_half(void **state)
{
    (void)state;
    struct prng rng = {11};
    int killed = 0;
    for (int round = 0; round < 100; round++) {
        int files = 3 + (int)prng_below(&rng, 10);
        char path[300], letter = (char)('a' + round % 26);
        lengths[(unsigned char)letter] = 1000 + prng_below(&rng, 300000);
        shell("rm -f task/wd/f*");
        for (int i = 1; i <= files; i++) {
            snprintf(path, sizeof(path), "task/wd/f%d.%d", i, round % 3);
            make_file(path, letter);
        }
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(run_one("f*", "p") == 0 ? 0 : 1);
        usleep(prng_below(&rng, 6000));
        kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status);
        all_whole("results/p");
        if (round % 4 != 3)
            continue;
        ended_well(run_one("f*", "p"));
        all_whole("results/p");
        shell("diff -r results/p task/wd --exclude='[!f]*' --exclude='.*' &&"
              "test $(ls -A results/p | wc -l) = $(ls task/wd/f* | wc -l)");
    }
    assert_true(killed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_are_as_azure_has_them, begin),
        cmocka_unit_test_setup(later_sets_win, begin),
        cmocka_unit_test_setup(nothing_leads_out, begin),
        cmocka_unit_test_setup(links_out_are_left, begin),
        cmocka_unit_test_setup(what_passes_is_tried_again, begin),
        cmocka_unit_test_setup(what_does_not_pass_is_told_at_once, begin),
        cmocka_unit_test_setup(an_attempt_removes_what_was_left, begin),
        cmocka_unit_test_setup(of_two_at_once_the_later_wins, begin),
        cmocka_unit_test_setup(death_leaves_nothing_half, begin),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
