/* The table of all keys: see keys.h. What is said of them, keys_say.c knows. */
#include "config.h"
#include "spec/keys.h"

#include <string.h>

#include "model/command.h"
#include "model/expr.h"
#include "model/jobspec.h"
#include "spec/spec.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TYPE(...) (&(const struct key_type){__VA_ARGS__})

#define RANGE(of_kind, low, high, ...)                                         \
    TYPE(.kind = (of_kind), .min = (low), .max = (high), __VA_ARGS__)

#define TEXT(low, bytes)        RANGE(KEY_TEXT, low, bytes, .of = NULL)
#define TEMPLATE(bytes)         RANGE(KEY_TEMPLATE, 0, bytes, .of = NULL)
#define TEMPLATE_OF(low, bytes) RANGE(KEY_TEMPLATE, low, bytes, .of = NULL)
#define NUMBER                  RANGE(KEY_NUMBER, 0, 0, .of = NULL)
#define BOOLEAN                 RANGE(KEY_BOOLEAN, 0, 1, .of = NULL)
#define INTEGER(low, high)      RANGE(KEY_INTEGER, low, high, .of = NULL)
#define ID                      RANGE(KEY_ID, 1, JOBSPEC_MAX_ID, .of = NULL)
#define DURATION                TYPE(.kind = KEY_DURATION)
#define REGEX                   RANGE(KEY_REGEX, 1, 4096, .of = NULL)
#define SCALAR                  RANGE(KEY_SCALAR, 0, COMMAND_MAX_BYTES, .of = NULL)
#define CHOICE(...)                                                            \
    TYPE(.kind = KEY_CHOICE, .words = (const char *const[]){__VA_ARGS__, NULL})
#define STRUCT(keys)          TYPE(.kind = KEY_STRUCT, .set = &(keys))
#define LIST(type, low, high) RANGE(KEY_LIST, low, high, .of = (type))
#define MAP(type, low, high)  RANGE(KEY_MAP, low, high, .of = (type))
/* A map of parameters or metrics. */
#define NAMED(type, low, high, ...)                                            \
    RANGE(KEY_MAP, low, high, .of = (type), .pattern = KEY_NAME_PATTERN,       \
          __VA_ARGS__)
/* A list, or what else. */
#define LIST_OR(type, low, high, other)                                        \
    RANGE(KEY_LIST, low, high, .of = (type), .another = (other))

#define COMMAND                                                                \
    RANGE(KEY_TEMPLATE, 0, COMMAND_MAX_BYTES,                                  \
          .another = LIST(TEMPLATE(COMMAND_MAX_BYTES), 1, COMMAND_MAX_WORDS))
#define ENVIRONMENT                                                            \
    LIST_OR(STRUCT(setting_keys), 0, JOBSPEC_MAX_ENV,                          \
            MAP(TEMPLATE(COMMAND_MAX_BYTES), 0, JOBSPEC_MAX_ENV))

enum {
    LABEL_MAX = 255,
    PATH_BYTES_MAX = 4095,
    RETRIES_MAX = 1000000,
    ITEMS_MAX = 1000000,
    EXCLUDES_MAX = 1000000,
    WHEN_MAX = 64
};

/* The name of a member of the set's fields, and where it is. */
#define KEY(fields, member)                                                    \
    .name = #member, .at = offsetof(struct fields, member)

#define KEY_SET(rows) .keys = (rows), .count = LENGTH(rows)

static const struct key spec_rows[] = {
    {KEY(spec_fields, name), TEXT(1, LABEL_MAX),
     .otherwise = "the name of the file without its suffix",
     .meaning = "What the run is called", .example = "ising"},
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
    KEY_SET(spec_rows)};

static const struct key pool_rows[] = {
    {KEY(pool_fields, task_slots_per_node), INTEGER(1, JOBSPEC_MAX_SLOTS),
     .otherwise = "as many as the node has units",
     .meaning = "Slots of each node: how many tasks of one slot it runs at "
                "once",
     .example = "4"},
    {KEY(pool_fields, slot_unit),
     CHOICE("core", "hwthread", "numanode", "package"), .fallback = "core",
     .meaning = "What one slot stands for: a core, a hardware thread, a NUMA "
                "node or a package (socket)"},
};
const struct key_set pool_keys = {
    .name = "pool",
    .noun = "the pool",
    .plural = "pools",
    .path = "pool",
    .meaning = "The pool is made of the nodes of the allocation; a task "
               "occupies one or more of their slots",
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

/* A name; a list of them. */
#define NAME  TEXT(1, KEY_NAME_MAX)
#define NAMES LIST(NAME, 1, TASKSET_MAX_PARAMS)
#define FILE_OR_FILES                                                          \
    RANGE(KEY_TEXT, 1, PATH_BYTES_MAX, .another = STRUCT(files_keys))
/* Values for some or all parameters. */
#define POINT(type) NAMED(type, 1, TASKSET_MAX_PARAMS)
#define EXPRESSION  TEXT(1, EXPR_MAX_BYTES)

static const struct key sweep_rows[] = {
    {KEY(sweep_fields, method),
     CHOICE("grid", "zip", "list", "combinations", "permutations", "random",
            "lhs", "sobol", "halton"),
     .otherwise = "list with points or from, else grid",
     .meaning =
         "grid: each combination of the parameters' values, the last parameter "
         "running fastest; zip: the first values of all parameters, the second "
         "ones, and so on; list: the given points; combinations, permutations: "
         "each way to choose the parameters from the items, without or with "
         "regard to their order; random: points drawn independently; lhs: a "
         "Latin hypercube; sobol, halton: sequences that fill the space evenly",
     .example = "lhs"},
    {KEY(sweep_fields, parameters),
     NAMED(LIST_OR(SCALAR, 1, TASKSET_MAX_COUNT,
                   RANGE(KEY_STRUCT, 0, 0, .set = &parameter_keys,
                         .another = SCALAR)),
           1, TASKSET_MAX_PARAMS, .another = NAMES),
     .otherwise = "nothing; required but with list",
     .meaning = "The parameters: a name, and its values or a mapping that says "
                "more. With list, only units and long names, or, to select "
                "columns of a file, a list of names; with combinations and "
                "permutations, the names",
     .example = "{L: [16, 32], T: {values: [2.2, 2.3], units: J/k}}"},
    {KEY(sweep_fields, points), LIST(POINT(SCALAR), 1, TASKSET_MAX_COUNT),
     .excludes = "from", .otherwise = "nothing; list needs them or from",
     .meaning = "The points of a list: a value for each parameter; all points "
                "have the same parameters",
     .example = "[{L: 16, T: 2.2}, {L: 32, T: 2.3}]"},
    {KEY(sweep_fields, from), FILE_OR_FILES, .excludes = "points",
     .otherwise = "nothing; list needs it or points",
     .meaning = "The points of a list are the rows of this file, CSV or TSV by "
                "its name, whose header names the parameters; or the files "
                "that match a pattern, each a value of the parameter file",
     .example = "points.csv"},
    {KEY(sweep_fields, items), LIST(SCALAR, 1, ITEMS_MAX),
     .otherwise = "nothing; required with combinations and permutations",
     .meaning = "What combinations and permutations are made of",
     .example = "[A, B, C, D]"},
    {KEY(sweep_fields, count), INTEGER(1, TASKSET_MAX_COUNT),
     .otherwise = "nothing; required with random, lhs, sobol and halton",
     .meaning = "How many points are drawn", .example = "1000"},
    {KEY(sweep_fields, seed), INTEGER(0, INT64_MAX),
     .otherwise = "0; sobol and halton are not scrambled",
     .meaning = "Which random points are drawn: the same seed gives the same "
                "points, on any machine; with sobol and halton, how the "
                "sequence is scrambled",
     .example = "7"},
    {KEY(sweep_fields, zip), LIST(NAMES, 1, TASKSET_MAX_PARAMS),
     .otherwise = "each parameter of a grid varies on its own",
     .meaning = "Parameters of a grid that vary together, in step; they have "
                "equally many values",
     .example = "[[n, ranks]]"},
    {KEY(sweep_fields, exclude),
     LIST(POINT(LIST_OR(SCALAR, 1, TASKSET_MAX_COUNT, SCALAR)), 1,
          EXCLUDES_MAX),
     .otherwise = "all points",
     .meaning = "Points that are left out: all that have these values of the "
                "named parameters, one or several each",
     .example = "[{T: 1, L: 8}, {L: [16, 32], solver: direct}]"},
    {KEY(sweep_fields, include), LIST(POINT(SCALAR), 1, TASKSET_MAX_COUNT),
     .otherwise = "none",
     .meaning = "Points that are added behind all others, after exclude and "
                "when; each has all parameters",
     .example = "[{T: 2.269, L: 64}]"},
    {KEY(sweep_fields, when),
     RANGE(KEY_TEXT, 1, EXPR_MAX_BYTES,
           .another = LIST(EXPRESSION, 1, WHEN_MAX)),
     .otherwise = "all points",
     .meaning = "A condition on the parameters, or several that must all hold: "
                "see EXPRESSIONS",
     .example = "n <= 64 or solver == \"gmres\""},
    {KEY(sweep_fields, repeat),
     RANGE(KEY_INTEGER, 1, TASKSET_MAX_COUNT, .another = STRUCT(repeat_keys)),
     .otherwise = "each point once",
     .meaning = "Repeats each point, and adds a last parameter that counts: "
                "how often, or a mapping that says more",
     .example = "{count: 10, seed: seed}"},
};
const struct key_set sweep_keys = {
    .name = "sweep",
    .noun = "a sweep",
    .plural = "sweeps",
    .path = "jobs[].sweep, alone or in a list",
    .meaning = "A sweep makes many tasks of one template; a value goes into "
               "the command line as it is written here: 0.10 stays 0.10. A "
               "list of sweeps is their union, one behind the other; all have "
               "the same parameters",
    KEY_SET(sweep_rows)};

static const struct key parameter_rows[] = {
    {KEY(parameter_fields, values), LIST(SCALAR, 1, TASKSET_MAX_COUNT),
     .otherwise = "another key gives the values",
     .meaning = "The values, in their order; with distribution: choice, those "
                "that are drawn from",
     .example = "[0.5, 1.0, 2.0]"},
    {KEY(parameter_fields, range), STRUCT(range_keys),
     .otherwise = "another key gives the values",
     .meaning = "Values in equal steps, both ends included",
     .example = "{from: 1.5, to: 3.5, step: 0.1}"},
    {KEY(parameter_fields, linspace), STRUCT(spacing_keys),
     .otherwise = "another key gives the values",
     .meaning = "So many values in equal steps, both ends included",
     .example = "{from: 0, to: 1, num: 11}"},
    {KEY(parameter_fields, logspace), STRUCT(spacing_keys),
     .otherwise = "another key gives the values",
     .meaning = "So many values of which each is the same multiple of the one "
                "before, both ends included; the ends are values, not "
                "exponents",
     .example = "{from: 1e-4, to: 1, num: 5}"},
    {KEY(parameter_fields, from), FILE_OR_FILES,
     .otherwise = "another key gives the values",
     .meaning = "The values are a column of this file, CSV or TSV by its name; "
                "or the files that match a pattern",
     .example = "points.csv"},
    {KEY(parameter_fields, column), TEXT(1, LABEL_MAX),
     .otherwise = "the parameter's name; the only column, if there is but one",
     .meaning = "Which column of the file: its name in the header",
     .example = "'dx (m)'"},
    {KEY(parameter_fields, min), NUMBER, .otherwise = "nothing",
     .meaning = "The least value that is drawn", .example = "0.5"},
    {KEY(parameter_fields, max), NUMBER, .otherwise = "nothing",
     .meaning = "Up to which values are drawn; an integer may be max itself",
     .example = "2.5"},
    {KEY(parameter_fields, distribution),
     CHOICE("uniform", "log_uniform", "normal", "integer", "choice"),
     .fallback = "uniform",
     .meaning = "How a value is drawn (random, lhs, sobol, halton): uniform, "
                "log_uniform (uniform in its logarithm) and integer have min "
                "and max; normal has mean and stddev; choice has values"},
    {KEY(parameter_fields, mean), NUMBER, .otherwise = "nothing",
     .meaning = "The mean of a normal distribution", .example = "300"},
    {KEY(parameter_fields, stddev), NUMBER, .otherwise = "nothing",
     .meaning = "The standard deviation of a normal distribution",
     .example = "5"},
    {KEY(parameter_fields, units), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is measured in, for results.h5", .example = "K"},
    {KEY(parameter_fields, long_name), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is, for axes of plots", .example = "temperature"},
};
const struct key_set parameter_keys = {.name = "parameter",
                                       .noun = "a parameter",
                                       .plural = "parameters",
                                       .path = "jobs[].sweep.parameters.NAME",
                                       .meaning = "A parameter of a sweep",
                                       KEY_SET(parameter_rows)};

static const struct key range_rows[] = {
    {KEY(range_fields, from), NUMBER, .required = true,
     .meaning = "The first value", .example = "1.5"},
    {KEY(range_fields, to), NUMBER, .required = true,
     .meaning = "The last value; the steps must meet it", .example = "3.5"},
    {KEY(range_fields, step), NUMBER, .fallback = "1",
     .meaning = "From one value to the next; negative if to is below from"},
};
const struct key_set range_keys = {.name = "range",
                                   .noun = "a range",
                                   .plural = "ranges",
                                   .path = "jobs[].sweep.parameters.NAME.range",
                                   .meaning = "Values in equal steps; they are "
                                              "integers if all three are",
                                   KEY_SET(range_rows)};

static const struct key spacing_rows[] = {
    {KEY(spacing_fields, from), NUMBER, .required = true,
     .meaning = "The first value", .example = "0"},
    {KEY(spacing_fields, to), NUMBER, .required = true,
     .meaning = "The last value", .example = "1"},
    {KEY(spacing_fields, num), INTEGER(1, TASKSET_MAX_COUNT), .required = true,
     .meaning = "How many values; 1 if from and to are the same",
     .example = "11"},
};
const struct key_set spacing_keys = {
    .name = "spacing",
    .noun = "a spacing",
    .plural = "spacings",
    .path = "jobs[].sweep.parameters.NAME.linspace or logspace",
    .meaning = "Values from one to another; of a logspace both are above 0, or "
               "both below",
    KEY_SET(spacing_rows)};

static const struct key files_rows[] = {
    {KEY(files_fields, files), TEXT(1, PATH_BYTES_MAX), .required = true,
     .meaning = "Which files: *, ? and [...] as in a shell, ** for folders of "
                "any depth; relative to the folder of the job spec; they are "
                "sorted by name",
     .example = "'inputs/**/*.dat'"},
};
const struct key_set files_keys = {
    .name = "files",
    .noun = "a pattern of files",
    .plural = "patterns of files",
    .path = "from",
    .meaning = "The files that match a pattern; of such a parameter x, {x} is "
               "the path, {x.name} the name without folders, {x.stem} that "
               "without its suffix, {x.suffix} the suffix, {x.dir} the folder",
    KEY_SET(files_rows)};

static const struct key repeat_rows[] = {
    {KEY(repeat_fields, count), INTEGER(1, TASKSET_MAX_COUNT), .required = true,
     .meaning = "How often", .example = "10"},
    {KEY(repeat_fields, seed), NAME, .fallback = "repeat",
     .meaning = "The name of the parameter that counts"},
    {KEY(repeat_fields, first), INTEGER(INT32_MIN, INT32_MAX), .fallback = "0",
     .meaning = "From where it counts"},
};
const struct key_set repeat_keys = {.name = "repeat",
                                    .noun = "a repetition",
                                    .plural = "repetitions",
                                    .path = "jobs[].sweep.repeat",
                                    .meaning = "Each point several times",
                                    KEY_SET(repeat_rows)};

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
    {KEY(task_fields, working_dir), TEMPLATE(PATH_BYTES_MAX),
     .otherwise = "the folder of the job spec",
     .meaning = "The folder that the task is started in; relative to the "
                "folder of the job spec",
     .example = "'runs/{task.id}'"},
};
const struct key_set task_keys = {.name = "task",
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
};
const struct key_set task_constraints_keys = {.name = "task_constraints",
                                              .noun =
                                                  "the constraints of a task",
                                              .plural = "constraints",
                                              .path = "jobs[].task.constraints",
                                              .meaning = "Limits of a task",
                                              KEY_SET(task_constraints_rows)};

static const struct key setting_rows[] = {
    {KEY(setting_fields, name), TEXT(1, LABEL_MAX), .required = true,
     .meaning = "The name of the variable", .example = "SEED"},
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

#define METRIC_SHAPE                                                           \
    LIST_OR(INTEGER(1, METRIC_MAX_CELLS), 1, METRIC_MAX_RANK,                  \
            INTEGER(1, METRIC_MAX_CELLS))
#define METRIC_RANGE  LIST_OR(NUMBER, 1, 2, STRUCT(metric_range_keys))
#define METRIC_SELECT CHOICE("first", "last", "all", "min", "max", "mean")
#define METRIC_TYPE   CHOICE("float64", "int64", "string")

static const struct key metric_rows[] = {
    {KEY(metric_fields, from),
     TYPE(.kind = KEY_CHOICE,
          .words = (const char *const[]){"stdout", "stderr", NULL},
          .another = STRUCT(metric_file_keys)),
     .fallback = "stdout",
     .meaning = "What it is in: an output of the task, or a file that the task "
                "leaves",
     .example = "{file: out/energy.json}"},
    {KEY(metric_fields, regex), REGEX,
     .otherwise = "another of json, csv, npy, hdf5",
     .meaning = "A Perl-compatible regular expression; the metric is its first "
                "group, or the whole match if it has no group; ^ and $ match "
                "at the ends of lines; with named groups there is a metric for "
                "each, called as the group is",
     .example = "'^E = (\\S+)'"},
    {KEY(metric_fields, json), TEXT(0, LABEL_MAX),
     .otherwise = "another of regex, csv, npy, hdf5",
     .meaning = "Where it is in JSON, as a pointer (RFC 6901); other lines may "
                "stand around a document and between lines of JSON",
     .example = "/result/energy"},
    {KEY(metric_fields, csv), TEXT(1, LABEL_MAX),
     .otherwise = "another of regex, json, npy, hdf5",
     .meaning = "The column of a table that it is in: the first line that has "
                "that name among its fields is the header; commas, tabs or "
                "semicolons separate",
     .example = "energy"},
    {KEY(metric_fields, npy), BOOLEAN,
     .otherwise = "another of regex, json, csv, hdf5",
     .meaning = "The file is one of NumPy's, an array in .npy format",
     .example = "true"},
    {KEY(metric_fields, hdf5), TEXT(1, LABEL_MAX),
     .otherwise = "another of regex, json, csv, npy",
     .meaning = "The path of a dataset in the file, which is one of HDF5",
     .example = "/results/energy"},
    {KEY(metric_fields, select), METRIC_SELECT,
     .otherwise = "first; all of a csv column with a shape; of npy and hdf5 "
                  "the whole array",
     .meaning =
         "Which of several matches, lines or rows it is, or what is made "
         "of all; of npy and hdf5: of the elements of an array",
     .example = "last"},
    {KEY(metric_fields, groups),
     NAMED(STRUCT(metric_group_keys), 1, JOBSPEC_MAX_METRICS),
     .otherwise = "all as here",
     .meaning = "With named groups: what differs from group to group",
     .example = "{m: {units: emu}}"},
    {KEY(metric_fields, type), METRIC_TYPE, .fallback = "float64",
     .meaning = "What it is kept as"},
    {KEY(metric_fields, units), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is measured in, for results.h5", .example = "J"},
    {KEY(metric_fields, long_name), TEXT(0, LABEL_MAX), .otherwise = "none",
     .meaning = "What it is, for axes of plots", .example = "energy per site"},
    {KEY(metric_fields, shape), METRIC_SHAPE, .otherwise = "it is one value",
     .meaning = "It is an array of numbers of exactly this shape",
     .example = "[3, 3]"},
    {KEY(metric_fields, range), METRIC_RANGE, .otherwise = "any value will do",
     .meaning =
         "The least and the greatest value that it may have; one outside "
         "of them is kept, but marked as out of range",
     .example = "[0, 1]"},
};
static const char *const metric_hows[] = {"regex", "json", "csv",
                                          "npy",   "hdf5", NULL};
const struct key_set metric_keys = {
    .name = "metric",
    .noun = "a metric",
    .plural = "metrics",
    .path = "jobs[].metrics.NAME",
    .meaning = "A metric is a value, or a small array, that is found in what "
               "each task leaves: one of regex, json, csv, npy and hdf5 says "
               "how",
    .one_of = metric_hows,
    KEY_SET(metric_rows)};

static const struct key metric_file_rows[] = {
    {KEY(metric_file_fields, file), TEMPLATE_OF(1, PATH_BYTES_MAX),
     .required = true,
     .meaning = "The path of the file, relative to the folder that the task "
                "runs in",
     .example = "'out/{task.id}.json'"},
};
const struct key_set metric_file_keys = {.name = "metric_file",
                                         .noun = "the source of a metric",
                                         .plural = "sources of metrics",
                                         .path = "jobs[].metrics.NAME.from",
                                         .meaning = "A file that a task leaves",
                                         KEY_SET(metric_file_rows)};

static const struct key metric_group_rows[] = {
    {KEY(metric_group_fields, select), METRIC_SELECT,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, type), METRIC_TYPE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, units), TEXT(0, LABEL_MAX),
     .otherwise = "those of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, long_name), TEXT(0, LABEL_MAX),
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, shape), METRIC_SHAPE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
    {KEY(metric_group_fields, range), METRIC_RANGE,
     .otherwise = "that of the metric", .meaning = "As in the metric"},
};
const struct key_set metric_group_keys = {
    .name = "metric_group",
    .noun = "a group of a metric",
    .plural = "groups of metrics",
    .path = "jobs[].metrics.NAME.groups.NAME",
    .meaning = "What is said of the metric that a named group is",
    KEY_SET(metric_group_rows)};

static const struct key metric_range_rows[] = {
    {KEY(metric_range_fields, min), NUMBER, .otherwise = "no limit",
     .meaning = "The least value", .example = "0"},
    {KEY(metric_range_fields, max), NUMBER, .otherwise = "no limit",
     .meaning = "The greatest value", .example = "1"},
};
const struct key_set metric_range_keys = {
    .name = "metric_range",
    .noun = "the range of a metric",
    .plural = "ranges of metrics",
    .path = "jobs[].metrics.NAME.range",
    .meaning = "Limits of a metric's values, both allowed themselves",
    KEY_SET(metric_range_rows)};

const struct key_set *const key_sets[] = {
    &spec_keys,         &pool_keys,
    &job_keys,          &job_constraints_keys,
    &sweep_keys,        &parameter_keys,
    &range_keys,        &spacing_keys,
    &files_keys,        &repeat_keys,
    &task_keys,         &task_constraints_keys,
    &setting_keys,      &metric_keys,
    &metric_file_keys,  &metric_group_keys,
    &metric_range_keys, NULL};

const char *const key_reserved_names[] = {
    "job_id",      "task_id",      "task_index",    "attempt",
    "state",       "result",       "reason",        "exit_code",
    "signal",      "node",         "rank",          "slot",
    "submit_time", "start_time",   "end_time",      "duration_s",
    "user_s",      "system_s",     "max_rss_bytes", "read_bytes",
    "write_bytes", "stdout_bytes", "stderr_bytes",  "attempts",
    "duration",    "run",          "jobs",          "batch",
    NULL};

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
