/* Which GPUs are near to which CPUs: see topo.h. */
#include "config.h"
#include "topo/topo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const char *topo_vendor_name(enum gpu_vendor vendor)
{
    static const char *const names[GPU_VENDORS] = {
        [GPU_OTHER] = "",
        [GPU_NVIDIA] = "NVIDIA",
        [GPU_AMD] = "AMD",
        [GPU_INTEL] = "Intel",
    };
    return names[vendor];
}

/* Is it a number, to the end of its part of the list? */
static bool is_number(const char *part, size_t len, uint32_t *number)
{
    char *end;
    if (len == 0 || len > 9 || part[0] < '0' || part[0] > '9')
        return false;
    *number = (uint32_t)strtoul(part, &end, 10);
    return end == part + len;
}

bool topo_gpu_is_visible(const char *list, uint32_t number, char visible[64])
{
    uint32_t at = 0, named;
    if (!list) {
        snprintf(visible, 64, "%u", (unsigned)number);
        return true;
    }
    bool numbers = is_number(list, strcspn(list, ","), &named);
    for (const char *p = list;; p++, at++) {
        size_t len = strcspn(p, ",");
        if (len == 0 || len >= 64 || p[0] == '-' ||
            (numbers && !is_number(p, len, &named)))
            return false;
        if ((numbers ? named : at) == number) {
            snprintf(visible, 64, "%.*s", (int)len, p);
            return strcmp(visible, "NoDevFiles") != 0;
        }
        p += len;
        if (*p == '\0')
            return false;
    }
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
