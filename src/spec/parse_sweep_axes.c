/* Methods to axes: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/read.h"

/* -- Axes ---------------------------------------------------------------- */

/* An axis that is being filled. */
struct room {
    struct axis *axis;
    uint32_t *params;
    struct column *columns;
};

/* The next axis, with room for so many columns. -1: no memory. */
static int axis_add(struct sweep_draft *d, enum axis_kind kind,
                    const struct tree_node *at, uint32_t columns,
                    struct room *r)
{
    r->axis = &d->axes[d->out->axis_count];
    r->params = arena_calloc(d->parse->arena, columns, sizeof(*r->params));
    r->columns = arena_calloc(d->parse->arena, columns, sizeof(*r->columns));
    if (!r->params || !r->columns)
        return -1;
    *r->axis =
        (struct axis){.kind = kind, .params = r->params, .columns = r->columns};
    d->axis_at[d->out->axis_count++] = at;
    return 0;
}

/* The next column of an axis, for a parameter. */
static struct column *column_add(struct room *r,
                                 const struct sweep_param *param)
{
    uint32_t k = r->axis->column_count++;
    r->params[k] = param->number;
    return &r->columns[k];
}

/* How many parameters there are without that of `repeat`. */
static uint32_t own_count(const struct sweep_draft *d)
{
    return d->param_count - (d->f.repeat.node ? 1 : 0);
}

/* -- Grid and zip -------------------------------------------------------- */

/* Put one name into its group. */
static void zip_put(struct sweep_draft *d, const struct tree_node *group,
                    const struct tree_node *n, const struct key_type *type)
{
    struct spec_errors *errors = d->parse->errors;
    struct field name = {0};
    if (!value_read(errors, "a name in `zip`", n, type, &name))
        return;
    struct sweep_param *param = sweep_find_param(d, n->u.text);
    if (!param)
        sweep_unknown(d, n, "`zip`");
    else if (param >= d->params + own_count(d))
        spec_errors_add(errors, n->line, n->column,
                        "`%s` counts repetitions; it cannot be linked",
                        param->name);
    else if (param->zip)
        spec_errors_add(errors, n->line, n->column,
                        "`%s` is linked already (line %u)", param->name,
                        param->zip->line);
    else
        param->zip = group;
}

/* Who is linked with whom: each named parameter gets its group. */
static void zip_read(struct sweep_draft *d)
{
    const struct field *f = &d->f.zip;
    for (uint32_t g = 0; f->node && g < f->node->count; g++) {
        const struct tree_node *group = &f->node->u.items[g];
        struct field names = {0};
        if (group->kind == TREE_SCALAR) {
            spec_errors_add(d->parse->errors, group->line, group->column,
                            "`zip` is a list of lists of names, such as zip: "
                            "[[n, ranks]]");
            return;
        }
        if (!value_read(d->parse->errors, "a group of `zip`", group,
                        f->form->of, &names))
            continue;
        if (group->count == 1)
            spec_errors_add(d->parse->errors, group->line, group->column,
                            "a group of `zip` links two parameters or more");
        for (uint32_t k = 0; k < group->count; k++)
            zip_put(d, group, &group->u.items[k], names.form->of);
    }
}

/* One axis a parameter or a group of linked ones; or one for all. */
static int grid_axes(struct sweep_draft *d, bool all_linked)
{
    uint32_t count = own_count(d);
    struct room axis;
    bool done[TASKSET_MAX_PARAMS] = {false};
    zip_read(d);
    for (uint32_t k = 0; k < count; k++) {
        const struct sweep_param *first = &d->params[k];
        if (done[k])
            continue;
        const struct tree_node *at = all_linked   ? d->f.parameters.key
                                     : first->zip ? first->zip
                                                  : first->at;
        if (axis_add(d, AXIS_PLAIN, at, count, &axis) < 0)
            return -1;
        for (uint32_t j = k; j < count; j++) {
            const struct sweep_param *param = &d->params[j];
            if (j != k && !all_linked &&
                (!first->zip || param->zip != first->zip))
                continue;
            done[j] = true;
            if (column_build(d, param, column_add(&axis, param)) < 0)
                return -1;
        }
    }
    return 0;
}

/* -- Lists --------------------------------------------------------------- */

/* A point that is not like the first. */
static void point_report(struct sweep_draft *d, const struct tree_node *n,
                         uint32_t count)
{
    struct spec_errors *errors = d->parse->errors;
    unsigned first = d->f.points.node->u.items[0].line;
    for (uint32_t k = 0; k < n->count; k++) {
        const struct tree_node *key = &n->u.pairs[k].key;
        const struct sweep_param *param = sweep_find_param(d, key->u.text);
        if (!param || param >= d->params + count)
            spec_errors_add(errors, key->line, key->column,
                            "`%s` is not a parameter of the first point "
                            "(line %u); all points have the same",
                            excerpt_of(key->u.text).text, first);
    }
    for (uint32_t k = 0; k < count; k++)
        if (!tree_get(n, d->params[k].name))
            spec_errors_add(errors, n->line, n->column,
                            "this point has no `%s`, which the first point "
                            "(line %u) has",
                            d->params[k].name, first);
}

/* Point number i: a value for each parameter. */
static void point_build(struct sweep_draft *d, uint32_t i, uint32_t count,
                        struct value *const *values)
{
    const struct key_type *type = d->f.points.form->of;
    const struct tree_node *n = &d->f.points.node->u.items[i];
    struct field f = {0};
    uint32_t found = 0;
    if (!value_read(d->parse->errors, "a point", n, type, &f))
        return;
    for (uint32_t k = 0; k < n->count; k++) {
        const struct tree_pair *pair = &n->u.pairs[k];
        const char *name = pair->key.u.text;
        const struct sweep_param *param =
            k < count && strcmp(d->params[k].name, name) == 0
                ? &d->params[k]
                : sweep_find_param(d, name);
        if (!param || param >= d->params + count)
            continue;
        found++;
        sweep_value(d->parse, quoted_name(name).text, &pair->value, type->of,
                    &values[param - d->params][i]);
    }
    if (found < count || n->count > found)
        point_report(d, n, count);
}

static int points_axis(struct sweep_draft *d)
{
    const struct tree_node *points = d->f.points.node;
    uint32_t count = own_count(d);
    struct value *values[TASKSET_MAX_PARAMS];
    struct room axis;
    if (axis_add(d, AXIS_POINTS, points, count, &axis) < 0)
        return -1;
    for (uint32_t k = 0; k < count; k++) {
        values[k] =
            arena_calloc(d->parse->arena, points->count, sizeof(*values[k]));
        if (!values[k])
            return -1;
        *column_add(&axis, &d->params[k]) =
            (struct column){.kind = COLUMN_VALUES,
                            .values = values[k],
                            .value_count = points->count};
    }
    for (uint32_t i = 0;
         i < points->count && !spec_errors_full(d->parse->errors); i++)
        point_build(d, i, count, values);
    return 0;
}

/* The rows of a table are points; files, each another one, are an axis. */
static int table_axis(struct sweep_draft *d)
{
    uint32_t count = own_count(d);
    enum axis_kind kind = d->params[0].is_path ? AXIS_PLAIN : AXIS_POINTS;
    struct room axis;
    if (axis_add(d, kind, d->f.from.node, count, &axis) < 0)
        return -1;
    for (uint32_t k = 0; k < count; k++)
        *column_add(&axis, &d->params[k]) =
            (struct column){.kind = COLUMN_TABLE,
                            .table = d->params[k].table,
                            .table_column = d->params[k].table_column};
    return 0;
}

/* -- Combinations, drawn designs, repeats -------------------------------- */

static int chosen_axis(struct sweep_draft *d)
{
    const struct field *items = &d->f.items;
    uint32_t count = own_count(d);
    enum axis_kind kind = d->method == METHOD_COMBINATIONS ? AXIS_COMBINATIONS
                                                           : AXIS_PERMUTATIONS;
    struct room axis;
    if (axis_add(d, kind, d->node, count, &axis) < 0)
        return -1;
    for (uint32_t k = 0; k < count; k++)
        column_add(&axis, &d->params[k])->kind = COLUMN_VALUES;
    if (!items->node)
        return 0;
    if (items->node->count < count)
        spec_errors_add(d->parse->errors, items->node->line,
                        items->node->column,
                        "there are no %s of %" PRIu32 " of %" PRIu32
                        " item%s; there are as many items as parameters, or "
                        "more",
                        method_name(d->method), count, items->node->count,
                        items->node->count == 1 ? "" : "s");
    return column_build_values(d, "an item", items, &axis.columns[0]);
}

/* The parameters that vary come first, so that one that does not takes no
 * dimension of a sequence. */
static int drawn_axis(struct sweep_draft *d)
{
    static const enum axis_kind kinds[] = {[METHOD_RANDOM] = AXIS_RANDOM,
                                           [METHOD_LHS] = AXIS_LHS,
                                           [METHOD_SOBOL] = AXIS_SOBOL,
                                           [METHOD_HALTON] = AXIS_HALTON};
    uint32_t count = own_count(d);
    struct room axis;
    if (axis_add(d, kinds[d->method], d->node, count, &axis) < 0)
        return -1;
    axis.axis->count = (uint32_t)d->f.count.u.integer;
    axis.axis->seed = (uint64_t)d->f.seed.u.integer;
    axis.axis->seeded = d->f.seed.node != NULL;
    for (int fixed = 0; fixed < 2; fixed++)
        for (uint32_t k = 0; k < count; k++) {
            const struct sweep_param *param = &d->params[k];
            if (param_is_fixed(param) == (fixed == 1) &&
                column_build_drawn(d, param, column_add(&axis, param)) < 0)
                return -1;
        }
    return 0;
}

/* The axis of `repeat`: first, first + 1, ... */
static int repeat_axis(struct sweep_draft *d)
{
    const struct repeat_fields *r = &d->repeat;
    int64_t first = r->first.u.integer;
    char text[24];
    struct room axis;
    if (axis_add(d, AXIS_PLAIN, d->f.repeat.node, 1, &axis) < 0)
        return -1;
    struct column *c = column_add(&axis, &d->params[d->param_count - 1]);
    c->kind = COLUMN_RANGE;
    int64_t values[] = {first, first + r->count.u.integer - 1, 1};
    struct value *ends[] = {&c->from, &c->to, &c->step};
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "%" PRId64, values[i]);
        char *kept = arena_strdup(d->parse->arena, text);
        if (!kept)
            return -1;
        value_resolve(ends[i], kept);
    }
    return 0;
}

int sweep_axes(struct sweep_draft *d)
{
    int rc;
    d->axes = arena_calloc(d->parse->arena, d->param_count, sizeof(*d->axes));
    d->axis_at =
        arena_calloc(d->parse->scratch, d->param_count, sizeof(*d->axis_at));
    if (!d->axes || !d->axis_at)
        return -1;
    d->out->axes = d->axes;
    if (method_is_drawn(d->method))
        rc = drawn_axis(d);
    else if (d->method == METHOD_LIST)
        rc = d->f.points.node ? points_axis(d) : table_axis(d);
    else if (d->method == METHOD_COMBINATIONS ||
             d->method == METHOD_PERMUTATIONS)
        rc = chosen_axis(d);
    else
        rc = grid_axes(d, d->method == METHOD_ZIP);
    if (rc == 0 && d->repeat.count.node)
        rc = repeat_axis(d);
    return rc;
}
