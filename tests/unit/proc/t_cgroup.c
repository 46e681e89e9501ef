/* Control groups, in a folder that looks like one: what is written where, what
 * is read, and that nothing is touched that is not ours. */
#include "config.h"
#include "proc/cgroup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/t_cgroup.XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void has(const char *name, const char *text)
{
    char path[256], got[256] = "";
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, text);
}

static bool is_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void make(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void test_open(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(cgroups_open("/none/at/all", "k", &err));
    assert_int_equal(err.code, ENOENT);
    assert_null(cgroups_open(folder, "k", &err)); /* not one */
    put("cgroup.controllers", "cpuset cpu io memory_hog pids\n");
    assert_null(cgroups_open(folder, "k", &err));
    assert_non_null(strstr(err.text, "has no control of memory"));
    put("cgroup.controllers", "cpuset memory pids\n");
    put("cgroup.subtree_control", "cpu memory\n");
    struct cgroups *c = cgroups_open(folder, "k", &err);
    assert_non_null(c);
    cgroups_close(c);
    assert_false(is_there("mpibatch")); /* nobody was to be moved */
}

/* Who is in it is moved first; then it may be divided. */
static void test_divide(void **state)
{
    (void)state;
    struct err err = {0};
    put("cgroup.controllers", "memory\n");
    put("cgroup.subtree_control", "");
    put("cgroup.procs", "4711\n");
    make("mpibatch");
    put("mpibatch/cgroup.procs", "");
    struct cgroups *c = cgroups_open(folder, "k", &err);
    assert_non_null(c);
    has("mpibatch/cgroup.procs", "4711");
    has("cgroup.subtree_control", "+memory");
    cgroups_close(c);
    /* it cannot be moved */
    put("cgroup.subtree_control", "");
    unlink(strcat(strcpy((char[256]){0}, folder), "/mpibatch/cgroup.procs"));
    assert_null(cgroups_open(folder, "k", &err));
    assert_non_null(strstr(err.text, "cannot move a process"));
    has("cgroup.subtree_control", "");
}

static void test_group(void **state)
{
    (void)state;
    struct err err = {0};
    uint64_t number = 0;
    put("cgroup.controllers", "memory\n");
    put("cgroup.subtree_control", "memory\n");
    struct cgroups *c = cgroups_open(folder, "key-3", &err);
    assert_non_null(c);
    make("mpibatch-key-3-1");
    put("mpibatch-key-3-1/memory.max", "");
    put("mpibatch-key-3-1/memory.swap.max", "");
    put("mpibatch-key-3-1/memory.oom.group", "");
    put("mpibatch-key-3-1/cgroup.procs", "");
    int fd = cgroups_make(c, 104857600, &number, &err);
    assert_true(fd >= 0);
    assert_int_equal(number, 1);
    has("mpibatch-key-3-1/memory.max", "104857600");
    has("mpibatch-key-3-1/memory.swap.max", "0");
    has("mpibatch-key-3-1/memory.oom.group", "1");
    assert_int_equal(write(fd, "0", 1), 1);
    close(fd);
    has("mpibatch-key-3-1/cgroup.procs", "0");
    fd = cgroups_enter(c, 1, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(cgroups_enter(c, 7, &err), -1);
    struct cgroup_end end = cgroups_end(c, 1);
    assert_false(end.over);
    assert_int_equal(end.peak_bytes, 0);
    put("mpibatch-key-3-1/memory.events",
        "low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n");
    put("mpibatch-key-3-1/memory.peak", "104000000\n");
    end = cgroups_end(c, 1);
    assert_false(end.over);
    assert_int_equal(end.peak_bytes, 104000000);
    put("mpibatch-key-3-1/memory.events",
        "low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\noom_group_kill 1\n");
    assert_true(cgroups_end(c, 1).over);
    /* one without limits is no group: nothing is left of it */
    number = 99;
    assert_int_equal(cgroups_make(c, 1 << 20, &number, &err), -1);
    assert_int_equal(number, 99);
    assert_false(is_there("mpibatch-key-3-2"));
    cgroups_close(c);
    cgroups_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_divide),
        cmocka_unit_test(test_group),
    };
    if (!mkdtemp(folder))
        return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    char line[64];
    snprintf(line, sizeof(line), "rm -r %s", folder);
    return system(line) == 0 ? rc : 1;
}
