/* What each rank is told of the others at start-up, for tasks on several
 * nodes: see start.h. */
#ifndef MPIBATCH_CLI_START_PEERS_H
#define MPIBATCH_CLI_START_PEERS_H

#include "base/err.h"
#include "cli/start.h"
#include "comm/world.h"
#include "topo/topo.h"
#include "worker/peers.h"

/* Collective: host, slots and cores of all ranks. In p, which start_peers_fini
 * frees, also after -1 with err. */
int start_peers(struct world *w, const struct topo *topo,
                const struct slots *slots, const struct start_ranks *r,
                struct peers *p, struct err *err);
void start_peers_fini(struct peers *p);

#endif
