/* The keeper ends the tasks of a worker that was killed. */
#include "config.h"
#include "proc/keeper.h"

#include <stdint.h>
#include <sys/prctl.h>

#include "task.h"

#include "base/mem.h"

enum { MAX_PIDS = 8 };

/* What a worker tells the test. */
struct report {
    pid_t keeper;
    pid_t pids[MAX_PIDS]; /* processes of its tasks */
    size_t count;
};

struct worker {
    pid_t pid;
    int fd; /* reports come here */
    struct report report;
};

static const char path_entry[] = "PATH=/usr/bin:/bin";

/* Worker: start a task with a marker and take over the pids that it prints. */
static struct task begin(struct spawner *s, struct keeper *k, uint32_t at,
                         const char *marker, const char *line, int lines,
                         struct report *r)
{
    char entry[64];
    struct task t;
    snprintf(entry, sizeof(entry), "T_KEEPER=%s", marker);
    char *envp[] = {(char *)(uintptr_t)path_entry, entry, NULL};
    task_shell(s, &t, line, envp);
    if (k)
        keeper_set(k, at, t.pid, marker);
    task_read_lines(&t, lines);
    r->pids[r->count++] = t.pid;
    r->count += task_pids(&t, r->pids + r->count, MAX_PIDS - r->count);
    return t;
}

/* Start a worker, which runs `life` and reports once. */
static struct worker start_worker(void (*life)(struct report *))
{
    struct worker w;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    w.pid = fork();
    if (w.pid == 0) {
        struct report r = {0};
        life(&r);
        if (write(ends[1], &r, sizeof(r)) == sizeof(r))
            pause();
        _exit(1);
    }
    close(ends[1]);
    w.fd = ends[0];
    assert_int_equal(read(w.fd, &w.report, sizeof(w.report)), sizeof(w.report));
    return w;
}

static void kill_worker(struct worker *w)
{
    kill(w->pid, SIGKILL);
    assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
    close(w->fd);
}

static void check_all_gone(const struct worker *w)
{
    for (size_t i = 0; i < w->report.count; i++)
        if (!is_gone_soon(w->report.pids[i]))
            fail_msg("process %zu of %zu is left", i, w->report.count);
    assert_true(is_gone_soon(w->report.keeper));
}

/* Tasks with daemons: by session, by marker, by both; two at a time. */
static void life_with_daemons(struct report *r)
{
    struct keeper *k = keeper_create(4, "T_KEEPER", NULL);
    struct spawner *s = spawner_create(NULL);
    begin(s, k, 1, "one",
          "(setsid sh -c 'trap \"\" TERM; echo $$; sleep 100; :' &);"
          " set -m; env -i /bin/sleep 100 & echo $!; wait",
          2, r);
    begin(s, k, 3, "two",
          "(setsid sh -c 'sleep 100 & echo $$ $!; wait' &); exec sleep 100", 1,
          r);
    r->keeper = keeper_pid(k);
}

static void test_killed_worker(void **state)
{
    (void)state;
    /* like those of another worker: another marker, or none */
    struct report others = {0};
    struct spawner *s = spawner_create(NULL);
    struct task other = begin(s, NULL, 0, "other",
                              "setsid sleep 100 & echo $!; wait", 1, &others);
    struct task onex =
        begin(s, NULL, 0, "one2", "echo $$; exec sleep 100", 1, &others);
    struct worker w = start_worker(life_with_daemons);
    assert_true(w.report.count == 6);
    for (size_t i = 0; i < w.report.count; i++)
        assert_true(is_alive(w.report.pids[i]));
    kill_worker(&w);
    check_all_gone(&w);
    for (size_t i = 0; i < others.count; i++)
        assert_true(is_alive(others.pids[i]));
    spawn_signal_group(other.pid, SIGKILL);
    spawn_signal_group(onex.pid, SIGKILL);
    spawn_sweep(s, other.pid, "T_KEEPER=other", &onex.pid, 1);
    task_finish(&other, &(struct rusage){0});
    task_finish(&onex, &(struct rusage){0});
    spawn_sweep_all(s, NULL, 0);
    spawner_destroy(s);
}

/* A task that has ended and left something which was not swept yet. */
static void life_cleared(struct report *r)
{
    struct keeper *k = keeper_create(1, "T_KEEPER", NULL);
    struct spawner *s = spawner_create(NULL);
    struct task t = begin(s, k, 0, "gone", "setsid sleep 100 & echo $!", 1, r);
    task_finish(&t, &(struct rusage){0});
    keeper_clear(k, 0);
    r->keeper = keeper_pid(k);
}

static void test_cleared_entry(void **state)
{
    (void)state;
    struct worker w = start_worker(life_cleared);
    assert_int_equal(w.report.count, 2);
    assert_true(is_alive(w.report.pids[1]));
    kill_worker(&w);
    check_all_gone(&w);
}

/* A worker that ends in order: its keeper leaves and touches nobody. */
static void life_in_order(struct report *r)
{
    struct keeper *k = keeper_create(1, "T_KEEPER", NULL);
    struct spawner *s = spawner_create(NULL);
    begin(s, k, 0, "stays", "echo $$; exec sleep 100", 1, r);
    r->keeper = keeper_pid(k);
    keeper_destroy(k);
    if (is_alive(r->keeper) || waitpid(-1, NULL, WNOHANG) != 0)
        r->count = 0;
}

static void test_destroy(void **state)
{
    (void)state;
    struct worker w = start_worker(life_in_order);
    assert_int_equal(w.report.count, 2);
    assert_false(is_alive(w.report.keeper));
    nap_ms(50);
    assert_true(is_alive(w.report.pids[0]));
    kill_worker(&w);
    assert_true(is_gone_soon(w.report.pids[0])); /* by its death signal */
    keeper_destroy(NULL);
}

/* What the keeper holds, and what it survives. */
static void test_its_own_life(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT,  SIGHUP, SIGUSR1,
                                  SIGUSR2, SIGQUIT, SIGPIPE};
    (void)state;
    int held = dup(2);
    struct keeper *k = keeper_create(2, "T_KEEPER", NULL);
    assert_non_null(k);
    pid_t pid = keeper_pid(k);
    struct procfs_stat st = {0};
    for (int i = 0; i < 1000 && st.session != pid; i++) {
        nap_ms(1);
        assert_true(procfs_stat(pid, &st));
    }
    nap_ms(20);
    assert_int_equal(st.session, pid);
    assert_int_equal(st.group, pid);
    char path[64], link[64];
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(path, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        if (fd < 3)
            assert_string_equal(link, "/dev/null");
        else if (fd == 3)
            assert_int_equal(strncmp(link, "pipe:", 5), 0);
        else
            assert_string_equal(link, "");
    }
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(link, sizeof(link), f));
    fclose(f);
    assert_string_equal(link, "mpibatch-keeper\n");
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        kill(pid, signals[i]);
    nap_ms(20);
    assert_true(is_alive(pid));
    keeper_destroy(k);
    assert_false(is_alive(pid));
    close(held);
}

/* The worker goes on if its keeper is killed. */
static void test_killed_keeper(void **state)
{
    (void)state;
    struct keeper *k = keeper_create(2, "T_KEEPER", NULL);
    assert_non_null(k);
    pid_t pid = keeper_pid(k);
    kill(pid, SIGKILL);
    assert_true(is_gone_soon(pid));
    keeper_set(k, 1, getpid(), "still");
    keeper_clear(k, 1);
    keeper_destroy(k);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void test_errors(void **state)
{
    (void)state;
    struct err err = {0};
    mem_fail_at(1);
    assert_null(keeper_create(2, "T_KEEPER", &err));
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    char name[100];
    memset(name, 'X', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_null(keeper_create(2, name, &err));
    assert_int_equal(err.code, EINVAL);
    /* no descriptor is left for its pipe */
    struct rlimit old, none = {.rlim_cur = 0};
    getrlimit(RLIMIT_NOFILE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_null(keeper_create(2, "T_KEEPER", &err));
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(err.code, EMFILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_worker),
                                       cmocka_unit_test(test_cleared_entry),
                                       cmocka_unit_test(test_destroy),
                                       cmocka_unit_test(test_its_own_life),
                                       cmocka_unit_test(test_killed_keeper),
                                       cmocka_unit_test(test_errors)};
    /* orphans of killed workers come back to us and can be looked after */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
