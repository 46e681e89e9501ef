/* A simulated cluster: the real scheduler, workers that behave as real ones,
 * and a clock that only moves when something happens.
 *
 * Workers run what they are given first in, first out, start a task when its
 * slots are free, report ends in batches, give back from the end of their
 * queue what is recalled, and may die. Messages take a while and keep their
 * order. The same configuration gives the same run, to the last event.
 *
 * All along, what the scheduler promises is checked: nothing completed twice,
 * nothing handed out that somebody has, attempt numbers in order, nobody
 * given more than the largest window, and an end that is one.
 */
#ifndef MPIBATCH_SIM_SIM_H
#define MPIBATCH_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "sched/sched.h"

/* One attempt, and the random number that decides about it (uniform in 64
 * bits; the same for the same seed and attempt). */
struct sim_attempt {
    uint32_t worker, job, index, attempt;
    uint64_t random;
    int64_t limit_ns; /* its max_wall_clock_time; 0: none */
};

struct sim_worker {
    uint32_t slots;
    int64_t join_ns;  /* when it says that it is ready; -1: never */
    int64_t death_ns; /* when it falls silent; -1: never */
};

struct sim_config {
    struct sched_config sched; /* spec too; worker_count is set by sim_run */
    const struct sim_worker *workers; /* borrowed */
    uint32_t worker_count;
    uint64_t seed;

    /* How long an attempt runs; at least 0. */
    int64_t (*duration_ns)(void *arg, const struct sim_attempt *a);
    void *arg;
    uint32_t fail_ppm; /* so many attempts of a million exit with code 1 */
    /* How an attempt that ends by itself does: sets reason, exit_code, signal
     * of out. NULL: as fail_ppm says. */
    void (*outcome)(void *arg, const struct sim_attempt *a,
                    struct attempt *out);
    /* It begins to run; it ends (cut: not by itself). Each may be NULL. */
    void (*begins)(void *arg, const struct sim_attempt *a, int64_t now_ns);
    void (*ends)(void *arg, const struct sim_attempt *a, int64_t now_ns,
                 bool cut);
    /* What people ask: asked until it says false, after each moment: is
     * something to be asked, and when? Then it is, at that time. NULL: nothing.
     */
    bool (*plans)(void *arg, int64_t *at_ns, uint32_t *what);
    int (*asks)(void *arg, struct sched *s, int64_t now_ns, uint32_t what,
                struct err *err);

    int64_t latency_ns; /* of each message */
    int64_t tick_ns;    /* workers report ends at its multiples; 0: at once */
    int64_t started_ns; /* tasks are reported as started after so long */
    int64_t beat_ns;    /* between heartbeats */
    int64_t notice_ns;  /* the transport tells of a death after so long; -1:
                           only silence does */
    int64_t stop_ns;    /* when the session is stopped; -1: never */
    enum sched_stop stop;

    uint64_t max_events; /* give up after so many; 0: 100 million */

    /* Called for each attempt that the scheduler accepted or called lost, in
     * order; may be NULL. */
    void (*record)(void *arg, const struct attempt *a);
    /* Called for each action of the scheduler; may be NULL. */
    void (*action)(void *arg, const struct sched_action *act, int64_t now_ns);
    /* Called before the first input, to replay earlier sessions: 0, or -1 with
     * err; and at the end, to ask questions. May be NULL. */
    int (*prepare)(void *arg, struct sched *s, struct err *err);
    void (*finish)(void *arg, const struct sched *s);
};

struct sim_stats {
    int64_t makespan_ns;  /* until the scheduler has finished */
    int64_t busy_slot_ns; /* slots in which tasks ran, times how long */
    int64_t slot_ns;      /* slots of the joined and living, times how long */
    double utilisation;   /* busy_slot_ns / slot_ns */
    uint64_t events, turns;
    uint64_t assigns, assigned_tasks; /* ranges, tasks in them */
    uint64_t recalls, returned_tasks;
    uint64_t attempts, succeeded, failed, retried; /* accepted */
    uint64_t skipped;
    uint64_t lost_attempts, stale_results;
    uint64_t cancels, cuts;
    uint32_t lost_workers;
    bool all_completed;
};

/* The rest zero: latency 0.2 ms, tick 1 ms, started after 100 ms, beats each
 * second, deaths noticed after 1 s, no stop. */
void sim_config_init(struct sim_config *c);

/* Run to the end. 0 and stats, or -1 with err: EPROTO (the scheduler broke a
 * promise; says which), ETIMEDOUT (over max_events), ENOMEM, EINVAL. */
int sim_run(const struct sim_config *config, struct sim_stats *stats,
            struct err *err);

#endif
