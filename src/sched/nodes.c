/* The nodes: see nodes.h. */
#include "config.h"
#include "sched/nodes.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/policy.h"
#include "sched/closing.h"
#include "sched/machine.h"
#include "sched/special.h"

/* ---- Life ---- */

static int compare_news(const struct heap_node *x, const struct heap_node *y)
{
    const struct node_run *a = node_of_news(x), *b = node_of_news(y);
    return a < b ? -1 : a > b;
}

static int compare_quiet(const struct heap_node *x, const struct heap_node *y)
{
    const struct node_run *a = node_of_quiet(x), *b = node_of_quiet(y);
    return a < b ? -1 : a > b;
}

static const struct special_task *start_of(const struct sched *s,
                                           const struct node_run *n)
{
    const struct pool *pool = s->pools[n->pool].spec;
    return pool ? pool->start_task : NULL;
}

/* Nodes that nobody has told us of are there when their worker is. */
static bool is_plain(const struct sched *s, const struct node_run *n)
{
    return s->config.node_count == 0 && !start_of(s, n);
}

static void node_init(const struct sched *s, struct node_run *n, uint32_t pool,
                      uint32_t leader, uint32_t first)
{
    *n = (struct node_run){.pool = pool, .leader = leader, .first = first};
    heap_node_init(&n->news);
    heap_node_init(&n->quiet);
    n->state = is_plain(s, n) ? NODE_IDLE : NODE_CREATING;
    n->seen = is_plain(s, n) ? NODE_UP : NODE_NEW;
}

/* Who belongs to which node. */
static void workers_sort(struct sched *s)
{
    uint32_t workers = s->config.worker_count, at = 0;
    const uint32_t *of =
        s->config.node_count > 0 ? s->config.worker_nodes : NULL;
    for (uint32_t w = 0; w < workers; w++) {
        s->workers[w].node = &s->nodes[of ? of[w] : w];
        s->workers[w].node->count++;
    }
    for (uint32_t i = 0; i < s->node_count; i++) {
        s->nodes[i].first = at;
        at += s->nodes[i].count;
        s->nodes[i].count = 0;
    }
    for (uint32_t w = 0; w < workers; w++) {
        struct node_run *n = s->workers[w].node;
        s->node_workers[n->first + n->count++] = w;
    }
}

/* All of them must have been in the heaps once: see machine.h. */
static int heaps_fill(struct sched *s)
{
    for (uint32_t i = 0; i < s->node_count; i++)
        if (heap_add(&s->node_news, &s->nodes[i].news) < 0 ||
            heap_add(&s->node_quiet, &s->nodes[i].quiet) < 0)
            return -1;
    for (uint32_t i = 0; i < s->node_count; i++)
        heap_remove(&s->node_quiet, &s->nodes[i].quiet);
    return 0;
}

int nodes_init(struct sched *s)
{
    const struct sched_config *c = &s->config;
    uint32_t count = c->node_count > 0 ? c->node_count : c->worker_count;
    nodes_fini(s);
    heap_init(&s->node_news, compare_news);
    heap_init(&s->node_quiet, compare_quiet);
    s->nodes = mem_calloc(count, sizeof(s->nodes[0]));
    s->node_workers = mem_calloc(c->worker_count, sizeof(uint32_t));
    if (!s->nodes || !s->node_workers)
        return -1;
    s->node_count = count;
    for (uint32_t i = 0; i < count; i++) {
        node_init(s, &s->nodes[i], c->node_count > 0 ? c->nodes[i].pool : 0,
                  c->node_count > 0 ? c->nodes[i].leader : i, 0);
        if (stock_init(&s->nodes[i].stock, c->spec,
                       c->node_count > 0 ? c->nodes[i].capacity : NULL) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < c->node_count; i++)
        if (c->nodes[i].outside)
            s->nodes[i].wish = WISH_LEAVE;
    workers_sort(s);
    return heaps_fill(s);
}

void nodes_fini(struct sched *s)
{
    heap_fini(&s->node_news);
    heap_fini(&s->node_quiet);
    for (uint32_t i = 0; i < s->node_count; i++)
        stock_fini(&s->nodes[i].stock);
    mem_free(s->nodes);
    mem_free(s->node_workers);
    s->nodes = NULL;
    s->node_workers = NULL;
    s->node_count = 0;
}

/* ---- Questions ---- */

void node_news(struct sched *s, struct node_run *n)
{
    if (n->news.at == HEAP_OUT)
        (void)heap_add(&s->node_news, &n->news); /* has the memory */
}

bool node_takes_tasks(const struct sched *s, const struct node_run *n)
{
    return node_state_is_usable(n->state) && n->wish == WISH_WORK &&
           n->aside == NODE_TRUSTED && s->pools[n->pool].state == POOL_OPEN;
}

bool node_is_hopeful(const struct sched *s, const struct node_run *n)
{
    (void)s;
    return n->wish == WISH_WORK && n->lost < n->count &&
           n->aside == NODE_TRUSTED &&
           (n->state <= NODE_WAITING_FOR_START_TASK ||
            node_state_is_usable(n->state));
}

/* Special tasks run on the CPUs of the worker's slots. */
static bool may_lead(const struct worker *w, const struct node_run *n)
{
    return w->node == n && w->state == WORKER_JOINED && w->seat.load.slots > 0;
}

struct worker *node_leader(const struct sched *s, const struct node_run *n)
{
    if (may_lead(&s->workers[n->leader], n))
        return &s->workers[n->leader];
    for (uint32_t i = 0; i < n->count; i++) {
        struct worker *w = &s->workers[s->node_workers[n->first + i]];
        if (may_lead(w, n))
            return w;
    }
    return NULL;
}

/* ---- News ---- */

void node_joined(struct sched *s, struct node_run *n)
{
    n->joined++;
    node_news(s, n);
}

void node_lost(struct sched *s, struct node_run *n, bool was_joined)
{
    n->joined -= was_joined;
    n->lost++;
    node_news(s, n);
}

void node_given(struct sched *s, struct node_run *n, int64_t more)
{
    bool had = n->given > 0;
    n->given += (uint64_t)more;
    if (had == (n->given > 0))
        return;
    if (n->quiet.at == HEAP_OUT)
        (void)heap_add(&s->node_quiet, &n->quiet); /* has the memory */
    if (n->wish != WISH_WORK)
        node_news(s, n);
}

void nodes_at(struct sched *s, int64_t at_ns)
{
    if (at_ns < s->nodes_at_ns)
        s->nodes_at_ns = at_ns;
}

void nodes_tick(struct sched *s, int64_t now_ns)
{
    if (now_ns < s->nodes_at_ns)
        return;
    s->nodes_at_ns = INT64_MAX;
    for (uint32_t i = 0; i < s->node_count; i++)
        node_news(s, &s->nodes[i]);
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (s->jobs[i].preps)
            job_due(s, &s->jobs[i]);
}

/* ---- The start task ---- */

void node_start_ended(struct sched *s, struct node_run *n, int64_t now_ns,
                      struct attempt *a)
{
    struct verdict v = policy_judge(&start_of(s, n)->task, a, n->start_retries);
    a->disposition = v.again ? TASK_RETRIES : TASK_ENDS;
    n->start_attempts = a->attempt;
    n->start_retries += v.uses_retry;
    if (v.again)
        n->start = START_WANTED;
    else
        n->start = a->result == RESULT_SUCCESS ? START_DONE : START_FAILED;
    if (v.pause_ns > 0) {
        n->start_at_ns = now_ns + v.pause_ns;
        nodes_at(s, n->start_at_ns);
    }
    node_news(s, n);
}

void node_start_back(struct sched *s, struct node_run *n)
{
    n->start = START_WANTED;
    node_news(s, n);
}

static bool start_is_due(struct sched *s, const struct node_run *n,
                         int64_t now_ns)
{
    if (n->start != START_WANTED || s->stop != SCHED_RUN || s->paused ||
        (n->state != NODE_WAITING_FOR_START_TASK &&
         !node_state_is_usable(n->state)) ||
        !node_leader(s, n))
        return false;
    if (n->start_at_ns > now_ns)
        nodes_at(s, n->start_at_ns);
    return n->start_at_ns <= now_ns;
}

/* ---- States ---- */

/* Is the time for late ranks over? */
static bool is_late(struct sched *s, uint32_t pool, int64_t now_ns)
{
    const struct pool *spec = s->pools[pool].spec;
    int64_t until = s->begun_ns;
    if (spec &&
        __builtin_add_overflow(s->begun_ns, spec->resize_timeout_ns, &until))
        until = INT64_MAX;
    if (now_ns < until)
        nodes_at(s, until);
    return now_ns >= until;
}

/* Where it is in the life that begins with its ranks. */
static enum node_state state_begun(struct sched *s, const struct node_run *n,
                                   int64_t now_ns)
{
    const struct special_task *start = start_of(s, n);
    if (n->joined == 0)
        return n->state;
    if (n->state == NODE_CREATING)
        return NODE_STARTING;
    if (n->joined + n->lost < n->count && !is_late(s, n->pool, now_ns))
        return NODE_STARTING;
    if (start && start->wait_for_success && n->start != START_DONE &&
        node_leader(s, n)) /* none: no task will run there */
        return NODE_WAITING_FOR_START_TASK;
    return NODE_IDLE;
}

static const char *aside_text(struct sched *s, const struct node_run *n)
{
    const struct health *h = &n->health;
    const struct job_run *j = &s->jobs[h->job];
    snprintf(s->text, sizeof(s->text),
             "set aside: the last %" PRIu32 " attempts of job %s there failed, "
             "elsewhere %" PRIu64 " of %" PRIu64 " did",
             h->streak, j->spec->id, j->health.failed - h->count.failed,
             j->health.ended - h->count.ended);
    return s->text;
}

void node_judge(struct sched *s, struct node_run *n, const struct attempt *a)
{
    struct health_count *all = &s->jobs[a->job].health;
    bool failed = a->result != RESULT_SUCCESS;
    if (s->config.node_count == 0 || !health_says(a))
        return; /* it could not be said of whom */
    all->ended++;
    all->failed += failed;
    health_note(&n->health, a->job, failed);
    if (!failed || !node_takes_tasks(s, n) || !health_is_bad(&n->health, all))
        return;
    for (uint32_t i = 0; i < s->node_count; i++) {
        struct node_run *other = &s->nodes[i];
        if (other == n || other->pool != n->pool || !node_takes_tasks(s, other))
            continue;
        n->aside = NODE_ASIDE;
        node_close(s, n, SCHED_WAIT);
        return;
    }
}

/* What it should be, and why if that is worth saying. */
static enum node_state state_due(struct sched *s, const struct node_run *n,
                                 int64_t now_ns, const char **why)
{
    *why = "";
    if (n->state == NODE_LEAVING_POOL)
        return n->state;
    if (n->lost == n->count && n->count > 0) {
        *why = "all its ranks are lost";
        return NODE_UNUSABLE;
    }
    if (n->wish == WISH_LEAVE && n->given == 0 && n->start != START_GIVEN) {
        *why =
            n->state == NODE_CREATING ? "no pool takes it" : "it was removed";
        return NODE_LEAVING_POOL;
    }
    switch (n->state) {
    case NODE_CREATING:
    case NODE_STARTING:
        return state_begun(s, n, now_ns);
    case NODE_WAITING_FOR_START_TASK:
        if (n->start == START_FAILED) {
            *why = "its start task has failed";
            return NODE_START_TASK_FAILED;
        }
        if (n->wish == WISH_OFFLINE && n->start != START_GIVEN)
            return NODE_OFFLINE;
        return n->start == START_DONE || !node_leader(s, n) ? NODE_IDLE
                                                            : n->state;
    case NODE_IDLE:
    case NODE_RUNNING:
        if (n->aside == NODE_ASIDE) {
            *why = aside_text(s, n);
            return NODE_UNUSABLE;
        }
        return n->wish == WISH_OFFLINE && n->given == 0 ? NODE_OFFLINE
                                                        : n->state;
    case NODE_OFFLINE:
        return n->wish == WISH_WORK ? state_begun(s, n, now_ns) : n->state;
    case NODE_UNUSABLE:
        return n->aside == NODE_TRUSTED && n->joined > 0 ? NODE_IDLE : n->state;
    default:
        return n->state;
    }
}

/* Is the pool open by now? Then all its nodes may take tasks. */
static void pool_open(struct sched *s, uint32_t pool, int64_t now_ns)
{
    struct pool_run *p = &s->pools[pool];
    uint32_t target = p->spec ? p->spec->target_dedicated_nodes : 0;
    if (p->state == POOL_OPEN || (p->up < target && !is_late(s, pool, now_ns)))
        return;
    p->state = POOL_OPEN;
    for (uint32_t i = 0; i < s->node_count; i++)
        if (s->nodes[i].pool == pool)
            node_news(s, &s->nodes[i]);
}

static void node_change(struct sched *s, struct node_run *n,
                        enum node_state state)
{
    n->state = state;
    if (start_of(s, n) && n->start == START_NONE &&
        (state == NODE_WAITING_FOR_START_TASK || state == NODE_IDLE))
        n->start = START_WANTED;
    if (state == NODE_IDLE && n->seen == NODE_NEW) {
        n->seen = NODE_UP;
        s->pools[n->pool].up++;
    }
}

int node_seat(struct sched *s, struct node_run *n)
{
    bool wanted = node_takes_tasks(s, n) && n->alone == 0;
    struct place *place = &s->pools[n->pool].place;
    for (uint32_t i = 0; i < n->count; i++) {
        struct worker *w = &s->workers[s->node_workers[n->first + i]];
        bool is = wanted && w->state == WORKER_JOINED &&
                  w->seat.load.slots > 0 && !w->reserved;
        if (is == w->seat.seated)
            continue;
        if (!is)
            place_remove(place, &w->seat);
        else if (place_add(place, &w->seat) < 0)
            return -1;
        s->pools[n->pool].freed++;
    }
    return 0;
}

void node_take_alone(struct sched *s, struct node_run *n)
{
    n->alone++;
    (void)node_seat(s, n); /* takes seats away: that does not fail */
}

void node_leave_alone(struct sched *s, struct node_run *n)
{
    n->alone--;
    s->pools[n->pool].freed++; /* for whom it is reserved */
    node_news(s, n);
}

static void say(const struct sched *s, const struct node_run *n,
                const char *why, struct sched_action *act)
{
    *act = (struct sched_action){.kind = SCHED_NODE_CHANGED,
                                 .node = (uint32_t)(n - s->nodes),
                                 .node_state = n->state,
                                 .text = why};
}

enum step node_step(struct sched *s, struct node_run *n, int64_t now_ns,
                    struct sched_action *act)
{
    const char *why;
    for (;;) {
        if (start_is_due(s, n, now_ns)) {
            struct worker *w = node_leader(s, n);
            n->start = START_GIVEN;
            if (special_give(s, now_ns, w, JOB_OF_POOL(n->pool), INDEX_START,
                             n->start_attempts + 1, act) == 0)
                return STEP_ACT;
            n->start = START_WANTED;
            return STEP_LATER;
        }
        enum node_state due = state_due(s, n, now_ns, &why);
        if (due == n->state)
            break;
        node_change(s, n, due);
        if (s->config.node_count == 0)
            continue;
        if (node_seat(s, n) < 0) /* tried again with the next step */
            node_news(s, n);
        say(s, n, why, act);
        return STEP_ACT;
    }
    pool_open(s, n->pool, now_ns);
    return node_seat(s, n) < 0 ? STEP_LATER : STEP_NONE;
}

bool node_rest(struct sched *s, struct node_run *n, struct sched_action *act)
{
    bool runs = n->given > 0;
    if (!node_state_is_usable(n->state) || runs == (n->state == NODE_RUNNING))
        return false;
    n->state = runs ? NODE_RUNNING : NODE_IDLE;
    if (s->config.node_count == 0)
        return false;
    say(s, n, "", act);
    return true;
}
