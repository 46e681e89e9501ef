/* Looking at the files of a folder for somebody else: never at anything
 * outside it, whatever links and names there are in it.
 *
 * Links are followed that stay in the folder. Paths are relative to it; "" is
 * the folder itself. All of this may wait for a disk.
 */
#ifndef MPIBATCH_STAGE_BROWSE_H
#define MPIBATCH_STAGE_BROWSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/fileinfo.h"

/* Of one list. */
enum { BROWSE_MAX_FILES = 100000, BROWSE_MAX_BYTES = 8 << 20 };

/* What is at path: name is left alone. -1 with err: ENOENT, EACCES (it leads
 * out of the folder), EINVAL (it is absolute, or has a ".." that leads out) or
 * the errno of the file; the text says it with path. */
int browse_at(int folder, const char *path, struct file_info *f,
              struct err *err);

/* Open the regular file at path to read, and what it is. The fd, or -1 with
 * err: as browse_at, EISDIR, EINVAL (a device, a pipe). */
int browse_open(int folder, const char *path, struct file_info *f,
                struct err *err);

/* Append what is in the folder at path, sorted by name: names are relative to
 * the outer folder, so that they can be asked for. recursive: also what is in
 * its folders; links are not followed. Of a file, that alone. *more: there
 * are more than BROWSE_MAX_FILES, or they do not fit into out. -1 with err. */
int browse_list(int folder, const char *path, bool recursive, struct buf *out,
                bool *more, struct err *err);

#endif
