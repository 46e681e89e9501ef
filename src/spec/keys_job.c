/* The table of all keys: jobs and schedules of jobs. */
#include "config.h"
#include "spec/keys_rows.h"

/* A number, or a percentage. */
#define LIKE_FAILED "^([1-9][0-9]*|(100|[0-9]?[0-9]([.][0-9]*)?)%)$"
/* A time of ISO 8601 in UTC, or a duration: the first letters tell. */
#define LIKE_TIME "^[0-9.P]"

static const struct key job_rows[] = {
    {KEY(job_fields, id), ID,
     .otherwise = "\"job\" if there is just one job; else it is required",
     .meaning = "What the job is called: 1 to 64 letters, digits, \"_\" and "
                "\"-\"; no two jobs have the same, whether in upper or lower "
                "case",
     .example = "scan"},
    {KEY(job_fields, display_name), TEXT(1, DISPLAY_NAME_MAX),
     .otherwise = "none", .meaning = "What people call it",
     .example = "The long scan"},
    {KEY(job_fields, metadata), METADATA, .otherwise = "none",
     .meaning = "Names and values of your own; they are shown, and change "
                "nothing",
     .example = "{project: lattice}"},
    {KEY(job_fields, pool_info), STRUCT(pool_info_keys),
     .otherwise = "the pool; with several pools it is required",
     .meaning = "Which of several pools its tasks run in",
     .example = "{pool_id: big}"},
    {KEY(job_fields, priority),
     INTEGER(JOBSPEC_MIN_PRIORITY, JOBSPEC_MAX_PRIORITY), .fallback = "0",
     .meaning = "Tasks of a job of higher priority start first"},
    {KEY(job_fields, constraints), STRUCT(job_constraints_keys),
     .otherwise = "no limits, no retries",
     .meaning = "Limits of the job as a whole"},
    {KEY(job_fields, max_parallel_tasks), INTEGER(-1, INT32_MAX),
     .fallback = "-1",
     .meaning = "How many of its tasks run at once at most; -1 as many as "
                "there is room for",
     .example = "20"},
    {KEY(job_fields, common_environment_settings), ENVIRONMENT,
     .otherwise = "none",
     .meaning = "Environment variables of all tasks of the job",
     .example = "{OMP_PROC_BIND: close}"},
    {KEY(job_fields, job_preparation_task), STRUCT(job_preparation_keys),
     .otherwise = "none",
     .meaning = "Runs on each node before the first task of the job there",
     .example = "{command_line: ./fetch-inputs}"},
    {KEY(job_fields, job_release_task), STRUCT(job_release_keys),
     .otherwise = "none",
     .meaning = "Runs at the end of the job, however it ends, on each node "
                "that has run its preparation task; only with one",
     .example = "{command_line: ./clean-up}"},
    {KEY(job_fields, job_manager_task), STRUCT(job_manager_keys),
     .otherwise = "none",
     .meaning = "The task of the job that starts first; it may add others by "
                "mpibatch task add",
     .example = "{command_line: ./steer}"},
    {KEY(job_fields, on_all_tasks_complete),
     CHOICE("terminate_job", "no_action"), .fallback = "terminate_job",
     .meaning = "What happens when all tasks are completed: the job is, too; "
                "or it stays active, and the session with it, for tasks that "
                "are added, until mpibatch job terminate"},
    {KEY(job_fields, on_task_failure),
     CHOICE("no_action", "perform_exit_options_job_action"),
     .fallback = "no_action",
     .meaning = "Whether the job_action of exit conditions is done when a task "
                "has failed"},
    {KEY(job_fields, stop_when), STRUCT(stop_when_keys),
     .otherwise = "failures do not end the job",
     .meaning = "Ends the job when too many of its tasks have failed",
     .example = "{failed: 5%, after: 20}"},
    {KEY(job_fields, uses_task_dependencies), BOOLEAN,
     .otherwise = "whatever its tasks need",
     .meaning = "Whether tasks may have depends_on; as they may in any job, it "
                "need not be said",
     .example = "true"},
    {KEY(job_fields, sweep),
     RANGE(KEY_STRUCT, 0, 0, .set = &sweep_keys,
           .another = LIST(STRUCT(sweep_keys), 1, TASKSET_MAX_SWEEPS)),
     .excludes = "tasks commands",
     .otherwise = "one task, or those of tasks or commands",
     .meaning = "Makes a task of each point of a parameter sweep"},
    {KEY(job_fields, tasks), LIST(STRUCT(task_keys), 0, TASKSET_MAX_COUNT),
     .excludes = "sweep commands",
     .otherwise = "one task, or those of sweep or commands",
     .meaning = "The tasks, one by one; none at all, if they are added later",
     .example = "[{command_line: ./a}, {command_line: ./b}]"},
    {KEY(job_fields, commands), TEXT(1, PATH_BYTES_MAX),
     .excludes = "sweep tasks",
     .otherwise = "one task, or those of sweep or tasks",
     .meaning = "A file with a command line a line, each a task; blank lines "
                "and lines that begin with # are left out; its path is "
                "relative to the folder of the job spec",
     .example = "commands.txt"},
    {KEY(job_fields, task), STRUCT(task_keys),
     .otherwise = "nothing; required without tasks and commands",
     .meaning = "The template of the tasks of a sweep; the task, if there is "
                "neither sweep nor tasks nor commands; with tasks, what they "
                "do not set themselves; with commands, all but the command "
                "line",
     .example = "{command_line: './solve --T {T}'}"},
    {KEY(job_fields, max_tasks), INTEGER(1, TASKSET_MAX_COUNT),
     .fallback = "1000000000",
     .meaning = "How many tasks its sweep or command file may make at most: a "
                "guard against a slip that makes more than was meant",
     .example = "5000"},
    {KEY(job_fields, metrics),
     NAMED(STRUCT(metric_keys), 0, JOBSPEC_MAX_METRICS), .otherwise = "none",
     .meaning = "Numbers and texts to be found in what a task leaves: a name "
                "and how to find it",
     .example = "{energy: {regex: '^E = (\\S+)', units: J}}"},
    {KEY(job_fields, depends_on), DEPENDS_ON, .otherwise = "nothing",
     .meaning = "Jobs and tasks that must have ended well before any of its "
                "tasks starts, beside what the tasks depend on themselves",
     .example = "{job: prepare}"},
};
static const struct key_refused job_refused[] = {
    {"allow_task_preemption",
     "no task is ended for the sake of another; leave it out"},
    {"network_configuration",
     "nodes use the cluster's network, all can talk to all; leave it out"},
    {NULL, NULL}};
const struct key_set job_keys = {
    .name = "job",
    .noun = "a job",
    .plural = "jobs",
    .path = "jobs[]",
    .meaning = "A job is a set of tasks that have something in common",
    .refused = job_refused,
    .schema =
        "[{'if': {'not': {'anyOf': [{'required': ['tasks']},"
        "                           {'required': ['commands']}]}},"
        "  'then': {'required': ['task'],"
        "           'properties': {'task': {'required': ['command_line']}}}},"
        " {'if': {'required': ['tasks'],"
        "         'not': {'required': ['task'],"
        "                 'properties': {'task':"
        "                                {'required': ['command_line']}}}},"
        "  'then': {'properties': {'tasks':"
        "           {'items': {'required': ['command_line']}}}}},"
        " {'if': {'required': ['commands']},"
        "  'then': {'properties': {'task':"
        "           {'properties': {'command_line': false}}}}},"
        " {'if': {'required': ['job_release_task']},"
        "  'then': {'required': ['job_preparation_task']}},"
        " {'if': {'required': ['tasks'],"
        "         'properties': {'tasks': {'maxItems': 0}}},"
        "  'then': {'anyOf': [{'required': ['job_manager_task']},"
        "           {'required': ['on_all_tasks_complete'],"
        "            'properties': {'on_all_tasks_complete':"
        "                           {'const': 'no_action'}}}]}},"
        " {'properties': {'max_parallel_tasks': {'not': {'const': 0}}}}]",
    KEY_SET(job_rows)};

static const struct key job_constraints_rows[] = {
    {KEY(constraints_fields, max_wall_clock_time), DURATION,
     .otherwise = "no limit",
     .meaning = "How long the job may last from its start; then its tasks are "
                "ended and the job is completed",
     .example = "12h"},
    {KEY(constraints_fields, max_task_retry_count), INTEGER(-1, RETRIES_MAX),
     .fallback = "0",
     .meaning = "How often each of its tasks is tried again after a failure; "
                "-1 without limit"},
};
const struct key_set job_constraints_keys = {.name = "job_constraints",
                                             .noun = "the constraints of a job",
                                             .plural = "constraints",
                                             .path = "jobs[].constraints",
                                             .meaning = "Limits of a job",
                                             KEY_SET(job_constraints_rows)};

static const struct key pool_info_rows[] = {
    {KEY(pool_info_fields, pool_id), ID, .required = true,
     .meaning = "The id of the pool", .example = "big"},
};
static const struct key_refused pool_info_refused[] = {
    {"auto_pool_specification",
     "pools are part of the job spec: `pools` at the top level"},
    {NULL, NULL}};
const struct key_set pool_info_keys = {
    .name = "pool_info",
    .noun = "the pool info",
    .plural = "pool infos",
    .path = "jobs[].pool_info",
    .meaning = "Which pool the tasks of a job run in",
    .refused = pool_info_refused,
    KEY_SET(pool_info_rows)};

static const struct key stop_when_rows[] = {
    {KEY(stop_when_fields, failed), TEXT_LIKE(1, 32, LIKE_FAILED),
     .required = true,
     .meaning = "So many tasks; or so many of those that are completed, in per "
                "cent",
     .example = "5%"},
    {KEY(stop_when_fields, after), INTEGER(0, TASKSET_MAX_COUNT),
     .fallback = "0", .meaning = "But only when so many tasks are completed",
     .example = "20"},
};
const struct key_set stop_when_keys = {
    .name = "stop_when",
    .noun = "the condition to stop",
    .plural = "conditions",
    .path = "jobs[].stop_when",
    .meaning = "The job ends with TaskFailed when so many of its tasks have "
               "failed for good",
    KEY_SET(stop_when_rows)};

static const struct key job_schedule_rows[] = {
    {KEY(job_schedule_fields, id), ID, .required = true,
     .meaning = "What the schedule is called; its jobs are called ID-job-1, "
                "ID-job-2 and so on",
     .example = "check"},
    {KEY(job_schedule_fields, display_name), TEXT(1, DISPLAY_NAME_MAX),
     .otherwise = "none", .meaning = "What people call its jobs",
     .example = "The check"},
    {KEY(job_schedule_fields, metadata), METADATA, .otherwise = "none",
     .meaning = "Names and values of your own, of its jobs",
     .example = "{project: lattice}"},
    {KEY(job_schedule_fields, schedule), STRUCT(schedule_keys),
     .otherwise = "one job, at once", .meaning = "When its jobs begin",
     .example = "{recurrence_interval: 10m}"},
    {KEY(job_schedule_fields, job_specification), STRUCT(job_keys),
     .required = true, .meaning = "What its jobs are: as a job, without an id",
     .example = "{task: {command_line: ./check}}"},
};
const struct key_set job_schedule_keys = {
    .name = "job_schedule",
    .noun = "a job schedule",
    .plural = "job schedules",
    .path = "job_schedules[]",
    .meaning = "Jobs that begin by the clock, within the life of the session. "
               "Only one of them is active at a time: one that is due "
               "meanwhile waits for it, up to start_window",
    .schema = "[{'properties': {'job_specification':"
              "  {'not': {'required': ['id']}}}}]",
    KEY_SET(job_schedule_rows)};

static const struct key schedule_rows[] = {
    {KEY(schedule_fields, do_not_run_until), TEXT_LIKE(1, 64, LIKE_TIME),
     .otherwise = "at once",
     .meaning = "When the first job is due: a time in UTC, or a duration from "
                "the session's start",
     .example = "2027-01-31T18:00:00Z"},
    {KEY(schedule_fields, do_not_run_after), TEXT_LIKE(1, 64, LIKE_TIME),
     .otherwise = "no end",
     .meaning = "No job begins later: a time in UTC, or a duration from the "
                "session's start",
     .example = "8h"},
    {KEY(schedule_fields, start_window), DURATION, .otherwise = "no limit",
     .meaning = "How late a job may begin; one that could not by then is left "
                "out, which is said",
     .example = "5m"},
    {KEY(schedule_fields, recurrence_interval), DURATION,
     .otherwise = "there is one job",
     .meaning = "The time from one job to the next: at least 1 s (in Azure "
                "Batch 1 min). There are 1000 jobs at most",
     .example = "10m"},
};
const struct key_set schedule_keys = {.name = "schedule",
                                      .noun = "a schedule",
                                      .plural = "schedules",
                                      .path = "job_schedules[].schedule",
                                      .meaning = "When the jobs begin",
                                      KEY_SET(schedule_rows)};
