/* What the parts of a run share. Internal to run*.c. */
#ifndef MPIBATCH_WORKER_RUN_PARTS_H
#define MPIBATCH_WORKER_RUN_PARTS_H

#include "worker/run.h"

/* The job whose task it is; NULL: a special task, which has no parameters, no
 * line and no metrics. */
static inline const struct job *run_job(const struct run *run)
{
    return special_of(run->attempt.index) == SPECIAL_NONE
               ? &run->context->config->spec->jobs[run->attempt.job]
               : NULL;
}

static inline const char *run_job_id(const struct run *run)
{
    return jobspec_job_id(run->context->config->spec, run->attempt.job);
}

static inline const struct task_template *run_template(const struct run *run)
{
    return jobspec_template(run->context->config->spec, run->attempt.job,
                            run->attempt.index);
}

/* What the placeholders of its templates stand for. */
struct template_context run_names(const struct run *run);

/* The folder that the task is started in: heap, absolute. NULL with err. */
char *run_work_dir(const struct run *run, struct err *err);

/* Fill context->keep with the processes that are not left behind: of running
 * tasks, and the keeper. Returns how many. */
size_t runs_keep(struct run_context *c);

/* Start a line for a shell as if it were the task's. -1 with err. */
int run_spawn_line(struct run *run, const char *line, int out_fd, pid_t *pid,
                   int *pidfd, struct err *err);

/* Expand everything and start the process, whose pidfd it is; its output goes
 * to the two fds. -1 with err, and what failed: step. */
int run_spawn(struct run *run, int out_fd, int err_fd, int *pidfd,
              enum spawn_step *step, struct err *err);

#endif
