/* The nodes and jobs of a run as its journal tells of them: their states with
 * the times, special tasks, what ran where. From the run directory alone.
 *
 * Nodes are those of the last session: another one may have had others.
 */
#ifndef MPIBATCH_VIEW_SCENE_H
#define MPIBATCH_VIEW_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "model/state.h"
#include "store/rundir.h"

enum { SCENE_MAX_BYTES = 512 << 20 };

/* A change of the state of a job or a node. */
struct scene_change {
    int64_t time_ns; /* since 1970 UTC */
    uint32_t session;
    int state;        /* enum job_state, enum node_state */
    enum job_end end; /* of jobs */
    const char *why;  /* "" */
};

struct scene_changes {
    struct scene_change *list; /* in order */
    uint32_t count, cap;
};

/* An attempt of a special task. */
struct scene_special {
    uint32_t session;
    const char *node; /* its host; "": not known */
    const struct attempt *attempt;
};

struct scene_node {
    uint32_t number; /* in its session */
    const char *name;
    uint32_t pool; /* POOL_NONE: of none */
    uint32_t leader, ranks, ranks_lost, slots;
    uint32_t cores, hwthreads, gpus;
    uint64_t memory_bytes;
    const char *scratch; /* "": none */
    struct scene_changes changes;
    /* if they were asked for: attempts of tasks, in this session */
    uint64_t tasks_run, tasks_succeeded;
    uint32_t tasks_running;
};

struct scene_job {
    enum job_state state;
    struct scene_changes changes;
    bool begun, left_out; /* of schedules */
    int64_t due_ns;       /* of those: when that was said; 0: not yet */
    uint64_t added;       /* tasks */
};

struct scene {
    struct arena *arena;
    uint32_t session; /* the last one; 0: there is none */
    int64_t session_start_ns, session_end_ns; /* end: what was heard last */
    bool session_ended;                       /* in good order */
    struct scene_node *nodes;
    uint32_t node_count, node_cap;
    struct scene_job *jobs; /* one a job of the spec */
    uint32_t job_count;
    struct scene_special *specials; /* in the order of their ends */
    uint32_t special_count, special_cap;
    uint32_t *rank_nodes; /* index of its node, of each rank; UINT32_MAX */
    uint32_t rank_cap;
};

/* Read it as of now_ns (since 1970 UTC). tasks: count what ran on nodes, too,
 * for which all attempts are read. NULL with err. Free with scene_destroy. */
struct scene *scene_read(const struct rundir *dir, const struct jobspec *spec,
                         int64_t now_ns, bool tasks, struct err *err);
void scene_destroy(struct scene *s);

/* The last state; false: none was said. */
bool scene_node_state(const struct scene_node *n, enum node_state *state);
/* Is it a job that there is: not one of a schedule whose time has not come? */
bool scene_has_job(const struct scene *s, const struct jobspec *spec,
                   uint32_t job);
/* The next special attempt from *at on of job (UINT32_MAX: any) and index (0:
 * any) on a node (NULL: any) in a session (0: any); NULL: there is none. */
const struct scene_special *scene_special(const struct scene *s, uint32_t *at,
                                          uint32_t job, uint32_t index,
                                          const char *node, uint32_t session);

#endif
