/* The event loop of a rank: file descriptors, timers, and turns.
 *
 * One turn: cache the time; run the turn functions (each polls something that
 * has no descriptor, such as MPI, and says whether it did anything); run due
 * timers; handle ready descriptors. If no turn function did anything and no
 * timer fired, the loop waits for descriptors, at most until the next timer,
 * and at most for a nap that grows with idleness from 50 us to 1 ms (5 ms
 * after a second without anything): nobody spins.
 */
#ifndef MPIBATCH_COMM_LOOP_H
#define MPIBATCH_COMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"

struct loop;

/* Callbacks of a descriptor (events: EPOLLIN and so on) and of a timer. */
struct loop_fd {
    void (*ready)(struct loop_fd *fd, uint32_t events);
    int fd;
};
struct loop_timer {
    struct heap_node node; /* the loop's */
    void (*fire)(struct loop_timer *timer);
    int64_t at_ns;
    uint64_t order; /* the loop's: ties go by start order */
};

struct loop *loop_create(struct err *err);
void loop_destroy(struct loop *l);

/* The time of this turn: monotonic, and since 1970 UTC. */
int64_t loop_now_ns(const struct loop *l);
int64_t loop_wall_ns(const struct loop *l);

/* Watch a descriptor (the struct is borrowed until removed). Remove before
 * closing it; a removed one is not called any more in this turn. */
int loop_add_fd(struct loop *l, struct loop_fd *fd, uint32_t events,
                struct err *err);
void loop_remove_fd(struct loop *l, struct loop_fd *fd);

/* Start (or move) a timer, borrowed until it fires or is stopped; a started
 * timer fires once. -1 with err ENOMEM. */
void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop_timer *));
int loop_timer_start(struct loop *l, struct loop_timer *t, int64_t at_ns,
                     struct err *err);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* A function for each turn; at most 8, in the order they were added. */
int loop_add_turn(struct loop *l, bool (*turn)(void *arg), void *arg,
                  struct err *err);

/* Run until loop_stop, behind which nothing else is called. -1 with err (epoll
 * failed). */
int loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);

#endif
