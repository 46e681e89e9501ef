/* --rerun: which tasks that have ended run again. */
#ifndef MPIBATCH_CLI_RERUN_H
#define MPIBATCH_CLI_RERUN_H

#include <stddef.h>

#include "model/jobspec.h"
#include "model/range.h"
#include "store/rundir.h"

enum rerun_which {
    RERUN_NONE,
    RERUN_FAILED,
    RERUN_TIMEOUT, /* failed by their time limit */
    RERUN_INVALID, /* succeeded, with a metric missing or wrong */
    RERUN_WHERE    /* ended, and a condition holds */
};

/* What was asked for. */
struct rerun {
    enum rerun_which which;
    const char *where; /* borrowed; NULL: it is still to be said */
};

/* Take a word of --rerun: failed, timeout, invalid, "where EXPR"; or where,
 * and the next time EXPR. The form of an option's `take`. */
int rerun_take(const char *text, void *value, struct err *err);

/* Find these tasks in a run that nobody else has. *ranges (mem_free):
 * ascending. -1 with err (EINVAL: the condition is wrong). */
int rerun_find(const struct rerun *what, const struct rundir *dir,
               const struct jobspec *spec, struct task_range **ranges,
               size_t *count, struct err *err);

#endif
