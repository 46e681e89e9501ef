/* The bytes of an archive, decompressed: read once from begin to end, with a
 * bound on how much they grow, and checked to the end. A zip is read as it
 * is, from anywhere. Private to package*.c. */
#ifndef MPIBATCH_STAGE_PACKAGE_PACKED_H
#define MPIBATCH_STAGE_PACKAGE_PACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Steps of reading. */
enum { PACKED_STEP_BYTES = 1 << 17 };

enum packed_kind {
    PACKED_PLAIN,
    PACKED_GZIP,
    PACKED_BZIP2,
    PACKED_XZ,
    PACKED_ZSTD,
    PACKED_ZIP
};

struct packed;

/* Open the archive at path. stop: as in package.h. NULL with err: the errno of
 * opening, EPROTO (no regular file, or empty), ENOMEM. */
struct packed *packed_open(const char *path, const atomic_bool *stop,
                           struct err *err);
void packed_close(struct packed *s); /* NULL is fine */

enum packed_kind packed_kind(const struct packed *s);
/* The size of the archive. */
uint64_t packed_bytes(const struct packed *s);

/* Refuse what grows to more than free_bytes and ratio times what was read; 0,
 * 0 at first: no bound. */
void packed_bound(struct packed *s, uint64_t free_bytes, uint32_t ratio);

/* The next bytes, in *data, borrowed until the next call. 0: the end. -1 with
 * packed_err. */
ssize_t packed_read(struct packed *s, const void **data);

/* Of a zip alone: go to offset (whence as lseek); -1 with packed_err. */
int64_t packed_seek(struct packed *s, int64_t offset, int whence);

/* How many zero bytes the bytes read so far end with, at most. */
uint64_t packed_zeros(const struct packed *s);

/* What went wrong; code 0: nothing. EPROTO: it is broken or cut, or grows too
 * much. Borrowed. */
const struct err *packed_err(const struct packed *s);

#endif
