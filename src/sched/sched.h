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
#include "model/gpu.h"
#include "model/snapshot.h"
#include "model/state.h"

struct sched;

/* A node: whose ranks share its resources. */
struct sched_node {
    uint32_t pool;    /* of the spec */
    const char *name; /* for affinity; NULL: nobody names it */
    bool outside;     /* no pool has it, and nothing runs there */
    uint32_t leader;  /* its lowest worker: special tasks run there */
    /* how much it has of each of the spec's resources, in their units; NULL:
     * of none */
    const uint64_t *capacity;
};

struct sched_config {
    const struct jobspec *spec; /* borrowed for the scheduler's life */
    uint32_t worker_count;      /* workers are 0..worker_count-1 */
    uint64_t task_limit; /* start at most so many attempts; 0: no limit */
    int64_t silence_ns;  /* a worker not heard for so long is lost */
    int64_t prefetch_ns; /* how much work a worker has ahead of it */
    /* Borrowed for the scheduler's life. node_count 0: each worker is a node of
     * its own, of the first pool, without resources. */
    const struct sched_node *nodes;
    uint32_t node_count;
    const uint32_t *worker_nodes; /* one a worker */
    /* The node's GPUs, nearest first, of each worker: gpu_order[worker *
     * gpu_stride + i]; NULL: 0, 1, ... */
    const uint32_t *gpu_order;
    uint32_t gpu_stride;
    int64_t wall_now_ns;    /* since 1970 UTC at time 0 of the inputs: for
                               schedules */
    int64_t session_now_ns; /* when the session starts, as the inputs count */
};

/* Sensible silence_ns and prefetch_ns; the rest is zero. */
void sched_config_init(struct sched_config *c);

/* Create a scheduler: all jobs active, all tasks ready, no worker joined.
 * NULL with err (ENOMEM, EINVAL). Free with sched_destroy. */
struct sched *sched_create(const struct sched_config *config, struct err *err);
void sched_destroy(struct sched *s);

/* Before the first input, though after replays: the nodes (nodes, node_count,
 * worker_nodes, gpu_order, gpu_stride of config, borrowed for its life), if
 * they were not known at sched_create: a session reads what was before it first
 * begins. -1 with err: EINVAL, ENOMEM. */
int sched_set_nodes(struct sched *s, const struct sched_config *config,
                    struct err *err);

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
/* These tasks are skipped: see SCHED_SKIPPED. */
int sched_replay_skipped(struct sched *s, const struct task_range *range,
                         struct err *err);
/* Job number `occurrence` of a schedule has begun, or (begun false) its time
 * has passed without it. */
int sched_replay_occurrence(struct sched *s, uint32_t job, bool begun,
                            struct err *err);
/* Tasks were added to the spec after sched_create: see sched_added. */
int sched_replay_added(struct sched *s, uint32_t job, struct err *err);
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
/* An attempt has its files, and waits for slots. */
int sched_attempt_prepared(struct sched *s, int64_t now_ns, uint32_t worker,
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
/* An instance of an attempt on several nodes is coordinated (ok), or has failed
 * (a: how; NULL if ok). */
int sched_instance_ready(struct sched *s, int64_t now_ns, uint32_t worker,
                         uint32_t job, uint32_t index, uint32_t attempt,
                         struct err *err);
/* An attempt ended; of one on several nodes: the first instance, or another one
 * that has failed. Special tasks, too. *accepted: it was outstanding at this
 * worker, and a->disposition is set; else it is stale, to be ignored. What
 * becomes of the task is policy_judge's decision; the end of a job overrules
 * it. */
int sched_attempt_ended(struct sched *s, int64_t now_ns, uint32_t worker,
                        struct attempt *a, bool *accepted, struct err *err);
/* The worker gives back tasks that it has not started; count 0: it has none
 * to give. */
int sched_tasks_returned(struct sched *s, int64_t now_ns, uint32_t worker,
                         uint32_t job, uint32_t first, uint32_t count,
                         uint32_t attempt, struct err *err);
/* ---- What people ask. 0, or -1 with err: ESRCH (no such), EINVAL (not in this
 * state: err's text begins with Azure's code, "JobCompleted: ..."), ENOMEM.
 * What is asked is done by the actions that follow. ---- */

enum sched_job_command {
    SCHED_JOB_DISABLE,
    SCHED_JOB_ENABLE,
    SCHED_JOB_TERMINATE
};
/* What becomes of what runs there: again later; ended for good; waited for. */
enum sched_running { SCHED_REQUEUE, SCHED_TERMINATE, SCHED_WAIT };
/* why: of a termination, copied; NULL: UserTerminate. */
int sched_job_command(struct sched *s, int64_t now_ns, uint32_t job,
                      enum sched_job_command command,
                      enum sched_running running, const char *why,
                      struct err *err);
enum sched_task_command {
    SCHED_TASK_TERMINATE,  /* completed: it failed, TaskEnded */
    SCHED_TASK_REACTIVATE, /* a failed or skipped one is active again */
    SCHED_TASK_DELETE      /* as terminate, and does not count any more */
};
int sched_task_command(struct sched *s, int64_t now_ns, uint32_t job,
                       uint32_t index, enum sched_task_command command,
                       struct err *err);
enum sched_node_command {
    SCHED_NODE_ONLINE,
    SCHED_NODE_OFFLINE,
    SCHED_NODE_REMOVE
};
int sched_node_command(struct sched *s, int64_t now_ns, uint32_t node,
                       enum sched_node_command command,
                       enum sched_running running, struct err *err);
/* Tasks were added at the end of a job of the spec: take them in. */
int sched_added(struct sched *s, int64_t now_ns, uint32_t job, struct err *err);

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
                           record it, with the disposition. Reason CANCELLED:
                           somebody ended it, and no worker has it */
    SCHED_JOB_CHANGED,  /* job is in job_state now (job_end, text) */
    SCHED_LAUNCH,       /* give worker one attempt, as `launch` says */
    SCHED_GO,  /* worker, which has the first instance: all are ready */
    SCHED_END, /* worker: end task first's attempt; reason says why */
    SCHED_NODE_CHANGED, /* node is in node_state now; text: why, or "" */
    SCHED_SKIPPED, /* tasks first..first+count-1 are: `attempt` is the index
                      of the task that they waited for, in parent_job; deleted
                      ones: of the first of themselves */
    SCHED_ACTIVE_AGAIN, /* tasks first..first+count-1, which were completed, are
                           active */
    SCHED_OCCURRENCE    /* job of a schedule begins (begun), or is left out */
};

/* What an attempt gets that is not given plainly. Borrowed until the next call
 * for the scheduler. */
struct sched_launch {
    uint32_t instance, instance_count;
    const uint32_t *workers; /* of all instances, in their order */
    const struct gpu_share *gpus;
    uint32_t gpu_count;
    uint64_t memory_bytes;     /* its limit; 0: none */
    int64_t max_wall_clock_ns; /* its limit; 0: none */
    bool keep_directory; /* go on in the directory that the attempt before it
                            has left here, if it is there */
};

struct sched_action {
    enum sched_action_kind kind;
    uint32_t worker;
    uint32_t job, first, count, attempt;
    bool stop_now;
    enum job_state job_state;
    enum job_end job_end;
    struct sched_launch launch;
    enum reason reason;
    enum disposition disposition; /* of SCHED_ATTEMPT_LOST */
    uint32_t node;
    enum node_state node_state;
    uint32_t parent_job;
    bool begun;
    const char *text; /* borrowed until the next call; NULL: none */
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

enum node_state sched_node_state(const struct sched *s, uint32_t node);

/* Why a task is not running: what `mpibatch explain` says. */
enum wait_kind {
    WAIT_NOT,         /* it runs, or is completed */
    WAIT_TURN,        /* others are before it */
    WAIT_DEPENDENCY,  /* for task index of job, and `count` more */
    WAIT_JOB_STATE,   /* its job is not active */
    WAIT_SCHEDULE,    /* its job has not begun */
    WAIT_BACKOFF,     /* until_ns */
    WAIT_SLOTS,       /* no node has so many free; `count` could have them */
    WAIT_RESOURCE,    /* `resource` is in use */
    WAIT_NODES,       /* instances: not enough nodes are free: reserved (count
                         of them) or not */
    WAIT_PREPARATION, /* of its node by the job preparation task */
    WAIT_PARALLEL,    /* max_parallel_tasks */
    WAIT_PAUSED,      /* nothing is handed out */
    WAIT_NOBODY       /* no node that could run it is left */
};
struct sched_wait {
    enum wait_kind kind;
    uint32_t job, index, count, resource;
    int64_t until_ns;
};
void sched_explain(const struct sched *s, int64_t now_ns, uint32_t job,
                   uint32_t index, struct sched_wait *out);

/* Attempts of a task so far (ended ones). */
uint32_t sched_task_attempts(const struct sched *s, uint32_t job,
                             uint32_t index);

#endif
