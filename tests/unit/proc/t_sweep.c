/* Ending what tasks leave behind. */
#include "config.h"
#include "proc/spawn.h"

#include <stdint.h>
#include <sys/prctl.h>

#include "task.h"

#define MARK_A "T_SWEEP=a"
#define MARK_B "T_SWEEP=b"

static char *const env_a[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                              (char *)(uintptr_t)MARK_A, NULL};
static char *const env_b[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
                              (char *)(uintptr_t)MARK_B, NULL};

static struct spawner *create(void)
{
    struct err err = {0};
    struct spawner *s = spawner_create(&err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

/* Ways of leaving processes behind: each line prints their pids and ends with
 * code 3. */
static const struct escape {
    const char *name, *line;
    int lines;
} escapes[] = {
    {"nothing", "exit 3", 0},
    {"background", "sleep 100 & echo $!; exit 3", 1},
    {"ignores signals", "(trap '' TERM HUP INT; sleep 100 & echo $!); exit 3",
     1},
    {"own group", "set -m; sleep 100 & echo $!; exit 3", 1},
    {"own group, no environment",
     "set -m; env -i /bin/sleep 100 & echo $!; exit 3", 1},
    {"no environment", "env -i /bin/sleep 100 & echo $!; exit 3", 1},
    {"stopped", "sleep 100 & kill -STOP $!; echo $!; exit 3", 1},
    {"own session", "setsid sleep 100 & echo $!; exit 3", 1},
    {"daemon",
     "(setsid sh -c 'echo $$; exec sleep 100 >/dev/null 2>&1' &); "
     "sleep 0.1; exit 3",
     1},
    {"family of a daemon",
     "(setsid sh -c 'sleep 100 & a=$!; setsid sh -c \"sleep 100 & echo \\$\\$"
     " \\$!; wait\" & echo $$ $a; wait' &) | head -n 2; exit 3",
     2},
    {"forty sessions",
     "i=0; while [ $i -lt 40 ]; do setsid sleep 100 & echo $!; i=$((i+1));"
     " done; exit 3",
     40},
};

static void test_escapes(void **state)
{
    (void)state;
    struct spawner *s = create();
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        struct task t;
        pid_t left[64];
        task_shell(s, &t, escapes[i].line, env_a);
        task_read_lines(&t, escapes[i].lines);
        task_wait(&t);
        size_t count = task_pids(&t, left, 64);
        assert_true(count >= (size_t)escapes[i].lines);
        for (size_t k = 0; k < count; k++)
            if (!is_alive(left[k]))
                fail_msg("%s: %d has ended already", escapes[i].name,
                         (int)left[k]);
        unsigned ended = spawn_sweep(s, t.pid, MARK_A, NULL, 0);
        for (size_t k = 0; k < count; k++) {
            /* on a busy machine a death takes longer than a sweep waits */
            for (int n = 0; n < WAIT_MS / 5 && is_alive(left[k]); n++) {
                nap_ms(5);
                ended += spawn_sweep(s, 0, NULL, &t.pid, 1);
            }
            if (is_alive(left[k]))
                fail_msg("%s: %d is left", escapes[i].name, (int)left[k]);
        }
        ended += spawn_sweep(s, 0, NULL, &t.pid, 1);
        if (ended < count)
            fail_msg("%s: %u ended, of %zu", escapes[i].name, ended, count);
        assert_true(count > 0 || ended == 0);
        int status = task_finish(&t, &(struct rusage){0});
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombies */
    }
    spawner_destroy(s);
}

/* Sweep until something has ended: on a busy machine a death takes longer than
 * a sweep waits. */
static unsigned sweep_some(struct spawner *s, pid_t group, const char *marker,
                           const pid_t *keep, size_t keep_count)
{
    unsigned ended = 0;
    for (int n = 0; n < WAIT_MS / 5 && ended == 0; n++) {
        ended = spawn_sweep(s, group, marker, keep, keep_count);
        if (ended == 0)
            nap_ms(5);
    }
    return ended;
}

/* A running task, its daemon and our own children are left alone. */
static void test_neighbours(void **state)
{
    (void)state;
    pid_t own = fork();
    if (own == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody waits for it, if we fail */
        pause();
        _exit(0);
    }
    struct spawner *s = create();
    struct task a, b;
    pid_t left[2] = {0}, daemon = 0;
    task_shell(s, &b,
               "(setsid sh -c 'echo $$; exec sleep 100' &); exec sleep 100",
               env_b);
    task_read_lines(&b, 1);
    assert_int_equal(task_pids(&b, &daemon, 1), 1);
    task_shell(s, &a,
               "setsid sleep 100 & echo $!; env -i setsid sleep 100 & echo $!",
               env_a);
    task_read_lines(&a, 2);
    task_wait(&a);
    assert_int_equal(task_pids(&a, left, 2), 2);
    for (int n = 0; n < WAIT_MS / 5 && getsid(left[1]) != left[1]; n++)
        nap_ms(5); /* let env -i and setsid have their way */
    nap_ms(50);
    assert_true(sweep_some(s, a.pid, MARK_A, &b.pid, 1) >= 1);
    assert_int_equal(task_finish(&a, &(struct rusage){0}), 0);
    assert_true(is_gone_soon(left[0]));
    assert_true(is_alive(left[1])); /* nothing tells whose that is */
    assert_true(is_alive(b.pid) && is_alive(daemon) && is_alive(own));
    for (int i = 0; i < 3; i++)
        assert_int_equal(spawn_sweep(s, 0, NULL, &b.pid, 1), 0);
    assert_true(is_alive(b.pid) && is_alive(daemon) && is_alive(left[1]));
    /* the last task ends: then everything that came back may go */
    spawn_signal_group(b.pid, SIGKILL);
    task_wait(&b);
    assert_true(sweep_some(s, b.pid, MARK_B, &b.pid, 1) >= 1);
    int status = task_finish(&b, &(struct rusage){0});
    assert_true(WIFSIGNALED(status));
    assert_true(is_gone_soon(daemon) && is_alive(left[1]));
    assert_true(spawn_sweep_all(s, NULL, 0) >= 1);
    assert_false(is_alive(left[1]));
    assert_true(is_alive(own));
    kill(own, SIGKILL);
    assert_int_equal(waitpid(own, NULL, 0), own);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    spawner_destroy(s);
}

/* keep is kept, even by spawn_sweep_all. */
static void test_keep(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task a, b;
    task_shell(s, &a, "sleep 100", env_a);
    task_shell(s, &b, "sleep 100", env_a); /* even with the marker */
    const pid_t keep[] = {a.pid, b.pid};
    spawn_sweep(s, 0, MARK_A, keep, 2);
    assert_int_equal(spawn_sweep_all(s, keep, 2), 0);
    assert_true(is_alive(a.pid) && is_alive(b.pid));
    spawn_signal_group(a.pid, SIGKILL);
    spawn_signal_group(b.pid, SIGKILL);
    task_finish(&a, &(struct rusage){0});
    task_finish(&b, &(struct rusage){0});
    spawner_destroy(s);
}

/* What comes back from a running task and ends is reaped. */
static void test_zombies(void **state)
{
    (void)state;
    struct spawner *s = create();
    struct task t;
    pid_t pids[20];
    task_shell(s, &t,
               "i=0; while [ $i -lt 20 ]; do sh -c 'true & echo $!';"
               " i=$((i+1)); done; echo .; exec sleep 100",
               env_a);
    task_read_lines(&t, 21);
    assert_int_equal(task_pids(&t, pids, 20), 20);
    for (int i = 0; i < 20; i++)
        assert_true(is_gone_soon(pids[i]));
    assert_int_equal(spawn_sweep(s, 0, NULL, &t.pid, 1), 0);
    struct procfs_stat st;
    for (int i = 0; i < 20; i++)
        assert_false(procfs_stat(pids[i], &st)); /* not even a zombie */
    assert_true(is_alive(t.pid));
    spawn_signal_group(t.pid, SIGKILL);
    task_finish(&t, &(struct rusage){0});
    spawner_destroy(s);
}

/* So many tasks that the kernel's list of children takes several reads. */
static void test_many_children(void **state)
{
    enum { COUNT = 1200 };
    (void)state;
    struct spawner *s = create();
    struct task t;
    task_shell(s, &t, "setsid sleep 100 & echo $!", env_a);
    task_read_lines(&t, 1);
    pid_t left = 0, keep[COUNT];
    task_pids(&t, &left, 1);
    for (int i = 0; i < COUNT; i++) {
        keep[i] = fork();
        if (keep[i] == 0) {
            prctl(PR_SET_PDEATHSIG,
                  SIGKILL); /* nobody waits for it, if we fail */
            pause();
            _exit(0);
        }
        assert_true(keep[i] > 0);
    }
    task_wait(&t);
    assert_true(sweep_some(s, t.pid, MARK_A, keep, COUNT) >= 1);
    assert_false(is_alive(left));
    task_finish(&t, &(struct rusage){0});
    for (int i = 0; i < COUNT; i++)
        kill(keep[i], SIGKILL);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(waitpid(keep[i], NULL, 0), keep[i]);
    spawner_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_keep), cmocka_unit_test(test_zombies),
        cmocka_unit_test(test_many_children)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
