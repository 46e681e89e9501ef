/* The topics of mpibatch node, and those that ask a session about nodes. */
#ifndef MPIBATCH_CLI_NODE_TOPICS_H
#define MPIBATCH_CLI_NODE_TOPICS_H

#include "cli/command.h"

extern const struct cmd node_list, node_show, node_clean, node_offline,
    node_online, node_remove;

#endif
