/* What rank 0 takes in: files that tasks return, answers to what people ask.
 * Pulls a few at once, the others wait their turn at those who offer them;
 * memory is bounded by that. Owns the port COMM_TO_RECEIVER.
 *
 * Where bytes go is for others to say (store/, the manager): small files are
 * handed over whole, large ones land in a file that they open. Only when they
 * say that it is safe is the offer answered.
 */
#ifndef MPIBATCH_BULK_RECEIVE_H
#define MPIBATCH_BULK_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bulk/landing.h"
#include "bulk/transfer.h"
#include "model/jobspec.h"

/* Pulls at once; files up to this size are handed over in memory. */
enum { RECEIVE_AT_ONCE = 8, RECEIVE_SMALL_BYTES = 64 * 1024 };

struct receiver;

/* A file that a task returns. */
struct receive_file {
    uint32_t rank, job, index, attempt, mode;
    const char *name;
    uint64_t bytes;
};

/* Where returned files go. open, finish, abandon are called in threads
 * (stage/io) and may wait for a disk; keep, in the loop, may not. */
struct receive_store {
    /* Begin a large file: its descriptor, in *fd, to be written from 0 on;
     * *file is for finish or abandon, one of which follows, and closes fd. */
    int (*open)(void *arg, const struct receive_file *f, void **file, int *fd,
                struct err *err);
    /* All is written: make it safe under its name. */
    int (*finish)(void *arg, void *file, uint64_t bytes,
                  const struct digest *digest, struct err *err);
    /* It will not be whole: leave nothing of it. */
    void (*abandon)(void *arg, void *file);
    /* Keep a small file: when it is safe, or is not, call receiver_kept with
     * this ticket, at once or later. data is borrowed during the call. */
    void (*keep)(void *arg, uint64_t ticket, const struct receive_file *f,
                 const void *data, size_t len, const struct digest *digest);
    void *arg;
    uint32_t session; /* the number of this one */
};

struct receiver_config {
    struct comm *bulk;
    struct transfers *transfers;
    struct io *io;
    const struct jobspec *spec;
    struct receive_store store;
    /* An answer is offered: call receiver_take or receiver_decline, at once or
     * later. m is borrowed during the call. May be NULL: declined. */
    void (*answer)(void *arg, uint32_t rank, const struct stage_msg *m);
    void *arg;
};

/* All borrowed. NULL with err ENOMEM. */
struct receiver *receiver_create(const struct receiver_config *config,
                                 struct err *err);
void receiver_destroy(struct receiver *r);

/* It is safe at offset in the session's pack; or not: failure, text. */
void receiver_kept(struct receiver *r, uint64_t ticket, uint64_t offset,
                   enum failure failure, const char *text);

/* Pull an answer into fd (borrowed until ended). ended is called once, also
 * when its rank is lost. */
void receiver_take(struct receiver *r, uint32_t rank, uint64_t handle, int fd,
                   void (*progress)(void *arg, uint64_t bytes),
                   void (*ended)(void *arg, const struct landing_end *end),
                   void *arg);
/* Nobody wants it any more; also in the middle of a receiver_take, whose ended
 * is not called then. */
void receiver_decline(struct receiver *r, uint32_t rank, uint64_t handle);

/* The rank is dead: what it offered is gone. After transfers_lost. */
void receiver_lost(struct receiver *r, uint32_t rank);

/* Files and answers that are offered and not yet answered. */
uint32_t receiver_pending(const struct receiver *r);

#endif
