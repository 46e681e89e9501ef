/* Placing claims: see claims.h. */
#include "config.h"
#include "sched/claims.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "sched/grant.h"
#include "sched/prep.h"

/* So many claims that find no place are passed at most. */
enum { CLAIMS_PASSED = 64 };

struct claim *claim_of_node(const struct heap_node *n)
{
    return (struct claim *)((char *)n - offsetof(struct claim, node));
}

/* ---- Picky tasks ---- */

void picky_init(struct picky *p, const struct sched *s, uint32_t job,
                uint32_t index)
{
    *p =
        (struct picky){.claim = {.priority = s->config.spec->jobs[job].priority,
                                 .job = job,
                                 .index = index,
                                 .seen = UINT64_MAX},
                       .prefer = UINT32_MAX};
    heap_node_init(&p->claim.node);
}

static struct heap *heap_of(struct sched *s, const struct claim *c)
{
    return &s->ready.claims[s->config.spec->jobs[c->job].pool];
}

int claim_add(struct sched *s, struct claim *c)
{
    c->seen = UINT64_MAX;
    return c->node.at == HEAP_OUT ? heap_add(heap_of(s, c), &c->node) : 0;
}

void claim_remove(struct sched *s, struct claim *c)
{
    struct pool_run *p = &s->pools[s->config.spec->jobs[c->job].pool];
    heap_remove(heap_of(s, c), &c->node);
    if (p->reserved_for == c)
        reservation_drop(s, p);
}

bool claim_waits(const struct claim *c)
{
    return c->node.at != HEAP_OUT;
}

/* ---- What a claim wants ---- */

static struct picky *picky_of(const struct claim *c)
{
    return c->bucket
               ? NULL
               : (struct picky *)((char *)c - offsetof(struct picky, claim));
}

static uint32_t attempt_of(const struct sched *s, const struct claim *c,
                           uint32_t index)
{
    struct tally usual = {.attempts = 1};
    if (c->bucket ? bucket_next(c->bucket) == &c->bucket->fresh
                  : !picky_of(c)->tried)
        usual.attempts = 0;
    return tally_get(&s->tally, c->job, index, usual).attempts + 1;
}

static void want_get(const struct sched *s, const struct claim *c,
                     struct want *want)
{
    const struct picky *p = picky_of(c);
    uint32_t index =
        c->bucket ? indices_first(bucket_next(c->bucket)) : c->index;
    struct request r = c->bucket
                           ? c->bucket->request
                           : jobspec_request(s->config.spec, c->job, index);
    *want = (struct want){.job = c->job,
                          .index = index,
                          .attempt = attempt_of(s, c, index),
                          .pool = s->config.spec->jobs[c->job].pool,
                          .slots = r.slots,
                          .instances = r.instances,
                          .exclusive = r.exclusive || (p && p->exclusive),
                          .amount_count = r.amount_count,
                          .picky = p};
    for (uint32_t i = 0; i < r.amount_count; i++) {
        struct amount *a = &want->amounts[i];
        *a = r.amounts[i];
        if (s->config.spec->resources[a->resource].kind != RESOURCE_MEMORY)
            continue;
        if (p && p->memory_bytes > 0)
            a->units = p->memory_bytes;
        want->memory_bytes = a->units;
    }
    if (p) {
        want->max_wall_clock_ns = p->max_wall_clock_ns;
        want->keep_directory = p->keep_directory;
    }
}

/* ---- Which nodes ---- */

static uint32_t node_id(const struct sched *s, const struct worker *w)
{
    return (uint32_t)(w->node - s->nodes);
}

/* Has the worker's node what is wanted, if all were free? */
static bool is_able(const struct sched *s, const struct want *want,
                    const struct worker *w)
{
    return w->node->pool == want->pool && w->state == WORKER_JOINED &&
           node_is_hopeful(s, w->node) && w->seat.load.slots >= want->slots &&
           prep_gate(&s->jobs[want->job], node_id(s, w)) != GATE_CLOSED &&
           stock_has(&w->node->stock, s->config.spec, RESOURCE_OF_NODE,
                     want->amounts, want->amount_count);
}

static bool is_avoided(const struct sched *s, const struct want *want,
                       const struct worker *w)
{
    for (uint32_t i = 0; want->picky && i < want->picky->avoid_count; i++)
        if (want->picky->avoid[i] == node_id(s, w))
            return true;
    return false;
}

/* Has the node a worker that is able, and not avoided? */
static bool is_choice(const struct sched *s, const struct want *want,
                      const struct node_run *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        const struct worker *w = &s->workers[s->node_workers[n->first + i]];
        if (is_able(s, want, w) && !is_avoided(s, want, w))
            return true;
    }
    return false;
}

/* Are there as many such nodes as instances? */
static bool has_choice(const struct sched *s, const struct want *want)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < s->node_count && nodes < want->instances; i++)
        nodes += is_choice(s, want, &s->nodes[i]);
    return nodes == want->instances;
}

/* Must it go on where it was, because what it has left is there? */
static bool is_tied(const struct sched *s, const struct want *want)
{
    if (!want->keep_directory || want->instances > 1)
        return false;
    for (uint32_t i = 0; i < s->config.worker_count; i++)
        if (node_id(s, &s->workers[i]) == want->picky->prefer &&
            is_able(s, want, &s->workers[i]))
            return true;
    return false;
}

/* What stands against a place at this worker. */
enum lack {
    LACK_NOTHING,
    LACK_SLOTS, /* and nothing else */
    LACK_MORE
};

static bool is_seated(const struct pool_run *p, const struct worker *w,
                      const struct claim *c)
{
    return w->seat.seated ||
           (w->reserved && p->reserved_for == c && w->node->alone == 0);
}

static enum lack lack_of(const struct sched *s, const struct claim *c,
                         const struct want *want, const struct worker *w)
{
    const struct pool_run *p = &s->pools[want->pool];
    if (!is_able(s, want, w) || !node_takes_tasks(s, w->node) ||
        !stock_is_free(&w->node->stock, s->config.spec, RESOURCE_OF_NODE,
                       want->amounts, want->amount_count))
        return LACK_MORE;
    if (!is_seated(p, w, c) || load_free(&w->seat.load) < want->slots ||
        (want->exclusive && w->node->given > 0) ||
        prep_gate(&s->jobs[want->job], node_id(s, w)) == GATE_HOLD)
        return LACK_SLOTS;
    return LACK_NOTHING;
}

/* Is a better than b? */
static bool is_better(const struct sched *s, const struct want *want,
                      const struct worker *a, const struct worker *b)
{
    const struct pool_run *p = &s->pools[want->pool];
    uint32_t prefer = want->picky ? want->picky->prefer : UINT32_MAX;
    bool likes_a = node_id(s, a) == prefer, likes_b = node_id(s, b) == prefer;
    if (likes_a != likes_b)
        return likes_a;
    if (p->place.pack)
        return a < b;
    int order = load_compare_used(&a->seat.load, &b->seat.load);
    return order ? order < 0 : a < b;
}

static bool is_chosen(const struct sched *s, const uint32_t *workers,
                      uint32_t count, const struct worker *w)
{
    for (uint32_t i = 0; i < count; i++)
        if (s->workers[workers[i]].node == w->node)
            return true;
    return false;
}

/* Choose workers on as many distinct nodes as there are to be instances, none
 * of which lacks more than that. How many were found. */
static uint32_t choose(const struct sched *s, const struct claim *c,
                       const struct want *want, enum lack most,
                       uint32_t *workers)
{
    bool choosy =
        want->picky && want->picky->avoid_count > 0 && has_choice(s, want);
    bool tied = is_tied(s, want);
    uint32_t n = 0;
    for (; n < want->instances; n++) {
        const struct worker *best = NULL;
        for (uint32_t i = 0; i < s->config.worker_count; i++) {
            const struct worker *w = &s->workers[i];
            if (w->node->pool != want->pool || w->state != WORKER_JOINED ||
                lack_of(s, c, want, w) > most ||
                (choosy && is_avoided(s, want, w)) ||
                (tied && node_id(s, w) != want->picky->prefer) ||
                is_chosen(s, workers, n, w))
                continue;
            if (!best || is_better(s, want, w, best))
                best = w;
        }
        if (!best)
            break;
        workers[n] = worker_id(s, best);
    }
    return n;
}

/* ---- The reservation ---- */

void reservation_drop(struct sched *s, struct pool_run *p)
{
    p->reserved_for = NULL;
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        struct worker *w = &s->workers[i];
        if (!w->reserved || &s->pools[w->node->pool] != p)
            continue;
        w->reserved = false;
        if (node_seat(s, w->node) < 0)
            node_news(s, w->node); /* later */
    }
    p->freed++;
}

static void reserve(struct sched *s, const struct claim *c,
                    const struct want *want, const uint32_t *workers)
{
    struct pool_run *p = &s->pools[want->pool];
    p->reserved_for = c;
    p->reserved_slots = want->slots;
    for (uint32_t i = 0; i < want->instances; i++) {
        const struct node_run *n = s->workers[workers[i]].node;
        for (uint32_t k = 0; k < n->count; k++) {
            uint32_t w = s->node_workers[n->first + k];
            if (w != workers[i] && !want->exclusive)
                continue;
            s->workers[w].reserved = true;
            place_remove(&p->place, &s->workers[w].seat);
        }
    }
}

/* Is there a ready plain task in the pool that comes before the claim? */
static bool is_behind(const struct sched *s, uint32_t pool,
                      const struct claim *c)
{
    for (uint32_t q = 0; q < s->ready.queue_count; q++) {
        const struct bucket *b = ready_top(s->ready.queues[q]);
        if (b && b->pool == pool && claim_behind(c, b))
            return true;
    }
    return false;
}

bool claim_behind(const struct claim *c, const struct bucket *b)
{
    struct claim first = b->claim;
    first.index = indices_first(bucket_next((struct bucket *)b));
    return claim_before(&first, c);
}

/* Can all that is reserved still be had? */
static bool is_whole(const struct sched *s, uint32_t pool)
{
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        const struct worker *w = &s->workers[i];
        if (w->reserved && w->node->pool == pool &&
            (w->state != WORKER_JOINED || !node_takes_tasks(s, w->node)))
            return false;
    }
    return true;
}

/* A reservation that has lost its reason is dropped. */
static void reservation_check(struct sched *s, uint32_t pool)
{
    struct pool_run *p = &s->pools[pool];
    if (p->reserved_for &&
        (!claim_waits(p->reserved_for) || is_behind(s, pool, p->reserved_for) ||
         !is_whole(s, pool)))
        reservation_drop(s, p);
}

/* ---- Placing ---- */

/* The task is placed, or its nodes are prepared for it first. */
static enum step place(struct sched *s, int64_t now_ns, struct claim *c,
                       const struct want *want, const uint32_t *workers,
                       struct sched_action *act)
{
    struct pool_run *p = &s->pools[want->pool];
    for (uint32_t i = 0; i < want->instances; i++) {
        uint32_t node = node_id(s, &s->workers[workers[i]]);
        if (prep_gate(&s->jobs[want->job], node) != GATE_BEGIN)
            continue;
        return prep_begin(s, now_ns, &s->jobs[want->job], node, act) < 0
                   ? STEP_LATER
                   : STEP_ACT;
    }
    if (grant_make(s, now_ns, want, workers) < 0)
        return STEP_LATER;
    if (c->bucket)
        bucket_take(c->bucket, bucket_next(c->bucket), want->index, 1);
    else
        pickies_given(s, want->job, want->index);
    if (p->reserved_for == c)
        reservation_drop(s, p);
    return grants_step(s, act);
}

/* Claims of a pool that found no place just now: not in their heap meanwhile,
 * so nothing may change what waits. */
struct passed {
    struct heap *claims;
    struct heap_node *nodes[CLAIMS_PASSED];
    uint32_t count;
};

static void passed_back(struct passed *p)
{
    while (p->count > 0)
        (void)heap_add(p->claims, p->nodes[--p->count]); /* has the memory */
}

/* Is the pool's first reservation to be this claim's? */
static bool may_reserve(const struct sched *s, const struct claim *c,
                        uint32_t pool)
{
    const struct pool_run *p = &s->pools[pool];
    return p->reserved_for != c &&
           (!p->reserved_for || claim_before(c, p->reserved_for)) &&
           !is_behind(s, pool, c);
}

static enum step claim_try(struct sched *s, int64_t now_ns, struct claim *c,
                           struct passed *passed, struct sched_action *act)
{
    struct want want;
    enum step step = STEP_NONE;
    want_get(s, c, &want);
    struct pool_run *p = &s->pools[want.pool];
    if (want.instances > s->node_count ||
        !stock_is_free(&p->stock, s->config.spec, RESOURCE_OF_POOL,
                       want.amounts, want.amount_count))
        return STEP_NONE;
    uint32_t *workers = mem_calloc(want.instances, sizeof(workers[0]));
    if (!workers)
        return STEP_LATER;
    if (choose(s, c, &want, LACK_NOTHING, workers) == want.instances) {
        passed_back(passed); /* a job may be full now */
        step = place(s, now_ns, c, &want, workers, act);
    } else if (may_reserve(s, c, want.pool) &&
               choose(s, c, &want, LACK_SLOTS, workers) == want.instances) {
        if (p->reserved_for)
            reservation_drop(s, p);
        reserve(s, c, &want, workers);
    }
    mem_free(workers);
    return step;
}

static enum step pool_step(struct sched *s, uint32_t pool, int64_t now_ns,
                           const struct bucket *plain, struct sched_action *act)
{
    struct passed passed = {.claims = &s->ready.claims[pool]};
    struct heap_node *n;
    enum step step = STEP_NONE;
    reservation_check(s, pool);
    while (step == STEP_NONE && passed.count < CLAIMS_PASSED &&
           (n = heap_top(passed.claims))) {
        struct claim *c = claim_of_node(n);
        if (plain && claim_behind(c, plain))
            break;
        uint64_t freed = s->pools[pool].freed;
        if (c->seen != freed)
            step = claim_try(s, now_ns, c, &passed, act);
        if (step != STEP_NONE)
            break;
        c->seen = freed;
        passed.nodes[passed.count++] = n;
        heap_remove(passed.claims, n);
    }
    passed_back(&passed);
    return step;
}

enum step claims_step(struct sched *s, int64_t now_ns,
                      const struct bucket *plain, struct sched_action *act)
{
    for (uint32_t p = 0; p < s->ready.pool_count; p++) {
        if (s->ready.claims[p].count == 0 && !s->pools[p].reserved_for)
            continue;
        enum step step = pool_step(s, p, now_ns, plain, act);
        if (step != STEP_NONE)
            return step;
    }
    return STEP_NONE;
}

bool claim_is_able(const struct sched *s, const struct claim *c)
{
    struct want want;
    uint32_t n = 0;
    want_get(s, c, &want);
    if (!stock_has(&s->pools[want.pool].stock, s->config.spec, RESOURCE_OF_POOL,
                   want.amounts, want.amount_count))
        return false;
    for (uint32_t i = 0; i < s->node_count; i++) {
        const struct node_run *node = &s->nodes[i];
        bool able = false;
        if (node->pool != want.pool || !node_is_hopeful(s, node))
            continue;
        for (uint32_t k = 0; !able && k < node->count; k++) {
            const struct worker *w =
                &s->workers[s->node_workers[node->first + k]];
            able = w->state == WORKER_EXPECTED || is_able(s, &want, w);
        }
        n += able;
    }
    return n >= want.instances;
}

/* ---- Backfill ---- */

static int64_t limit_of(const struct sched *s, uint32_t job, uint32_t index)
{
    return job_template(s->jobs[job].spec, index)
        ->constraints.max_wall_clock_ns;
}

/* When the worker will have so many slots free at the latest; INT64_MAX: nobody
 * knows. */
static int64_t free_at(const struct sched *s, const struct worker *w,
                       uint32_t slots)
{
    int64_t at = INT64_MIN;
    if (load_free(&w->seat.load) >= slots)
        return at;
    for (uint32_t i = 0; i < w->given.count; i++) {
        const struct range *r = &w->given.ranges[i];
        if (r->slots == 0 || !range_has_load(r->state))
            continue;
        int64_t limit = limit_of(s, r->job, r->first), end;
        if (limit == 0 || r->state != RANGE_STARTED ||
            __builtin_add_overflow(r->start_ns, limit, &end))
            return INT64_MAX;
        if (end > at)
            at = end;
    }
    return at;
}

/* When the reservation of the pool is sure to be fulfilled. */
static int64_t reserved_until(const struct sched *s, uint32_t pool)
{
    int64_t at = INT64_MIN;
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        const struct worker *w = &s->workers[i];
        if (!w->reserved || w->node->pool != pool)
            continue;
        int64_t free_ns = free_at(s, w, s->pools[pool].reserved_slots);
        if (free_ns > at)
            at = free_ns;
    }
    return at;
}

/* A plain bucket of the pool that fits the worker and whose next task ends in
 * time. */
static struct bucket *backfill_bucket(const struct sched *s, uint32_t pool,
                                      const struct worker *w, int64_t left_ns)
{
    for (uint32_t q = 0; q < s->ready.queue_count; q++) {
        const struct ready_queue *queue = s->ready.queues[q];
        struct bucket *b = ready_top(queue);
        if (!b || queue->pool != pool ||
            queue->slots > load_free(&w->seat.load) ||
            prep_gate(&s->jobs[b->job], node_id(s, w)) != GATE_OPEN)
            continue;
        int64_t limit = limit_of(s, b->job, indices_first(bucket_next(b)));
        if (limit > 0 && limit <= left_ns)
            return b;
    }
    return NULL;
}

struct bucket *claims_backfill(const struct sched *s, int64_t now_ns,
                               struct worker **worker)
{
    for (uint32_t p = 0; p < s->ready.pool_count; p++) {
        if (!s->pools[p].reserved_for)
            continue;
        int64_t until_ns = reserved_until(s, p);
        if (until_ns == INT64_MAX || until_ns <= now_ns)
            continue;
        for (uint32_t i = 0; i < s->config.worker_count; i++) {
            struct worker *w = &s->workers[i];
            if (!w->reserved || w->node->pool != p || w->node->alone > 0 ||
                load_free(&w->seat.load) == 0)
                continue;
            struct bucket *b = backfill_bucket(s, p, w, until_ns - now_ns);
            if (b) {
                *worker = w;
                return b;
            }
        }
    }
    return NULL;
}
