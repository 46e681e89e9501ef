/* The past: what earlier sessions have journaled, put into a scheduler. */
#ifndef MPIBATCH_MANAGER_PAST_H
#define MPIBATCH_MANAGER_PAST_H

#include <stdint.h>

#include "base/err.h"
#include "manager/origin.h"
#include "model/jobspec.h"
#include "model/snapshot.h"
#include "sched/sched.h"
#include "store/journal.h"

/* Replay all records of reader into sched, which has had no input yet, and
 * programs into origin. *created_ns: when the first session started (untouched
 * if there was none). *staged (zero): what staging came to in all. whys (empty,
 * one a job): what was said of its state last. -1 with err. */
int past_replay(struct journal_reader *reader, const struct jobspec *spec,
                struct sched *sched, struct origin *origin, int64_t *created_ns,
                struct stage_counts *staged, char (*whys)[JOB_WHY_BYTES],
                struct err *err);

#endif
