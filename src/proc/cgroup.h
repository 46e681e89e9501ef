/* Limits by the kernel's control groups, version 2, where a part of them is
 * ours to divide: one that systemd has delegated (Delegate=yes), or the one
 * that MPIBATCH_CGROUP names. Each limited task
 * gets a group of its own: the kernel ends it, all of it, the moment that it
 * would go over its limit, and says what its peak was.
 *
 * A group that has processes cannot be divided: those of ours (with mpirun's)
 * are moved into a group "mpibatch" below it first.
 */
#ifndef MPIBATCH_PROC_CGROUP_H
#define MPIBATCH_PROC_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cgroups;

/* The folder that is ours to divide: named (an environment's MPIBATCH_CGROUP;
 * may be NULL), or the one we are in if it is delegated. NULL with err: there
 * is none, and why. key tells our groups from others'. */
struct cgroups *cgroups_open(const char *named, const char *key,
                             struct err *err);
/* Remove the groups that are left. NULL is fine. */
void cgroups_close(struct cgroups *c);

/* Make a group for so much memory and no swap: *number, from 1. Returns a
 * descriptor of its list of processes: who writes "0" there is in it; close it.
 * -1 with err. */
int cgroups_make(struct cgroups *c, uint64_t memory_bytes, uint64_t *number,
                 struct err *err);

/* Of a group that there is: the same once more. */
int cgroups_enter(struct cgroups *c, uint64_t number, struct err *err);

struct cgroup_end {
    bool over;           /* the kernel has ended it, for its limit */
    uint64_t peak_bytes; /* 0: not known */
};
/* Its task has ended: what is left in it is killed, and it is removed. */
struct cgroup_end cgroups_end(struct cgroups *c, uint64_t number);

#endif
