/* Why a task is not running: see sched.h. */
#include "config.h"
#include "sched/sched.h"

#include "sched/claims.h"
#include "sched/limits.h"
#include "sched/machine.h"
#include "sched/prep.h"

/* What a task asks for, and who could have it. */
struct asked {
    const struct sched *s;
    uint32_t job, index;
    struct request request;
    struct claim claim; /* its place in the order */
    uint32_t nodes;     /* that could run it, if nothing else ran there */
};

/* ---- Who could run it ---- */

static bool node_could(const struct asked *a, const struct node_run *n)
{
    const struct sched *s = a->s;
    if (n->pool != s->jobs[a->job].spec->pool || !node_is_hopeful(s, n) ||
        prep_gate(&s->jobs[a->job], (uint32_t)(n - s->nodes)) == GATE_CLOSED ||
        !stock_has(&n->stock, s->config.spec, RESOURCE_OF_NODE,
                   a->request.amounts, a->request.amount_count))
        return false;
    for (uint32_t i = 0; i < n->count; i++) {
        const struct worker *w = &s->workers[s->node_workers[n->first + i]];
        if (w->state == WORKER_EXPECTED ||
            (w->state == WORKER_JOINED &&
             w->seat.load.slots >= a->request.slots))
            return true;
    }
    return false;
}

static struct asked asked_of(const struct sched *s, uint32_t job,
                             uint32_t index)
{
    struct asked a = {.s = s,
                      .job = job,
                      .index = index,
                      .request = jobspec_request(s->config.spec, job, index),
                      .claim = {.priority = s->jobs[job].spec->priority,
                                .job = job,
                                .index = index}};
    for (uint32_t i = 0; i < s->node_count; i++)
        a.nodes += node_could(&a, &s->nodes[i]);
    return a;
}

/* Is anything of its pool handed out before it? */
static bool has_others_before(const struct asked *a)
{
    const struct sched *s = a->s;
    uint32_t pool = s->jobs[a->job].spec->pool;
    for (uint32_t q = 0; q < s->ready.queue_count; q++) {
        const struct bucket *b = s->ready.queues[q]->pool == pool
                                     ? ready_top(s->ready.queues[q])
                                     : NULL;
        if (b && claim_behind(&a->claim, b))
            return true;
    }
    const struct heap_node *top = heap_top(&s->ready.claims[pool]);
    return top && claim_before(claim_of_node(top), &a->claim);
}

/* Of which of its resources is too little free everywhere; UINT32_MAX: of none.
 */
static uint32_t short_of(const struct asked *a)
{
    const struct sched *s = a->s;
    const struct jobspec *spec = s->config.spec;
    uint32_t pool = s->jobs[a->job].spec->pool;
    for (uint32_t k = 0; k < a->request.amount_count; k++) {
        const struct amount *one = &a->request.amounts[k];
        bool free = stock_is_free(&s->pools[pool].stock, spec, RESOURCE_OF_POOL,
                                  one, 1);
        if (free && spec->resources[one->resource].scope == RESOURCE_OF_POOL)
            continue;
        for (uint32_t i = 0; free && i < s->node_count; i++)
            if (node_could(a, &s->nodes[i]) &&
                stock_is_free(&s->nodes[i].stock, spec, RESOURCE_OF_NODE, one,
                              1))
                goto next;
        return one->resource;
    next:;
    }
    return UINT32_MAX;
}

/* So many nodes are reserved for it. */
static uint32_t reserved_for(const struct asked *a)
{
    const struct sched *s = a->s;
    uint32_t pool = s->jobs[a->job].spec->pool, n = 0;
    const struct claim *c = s->pools[pool].reserved_for;
    if (!c || c->job != a->job || c->index != a->index)
        return 0;
    for (uint32_t i = 0; i < s->node_count; i++) {
        const struct node_run *node = &s->nodes[i];
        for (uint32_t k = 0; k < node->count; k++)
            if (s->workers[s->node_workers[node->first + k]].reserved) {
                n++;
                break;
            }
    }
    return n;
}

/* Nothing but that it is not placed stands against it. */
static void explain_place(const struct sched *s, uint32_t job, uint32_t index,
                          struct sched_wait *out)
{
    struct asked a = asked_of(s, job, index);
    uint32_t instances = a.request.instances;
    if (a.nodes < instances || a.nodes == 0) {
        out->kind = WAIT_NOBODY;
        out->count = a.nodes;
        return;
    }
    out->resource = short_of(&a);
    if (out->resource != UINT32_MAX) {
        out->kind = WAIT_RESOURCE;
        return;
    }
    out->resource = 0;
    if (has_others_before(&a)) {
        out->kind = WAIT_TURN;
    } else if (instances > 1) {
        out->kind = WAIT_NODES;
        out->count = reserved_for(&a);
    } else {
        out->kind = WAIT_SLOTS;
        out->count = a.nodes;
    }
}

/* ---- What else it waits for ---- */

static bool is_not_good(const void *arg, uint32_t job, uint32_t index)
{
    const struct sched *s = arg;
    return !indices_contains(&s->jobs[job].good, index);
}

/* Which tasks a blocked one waits for. */
static void explain_dependency(const struct sched *s, uint32_t job,
                               uint32_t index, struct sched_wait *out)
{
    uint32_t rule, group, end, count;
    out->kind = WAIT_DEPENDENCY;
    out->job = job;
    out->index = index;
    if (!needs_find(&s->needs, job, index, NEED_OPEN, &rule, &group, &end) &&
        !needs_find(&s->needs, job, index, NEED_FAILED, &rule, &group, &end))
        return;
    out->job = s->config.spec->depends[rule].parent_job;
    if (needs_find_parent(&s->needs, rule, group, is_not_good, s, &out->index,
                          &count))
        out->count = count - 1;
}

/* It is at a worker. */
static void explain_given(const struct sched *s, const struct worker *w,
                          const struct range *r, struct sched_wait *out)
{
    bool full = w->seat.load.used > w->seat.load.slots;
    (void)s;
    if (r->state == RANGE_HELD)
        out->kind = WAIT_PREPARATION;
    else if (range_is_waiting(r->state) && full)
        out->kind = WAIT_TURN;
    else
        out->kind = WAIT_NOT;
}

static bool is_among(const struct indices *a, const struct indices *b,
                     uint32_t index)
{
    return indices_contains(a, index) || indices_contains(b, index);
}

void sched_explain(const struct sched *s, int64_t now_ns, uint32_t job,
                   uint32_t index, struct sched_wait *out)
{
    const struct job_run *j = &s->jobs[job];
    const struct picky_task *p = pickies_get(s, job, index);
    enum attempt_result result;
    uint32_t worker;
    *out = (struct sched_wait){.kind = WAIT_NOT, .job = job, .index = index};
    if (sched_task_state(s, job, index, &result) == TASK_COMPLETED)
        return;
    if (sched_task_worker(s, job, index, &worker)) {
        const struct worker *w = &s->workers[worker];
        explain_given(s, w, outstanding_find(&w->given, job, index), out);
    } else if (j->turn == TURN_WAITS) {
        out->kind = WAIT_SCHEDULE;
        out->until_ns = schedules_time(s, j);
    } else if (j->state != JOB_ACTIVE || j->want != WANT_NOTHING) {
        out->kind = WAIT_JOB_STATE;
    } else if (is_among(&j->blocked, &j->doomed, index)) {
        explain_dependency(s, job, index, out);
    } else if (p && p->state == PICKY_DELAYED && p->at_ns > now_ns) {
        out->kind = WAIT_BACKOFF;
        out->until_ns = p->at_ns;
    } else if (s->paused || s->stop != SCHED_RUN || s->starts_left == 0) {
        out->kind = WAIT_PAUSED;
    } else if (job_room(j) == 0) {
        out->kind = WAIT_PARALLEL;
        out->count = j->spec->max_parallel_tasks;
    } else if (j->manager == MANAGER_WAITS && index != INDEX_JOB_MANAGER) {
        out->kind = WAIT_DEPENDENCY;
        out->index = INDEX_JOB_MANAGER;
    } else {
        explain_place(s, job, index, out);
    }
}
