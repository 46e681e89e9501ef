/* Commands that `mpibatch remote` has this rank run for an instance of a task
 * on several nodes: with the instance's CPUs, folder and environment, and no
 * longer than that lasts. What they leave in the background lives as long.
 *
 * What one prints goes to a file beside the instance's working directory, whose
 * end is told with its exit code.
 */
#ifndef MPIBATCH_WORKER_REMOTE_H
#define MPIBATCH_WORKER_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "worker/run.h"

/* So many at once of all instances of a rank. */
enum { REMOTES_MAX = 256 };
/* What ssh exits with when it could not begin. */
enum { REMOTE_FAILED = 255 };

struct remote;

/* Run the line by /bin/sh. number: how it is told of (run_context.remote). -1
 * with err: nothing runs. */
int remote_start(struct run *run, uint64_t number, const char *line,
                 struct err *err);

/* Put the pids of those that run behind n others; how many there are then. */
size_t remotes_keep(const struct run_context *c, pid_t *pids, size_t n);

/* The instance ends: end them. */
void remotes_end(struct run *run);

#endif
