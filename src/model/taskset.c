/* Task sets: index to values and positions, and back: see taskset.h. */
#include "config.h"
#include "model/taskset.h"

#include <string.h>

#include "model/taskset_sweep.h"

int taskset_find_param(const struct taskset *set, const char *name)
{
    for (uint32_t k = 0; k < set->param_count; k++)
        if (strcmp(set->params[k].name, name) == 0)
            return (int)k;
    return -1;
}

const struct taskset_sweep *taskset_sweep_of(const struct taskset *set,
                                             uint32_t index)
{
    uint32_t low = 0, high = set->sweep_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (set->sweeps[mid].first <= index)
            low = mid;
        else
            high = mid;
    }
    return &set->sweeps[low];
}

int taskset_value(const struct taskset *set, uint32_t index, uint32_t param,
                  struct buf *room, struct value *v, struct err *err)
{
    const struct taskset_sweep *s = taskset_sweep_of(set, index);
    struct taskset_place at = s->places[param];
    uint32_t local = index - s->first;
    if (local >= s->product) {
        *v = s->includes[(size_t)(local - s->product) * set->param_count +
                         param];
        return 0;
    }
    const struct taskset_axis *a = &s->axes[at.axis];
    uint32_t position = s->filter ? filter_position(s->filter, local, at.axis)
                                  : local / a->stride % a->count;
    return axis_value(a, position, at.column, room, v, err);
}

void taskset_point(const struct taskset *set, uint32_t index, struct point *p)
{
    const struct taskset_sweep *s = taskset_sweep_of(set, index);
    uint32_t local = index - s->first;
    p->sweep = (uint32_t)(s - set->sweeps);
    p->included = local >= s->product;
    p->positions[0] = local - s->product;
    if (!p->included && s->filter) {
        filter_positions(s->filter, local, p->positions);
        return;
    }
    for (uint32_t k = 0; !p->included && k < s->axis_count; k++)
        p->positions[k] = local / s->axes[k].stride % s->axes[k].count;
}

bool taskset_index(const struct taskset *set, const struct point *p,
                   uint32_t *index)
{
    if (p->sweep >= set->sweep_count)
        return false;
    const struct taskset_sweep *s = &set->sweeps[p->sweep];
    uint32_t local = 0;
    if (p->included) {
        *index = s->first + s->product + p->positions[0];
        return p->positions[0] < s->include_count;
    }
    bool there = s->product > 0;
    if (there && s->filter)
        there = filter_index(s->filter, p->positions, &local);
    for (uint32_t k = 0; there && !s->filter && k < s->axis_count; k++) {
        there = p->positions[k] < s->axes[k].count;
        local += p->positions[k] * s->axes[k].stride;
    }
    *index = s->first + local;
    return there;
}

/* ---- By values ---- */

/* In the product of a sweep. */
static int product_find(const struct taskset *set, uint32_t sweep,
                        const struct value *values, bool *found,
                        uint32_t *index, struct err *err)
{
    const struct taskset_sweep *s = &set->sweeps[sweep];
    struct point p = {.sweep = sweep};
    *found = true;
    for (uint32_t k = 0; *found && k < s->axis_count; k++)
        if (axis_find(&s->axes[k], values, found, &p.positions[k], err) < 0)
            return -1;
    *found = *found && taskset_index(set, &p, index);
    return 0;
}

static bool included_find(const struct taskset *set,
                          const struct taskset_sweep *s,
                          const struct value *values, uint32_t *index)
{
    const struct value *v = s->includes;
    for (uint32_t i = 0; i < s->include_count; i++) {
        uint32_t k = 0;
        while (k < set->param_count && value_equal(&v[k], &values[k]))
            k++;
        *index = s->first + s->product + i;
        if (k == set->param_count)
            return true;
        v += set->param_count;
    }
    return false;
}

int taskset_find(const struct taskset *set, const struct value *values,
                 bool *found, uint32_t *index, struct err *err)
{
    uint32_t at = 0;
    *found = false;
    for (uint32_t i = 0; !*found && i < set->sweep_count; i++) {
        if (product_find(set, i, values, found, &at, err) < 0)
            return -1;
        if (!*found)
            *found = included_find(set, &set->sweeps[i], values, &at);
    }
    if (*found)
        *index = at;
    return 0;
}
