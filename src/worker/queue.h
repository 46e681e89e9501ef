/* The tasks a worker was given and has not started: ranges, first in, first
 * out. Pure; it knows nothing of processes. */
#ifndef MPIBATCH_WORKER_QUEUE_H
#define MPIBATCH_WORKER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

struct queue {
    struct msg_range *ranges;  /* a ring */
    uint32_t cap, head, count; /* ranges */
    uint64_t tasks;            /* in all of them */
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);

/* Put a range at the end. -1: no memory, or tasks would overflow. */
int queue_put(struct queue *q, const struct msg_range *r);

/* The first task, as a range of one; false if there is none. */
bool queue_first(const struct queue *q, struct msg_range *task);
/* Remove the first task. There must be one. */
void queue_drop_first(struct queue *q);

/* The first task that fits, among those of the first QUEUE_LOOK ranges that are
 * their ranges' first, and its place; false if there is none. */
enum { QUEUE_LOOK = 64 };
bool queue_first_of(const struct queue *q,
                    bool (*fits)(void *arg, const struct msg_range *task),
                    void *arg, struct msg_range *task, uint32_t *at);
/* Remove the first task of the range at that place. */
void queue_drop_at(struct queue *q, uint32_t at);

/* The attempt of a task that is in it; 0: it is not. */
uint32_t queue_find(const struct queue *q, uint32_t job, uint32_t index);

/* Take this task, and those behind it in its range; false if it is not there.
 */
bool queue_take_from(struct queue *q, uint32_t job, uint32_t index,
                     struct msg_range *out);

/* Take up to max tasks off the end, as a range of one job; false if the queue
 * is empty or max is 0. */
bool queue_take_last(struct queue *q, uint32_t max, struct msg_range *out);

/* Take a range of this job out, wherever it is; false if there is none. */
bool queue_take_job(struct queue *q, uint32_t job, struct msg_range *out);

#endif
