/* What rank 0 takes in: files that tasks return, answers to what people ask.
 *
 * Offers wait their turn; a few are pulled at once, into store/incoming, which
 * says when a file is safe in the run directory: only then the rank that
 * offered it hears so. Memory is bounded by the windows of the pulls and by
 * what incoming has not written yet. Owns the port COMM_TO_RECEIVER.
 */
#ifndef MPIBATCH_MANAGER_RECEIVE_H
#define MPIBATCH_MANAGER_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bulk/landing.h"
#include "bulk/transfer.h"
#include "comm/comm.h"
#include "model/jobspec.h"
#include "stage/io.h"
#include "store/incoming.h"
#include "wire/stage_msg.h"

struct receiver;

/* All borrowed. */
struct receiver_config {
    struct comm *bulk;
    struct transfers *transfers;
    struct io *io;
    const struct jobspec *spec;
    struct incoming *incoming; /* NULL: files are refused */
    /* An answer is offered: call receiver_take or receiver_decline, at once or
     * later; if it has a code, there is nothing to take. m is borrowed during
     * the call. NULL: all are declined. */
    void (*answer)(void *arg, uint32_t rank, const struct stage_msg *m);
    void *arg;
};

/* Listens from now on. NULL with err ENOMEM. */
struct receiver *receiver_create(const struct receiver_config *config,
                                 struct err *err);
/* Before incoming is destroyed. What is under way is given up. */
void receiver_destroy(struct receiver *r);

/* Pull an answer into fd (empty; borrowed until ended). ended is called once,
 * also when its rank is lost. progress may be NULL. */
void receiver_take(struct receiver *r, uint32_t rank, uint64_t handle, int fd,
                   void (*progress)(void *arg, uint64_t bytes),
                   void (*ended)(void *arg, const struct landing_end *end),
                   void *arg);
/* Nobody wants it (any more); also in the middle of a receiver_take, whose
 * ended is not called then. */
void receiver_decline(struct receiver *r, uint32_t rank, uint64_t handle);

/* The rank is dead: what it offered is gone. After transfers_lost. */
void receiver_lost(struct receiver *r, uint32_t rank);

/* Files and answers that are offered and not over. */
uint32_t receiver_pending(const struct receiver *r);

#endif
