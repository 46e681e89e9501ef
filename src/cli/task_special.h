/* Showing a special task: all of its attempts, on whatever node. */
#ifndef MPIBATCH_CLI_TASK_SPECIAL_H
#define MPIBATCH_CLI_TASK_SPECIAL_H

#include <stdint.h>

#include "cli/display.h"
#include "cli/rundir_arg.h"

/* Returns the exit code. */
int task_special_show(const struct run_arg *run, uint32_t job, uint32_t index,
                      bool json, const struct display_options *options);

#endif
