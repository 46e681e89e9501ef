/* Task sets: how results lie, what a set is in words, samples: see taskset.h */
#include "config.h"
#include "model/taskset.h"

#include "model/taskset_sweep.h"

/* The sweep of a set that is a cube, or NULL. */
static const struct taskset_sweep *cube_of(const struct taskset *set)
{
    enum { SPARSEST = 4 };
    const struct taskset_sweep *s = set->sweeps;
    if (set->sweep_count != 1 || s->include_count > 0)
        return NULL;
    return s->whole <= SPARSEST * (uint64_t)s->count ? s : NULL;
}

uint32_t taskset_dims(const struct taskset *set,
                      uint64_t dims[TASKSET_MAX_DIMS])
{
    const struct taskset_sweep *s = cube_of(set);
    if (!s) {
        if (dims)
            dims[0] = set->count;
        return 1;
    }
    for (uint32_t k = 0; dims && k < s->axis_count; k++)
        dims[k] = s->axes[k].count;
    return s->axis_count;
}

uint64_t taskset_cell(const struct taskset *set, uint32_t index)
{
    const struct taskset_sweep *s = cube_of(set);
    uint32_t positions[TASKSET_MAX_AXES];
    uint64_t cell = 0;
    if (!s || !s->filter)
        return index;
    filter_positions(s->filter, index, positions);
    for (uint32_t k = 0; k < s->axis_count; k++)
        cell = cell * s->axes[k].count + positions[k];
    return cell;
}

uint32_t taskset_param_dim(const struct taskset *set, uint32_t param)
{
    const struct taskset_sweep *s = cube_of(set);
    return s ? s->places[param].axis : 0;
}

int taskset_dim_param(const struct taskset *set, uint32_t dim)
{
    const struct taskset_sweep *s = cube_of(set);
    if (!s || s->axes[dim].kind != AXIS_PLAIN || s->axes[dim].column_count != 1)
        return -1;
    return (int)s->axes[dim].params[0];
}

enum axis_kind taskset_dim_kind(const struct taskset *set, uint32_t dim)
{
    const struct taskset_sweep *s = cube_of(set);
    return s ? s->axes[dim].kind : AXIS_POINTS;
}

int taskset_dim_value(const struct taskset *set, uint32_t param,
                      uint64_t position, struct buf *room, struct value *v,
                      struct err *err)
{
    const struct taskset_sweep *s = cube_of(set);
    if (!s)
        return taskset_value(set, (uint32_t)position, param, room, v, err);
    struct taskset_place at = s->places[param];
    return axis_value(&s->axes[at.axis], (uint32_t)position, at.column, room, v,
                      err);
}
