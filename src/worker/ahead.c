/* The tasks that are prepared ahead of their slots: see ahead.h. */
#include "config.h"
#include "worker/ahead.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

int ahead_init(struct ahead *a, uint32_t cap)
{
    *a = (struct ahead){.cap = cap};
    a->tasks = mem_calloc(cap, sizeof(a->tasks[0]));
    return a->tasks ? 0 : -1;
}

void ahead_fini(struct ahead *a)
{
    mem_free(a->tasks);
    *a = (struct ahead){0};
}

bool ahead_is_full(const struct ahead *a)
{
    return a->count == a->cap;
}

void ahead_put(struct ahead *a, const struct msg_range *task, void *with)
{
    assert(a->count < a->cap);
    a->tasks[a->count++] = (struct ahead_task){.task = *task, .with = with};
}

uint32_t ahead_find(const struct ahead *a, const void *with)
{
    uint32_t at = 0;
    while (at < a->count && a->tasks[at].with != with)
        at++;
    assert(at < a->count);
    return at;
}

bool ahead_first_ready(const struct ahead *a, uint32_t *at)
{
    for (*at = 0; *at < a->count; (*at)++)
        if (a->tasks[*at].ready)
            return true;
    return false;
}

bool ahead_last(const struct ahead *a, int64_t job, uint32_t *at)
{
    for (*at = a->count; (*at)-- > 0;)
        if (job < 0 || a->tasks[*at].task.job == job)
            return true;
    return false;
}

struct ahead_task ahead_take(struct ahead *a, uint32_t at)
{
    struct ahead_task t = a->tasks[at];
    a->count--;
    memmove(&a->tasks[at], &a->tasks[at + 1],
            (a->count - at) * sizeof(a->tasks[0]));
    return t;
}
