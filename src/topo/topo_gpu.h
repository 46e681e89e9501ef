/* Finding GPUs while a machine is loaded: for topo.c alone. */
#ifndef MPIBATCH_TOPO_TOPO_GPU_H
#define MPIBATCH_TOPO_TOPO_GPU_H

#include <hwloc.h>

#include "topo/topo_machine.h"

/* Before it is loaded: say that devices are wanted. */
void topo_gpus_configure(hwloc_topology_t h);

/* Copy its GPUs; its CPUs are there. -1: no memory. */
int topo_gpus_copy(struct topo *t, hwloc_topology_t h);

#endif
