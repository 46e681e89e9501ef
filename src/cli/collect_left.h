/* The files of tasks with a directory of their own, for taking metrics again:
 * those that they returned are in the run directory, and their directories may
 * be kept on this node. */
#ifndef MPIBATCH_CLI_COLLECT_LEFT_H
#define MPIBATCH_CLI_COLLECT_LEFT_H

#include "base/err.h"
#include "model/attempt.h"
#include "store/journal.h"
#include "store/rundir.h"

struct collect_left;

/* For a run directory (borrowed). NULL: no memory. */
struct collect_left *collect_left_create(const struct rundir *r);
void collect_left_destroy(struct collect_left *l);

/* See a JOURNAL_NODE record; those of a session come before its attempts. -1
 * with err ENOMEM. */
int collect_left_note(struct collect_left *l, const struct journal_record *node,
                      struct err *err);

/* Open the file of an attempt that it returned by that name. The fd, or -1 with
 * err: ENOENT (it returned none), or it cannot be read. */
int collect_left_open(const struct collect_left *l, const char *job_id,
                      const char *task_id, const struct attempt *a,
                      const char *name, struct err *err);

/* Where the task's last attempt a, of a session, started, if that is kept and
 * on this node; heap. NULL: it is not, or there is no memory. */
char *collect_left_directory(const struct collect_left *l, const char *job_id,
                             const char *task_id, uint32_t session,
                             const struct attempt *a);

#endif
