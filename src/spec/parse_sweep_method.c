/* The method of a sweep, and which keys go with it: see parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <string.h>

#include "spec/errors.h"
#include "spec/read.h"

#define BIT(method) (1U << (method))
#define CHOSEN      (BIT(METHOD_COMBINATIONS) | BIT(METHOD_PERMUTATIONS))
#define DRAWN                                                                  \
    (BIT(METHOD_RANDOM) | BIT(METHOD_LHS) | BIT(METHOD_SOBOL) |                \
     BIT(METHOD_HALTON))
#define WITH_VALUES  (BIT(METHOD_GRID) | BIT(METHOD_ZIP))
#define RULE(member) #member, offsetof(struct sweep_fields, member)

static const char *const names[] = {
    [METHOD_GRID] = "grid",
    [METHOD_ZIP] = "zip",
    [METHOD_LIST] = "list",
    [METHOD_COMBINATIONS] = "combinations",
    [METHOD_PERMUTATIONS] = "permutations",
    [METHOD_RANDOM] = "random",
    [METHOD_LHS] = "lhs",
    [METHOD_SOBOL] = "sobol",
    [METHOD_HALTON] = "halton",
};

/* Which methods take a key, and which cannot be without it. */
static const struct rule {
    const char *key;
    size_t at;
    unsigned takes, needs;
    const char *methods; /* those that take it, in words */
    const char *example;
} rules[] = {
    {RULE(parameters), ~0U, WITH_VALUES | CHOSEN | DRAWN, NULL,
     "parameters: {x: [1, 2]}"},
    {RULE(points), BIT(METHOD_LIST), 0, "`method: list`", NULL},
    {RULE(from), BIT(METHOD_LIST), 0, "`method: list`", NULL},
    {RULE(items), CHOSEN, CHOSEN, "`method: combinations` or `permutations`",
     "items: [A, B, C]"},
    {RULE(count), DRAWN, DRAWN, "`method: random`, `lhs`, `sobol` or `halton`",
     "count: 100"},
    {RULE(seed), DRAWN, 0, "`method: random`, `lhs`, `sobol` or `halton`",
     NULL},
    {RULE(zip), BIT(METHOD_GRID), 0, "`method: grid`", NULL},
};

bool method_is_drawn(enum sweep_method method)
{
    return DRAWN & BIT(method);
}

const char *method_name(enum sweep_method method)
{
    return names[method];
}

/* An example of `parameters` for a method. */
static const char *example_of(const struct rule *r, enum sweep_method method)
{
    if (r->at != offsetof(struct sweep_fields, parameters))
        return r->example;
    return BIT(method) & DRAWN    ? "parameters: {x: {min: 0, max: 1}}"
           : BIT(method) & CHOSEN ? "parameters: [left, right]"
                                  : r->example;
}

/* A key that is there or missing although the method does not take it, or
 * needs it. */
static void rule_check(struct sweep_draft *d, const struct rule *r)
{
    struct spec_errors *errors = d->parse->errors;
    const struct field *f = (const struct field *)((const char *)&d->f + r->at);
    if (f->key && !(r->takes & BIT(d->method))) {
        if (d->f.method.key)
            spec_errors_add(errors, f->key->line, f->key->column,
                            "`%s` goes with %s, not with `method: %s`", r->key,
                            r->methods, method_name(d->method));
        else
            spec_errors_add(errors, f->key->line, f->key->column,
                            "`%s` needs %s", r->key, r->methods);
    }
    if (f->key || !(r->needs & BIT(d->method)))
        return;
    if (d->f.method.key)
        spec_errors_add(errors, d->node->line, d->node->column,
                        "`method: %s` needs `%s`, such as %s",
                        method_name(d->method), r->key,
                        example_of(r, d->method));
    else if (!d->f.count.key && !d->f.seed.key && !d->f.items.key)
        spec_errors_add(errors, d->node->line, d->node->column,
                        "a sweep needs `%s`, such as %s", r->key, r->example);
}

/* A list of names is for those that have the values elsewhere. */
static void form_check(struct sweep_draft *d)
{
    const struct field *f = &d->f.parameters;
    bool takes_names = (BIT(d->method) & CHOSEN) || d->f.from.key;
    if (!f->node || f->form->kind != KEY_LIST || takes_names)
        return;
    if (d->f.points.key)
        spec_errors_add(d->parse->errors, f->node->line, f->node->column,
                        "`points` say themselves which parameters there are; "
                        "`parameters` adds to them, as in parameters: {x: "
                        "{units: m}}");
    else if (d->f.method.key || !d->f.items.key)
        spec_errors_add(d->parse->errors, f->node->line, f->node->column,
                        "`method: %s` needs `parameters` with their values, "
                        "such as %s",
                        method_name(d->method), example_of(rules, d->method));
    d->f.parameters.node = NULL;
}

void sweep_read(struct parse *p, const struct tree_node *node,
                struct sweep_draft *d, bool *usable)
{
    *d = (struct sweep_draft){.parse = p, .node = node};
    *usable = false;
    fields_read(p->errors, "a sweep", node, &sweep_keys, &d->f);
    if (node->kind != TREE_MAPPING || (d->f.method.key && !d->f.method.node))
        return;
    d->method = d->f.method.key ? (enum sweep_method)d->f.method.u.integer
                : d->f.points.key || d->f.from.key ? METHOD_LIST
                                                   : METHOD_GRID;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        rule_check(d, &rules[i]);
    if (d->method == METHOD_LIST && !d->f.points.key && !d->f.from.key)
        spec_errors_add(p->errors, node->line, node->column,
                        "`method: list` needs `points`, such as points: "
                        "[{x: 1}, {x: 2}], or `from`, such as from: "
                        "points.csv");
    form_check(d);
    *usable = d->method == METHOD_LIST ? (d->f.points.node || d->f.from.node) &&
                                             !(d->f.points.key && d->f.from.key)
                                       : d->f.parameters.node != NULL;
}
