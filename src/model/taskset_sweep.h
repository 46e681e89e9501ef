/* A sweep as built: what taskset*.c share. */
#ifndef MPIBATCH_MODEL_TASKSET_SWEEP_H
#define MPIBATCH_MODEL_TASKSET_SWEEP_H

#include "model/filter.h"

struct taskset_sweep {
    uint32_t first;   /* its first task */
    uint32_t count;   /* its tasks: those of the product, then the included */
    uint32_t product; /* tasks of the product that the filter leaves */
    uint32_t axis_count;
    const struct taskset_axis *axes;
    const struct taskset_place *places; /* one a parameter of the set */
    const struct filter *filter;        /* NULL: all points are left */
    uint64_t whole;                     /* points without it, or UINT64_MAX */
    const struct value *includes;
    uint32_t include_count;
};

/* The sweep that a task is in. */
const struct taskset_sweep *taskset_sweep_of(const struct taskset *set,
                                             uint32_t index);

#endif
