/* The nodes of a session: see inventory.h. */
#include "config.h"
#include "manager/inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "model/divide.h"

static void node_describe(struct inventory *n, uint32_t node, uint32_t leader,
                          const struct jobspec *spec,
                          const struct node_info *info, uint32_t pool)
{
    uint64_t *capacity = n->capacity + (size_t)node * spec->resource_count;
    bool outside = pool == POOL_NONE;
    for (uint32_t r = 0; !outside && r < spec->resource_count; r++)
        capacity[r] = divide_capacity(spec, r, pool, info);
    n->nodes[node] = (struct sched_node){.pool = outside ? 0 : pool,
                                         .outside = outside,
                                         .name = info->hostname,
                                         .leader = leader,
                                         .capacity = capacity};
}

int inventory_init(struct inventory *n, const struct jobspec *spec,
                   const struct node_info *ranks, const uint32_t *rank_nodes,
                   uint32_t rank_count, const uint32_t *pools,
                   uint32_t node_count, struct err *err)
{
    uint32_t found = 0;
    *n = (struct inventory){.count = node_count};
    n->nodes = mem_calloc(node_count, sizeof(n->nodes[0]));
    n->capacity = mem_calloc((size_t)node_count * spec->resource_count + 1,
                             sizeof(n->capacity[0]));
    if (!n->nodes || !n->capacity) {
        inventory_fini(n);
        return err_set(err, ENOMEM, "no memory for %" PRIu32 " nodes",
                       node_count);
    }
    for (uint32_t r = 0; r < rank_count; r++) {
        uint32_t node = rank_nodes[r];
        if (node >= node_count || n->nodes[node].capacity)
            continue; /* its leader was before */
        node_describe(n, node, r, spec, &ranks[r], pools ? pools[node] : 0);
        found++;
    }
    if (found == node_count)
        return 0;
    inventory_fini(n);
    return err_set(err, EINVAL, "a node has no rank");
}

int64_t inventory_find(const struct node_info *ranks, uint32_t rank_count,
                       const char *name)
{
    for (uint32_t r = 0; r < rank_count; r++) {
        const char *host = ranks[r].hostname;
        size_t len = strcspn(host, ".");
        if (strcmp(host, name) == 0 ||
            (strlen(name) == len && strncmp(host, name, len) == 0))
            return r;
    }
    return -1;
}

void inventory_fini(struct inventory *n)
{
    mem_free(n->nodes);
    mem_free(n->capacity);
    *n = (struct inventory){0};
}
