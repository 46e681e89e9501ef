/* The files of a container: what OBJECT_LIST holds.
 *
 * One entry a file, sorted by name (as bytes): "SIZE MODE NAME" with a NUL
 * behind it; SIZE in decimal, MODE as octal permission bits, NAME relative to
 * the container, any bytes but NUL. Only regular files: links are followed when
 * what they lead to lies in the container too, and left out otherwise, as are
 * devices, sockets and pipes.
 */
#ifndef MPIBATCH_STAGE_LISTING_H
#define MPIBATCH_STAGE_LISTING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    LISTING_MAX_FILES = 1000000,
    LISTING_MAX_BYTES = 256 << 20,
    LISTING_MAX_DEPTH = 128,
    LISTING_LINK_SHOWN = 128
};

/* What was seen on the way. */
struct listing_seen {
    uint64_t opens;                /* of folders */
    uint64_t links;                /* that lead out, or nowhere: left out ... */
    char link[LISTING_LINK_SHOWN]; /* ... the first of them, maybe shortened */
};

/* Append the listing of the folder dir: the files whose names begin with prefix
 * (NULL: all). *stop (may be NULL): give up when it becomes true. *seen may be
 * NULL. -1 with err: ENOENT, EACCES, ENOTDIR, E2BIG (over the maxima, with the
 * maximum), ECANCELED; *seen is untouched then. */
int listing_make(const char *dir, const char *prefix, const atomic_bool *stop,
                 struct buf *b, struct listing_seen *seen, struct err *err);

struct listed {
    uint64_t bytes;
    uint32_t mode;
    const char *name; /* borrowed from the listing */
};

/* The next entry of a listing of len bytes; *at starts at 0. 1, 0 at the end,
 * -1 with err EPROTO: it is malformed (what it says is checked: no absolute
 * name, no "..", modes within 0777). */
int listing_next(const char *data, size_t len, size_t *at, struct listed *f,
                 struct err *err);

#endif
