/* results.h5: the journal as one HDF5 file for xarray, pandas, h5py.
 *
 * Made whole beside the old one and renamed, so that a reader sees a complete
 * file at any time. Its layout is described in mpibatch-results and DESIGN.
 */
#ifndef MPIBATCH_STORE_RESULTS_H
#define MPIBATCH_STORE_RESULTS_H

#include <stdbool.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "store/rundir.h"

/* Make results.h5 from the journal and the outputs. *cancel (may be NULL):
 * give up (err ECANCELED) when it becomes true. May run in a thread of its
 * own, but only one at a time. -1 with err; the old file stays. */
int results_build(const struct rundir *r, const struct jobspec *spec,
                  const volatile bool *cancel, struct err *err);

#endif
