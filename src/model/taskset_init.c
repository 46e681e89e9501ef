/* Building task sets: see taskset.h. Axes first, which gives the number of
 * points; only when that is within bounds, what costs more. */
#include "config.h"
#include "model/taskset.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "model/table.h"
#include "model/taskset_sweep.h"

struct builder {
    struct arena *arena;
    const struct sweep *given;
    uint32_t sweep_count;
    struct param *params;
    uint32_t param_count;
    uint64_t max_count;
    struct taskset_sweep *sweeps;
    struct taskset_fault *fault;
    struct err *err;
};

static int no_memory(struct builder *b)
{
    return err_set(b->err, ENOMEM, "no memory for a sweep");
}

/* ---- Axes ---- */

/* Which axis and column has the values of which parameter. */
static int places_init(struct builder *b, struct taskset_sweep *s)
{
    struct taskset_place *places =
        arena_calloc(b->arena, b->param_count, sizeof(*places));
    bool seen[TASKSET_MAX_PARAMS] = {false};
    if (!places)
        return no_memory(b);
    for (uint32_t k = 0; k < s->axis_count; k++)
        for (uint32_t c = 0; c < s->axes[k].column_count; c++) {
            uint32_t p = s->axes[k].params[c];
            assert(!seen[p]);
            seen[p] = true;
            places[p] = (struct taskset_place){.axis = (uint8_t)k,
                                               .column = (uint8_t)c};
        }
    for (uint32_t p = 0; p < b->param_count; p++)
        assert(seen[p]);
    s->places = places;
    return 0;
}

static int over(struct builder *b, struct amount count)
{
    char text[48];
    b->fault->what = FAULT_COUNT;
    return err_set(b->err, ERANGE,
                   "the sweep has %s points, and %" PRIu64
                   " are the most it may have",
                   amount_format(count, text), b->max_count);
}

/* The axes, their strides, and how large their product is. */
static int axes_init(struct builder *b, const struct sweep *given,
                     struct taskset_sweep *s)
{
    struct taskset_axis *axes =
        arena_calloc(b->arena, given->axis_count, sizeof(*axes));
    struct amount product = amount_of(1), longest = amount_of(0);
    s->axes = axes;
    s->axis_count = given->axis_count;
    if (!axes)
        return no_memory(b);
    assert(given->axis_count > 0 && given->axis_count <= TASKSET_MAX_AXES);
    b->fault->what = FAULT_SWEEP;
    for (uint32_t k = given->axis_count; k-- > 0;) {
        struct amount count;
        b->fault->at = k;
        if (axis_init(&axes[k], b->arena, &given->axes[k], &count, b->fault,
                      b->err) < 0)
            return -1;
        axes[k].stride = (uint32_t)product.exact;
        product = amount_mul(product, count);
        longest = count.exact > longest.exact ? count : longest;
    }
    bool filtered = given->exclude_count > 0 || given->when_count > 0;
    if (longest.exact > TASKSET_MAX_COUNT ||
        (!filtered && product.exact > b->max_count))
        return over(b, product);
    s->whole = product.exact;
    return places_init(b, s);
}

/* ---- Parameters ---- */

static int params_survey(struct builder *b)
{
    for (uint32_t p = 0; p < b->param_count; p++) {
        struct param *param = &b->params[p];
        param->type = VALUE_NULL;
        param->longest = 0;
        for (uint32_t i = 0; i < b->sweep_count; i++) {
            const struct taskset_sweep *s = &b->sweeps[i];
            struct taskset_place at = s->places[p];
            if (axis_survey(&s->axes[at.axis], at.column, &param->type,
                            &param->longest, b->err) < 0)
                return -1;
            for (uint32_t k = 0; k < b->given[i].include_count; k++)
                value_survey(
                    &b->given[i].includes[(size_t)k * b->param_count + p],
                    &param->type, &param->longest);
        }
    }
    return 0;
}

/* ---- Counting ---- */

static int filter_init(struct builder *b, const struct sweep *given,
                       struct taskset_sweep *s, struct amount *left)
{
    struct filter_plan plan = {.axes = s->axes,
                               .axis_count = s->axis_count,
                               .params = b->params,
                               .places = s->places,
                               .sweep = given};
    char text[48];
    if (filter_build(&s->filter, b->arena, &plan, left, b->fault, b->err) < 0)
        return -1;
    if (left->exact > 0 || s->include_count > 0)
        return 0;
    b->fault->what = FAULT_EMPTY;
    return err_set(
        b->err, EINVAL, "nothing is left of the %s points",
        amount_format((struct amount){s->whole, (double)s->whole}, text));
}

/* The points of each sweep, and of all. */
static int sweeps_count(struct builder *b, struct amount *total)
{
    *total = amount_of(0);
    for (uint32_t i = 0; i < b->sweep_count; i++) {
        const struct sweep *given = &b->given[i];
        struct taskset_sweep *s = &b->sweeps[i];
        struct amount product = amount_of(s->whole);
        b->fault->sweep = i;
        s->includes = given->includes;
        s->include_count = given->include_count;
        if ((given->exclude_count > 0 || given->when_count > 0) &&
            filter_init(b, given, s, &product) < 0)
            return -1;
        struct amount count = amount_add(product, amount_of(s->include_count));
        *total = amount_add(*total, count);
        if (total->exact > b->max_count)
            return over(b, *total);
        s->product = (uint32_t)product.exact;
        s->count = (uint32_t)count.exact;
        s->first = (uint32_t)(total->exact - count.exact);
    }
    return 0;
}

static int sweeps_init(struct builder *b)
{
    for (uint32_t i = 0; i < b->sweep_count; i++) {
        b->fault->sweep = i;
        if (axes_init(b, &b->given[i], &b->sweeps[i]) < 0)
            return -1;
    }
    return 0;
}

int taskset_init(struct taskset *set, struct arena *arena,
                 const struct param *params, uint32_t param_count,
                 const struct sweep *sweeps, uint32_t sweep_count,
                 uint64_t max_count, struct taskset_fault *fault,
                 struct err *err)
{
    struct err ignored;
    struct taskset_fault nowhere;
    struct builder b = {.arena = arena,
                        .given = sweeps,
                        .sweep_count = sweep_count,
                        .param_count = param_count,
                        .max_count = max_count < TASKSET_MAX_COUNT
                                         ? max_count
                                         : TASKSET_MAX_COUNT,
                        .fault = fault ? fault : &nowhere,
                        .err = err ? err : &ignored};
    struct amount total;
    *b.fault = (struct taskset_fault){.what = FAULT_SET};
    assert(param_count <= TASKSET_MAX_PARAMS);
    assert(sweep_count > 0 && sweep_count <= TASKSET_MAX_SWEEPS);
    b.params = arena_calloc(arena, param_count, sizeof(*b.params));
    b.sweeps = arena_calloc(arena, sweep_count, sizeof(*b.sweeps));
    if (!b.params || !b.sweeps)
        return no_memory(&b);
    if (param_count > 0)
        memcpy(b.params, params, param_count * sizeof(*params));
    if (sweeps_init(&b) < 0 || params_survey(&b) < 0 ||
        sweeps_count(&b, &total) < 0) {
        if (b.err->code == ENOMEM)
            b.fault->what = FAULT_SET;
        return -1;
    }
    *set = (struct taskset){.kind = TASKS_SWEPT,
                            .count = (uint32_t)total.exact,
                            .params = b.params,
                            .param_count = param_count,
                            .sweeps = b.sweeps,
                            .sweep_count = sweep_count};
    return 0;
}

void taskset_init_commands(struct taskset *set, const struct table *lines)
{
    *set = (struct taskset){
        .kind = TASKS_COMMANDS, .count = table_rows(lines), .lines = lines};
}

void taskset_init_listed(struct taskset *set, uint32_t count)
{
    *set = (struct taskset){.kind = TASKS_LISTED, .count = count};
}
