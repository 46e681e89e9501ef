/* Sweeps: parameters and points to a task set. */
#include "config.h"
#include "spec/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/read.h"

struct building {
    struct parse *parse;
    const struct sweep_fields *f;
    struct param *params;
    struct column *columns; /* one a parameter */
    uint32_t param_count;
};

static const char *optional_text(const struct field *f)
{
    return f->node ? f->node->u.text : NULL;
}

/* One scalar as a value; its text stays with the tree's. false: it is none,
 * and that is reported. */
static bool value_take(struct parse *p, const char *what,
                       const struct tree_node *n, const struct key_type *type,
                       struct value *v)
{
    struct field f = {0};
    if (n->kind == TREE_SCALAR && n->count <= type->max) {
        tree_value(n, v);
        if (v->type != VALUE_NULL)
            return true;
    }
    if (n->kind != TREE_SCALAR || n->count > type->max)
        return value_read(p->errors, what, n, type, &f);
    spec_errors_add(p->errors, n->line, n->column,
                    "%s has no value here; quote it if it is meant as a text",
                    what);
    return false;
}

/* The values of a grid's axis. */
static int axis_build(struct building *s, struct param *param,
                      const struct field *list)
{
    const struct tree_node *n = list->node;
    char what[KEY_NAME_MAX + 3];
    snprintf(what, sizeof(what), "`%s`", param->name);
    struct value *values =
        arena_calloc(s->parse->arena, n->count, sizeof(*values));
    if (!values)
        return -1;
    for (uint32_t i = 0; i < n->count; i++)
        if (!value_take(s->parse, what, &n->u.items[i], list->form->of,
                        &values[i]) &&
            spec_errors_full(s->parse->errors))
            return 0;
    s->columns[param - s->params] =
        (struct column){.values = values, .value_count = n->count};
    return 0;
}

/* The parameter of that name, or NULL. */
static struct param *param_find(const struct building *s, const char *name)
{
    for (uint32_t k = 0; k < s->param_count; k++)
        if (strcmp(s->params[k].name, name) == 0)
            return &s->params[k];
    return NULL;
}

/* What `parameters` says of one of them: to a list, to units and so on. */
static int param_describe(struct building *s, const struct tree_pair *pair,
                          const struct key_type *type, struct param *param,
                          bool grid)
{
    struct parse *p = s->parse;
    struct field f = {0};
    struct parameter_fields more = {0};
    char what[KEY_NAME_MAX + 3];
    snprintf(what, sizeof(what), "`%.*s`", KEY_NAME_MAX, pair->key.u.text);
    if (!value_read(p->errors, what, &pair->value, type, &f))
        return 0;
    if (f.form->kind == KEY_STRUCT) {
        fields_read(p->errors, what, f.node, &parameter_keys, &more);
        param->units = optional_text(&more.units);
        param->long_name = optional_text(&more.long_name);
    } else {
        more.values = f;
        more.values.key = &pair->key;
    }
    if (!grid && more.values.key)
        spec_errors_add(p->errors, more.values.key->line,
                        more.values.key->column,
                        "with `method: list` the values of %s stand in "
                        "`points`",
                        what);
    else if (grid && !more.values.key)
        spec_errors_add(p->errors, f.node->line, f.node->column,
                        "%s needs `values`, such as values: [1, 2]", what);
    else if (grid && more.values.node)
        return axis_build(s, param, &more.values);
    return 0;
}

static int params_alloc(struct building *s, uint32_t count)
{
    s->params = arena_calloc(s->parse->arena, count, sizeof(*s->params));
    s->columns = arena_calloc(s->parse->arena, count, sizeof(*s->columns));
    return s->params && s->columns ? 0 : -1;
}

static int grid_build(struct building *s)
{
    struct parse *p = s->parse;
    const struct field *f = &s->f->parameters;
    if (params_alloc(s, f->node->count) < 0)
        return -1;
    for (uint32_t k = 0; k < f->node->count; k++) {
        const struct tree_pair *pair = &f->node->u.pairs[k];
        if (!name_check(p, &pair->key, "parameter"))
            continue;
        struct param *param = &s->params[s->param_count++];
        param->name = pair->key.u.text;
        if (param_describe(s, pair, f->form->of, param, true) < 0)
            return -1;
    }
    return 0;
}

/* Point number i: a value for each parameter. */
static void point_build(struct building *s, uint32_t i,
                        const struct tree_node *first)
{
    struct parse *p = s->parse;
    const struct key_type *type = s->f->points.form->of;
    const struct tree_node *n = &s->f->points.node->u.items[i];
    struct field f = {0};
    char what[KEY_NAME_MAX + 3];
    uint32_t found = 0;
    if (!value_read(p->errors, "a point", n, type, &f))
        return;
    for (uint32_t k = 0; k < n->count; k++) {
        const struct tree_pair *pair = &n->u.pairs[k];
        const char *name = pair->key.u.text;
        struct param *param =
            k < s->param_count && strcmp(s->params[k].name, name) == 0
                ? &s->params[k]
                : param_find(s, name);
        if (!param) {
            if (n != first) /* else its name is wrong */
                spec_errors_add(p->errors, pair->key.line, pair->key.column,
                                "`%s` is not a parameter of the first point "
                                "(line %u); all points have the same",
                                excerpt_of(name).text, first->line);
            continue;
        }
        snprintf(what, sizeof(what), "`%s`", param->name);
        found++;
        value_take(p, what, &pair->value, type->of,
                   (struct value *)&s->columns[param - s->params].values[i]);
    }
    if (found == s->param_count)
        return;
    for (uint32_t k = 0; k < s->param_count; k++)
        if (!tree_get(n, s->params[k].name))
            spec_errors_add(p->errors, n->line, n->column,
                            "this point has no `%s`, which the first point "
                            "(line %u) has",
                            s->params[k].name, first->line);
}

/* Units and long names of a list's parameters. */
static int list_describe(struct building *s)
{
    const struct field *f = &s->f->parameters;
    for (uint32_t k = 0; f->node && k < f->node->count; k++) {
        const struct tree_pair *pair = &f->node->u.pairs[k];
        struct param *param = param_find(s, pair->key.u.text);
        if (!param)
            spec_errors_add(s->parse->errors, pair->key.line, pair->key.column,
                            "`%s` is not a parameter of the points",
                            excerpt_of(pair->key.u.text).text);
        else if (param_describe(s, pair, f->form->of, param, false) < 0)
            return -1;
    }
    return 0;
}

static int list_build(struct building *s)
{
    struct parse *p = s->parse;
    const struct tree_node *points = s->f->points.node;
    const struct tree_node *first = &points->u.items[0];
    struct field f = {0};
    if (!value_read(p->errors, "a point", first, s->f->points.form->of, &f))
        return 0;
    if (params_alloc(s, first->count) < 0)
        return -1;
    for (uint32_t k = 0; k < first->count; k++) {
        const struct tree_pair *pair = &first->u.pairs[k];
        if (!name_check(p, &pair->key, "parameter"))
            continue;
        struct param *param = &s->params[s->param_count++];
        param->name = pair->key.u.text;
        struct value *values =
            arena_calloc(p->arena, points->count, sizeof(*values));
        if (!values)
            return -1;
        s->columns[s->param_count - 1] =
            (struct column){.values = values, .value_count = points->count};
    }
    for (uint32_t i = 0; i < points->count && !spec_errors_full(p->errors); i++)
        point_build(s, i, first);
    return list_describe(s);
}

/* Is what the method needs there, and nothing that only the other takes? */
static bool method_check(struct parse *p, const struct tree_node *node,
                         const struct sweep_fields *f, bool grid)
{
    const struct field *need = grid ? &f->parameters : &f->points;
    if (grid && f->points.key)
        spec_errors_add(p->errors, f->points.key->line, f->points.key->column,
                        "`points` needs `method: list`");
    else if (!need->key)
        spec_errors_add(p->errors, node->line, node->column,
                        grid ? "a sweep needs `parameters`, such as "
                               "parameters: {x: [1, 2]}"
                             : "`method: list` needs `points`, such as "
                               "points: [{x: 1}, {x: 2}]");
    return need->node != NULL && !(grid && f->points.key);
}

/* The set of what is built: an axis a parameter, or one for all. */
static int set_init(const struct building *s, bool grid, struct taskset *set,
                    struct err *err)
{
    uint32_t n = s->param_count, axis_count = grid ? n : 1;
    struct arena *arena = s->parse->arena;
    struct axis *axes = arena_calloc(arena, axis_count, sizeof(*axes));
    uint32_t *numbers = arena_calloc(arena, n, sizeof(*numbers));
    if (!axes || !numbers)
        return err_set(err, ENOMEM, "no memory for a sweep");
    for (uint32_t k = 0; k < n; k++)
        numbers[k] = k;
    for (uint32_t k = 0; k < axis_count; k++)
        axes[k] = (struct axis){.kind = grid ? AXIS_PLAIN : AXIS_POINTS,
                                .params = &numbers[k],
                                .columns = &s->columns[k],
                                .column_count = grid ? 1 : n};
    struct sweep sweep = {.axes = axes, .axis_count = axis_count};
    return taskset_init(set, arena, s->params, n, &sweep, 1, TASKSET_MAX_COUNT,
                        NULL, err);
}

int sweep_build(struct parse *p, const struct tree_node *node,
                struct taskset *set, bool *known)
{
    size_t errors_before = p->errors->count;
    struct sweep_fields f;
    struct err err;
    fields_read(p->errors, "`sweep`", node, &sweep_keys, &f);
    bool grid = f.method.u.integer == 0;
    struct building s = {.parse = p, .f = &f};
    *known = false;
    if ((f.method.key && !f.method.node) || !method_check(p, node, &f, grid))
        return 0;
    if ((grid ? grid_build(&s) : list_build(&s)) < 0)
        return -1;
    *known = s.param_count > 0;
    if (p->damaged || p->errors->count > errors_before) { /* names, at least */
        *set = (struct taskset){.kind = TASKS_SWEPT,
                                .count = 1,
                                .params = s.params,
                                .param_count = s.param_count};
        return 0;
    }
    const struct tree_node *at = grid ? f.parameters.node : f.points.node;
    if (set_init(&s, grid, set, &err) < 0) {
        if (err.code == ENOMEM)
            return -1;
        spec_errors_add(p->errors, at->line, at->column, "%s", err.text);
        *known = false;
    }
    return 0;
}
