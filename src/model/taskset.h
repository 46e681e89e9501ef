/* Task sets: the tasks of a job as an index space 0..count-1.
 *
 * A task set is never expanded. It answers how many tasks there are, what the
 * parameter values of task i are, and which task has given positions. It is a
 * union (one behind the other) of sweeps; a sweep is a product of axes whose
 * last one runs fastest (a mixed-radix number), less what its filter takes
 * away, plus single points behind it. An axis gives values to one parameter,
 * or to several in step (zip, list, table, drawn designs ...). So all methods
 * are this one thing:
 *
 *   grid                       an axis a parameter (or a zip of some)
 *   zip, list, CSV             one axis of several parameters
 *   combinations, permutations one axis whose parameters take the items
 *   random, lhs, sobol, halton one axis of drawn parameters
 *   repeat                     one more axis, the last
 *   listed tasks, command file no parameters
 *
 * It is built once and never changed; all of it lies in the arena it was built
 * from, in the arrays it was built from, and in the tables it names. Generated
 * values take no memory a point.
 */
#ifndef MPIBATCH_MODEL_TASKSET_H
#define MPIBATCH_MODEL_TASKSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/value.h"

struct expr;
struct table;

/* Task indices are 32 bits: the largest task set. */
#define TASKSET_MAX_COUNT UINT32_C(0xfffffff0)
enum {
    TASKSET_MAX_PARAMS = 32, /* of one job */
    TASKSET_MAX_AXES = 32,   /* of one sweep */
    TASKSET_MAX_DIMS = 32,
    TASKSET_MAX_SWEEPS = 256
};

/* What holds for a parameter in all sweeps of the set. */
struct param {
    const char *name;
    const char *units;     /* NULL: none given */
    const char *long_name; /* NULL: none given */
    bool is_path;          /* {x.name}, {x.stem}, ... mean something */
    /* These two are found out by taskset_init: */
    enum value_type type; /* of all values: INT, FLOAT (with integers among
                             them), BOOL, or STRING (or mixed) */
    uint32_t longest;     /* bytes of the longest text; an upper bound */
};

/* Where the values of one parameter on its axis come from. */
enum column_kind {
    COLUMN_VALUES,
    COLUMN_RANGE,    /* from, from + step, ... to, as exact decimals */
    COLUMN_LINSPACE, /* as numpy.linspace */
    COLUMN_LOGSPACE, /* as numpy.geomspace, but correctly rounded */
    COLUMN_TABLE,
    COLUMN_DRAWN /* of random, lhs, sobol, halton; of no other axis */
};

enum distribution {
    DIST_UNIFORM,
    DIST_LOG_UNIFORM,
    DIST_NORMAL,
    DIST_INTEGER, /* min and max are among them */
    DIST_CHOICE
};

struct column {
    enum column_kind kind;
    const struct value *values; /* VALUES; DRAWN with DIST_CHOICE; the items of
                                   combinations and permutations: those of the
                                   axis' first column */
    uint32_t value_count;
    struct value from, to, step; /* RANGE; LINSPACE, LOGSPACE: from, to */
    uint32_t num;                /* LINSPACE, LOGSPACE: how many */
    const struct table *table;   /* TABLE */
    uint32_t table_column;
    enum distribution dist; /* DRAWN */
    double min, max;        /* uniform, log_uniform, integer */
    double mean, stddev;    /* normal */
};

enum axis_kind {
    AXIS_PLAIN,        /* its columns are of equal length, in step */
    AXIS_POINTS,       /* the same, but points one by one, of a list or table:
                          not even a single parameter makes a dimension */
    AXIS_COMBINATIONS, /* of as many items as it has columns */
    AXIS_PERMUTATIONS,
    AXIS_RANDOM,
    AXIS_LHS,
    AXIS_SOBOL,
    AXIS_HALTON
};

struct axis {
    enum axis_kind kind;
    const uint32_t *params; /* which of the set's parameters, one a column */
    const struct column *columns;
    uint32_t column_count; /* PLAIN: may be 0 (a repeat without a name) */
    uint32_t count;        /* positions of a drawn design, or of an axis without
                              columns; else not looked at */
    uint64_t seed;         /* of a drawn design: see draw.h */
    bool seeded;           /* SOBOL, HALTON: else the plain sequence */
};

/* Parameters with the values that they have together. */
struct sweep_match {
    const uint32_t *params;
    const struct value *values;
    uint32_t count;
};

/* One sweep. Its axes give values to each parameter of the set, each to
 * others. */
struct sweep {
    const struct axis *axes;
    uint32_t axis_count;
    /* Points that all parameters of one of these match (value_equal) are left
     * out; as are those for which not all of `when` hold, whose names are the
     * set's parameters. */
    const struct sweep_match *excludes;
    uint32_t exclude_count;
    const struct expr *const *when;
    uint32_t when_count;
    /* Points added behind, whatever the filter says: a value for each of the
     * set's parameters, in their order, a point. */
    const struct value *includes;
    uint32_t include_count;
};

/* What went wrong, in terms of the caller's arrays. */
struct taskset_fault {
    enum taskset_part {
        FAULT_SET,     /* the whole, or no memory */
        FAULT_SWEEP,   /* all of a sweep */
        FAULT_AXIS,    /* axis `at` */
        FAULT_COLUMN,  /* its column `column` */
        FAULT_EXCLUDE, /* exclude `at`, its parameter number `column` */
        FAULT_WHEN,    /* condition `at` */
        FAULT_COUNT,   /* too many points, in all or up to this sweep */
        FAULT_EMPTY    /* nothing is left of a sweep */
    } what;
    uint32_t sweep, at, column;
};

enum taskset_kind {
    TASKS_LISTED,   /* each has a template of its own; no parameters */
    TASKS_COMMANDS, /* the lines of a command file; no parameters */
    TASKS_SWEPT
};

struct taskset_sweep; /* as built; private to taskset*.c */

struct taskset {
    enum taskset_kind kind;
    uint32_t count; /* tasks; at least 1 */
    const struct param *params;
    uint32_t param_count;
    const struct table *lines; /* COMMANDS */
    const struct taskset_sweep *sweeps;
    uint32_t sweep_count;
};

/* Build a set from sweeps. params are copied; names, values and tables are
 * borrowed for the set's life. max_count: the user's bound (max_tasks), checked
 * before anything in proportion to the count is allocated or computed; the
 * message has the real number. -1 with err: ERANGE (over max_count, or over
 * what can be), EINVAL (columns in step of different length; a range that does
 * not meet its end; an exclude that no point matches; nothing is left ...),
 * ENOMEM; *fault says where; the set is untouched. */
int taskset_init(struct taskset *set, struct arena *arena,
                 const struct param *params, uint32_t param_count,
                 const struct sweep *sweeps, uint32_t sweep_count,
                 uint64_t max_count, struct taskset_fault *fault,
                 struct err *err);

/* A set of count listed tasks, without parameters. */
void taskset_init_listed(struct taskset *set, uint32_t count);

/* The rows of a table of command lines (borrowed). */
void taskset_init_commands(struct taskset *set, const struct table *lines);

/* The parameter of that name, or -1. */
int taskset_find_param(const struct taskset *set, const char *name);

/* ---- Values ---- */

/* The value of a parameter in a task; index < count. room is cleared;
 * the text lies in it if it is kept nowhere else, until room is changed. room
 * may be NULL for a parameter whose type is INT, FLOAT or BOOL: the text may be
 * NULL then. 0, or -1 with err ENOMEM (or EMSGSIZE: room's maximum). */
int taskset_value(const struct taskset *set, uint32_t index, uint32_t param,
                  struct buf *room, struct value *v, struct err *err);

/* Where a task of a swept set lies. */
struct point {
    uint32_t sweep;
    bool included; /* positions[0] is the number of the included point, */
    uint32_t positions[TASKSET_MAX_AXES]; /* else there is one an axis */
};
void taskset_point(const struct taskset *set, uint32_t index, struct point *p);
/* The inverse; false for a point that is not in the set. */
bool taskset_index(const struct taskset *set, const struct point *p,
                   uint32_t *index);

/* Find the first task with these values (value_equal; param_count of them). 0
 * with *found, or -1 with err ENOMEM. Quick but for tables and drawn designs,
 * which are read from their begin. */
int taskset_find(const struct taskset *set, const struct value *values,
                 bool *found, uint32_t *index, struct err *err);

/* ---- The shape of results ---- */

/* A cube: one sweep without included points, whose product is at most four
 * times its tasks: one dimension an axis. Else one dimension, the tasks. The
 * number of dimensions (at least 1, at most TASKSET_MAX_DIMS), and their
 * lengths (dims may be NULL). */
uint32_t taskset_dims(const struct taskset *set,
                      uint64_t dims[TASKSET_MAX_DIMS]);

/* The task's cell, row-major over the dims. */
uint64_t taskset_cell(const struct taskset *set, uint32_t index);

/* The dimension that a parameter varies along (0 if there is one only). */
uint32_t taskset_param_dim(const struct taskset *set, uint32_t param);

/* The parameter that a dimension is, or -1: several lie along it, or none, or
 * drawn ones, or points. */
int taskset_dim_param(const struct taskset *set, uint32_t dim);

/* What the axis is that a dimension of a swept set is: POINTS if the tasks are
 * the dimension. */
enum axis_kind taskset_dim_kind(const struct taskset *set, uint32_t dim);

/* A parameter's value at a position of its dimension. As taskset_value. */
int taskset_dim_value(const struct taskset *set, uint32_t param,
                      uint64_t position, struct buf *room, struct value *v,
                      struct err *err);

/* ---- For people and checks ---- */

/* Append what it is: "a grid of T (3) x L (4), less 2". 0 or -1 as buf_put. */
int taskset_describe(const struct taskset *set, struct buf *out);

/* A sample of at most max tasks: how many, and the task of number k of them.
 * Unless the set is filtered or larger, each value of each parameter is among
 * them. */
uint32_t taskset_sample_count(const struct taskset *set, uint32_t max);
uint32_t taskset_sample(const struct taskset *set, uint32_t k, uint32_t count);

#endif
