/* What attempts of a task have put into containers, kept in the run directory:
 * written before they do. Private to upload*.c.
 *
 * A file of records, each of a few texts with a NUL behind each:
 * "mpibatch uploads 1" TOKEN; "T" CONTAINER NAME (a temporary file, which may
 * be there); "F" CONTAINER NAME "INODE BYTES SECONDS NANOSECONDS" (a file,
 * which may be there). What follows the last whole record does not count.
 */
#ifndef MPIBATCH_STAGE_UPLOAD_MANIFEST_H
#define MPIBATCH_STAGE_UPLOAD_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "stage/upload_plan.h"

struct manifest_record {
    bool final;
    const char *container, *name;
    uint64_t ino, bytes;
    struct timespec mtime;
};

struct manifest {
    struct buf text;
    struct manifest_record *records;
    size_t count;
};

/* Read the task's manifest; one that is not there has no records. -1 with err
 * (EPROTO: it is none). */
int manifest_read(struct manifest *m, const char *folder, const char *key,
                  struct err *err);
void manifest_fini(struct manifest *m);

/* Write it anew: the final records of old (may be NULL), then the plan's
 * files, as temporary ones if !copied, else as final ones. -1 with err. */
int manifest_write(const char *folder, const char *key, uint64_t token,
                   const struct manifest *old, const struct upload_plan *p,
                   bool copied, struct err *err);

/* Append the plan's files, which are copied, as final ones. -1 with err:
 * ECANCELED if the manifest is no longer the one with the token: another
 * attempt has begun. */
int manifest_append(const char *folder, const char *key, uint64_t token,
                    const struct upload_plan *p, struct err *err);

void manifest_remove(const char *folder, const char *key);

#endif
