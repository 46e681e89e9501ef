/* The nodes: their states, their start tasks, and which of their workers may
 * be given tasks.
 *
 * A node is creating until one of its ranks joins, starting until all have
 * joined or resize_timeout is over, then waits for its start task; then it is
 * idle, or running while its workers have tasks. Its workers have their seats
 * in the pool's place exactly while it is idle or running, its pool is open
 * (as many nodes as were asked for are there, or the time for them is over),
 * and nobody wants it offline.
 */
#ifndef MPIBATCH_SCHED_NODES_H
#define MPIBATCH_SCHED_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"
#include "model/state.h"
#include "sched/health.h"
#include "sched/resources.h"
#include "sched/sched.h"

struct worker;

/* How far its start task is. */
enum start_state {
    START_NONE, /* it has none, or its time has not come */
    START_WANTED,
    START_GIVEN,
    START_DONE, /* well */
    START_FAILED
};

/* What people want of it. */
enum node_wish { WISH_WORK, WISH_OFFLINE, WISH_LEAVE };

struct node_run {
    enum node_state state;
    uint32_t pool;
    uint32_t leader;        /* the configured one */
    uint32_t first, count;  /* its workers: s->node_workers[first..] */
    uint32_t joined, lost;  /* of them; a lost one is not joined */
    uint64_t given;         /* tasks that they have */
    struct heap_node news;  /* there may be a change of state */
    struct heap_node quiet; /* it may have become idle or running */
    enum start_state start;
    uint32_t start_attempts, start_retries;
    int64_t start_at_ns; /* not earlier: its next attempt */
    struct stock stock;
    uint32_t alone; /* tasks there that share it with nothing */
    struct health health;
    enum { NODE_TRUSTED, NODE_ASIDE } aside; /* it fails tasks */
    enum node_wish wish;
    enum sched_running running;      /* wish: what becomes of what runs there */
    enum { NODE_NEW, NODE_UP } seen; /* has it been ready for tasks? */
};

/* The nodes of the configuration; each worker one, if there are none. 0, or -1
 * (no memory; what there was is as it was). */
int nodes_init(struct sched *s);
void nodes_fini(struct sched *s);

/* There may be something to do about the node. */
void node_news(struct sched *s, struct node_run *n);

/* May its workers be given tasks? */
bool node_takes_tasks(const struct sched *s, const struct node_run *n);
/* Will they, perhaps, as far as anybody knows now? */
bool node_is_hopeful(const struct sched *s, const struct node_run *n);

/* Its lowest worker that lives and has slots, the configured leader first;
 * NULL: none. */
struct worker *node_leader(const struct sched *s, const struct node_run *n);

/* A worker of it has joined, or is lost (was_joined: it had joined). */
void node_joined(struct sched *s, struct node_run *n);
void node_lost(struct sched *s, struct node_run *n, bool was_joined);

/* Its workers have so many more tasks (or fewer). */
void node_given(struct sched *s, struct node_run *n, int64_t more);

/* Its workers have seats, or not, as they must. 0, or -1 (no memory; not if all
 * have had one before). */
int node_seat(struct sched *s, struct node_run *n);

/* An attempt of a task has ended there: does it fail out of line with others?
 * Then it is set aside, if it is not the last one of its pool. */
void node_judge(struct sched *s, struct node_run *n, const struct attempt *a);

/* A task has it for itself, or has it no more. */
void node_take_alone(struct sched *s, struct node_run *n);
void node_leave_alone(struct sched *s, struct node_run *n);

/* Time has passed. When to say so at the latest. */
void nodes_tick(struct sched *s, int64_t now_ns);
/* See to it that a node that waits until at_ns is looked at then. */
void nodes_at(struct sched *s, int64_t at_ns);

/* Its start task has ended (sets the disposition), was lost with its worker,
 * or has not been started and will not be. */
void node_start_ended(struct sched *s, struct node_run *n, int64_t now_ns,
                      struct attempt *a);
void node_start_back(struct sched *s, struct node_run *n);

#endif
