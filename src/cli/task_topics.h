/* The topics of mpibatch task. */
#ifndef MPIBATCH_CLI_TASK_TOPICS_H
#define MPIBATCH_CLI_TASK_TOPICS_H

#include "cli/command.h"

extern const struct cmd cmd_task_show, cmd_task_add, cmd_task_terminate,
    cmd_task_reactivate, cmd_task_delete;

#endif
