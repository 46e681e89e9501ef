/* What a run makes public: status.json, what runs, and results.h5, written by
 * threads of their own, so that a slow disk never stops the loop. */
#ifndef MPIBATCH_MANAGER_PUBLISH_H
#define MPIBATCH_MANAGER_PUBLISH_H

#include <stdbool.h>

#include "base/err.h"
#include "manager/starts.h"
#include "model/jobspec.h"
#include "model/snapshot.h"
#include "store/rundir.h"
#include "store/status.h"

struct publisher;

/* Create it for a run; what is given is borrowed. NULL with err. */
struct publisher *publisher_create(const struct rundir *rundir,
                                   const struct jobspec *spec,
                                   const struct status_origin *origin,
                                   struct err *err);
/* Gives up on results.h5 if it is being made; waits for the threads. */
void publisher_destroy(struct publisher *p);

/* Write status.json and what runs, from copies, unless the last ones are still
 * being written. */
void publisher_status(struct publisher *p, const struct snapshot *snap,
                      const struct starts *starts);

/* The last word: wait for what is being written, then write this. -1 with
 * err. */
int publisher_status_last(struct publisher *p, const struct snapshot *snap,
                          struct err *err);

/* Start to make results.h5; false: it is being made already. */
bool publisher_results(struct publisher *p);
bool publisher_results_busy(struct publisher *p);

/* How that ended, once: 1 well, -1 not (err), 0 nothing new. */
int publisher_results_outcome(struct publisher *p, struct err *err);

/* There is no time for results.h5: stop making it. */
void publisher_give_up(struct publisher *p);

#endif
