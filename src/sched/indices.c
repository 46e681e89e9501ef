/* A set of task indices: see indices.h. */
#include "config.h"
#include "sched/indices.h"

#include <string.h>

#include <roaring/roaring.h>

/* Compressing looks at each 2^16 indices once; so many changes pay for it. */
enum { CHANGES_MAX = 1 << 20 };

int indices_init(struct indices *s, uint32_t count)
{
    memset(s, 0, sizeof(*s));
    s->bits = count ? roaring_bitmap_from_range(0, count, 1)
                    : roaring_bitmap_create();
    s->count = count;
    return s->bits ? 0 : -1;
}

void indices_fini(struct indices *s)
{
    if (s->bits)
        roaring_bitmap_free(s->bits);
    memset(s, 0, sizeof(*s));
}

static void changed(struct indices *s)
{
    if (++s->changes < CHANGES_MAX)
        return;
    roaring_bitmap_run_optimize(s->bits);
    s->changes = 0;
}

bool indices_add(struct indices *s, uint32_t index)
{
    if (!roaring_bitmap_add_checked(s->bits, index))
        return false;
    s->count++;
    changed(s);
    return true;
}

bool indices_remove(struct indices *s, uint32_t index)
{
    if (!roaring_bitmap_remove_checked(s->bits, index))
        return false;
    s->count--;
    changed(s);
    return true;
}

bool indices_contains(const struct indices *s, uint32_t index)
{
    return s->count > 0 && roaring_bitmap_contains(s->bits, index);
}

void indices_add_range(struct indices *s, uint32_t first, uint32_t count)
{
    roaring_bitmap_add_range_closed(s->bits, first, first + (count - 1));
    s->count += count;
    changed(s);
}

uint32_t indices_first(const struct indices *s)
{
    return roaring_bitmap_minimum(s->bits);
}

/* Is first..first+count-1 in the set? */
static bool holds(const struct indices *s, uint32_t first, uint32_t count)
{
    return roaring_bitmap_contains_range(s->bits, first,
                                         (uint64_t)first + count);
}

uint32_t indices_run(const struct indices *s, uint32_t first, uint32_t max)
{
    uint32_t have = 1; /* so many are in the set */
    uint32_t over = max;
    if (max == 1 || holds(s, first, max))
        return max;
    while (over - have > 1) { /* have are, over are not */
        uint32_t mid = have + (over - have) / 2;
        if (holds(s, first, mid))
            have = mid;
        else
            over = mid;
    }
    return have;
}

void indices_remove_range(struct indices *s, uint32_t first, uint32_t count)
{
    roaring_bitmap_remove_range_closed(s->bits, first, first + (count - 1));
    s->count -= count;
    changed(s);
}

void indices_clear(struct indices *s)
{
    roaring_bitmap_clear(s->bits);
    s->count = 0;
    s->changes = 0;
}

void indices_visit(const struct indices *s,
                   void (*visit)(void *arg, uint32_t index), void *arg)
{
    roaring_uint32_iterator_t it;
    roaring_init_iterator(s->bits, &it);
    for (; it.has_value; roaring_advance_uint32_iterator(&it))
        visit(arg, it.current_value);
}
