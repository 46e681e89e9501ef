/* The content of one file into another. */
#ifndef MPIBATCH_STAGE_COPY_H
#define MPIBATCH_STAGE_COPY_H

#include <stdatomic.h>
#include <stdint.h>

/* Copy the first bytes of from to the new, empty file to: in the kernel where
 * it can, holes as holes. -1 with errno: EIO (from is shorter, too), ECANCELED
 * (once *stop is set; it may be NULL). */
int copy_data(int from, int to, uint64_t bytes, const atomic_bool *stop);

#endif
