/* Attempts of the special tasks of nodes: start tasks, job preparation and
 * release. They are outstanding at the leader of their node like others, hold
 * no slots, and are not tasks of a job's set: what becomes of them is for whom
 * they were begun to say.
 */
#ifndef MPIBATCH_SCHED_SPECIAL_H
#define MPIBATCH_SCHED_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/machine.h"

/* Is it a special task of a node? */
static inline bool special_is(uint32_t index)
{
    return index >= TASKSET_MAX_COUNT && special_is_of_node(index);
}

/* Give the worker an attempt. 0 and the action, or -1 (no memory). */
int special_give(struct sched *s, int64_t now_ns, struct worker *w,
                 uint32_t job, uint32_t index, uint32_t attempt,
                 struct sched_action *act);

/* An attempt (range r of w) has ended: a->disposition is set. */
void special_ended(struct sched *s, int64_t now_ns, struct worker *w,
                   struct range *r, struct attempt *a);
/* It has not been started, and will not be. */
void special_back(struct sched *s, struct worker *w, struct range *r);

#endif
