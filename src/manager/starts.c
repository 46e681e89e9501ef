/* What is known to run: see starts.h. */
#include "config.h"
#include "manager/starts.h"

#include "base/mem.h"
#include "model/jobspec.h"

/* A task runs once at a time, a special task once on each node: beside its job
 * (which may be JOB_OF_POOL) its key has the rank in place of the index, and
 * the kind where no job's index reaches. */
static uint64_t key_of(uint32_t job, uint32_t index, uint32_t rank)
{
    enum special_kind kind = special_of(index);
    if (kind == SPECIAL_NONE)
        return (uint64_t)job << 32 | index;
    return UINT64_C(1) << 63 | (uint64_t)kind << 60 |
           (uint64_t)(job & 0xfffffff) << 32 | rank;
}

void starts_init(struct starts *s)
{
    *s = (struct starts){0};
    map_init(&s->places);
}

void starts_fini(struct starts *s)
{
    map_fini(&s->places);
    mem_free(s->list);
    *s = (struct starts){0};
}

int starts_add(struct starts *s, const struct running *started)
{
    uint64_t key = key_of(started->job, started->index, started->rank), place;
    if (map_get(&s->places, key, &place)) {
        s->list[place] = *started;
        return 0;
    }
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? 2 * s->cap : 64;
        struct running *list = mem_resize(s->list, cap, sizeof(*list));
        if (!list)
            return -1;
        s->list = list;
        s->cap = cap;
    }
    if (map_set(&s->places, key, s->count) < 0)
        return -1;
    s->list[s->count++] = *started;
    return 0;
}

int64_t starts_remove(struct starts *s, uint32_t job, uint32_t index,
                      uint32_t rank)
{
    uint64_t key = key_of(job, index, rank), place;
    if (!map_get(&s->places, key, &place))
        return 0;
    int64_t start_ns = s->list[place].start_ns;
    const struct running *last = &s->list[--s->count];
    map_remove(&s->places, key);
    if (place < s->count) {
        /* never fails for a key that is there */
        (void)map_set(&s->places, key_of(last->job, last->index, last->rank),
                      place);
        s->list[place] = *last;
    }
    return start_ns;
}
