/* What a job may have at once: whether its tasks are handed out now, and how
 * many. */
#ifndef MPIBATCH_SCHED_LIMITS_H
#define MPIBATCH_SCHED_LIMITS_H

#include "sched/machine.h"

/* May its job manager be handed out; and its other tasks? */
bool job_is_live(const struct job_run *j);
bool job_is_open(const struct job_run *j);
/* Open or close its buckets so. To be called when that may have changed. */
void job_gate(struct sched *s, struct job_run *j);

/* So many tasks more it may have now. */
uint32_t job_room(const struct job_run *j);

#endif
