/* The table of all keys: see keys.h. Here are those of specs, the pool and
 * jobs; keys_*.c have the others. What is said of them, keys_say.c knows. */
#include "config.h"
#include "spec/keys.h"

#include <string.h>

#include "model/columns.h"
#include "spec/keys_rows.h"

static const struct key spec_rows[] = {
    {KEY(spec_fields, name), TEXT(1, LABEL_MAX),
     .otherwise = "the name of the file without its suffix",
     .meaning = "What the run is called", .example = "ising"},
    {KEY(spec_fields, storage), STRUCT(storage_keys),
     .otherwise = "no containers",
     .meaning = "Where the files are that tasks are given, and where theirs "
                "go to"},
    {KEY(spec_fields, pool), STRUCT(pool_keys),
     .otherwise = "one slot a core of each node",
     .meaning = "How the nodes of the allocation are used"},
    {KEY(spec_fields, jobs), LIST(STRUCT(job_keys), 1, JOBSPEC_MAX_JOBS),
     .required = true, .meaning = "The jobs to run",
     .example = "[{id: scan, task: {command_line: ./solve}}]"},
};
const struct key_set spec_keys = {
    .name = "spec",
    .noun = "a job spec",
    .plural = "job specs",
    .path = NULL,
    .meaning = "A job spec says which tasks are to be run, and how",
    .ignored = "x-",
    .schema = "[{'if': {'properties': {'jobs': {'minItems': 2}}},"
              "  'then': {'properties': {'jobs':"
              "           {'items': {'required': ['id']}}}}}]",
    KEY_SET(spec_rows)};

static const struct key pool_rows[] = {
    {KEY(pool_fields, id), ID, .fallback = "pool",
     .meaning = "What the pool is called: AZ_BATCH_POOL_ID of its tasks",
     .example = "cluster"},
    {KEY(pool_fields, task_slots_per_node), INTEGER(1, JOBSPEC_MAX_SLOTS),
     .otherwise = "as many as the node has units",
     .meaning = "Slots of each node: how many tasks of one slot it runs at "
                "once",
     .example = "4"},
    {KEY(pool_fields, slot_unit),
     CHOICE("core", "hwthread", "numanode", "package"), .fallback = "core",
     .meaning = "What one slot stands for: a core, a hardware thread, a NUMA "
                "node or a package (socket)"},
    {KEY(pool_fields, scratch), TEXT_LIKE(1, PATH_BYTES_MAX, "^/[^$]*$"),
     .otherwise = "SLURM_TMPDIR, TMPDIR or /tmp of each node",
     .meaning = "A folder on each node's own disk, in which the directories of "
                "tasks and the cache are; it is emptied at the end",
     .example = "/local/scratch"},
    {KEY(pool_fields, scratch_reserve), SIZE(0), .fallback = "64MiB",
     .meaning = "How much of that disk staging leaves free"},
    {KEY(pool_fields, cache), STRUCT(cache_keys),
     .otherwise = "half of the free disk, not kept",
     .meaning = "The cache that each node has there"},
    {KEY(pool_fields, application_packages),
     LIST(STRUCT(package_keys), 0, STORAGE_MAX_PACKAGES), .otherwise = "none",
     .meaning = "Applications that nodes can unpack for their tasks",
     .example = "[{application_id: solver, version: '1.0', path: "
                "solver.tar.gz}]"},
    {KEY(pool_fields, application_package_references),
     LIST(STRUCT(package_reference_keys), 0, STORAGE_MAX_PACKAGES),
     .otherwise = "none", .meaning = "Those that all tasks get",
     .example = "[{application_id: solver}]"},
};
static const char the_allocation[] =
    "the nodes are those of the allocation: mpirun and the scheduler say which";
static const struct key_refused pool_refused[] = {
    {"vm_size", the_allocation},
    {"target_dedicated_nodes", the_allocation},
    {"target_low_priority_nodes", the_allocation},
    {"mount_configuration",
     "mount file systems before the run; containers of `storage` name their "
     "folders"},
    {NULL, NULL}};
const struct key_set pool_keys = {
    .name = "pool",
    .noun = "the pool",
    .plural = "pools",
    .path = "pool",
    .meaning = "The pool is made of the nodes of the allocation; a task "
               "occupies one or more of their slots",
    .refused = pool_refused,
    KEY_SET(pool_rows)};

static const struct key job_rows[] = {
    {KEY(job_fields, id), ID,
     .otherwise = "\"job\" if there is just one job; else it is required",
     .meaning = "What the job is called: 1 to 64 letters, digits, \"_\" and "
                "\"-\"; no two jobs have the same, whether in upper or lower "
                "case",
     .example = "scan"},
    {KEY(job_fields, priority),
     INTEGER(JOBSPEC_MIN_PRIORITY, JOBSPEC_MAX_PRIORITY), .fallback = "0",
     .meaning = "Tasks of a job of higher priority start first"},
    {KEY(job_fields, constraints), STRUCT(job_constraints_keys),
     .otherwise = "no limits, no retries",
     .meaning = "Limits of the job as a whole"},
    {KEY(job_fields, common_environment_settings), ENVIRONMENT,
     .otherwise = "none",
     .meaning = "Environment variables of all tasks of the job",
     .example = "{OMP_PROC_BIND: close}"},
    {KEY(job_fields, sweep),
     RANGE(KEY_STRUCT, 0, 0, .set = &sweep_keys,
           .another = LIST(STRUCT(sweep_keys), 1, TASKSET_MAX_SWEEPS)),
     .excludes = "tasks commands",
     .otherwise = "one task, or those of tasks or commands",
     .meaning = "Makes a task of each point of a parameter sweep"},
    {KEY(job_fields, tasks), LIST(STRUCT(task_keys), 1, TASKSET_MAX_COUNT),
     .excludes = "sweep commands",
     .otherwise = "one task, or those of sweep or commands",
     .meaning = "The tasks, one by one",
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
};
const struct key_set job_keys = {
    .name = "job",
    .noun = "a job",
    .plural = "jobs",
    .path = "jobs[]",
    .meaning = "A job is a set of tasks that have something in common",
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
        "           {'properties': {'command_line': false}}}}}]",
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

const struct key_set *const key_sets[] = {&spec_keys,
                                          &storage_keys,
                                          &pool_keys,
                                          &cache_keys,
                                          &package_keys,
                                          &package_reference_keys,
                                          &job_keys,
                                          &job_constraints_keys,
                                          &sweep_keys,
                                          &parameter_keys,
                                          &range_keys,
                                          &spacing_keys,
                                          &files_keys,
                                          &repeat_keys,
                                          &task_keys,
                                          &task_constraints_keys,
                                          &setting_keys,
                                          &resource_file_keys,
                                          &output_file_keys,
                                          &destination_keys,
                                          &output_container_keys,
                                          &upload_options_keys,
                                          &metric_keys,
                                          &metric_file_keys,
                                          &metric_group_keys,
                                          &metric_range_keys,
                                          NULL};

/* Beside the columns. */
static const char *const other_reserved_names[] = {"attempts", "duration",
                                                   "run", "jobs", "batch"};

const char *key_reserved_name(size_t i)
{
    if (i < COL_COUNT)
        return column_names[i];
    i -= COL_COUNT;
    return i < LENGTH(other_reserved_names) ? other_reserved_names[i] : NULL;
}

const struct key *key_find(const struct key_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->keys[i].name, name) == 0)
            return &set->keys[i];
    return NULL;
}

const struct key *key_excluded(const struct key_set *set, const struct key *key,
                               size_t i)
{
    const char *s = key->excludes;
    for (; s && i > 0; i--)
        if ((s = strchr(s, ' ')))
            s++;
    for (size_t k = 0, len = s ? strcspn(s, " ") : 0; s && k < set->count; k++)
        if (strlen(set->keys[k].name) == len &&
            memcmp(set->keys[k].name, s, len) == 0)
            return &set->keys[k];
    return NULL;
}
