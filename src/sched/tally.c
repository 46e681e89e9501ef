/* Attempts and retries of tasks: see tally.h. */
#include "config.h"
#include "sched/tally.h"

static uint64_t key_of(uint32_t job, uint32_t index)
{
    return (uint64_t)job << 32 | index;
}

struct tally tally_get(const struct map *m, uint32_t job, uint32_t index,
                       struct tally usual)
{
    uint64_t v;
    if (!map_get(m, key_of(job, index), &v))
        return usual;
    return (struct tally){.attempts = (uint32_t)v,
                          .retries = (uint32_t)(v >> 32)};
}

int tally_set(struct map *m, uint32_t job, uint32_t index, struct tally t)
{
    uint64_t key = key_of(job, index);
    map_remove(m, key); /* so that there is room for one for sure */
    return map_set(m, key, (uint64_t)t.retries << 32 | t.attempts);
}

int tally_keep(struct map *m, uint32_t job, uint32_t index, struct tally t)
{
    if (t.attempts != 1 || t.retries != 0)
        return tally_set(m, job, index, t);
    map_remove(m, key_of(job, index));
    return 0;
}
