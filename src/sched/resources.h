/* What nodes and pools have of each resource, and what of it is free. GPUs are
 * devices: a part of one is on one device, whole ones are whole.
 */
#ifndef MPIBATCH_SCHED_RESOURCES_H
#define MPIBATCH_SCHED_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/gpu.h"
#include "model/jobspec.h"
#include "model/request.h"

/* Of one node, or one pool. */
struct stock {
    uint64_t *has, *free; /* one a resource; NULL: there are none */
    uint32_t *gpus;       /* free thousandths of each device */
    uint32_t gpu_count;
};

/* has: how much of each, NULL: of none. 0, or -1 (no memory). */
int stock_init(struct stock *k, const struct jobspec *spec,
               const uint64_t *has);
void stock_fini(struct stock *k);

/* Would the amounts of that scope be there if all were free; are they free? */
bool stock_has(const struct stock *k, const struct jobspec *spec,
               enum resource_scope scope, const struct amount *amounts,
               uint32_t count);
bool stock_is_free(const struct stock *k, const struct jobspec *spec,
                   enum resource_scope scope, const struct amount *amounts,
                   uint32_t count);

/* Take the amounts of that scope, which are free. Which GPUs is put to shares
 * (GPU_MAX_PER_NODE of them), the first ones in order (a list of all devices,
 * nearest first; NULL: ascending) that will do. Returns how many. */
uint32_t stock_take(struct stock *k, const struct jobspec *spec,
                    enum resource_scope scope, const struct amount *amounts,
                    uint32_t count, const uint32_t *order,
                    struct gpu_share *shares);
/* Give them back, and those GPUs. */
void stock_give(struct stock *k, const struct jobspec *spec,
                enum resource_scope scope, const struct amount *amounts,
                uint32_t count, const struct gpu_share *shares,
                uint32_t share_count);

#endif
