/* Claims: what is placed one task at a time, where there is room for it now.
 *
 * A bucket of tasks that ask for more than slots on one node has a claim; so
 * has a single task with needs of its own (struct picky), which stands in no
 * bucket. Claims of a pool wait in a heap in the order in which all tasks are
 * given (bucket_before); those that find no place are not looked at again
 * before something has become free. The first one that lacks nothing but slots
 * gets the pool's one reservation.
 *
 * Who puts a picky task in (backoff, another node, a checkpoint, affinity, a
 * job manager) keeps its struct until its attempt is accepted: a task that was
 * given and comes back without having started is put in again by the machine.
 */
#ifndef MPIBATCH_SCHED_CLAIM_H
#define MPIBATCH_SCHED_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"

struct bucket;
struct sched;

struct claim {
    struct heap_node node; /* in its pool's heap while it waits for a place */
    int32_t priority;
    uint32_t job, index;   /* the task, or the first one of the bucket */
    uint64_t seen;         /* looked at when so much had become free */
    struct bucket *bucket; /* whose it is; NULL: a picky task's */
};

enum { PICKY_MAX_AVOID = 4 };

/* One task that has more needs than its request says. */
struct picky {
    struct claim claim;
    /* not on these nodes, the latest ones, if any other of its pool could run
     * it */
    uint32_t avoid[PICKY_MAX_AVOID], avoid_count;
    uint32_t prefer;           /* the node to be on if it has room; UINT32_MAX:
                                  any */
    uint64_t memory_bytes;     /* in place of its request's; 0: that */
    int64_t max_wall_clock_ns; /* in place of its template's; 0: that */
    bool keep_directory;
    bool exclusive; /* nothing else on its node, whatever it asks for */
    bool tried;     /* attempted before */
};

/* Zero needs, priority and order set from the task's job. In no heap. */
void picky_init(struct picky *p, const struct sched *s, uint32_t job,
                uint32_t index);

/* Let the task be placed from now on (it is in no bucket and nobody has it),
 * or not any more. Adding may fail: -1 (no memory). Adding again what once was
 * in does not fail as long as no more claims wait than ever did. */
int claim_add(struct sched *s, struct claim *c);
void claim_remove(struct sched *s, struct claim *c);
bool claim_waits(const struct claim *c);

/* Does a plain bucket's first task come before the claim? */
bool claim_behind(const struct claim *c, const struct bucket *b);

/* To be defined by who owns the picky tasks: the one of that task, whether it
 * waits or is given; NULL: it has no needs of its own. */
struct picky *picky_find(const struct sched *s, uint32_t job, uint32_t index);

#endif
