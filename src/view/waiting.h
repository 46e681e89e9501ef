/* Why a task has not run, or not again, as far as a run directory tells: how it
 * ended, for whose sake it is skipped, what it depends on, its job. What a
 * session alone knows (its turn, slots, resources) is asked of that. */
#ifndef MPIBATCH_VIEW_WAITING_H
#define MPIBATCH_VIEW_WAITING_H

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"
#include "store/rundir.h"
#include "view/query.h"

enum { WAITING_SHOWN = 20, WAITING_MAX_BYTES = 1 << 20 };

enum waiting_kind {
    WAITING_ENDED,   /* succeeded or failed */
    WAITING_RUNS,    /* it runs now */
    WAITING_SKIPPED, /* it will not run */
    WAITING_JOB,     /* its job is not active */
    WAITING_SCHEDULE,
    WAITING_DEPENDENCY,
    WAITING_SESSION /* for nothing but a session that gives it out */
};

/* A task that the task waits for, or because of which it is skipped. */
struct waiting_parent {
    uint32_t job, index;
    enum query_state state;
};

struct waiting {
    enum waiting_kind kind;
    struct buf text; /* a sentence, and a line for each parent */
    struct waiting_parent parents[WAITING_SHOWN];
    uint64_t parent_count; /* of all */
};

/* Find out. 0, or -1 with err; waiting_fini it, also then. */
int waiting_find(const struct rundir *dir, const struct jobspec *spec,
                 int64_t now_ns, uint32_t job, uint32_t index,
                 struct waiting *out, struct err *err);
void waiting_fini(struct waiting *w);

/* "none", "none", "skipped", "job_state", "schedule", "dependency", "session".
 */
const char *waiting_name(enum waiting_kind kind);

#endif
