/* What a run would do, said without doing it: `plan`, and run --dry-run. */
#ifndef MPIBATCH_CLI_PLAN_H
#define MPIBATCH_CLI_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/display.h"
#include "cli/rerun.h"

struct plan {
    const char *spec_path; /* NULL: the only one in this folder */
    const char *run_dir;   /* NULL: by the spec's name */
    bool fresh;
    struct rerun rerun;
    uint64_t lines; /* command lines that are shown of a job */
    bool json;
    struct display_options display;
};

enum { PLAN_LINES = 5, PLAN_MAX_LINES = 100000 };

/* Say it on stdout; nothing is written. Returns the exit code. */
int plan_show(const struct plan *plan);

#endif
