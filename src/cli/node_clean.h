/* mpibatch node clean: see node_clean.c. */
#ifndef MPIBATCH_CLI_NODE_CLEAN_H
#define MPIBATCH_CLI_NODE_CLEAN_H

#include "cli/command.h"

extern const struct cmd node_clean;

#endif
