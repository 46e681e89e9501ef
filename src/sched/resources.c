/* What is free of each resource: see resources.h. */
#include "config.h"
#include "sched/resources.h"

#include <string.h>

#include "base/mem.h"

static uint32_t gpus_of(const struct jobspec *spec, const uint64_t *has)
{
    for (uint32_t r = 0; r < spec->resource_count; r++)
        if (spec->resources[r].kind == RESOURCE_GPUS) {
            uint64_t n = has[r] / RESOURCE_ONE;
            return n < GPU_MAX_PER_NODE ? (uint32_t)n : GPU_MAX_PER_NODE;
        }
    return 0;
}

int stock_init(struct stock *k, const struct jobspec *spec, const uint64_t *has)
{
    uint32_t n = spec->resource_count;
    *k = (struct stock){0};
    if (n == 0 || !has)
        return 0;
    k->has = mem_calloc(2 * (size_t)n, sizeof(k->has[0]));
    if (!k->has)
        return -1;
    k->free = &k->has[n];
    memcpy(k->has, has, n * sizeof(has[0]));
    memcpy(k->free, has, n * sizeof(has[0]));
    k->gpu_count = gpus_of(spec, has);
    k->gpus = mem_calloc(k->gpu_count, sizeof(k->gpus[0]));
    if (!k->gpus)
        return -1;
    for (uint32_t g = 0; g < k->gpu_count; g++)
        k->gpus[g] = RESOURCE_ONE;
    return 0;
}

void stock_fini(struct stock *k)
{
    mem_free(k->has);
    mem_free(k->gpus);
    *k = (struct stock){0};
}

static uint32_t whole(uint64_t units)
{
    return (uint32_t)((units + RESOURCE_ONE - 1) / RESOURCE_ONE);
}

/* Are so many thousandths of GPUs free, on one device or as whole ones? */
static bool gpus_are_free(const struct stock *k, uint64_t units)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < k->gpu_count; g++) {
        if (units < RESOURCE_ONE && k->gpus[g] >= units)
            return true;
        n += k->gpus[g] == RESOURCE_ONE;
    }
    return units >= RESOURCE_ONE && n >= whole(units);
}

bool stock_has(const struct stock *k, const struct jobspec *spec,
               enum resource_scope scope, const struct amount *amounts,
               uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[amounts[i].resource];
        uint64_t units = amounts[i].units;
        if (r->scope != scope)
            continue;
        if (r->kind == RESOURCE_GPUS && whole(units) > k->gpu_count)
            return false;
        if (!k->has || k->has[amounts[i].resource] < units)
            return false;
    }
    return true;
}

bool stock_is_free(const struct stock *k, const struct jobspec *spec,
                   enum resource_scope scope, const struct amount *amounts,
                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[amounts[i].resource];
        uint64_t units = amounts[i].units;
        if (r->scope != scope || units == 0)
            continue;
        if (!k->has || k->free[amounts[i].resource] < units ||
            (r->kind == RESOURCE_GPUS && !gpus_are_free(k, units)))
            return false;
    }
    return true;
}

/* A device with so much free for a part of one: one that is in parts already
 * if there is such, so that whole ones stay whole. */
static uint32_t part_pick(const struct stock *k, uint64_t units,
                          const uint32_t *order)
{
    uint32_t found = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < k->gpu_count; i++) {
            found = order ? order[i] : i;
            if (k->gpus[found] >= units &&
                (pass == 1 || k->gpus[found] < RESOURCE_ONE))
                return found;
        }
    return found;
}

static uint32_t gpus_take(struct stock *k, uint64_t units,
                          const uint32_t *order, struct gpu_share *shares)
{
    uint32_t n = 0, want = whole(units);
    if (units < RESOURCE_ONE) {
        shares[0] =
            (struct gpu_share){part_pick(k, units, order), (uint32_t)units};
        k->gpus[shares[0].gpu] -= (uint32_t)units;
        return 1;
    }
    for (uint32_t i = 0; n < want && i < k->gpu_count; i++) {
        uint32_t g = order ? order[i] : i;
        if (k->gpus[g] != RESOURCE_ONE)
            continue;
        shares[n++] = (struct gpu_share){g, RESOURCE_ONE};
        k->gpus[g] = 0;
    }
    return n;
}

uint32_t stock_take(struct stock *k, const struct jobspec *spec,
                    enum resource_scope scope, const struct amount *amounts,
                    uint32_t count, const uint32_t *order,
                    struct gpu_share *shares)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[amounts[i].resource];
        uint64_t units = amounts[i].units;
        if (r->scope != scope || units == 0)
            continue;
        if (r->kind == RESOURCE_GPUS)
            n = gpus_take(k, units, order, shares);
        k->free[amounts[i].resource] -= units;
    }
    return n;
}

void stock_give(struct stock *k, const struct jobspec *spec,
                enum resource_scope scope, const struct amount *amounts,
                uint32_t count, const struct gpu_share *shares,
                uint32_t share_count)
{
    for (uint32_t i = 0; i < count; i++)
        if (spec->resources[amounts[i].resource].scope == scope && k->has)
            k->free[amounts[i].resource] += amounts[i].units;
    for (uint32_t i = 0; i < share_count; i++)
        k->gpus[shares[i].gpu] += shares[i].milli;
}
