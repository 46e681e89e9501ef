/* How the tasks of a job lie in its cubes: see results_build.h. As its task set
 * says; but a cube with more dimensions than HDF5 and the arrays of metrics
 * leave room for is one line of tasks. */
#include "config.h"
#include "store/results_build.h"

void shape_init(struct survey_job *s, const struct taskset *set,
                uint64_t chunk_cells)
{
    uint64_t dims[TASKSET_MAX_DIMS];
    uint32_t rank = taskset_dims(set, dims);
    s->set = set;
    s->flat = rank > CUBE_MAX_RANK - CUBE_MAX_INNER;
    if (s->flat) {
        rank = 1;
        dims[0] = set->count;
    }
    cube_shape_init(&s->shape, dims, (int)rank, chunk_cells);
}

uint64_t shape_cell(const struct survey_job *s, uint32_t index)
{
    return s->flat ? index : taskset_cell(s->set, index);
}

uint32_t shape_param_dim(const struct survey_job *s, uint32_t param)
{
    return s->flat ? 0 : taskset_param_dim(s->set, param);
}

int shape_dim_param(const struct survey_job *s, uint32_t dim)
{
    /* a set without sweeps has no axes to ask */
    if (s->flat || s->set->kind != TASKS_SWEPT)
        return -1;
    return taskset_dim_param(s->set, dim);
}

int shape_value(const struct survey_job *s, uint32_t param, uint64_t position,
                struct buf *room, struct value *v, struct err *err)
{
    if (s->flat)
        return taskset_value(s->set, (uint32_t)position, param, room, v, err);
    return taskset_dim_value(s->set, param, position, room, v, err);
}

uint32_t shape_first_task(const struct survey_job *s, uint64_t cell)
{
    uint32_t low = 0, high = s->set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shape_cell(s, middle) < cell)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
