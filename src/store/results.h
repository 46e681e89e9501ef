/* results.h5: the journal as one HDF5 file for xarray, pandas, h5py.
 *
 * Made whole beside the old one and renamed, so that a reader sees a complete
 * file at any time.
 *
 *   /jobs/<job>     dimension scales, one a parameter of a grid (else `run`),
 *                   and over them, as the last attempt of each task left them:
 *                   each metric and <metric>_state (ok, missing, malformed,
 *                   out_of_range, not_run), state (not_run, success, failure,
 *                   active), exit_code (-1: none), attempts, duration
 *   /               the same objects, if the run has one job, or one job with
 *                   a sweep; attributes: name, spec, command, hosts, versions,
 *                   environment, digests of programs, ...
 *   /batch/tasks    a table, one row an attempt, in the journal's order
 *   /batch/nodes    a table, one row a rank of a session
 *   /batch/events   a table: sessions, changes of jobs and programs
 *   /batch/sessions a table, one row a session
 *   /batch/programs a table: files that tasks execute, of each session
 *   /batch/files    a table, one row a file that an attempt returned: where in
 *                   output/files it is (offset; 2^64-1: a file of its own, at
 *                   path in the run directory)
 *   /batch/output   files: bytes; stdout, stderr: bytes; stdout_index,
 *                   stderr_index: tables of offset and length, aligned with the
 *                   rows of tasks; an offset of 2^64-1: kept elsewhere
 *                   (files/), or lost
 *   /batch/spec     the job spec's text
 *   /batch          attribute journal_bytes: how much of the journal is in it
 *
 * A name that is taken already gets "_" behind it.
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

/* Is there a results.h5 with all that the journal says? Not while it is being
 * made. */
bool results_are_current(const struct rundir *r, const struct jobspec *spec);

#endif
