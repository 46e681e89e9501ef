/* Ready tasks, in buckets by what they ask for.
 *
 * A bucket holds the ready tasks of one job that have the same request. The
 * plain buckets of a pool that ask for the same number of slots stand in one
 * queue, ordered by the job's priority and age; so when nothing that asks for
 * so much fits, one look says so, however many tasks and jobs wait. What asks
 * for more is a claim: see claim.h.
 *
 * Invariant: a bucket stands in its queue (or its pool's claims) if and only if
 * it is open and not empty.
 */
#ifndef MPIBATCH_SCHED_READY_H
#define MPIBATCH_SCHED_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "model/jobspec.h"
#include "sched/claim.h"
#include "sched/indices.h"

struct bucket {
    struct claim claim; /* its node is in queue when it may be */
    struct heap *queue;
    uint32_t job, pool, slots;
    uint32_t key; /* of its request: see ready_key */
    bool plain;   /* its queue is one for slots */
    struct request request;
    enum { BUCKET_OPEN, BUCKET_CLOSED } state;
    struct indices fresh; /* never attempted */
    struct indices again; /* attempted before */
};

struct ready_queue {
    uint32_t pool, slots;
    struct heap buckets;
};

struct ready_job {
    struct bucket **buckets; /* by key, ascending; at least one */
    uint32_t count;
};

struct ready {
    struct ready_queue **queues; /* by pool, then by slots */
    uint32_t queue_count;
    struct heap *claims; /* one a pool */
    uint32_t pool_count;
    struct ready_job *jobs;
    uint32_t job_count;
};

/* All tasks of the spec ready, all buckets open. 0, or -1 (no memory; r is
 * to be freed all the same). r is zeroed before. */
int ready_init(struct ready *r, const struct jobspec *spec);
void ready_fini(struct ready *r);

/* Tasks of one job with the same key ask for the same. */
uint32_t ready_key(const struct jobspec *spec, uint32_t job, uint32_t index);

/* See to it that there is a bucket for the task, which was added to its job. 0,
 * or -1 (no memory). */
int ready_make_bucket(struct ready *r, const struct jobspec *spec, uint32_t job,
                      uint32_t index);

/* The bucket of a task of that job with that key. */
struct bucket *ready_bucket(const struct ready *r, uint32_t job, uint32_t key);

/* From now on its tasks are placed one by one, as a claim. 0, or -1 (no
 * memory). */
int ready_make_claim(struct ready *r, struct bucket *b);

/* Let the tasks of a job be handed out, or not. Never fails. */
void ready_open(struct ready *r, uint32_t job);
void ready_close(struct ready *r, uint32_t job);

/* The fewest slots that plain tasks of a pool ever ask for; UINT32_MAX: it has
 * none. */
uint32_t ready_least_slots(const struct ready *r, uint32_t pool);

/* The bucket of that queue whose turn it is, or NULL. */
struct bucket *ready_top(const struct ready_queue *q);

/* Is it a's turn before b's? Claims that wait. */
bool claim_before(const struct claim *a, const struct claim *b);

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
/* Take one out if it is in the set. Was it? */
bool bucket_take_one(struct bucket *b, struct indices *set, uint32_t index);

#endif
