/* The bytes of an archive, decompressed: read once from begin to end, with a
 * bound on how much they grow, and checked to the end. A zip is read as it
 * is, from anywhere. Private to package*.c. */
#ifndef MPIBATCH_STAGE_PACKAGE_SOURCE_H
#define MPIBATCH_STAGE_PACKAGE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Steps of reading. */
enum { SOURCE_STEP_BYTES = 1 << 17 };

enum source_kind {
    SOURCE_PLAIN,
    SOURCE_GZIP,
    SOURCE_BZIP2,
    SOURCE_XZ,
    SOURCE_ZSTD,
    SOURCE_ZIP
};

struct source;

/* Open the archive at path. stop: as in package.h. NULL with err: the errno of
 * opening, EPROTO (no regular file, or empty), ENOMEM. */
struct source *source_open(const char *path, const atomic_bool *stop,
                           struct err *err);
void source_close(struct source *s); /* NULL is fine */

enum source_kind source_kind(const struct source *s);
/* The size of the archive. */
uint64_t source_bytes(const struct source *s);

/* Refuse what grows to more than free_bytes and ratio times what was read; 0,
 * 0 at first: no bound. */
void source_bound(struct source *s, uint64_t free_bytes, uint32_t ratio);

/* The next bytes, in *data, borrowed until the next call. 0: the end. -1 with
 * source_err. */
ssize_t source_read(struct source *s, const void **data);

/* Of a zip alone: go to offset (whence as lseek); -1 with source_err. */
int64_t source_seek(struct source *s, int64_t offset, int whence);

/* How many zero bytes the bytes read so far end with, at most. */
uint64_t source_zeros(const struct source *s);

/* How many bytes of the archive were read so far, and what became of them. */
uint64_t source_packed(const struct source *s);
uint64_t source_unpacked(const struct source *s);

/* What went wrong; code 0: nothing. EPROTO: it is broken or cut, or grows too
 * much. Borrowed. */
const struct err *source_err(const struct source *s);

#endif
