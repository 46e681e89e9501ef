/* Jobs, nodes and pools named on the command line. */
#ifndef MPIBATCH_CLI_NODE_ARG_H
#define MPIBATCH_CLI_NODE_ARG_H

#include "cli/rundir_arg.h"
#include "view/scene.h"

#define NODE_ARG(values)                                                       \
    {                                                                          \
        .name = "NODE", .noun = "node", .kind = OPT_TEXT,                      \
        .at = offsetof(values, node),                                          \
        .meaning = "a node's host name, as `mpibatch node list` has it"        \
    }
#define JOB_ARG(values)                                                        \
    {                                                                          \
        .name = "JOB", .noun = "job", .kind = OPT_TEXT,                        \
        .at = offsetof(values, job),                                           \
        .meaning = "a job's id, as `mpibatch job list` has it"                 \
    }

/* Find the node of that name of the run's last session: NULL, having said what
 * there is. Of several of that name the first. */
const struct scene_node *node_arg_find(const char *command,
                                       const struct scene *s, const char *name);
/* The job of that id: 0, or the exit code, said why. */
int job_arg_find(const char *command, const struct jobspec *spec,
                 const char *id, uint32_t *job);

#endif
