/* What the parts of a worker share: worker.c (its life, the manager),
 * starting.c (from the queue into slots) and ending.c (from slots to results).
 * Nobody else includes it. */
#ifndef MPIBATCH_WORKER_WORKER_PARTS_H
#define MPIBATCH_WORKER_WORKER_PARTS_H

#include "base/buf.h"
#include "wire/msg.h"
#include "worker/ahead.h"
#include "worker/answer.h"
#include "worker/finish.h"
#include "worker/prepare.h"
#include "worker/queue.h"
#include "worker/run.h"
#include "worker/worker.h"

enum worker_stage {
    WORKER_SERVING,
    WORKER_LEAVING,  /* told to go; waits until all is acknowledged */
    WORKER_ORPHANED, /* the manager is lost; waits for its tasks to end */
    WORKER_GONE
};

struct worker {
    struct worker_config config;
    enum worker_stage stage;
    struct queue queue;       /* given, */
    struct ahead ahead;       /* being prepared, or prepared, */
    struct run_context runs;  /* running, */
    struct finisher finisher; /* and being stored */
    struct preparer preparer;
    bool *slot_busy; /* one a slot of this rank */
    uint32_t busy_count;
    uint32_t *picked; /* scratch: slots for the next task */
    bool stopping;    /* MSG_STOP was seen: what arrives is given back */
    bool waits;       /* something lacks: the next tick tries again */
    bool warned;
    int64_t silent_ns; /* the manager was not heard for so long, in ticks */
    struct loop_timer tick;
    struct buf out;
};

/* Tell the manager; a worker that cannot is orphaned. */
void worker_say(struct worker *w, const struct msg *m);
void worker_give_back(struct worker *w, const struct msg_range *range);

/* Tell the manager that the attempt is so far: MSG_STARTED, MSG_STORING. */
void worker_say_attempt(struct worker *w, enum msg_kind kind,
                        const struct attempt *a);
/* Tell the manager that the attempt runs. */
void worker_announce(struct worker *w, struct run *run);

/* ---- starting.c ---- */

int starting_init(struct worker *w, struct err *err);
void starting_fini(struct worker *w);

/* Take tasks off the queue to prepare them, start what can be started. */
void tasks_start(struct worker *w);
/* Give back up to max tasks that have not started, the last first; or all of a
 * job (max UINT32_MAX; -1: any job). Returns how many; those that were being
 * prepared are on their way then. */
uint32_t tasks_give_back(struct worker *w, int64_t job, uint32_t max);
/* One that has not started. */
void tasks_find(struct worker *w, uint32_t job, uint32_t index,
                struct answer_task *task);
/* The slots of a run that has ended. */
void slots_free(struct worker *w, const uint32_t *slots, uint32_t count);

/* ---- ending.c ---- */

int ending_init(struct worker *w, struct err *err);
void ending_fini(struct worker *w);

/* End what runs of a job (-1: of any), as run_end; a stopped session does not
 * wait longer than that for what is being stored. */
void attempts_end(struct worker *w, int64_t job, enum reason why,
                  int64_t grace_ns);

/* Report an attempt that has not begun: its files or packages could not be
 * had, or it cannot be prepared at all (REASON_LAUNCH). */
void attempt_fail(struct worker *w, const struct msg_range *task,
                  enum reason reason, enum failure failure, int64_t prepare_ns,
                  bool kept, const char *text);

#endif
