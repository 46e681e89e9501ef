/* What this session says of itself: its command line, its folder, and those
 * variables of its environment that may be known to all who see the results.
 * Anything else could be a secret. */
#ifndef MPIBATCH_CLI_ORIGIN_SELF_H
#define MPIBATCH_CLI_ORIGIN_SELF_H

#include <limits.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/program.h"

struct origin_self {
    struct provenance is; /* points into the rest */
    struct buf command, environment;
    char folder[PATH_MAX], hdf5[32];
};

/* Fill it. command: that of launch, if that has started us, or NULL: ours;
 * the searches are the caller's to set. -1 with err ENOMEM. */
int origin_self_init(struct origin_self *o, char *const *environment,
                     const char *command, struct err *err);
void origin_self_fini(struct origin_self *o);

/* Append the command line of this process as one would type it. */
int command_line_put(struct buf *out);

#endif
