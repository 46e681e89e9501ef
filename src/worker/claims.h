/* Which file of its directory each item of a task is to be. Two that would be
 * one file are refused, whichever is here first: what a task finds must not
 * depend on that. The same source twice is taken once. */
#ifndef MPIBATCH_WORKER_CLAIMS_H
#define MPIBATCH_WORKER_CLAIMS_H

#include "base/map.h"
#include "worker/wants.h"

struct claims {
    struct map sources; /* of places: what comes there, as hashes */
};

void claims_init(struct claims *c);
void claims_fini(struct claims *c);

/* Claim the place of a file. 0: it is the item's; 1: what is the same comes
 * there already; -1 with err: something else does (EEXIST), a name that is
 * none, ENOMEM. */
int claims_add(struct claims *c, const struct item *item, struct err *err);

#endif
