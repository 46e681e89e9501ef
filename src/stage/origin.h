/* Where staged data comes from: shared storage and servers, read sequentially.
 *
 * Errors carry the errno that says which failure it is: ENOENT, EACCES,
 * ETIMEDOUT, ESTALE (it changed while it was read), EINVAL (no regular file).
 * All of this waits for a disk or a server: call it in a long job of io.
 */
#ifndef MPIBATCH_STAGE_ORIGIN_H
#define MPIBATCH_STAGE_ORIGIN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/object.h"

struct origin;

/* What reading has cost. */
struct origin_counts {
    uint64_t opens; /* of files and folders on shared storage */
    uint64_t bytes; /* read from there */
    uint64_t http_requests;
};

/* The longest identity, with its NUL. */
enum { ORIGIN_IDENTITY_BYTES = 8192 };

/* Begin to read an object (not OBJECT_PACKAGE). *stop (may be NULL): what
 * waits gives up when it becomes true. NULL with err. */
struct origin *origin_open(enum object_kind kind, const char *key,
                           const atomic_bool *stop, struct err *err);

/* How many bytes it will have: UINT64_MAX if that is not known. */
uint64_t origin_bytes(const struct origin *o);

/* The next bytes, at most len: 0 at the end, -1 with err. */
ssize_t origin_read(struct origin *o, void *data, size_t len, struct err *err);

/* End it and free it. -1 with err: after everything was read it turns out that
 * it changed meanwhile (ESTALE). Before the end it only frees. counts (may be
 * NULL): what it cost is added. */
int origin_close(struct origin *o, struct origin_counts *counts,
                 struct err *err);

/* A text that changes when the object changes, found without reading it: 1. 0:
 * there is no such thing for it. -1 with err, as origin_open. */
int origin_identity(enum object_kind kind, const char *key,
                    char text[ORIGIN_IDENTITY_BYTES],
                    struct origin_counts *counts, struct err *err);

#endif
