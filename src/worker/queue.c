/* The tasks a worker has not started: see queue.h. */
#include "config.h"
#include "worker/queue.h"

#include "base/mem.h"

void queue_init(struct queue *q)
{
    *q = (struct queue){0};
}

void queue_fini(struct queue *q)
{
    mem_free(q->ranges);
    queue_init(q);
}

static struct msg_range *range_at(const struct queue *q, uint32_t i)
{
    return &q->ranges[(q->head + i) % q->cap];
}

static int grow(struct queue *q)
{
    uint32_t cap = q->cap ? q->cap * 2 : 16;
    struct msg_range *ranges = mem_calloc(cap, sizeof(*ranges));
    if (!ranges)
        return -1;
    for (uint32_t i = 0; i < q->count; i++)
        ranges[i] = *range_at(q, i);
    mem_free(q->ranges);
    q->ranges = ranges;
    q->cap = cap;
    q->head = 0;
    return 0;
}

int queue_put(struct queue *q, const struct msg_range *r)
{
    if (r->count == 0)
        return 0;
    if (q->count == q->cap && grow(q) < 0)
        return -1;
    *range_at(q, q->count++) = *r;
    q->tasks += r->count;
    return 0;
}

bool queue_first(const struct queue *q, struct msg_range *task)
{
    if (q->count == 0)
        return false;
    *task = *range_at(q, 0);
    task->count = 1;
    return true;
}

void queue_drop_first(struct queue *q)
{
    queue_drop_at(q, 0);
}

bool queue_first_of(const struct queue *q,
                    bool (*fits)(void *arg, const struct msg_range *task),
                    void *arg, struct msg_range *task, uint32_t *at)
{
    for (*at = 0; *at < q->count && *at < QUEUE_LOOK; (*at)++) {
        *task = *range_at(q, *at);
        task->count = 1;
        if (fits(arg, task))
            return true;
    }
    return false;
}

/* Remove the range at that place. */
static void remove_at(struct queue *q, uint32_t at)
{
    if (at == 0) {
        q->head = (q->head + 1) % q->cap;
    } else {
        for (uint32_t k = at + 1; k < q->count; k++)
            *range_at(q, k - 1) = *range_at(q, k);
    }
    q->count--;
}

void queue_drop_at(struct queue *q, uint32_t at)
{
    struct msg_range *r = range_at(q, at);
    r->first++;
    q->tasks--;
    if (--r->count == 0)
        remove_at(q, at);
}

uint32_t queue_find(const struct queue *q, uint32_t job, uint32_t index)
{
    for (uint32_t i = 0; i < q->count; i++) {
        const struct msg_range *r = range_at(q, i);
        if (r->job == job && index >= r->first && index - r->first < r->count)
            return r->attempt;
    }
    return 0;
}

bool queue_take_from(struct queue *q, uint32_t job, uint32_t index,
                     struct msg_range *out)
{
    for (uint32_t i = 0; i < q->count; i++) {
        struct msg_range *r = range_at(q, i);
        if (r->job != job || index < r->first || index - r->first >= r->count)
            continue;
        *out = *r;
        out->first = index;
        out->count = r->count - (index - r->first);
        r->count -= out->count;
        q->tasks -= out->count;
        if (r->count == 0)
            remove_at(q, i);
        return true;
    }
    return false;
}

bool queue_take_last(struct queue *q, uint32_t max, struct msg_range *out)
{
    if (q->count == 0 || max == 0)
        return false;
    struct msg_range *r = range_at(q, q->count - 1);
    *out = *r;
    if (r->count > max) {
        r->count -= max;
        out->first = r->first + r->count;
        out->count = max;
    } else {
        q->count--;
    }
    q->tasks -= out->count;
    return true;
}

bool queue_take_job(struct queue *q, uint32_t job, struct msg_range *out)
{
    for (uint32_t i = 0; i < q->count; i++) {
        if (range_at(q, i)->job != job)
            continue;
        *out = *range_at(q, i);
        remove_at(q, i);
        q->tasks -= out->count;
        return true;
    }
    return false;
}
