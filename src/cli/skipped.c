/* Tasks that a run would leave as they are: see skipped.h. */
#include "config.h"
#include "cli/skipped.h"

#include <errno.h>

#include "base/mem.h"

void skipped_fini(struct skipped *s)
{
    mem_free(s->list);
    *s = (struct skipped){0};
}

int skipped_add(struct skipped *s, uint32_t job, uint32_t index,
                struct err *err)
{
    struct task_range *last = s->count ? &s->list[s->count - 1] : NULL;
    if (last && last->job == job && last->first + last->count == index) {
        last->count++;
        return 0;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        struct task_range *more = mem_resize(s->list, cap, sizeof(*more));
        if (!more)
            return err_set(err, ENOMEM,
                           "no memory for the tasks that are "
                           "done");
        s->list = more;
        s->cap = cap;
    }
    s->list[s->count++] =
        (struct task_range){.job = job, .first = index, .count = 1};
    return 0;
}

uint32_t skipped_left(const struct skipped *s, uint32_t job, uint32_t k)
{
    uint32_t index = k;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].job == job && s->list[i].first <= index)
            index += s->list[i].count;
    return index;
}
