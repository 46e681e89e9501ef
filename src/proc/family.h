/* The processes of a running task: the first one, all that descend from it, and
 * what has escaped them and come back to us, the subreaper.
 *
 * The kernel's lists of children are read, not all of /proc: what it costs
 * follows the task, not the node. Processes come and go meanwhile: the list is
 * of some moment, more or less. */
#ifndef MPIBATCH_PROC_FAMILY_H
#define MPIBATCH_PROC_FAMILY_H

#include <stddef.h>
#include <sys/types.h>

#include "proc/spawn.h"

enum {
    FAMILY_MAX = 16384, /* processes of one task; more are not seen */
    FAMILY_MAX_STRAYS = 256
};

struct family {
    pid_t *pids;
    size_t count, cap;
};

void family_init(struct family *t);
void family_fini(struct family *t);

/* The list is that process and its descendants. -1 with errno ENOMEM. */
int family_read(struct family *t, pid_t first);

/* Children of ours that are none of keep (running tasks, the keeper) nor our
 * own: what tasks that still run have lost, or what ended ones have left.
 * Returns how many are in pids. */
size_t family_strays(struct spawner *s, const pid_t *keep, size_t keep_count,
                     pid_t pids[FAMILY_MAX_STRAYS]);

/* Add those of the strays that are the task's (by its session, its group or its
 * marker), with their descendants. -1 with errno ENOMEM. */
int family_add_strays(struct family *t, pid_t first, const char *marker,
                      const pid_t *strays, size_t count);

#endif
