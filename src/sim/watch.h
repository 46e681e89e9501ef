/* What the scheduler has promised, watched from outside: who has which task,
 * how often each was attempted, what is completed. Plain; costs memory for
 * each task that was ever handed out. */
#ifndef MPIBATCH_SIM_WATCH_H
#define MPIBATCH_SIM_WATCH_H

#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "sched/sched.h"
#include "sim/sim.h"

struct watched_worker {
    enum { WATCHED_ALIVE, WATCHED_LOST } state;
    uint64_t given; /* tasks that it has */
};

struct watch {
    const struct sim_config *config; /* borrowed */
    struct map holders;              /* task to who has it, see watch.c */
    struct map attempts;             /* task to attempts that ended */
    struct watched_worker *workers;
    uint64_t outstanding;
    uint64_t completed;
};

/* 0, or -1 (no memory; to be freed all the same). */
int watch_init(struct watch *w, const struct sim_config *config);
void watch_fini(struct watch *w);

/* What earlier sessions have left, as the scheduler tells. -1 with err. */
int watch_before(struct watch *w, const struct sched *s, struct err *err);

/* Tasks are given, or given back; an attempt was accepted, or called lost; a
 * worker is lost. -1 with err: EPROTO (a promise is broken) or ENOMEM. */
int watch_assign(struct watch *w, const struct sched_action *act,
                 struct err *err);
int watch_returned(struct watch *w, uint32_t worker, uint32_t job,
                   uint32_t first, uint32_t count, struct err *err);
int watch_ended(struct watch *w, uint32_t worker, const struct attempt *a,
                struct err *err);
int watch_skipped(struct watch *w, const struct sched_action *act,
                  struct err *err);
int watch_active_again(struct watch *w, const struct sched_action *act,
                       struct err *err);
void watch_lost(struct watch *w, uint32_t worker);

/* After each turn: can it go on? At the end: do the counts agree? */
int watch_turn(const struct watch *w, const struct sched *s, struct err *err);
int watch_finish(const struct watch *w, const struct sched *s, struct err *err);

#endif
