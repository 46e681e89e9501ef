/* The table of all keys: the tasks that are not of a task set: start tasks of
 * pools; job preparation, release and manager tasks. */
#include "config.h"
#include "spec/keys_rows.h"

/* What several of them have. */
#define ROW_COMMAND                                                            \
    {                                                                          \
        KEY(special_fields, command_line), COMMAND,                            \
            .required = true, .meaning = "What is run; as in a task",          \
            .example = "./prepare"                                             \
    }
#define ROW_ENVIRONMENT                                                        \
    {                                                                          \
        KEY(special_fields, environment_settings), ENVIRONMENT,                \
            .otherwise = "none", .meaning = "Its environment variables",       \
            .example = "{LEVEL: 3}"                                            \
    }
#define ROW_FILES                                                              \
    {                                                                          \
        KEY(special_fields, resource_files),                                   \
            LIST(STRUCT(resource_file_keys), 0, STORAGE_MAX_FILES),            \
            .otherwise = "none",                                               \
            .meaning = "Files that it is given, in a directory of its own",    \
            .example = "[{auto_storage_container_name: inputs}]"               \
    }
#define ROW_PACKAGES                                                           \
    {                                                                          \
        KEY(special_fields, application_package_references),                   \
            LIST(STRUCT(package_reference_keys), 0, STORAGE_MAX_PACKAGES),     \
            .otherwise = "those of the pool",                                  \
            .meaning =                                                         \
                "Application packages that it needs beside those of the pool", \
            .example = "[{application_id: solver}]"                            \
    }
#define ROW_WORKING_DIR                                                        \
    {                                                                          \
        KEY(special_fields, working_dir), TEMPLATE(PATH_BYTES_MAX),            \
            .otherwise = "wd of its own directory",                            \
            .meaning =                                                         \
                "The folder that it is started in, if it has no directory of " \
                "its own; relative to the folder of the job spec",             \
            .example = "tools"                                                 \
    }
#define ROW_DIRECTORY                                                          \
    {                                                                          \
        KEY(special_fields, task_directory), BOOLEAN,                          \
            .otherwise = "true, unless it has working_dir",                    \
            .meaning =                                                         \
                "Whether it has a directory of its own on the node, as on a "  \
                "node of Azure Batch; else it starts in the folder of the "    \
                "job spec",                                                    \
            .example = "false"                                                 \
    }
#define ROW_WAIT(what)                                                         \
    {                                                                          \
        KEY(special_fields, wait_for_success), BOOLEAN, .fallback = "true",    \
                                                        .meaning = what        \
    }
#define ROW_ID(default_id)                                                     \
    {                                                                          \
        KEY(special_fields, id), ID, .fallback = (default_id),                 \
                                     .meaning = "What it is called"            \
    }

static const char no_users[] =
    "tasks run as the user who runs mpibatch; leave it out";
static const char no_reboot[] =
    "nodes do not start anew within a session; leave it out";
static const char no_token[] = "tasks need no token here; leave it out";
static const struct key_refused special_refused[] = {
    {"user_identity", no_users},
    {"rerun_on_node_reboot_after_success", no_reboot},
    {"retention_time",
     "its directory goes with the node's scratch when the session ends; leave "
     "it out"},
    {"authentication_token_settings", no_token},
    {"allow_low_priority_node",
     "all nodes are those of the allocation; leave it out"},
    {NULL, NULL}};

static const struct key start_rows[] = {
    ROW_COMMAND,
    ROW_ENVIRONMENT,
    {KEY(special_fields, constraints), STRUCT(start_task_constraints_keys),
     .otherwise = "no limit", .meaning = "Its limits",
     .example = "{max_wall_clock_time: 5m}"},
    {KEY(special_fields, max_task_retry_count), INTEGER(-1, RETRIES_MAX),
     .fallback = "0",
     .meaning = "How often it is tried again on a node where it has failed; "
                "-1 without limit"},
    ROW_WAIT("Whether a node gets tasks only when it has succeeded there. One "
             "on which it fails gets none at all"),
    ROW_WORKING_DIR,
    ROW_FILES,
    ROW_PACKAGES,
    ROW_DIRECTORY,
};
const struct key_set start_task_keys = {
    .name = "start_task",
    .noun = "the start task",
    .plural = "start tasks",
    .path = "pool.start_task",
    .meaning = "A start task runs on each node of the pool when the session "
               "begins, before all tasks. It occupies no slot",
    .refused = special_refused,
    .aside = true,
    KEY_SET(start_rows)};

static const struct key start_constraints_rows[] = {
    {KEY(constraints_fields, max_wall_clock_time), DURATION,
     .otherwise = "no limit",
     .meaning = "How long it may last; then it is ended and has failed",
     .example = "5m"},
};
static const struct key_refused start_constraints_refused[] = {
    {"max_task_retry_count",
     "`max_task_retry_count` is a key of the start task itself"},
    {NULL, NULL}};
const struct key_set start_task_constraints_keys = {
    .refused = start_constraints_refused,
    .name = "start_task_constraints",
    .noun = "the constraints of the start task",
    .plural = "constraints",
    .path = "pool.start_task.constraints",
    .aside = true,
    .meaning = "Limits of a start task",
    KEY_SET(start_constraints_rows)};

static const struct key preparation_rows[] = {
    ROW_ID("jobpreparation"),
    ROW_COMMAND,
    ROW_ENVIRONMENT,
    {KEY(special_fields, constraints), STRUCT(preparation_constraints_keys),
     .otherwise = "no time limit, no retries",
     .meaning = "Its limits, and how often it is tried again on a node where "
                "it has failed",
     .example = "{max_wall_clock_time: 5m, max_task_retry_count: 2}"},
    ROW_WAIT("Whether the job's tasks start on a node only when it has "
             "succeeded there. A node on which it fails gets none of them"),
    ROW_WORKING_DIR,
    ROW_FILES,
    ROW_PACKAGES,
    ROW_DIRECTORY,
};
const struct key_set job_preparation_keys = {
    .name = "job_preparation_task",
    .noun = "the job preparation task",
    .plural = "job preparation tasks",
    .path = "jobs[].job_preparation_task",
    .meaning = "A job preparation task runs on each node before the first task "
               "of the job there. Tasks find its directory in "
               "AZ_BATCH_JOB_PREP_DIR. It occupies no slot",
    .refused = special_refused,
    .aside = true,
    KEY_SET(preparation_rows)};

static const struct key preparation_constraints_rows[] = {
    {KEY(constraints_fields, max_wall_clock_time), DURATION,
     .otherwise = "no limit",
     .meaning = "How long an attempt may last; then it is ended and has failed",
     .example = "5m"},
    {KEY(constraints_fields, max_task_retry_count), INTEGER(-1, RETRIES_MAX),
     .fallback = "0",
     .meaning = "How often it is tried again on a node where it has failed; "
                "-1 without limit"},
};
const struct key_set preparation_constraints_keys = {
    .name = "preparation_constraints",
    .noun = "the constraints of the job preparation task",
    .plural = "constraints",
    .path = "jobs[].job_preparation_task.constraints",
    .meaning = "Limits of a job preparation task",
    .refused = special_refused,
    .aside = true,
    KEY_SET(preparation_constraints_rows)};

static const struct key release_rows[] = {
    ROW_ID("jobrelease"),
    ROW_COMMAND,
    ROW_ENVIRONMENT,
    {KEY(special_fields, max_wall_clock_time), DURATION, .fallback = "15m",
     .meaning = "How long it may last, at most 15 min; then it is ended"},
    ROW_WORKING_DIR,
    ROW_FILES,
    ROW_PACKAGES,
    ROW_DIRECTORY,
};
const struct key_set job_release_keys = {
    .name = "job_release_task",
    .noun = "the job release task",
    .plural = "job release tasks",
    .path = "jobs[].job_release_task",
    .meaning = "A job release task runs when the job ends, on each node that "
               "has run its preparation task. It is not tried again, and its "
               "failure does not make the job's. It occupies no slot",
    .refused = special_refused,
    .aside = true,
    KEY_SET(release_rows)};

static const struct key manager_rows[] = {
    ROW_ID("jobmanager"),
    ROW_COMMAND,
    ROW_ENVIRONMENT,
    {KEY(special_fields, constraints), STRUCT(task_constraints_keys),
     .otherwise = "no time limit; the job's retries",
     .meaning = "Limits of each attempt at it",
     .example = "{max_task_retry_count: 2}"},
    {KEY(special_fields, kill_job_on_completion), BOOLEAN, .fallback = "true",
     .meaning = "Whether its end ends the job, and what still runs of it"},
    {KEY(special_fields, run_exclusive), BOOLEAN, .fallback = "true",
     .meaning = "Whether it has its node for itself"},
    {KEY(special_fields, required_slots), INTEGER(1, JOBSPEC_MAX_SLOTS),
     .fallback = "1", .meaning = "How many slots of its node it occupies"},
    ROW_WORKING_DIR,
    ROW_FILES,
    {KEY(special_fields, output_files),
     LIST(STRUCT(output_file_keys), 0, STORAGE_MAX_FILES), .otherwise = "none",
     .meaning = "Files that it leaves in its own directory and that are stored",
     .example = "[{file_pattern: '*.log', return: true}]"},
    ROW_PACKAGES,
    {KEY(special_fields, task_directory), BOOLEAN,
     .otherwise = "true if it has resource files, output files or application "
                  "packages",
     .meaning = "Whether it has a directory of its own; else it starts in the "
                "folder of the job spec",
     .example = "true"},
};
const struct key_set job_manager_keys = {
    .name = "job_manager_task",
    .noun = "the job manager task",
    .plural = "job manager tasks",
    .path = "jobs[].job_manager_task",
    .meaning = "A job manager task is the first one of its job to start, and "
               "may add tasks to it",
    .refused = special_refused,
    .aside = true,
    KEY_SET(manager_rows)};
