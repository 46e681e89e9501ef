/* How loaded a worker is: see load.h. */
#include "config.h"
#include "sched/load.h"

#define TASK_MIN_NS INT64_C(1000)

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void tempo_note(struct tempo *p, int64_t took_ns)
{
    if (took_ns < 0)
        return;
    took_ns = at_most(at_least(took_ns, TASK_MIN_NS), LOAD_MAX_NS);
    p->task_ns = p->task_ns ? p->task_ns + (took_ns - p->task_ns) / 8 : took_ns;
}

int64_t tempo_task_ns(const struct tempo *p, int64_t prefetch_ns)
{
    return p->task_ns ? p->task_ns : at_least(prefetch_ns, TASK_MIN_NS);
}

void load_add(struct load *l, int sign, uint32_t tasks, uint32_t slots,
              int64_t task_ns, int64_t prefetch_ns)
{
    uint32_t used = tasks * slots;
    int64_t capped = at_most(task_ns, at_least(prefetch_ns, TASK_MIN_NS));
    l->tasks += sign > 0 ? tasks : -tasks;
    l->used += sign > 0 ? used : -used;
    l->ahead_ns += sign * (capped * used);
    l->work_ns += sign * (task_ns * used);
}

uint32_t load_room(const struct load *l, uint32_t slots, int64_t task_ns,
                   int64_t prefetch_ns)
{
    prefetch_ns = at_least(prefetch_ns, TASK_MIN_NS);
    int64_t each_ns = at_most(task_ns, prefetch_ns);
    int64_t run_ns = l->slots * each_ns; /* what runs in all slots */
    /* beyond it: prefetch_ns in each slot; less for tasks that are longer
     * than that, but always one */
    int64_t wait_ns =
        at_least((int64_t)((double)l->slots * (double)prefetch_ns *
                           (double)each_ns / (double)task_ns),
                 slots * each_ns);
    uint32_t most = l->slots + LOAD_MAX_AHEAD;

    if (l->ahead_ns > run_ns + wait_ns / 2 || l->tasks >= most)
        return 0;
    int64_t room = (run_ns + wait_ns - l->ahead_ns) / (slots * each_ns);
    return (uint32_t)at_most(at_least(room, 1), most - l->tasks);
}

uint32_t load_waiting(const struct load *l)
{
    if (l->used <= l->slots)
        return 0;
    uint64_t waiting = (uint64_t)l->tasks * (l->used - l->slots) / l->used;
    return waiting > 0 ? (uint32_t)waiting : 1;
}

int64_t load_wait_ns(const struct load *l)
{
    if (l->used <= l->slots || l->slots == 0)
        return 0;
    double share = (double)(l->used - l->slots) / (double)l->used;
    return (int64_t)((double)l->work_ns * share / (double)l->slots);
}

/* The sign of a/b - c/d. */
static int compare_ratio(int64_t a, uint32_t b, int64_t c, uint32_t d)
{
    __int128 x = (__int128)a * d, y = (__int128)c * b;
    return x < y ? -1 : x > y;
}

int load_compare_used(const struct load *a, const struct load *b)
{
    return compare_ratio(a->used, a->slots, b->used, b->slots);
}

int load_compare_ahead(const struct load *a, const struct load *b)
{
    return compare_ratio(a->ahead_ns, a->slots, b->ahead_ns, b->slots);
}
