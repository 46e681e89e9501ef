/* Tests of stage/place and stage/copy: paths, modes, links, what replaces what,
 * entries that are gone, full disks, reflinks on a real XFS. */
#include "config.h"

#include "folder.h"

#include <time.h>

#include "stage/cache.h"
#include "stage/cache_parts.h"
#include "stage/copy.h"
#include "stage/place.h"

/* An entry of a cache in DIR/cache with this content; its path. */
static const char *entry_of(const char *dir, const void *data, size_t len)
{
    static char path[PATH_MAX];
    struct err err;
    const struct cache_config config = {.max_bytes = UINT64_C(1) << 40};
    const char *cache = path_of("%s/cache", dir);
    mkdir(cache, 0700);
    struct cache *c = cache_open(cache, &config, &err);
    struct partial *p = c ? cache_begin(c, len, &err) : NULL;
    if (!p || cache_append(p, data, len, &err) < 0 ||
        cache_commit(p, NULL, NULL, path, &err) < 0) {
        print_message("# %s\n", err.text);
        return NULL;
    }
    cache_close(c);
    return path;
}

static void paths(void **state)
{
    const char *dir = *state;
    struct err err;
    enum place_how how;
    struct stat st;
    const char *entry = entry_of(dir, "content", 7);
    int fd = open_dir(dir);
    static const char *const good[] = {
        "a", "sub/dir/b", "./c", "d//e/./f/", "\n\377 *", "...", "..x/..y"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *at = path_of("%s/%s", dir, good[i]);
        assert_int_equal(
            place_file(entry, 7, fd, good[i], 0640, NULL, &how, &err), 0);
        if (strcmp(good[i], "d//e/./f/") == 0)
            at = path_of("%s/d/e/f", dir);
        assert_string_equal(file_text(at), "content");
        assert_int_equal(stat(at, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_true(how == PLACE_COPY || how == PLACE_REFLINK);
    }
    assert_int_equal(stat(path_of("%s/sub/dir", dir), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(symlink("/tmp", path_of("%s/out", dir)), 0);
    assert_int_equal(symlink("sub", path_of("%s/in", dir)), 0);
    assert_int_equal(mkfifo(path_of("%s/fifo", dir), 0600), 0);
    char longest[3000];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    const struct {
        const char *path;
        int code;
    } bad[] = {
        {"", EINVAL},        {".", EINVAL},         {"/abs", EINVAL},
        {"../x", EINVAL},    {"a/../../x", EINVAL}, {"sub/..", EINVAL},
        {"out/x", ELOOP},    {"in/dir/x", ELOOP},   {"a/x", ENOTDIR},
        {"fifo/x", ENOTDIR}, {"sub", EISDIR},       {longest, ENAMETOOLONG}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int rc = place_file(entry, 7, fd, bad[i].path, 0640, NULL, &how, &err);
        if (rc == 0 || err.code != bad[i].code)
            print_message("# %.20s: %d %s\n", bad[i].path, err.code, err.text);
        assert_int_equal(rc, -1);
        assert_int_equal(err.code, bad[i].code);
        assert_true(strlen(bad[i].path) > 1000 ||
                    strstr(err.text, bad[i].path));
    }
    /* a link in its place is replaced, not followed; so is a file */
    put_file(path_of("%s/file", dir), "old", 0400);
    assert_int_equal(symlink("file", path_of("%s/link", dir)), 0);
    assert_int_equal(place_file(entry, 7, fd, "link", 0600, NULL, NULL, &err),
                     0);
    assert_string_equal(file_text(path_of("%s/file", dir)), "old");
    assert_string_equal(file_text(path_of("%s/link", dir)), "content");
    assert_int_equal(place_file(entry, 7, fd, "file", 0600, NULL, NULL, &err),
                     0);
    assert_string_equal(file_text(path_of("%s/file", dir)), "content");
    assert_int_equal(place_file(entry, 7, fd, "fifo", 0600, NULL, NULL, &err),
                     0);
    assert_int_equal(place_file(entry, 7, fd, "x", 04755, NULL, NULL, &err),
                     -1);
    assert_int_equal(err.code, EINVAL);
    close(fd);
}

static void gone(void **state)
{
    const char *dir = *state;
    struct err err;
    const char *entry = entry_of(dir, "content", 7);
    int fd = open_dir(dir);
    assert_int_equal(place_file(entry, 8, fd, "a", 0600, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ESTALE);
    assert_int_equal(shell("chmod u+w %s && printf CONTENT >%s", entry, entry),
                     0);
    assert_int_equal(place_file(entry, 7, fd, "a", 0600, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ESTALE);
    unlink(entry);
    assert_int_equal(place_file(entry, 7, fd, "a", 0600, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ESTALE);
    assert_false(exists(path_of("%s/a", dir)));
    close(fd);
}

static ino_t inode(const char *path, mode_t mode)
{
    struct stat st;
    MUST(stat(path, &st) == 0);
    MUST((st.st_mode & 07777) == mode);
    return st.st_ino;
}

static void links_of_user(const char *dir)
{
    struct err err;
    enum place_how how;
    const char *entry = entry_of(dir, "content", 7);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    MUST(entry && fd >= 0);
    MUST(place_file(entry, 7, fd, "w", 0770, NULL, &how, &err) == 0);
    MUST(how != PLACE_LINK);
    MUST(place_file(entry, 7, fd, "r", 0550, NULL, &how, &err) == 0);
    MUST(how == PLACE_LINK);
    ino_t shared = inode(entry, 0550);
    MUST(inode(path_of("%s/r", dir), 0550) == shared);
    MUST(inode(path_of("%s/w", dir), 0770) != shared);
    /* the second with that mode, and over the first */
    MUST(place_file(entry, 7, fd, "sub/r2", 0550, NULL, &how, &err) == 0);
    MUST(how == PLACE_LINK);
    MUST(place_file(entry, 7, fd, "r", 0550, NULL, &how, &err) == 0);
    MUST(how == PLACE_LINK);
    MUST(inode(path_of("%s/r", dir), 0550) == shared);
    /* another mode: not shared while somebody has it */
    MUST(place_file(entry, 7, fd, "r4", 0400, NULL, &how, &err) == 0);
    MUST(how != PLACE_LINK);
    MUST(inode(path_of("%s/r4", dir), 0400) != shared);
    MUST(inode(entry, 0550) == shared);
    unlink(path_of("%s/r", dir));
    unlink(path_of("%s/sub/r2", dir));
    MUST(place_file(entry, 7, fd, "r4", 0400, NULL, &how, &err) == 0);
    MUST(how == PLACE_LINK);
    /* a task that writes to it all the same: the next one is told */
    MUST(shell("cd %s && chmod u+w r4 && echo evil >r4", dir) == 0);
    MUST(place_file(entry, 7, fd, "r5", 0400, NULL, &how, &err) == -1);
    MUST(err.code == ESTALE);
}

static void links(void **state)
{
    const char *dir = *state;
    struct err err;
    enum place_how how;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0)
            MUST(chown(dir, 65534, 65534) == 0 && setgid(65534) == 0 &&
                 setuid(65534) == 0);
        links_of_user(dir);
        _exit(0);
    }
    child_ended(pid);
    if (geteuid() == 0) { /* whose tasks may write to anything */
        const char *entry = entry_of(dir, "root's", 6);
        int fd = open_dir(dir);
        assert_int_equal(place_file(entry, 6, fd, "r0", 0444, NULL, &how, &err),
                         0);
        assert_int_not_equal(how, PLACE_LINK);
        close(fd);
    }
}

/* Whatever the sizes and holes, a copy is the same. */
static void copies(void **state)
{
    const char *dir = *state;
    static char data[300000], got[sizeof(data)];
    struct stat a, b;
    const size_t sizes[] = {0, 1, 4096, 16384, 16385, 300000};
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 31 >> 3);
    memset(data + 20000, 0, 200000);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i];
        int to = open(path_of("%s/to", dir), O_RDWR | O_CREAT | O_TRUNC, 0600);
        const char *entry = entry_of(dir, data, n);
        int from = open(entry, O_RDONLY);
        assert_int_equal(copy_data(from, to, n, NULL), 0);
        assert_int_equal(pread(to, got, sizeof(got), 0), n);
        assert_memory_equal(got, data, n);
        assert_int_equal(fstat(from, &a), 0);
        assert_int_equal(fstat(to, &b), 0);
        assert_true(b.st_blocks <= a.st_blocks + 16);
        if (n > 0)
            assert_int_equal(copy_data(from, to, n + 1, NULL), -1);
        close(from);
        close(to);
    }
    /* a terabyte of nothing, and a byte behind it */
    int from = open(path_of("%s/huge", dir), O_RDWR | O_CREAT, 0600);
    int to = open(path_of("%s/to", dir), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const off_t tera = (off_t)1 << 40;
    assert_int_equal(pwrite(from, "x", 1, tera), 1);
    assert_int_equal(copy_data(from, to, (uint64_t)tera + 1, NULL), 0);
    assert_int_equal(fstat(to, &b), 0);
    assert_int_equal(b.st_size, tera + 1);
    assert_true(b.st_blocks < 1000);
    assert_int_equal(pread(to, got, 1, tera), 1);
    assert_int_equal(got[0], 'x');
    close(from);
    close(to);
}

/* A small file system of its own: 0, or why it cannot be. */
static const char *mount_small(const char *dir, const char *how)
{
    if (!own_mounts())
        return "mounting needs root";
    return shell("cd %s && mkdir -p m && %s", dir, how) == 0
               ? NULL
               : "no such file system here";
}

static void full_disk(void **state)
{
    const char *dir = *state;
    static char data[3 << 20];
    struct err err;
    memset(data, 'x', sizeof(data));
    pid_t pid = fork();
    if (pid == 0) {
        const char *why = mount_small(dir, "mount -t tmpfs -o size=1m none m");
        if (why) {
            LEFT_OUT(why);
            _exit(0);
        }
        const char *entry = entry_of(dir, data, sizeof(data));
        int fd = open(path_of("%s/m", dir), O_RDONLY | O_DIRECTORY);
        MUST(place_file(entry, sizeof(data), fd, "sub/big", 0600, NULL, NULL,
                        &err) == -1); /* from one file system to another, too */
        MUST(err.code == ENOSPC);
        MUST(strstr(err.text, "sub/big"));
        MUST(!exists(path_of("%s/m/sub/big", dir))); /* no half file */
        entry = entry_of(dir, data, 1000);
        MUST(place_file(entry, 1000, fd, "sub/small", 0600, NULL, NULL, &err) ==
             0);
        /* so is a cache on it */
        MUST(mkdir(path_of("%s/m/c", dir), 0700) == 0);
        const struct cache_config config = {.max_bytes = 10 << 20,
                                            .reserve_bytes = 100 << 10};
        struct cache *c = cache_open(path_of("%s/m/c", dir), &config, &err);
        MUST(c && !cache_begin(c, 1000 << 10, &err));
        MUST(err.code == ENOSPC && strstr(err.text, "pool.scratch_reserve"));
        struct partial *p = cache_begin(c, 700 << 10, &err);
        MUST(p && cache_append(p, data, 700 << 10, &err) == 0);
        MUST(cache_commit(p, NULL, NULL, NULL, &err) == 0);
        /* the first goes for the second */
        data[0] = 'y';
        p = cache_begin(c, 700 << 10, &err);
        MUST(p && cache_append(p, data, 700 << 10, &err) == 0);
        /* somebody else fills the disk meanwhile */
        MUST(shell("head -c 300K /dev/zero >%s/m/hog; true", dir) == 0);
        struct partial *q = cache_begin(c, UINT64_MAX, &err);
        MUST(!q && err.code == ENOSPC);
        MUST(cache_commit(p, NULL, NULL, NULL, &err) == 0);
        cache_close(c);
        _exit(0);
    }
    child_ended(pid);
}

static void reflinks(void **state)
{
    const char *dir = *state;
    static char data[1 << 20];
    struct err err;
    enum place_how how;
    memset(data, 'x', sizeof(data));
    pid_t pid = fork();
    if (pid == 0) {
        const char *why =
            mount_small(dir, "truncate -s 300M disk && "
                             "PATH=$PATH:/usr/sbin:/sbin && "
                             "{ mkfs.xfs -q -m reflink=1 disk || "
                             "mkfs.btrfs -q disk; } >mkfs.log 2>&1 && "
                             "mount -o loop disk m 2>>mkfs.log");
        if (why) {
            LEFT_OUT(why);
            _exit(0);
        }
        const char *m = path_of("%s/m", dir);
        const char *entry = entry_of(m, data, sizeof(data));
        int fd = open(m, O_RDONLY | O_DIRECTORY);
        MUST(entry && fd >= 0);
        MUST(place_file(entry, sizeof(data), fd, "a", 0770, NULL, &how, &err) ==
             0);
        MUST(how == PLACE_REFLINK);
        /* what the task writes is its own */
        MUST(shell("printf evil 1<>%s/a && cmp -s %s/a %s", m, m, entry) == 1);
        MUST(place_file(entry, sizeof(data), fd, "b", 0770, NULL, &how, &err) ==
             0);
        MUST(shell("cmp %s/b %s", m, entry) == 0);
        close(fd);
        shell("umount %s", m);
        _exit(0);
    }
    child_ended(pid);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(paths),  IN_FOLDER(gone),      IN_FOLDER(links),
        IN_FOLDER(copies), IN_FOLDER(full_disk), IN_FOLDER(reflinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
