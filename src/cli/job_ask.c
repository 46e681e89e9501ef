/* mpibatch job disable, enable, terminate: what the session is asked to do. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/command_ask.h"
#include "cli/job_topics.h"
#include "cli/node_arg.h"

struct job_ask_values {
    const char *job, *run, *reason;
    bool requeue, terminate, wait, json;
};

static int ask(const char *command, const struct job_ask_values *v,
               struct ask *a, const char *otherwise)
{
    struct run_arg run;
    uint32_t job;
    int rc = command_ask_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    rc = job_arg_find(command, run.spec, v->job, &job);
    if (rc == EXIT_OK) {
        a->what = ASK_JOB;
        snprintf(a->job_id, sizeof(a->job_id), "%s", run.spec->jobs[job].id);
        rc = command_ask(&run, a, v->json, false, otherwise);
    }
    run_arg_close(&run);
    return rc;
}

static int disable(void *values)
{
    const struct job_ask_values *v = values;
    struct ask a = {.act = ASK_DISABLE};
    int rc = command_ask_how("job disable", v->requeue, v->terminate, "wait",
                             v->wait, &a.how);
    return rc == EXIT_OK ? ask("job disable", v, &a, NULL) : rc;
}

static int enable(void *values)
{
    struct ask a = {.act = ASK_ENABLE};
    return ask("job enable", values, &a,
               "`mpibatch run SPEC --enable JOB` enables it in the next one");
}

static int terminate(void *values)
{
    const struct job_ask_values *v = values;
    struct ask a = {.act = ASK_TERMINATE};
    if (v->reason && strlen(v->reason) > ASK_MAX_WHY)
        return usage_error("job terminate", "--reason is longer than %d bytes",
                           ASK_MAX_WHY);
    snprintf(a.why, sizeof(a.why), "%s", v->reason ? v->reason : "");
    return ask("job terminate", v, &a, NULL);
}

#define JSON_OPT                                                               \
    {                                                                          \
        .name = "json", .kind = OPT_FLAG,                                      \
        .at = offsetof(struct job_ask_values, json),                           \
        .meaning = "print the answer as JSON, {\"version\": 1, \"command\", "  \
                   "\"error\": null or {\"code\", \"message\"}, \"text\"}"     \
    }

static const struct opt disable_opts[] = {
    {.name = "requeue",
     .kind = OPT_FLAG,
     .at = offsetof(struct job_ask_values, requeue),
     .meaning = "end the tasks that run; they run again when it is enabled, "
                "and no retry is used up: so it is without an option"},
    {.name = "terminate",
     .kind = OPT_FLAG,
     .at = offsetof(struct job_ask_values, terminate),
     .meaning = "end the tasks that run, for good: they have failed"},
    {.name = "wait",
     .kind = OPT_FLAG,
     .at = offsetof(struct job_ask_values, wait),
     .meaning = "let the tasks that run come to their end"},
    JSON_OPT};
static const struct opt enable_opts[] = {JSON_OPT};
static const struct opt terminate_opts[] = {
    {.name = "reason",
     .kind = OPT_TEXT,
     .value = "TEXT",
     .at = offsetof(struct job_ask_values, reason),
     .otherwise = "UserTerminate",
     .meaning = "why, for `mpibatch job show`"},
    JSON_OPT};
static const struct opt_set disable_sets[] = {OPT_SET(disable_opts, 0)};
static const struct opt_set enable_sets[] = {OPT_SET(enable_opts, 0)};
static const struct opt_set terminate_sets[] = {OPT_SET(terminate_opts, 0)};
static const struct arg args[] = {JOB_ARG(struct job_ask_values),
                                  RUN_ARG(struct job_ask_values)};

static const struct cmd_example disable_examples[] = {
    {"mpibatch job disable scan sweep.run --wait",
     "Start no more tasks of job scan"}};
static const struct cmd_example enable_examples[] = {
    {"mpibatch job enable scan sweep.run", "Go on with job scan"}};
static const struct cmd_example terminate_examples[] = {
    {"mpibatch job terminate scan sweep.run --reason 'good enough'",
     "End job scan, and say why"}};

const struct cmd cmd_job_disable = {
    .name = "job disable",
    .summary = "start no more tasks of a job",
    .description =
        "Ask the session that has the run RUN to start no more tasks of the "
        "job JOB, until `mpibatch job enable`. It is disabling until none of "
        "its tasks runs, then disabled.\n\n"
        "A session whose other jobs are completed does not wait for disabled "
        "ones: it ends with exit code 3, and one that resumes keeps them "
        "disabled.",
    .sets = disable_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = disable_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct job_ask_values),
    .main = disable};

const struct cmd cmd_job_enable = {
    .name = "job enable",
    .summary = "go on with a job that was disabled",
    .description = "Ask the session that has the run RUN to start tasks of the "
                   "disabled job JOB again.",
    .sets = enable_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = enable_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct job_ask_values),
    .main = enable};

const struct cmd cmd_job_terminate = {
    .name = "job terminate",
    .summary = "end a job, and the tasks of it that run",
    .description =
        "Ask the session that has the run RUN to end the job JOB: tasks that "
        "run are ended, and have failed (TaskEnded); those that have not begun "
        "never will, and stay active; its job release task runs on each node; "
        "then it is completed, for good.",
    .sets = terminate_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = terminate_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct job_ask_values),
    .main = terminate};
