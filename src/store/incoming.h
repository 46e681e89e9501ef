/* Returned files on their way into the run directory, at rank 0.
 *
 * What is put is copied and written by others: small files by the writer,
 * behind them the records that speak of them; larger ones by a thread of this
 * module, under a temporary name (files/.part/), synced, renamed. A reader
 * never sees half a file. The caller never waits for a disk; when one is full,
 * writing is tried again and again, and nothing is consumed meanwhile. All
 * calls are made by one thread, and call back in it.
 */
#ifndef MPIBATCH_STORE_INCOMING_H
#define MPIBATCH_STORE_INCOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/attempt.h"
#include "store/returned.h"
#include "store/rundir.h"
#include "store/writer.h"

struct incoming;
struct incoming_file;

/* What becomes of a file. */
struct incoming_events {
    /* So many of the bytes that were put are written: who bounds memory by
     * what is put and not consumed may put as many more. */
    void (*consumed)(void *arg, uint64_t bytes);
    /* Over: where (place, session, offset, bytes, digest, mode; no name) it is
     * kept, or NULL with err, and then nothing of it is left: with ENOSPC,
     * EDQUOT or EIO, what was written was lost before it was on disk, and it
     * may come in again. The file must not be used any more. */
    void (*done)(void *arg, const struct attempt_file *where,
                 const struct err *err);
    void *arg;
};

/* For this session of a run directory: clean up what earlier ones left half
 * done, and start the thread. NULL with err. */
struct incoming *incoming_create(struct rundir *r, struct writer *writer,
                                 struct err *err);
/* Ends the thread; files that are not done are removed, without a word. Waits
 * at most timeout_ns for a disk that does not answer; the thread is left behind
 * in it then. */
void incoming_destroy(struct incoming *in, int64_t timeout_ns);

/* A descriptor that is readable when incoming_turn has something to call. */
int incoming_fd(const struct incoming *in);
/* Call what is due; false: nothing was. */
bool incoming_turn(struct incoming *in);

/* A file begins; the strings are copied. NULL with err: EINVAL (an id or name
 * cannot be one), ENOMEM. */
struct incoming_file *incoming_begin(struct incoming *in,
                                     const struct returned_of *of,
                                     const char *name, uint32_t mode,
                                     const struct incoming_events *events,
                                     struct err *err);
/* Its next bytes. -1 with err ENOMEM: abort it. */
int incoming_put(struct incoming_file *f, const void *data, size_t len,
                 struct err *err);
/* That was all: done is called, perhaps before this returns. */
void incoming_end(struct incoming_file *f);
/* It will not be had: nothing of it stays, nothing is called. */
void incoming_abort(struct incoming_file *f);

/* The attempt is lost: what it returned as files of their own goes away. */
void incoming_forget(struct incoming *in, const struct returned_of *of);

/* Bytes that were put and are not yet written, by us or by the writer: who
 * takes more files in should wait while there are very many. */
uint64_t incoming_backlog_bytes(const struct incoming *in);

/* Is a write failing at present? Why: for people. */
bool incoming_stalled(struct incoming *in, char why[256]);

#endif
