/* The checked model of a job spec: pool, jobs, task sets, templates, metrics.
 *
 * Built by spec/ from YAML, or by tests by hand; never changed afterwards.
 * Everything it points to lies in its arena. Optional strings are NULL.
 */
#ifndef MPIBATCH_MODEL_JOBSPEC_H
#define MPIBATCH_MODEL_JOBSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/command.h"
#include "model/depend.h"
#include "model/policy.h"
#include "model/request.h"
#include "model/storage.h"
#include "model/taskset.h"
#include "model/template.h"

/* Bounds. Ids are Azure Batch's: [A-Za-z0-9_-], at most 64. */
enum {
    JOBSPEC_MAX_JOBS = 4096, /* with those of schedules */
    JOBSPEC_MAX_POOLS = 64,
    JOBSPEC_MAX_SCHEDULED = 1000, /* jobs of one schedule */
    JOBSPEC_MAX_METADATA = 64,
    JOBSPEC_MAX_ID = 64,
    JOBSPEC_MAX_ENV = 1024,
    JOBSPEC_MAX_METRICS = 64,
    JOBSPEC_MAX_SLOTS = 1024,
    JOBSPEC_MIN_PRIORITY = -1000,
    JOBSPEC_MAX_PRIORITY = 1000
};

/* What one slot stands for. */
enum slot_unit { SLOT_CORE, SLOT_HWTHREAD, SLOT_NUMANODE, SLOT_PACKAGE };

/* Said by the user, for the user. */
struct metadata_item {
    const char *name, *value;
};
struct metadata {
    const struct metadata_item *items;
    uint32_t count;
};

/* Tasks go to the node with the most free slots, or fill one after the other.
 */
enum node_fill { NODE_FILL_SPREAD, NODE_FILL_PACK };

/* Which nodes of the allocation belong to a pool: those that no pool before it
 * has and for which all of this holds, `nodes` of them at most. */
struct node_select {
    uint32_t nodes;     /* 0: all */
    const char *name;   /* a pattern as in base/glob.h; NULL: any */
    uint32_t min_cores; /* 0: any; so the others */
    uint64_t min_memory_bytes;
    uint32_t min_gpus;
};

struct special_task;

struct pool {
    const char *id;
    const char *display_name; /* NULL: none given */
    struct metadata metadata;
    enum node_fill node_fill_type;
    struct node_select select;
    uint32_t target_dedicated_nodes; /* the session starts with so many; 0:
                                        with those there are */
    int64_t resize_timeout_ns;       /* so long it waits for them */
    const struct special_task *start_task; /* NULL: none */
    const struct amount *node_resources; /* that each node has; in place of what
                                            is found of memory and gpus */
    uint32_t node_resource_count;
    const struct amount *pool_resources; /* that the pool has once */
    uint32_t pool_resource_count;
    uint32_t task_slots_per_node; /* 0: as many as the node has units */
    enum slot_unit slot_unit;
    const char *scratch; /* a folder on each node's own disk, absolute; NULL:
                            that of the environment */
    uint64_t scratch_reserve_bytes; /* staging never takes the last ones */
    uint64_t cache_max_bytes;       /* 0: half of what is free */
    bool cache_keep;                /* for the next session */
    const struct application_package *packages; /* all that there are */
    uint32_t package_count;
    const uint32_t *package_refs; /* indices: of those that all tasks get */
    uint32_t package_ref_count;
};

struct constraints {
    int64_t max_wall_clock_ns;    /* 0: no limit */
    int32_t max_task_retry_count; /* retries behind the first attempt;
                                     -1: without limit */
};

struct env_setting {
    const char *name;
    const struct template *value;
};

/* What makes success, besides an exit code among exit_codes. */
struct success {
    const int32_t *exit_codes; /* at least one */
    uint32_t exit_code_count;
    const struct template *const *files; /* that must be there, relative to
                                            the working directory */
    uint32_t file_count;
    const char *stdout_regex;          /* PCRE2, checked; NULL: none */
    const struct expr *const *metrics; /* over the job's metrics, by name */
    const char *const *metric_texts;   /* as they were written */
    uint32_t metric_count;
};

/* A task on several nodes at once. */
struct multi_instance {
    uint32_t number_of_instances;
    const struct command *coordination; /* on each, before the command of the
                                           first one; NULL: none */
    const struct resource_file *common_files; /* on each, into the folder above
                                                 its working directory */
    uint32_t common_file_count;
};

/* A task that runs within a container: its command line behind this one's. */
struct container_settings {
    const struct template *const *runtime; /* words: apptainer, exec */
    uint32_t runtime_count;
    const struct template *const *options; /* words, between both */
    uint32_t option_count;
    const struct template *image;
    bool image_working_dir; /* that of the image, not the task's */
};

/* Tasks that were added to a listed job: their templates, from task first on,
 * and the fragment that they came in. */
struct task_piece {
    uint32_t first, fragment;
    const struct task_template *templates;
};

struct task_ids;

/* How one task runs; in a sweep all tasks share it, listed tasks have one
 * each. Values that the job gives its tasks are already in it. */
struct task_template {
    const struct template *id; /* NULL: the index in decimal */
    struct command command;
    const struct env_setting *env; /* the job's, then the task's own; a later
                                      one wins */
    uint32_t env_count;
    struct constraints constraints;
    struct retry_policy retry;
    struct exit_conditions exit_conditions;
    int32_t checkpoint_exit_code; /* active again; -1: there is none */
    uint32_t required_slots;      /* at least 1 */
    uint32_t request; /* what it asks for: index in the spec's requests */
    const struct success *success;               /* NULL: exit code 0 */
    const struct multi_instance *multi_instance; /* NULL: one node */
    const struct container_settings *container;  /* NULL: none */
    const struct template *affinity; /* the node that it would rather be on;
                                        NULL: any */
    bool keep_working_dir; /* a retry on the same node goes on in it */
    const struct template *working_dir; /* NULL: the folder of the spec, or its
                                           own directory's wd if it has one */
    const struct resource_file *resource_files;
    uint32_t resource_file_count;
    const struct output_file *output_files;
    uint32_t output_file_count;
    const uint32_t *package_refs; /* indices: its own and the pool's, each
                                     once */
    uint32_t package_ref_count;
    enum keep keep;       /* of its directory on its node */
    int64_t retention_ns; /* and how long; 0: it is not known */
    bool own_directory;   /* though nothing is staged */
};

/* The tasks of Azure Batch that are not of a task set. They are attempts like
 * others, under an index that no task has; those of a node tell it by their
 * attempt's node. Start tasks belong to a pool: to JOB_OF_POOL(its index). */
enum special_kind {
    SPECIAL_NONE,
    SPECIAL_JOB_PREPARATION,
    SPECIAL_JOB_RELEASE,
    SPECIAL_JOB_MANAGER,
    SPECIAL_START
};
#define INDEX_JOB_PREPARATION UINT32_C(0xfffffff1)
#define INDEX_JOB_RELEASE     UINT32_C(0xfffffff2)
#define INDEX_JOB_MANAGER     UINT32_C(0xfffffff3)
#define INDEX_START           UINT32_C(0xfffffff4)
#define JOB_OF_POOL(pool)     (UINT32_C(0xffffff00) + (pool))

struct special_task {
    const char *id; /* "starttask", "jobpreparation", ... or the user's */
    struct task_template task;
    bool wait_for_success;       /* start task, job preparation */
    bool kill_job_on_completion; /* job manager */
    bool run_exclusive;          /* job manager */
};

enum metric_source { METRIC_STDOUT, METRIC_STDERR, METRIC_FILE };
enum metric_how {
    METRIC_REGEX,
    METRIC_JSON,
    METRIC_CSV,
    METRIC_NPY,
    METRIC_HDF5
};
/* Which of several matches, lines or rows. */
enum metric_select {
    METRIC_FIRST,
    METRIC_LAST,
    METRIC_ALL, /* an array: one cell each */
    METRIC_MIN,
    METRIC_MAX,
    METRIC_MEAN
};
enum metric_type { METRIC_FLOAT64, METRIC_INT64, METRIC_STRING };
enum {
    METRIC_MAX_STRING = 255,
    METRIC_MAX_RANK = 4,
    METRIC_MAX_CELLS = 4096,         /* of one metric */
    JOBSPEC_MAX_METRIC_CELLS = 16384 /* of all metrics of a job */
};

/* A value, or a small array of numbers, to be found in what a task leaves. */
struct metric {
    const char *name;
    enum metric_source from;
    const struct template *file; /* METRIC_FILE: relative to the task's working
                                    directory; else NULL */
    enum metric_how how;
    /* regex: PCRE2, checked; multi-line: ^ and $ match at lines. json: the
     * pointer. csv: the column's name. npy: NULL. hdf5: the dataset's path. */
    const char *pattern;
    const char *group; /* regex: the named group; NULL: the first group, or the
                          whole match if there is none */
    enum metric_select select;
    enum metric_type type; /* arrays: not METRIC_STRING */
    const char *units;     /* NULL: none given */
    const char *long_name; /* NULL: none given */
    bool ranged;           /* numbers: min and max hold, both included */
    double min, max;       /* -INFINITY, INFINITY: open */
    uint32_t rank;         /* 0: a scalar */
    uint32_t shape[METRIC_MAX_RANK]; /* none 0 */
    uint32_t cells; /* the product of the shape; scalars: 1 (or 0) */
};

enum all_tasks_complete { ALL_COMPLETE_TERMINATE, ALL_COMPLETE_NO_ACTION };
enum task_failure { TASK_FAILURE_NO_ACTION, TASK_FAILURE_JOB_ACTION };

/* End the job when so many of its tasks have failed, once `after` have ended.
 */
struct stop_when {
    uint32_t failed; /* 0: not by number */
    double share;    /* of those that have ended; 0: not by share */
    uint64_t after;
};

/* When: since 1970 UTC, or since the session began. */
struct schedule_time {
    int64_t ns;
    bool from_start;
};

/* Jobs that begin by the clock, one behind the other. */
struct job_schedule {
    const char *id;
    struct schedule_time not_before; /* when the first one is due */
    struct schedule_time not_after;  /* no job begins later; ns INT64_MAX: no
                                        limit */
    int64_t window_ns;   /* so late may one begin; INT64_MAX: however late */
    int64_t interval_ns; /* between the times at which one is due; 0: there
                            is one job only */
    uint32_t first_job, job_count; /* its jobs, in the order of their times */
};

struct job {
    const char *id;
    const char *display_name; /* NULL: none given */
    struct metadata metadata;
    uint32_t pool;
    uint32_t schedule; /* index of its schedule + 1; 0: it has none */
    int32_t priority;
    int64_t max_wall_clock_ns; /* of the whole job; 0: no limit */
    enum all_tasks_complete on_all_tasks_complete;
    enum task_failure on_task_failure;
    uint32_t max_parallel_tasks; /* 0: as many as there is room for */
    struct stop_when stop_when;
    const struct special_task *preparation, *release, *manager; /* or NULL */
    const struct task_template *base; /* what its tasks share: of those that
                                         are added later */
    struct taskset tasks;
    /* one a task if listed (tasks that were added have theirs in pieces: use
     * job_template), else one */
    const struct task_template *templates;
    const struct task_piece *pieces; /* ascending */
    uint32_t piece_count;
    const struct task_ids *ids; /* to find its tasks by; NULL: none made */
    /* what each listed task waits for, and each that does not say itself what
     * it waits for: of those that are added later */
    struct depend_rules all_wait, others_wait;
    const struct metric *metrics;
    uint32_t metric_count;
};

struct inputs;

struct jobspec {
    struct arena *arena;
    /* whose bytes its tables are: see store/inputs.h; NULL: it has none */
    struct inputs *inputs;
    void (*inputs_destroy)(struct inputs *inputs);
    const char *name;
    struct storage storage;
    const struct pool *pools; /* at least one; their packages are the same */
    uint32_t pool_count;
    const struct job *jobs;
    uint32_t job_count;
    const struct job_schedule *schedules;
    uint32_t schedule_count;
    const struct resource *resources;
    uint32_t resource_count;
    const struct request *requests;
    uint32_t request_count;
    const struct depend_rule *depends; /* see depend.h for their order */
    uint32_t depend_count, depend_room;
    const struct fragment *fragments; /* tasks that were added, by and by: see
                                         spec_add_tasks */
    uint32_t fragment_count;
};

/* Free the spec, all it points to, and its inputs; NULL is fine. */
void jobspec_destroy(struct jobspec *spec);

/* How many templates a job has: one, or one a listed task. */
uint32_t job_template_count(const struct job *job);

/* The template of task index of a job; of its special tasks, too. */
const struct task_template *job_template(const struct job *job, uint32_t index);

/* The piece that an added task of a job is in; NULL: it was not added. */
const struct task_piece *job_piece(const struct job *job, uint32_t index);

/* What kind of task an index is for. */
enum special_kind special_of(uint32_t index);
/* Does each node have its own? */
bool special_is_of_node(uint32_t index);
/* The special task of a job or (JOB_OF_POOL) of a pool; NULL: it has none such,
 * or the index is a task's. */
const struct special_task *jobspec_special(const struct jobspec *spec,
                                           uint32_t job, uint32_t index);
/* Is there any? */
bool jobspec_has_specials(const struct jobspec *spec);
/* Is there such a task, special or not? */
bool jobspec_has_task(const struct jobspec *spec, uint32_t job, uint32_t index);
/* The template of such a task, which there is. */
const struct task_template *jobspec_template(const struct jobspec *spec,
                                             uint32_t job, uint32_t index);
/* The id of the job; of the pool whose start task it is: "". */
const char *jobspec_job_id(const struct jobspec *spec, uint32_t job);
/* The pool of a job; that of JOB_OF_POOL. */
uint32_t jobspec_pool(const struct jobspec *spec, uint32_t job);
/* What a task asks for. A spec without requests has plain ones. */
struct request jobspec_request(const struct jobspec *spec, uint32_t job,
                               uint32_t index);

/* The id of task index, special or not, NUL-terminated, into id: at most
 * JOBSPEC_MAX_ID bytes. -1 with err: EMSGSIZE (longer), EINVAL (a byte that ids
 * cannot have). */
int job_task_id(const struct job *job, uint32_t index,
                char id[JOBSPEC_MAX_ID + 1], struct err *err);

/* The same, of a start task as well. */
int jobspec_task_id(const struct jobspec *spec, uint32_t job, uint32_t index,
                    char id[JOBSPEC_MAX_ID + 1], struct err *err);

/* The index of the task with that id, or -1 (as int64_t): decimal indices
 * directly, others by the job's ids if they were made, else by search over the
 * set. */
int64_t job_find_task(const struct job *job, const char *id);

/* Is it another job of a schedule than the first one, which is the same? */
bool jobspec_is_copy(const struct jobspec *spec, uint32_t job);

/* The job of that id, or -1. */
int jobspec_find_job(const struct jobspec *spec, const char *id);

/* Tasks of all jobs together. */
uint64_t jobspec_task_count(const struct jobspec *spec);

/* The most slots that any one task of a pool's jobs requires; of all pools. */
uint32_t jobspec_pool_slots(const struct jobspec *spec, uint32_t pool);
uint32_t jobspec_max_required_slots(const struct jobspec *spec);

/* Has a task a directory of its own on its node: because it works in it, or is
 * one on several nodes? */
bool task_has_directory(const struct task_template *t);
/* Does it run in there, if it names no other folder: because it asks for that,
 * or has resource files, output files or packages, or is to be kept? */
bool task_works_in_directory(const struct task_template *t);

/* Has any task one, special or not, or are packages unpacked on every node? */
bool jobspec_needs_scratch(const struct jobspec *spec);

/* Does a task return files to the run directory? And any of the spec? */
bool task_returns_files(const struct task_template *t);
bool jobspec_returns_files(const struct jobspec *spec);

/* Has a task output files that are uploaded? */
bool task_uploads_files(const struct task_template *t);

/* Is s an id: 1 to JOBSPEC_MAX_ID of [A-Za-z0-9_-]? */
bool id_is_valid(const char *s);

#endif
