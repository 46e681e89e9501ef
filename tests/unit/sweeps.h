/* Sweeps of given values, for tests: a grid or a list. */
#ifndef MPIBATCH_TESTS_SWEEPS_H
#define MPIBATCH_TESTS_SWEEPS_H

#include <errno.h>

#include "model/taskset.h"

struct swept { /* a parameter with its values */
    const char *name, *units, *long_name;
    const struct value *values;
    uint32_t count;
    bool is_path;
};

/* A grid over the parameters, or a list of their values in step. */
static inline int swept_init(struct taskset *set, struct arena *arena,
                             bool grid, const struct swept *given, uint32_t n,
                             struct err *err)
{
    struct param *params = arena_calloc(arena, n, sizeof(*params));
    struct column *columns = arena_calloc(arena, n, sizeof(*columns));
    struct axis *axes = arena_calloc(arena, n, sizeof(*axes));
    uint32_t *numbers = arena_calloc(arena, n, sizeof(*numbers));
    if (!params || !columns || !axes || !numbers)
        return err_set(err, ENOMEM, "no memory");
    for (uint32_t k = 0; k < n; k++) {
        numbers[k] = k;
        params[k] = (struct param){.name = given[k].name,
                                   .units = given[k].units,
                                   .long_name = given[k].long_name,
                                   .is_path = given[k].is_path};
        columns[k] = (struct column){.values = given[k].values,
                                     .value_count = given[k].count};
        axes[k] = (struct axis){.kind = grid ? AXIS_PLAIN : AXIS_POINTS,
                                .params = &numbers[k],
                                .columns = &columns[k],
                                .column_count = grid ? 1 : n};
    }
    struct sweep sweep = {.axes = axes, .axis_count = grid || n == 0 ? n : 1};
    return taskset_init(set, arena, params, n, &sweep, 1, TASKSET_MAX_COUNT,
                        NULL, err);
}

#endif
