/* What `run` and `launch` share: see run_options.h. */
#include "config.h"
#include "cli/run_options.h"

#include <unistd.h>

#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "cli/plan.h"
#include "manager/manager.h"

/* Ranks say each second that they live; one that has said nothing for so long
 * is lost. */
#define LOST_AFTER_MIN_NS (3 * NS_PER_SEC)
#define LOST_AFTER_MAX_NS (86400 * NS_PER_SEC)

#define AT(member) .at = offsetof(struct session_options, member)

const struct opt run_opts[RUN_OPTS] = {
    RUN_DIR_OPT(struct session_options),
    {.name = "fresh",
     .kind = OPT_FLAG,
     AT(fresh),
     .excludes = "rerun",
     .meaning = "start anew; an old run is moved aside"},
    RERUN_OPT(struct session_options,
              "run tasks that have ended again: those that `failed`, those "
              "that failed by their time limit (`timeout`), those that "
              "succeeded with a metric missing, malformed or out of range "
              "(`invalid`), or `where` a condition holds, such as `where 'n "
              "> 64'`: see mpibatch-tasks(1)"),
    {.name = "enable",
     .kind = OPT_TEXTS,
     AT(enable),
     .value = "JOB",
     .what = "the id of a job",
     .otherwise = "disabled jobs stay disabled",
     .meaning = "enable a job that was disabled in this run; may be given more "
                "than once"},
    {.name = "dry-run",
     .kind = OPT_FLAG,
     AT(dry_run),
     .meaning = "show what would run, as `mpibatch plan` does; run nothing, "
                "write nothing"},
    {.name = "limit",
     .kind = OPT_COUNT,
     AT(task_limit),
     .value = "N",
     .what = "a number of tasks",
     .min = 1,
     .max = UINT32_MAX,
     .otherwise = "no limit",
     .meaning = "start at most N tasks, then stop (exit code 3)"},
    {.name = "lost-after",
     .kind = OPT_DURATION,
     AT(lost_after_ns),
     .value = "TIME",
     .min = LOST_AFTER_MIN_NS,
     .max = LOST_AFTER_MAX_NS,
     .fallback = "30s",
     .meaning = "a rank that is silent for so long is lost; its tasks run "
                "elsewhere"},
    {.name = "dedicated-manager",
     .kind = OPT_FLAG,
     AT(dedicated_manager),
     .meaning = "rank 0 runs no tasks"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPT_FLAG,
     AT(quiet),
     .meaning = "only failures and the summary"},
    {.name = "plain",
     .kind = OPT_FLAG,
     AT(plain),
     .meaning = "plain lines: no live progress line, no colours"},
};

const struct arg run_args[1] = {
    {.name = "SPEC",
     .noun = "job spec",
     .kind = OPT_SPEC,
     AT(spec_path),
     .meaning = "the job spec, a YAML file: mpibatch-jobspec(5); or a file "
                "with a command line a line"}};

const struct cmd_exit run_exits[RUN_EXITS] = {
    {EXIT_ALL_SUCCEEDED, "all tasks have succeeded"},
    {EXIT_SOME_FAILED, "some have failed"},
    {EXIT_USAGE, "wrong usage, or an error in the spec"},
    {EXIT_STOPPED, "stopped early: a signal, the end of the allocation, "
                   "`--limit`; the same command resumes"},
    {EXIT_LOST, "infrastructure lost: a node, the network, no room for "
                "results.h5; the same command resumes"},
};

bool run_colors(const struct session_options *o)
{
    enum color_when when = o->display.color;
    if (o->plain && when == COLOR_AUTO)
        when = COLOR_NEVER;
    return terminal_colors(when, STDERR_FILENO);
}

/* Another rank than the first, before MPI has been asked? */
static bool is_other_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                        "PMI_RANK"};
    for (int i = 0; i < 3; i++) {
        const char *rank = getenv(names[i]);
        if (rank && strcmp(rank, "0") != 0)
            return true;
    }
    return false;
}

int run_dry(const struct session_options *o)
{
    const struct plan plan = {.spec_path = o->spec_path,
                              .run_dir = o->run_dir,
                              .fresh = o->fresh,
                              .rerun = o->rerun,
                              .lines = PLAN_LINES,
                              .display = o->display};
    return is_other_rank() ? EXIT_OK : plan_show(&plan);
}
