/* Job schedules: when their jobs have their turn.
 *
 * The jobs of a schedule are in the spec, closed and out of sight until their
 * turn. One is due at a time of its own; it begins when it is due and no other
 * job of its schedule is active, unless it is over its window by then: then it
 * is left out. Times are wall time: that of the inputs and wall_now_ns of the
 * configuration together.
 */
#ifndef MPIBATCH_SCHED_SCHEDULE_H
#define MPIBATCH_SCHED_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct sched;
struct sched_action;
struct job_run;

/* One schedule: the first of its jobs that has not had its turn; and which that
 * was when the session began: of times from there on it is the first one. */
struct schedule_run {
    uint32_t next, first;
};

/* 0, or -1 (no memory). Closes the jobs of all schedules. */
int schedules_init(struct sched *s);
void schedules_fini(struct sched *s);

/* The next job that begins or is left out. Is there one? */
bool schedules_step(struct sched *s, int64_t now_ns, struct sched_action *act);
/* When to look again; INT64_MAX: no need, or not before a job has ended. */
int64_t schedules_deadline_ns(const struct sched *s);
/* When a job that waits for its turn is due. */
int64_t schedules_time(const struct sched *s, const struct job_run *j);
/* Will jobs begin, later? */
bool schedules_wait(const struct sched *s);

/* A job has had its turn in an earlier session. */
void schedules_replay(struct sched *s, struct job_run *j, bool begun);

#endif
