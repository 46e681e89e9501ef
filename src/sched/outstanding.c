/* The ranges that one worker has: see outstanding.h. */
#include "config.h"
#include "sched/outstanding.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

void outstanding_fini(struct outstanding *o)
{
    mem_free(o->ranges);
    *o = (struct outstanding){0};
}

int outstanding_reserve(struct outstanding *o, uint32_t more)
{
    if (o->cap - o->count >= more)
        return 0;
    uint32_t cap = o->cap ? 2 * o->cap : 8;
    while (cap - o->count < more)
        cap *= 2;
    struct range *ranges = mem_resize(o->ranges, cap, sizeof(*ranges));
    if (!ranges)
        return -1;
    o->ranges = ranges;
    o->cap = cap;
    return 0;
}

/* The place of the first range that ends behind index of job. */
static uint32_t place_of(const struct outstanding *o, uint32_t job,
                         uint32_t index)
{
    uint32_t low = 0, high = o->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct range *r = &o->ranges[mid];
        if (r->job < job || (r->job == job && r->first + r->count <= index))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void insert(struct outstanding *o, uint32_t at, const struct range *r)
{
    assert(o->count < o->cap);
    memmove(&o->ranges[at + 1], &o->ranges[at],
            (o->count - at) * sizeof(o->ranges[0]));
    o->ranges[at] = *r;
    o->count++;
}

void outstanding_add(struct outstanding *o, const struct range *r)
{
    insert(o, place_of(o, r->job, r->first), r);
}

struct range *outstanding_from(const struct outstanding *o, uint32_t job,
                               uint32_t index)
{
    uint32_t at = place_of(o, job, index);
    return at < o->count ? &o->ranges[at] : NULL;
}

struct range *outstanding_find(const struct outstanding *o, uint32_t job,
                               uint32_t index)
{
    struct range *r = outstanding_from(o, job, index);
    return r && r->job == job && r->first <= index ? r : NULL;
}

void outstanding_cut(struct outstanding *o, struct range *r, uint32_t first,
                     uint32_t count)
{
    uint32_t at = (uint32_t)(r - o->ranges), before = first - r->first;
    uint32_t behind = r->count - before - count;

    if (before > 0 && behind > 0) {
        struct range tail = *r;
        tail.first = first + count;
        tail.count = behind;
        r->count = before;
        insert(o, at + 1, &tail);
    } else if (before + behind > 0) {
        r->first = before > 0 ? r->first : first + count;
        r->count = before + behind;
    } else {
        o->count--;
        memmove(r, r + 1, (o->count - at) * sizeof(*r));
    }
}

void outstanding_mark(struct outstanding *o, struct range *r, uint32_t index,
                      enum range_state state)
{
    struct range one = *r;
    one.first = index;
    one.count = 1;
    one.state = state;
    outstanding_cut(o, r, index, 1);
    outstanding_add(o, &one);
}
