/* The scheduler: which worker runs which task, and what becomes of it.
 *
 * A pure machine: no clock, no I/O, no threads, no MPI. Its inputs are the
 * calls below, each with the time (now_ns: monotonic, never going back); its
 * outputs are the actions that sched_next hands out. The same inputs give the
 * same outputs, under MPI, in the simulator, in a replay.
 *
 * It owns the states of jobs, of tasks and the liveness of workers. Tasks are
 * indices: a task that is not running, failed or retried costs less than a
 * bit of memory.
 *
 * Order: job priority (highest first), then jobs as in the spec, then task
 * index. A worker is given tasks up to its window: its slots and a prefetch
 * that follows the measured time of the job's tasks, so that the next task
 * starts without a round trip. Workers run what they are given first in,
 * first out, so nothing starves. When nothing is left to hand out, prefetched
 * tasks are taken back from the busy for the idle.
 *
 * Invariants (each checked by the property tests): a task is in exactly one
 * of ready, outstanding at one worker, completed; a worker's outstanding
 * tasks fit its window; no task has more attempts than its retries allow, but
 * for those that ended through no fault of its own (lost, stopped); whatever
 * was accepted is final; while a worker lives and a task is ready that fits
 * it, there is something to wait for.
 */
#ifndef MPIBATCH_SCHED_SCHED_H
#define MPIBATCH_SCHED_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/range.h"
#include "model/snapshot.h"
#include "model/state.h"

struct sched;

struct sched_config {
    const struct jobspec *spec; /* borrowed for the scheduler's life */
    uint32_t worker_count;      /* workers are 0..worker_count-1 */
    uint64_t task_limit; /* start at most so many attempts; 0: no limit */
    int64_t silence_ns;  /* a worker not heard for so long is lost */
    int64_t prefetch_ns; /* how much work a worker has ahead of it */
};

/* Sensible silence_ns and prefetch_ns; the rest is zero. */
void sched_config_init(struct sched_config *c);

/* Create a scheduler: all jobs active, all tasks ready, no worker joined.
 * NULL with err (ENOMEM, EINVAL). Free with sched_destroy. */
struct sched *sched_create(const struct sched_config *config, struct err *err);
void sched_destroy(struct sched *s);

/* ---- Before the first input: what earlier sessions have journaled, in the
 * order in which it was. ---- */

/* An attempt ended (disposition included). What was said before, or of a task
 * that has succeeded, is ignored. -1 with err EINVAL (no such job or task) or
 * ENOMEM. */
int sched_replay_attempt(struct sched *s, const struct attempt *a,
                         struct err *err);
/* A job changed its state. -1 with err EINVAL (no such job, no legal change).
 */
int sched_replay_job(struct sched *s, uint32_t job, enum job_state state,
                     enum job_end end, struct err *err);
/* A job has used up so much of its max_wall_clock_time. */
void sched_replay_job_time(struct sched *s, uint32_t job, int64_t used_ns);
/* Of these tasks the completed ones, failed or succeeded, are active again,
 * with their retries anew, and so is the job, its used time forgotten. Returns
 * how many. Before the first input, too; this is what --rerun does. */
uint64_t sched_reactivate(struct sched *s, const struct task_range *range);

/* ---- Inputs. They return 0, or -1 with err ENOMEM; what the world reports
 * is never an error: what is stale or unknown is ignored. ---- */

/* A worker is ready, with slots (0: it will get nothing). Once a worker. */
int sched_worker_join(struct sched *s, int64_t now_ns, uint32_t worker,
                      uint32_t slots, struct err *err);
/* Something came from this worker. */
void sched_worker_heard(struct sched *s, int64_t now_ns, uint32_t worker);
/* The transport says that this worker is gone. */
int sched_worker_gone(struct sched *s, int64_t now_ns, uint32_t worker,
                      struct err *err);
/* An attempt waits for its files before it wants slots: others may have them
 * meanwhile. */
int sched_attempt_preparing(struct sched *s, int64_t now_ns, uint32_t worker,
                            uint32_t job, uint32_t index, uint32_t attempt,
                            struct err *err);
/* An attempt runs. Workers say so at once of tasks with a directory of their
 * own, of others when they do not end at once. */
int sched_attempt_started(struct sched *s, int64_t now_ns, uint32_t worker,
                          uint32_t job, uint32_t index, uint32_t attempt,
                          struct err *err);
/* The process of an attempt has ended: what it has left is being stored, and
 * its slots are free. */
int sched_attempt_storing(struct sched *s, int64_t now_ns, uint32_t worker,
                          uint32_t job, uint32_t index, uint32_t attempt,
                          struct err *err);
/* An attempt ended. *accepted: it was outstanding at this worker, and
 * a->disposition is set; else it is stale, to be ignored.
 * Decides on retry: exit code and signal use up a retry; lost and stopped
 * never do; all else is final. */
int sched_attempt_ended(struct sched *s, int64_t now_ns, uint32_t worker,
                        struct attempt *a, bool *accepted, struct err *err);
/* The worker gives back tasks that it has not started; count 0: it has none
 * to give. */
int sched_tasks_returned(struct sched *s, int64_t now_ns, uint32_t worker,
                         uint32_t job, uint32_t first, uint32_t count,
                         uint32_t attempt, struct err *err);
/* Hand out nothing more: drain (running tasks may end) or now (running tasks
 * are ended). From drain to now is possible, not back. */
enum sched_stop { SCHED_RUN, SCHED_DRAIN, SCHED_STOP_NOW };
int sched_stop(struct sched *s, int64_t now_ns, enum sched_stop how,
               struct err *err);
/* Hand out nothing while paused (the journal cannot be written). */
void sched_pause(struct sched *s, bool paused);
/* Time has passed: silent workers, job time limits, rebalancing. A gap between
 * two calls with a time counts as a quarter of silence_ns at most: then it was
 * us who slept, and what workers said meanwhile is still unread. */
int sched_tick(struct sched *s, int64_t now_ns, struct err *err);

/* ---- Outputs ---- */

enum sched_action_kind {
    SCHED_ASSIGN,      /* give worker the tasks first..first+count-1 */
    SCHED_RECALL,      /* ask worker for up to count unstarted tasks back */
    SCHED_CANCEL_JOB,  /* worker: end what it runs of job, give back the rest */
    SCHED_STOP_WORKER, /* worker: give back the unstarted; if stop_now, end
                          what runs */
    SCHED_WORKER_LOST, /* never talk to worker again */
    SCHED_ATTEMPT_LOST, /* task first's attempt was running on a lost worker:
                           record it; the task is ready again */
    SCHED_JOB_CHANGED   /* job is in job_state now (job_end) */
};

struct sched_action {
    enum sched_action_kind kind;
    uint32_t worker;
    uint32_t job, first, count, attempt;
    bool stop_now;
    enum job_state job_state;
    enum job_end job_end;
};

/* The next thing to do, in order; false: nothing more now. To be called until
 * it says so after each turn's inputs. -1 is never returned: memory that
 * lacks here delays an assignment to a later call. */
bool sched_next(struct sched *s, int64_t now_ns, struct sched_action *action);

/* When sched_tick should be called at the latest; INT64_MAX: no need. */
int64_t sched_deadline_ns(const struct sched *s);

/* ---- Questions ---- */

/* Nothing is outstanding and nothing will be handed out: each job is
 * completed, or the session was stopped or has reached its limit, or no
 * worker is left that could run what is ready. */
bool sched_finished(const struct sched *s);

/* Is every job completed? */
bool sched_all_completed(const struct sched *s);

/* States and counts of all jobs: fills tasks, jobs[] (spec->job_count of
 * them), slot_count, slots_busy, ranks_lost of snap. */
void sched_snapshot(const struct sched *s, struct snapshot *snap);

/* The state of one task, and of a completed one its result. */
enum task_state sched_task_state(const struct sched *s, uint32_t job,
                                 uint32_t index, enum attempt_result *result);

/* Has some worker the task, started or not, and which? */
bool sched_task_worker(const struct sched *s, uint32_t job, uint32_t index,
                       uint32_t *worker);

/* Attempts of a task so far (ended ones). */
uint32_t sched_task_attempts(const struct sched *s, uint32_t job,
                             uint32_t index);

#endif
