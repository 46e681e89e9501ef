/* Tests of looking at files for somebody else: what is there, and that nothing
 * outside is. */
#include "config.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/quantity.h"
#include "stage/browse.h"

/* A task's directory, with what a hostile task may put there; beside it a
 * secret. root: opened. */
static int make(const char *dir)
{
    char text[4096];
    assert_int_equal(chdir(dir), 0);
    snprintf(text, sizeof(text),
             "set -e; echo secret >secret; mkdir -p task/wd/deep/er; cd task;"
             "echo out >stdout.txt; printf 12345 >wd/a.dat; chmod 640 wd/a.dat;"
             "touch -d @1700000000.5 wd/a.dat; echo x >wd/deep/er/x;"
             "ln -s a.dat wd/inside; ln -s ../../secret wd/outside;"
             "ln -s %s/secret wd/absolute; ln -s / wd/root; ln -s .. wd/up;"
             "ln -s circle wd/circle; ln -s nowhere wd/dangling;"
             "mkfifo wd/pipe; echo h >wd/.hidden",
             dir);
    assert_int_equal(system(text), 0);
    int root = open("task", O_RDONLY | O_DIRECTORY);
    assert_true(root >= 0);
    return root;
}

static void looks_at_files(void **state)
{
    struct file_info f = {.name = "mine"};
    struct err err;
    int root = make(*state);
    assert_int_equal(browse_at(root, "wd/a.dat", &f, &err), 0);
    assert_int_equal(f.type, FILE_REGULAR);
    assert_int_equal(f.bytes, 5);
    assert_int_equal(f.mode, 0640);
    assert_true(f.modified_ns == 1700000000 * NS_PER_SEC + NS_PER_SEC / 2);
    assert_string_equal(f.name, "mine");
    assert_int_equal(browse_at(root, "wd/inside", &f, &err), 0);
    assert_int_equal(f.bytes, 5);
    assert_int_equal(browse_at(root, "", &f, &err), 0);
    assert_int_equal(f.type, FILE_FOLDER);
    assert_int_equal(browse_at(root, "wd/up/stdout.txt", &f, &err), 0);
    assert_int_equal(f.bytes, 4);
    int fd = browse_open(root, "wd/inside", &f, &err);
    char text[8] = "";
    assert_int_equal(read(fd, text, sizeof(text)), 5);
    assert_string_equal(text, "12345");
    close(fd);
    close(root);
}

static void nothing_outside(void **state)
{
    static const struct {
        const char *path, *why;
        int code;
    } cases[] = {
        {"../secret", "leads out", EACCES},
        {"wd/../../secret", "leads out", EACCES},
        {"/etc/passwd", "is absolute", EINVAL},
        {"wd/outside", "leads out", EACCES},
        {"wd/absolute", "leads out", EACCES},
        {"wd/root/etc/passwd", "leads out", EACCES},
        {"wd/up/../secret", "leads out", EACCES},
        {"wd/circle", "", ELOOP},
        {"wd/dangling", "there is no wd/dangling", ENOENT},
        {"nothing", "there is no nothing", ENOENT},
        {"wd/a.dat/x", "", ENOTDIR},
    };
    struct file_info f;
    struct buf b;
    struct err err;
    bool more;
    int root = make(*state);
    buf_init(&b, 10000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = cases[i].path;
        assert_int_equal(browse_at(root, path, &f, &err), -1);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].why))
            fail_msg("%s: %d %s", path, err.code, err.text);
        assert_int_equal(browse_open(root, path, &f, &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(browse_list(root, path, true, &b, &more, &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(b.len, 0);
    }
    assert_int_equal(browse_open(root, "wd/pipe", &f, &err), -1);
    assert_non_null(strstr(err.text, "no regular file"));
    assert_int_equal(browse_open(root, "wd", &f, &err), -1);
    assert_int_equal(err.code, EISDIR);
    buf_fini(&b);
    close(root);
}

/* The names of a list with their types: "d wd,f wd/a.dat,...". */
static const char *listed(int root, const char *path, bool recursive)
{
    static char text[4096];
    struct file_info f;
    struct buf b;
    struct err err;
    bool more = false;
    size_t at = 0;
    int rc;
    buf_init(&b, 10000);
    if (browse_list(root, path, recursive, &b, &more, &err) < 0)
        fail_msg("%s", err.text);
    assert_false(more);
    text[0] = '\0';
    while ((rc = file_info_next(b.data, b.len, &at, &f, &err)) > 0)
        sprintf(text + strlen(text), "%s%c %s", *text ? "," : "",
                "fdlo"[f.type], f.name);
    assert_int_equal(rc, 0);
    buf_fini(&b);
    return text;
}

static void lists(void **state)
{
    int root = make(*state);
    assert_string_equal(listed(root, "", false), "f stdout.txt,d wd");
    assert_string_equal(
        listed(root, "", true),
        "f stdout.txt,d wd,f wd/.hidden,f wd/a.dat,l wd/absolute,l wd/circle,"
        "l wd/dangling,d wd/deep,d wd/deep/er,f wd/deep/er/x,l wd/inside,"
        "l wd/outside,o wd/pipe,l wd/root,l wd/up");
    assert_string_equal(listed(root, "wd/deep", true),
                        "d wd/deep/er,f wd/deep/er/x");
    assert_string_equal(listed(root, "wd/a.dat", true), "f wd/a.dat");
    assert_string_equal(listed(root, "wd/up", false), "f stdout.txt,d wd");
    close(root);
}

/* What does not fit is said, and what fits is there. */
static void long_lists(void **state)
{
    struct buf b;
    struct err err;
    bool more = false;
    int root = make(*state);
    buf_init(&b, 200);
    assert_int_equal(browse_list(root, "", true, &b, &more, &err), 0);
    assert_true(more && b.len > 100 && b.len <= 200);
    buf_fini(&b);
    close(root);
}

/* Lists as bytes, whoever has written them. */
static void malformed_lists(void **state)
{
    static const char *const bad[] = {"",
                                      "f",
                                      "f 1 644",
                                      "x 1 644 5 name",
                                      "f 1 999 5 name",
                                      "f -1 644 5 name",
                                      "f 1 644 5 ",
                                      "f 1 644 5 /etc/passwd",
                                      "f 1 644 5 ../x",
                                      "f 1 644 5 a/../../x",
                                      "f 99999999999999999999 644 5 name",
                                      "f 1 644 5 name"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct file_info f;
        struct err err;
        size_t at = 0, last = i + 1 == sizeof(bad) / sizeof(bad[0]);
        /* the last one lacks its NUL */
        assert_int_equal(
            file_info_next(bad[i], strlen(bad[i]) + !last, &at, &f, &err), -1);
        assert_int_equal(err.code, EPROTO);
        assert_int_equal(at, 0);
    }
}

static void sorts(void **state)
{
    static const char *const names[] = {"wd/b", "a", "wd", "stdout.txt", "b c"};
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    buf_puts(&b, "in front");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct file_info f = {.bytes = i, .name = names[i]};
        assert_int_equal(file_info_put(&b, &f), 0);
    }
    assert_int_equal(file_info_sort(&b, 8), 0);
    static const char wanted[] = "in frontf 1 0 0 a\0f 4 0 0 b c\0f 3 0 0 "
                                 "stdout.txt\0f 2 0 0 wd\0f 0 0 0 wd/b";
    assert_int_equal(b.len, sizeof(wanted));
    assert_memory_equal(b.data, wanted, sizeof(wanted));
    buf_reset(&b);
    assert_int_equal(file_info_sort(&b, 0), 0);
    buf_fini(&b);
}

int main(void)
{
#define CASE(f)                                                                \
    cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        CASE(looks_at_files),
        CASE(nothing_outside),
        CASE(lists),
        CASE(long_lists),
        cmocka_unit_test(malformed_lists),
        cmocka_unit_test(sorts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
