/* What the parts of a worker share: worker.c (its life, the manager),
 * starting.c (from the queue into slots), singles.c (what is not queued) and
 * ending.c (from slots to results).
 * Nobody else includes it. */
#ifndef MPIBATCH_WORKER_WORKER_PARTS_H
#define MPIBATCH_WORKER_WORKER_PARTS_H

#include "base/buf.h"
#include "wire/msg.h"
#include "worker/ahead.h"
#include "worker/answer.h"
#include "worker/finish.h"
#include "worker/growing.h"
#include "worker/prepare.h"
#include "worker/queue.h"
#include "worker/run.h"
#include "worker/worker.h"

enum worker_stage {
    WORKER_SERVING,
    WORKER_LEAVING,  /* told to go; waits until all is acknowledged */
    WORKER_CUT,      /* nothing can be said any more: orphaned with the turn */
    WORKER_ORPHANED, /* the manager is lost; waits for its tasks to end */
    WORKER_GONE
};

struct single;

struct worker {
    struct worker_config config;
    enum worker_stage stage;
    struct queue queue;     /* given, */
    struct ahead ahead;     /* being prepared, or prepared, */
    struct single *singles; /* given on their own, not running yet; in order */
    struct preparer singles_preparer;
    struct run_context runs;  /* running, */
    struct finisher finisher; /* and being stored */
    struct preparer preparer;
    bool *slot_busy; /* one a slot of this rank */
    uint32_t busy_count;
    uint32_t *picked;  /* scratch: slots for the next task */
    bool stopping;     /* MSG_STOP was seen: what arrives is given back ... */
    bool stopping_now; /* special tasks, too */
    bool waits;        /* something lacks: the next tick tries again */
    bool warned;
    int64_t silent_ns; /* the manager was not heard for so long, in ticks */
    struct growing growing; /* of the spec */
    struct loop_timer tick;
    struct buf out;
};

/* Tell the manager; a worker that cannot is orphaned. */
void worker_say(struct worker *w, const struct msg *m);
void worker_give_back(struct worker *w, const struct msg_range *range);

/* Tell the manager that the attempt is so far: MSG_STARTED, MSG_STORING. */
void worker_say_attempt(struct worker *w, enum msg_kind kind,
                        const struct attempt *a);
/* The same of one that has no record yet. */
void worker_say_task(struct worker *w, enum msg_kind kind,
                     const struct msg_range *task);
/* Tell the manager that the attempt runs. */
void worker_announce(struct worker *w, struct run *run);

static inline const struct task_template *worker_template(
    const struct worker *w, const struct msg_range *task)
{
    return jobspec_template(w->config.spec, task->job, task->first);
}

/* Has the manager not acknowledged so much that nothing new is started? */
bool worker_is_behind(struct worker *w);
/* A task cannot be started now; the next tick tries again. */
void worker_put_off(struct worker *w, const struct err *err);

/* ---- starting.c ---- */

int starting_init(struct worker *w, struct err *err);
void starting_fini(struct worker *w);

/* Take tasks off the queue to prepare them, start what can be started. */
void tasks_start(struct worker *w);
/* Give back up to max tasks that have not started, the last first; or all of a
 * job (max UINT32_MAX; -1: any job). Returns how many; those that were being
 * prepared are on their way then. */
uint32_t tasks_give_back(struct worker *w, int64_t job, uint32_t max);
/* The same of a task, and what was assigned with it behind it. */
void tasks_give_back_from(struct worker *w, uint32_t job, uint32_t index);
/* One that has not started. */
void tasks_find(struct worker *w, uint32_t job, uint32_t index,
                struct answer_task *task);
/* Choose count free slots: w->picked. False: too few are free. */
bool slots_pick(struct worker *w, uint32_t count);
/* The same, rather those that are near to these GPUs. */
bool slots_pick_near(struct worker *w, uint32_t count,
                     const struct gpu_share *gpus, uint32_t gpu_count);
void slots_mark(struct worker *w, const uint32_t *slots, uint32_t count,
                bool busy);
/* The slots of a run that has ended. */
void slots_free(struct worker *w, const uint32_t *slots, uint32_t count);

/* ---- singles.c ---- */

void singles_init(struct worker *w);
void singles_fini(struct worker *w);

/* Take a special task (launch NULL), or one that is launched (its launch is
 * taken). */
void singles_put(struct worker *w, const struct msg_range *task,
                 struct launch *launch);
/* Prepare and start what can be started. False: one waits for slots, which
 * nothing else may take. */
bool singles_start(struct worker *w);
/* Slots of those that were launched and have not started: theirs already. */
uint32_t singles_promised(const struct worker *w);
/* Give up what has not started, of a job (-1: of any; -2: of any, but no
 * special tasks): special tasks have failed for this reason, others are given
 * back. */
void singles_give_up(struct worker *w, int64_t job, enum reason why);
/* The same of one attempt; false: it is not among them. */
bool singles_give_up_one(struct worker *w, uint32_t job, uint32_t index,
                         uint32_t attempt, enum reason why);
bool singles_find(struct worker *w, uint32_t job, uint32_t index,
                  struct answer_task *task);

/* ---- ending.c ---- */

int ending_init(struct worker *w, struct err *err);
void ending_fini(struct worker *w);

/* End what runs of a job (-1: of any), as run_end; a stopped session does not
 * wait longer than that for what is being stored. */
void attempts_end(struct worker *w, int64_t job, enum reason why,
                  int64_t grace_ns);

/* End this attempt; false: it has not begun, or is reported. */
bool attempt_end(struct worker *w, uint32_t job, uint32_t index,
                 uint32_t attempt, enum reason why);

/* It is the first of several instances: all are coordinated. */
void attempt_go(struct worker *w, uint32_t job, uint32_t index,
                uint32_t attempt);

/* Run a command for an instance that is here. */
void attempt_remote(struct worker *w, const struct msg *m);

/* Report an attempt that has not begun: its files or packages could not be
 * had, or it cannot be prepared at all (REASON_LAUNCH). */
void attempt_fail(struct worker *w, const struct msg_range *task,
                  enum reason reason, enum failure failure, int64_t prepare_ns,
                  bool kept, const char *text);

#endif
