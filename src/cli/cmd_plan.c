/* mpibatch plan: what a run would do. */
#include "config.h"

#include "cli/command.h"
#include "cli/plan.h"

static int plan(void *values)
{
    return plan_show(values);
}

#define AT(member) .at = offsetof(struct plan, member)

static const struct opt opts[] = {
    RUN_DIR_OPT(struct plan),
    {.name = "fresh",
     .kind = OPT_FLAG,
     AT(fresh),
     .excludes = "rerun",
     .meaning = "as if an old run were moved aside"},
    RERUN_OPT(struct plan, "as the option of mpibatch-run(1)"),
    {.name = "lines",
     .kind = OPT_COUNT,
     AT(lines),
     .value = "N",
     .what = "a number of lines",
     .min = 0,
     .max = PLAN_MAX_LINES,
     .fallback = "5",
     .meaning = "show N command lines of each job: the first, the last, and "
                "some between"},
    {.name = "json",
     .kind = OPT_FLAG,
     AT(json),
     .meaning = "print JSON, {\"version\": 1, \"tasks\", \"to_run\", "
                "\"jobs\": [...]}"},
};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0), OPT_SET(display_opts, offsetof(struct plan, display))};

static const struct arg args[] = {
    {.name = "SPEC",
     .noun = "job spec",
     .kind = OPT_SPEC,
     AT(spec_path),
     .optional = true,
     .meaning = "the job spec or command file; by default the job spec in this "
                "folder, if there is just one"}};

static const struct cmd_exit exits[] = {
    {0, "shown"},
    {1, "it cannot be shown"},
    {2,
     "wrong usage, an error in the spec, or a run directory that `run` would "
     "refuse"},
};

static const struct cmd_example examples[] = {
    {"mpibatch plan sweep.yaml", "What would run"},
    {"mpibatch plan sweep.yaml --rerun failed --lines 20",
     "What would run again, with more command lines"},
};

const struct cmd cmd_plan = {
    .name = "plan",
    .summary = "show what a run would do",
    .description =
        "Show what `mpibatch run SPEC` would do: how many tasks, which files "
        "they come from, pools, what tasks ask for and which depend on others, "
        "limits and environment of each job, some "
        "command lines, where the run directory is, and what of it is done "
        "already. Nothing is run and nothing is written. `mpibatch run SPEC "
        "--dry-run` is the same.\n\n"
        "JSON has name, run_dir, resumes, tasks, to_run, pools, "
        "tasks_with_dependencies, longest_chain (how many tasks), files (path, "
        "kind, bytes) and jobs: of each job_id, tasks, succeeded, invalid, failed, skipped, "
        "again, to_run, required_slots, max_task_retry_count, "
        "max_wall_clock_s, environment (of its first task), pool_id, "
        "tasks_with_dependencies, dependencies (on how many, all together), "
        "requests (the different ones), special_tasks, and commands "
        "(task_id, task_index, command).",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = sizeof(exits) / sizeof(exits[0]),
    .values_size = sizeof(struct plan),
    .main = plan};
