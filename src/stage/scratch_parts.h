/* What the files of scratch share: owners and their locks, what is kept.
 *
 * A scratch, and a cache that is kept, has a file .owner, which says whose it
 * is, and is locked (shared) by each process that uses it. It is made under
 * another name, locked, and renamed, and is the last thing to be removed. So a
 * folder without it is one that is just being made, or that somebody was killed
 * in, and nothing else is in it.
 *
 * Beside a task directory that is kept is a file ".NAME.kept", whose time of
 * modification is when it expires; in it is what scratch_note has noted.
 */
#ifndef MPIBATCH_STAGE_SCRATCH_PARTS_H
#define MPIBATCH_STAGE_SCRATCH_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    /* a folder without .owner is let be for so long */
    SCRATCH_YOUNG_S = 600,
    /* folders between the scratch and a task's directory: workitems, the job,
     * job-1 */
    SCRATCH_TASK_DEPTH = 3
};

/* What a folder in the root is by its name. */
enum scratch_name { SCRATCH_NAME_OTHER, SCRATCH_NAME_OWN, SCRATCH_NAME_CACHE };
enum scratch_name scratch_name_of(const char *name);

/* Make a folder in root with an unpredictable name, with its .owner, locked.
 * *path (heap) and *fd are the folder's, *lock .owner's. -1 with err. */
int scratch_make(const char *root, bool cache, const char *key,
                 const char *run_dir, char **path, int *fd, int *lock,
                 struct err *err);

enum scratch_state {
    SCRATCH_GONE,    /* somebody removes it just now */
    SCRATCH_FOREIGN, /* somebody else's, no folder, or not private */
    SCRATCH_REMOTE,  /* ours, on another machine */
    SCRATCH_NAKED,   /* ours, without .owner */
    SCRATCH_IN_USE,  /* ours, its lock is held (or locks do not work) */
    SCRATCH_LOCKED   /* ours, and we have its lock now */
};

/* Look at a folder in root_fd and try its lock: shared or not. With
 * SCRATCH_LOCKED *fd is the folder's and *lock .owner's; with SCRATCH_NAKED *fd
 * is the folder's. */
enum scratch_state scratch_look(int root_fd, const char *name, bool shared,
                                int *fd, int *lock);

/* Remove all in the scratch fd (path: for errors) but .owner, and task
 * directories that have not expired: *kept of them stay. -1 with err: also
 * ECANCELED, once *stop (or NULL) is true. */
int scratch_prune(int fd, const char *path, int64_t now_wall_ns,
                  const atomic_bool *stop, uint64_t *kept, struct err *err);

/* Remove what is left of a scratch that scratch_prune has emptied: .owner and
 * the folder. */
int scratch_finish(int root_fd, const char *name, int fd, const char *root,
                   struct err *err);

#endif
