/* What people ask of jobs and tasks, and how it is done: the calls are those of
 * sched.h; here is what the rest of the machine is to ask and to say.
 *
 * A task that is to end and that some worker has is in `ending` until its
 * worker is told, then in `ended` until the worker has answered; one that
 * nobody has is in `dropped` until that is said.
 */
#ifndef MPIBATCH_SCHED_COMMAND_H
#define MPIBATCH_SCHED_COMMAND_H

#include "sched/machine.h"

/* The next thing to do about the job's tasks. Is there one? */
bool command_step(struct sched *s, struct job_run *j, struct sched_action *act);

/* Ask for the job's tasks that have not started: it waits for the others. */
void command_recall(struct sched *s, struct job_run *j);

/* Has somebody ended this task, which a worker has? */
bool command_is_ended(const struct sched *s, uint32_t job, uint32_t index);
/* What was terminated with its job or node says so; what ended because its job
 * is disabled, to run again, did not end for its own sake. */
void command_reason(const struct job_run *j, struct attempt *a);
/* Has somebody ended tasks of the job, which workers have? */
static inline bool command_has_ended(const struct job_run *j)
{
    return j->ended.count + j->ending.count > 0;
}
/* An attempt has ended, and is settled. */
void command_ended(struct sched *s, const struct attempt *a);
/* A worker has given back a task, which no set holds now. */
void command_returned(struct sched *s, uint32_t job, uint32_t index,
                      enum task_past past);

/* A task's end wants that of its job. */
void job_act(struct sched *s, struct job_run *j, enum job_action action,
             const struct attempt *a);

#endif
