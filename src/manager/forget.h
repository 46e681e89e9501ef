/* Forgetting what uploads have noted: when the journal has the success of a
 * task, its uploaded files are what they are, and the manifest that says what
 * to clear away before another attempt goes. In threads of io, some at a time.
 */
#ifndef MPIBATCH_MANAGER_FORGET_H
#define MPIBATCH_MANAGER_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "stage/io.h"

struct forgetting;

/* Has the task of that job ended for good? The text may be no job's id. */
typedef bool forget_ended(void *arg, const char *job_id, uint32_t index);

/* io is borrowed. What earlier sessions have left of tasks that have ended goes
 * first. NULL with err ENOMEM. */
struct forgetting *forgetting_create(struct io *io, const char *run_dir,
                                     forget_ended *ended, void *arg,
                                     struct err *err);
/* When io is destroyed. The folder goes as well if it is empty. */
void forgetting_destroy(struct forgetting *f);

/* The record with this ticket is the success of a task. What there is no memory
 * for stays: the next attempt, if there is one, clears it away. */
void forgetting_add(struct forgetting *f, const char *job_id, uint32_t index,
                    uint64_t ticket);
/* All up to this ticket is written. */
void forgetting_written(struct forgetting *f, uint64_t ticket);

/* Is nothing left of what is written? */
bool forgetting_done(const struct forgetting *f);

/* All tasks of the run have ended. -1 with err. */
int forget_all(const char *run_dir, struct err *err);

#endif
