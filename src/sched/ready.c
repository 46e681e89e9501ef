/* Ready tasks in buckets: see ready.h.
 *
 * Standing in a queue must not fail, so each queue gets its memory at the
 * start, when every bucket is in it; a heap keeps what it has. */
#include "config.h"
#include "sched/ready.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

static struct bucket *bucket_of(const struct heap_node *n)
{
    return (struct bucket *)((char *)n - offsetof(struct bucket, node));
}

static int bucket_compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct bucket *a = bucket_of(x), *b = bucket_of(y);
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return a->job < b->job ? -1 : a->job > b->job;
}

/* ---- Building ---- */

static bool is_listed(const struct job *job)
{
    return job->tasks.kind == TASKS_LISTED;
}

/* Which numbers of slots do tasks of the job require? Marks need[]. */
static void mark_needs(const struct job *job, bool *need)
{
    uint32_t n = is_listed(job) ? job->tasks.count : 1;
    for (uint32_t i = 0; i < n; i++)
        need[job_template(job, i)->required_slots] = true;
}

/* How many are marked; none is marked afterwards. If slots is not NULL, they
 * are put there. */
static uint32_t take_needs(bool *need, uint32_t *slots)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s <= JOBSPEC_MAX_SLOTS; s++) {
        if (!need[s])
            continue;
        need[s] = false;
        if (slots)
            slots[n] = s;
        n++;
    }
    return n;
}

static int queues_init(struct ready *r, const struct jobspec *spec, bool *need)
{
    uint32_t slots[JOBSPEC_MAX_SLOTS + 1];
    for (uint32_t j = 0; j < spec->job_count; j++)
        mark_needs(&spec->jobs[j], need);
    uint32_t n = take_needs(need, slots);
    r->queues = mem_calloc(n, sizeof(r->queues[0]));
    if (!r->queues)
        return -1;
    r->queue_count = n;
    for (uint32_t q = 0; q < n; q++) {
        r->queues[q].slots = slots[q];
        heap_init(&r->queues[q].buckets, bucket_compare);
    }
    return 0;
}

static struct heap *queue_find(struct ready *r, uint32_t slots)
{
    uint32_t q = 0;
    while (r->queues[q].slots != slots)
        q++;
    return &r->queues[q].buckets;
}

static int buckets_init(struct ready *r, const struct jobspec *spec, bool *need)
{
    uint32_t slots[JOBSPEC_MAX_SLOTS + 1], total = 0;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        mark_needs(&spec->jobs[j], need);
        total += take_needs(need, NULL);
    }
    r->buckets = mem_calloc(total, sizeof(r->buckets[0]));
    if (!r->buckets)
        return -1;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        const struct job *job = &spec->jobs[j];
        mark_needs(job, need);
        uint32_t n = take_needs(need, slots);
        for (uint32_t i = 0; i < n; i++) {
            struct bucket *b = &r->buckets[r->bucket_count++];
            heap_node_init(&b->node);
            b->queue = queue_find(r, slots[i]);
            b->priority = job->priority;
            b->job = j;
            b->slots = slots[i];
            /* one bucket: all its tasks; more: they are sorted out below */
            if (indices_init(&b->fresh, n == 1 ? job->tasks.count : 0) < 0 ||
                indices_init(&b->again, 0) < 0)
                return -1;
        }
        r->job_first[j + 1] = r->bucket_count;
        for (uint32_t i = 0; n > 1 && i < job->tasks.count; i++)
            indices_add(
                &ready_bucket(r, j, job_template(job, i)->required_slots)
                     ->fresh,
                i);
    }
    for (uint32_t i = 0; i < r->bucket_count; i++)
        if (heap_add(r->buckets[i].queue, &r->buckets[i].node) < 0)
            return -1;
    return 0;
}

int ready_init(struct ready *r, const struct jobspec *spec)
{
    bool *need = mem_calloc(JOBSPEC_MAX_SLOTS + 1, sizeof(*need));
    r->job_first = mem_calloc(spec->job_count + 1, sizeof(r->job_first[0]));
    int rc = -1;
    if (need && r->job_first && queues_init(r, spec, need) == 0 &&
        buckets_init(r, spec, need) == 0)
        rc = 0;
    mem_free(need);
    return rc;
}

void ready_fini(struct ready *r)
{
    for (uint32_t q = 0; q < r->queue_count; q++)
        heap_fini(&r->queues[q].buckets);
    for (uint32_t i = 0; i < r->bucket_count; i++) {
        indices_fini(&r->buckets[i].fresh);
        indices_fini(&r->buckets[i].again);
    }
    mem_free(r->queues);
    mem_free(r->buckets);
    mem_free(r->job_first);
    *r = (struct ready){0};
}

/* ---- Queues ---- */

struct bucket *ready_bucket(const struct ready *r, uint32_t job, uint32_t slots)
{
    uint32_t low = r->job_first[job], high = r->job_first[job + 1];
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (r->buckets[mid].slots <= slots)
            low = mid;
        else
            high = mid;
    }
    return &r->buckets[low];
}

/* Put the bucket into its queue or take it out, as it must be. */
static void settle(struct bucket *b)
{
    bool wanted = b->state == BUCKET_OPEN && bucket_count(b) > 0;
    if (!wanted)
        heap_remove(b->queue, &b->node);
    else if (b->node.at == HEAP_OUT)
        (void)heap_add(b->queue, &b->node); /* has the memory */
}

void ready_open(struct ready *r, uint32_t job)
{
    for (uint32_t i = r->job_first[job]; i < r->job_first[job + 1]; i++) {
        r->buckets[i].state = BUCKET_OPEN;
        settle(&r->buckets[i]);
    }
}

void ready_close(struct ready *r, uint32_t job)
{
    for (uint32_t i = r->job_first[job]; i < r->job_first[job + 1]; i++) {
        r->buckets[i].state = BUCKET_CLOSED;
        settle(&r->buckets[i]);
    }
}

struct bucket *ready_top(const struct ready_queue *q)
{
    struct heap_node *n = heap_top(&q->buckets);
    return n ? bucket_of(n) : NULL;
}

bool bucket_before(const struct bucket *a, const struct bucket *b)
{
    int order = bucket_compare(&a->node, &b->node);
    if (order != 0)
        return order < 0;
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

void bucket_take(struct bucket *b, struct indices *set, uint32_t first,
                 uint32_t count)
{
    if (count == 1)
        indices_remove(set, first);
    else
        indices_remove_range(set, first, count);
    settle(b);
}
