/* Where a session comes from: what it says of itself, and which programs its
 * tasks execute, for the journal. Digests are made by a thread of its own. */
#ifndef MPIBATCH_MANAGER_ORIGIN_H
#define MPIBATCH_MANAGER_ORIGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "store/journal.h"
#include "store/programs.h"

struct origin;

/* Create it; spec is borrowed. NULL with err. */
struct origin *origin_create(const struct jobspec *spec, struct err *err);
/* Gives up on digests that are being made. */
void origin_destroy(struct origin *o);

/* A program of an earlier session: in the journal's order, before the start.
 * -1 with err ENOMEM. */
int origin_past(struct origin *o, const struct program_file *f,
                struct err *err);

/* Begin to look at the programs of tasks that run in work_dir; what is given
 * is borrowed. */
int origin_start(struct origin *o, const struct provenance *from,
                 const char *work_dir, struct err *err);

/* What was found, once: put is called with each file that this session must
 * journal, changed with each that is another than in an earlier session. True:
 * it is over, nothing will come any more. */
bool origin_finish(struct origin *o,
                   void (*put)(void *arg, const struct program_file *f,
                               bool changed),
                   void *arg);

/* There is no time: what has no digest yet gets none. */
void origin_hurry(struct origin *o);

#endif
