/* The manager: binds the scheduler to ranks, journal and people, on rank 0.
 *
 * It turns messages into the scheduler's inputs and the scheduler's actions
 * into messages; it writes what has happened to the journal before it
 * acknowledges it, and once a second publishes a snapshot. It decides nothing
 * about tasks: that is sched/.
 *
 *   MANAGER_RUNNING    tasks are handed out and end
 *   MANAGER_RECORDING  nothing is left to do; the journal goes to disk
 *   MANAGER_PUBLISHING results.h5 is made (not when stopped: no time)
 *   MANAGER_LEAVING    workers are told to go
 *   MANAGER_DONE       finished() was called
 */
#ifndef MPIBATCH_MANAGER_MANAGER_H
#define MPIBATCH_MANAGER_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "manager/forget.h"
#include "model/attempt.h"
#include "model/fileinfo.h"
#include "model/jobspec.h"
#include "model/node.h"
#include "model/snapshot.h"
#include "store/ask.h"
#include "store/incoming.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/rundir.h"
#include "store/status.h"
#include "store/writer.h"

/* The exit codes of a run. */
enum {
    EXIT_ALL_SUCCEEDED = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_STOPPED = 3, /* early; the same command resumes */
    EXIT_LOST = 4     /* infrastructure; the same command resumes */
};

/* Who watches the run. All calls come from the loop; each may be NULL. */
struct manager_observer {
    /* Once a second, and at the end. */
    void (*progress)(void *arg, const struct snapshot *snap);
    /* An attempt failed (a->disposition: for good, or to be retried); the end
     * of its stderr, borrowed. */
    void (*failure)(void *arg, const struct attempt *a, const char *stderr_tail,
                    size_t len);
    /* Something people should know: a lost rank, a full disk. */
    void (*notice)(void *arg, const char *text);
    void *arg;
};

/* What the manager is for. All borrowed for its life. */
struct manager_config {
    struct loop *loop;
    const struct jobspec *spec;
    struct rundir *rundir;
    uint32_t rank_count;
    uint64_t task_limit; /* start at most so many tasks; 0: no limit */
    int64_t silence_ns;  /* a rank not heard for so long is lost */
    bool results_late;   /* results.h5 only when all tasks have ended */
    const struct task_range *rerun; /* these run again, ascending */
    size_t rerun_count;
    const uint32_t *enable; /* jobs: these are enabled, if they are disabled */
    uint32_t enable_count;
    struct status_origin origin;
    struct manager_observer observer;
    /* A rank is dead: nobody talks to it any more. May be NULL. */
    void (*lost)(void *arg, uint32_t rank);
    /* Over: with this exit code; clean: no rank was lost. Called once. */
    void (*finished)(void *arg, int exit_code, bool clean);
    void *arg;
};

/* What it works with, once it is known that there is work. All borrowed. */
struct manager_means {
    struct comm *comm;
    struct writer *writer;
    struct journal *journal;
    struct output_pack *outputs;
    struct incoming *incoming;     /* NULL: no task returns files */
    struct forgetting *forgetting; /* NULL: no task uploads files */
    const struct node_info *ranks; /* one a rank */
    const uint32_t *rank_nodes;    /* the node of each rank */
    uint32_t node_count;
    const uint32_t *node_pools; /* one a node; NULL: all are of the first */
    const struct divide_node *divided; /* one a node: what tasks that are added
                                          may ask for; NULL: anything */
    const char *mpi_library;
    const struct provenance *provenance;
    const char *work_dir; /* where tasks run */
    /* An answer to manager_command; data are taken (mem_free), or NULL. May be
     * NULL. */
    void (*answer)(void *arg, uint64_t number, const struct answer *answer,
                   char *data, size_t len);
    void *answer_arg;
};

struct manager;

/* Create the manager from what the journal of earlier sessions says. NULL with
 * err. */
struct manager *manager_create(const struct manager_config *config,
                               struct journal_reader *past, struct err *err);
void manager_destroy(struct manager *m);

/* Is there anything to do? False: every job is completed, and no failed task
 * is to run again. */
bool manager_has_work(struct manager *m);

/* The state of the run now; jobs borrowed until the next call. */
const struct snapshot *manager_snapshot(struct manager *m);

/* The exit code of a run all of whose jobs are completed. */
int manager_result(const struct snapshot *s);

/* Begin the session: journal it, listen on COMM_TO_MANAGER, take part in the
 * loop. -1 with err. */
int manager_start(struct manager *m, const struct manager_means *means,
                  struct err *err);

/* A rank says what staging has come to there in this session so far. */
void manager_staged(struct manager *m, uint32_t rank,
                    const struct stage_counts *counts);

/* Where a task is: ACTIVE (nobody has it), RUNNING (*rank has it, perhaps in
 * its queue) or COMPLETED; *attempts: how many have ended. arg: the manager. */
enum ask_state manager_find(void *arg, uint32_t job, uint32_t index,
                            uint32_t *rank, uint32_t *attempts);
/* Has the rank joined, and neither left nor been lost? */
bool manager_rank_lives(void *arg, uint32_t rank);

/* Has the task of that job ended for good? False also if there is none. arg:
 * the manager. */
bool manager_has_ended(void *arg, const char *job_id, uint32_t index);

/* Do what is asked (not about files); data, which came with it, are taken. The
 * answer has that number, and comes when what was done is on disk. arg: the
 * manager. */
void manager_command(void *arg, uint64_t number, const struct ask *ask,
                     char *data, size_t len);

/* Stop: hand out nothing more; now: end what runs. */
void manager_stop(struct manager *m, bool now, const char *why);

#endif
