/* A run directory named on the command line: opened to read, with its spec. */
#ifndef MPIBATCH_CLI_RUNDIR_ARG_H
#define MPIBATCH_CLI_RUNDIR_ARG_H

#include <stdbool.h>

#include "cli/option.h"
#include "model/jobspec.h"
#include "store/rundir.h"

struct run_arg {
    struct rundir *dir;
    struct jobspec *spec;
};

/* A row of struct arg: the optional argument RUN, member `run` of the values.
 */
#define RUN_ARG(values)                                                        \
    {                                                                          \
        .name = "RUN", .noun = "run directory", .kind = OPT_RUN,               \
        .at = offsetof(values, run), .optional = true,                         \
        .meaning = "a run directory, or the job spec that it was made from; "  \
                   "by default the run in this folder, if there is just one"   \
    }

/* Does path name a run: is it a run directory, or a job spec that has one? */
bool run_arg_is(const char *path);

/* Open the run that path names: a run directory, or a job spec, which stands
 * for its default run directory. NULL: the run directory that this folder is,
 * or the only one in it. 0; else the exit code, said why. */
int run_arg_open(const char *path, struct run_arg *run);
/* The same without its spec, for what need not understand that. */
int run_dir_open(const char *path, struct rundir **dir);
/* The spec of a run directory, with the copies of its tables. NULL: said
 * why. */
struct jobspec *run_spec_load(const struct rundir *dir);
void run_arg_close(struct run_arg *run);

#endif
