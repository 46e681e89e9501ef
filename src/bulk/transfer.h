/* Bytes from rank to rank, on the bulk channel: serve and pull.
 *
 * Who has bytes (a file, complete or growing, or memory) serves them under a
 * handle; who wants them pulls. A pull opens a window: so much may be on its
 * way before what came is consumed, so that no memory grows. A file that grows
 * is served as it grows. Files are read without waiting for a disk: what the
 * page cache has at once, the rest in threads (stage/io).
 *
 * The work is done in transfers_turn, which the loop calls in each turn behind
 * comm_turn; everything else only takes note. Callbacks come from comm_turn,
 * transfers_turn and io_turn and may call everything here but
 * transfers_destroy.
 */
#ifndef MPIBATCH_BULK_TRANSFER_H
#define MPIBATCH_BULK_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "comm/comm.h"
#include "model/failure.h"
#include "stage/io.h"
#include "wire/stage_msg.h"

/* What may be on its way to a pull. */
enum { TRANSFER_WINDOW_BYTES = 1 << 20 };
/* A pull of what nobody serves waits so long. */
#define TRANSFER_PATIENCE_NS INT64_C(30000000000)

struct transfers;
struct pull;

/* Listen on COMM_TO_TRANSFER of the bulk channel; both are borrowed. NULL with
 * err ENOMEM. */
struct transfers *transfers_create(struct comm *bulk, struct io *io,
                                   struct err *err);
/* Pulls end without a word. Reads that are under way are left to io, which may
 * be destroyed before or afterwards. */
void transfers_destroy(struct transfers *t);

/* Send what may be sent, end what has waited too long. Did anything happen, or
 * are bytes so surely on their way that the loop should not nap? */
bool transfers_turn(struct transfers *t, int64_t now_ns);
/* Is anything pulled by us, or from us? */
bool transfers_busy(const struct transfers *t);

/* ---- Serving ---- */

struct transfer_source {
    int fd;             /* a file, taken: closed when it is served no more and
                           no read is under way; or -1: */
    const void *memory; /* borrowed while it is served */
    uint64_t from;      /* where in the file its first byte is */
    uint64_t available; /* bytes that are there, from there on */
    uint64_t total;     /* bytes in the end; STAGE_UNKNOWN */
    /* The last pull of it has ended: it may be unserved. May be NULL. */
    void (*idle)(void *arg, uint64_t handle);
    void *arg;
};

/* Serve a source under a handle that nothing is served under. -1 with err
 * ENOMEM; fd is not taken then. */
int transfers_serve(struct transfers *t, uint64_t handle,
                    const struct transfer_source *source, struct err *err);
/* More of it is there; total as in transfer_source. */
void transfers_grown(struct transfers *t, uint64_t handle, uint64_t available,
                     uint64_t total);
/* It will never be whole, or will never be served: pulls of it end with this
 * failure, those that wait for it as well. */
void transfers_refuse(struct transfers *t, uint64_t handle,
                      enum failure failure, const char *text);
/* Serve it no more; pulls of it end as refused with FAILURE_UNKNOWN. */
void transfers_unserve(struct transfers *t, uint64_t handle);
/* Is anything served under handle? Does a pull wait for that? */
bool transfers_serves(const struct transfers *t, uint64_t handle);
bool transfers_awaits(const struct transfers *t, uint64_t handle);

/* A pull has come for a handle that nothing is served under: unknown may call
 * transfers_serve, and says whether to wait (true), for TRANSFER_PATIENCE_NS at
 * most, or to refuse it. NULL: all wait. */
void transfers_on_unknown(struct transfers *t,
                          bool (*unknown)(void *arg, uint64_t handle),
                          void *arg);

/* ---- Pulling ---- */

enum transfer_end {
    TRANSFER_WHOLE,   /* all has come */
    TRANSFER_REFUSED, /* the server cannot: failure, text */
    TRANSFER_LOST     /* the server is gone */
};

struct transfer_sink {
    /* The next bytes, borrowed during the call. */
    void (*piece)(void *arg, uint64_t offset, const void *data, size_t len);
    /* The last call. total: of the whole, from its beginning (TRANSFER_WHOLE);
     * text is borrowed. */
    void (*ended)(void *arg, enum transfer_end end, uint64_t total,
                  enum failure failure, const char *text);
    void *arg;
};

/* Pull what rank from serves, from offset on. NULL with err: ENOMEM, EPIPE
 * (from is gone). */
struct pull *transfers_pull(struct transfers *t, uint32_t from, uint64_t handle,
                            uint64_t offset, const struct transfer_sink *sink,
                            struct err *err);
/* So many bytes that came are done with: others may come. */
void transfers_consumed(struct pull *p, uint64_t bytes);
/* End it without a call of ended. */
void transfers_cancel(struct pull *p);

/* ---- Deaths ---- */

/* The rank is dead: never touch it again on the bulk channel. Pulls from it
 * end as TRANSFER_LOST. Rank 0 tells the others. */
void transfers_lost(struct transfers *t, uint32_t rank);

#endif
