/* Packages beyond what packages.sh shows: limits, cancelling, folders as
 * archives, names that stay beneath a folder. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "prng.h"
#include "stage/beneath.h"
#include "stage/package.h"

static char here[] = "/tmp/mpibatch-t_package.XXXXXX";

static int enter(void **state)
{
    (void)state;
    umask(022);
    return mkdtemp(here) && chdir(here) == 0 ? 0 : -1;
}

static void shell(const char *line)
{
    int rc = system(line);
    if (rc != 0)
        fail_msg("%s: %d", line, rc);
}

static int leave(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof(line), "cd / && rm -rf %s", here);
    return system(line);
}

static void write_file(const char *path, const char *text)
{
    struct err err;
    if (file_replace(path, text, strlen(text), 0644, 0, &err) < 0)
        fail_msg("%s", err.text);
}

/* Read all of a folder's stream into the file at path, piece by piece. */
static int pack(const char *folder, const char *path, size_t piece,
                struct err *err)
{
    char data[70000];
    ssize_t n = -1;
    struct tree *t = tree_open(folder, err);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && piece <= sizeof(data));
    while (t && (n = tree_read(t, data, piece, err)) > 0)
        assert_int_equal(file_write_all(fd, data, (size_t)n), 0);
    close(fd);
    tree_close(t);
    return n == 0 ? 0 : -1;
}

static void a_folder_comes_back_as_it_was(void **state)
{
    (void)state;
    struct err err = {0};
    struct package_counts c;
    shell("mkdir -p f/bin f/empty f/lib && cd f && for i in $(seq 12); do"
          " mkdir a_folder_with_a_long_name_of_40_bytes_....; cd a_*; done");
    write_file("f/bin/run", "#!/bin/sh\n");
    write_file("f/\xc3\xa4", "umlaut");
    write_file("f/\xff\xfe", "no UTF-8");
    write_file("f/empty.txt", "");
    shell("chmod 755 f/bin/run; ln -s libx.so.1 f/lib/libx.so;"
          "chmod g+s f/lib; ln -s ../bin/run f/lib/run;"
          "d=$(find f -type d | sort | tail -1); echo deep >$d/file;"
          "n=$(printf 'n%.0s' $(seq 250)); echo long >f/lib/$n;"
          "ln -s $n f/lib/to-long;"
          "head -c 100000 /dev/urandom >f/big; touch -d '2001-02-03' f/big");
    if (pack("f", "f.tar", 65536, &err) < 0 || pack("f", "f2.tar", 7, &err) < 0)
        fail_msg("%s", err.text);
    shell("cmp f.tar f2.tar");
    if (package_unpack("f.tar", "g", NULL, &c, &err) < 0)
        fail_msg("%s", err.text);
    shell("diff -r --no-dereference f g");
    shell("test -x g/bin/run && test g/big -ot g/empty.txt &&"
          "test $(stat -c %Y f/big) = $(stat -c %Y g/big)");
    assert_int_equal(c.files, 7);
    assert_int_equal(c.links, 3);
    shell("mkdir h && tar -xf f.tar -C h && diff -r --no-dereference f h");
}

static void refused(const char *make, const char *why)
{
    struct err err = {0};
    shell("rm -rf bad bad.tar; mkdir bad; echo x >bad/fine");
    shell(make);
    assert_int_equal(pack("bad", "bad.tar", 4096, &err), -1);
    if (err.code != EPROTO || !strstr(err.text, why))
        fail_msg("%s: %s", make, err.text);
}

static void folders_are_refused_like_archives(void **state)
{
    (void)state;
    refused("mkfifo bad/pipe", "\"pipe\" is a FIFO");
    refused("ln -s /etc/passwd bad/link", "leads out of it");
    refused("mkdir bad/d; ln -s ../../f bad/d/link", "leads out of it");
    refused("echo >bad/su; chmod 4755 bad/su", "setuid");
    refused("cd bad; for i in $(seq 135); do mkdir d; cd d; done", "deep");
    struct err err = {0};
    assert_null(tree_open("not-there", &err));
    assert_int_equal(err.code, ENOENT);
    assert_null(tree_open("bad/fine", &err));
    assert_int_equal(err.code, ENOTDIR);
}

static void a_file_that_changes_is_told(void **state)
{
    (void)state;
    struct err err = {0};
    char data[4096];
    ssize_t n;
    shell("rm -rf c; mkdir c; head -c 100000 /dev/zero >c/grows");
    struct tree *t = tree_open("c", &err);
    assert_non_null(t);
    assert_true(tree_read(t, data, sizeof(data), &err) > 0);
    shell("echo more >>c/grows");
    while ((n = tree_read(t, data, sizeof(data), &err)) > 0)
        ;
    assert_int_equal(n, -1);
    assert_int_equal(err.code, ESTALE);
    tree_close(t);
    t = tree_open("c", &err);
    assert_true(tree_read(t, data, sizeof(data), &err) > 0);
    shell(": >c/grows");
    while ((n = tree_read(t, data, sizeof(data), &err)) > 0)
        ;
    assert_int_equal(err.code, ESTALE);
    tree_close(t);
}

/* What is wrong with limits: the text, and nothing is left. */
static void limited(const struct package_limits *l, int code, const char *why)
{
    struct err err = {0};
    assert_int_equal(package_unpack("l.tar.gz", "l.d", l, NULL, &err), -1);
    if (err.code != code || !strstr(err.text, why))
        fail_msg("%d, %s", err.code, err.text);
    assert_int_equal(access("l.d", F_OK), -1);
}

static void limits_hold(void **state)
{
    (void)state;
    struct err err = {0};
    shell("rm -rf l l.d; mkdir -p l/a/b; for i in 1 2 3 4 5; do"
          " head -c 5000 /dev/urandom >l/a/b/$i; done;"
          "tar -czf l.tar.gz -C l a/b/1 a/b/2 a/b/3 a/b/4 a/b/5");
    limited(&(struct package_limits){.max_entries = 6}, EPROTO,
            "more than 6 entries"); /* and two folders */
    limited(&(struct package_limits){.max_bytes = 24999}, EPROTO,
            "more than 24999 bytes");
    limited(&(struct package_limits){.reserve_bytes = UINT64_MAX / 2}, ENOSPC,
            "reserved");
    atomic_bool stop = true;
    limited(&(struct package_limits){.stop = &stop}, ECANCELED, "cancelled");
    stop = false;
    if (package_unpack("l.tar.gz", "l.d",
                       &(struct package_limits){
                           .max_entries = 7, .max_bytes = 25000, .stop = &stop},
                       NULL, &err) < 0)
        fail_msg("%s", err.text);
    /* what is there stays */
    assert_int_equal(package_unpack("l.tar.gz", "l.d", NULL, NULL, &err), -1);
    assert_int_equal(err.code, EEXIST);
    shell("diff -r l l.d");
    assert_int_equal(package_unpack("none.tar", "x", NULL, NULL, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(package_unpack("l", "x", NULL, NULL, &err), -1);
    assert_int_equal(err.code, EPROTO);
    assert_int_equal(package_unpack("l.tar.gz", "no/x", NULL, NULL, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(access("x", F_OK), -1);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    int failures = 0;
    for (unsigned long k = 1;; k++) {
        struct err err = {0};
        shell("rm -rf l.d");
        mem_fail_at(k);
        int rc = package_unpack("l.tar.gz", "l.d", NULL, NULL, &err);
        mem_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(err.code, ENOMEM);
        assert_int_equal(access("l.d", F_OK), -1);
        failures++;
    }
    assert_true(failures > 2);
}

static void names_become_plain(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a", "a"},
        {"a/b", "a/b"},
        {"./a//b/./c/", "a/b/c"},
        {"", ""},
        {".", ""},
        {"./", ""},
        {"..", NULL},
        {"a/..", NULL},
        {"a/../b", NULL},
        {"/a", NULL},
        {"...", "..."},
        {"..a/b..", "..a/b.."},
        {"a/./../b/", NULL},
        {".hidden", ".hidden"},
    };
    char out[BENEATH_NAME_MAX], deep[600] = "";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = beneath_plain(cases[i][0], out, NULL);
        assert_int_equal(rc, cases[i][1] ? 0 : -1);
        if (rc == 0)
            assert_string_equal(out, cases[i][1]);
    }
    for (int i = 0; i < BENEATH_DEPTH_MAX; i++)
        strcat(deep, "d/");
    assert_int_equal(beneath_plain(deep, out, NULL), 0);
    strcat(deep, "d");
    assert_int_equal(beneath_plain(deep, out, NULL), -1);
}

/* A name of a few parts out of a few letters. */
static void draw_name(struct prng *rng, char *out, int max)
{
    static const char *const parts[] = {"a", "b", "c", "..", ".", "d"};
    out[0] = '\0';
    int n = 1 + (int)(prng_below(rng, (uint32_t)max));
    for (int i = 0; i < n; i++) {
        if (i > 0)
            strcat(out, "/");
        strcat(out, parts[prng_below(rng, 6)]);
    }
}

/* Forests of folders, files and links: what we say of a name is what the
 * kernel says of it where it must not leave. */
static void resolving_agrees_with_the_kernel(void **state)
{
    (void)state;
    struct prng rng = {7};
    char name[64], target[64], real[BENEATH_NAME_MAX];
    int in = 0, out = 0, missing = 0;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int forest = 0; forest < 60; forest++) {
        shell("rm -rf w && mkdir -p w/r");
        int root = open("w/r", O_RDONLY | O_DIRECTORY);
        for (int i = 0; i < 12; i++) {
            draw_name(&rng, name, 3);
            draw_name(&rng, target, 4);
            char plain[BENEATH_NAME_MAX];
            if (beneath_plain(name, plain, NULL) < 0 || !*plain)
                continue;
            uint32_t kind = prng_below(&rng, 5);
            if (kind < 3)
                (void)!symlinkat(target, root, plain);
            else if (kind == 3)
                (void)!mknodat(root, plain, S_IFREG | 0600, 0);
            else
                (void)!mkdirat(root, plain, 0700);
        }
        for (int i = 0; i < 100; i++) {
            draw_name(&rng, name, 5);
            int fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
            int code = errno;
            if (fd < 0 && (code == ENOSYS || code == EPERM)) {
                close(root);
                print_message("no openat2 here\n");
                return;
            }
            int rc = beneath_resolve(root, NULL, name, real);
            if (fd >= 0) {
                struct stat a, b;
                assert_int_equal(rc, 1);
                assert_int_equal(fstat(fd, &a), 0);
                assert_int_equal(
                    fstatat(root, *real ? real : ".", &b, AT_SYMLINK_NOFOLLOW),
                    0);
                assert_true(a.st_ino == b.st_ino && !S_ISLNK(b.st_mode));
                close(fd);
                in++;
            } else if (code == EXDEV) {
                assert_int_equal(rc, -1);
                assert_int_equal(errno, EXDEV);
                out++;
            } else {
                assert_true(rc <= 0); /* missing, or it would lead out */
                missing++;
            }
        }
        close(root);
    }
    assert_true(in > 100 && out > 100 && missing > 100);
}

static void absolute_links_of_our_own_are_followed(void **state)
{
    (void)state;
    char real[BENEATH_NAME_MAX], prefix[128];
    shell("rm -rf p && mkdir -p p/wd && echo x >p/wd/file &&"
          "ln -s $PWD/p/wd/file p/link && ln -s $PWD/p2/x p/near &&"
          "ln -s $PWD/p/../p2 p/up && ln -s $PWD/p p/self");
    int root = open("p", O_RDONLY | O_DIRECTORY);
    snprintf(prefix, sizeof(prefix), "%s/p", here);
    assert_int_equal(beneath_resolve(root, prefix, "link", real), 1);
    assert_string_equal(real, "wd/file");
    assert_int_equal(beneath_resolve(root, prefix, "self/self/wd", real), 1);
    assert_string_equal(real, "wd");
    assert_int_equal(beneath_resolve(root, NULL, "link", real), -1);
    assert_int_equal(beneath_resolve(root, prefix, "near", real), -1);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(beneath_resolve(root, prefix, "up", real), -1);
    assert_int_equal(errno, EXDEV);
    close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_comes_back_as_it_was),
        cmocka_unit_test(folders_are_refused_like_archives),
        cmocka_unit_test(a_file_that_changes_is_told),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(no_memory_is_told),
        cmocka_unit_test(names_become_plain),
        cmocka_unit_test(resolving_agrees_with_the_kernel),
        cmocka_unit_test(absolute_links_of_our_own_are_followed),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
