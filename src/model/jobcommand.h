/* What a task of a job runs: the command of its template, or its line of a
 * command file, which is read and split when it is needed. */
#ifndef MPIBATCH_MODEL_JOBCOMMAND_H
#define MPIBATCH_MODEL_JOBCOMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"
#include "model/table.h"

/* The command of task c->index, ready to execute; a may be used again. -1 with
 * err as command_expand. */
int job_command_expand(const struct job *job, const struct template_context *c,
                       struct argv *a, struct err *err);

/* Append it as a person would type it. *line (may be NULL): it is a line for a
 * shell, in which a # may make what is behind it a comment. */
int job_command_show(const struct job *job, const struct template_context *c,
                     struct buf *out, bool *line, struct err *err);

/* The folder that a task runs in, where base (absolute) is that of the spec:
 * heap, absolute. NULL with err as template_expand, or ENOMEM. */
char *job_folder(const struct job *job, const struct template_context *c,
                 const char *base, struct err *err);

/* The same, of a task with that template. */
char *task_folder(const struct task_template *task,
                  const struct template_context *c, const char *base,
                  struct err *err);

/* A variable that a line finds in its environment: */
struct line_variable {
    const char *name;
    char value[TABLE_MAX_NAME + 1];
};
enum { LINE_VARIABLES_MAX = 8 };

/* MPIBATCH_LINE, and by the names of other tools: LAUNCHER_JID (TACC's
 * Launcher), PARALLEL_SEQ (GNU parallel), and in a file with directives of
 * disBatch DISBATCH_JOBID, _NAMETASKS, _REPEAT_INDEX, _STREAM_INDEX and
 * _TASKID. *count: how many; 0 for tasks that are no lines. -1 with err
 * ENOMEM. */
int job_line_variables(const struct job *job, uint32_t index,
                       struct line_variable vars[LINE_VARIABLES_MAX],
                       uint32_t *count, struct err *err);

#endif
