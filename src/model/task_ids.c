/* Finding tasks by their ids: see task_ids.h. Open addressing, linear probing;
 * at most half full. */
#include "config.h"
#include "model/task_ids.h"

#include <string.h>

#include "base/hash.h"

struct task_ids {
    uint64_t cap;    /* a power of two */
    uint32_t *slots; /* index + 1, or 0 */
};

/* The slot with that id, or the free one where it would be. */
static uint32_t *slot_of(const struct task_ids *ids, const struct job *job,
                         const char *id)
{
    char have[JOBSPEC_MAX_ID + 1];
    uint64_t hash = hash_text(HASH_START, id);
    for (uint64_t at = (hash ^ hash >> 32) & (ids->cap - 1);;
         at = (at + 1) & (ids->cap - 1)) {
        uint32_t index = ids->slots[at];
        if (index == 0 || (job_task_id(job, index - 1, have, NULL) == 0 &&
                           strcmp(have, id) == 0))
            return &ids->slots[at];
    }
}

static void put(struct task_ids *ids, const struct job *job, uint32_t index)
{
    char id[JOBSPEC_MAX_ID + 1];
    if (job_task_id(job, index, id, NULL) < 0)
        return;
    uint32_t *slot = slot_of(ids, job, id);
    *slot = *slot ? *slot : index + 1; /* of twins the first one */
}

int task_ids_make(struct job *job, uint32_t had, struct arena *arena)
{
    struct task_ids *ids = (struct task_ids *)job->ids;
    uint64_t cap = 16;
    if (!ids || ids->cap < 2 * (uint64_t)job->tasks.count) {
        while (cap < 3 * (uint64_t)job->tasks.count)
            cap *= 2;
        ids = arena_calloc(arena, 1, sizeof(*ids));
        uint32_t *slots = arena_calloc(arena, cap, sizeof(*slots));
        if (!ids || !slots)
            return -1;
        *ids = (struct task_ids){cap, slots};
        had = 0;
    }
    for (uint32_t i = had; i < job->tasks.count; i++)
        put(ids, job, i);
    job->ids = ids;
    return 0;
}

int64_t task_ids_find(const struct job *job, const char *id)
{
    return (int64_t)*slot_of(job->ids, job, id) - 1;
}
