/* How many attempts a task has behind it, and how many retries it has used.
 *
 * Only exceptions cost memory. A task that is not in the table has the
 * attempts of its kind: none if it is fresh, one if it is to be attempted
 * again or is completed, and no retry used.
 */
#ifndef MPIBATCH_SCHED_TALLY_H
#define MPIBATCH_SCHED_TALLY_H

#include <stdint.h>

#include "base/map.h"

struct tally {
    uint32_t attempts, retries;
};

/* What the table says of a task; usual if it says nothing. */
struct tally tally_get(const struct map *m, uint32_t job, uint32_t index,
                       struct tally usual);

/* 0, or -1 (no memory; the table is as it was). Never fails for a task that
 * is in it. */
int tally_set(struct map *m, uint32_t job, uint32_t index, struct tally t);

/* Of a task that has been attempted: like tally_set, but a tally that the
 * table need not say is not kept. */
int tally_keep(struct map *m, uint32_t job, uint32_t index, struct tally t);

#endif
