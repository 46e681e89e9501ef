/* Ready tasks, in buckets by what they ask for.
 *
 * A bucket holds the ready tasks of one job that require the same number of
 * slots. The buckets that ask for the same stand in one queue, ordered by the
 * job's priority and age; so when nothing that asks for so much fits, one
 * look says so, however many tasks and jobs wait.
 *
 * Invariant: a bucket stands in its queue if and only if it is open and not
 * empty.
 */
#ifndef MPIBATCH_SCHED_READY_H
#define MPIBATCH_SCHED_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "model/jobspec.h"
#include "sched/indices.h"

struct bucket {
    struct heap_node node;
    struct heap *queue; /* where it stands when it may */
    int32_t priority;
    uint32_t job, slots;
    enum { BUCKET_OPEN, BUCKET_CLOSED } state;
    struct indices fresh; /* never attempted */
    struct indices again; /* attempted before */
};

struct ready_queue {
    uint32_t slots;
    struct heap buckets;
};

struct ready {
    struct ready_queue *queues; /* by slots, ascending */
    uint32_t queue_count;
    struct bucket *buckets; /* by job, then by slots */
    uint32_t bucket_count;
    uint32_t *job_first; /* job_count+1 of them: where a job's buckets begin */
};

/* All tasks of the spec ready, all buckets open. 0, or -1 (no memory; r is
 * to be freed all the same). r is zeroed before. */
int ready_init(struct ready *r, const struct jobspec *spec);
void ready_fini(struct ready *r);

/* The bucket of a task of that job which requires so many slots. */
struct bucket *ready_bucket(const struct ready *r, uint32_t job,
                            uint32_t slots);

/* Let the tasks of a job be handed out, or not. Never fails. */
void ready_open(struct ready *r, uint32_t job);
void ready_close(struct ready *r, uint32_t job);

/* The bucket of that queue whose turn it is, or NULL. */
struct bucket *ready_top(const struct ready_queue *q);

/* Is it a's turn before b's? By priority, age of the job, task index. Both
 * have tasks. */
bool bucket_before(const struct bucket *a, const struct bucket *b);

uint64_t bucket_count(const struct bucket *b);

/* Where the least of its tasks is: in fresh or in again. Not empty. */
struct indices *bucket_next(struct bucket *b);

/* Put tasks into a set of the bucket (they are in none), take them out (all
 * are in it). The queue follows. Never fails. */
void bucket_put(struct bucket *b, struct indices *set, uint32_t first,
                uint32_t count);
void bucket_take(struct bucket *b, struct indices *set, uint32_t first,
                 uint32_t count);

#endif
