/* How many tasks of each job stand how. */
#ifndef MPIBATCH_VIEW_COUNTS_H
#define MPIBATCH_VIEW_COUNTS_H

#include "base/err.h"
#include "model/snapshot.h"
#include "store/rundir.h"

/* Count the tasks of all jobs (spec->job_count of them) at now_ns: as the
 * session says that has the run, or had it last; of one that was killed, from
 * the journal. -1 with err. */
int counts_read(const struct rundir *dir, const struct jobspec *spec,
                int64_t now_ns, struct task_counts *jobs, struct err *err);

#endif
