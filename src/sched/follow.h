/* What the ends of tasks mean for those that wait for them: which are released,
 * which are skipped, which are active again.
 *
 * Tasks that wait stand in their job's set `blocked`. One that waits in vain is
 * `doomed`, and `skipped` when follow_step has said so; only then does it count
 * as ended for those that wait for it in turn: so a chain of any length is a
 * loop, not a recursion, and comes out in ranges.
 */
#ifndef MPIBATCH_SCHED_FOLLOW_H
#define MPIBATCH_SCHED_FOLLOW_H

#include "sched/machine.h"

/* All jobs are new: those tasks that wait are blocked. */
void follow_begin(struct sched *s);

/* A task is completed: for those that wait for it that is good or bad. */
void follow_ended(struct sched *s, uint32_t job, uint32_t index,
                  enum outcome is);
/* A task that was completed is not any more; follow_revive finishes what that
 * begins. */
void follow_reopened(struct sched *s, uint32_t job, uint32_t index);
/* Those that were skipped because of what has been reopened are active, and so
 * on. say: follow_step is to say so. */
void follow_revive(struct sched *s, bool say);
/* The job is completed, or not any more. */
void follow_job(struct sched *s, struct job_run *j);
/* Look at all waiting tasks of the job anew. */
void follow_review(struct sched *s, struct job_run *j);

/* Other rules hold from now on: take over the counters made for them, and bring
 * them up to date. 0, or -1 (no memory; all is as it was). */
int follow_renew(struct sched *s, struct needs *needs);

/* Skip a task that no set holds, or that has waited in vain. */
void follow_skip(struct sched *s, uint32_t job, uint32_t index);

/* What there is to say of the job's tasks. Is there something? */
bool follow_step(struct sched *s, struct job_run *j, struct sched_action *act);

#endif
