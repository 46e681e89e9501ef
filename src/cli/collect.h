/* Metrics of a run that has been: taken again, by another spec, from what its
 * tasks have left. Nothing is run. */
#ifndef MPIBATCH_CLI_COLLECT_H
#define MPIBATCH_CLI_COLLECT_H

#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "store/rundir.h"

struct collected {
    uint64_t attempts;
    uint64_t unreadable; /* outputs that could not be read */
    uint64_t recorded;   /* values of files that are gone, kept as they were */
};

/* Write the journal of the next generation of a locked run directory, whose
 * spec is old: the same records, with the metrics of spec (of that text). Says
 * on the log how far it is. Until rundir_begin_generation nothing has changed.
 * -1 with err. */
int collect_journal(struct rundir *r, const struct jobspec *old,
                    const struct jobspec *spec, const char *text, size_t len,
                    struct collected *what, struct err *err);

#endif
