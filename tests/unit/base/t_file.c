/* file: whole reads, complete writes, replacement, folders, paths. Each test
 * works in a scratch folder of its own. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

static int scratch_enter(void **state)
{
    char path[] = "/tmp/t_file.XXXXXX";
    umask(022);
    if (!mkdtemp(path) || chdir(path) < 0)
        return -1;
    *state = strdup(path);
    return 0;
}

static int scratch_leave(void **state)
{
    char command[64];
    int rc = chdir("/");
    snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
    free(*state);
    return rc < 0 ? rc : system(command);
}

static void put_file(const char *path, const char *text)
{
    struct err err;
    assert_int_equal(file_replace(path, text, strlen(text), 0644, 0, &err), 0);
}

static void check_file(const char *path, const char *text)
{
    struct buf b;
    struct err err;
    buf_init(&b, 1 << 20);
    if (file_read(path, &b, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(buf_text(&b), text);
    buf_fini(&b);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Names in the current folder. */
static int entry_count(void)
{
    int n = -2; /* . and .. */
    DIR *d = opendir(".");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void reads_whole_files(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 65535, 65536, 65537, 300000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct err err;
        char *data = mem_alloc(sizes[i] + 1);
        assert_non_null(data);
        memset(data, 'a' + (int)i, sizes[i]);
        assert_int_equal(file_replace("f", data, sizes[i], 0600, 1, &err), 0);
        for (int more = -1; more < 3; more++) { /* the maximum is exact */
            struct buf b;
            if (sizes[i] == 0 && more < 0)
                continue;
            buf_init(&b, 3 + sizes[i] + (size_t)more);
            assert_int_equal(buf_puts(&b, "old"), 0);
            int rc = file_read("f", &b, &err);
            if (more < 0) {
                assert_int_equal(rc, -1);
                assert_int_equal(err.code, EFBIG);
                assert_non_null(strstr(err.text, "f is larger than"));
                assert_string_equal(buf_text(&b), "old"); /* as it was */
                assert_int_equal(b.len, 3);
            } else {
                assert_int_equal(rc, 0);
                assert_int_equal(b.len, 3 + sizes[i]);
                assert_memory_equal(b.data + 3, data, sizes[i]);
            }
            buf_fini(&b);
        }
        mem_free(data);
    }
}

static void reading_fails_with_a_reason(void **state)
{
    struct buf b;
    struct err err;
    (void)state;
    buf_init(&b, 100);
    assert_int_equal(file_read("none", &b, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_non_null(strstr(err.text, "none"));
    assert_int_equal(file_read(".", &b, &err), -1);
    assert_int_equal(err.code, EISDIR);
    put_file("f", "text");
    buf_fini(&b);
    mem_fail_at(1);
    assert_int_equal(file_read("f", &b, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    assert_int_equal(b.len, 0);
    assert_int_equal(file_read("none", &b, NULL), -1);
    buf_fini(&b);
}

struct reader {
    int fd;
    size_t bytes;
};

static void *read_slowly(void *arg)
{
    struct reader *r = arg;
    char chunk[977];
    for (ssize_t n; (n = read(r->fd, chunk, sizeof(chunk))) > 0;)
        r->bytes += (size_t)n;
    return NULL;
}

static void writes_all(void **state)
{
    int fds[2];
    pthread_t thread;
    size_t len = 1 << 20; /* more than a pipe holds */
    char *data = mem_calloc(len, 1);
    (void)state;
    assert_non_null(data);
    assert_int_equal(pipe(fds), 0);
    struct reader r = {.fd = fds[0]};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
    assert_int_equal(file_write_all(fds[1], data, len), 0);
    assert_int_equal(file_write_all(fds[1], data, 0), 0);
    close(fds[1]);
    pthread_join(thread, NULL);
    close(fds[0]);
    assert_int_equal(r.bytes, len);
    mem_free(data);
    errno = 0;
    assert_int_equal(file_write_all(-1, "x", 1), -1);
    assert_int_equal(errno, EBADF);
}

static void reads_at_offsets(void **state)
{
    char got[8] = "";
    (void)state;
    put_file("f", "0123456789");
    int fd = open("f", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(file_read_at(fd, got, 3, 4), 0);
    assert_string_equal(got, "456");
    assert_int_equal(file_read_at(fd, got, 0, 99), 0);
    errno = 0;
    assert_int_equal(file_read_at(fd, got, 3, 8), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(file_read_at(fd, got, 1, UINT64_MAX), -1);
    close(fd);
    assert_int_equal(file_read_at(-1, got, 1, 0), -1);
    assert_int_equal(errno, EBADF);
}

static void writes_at_offsets(void **state)
{
    (void)state;
    put_file("f", "0123456789");
    int fd = open("f", O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(file_write_at(fd, "abc", 3, 8), 0);
    assert_int_equal(file_write_at(fd, "x", 1, 0), 0);
    assert_int_equal(file_write_at(fd, "", 0, 99), 0);
    close(fd);
    check_file("f", "x1234567abc");
    errno = 0;
    assert_int_equal(file_write_at(-1, "x", 1, 0), -1);
    assert_int_equal(errno, EBADF);
}

static void reads_names(void **state)
{
    (void)state;
    put_file("f", "x");
    DIR *d = file_names(open(".", O_RDONLY | O_DIRECTORY));
    assert_non_null(d);
    int found = 0;
    for (struct dirent *e; (e = readdir(d));)
        found |= strcmp(e->d_name, "f") == 0;
    assert_true(found);
    closedir(d);
    int fd = open("f", O_RDONLY);
    assert_null(file_names(fd));
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
    assert_null(file_names(open("nothing", O_RDONLY)));
    assert_int_equal(errno, ENOENT);
}

static void replaces_files(void **state)
{
    struct err err;
    (void)state;
    put_file("f", "old and longer");
    assert_int_equal(file_replace("f", "new", 3, 0600, 1, &err), 0);
    check_file("f", "new");
    assert_int_equal(mode_of("f"), 0600);
    assert_int_equal(file_replace("f", "", 0, 0666, 0, &err), 0);
    check_file("f", "");
    assert_int_equal(mode_of("f"), 0644); /* less umask */
    assert_int_equal(entry_count(), 1);
}

static void a_failed_replacement_leaves_nothing(void **state)
{
    struct err err;
    (void)state;
    put_file("f", "old");
    mem_fail_at(1);
    assert_int_equal(file_replace("f", "new", 3, 0600, 0, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    assert_int_equal(file_replace("none/f", "new", 3, 0600, 0, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(file_replace("d", "new", 3, 0600, 0, &err), -1);
    assert_int_equal(err.code, EISDIR);
    assert_non_null(strstr(err.text, "cannot write d"));
    check_file("f", "old");
    assert_int_equal(entry_count(), 2);
    char long_name[NAME_MAX + 1]; /* no room for the name beside it */
    memset(long_name, 'n', NAME_MAX);
    long_name[NAME_MAX] = '\0';
    assert_int_equal(file_replace(long_name, "x", 1, 0600, 0, &err), -1);
    assert_int_equal(err.code, ENAMETOOLONG);
}

/* A file or link that somebody left under a likely name is not written to. */
static void does_not_write_through_links(void **state)
{
    struct err err;
    char name[64];
    (void)state;
    put_file("victim", "safe");
    snprintf(name, sizeof(name), "f.%ld.tmp", (long)getpid());
    assert_int_equal(symlink("victim", name), 0);
    assert_int_equal(symlink("victim", "f"), 0);
    assert_int_equal(file_replace("f", "new", 3, 0600, 0, &err), 0);
    check_file("victim", "safe");
    check_file("f", "new");
}

static void *replace_often(void *arg)
{
    for (int i = 0; i < 300; i++)
        if (file_replace("shared", arg, strlen(arg), 0600, 0, NULL) < 0)
            return arg;
    return NULL;
}

static void readers_see_old_or_new(void **state)
{
    char a[3000], b[5000];
    pthread_t threads[2];
    void *failed;
    (void)state;
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
    put_file("shared", a);
    assert_int_equal(pthread_create(&threads[0], NULL, replace_often, a), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, replace_often, b), 0);
    for (int i = 0; i < 300; i++) {
        struct buf got;
        struct err err;
        buf_init(&got, 10000);
        assert_int_equal(file_read("shared", &got, &err), 0);
        assert_string_equal(buf_text(&got), got.data[0] == 'a' ? a : b);
        buf_fini(&got);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(entry_count(), 1);
}

static void makes_folders(void **state)
{
    struct err err;
    char here[PATH_MAX], path[PATH_MAX + 20];
    (void)state;
    assert_int_equal(file_make_dirs("a/b/c", 0700, &err), 0);
    assert_int_equal(mode_of("a"), 0755);
    assert_int_equal(mode_of("a/b"), 0755);
    assert_int_equal(mode_of("a/b/c"), 0700);
    assert_int_equal(file_make_dirs("a/b/c", 0755, &err), 0);
    assert_int_equal(mode_of("a/b/c"), 0700); /* as it was */
    assert_int_equal(file_make_dirs("a//d///", 0700, &err), 0);
    assert_int_equal(mode_of("a/d"), 0700);
    assert_int_equal(file_make_dirs("e/", 0700, &err), 0);
    assert_int_equal(mode_of("e"), 0700);
    assert_int_equal(file_make_dirs(".", 0700, &err), 0);
    assert_int_equal(file_make_dirs("./f/../g", 0700, &err), 0);
    assert_int_equal(file_make_dirs("/", 0700, &err), 0);
    assert_int_equal(file_make_dirs("///", 0700, &err), 0);
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), "%s/h/i", here);
    assert_int_equal(file_make_dirs(path, 0700, &err), 0);
    assert_int_equal(mode_of("h/i"), 0700);
    assert_int_equal(symlink("h", "link"), 0);
    assert_int_equal(file_make_dirs("link/j", 0700, &err), 0);
    assert_int_equal(mode_of("h/j"), 0700);
    assert_int_equal(file_make_dirs("/proc/self/fd", 0700, &err), 0);
}

static void folders_fail_with_a_reason(void **state)
{
    struct err err;
    (void)state;
    put_file("f", "");
    assert_int_equal(file_make_dirs("f", 0700, &err), -1);
    assert_int_equal(err.code, ENOTDIR);
    assert_non_null(strstr(err.text, "f is not a folder"));
    assert_int_equal(file_make_dirs("f/g", 0700, &err), -1);
    assert_int_equal(err.code, ENOTDIR);
    assert_int_equal(file_make_dirs("", 0700, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(file_make_dirs("dangling", 0700, &err), -1);
    mem_fail_at(1);
    assert_int_equal(file_make_dirs("x", 0700, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
}

static void joins_paths(void **state)
{
    static const struct {
        const char *dir, *name, *path;
    } table[] = {
        {"a", "b", "a/b"},    {"a/", "b", "a/b"},
        {"a///", "b", "a/b"}, {"", "b", "b"},
        {"a", "/b", "/b"},    {"", "/b", "/b"},
        {"/", "b", "/b"},     {"//", "b", "/b"},
        {"a", "", "a/"},      {"a/b", "c/d", "a/b/c/d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *path = path_join(table[i].dir, table[i].name);
        assert_string_equal(path, table[i].path);
        mem_free(path);
        mem_fail_at(1);
        assert_null(path_join(table[i].dir, table[i].name));
        mem_fail_at(0);
    }
    assert_string_equal(path_base("a/b"), "b");
    assert_string_equal(path_base("b"), "b");
    assert_string_equal(path_base("/b"), "b");
    assert_string_equal(path_base("a/"), "");
    assert_string_equal(path_base(""), "");
}

#define IN_SCRATCH(test)                                                       \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(reads_whole_files),
        IN_SCRATCH(reading_fails_with_a_reason),
        IN_SCRATCH(writes_all),
        IN_SCRATCH(reads_at_offsets),
        IN_SCRATCH(writes_at_offsets),
        IN_SCRATCH(reads_names),
        IN_SCRATCH(replaces_files),
        IN_SCRATCH(a_failed_replacement_leaves_nothing),
        IN_SCRATCH(does_not_write_through_links),
        IN_SCRATCH(readers_see_old_or_new),
        IN_SCRATCH(makes_folders),
        IN_SCRATCH(folders_fail_with_a_reason),
        cmocka_unit_test(joins_paths),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
