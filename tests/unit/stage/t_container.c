/* Many files into a folder: on file systems that lack what others have, with
 * errors at any call, stopped, twice at once. The linker puts the __wrap_
 * functions in place of the system's. */
#include "config.h"
#include "stage/container.h"

#include "base/mem.h"
#include "folder.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>

static bool no_tmpfile, no_copying;
static int fsync_errno;
static atomic_bool stop;
static bool stop_at_fsync;

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
ssize_t __real_copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at,
                               size_t len, unsigned flags);
ssize_t __wrap_copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at,
                               size_t len, unsigned flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
    if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_openat(dir, name, flags, mode);
}

ssize_t __wrap_copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at,
                               size_t len, unsigned flags)
{
    if (no_copying) {
        errno = EXDEV;
        return -1;
    }
    return __real_copy_file_range(in, in_at, out, out_at, len, flags);
}

int __wrap_fsync(int fd)
{
    if (stop_at_fsync)
        atomic_store(&stop, true);
    if (fsync_errno == 0)
        return __real_fsync(fd);
    errno = fsync_errno;
    return -1;
}

/* ---- Copying ---- */

static char said[2 * ERR_TEXT_MAX];

static void failed(void *arg, const struct container_item *item,
                   const struct err *err)
{
    (void)arg;
    snprintf(said, sizeof(said), "%.99s: %s", item->to, err->text);
}

struct outcome {
    unsigned files, same, failures;
    uint64_t bytes, written;
};

/* Copy from the folder ROOT/from to ROOT/to. */
static struct outcome copy(const char *root, const struct container_item *items,
                           size_t count, bool all)
{
    struct container_progress p = {0};
    struct err err;
    struct container_copy c = {.from = open_dir(path_of("%s/from", root)),
                               .to = open_dir(path_of("%s/to", root)),
                               .items = items,
                               .count = count,
                               .threads = 4,
                               .all = all,
                               .stop = &stop,
                               .failed = failed};
    said[0] = '\0';
    assert_int_equal(container_copy(&c, &p, &err), 0);
    assert_true(atomic_load(&p.ended));
    close(c.from);
    close(c.to);
    return (struct outcome){.files = (unsigned)atomic_load(&p.files),
                            .same = (unsigned)atomic_load(&p.same),
                            .failures = (unsigned)atomic_load(&p.failures),
                            .bytes = atomic_load(&p.bytes),
                            .written = atomic_load(&p.written)};
}

static int setup(void **state)
{
    int rc = folder_setup(state);
    no_tmpfile = no_copying = stop_at_fsync = false;
    fsync_errno = 0;
    atomic_store(&stop, false);
    if (rc == 0)
        rc = mkdir(path_of("%s/from", (char *)*state), 0700) |
             mkdir(path_of("%s/to", (char *)*state), 0700);
    return rc;
}

static const struct container_item two[] = {{"a", "x/a", 2}, {"b", "b", 3}};

static void two_files(const char *root)
{
    put_file(path_of("%s/from/a", root), "A\n", 0640);
    put_file(path_of("%s/from/b", root), "BB\n", 0444);
}

/* The same whatever the file system can do. */
static void on_any_file_system(void **state)
{
    const char *root = *state;
    two_files(root);
    for (int i = 0; i < 4; i++) {
        no_tmpfile = i & 1;
        no_copying = i & 2;
        struct outcome o = copy(root, two, 2, i > 0);
        assert_int_equal(o.files, 2);
        assert_int_equal(o.same, 0);
        assert_int_equal(o.failures, 0);
        assert_int_equal(o.bytes, 5);
        assert_int_equal(o.written, 5);
        assert_string_equal(file_text(path_of("%s/to/x/a", root)), "A\n");
        assert_string_equal(file_text(path_of("%s/to/b", root)), "BB\n");
        assert_int_equal(shell("test $(find %s/to -type f | wc -l) = 2", root),
                         0);
        o = copy(root, two, 2, false);
        assert_int_equal(o.same, 2);
        assert_int_equal(o.files, 2);
        assert_int_equal(o.bytes, 5);
        assert_int_equal(o.written, 0);
    }
}

/* What has failed leaves what was there, and nothing beside it. */
static void errors_leave_nothing(void **state)
{
    const char *root = *state;
    two_files(root);
    put_file(path_of("%s/to/b", root), "an old one", 0600);
    fsync_errno = EIO;
    for (int i = 0; i < 2; i++) {
        no_tmpfile = i == 1;
        struct outcome o = copy(root, two, 2, false);
        assert_int_equal(o.files, 0);
        assert_int_equal(o.failures, 2);
        assert_int_equal(o.bytes, 0);
        assert_int_equal(o.written, 0);
        assert_non_null(strstr(said, "cannot write it: Input/output error"));
        assert_string_equal(file_text(path_of("%s/to/b", root)), "an old one");
        assert_int_equal(shell("test $(find %s/to -type f | wc -l) = 1", root),
                         0);
    }
}

/* Where files have names from the start: what a killed process has begun is
 * overwritten, what another one writes is left alone. */
static void parts_of_others(void **state)
{
    const char *root = *state;
    char name[PATH_MAX] = "";
    two_files(root);
    no_tmpfile = true;
    /* what it is called is a function of the file's name */
    struct container_item one = {"b", "b", 3};
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    h = (h ^ 'b') * UINT64_C(0x100000001b3);
    snprintf(name, sizeof(name), "%s/to/" CONTAINER_PART "%016llx", root,
             (unsigned long long)h);
    put_file(name, "a longer text of a killed one", 0600);
    assert_int_equal(copy(root, &one, 1, false).files, 1);
    assert_string_equal(file_text(path_of("%s/to/b", root)), "BB\n");
    assert_false(exists(name));

    put_file(name, "another one's", 0600);
    int fd = open(name, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct outcome o = copy(root, &one, 1, true);
    assert_int_equal(o.failures, 1);
    assert_non_null(strstr(said, "somebody else is writing it just now"));
    assert_string_equal(file_text(name), "another one's");
    close(fd);
}

static void links_and_folders(void **state)
{
    const char *root = *state;
    two_files(root);
    assert_int_equal(shell("cd %s && ln -s b from/in && ln -s /etc/passwd "
                           "from/out && mkdir -p to/b outside && ln -s "
                           "../outside to/x && mkfifo from/pipe",
                           root),
                     0);
    struct container_item link = {"in", "link", 3};
    assert_int_equal(copy(root, &link, 1, false).files, 1);
    assert_string_equal(file_text(path_of("%s/to/link", root)), "BB\n");
    struct container_item out = {"out", "out", 3};
    assert_int_equal(copy(root, &out, 1, false).failures, 1);
    assert_non_null(strstr(said, "out: cannot open out"));
    assert_int_equal(copy(root, two, 1, false).failures, 1);
    assert_non_null(strstr(said, "a folder on the way to x/a is a link"));
    assert_int_equal(copy(root, two + 1, 1, false).failures, 1);
    assert_non_null(strstr(said, "b is a folder there"));
    struct container_item gone = {"gone", "gone", 3};
    assert_int_equal(copy(root, &gone, 1, false).failures, 1);
    assert_non_null(strstr(said, "gone: cannot open gone: No such file"));
    struct container_item pipe = {"pipe", "pipe", 3};
    assert_int_equal(copy(root, &pipe, 1, false).failures, 1);
    assert_non_null(strstr(said, "pipe is no regular file"));
    assert_int_equal(shell("test -z \"$(ls %s/outside)\"", root), 0);
}

/* One that runs ends; no other begins. */
static void stops(void **state)
{
    enum { MANY = 500 };
    static struct container_item items[MANY];
    static char names[MANY][16];
    const char *root = *state;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        put_file(path_of("%s/from/%d", root, i), names[i], 0600);
        items[i] = (struct container_item){names[i], names[i], 1};
    }
    stop_at_fsync = true;
    struct outcome o = copy(root, items, MANY, false);
    assert_true(o.files >= 1 && o.files <= 8); /* threads */
    assert_int_equal(o.failures, 0);
    stop_at_fsync = false;
    atomic_store(&stop, false);
    struct outcome more = copy(root, items, MANY, false);
    assert_int_equal(more.files, MANY);
    assert_int_equal(more.same, o.files);
}

/* A file that is written to while it is read is not taken. */
static void changes(void **state)
{
    const char *root = *state;
    struct container_item one = {"big", "big", 0};
    put_file(path_of("%s/from/big", root), "x", 0600);
    assert_int_equal(truncate(path_of("%s/from/big", root), 64 << 20), 0);
    no_copying = true;
    pid_t pid = fork();
    if (pid == 0)
        for (;;) {
            int fd = open(path_of("%s/from/big", root), O_WRONLY | O_APPEND);
            if (write(fd, "y", 1) != 1)
                _exit(1);
            close(fd);
            usleep(1000);
        }
    struct outcome o = copy(root, &one, 1, false);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(o.failures, 1);
    assert_non_null(strstr(said, "it was changed while it was copied"));
    assert_false(exists(path_of("%s/to/big", root)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(on_any_file_system, setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(errors_leave_nothing, setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(parts_of_others, setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(links_and_folders, setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(stops, setup, folder_teardown),
        cmocka_unit_test_setup_teardown(changes, setup, folder_teardown),
    };
    return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
