/* mpibatch task: the tasks of a run, one at a time. */
#include "config.h"

#include "cli/task_topics.h"

static const struct cmd *const topics[] = {
    &cmd_task_show,       &cmd_task_add,    &cmd_task_terminate,
    &cmd_task_reactivate, &cmd_task_delete, NULL};

const struct cmd cmd_task = {
    .name = "task",
    .summary = "one task: its life; add, terminate, run again",
    .description = "One task of a run: what became of it, and what is to. "
                   "`mpibatch task ID` is `mpibatch task show ID`.",
    .topics = topics,
    .otherwise = &cmd_task_show,
    .noun = "action"};
