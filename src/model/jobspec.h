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
#include "model/storage.h"
#include "model/taskset.h"
#include "model/template.h"

/* Bounds. Ids are Azure Batch's: [A-Za-z0-9_-], at most 64. */
enum {
    JOBSPEC_MAX_JOBS = 1024,
    JOBSPEC_MAX_ID = 64,
    JOBSPEC_MAX_ENV = 1024,
    JOBSPEC_MAX_METRICS = 64,
    JOBSPEC_MAX_SLOTS = 1024,
    JOBSPEC_MIN_PRIORITY = -1000,
    JOBSPEC_MAX_PRIORITY = 1000
};

/* What one slot stands for. */
enum slot_unit { SLOT_CORE, SLOT_HWTHREAD, SLOT_NUMANODE, SLOT_PACKAGE };

struct pool {
    const char *id;
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

/* How one task runs; in a sweep all tasks share it, listed tasks have one
 * each. Values that the job gives its tasks are already in it. */
struct task_template {
    const struct template *id; /* NULL: the index in decimal */
    struct command command;
    const struct env_setting *env; /* the job's, then the task's own; a later
                                      one wins */
    uint32_t env_count;
    struct constraints constraints;
    uint32_t required_slots;            /* at least 1 */
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

struct job {
    const char *id;
    int32_t priority;
    int64_t max_wall_clock_ns; /* of the whole job; 0: no limit */
    struct taskset tasks;
    const struct task_template *templates; /* tasks.count of them if listed,
                                              else one */
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
    struct pool pool;
    const struct job *jobs;
    uint32_t job_count;
};

/* Free the spec, all it points to, and its inputs; NULL is fine. */
void jobspec_destroy(struct jobspec *spec);

/* How many templates a job has: one, or one a listed task. */
uint32_t job_template_count(const struct job *job);

/* The template of task index of a job. */
const struct task_template *job_template(const struct job *job, uint32_t index);

/* The id of task index, NUL-terminated, into id: at most JOBSPEC_MAX_ID
 * bytes. -1 with err: EMSGSIZE (longer), EINVAL (a byte that ids cannot
 * have). */
int job_task_id(const struct job *job, uint32_t index,
                char id[JOBSPEC_MAX_ID + 1], struct err *err);

/* The index of the task with that id, or -1 (as int64_t): decimal indices
 * directly, other ids by search over the set. */
int64_t job_find_task(const struct job *job, const char *id);

/* The job of that id, or -1. */
int jobspec_find_job(const struct jobspec *spec, const char *id);

/* Tasks of all jobs together. */
uint64_t jobspec_task_count(const struct jobspec *spec);

/* The most slots that any one task requires. */
uint32_t jobspec_max_required_slots(const struct jobspec *spec);

/* Has a task a directory of its own on its node: because it asks for one, or
 * has resource files, output files or packages, or is to be kept? */
bool task_has_directory(const struct task_template *t);

/* Has any task one, or are packages unpacked on every node? */
bool jobspec_needs_scratch(const struct jobspec *spec);

/* Does a task return files to the run directory? And any of the spec? */
bool task_returns_files(const struct task_template *t);
bool jobspec_returns_files(const struct jobspec *spec);

/* Has a task output files that are uploaded? */
bool task_uploads_files(const struct task_template *t);

/* Is s an id: 1 to JOBSPEC_MAX_ID of [A-Za-z0-9_-]? */
bool id_is_valid(const char *s);

#endif
