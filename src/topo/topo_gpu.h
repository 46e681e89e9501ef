/* Finding GPUs while a machine is loaded: for topo.c alone. */
#ifndef MPIBATCH_TOPO_TOPO_GPU_H
#define MPIBATCH_TOPO_TOPO_GPU_H

#include "topo/topo_machine.h"

struct hwloc_topology;

/* Before it is loaded: say that devices are wanted. */
void topo_gpus_configure(struct hwloc_topology *h);

/* Copy its GPUs; its CPUs are there. -1: no memory. */
int topo_gpus_copy(struct topo *t, struct hwloc_topology *h);

#endif
