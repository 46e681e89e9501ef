/* A session: one life of `mpibatch run` on a run directory, on all ranks. */
#ifndef MPIBATCH_CLI_SESSION_H
#define MPIBATCH_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/display.h"
#include "cli/rerun.h"

struct session_options {
    const char *spec_path;
    const char *run_dir; /* NULL: by the spec's name, in this folder */
    bool fresh;          /* move an old run aside */
    struct rerun rerun;
    struct texts enable;    /* ids of jobs */
    bool dedicated_manager; /* rank 0 runs no tasks */
    bool dry_run;           /* the command says what it would do */
    uint64_t task_limit;    /* 0: no limit */
    int64_t lost_after_ns;  /* a rank silent for so long is lost */
    bool quiet;
    bool plain; /* no live line, whatever the terminal */
    struct display_options display;
};

/* Run on this rank; all ranks call it with the same options. Returns the exit
 * code of the process. */
int session_run(const struct session_options *options);

#endif
