/* Loading a machine by hwloc: see topo.h. The only user of hwloc: what is
 * needed of its tree is copied into struct topo and the tree is freed.
 *
 * Loading takes 2 to 4 ms: no caches, of the devices only what may be a GPU,
 * and not the components that take long or do harm: x86, which would bind us to
 * every CPU in turn to ask it; cuda and opencl, which start up whole libraries
 * (nvml, rsmi and levelzero are quick); gl, which asks X servers; pci, which
 * leaks memory where Linux tells the same. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <string.h>

#include <hwloc.h>

#include "base/map.h"
#include "base/mem.h"
#include "topo/topo_gpu.h"
#include "topo/topo_machine.h"

static const char *const unwanted[] = {"x86", "cuda", "opencl", "gl", "pci"};
static const char synthetic_prefix[] = "synthetic:";

/* Say where the topology comes from and what of it is wanted. */
static int configure(hwloc_topology_t h, const char *source, struct err *err)
{
    size_t len = sizeof(synthetic_prefix) - 1;
    errno = 0;
    if (source && strncmp(source, synthetic_prefix, len) == 0) {
        if (hwloc_topology_set_synthetic(h, source + len) < 0)
            return err_set(err, EINVAL, "not a synthetic topology: %s",
                           source + len);
    } else if (source && hwloc_topology_set_xml(h, source) < 0) {
        return err_sys(err, errno ? errno : EINVAL,
                       "cannot read the topology in %s", source);
    }
    hwloc_topology_set_all_types_filter(h, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_PACKAGE,
                                   HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_CORE,
                                   HWLOC_TYPE_FILTER_KEEP_ALL);
    /* groups hold the NUMA nodes that are parts of a package */
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_GROUP,
                                   HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    topo_gpus_configure(h);
    for (size_t i = 0; !source && i < sizeof(unwanted) / sizeof(unwanted[0]);
         i++)
        hwloc_topology_set_components(
            h, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, unwanted[i]);
    hwloc_topology_set_flags(h, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    return 0;
}

/* The NUMA node of a CPU: the one with the fewest CPUs of those that are local
 * to it, so that memory shared by the whole machine is not taken for it. */
static uint32_t numa_of(hwloc_topology_t h, hwloc_obj_t pu)
{
    uint32_t best = 0;
    int best_weight = -1;
    unsigned os;
    hwloc_bitmap_foreach_begin(os, pu->nodeset)
    {
        hwloc_obj_t node = hwloc_get_numanode_obj_by_os_index(h, os);
        int weight = node ? hwloc_bitmap_weight(node->cpuset) : -1;
        if (weight > 0 && (best_weight < 0 || weight < best_weight)) {
            best = node->logical_index;
            best_weight = weight;
        }
    }
    hwloc_bitmap_foreach_end();
    return best;
}

/* The number of the object of that type above a CPU; without one: otherwise. */
static uint32_t above(hwloc_topology_t h, hwloc_obj_t pu, hwloc_obj_type_t type,
                      uint32_t otherwise)
{
    hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(h, type, pu);
    return o ? o->logical_index : otherwise;
}

/* Copy what is needed of the tree. NUMA nodes with CPUs get numbers from 0 in
 * the order in which they are met; cores and packages have them already. */
static int copy_cpus(struct topo *t, hwloc_topology_t h)
{
    hwloc_const_bitmap_t allowed = hwloc_topology_get_allowed_cpuset(h);
    struct map numas;
    map_init(&numas);
    hwloc_obj_t pu = NULL;
    int rc = 0;
    for (uint32_t i = 0; i < t->count && rc == 0; i++) {
        pu = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_PU, pu);
        uint64_t node = numa_of(h, pu), numa = numas.count;
        if (!map_get(&numas, node, &numa))
            rc = map_set(&numas, node, numa);
        t->cpus[i] = (struct topo_cpu){
            .os = pu->os_index,
            .core = above(h, pu, HWLOC_OBJ_CORE, i),
            .numa = (uint32_t)numa,
            .package = above(h, pu, HWLOC_OBJ_PACKAGE, 0),
            .allowed = hwloc_bitmap_isset(allowed, pu->os_index),
        };
        size_t bytes = CPU_ALLOC_SIZE(pu->os_index + 1);
        if (bytes > t->set_bytes)
            t->set_bytes = bytes;
    }
    t->numa_count = (uint32_t)numas.count;
    map_fini(&numas);
    return rc;
}

static struct topo *copy_topology(hwloc_topology_t h, struct err *err)
{
    struct topo *t = mem_calloc(1, sizeof(*t));
    if (!t)
        goto nomem;
    t->count = (uint32_t)hwloc_get_nbobjs_by_type(h, HWLOC_OBJ_PU);
    t->cpus = mem_calloc(t->count, sizeof(t->cpus[0]));
    if (!t->cpus || copy_cpus(t, h) < 0)
        goto nomem;
    t->core_count = t->cpus[t->count - 1].core + 1;
    t->package_count = t->cpus[t->count - 1].package + 1;
    if (topo_gpus_copy(t, h) < 0)
        goto nomem;
    t->memory_bytes = hwloc_get_root_obj(h)->total_memory;
    t->is_this_system = hwloc_topology_is_thissystem(h);
    return t;
nomem:
    err_set(err, ENOMEM, "no memory for the topology");
    topo_destroy(t);
    return NULL;
}

struct topo *topo_load(const char *source, struct err *err)
{
    hwloc_topology_t h;
    struct topo *t = NULL;
    if (hwloc_topology_init(&h) < 0) {
        err_sys(err, errno, "cannot start hwloc");
        return NULL;
    }
    if (configure(h, source, err) < 0)
        goto out;
    if (hwloc_topology_load(h) < 0) {
        err_sys(err, errno ? errno : EINVAL, "cannot load the topology of %s",
                source ? source : "this machine");
        goto out;
    }
    t = copy_topology(h, err);
out:
    hwloc_topology_destroy(h);
    return t;
}

const char *topo_library(void)
{
    return HWLOC_VERSION;
}

void topo_destroy(struct topo *t)
{
    if (!t)
        return;
    if (t->gpu_count > 0)
        mem_free(t->gpus[0].near);
    mem_free(t->gpus);
    mem_free(t->cpus);
    mem_free(t);
}

uint32_t topo_thread_count(const struct topo *t, const cpu_set_t *cpus,
                           size_t cpus_bytes, enum slot_unit unit)
{
    uint32_t threads = 0, cores = 0, core = UINT32_MAX;
    for (uint32_t i = 0; i < t->count; i++) {
        if (!CPU_ISSET_S(t->cpus[i].os, cpus_bytes, cpus))
            continue;
        threads++;
        cores += t->cpus[i].core != core;
        core = t->cpus[i].core;
    }
    uint32_t count = unit == SLOT_HWTHREAD ? threads : cores;
    return count > 0 ? count : 1;
}
