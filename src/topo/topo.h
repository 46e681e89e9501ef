/* The machine under us, by hwloc: what a rank may use, the slots of a node,
 * and the cores of each.
 *
 * The only place that knows hwloc. A topology is this machine, or a synthetic
 * or recorded one for tests.
 */
#ifndef MPIBATCH_TOPO_TOPO_H
#define MPIBATCH_TOPO_TOPO_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/gpu.h"
#include "model/jobspec.h"
#include "model/node.h"

struct topo;

/* Load a topology: NULL: this machine; "synthetic:..." (hwloc's notation,
 * e.g. "synthetic:pack:2 core:4 pu:2"); else the path of an XML file. NULL
 * with err. Free with topo_destroy. */
struct topo *topo_load(const char *source, struct err *err);
void topo_destroy(struct topo *t);

/* The version of hwloc: "2.9.0". */
const char *topo_library(void);

/* Describe this rank for start-up: hostname, boot_id, cores, memory, pid, and
 * the CPUs it may use: what its cgroup allows and, where mpirun has bound it,
 * what mpirun itself may use (a rank's own binding is not a limit: ranks
 * share their node by topo_divide); under srun its own binding. */
int topo_describe(const struct topo *t, struct node_info *n, struct err *err);

/* A node has at most so many. */
enum { TOPO_MAX_SLOTS = 1 << 16 };

/* One slot: its number in the node and its CPUs (OS indices). */
struct slot {
    uint32_t number;
    cpu_set_t *cpus; /* cpus_bytes long; owned by the slots */
    char list[64];   /* "3", "4-7": for people; ends in "..." if longer */
};

/* The slots of one rank. */
struct slots {
    struct slot *slots;
    uint32_t count;      /* of this rank: may be 0 */
    uint32_t node_count; /* of the node, all ranks */
    size_t cpus_bytes;   /* size of each CPU set */
};

/* Divide a node into slots and give rank `local` of `local_count` its own.
 *
 * cpus: the lists of what each local rank may use; the node is their union.
 * Slots are units in machine order; with pool->task_slots_per_node T and U
 * units, slot i gets units i*U/T .. (i+1)*U/T-1, or unit i%U if T > U. Ranks
 * get blocks of consecutive slots that differ by at most one; if a task
 * requires more slots than that (granule), fewer ranks get slots, as many as
 * can have granule each, and the others none. -1 with err: EINVAL (no CPU is
 * left, malformed list, over TOPO_MAX_SLOTS), ENOMEM. Free with slots_fini. */
int topo_divide(const struct topo *t, const struct pool *pool,
                const char *const *cpus, uint32_t local, uint32_t local_count,
                uint32_t granule, struct slots *out, struct err *err);
void slots_fini(struct slots *s);

/* How many cores (at least 1) the CPU set covers: what OMP_NUM_THREADS should
 * be for a task that has them (hardware threads if unit is SLOT_HWTHREAD). */
uint32_t topo_thread_count(const struct topo *t, const cpu_set_t *cpus,
                           size_t cpus_bytes, enum slot_unit unit);

/* ---- GPUs ---- */

enum gpu_vendor { GPU_OTHER, GPU_NVIDIA, GPU_AMD, GPU_INTEL, GPU_VENDORS };

/* A GPU that was found. */
struct topo_gpu {
    enum gpu_vendor vendor;
    uint32_t number;  /* among those of its vendor on this machine */
    char address[20]; /* of PCI: "0000:3b:00.0" */
    char visible[64]; /* what CUDA_VISIBLE_DEVICES (or that of its vendor) calls
                         it here: "2", or what the batch system calls it */
    char name[64];    /* as its vendor calls it; "": not known */
    char cpus[64];    /* that are next to it: "0-31"; "": not known; ends in
                         "..." if it is longer */
};

/* The GPUs of the machine, numbered from 0 by their PCI addresses; of this
 * machine only those that CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES and
 * ZE_AFFINITY_MASK leave us. A machine may have more than are found: see pool's
 * node_resources. */
uint32_t topo_gpu_count(const struct topo *t);
/* Borrowed from t; NULL: it was not found. */
const struct topo_gpu *topo_gpu(const struct topo *t, uint32_t gpu);

/* Does such a list leave us the GPU with that number among its vendor's? And as
 * what: into visible. A list of numbers means those up to the first that is
 * none, as its readers have it; one of other names (UUIDs) as many as it has,
 * the first ones. NULL: there is no list. */
bool topo_gpu_is_visible(const char *list, uint32_t number, char visible[64]);

/* "NVIDIA", "AMD", "Intel", "". */
const char *topo_vendor_name(enum gpu_vendor vendor);

/* Are the CPUs on the part of the machine that the GPU is on? Also, if it is
 * not known where that is. */
bool topo_gpu_is_near(const struct topo *t, uint32_t gpu, const cpu_set_t *cpus,
                      size_t cpus_bytes);
/* The GPUs 0..count-1, the nearest to these CPUs first: into order. */
void topo_gpu_order(const struct topo *t, const cpu_set_t *cpus,
                    size_t cpus_bytes, uint32_t count, uint32_t *order);

/* Draw the node: packages, NUMA nodes, cores, and which slot of which rank
 * owns each; at most width columns. slots: of the local_count ranks. */
int topo_draw(const struct topo *t, const struct slots *slots,
              uint32_t local_count, unsigned width, struct buf *out,
              struct err *err);

#endif
