/* Memory: where control groups are ours to make, the kernel keeps tasks within
 * their limit. Elsewhere those that have one are looked at four times a second,
 * with all processes that they have; one that is over it is ended, all of it
 * and at once, before its neighbours suffer. Looking never takes more than a
 * small share of a core: with many tasks, or large ones, it comes less often.
 */
#ifndef MPIBATCH_WORKER_GUARD_H
#define MPIBATCH_WORKER_GUARD_H

#include <stdint.h>

#include "proc/cgroup.h"
#include "proc/family.h"

struct run;
struct run_context;

/* What the runs of a worker share. */
struct guard {
    struct family family;
    pid_t strays[FAMILY_MAX_STRAYS];
    int64_t next_ns;         /* not before */
    uint64_t kills;          /* of the kernel, as far as they are explained */
    struct cgroups *cgroups; /* NULL: we make none */
};

/* key: tells this rank's control groups from others'. */
void guard_init(struct guard *g, const char *key);
void guard_fini(struct guard *g);

/* A run that has a limit is about to start: the descriptor of its control
 * group, to be closed; 0: it gets none. */
int guard_enter(struct run *run);

/* To be called now and then: look at those that have a limit. */
void guard_look(struct run_context *c);

/* The process of a run has ended (its reason is set), what it left is swept:
 * was it the kernel, for lack of memory? Then that is its reason. */
void guard_judge(struct run *run);
/* The run is over, or will not begin: its control group is removed, if it has
 * one. */
void guard_leave(struct run *run);

#endif
