/* What the parameters of a sweep are called: see parse_sweep.h.
 *
 * Names come from `parameters`, the first point of a list, the header of a
 * file, and `repeat`, which is the last. What `parameters` says of a name
 * (values, units) is read here, too; what it means, others know.
 */
#include "config.h"
#include "spec/parse_sweep.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/table.h"
#include "spec/errors.h"
#include "spec/read.h"

struct quoted quoted_name(const char *name)
{
    struct quoted q;
    snprintf(q.text, sizeof(q.text), "`%s`", excerpt_of(name).text);
    return q;
}

struct sweep_param *sweep_find_param(const struct sweep_draft *d,
                                     const char *name)
{
    for (uint32_t k = 0; k < d->param_count; k++)
        if (strcmp(d->params[k].name, name) == 0)
            return &d->params[k];
    return NULL;
}

void sweep_unknown(const struct sweep_draft *d, const struct tree_node *at,
                   const char *where)
{
    const char *names[TASKSET_MAX_PARAMS], *unknown = at->u.text;
    struct buf hint;
    buf_init(&hint, ERR_TEXT_MAX);
    for (uint32_t k = 0; k < d->param_count; k++)
        names[k] = d->params[k].name;
    const char *nearest = text_nearest(unknown, names, d->param_count);
    int rc = nearest ? buf_printf(&hint, "; did you mean `%s`?", nearest) : 0;
    for (uint32_t k = 0; rc == 0 && !nearest && k < d->param_count; k++)
        rc = buf_printf(&hint, "%s`%s`",
                        k                     ? ", "
                        : d->param_count == 1 ? "; there is "
                                              : "; there are ",
                        names[k]);
    spec_errors_add(d->parse->errors, at->line, at->column,
                    "`%s` in %s is not a parameter%s", excerpt_of(unknown).text,
                    where, buf_text(&hint));
    buf_fini(&hint);
}

/* Can one more parameter be called that? */
static bool param_check(struct sweep_draft *d, const struct tree_node *at)
{
    struct spec_errors *errors = d->parse->errors;
    const struct sweep_param *other = sweep_find_param(d, at->u.text);
    if (!name_check(d->parse, at, "parameter"))
        return false;
    if (other)
        spec_errors_add(errors, at->line, at->column,
                        "`%s` is a parameter already (line %u)", other->name,
                        other->at->line);
    else if (d->param_count == TASKSET_MAX_PARAMS)
        spec_errors_add(errors, at->line, at->column,
                        "`%s` is one parameter too many; a sweep has at most "
                        "%d of them",
                        at->u.text, TASKSET_MAX_PARAMS);
    return !other && d->param_count < TASKSET_MAX_PARAMS;
}

/* One more parameter, called as the scalar at says; NULL if that cannot be. */
static struct sweep_param *param_add(struct sweep_draft *d,
                                     const struct tree_node *at)
{
    if (!param_check(d, at)) {
        d->unnamed = true;
        return NULL;
    }
    struct sweep_param *param = &d->params[d->param_count++];
    *param = (struct sweep_param){.name = at->u.text, .at = at};
    return param;
}

/* What `parameters` says of one of them: its values, or a mapping. */
static void param_read(struct sweep_draft *d, struct sweep_param *param,
                       const struct tree_node *value)
{
    struct spec_errors *errors = d->parse->errors;
    struct quoted name = quoted_name(param->name);
    const struct key_type *type = d->f.parameters.form->of;
    if (value_read(errors, name.text, value, type, &param->said) &&
        param->said.form->kind == KEY_STRUCT)
        fields_read(errors, name.text, value, &parameter_keys, &param->f);
    const struct field *from = &param->f.from;
    param->is_path =
        param->is_path || (from->node && from->form->kind == KEY_STRUCT);
}

/* Where the parameters that a mapping adds to have their values. */
static const char *values_place(const struct sweep_draft *d)
{
    return d->f.points.key ? "`points`"
           : d->f.from.key ? "the file"
                           : "`items`";
}

/* Those of them whose values stand elsewhere have none here. */
static void no_values_check(struct sweep_draft *d,
                            const struct sweep_param *param)
{
    const struct key_set *set = &parameter_keys;
    const struct tree_node *at = param->said.node;
    if (!at)
        return;
    if (param->said.form->kind != KEY_STRUCT) {
        spec_errors_add(d->parse->errors, at->line, at->column,
                        "the values of `%s` come from %s; here it can have "
                        "`units` and `long_name`",
                        param->name, values_place(d));
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct field *f =
            (const struct field *)((const char *)&param->f + set->keys[i].at);
        if (f->key && f != &param->f.units && f != &param->f.long_name)
            spec_errors_add(d->parse->errors, f->key->line, f->key->column,
                            "the values of `%s` come from %s, not from `%s`",
                            param->name, values_place(d), set->keys[i].name);
    }
}

/* -- Where the names come from ------------------------------------------- */

/* A mapping of names to what they are. */
static void names_mapping(struct sweep_draft *d)
{
    const struct tree_node *n = d->f.parameters.node;
    for (uint32_t k = 0; k < n->count; k++) {
        struct sweep_param *param = param_add(d, &n->u.pairs[k].key);
        if (param)
            param_read(d, param, &n->u.pairs[k].value);
    }
}

/* A list of names. */
static void names_list(struct sweep_draft *d)
{
    const struct field *f = &d->f.parameters;
    for (uint32_t k = 0; k < f->node->count; k++) {
        struct field name = {0};
        if (value_read(d->parse->errors, "the name of a parameter",
                       &f->node->u.items[k], f->form->of, &name))
            param_add(d, name.node);
        else
            d->unnamed = true;
    }
}

static void names_first_point(struct sweep_draft *d)
{
    const struct tree_node *first = &d->f.points.node->u.items[0];
    struct field f = {0};
    if (!value_read(d->parse->errors, "a point", first, d->f.points.form->of,
                    &f))
        return;
    for (uint32_t k = 0; k < first->count; k++)
        param_add(d, &first->u.pairs[k].key);
}

/* A node for a name that stands in another file: its place is that of the key
 * that names the file. -1: no memory. */
static int node_elsewhere(struct sweep_draft *d, const char *name,
                          const struct tree_node **out)
{
    const struct tree_node *at = d->f.from.node;
    struct tree_node *n = arena_calloc(d->parse->scratch, 1, sizeof(*n));
    if (!n)
        return -1;
    *n = (struct tree_node){.kind = TREE_SCALAR,
                            .tag = TREE_STR,
                            .line = at->line,
                            .column = at->column,
                            .count = (uint32_t)strlen(name),
                            .u.text = name};
    *out = n;
    return 0;
}

/* Column number `column` of the file of `from` as a parameter. */
static int names_column(struct sweep_draft *d, const struct table *table,
                        uint32_t column)
{
    const struct tree_node *n, *at = d->f.from.node;
    const char *name = table_column_name(table, column);
    if (!name_is_good(name)) {
        d->unnamed = true;
        spec_errors_add(d->parse->errors, at->line, at->column,
                        "the column \"%s\" cannot be a parameter, whose name "
                        "is letters, digits and \"_\"; select columns by "
                        "`parameters`, a list of names",
                        excerpt_of(name).text);
        return 0;
    }
    if (node_elsewhere(d, name, &n) < 0)
        return -1;
    struct sweep_param *param = param_add(d, n);
    if (param) {
        param->table = table;
        param->table_column = column;
    }
    return 0;
}

/* The columns that a list of names selects. */
static void names_selected(struct sweep_draft *d, const struct table *table)
{
    names_list(d);
    for (uint32_t k = 0; k < d->param_count; k++) {
        struct sweep_param *param = &d->params[k];
        int column = table_find_column(table, param->name);
        if (column < 0)
            column_unknown(d->parse, param->at, d->f.from.node->u.text, table,
                           param->name);
        param->table = table;
        param->table_column = column < 0 ? 0 : (uint32_t)column;
    }
}

static int names_from(struct sweep_draft *d, bool *named)
{
    const struct table *table;
    const struct field *f = &d->f.parameters;
    const struct tree_node *file;
    bool is_path = false;
    if (from_load(d->parse, &d->f.from, &table, &is_path) < 0)
        return -1;
    *named = table != NULL;
    if (!table)
        return 0;
    if (is_path) {
        if (node_elsewhere(d, "file", &file) < 0)
            return -1;
        struct sweep_param *param = param_add(d, file);
        if (!param)
            return 0;
        param->table = table;
        param->is_path = true;
        return 0;
    }
    if (f->node && f->form->kind == KEY_LIST) {
        names_selected(d, table);
        return 0;
    }
    for (uint32_t k = 0; k < table_columns(table); k++) {
        if (d->param_count == TASKSET_MAX_PARAMS) {
            d->unnamed = true;
            spec_errors_add(d->parse->errors, d->f.from.node->line,
                            d->f.from.node->column,
                            "the file has %u columns, and a sweep at most %d "
                            "parameters; select columns by `parameters`, a "
                            "list of names",
                            table_columns(table), TASKSET_MAX_PARAMS);
            return 0;
        }
        if (names_column(d, table, k) < 0)
            return -1;
    }
    return 0;
}

/* What `parameters` adds to names that come from elsewhere. */
static void names_add_to(struct sweep_draft *d)
{
    const struct field *f = &d->f.parameters;
    for (uint32_t k = 0; f->node && k < f->node->count; k++) {
        const struct tree_pair *pair = &f->node->u.pairs[k];
        struct sweep_param *param = sweep_find_param(d, pair->key.u.text);
        if (!param) {
            sweep_unknown(d, &pair->key, "`parameters`");
            continue;
        }
        param_read(d, param, &pair->value);
        no_values_check(d, param);
    }
}

/* The parameter of `repeat`. */
static int names_repeat(struct sweep_draft *d)
{
    const struct field *f = &d->f.repeat;
    struct repeat_fields *r = &d->repeat;
    if (!f->node)
        return 0;
    bool mapping = f->form->kind == KEY_STRUCT;
    fields_read(d->parse->errors, "`repeat`", mapping ? f->node : NULL,
                &repeat_keys, r);
    if (!mapping)
        r->count = *f;
    const struct tree_node *name = r->seed.node;
    if (!name && !r->seed.key) { /* the default has no place of its own */
        struct tree_node *n = arena_calloc(d->parse->scratch, 1, sizeof(*n));
        if (!n)
            return -1;
        *n = *f->key;
        n->u.text = key_find(&repeat_keys, "seed")->fallback;
        n->count = (uint32_t)strlen(n->u.text);
        name = n;
    }
    if (name)
        param_add(d, name);
    return 0;
}

int sweep_names(struct sweep_draft *d, bool *named)
{
    const struct field *f = &d->f.parameters;
    *named = true;
    d->params =
        arena_calloc(d->parse->scratch, TASKSET_MAX_PARAMS, sizeof(*d->params));
    if (!d->params)
        return -1;
    if (d->method == METHOD_LIST) {
        if (d->f.points.node)
            names_first_point(d);
        else if (names_from(d, named) < 0)
            return -1;
        if (*named && f->node && f->form->kind == KEY_MAP)
            names_add_to(d);
    } else if (f->form->kind == KEY_LIST) {
        names_list(d);
    } else {
        names_mapping(d);
        for (uint32_t k = 0; k < d->param_count; k++)
            if (d->method == METHOD_COMBINATIONS ||
                d->method == METHOD_PERMUTATIONS)
                no_values_check(d, &d->params[k]);
    }
    if (names_repeat(d) < 0)
        return -1;
    *named = *named && d->param_count > 0 && !d->unnamed;
    return 0;
}
