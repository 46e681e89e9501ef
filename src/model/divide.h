/* Dividing the nodes of an allocation among the pools, and what can never run
 * there. Pure: every rank comes to the same answer.
 */
#ifndef MPIBATCH_MODEL_DIVIDE_H
#define MPIBATCH_MODEL_DIVIDE_H

#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "model/node.h"

struct divide_node {
    const struct node_info *info; /* of its first rank */
    uint32_t pool;
    uint32_t slots; /* the most that one of its ranks has */
};

/* Give each of count nodes its pool: the pools take theirs in the order of the
 * spec, the nodes in theirs. -1 with err EINVAL: a pool gets none, or fewer
 * than it needs. */
int divide_nodes(const struct jobspec *spec, struct divide_node *nodes,
                 uint32_t count, struct err *err);

/* How much of a resource a node of that pool has: what the pool says, else what
 * was found; 0 of the pool's own resources. */
uint64_t divide_capacity(const struct jobspec *spec, uint32_t resource,
                         uint32_t pool, const struct node_info *info);

/* Is there room for every task: has a rank of its pool the slots, a node the
 * resources, are there nodes for its instances? -1 with err EINVAL: one that
 * could never run; ENOMEM. */
int divide_check(const struct jobspec *spec, const struct divide_node *nodes,
                 uint32_t count, struct err *err);

/* The same, of the tasks of a job from number first on, which were added.
 * *index is the one that could never run. */
int divide_check_added(const struct jobspec *spec,
                       const struct divide_node *nodes, uint32_t count,
                       uint32_t job, uint32_t first, uint32_t *index,
                       struct err *err);

#endif
