/* glob: patterns over a tree with links, loops and hidden names. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/glob.h"
#include "base/mem.h"

static char top[] = "/tmp/t_glob.XXXXXX";

static int tree_make(void **state)
{
    (void)state;
    return mkdtemp(top) && chdir(top) == 0
               ? system("mkdir -p in/a/b in/.hid in/empty other/deep &&"
                        "touch in/1.dat in/10.dat in/2.dat in/.h.dat in/x.txt "
                        "in/a/3.dat in/a/b/4.dat in/.hid/5.dat "
                        "other/deep/6.dat 'in/[z].dat' in/dir.dat2 &&"
                        "mkdir in/d.dat && ln -s .. in/a/loop &&"
                        "ln -s ../other in/link && ln -s 1.dat in/l.dat &&"
                        "ln -s nowhere in/broken.dat")
               : -1;
}

static int tree_remove(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", top);
    return chdir("/") | system(command);
}

/* The names, with blanks between them. */
static void check(const char *pattern, const char *expected)
{
    struct buf b;
    struct err err;
    buf_init(&b, 1 << 20);
    if (glob_find(top, pattern, &b, &err) < 0)
        fail_msg("%s: %s", pattern, err.text);
    for (size_t i = 0; i + 1 < b.len; i++)
        if (b.data[i] == '\0')
            b.data[i] = ' ';
    assert_string_equal(buf_text(&b), expected);
    buf_fini(&b);
}

static void test_patterns(void **state)
{
    (void)state;
    check("in/*.dat", "in/1.dat in/10.dat in/2.dat in/[z].dat in/l.dat");
    check("in/?.dat", "in/1.dat in/2.dat in/l.dat");
    check("in/[12].dat", "in/1.dat in/2.dat");
    check("in/[!l].dat", "in/1.dat in/2.dat");
    check("in/.*.dat", "in/.h.dat");
    check("in/1.dat", "in/1.dat");
    check("in/\\[z\\].dat", "in/[z].dat");
    check("./in//x.*", "./in/x.txt");
    check("nowhere/*", "");
    check("in/9.dat", "");
    check("in/1.dat/*", "");
    check("in/*/", "in/a in/d.dat in/empty in/link");
    check("in/a/", "in/a");
    check("*/deep/*.dat", "other/deep/6.dat");
    check("in/link/deep/*", "in/link/deep/6.dat"); /* named: followed */
}

static void test_any_depth(void **state)
{
    (void)state;
    check("in/**/*.dat", "in/1.dat in/10.dat in/2.dat in/[z].dat in/a/3.dat "
                         "in/a/b/4.dat in/l.dat");
    check("**/4.dat", "in/a/b/4.dat");
    check("**/**/**/4.dat", "in/a/b/4.dat");
    check("in/**/b/*.dat", "in/a/b/4.dat");
    check("in/a/**", "in/a/3.dat in/a/b/4.dat");
    check("**/deep/**/*.dat", "other/deep/6.dat");
    check("in/**/.h.dat", "in/.h.dat");
    check("in/.hid/**", "in/.hid/5.dat");
}

static void test_absolute(void **state)
{
    (void)state;
    char pattern[64], expected[128];
    snprintf(pattern, sizeof(pattern), "%s/in/?.dat", top);
    snprintf(expected, sizeof(expected), "%s/in/1.dat %s/in/2.dat %s/in/l.dat",
             top, top, top);
    check(pattern, expected);
}

static void test_errors(void **state)
{
    (void)state;
    struct buf b;
    struct err err;
    buf_init(&b, 10);
    buf_puts(&b, "x");
    assert_int_equal(glob_find(top, "in/*.dat", &b, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    assert_string_equal(buf_text(&b), "x");
    assert_int_equal(glob_find("/nowhere/at/all", "*", &b, &err), -1);
    assert_int_equal(err.code, ENOENT);
    buf_fini(&b);
    if (geteuid() == 0)
        return; /* may read everything */
    chmod("in/empty", 0);
    buf_init(&b, 1000);
    assert_int_equal(glob_find(top, "in/**/x", &b, &err), -1);
    assert_int_equal(err.code, EACCES);
    assert_non_null(strstr(err.text, "in/empty"));
    chmod("in/empty", 0700);
    buf_fini(&b);
}

static void test_nomem(void **state)
{
    (void)state;
    for (unsigned long k = 1;; k++) {
        struct buf b;
        struct err err = {0};
        buf_init(&b, 1000);
        mem_fail_at(k);
        int rc = glob_find(top, "in/*.dat", &b, &err);
        unsigned long used = mem_fail_at(0);
        assert_true(rc == 0 || (err.code == ENOMEM && b.len == 0));
        buf_fini(&b);
        if (used < k)
            break;
    }
}

/* The same rules without a folder. */
static void test_match(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"*.dat", "a.dat", true},
        {"*.dat", "wd/a.dat", false},
        {"*.dat", ".dat", false},
        {".*", ".dat", true},
        {"wd/*.dat", "wd/a.dat", true},
        {"wd//a.dat", "wd/a.dat", true},
        {"wd/*", "wd/deep/x", false},
        {"wd/*/x", "wd/deep/x", true},
        {"**/x", "x", true},
        {"**/x", "wd/deep/er/x", true},
        {"wd/**", "wd/deep/er/x", true},
        {"wd/**", "wd", false},
        {"**", "a", true},
        {"**", ".a", false},
        {"**/*.dat", "wd/.git/a.dat", false},
        {"**/**/er/?", "wd/deep/er/x", true},
        {"**/er", "wd/deep/er/x", false},
        {"a[0-9].txt", "a7.txt", true},
        {"a[!0-9].txt", "a7.txt", false},
        {"std*.txt", "stdout.txt", true},
        {"", "x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (glob_match(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("%s, %s", cases[i].pattern, cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_any_depth),
        cmocka_unit_test(test_absolute), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nomem),    cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
