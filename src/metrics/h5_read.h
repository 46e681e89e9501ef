/* Metrics from HDF5 files of tasks. Internal to metrics/. */
#ifndef MPIBATCH_METRICS_H5_READ_H
#define MPIBATCH_METRICS_H5_READ_H

#include "metrics/gather.h"

/* The dataset at metric->pattern of the file that fd is open on (a regular
 * file; fd stays the caller's): numbers, booleans or texts. As npy_scan for
 * its shape. No lock is taken, nothing is printed; other threads may use HDF5
 * meanwhile if h5_is_threadsafe. */
void h5_scan(int fd, struct gather *g);

/* May several threads use this HDF5 library? */
bool h5_is_threadsafe(void);

#endif
