/* Metrics from NumPy's .npy files. Internal to metrics/. */
#ifndef MPIBATCH_METRICS_NPY_H
#define MPIBATCH_METRICS_NPY_H

#include "metrics/gather.h"

/* The array in data (all of a file): format versions 1 to 3; booleans,
 * integers and floats of 2, 4 and 8 bytes (integers of 1, too) in either byte
 * order and memory order. With a shape it must have exactly that; a scalar
 * metric takes its only value, or what `select` says of all, in C's order. */
void npy_scan(const void *data, size_t len, struct gather *g);

#endif
