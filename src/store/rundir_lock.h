/* The lock of a run directory: one session writes to it. Internal to store/. */
#ifndef MPIBATCH_STORE_RUNDIR_LOCK_H
#define MPIBATCH_STORE_RUNDIR_LOCK_H

#include "base/err.h"

/* Lock the folder: *out is the open lock file, which holds the lock until it
 * is closed. -1 with err: EBUSY with who has it. */
int rundir_lock_take(int dir_fd, const char *path, int *out, struct err *err);

/* Does anybody hold the lock of the folder? 1, 0, or -1: that cannot be known.
 * Nothing is locked. */
int rundir_lock_look(int dir_fd);

#endif
