/* What people ask of this rank: the files of a task that it has, or of its
 * node's scratch. Listed, looked at and read, and offered to rank 0; never
 * anything outside.
 *
 * stdout.txt and stderr.txt of a running task are what has been captured of
 * them by now, whether it has a directory or not. The disk is waited for in
 * threads of io. Owns the port COMM_TO_ANSWERER.
 */
#ifndef MPIBATCH_WORKER_ANSWER_H
#define MPIBATCH_WORKER_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bulk/offer.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "model/fileinfo.h"
#include "model/jobspec.h"
#include "stage/io.h"
#include "worker/capture.h"

/* Asks that are not answered yet; those above it are told so. */
enum { ANSWER_MAX_ASKS = 256 };

struct answerer;

/* A task that this rank has. All borrowed until the loop goes on. */
struct answer_task {
    enum ask_state state; /* ASK_STATE_NONE: it has not, or no more */
    uint32_t attempt;
    const struct capture *capture[2]; /* what it has printed; NULL: nothing */
    const char *dir; /* its directory; NULL: it has none, or not yet */
};

struct answerer_config {
    struct loop *loop;
    struct comm *bulk;
    struct io *io;
    struct offers *offers;
    const struct jobspec *spec;
    const char *scratch; /* the node's; NULL: it has none */
    void (*find)(void *arg, uint32_t job, uint32_t index,
                 struct answer_task *task);
    void *arg;
};

/* All borrowed. NULL with err. */
struct answerer *answerer_create(const struct answerer_config *config,
                                 struct err *err);
/* What is being looked up goes on in io, for nobody. */
void answerer_destroy(struct answerer *a);

#endif
