/* The processes of a task, and how much memory they take. */
#include "config.h"
#include "proc/memory.h"

#include <stdint.h>
#include <sys/stat.h>

#include "task.h"

#define MARK "T_MEMORY=a"
#define MB   (UINT64_C(1) << 20)

static char *const env[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                            (char *)(uintptr_t)MARK, NULL};

static struct spawner *create(void)
{
    struct err err = {0};
    struct spawner *s = spawner_create(&err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static void destroy(struct spawner *s, struct task *t)
{
    spawn_signal_group(t->pid, SIGKILL);
    task_wait(t);
    spawn_sweep(s, t->pid, MARK, NULL, 0);
    task_finish(t, NULL);
    spawn_sweep_all(s, NULL, 0);
    spawner_destroy(s);
}

/* The family of a task as it is now. */
static void look(struct spawner *s, const struct task *t, const char *marker,
                 struct family *f)
{
    pid_t strays[FAMILY_MAX_STRAYS];
    size_t count = family_strays(s, &t->pid, 1, strays);
    assert_int_equal(family_read(f, t->pid), 0);
    assert_int_equal(family_add_strays(f, t->pid, marker, strays, count), 0);
}

static bool has(const struct family *f, pid_t pid)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += f->pids[i] == pid;
    assert_true(n <= 1);
    return n == 1;
}

/* Each line prints pids, all of which belong to it while it runs. */
static void test_family(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int lines;
    } cases[] = {
        {"echo $$; sleep 100", 1},
        {"sleep 100 & echo $!; sleep 100 & echo $!; wait", 2},
        {"(sleep 100 & echo $!; wait) & wait", 1},
        {"setsid sh -c 'echo $$; sleep 100 & echo $!; wait' & wait", 2},
        {"(setsid sh -c 'sleep 100 & echo $$; echo $!; wait' &); sleep 100", 2},
        {"i=0; while [ $i -lt 300 ]; do sleep 100 & echo $!; i=$((i+1)); done;"
         "wait",
         300},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spawner *s = create();
        struct task t;
        struct family f;
        pid_t pids[512];
        family_init(&f);
        task_shell(s, &t, cases[i].line, env);
        task_read_lines(&t, cases[i].lines);
        size_t count = task_pids(&t, pids, 512);
        assert_int_equal(count, cases[i].lines);
        nap_ms(20); /* what escapes has escaped */
        look(s, &t, MARK, &f);
        assert_true(has(&f, t.pid));
        for (size_t k = 0; k < count; k++)
            if (!has(&f, pids[k]))
                fail_msg("%s: %d is not seen", cases[i].line, (int)pids[k]);
        assert_false(has(&f, getpid()));
        family_fini(&f);
        destroy(s, &t);
    }
}

/* What another task has lost is not ours. */
static void test_others(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    struct family f;
    pid_t pid = 0;
    family_init(&f);
    task_shell(s, &t, "(setsid sh -c 'echo $$; exec sleep 100' &); sleep 100",
               env);
    task_read_lines(&t, 1);
    assert_int_equal(task_pids(&t, &pid, 1), 1);
    nap_ms(20);
    look(s, &t, "T_MEMORY=b", &f);
    assert_false(has(&f, pid));
    look(s, &t, MARK, &f);
    assert_true(has(&f, pid));
    family_fini(&f);
    destroy(s, &t);
}

/* Look until the task has so much by the quick figure. */
static struct memory_use wait_for(struct spawner *s, struct task *t,
                                  struct family *f, uint64_t bytes)
{
    struct memory_use use = {0};
    for (int i = 0; i < WAIT_MS / 10; i++) {
        look(s, t, MARK, f);
        use = memory_rough(f);
        if (use.bytes >= bytes)
            return use;
        nap_ms(10);
    }
    fail_msg("only %llu bytes", (unsigned long long)use.bytes);
    return use;
}

/* tail keeps all of a line that does not end. */
static void test_hog(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    struct family f;
    family_init(&f);
    task_shell(s, &t, "(head -c 62914560 /dev/zero; sleep 100) | tail", env);
    struct memory_use use = wait_for(s, &t, &f, 60 * MB);
    assert_true(use.bytes < 130 * MB);
    assert_true(use.processes >= 3);
    use = memory_exact(&f);
    assert_true(use.bytes >= 60 * MB && use.bytes < 130 * MB);
    family_fini(&f);
    destroy(s, &t);
}

/* A page that is shared behind a fork counts once, exactly. */
static void test_fork(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    struct family f;
    family_init(&f);
    task_shell(s, &t,
               "x=$(head -c 20971520 /dev/zero | tr '\\0' a)\n"
               "for i in 1 2 3 4 5 6 7; do (sleep 100; : $x) & done\n"
               "sleep 100; : $x",
               env);
    struct memory_use rough = wait_for(s, &t, &f, 8 * 20 * MB);
    struct memory_use exact = memory_exact(&f);
    assert_true(exact.bytes >= 20 * MB);
    assert_true(exact.bytes < rough.bytes / 2);
    family_fini(&f);
    destroy(s, &t);
}

/* A process that is gone has nothing. */
static void test_gone(void **state)
{
    (void)state;
    struct family f;
    family_init(&f);
    assert_int_equal(family_read(&f, 0x3fffffff), 0);
    assert_int_equal(memory_rough(&f).bytes, 0);
    assert_int_equal(memory_exact(&f).processes, 0);
    family_fini(&f);
}

/* ---- What the kernel has killed ---- */

static void put(const char *folder, const char *name, const char *text)
{
    char path[256], *p;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_kills(void **state)
{
    (void)state;
    char folder[] = "/tmp/t_memory.XXXXXX", line[64];
    uint64_t kills = 99;
    assert_non_null(mkdtemp(folder));
    assert_false(memory_kills_of("0::/job\n", folder, &kills));
    put(folder, "job/memory.events",
        "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
    put(folder, "unified/mixed/memory.events", "max 0\noom 5\noom_kill 5\n");
    put(folder, "memory/old/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    assert_true(memory_kills_of("0::/job\n", folder, &kills));
    assert_int_equal(kills, 2);
    assert_true(memory_kills_of("0::/mixed", folder, &kills));
    assert_int_equal(kills, 5);
    assert_true(
        memory_kills_of("9:cpuset:/x\n4:memory:/old\n0::/\n", folder, &kills));
    assert_int_equal(kills, 7);
    kills = 99;
    assert_false(memory_kills_of("4:memory:/none\n0::/\n", folder, &kills));
    assert_false(memory_kills_of("", folder, &kills));
    assert_false(memory_kills_of("memory", folder, &kills));
    assert_int_equal(kills, 99);
    snprintf(line, sizeof(line), "rm -r %s", folder);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_family), cmocka_unit_test(test_others),
        cmocka_unit_test(test_hog),    cmocka_unit_test(test_fork),
        cmocka_unit_test(test_gone),   cmocka_unit_test(test_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
