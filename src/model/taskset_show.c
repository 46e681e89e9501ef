/* Task sets: in words, and a sample of them: see taskset.h. */
#include "config.h"
#include "model/taskset.h"

#include <inttypes.h>
#include <string.h>

#include "model/taskset_sweep.h"

enum { SWEEPS_SHOWN = 4 };

/* ---- In words ---- */

static const char *const designs[] = {[AXIS_PLAIN] = "points of ",
                                      [AXIS_POINTS] = "points of ",
                                      [AXIS_COMBINATIONS] = "combinations ",
                                      [AXIS_PERMUTATIONS] = "permutations ",
                                      [AXIS_RANDOM] = "random points of ",
                                      [AXIS_LHS] = "a Latin hypercube of ",
                                      [AXIS_SOBOL] = "Sobol points of ",
                                      [AXIS_HALTON] = "Halton points of "};

/* "T (3)", "n, ranks (4)", "random points of x, y (100)". */
static int axis_describe(const struct taskset *set,
                         const struct taskset_axis *a, struct buf *out)
{
    int rc = 0;
    if (a->column_count == 0)
        rc = buf_puts(out, "repetitions");
    else if (a->kind != AXIS_PLAIN || a->column_count > 1)
        rc = buf_puts(out, designs[a->kind]);
    for (uint32_t c = 0; rc == 0 && c < a->column_count; c++)
        rc = buf_printf(out, "%s%s", c ? ", " : "",
                        set->params[a->params[c]].name);
    return rc < 0 ? rc : buf_printf(out, " (%" PRIu32 ")", a->count);
}

static int sweep_describe(const struct taskset *set,
                          const struct taskset_sweep *s, struct buf *out)
{
    const struct taskset_axis *only = s->axis_count == 1 ? s->axes : NULL;
    int rc = 0;
    if (!only || (only->kind == AXIS_PLAIN && only->column_count < 2))
        rc = buf_puts(out, "a grid of ");
    for (uint32_t k = 0; rc == 0 && k < s->axis_count; k++) {
        rc = k ? buf_puts(out, " x ") : 0;
        if (rc == 0)
            rc = axis_describe(set, &s->axes[k], out);
    }
    if (rc == 0 && s->filter && s->whole != UINT64_MAX && s->whole > s->product)
        rc = buf_printf(out, ", less %" PRIu64, s->whole - s->product);
    if (rc == 0 && s->include_count > 0)
        rc = buf_printf(out, ", and %" PRIu32 " included", s->include_count);
    return rc;
}

int taskset_describe(const struct taskset *set, struct buf *out)
{
    size_t start = out->len;
    int rc = 0;
    if (set->kind == TASKS_COMMANDS)
        rc = buf_puts(out, "command lines");
    if (set->sweep_count > 1)
        rc = buf_printf(out, "%" PRIu32 " sweeps: ", set->sweep_count);
    for (uint32_t i = 0; rc == 0 && i < set->sweep_count; i++) {
        if (i == SWEEPS_SHOWN) {
            rc = buf_puts(out, "; ...");
            break;
        }
        rc = i ? buf_puts(out, "; ") : 0;
        if (rc == 0)
            rc = sweep_describe(set, &set->sweeps[i], out);
    }
    if (rc < 0)
        buf_truncate(out, start);
    return rc;
}

/* ---- Samples ----
 *
 * The sample of a product is its diagonal: step k is at position k, modulo
 * its length, on each axis. A sweep's sample is the diagonal, then the
 * included points; a set's sample that of its sweeps, one behind the other. */

static uint32_t sweep_steps(const struct taskset_sweep *s)
{
    uint32_t steps = 0;
    for (uint32_t k = 0; k < s->axis_count; k++)
        if (s->axes[k].count > steps)
            steps = s->axes[k].count;
    return (steps < s->product ? steps : s->product) + s->include_count;
}

static uint64_t all_steps(const struct taskset *set)
{
    uint64_t steps = set->kind == TASKS_SWEPT ? 0 : set->count;
    for (uint32_t i = 0; i < set->sweep_count; i++)
        steps += sweep_steps(&set->sweeps[i]);
    return steps;
}

uint32_t taskset_sample_count(const struct taskset *set, uint32_t max)
{
    uint64_t steps = all_steps(set);
    return steps < max ? (uint32_t)steps : max;
}

static uint32_t sweep_sample(const struct taskset_sweep *s, uint32_t step)
{
    uint32_t diagonal = sweep_steps(s) - s->include_count, local = 0;
    uint32_t positions[TASKSET_MAX_AXES];
    if (step >= diagonal)
        return s->first + s->product + (step - diagonal);
    for (uint32_t k = 0; s->filter && k < s->axis_count; k++)
        positions[k] = step % s->axes[k].count;
    if (s->filter)
        return s->first + filter_near(s->filter, positions);
    for (uint32_t k = 0; k < s->axis_count; k++)
        local += step % s->axes[k].count * s->axes[k].stride;
    return s->first + local;
}

uint32_t taskset_sample(const struct taskset *set, uint32_t k, uint32_t count)
{
    uint64_t steps = all_steps(set);
    uint32_t step = (uint32_t)(count < steps ? k * steps / count : k);
    for (uint32_t i = 0; i < set->sweep_count; i++) {
        uint32_t own = sweep_steps(&set->sweeps[i]);
        if (step < own)
            return sweep_sample(&set->sweeps[i], step);
        step -= own;
    }
    return step;
}
