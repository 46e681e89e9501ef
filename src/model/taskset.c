/* Task sets: see taskset.h. */
#include "config.h"
#include "model/taskset.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int taskset_init_sweep(struct taskset *set, enum sweep_method method,
                       const struct param *params, uint32_t param_count,
                       struct err *err)
{
    uint64_t count = 1;
    if (param_count == 0)
        return err_set(err, EINVAL, "the sweep has no parameters");
    if (param_count > TASKSET_MAX_PARAMS)
        return err_set(err, ERANGE, "more than %d parameters",
                       TASKSET_MAX_PARAMS);
    for (uint32_t k = 0; k < param_count; k++) {
        if (params[k].value_count == 0)
            return err_set(err, EINVAL, "parameter \"%s\" has no values",
                           params[k].name);
        if (method == SWEEP_LIST) {
            if (k > 0 && params[k].value_count != count)
                return err_set(err, EINVAL,
                               "parameter \"%s\" has %" PRIu32
                               " values where the others have %" PRIu64,
                               params[k].name, params[k].value_count, count);
            count = params[k].value_count;
        } else if (__builtin_mul_overflow(count, params[k].value_count,
                                          &count) ||
                   count > TASKSET_MAX_COUNT) {
            return err_set(err, ERANGE,
                           "the grid has more than %" PRIu32 " points",
                           TASKSET_MAX_COUNT);
        }
    }
    if (count > TASKSET_MAX_COUNT)
        return err_set(err, ERANGE,
                       "the sweep has more than %" PRIu32 " points",
                       TASKSET_MAX_COUNT);
    *set = (struct taskset){.method = method,
                            .count = (uint32_t)count,
                            .params = params,
                            .param_count = param_count};
    return 0;
}

void taskset_init_listed(struct taskset *set, uint32_t count)
{
    *set = (struct taskset){.method = SWEEP_NONE, .count = count};
}

uint32_t taskset_position(const struct taskset *set, uint32_t index,
                          uint32_t param)
{
    if (set->method == SWEEP_LIST)
        return index;
    for (uint32_t k = set->param_count; --k > param;)
        index /= set->params[k].value_count;
    return index % set->params[param].value_count;
}

const struct value *taskset_value(const struct taskset *set, uint32_t index,
                                  uint32_t param)
{
    return &set->params[param].values[taskset_position(set, index, param)];
}

uint32_t taskset_index(const struct taskset *set, const uint32_t *positions)
{
    uint32_t index = 0;
    for (uint32_t k = 0; k < set->param_count; k++)
        index = index * set->params[k].value_count + positions[k];
    return index;
}

int taskset_find_param(const struct taskset *set, const char *name)
{
    for (uint32_t k = 0; k < set->param_count; k++)
        if (strcmp(set->params[k].name, name) == 0)
            return (int)k;
    return -1;
}
