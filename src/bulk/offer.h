/* What a rank offers to rank 0: files that its tasks return, answers to what
 * people ask. Offered, served until rank 0 has pulled it, and told what became
 * of it. Owns the handles of offers and the port COMM_TO_OFFERER.
 *
 * A message and its answer are never lost while both ranks live; that rank 0
 * is gone, the worker learns elsewhere.
 */
#ifndef MPIBATCH_BULK_OFFER_H
#define MPIBATCH_BULK_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bulk/transfer.h"
#include "model/object.h"

struct offers;

/* What became of it. */
struct offer_taken {
    enum failure failure; /* FAILURE_NONE: it is safe in the run directory */
    const char *text;     /* why not; borrowed */
    bool packed;          /* in the session's pack, at offset; or a file */
    uint32_t session;
    uint64_t offset;
    struct digest digest;
};

struct offer_file {
    uint32_t job, index, attempt;
    const char *name; /* below the task's folder in files/ */
    uint32_t mode;
    int fd; /* taken */
    uint64_t bytes;
};

struct offer_answer {
    uint64_t ask;
    uint32_t code;    /* errno: there is nothing to pull, fd is -1 */
    const char *text; /* why not; "" */
    int fd;           /* taken; or -1: */
    void *memory;     /* taken (mem_free) */
    uint64_t bytes;
    uint64_t size; /* of the whole file that bytes are a part of */
    uint64_t from; /* where in fd they begin */
};

/* Over the bulk channel; all borrowed. NULL with err ENOMEM. */
struct offers *offers_create(struct comm *bulk, struct transfers *transfers,
                             struct err *err);
void offers_destroy(struct offers *o);

/* Offer; rank 0 is told of a few at once, the others wait here with their
 * descriptors open: who has many offers some at a time. taken (may be NULL) is
 * called once, unless it is withdrawn. The handle, or 0 with err (fd and memory
 * are not taken then). */
uint64_t offers_file(struct offers *o, const struct offer_file *file,
                     void (*taken)(void *arg, const struct offer_taken *taken),
                     void *arg, struct err *err);
uint64_t offers_answer(struct offers *o, const struct offer_answer *answer,
                       void (*taken)(void *arg,
                                     const struct offer_taken *taken),
                       void *arg, struct err *err);
/* It is not there any more. */
void offers_withdraw(struct offers *o, uint64_t handle);

#endif
