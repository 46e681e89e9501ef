/* The worker: runs the tasks that the manager assigns to this rank.
 *
 * It keeps what it was given in a queue, starts the first task as soon as its
 * slots are free, and reports each attempt's end; reports are kept until the
 * manager has acknowledged them (comm's job). It loses no task: each one ends
 * in a result or is returned.
 *
 * If the manager is silent for too long or gone, the worker ends its tasks
 * and leaves: what it runs will be run again.
 */
#ifndef MPIBATCH_WORKER_WORKER_H
#define MPIBATCH_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "model/jobspec.h"
#include "proc/environment.h"
#include "proc/keeper.h"
#include "proc/spawn.h"
#include "topo/topo.h"

/* The environment variable that marks the processes of an attempt. */
#define WORKER_MARKER "MPIBATCH_ATTEMPT_KEY"

/* So many special tasks run on a rank at once, beside those in its slots: the
 * keeper has room for both. */
enum { WORKER_MAX_SPECIALS = 16 };

struct answer_task;
struct attempt;
struct peers;
struct staging;
struct worker;

/* All borrowed for the worker's life. */
struct worker_config {
    struct loop *loop;
    struct comm *comm;
    const struct jobspec *spec;
    const struct topo *topo;
    const struct slots *slots;
    struct spawner *spawner;
    struct keeper *keeper;
    struct environment *environment;
    const struct staging *staging; /* NULL: no task has a directory */
    const struct peers *peers;     /* NULL: no task has several instances */
    const char *run_dir;           /* absolute */
    const char *work_dir;          /* where tasks run: the folder of the spec */
    const char *host;              /* this rank's node, for people */
    const char *key;       /* tells this session's processes from others' */
    uint32_t node;         /* this rank's node */
    int64_t grace_ns;      /* from SIGTERM to SIGKILL: over a time limit */
    int64_t stop_grace_ns; /* the same when the session is stopped */
    int64_t silence_ns;    /* a manager not heard for so long is lost */
    int64_t search_ns;     /* CPU time for the regexes of an attempt, at
                              most; we are silent meanwhile */
    /* Called once: the manager has let us go (orphaned false), or is lost and
     * all tasks are ended (true). */
    void (*left)(void *arg, bool orphaned);
    /* The path (mem_alloc) for an output of the attempt that is too large for a
     * message; its folders exist. NULL with err. */
    char *(*output_path)(void *arg, const char *job_id, const char *task_id,
                         const struct attempt *a, int stream, struct err *err);
    /* Add tasks to the spec: the id of a job, a line feed, and the tasks' text
     * as spec_add_tasks takes it. -1 with err. */
    int (*added)(void *arg, const char *text, size_t len, struct err *err);
    void *arg;
};

/* Create the worker and listen on COMM_TO_WORKER. NULL with err. */
struct worker *worker_create(const struct worker_config *config,
                             struct err *err);
void worker_destroy(struct worker *w);

/* The session is over: what is still being stored is given up at once. */
void worker_hurry(struct worker *w);

/* Look for a task among those that this rank has. arg: the worker. */
void worker_find(void *arg, uint32_t job, uint32_t index,
                 struct answer_task *task);

/* This rank was sent a signal that ends it, and perhaps its tasks were as well:
 * those that fail within the next seconds are not reported before it is known
 * whether the session is stopped. */
void worker_signalled(struct worker *w);

/* Tell the manager (rank 0) that we are ready. */
int worker_start(struct worker *w, struct err *err);

#endif
