/* The keeper: a small process beside each worker that ends the worker's tasks
 * if the worker dies without having done so (SIGKILL, crash).
 *
 * It shares a table of running tasks with the worker (a shared mapping) and
 * holds a pipe: when the worker's end closes, it ends each listed task's
 * process group and session, and what else carries their markers, and leaves.
 * Only processes of our own user that carry a listed marker or belong to a
 * listed group or session are ever touched.
 */
#ifndef MPIBATCH_PROC_KEEPER_H
#define MPIBATCH_PROC_KEEPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { KEEPER_MAX_MARKER = 63 };

struct keeper;

/* Start the keeper for at most capacity running tasks; to be called early,
 * while the process is small and has one thread. marker_name: the environment
 * variable that tasks carry, at most 63 bytes. NULL with err. */
struct keeper *keeper_create(uint32_t capacity, const char *marker_name,
                             struct err *err);
/* All tasks have ended: the keeper leaves. */
void keeper_destroy(struct keeper *k);

/* Entry `at` (below capacity) is a running task with this pid and marker
 * value (at most KEEPER_MAX_MARKER bytes, of one attempt); free again. To be
 * set before the task can have children of its own that outlive it: with pid 0
 * before its start, which lists the marker, and again after it. A cleared
 * entry's marker is still looked for until the entry is set again. */
void keeper_set(struct keeper *k, uint32_t at, pid_t pid, const char *marker);
void keeper_clear(struct keeper *k, uint32_t at);

/* The keeper's own pid: never to be taken for a task's process. */
pid_t keeper_pid(const struct keeper *k);

#endif
