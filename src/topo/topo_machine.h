/* What topo/ keeps of a machine once hwloc has described it: its CPUs in
 * machine order (package by package, core by core), each with the numbers of
 * the core, NUMA node and package it belongs to. Plain data. */
#ifndef MPIBATCH_TOPO_TOPO_MACHINE_H
#define MPIBATCH_TOPO_TOPO_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topo/topo.h"

/* One hardware thread. The numbers count from 0 in machine order; os is what
 * the kernel calls it. */
struct topo_cpu {
    uint32_t os, core, numa, package;
    bool allowed; /* by the cgroup, as far as hwloc sees it */
};

/* A GPU, and the CPUs that are next to it (set_bytes; none: not known). */
struct topo_machine_gpu {
    struct topo_gpu about;
    cpu_set_t *near; /* all are one piece of memory: that of the first */
};

struct topo {
    struct topo_cpu *cpus; /* count of them, at least 1 */
    uint32_t count;
    uint32_t core_count, numa_count, package_count;
    uint64_t memory_bytes;
    struct topo_machine_gpu *gpus; /* gpu_count of them */
    uint32_t gpu_count;
    size_t set_bytes; /* of a cpu_set_t that holds every CPU */
    bool is_this_system;
};

#endif
