/* Removal of a tree of files whoever made it, and however.
 *
 * Links are removed, never followed. Folders that are not writable are made so.
 * Another file system that is mounted in the tree is left alone. Memory and
 * open files do not grow with the depth or the number of entries.
 */
#ifndef MPIBATCH_STAGE_REMOVE_H
#define MPIBATCH_STAGE_REMOVE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

/* Remove the file or folder with all below it that is called name (no "/") in
 * the folder dir_fd. It is fine if it is not there. -1 with err: EBUSY (a file
 * system is mounted in it; the rest is gone), or the first errno; as much as
 * possible is gone then. path, for errors only: what dir_fd is. */
int remove_tree(int dir_fd, const char *name, const char *path,
                struct err *err);
/* The same; once *stop is true it gives up, with ECANCELED. */
int remove_tree_until(int dir_fd, const char *name, const char *path,
                      const atomic_bool *stop, struct err *err);

#endif
