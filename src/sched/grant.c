/* What tasks have that were placed as claims: see grant.h. */
#include "config.h"
#include "sched/grant.h"

#include <string.h>

#include "base/mem.h"
#include "sched/limits.h"
#include "sched/command.h"

static uint64_t key_of(uint32_t job, uint32_t index)
{
    return (uint64_t)job << 32 | index;
}

struct grant *grant_find(const struct sched *s, uint32_t job, uint32_t index)
{
    uint64_t value;
    if (!map_get(&s->grants, key_of(job, index), &value))
        return NULL;
    return (struct grant *)(uintptr_t)value;
}

static void grant_free(struct grant *g)
{
    for (uint32_t i = 0; g->parts && i < g->part_count; i++)
        mem_free(g->parts[i].gpus);
    mem_free(g->workers);
    mem_free(g->parts);
    mem_free(g);
}

void grants_fini(struct sched *s)
{
    uint64_t key, value;
    for (size_t at = 0; map_next(&s->grants, &at, &key, &value);)
        grant_free((struct grant *)(uintptr_t)value);
    map_fini(&s->grants);
}

static void grant_news(struct sched *s, struct grant *g)
{
    if (g->news == GRANT_QUEUED)
        return;
    g->news = GRANT_QUEUED;
    g->next = NULL;
    struct grant **end = &s->grant_news;
    while (*end)
        end = &(*end)->next;
    *end = g;
}

static void grant_quiet(struct sched *s, struct grant *g)
{
    struct grant **at = &s->grant_news;
    while (*at && *at != g)
        at = &(*at)->next;
    if (*at)
        *at = g->next;
    g->news = GRANT_SILENT;
}

/* ---- Making ---- */

static const uint32_t *gpu_order(const struct sched *s, uint32_t worker)
{
    const struct sched_config *c = &s->config;
    return c->gpu_order ? &c->gpu_order[(size_t)worker * c->gpu_stride] : NULL;
}

/* The memory that a grant needs, and room for its ranges. */
static struct grant *grant_alloc(struct sched *s, const struct want *want,
                                 const uint32_t *workers)
{
    uint32_t n = want->instances;
    struct grant *g = mem_calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->part_count = n;
    g->workers = mem_calloc(n, sizeof(g->workers[0]));
    g->parts = mem_calloc(n, sizeof(g->parts[0]));
    if (!g->workers || !g->parts)
        goto nomem;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gpus = s->workers[workers[i]].node->stock.gpu_count;
        g->parts[i].gpus = mem_calloc(gpus, sizeof(struct gpu_share));
        if (!g->parts[i].gpus ||
            outstanding_reserve(&s->workers[workers[i]].given, 1) < 0)
            goto nomem;
    }
    if (map_set(&s->grants, key_of(want->job, want->index),
                (uint64_t)(uintptr_t)g) < 0)
        goto nomem;
    return g;
nomem:
    grant_free(g);
    return NULL;
}

static void part_begin(struct sched *s, int64_t now_ns, struct grant *g,
                       uint32_t i, int64_t task_ns)
{
    struct worker *w = &s->workers[g->workers[i]];
    struct range r = {.job = g->job,
                      .first = g->index,
                      .count = 1,
                      .attempt = g->attempt,
                      .slots = g->slots,
                      .state = g->part_count > 1 ? RANGE_STARTED : RANGE_GIVEN,
                      .kind = i == 0 ? RANGE_GRANTED : RANGE_INSTANCE,
                      .start_ns = now_ns,
                      .task_ns = task_ns};
    g->parts[i].gpu_count = stock_take(
        &w->node->stock, s->config.spec, RESOURCE_OF_NODE, g->amounts,
        g->amount_count, gpu_order(s, g->workers[i]), g->parts[i].gpus);
    if (w->given.count == 0)
        w->progress_ns = now_ns;
    outstanding_add(&w->given, &r);
    worker_load(s, w, 1, &r, 1);
    node_given(s, w->node, 1);
    if (g->exclusive)
        node_take_alone(s, w->node);
}

int grant_make(struct sched *s, int64_t now_ns, const struct want *want,
               const uint32_t *workers)
{
    struct grant *g = grant_alloc(s, want, workers);
    struct job_run *j = &s->jobs[want->job];
    if (!g)
        return -1;
    g->job = want->job;
    g->index = want->index;
    g->attempt = want->attempt;
    g->pool = want->pool;
    g->slots = want->slots;
    g->exclusive = want->exclusive;
    g->memory_bytes = want->memory_bytes;
    g->max_wall_clock_ns = want->max_wall_clock_ns;
    g->keep_directory = want->keep_directory;
    memcpy(g->amounts, want->amounts, sizeof(g->amounts));
    g->amount_count = want->amount_count;
    g->left = g->part_count;
    memcpy(g->workers, workers, g->part_count * sizeof(workers[0]));
    (void)stock_take(&s->pools[g->pool].stock, s->config.spec, RESOURCE_OF_POOL,
                     g->amounts, g->amount_count, NULL, NULL);
    for (uint32_t i = 0; i < g->part_count; i++)
        part_begin(s, now_ns, g, i,
                   tempo_task_ns(&j->tempo, s->config.prefetch_ns));
    if (g->part_count > 1 || g->parts[0].gpu_count > 0 || g->memory_bytes > 0 ||
        g->max_wall_clock_ns > 0 || g->keep_directory)
        g->launch = LAUNCH_DETAILED;
    j->outstanding += g->part_count;
    s->outstanding += g->part_count;
    if (s->starts_left != UINT64_MAX)
        s->starts_left--;
    if (job_begin(j, now_ns))
        (void)heap_add(&s->expiries, &j->expiry); /* has the memory */
    if (j->spec->max_parallel_tasks > 0)
        job_gate(s, j);
    grant_news(s, g);
    return 0;
}

/* ---- Saying ---- */

static struct sched_action action_of(const struct grant *g, uint32_t part,
                                     enum sched_action_kind kind)
{
    return (struct sched_action){.kind = kind,
                                 .worker = g->workers[part],
                                 .job = g->job,
                                 .first = g->index,
                                 .count = 1,
                                 .attempt = g->attempt};
}

static bool launch_step(struct grant *g, struct sched_action *act)
{
    for (uint32_t i = 0; i < g->part_count; i++) {
        struct part *p = &g->parts[i];
        if (p->state != PART_NEW)
            continue;
        p->state = PART_GIVEN;
        *act = action_of(
            g, i, g->launch == LAUNCH_PLAIN ? SCHED_ASSIGN : SCHED_LAUNCH);
        if (g->launch == LAUNCH_DETAILED)
            act->launch =
                (struct sched_launch){.instance = i,
                                      .instance_count = g->part_count,
                                      .workers = g->workers,
                                      .gpus = p->gpus,
                                      .gpu_count = p->gpu_count,
                                      .memory_bytes = g->memory_bytes,
                                      .max_wall_clock_ns = g->max_wall_clock_ns,
                                      .keep_directory = g->keep_directory};
        return true;
    }
    g->state = g->part_count > 1 ? GRANT_WAITS : GRANT_RUNS;
    return false;
}

static bool go_step(struct grant *g, struct sched_action *act)
{
    for (uint32_t i = 0; i < g->part_count; i++)
        if (g->parts[i].state != PART_READY)
            return false;
    g->state = GRANT_RUNS;
    *act = action_of(g, 0, SCHED_GO);
    return true;
}

static bool end_step(const struct sched *s, struct grant *g,
                     struct sched_action *act)
{
    for (uint32_t i = 0; i < g->part_count; i++) {
        struct part *p = &g->parts[i];
        if ((p->state != PART_GIVEN && p->state != PART_READY) ||
            s->workers[g->workers[i]].state != WORKER_JOINED)
            continue;
        p->state = PART_TOLD;
        *act = action_of(g, i, SCHED_END);
        act->reason = g->reason;
        return true;
    }
    return false;
}

enum step grants_step(struct sched *s, struct sched_action *act)
{
    struct grant *g;
    while ((g = s->grant_news)) {
        if ((g->state == GRANT_NEW && launch_step(g, act)) ||
            (g->state == GRANT_WAITS && go_step(g, act)) ||
            (g->state >= GRANT_BROKEN && end_step(s, g, act)))
            return STEP_ACT;
        grant_quiet(s, g);
    }
    return STEP_NONE;
}

/* ---- News ---- */

static uint32_t part_of(const struct sched *s, const struct grant *g,
                        const struct worker *w)
{
    uint32_t i = 0;
    while (g->workers[i] != worker_id(s, w))
        i++;
    return i;
}

static void part_free(struct sched *s, struct grant *g, uint32_t i)
{
    struct part *p = &g->parts[i];
    struct node_run *n = s->workers[g->workers[i]].node;
    if (p->amounts == PART_FREED)
        return;
    p->amounts = PART_FREED;
    stock_give(&n->stock, s->config.spec, RESOURCE_OF_NODE, g->amounts,
               g->amount_count, p->gpus, p->gpu_count);
    if (i == 0)
        stock_give(&s->pools[g->pool].stock, s->config.spec, RESOURCE_OF_POOL,
                   g->amounts, g->amount_count, NULL, 0);
    s->pools[g->pool].freed++;
    if (g->exclusive)
        node_leave_alone(s, n);
}

void grant_part_stored(struct sched *s, struct worker *w, const struct range *r)
{
    struct grant *g = grant_find(s, r->job, r->first);
    part_free(s, g, part_of(s, g, w));
}

void grant_part_gone(struct sched *s, struct worker *w, const struct range *r)
{
    struct grant *g = grant_find(s, r->job, r->first);
    uint32_t i = part_of(s, g, w);
    part_free(s, g, i);
    g->parts[i].state = PART_GONE;
    if (--g->left > 0)
        return;
    int after = g->after;
    uint32_t job = g->job, index = g->index;
    grant_quiet(s, g);
    map_remove(&s->grants, key_of(job, index));
    grant_free(g);
    const struct job_run *j = &s->jobs[job];
    enum task_past past = after == AFTER_FRESH ? TASK_FRESH : TASK_TRIED;
    if (after != AFTER_NOTHING && command_has_ended(j))
        command_returned(s, job, index, past);
    else if (after != AFTER_NOTHING)
        task_put(s, job, index, past);
}

/* End the other parts; those that are not launched are gone at once. */
static void grant_end(struct sched *s, struct grant *g, enum reason reason)
{
    bool begun = g->state != GRANT_NEW;
    g->state = GRANT_ENDED;
    g->reason = reason;
    grant_news(s, g);
    for (uint32_t i = g->part_count; !begun && i-- > 0;) {
        struct worker *w = &s->workers[g->workers[i]];
        bool last = g->left == 1;
        if (g->parts[i].state != PART_NEW)
            continue;
        tasks_release(s, w, outstanding_find(&w->given, g->job, g->index),
                      g->index, 1);
        if (last)
            return; /* the grant is gone */
    }
}

bool grant_takes_end(struct sched *s, struct worker *w, struct range *r,
                     const struct attempt *a)
{
    const struct grant *g = grant_find(s, r->job, r->first);
    bool other = r->kind == RANGE_INSTANCE && a->result == RESULT_SUCCESS;
    if (g->state != GRANT_ENDED && !other)
        return false;
    tasks_release(s, w, r, r->first, 1);
    return true;
}

bool grant_takes_return(struct sched *s, struct worker *w, struct range *r)
{
    struct range back = *r;
    struct grant *g = grant_find(s, r->job, r->first);
    bool ended = g->state == GRANT_ENDED;
    if (!ended && g->part_count == 1)
        return false;
    if (!ended && r->kind == RANGE_INSTANCE) {
        g->state = GRANT_BROKEN;
        g->reason = REASON_STOPPED;
        grant_news(s, g);
        tasks_release(s, w, r, back.first, 1);
        return true;
    }
    if (!ended && s->starts_left != UINT64_MAX)
        s->starts_left++;
    if (!ended)
        g->after = back.attempt == 1 ? AFTER_FRESH : AFTER_TRIED;
    tasks_release(s, w, r, back.first, 1);
    g = grant_find(s, back.job, back.first);
    if (!ended && g)
        grant_end(s, g, REASON_STOPPED);
    return true;
}

void grant_settled(struct sched *s, const struct attempt *a, enum reason reason)
{
    struct grant *g = grant_find(s, a->job, a->index);
    if (g && g->state != GRANT_ENDED)
        grant_end(s, g, reason);
}

bool grant_delays(struct sched *s, uint32_t job, uint32_t index,
                  enum task_past past)
{
    struct grant *g = s->grants.count > 0 ? grant_find(s, job, index) : NULL;
    if (g)
        g->after = past == TASK_FRESH ? AFTER_FRESH : AFTER_TRIED;
    return g;
}

bool grant_has_ended(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct grant *g =
        s->grants.count > 0 ? grant_find(s, job, index) : NULL;
    return g && g->state == GRANT_ENDED;
}

bool grant_comes_back(const struct sched *s, uint32_t job, uint32_t index)
{
    return grant_has_ended(s, job, index) &&
           grant_find(s, job, index)->after != AFTER_NOTHING;
}

int sched_instance_ready(struct sched *s, int64_t now_ns, uint32_t worker,
                         uint32_t job, uint32_t index, uint32_t attempt,
                         struct err *err)
{
    struct worker *w = worker_reports(s, now_ns, worker);
    (void)err;
    struct range *r = w ? outstanding_find(&w->given, job, index) : NULL;
    if (!r || r->attempt != attempt || r->kind == RANGE_PLAIN)
        return 0;
    struct grant *g = grant_find(s, job, index);
    uint32_t i = part_of(s, g, w);
    if (g->parts[i].state == PART_GIVEN)
        g->parts[i].state = PART_READY;
    w->progress_ns = now_ns;
    grant_news(s, g);
    return 0;
}
