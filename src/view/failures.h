/* Failures in groups: by how they ended, by what they said last, by where
 * among the parameters they lie. Memory is bounded, whatever the run.
 */
#ifndef MPIBATCH_VIEW_FAILURES_H
#define MPIBATCH_VIEW_FAILURES_H

#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "store/rundir.h"
#include "view/query.h"
#include "view/regions.h"

enum {
    FAILURES_EXAMPLES = 5,
    FAILURES_MAX_GROUPS = 4096,    /* of each kind; what comes later is counted
                                      as others */
    FAILURES_MAX_MESSAGES = 20000, /* ends of stderr that are read */
    FAILURES_MAX_JOBS = 16         /* whose parameters are looked at */
};

struct failure_group {
    char *text; /* "exit code 3"; a folded message, "" for none */
    uint64_t count;
    uint32_t example_count;
    char *examples[FAILURES_EXAMPLES]; /* "scan/17" */
};

struct failure_region {
    uint32_t job;
    char *text;  /* "solver=gmres and n>=4096" */
    char *where; /* the same as a condition */
    uint64_t failures, successes;
    uint64_t job_failures, job_successes; /* of the whole job */
};

struct failures {
    uint64_t failed, succeeded, skipped;      /* tasks */
    struct failure_group *reasons, *messages; /* largest first */
    uint32_t reason_count, message_count;
    uint64_t messages_read, other_messages;
    struct failure_region *regions;
    uint32_t region_count, jobs_left_out; /* whose parameters were not seen */
};

/* Group the failures of a run, of the tasks that `restrict_to` (may be NULL)
 * puts into a query. 0, or -1 with err. failures_fini it, also then. */
int failures_find(struct failures *f, const struct rundir *dir,
                  const struct jobspec *spec, int64_t now_ns,
                  int (*restrict_to)(void *arg, struct query *q,
                                     struct err *err),
                  void *arg, struct err *err);
void failures_fini(struct failures *f);

#endif
