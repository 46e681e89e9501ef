/* The tasks that are prepared ahead of their slots: a bounded set, in the order
 * in which the manager gave them.
 *
 * One that is ready may start though an earlier one still waits for its files;
 * of those that are ready the earliest starts first, and nobody passes it when
 * it needs more slots than are free. Pure; it knows nothing of files.
 */
#ifndef MPIBATCH_WORKER_AHEAD_H
#define MPIBATCH_WORKER_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

struct ahead_task {
    struct msg_range task; /* one */
    void *with;            /* the caller's */
    bool ready;
};

struct ahead {
    struct ahead_task *tasks; /* in order */
    uint32_t count, cap;
};

/* For at most cap tasks. -1: no memory. */
int ahead_init(struct ahead *a, uint32_t cap);
void ahead_fini(struct ahead *a);

bool ahead_is_full(const struct ahead *a);
/* Put a task at the end; it must not be full. */
void ahead_put(struct ahead *a, const struct msg_range *task, void *with);

/* The place of the caller's task; it must be in it. */
uint32_t ahead_find(const struct ahead *a, const void *with);
/* The place of the first that is ready; false: none is. */
bool ahead_first_ready(const struct ahead *a, uint32_t *at);
/* The place of the last of a job (-1: of any); false: there is none. */
bool ahead_last(const struct ahead *a, int64_t job, uint32_t *at);

/* Take the one at this place out. */
struct ahead_task ahead_take(struct ahead *a, uint32_t at);

#endif
