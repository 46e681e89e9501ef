/* The last look at results.h5, when a run is over. */
#ifndef MPIBATCH_CLI_RESULTS_LAST_H
#define MPIBATCH_CLI_RESULTS_LAST_H

#include "model/jobspec.h"
#include "store/rundir.h"

/* Make results.h5 if it has not all of the journal. Returns the exit code to
 * end with: code, or EXIT_LOST in place of success or failure of tasks if it
 * cannot be made (said why): whoever goes on to read it must not believe that
 * it is there. */
int results_last(const struct rundir *r, const struct jobspec *spec, int code);

#endif
