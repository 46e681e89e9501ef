/* Parameters that are drawn: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <math.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/read.h"

#define AT(member) offsetof(struct parameter_fields, member)

/* So far from 0 integers, and how many there are between two, are exact as
 * floating-point numbers. */
static const double integer_end = 4503599627370496.0;

/* What each distribution is described by, in the order of the words of
 * `distribution` in keys.c, which is that of enum distribution. */
static const struct shape {
    enum distribution dist;
    const char *name;
    size_t needs[2];
    size_t needs_count;
    const char *example;
} shapes[] = {
    {DIST_UNIFORM, "uniform", {AT(min), AT(max)}, 2, "{min: 0, max: 1}"},
    {DIST_LOG_UNIFORM,
     "log_uniform",
     {AT(min), AT(max)},
     2,
     "{min: 1e-4, max: 1, distribution: log_uniform}"},
    {DIST_NORMAL,
     "normal",
     {AT(mean), AT(stddev)},
     2,
     "{mean: 300, stddev: 5, distribution: normal}"},
    {DIST_INTEGER,
     "integer",
     {AT(min), AT(max)},
     2,
     "{min: 1, max: 6, distribution: integer}"},
    {DIST_CHOICE,
     "choice",
     {AT(values)},
     1,
     "{values: [a, b], distribution: choice}"},
};

/* Keys that say what is drawn, or from where values come. */
static const size_t all_keys[] = {
    AT(min),   AT(max),      AT(mean),     AT(stddev), AT(values),
    AT(range), AT(linspace), AT(logspace), AT(from),   AT(column)};

static const struct field *field_at(const struct sweep_param *param, size_t at)
{
    return (const struct field *)((const char *)&param->f + at);
}

static bool shape_needs(const struct shape *s, size_t at)
{
    for (size_t i = 0; i < s->needs_count; i++)
        if (s->needs[i] == at)
            return true;
    return false;
}

static const char *key_at(size_t at)
{
    for (size_t i = 0; i < parameter_keys.count; i++)
        if (parameter_keys.keys[i].at == at)
            return parameter_keys.keys[i].name;
    return "";
}

/* Has it what its distribution needs, and nothing that goes with another? */
static bool shape_check(struct sweep_draft *d, const struct sweep_param *param,
                        const struct shape *s)
{
    struct spec_errors *errors = d->parse->errors;
    const struct tree_node *at = param->said.node;
    size_t errors_before = errors->total;
    for (size_t i = 0; i < sizeof(all_keys) / sizeof(all_keys[0]); i++) {
        const struct field *f = field_at(param, all_keys[i]);
        if (!f->key || shape_needs(s, all_keys[i]))
            continue;
        if (param->f.distribution.key)
            spec_errors_add(errors, f->key->line, f->key->column,
                            "`%s` does not go with `distribution: %s`; that is "
                            "written %s",
                            f->key->u.text, s->name, s->example);
        else
            spec_errors_add(errors, f->key->line, f->key->column,
                            "`%s` does not go with `method: %s`; what is drawn "
                            "is written %s",
                            f->key->u.text, method_name(d->method), s->example);
    }
    for (size_t i = 0; errors->total == errors_before && i < s->needs_count;
         i++) {
        const struct field *f = field_at(param, s->needs[i]);
        if (!f->key)
            spec_errors_add(errors, at->line, at->column,
                            "`%s` needs `%s`, such as %s", param->name,
                            key_at(s->needs[i]), s->example);
        else if (!f->node)
            return false;
    }
    return errors->total == errors_before;
}

/* The numbers of a distribution: finite, in order, of the right kind. */
static void numbers_check(struct sweep_draft *d,
                          const struct sweep_param *param,
                          const struct shape *s)
{
    struct spec_errors *errors = d->parse->errors;
    const struct field *low = field_at(param, s->needs[0]),
                       *high = field_at(param, s->needs[1]);
    const struct field *both[] = {low, high};
    size_t errors_before = errors->total;
    for (size_t i = 0; i < 2; i++) {
        const struct field *f = both[i];
        double x = f->u.number;
        const char *must = !isfinite(x)                            ? "finite"
                           : s->dist == DIST_LOG_UNIFORM && x <= 0 ? "above 0"
                           : f == &param->f.stddev && x <= 0       ? "above 0"
                           : s->dist == DIST_INTEGER && x != floor(x)
                               ? "an integer"
                           : s->dist == DIST_INTEGER && fabs(x) >= integer_end
                               ? "less than 2^52 from 0"
                               : NULL;
        if (must)
            spec_errors_add(errors, f->node->line, f->node->column,
                            "`%s` of `distribution: %s` must be %s, not %s",
                            f->key->u.text, s->name, must, f->node->u.text);
    }
    if (errors->total == errors_before && s->dist != DIST_NORMAL &&
        low->u.number >= high->u.number)
        spec_errors_add(errors, high->node->line, high->node->column,
                        "`max` must be above `min`, which is %s; a parameter "
                        "that does not vary is written `%s: %s`",
                        low->node->u.text, param->name, low->node->u.text);
}

/* The shape that a mapping has: what it says, or uniform. */
static const struct shape *shape_find(struct sweep_draft *d,
                                      const struct sweep_param *param)
{
    const struct field *f = &param->f.distribution;
    const struct tree_node *at = param->said.node;
    if (f->key)
        return f->node ? &shapes[f->u.integer] : NULL;
    const struct shape *s = param->f.mean.key || param->f.stddev.key
                                ? &shapes[DIST_NORMAL]
                            : param->f.values.key ? &shapes[DIST_CHOICE]
                                                  : NULL;
    if (!s)
        return &shapes[0];
    spec_errors_add(d->parse->errors, at->line, at->column,
                    "`%s` needs `distribution: %s` beside `%s`", param->name,
                    s->name,
                    param->f.mean.key     ? "mean"
                    : param->f.stddev.key ? "stddev"
                                          : "values");
    return NULL;
}

/* Where the values of a parameter that has some stand. */
static const struct field *values_of(const struct sweep_param *param)
{
    return param->said.form->kind == KEY_STRUCT ? &param->f.values
                                                : &param->said;
}

bool param_is_fixed(const struct sweep_param *param)
{
    if (!param->said.node)
        return false;
    const struct field *values = values_of(param);
    for (size_t i = 0; i < sizeof(all_keys) / sizeof(all_keys[0]); i++)
        if (all_keys[i] != AT(values) && field_at(param, all_keys[i])->key)
            return false;
    return values->node && !param->f.distribution.key &&
           (values->form->kind == KEY_SCALAR || values->node->count == 1);
}

int column_build_drawn(struct sweep_draft *d, const struct sweep_param *param,
                       struct column *c)
{
    struct quoted name = quoted_name(param->name);
    const struct tree_node *at = param->said.node;
    *c = (struct column){.kind = COLUMN_DRAWN};
    if (!at)
        return 0;
    if (!param_is_fixed(param)) {
        if (param->said.form->kind == KEY_LIST) {
            spec_errors_add(d->parse->errors, at->line, at->column,
                            "with `method: %s` the values of `%s` are drawn; "
                            "from a list so: {values: [...], distribution: "
                            "choice}",
                            method_name(d->method), param->name);
            return 0;
        }
        const struct shape *s = shape_find(d, param);
        if (!s || !shape_check(d, param, s))
            return 0;
        c->dist = s->dist;
        if (s->dist != DIST_CHOICE) {
            numbers_check(d, param, s);
            c->min = param->f.min.u.number;
            c->max = param->f.max.u.number;
            c->mean = param->f.mean.u.number;
            c->stddev = param->f.stddev.u.number;
            return 0;
        }
    }
    if (column_build_values(d, name.text, values_of(param), c) < 0)
        return -1;
    c->kind = COLUMN_DRAWN;
    c->dist = DIST_CHOICE;
    return 0;
}
