/* A sweep, or a list of them, to a task set: see parse.h and parse_sweep.h. */
#include "config.h"
#include "spec/parse_sweep.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/table.h"
#include "spec/errors.h"

struct sweeps {
    struct parse *parse;
    struct sweep_draft *drafts;
    struct sweep *list; /* one a draft */
    uint32_t count;
    struct param *params; /* of the set */
    const char **names;
    uint32_t param_count;
};

/* -- Parameters of the set ----------------------------------------------- */

/* What a sweep says of a parameter beside its values; another may have said
 * it. */
static void label_unite(struct sweeps *s, const struct field *f,
                        const char **label)
{
    if (!f->node)
        return;
    if (!*label)
        *label = f->node->u.text;
    else if (strcmp(*label, f->node->u.text) != 0)
        spec_errors_add(s->parse->errors, f->node->line, f->node->column,
                        "`%s` is \"%s\" in another sweep of the list; it is "
                        "the same in all",
                        f->key->u.text, excerpt_of(*label).text);
}

/* The parameters of the set are those of the first sweep. */
static int params_begin(struct sweeps *s)
{
    const struct sweep_draft *first = &s->drafts[0];
    s->param_count = first->param_count;
    s->params =
        arena_calloc(s->parse->arena, s->param_count, sizeof(*s->params));
    s->names =
        arena_calloc(s->parse->scratch, s->param_count, sizeof(*s->names));
    if (!s->params || !s->names)
        return -1;
    for (uint32_t k = 0; k < s->param_count; k++)
        s->names[k] = s->params[k].name = first->params[k].name;
    return 0;
}

/* Has a sweep the same parameters as the first? */
static void params_compare(struct sweeps *s, struct sweep_draft *d)
{
    struct spec_errors *errors = s->parse->errors;
    const struct sweep_draft *first = &s->drafts[0];
    for (uint32_t k = 0; k < first->param_count; k++)
        if (!sweep_find_param(d, s->names[k]))
            spec_errors_add(errors, d->node->line, d->node->column,
                            "this sweep has no parameter `%s`, which the "
                            "first one (line %u) has",
                            s->names[k], first->node->line);
    for (uint32_t k = 0; k < d->param_count; k++) {
        struct sweep_param *param = &d->params[k];
        const struct sweep_param *same = sweep_find_param(first, param->name);
        if (same) {
            param->number = (uint32_t)(same - first->params);
            continue;
        }
        const char *nearest =
            text_nearest(param->name, s->names, s->param_count);
        spec_errors_add(errors, param->at->line, param->at->column,
                        "`%s` is not a parameter of the first sweep (line "
                        "%u); all sweeps of a list have the same%s%s%s",
                        param->name, first->node->line,
                        nearest ? "; did you mean `" : "",
                        nearest ? nearest : "", nearest ? "`?" : "");
    }
}

/* Number the parameters of all sweeps, and collect what is said of them. */
static int params_unite(struct sweeps *s)
{
    if (params_begin(s) < 0)
        return -1;
    for (uint32_t i = 0; i < s->count; i++)
        params_compare(s, &s->drafts[i]);
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = 0; k < s->drafts[i].param_count; k++) {
            const struct sweep_param *from = &s->drafts[i].params[k];
            struct param *to = &s->params[from->number];
            label_unite(s, &from->f.units, &to->units);
            label_unite(s, &from->f.long_name, &to->long_name);
            to->is_path = to->is_path || from->is_path;
        }
    return 0;
}

/* -- What the task set finds --------------------------------------------- */

/* The parameter of a column of an axis. */
static const struct sweep_param *column_param(const struct sweep_draft *d,
                                              uint32_t axis, uint32_t column)
{
    uint32_t number = d->axes[axis].params[column];
    const struct sweep_param *param = d->params;
    while (param->number != number)
        param++;
    return param;
}

/* Where its values stand. */
static const struct tree_node *column_place(const struct sweep_draft *d,
                                            uint32_t axis, uint32_t column)
{
    const struct sweep_param *param = column_param(d, axis, column);
    const struct field *sources[] = {&param->f.values,   &param->f.range,
                                     &param->f.linspace, &param->f.logspace,
                                     &param->f.from,     &param->said};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (sources[i]->node)
            return sources[i]->node;
    return d->axis_at[axis];
}

/* Where an exclude stands, or its parameter number `column`. */
static const struct tree_node *exclude_place(const struct sweep_draft *d,
                                             uint32_t at, uint32_t column)
{
    const struct tree_node *const *match = d->match_at + at * d->param_count;
    return column < d->param_count && match[column] ? match[column] : match[0];
}

/* Where it is that a fault is about. */
static const struct tree_node *fault_place(const struct sweeps *s,
                                           const struct taskset_fault *fault)
{
    const struct sweep_draft *d = &s->drafts[fault->sweep];
    const struct field *when = &d->f.when, *exclude = &d->f.exclude;
    switch (fault->what) {
    case FAULT_AXIS:
        return d->axis_at[fault->at];
    case FAULT_COLUMN:
        return column_place(d, fault->at, fault->column);
    case FAULT_EXCLUDE:
        return exclude_place(d, fault->at, fault->column);
    case FAULT_WHEN:
        return when->form->kind == KEY_LIST ? &when->node->u.items[fault->at]
                                            : when->node;
    case FAULT_EMPTY:
        return when->node      ? when->node
               : exclude->node ? exclude->node
                               : d->node;
    default:
        return d->node;
    }
}

/* What has taken all points away. */
static const char *empty_why(const struct sweep_draft *d)
{
    bool exclude = d->f.exclude.node != NULL, when = d->f.when.node != NULL;
    return exclude && when ? ": `exclude` and `when` take them all away"
           : exclude       ? ": `exclude` takes them all away"
           : when          ? ": `when` never holds"
                           : "";
}

static int fault_report(struct sweeps *s, const struct taskset_fault *fault,
                        struct err *err)
{
    const struct sweep_draft *d = &s->drafts[fault->sweep];
    const struct tree_node *at = fault_place(s, fault);
    if (err->code == ENOMEM)
        return -1;
    if (fault->what == FAULT_COLUMN)
        err_context(err, "`%s`",
                    column_param(d, fault->at, fault->column)->name);
    spec_errors_add(s->parse->errors, at->line, at->column, "%s%s", err->text,
                    fault->what == FAULT_COUNT   ? "; see `max_tasks`"
                    : fault->what == FAULT_EMPTY ? empty_why(d)
                                                 : "");
    return 0;
}

/* -- Building ------------------------------------------------------------ */

/* Read all sweeps and their names. *named: all could be. */
static int drafts_read(struct sweeps *s, const struct field *f, bool *named)
{
    bool many = f->form->kind == KEY_LIST;
    s->count = many ? f->node->count : 1;
    s->drafts = arena_calloc(s->parse->scratch, s->count, sizeof(*s->drafts));
    s->list = arena_calloc(s->parse->arena, s->count, sizeof(*s->list));
    if (!s->drafts || !s->list)
        return -1;
    *named = true;
    for (uint32_t i = 0; i < s->count; i++) {
        bool usable = false;
        struct sweep_draft *d = &s->drafts[i];
        sweep_read(s->parse, many ? &f->node->u.items[i] : f->node, d, &usable);
        d->out = &s->list[i];
        if (usable && sweep_names(d, &usable) < 0)
            return -1;
        *named = *named && usable;
    }
    return 0;
}

/* Axes and filters of all sweeps. *complete: no table is missing. */
static int drafts_build(struct sweeps *s, bool *complete)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (sweep_axes(&s->drafts[i]) < 0 ||
            sweep_filter(&s->drafts[i], s->names) < 0)
            return -1;
        *complete = *complete && !s->drafts[i].tableless;
    }
    return 0;
}

int sweep_build(struct parse *p, const struct field *f, uint64_t max_tasks,
                struct taskset *set, bool *known)
{
    struct sweeps s = {.parse = p};
    size_t errors_before = p->errors->total, errors_named;
    struct taskset_fault fault;
    struct err err;
    bool complete = true;
    *known = false;
    if (drafts_read(&s, f, known) < 0)
        return -1;
    if (!*known)
        return 0;
    errors_named = p->errors->total;
    if (params_unite(&s) < 0)
        return -1;
    if (p->errors->total == errors_named && drafts_build(&s, &complete) < 0)
        return -1;
    *set = (struct taskset){.kind = TASKS_SWEPT, /* names, at least */
                            .count = 1,
                            .params = s.params,
                            .param_count = s.param_count};
    if (p->damaged || !complete || p->errors->total > errors_before ||
        taskset_init(set, p->arena, s.params, s.param_count, s.list, s.count,
                     max_tasks, &fault, &err) == 0)
        return 0;
    return fault_report(&s, &fault, &err);
}
