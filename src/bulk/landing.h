/* A pull that lands in a file: the bytes are gathered in memory, hashed and
 * written in threads (stage/io), and then consumed, so that no more than a
 * window of them is ever in memory.
 *
 * A landing outlives its pulls: when a server is lost, another pull goes on
 * where the file ends.
 */
#ifndef MPIBATCH_BULK_LANDING_H
#define MPIBATCH_BULK_LANDING_H

#include <stdint.h>

#include "base/err.h"
#include "bulk/transfer.h"
#include "model/object.h"
#include "stage/io.h"

struct landing;

struct landing_end {
    enum transfer_end end; /* as of the pull; TRANSFER_REFUSED if writing has
                              failed: code says with what */
    int code;              /* errno of writing; 0: it is not that */
    uint64_t bytes;        /* in the file */
    struct digest digest;  /* TRANSFER_WHOLE: of all of it */
    enum failure failure;  /* TRANSFER_REFUSED by the server */
    const char *text;      /* why not, borrowed */
};

struct landing_config {
    struct transfers *transfers;
    struct io *io;
    int fd; /* borrowed; empty, written from 0 on */
    /* So many bytes are in the file now. May be NULL. */
    void (*progress)(void *arg, uint64_t bytes);
    /* The pull has ended and all that came is written. */
    void (*ended)(void *arg, const struct landing_end *end);
    void *arg;
};

/* NULL with err ENOMEM. */
struct landing *landing_create(const struct landing_config *config,
                               struct err *err);
/* Cancels a pull. A write that is under way goes on with a duplicate of fd;
 * nothing is called any more. */
void landing_destroy(struct landing *l);

/* Pull (what is missing) from there; one at a time. -1 with err, as
 * transfers_pull; EMFILE. */
int landing_pull(struct landing *l, uint32_t from, uint64_t handle,
                 struct err *err);
/* End the pull; ended is not called. What has come is still written: begin
 * anew with landing_pull. */
void landing_cancel(struct landing *l);

#endif
