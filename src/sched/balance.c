/* Taking prefetched tasks back from the busy for the idle.
 *
 * Only when nothing that is ready could use a free slot. Workers are asked in
 * the order of how long their last task would wait, until the free slots are
 * provided for. Nobody is asked for what would start by itself in a moment,
 * nor for tasks that no free worker could run (they would come back), nor
 * again before it has answered, nor after it had nothing to give. */
#include "config.h"
#include "sched/machine.h"

#include <stddef.h>

#include "base/quantity.h"

#define MOMENT_NS   (5 * NS_PER_MS)   /* what starts sooner is left alone */
#define QUIET_NS    (100 * NS_PER_MS) /* nobody can be asked: look again */
#define PATIENCE_NS (1 * NS_PER_SEC)  /* for the answer to a recall */

static struct worker *worker_of_victim(const struct heap_node *n)
{
    return (struct worker *)((char *)n - offsetof(struct worker, victim));
}

/* The one whose last task waits longest first. */
static int compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct worker *a = worker_of_victim(x), *b = worker_of_victim(y);
    int64_t wait_a = load_wait_ns(&a->seat.load);
    int64_t wait_b = load_wait_ns(&b->seat.load);
    if (wait_a != wait_b)
        return wait_a > wait_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Could there be an idle slot and a waiting task that it could take? */
static bool is_wanted_in(const struct sched *s, uint32_t pool)
{
    const struct place *place = &s->pools[pool].place;
    return s->stop == SCHED_RUN && !s->paused && place->waiting > 0 &&
           place->busy < place->slots &&
           place_most_free(place) >= ready_least_slots(&s->ready, pool);
}

static bool is_wanted(const struct sched *s)
{
    for (uint32_t p = 0; p < s->ready.pool_count; p++)
        if (is_wanted_in(s, p))
            return true;
    return false;
}

/* Would each task that waits at w fit into so many slots? */
static bool all_fit(const struct worker *w, uint32_t slots)
{
    for (uint32_t i = 0; i < w->given.count; i++)
        if (range_is_waiting(w->given.ranges[i].state) &&
            w->given.ranges[i].slots > slots)
            return false;
    return true;
}

/* May w be asked at all, now or in a moment? */
static bool is_candidate(struct worker *w, int64_t now_ns, uint32_t free_slots)
{
    if (w->state != WORKER_JOINED || w->held > 0 ||
        load_waiting(&w->seat.load) == 0)
        return false;
    if (w->recall == RECALL_ASKED && now_ns - w->recall_ns >= PATIENCE_NS)
        w->recall = RECALL_NONE;
    return w->recall == RECALL_NONE && all_fit(w, free_slots);
}

/* Is it worth while: will they wait, or is what runs there long? */
static bool is_slow(const struct worker *w, int64_t now_ns)
{
    return load_wait_ns(&w->seat.load) >= MOMENT_NS ||
           now_ns - w->progress_ns >= MOMENT_NS;
}

/* How many tasks to ask back: down to the mean of all, but at least one. */
static uint32_t fair_part(const struct place *place, const struct load *l)
{
    double mean = (double)(place->busy + place->waiting) / (double)place->slots;
    double keep = l->slots * (mean > 1 ? mean : 1);
    double part = (l->used - keep) * l->tasks / l->used;
    uint32_t most = load_waiting(l);
    return part < 1 ? 1 : part < most ? (uint32_t)part : most;
}

static void plan(struct sched *s, uint64_t free_slots)
{
    struct heap_node *n;
    double needed = (double)free_slots;
    while (needed > 0 && (n = heap_top(&s->victims))) {
        struct worker *w = worker_of_victim(n);
        const struct load *l = &w->seat.load;
        heap_remove(&s->victims, n);
        w->recall = RECALL_PLANNED;
        w->recall_count = fair_part(worker_place(s, w), l);
        needed -= (double)w->recall_count * l->used / l->tasks;
        worker_news(s, w);
    }
}

/* Plan for a pool where it is wanted. When to look again, or -1 (no memory). */
static int64_t balance_pool(struct sched *s, uint32_t pool, int64_t now_ns)
{
    const struct place *place = &s->pools[pool].place;
    if (fill_bucket_of(s, pool)) /* the free slots will be filled from there */
        return now_ns + MOMENT_NS;
    uint32_t most_free = place_most_free(place);
    uint64_t free_slots = place->slots - place->busy, coming = 0;
    int64_t again_ns = QUIET_NS;
    int rc = 0;

    if (!s->victims.compare)
        heap_init(&s->victims, compare);
    for (uint32_t i = 0; rc == 0 && i < s->config.worker_count; i++) {
        struct worker *w = &s->workers[i];
        if (w->node->pool != pool)
            continue;
        if (is_candidate(w, now_ns, most_free)) {
            again_ns = MOMENT_NS;
            if (is_slow(w, now_ns))
                rc = heap_add(&s->victims, &w->victim);
        } else if (w->state == WORKER_JOINED && w->recall == RECALL_ASKED) {
            coming += w->recall_count;
        }
    }
    if (rc == 0 && coming < free_slots)
        plan(s, free_slots - coming);
    while (heap_top(&s->victims))
        heap_remove(&s->victims, heap_top(&s->victims));
    return rc == 0 ? now_ns + again_ns : -1;
}

int balance_plan(struct sched *s, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    if (now_ns < s->balance_at_ns)
        return 0;
    for (uint32_t p = 0; p < s->ready.pool_count; p++) {
        if (!is_wanted_in(s, p))
            continue;
        int64_t at_ns = balance_pool(s, p, now_ns);
        if (at_ns < 0)
            return -1;
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    if (next_ns != INT64_MAX)
        s->balance_at_ns = next_ns;
    return 0;
}

int64_t balance_deadline_ns(const struct sched *s)
{
    return is_wanted(s) ? s->balance_at_ns : INT64_MAX;
}
