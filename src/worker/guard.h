/* Memory: tasks that have a limit are looked at four times a second, with all
 * processes that they have; one that is over it is ended, all of it and at
 * once, before its neighbours suffer. Looking never takes more than a small
 * share of a core: with many tasks, or large ones, it comes less often.
 */
#ifndef MPIBATCH_WORKER_GUARD_H
#define MPIBATCH_WORKER_GUARD_H

#include <stdint.h>

#include "proc/family.h"

struct run;
struct run_context;

/* What the runs of a worker share. */
struct guard {
    struct family family;
    pid_t strays[FAMILY_MAX_STRAYS];
    int64_t next_ns; /* not before */
    uint64_t kills;  /* of the kernel, as far as they are explained */
};

void guard_init(struct guard *g);
void guard_fini(struct guard *g);

/* To be called now and then: look at those that have a limit. */
void guard_look(struct run_context *c);

/* The process of a run has ended (its reason is set): was it the kernel, for
 * lack of memory? Then that is its reason. */
void guard_judge(struct run *run);

#endif
