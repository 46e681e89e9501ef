/* Ready tasks in buckets: see ready.h.
 *
 * Standing in a queue must not fail, so each queue gets its memory at the
 * start, when every bucket is in it; a heap keeps what it has. */
#include "config.h"
#include "sched/ready.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static struct claim *claim_of(const struct heap_node *n)
{
    return (struct claim *)((char *)n - offsetof(struct claim, node));
}

static int claim_compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct claim *a = claim_of(x), *b = claim_of(y);
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->job != b->job)
        return a->job < b->job ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* ---- Building ---- */

uint32_t ready_key(const struct jobspec *spec, uint32_t job, uint32_t index)
{
    const struct task_template *t = job_template(&spec->jobs[job], index);
    return spec->request_count > 0 ? t->request : t->required_slots;
}

/* The queue of a pool for so many slots, made if there is none. */
static struct heap *queue_get(struct ready *r, uint32_t pool, uint32_t slots)
{
    uint32_t q = 0;
    while (q < r->queue_count &&
           (r->queues[q]->pool < pool ||
            (r->queues[q]->pool == pool && r->queues[q]->slots < slots)))
        q++;
    if (q < r->queue_count && r->queues[q]->pool == pool &&
        r->queues[q]->slots == slots)
        return &r->queues[q]->buckets;
    struct ready_queue **more =
        mem_resize(r->queues, r->queue_count + 1, sizeof(*more));
    if (!more)
        return NULL;
    r->queues = more;
    struct ready_queue *queue = mem_calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    memmove(&more[q + 1], &more[q], (r->queue_count - q) * sizeof(*more));
    more[q] = queue;
    r->queue_count++;
    queue->pool = pool;
    queue->slots = slots;
    heap_init(&queue->buckets, claim_compare);
    return &queue->buckets;
}

/* Room in the heap for the bucket, though it may not stand in it yet. */
static int queue_enter(struct heap *queue, struct bucket *b)
{
    if (heap_add(queue, &b->claim.node) < 0)
        return -1;
    b->queue = queue;
    return 0;
}

static void bucket_free(struct bucket *b)
{
    indices_fini(&b->fresh);
    indices_fini(&b->again);
    mem_free(b);
}

static int bucket_init(struct bucket *b, struct ready *r,
                       const struct jobspec *spec, uint32_t job, uint32_t index)
{
    const struct job *of = &spec->jobs[job];
    b->request = jobspec_request(spec, job, index);
    b->job = job;
    b->pool = of->pool;
    b->slots = b->request.slots;
    b->key = ready_key(spec, job, index);
    b->claim = (struct claim){
        .priority = of->priority, .job = job, .bucket = b, .seen = UINT64_MAX};
    heap_node_init(&b->claim.node);
    if (indices_init(&b->fresh, 0) < 0 || indices_init(&b->again, 0) < 0)
        return -1;
    struct heap *queue = request_is_plain(&b->request)
                             ? queue_get(r, b->pool, b->slots)
                             : &r->claims[b->pool];
    b->plain = request_is_plain(&b->request);
    return queue ? queue_enter(queue, b) : -1;
}

/* The place of the first bucket of the job with that key or a larger one. */
static uint32_t bucket_place(const struct ready_job *j, uint32_t key)
{
    uint32_t low = 0, high = j->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (j->buckets[mid]->key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Put the bucket into its queue or take it out, as it must be. */
static void settle(struct bucket *b)
{
    bool wanted = b->state == BUCKET_OPEN && bucket_count(b) > 0;
    if (!wanted) {
        heap_remove(b->queue, &b->claim.node);
        return;
    }
    if (!b->plain)
        b->claim.index = indices_first(bucket_next(b));
    if (b->claim.node.at == HEAP_OUT)
        (void)heap_add(b->queue, &b->claim.node); /* has the memory */
    else if (!b->plain)
        heap_update(b->queue, &b->claim.node);
}

int ready_make_bucket(struct ready *r, const struct jobspec *spec, uint32_t job,
                      uint32_t index)
{
    struct ready_job *j = &r->jobs[job];
    uint32_t key = ready_key(spec, job, index), at = bucket_place(j, key);
    if (at < j->count && j->buckets[at]->key == key)
        return 0;
    struct bucket **more =
        mem_resize(j->buckets, j->count + 1, sizeof(*j->buckets));
    if (!more)
        return -1;
    j->buckets = more;
    struct bucket *b = mem_calloc(1, sizeof(*b));
    if (!b)
        return -1;
    if (bucket_init(b, r, spec, job, index) < 0) {
        bucket_free(b);
        return -1;
    }
    if (j->count > 0)
        b->state = more[0]->state;
    memmove(&more[at + 1], &more[at], (j->count - at) * sizeof(*more));
    more[at] = b;
    j->count++;
    settle(b);
    return 0;
}

static int job_buckets_init(struct ready *r, const struct jobspec *spec,
                            uint32_t job)
{
    const struct taskset *tasks = &spec->jobs[job].tasks;
    struct ready_job *j = &r->jobs[job];
    uint32_t templates = tasks->kind == TASKS_LISTED ? tasks->count : 1;
    for (uint32_t i = 0; i < templates; i++)
        if (ready_make_bucket(r, spec, job, i) < 0)
            return -1;
    if (j->count == 1) { /* all its tasks */
        indices_fini(&j->buckets[0]->fresh);
        if (indices_init(&j->buckets[0]->fresh, tasks->count) < 0)
            return -1;
    } else {
        for (uint32_t i = 0; j->count > 1 && i < tasks->count; i++)
            indices_add(&ready_bucket(r, job, ready_key(spec, job, i))->fresh,
                        i);
    }
    for (uint32_t i = 0; i < j->count; i++)
        settle(j->buckets[i]);
    return 0;
}

int ready_init(struct ready *r, const struct jobspec *spec)
{
    r->pool_count = spec->pool_count > 0 ? spec->pool_count : 1;
    r->claims = mem_calloc(r->pool_count, sizeof(r->claims[0]));
    r->jobs = mem_calloc(spec->job_count, sizeof(r->jobs[0]));
    if (!r->claims || !r->jobs)
        return -1;
    r->job_count = spec->job_count;
    for (uint32_t p = 0; p < r->pool_count; p++)
        heap_init(&r->claims[p], claim_compare);
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (job_buckets_init(r, spec, j) < 0)
            return -1;
    return 0;
}

void ready_fini(struct ready *r)
{
    for (uint32_t q = 0; q < r->queue_count; q++) {
        heap_fini(&r->queues[q]->buckets);
        mem_free(r->queues[q]);
    }
    for (uint32_t j = 0; j < r->job_count; j++) {
        for (uint32_t i = 0; i < r->jobs[j].count; i++)
            bucket_free(r->jobs[j].buckets[i]);
        mem_free(r->jobs[j].buckets);
    }
    for (uint32_t p = 0; r->claims && p < r->pool_count; p++)
        heap_fini(&r->claims[p]);
    mem_free(r->queues);
    mem_free(r->claims);
    mem_free(r->jobs);
    *r = (struct ready){0};
}

/* ---- Queues ---- */

struct bucket *ready_bucket(const struct ready *r, uint32_t job, uint32_t key)
{
    const struct ready_job *j = &r->jobs[job];
    return j->buckets[j->count > 1 ? bucket_place(j, key) : 0];
}

int ready_make_claim(struct ready *r, struct bucket *b)
{
    if (!b->plain)
        return 0;
    heap_remove(b->queue, &b->claim.node);
    if (queue_enter(&r->claims[b->pool], b) < 0) {
        settle(b);
        return -1;
    }
    b->plain = false;
    settle(b);
    return 0;
}

void ready_open(struct ready *r, uint32_t job)
{
    for (uint32_t i = 0; i < r->jobs[job].count; i++) {
        r->jobs[job].buckets[i]->state = BUCKET_OPEN;
        settle(r->jobs[job].buckets[i]);
    }
}

void ready_close(struct ready *r, uint32_t job)
{
    for (uint32_t i = 0; i < r->jobs[job].count; i++) {
        r->jobs[job].buckets[i]->state = BUCKET_CLOSED;
        settle(r->jobs[job].buckets[i]);
    }
}

uint32_t ready_least_slots(const struct ready *r, uint32_t pool)
{
    for (uint32_t q = 0; q < r->queue_count; q++)
        if (r->queues[q]->pool == pool)
            return r->queues[q]->slots;
    return UINT32_MAX;
}

struct bucket *ready_top(const struct ready_queue *q)
{
    struct heap_node *n = heap_top(&q->buckets);
    return n ? claim_of(n)->bucket : NULL;
}

bool claim_before(const struct claim *a, const struct claim *b)
{
    return claim_compare(&a->node, &b->node) < 0;
}

bool bucket_before(const struct bucket *a, const struct bucket *b)
{
    if (a->claim.priority != b->claim.priority)
        return a->claim.priority > b->claim.priority;
    if (a->job != b->job)
        return a->job < b->job;
    return indices_first(bucket_next((struct bucket *)a)) <
           indices_first(bucket_next((struct bucket *)b));
}

uint64_t bucket_count(const struct bucket *b)
{
    return b->fresh.count + b->again.count;
}

struct indices *bucket_next(struct bucket *b)
{
    if (b->again.count == 0)
        return &b->fresh;
    if (b->fresh.count == 0)
        return &b->again;
    return indices_first(&b->fresh) < indices_first(&b->again) ? &b->fresh
                                                               : &b->again;
}

void bucket_put(struct bucket *b, struct indices *set, uint32_t first,
                uint32_t count)
{
    if (count == 1)
        indices_add(set, first);
    else
        indices_add_range(set, first, count);
    settle(b);
}

bool bucket_take_one(struct bucket *b, struct indices *set, uint32_t index)
{
    if (!indices_remove(set, index))
        return false;
    settle(b);
    return true;
}

void bucket_take(struct bucket *b, struct indices *set, uint32_t first,
                 uint32_t count)
{
    if (count == 1)
        indices_remove(set, first);
    else
        indices_remove_range(set, first, count);
    settle(b);
}
