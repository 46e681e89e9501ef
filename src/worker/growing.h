/* What is added to the spec, as it comes from the manager: pieces of one
 * fragment after the other. Pure. */
#ifndef MPIBATCH_WORKER_GROWING_H
#define MPIBATCH_WORKER_GROWING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/msg.h"

/* The largest fragment: what an ask takes, and the id of a job. */
enum { GROWING_MAX_BYTES = (16 << 20) + 4096 };

struct growing {
    struct buf b; /* what has come of it */
    uint32_t number;
};

void growing_init(struct growing *g);
void growing_fini(struct growing *g);

/* A piece (of kind MSG_FRAGMENT). *complete: the whole fragment is in g->b now,
 * until the next call. -1 with err: EPROTO (not the next piece), ENOMEM. */
int growing_put(struct growing *g, const struct msg *m, bool *complete,
                struct err *err);

#endif
