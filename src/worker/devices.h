/* Which GPUs a task sees: the variables that the libraries of their vendors
 * read.
 *
 * Once a spec speaks of GPUs, a task has those that it asked for and no others;
 * in a spec that does not, we have no say. */
#ifndef MPIBATCH_WORKER_DEVICES_H
#define MPIBATCH_WORKER_DEVICES_H

#include "base/err.h"
#include "model/gpu.h"
#include "model/jobspec.h"
#include "proc/environment.h"
#include "topo/topo.h"

/* Put CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, ROCR_VISIBLE_DEVICES,
 * ZE_AFFINITY_MASK (of what the node has), MPIBATCH_GPUS and, for a part of
 * one, MPIBATCH_GPU_SHARE. -1 with err. */
int devices_put(struct environment *env, const struct jobspec *spec,
                const struct topo *topo, const struct gpu_share *gpus,
                uint32_t count, struct err *err);

#endif
