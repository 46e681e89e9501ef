/* Files from the cache into folders of tasks: by reflink or hard link where
 * that is safe, else by copy.
 *
 * A hard link shares the file with the cache, so it is made only where the task
 * may not write: the mode has no write bit, and neither the task nor we are
 * root. The entry then has that mode; one whose mode differs is copied.
 */
#ifndef MPIBATCH_STAGE_PLACE_H
#define MPIBATCH_STAGE_PLACE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "stage/scratch.h"

enum place_how { PLACE_LINK, PLACE_REFLINK, PLACE_COPY };

/* Make the file at path below dir_fd, with its folders (mode 0700), from the
 * cache entry at entry, which has so many bytes. A file that is there is
 * replaced. path is relative; no component may be "..", and none above the file
 * may be a link. mode: permission bits alone (others are an EINVAL). scratch
 * (or NULL): where dir_fd is; a copy must leave its reserve. *how (may be
 * NULL): how it was done. -1 with err: ESTALE (the entry is gone or was written
 * to, get it again), EINVAL (the path leaves dir_fd), ELOOP (a link), ENOTDIR,
 * ENAMETOOLONG, EISDIR, ENOSPC, EDQUOT, or another errno. */
int place_file(const char *entry, uint64_t bytes, int dir_fd, const char *path,
               mode_t mode, const struct scratch *scratch, enum place_how *how,
               struct err *err);

#endif
