/* mpibatch run: run a job spec on the ranks that mpirun started. */
#include "config.h"

#include "cli/run_options.h"

static int run(void *values)
{
    const struct session_options *options = values;
    return options->dry_run ? run_dry(options) : session_run(options);
}

static const struct opt_set sets[] = {
    OPT_SET(run_opts, 0),
    OPT_SET(color_opts, offsetof(struct session_options, display))};

static const struct cmd_example examples[] = {
    {"mpibatch run sweep.yaml", "On all cores of this machine, without mpirun"},
    {"mpirun -n 4 mpibatch run sweep.yaml", "On four ranks"},
    {"mpirun -n 4 mpibatch run commands.txt", "A task a line of a file"},
    {"mpibatch run sweep.yaml --rerun failed", "Once more, what has failed"},
};

const struct cmd cmd_run = {
    .name = "run",
    .summary = "run a job spec on the ranks that mpirun started",
    .description =
        "Run the tasks of the job spec SPEC on the ranks that mpirun started, "
        "or with one rank on all cores of this machine. The same command, run "
        "again, resumes: nothing that has ended runs twice.\n\n"
        "On the signal USR1 nothing more is started and running tasks may end; "
        "TERM, INT, QUIT, HUP and USR2 end them, too.",
    .sets = sets,
    .set_count = 2,
    .args = run_args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = run_exits,
    .exit_count = RUN_EXITS,
    .values_size = sizeof(struct session_options),
    .main = run};
