/* Getting files of a holder: to stdout, to a file, into a folder. */
#ifndef MPIBATCH_CLI_FETCH_H
#define MPIBATCH_CLI_FETCH_H

#include "cli/option.h"
#include "cli/holder.h"

struct fetch {
    const struct texts *paths; /* files, folders, patterns */
    const char *to;            /* a file or a folder; NULL: stdout */
    bool raw;                  /* to a terminal, too, as they are */
    uint64_t count, bytes;     /* what was got: filled */
    uint64_t done; /* of a file to stdout, before its holder had no more */
};

/* Get them. -1 with err: EINVAL (a wrong path, or no folder for several),
 * ENOENT (nothing matches). A file that could not be got whole is not there. */
int fetch_run(struct fetch *f, struct holder *s, struct err *err);

/* Say how much was got. */
void fetch_say(const struct fetch *f);

#endif
