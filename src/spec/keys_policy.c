/* The table of all keys: what becomes of a task behind an attempt, and on what
 * it runs beside a node. */
#include "config.h"
#include "spec/keys_rows.h"

enum { EXIT_CODE_MAX = 255, CODES_MAX = 256, INSTANCES_MAX = 65536 };

#define EXIT_CODE INTEGER(0, EXIT_CODE_MAX)

/* ---- exit_conditions ---- */

static const struct key exit_options_rows[] = {
    {KEY(exit_options_fields, job_action),
     CHOICE("none", "disable", "terminate"),
     .otherwise = "none for exit code 0, else terminate",
     .meaning = "What happens to the job; only for jobs with on_task_failure: "
                "perform_exit_options_job_action",
     .example = "terminate"},
    {KEY(exit_options_fields, dependency_action), CHOICE("block", "satisfy"),
     .otherwise = "satisfy for exit code 0, else block",
     .meaning = "Whether tasks that depend on this one are run, or skipped",
     .example = "satisfy"},
};
const struct key_set exit_options_keys = {
    .name = "exit_options",
    .noun = "exit options",
    .plural = "exit options",
    .path = "exit_conditions.default",
    .meaning = "What the end of a task means for its job and its dependents",
    KEY_SET(exit_options_rows)};

static const struct key exit_code_rows[] = {
    {KEY(exit_code_fields, code), EXIT_CODE, .required = true,
     .meaning = "The exit code", .example = "3"},
    {KEY(exit_code_fields, exit_options), STRUCT(exit_options_keys),
     .required = true, .meaning = "What it means",
     .example = "{dependency_action: satisfy}"},
};
const struct key_set exit_code_keys = {.name = "exit_code",
                                       .noun = "an exit code",
                                       .plural = "exit codes",
                                       .path = "exit_conditions.exit_codes[]",
                                       .meaning =
                                           "What one exit code of a task means",
                                       KEY_SET(exit_code_rows)};

static const struct key exit_code_range_rows[] = {
    {KEY(exit_code_range_fields, start), EXIT_CODE, .required = true,
     .meaning = "The first exit code", .example = "1"},
    {KEY(exit_code_range_fields, end), EXIT_CODE, .required = true,
     .meaning = "The last one", .example = "9"},
    {KEY(exit_code_range_fields, exit_options), STRUCT(exit_options_keys),
     .required = true, .meaning = "What they mean",
     .example = "{dependency_action: satisfy}"},
};
const struct key_set exit_code_range_keys = {
    .name = "exit_code_range",
    .noun = "a range of exit codes",
    .plural = "ranges of exit codes",
    .path = "exit_conditions.exit_code_ranges[]",
    .meaning = "What some exit codes of a task mean",
    KEY_SET(exit_code_range_rows)};

static const struct key exit_conditions_rows[] = {
    {KEY(exit_conditions_fields, exit_codes),
     LIST(STRUCT(exit_code_keys), 0, CODES_MAX), .otherwise = "none",
     .meaning = "What single exit codes mean; they come before ranges",
     .example = "[{code: 3, exit_options: {dependency_action: satisfy}}]"},
    {KEY(exit_conditions_fields, exit_code_ranges),
     LIST(STRUCT(exit_code_range_keys), 0, CODES_MAX), .otherwise = "none",
     .meaning = "What ranges of exit codes mean; of two the first one counts",
     .example = "[{start: 1, end: 9, exit_options: {dependency_action: "
                "satisfy}}]"},
    {KEY(exit_conditions_fields, pre_processing_error),
     STRUCT(exit_options_keys), .otherwise = "default",
     .meaning = "What it means if the task could not be prepared: a resource "
                "file, a package, its directory",
     .example = "{dependency_action: block}"},
    {KEY(exit_conditions_fields, file_upload_error), STRUCT(exit_options_keys),
     .otherwise = "default",
     .meaning = "What it means if its output files could not be stored, unless "
                "its exit code is listed",
     .example = "{dependency_action: satisfy}"},
    {.name = "default",
     .at = offsetof(struct exit_conditions_fields, otherwise),
     STRUCT(exit_options_keys),
     .otherwise = "terminate and block",
     .meaning = "What all other ends mean, but that with exit code 0",
     .example = "{dependency_action: satisfy}"},
};
const struct key_set exit_conditions_keys = {
    .name = "exit_conditions",
    .noun = "exit conditions",
    .plural = "exit conditions",
    .path = "jobs[].task.exit_conditions",
    .meaning = "What the end of a task means for its job and for the tasks "
               "that depend on it, once it is not tried again",
    KEY_SET(exit_conditions_rows)};

/* ---- success ---- */

#define CONDITION TEXT(1, EXPR_MAX_BYTES)

static const struct key success_rows[] = {
    {KEY(success_fields, exit_codes), LIST(EXIT_CODE, 1, CODES_MAX),
     .otherwise = "[0]", .meaning = "The exit codes that are success",
     .example = "[0, 3]"},
    {KEY(success_fields, files),
     LIST(TEMPLATE_LIKE(1, PATH_BYTES_MAX, LIKE_INSIDE), 0, STORAGE_MAX_FILES),
     .otherwise = "none",
     .meaning = "Files that the task must have left, relative to the directory "
                "that it starts in",
     .example = "[out.nc]"},
    {KEY(success_fields, stdout_regex), REGEX, .otherwise = "none",
     .meaning = "What its standard output must have in it: a regular "
                "expression (PCRE2); ^ and $ match at lines",
     .example = "converged"},
    {KEY(success_fields, metric),
     RANGE(KEY_TEXT, 1, EXPR_MAX_BYTES,
           .another = LIST(CONDITION, 1, JOBSPEC_MAX_METRICS)),
     .otherwise = "none",
     .meaning = "A condition, or several that all must hold, over the metrics "
                "of the job",
     .example = "residual < 1e-6"},
};
const struct key_set success_keys = {
    .name = "success",
    .noun = "success criteria",
    .plural = "success criteria",
    .path = "jobs[].task.success",
    .meaning = "When a task has succeeded: all that is given must hold",
    KEY_SET(success_rows)};

/* ---- retry ---- */

/* A factor as one says it. */
#define FACTOR TEXT_LIKE(1, 32, "^[0-9]+(\\.[0-9]*)?x?$")

static const struct key escalate_rows[] = {
    {KEY(escalate_fields, memory), FACTOR, .otherwise = "1x",
     .meaning = "By what the memory limit grows each time that it was the end "
                "of the task",
     .example = "2x"},
    {KEY(escalate_fields, max_wall_clock_time), FACTOR, .otherwise = "1x",
     .meaning = "By what the time limit grows each time that it was the end of "
                "the task",
     .example = "1.5x"},
};
const struct key_set escalate_keys = {
    .name = "escalate",
    .noun = "an escalation",
    .plural = "escalations",
    .path = "jobs[].task.retry.escalate",
    .meaning = "What a retry has more of than the attempt before it",
    KEY_SET(escalate_rows)};

static const struct key retry_rows[] = {
    {KEY(retry_fields, on),
     LIST(CHOICE("codes", "signals", "timeout", "memory", "lost", "staging"), 1,
          6),
     .otherwise = "[codes, signals, lost], and what escalate speaks of",
     .meaning = "What is tried again: exit codes that are no success, signals, "
                "the time limit, the memory limit, the loss of its node (which "
                "never uses up a retry), files that could not be fetched or "
                "stored",
     .example = "[codes, timeout, lost]"},
    {KEY(retry_fields, never), LIST(EXIT_CODE, 0, CODES_MAX),
     .otherwise = "none", .meaning = "Exit codes that are final",
     .example = "[2]"},
    {KEY(retry_fields, backoff), DURATION, .otherwise = "none",
     .meaning = "The pause before the first retry; it doubles with each one, "
                "up to an hour",
     .example = "10s"},
    {KEY(retry_fields, different_node), BOOLEAN, .fallback = "false",
     .meaning = "Whether a retry goes to a node on which the task has not "
                "failed yet, if there is one"},
    {KEY(retry_fields, escalate), STRUCT(escalate_keys), .otherwise = "nothing",
     .meaning = "What a retry has more of than the attempt before it",
     .example = "{memory: 2x}"},
};
const struct key_set retry_keys = {
    .name = "retry",
    .noun = "a retry policy",
    .plural = "retry policies",
    .path = "jobs[].task.retry",
    .meaning = "Which failures are tried again, when and where; how often, "
               "constraints.max_task_retry_count says",
    KEY_SET(retry_rows)};

/* ---- multi_instance_settings, affinity_info, container_settings ---- */

static const struct key multi_instance_rows[] = {
    {KEY(multi_instance_fields, number_of_instances), INTEGER(1, INSTANCES_MAX),
     .required = true, .meaning = "On how many nodes the task runs at once",
     .example = "2"},
    {KEY(multi_instance_fields, coordination_command_line), COMMAND,
     .otherwise = "none",
     .meaning = "What is run on each of the nodes before the command line is, "
                "on the first of them: it must end",
     .example = "./prepare-hosts"},
    {KEY(multi_instance_fields, common_resource_files),
     LIST(STRUCT(resource_file_keys), 0, STORAGE_MAX_FILES),
     .otherwise = "none",
     .meaning = "Files that each of the nodes is given, in "
                "AZ_BATCH_TASK_SHARED_DIR",
     .example = "[{auto_storage_container_name: inputs}]"},
};
const struct key_set multi_instance_keys = {
    .name = "multi_instance_settings",
    .noun = "a multi-instance task",
    .plural = "multi-instance settings",
    .path = "jobs[].task.multi_instance_settings",
    .meaning = "A task on several nodes at once, such as an MPI program",
    KEY_SET(multi_instance_rows)};

static const struct key affinity_rows[] = {
    {KEY(affinity_fields, affinity_id), TEMPLATE_OF(1, LABEL_MAX),
     .required = true,
     .meaning = "The node that the task would rather run on: its name, or "
                "AZ_BATCH_NODE_ID of a task there. If it has no room the task "
                "runs elsewhere",
     .example = "node-0"},
};
const struct key_set affinity_keys = {.name = "affinity_info",
                                      .noun = "an affinity",
                                      .plural = "affinities",
                                      .path = "jobs[].task.affinity_info",
                                      .meaning =
                                          "Where a task would rather run",
                                      KEY_SET(affinity_rows)};

#define WORDS(low)                                                             \
    RANGE(KEY_TEMPLATE, low, COMMAND_MAX_BYTES,                                \
          .another =                                                           \
              LIST(TEMPLATE(COMMAND_MAX_BYTES), low, COMMAND_MAX_WORDS))

static const struct key container_rows[] = {
    {KEY(container_fields, image_name), TEMPLATE_OF(1, PATH_BYTES_MAX),
     .required = true,
     .meaning = "The image, as the runtime takes it: a file, or the name of "
                "one that it can get",
     .example = "images/solver.sif"},
    {KEY(container_fields, container_run_options), WORDS(0),
     .otherwise = "none",
     .meaning = "What is put between the runtime and the image: a text of "
                "words, or a list of them",
     .example = "--nv"},
    {KEY(container_fields, runtime), WORDS(1), .otherwise = "apptainer exec",
     .meaning = "The command that runs a command line in an image: a text of "
                "words, or a list of them",
     .example = "[singularity, exec]"},
    {KEY(container_fields, working_directory),
     CHOICE("task_working_directory", "container_image_default"),
     .fallback = "task_working_directory",
     .meaning = "Where the command line starts: in the directory that it would "
                "start in without a container, or in that of the image"},
};
static const struct key_refused container_refused[] = {
    {"registry",
     "log in to the registry before the run, as the runtime wants it; a job "
     "spec has no passwords"},
    {"container_host_batch_bind_mounts",
     "say what is mounted in `container_run_options`"},
    {NULL, NULL}};
const struct key_set container_settings_keys = {
    .name = "container_settings",
    .noun = "a container",
    .plural = "container settings",
    .path = "jobs[].task.container_settings",
    .meaning = "A container that the task's command line runs in",
    .refused = container_refused,
    KEY_SET(container_rows)};
