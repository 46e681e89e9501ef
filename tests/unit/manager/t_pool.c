/* A real manager and real workers in one process, over a network that drops,
 * repeats, delays and reorders packets: the whole protocol without MPI.
 *
 * Rank 1 runs the tasks (one worker of a process can have children); ranks 0
 * and 2 have no slots, as ranks beyond the number of cores. The clock is the
 * real one, so delays are a few ms.
 */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "comm/pair.h"
#include "manager/manager.h"
#include "spec/spec.h"
#include "wire/msg.h"
#include "worker/worker.h"

enum { RANKS = 3, SLOTS = 4, TASKS = 60 };
/* Over this a rank is lost: three heartbeats. */
#define SILENCE_NS INT64_C(3000000000)

/* Sixty tasks: one in ten fails, one in ten is retried once, all print. */
static const char spec_text[] =
    "name: pool\n"
    "jobs:\n"
    "  - id: j\n"
    "    constraints: {max_task_retry_count: 1}\n"
    "    sweep:\n"
    "      parameters: {a: [0, 1, 2, 3, 4, 5], b: [0, 1, 2, 3, 4, 5, 6, 7, 8, "
    "9]}\n"
    "    task:\n"
    "      command_line: |\n"
    "        echo v={a}{b}\n"
    "        test {b} != 3 || exit 7\n"
    "        test {b} != 4 || test $MPIBATCH_TASK_ATTEMPT = 2\n"
    "    metrics: {v: {from: stdout, regex: 'v=(.*)', type: int64}}\n";

struct bench {
    char dir[64];
    struct jobspec *spec;
    struct loop *loop;
    struct pair *net;
    struct comm *comm[RANKS];
    struct worker *worker[RANKS];
    struct manager *manager;
    struct spawner *spawner;
    struct keeper *keeper;
    struct environment *env;
    struct topo *topo;
    struct slots slots, none;
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
    struct output_pack *outputs;
    struct node_info ranks[RANKS];
    uint32_t nodes[RANKS];
    bool finished, clean;
    int exit_code;
    unsigned failures, orphans;
};

static bool on_comm(void *arg)
{
    struct bench *p = arg;
    bool busy = false;
    for (uint32_t r = 0; r < RANKS; r++)
        busy |= comm_turn(p->comm[r], loop_now_ns(p->loop));
    return busy;
}

static void on_finished(void *arg, int exit_code, bool clean)
{
    struct bench *p = arg;
    p->finished = true;
    p->exit_code = exit_code;
    p->clean = clean;
    loop_stop(p->loop);
}

static void on_left(void *arg, bool orphaned)
{
    struct bench *p = arg;
    p->orphans += orphaned;
}

static char *on_output_path(void *arg, const char *job, const char *task,
                            const struct attempt *a, int stream,
                            struct err *err)
{
    (void)arg, (void)job, (void)task, (void)a, (void)stream;
    err_set(err, 1, "no large outputs here");
    return NULL;
}

static void on_failure(void *arg, const struct attempt *a, const char *tail,
                       size_t len)
{
    struct bench *p = arg;
    (void)a, (void)tail, (void)len;
    p->failures++;
}

static void on_progress(void *arg, const struct snapshot *snap)
{
    const struct task_counts *t = &snap->tasks;
    (void)arg;
    assert_int_equal(t->total, t->succeeded + t->failed + t->running +
                                   t->preparing + t->storing + t->active);
}

static void workers_build(struct bench *p)
{
    struct err err;
    for (uint32_t r = 0; r < RANKS; r++) {
        struct worker_config c = {.loop = p->loop,
                                  .comm = p->comm[r],
                                  .spec = p->spec,
                                  .topo = p->topo,
                                  .slots = r == 1 ? &p->slots : &p->none,
                                  .spawner = p->spawner,
                                  .keeper = p->keeper,
                                  .environment = p->env,
                                  .run_dir = rundir_path(p->rundir),
                                  .work_dir = p->dir,
                                  .host = "here",
                                  .key = "t_pool",
                                  .grace_ns = 1000000000,
                                  .stop_grace_ns = 1000000000,
                                  .silence_ns = SILENCE_NS,
                                  .left = on_left,
                                  .output_path = on_output_path,
                                  .arg = p};
        p->worker[r] = worker_create(&c, &err);
        assert_non_null(p->worker[r]);
        assert_int_equal(worker_start(p->worker[r], &err), 0);
    }
}

/* What earlier sessions have left is read before this one writes. */
static void manager_read(struct bench *p, uint64_t limit)
{
    struct err err;
    struct manager_config c = {
        .loop = p->loop,
        .spec = p->spec,
        .rundir = p->rundir,
        .rank_count = RANKS,
        .task_limit = limit,
        .silence_ns = SILENCE_NS,
        .observer = {.failure = on_failure, .progress = on_progress, .arg = p},
        .finished = on_finished,
        .arg = p};
    struct journal_reader *past = journal_read(p->rundir, p->spec, &err);
    assert_non_null(past);
    p->manager = manager_create(&c, past, &err);
    journal_reader_destroy(past);
    if (!p->manager)
        fail_msg("%s", err.text);
}

static void manager_begin(struct bench *p)
{
    struct err err;
    static const struct provenance from = {.command = "x",
                                           .folder = "/",
                                           .hwloc = "",
                                           .hdf5 = "",
                                           .environment = ""};
    struct manager_means m = {.comm = p->comm[0],
                              .writer = p->writer,
                              .journal = p->journal,
                              .outputs = p->outputs,
                              .ranks = p->ranks,
                              .rank_nodes = p->nodes,
                              .node_count = 1,
                              .mpi_library = "none",
                              .provenance = &from,
                              .work_dir = "/"};
    assert_int_equal(manager_start(p->manager, &m, &err), 0);
}

/* A pool on the run directory dir/pool.run: a session of it, ready to run. */
static void bench_build_for(struct bench *p, const char *dir, const char *text,
                            const struct pair_faults *faults, uint64_t limit)
{
    const struct pool four = {.task_slots_per_node = SLOTS};
    const char *cpus[1];
    char path[] = "PATH=/usr/bin:/bin", *environment[] = {path, NULL};
    struct spec_errors errors = {0};
    struct err err;
    char run[96];
    bool fresh;

    memset(p, 0, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "%s", dir);
    snprintf(run, sizeof(run), "%s/pool.run", dir);
    p->spec = spec_parse(text, strlen(text), "pool", NULL, &errors);
    assert_non_null(p->spec);
    assert_non_null(p->loop = loop_create(&err));
    assert_non_null(p->spawner = spawner_create(&err));
    assert_non_null(p->keeper = keeper_create(SLOTS, WORKER_MARKER, &err));
    p->env = environment_create(environment, &err);
    assert_non_null(p->env);
    assert_non_null(p->topo = topo_load(NULL, &err));
    assert_int_equal(topo_describe(p->topo, &p->ranks[0], &err), 0);
    p->ranks[1] = p->ranks[2] = p->ranks[0];
    cpus[0] = p->ranks[0].cpus;
    assert_int_equal(
        topo_divide(p->topo, &four, cpus, 0, 1, 1, &p->slots, &err), 0);
    p->rundir =
        rundir_open(run, text, strlen(text), __FILE__, NULL, &fresh, &err);
    if (!p->rundir)
        fail_msg("%s", err.text);
    manager_read(p, limit);
    assert_non_null(p->writer = writer_create(&err));
    p->journal = journal_create(p->rundir, p->spec, p->writer, &err);
    p->outputs = output_pack_create(p->rundir, p->writer, &err);
    assert_non_null(p->journal);
    assert_non_null(p->outputs);
    assert_non_null(p->net = pair_create(RANKS, faults, &err));
    for (uint32_t r = 0; r < RANKS; r++) {
        p->comm[r] =
            comm_create(pair_transport(p->net, r), 7, MSG_MAX_BYTES, &err);
        assert_non_null(p->comm[r]);
    }
    assert_int_equal(loop_add_turn(p->loop, on_comm, p, &err), 0);
    workers_build(p);
    manager_begin(p);
}

static void bench_build(struct bench *p, const char *dir,
                        const struct pair_faults *faults, uint64_t limit)
{
    bench_build_for(p, dir, spec_text, faults, limit);
}

static void bench_fini(struct bench *p)
{
    struct err err;
    for (uint32_t r = 0; r < RANKS; r++)
        worker_destroy(p->worker[r]);
    manager_destroy(p->manager);
    journal_destroy(p->journal);
    output_pack_destroy(p->outputs);
    assert_int_equal(writer_destroy(p->writer, 1000000000, &err), 0);
    for (uint32_t r = 0; r < RANKS; r++)
        comm_destroy(p->comm[r]);
    pair_destroy(p->net);
    rundir_close(p->rundir);
    slots_fini(&p->slots);
    topo_destroy(p->topo);
    environment_destroy(p->env);
    keeper_destroy(p->keeper);
    spawner_destroy(p->spawner);
    loop_destroy(p->loop);
    jobspec_destroy(p->spec);
}

/* Read the journal: every task has ended once, as it should, with its output
 * and its metric. */
static void journal_check(const char *dir, uint32_t expected_attempts)
{
    struct spec_errors errors = {0};
    struct err err;
    char run[96], want[16];
    unsigned ended[TASKS] = {0}, attempts = 0;
    struct journal_record r;
    struct buf out;

    snprintf(run, sizeof(run), "%s/pool.run", dir);
    struct jobspec *spec =
        spec_parse(spec_text, strlen(spec_text), "pool", NULL, &errors);
    struct rundir *rd = rundir_open_read(run, &err);
    assert_non_null(rd);
    struct journal_reader *past = journal_read(rd, spec, &err);
    assert_non_null(past);
    buf_init(&out, 1000);
    while (journal_next(past, &r, &err) > 0) {
        if (r.type != JOURNAL_ATTEMPT)
            continue;
        const struct attempt *a = r.u.attempt;
        uint32_t b = a->index % 10;
        attempts++;
        ended[a->index] += a->disposition == TASK_ENDS;
        assert_int_equal(a->rank, 1);
        assert_int_equal(a->result, b == 3 || (b == 4 && a->attempt == 1)
                                        ? RESULT_FAILURE
                                        : RESULT_SUCCESS);
        assert_int_equal(a->disposition,
                         a->result == RESULT_FAILURE && a->attempt == 1
                             ? TASK_RETRIES
                             : TASK_ENDS);
        assert_int_equal(a->exit_code, b == 3                      ? 7
                                       : b == 4 && a->attempt == 1 ? 1
                                                                   : 0);
        assert_int_equal(a->metrics[0].u.integer, a->index);
        snprintf(want, sizeof(want), "v=%u%u\n", a->index / 10, b);
        buf_reset(&out);
        assert_int_equal(output_read(rd, a, "j", "0", 0, 0, 1000, &out, &err),
                         0);
        assert_string_equal(buf_text(&out), want);
    }
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(ended[i], 1);
    assert_int_equal(attempts, expected_attempts);
    buf_fini(&out);
    journal_reader_destroy(past);
    rundir_close(rd);
    jobspec_destroy(spec);
}

static void dir_make(char dir[32])
{
    snprintf(dir, 32, "/tmp/t_pool.XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void dir_remove(const char *dir)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void run_with(const struct pair_faults *faults)
{
    struct bench p;
    struct err err;
    char dir[32];
    dir_make(dir);
    bench_build(&p, dir, faults, 0);
    assert_true(manager_has_work(p.manager));
    assert_int_equal(loop_run(p.loop, &err), 0);
    assert_true(p.finished);
    assert_true(p.clean);
    assert_int_equal(p.exit_code, EXIT_SOME_FAILED);
    const struct snapshot *s = manager_snapshot(p.manager);
    assert_int_equal(s->tasks.succeeded, 54);
    assert_int_equal(s->tasks.failed, 6);
    assert_int_equal(s->tasks.retried, 12);
    assert_int_equal(s->jobs[0].state, JOB_COMPLETED);
    assert_int_equal(p.failures, 18);
    assert_int_equal(p.orphans, 0);
    bench_fini(&p);
    journal_check(dir, 72);
    dir_remove(dir);
}

static void test_quiet(void **state)
{
    (void)state;
    run_with(&(struct pair_faults){.seed = 1});
}

static void test_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run_with(&(struct pair_faults){.drop_permille = 20,
                                       .repeat_permille = 50,
                                       .delay_max_ns = 3000000,
                                       .seed = seed});
}

/* Sessions of at most 7 tasks each, until all is done. */
static void test_sessions(void **state)
{
    (void)state;
    const struct pair_faults faults = {.delay_max_ns = 1000000, .seed = 5};
    struct bench p;
    struct err err;
    char dir[32];
    unsigned sessions = 0;
    dir_make(dir);
    for (bool more = true; more; sessions++) {
        bench_build(&p, dir, &faults, 7);
        assert_int_equal(loop_run(p.loop, &err), 0);
        more = p.exit_code == EXIT_STOPPED;
        if (!more)
            assert_int_equal(p.exit_code, EXIT_SOME_FAILED);
        bench_fini(&p);
        assert_true(sessions < 100);
    }
    assert_true(sessions > 8);
    journal_check(dir, 72);
    dir_remove(dir);
}

/* The rank that runs everything is cut off: its tasks are lost, nobody can
 * run them, and the run ends as lost; what was journaled stays. */
static void test_cut(void **state)
{
    (void)state;
    struct bench p;
    struct err err;
    char dir[32];
    dir_make(dir);
    bench_build(&p, dir, &(struct pair_faults){.seed = 1}, 0);
    pair_cut(p.net, 1, true);
    assert_int_equal(loop_run(p.loop, &err), 0);
    assert_true(p.finished);
    assert_false(p.clean);
    assert_int_equal(p.exit_code, EXIT_LOST);
    assert_int_equal(manager_snapshot(p.manager)->tasks.active, TASKS);
    assert_true(p.orphans <= 1); /* it may still be waiting */
    bench_fini(&p);
    dir_remove(dir);
}

struct at {
    struct loop_timer timer;
    struct bench *p;
};

static void at(struct at *a, struct bench *p, void (*what)(struct loop_timer *),
               int64_t after_ns)
{
    struct err err;
    a->p = p;
    loop_timer_init(&a->timer, what);
    assert_int_equal(loop_timer_start(p->loop, &a->timer,
                                      loop_now_ns(p->loop) + after_ns, &err),
                     0);
}

static void stop_now(struct loop_timer *timer)
{
    manager_stop(((struct at *)timer)->p->manager, true, "test");
}

static void give_up(struct loop_timer *timer)
{
    loop_stop(((struct at *)timer)->p->loop);
}

/* Told to stop while a large output cannot be written, by a task that has
 * ended and by one that runs: the run ends, both tasks are to run again. */
static void test_stop_stalled(void **state)
{
    (void)state;
    static const char text[] =
        "jobs:\n"
        "  - tasks:\n"
        "      - {command_line: head -c 200000 /dev/zero}\n"
        "      - {command_line: cat /dev/zero}\n";
    struct bench p;
    struct err err;
    struct at stop, late;
    char dir[32];
    dir_make(dir);
    bench_build_for(&p, dir, text, &(struct pair_faults){.seed = 1}, 0);
    at(&stop, &p, stop_now, INT64_C(300000000));
    at(&late, &p, give_up, INT64_C(8000000000));
    assert_int_equal(loop_run(p.loop, &err), 0);
    assert_true(p.finished);
    assert_true(p.clean);
    assert_int_equal(p.exit_code, EXIT_STOPPED);
    assert_int_equal(manager_snapshot(p.manager)->tasks.active, 2);
    loop_timer_stop(p.loop, &late.timer);
    bench_fini(&p);
    dir_remove(dir);
}

static void sleep_long(struct loop_timer *timer)
{
    (void)timer;
    usleep((useconds_t)(SILENCE_NS / 1000 + 500000));
}

/* All ranks sleep for longer than a silent one is given (a terminal has
 * stopped them): nobody takes anybody for lost. */
static void test_sleep(void **state)
{
    (void)state;
    static const char text[] = "jobs:\n"
                               "  - tasks: [{command_line: sleep 4}]\n";
    struct bench p;
    struct err err;
    struct at nap;
    char dir[32];
    dir_make(dir);
    bench_build_for(&p, dir, text, &(struct pair_faults){.seed = 1}, 0);
    at(&nap, &p, sleep_long, INT64_C(100000000));
    assert_int_equal(loop_run(p.loop, &err), 0);
    assert_true(p.clean);
    assert_int_equal(p.exit_code, EXIT_ALL_SUCCEEDED);
    assert_int_equal(p.orphans, 0);
    bench_fini(&p);
    dir_remove(dir);
}

/* The time of a job that waits for another one does not count, whatever
 * sessions there were before it. */
static void test_job_time(void **state)
{
    (void)state;
    static const char text[] =
        "jobs:\n"
        "  - {id: first, tasks: [{command_line: sleep 1.2}]}\n"
        "  - id: second\n"
        "    constraints: {max_wall_clock_time: 1s}\n"
        "    tasks: [{command_line: 'true'}, {command_line: 'true'}]\n";
    struct bench p;
    struct err err;
    char dir[32];
    dir_make(dir);
    for (int i = 0; i < 2; i++) {
        bench_build_for(&p, dir, text, &(struct pair_faults){.seed = 1},
                        i == 0 ? 1 : 0);
        assert_int_equal(loop_run(p.loop, &err), 0);
        assert_int_equal(p.exit_code,
                         i == 0 ? EXIT_STOPPED : EXIT_ALL_SUCCEEDED);
        bench_fini(&p);
    }
    dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_sessions),     cmocka_unit_test(test_cut),
        cmocka_unit_test(test_stop_stalled), cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_job_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
