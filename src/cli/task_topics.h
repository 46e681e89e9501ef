/* The topics of mpibatch task. */
#ifndef MPIBATCH_CLI_TASK_TOPICS_H
#define MPIBATCH_CLI_TASK_TOPICS_H

#include "cli/command.h"

extern const struct cmd task_show, task_add, task_terminate, task_reactivate,
    task_delete;

#endif
