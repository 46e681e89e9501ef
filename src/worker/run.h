/* One attempt being run: its processes, its output, its limits.
 *
 *   RUN_FREE -> RUN_ACTIVE -> [RUN_TERMINATED -> [RUN_KILLED ->]]
 *            -> [RUN_DOUBTED ->] RUN_DRAINING -> RUN_FREE
 *
 * An instance of a task on several nodes runs its coordination command first,
 * if there is one, and then waits (RUN_WAITING): the first one to be told to
 * run its command, the others to be ended. What the coordination command has
 * left in the background lives until then.
 *
 * An attempt is active until its first process ends; a time limit, a
 * cancelled job or a stopped session sends SIGTERM (terminated) and, after a
 * grace, SIGKILL (killed). When the process has ended, whatever it left behind
 * is ended too; what a batch system may have ended is doubted for a moment:
 * if the session is stopped then, it counts as stopped. At last its output is
 * read to the end (draining: as long as a full disk takes), and the record is
 * complete. A session that is stopped does not wait for the disk: the output is
 * given up, and the attempt counts as stopped.
 */
#ifndef MPIBATCH_WORKER_RUN_H
#define MPIBATCH_WORKER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/extract.h"
#include "model/attempt.h"
#include "model/gpu.h"
#include "worker/capture.h"
#include "worker/guard.h"
#include "worker/launch.h"
#include "worker/prepare.h"
#include "worker/success.h"
#include "worker/worker.h"

enum run_stage {
    RUN_FREE,
    RUN_ACTIVE,
    RUN_WAITING,
    RUN_TERMINATED,
    RUN_KILLED,
    RUN_DOUBTED,
    RUN_DRAINING
};

struct run;

/* What the runs of a worker share; borrowed. */
struct run_context {
    const struct worker_config *config;
    struct extractor **extractors; /* one a job */
    struct run *runs; /* one a slot of this rank, then those of special tasks */
    uint32_t run_count;
    struct remote *remotes; /* see remote.h */
    uint32_t remote_count;
    pid_t *keep;            /* scratch for all of them: see spawn_sweep */
    uint64_t started;       /* attempts so far: for their markers */
    int64_t doubt_until_ns; /* till then any failure is doubted */
    struct guard guard;
    struct success_regex success_regex;
    /* A command of an instance has ended, its number is remote_start's. */
    void (*remote)(void *arg, uint64_t number, uint32_t code, const char *text,
                   size_t len);
    /* An instance is coordinated. */
    void (*coordinated)(void *arg, struct run *run);
    /* The record is complete (a->output and the bytes are borrowed); the run
     * is free afterwards. What run->attempt, ->capture and ->made hold may be
     * taken. */
    void (*ended)(void *arg, struct run *run, struct attempt *a,
                  const char *const output[2], const size_t output_len[2]);
    void *arg;
};

struct run {
    enum run_stage stage;
    struct run_context *context;
    uint32_t number; /* index in context->runs: the first of its slots, or
                        behind them all */
    uint32_t *slots; /* the slots whose CPUs it has, indices of this rank's; a
                        special task does not occupy them */
    uint32_t slot_count;
    struct launch launch;
    struct attempt attempt;
    char task_id[JOBSPEC_MAX_ID + 1];
    struct prepared made;   /* its directory; all zero: it has none */
    enum reason end_reason; /* why we ended it; REASON_NONE: we did not */
    pid_t pid;
    char marker[128]; /* NAME=VALUE */
    int64_t start_mono_ns;
    uint64_t peak_rss_bytes; /* of the first process, as last looked at */
    uint64_t peak_bytes;     /* of all its processes, as seen; 0: not known */
    uint64_t memory_bytes;   /* its limit; 0: none */
    uint64_t cgroup; /* the kernel keeps it within memory_bytes there; 0: not */
    int64_t max_wall_clock_ns; /* its limit; 0: none */
    struct gpu_share gpus[GPU_MAX_PER_NODE];
    uint32_t gpu_count; /* 0: it has none */
    bool coordinating;  /* its process is that of the coordination command */
    bool goes;          /* it waits, and was told to go on */
    bool told;          /* to end, by the manager */
    int hold[2];        /* what its next process prints to; -1: none follows */
    bool announced;     /* the manager was told that it runs */
    bool warned;        /* that its output cannot be written */
    struct capture capture[2];
    struct loop_fd pid_watch;
    struct run_pipe {
        struct loop_fd watch;
        struct run *run;
        bool watched;
    } pipe[2];
    struct loop_timer timer; /* limit, grace, or draining again */
};

enum run_started {
    RUN_STARTED,
    RUN_FAILED, /* it could not be: its record went to ended() already */
    RUN_LATER   /* the system lacks something at present (err): try again */
};

/* Are the slots that it has its own? */
static inline bool run_has_slots(const struct run *run)
{
    return special_of(run->attempt.index) == SPECIAL_NONE;
}

/* Prepare the run with this number for use. */
void run_init(struct run *run, struct run_context *context, uint32_t number);
/* End its processes at once, free what it holds. */
void run_fini(struct run *run);

/* What is to be started. */
struct run_order {
    struct msg_range task; /* one */
    const uint32_t *slots; /* copied */
    uint32_t slot_count;
    /* Its directory (NULL: it has none) and how it was launched (NULL: it was
     * merely assigned): the run's then, but after RUN_LATER. */
    struct prepared *made;
    struct launch *launch;
};
enum run_started run_start(struct run *run, const struct run_order *order,
                           struct err *err);

/* The first instance may run its command. */
void run_go(struct run *run);

/* End it: SIGTERM, and SIGKILL after grace_ns (at once if 0). An attempt that
 * is being ended already only gets the shorter grace. With REASON_STOPPED, one
 * that is draining has so long to get its output written. */
void run_end(struct run *run, enum reason why, int64_t grace_ns);

/* Reap processes that tasks have left to us and that ended since. */
void runs_reap(struct run_context *context);
/* All runs are free: end whatever their tasks have left to us, also daemons
 * that nothing shows to be a task's. */
void runs_end_strays(struct run_context *context);

/* Look at its memory: to be called now and then. */
void run_observe(struct run *run);

#endif
