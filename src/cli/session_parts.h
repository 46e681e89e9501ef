/* What the parts of a session share: session.c (its course), session_past.c
 * (rank 0 before the others), session_build.c (worker and manager, and what
 * they call). Nobody else includes it. */
#ifndef MPIBATCH_CLI_SESSION_PARTS_H
#define MPIBATCH_CLI_SESSION_PARTS_H

#include "base/buf.h"
#include "cli/origin_self.h"
#include "cli/session.h"
#include "cli/start.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "comm/world.h"
#include "manager/manager.h"
#include "proc/environment.h"
#include "proc/keeper.h"
#include "proc/spawn.h"
#include "store/incoming.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/rundir.h"
#include "store/writer.h"
#include "topo/topo.h"
#include "view/progress.h"
#include "worker/worker.h"

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
    struct slots slots;
    struct start_ranks ranks;
    struct loop *loop;
    struct comm *comm;
    struct worker *worker;
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

#endif
