/* Topics of `mpibatch show` that are about a run. */
#ifndef MPIBATCH_CLI_SHOW_TOPICS_H
#define MPIBATCH_CLI_SHOW_TOPICS_H

#include "cli/command.h"

extern const struct cmd show_run, show_spec, show_table;

#endif
