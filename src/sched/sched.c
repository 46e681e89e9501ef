/* The scheduler's life and its inputs: see sched.h. What it does about them
 * is in next.c. */
#include "config.h"
#include "sched/sched.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "sched/command.h"
#include "sched/follow.h"
#include "sched/machine.h"
#include "sched/grant.h"
#include "sched/prep.h"
#include "sched/special.h"

enum { WORKERS_MAX = 1 << 20 };

void sched_config_init(struct sched_config *c)
{
    *c = (struct sched_config){.silence_ns = 30 * NS_PER_SEC,
                               .prefetch_ns = 50 * NS_PER_MS};
}

/* ---- Life ---- */

static int compare_due(const struct heap_node *x, const struct heap_node *y)
{
    const struct job_run *a = job_of_due(x), *b = job_of_due(y);
    return a < b ? -1 : a > b;
}

static int compare_expiry(const struct heap_node *x, const struct heap_node *y)
{
    const struct job_run *a = job_of_expiry(x), *b = job_of_expiry(y);
    if (a->expires_ns != b->expires_ns)
        return a->expires_ns < b->expires_ns ? -1 : 1;
    return a < b ? -1 : a > b;
}

static int compare_news(const struct heap_node *x, const struct heap_node *y)
{
    const struct worker *a = worker_of_news(x), *b = worker_of_news(y);
    return a < b ? -1 : a > b;
}

static int nodes_check(const struct sched_config *c, uint32_t workers,
                       uint32_t pools, struct err *err)
{
    for (uint32_t w = 0; c->node_count > 0 && w < workers; w++)
        if (c->worker_nodes[w] >= c->node_count)
            return err_set(err, EINVAL,
                           "worker %" PRIu32 " is of node %" PRIu32
                           " of %" PRIu32,
                           w, c->worker_nodes[w], c->node_count);
    for (uint32_t n = 0; n < c->node_count; n++)
        if (c->nodes[n].pool >= pools || c->nodes[n].leader >= workers)
            return err_set(err, EINVAL,
                           "node %" PRIu32 ": pool %" PRIu32 " of %" PRIu32
                           ", leader %" PRIu32 " of %" PRIu32,
                           n, c->nodes[n].pool, pools, c->nodes[n].leader,
                           workers);
    return 0;
}

static int config_check(const struct sched_config *c, struct err *err)
{
    if (c->worker_count > WORKERS_MAX)
        return err_set(err, EINVAL, "%" PRIu32 " workers: at most %d",
                       c->worker_count, WORKERS_MAX);
    if (c->silence_ns <= 0)
        return err_set(err, EINVAL, "silence of %" PRId64 " ns", c->silence_ns);
    if (c->prefetch_ns < 0 || c->prefetch_ns > LOAD_MAX_NS)
        return err_set(err, EINVAL, "prefetch of %" PRId64 " ns",
                       c->prefetch_ns);
    if (jobspec_max_required_slots(c->spec) > JOBSPEC_MAX_SLOTS)
        return err_set(err, EINVAL, "a task requires over %d slots",
                       JOBSPEC_MAX_SLOTS);
    return nodes_check(c, c->worker_count,
                       c->spec->pool_count > 0 ? c->spec->pool_count : 1, err);
}

static int jobs_init(struct sched *s)
{
    s->jobs = mem_calloc(job_count_of(s), sizeof(s->jobs[0]));
    if (!s->jobs)
        return -1;
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (job_init(&s->jobs[i], &s->config.spec->jobs[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (heap_add(&s->due, &s->jobs[i].due) < 0 ||
            heap_add(&s->expiries, &s->jobs[i].expiry) < 0)
            return -1;
    for (uint32_t i = 0; i < job_count_of(s); i++)
        heap_remove(&s->expiries, &s->jobs[i].expiry);
    return 0;
}

static int workers_init(struct sched *s)
{
    uint32_t count = s->config.worker_count;
    s->workers = mem_calloc(count, sizeof(s->workers[0]));
    if (!s->workers)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        struct worker *w = &s->workers[i];
        w->seat.id = i;
        heap_node_init(&w->victim);
        heap_node_init(&w->news);
        if (heap_add(&s->news, &w->news) < 0)
            return -1;
    }
    s->expected = count;
    s->begun_ns = INT64_MIN;
    s->nodes_at_ns = INT64_MAX;
    return liveness_init(&s->live, count, s->config.silence_ns);
}

/* What the pool has once. */
static int pool_stock_init(struct pool_run *pool, const struct jobspec *spec)
{
    uint64_t *has = mem_calloc(spec->resource_count, sizeof(has[0]));
    if (!has)
        return -1;
    for (uint32_t i = 0; i < pool->spec->pool_resource_count; i++)
        has[pool->spec->pool_resources[i].resource] =
            pool->spec->pool_resources[i].units;
    int rc = stock_init(&pool->stock, spec, has);
    mem_free(has);
    return rc;
}

static int pools_init(struct sched *s)
{
    const struct jobspec *spec = s->config.spec;
    s->pools = mem_calloc(s->ready.pool_count, sizeof(s->pools[0]));
    if (!s->pools)
        return -1;
    for (uint32_t p = 0; p < s->ready.pool_count; p++) {
        struct pool_run *pool = &s->pools[p];
        pool->spec = spec->pool_count > 0 ? &spec->pools[p] : NULL;
        pool->place.pack =
            pool->spec && pool->spec->node_fill_type == NODE_FILL_PACK;
        pool->state = pool->spec && pool->spec->target_dedicated_nodes > 0
                          ? POOL_WAITING
                          : POOL_OPEN;
        if (pool->spec && pool_stock_init(pool, spec) < 0)
            return -1;
    }
    return 0;
}

struct sched *sched_create(const struct sched_config *config, struct err *err)
{
    if (config_check(config, err) < 0)
        return NULL;
    struct sched *s = mem_calloc(1, sizeof(*s));
    if (!s)
        goto nomem;
    s->config = *config;
    s->starts_left = config->task_limit ? config->task_limit : UINT64_MAX;
    s->balance_at_ns = INT64_MIN;
    map_init(&s->tally);
    map_init(&s->grants);
    heap_init(&s->due, compare_due);
    heap_init(&s->expiries, compare_expiry);
    heap_init(&s->news, compare_news);
    if (jobs_init(s) < 0 || workers_init(s) < 0 ||
        ready_init(&s->ready, config->spec) < 0 || pools_init(s) < 0 ||
        nodes_init(s) < 0 || needs_init(&s->needs, s->config.spec) < 0 ||
        schedules_init(s) < 0 || pickies_init(s) < 0)
        goto nomem;
    follow_begin(s);
    if (pickies_home_all(s) < 0)
        goto nomem;
    return s;
nomem:
    err_set(err, ENOMEM, "no memory for a scheduler of %" PRIu32 " workers",
            config->worker_count);
    sched_destroy(s);
    return NULL;
}

int sched_set_nodes(struct sched *s, const struct sched_config *config,
                    struct err *err)
{
    struct sched_config was = s->config;
    if (nodes_check(config, s->config.worker_count, s->ready.pool_count, err) <
        0)
        return -1;
    s->config.nodes = config->nodes;
    s->config.node_count = config->node_count;
    s->config.worker_nodes = config->worker_nodes;
    s->config.gpu_order = config->gpu_order;
    s->config.gpu_stride = config->gpu_stride;
    if (nodes_init(s) == 0 && pickies_home_all(s) == 0)
        return 0;
    s->config = was;
    return err_set(err, ENOMEM, "no memory for %" PRIu32 " nodes",
                   config->node_count);
}

void sched_destroy(struct sched *s)
{
    if (!s)
        return;
    int saved = errno;
    for (uint32_t i = 0; s->jobs && i < job_count_of(s); i++)
        preps_fini(&s->jobs[i]);
    for (uint32_t i = 0; s->jobs && i < job_count_of(s); i++)
        job_fini(&s->jobs[i]);
    for (uint32_t i = 0; s->workers && i < s->config.worker_count; i++)
        outstanding_fini(&s->workers[i].given);
    for (uint32_t p = 0; s->pools && p < s->ready.pool_count; p++) {
        place_fini(&s->pools[p].place);
        stock_fini(&s->pools[p].stock);
    }
    mem_free(s->pools);
    nodes_fini(s);
    liveness_fini(&s->live);
    ready_fini(&s->ready);
    needs_fini(&s->needs);
    schedules_fini(s);
    pickies_fini(s);
    map_fini(&s->tally);
    grants_fini(s);
    heap_fini(&s->due);
    heap_fini(&s->expiries);
    heap_fini(&s->news);
    heap_fini(&s->victims);
    mem_free(s->jobs);
    mem_free(s->workers);
    mem_free(s);
    errno = saved;
}

/* ---- Inputs ---- */

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory in the scheduler");
}

struct worker *worker_reports(struct sched *s, int64_t now_ns, uint32_t worker)
{
    machine_now(s, now_ns);
    if (worker >= s->config.worker_count)
        return NULL;
    liveness_heard(&s->live, worker);
    return s->workers[worker].state == WORKER_JOINED ? &s->workers[worker]
                                                     : NULL;
}

/* The range of w that holds this attempt, or NULL: it is stale, or nonsense.
 */
static struct range *attempt_find(const struct worker *w, uint32_t job,
                                  uint32_t index, uint32_t attempt)
{
    struct range *r = outstanding_find(&w->given, job, index);
    return r && r->attempt == attempt && r->state != RANGE_HELD ? r : NULL;
}

int sched_worker_join(struct sched *s, int64_t now_ns, uint32_t worker,
                      uint32_t slots, struct err *err)
{
    (void)worker_reports(s, now_ns, worker);
    if (worker >= s->config.worker_count)
        return 0;
    struct worker *w = &s->workers[worker];
    if (w->state != WORKER_EXPECTED)
        return 0;
    w->seat.load =
        (struct load){.slots = slots < LOAD_MAX_SLOTS ? slots : LOAD_MAX_SLOTS};
    /* that of a node which is up already; others get theirs with it */
    if (slots > 0 && node_takes_tasks(s, w->node) &&
        place_add(worker_place(s, w), &w->seat) < 0)
        return no_memory(err);
    w->state = WORKER_JOINED;
    s->expected--;
    s->pools[w->node->pool].freed++;
    node_joined(s, w->node);
    worker_news(s, w);
    return 0;
}

void sched_worker_heard(struct sched *s, int64_t now_ns, uint32_t worker)
{
    (void)worker_reports(s, now_ns, worker);
}

/* The worker is lost: what it had not started is ready again at once; what
 * it had started is, when its attempts have been called lost. */
static void worker_lose(struct sched *s, struct worker *w)
{
    struct outstanding *o = &w->given;
    node_lost(s, w->node, w->state == WORKER_JOINED);
    if (w->state == WORKER_EXPECTED)
        s->expected--;
    else
        place_remove(worker_place(s, w), &w->seat);
    w->state = WORKER_LOSING;
    s->lost++;
    liveness_forget(&s->live, worker_id(s, w));
    for (uint32_t i = o->count; i > 0; i--) {
        struct range r = o->ranges[i - 1];
        if (range_is_running(r.state))
            continue;
        if (special_is(r.first)) {
            special_back(s, w, &o->ranges[i - 1]);
            continue;
        }
        tasks_release(s, w, &o->ranges[i - 1], r.first, r.count);
        tasks_requeue(s, &r);
    }
    worker_news(s, w);
}

int sched_worker_gone(struct sched *s, int64_t now_ns, uint32_t worker,
                      struct err *err)
{
    (void)err;
    machine_now(s, now_ns);
    if (worker < s->config.worker_count &&
        s->workers[worker].state < WORKER_LOSING)
        worker_lose(s, &s->workers[worker]);
    return 0;
}

/* Which attempt. */
struct sched_of {
    uint32_t job, index, attempt;
};

/* An attempt is in that state now, if that is a step on its way. */
static int attempt_step(struct sched *s, int64_t now_ns, uint32_t worker,
                        const struct sched_of *of, enum range_state state,
                        struct err *err)
{
    struct worker *w = worker_reports(s, now_ns, worker);
    if (!w)
        return 0;
    struct range *r = attempt_find(w, of->job, of->index, of->attempt);
    if (!r || r->state >= state)
        return 0;
    uint32_t at = (uint32_t)(r - w->given.ranges);
    if (outstanding_reserve(&w->given, 2) < 0)
        return no_memory(err);
    r = &w->given.ranges[at];
    int load = (int)range_has_load(state) - (int)range_has_load(r->state);
    if (load != 0)
        worker_load(s, w, load, r, 1);
    if (state == RANGE_STARTED)
        r->start_ns = now_ns; /* of a range that is cut: of this task alone */
    if (state == RANGE_STORING && r->kind != RANGE_PLAIN)
        grant_part_stored(s, w, r);
    outstanding_mark(&w->given, r, of->index, state);
    w->progress_ns = now_ns;
    return 0;
}

int sched_attempt_preparing(struct sched *s, int64_t now_ns, uint32_t worker,
                            uint32_t job, uint32_t index, uint32_t attempt,
                            struct err *err)
{
    return attempt_step(s, now_ns, worker,
                        &(struct sched_of){job, index, attempt},
                        RANGE_PREPARING, err);
}

int sched_attempt_prepared(struct sched *s, int64_t now_ns, uint32_t worker,
                           uint32_t job, uint32_t index, uint32_t attempt,
                           struct err *err)
{
    return attempt_step(s, now_ns, worker,
                        &(struct sched_of){job, index, attempt}, RANGE_PREPARED,
                        err);
}

int sched_attempt_started(struct sched *s, int64_t now_ns, uint32_t worker,
                          uint32_t job, uint32_t index, uint32_t attempt,
                          struct err *err)
{
    return attempt_step(s, now_ns, worker,
                        &(struct sched_of){job, index, attempt}, RANGE_STARTED,
                        err);
}

int sched_attempt_storing(struct sched *s, int64_t now_ns, uint32_t worker,
                          uint32_t job, uint32_t index, uint32_t attempt,
                          struct err *err)
{
    return attempt_step(s, now_ns, worker,
                        &(struct sched_of){job, index, attempt}, RANGE_STORING,
                        err);
}

/* How long the attempt ran, for the window of its job. */
static void note_tempo(struct job_run *j, const struct attempt *a)
{
    if (a->start_ns > 0 && a->end_ns > 0)
        tempo_note(&j->tempo, a->end_ns - a->start_ns);
}

/* What becomes of the task behind an attempt of it: its disposition, and *v if
 * there is to be another. 0, or -1 (no memory; nothing has changed). */
static int attempt_judge(struct sched *s, struct attempt *a, struct verdict *v)
{
    struct job_run *j = &s->jobs[a->job];
    enum disposition was = a->disposition;
    enum reason reason = a->reason;
    a->disposition = TASK_ENDS;
    if (!job_is_plain_end(a)) {
        command_reason(j, a);
        *v = job_judge(
            j, a,
            tally_get(&s->tally, a->job, a->index, (struct tally){0}).retries);
        v->again = v->again && !command_is_ended(s, a->job, a->index);
        if (v->again)
            a->disposition = TASK_RETRIES;
        if (pickies_prepare(s, a, v) < 0)
            goto nomem;
    }
    if (attempt_tally(s, a) < 0)
        goto nomem;
    return 0;
nomem:
    a->disposition = was;
    a->reason = reason;
    return -1;
}

int sched_attempt_ended(struct sched *s, int64_t now_ns, uint32_t worker,
                        struct attempt *a, bool *accepted, struct err *err)
{
    struct worker *w = worker_reports(s, now_ns, worker);
    struct range *r;
    struct verdict v;
    *accepted = false;
    if (!w || !(r = attempt_find(w, a->job, a->index, a->attempt)))
        return 0;
    uint32_t at = (uint32_t)(r - w->given.ranges);
    if (outstanding_reserve(&w->given, 1) < 0)
        return no_memory(err);
    r = &w->given.ranges[at];
    if (special_is(a->index)) {
        special_ended(s, now_ns, w, r, a);
        w->progress_ns = now_ns;
        *accepted = true;
        return 0;
    }
    bool granted = r->kind != RANGE_PLAIN;
    if (granted && grant_takes_end(s, w, r, a)) {
        w->progress_ns = now_ns;
        return 0;
    }
    struct job_run *j = &s->jobs[a->job];
    if (attempt_judge(s, a, &v) < 0)
        return no_memory(err);
    tasks_release(s, w, r, a->index, 1);
    if (a->disposition == TASK_RETRIES)
        pickies_note(s, now_ns, worker, a, &v);
    attempt_settle(s, a);
    if (granted)
        grant_settled(s, a, REASON_CANCELLED);
    if (command_has_ended(j))
        command_ended(s, a);
    node_judge(s, w->node, a);
    note_tempo(j, a);
    w->progress_ns = now_ns;
    *accepted = true;
    return 0;
}

int sched_tasks_returned(struct sched *s, int64_t now_ns, uint32_t worker,
                         uint32_t job, uint32_t first, uint32_t count,
                         uint32_t attempt, struct err *err)
{
    struct worker *w = worker_reports(s, now_ns, worker);
    if (!w)
        return 0;
    if (outstanding_reserve(&w->given, 1) < 0)
        return no_memory(err);
    if (w->recall == RECALL_ASKED) {
        w->recall = count > 0 ? RECALL_NONE : RECALL_FUTILE;
        s->balance_at_ns = now_ns;
        if (w->closing != CLOSING_NOT)
            worker_news(s, w);
    }
    uint32_t end;
    if (__builtin_add_overflow(first, count, &end))
        end = UINT32_MAX;
    while (first < end) {
        struct range *r = outstanding_from(&w->given, job, first);
        if (!r || r->job != job || r->first >= end)
            break;
        struct range back = *r;
        if (back.first < first)
            back.first = first;
        uint32_t behind = r->first + r->count;
        if (behind > end)
            behind = end;
        back.count = behind - back.first;
        first = behind;
        if (r->attempt == attempt && r->kind != RANGE_PLAIN &&
            grant_takes_return(s, w, r))
            continue;
        if (r->attempt != attempt || range_is_running(r->state) ||
            r->state == RANGE_HELD)
            continue;
        if (special_is(back.first)) {
            special_back(s, w, r);
            continue;
        }
        tasks_release(s, w, r, back.first, back.count);
        tasks_requeue(s, &back);
    }
    return 0;
}

/* What waited for a time when things may be handed out (or does so in vain from
 * now on). */
static void look_again(struct sched *s)
{
    for (uint32_t i = 0; i < s->node_count; i++)
        node_news(s, &s->nodes[i]);
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (s->jobs[i].preps)
            job_due(s, &s->jobs[i]);
}

int sched_stop(struct sched *s, int64_t now_ns, enum sched_stop how,
               struct err *err)
{
    (void)err;
    machine_now(s, now_ns);
    if (how <= s->stop)
        return 0;
    s->stop = how;
    for (uint32_t i = 0; i < s->config.worker_count; i++)
        worker_news(s, &s->workers[i]);
    prep_unhold_all(s);
    look_again(s);
    return 0;
}

void sched_pause(struct sched *s, bool paused)
{
    s->paused = paused;
    if (!paused)
        look_again(s);
}

int sched_tick(struct sched *s, int64_t now_ns, struct err *err)
{
    int64_t silent;
    struct heap_node *n;
    machine_now(s, now_ns);
    while ((silent = liveness_silent(&s->live)) >= 0)
        worker_lose(s, &s->workers[silent]);
    while ((n = heap_top(&s->expiries)) &&
           job_of_expiry(n)->expires_ns <= now_ns) {
        heap_remove(&s->expiries, n);
        job_due(s, job_of_expiry(n));
    }
    nodes_tick(s, now_ns);
    return balance_plan(s, now_ns) < 0 ? no_memory(err) : 0;
}
