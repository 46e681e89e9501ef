/* The topics of mpibatch node, and those that ask a session about nodes. */
#ifndef MPIBATCH_CLI_NODE_TOPICS_H
#define MPIBATCH_CLI_NODE_TOPICS_H

#include "cli/command.h"

extern const struct cmd cmd_node_list, cmd_node_show, cmd_node_clean,
    cmd_node_offline, cmd_node_online, cmd_node_remove;

#endif
