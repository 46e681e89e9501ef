/* What .npy and HDF5 arrays have in common: do they suit the metric? Internal
 * to metrics/. */
#ifndef MPIBATCH_METRICS_DIMS_H
#define MPIBATCH_METRICS_DIMS_H

#include "metrics/gather.h"

/* The most dimensions and elements of an array that is read. */
enum { DIMS_MAX_RANK = 32, DIMS_MAX_ELEMENTS = 8 << 20 };

/* The array of the candidate that has begun has these dims. Is it one that the
 * metric can take (else g knows why)? *count: its elements. */
bool dims_fit(struct gather *g, const uint64_t *dims, uint32_t rank,
              uint64_t *count);

/* Element number i comes: of a scalar metric with `select`, each one is a
 * candidate (the first belongs to the one that has begun). False: no more are
 * wanted. */
bool dims_next(struct gather *g, uint64_t i);

#endif
