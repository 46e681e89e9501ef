/* A task named on the command line: TASK, or JOB/TASK. */
#ifndef MPIBATCH_CLI_TASK_ARG_H
#define MPIBATCH_CLI_TASK_ARG_H

#include <stdint.h>

#include "cli/option.h"
#include "cli/rundir_arg.h"
#include "model/jobspec.h"

/* A row of struct arg: the argument ID, member `id` of the values. */
#define TASK_ARG(values)                                                       \
    {                                                                          \
        .name = "ID", .noun = "task", .kind = OPT_TEXT,                        \
        .at = offsetof(values, id),                                            \
        .meaning = "a task: its id, or JOB/ID if several jobs have one of "    \
                   "that id"                                                   \
    }

/* The same where special tasks are meant, too. */
#define TASK_ANY_ARG(values)                                                   \
    {                                                                          \
        .name = "ID", .noun = "task", .kind = OPT_TEXT,                        \
        .at = offsetof(values, id),                                            \
        .meaning = "a task: its id, or JOB/ID if several jobs have one of "    \
                   "that id; JOB/jobpreparation, JOB/jobrelease, "             \
                   "JOB/jobmanager, starttask, or POOL/starttask"              \
    }

/* Open the run that path names, as run_arg_open, for a task called id. */
int task_arg_run(const char *command, const char *id, const char *path,
                 struct run_arg *run);

/* Find it. 0, or the exit code: it was said why. */
int task_arg_find(const char *command, const struct jobspec *spec,
                  const char *id, uint32_t *job, uint32_t *index);
/* The same, special tasks included: with their indices, and of a start task
 * JOB_OF_POOL(its pool). */
int task_arg_find_any(const char *command, const struct jobspec *spec,
                      const char *id, uint32_t *job, uint32_t *index);

#endif
