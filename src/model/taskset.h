/* Task sets: the tasks of a job as an index space 0..count-1.
 *
 * A task set is never expanded. It answers how many tasks there are and what
 * the parameter values of task i are; a grid is a mixed-radix number whose
 * last axis runs fastest. It is built once and never changed; all of it lies
 * in the arena it was built from.
 */
#ifndef MPIBATCH_MODEL_TASKSET_H
#define MPIBATCH_MODEL_TASKSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/value.h"

/* Task indices are 32 bits: the largest task set. */
#define TASKSET_MAX_COUNT UINT32_C(0xfffffff0)
/* Parameters of one sweep. */
enum { TASKSET_MAX_PARAMS = 32 };

enum sweep_method {
    SWEEP_NONE, /* the tasks are listed: no parameters */
    SWEEP_GRID, /* each combination of the axes' values */
    SWEEP_LIST  /* the given points */
};

/* One parameter: its name, what it measures, and its values: for a grid the
 * axis, for a list one value a point. */
struct param {
    const char *name;
    const char *units;     /* NULL: none given */
    const char *long_name; /* NULL: none given */
    const struct value *values;
    uint32_t value_count;
};

struct taskset {
    enum sweep_method method;
    uint32_t count; /* tasks; at least 1 */
    const struct param *params;
    uint32_t param_count;
};

/* The number of tasks of a grid over params, or of a list, or -1 with err:
 * ERANGE (over TASKSET_MAX_COUNT), EINVAL (a list with columns of different
 * length, an axis without values, no parameter). */
int taskset_init_sweep(struct taskset *set, enum sweep_method method,
                       const struct param *params, uint32_t param_count,
                       struct err *err);

/* A set of count listed tasks, without parameters. */
void taskset_init_listed(struct taskset *set, uint32_t count);

/* The position of task index on the axis of parameter param: for a grid its
 * digit, for a list the index itself. index < count, param < param_count. */
uint32_t taskset_position(const struct taskset *set, uint32_t index,
                          uint32_t param);

/* The value of parameter param in task index. Borrowed for the set's life. */
const struct value *taskset_value(const struct taskset *set, uint32_t index,
                                  uint32_t param);

/* The index of the grid point with the given positions, one a parameter: the
 * inverse of taskset_position. Grids only. */
uint32_t taskset_index(const struct taskset *set, const uint32_t *positions);

/* The parameter of that name, or -1. */
int taskset_find_param(const struct taskset *set, const char *name);

#endif
