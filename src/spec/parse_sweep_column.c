/* Where the values of one parameter come from: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/table.h"
#include "spec/errors.h"
#include "spec/read.h"

#define AT(member) offsetof(struct parameter_fields, member)

static const struct field *field_at(const struct sweep_param *param, size_t at)
{
    return (const struct field *)((const char *)&param->f + at);
}

bool sweep_value(struct parse *p, const char *what, const struct tree_node *n,
                 const struct key_type *type, struct value *v)
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

int column_build_values(struct sweep_draft *d, const char *what,
                        const struct field *list, struct column *c)
{
    const struct tree_node *n = list->node;
    bool many = list->form->kind == KEY_LIST;
    uint32_t count = many ? n->count : 1;
    struct value *values =
        arena_calloc(d->parse->arena, count, sizeof(*values));
    if (!values)
        return -1;
    for (uint32_t i = 0; i < count; i++)
        if (!sweep_value(d->parse, what, many ? &n->u.items[i] : n,
                         many ? list->form->of : list->form, &values[i]) &&
            spec_errors_full(d->parse->errors))
            return 0;
    *c = (struct column){
        .kind = COLUMN_VALUES, .values = values, .value_count = count};
    return 0;
}

/* A number that is finite, as it is written. Without a node: the default. */
static bool number_take(struct sweep_draft *d, const struct field *f,
                        struct value *v)
{
    if (!f->node && f->key) /* wrong, and reported */
        return false;
    if (!f->node) {
        value_resolve(v, "1");
        return true;
    }
    tree_value(f->node, v);
    if (isfinite(f->u.number))
        return true;
    spec_errors_add(d->parse->errors, f->node->line, f->node->column,
                    "`%s` must be finite, not %s", f->key->u.text, v->text);
    return false;
}

/* -- Generated values ---------------------------------------------------- */

static void range_build(struct sweep_draft *d, const struct sweep_param *param,
                        struct column *c)
{
    struct spec_errors *errors = d->parse->errors;
    struct range_fields r;
    const struct tree_node *at = param->f.range.node;
    fields_read(errors, "`range`", at, &range_keys, &r);
    c->kind = COLUMN_RANGE;
    if (!r.from.key || !r.to.key || !number_take(d, &r.from, &c->from) ||
        !number_take(d, &r.to, &c->to) || !number_take(d, &r.step, &c->step))
        return;
    double step = r.step.node ? r.step.u.number : 1;
    if (step == 0)
        spec_errors_add(errors, r.step.node->line, r.step.node->column,
                        "`step` cannot be 0");
    else if ((r.to.u.number - r.from.u.number) * step < 0)
        spec_errors_add(errors, at->line, at->column,
                        "`%s`: %s steps of %s do not lead from %s to %s",
                        param->name, step > 0 ? "upward" : "downward",
                        r.step.node ? c->step.text : "1", c->from.text,
                        c->to.text);
}

static void spacing_build(struct sweep_draft *d, const struct field *f,
                          bool logarithmic, struct column *c)
{
    struct spec_errors *errors = d->parse->errors;
    struct spacing_fields s;
    fields_read(errors, logarithmic ? "`logspace`" : "`linspace`", f->node,
                &spacing_keys, &s);
    c->kind = logarithmic ? COLUMN_LOGSPACE : COLUMN_LINSPACE;
    c->num = (uint32_t)s.num.u.integer;
    const struct field *ends[] = {&s.from, &s.to};
    struct value *values[] = {&c->from, &c->to};
    for (int i = 0; i < 2; i++)
        if (ends[i]->node && number_take(d, ends[i], values[i]) &&
            logarithmic && ends[i]->u.number <= 0)
            spec_errors_add(errors, ends[i]->node->line, ends[i]->node->column,
                            "`%s` of `logspace` must be above 0, not %s; it "
                            "is a value, not an exponent",
                            ends[i]->key->u.text, values[i]->text);
}

/* -- Values from files --------------------------------------------------- */

static int from_build(struct sweep_draft *d, const struct sweep_param *param,
                      struct column *c)
{
    const struct field *from = &param->f.from, *column = &param->f.column;
    const struct table *table;
    bool is_path;
    if (from_load(d->parse, from, &table, &is_path) < 0)
        return -1;
    c->kind = COLUMN_TABLE;
    d->tableless = d->tableless || !table;
    if (!table)
        return 0;
    c->table = table;
    if (is_path && column->key)
        spec_errors_add(d->parse->errors, column->key->line,
                        column->key->column,
                        "files have no columns; `column` goes with a .csv or "
                        ".tsv file");
    if (is_path || (column->key && !column->node))
        return 0;
    const char *name = column->node ? column->node->u.text : param->name;
    int found = table_find_column(table, name);
    if (found < 0 && (column->node || table_columns(table) > 1))
        column_unknown(d->parse, column->node ? column->node : from->node,
                       from->node->u.text, table, name);
    c->table_column = found < 0 ? 0 : (uint32_t)found;
    return 0;
}

/* -- One source ---------------------------------------------------------- */

static const size_t sources[] = {AT(values), AT(range), AT(linspace),
                                 AT(logspace), AT(from)};
enum { SOURCE_COUNT = sizeof(sources) / sizeof(sources[0]) };

static const size_t drawn_keys[] = {AT(min), AT(max), AT(distribution),
                                    AT(mean), AT(stddev)};
enum { DRAWN_COUNT = sizeof(drawn_keys) / sizeof(drawn_keys[0]) };

/* A key of what is drawn, in a sweep that draws nothing. */
static void drawn_check(struct sweep_draft *d, const struct sweep_param *param)
{
    static const char methods[] = "`method: random`, `lhs`, `sobol` or "
                                  "`halton`";
    const struct field *f = NULL;
    for (size_t i = 0; i < DRAWN_COUNT && !(f && f->key); i++)
        f = field_at(param, drawn_keys[i]);
    if (!f->key)
        return;
    if (d->f.method.key)
        spec_errors_add(d->parse->errors, f->key->line, f->key->column,
                        "`%s` goes with %s, not with `method: %s`",
                        f->key->u.text, methods, method_name(d->method));
    else
        spec_errors_add(d->parse->errors, f->key->line, f->key->column,
                        "`%s` needs %s", f->key->u.text, methods);
}

/* The key that the values come from: the one that is there. NULL: there is
 * none, or several, and that is reported. */
static const struct field *source_find(struct sweep_draft *d,
                                       const struct sweep_param *param)
{
    struct spec_errors *errors = d->parse->errors;
    const struct tree_node *at = param->said.node;
    const struct field *found = NULL;
    size_t errors_before = errors->total;
    drawn_check(d, param);
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        const struct field *f = field_at(param, sources[i]);
        if (f->key && found)
            spec_errors_add(errors, f->key->line, f->key->column,
                            "`%s` has its values from `%s` (line %u) already",
                            param->name, found->key->u.text, found->key->line);
        else if (f->key)
            found = f;
    }
    if (!found && errors->total == errors_before)
        spec_errors_add(errors, at->line, at->column,
                        "`%s` needs its values: `values`, `range`, "
                        "`linspace`, `logspace` or `from`, such as values: "
                        "[1, 2]",
                        param->name);
    if (param->f.column.key && !param->f.from.key)
        spec_errors_add(errors, param->f.column.key->line,
                        param->f.column.key->column,
                        "`column` needs `from`, such as from: points.csv");
    return errors->total == errors_before ? found : NULL;
}

int column_build(struct sweep_draft *d, const struct sweep_param *param,
                 struct column *c)
{
    struct quoted name = quoted_name(param->name);
    *c = (struct column){.kind = COLUMN_VALUES};
    if (!param->said.node)
        return 0;
    if (param->said.form->kind != KEY_STRUCT)
        return column_build_values(d, name.text, &param->said, c);
    const struct field *source = source_find(d, param);
    if (!source || !source->node)
        return 0;
    if (source == &param->f.values)
        return column_build_values(d, name.text, source, c);
    if (source == &param->f.from)
        return from_build(d, param, c);
    if (source == &param->f.range)
        range_build(d, param, c);
    else
        spacing_build(d, source, source == &param->f.logspace, c);
    return 0;
}
