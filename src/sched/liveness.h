/* Who has been silent for too long. Pure: time is passed in.
 *
 * Each worker has a lease from the first moment on; whatever comes from it
 * renews it. Hearing costs O(1): the heap learns of it when the lease would
 * have run out.
 *
 * When the manager itself has slept (it was stopped, or its machine swapped),
 * everybody seems silent, and what they said meanwhile is still unread. So a
 * gap between two moments counts as a quarter of a lease at most, and
 * liveness_deadline_ns asks for a look at least so often.
 */
#ifndef MPIBATCH_SCHED_LIVENESS_H
#define MPIBATCH_SCHED_LIVENESS_H

#include <stdint.h>

#include "base/heap.h"

struct lease {
    struct heap_node node;
    int64_t heard_ns;   /* in watched time */
    int64_t ordered_ns; /* heard_ns as the heap knows it */
};

struct liveness {
    struct lease *leases; /* one a worker */
    uint32_t count;
    struct heap heap;
    int64_t silence_ns;
    int64_t now_ns;     /* the last moment; INT64_MIN: none yet */
    int64_t watched_ns; /* time that has passed for us up to then */
};

/* Leases for workers 0..count-1. 0, or -1 (no memory; to be freed all the
 * same). silence_ns > 0. */
int liveness_init(struct liveness *l, uint32_t count, int64_t silence_ns);
void liveness_fini(struct liveness *l);

/* It is now_ns. */
void liveness_now(struct liveness *l, int64_t now_ns);
/* Now something came from the worker. */
static inline void liveness_heard(struct liveness *l, uint32_t worker)
{
    l->leases[worker].heard_ns = l->watched_ns;
}
/* The worker is not watched any more. */
void liveness_forget(struct liveness *l, uint32_t worker);

/* A worker whose lease has run out, or -1. It is still watched. */
int64_t liveness_silent(struct liveness *l);

/* When to look again; INT64_MAX: nobody is watched. */
int64_t liveness_deadline_ns(const struct liveness *l);

#endif
