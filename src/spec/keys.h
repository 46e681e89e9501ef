/* All keys of a job spec, as one table.
 *
 * The parser, its error messages, the JSON Schema and the man page are made
 * from it: a key is one row in keys.c, and a member of the set's fields. Pure
 * data; how it is read, read.h knows.
 */
#ifndef MPIBATCH_SPEC_KEYS_H
#define MPIBATCH_SPEC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct tree_node;

enum key_kind {
    KEY_TEXT,
    KEY_ID,
    KEY_INTEGER,
    KEY_NUMBER,
    KEY_BOOLEAN,
    KEY_DURATION,
    KEY_SIZE,     /* bytes */
    KEY_MODE,     /* permission bits, octal */
    KEY_CHOICE,   /* one of a few words */
    KEY_TEMPLATE, /* text with placeholders */
    KEY_REGEX,
    KEY_SCALAR, /* any scalar but null */
    KEY_LIST,
    KEY_MAP,    /* names of the user's choice, each with a value */
    KEY_STRUCT, /* a fixed set of keys */
    KEY_KIND_COUNT
};

/* What a value must be. */
struct key_type {
    enum key_kind kind;
    int64_t min, max;          /* integer; bytes of text; how many in a list or
                                  map */
    const char *const *words;  /* choice: NULL-terminated */
    const struct key_type *of; /* list, map: of each element */
    const char *pattern;       /* for the schema. Map: what its names match;
                                  text: what it matches as far as that can be
                                  said of a template; or NULL */
    const struct key_set *set; /* struct */
    const struct key_type *another; /* a form it may have as well: for another
                                       kind of YAML node */
};

struct key {
    const char *name;
    size_t at; /* of its struct field in the set's fields */
    const struct key_type *type;
    bool required;
    const char *fallback;  /* the default, as one would write it */
    const char *otherwise; /* in words, what holds without it and fallback */
    const char *excludes;  /* keys of the set that may not stand beside it,
                              with blanks between them */
    const char *meaning;   /* a sentence, without its full stop */
    const char *example;   /* a value */
};

/* A key that Azure Batch has and we have not: what to say. */
struct key_refused {
    const char *name, *text;
};

/* The keys of one kind of mapping. */
struct key_set {
    const char *name;   /* of its definition in the schema */
    const char *noun;   /* "a job" */
    const char *plural; /* "jobs" */
    const char *path;   /* where it stands: "jobs[]"; NULL: at the top */
    const char *meaning;
    const char *const *one_of; /* of these keys exactly one is given; NULL */
    const char *ignored;       /* keys that begin so may stand there; or NULL */
    bool aside; /* who looks for one of its keys more likely means another
                   set's of the same name */
    const struct key_refused
        *refused;       /* the last one's name is NULL; or NULL */
    const char *schema; /* what else the schema says: of keys together; a list
                           in JSON with ' for ", or NULL */
    const struct key *keys;
    size_t count;
};

/* A key as it was read. */
struct field {
    const struct tree_node *key;  /* NULL: not given */
    const struct tree_node *node; /* its value; NULL: none, or a wrong one */
    const struct key_type *form;  /* the form that the value has */
    union {
        int64_t integer; /* integer, boolean, duration in ns, bytes, mode,
                            number of the choice; the default if not given */
        double number;
    } u;
};

struct spec_fields {
    struct field name, storage, pool, pools, jobs, job_schedules;
};
struct storage_fields {
    struct field root, containers, max_concurrent_streams;
};
struct pool_fields {
    struct field id, display_name, metadata, nodes, target_dedicated_nodes,
        resize_timeout, task_slots_per_node, slot_unit, task_scheduling_policy,
        node_resources, pool_resources, start_task, scratch, scratch_reserve,
        cache, application_packages, application_package_references;
};
struct pool_nodes_fields {
    struct field count, name, min_cores, min_memory, min_gpus;
};
struct scheduling_policy_fields {
    struct field node_fill_type;
};
struct metadata_fields {
    struct field name, value;
};
struct special_fields { /* start task, job preparation, release, manager */
    struct field id, command_line, environment_settings, constraints,
        max_wall_clock_time, max_task_retry_count, wait_for_success,
        kill_job_on_completion, run_exclusive, required_slots, working_dir,
        resource_files, output_files, application_package_references,
        task_directory;
};
struct cache_fields {
    struct field max_size, keep;
};
struct package_fields {
    struct field application_id, version, path, is_default, add_to_path;
};
struct package_reference_fields {
    struct field application_id, version;
};
struct resource_file_fields {
    struct field auto_storage_container_name, storage_container_url, http_url,
        blob_prefix, file_path, file_mode, checksum;
};
struct output_file_fields {
    struct field file_pattern, destination, returned, upload_options;
};
struct destination_fields {
    struct field container;
};
struct output_container_fields {
    struct field container_name, container_url, path;
};
struct upload_options_fields {
    struct field upload_condition;
};
struct job_fields {
    struct field id, display_name, metadata, pool_info, priority, constraints,
        max_parallel_tasks, common_environment_settings, job_preparation_task,
        job_release_task, job_manager_task, on_all_tasks_complete,
        on_task_failure, stop_when, uses_task_dependencies, sweep, tasks,
        commands, task, max_tasks, metrics, depends_on;
};
struct pool_info_fields {
    struct field pool_id;
};
struct stop_when_fields {
    struct field failed, after;
};
struct job_schedule_fields {
    struct field id, display_name, metadata, schedule, job_specification;
};
struct schedule_fields {
    struct field do_not_run_until, do_not_run_after, start_window,
        recurrence_interval;
};
struct constraints_fields { /* of jobs and of tasks */
    struct field max_wall_clock_time, max_task_retry_count, retention_time;
};
struct setting_fields {
    struct field name, value;
};
struct sweep_fields {
    struct field method, parameters, points, from, items, count, seed, zip,
        exclude, include, when, repeat;
};
struct parameter_fields {
    struct field values, range, linspace, logspace, from, column, min, max,
        distribution, mean, stddev, units, long_name;
};
struct range_fields {
    struct field from, to, step;
};
struct spacing_fields { /* linspace, logspace */
    struct field from, to, num;
};
struct files_fields {
    struct field files;
};
struct repeat_fields {
    struct field count, seed, first;
};
struct task_fields {
    struct field id, command_line, environment_settings, constraints,
        required_slots, required_resources, working_dir, resource_files,
        output_files, application_package_references, task_directory, keep,
        depends_on, exit_conditions, success, retry, checkpoint_exit_code,
        keep_working_dir, multi_instance_settings, affinity_info,
        container_settings;
};
struct depends_fields {
    struct field job, point, where, task_ids, task_id_ranges;
};
struct id_range_fields {
    struct field start, end;
};
struct exit_conditions_fields {
    struct field exit_codes, exit_code_ranges, pre_processing_error,
        file_upload_error, otherwise;
};
struct exit_code_fields {
    struct field code, exit_options;
};
struct exit_code_range_fields {
    struct field start, end, exit_options;
};
struct exit_options_fields {
    struct field job_action, dependency_action;
};
struct success_fields {
    struct field exit_codes, files, stdout_regex, metric;
};
struct retry_fields {
    struct field on, never, backoff, different_node, escalate;
};
struct escalate_fields {
    struct field memory, max_wall_clock_time;
};
struct multi_instance_fields {
    struct field number_of_instances, coordination_command_line,
        common_resource_files;
};
struct affinity_fields {
    struct field affinity_id;
};
struct container_fields {
    struct field image_name, container_run_options, runtime, working_directory;
};
struct metric_fields {
    struct field from, regex, json, csv, npy, hdf5, select, groups, type, units,
        long_name, shape, range;
};
struct metric_file_fields {
    struct field file;
};
struct metric_group_fields {
    struct field select, type, units, long_name, shape, range;
};
struct metric_range_fields {
    struct field min, max;
};

extern const struct key_set spec_keys, pool_keys, pool_nodes_keys,
    scheduling_policy_keys, metadata_keys, start_task_keys,
    start_task_constraints_keys, job_preparation_keys,
    preparation_constraints_keys, job_release_keys, job_manager_keys, job_keys,
    job_constraints_keys, pool_info_keys, stop_when_keys, job_schedule_keys,
    schedule_keys, sweep_keys, parameter_keys, range_keys, spacing_keys,
    files_keys, repeat_keys, task_keys, task_constraints_keys, setting_keys,
    metric_keys, metric_file_keys, metric_group_keys, metric_range_keys,
    storage_keys, cache_keys, package_keys, package_reference_keys,
    resource_file_keys, output_file_keys, destination_keys,
    output_container_keys, upload_options_keys;
extern const struct key_set depends_keys, id_range_keys, exit_conditions_keys,
    exit_code_keys, exit_code_range_keys, exit_options_keys, success_keys,
    retry_keys, escalate_keys, multi_instance_keys, affinity_keys,
    container_settings_keys;

/* All of them, from the outside in; NULL-terminated. */
extern const struct key_set *const key_sets[];

/* Name number i of those that parameters and metrics cannot have: results.h5
 * has columns, cubes, dimensions or groups of these names. NULL behind the last
 * one. */
const char *key_reserved_name(size_t i);

/* What parameters and metrics may be called, as a regular expression. */
#define KEY_NAME_PATTERN "^[A-Za-z_][A-Za-z0-9_]*$"
enum { KEY_NAME_MAX = 64 };

/* Number i (from 0) of the keys that this one excludes, or NULL. */
const struct key *key_excluded(const struct key_set *set, const struct key *key,
                               size_t i);

/* The key of that name, or NULL. */
const struct key *key_find(const struct key_set *set, const char *name);

/* Append what a value of that type is: "an integer from 1 to 9", "a list of
 * jobs". 0, or -1 as buf_put. */
int key_type_describe(const struct key_type *type, struct buf *out);

/* Append what to do about an unknown key of the set: the nearest name, or
 * where the key belongs, or what is known. 0, or -1 as buf_put. */
int key_suggest(const struct key_set *set, const char *unknown,
                struct buf *out);

#endif
