/* What a rank has for files: the bulk channel, threads, the node's scratch and
 * cache, the stager, who answers for its files; on rank 0 the director, and who
 * takes in what comes. Built together, taken down together; see
 * session_parts.h.
 *
 * The bulk channel and what hangs on it is there in every session: people may
 * ask for files and logs of any run. Scratch, cache and stager are there if a
 * task of the spec has a directory of its own.
 */
#include "config.h"
#include "cli/session_parts.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    THREADS_STAGING = 6, /* of a rank: mostly they wait for a disk */
    THREADS_FEW = 3      /* one may be tidying all the time */
};

static bool on_bulk_turn(void *arg)
{
    struct session_stage *t = &((struct session *)arg)->stage;
    int64_t now_ns = loop_now_ns(((struct session *)arg)->loop);
    bool busy = comm_turn(t->bulk, now_ns);
    if (t->stager)
        busy |= stager_turn(t->stager, now_ns);
    return transfers_turn(t->transfers, now_ns) || busy;
}

static void on_io(struct loop_fd *fd, uint32_t events)
{
    struct session_stage *t =
        (struct session_stage *)((char *)fd -
                                 offsetof(struct session_stage, io_watch));
    (void)events;
    io_turn(t->io);
}

/* The channel, and what moves bytes on it. */
static int bulk_create(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    t->bulk = comm_create(world_bulk_transport(s->world), s->start.epoch,
                          STAGE_MSG_MAX_BYTES, err);
    if (!t->bulk)
        return -1;
    comm_set_bulk(t->bulk);
    t->io = io_create(t->scratch ? THREADS_STAGING : THREADS_FEW, err);
    if (!t->io)
        return -1;
    t->io_watch = (struct loop_fd){.ready = on_io, .fd = io_fd(t->io)};
    if (!(t->transfers = transfers_create(t->bulk, t->io, err)) ||
        !(t->offers = offers_create(t->bulk, t->transfers, err)))
        return -1;
    if (loop_add_fd(s->loop, &t->io_watch, EPOLLIN, err) < 0)
        return -1;
    return loop_add_turn(s->loop, on_bulk_turn, s, err);
}

/* The node's cache, and who fetches into it. */
static int stager_build(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    const struct pool *pool =
        start_pool(s->spec, &s->ranks, world_rank(s->world));
    const struct cache_config cache = {.max_bytes = pool->cache_max_bytes,
                                       .reserve_bytes =
                                           pool->scratch_reserve_bytes,
                                       .keep = pool->cache_keep};
    t->cache = cache_open(scratch_cache_path(t->scratch), &cache, err);
    if (!t->cache)
        return -1;
    snprintf(t->applications, sizeof(t->applications), "%s/applications",
             scratch_path(t->scratch));
    const struct stager_config stager = {.bulk = t->bulk,
                                         .transfers = t->transfers,
                                         .io = t->io,
                                         .cache = t->cache,
                                         .spec = s->spec,
                                         .reserve_bytes =
                                             pool->scratch_reserve_bytes,
                                         .work_dir = s->start.work_dir,
                                         .applications = t->applications,
                                         .counts = &t->counts};
    t->stager = stager_create(&stager, err);
    return t->stager ? 0 : -1;
}

/* ---- What was left behind ---- */

static int tidy(struct io_job *j, struct err *err)
{
    struct tidying *t =
        (struct tidying *)((char *)j - offsetof(struct tidying, job));
    struct scratch_cleaned cleaned;
    return scratch_clean_stale(t->root, clock_wall_ns(), &t->stop, &cleaned,
                               err);
}

static void tidied(struct io_job *j, int rc, const struct err *err)
{
    (void)j;
    if (rc < 0) /* this run needs nothing there; one that does warns */
        log_debug("%s", err->text);
}

static void tidying_start(struct session *s)
{
    struct tidying *t = &s->stage.tidying;
    t->root = scratch_root(
        start_pool(s->spec, &s->ranks, world_rank(s->world))->scratch, getenv);
    t->job = (struct io_job){.work = tidy, .done = tidied};
    io_start_long(s->stage.io, &t->job);
}

/* ---- All of it ---- */

int session_stage_create(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    if (bulk_create(s, err) < 0 || (t->scratch && stager_build(s, err) < 0))
        return -1;
    t->staging = (struct staging){.loop = s->loop,
                                  .spec = s->spec,
                                  .run_dir = s->start.run_dir,
                                  .work_dir = s->start.work_dir,
                                  .io = t->io,
                                  .scratch = t->scratch,
                                  .stager = t->stager,
                                  .offers = t->offers,
                                  .counts = &t->counts};
    if (!t->scratch && start_leads(&s->ranks, world_rank(s->world)))
        tidying_start(s);
    return 0;
}

int session_stage_answer(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    const struct answerer_config config = {
        .loop = s->loop,
        .bulk = t->bulk,
        .io = t->io,
        .offers = t->offers,
        .spec = s->spec,
        .scratch = t->scratch ? scratch_path(t->scratch) : NULL,
        .find = worker_find,
        .arg = s->worker};
    t->answerer = answerer_create(&config, err);
    return t->answerer ? 0 : -1;
}

/* ---- Rank 0 ---- */

static void on_counts(void *arg, uint32_t rank,
                      const struct stage_counts *counts)
{
    manager_staged(((struct session *)arg)->manager, rank, counts);
}

static int directing_build(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    const struct directing_config config = {
        .bulk = t->bulk,
        .director = {.rank_count = world_size(s->world),
                     .rank_nodes = s->ranks.nodes,
                     .max_streams = s->spec->storage.max_concurrent_streams},
        .counts = on_counts,
        .arg = s};
    t->directing = directing_create(&config, err);
    t->forgetting = t->directing
                        ? forgetting_create(t->io, s->start.run_dir,
                                            manager_has_ended, s->manager, err)
                        : NULL;
    return t->forgetting ? 0 : -1;
}

static void on_answer(void *arg, uint32_t rank, const struct stage_msg *m)
{
    asking_offered(((struct session *)arg)->stage.asking, rank, m);
}

static void on_incoming(struct loop_fd *fd, uint32_t events)
{
    struct session *s =
        (struct session *)((char *)fd -
                           offsetof(struct session, stage.incoming_watch));
    (void)events;
    incoming_turn(s->incoming);
}

/* What takes in returned files and answers, and who asks for the latter. */
static int receiver_build(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    const struct receiver_config receiver = {.bulk = t->bulk,
                                             .transfers = t->transfers,
                                             .io = t->io,
                                             .spec = s->spec,
                                             .incoming = s->incoming,
                                             .answer = on_answer,
                                             .arg = s};
    t->receiver = receiver_create(&receiver, err);
    const struct asking_config asking = {.loop = s->loop,
                                         .bulk = t->bulk,
                                         .io = t->io,
                                         .receiver = t->receiver,
                                         .spec = s->spec,
                                         .run_dir = s->start.run_dir,
                                         .ranks = s->ranks.ranks,
                                         .rank_count = world_size(s->world),
                                         .find = manager_find,
                                         .lives = manager_rank_lives,
                                         .command = manager_command,
                                         .arg = s->manager};
    t->asking = t->receiver ? asking_create(&asking, err) : NULL;
    return t->asking ? 0 : -1;
}

int session_stage_manage(struct session *s, struct err *err)
{
    struct session_stage *t = &s->stage;
    if (t->scratch && directing_build(s, err) < 0)
        return -1;
    if (s->incoming) {
        t->incoming_watch = (struct loop_fd){.ready = on_incoming,
                                             .fd = incoming_fd(s->incoming)};
        if (loop_add_fd(s->loop, &t->incoming_watch, EPOLLIN, err) < 0)
            return -1;
    }
    return receiver_build(s, err);
}

void session_stage_lost(void *arg, uint32_t rank)
{
    struct session_stage *t = &((struct session *)arg)->stage;
    transfers_lost(t->transfers, rank);
    if (t->directing)
        directing_lost(t->directing, rank);
    receiver_lost(t->receiver, rank);
    asking_lost(t->asking, rank);
}

/* ---- Taking down ---- */

void session_stage_stop(struct session *s)
{
    struct session_stage *t = &s->stage;
    asking_close(t->asking);
    if (t->stager)
        stager_stop(t->stager);
    atomic_store(&t->tidying.stop, true);
    io_destroy(t->io); /* what runs ends, what waits is called off */
    t->io = NULL;
    forgetting_destroy(t->forgetting);
    asking_destroy(t->asking);
    receiver_destroy(t->receiver);
    answerer_destroy(t->answerer);
}

void session_stage_destroy(struct session *s)
{
    struct session_stage *t = &s->stage;
    struct err err;
    directing_destroy(t->directing);
    stager_destroy(t->stager);
    offers_destroy(t->offers);
    transfers_destroy(t->transfers);
    cache_close(t->cache);
    comm_destroy(t->bulk);
    if (scratch_leave(t->scratch, clock_wall_ns(), &err) < 0)
        log_warning("%s", err.text);
    *t = (struct session_stage){0};
}
