/* The life of a job: its state, what counts towards it, and when it changes.
 *
 * A table: job_step says which change is due; the machine makes it known.
 * Invariant: succeeded + failed + skipped + outstanding + ready + waiting tasks
 * = all tasks.
 */
#ifndef MPIBATCH_SCHED_JOBS_H
#define MPIBATCH_SCHED_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/policy.h"
#include "model/snapshot.h"
#include "model/state.h"
#include "sched/health.h"
#include "sched/indices.h"
#include "sched/load.h"
#include "sched/sched.h"

/* What is wanted of a job, by people or by the ends of its tasks. */
enum job_want { WANT_NOTHING, WANT_DISABLE, WANT_ENABLE, WANT_TERMINATE };

/* Jobs of schedules have their turn, or are left out; others have it. */
enum job_turn { TURN_WAITS, TURN_HAS_BEGUN, TURN_LEFT_OUT };

/* Its job manager task comes before all others. */
enum manager_state { MANAGER_NONE, MANAGER_WAITS, MANAGER_GIVEN };

/* Does the end of a task mean what its result says, or are there exit options?
 */
enum job_ends { ENDS_PLAINLY, ENDS_WITH_OPTIONS };

struct picky_task;

struct job_run {
    const struct job *spec;
    uint32_t task_count;  /* tasks that are known here: those that were added to
                             the spec are when they are taken in */
    struct heap_node due; /* in the machine's heap of jobs to look at */
    struct heap_node expiry; /* in the machine's heap of time limits */
    int64_t expires_ns;      /* INT64_MAX: never, or it has not begun */
    int64_t used_ns;         /* of its time limit, by earlier sessions */
    enum job_state state;
    enum job_end end;
    char *why; /* of its end; NULL: that says all */
    enum job_turn turn;
    enum job_ends ends;
    enum manager_state manager;
    struct picky_task *pickies; /* its tasks with needs of their own */
    enum job_want want;
    enum job_end want_end;      /* WANT_TERMINATE */
    enum sched_running running; /* disabling: what becomes of what runs */
    struct health_count health; /* of its attempts */
    uint64_t outstanding;       /* tasks that workers have */
    /* prep.c's: by node, NULL: it has not begun on any; tasks that are held;
     * nodes that are to be released; attempts of preparation and release. */
    struct prep *preps;
    uint64_t held;
    uint32_t owed, specials;
    enum { RELEASES_TO_COME, RELEASES_BEGUN } release;
    uint64_t succeeded, failed, retried, invalid;
    struct indices failures; /* the failed tasks */
    struct indices invalids; /* the tasks that `invalid` counts */
    /* Tasks that wait for others; of them those that wait in vain, which is
     * still to be said; and those of which it has been said. */
    struct indices blocked, doomed, skipped;
    struct indices tried; /* of these, those that have been attempted */
    /* Of a job that others wait for: the completed tasks, by what that means
     * for those. */
    struct indices good, bad;
    /* Completed tasks that mean the other to those that wait for them than one
     * would think: they failed, and satisfy, or the other way round. */
    struct indices odd;
    struct indices reopened; /* follow.c's; empty between calls */
    struct indices revived;  /* active again, which is still to be said */
    struct tempo tempo;
    uint32_t cancel_next; /* terminating, disabling: the next worker to be
                             told */
    /* Tasks that somebody has ended: no worker has them, and that is to be
     * said; workers have them, and are to be told; have been told. Of the
     * latter two, those that were deleted. */
    struct indices dropped, ending, ended, deleted;
};

/* An active job. 0, or -1 (no memory). */
int job_init(struct job_run *j, const struct job *spec);
/* Its templates from `first` on are new. */
void job_look(struct job_run *j, uint32_t first);
void job_fini(struct job_run *j);

/* All its tasks, its job manager included. */
static inline uint64_t job_total(const struct job_run *j)
{
    return (uint64_t)j->task_count + (j->spec->manager ? 1 : 0);
}
/* Are all its tasks completed? */
static inline bool job_is_done(const struct job_run *j)
{
    return j->succeeded + j->failed + j->skipped.count == job_total(j);
}

/* Its first task is handed out: its time limit runs. Is there one? */
bool job_begin(struct job_run *j, int64_t now_ns);
/* Earlier sessions have used so much of its time limit. */
void job_use_time(struct job_run *j, int64_t used_ns);

/* Make the change of state that is due, if one is. Is one made? */
bool job_step(struct job_run *j, int64_t now_ns);

/* Count an attempt that ended, with its disposition; the caller keeps the
 * task itself in the right set. */
void job_count(struct job_run *j, const struct attempt *a);
/* A completed task does not count any more. */
void job_uncount(struct job_run *j, uint32_t index);

/* Most attempts: the task is completed, whatever policy it has. */
static inline bool job_is_plain_end(const struct attempt *a)
{
    return a->result == RESULT_SUCCESS && a->reason == REASON_NONE;
}
/* What becomes of a task of this job behind attempt a, with so many retries
 * used before it. */
struct verdict job_judge(const struct job_run *j, const struct attempt *a,
                         uint32_t retries);
/* Does an attempt that ended so, and is followed by another, use a retry? */
bool reason_uses_retry(enum reason reason);
/* What the end of the task behind attempt a means. */
struct exit_options job_end_options(const struct job_run *j,
                                    const struct attempt *a);

/* Is it wanted that the job terminate? The first one who says so wins; why is
 * copied (NULL: nothing is to be said). 0, or -1 (no memory for why). */
int job_want_end(struct job_run *j, enum job_end end, const char *why);

/* Its counts as if no worker had any of its tasks. */
void job_counts(const struct job_run *j, struct task_counts *counts);

#endif
