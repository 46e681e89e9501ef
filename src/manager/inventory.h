/* The nodes of a session, as the scheduler is told of them: which ranks each
 * has, and how much of what tasks ask for. */
#ifndef MPIBATCH_MANAGER_INVENTORY_H
#define MPIBATCH_MANAGER_INVENTORY_H

#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "model/node.h"
#include "sched/sched.h"

struct inventory {
    struct sched_node *nodes;
    uint64_t *capacity; /* the spec's resource_count a node */
    uint32_t count;
};

/* ranks: what each says of itself; rank_nodes: its node; pools: of each node
 * (NULL: all are of the first; POOL_NONE: nothing runs there). What a pool says
 * that its nodes have counts more than what was found. -1 with err: EINVAL (a
 * node without ranks), ENOMEM.
 */
int inventory_init(struct inventory *n, const struct jobspec *spec,
                   const struct node_info *ranks, const uint32_t *rank_nodes,
                   uint32_t rank_count, const uint32_t *pools,
                   uint32_t node_count, struct err *err);
/* A rank of the node of that name, whole or up to the first dot: the lowest;
 * -1: there is none. */
int64_t inventory_find(const struct node_info *ranks, uint32_t rank_count,
                       const char *name);
void inventory_fini(struct inventory *n);

#endif
