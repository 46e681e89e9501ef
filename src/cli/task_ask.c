/* mpibatch task add, terminate, reactivate, delete: what the session is asked
 * to do. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/command_ask.h"
#include "cli/node_arg.h"
#include "cli/task_arg.h"
#include "cli/task_topics.h"
#include "store/inbox.h"

struct task_ask_values {
    const char *id, *job, *run, *file;
    bool json;
};

static int ask(const char *command, const struct task_ask_values *v,
               enum ask_do act)
{
    struct run_arg run;
    struct ask a = {.what = ASK_TASK, .act = act};
    uint32_t job = 0, index = 0;
    struct err err;
    int rc = command_ask_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    rc = task_arg_find(command, run.spec, v->id, &job, &index);
    if (rc == EXIT_OK &&
        job_task_id(&run.spec->jobs[job], index, a.task_id, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (rc == EXIT_OK) {
        snprintf(a.job_id, sizeof(a.job_id), "%s", run.spec->jobs[job].id);
        rc = command_ask(&run, &a, v->json, false,
                         act == ASK_REACTIVATE
                             ? "`mpibatch run SPEC --rerun` runs tasks again "
                               "in the next one"
                             : NULL);
    }
    run_arg_close(&run);
    return rc;
}

static int terminate(void *values)
{
    return ask("task terminate", values, ASK_TERMINATE);
}

static int reactivate(void *values)
{
    return ask("task reactivate", values, ASK_REACTIVATE);
}

static int delete (void *values)
{
    return ask("task delete", values, ASK_DELETE);
}

/* ---- add ---- */

/* All of stdin. */
static int stdin_read(struct buf *out, struct err *err)
{
    for (;;) {
        char *to = buf_reserve(out, 1 << 16);
        ssize_t n = to ? read(STDIN_FILENO, to, 1 << 16) : -1;
        if (!to)
            return err_set(err, EFBIG, "stdin is too large: at most %d bytes",
                           INBOX_MAX_DATA_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read stdin");
        if (n == 0)
            return 0;
        buf_commit(out, (size_t)n);
    }
}

static int file_take(const char *path, struct buf *out, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return stdin_read(out, err);
    return file_read(path, out, err);
}

static int add(void *values)
{
    const struct task_ask_values *v = values;
    struct run_arg run;
    struct ask a = {.what = ASK_ADD};
    struct buf text;
    struct err err;
    uint32_t job = 0;
    if (!v->file)
        return usage_error("task add", "--file is missing: which tasks?");
    int rc = command_ask_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    buf_init(&text, INBOX_MAX_DATA_BYTES);
    rc = job_arg_find("task add", run.spec, v->job, &job);
    if (rc == EXIT_OK && file_take(v->file, &text, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_BAD_USAGE;
    } else if (rc == EXIT_OK) {
        snprintf(a.job_id, sizeof(a.job_id), "%s", run.spec->jobs[job].id);
        a.data = buf_text(&text);
        a.data_len = text.len;
        rc = command_ask(&run, &a, v->json, true,
                         "tasks are added while one has it; before that, to "
                         "the job spec");
    }
    buf_fini(&text);
    run_arg_close(&run);
    return rc;
}

/* ---- The commands ---- */

#define JSON_OPT                                                               \
    {                                                                          \
        .name = "json", .kind = OPT_FLAG,                                      \
        .at = offsetof(struct task_ask_values, json),                          \
        .meaning = "print the answer as JSON, {\"version\": 1, \"command\", "  \
                   "\"error\": null or {\"code\", \"message\"}, \"text\"}"     \
    }

static const struct opt ask_opts[] = {JSON_OPT};
static const char *const yaml[] = {"yaml", "yml", NULL};
static const struct opt add_opts[] = {
    {.name = "file",
     .letter = 'f',
     .kind = OPT_FILE,
     .value = "FILE",
     .words = yaml,
     .at = offsetof(struct task_ask_values, file),
     .otherwise = "none: it has to be said",
     .meaning = "the tasks: a YAML list as under `tasks:` of a job spec, or "
                "`tasks:` with one; - is stdin"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct task_ask_values, json),
     .meaning = "print the answer as JSON, {\"version\": 1, \"command\", "
                "\"error\": null or {\"code\", \"message\"}, \"text\", "
                "\"task_ids\": [...]}"}};
static const struct opt_set ask_sets[] = {OPT_SET(ask_opts, 0)};
static const struct opt_set add_sets[] = {OPT_SET(add_opts, 0)};
static const struct arg ask_args[] = {TASK_ARG(struct task_ask_values),
                                      RUN_ARG(struct task_ask_values)};
static const struct arg add_args[] = {JOB_ARG(struct task_ask_values),
                                      RUN_ARG(struct task_ask_values)};
static const struct cmd_example add_examples[] = {
    {"mpibatch task add scan sweep.run --file more.yaml",
     "Add the tasks of more.yaml to job scan"},
    {"mpibatch task add \"$AZ_BATCH_JOB_ID\" --file -",
     "From inside a task: to its own job, what comes on stdin"}};
static const struct cmd_example terminate_examples[] = {
    {"mpibatch task terminate scan/17 sweep.run", "End task 17 of job scan"}};
static const struct cmd_example reactivate_examples[] = {
    {"mpibatch task reactivate scan/17 sweep.run",
     "Run task 17 of job scan again, which has failed"}};
static const struct cmd_example delete_examples[] = {
    {"mpibatch task delete scan/17 sweep.run", "Do without task 17"}};

const struct cmd cmd_task_add = {
    .name = "task add",
    .summary = "add tasks to a job while it runs",
    .description =
        "Ask the session that has the run RUN to add tasks to the job JOB, "
        "which has a list of tasks (`tasks: []` is one). All are added, or, "
        "where one is wrong, none. The new ids are printed, a line each, once "
        "the tasks are sure to run, whatever happens to the session.\n\n"
        "A job that is to wait for tasks says `on_all_tasks_complete: "
        "no_action`: else it is completed when those that it has have ended. A "
        "job manager task adds tasks in this way.\n\n"
        "Inside a task RUN need not be named: MPIBATCH_RUN_DIR says it.",
    .sets = add_sets,
    .set_count = 1,
    .args = add_args,
    .arg_count = 2,
    .examples = add_examples,
    .example_count = 2,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct task_ask_values),
    .main = add};

const struct cmd cmd_task_terminate = {
    .name = "task terminate",
    .summary = "end a task for good",
    .description =
        "Ask the session that has the run RUN to end the task ID: if it runs, "
        "its processes are ended; if it waits, it will not run. It has failed "
        "(TaskEnded), and is not tried again.",
    .sets = ask_sets,
    .set_count = 1,
    .args = ask_args,
    .arg_count = 2,
    .examples = terminate_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct task_ask_values),
    .main = terminate};

const struct cmd cmd_task_reactivate = {
    .name = "task reactivate",
    .summary = "run a task again that failed or was skipped",
    .description =
        "Ask the session that has the run RUN to run the task ID again, which "
        "has failed or was skipped: it is active, its retries begin anew. Its "
        "job must not be completed.",
    .sets = ask_sets,
    .set_count = 1,
    .args = ask_args,
    .arg_count = 2,
    .examples = reactivate_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct task_ask_values),
    .main = reactivate};

const struct cmd cmd_task_delete = {
    .name = "task delete",
    .summary = "do without a task",
    .description =
        "Ask the session that has the run RUN to do without the task ID: it is "
        "ended if it runs, and does not count any more.",
    .sets = ask_sets,
    .set_count = 1,
    .args = ask_args,
    .arg_count = 2,
    .examples = delete_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct task_ask_values),
    .main = delete};
