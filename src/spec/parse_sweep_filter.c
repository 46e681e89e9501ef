/* exclude, include and when: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <errno.h>
#include <string.h>

#include "model/expr.h"
#include "spec/errors.h"
#include "spec/read.h"

/* What all `exclude` of one sweep may come to. */
enum { MATCHES_MAX = 1 << 20 };

/* -- exclude ------------------------------------------------------------- */

/* One value of several: number i of a scalar or list. */
static const struct tree_node *choice_at(const struct tree_node *n, uint32_t i)
{
    return n->kind == TREE_SEQUENCE ? &n->u.items[i] : n;
}

static uint32_t choice_count(const struct tree_node *n)
{
    return n->kind == TREE_SEQUENCE ? n->count : 1;
}

/* How many matches one exclude comes to: the product of its lists. 0: it is
 * wrong, which is reported, a broken node before. */
static uint64_t exclude_count(struct sweep_draft *d, const struct tree_node *n)
{
    const struct key_type *type = d->f.exclude.form->of;
    struct field f = {0};
    struct value v;
    uint64_t count = 1;
    bool right = true;
    if (!value_read(d->parse->errors, "an exclude", n, type, &f))
        return 0;
    for (uint32_t k = 0; k < n->count; k++) {
        const struct tree_pair *pair = &n->u.pairs[k];
        struct quoted name = quoted_name(pair->key.u.text);
        struct field list = {0};
        if (!sweep_find_param(d, pair->key.u.text)) {
            sweep_unknown(d, &pair->key, "`exclude`");
            right = false;
        }
        if (!value_read(d->parse->errors, name.text, &pair->value, type->of,
                        &list)) {
            right = false;
            continue;
        }
        const struct key_type *scalar =
            list.form->kind == KEY_LIST ? list.form->of : list.form;
        for (uint32_t i = 0; i < choice_count(list.node); i++)
            right = sweep_value(d->parse, name.text, choice_at(list.node, i),
                                scalar, &v) &&
                    right;
        count = count > MATCHES_MAX ? count : count * choice_count(list.node);
    }
    return right ? count : 0;
}

/* Match number i of an exclude: the digits of i choose from its lists. */
static int match_build(struct sweep_draft *d, const struct tree_node *n,
                       uint64_t i, struct sweep_match *match,
                       const struct tree_node **at)
{
    uint32_t *params = arena_calloc(d->parse->arena, n->count, sizeof(*params));
    struct value *values =
        arena_calloc(d->parse->arena, n->count, sizeof(*values));
    if (!params || !values)
        return -1;
    for (uint32_t k = n->count; k-- > 0;) {
        const struct tree_pair *pair = &n->u.pairs[k];
        uint32_t choices = choice_count(&pair->value);
        at[k] = choice_at(&pair->value, (uint32_t)(i % choices));
        i /= choices;
        params[k] = sweep_find_param(d, pair->key.u.text)->number;
        tree_value(at[k], &values[k]);
    }
    *match = (struct sweep_match){
        .params = params, .values = values, .count = n->count};
    return 0;
}

static int excludes_build(struct sweep_draft *d)
{
    const struct tree_node *list = d->f.exclude.node;
    uint64_t count = 0;
    size_t errors_before = d->parse->errors->total;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct tree_node *n = &list->u.items[i];
        uint64_t more = exclude_count(d, n);
        if (spec_errors_full(d->parse->errors))
            return 0;
        count += more;
        if (more <= MATCHES_MAX && count <= MATCHES_MAX)
            continue;
        spec_errors_add(d->parse->errors, n->line, n->column,
                        "`exclude` comes to more than %d combinations of "
                        "values; say it by `when`",
                        MATCHES_MAX);
        return 0;
    }
    if (count == 0 || d->parse->errors->total > errors_before)
        return 0;
    struct sweep_match *matches =
        arena_calloc(d->parse->arena, count, sizeof(*matches));
    d->match_at = arena_calloc(d->parse->scratch, count * d->param_count,
                               sizeof(const struct tree_node *));
    if (!matches || !d->match_at)
        return -1;
    d->out->excludes = matches;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct tree_node *n = &list->u.items[i];
        uint64_t more = exclude_count(d, n);
        for (uint64_t k = 0; k < more; k++) {
            uint32_t at = d->out->exclude_count++;
            if (match_build(d, n, k, &matches[at],
                            &d->match_at[at * d->param_count]) < 0)
                return -1;
        }
    }
    return 0;
}

/* -- include ------------------------------------------------------------- */

/* An included point into values, one a parameter of the set. */
static void include_build(struct sweep_draft *d, const struct tree_node *n,
                          struct value *values)
{
    const struct key_type *type = d->f.include.form->of;
    struct field f = {0};
    if (!value_read(d->parse->errors, "an included point", n, type, &f))
        return;
    for (uint32_t k = 0; k < n->count; k++) {
        const struct tree_pair *pair = &n->u.pairs[k];
        const struct sweep_param *param = sweep_find_param(d, pair->key.u.text);
        if (!param)
            sweep_unknown(d, &pair->key, "`include`");
        else
            sweep_value(d->parse, quoted_name(param->name).text, &pair->value,
                        type->of, &values[param->number]);
    }
    for (uint32_t k = 0; k < d->param_count; k++)
        if (!tree_get(n, d->params[k].name))
            spec_errors_add(d->parse->errors, n->line, n->column,
                            "this point has no `%s`; an included point has "
                            "all parameters",
                            d->params[k].name);
}

static int includes_build(struct sweep_draft *d)
{
    const struct tree_node *list = d->f.include.node;
    if (!list)
        return 0;
    struct value *values = arena_calloc(
        d->parse->arena, (size_t)list->count * d->param_count, sizeof(*values));
    if (!values)
        return -1;
    d->out->includes = values;
    d->out->include_count = list->count;
    for (uint32_t i = 0; i < list->count && !spec_errors_full(d->parse->errors);
         i++)
        include_build(d, &list->u.items[i],
                      &values[(size_t)i * d->param_count]);
    return 0;
}

/* -- when ---------------------------------------------------------------- */

static int when_build(struct sweep_draft *d, const char *const *names)
{
    const struct field *f = &d->f.when;
    if (!f->node)
        return 0;
    bool many = f->form->kind == KEY_LIST;
    uint32_t count = many ? f->node->count : 1;
    const struct expr **all =
        arena_calloc(d->parse->arena, count, sizeof(*all));
    if (!all)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *n = many ? &f->node->u.items[i] : f->node;
        struct field text = {0};
        struct err err;
        size_t at = 0;
        unsigned line, column;
        if (many && !value_read(d->parse->errors, "a condition of `when`", n,
                                f->form->of, &text))
            continue;
        all[i] = expr_compile(d->parse->arena, n->u.text, names, d->param_count,
                              &at, &err);
        if (all[i])
            continue;
        if (err.code == ENOMEM)
            return -1;
        tree_place(n, at, &line, &column);
        spec_errors_add(d->parse->errors, line, column, "%s", err.text);
    }
    d->out->when = all;
    d->out->when_count = count;
    return 0;
}

int sweep_filter(struct sweep_draft *d, const char *const *names)
{
    if (excludes_build(d) < 0 || includes_build(d) < 0)
        return -1;
    return when_build(d, names);
}
