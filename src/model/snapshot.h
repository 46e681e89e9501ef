/* A snapshot of a run: what the progress line, status.json and `mpibatch
 * status` show. Plain data; made by the manager once a second. */
#ifndef MPIBATCH_MODEL_SNAPSHOT_H
#define MPIBATCH_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/jobspec.h"
#include "model/stage_counts.h"
#include "model/state.h"

enum run_state {
    RUN_STARTING,
    RUN_RUNNING,
    RUN_STOPPING, /* told to stop; running tasks end or are ended */
    RUN_PAUSED,   /* the run directory cannot be written; see pause_text */
    RUN_FINISHED  /* this session is over; exit_code is valid */
};

/* Counts of tasks. total = succeeded + failed + skipped + running + preparing +
 * storing
 * + active: each is counted once. */
struct task_counts {
    uint64_t total;
    uint64_t succeeded, failed;
    uint64_t running;   /* they hold slots */
    uint64_t preparing; /* wait for their files, or have them and no slot yet */
    uint64_t storing;   /* their process has ended, and holds no slot; what they
                           have left is being stored */
    uint64_t skipped;   /* they waited for what has not ended well */
    uint64_t active;    /* not begun, or to be retried */
    uint64_t retried;   /* attempts that were followed by another */
    uint64_t invalid; /* succeeded, but a metric is missing, malformed or out of
                         range */
};

/* Those that have not ended. */
static inline uint64_t task_counts_left(const struct task_counts *c)
{
    return c->total - c->succeeded - c->failed - c->skipped;
}

enum { JOB_WHY_BYTES = 128 };

struct job_snapshot {
    enum job_state state;
    enum job_end end;
    bool hidden;             /* a job of a schedule whose time has not come */
    char why[JOB_WHY_BYTES]; /* what was said of its state, perhaps cut; "" */
    struct task_counts tasks;
};

struct snapshot {
    enum run_state state;
    int exit_code; /* -1 until finished */
    uint32_t session;
    int64_t start_ns, now_ns; /* session start and now, since 1970 UTC */
    uint32_t node_count, rank_count, ranks_lost;
    uint32_t slot_count, slots_busy;
    uint32_t node_states[NODE_STATE_COUNT]; /* nodes by state */
    struct task_counts tasks;               /* all jobs */
    uint64_t done_this_session; /* tasks that ended in this session */
    double tasks_per_s;         /* recent; 0: not known */
    int64_t eta_ns;             /* -1: not known */
    char pause_text[256];
    struct stage_counts staged; /* all sessions */
    uint32_t job_count;
    struct job_snapshot *jobs; /* job_count of them; owned by who made it */
};

/* How many nodes are there that will not get tasks as they are: their start
 * task failed, they are offline, unusable, or leave. */
uint32_t snapshot_unusable_nodes(const struct snapshot *s);

/* How many jobs are disabled, or about to be? */
uint32_t snapshot_disabled(const struct snapshot *s);
/* Is there nothing to run, but a job that waits for tasks to be added? */
bool snapshot_waits(const struct snapshot *s);

/* "starting", "running", "stopping", "paused", "finished". */
const char *run_state_name(enum run_state state);

#endif
