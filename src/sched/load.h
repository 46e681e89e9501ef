/* How loaded a worker is, and how far ahead it may be given tasks.
 *
 * Slots say whether a task can start at once. Beyond its slots a worker has
 * work ahead (prefetch), measured in time, so that the window is wide for
 * tasks of milliseconds and one task for those of hours. Pure arithmetic.
 */
#ifndef MPIBATCH_SCHED_LOAD_H
#define MPIBATCH_SCHED_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LOAD_MAX_SLOTS = 1 << 16, /* of a worker */
    LOAD_MAX_AHEAD = 4096     /* tasks that a worker has beyond its slots */
};
/* The longest time that a task is thought to take, and prefetch_ns. */
#define LOAD_MAX_NS INT64_C(60000000000)

/* How long the tasks of a job take. */
struct tempo {
    int64_t task_ns; /* a moving average; 0: not known */
};

/* An attempt took so long (nonsense is ignored). */
void tempo_note(struct tempo *p, int64_t took_ns);
/* What a task is thought to take: unknown ones just what one has ahead. */
int64_t tempo_task_ns(const struct tempo *p, int64_t prefetch_ns);

struct load {
    uint32_t slots;   /* that the worker has */
    uint32_t used;    /* slots that its tasks ask for: may be more */
    uint32_t tasks;   /* that it has been given */
    int64_t ahead_ns; /* slots * time of all its tasks, each counted as
                         prefetch_ns at most */
    int64_t work_ns;  /* the same, in full */
};

/* Tasks that ask for slots and take task_ns are given (sign 1) or gone (-1). */
void load_add(struct load *l, int sign, uint32_t tasks, uint32_t slots,
              int64_t task_ns, int64_t prefetch_ns);

/* Slots that are free: nothing given waits for them. */
static inline uint32_t load_free(const struct load *l)
{
    return l->used < l->slots ? l->slots - l->used : 0;
}

/* How many tasks of that kind may be given beyond the slots; 0: it has enough
 * ahead. It is filled up when half is gone, so that tasks travel as ranges. */
uint32_t load_room(const struct load *l, uint32_t slots, int64_t task_ns,
                   int64_t prefetch_ns);

/* Tasks that it has beyond its slots: about so many have not started. */
uint32_t load_waiting(const struct load *l);
/* In how long the last of them will start, about. */
int64_t load_wait_ns(const struct load *l);

/* <0: a has less in relation to its slots (of which it has some) than b: of
 * them in use, of work ahead. */
int load_compare_used(const struct load *a, const struct load *b);
int load_compare_ahead(const struct load *a, const struct load *b);

#endif
