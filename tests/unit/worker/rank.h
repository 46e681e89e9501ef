/* A worker in a process of its own: a rank with slots, a scratch and all that a
 * session gives it, and a manager, which writes down what it is told.
 *
 * The job spec has three jobs of listed tasks; those of job "special" stand in
 * for special tasks of job "plain" and its pool. */
#ifndef MPIBATCH_TESTS_WORKER_RANK_H
#define MPIBATCH_TESTS_WORKER_RANK_H

#include <assert.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "bulk/offer.h"
#include "bulk/transfer.h"
#include "comm/pair.h"
#include "proc/environment.h"
#include "proc/keeper.h"
#include "proc/spawn.h"
#include "spec/spec.h"
#include "stage/cache.h"
#include "stage/io.h"
#include "stage/scratch.h"
#include "wire/msg.h"
#include "wire/stage_msg.h"
#include "worker/answer.h"
#include "worker/stager.h"
#include "worker/staging.h"
#include "worker/worker.h"

enum { RANK_SAID_MAX = 64, RANK_SLOTS = 4 };

/* What the worker has said: a line each. */
struct said {
    enum msg_kind kind;
    char text[512];    /* "JOB/INDEX.ATTEMPT reason message" */
    char output[8192]; /* of a result: all of it */
};

static struct {
    struct pair *control, *bulk;
    struct comm *ends[4]; /* manager's, worker's; the same of bulk */
    struct loop *loop;
    struct io *io;
    struct loop_fd io_watch;
    struct transfers *transfers;
    struct offers *offers;
    struct scratch *scratch;
    struct cache *cache;
    struct stager *stager;
    struct stage_counts counts;
    struct staging staging;
    struct spawner *spawner;
    struct keeper *keeper;
    struct environment *environment;
    struct topo *topo;
    struct slots slots;
    struct worker *worker;
    struct jobspec *spec;
    struct said said[RANK_SAID_MAX];
    uint32_t said_count, awaited_count;
    enum msg_kind awaited;
    struct loop_timer patience;
    bool left;
    char root[64], applications[PATH_MAX];
} rank;

/* ---- The manager ---- */

static inline void rank_note(const struct msg *m)
{
    assert(rank.said_count < RANK_SAID_MAX);
    struct said *s = &rank.said[rank.said_count++];
    *s = (struct said){.kind = m->kind};
    const struct attempt *a = m->u.result.attempt;
    switch (m->kind) {
    case MSG_RESULT:
        snprintf(s->text, sizeof(s->text), "%x/%x.%u %s %s", a->job, a->index,
                 a->attempt, attempt_reason_name(a->reason), a->message);
        assert_in_range(m->u.result.output_len[0], 0, sizeof(s->output) - 1);
        snprintf(s->output, sizeof(s->output), "%.*s",
                 (int)m->u.result.output_len[0], m->u.result.output[0]);
        break;
    case MSG_RETURNED:
        snprintf(s->text, sizeof(s->text), "%x/%x+%u.%u", m->u.range.job,
                 m->u.range.first, m->u.range.count, m->u.range.attempt);
        break;
    case MSG_STARTED:
    case MSG_STORING:
    case MSG_PREPARED:
    case MSG_INSTANCE:
        snprintf(s->text, sizeof(s->text), "%x/%x.%u", m->u.started.job,
                 m->u.started.index, m->u.started.attempt);
        break;
    default:
        break;
    }
}

static void rank_on_message(void *arg, uint32_t peer, const void *data,
                            size_t len)
{
    struct attempt a;
    struct msg m = {.u.result.attempt = &a};
    struct err err = {0};
    (void)arg;
    assert_int_equal(peer, 1);
    attempt_init(&a);
    if (msg_parse(data, len, rank.spec, &m, &err) < 0)
        fail_msg("%s", err.text);
    rank_note(&m);
    if (m.kind == MSG_RESULT)
        attempt_fini(&a);
    if (m.kind == rank.awaited && --rank.awaited_count == 0)
        loop_stop(rank.loop);
}

static inline void rank_tell(const struct msg *m)
{
    struct buf b;
    struct err err = {0};
    buf_init(&b, MSG_MAX_BYTES);
    assert_int_equal(msg_put(&b, m, rank.spec), 0);
    assert_int_equal(
        comm_send(rank.ends[0], 1, COMM_TO_WORKER, b.data, b.len, &err), 0);
    buf_fini(&b);
}

static inline void rank_assign(uint32_t job, uint32_t first, uint32_t attempt)
{
    rank_tell(&(struct msg){
        .kind = MSG_ASSIGN,
        .u.range = {
            .job = job, .first = first, .count = 1, .attempt = attempt}});
}

/* Go on until the worker has said so many more of these. */
static inline void rank_await(enum msg_kind kind, uint32_t count)
{
    struct err err = {0};
    rank.awaited = kind;
    rank.awaited_count = count;
    loop_timer_start(rank.loop, &rank.patience,
                     clock_mono_ns() + 20 * NS_PER_SEC, &err);
    assert_int_equal(loop_run(rank.loop, &err), 0);
    if (rank.awaited_count > 0)
        fail_msg("the worker has not said %d", (int)kind);
    loop_timer_stop(rank.loop, &rank.patience);
}

/* Go on for a while. */
static inline void rank_pass(int64_t ns)
{
    struct err err = {0};
    rank.awaited = 0;
    rank.awaited_count = 0;
    loop_timer_start(rank.loop, &rank.patience, clock_mono_ns() + ns, &err);
    assert_int_equal(loop_run(rank.loop, &err), 0);
}

/* The last that it has said of a kind. */
static inline const struct said *rank_said(enum msg_kind kind)
{
    for (uint32_t i = rank.said_count; i-- > 0;)
        if (rank.said[i].kind == kind)
            return &rank.said[i];
    fail_msg("the worker has not said %d", (int)kind);
    return NULL;
}

static inline bool rank_has_said(enum msg_kind kind)
{
    for (uint32_t i = 0; i < rank.said_count; i++)
        if (rank.said[i].kind == kind)
            return true;
    return false;
}

/* ---- The rank ---- */

static bool rank_on_turn(void *arg)
{
    int64_t now_ns = loop_now_ns(rank.loop);
    bool busy = false;
    (void)arg;
    for (int i = 0; i < 4; i++)
        busy |= comm_turn(rank.ends[i], now_ns);
    busy |= stager_turn(rank.stager, now_ns);
    return transfers_turn(rank.transfers, now_ns) || busy;
}

static void rank_on_io(struct loop_fd *fd, uint32_t events)
{
    (void)fd;
    (void)events;
    io_turn(rank.io);
}

static void rank_on_patience(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(rank.loop);
}

static void rank_on_left(void *arg, bool orphaned)
{
    (void)arg;
    (void)orphaned;
    rank.left = true;
    loop_stop(rank.loop);
}

static char *rank_on_output(void *arg, const char *job_id, const char *task_id,
                            const struct attempt *a, int stream,
                            struct err *err)
{
    char path[PATH_MAX];
    (void)arg;
    (void)err;
    snprintf(path, sizeof(path), "%s/%s.%s.%u.%d", rank.root, job_id, task_id,
             a->attempt, stream);
    return mem_strdup(path);
}

static inline struct jobspec *rank_spec(const char *text)
{
    struct spec_errors errors = {0};
    struct jobspec *spec =
        spec_parse(text, strlen(text), "test", NULL, &errors);
    if (!spec)
        fail_msg("%u: %s", errors.list[0].line, errors.list[0].text);
    spec_errors_fini(&errors);
    return spec;
}

static inline void rank_stage_up(void)
{
    struct err err = {0};
    const struct cache_config cache = {.max_bytes = 1 << 20};
    rank.scratch = scratch_create(rank.root, "key", rank.root, false, 0, &err);
    assert_non_null(rank.scratch);
    rank.cache = cache_open(scratch_cache_path(rank.scratch), &cache, &err);
    rank.io = io_create(2, &err);
    rank.transfers = transfers_create(rank.ends[3], rank.io, &err);
    rank.offers = offers_create(rank.ends[3], rank.transfers, &err);
    assert_non_null(rank.offers);
    snprintf(rank.applications, sizeof(rank.applications), "%s/applications",
             scratch_path(rank.scratch));
    const struct stager_config stager = {.bulk = rank.ends[3],
                                         .transfers = rank.transfers,
                                         .io = rank.io,
                                         .cache = rank.cache,
                                         .spec = rank.spec,
                                         .work_dir = rank.root,
                                         .applications = rank.applications,
                                         .counts = &rank.counts};
    rank.stager = stager_create(&stager, &err);
    assert_non_null(rank.stager);
    rank.io_watch = (struct loop_fd){.ready = rank_on_io, .fd = io_fd(rank.io)};
    assert_int_equal(loop_add_fd(rank.loop, &rank.io_watch, EPOLLIN, &err), 0);
    rank.staging = (struct staging){.loop = rank.loop,
                                    .spec = rank.spec,
                                    .run_dir = rank.root,
                                    .work_dir = rank.root,
                                    .io = rank.io,
                                    .scratch = rank.scratch,
                                    .stager = rank.stager,
                                    .offers = rank.offers,
                                    .counts = &rank.counts};
}

static inline void rank_slots(void)
{
    struct err err = {0};
    const struct pool pool = {.task_slots_per_node = RANK_SLOTS};
    struct node_info *me = mem_calloc(1, sizeof(*me));
    rank.topo = topo_load(NULL, &err);
    assert_non_null(rank.topo);
    assert_int_equal(topo_describe(rank.topo, me, &err), 0);
    const char *cpus[1] = {me->cpus};
    assert_int_equal(
        topo_divide(rank.topo, &pool, cpus, 0, 1, 1, &rank.slots, &err), 0);
    mem_free(me);
}

/* Call it first, then change the spec, then rank_up. */
static inline void rank_prepare(const char *spec)
{
    static const struct pair_faults none;
    /* the same whoever runs the tests: make's own can be longer than a result
     * may be */
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", c[] = "LC_ALL=C";
    static char *const fixed[] = {path, c, NULL};
    struct err err = {0};
    assert_null(rank.worker);
    memset(&rank, 0, sizeof(rank));
    snprintf(rank.root, sizeof(rank.root), "/tmp/t_worker.XXXXXX");
    assert_non_null(mkdtemp(rank.root));
    rank.spec = rank_spec(spec);
    rank.spawner = spawner_create(&err);
    rank.keeper =
        keeper_create(RANK_SLOTS + WORKER_MAX_SPECIALS, WORKER_MARKER, &err);
    rank.environment = environment_create(fixed, &err);
    rank.loop = loop_create(&err);
    assert_true(rank.spawner && rank.keeper && rank.environment && rank.loop);
    rank.control = pair_create(2, &none, &err);
    rank.bulk = pair_create(2, &none, &err);
    for (uint32_t i = 0; i < 4; i++) {
        rank.ends[i] =
            comm_create(pair_transport(i < 2 ? rank.control : rank.bulk, i % 2),
                        7, i < 2 ? MSG_MAX_BYTES : STAGE_MSG_MAX_BYTES, &err);
        assert_non_null(rank.ends[i]);
        if (i >= 2)
            comm_set_bulk(rank.ends[i]);
    }
    comm_listen(rank.ends[0], COMM_TO_MANAGER,
                &(struct comm_handler){.message = rank_on_message});
    assert_int_equal(loop_add_turn(rank.loop, rank_on_turn, NULL, &err), 0);
    loop_timer_init(&rank.patience, rank_on_patience);
    rank_slots();
}

static inline struct worker_config rank_config(void)
{
    return (struct worker_config){.loop = rank.loop,
                                  .comm = rank.ends[1],
                                  .spec = rank.spec,
                                  .topo = rank.topo,
                                  .slots = &rank.slots,
                                  .spawner = rank.spawner,
                                  .keeper = rank.keeper,
                                  .environment = rank.environment,
                                  .staging = &rank.staging,
                                  .run_dir = rank.root,
                                  .work_dir = rank.root,
                                  .host = "n1",
                                  .key = "k",
                                  .grace_ns = 100 * NS_PER_MS,
                                  .stop_grace_ns = 100 * NS_PER_MS,
                                  .silence_ns = 60 * NS_PER_SEC,
                                  .search_ns = NS_PER_SEC,
                                  .left = rank_on_left,
                                  .output_path = rank_on_output};
}

static inline void rank_up(const struct worker_config *config)
{
    struct err err = {0};
    rank_stage_up();
    rank.worker = worker_create(config, &err);
    assert_non_null(rank.worker);
    assert_int_equal(worker_start(rank.worker, &err), 0);
    rank_await(MSG_READY, 1);
}

static inline void rank_free(void)
{
    struct err err = {0};
    char command[128];
    worker_hurry(rank.worker);
    stager_stop(rank.stager);
    io_destroy(rank.io);
    worker_destroy(rank.worker);
    stager_destroy(rank.stager);
    offers_destroy(rank.offers);
    transfers_destroy(rank.transfers);
    cache_close(rank.cache);
    for (int i = 0; i < 4; i++)
        comm_destroy(rank.ends[i]);
    pair_destroy(rank.control);
    pair_destroy(rank.bulk);
    scratch_leave(rank.scratch, clock_wall_ns(), &err);
    keeper_destroy(rank.keeper);
    slots_fini(&rank.slots);
    topo_destroy(rank.topo);
    environment_destroy(rank.environment);
    spawner_destroy(rank.spawner);
    loop_destroy(rank.loop);
    jobspec_destroy(rank.spec);
    rank.worker = NULL;
    snprintf(command, sizeof(command), "rm -rf %s", rank.root);
    assert_int_equal(system(command), 0);
}

static inline void rank_down(void)
{
    rank_tell(&(struct msg){.kind = MSG_BYE});
    for (int i = 0; i < 2000 && !rank.left; i++)
        rank_pass(10 * NS_PER_MS);
    assert_true(rank.left);
    rank_free();
}

/* A test that fails leaves its worker behind, with threads and processes that
 * use what the next one would: the teardown of each. */
static inline int rank_teardown(void **state)
{
    (void)state;
    if (rank.worker)
        rank_free();
    return 0;
}

#define rank_test(f) cmocka_unit_test_teardown(f, rank_teardown)

#endif
