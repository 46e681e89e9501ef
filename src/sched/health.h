/* Is a node at fault, or are the tasks? Pure counting.
 *
 * A node is out of line when it has failed at least five attempts of a job in
 * a row, and none has succeeded among the last ten of that job there, while of
 * its peers' attempts of the same job less than half fail.
 */
#ifndef MPIBATCH_SCHED_HEALTH_H
#define MPIBATCH_SCHED_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/attempt.h"

/* Attempts of one job: those that say something, and of them the failed. */
struct health_count {
    uint64_t ended, failed;
};

/* A node, and the job whose attempts ended there last. */
struct health {
    uint32_t job;
    struct health_count count; /* of that job there */
    uint32_t streak;           /* failed ones since the last good one */
};

/* Does the end of an attempt say anything of its node? */
bool health_says(const struct attempt *a);

/* An attempt that does has ended there. */
void health_note(struct health *h, uint32_t job, bool failed);

/* Is the node out of line? all: the job's attempts on all nodes, these
 * included. */
bool health_is_bad(const struct health *h, const struct health_count *all);

#endif
