/* Start-up of a session, the only time when ranks wait for each other: all get
 * the spec's bytes and those of its tables from rank 0, tell each other what
 * they are and may use, and divide their nodes.
 *
 * Collective: every rank calls the same functions in the same order.
 */
#ifndef MPIBATCH_CLI_START_H
#define MPIBATCH_CLI_START_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "comm/world.h"
#include "model/divide.h"
#include "model/jobspec.h"
#include "model/node.h"
#include "stage/scratch.h"
#include "topo/topo.h"

enum { START_KEY_BYTES = 17 };

/* What rank 0 tells all. */
struct start {
    int32_t exit_code; /* -1: go; else leave with this code */
    uint32_t epoch;
    char key[START_KEY_BYTES];
    char run_dir[PATH_MAX], work_dir[PATH_MAX];
};

/* The ranks: what they are, and who shares a node with whom. */
struct start_ranks {
    struct node_info *ranks;
    uint32_t *nodes; /* of each rank, from 0 */
    uint32_t node_count;
    uint32_t *pools; /* of each node: POOL_NONE for one that has none */
    struct divide_node *divided; /* the same with what each has; start_check */
    uint32_t spare_count;        /* ranks without a slot */
};

/* A rank that dies at start-up leaves the others in a call that never returns,
 * where MPI does not end them: an alarm does, on after ten times the silence
 * that counts as lost. */
void start_guard(int64_t lost_after_ns, bool on);

/* Share rank 0's st, and unless its exit_code is to leave, its spec: of text
 * and the tables that *spec has; others get theirs in *spec. spec_path: for
 * its name. */
int start_share(struct world *w, struct start *st, const struct buf *text,
                const char *spec_path, struct jobspec **spec, struct err *err);

/* Tell all ranks what this one is. Free r with start_ranks_fini. */
int start_gather(struct world *w, struct topo *topo, struct start_ranks *r,
                 struct err *err);
void start_ranks_fini(struct start_ranks *r);

/* Divide the nodes among the pools: every rank comes to the same answer. -1
 * with err: not as the spec wants it. */
int start_pools(struct world *w, const struct jobspec *spec,
                struct start_ranks *r, struct err *err);

/* The pool of a rank's node; of a node of none: the first, for what all nodes
 * have. */
const struct pool *start_pool(const struct jobspec *spec,
                              const struct start_ranks *r, uint32_t rank);

/* This rank's slots. dedicated: rank 0 has none. */
int start_divide(struct world *w, struct topo *topo, const struct jobspec *spec,
                 const struct start_ranks *r, bool dedicated,
                 uint32_t max_slots, struct slots *slots, struct err *err);

/* Refuse what can never run; every rank comes to the same answer. Counts the
 * spare ranks. */
int start_check(struct world *w, const struct jobspec *spec, uint32_t slots,
                struct start_ranks *r, struct err *err);

/* Is it the lowest rank of its node? */
bool start_leads(const struct start_ranks *r, uint32_t rank);

/* The scratch of this node: made by its lowest rank, which first removes what
 * was left behind; joined by the others. Each rank's is noted in r. Every rank
 * comes to the same answer: -1 with err if one of the nodes has none. */
int start_scratch(struct world *w, const struct jobspec *spec,
                  const struct start *st, struct start_ranks *r,
                  struct scratch **scratch, struct err *err);

#endif
