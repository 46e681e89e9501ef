/* What the parts of a session share: session.c (its course), session_past.c
 * (rank 0 before the others), session_build.c (worker and manager, and what
 * they call), session_stage.c (what moves and keeps files). Nobody else
 * includes it. */
#ifndef MPIBATCH_CLI_SESSION_PARTS_H
#define MPIBATCH_CLI_SESSION_PARTS_H

#include <limits.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "bulk/offer.h"
#include "bulk/transfer.h"
#include "cli/origin_self.h"
#include "cli/session.h"
#include "cli/start.h"
#include "cli/start_peers.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "comm/world.h"
#include "manager/asking.h"
#include "manager/directing.h"
#include "manager/manager.h"
#include "manager/receive.h"
#include "proc/environment.h"
#include "proc/keeper.h"
#include "proc/spawn.h"
#include "stage/cache.h"
#include "stage/io.h"
#include "stage/scratch.h"
#include "store/incoming.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/rundir.h"
#include "store/writer.h"
#include "topo/topo.h"
#include "view/progress.h"
#include "worker/answer.h"
#include "worker/stager.h"
#include "worker/staging.h"
#include "worker/worker.h"

/* Where no task needs a scratch nobody makes one, and nobody else looks for
 * what earlier sessions have left on the node: one thread of its lowest rank
 * does, beside the tasks, until the session ends. */
struct tidying {
    struct io_job job;
    const char *root;
    atomic_bool stop;
};

/* What a rank has for files. */
struct session_stage {
    struct comm *bulk;
    struct io *io; /* threads */
    struct loop_fd io_watch;
    struct transfers *transfers;
    struct offers *offers;
    struct scratch *scratch; /* of the node; NULL, as are the next two: no task
                                needs it */
    struct cache *cache;
    struct stager *stager;
    char applications[PATH_MAX];
    struct stage_counts counts; /* of this rank */
    struct staging staging;     /* for the worker */
    struct answerer *answerer;
    struct tidying tidying;
    /* rank 0 */
    struct directing *directing;   /* NULL: nothing is staged */
    struct forgetting *forgetting; /* the same */
    struct loop_fd incoming_watch;
    struct receiver *receiver;
    struct asking *asking;
};

struct session {
    const struct session_options *options;
    struct world *world;
    struct start start;
    struct jobspec *spec;
    /* what launch has told us; "": nobody has launched us */
    char launch_id[64];
    struct terminal terminal;
    /* every rank */
    struct spawner *spawner;
    struct keeper *keeper;
    struct environment *environment;
    struct topo *topo;
    char host[NODE_MAX_NAME + 1]; /* this rank's node */
    struct slots slots;
    struct start_ranks ranks;
    struct peers peers;
    char program[PATH_MAX];
    struct loop *loop;
    struct comm *comm;
    struct worker *worker;
    struct session_stage stage;
    struct loop_fd signals;
    /* rank 0 */
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
    struct output_pack *outputs;
    struct incoming *incoming; /* NULL: no task returns files */
    struct manager *manager;
    struct progress *progress;
    struct task_range *again; /* --rerun */
    size_t again_count;
    uint32_t *enable; /* --enable: jobs */
    char *shown_dir, *rerun, *launch_command;
    struct origin_self self;
    /* the end */
    int exit_code;
    bool clean;
};

static inline bool session_is_manager(const struct session *s)
{
    return world_rank(s->world) == 0;
}

/* ---- session_past.c ---- */

/* Rank 0 before the others: read the spec into text, open the run directory,
 * look at what was done before. The exit code if there is nothing to run, else
 * -1. */
int session_prepare(struct session *s, struct buf *text);

/* The exit code for a run that cannot begin: is it the user's mistake, or may
 * the same command work later? */
int session_code_of(const struct err *err);

/* ---- session_build.c ---- */

/* The manager knows what earlier sessions have done. -1 with err. */
int session_manager_create(struct session *s, struct err *err);
/* Build and start the worker of this rank, the manager of rank 0. -1 with err.
 */
int session_worker_start(struct session *s, struct err *err);
int session_manager_start(struct session *s, struct err *err);

/* ---- session_stage.c ---- */

/* Everything for files; the scratch, if there is to be one, is there. -1 with
 * err. */
int session_stage_create(struct session *s, struct err *err);
/* Answer who asks for files of the worker's tasks. */
int session_stage_answer(struct session *s, struct err *err);
/* What rank 0 has beside it, before its manager starts. */
int session_stage_manage(struct session *s, struct err *err);
/* A rank is dead. arg: the session. */
void session_stage_lost(void *arg, uint32_t rank);
/* Call off what is under way; nobody is called afterwards. */
void session_stage_stop(struct session *s);
/* And free it; the scratch is left, and removed by the last of the node. */
void session_stage_destroy(struct session *s);

#endif
