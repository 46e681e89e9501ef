/* Tests of stage/remove: links, unwritable folders, depth, width, mounts, names
 * like ours, another user's folder. */
#include "config.h"

#include "folder.h"

#include <sys/resource.h>

#include "stage/remove.h"

static void removed(const char *folder, const char *name)
{
    struct err err = {0};
    int fd = open_dir(folder);
    int rc = remove_tree(fd, name, folder, &err);
    if (rc < 0)
        print_message("# %s\n", err.text);
    assert_int_equal(rc, 0);
    assert_false(exists(path_of("%s/%s", folder, name)));
    close(fd);
}

static void simple(void **state)
{
    const char *dir = *state;
    struct err err;
    removed(dir, "nothing");
    put_file(path_of("%s/file", dir), "x", 0400);
    removed(dir, "file");
    assert_int_equal(mkdir(path_of("%s/out", dir), 0700), 0);
    put_file(path_of("%s/out/stays", dir), "x", 0600);
    assert_int_equal(symlink("out", path_of("%s/link", dir)), 0);
    removed(dir, "link");
    assert_int_equal(
        shell("cd %s && mkdir -p t/a/b/c t/.removed-0/d t/.removed-1 && "
              "touch t/a/x t/a/b/c/y t/.removed-0/d/z t/.removed-2 && "
              "mkfifo t/p && ln -s ../out t/l && ln -s / t/a/root && "
              "ln out/stays t/a/b/hard && ln -s loop t/loop && "
              "mkdir -p t/a/.removed-3/e/f t/a/.removed-3/e/g/h && "
              "touch \"t/a/$(printf 'new\\nline \\377')\"",
              dir),
        0);
    static const atomic_bool stop = true, go_on = false;
    int fd = open_dir(dir);
    assert_int_equal(remove_tree_until(fd, "t", dir, &stop, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    assert_true(exists(path_of("%s/t/a/b/c/y", dir)));
    assert_int_equal(mkdir(path_of("%s/u", dir), 0700), 0);
    put_file(path_of("%s/u/x", dir), "x", 0600);
    assert_int_equal(remove_tree_until(fd, "u", dir, &go_on, &err), 0);
    assert_false(exists(path_of("%s/u", dir)));
    close(fd);
    removed(dir, "t");
    assert_true(exists(path_of("%s/out/stays", dir)));
    fd = open_dir(dir);
    assert_int_equal(remove_tree(fd, "out/stays/x", dir, &err), -1);
    assert_int_equal(err.code, ENOTDIR);
    assert_non_null(strstr(err.text, "out/stays/x"));
    close(fd);
}

/* As a user who is not root: modes matter. */
static void as_user(void (*test)(const char *dir), const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (chown(dir, 65534, 65534) < 0 ||
                               setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        test(dir);
        _exit(0);
    }
    child_ended(pid);
}

static void closed_folders(const char *dir)
{
    struct err err;
    MUST(shell("cd %s && mkdir -p t/a/b/c t/d/e/f t/g/h && touch t/a/b/c/x "
               "t/d/y t/g/h/z && chmod 000 t/a/b/c t/a/b t/d/e/f && "
               "chmod 500 t/a t/d/e && chmod 300 t/g/h && chmod 100 t/g && "
               "chmod 444 t",
               dir) == 0);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    MUST(remove_tree(fd, "t", dir, &err) == 0);
    MUST(!exists(path_of("%s/t", dir)));
}

static void closed(void **state)
{
    as_user(closed_folders, *state);
}

/* What another user made in it stays, and the rest goes. */
static void foreign(const char *dir)
{
    struct err err;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    MUST(remove_tree(fd, "t", dir, &err) == -1);
    MUST(err.code == EACCES);
    MUST(strstr(err.text, "\"x\""));
    MUST(exists(path_of("%s/t/theirs/x", dir)));
    MUST(!exists(path_of("%s/t/a", dir)) && !exists(path_of("%s/t/z", dir)));
}

static void other_user(void **state)
{
    const char *dir = *state;
    if (geteuid() != 0) {
        LEFT_OUT("another user needs root");
        return;
    }
    assert_int_equal(shell("cd %s && mkdir -p t/a/b t/theirs t/z && "
                           "touch t/a/b/x t/theirs/x && "
                           "chown -R 65534:65534 t && chown -R 0:0 t/theirs && "
                           "chmod 755 t/theirs",
                           dir),
                     0);
    as_user(foreign, dir);
    assert_int_equal(shell("rm -r %s/t", dir), 0);
}

/* Deeper than any path, than any stack, with few files open. */
static void deep(void **state)
{
    enum { DEPTH = 20000 };
    const char *dir = *state;
    const struct rlimit few = {.rlim_cur = 24, .rlim_max = 1024};
    struct rlimit old;
    int fd = open_dir(dir);
    assert_int_equal(mkdirat(fd, "t", 0700), 0);
    int at = openat(fd, "t", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < DEPTH; i++) {
        int file = openat(at, "f", O_WRONLY | O_CREAT, 0600);
        assert_true(file >= 0);
        close(file);
        assert_int_equal(mkdirat(at, "d", i % 100 ? 0700 : 0500), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    close(fd);
    getrlimit(RLIMIT_NOFILE, &old);
    setrlimit(RLIMIT_NOFILE, &few);
    removed(dir, "t");
    setrlimit(RLIMIT_NOFILE, &old);
}

static long max_rss_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* Many entries: memory does not grow. (A million of them, the same way: 6 s.)
 */
static void wide(void **state)
{
    enum { FOLDERS = 40, FILES = 1000 };
    const char *dir = *state;
    char name[32];
    int fd = open_dir(dir);
    assert_int_equal(mkdirat(fd, "t", 0700), 0);
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof(name), "t/%d", i);
        assert_int_equal(mkdirat(fd, name, 0700), 0);
        int in = openat(fd, name, O_RDONLY | O_DIRECTORY);
        for (int k = 0; k < FILES; k++) {
            snprintf(name, sizeof(name), "%d", k);
            assert_int_equal(k % 50 ? mknodat(in, name, S_IFREG | 0600, 0)
                                    : mkdirat(in, name, 0700),
                             0);
        }
        close(in);
    }
    close(fd);
    long before = max_rss_kib();
    removed(dir, "t");
    assert_true(max_rss_kib() - before < 1024);
}

/* A file system that is mounted in it is left alone. */
static void mounted(void **state)
{
    const char *dir = *state;
    struct err err;
    pid_t pid = fork();
    if (pid == 0) {
        if (!own_mounts()) {
            LEFT_OUT("mounting needs root");
            _exit(0);
        }
        MUST(shell("cd %s && mkdir -p t/a/m t/a/same t/b same && touch t/b/x "
                   "same/x && mount -t tmpfs none t/a/m && touch t/a/m/kept "
                   "&& mount --bind same t/a/same",
                   dir) == 0);
        int fd = open(dir, O_RDONLY | O_DIRECTORY);
        MUST(remove_tree(fd, "t", dir, &err) == -1);
        MUST(err.code == EBUSY);
        MUST(exists(path_of("%s/same/x", dir)));
        MUST(!exists(path_of("%s/t/b", dir)));
        MUST(shell("cd %s && find t -name kept | grep -q . && "
                   "umount $(awk '$2 ~ /\\/t\\// { print $2 }' /proc/mounts)",
                   dir) == 0);
        MUST(remove_tree(fd, "t", dir, &err) == 0);
        MUST(shell("mkdir %s/m && mount -t tmpfs none %s/m && touch %s/m/x",
                   dir, dir, dir) == 0);
        MUST(remove_tree(fd, "m", dir, &err) == -1 && err.code == EBUSY);
        MUST(exists(path_of("%s/m/x", dir)));
        _exit(0);
    }
    child_ended(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple),  cmocka_unit_test(closed),
        cmocka_unit_test(deep),    cmocka_unit_test(wide),
        cmocka_unit_test(mounted), cmocka_unit_test(other_user),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
