/* The workers of a simulation: see node.h. */
#include "config.h"
#include "sim/node.h"

#include <string.h>

#include "base/mem.h"

/* ---- Chance ---- */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t chance(uint64_t seed, const struct run *r)
{
    uint64_t task = (uint64_t)r->job << 32 | r->index;
    return mix(mix(seed ^ mix(task)) + r->attempt);
}

/* ---- Sending ---- */

int cluster_send(struct cluster *c, int64_t now_ns, const struct event *e)
{
    struct event copy = *e;
    copy.at_ns = now_ns + c->config->latency_ns;
    return agenda_add(c->agenda, &copy) ? 0 : -1;
}

static int node_flush(struct cluster *c, struct node *n, int64_t now_ns)
{
    struct event e = {.kind = EVENT_RESULTS,
                      .worker = (uint32_t)(n - c->nodes),
                      .count = n->end_count,
                      .ends = n->ends};
    n->ends = NULL;
    n->end_count = n->end_cap = 0;
    n->flush = NULL;
    return cluster_send(c, now_ns, &e);
}

static int node_report(struct cluster *c, struct node *n, int64_t now_ns,
                       const struct end *end)
{
    if (n->end_count == n->end_cap) {
        uint32_t cap = n->end_cap ? 2 * n->end_cap : 4;
        struct end *ends = mem_resize(n->ends, cap, sizeof(*ends));
        if (!ends)
            return -1;
        n->ends = ends;
        n->end_cap = cap;
    }
    n->ends[n->end_count++] = *end;
    if (c->config->tick_ns == 0)
        return node_flush(c, n, now_ns);
    if (n->flush)
        return 0;
    int64_t tick = c->config->tick_ns;
    n->flush = agenda_add(c->agenda,
                          &(struct event){.kind = EVENT_FLUSH,
                                          .at_ns = (now_ns / tick + 1) * tick,
                                          .worker = (uint32_t)(n - c->nodes)});
    return n->flush ? 0 : -1;
}

static int node_return(struct cluster *c, const struct node *n, int64_t now_ns,
                       const struct wait *w)
{
    return cluster_send(c, now_ns,
                        &(struct event){.kind = EVENT_RETURNED,
                                        .worker = (uint32_t)(n - c->nodes),
                                        .job = w->job,
                                        .first = w->first,
                                        .count = w->count,
                                        .attempt = w->attempt});
}

/* ---- Running ---- */

static struct sim_attempt attempt_of(const struct cluster *c,
                                     const struct node *n, const struct run *r)
{
    return (struct sim_attempt){.worker = (uint32_t)(n - c->nodes),
                                .job = r->job,
                                .index = r->index,
                                .attempt = r->attempt,
                                .random = chance(c->config->seed, r),
                                .limit_ns = r->limit_ns};
}

/* A special task of the node: it needs no slots. */
static bool is_special(uint32_t index)
{
    enum special_kind kind = special_of(index);
    return kind != SPECIAL_NONE && kind != SPECIAL_JOB_MANAGER;
}

static struct run *run_take(const struct cluster *c, struct node *n,
                            int64_t now_ns, const struct wait *w,
                            uint32_t slots)
{
    const struct task_template *t =
        jobspec_template(c->config->sched.spec, w->job, w->first);
    uint32_t i = 0;
    while (n->runs[i].state != EXEC_FREE)
        i++;
    n->busy += slots;
    n->runs[i] = (struct run){
        .state = EXEC_READY,
        .job = w->job,
        .index = w->first,
        .attempt = w->attempt,
        .slots = slots,
        .limit_ns =
            w->limit_ns >= 0 ? w->limit_ns : t->constraints.max_wall_clock_ns,
        .start_ns = now_ns};
    return &n->runs[i];
}

/* It runs from now on. */
static int run_go(struct cluster *c, struct node *n, int64_t now_ns,
                  struct run *r)
{
    struct event e = {.worker = (uint32_t)(n - c->nodes),
                      .run = (uint32_t)(r - n->runs)};
    struct sim_attempt a = attempt_of(c, n, r);
    int64_t took_ns = c->config->duration_ns(c->config->arg, &a);

    r->over_time = a.limit_ns > 0 && took_ns > a.limit_ns;
    if (r->over_time)
        took_ns = a.limit_ns;
    if (c->config->begins)
        c->config->begins(c->config->arg, &a, now_ns);
    r->state = EXEC_BUSY;
    e.kind = EVENT_END;
    e.at_ns = now_ns + took_ns;
    r->end = agenda_add(c->agenda, &e);
    if (!r->end)
        return -1;
    if (took_ns <= c->config->started_ns)
        return 0;
    e.kind = EVENT_LASTING;
    e.at_ns = now_ns + c->config->started_ns;
    r->lasting = agenda_add(c->agenda, &e);
    return r->lasting ? 0 : -1;
}

static int run_begin(struct cluster *c, struct node *n, int64_t now_ns,
                     const struct wait *w, uint32_t slots)
{
    return run_go(c, n, now_ns, run_take(c, n, now_ns, w, slots));
}

/* Start from the front of the queue whatever has its slots. */
static int node_start(struct cluster *c, struct node *n, int64_t now_ns)
{
    while (n->state == SIM_NODE_SERVING && n->waiting > 0) {
        struct wait *w = &n->queue[n->head];
        uint32_t slots =
            jobspec_template(c->config->sched.spec, w->job, w->first)
                ->required_slots;
        if (n->slots - n->busy < slots)
            break;
        if (run_begin(c, n, now_ns, w, slots) < 0)
            return -1;
        w->first++;
        if (--w->count == 0) {
            n->head++;
            n->waiting--;
        }
    }
    return 0;
}

/* as: how; only reason, exit_code, signal of it. */
static int run_end_as(struct cluster *c, struct node *n, struct run *r,
                      int64_t now_ns, const struct end *as)
{
    struct end end = {.job = r->job,
                      .index = r->index,
                      .attempt = r->attempt,
                      .result = as->reason == REASON_NONE ? RESULT_SUCCESS
                                                          : RESULT_FAILURE,
                      .reason = as->reason,
                      .exit_code = as->exit_code,
                      .signal = as->signal,
                      .start_ns = r->start_ns,
                      .end_ns = now_ns};
    if (c->config->ends) {
        struct sim_attempt a = attempt_of(c, n, r);
        c->config->ends(c->config->arg, &a, now_ns,
                        r->end || as->reason == REASON_TIMEOUT);
    }
    agenda_drop(c->agenda, r->end);
    agenda_drop(c->agenda, r->lasting);
    n->busy -= r->slots;
    c->busy_slot_ns += (now_ns - r->start_ns) * r->slots;
    *r = (struct run){.state = EXEC_FREE};
    return node_report(c, n, now_ns, &end);
}

static int run_end(struct cluster *c, struct node *n, struct run *r,
                   int64_t now_ns, enum reason reason)
{
    return run_end_as(c, n, r, now_ns,
                      &(struct end){.reason = reason, .exit_code = -1});
}

/* End a run: the first instance says how, another one only gives it back. */
static int run_cut(struct cluster *c, struct node *n, struct run *r,
                   int64_t now_ns, enum reason reason)
{
    struct wait w = {r->job, r->index, 1, r->attempt, -1};
    if (r->instance == 0)
        return run_end(c, n, r, now_ns, reason);
    n->busy -= r->slots;
    *r = (struct run){.state = EXEC_FREE};
    return node_return(c, n, now_ns, &w);
}

/* End what runs: of one job (all: UINT32_MAX). */
static int node_end(struct cluster *c, struct node *n, int64_t now_ns,
                    uint32_t job, enum reason reason)
{
    for (uint32_t i = 0; i < n->run_count; i++)
        if (n->runs[i].state != EXEC_FREE &&
            (job == UINT32_MAX || n->runs[i].job == job) &&
            run_cut(c, n, &n->runs[i], now_ns, reason) < 0)
            return -1;
    return 0;
}

static struct run *run_find(struct node *n, const struct event *e)
{
    for (uint32_t i = 0; i < n->run_count; i++)
        if (n->runs[i].state != EXEC_FREE && n->runs[i].job == e->job &&
            n->runs[i].index == e->first && n->runs[i].attempt == e->attempt)
            return &n->runs[i];
    return NULL;
}

/* ---- The queue ---- */

static int node_put(struct node *n, const struct wait *w)
{
    if (n->head + n->waiting == n->cap) {
        if (n->head > n->waiting) {
            memmove(n->queue, &n->queue[n->head], n->waiting * sizeof(*w));
            n->head = 0;
        } else {
            uint32_t cap = n->cap ? 2 * n->cap : 8;
            struct wait *queue = mem_resize(n->queue, cap, sizeof(*queue));
            if (!queue)
                return -1;
            n->queue = queue;
            n->cap = cap;
        }
    }
    n->queue[n->head + n->waiting++] = *w;
    return 0;
}

/* Give back up to count tasks, from the end; nothing to give is said, too. */
static int node_recall(struct cluster *c, struct node *n, int64_t now_ns,
                       uint32_t count)
{
    if (n->waiting == 0)
        return node_return(c, n, now_ns, &(struct wait){0});
    while (count > 0 && n->waiting > 0) {
        struct wait *last = &n->queue[n->head + n->waiting - 1];
        struct wait back = *last;
        if (back.count > count) {
            back.first += back.count - count;
            back.count = count;
        }
        last->count -= back.count;
        count -= back.count;
        if (last->count == 0)
            n->waiting--;
        if (node_return(c, n, now_ns, &back) < 0)
            return -1;
    }
    return 0;
}

/* Give back all that waits of one job (all: UINT32_MAX). */
static int node_give_back(struct cluster *c, struct node *n, int64_t now_ns,
                          uint32_t job)
{
    uint32_t kept = 0;
    struct wait *queue = &n->queue[n->head];
    for (uint32_t i = 0; i < n->waiting; i++) {
        if (job != UINT32_MAX && queue[i].job != job)
            queue[kept++] = queue[i];
        else if (node_return(c, n, now_ns, &queue[i]) < 0)
            return -1;
    }
    n->waiting = kept;
    return 0;
}

/* ---- One attempt ---- */

/* Several instances are given where slots are free. */
static int node_launch(struct cluster *c, struct node *n, const struct event *e)
{
    struct wait w = {e->job, e->first, 1, e->attempt, e->limit_ns};
    const struct jobspec *spec = c->config->sched.spec;
    if (n->state == SIM_NODE_STOPPING)
        return node_return(c, n, e->at_ns, &w);
    if (e->instances == 1)
        return node_put(n, &w);
    struct run *r =
        run_take(c, n, e->at_ns, &w,
                 jobspec_template(spec, e->job, e->first)->required_slots);
    r->instance = e->instance;
    return cluster_send(c, e->at_ns,
                        &(struct event){.kind = EVENT_INSTANCE,
                                        .worker = e->worker,
                                        .job = e->job,
                                        .first = e->first,
                                        .attempt = e->attempt});
}

static int node_cut(struct cluster *c, struct node *n, const struct event *e)
{
    struct run *r = run_find(n, e);
    if (r)
        return run_cut(c, n, r, e->at_ns, e->reason);
    for (uint32_t i = 0; i < n->waiting; i++) {
        struct wait *w = &n->queue[n->head + i], rest = *w;
        struct wait one = {e->job, e->first, 1, e->attempt, -1};
        if (w->job != e->job || w->attempt != e->attempt ||
            e->first < w->first || e->first - w->first >= w->count)
            continue;
        rest.first = e->first + 1;
        rest.count = w->first + w->count - rest.first;
        w->count = e->first - w->first;
        if (w->count == 0 && rest.count == 0) {
            memmove(w, w + 1, (n->waiting - i - 1) * sizeof(*w));
            n->waiting--;
        } else if (w->count == 0) {
            *w = rest;
        } else if (rest.count > 0 && node_put(n, &rest) < 0) {
            return -1;
        }
        return node_return(c, n, e->at_ns, &one);
    }
    return 0;
}

/* ---- Life ---- */

static int node_beat(struct cluster *c, uint32_t worker, int64_t now_ns)
{
    struct event e = {.kind = EVENT_BEAT,
                      .worker = worker,
                      .at_ns = now_ns + c->config->beat_ns};
    if (!agenda_add(c->agenda, &e))
        return -1;
    e.kind = EVENT_HEARD;
    return cluster_send(c, now_ns, &e);
}

static int node_join(struct cluster *c, struct node *n, int64_t now_ns)
{
    n->state = SIM_NODE_SERVING;
    n->joined_ns = now_ns;
    return cluster_send(c, now_ns,
                        &(struct event){.kind = EVENT_READY,
                                        .worker = (uint32_t)(n - c->nodes),
                                        .count = n->slots});
}

static int node_die(struct cluster *c, struct node *n, int64_t now_ns)
{
    struct event e = {.kind = EVENT_GONE,
                      .worker = (uint32_t)(n - c->nodes),
                      .at_ns = now_ns + c->config->notice_ns};
    for (uint32_t i = 0; i < n->run_count; i++) {
        struct run *r = &n->runs[i];
        if (r->state != EXEC_FREE)
            c->busy_slot_ns += (now_ns - r->start_ns) * r->slots;
        agenda_drop(c->agenda, r->end);
        agenda_drop(c->agenda, r->lasting);
        *r = (struct run){.state = EXEC_FREE};
    }
    agenda_drop(c->agenda, n->flush);
    n->flush = NULL;
    n->state = SIM_NODE_DEAD;
    n->left_ns = now_ns;
    return c->config->notice_ns < 0 || agenda_add(c->agenda, &e) ? 0 : -1;
}

static int run_ends(struct cluster *c, struct node *n, struct run *r,
                    int64_t now_ns)
{
    struct sim_attempt of = attempt_of(c, n, r);
    struct attempt a;
    attempt_init(&a);
    r->end = NULL; /* it is happening */
    if (r->over_time)
        return run_end(c, n, r, now_ns, REASON_TIMEOUT);
    if (c->config->outcome) {
        c->config->outcome(c->config->arg, &of, &a);
    } else {
        bool fails =
            !is_special(r->index) &&
            chance(c->config->seed + 1, r) % 1000000 < c->config->fail_ppm;
        a.reason = fails ? REASON_EXIT_CODE : REASON_NONE;
        a.exit_code = fails;
    }
    return run_end_as(c, n, r, now_ns,
                      &(struct end){.reason = a.reason,
                                    .exit_code = a.exit_code,
                                    .signal = a.signal});
}

static int run_lasts(struct cluster *c, struct run *r, const struct event *e)
{
    r->lasting = NULL;
    return cluster_send(c, e->at_ns,
                        &(struct event){.kind = EVENT_STARTED,
                                        .worker = e->worker,
                                        .job = r->job,
                                        .first = r->index,
                                        .attempt = r->attempt});
}

int cluster_event(struct cluster *c, const struct event *e)
{
    struct node *n = &c->nodes[e->worker];
    int64_t now = e->at_ns;
    struct wait w = {e->job, e->first, e->count, e->attempt, -1};
    int rc = 0;
    if (n->state == SIM_NODE_DEAD)
        return 0;
    switch (e->kind) {
    case EVENT_JOIN:
        return node_join(c, n, now);
    case EVENT_DEATH:
        return node_die(c, n, now);
    case EVENT_BEAT:
        return node_beat(c, e->worker, now);
    case EVENT_FLUSH:
        return node_flush(c, n, now);
    case EVENT_LASTING:
        return run_lasts(c, &n->runs[e->run], e);
    case EVENT_END:
        rc = run_ends(c, n, &n->runs[e->run], now);
        break;
    case EVENT_ASSIGN:
        if (n->state == SIM_NODE_STOPPING)
            return node_return(c, n, now, &w);
        rc = is_special(e->first) ? run_begin(c, n, now, &w, 0)
                                  : node_put(n, &w);
        break;
    case EVENT_LAUNCH:
        rc = node_launch(c, n, e);
        break;
    case EVENT_GO: {
        struct run *r = run_find(n, e);
        return r ? run_go(c, n, now, r) : 0;
    }
    case EVENT_CUT:
        rc = node_cut(c, n, e);
        break;
    case EVENT_RECALL:
        return node_recall(c, n, now, e->count);
    case EVENT_CANCEL:
        rc = node_give_back(c, n, now, e->job) |
             node_end(c, n, now, e->job, REASON_CANCELLED);
        break;
    case EVENT_STOP:
        n->state = SIM_NODE_STOPPING;
        rc = node_give_back(c, n, now, UINT32_MAX);
        if (rc == 0 && e->count)
            rc = node_end(c, n, now, UINT32_MAX, REASON_STOPPED);
        break;
    case EVENT_READY:
    case EVENT_HEARD:
    case EVENT_STARTED:
    case EVENT_RESULTS:
    case EVENT_RETURNED:
    case EVENT_INSTANCE:
    case EVENT_GONE:
    case EVENT_HALT:
    case EVENT_ASK:
    case EVENT_DEADLINE:
        break; /* not a worker's */
    }
    return rc < 0 ? rc : node_start(c, n, now);
}

int cluster_init(struct cluster *c, const struct sim_config *config,
                 struct agenda *agenda)
{
    *c = (struct cluster){.config = config, .agenda = agenda};
    c->nodes = mem_calloc(config->worker_count, sizeof(c->nodes[0]));
    if (!c->nodes)
        return -1;
    for (uint32_t i = 0; i < config->worker_count; i++) {
        const struct sim_worker *w = &config->workers[i];
        struct node *n = &c->nodes[i];
        struct event e = {.worker = i};
        n->slots = w->slots;
        n->joined_ns = n->left_ns = -1;
        /* special tasks: one of each job, and a start task */
        n->run_count = w->slots + config->sched.spec->job_count + 1;
        n->runs = mem_calloc(n->run_count, sizeof(n->runs[0]));
        if (!n->runs)
            return -1;
        if (config->beat_ns > 0) {
            e.kind = EVENT_BEAT;
            e.at_ns =
                (int64_t)(mix(config->seed + i) % (uint64_t)config->beat_ns);
            if (!agenda_add(agenda, &e))
                return -1;
        }
        e.kind = EVENT_JOIN;
        e.at_ns = w->join_ns;
        if (w->join_ns >= 0 && !agenda_add(agenda, &e))
            return -1;
        e.kind = EVENT_DEATH;
        e.at_ns = w->death_ns;
        if (w->death_ns >= 0 && !agenda_add(agenda, &e))
            return -1;
    }
    return 0;
}

void cluster_fini(struct cluster *c)
{
    for (uint32_t i = 0; c->nodes && i < c->config->worker_count; i++) {
        mem_free(c->nodes[i].runs);
        mem_free(c->nodes[i].queue);
        mem_free(c->nodes[i].ends);
    }
    mem_free(c->nodes);
}

int64_t cluster_slot_ns(const struct cluster *c, int64_t now_ns)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < c->config->worker_count; i++) {
        const struct node *n = &c->nodes[i];
        int64_t until = n->left_ns >= 0 ? n->left_ns : now_ns;
        if (n->joined_ns >= 0)
            sum += (until - n->joined_ns) * n->slots;
    }
    return sum;
}
