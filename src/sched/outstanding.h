/* What one worker has been given and has not answered for: ranges of tasks.
 *
 * Kept sorted by job and index, so that one task is found by bisection and
 * cut out of the middle of its range. A range never overlaps another. What
 * may split a range needs room that was reserved before: adding needs 1,
 * cutting 1, marking a state 2.
 */
#ifndef MPIBATCH_SCHED_OUTSTANDING_H
#define MPIBATCH_SCHED_OUTSTANDING_H

#include <stdbool.h>
#include <stdint.h>

enum range_state {
    RANGE_GIVEN,     /* not known to have started */
    RANGE_PREPARING, /* one that waits for its files, and for no slot yet */
    RANGE_PREPARED,  /* one that has its files, and waits for slots */
    RANGE_STARTED,   /* one that runs */
    RANGE_STORING,   /* one whose process has ended: it holds no slot */
    RANGE_HELD       /* not said to its worker yet, which has room for them */
};

/* Does a task in this state hold slots, or wait for them? Is its process known
 * to have started? */
static inline bool range_has_load(enum range_state state)
{
    return state == RANGE_GIVEN || state == RANGE_PREPARED ||
           state == RANGE_STARTED || state == RANGE_HELD;
}
static inline bool range_is_running(enum range_state state)
{
    return state == RANGE_STARTED || state == RANGE_STORING;
}
/* Would it start by itself, but for slots? */
static inline bool range_is_waiting(enum range_state state)
{
    return state == RANGE_GIVEN || state == RANGE_PREPARED;
}

struct range {
    uint32_t job, first, count, attempt;
    uint32_t slots; /* that each of its tasks requires */
    enum range_state state;
    /* of a grant (see grant.h): its first instance, another one */
    enum { RANGE_PLAIN, RANGE_GRANTED, RANGE_INSTANCE } kind;
    int64_t start_ns; /* STARTED: when that was said */
    int64_t task_ns;  /* what a task was thought to take when it was given */
};

struct outstanding {
    struct range *ranges;
    uint32_t count, cap; /* ranges, not tasks */
};

void outstanding_fini(struct outstanding *o);

/* Room for more further ranges. 0, or -1 (no memory). */
int outstanding_reserve(struct outstanding *o, uint32_t more);

/* Add a range whose tasks are not in it. */
void outstanding_add(struct outstanding *o, const struct range *r);

/* The first range that ends behind index of job, or of a later job; NULL: no
 * such. Borrowed until the next change. */
struct range *outstanding_from(const struct outstanding *o, uint32_t job,
                               uint32_t index);
/* The range that holds the task, or NULL. */
struct range *outstanding_find(const struct outstanding *o, uint32_t job,
                               uint32_t index);

/* Cut first..first+count-1 out of r, which holds them; count > 0. */
void outstanding_cut(struct outstanding *o, struct range *r, uint32_t first,
                     uint32_t count);

/* Mark that task index of r, on its own, is in that state now. */
void outstanding_mark(struct outstanding *o, struct range *r, uint32_t index,
                      enum range_state state);

#endif
