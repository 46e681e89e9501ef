/* A background job: a function in a thread of its own, one run at a time, so
 * that slow disks never stop the loop. */
#ifndef MPIBATCH_MANAGER_BACKGROUND_H
#define MPIBATCH_MANAGER_BACKGROUND_H

#include <stdbool.h>

#include "base/err.h"

struct background;

/* A job that calls run(arg) (0, or -1 with err) each time it is started. NULL
 * with err. */
struct background *background_create(int (*run)(void *arg, struct err *err),
                                     void *arg, struct err *err);
/* Waits for a run in progress. */
void background_destroy(struct background *b);

/* Start a run; false: the last one is still going. */
bool background_start(struct background *b);

/* Is a run in progress? */
bool background_busy(struct background *b);

/* How the last finished run ended, once: 1 it succeeded, -1 it failed (err),
 * 0 there is nothing new to tell. */
int background_outcome(struct background *b, struct err *err);

#endif
