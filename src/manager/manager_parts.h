/* What the parts of the manager share: manager.c (its life and turns, what it
 * is told and asked), manager_actions.c (what the scheduler wants done),
 * manager_commands.c (what people want done), manager_journal.c (its records),
 * manager_ranks.c (ranks that join, leave, are lost), manager_attempts.c (what
 * becomes of attempts), manager_tick.c (once a second: people and results.h5),
 * manager_end.c (the end of the session). Nobody else includes it.
 */
#ifndef MPIBATCH_MANAGER_MANAGER_PARTS_H
#define MPIBATCH_MANAGER_MANAGER_PARTS_H

#include "base/buf.h"
#include "base/quantity.h"
#include "manager/remoting.h"
#include "manager/manager.h"
#include "manager/marks.h"
#include "manager/inventory.h"
#include "manager/origin.h"
#include "manager/pace.h"
#include "manager/publish.h"
#include "manager/skips.h"
#include "manager/staged.h"
#include "manager/starts.h"
#include "sched/sched.h"
#include "wire/msg.h"

/* So often the journal says that the session lives. */
#define ALIVE_NS (10 * NS_PER_SEC)
/* So often results.h5 is made, at most. */
#define PUBLISH_NS (60 * NS_PER_SEC)

enum stage {
    MANAGER_RUNNING,
    MANAGER_RECORDING,
    MANAGER_PUBLISHING,
    MANAGER_LEAVING,
    MANAGER_DONE
};

enum rank_state { RANK_SILENT, RANK_JOINED, RANK_LEFT, RANK_LOST };

struct manager {
    struct manager_config config;
    struct manager_means means;
    struct remoting remoting;
    struct sched *sched;
    enum stage stage;
    int exit_code;
    bool stopping, stop_now, paused;
    enum rank_state *ranks;
    uint32_t *gpu_order; /* GPU_MAX_PER_NODE a rank: those of its node, the
                            nearest first; known when it is ready */
    struct starts starts;
    bool *begun;                 /* one a job: tasks of it were handed out */
    char (*whys)[JOB_WHY_BYTES]; /* one a job: what was said of its state */
    struct skips skips;
    struct inventory inventory;
    struct command_answer *answers; /* by ticket */
    struct added *added;            /* NULL: nobody has added tasks */
    uint64_t ended;
    uint64_t ticket; /* of the last record */
    struct marks marks;
    int64_t start_wall_ns, created_wall_ns, alive_at_ns;
    int64_t publish_at_ns, publish_began_ns, hope_until_ns, leave_at_ns;
    int64_t digest_until_ns; /* 0: not at the end yet */
    struct snapshot snap;
    struct pace pace;
    struct staged staged;
    bool stages;            /* tasks of this spec do */
    int64_t settle_from_ns; /* 0: not at the end yet */
    struct loop_timer tick;
    struct buf out;
    struct attempt attempt; /* scratch for results */
    struct publisher *publisher;
    struct origin *origin;
};

static inline int64_t now_ns(const struct manager *m)
{
    return loop_now_ns(m->config.loop);
}

/* ---- manager.c ---- */

/* Something people should know. */
void manager_notice(struct manager *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Our own memory is gone in the middle of the work: what is journaled is safe,
 * the rest runs again. */
void manager_fail(struct manager *m, const struct err *err);
/* Send the rank a message. */
void manager_tell(struct manager *m, uint32_t rank, const struct msg *msg);

/* ---- manager_actions.c ---- */

void manager_do(struct manager *m, const struct sched_action *act);
/* Say what was skipped since the last time. */
void manager_say_skipped(struct manager *m);

/* ---- manager_commands.c ---- */

/* It is done, or refused: journal it, and answer when that is on disk. data:
 * taken, or NULL. */
void manager_command_done(struct manager *m, uint64_t number,
                          const struct ask *ask, const struct answer *answer,
                          char *data, size_t len);
/* Records up to this ticket are on disk. */
void manager_answer(struct manager *m, uint64_t synced);
void manager_answers_free(struct manager *m);
/* The error as an answer: its text may begin with Azure's code. */
void manager_refuse(struct answer *answer, const struct err *err);
/* -1 with err. */
int manager_find_job(const struct manager *m, const char *id, uint32_t *job,
                     struct err *err);
int manager_find_task(const struct manager *m, const struct ask *ask,
                      uint32_t *job, uint32_t *index, struct err *err);

/* A command has ended there; or never will: the rank is lost. */
void manager_remote_ended(struct manager *m, uint32_t rank,
                          const struct msg *msg);
void manager_remotes_lost(struct manager *m, uint32_t rank);

/* ---- manager_explain.c ---- */

/* Answer why the task waits, or that it does not. -1 with err. */
int manager_explain(struct manager *m, const struct ask *ask,
                    struct answer *answer, struct err *err);

/* ---- manager_added.c ---- */

/* Add tasks (text is taken, unless it fails) and answer, in time. -1 with err
 * ENOMEM. */
int manager_add(struct manager *m, uint64_t number, const struct ask *ask,
                char *text, size_t len, struct err *err);
/* Go on with it. */
void manager_added_step(struct manager *m);
/* The rank has joined: it gets what was added in this session. */
void manager_added_join(struct manager *m, uint32_t rank);
void manager_added_free(struct manager *m);

/* ---- manager_journal.c ---- */

/* Append the record, as of now; m->ticket is its ticket. */
void manager_journal_put(struct manager *m, struct journal_record *r);
/* The session begins. */
void manager_journal_start(struct manager *m);
/* A program that tasks run; changed: it was another file before. arg: the
 * manager. */
void manager_journal_program(void *arg, const struct program_file *f,
                             bool changed);
/* The rank says that it is there. */
void manager_journal_node(struct manager *m, uint32_t rank,
                          const struct msg *ready);
void manager_journal_attempt(struct manager *m, struct attempt *a);
/* What staging has come to, if that is new. */
void manager_journal_staged(struct manager *m);
/* The job's state, and what was said (NULL: nothing); it is on its way to disk
 * at once. */
void manager_journal_job(struct manager *m, uint32_t job, enum job_state state,
                         enum job_end end, const char *why);

/* ---- manager_ranks.c ---- */

/* It says that it is there, with so many slots. */
void manager_rank_ready(struct manager *m, uint32_t rank,
                        const struct msg *msg);
/* For comm: it was heard of; its connection is gone. arg: the manager. */
void manager_rank_heard(void *arg, uint32_t rank);
void manager_rank_gone(void *arg, uint32_t rank, const char *why);
/* The scheduler takes it for lost. */
void manager_rank_lost(struct manager *m, uint32_t rank);
bool manager_any_rank_lost(const struct manager *m);
/* Has every rank that lives said that it goes, and heard that we know? */
bool manager_ranks_left(struct manager *m);

/* ---- manager_attempts.c ---- */

/* What the rank says of an attempt that it has. */
void manager_attempt_preparing(struct manager *m, uint32_t rank,
                               const struct msg *msg);
void manager_attempt_prepared(struct manager *m, uint32_t rank,
                              const struct msg *msg);
void manager_attempt_coordinated(struct manager *m, uint32_t rank,
                                 const struct msg *msg);
void manager_attempt_started(struct manager *m, uint32_t rank,
                             const struct msg *msg);
void manager_attempt_storing(struct manager *m, uint32_t rank,
                             const struct msg *msg);
void manager_attempt_ended(struct manager *m, uint32_t rank,
                           const struct msg *msg);
/* The rank gives these tasks back: it has not begun them. */
void manager_tasks_returned(struct manager *m, uint32_t rank,
                            const struct msg_range *r);
/* It was on a rank that is lost. */
void manager_attempt_lost(struct manager *m, const struct sched_action *act);

/* ---- manager_tick.c ---- */

/* Once a second. */
void manager_tick(struct loop_timer *timer);
/* Take note if results.h5 is made, or cannot be. */
void manager_results_outcome(struct manager *m);

/* ---- manager_end.c ---- */

/* Go through the stages of the end, as far as is possible now. */
void manager_end_step(struct manager *m);

#endif
