/* The table of all keys: see keys.h. Here are those of specs; keys_*.c have
 * the others. What is said of them, keys_say.c knows. */
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
     .otherwise = "one slot a core of each node", .excludes = "pools",
     .meaning = "How the nodes of the allocation are used"},
    {KEY(spec_fields, pools), LIST(STRUCT(pool_keys), 1, JOBSPEC_MAX_POOLS),
     .excludes = "pool", .otherwise = "one pool of all nodes",
     .meaning = "Several pools in place of one: they divide the nodes of the "
                "allocation among them, in this order",
     .example = "[{id: big, nodes: {min_memory: 512GiB}}, {id: rest}]"},
    {KEY(spec_fields, jobs), LIST(STRUCT(job_keys), 1, JOBSPEC_MAX_JOBS),
     .otherwise = "those of job_schedules; one of both is required",
     .meaning = "The jobs to run",
     .example = "[{id: scan, task: {command_line: ./solve}}]"},
    {KEY(spec_fields, job_schedules),
     LIST(STRUCT(job_schedule_keys), 1, JOBSPEC_MAX_JOBS), .otherwise = "none",
     .meaning = "Jobs that begin by the clock while the session runs, once or "
                "again and again",
     .example = "[{id: check, schedule: {recurrence_interval: 10m}, "
                "job_specification: {task: {command_line: ./check}}}]"},
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
              "           {'items': {'required': ['id']}}}}},"
              " {'if': {'properties': {'pools': {'minItems': 2}},"
              "         'required': ['pools']},"
              "  'then': {'properties': {'pools':"
              "           {'items': {'required': ['id']}},"
              "           'jobs': {'items': {'required': ['pool_info']}}}}},"
              " {'anyOf': [{'required': ['jobs']},"
              "            {'required': ['job_schedules']}]}]",
    KEY_SET(spec_rows)};

const struct key_set *const key_sets[] = {&spec_keys,
                                          &storage_keys,
                                          &pool_keys,
                                          &pool_nodes_keys,
                                          &scheduling_policy_keys,
                                          &metadata_keys,
                                          &start_task_keys,
                                          &start_task_constraints_keys,
                                          &cache_keys,
                                          &package_keys,
                                          &package_reference_keys,
                                          &job_keys,
                                          &job_constraints_keys,
                                          &pool_info_keys,
                                          &job_preparation_keys,
                                          &preparation_constraints_keys,
                                          &job_release_keys,
                                          &job_manager_keys,
                                          &stop_when_keys,
                                          &sweep_keys,
                                          &parameter_keys,
                                          &range_keys,
                                          &spacing_keys,
                                          &files_keys,
                                          &repeat_keys,
                                          &task_keys,
                                          &task_constraints_keys,
                                          &setting_keys,
                                          &depends_keys,
                                          &id_range_keys,
                                          &exit_conditions_keys,
                                          &exit_code_keys,
                                          &exit_code_range_keys,
                                          &exit_options_keys,
                                          &success_keys,
                                          &retry_keys,
                                          &escalate_keys,
                                          &multi_instance_keys,
                                          &affinity_keys,
                                          &container_settings_keys,
                                          &resource_file_keys,
                                          &output_file_keys,
                                          &destination_keys,
                                          &output_container_keys,
                                          &upload_options_keys,
                                          &metric_keys,
                                          &metric_file_keys,
                                          &metric_group_keys,
                                          &metric_range_keys,
                                          &job_schedule_keys,
                                          &schedule_keys,
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
