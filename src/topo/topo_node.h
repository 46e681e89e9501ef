/* Whose CPUs limit a rank: the decision alone, for topo_describe. */
#ifndef MPIBATCH_TOPO_TOPO_NODE_H
#define MPIBATCH_TOPO_TOPO_NODE_H

#include <stdbool.h>
#include <stddef.h>

/* How far above us mpirun's daemon may be: wrapper scripts come between. */
enum { TOPO_MAX_ANCESTORS = 4 };

/* names: of our ancestors (as the kernel's comm), our parent first. launched:
 * a launcher has given us a rank (its variables are set). Returns which of
 * them is mpirun's daemon, whose CPUs are the limit; -1: none is, our own are.
 *
 * mpirun binds each rank to a part of what it may use itself, and ranks share
 * their node; srun, a cgroup or taskset give us what they mean. */
int topo_limiting_ancestor(const char *const *names, size_t count,
                           bool launched);

#endif
