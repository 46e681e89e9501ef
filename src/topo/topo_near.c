/* Which GPUs are near to which CPUs: see topo.h. */
#include "config.h"
#include "topo/topo.h"

#include "topo/topo_machine.h"

/* How far it is from a GPU to CPUs: on the same part of the machine, in the
 * same package, elsewhere. One of which nothing is known is as near as can be.
 */
enum distance { DISTANCE_NONE, DISTANCE_PACKAGE, DISTANCE_FAR };

uint32_t topo_gpu_count(const struct topo *t)
{
    return t->gpu_count;
}

const struct topo_gpu *topo_gpu(const struct topo *t, uint32_t gpu)
{
    return gpu < t->gpu_count ? &t->gpus[gpu].about : NULL;
}

static enum distance distance_of(const struct topo *t, uint32_t gpu,
                                 const cpu_set_t *cpus, size_t bytes)
{
    bool any = false, package = false;
    if (gpu >= t->gpu_count)
        return DISTANCE_NONE;
    const cpu_set_t *near = t->gpus[gpu].near;
    for (uint32_t i = 0; i < t->count; i++) {
        if (!CPU_ISSET_S(t->cpus[i].os, t->set_bytes, near))
            continue;
        any = true;
        if (CPU_ISSET_S(t->cpus[i].os, bytes, cpus))
            return DISTANCE_NONE;
        for (uint32_t k = 0; !package && k < t->count; k++)
            package = t->cpus[k].package == t->cpus[i].package &&
                      CPU_ISSET_S(t->cpus[k].os, bytes, cpus);
    }
    if (!any)
        return DISTANCE_NONE;
    return package ? DISTANCE_PACKAGE : DISTANCE_FAR;
}

bool topo_gpu_is_near(const struct topo *t, uint32_t gpu, const cpu_set_t *cpus,
                      size_t cpus_bytes)
{
    return distance_of(t, gpu, cpus, cpus_bytes) == DISTANCE_NONE;
}

void topo_gpu_order(const struct topo *t, const cpu_set_t *cpus,
                    size_t cpus_bytes, uint32_t count, uint32_t *order)
{
    uint32_t at = 0;
    for (int d = DISTANCE_NONE; d <= DISTANCE_FAR; d++)
        for (uint32_t i = 0; i < count; i++)
            if ((int)distance_of(t, i, cpus, cpus_bytes) == d)
                order[at++] = i;
}
