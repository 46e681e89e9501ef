/* The table of all keys: tasks. */
#include "config.h"
#include "spec/keys_rows.h"

static const struct key task_rows[] = {
    {KEY(task_fields, id), TEMPLATE(LABEL_MAX),
     .otherwise = "the task's index in decimal",
     .meaning = "What the task is called, as a job; no two tasks of a job have "
                "the same",
     .example = "'L{L}-{task.index}'"},
    {KEY(task_fields, command_line), COMMAND, .otherwise = "nothing; required",
     .meaning = "What is run: a line, which goes through /bin/sh only if it "
                "has something for a shell in it, or a list of words, which "
                "never does",
     .example = "'./solve --T {T}'"},
    {KEY(task_fields, environment_settings), ENVIRONMENT, .otherwise = "none",
     .meaning = "Environment variables of the task, beside and before those "
                "of its job",
     .example = "{SEED: '{task.index}'}"},
    {KEY(task_fields, constraints), STRUCT(task_constraints_keys),
     .otherwise = "no time limit; the job's retries",
     .meaning = "Limits of each attempt at the task"},
    {KEY(task_fields, required_slots), INTEGER(1, JOBSPEC_MAX_SLOTS),
     .fallback = "1", .meaning = "How many slots of a node the task occupies"},
    {KEY(task_fields, required_resources), AMOUNTS(REQUEST_MAX_AMOUNTS),
     .otherwise = "nothing but slots",
     .meaning = "What the task needs besides: cores (in place of "
                "required_slots), memory, gpus (whole ones, or less than one), "
                "and what node_resources and pool_resources of its pool name. "
                "A task that takes more memory is ended; 0 takes back what "
                "`task` says",
     .example = "{memory: 4GiB, gpus: 0.5, licences: 1}"},
    {KEY(task_fields, working_dir), TEMPLATE(PATH_BYTES_MAX),
     .otherwise = "the folder of the job spec; wd of its own directory, if it "
                  "has one",
     .meaning = "The folder that the task is started in; relative to the "
                "folder of the job spec. Not for tasks with a directory of "
                "their own",
     .example = "'runs/{task.id}'"},
    {KEY(task_fields, resource_files),
     LIST(STRUCT(resource_file_keys), 0, STORAGE_MAX_FILES),
     .otherwise = "none",
     .meaning = "Files that the task is given: it gets a directory of its own "
                "on the disk of its node",
     .example = "[{auto_storage_container_name: inputs}]"},
    {KEY(task_fields, output_files),
     LIST(STRUCT(output_file_keys), 0, STORAGE_MAX_FILES), .otherwise = "none",
     .meaning = "Files that the task leaves in its own directory and that are "
                "stored",
     .example = "[{file_pattern: '*.dat', return: true}]"},
    {KEY(task_fields, application_package_references),
     LIST(STRUCT(package_reference_keys), 0, STORAGE_MAX_PACKAGES),
     .otherwise = "those of the pool",
     .meaning = "Application packages that it needs beside those of the pool",
     .example = "[{application_id: solver, version: '1.0'}]"},
    {KEY(task_fields, task_directory), BOOLEAN,
     .otherwise = "true if it has resource files, output files, application "
                  "packages or keep",
     .meaning = "Whether it has a directory of its own, as on a node of Azure "
                "Batch, though nothing asks for one",
     .example = "true"},
    {KEY(task_fields, keep), CHOICE("none", "failed", "all"),
     .otherwise = "none",
     .meaning = "Whether its own directory stays on its node when it has "
                "ended, always or if it has failed: mpibatch files shows it",
     .example = "failed"},
    {KEY(task_fields, depends_on), DEPENDS_ON, .otherwise = "nothing",
     .meaning = "Tasks that must have ended well before this one starts: ids "
                "of tasks of its job, or mappings that name others. If one of "
                "them ends otherwise the task is skipped",
     .example = "[mesh, initial]"},
    {KEY(task_fields, exit_conditions), STRUCT(exit_conditions_keys),
     .otherwise = "exit code 0 satisfies dependents, all else blocks them",
     .meaning = "What its end means for its job and its dependents",
     .example = "{default: {dependency_action: satisfy}}"},
    {KEY(task_fields, success), STRUCT(success_keys),
     .otherwise = "exit code 0", .meaning = "When it has succeeded",
     .example = "{exit_codes: [0], files: [out.nc]}"},
    {KEY(task_fields, retry), STRUCT(retry_keys),
     .otherwise = "what failed by itself is tried again at once, anywhere",
     .meaning = "Which failures are tried again, when and where; how often, "
                "constraints.max_task_retry_count says",
     .example = "{never: [2], backoff: 10s}"},
    {KEY(task_fields, checkpoint_exit_code), INTEGER(1, 255),
     .otherwise = "none",
     .meaning = "The exit code by which it says that it has kept its state and "
                "wants to go on: it is started again in the same directory, "
                "and no retry is used",
     .example = "85"},
    {KEY(task_fields, keep_working_dir), BOOLEAN, .fallback = "false",
     .meaning = "Whether a retry on the same node goes on in the directory of "
                "the attempt before it; else it gets a fresh one"},
    {KEY(task_fields, multi_instance_settings), STRUCT(multi_instance_keys),
     .otherwise = "one node",
     .meaning = "Makes it run on several nodes at once, such as an MPI program",
     .example = "{number_of_instances: 2}"},
    {KEY(task_fields, affinity_info), STRUCT(affinity_keys),
     .otherwise = "any node", .meaning = "Where it would rather run",
     .example = "{affinity_id: node-0}"},
    {KEY(task_fields, container_settings), STRUCT(container_settings_keys),
     .otherwise = "none", .meaning = "A container that it runs in",
     .example = "{image_name: images/solver.sif}"},
};
static const struct key_refused task_refused[] = {
    {"user_identity", "tasks run as the user who runs mpibatch; leave it out"},
    {"authentication_token_settings", "tasks need no token here; leave it out"},
    {NULL, NULL}};
const struct key_set task_keys = {.refused = task_refused,
                                  .name = "task",
                                  .noun = "a task",
                                  .plural = "tasks",
                                  .path = "jobs[].task or jobs[].tasks[]",
                                  .meaning = "A task is one run of a program",
                                  KEY_SET(task_rows)};

static const struct key task_constraints_rows[] = {
    {KEY(constraints_fields, max_wall_clock_time), DURATION,
     .otherwise = "no limit",
     .meaning = "How long an attempt may last; then it is ended and has failed",
     .example = "30m"},
    {KEY(constraints_fields, max_task_retry_count), INTEGER(-1, RETRIES_MAX),
     .otherwise = "that of the job",
     .meaning = "How often the task is tried again after a failure; -1 "
                "without limit",
     .example = "2"},
    {KEY(constraints_fields, retention_time), DURATION, .otherwise = "7d",
     .meaning = "How long its directory stays on its node, if `keep` says so; "
                "the first run there behind that removes it",
     .example = "1d"},
};
const struct key_set task_constraints_keys = {.name = "task_constraints",
                                              .noun =
                                                  "the constraints of a task",
                                              .plural = "constraints",
                                              .path = "jobs[].task.constraints",
                                              .meaning = "Limits of a task",
                                              KEY_SET(task_constraints_rows)};

static const struct key setting_rows[] = {
    {KEY(setting_fields, name), TEXT_LIKE(1, LABEL_MAX, LIKE_VARIABLE),
     .required = true, .meaning = "The name of the variable",
     .example = "SEED"},
    {KEY(setting_fields, value), TEMPLATE(COMMAND_MAX_BYTES), .required = true,
     .meaning = "Its value", .example = "'{task.index}'"},
};
const struct key_set setting_keys = {
    .name = "environment_setting",
    .noun = "an environment setting",
    .plural = "environment settings",
    .path = "environment_settings[]",
    .meaning = "One environment variable, as Azure Batch writes it",
    KEY_SET(setting_rows)};
