/* Metrics: what one is taken from, how, and what it becomes. An expression
 * with named groups makes several of one entry. */
#include "config.h"
#include "spec/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "spec/check_regex.h"
#include "spec/errors.h"
#include "spec/read.h"

enum { SAMPLE_MAX = 64 };

/* The metrics of a job under way. */
struct list {
    struct parse *parse;
    const struct job *job;
    struct metric *metrics;
    unsigned *lines; /* where each one stands */
    uint32_t count;
    uint64_t cells;
    bool full; /* said so */
};

/* One entry of `metrics`. */
struct entry {
    const struct tree_node *key; /* its name */
    struct metric_fields f;
    struct metric_group_fields settings; /* of all its groups */
    enum metric_how how;
    const struct tree_node *how_key; /* NULL: not known */
    const struct template *file;
};

static void error_at(struct parse *p, const struct tree_node *at, const char *s)
{
    spec_errors_add(p->errors, at->line, at->column, "%s", s);
}

/* ---- What is said of one metric ---- */

static void shape_read(struct parse *p, const struct field *f, struct metric *m)
{
    uint64_t cells = 1;
    uint32_t rank = f->node->kind == TREE_SEQUENCE ? f->node->count : 0;
    if (rank == 0) {
        m->rank = 1;
        m->shape[0] = (uint32_t)f->u.integer;
    }
    for (uint32_t i = 0; i < rank; i++) {
        struct field n = {0};
        if (!value_read(p->errors, "a number of `shape`", &f->node->u.items[i],
                        f->form->of, &n))
            n.u.integer = 1;
        m->rank = rank;
        m->shape[i] = (uint32_t)n.u.integer;
    }
    for (uint32_t i = 0; i < m->rank; i++)
        cells *= m->shape[i]; /* at most 4096 to the fourth */
    m->cells = (uint32_t)(cells > METRIC_MAX_CELLS ? 1 : cells);
    if (cells > METRIC_MAX_CELLS)
        spec_errors_add(p->errors, f->node->line, f->node->column,
                        "`shape` makes %" PRIu64 " values; at most %d are "
                        "allowed",
                        cells, METRIC_MAX_CELLS);
    else if (m->type == METRIC_STRING)
        error_at(p, f->key, "a text has no `shape`; arrays are of numbers");
}

static void limits_read(struct parse *p, const struct field *f,
                        struct metric *m)
{
    static const char *const names[2] = {"the first number of `range`",
                                         "the second number of `range`"};
    struct metric_range_fields r = {0};
    if (f->node->kind == TREE_SEQUENCE) {
        if (f->node->count < 2) {
            error_at(p, f->node, "`range` needs two numbers, such as [0, 1]");
            return;
        }
        for (int i = 0; i < 2; i++)
            if (!value_read(p->errors, names[i], &f->node->u.items[i],
                            f->form->of, i == 0 ? &r.min : &r.max))
                return;
    } else {
        fields_read(p->errors, "`range`", f->node, &metric_range_keys, &r);
        if (!r.min.key && !r.max.key && f->node->count == 0)
            error_at(p, f->node, "`range` needs `min` or `max`");
    }
    m->min = r.min.node ? r.min.u.number : -INFINITY;
    m->max = r.max.node ? r.max.u.number : INFINITY;
    m->ranged = true;
}

static void range_read(struct parse *p, const struct field *f, struct metric *m)
{
    limits_read(p, f, m);
    if (!m->ranged)
        return;
    if (m->type == METRIC_STRING)
        error_at(p, f->key, "`range` is for numbers, not for texts");
    else if (isnan(m->min) || isnan(m->max))
        error_at(p, f->node, "`range` cannot have .nan as a limit");
    else if (m->min > m->max)
        error_at(p, f->node,
                 "`range` is empty: its minimum is above its maximum");
}

static bool is_array_how(enum metric_how how)
{
    return how == METRIC_NPY || how == METRIC_HDF5;
}

static bool is_reduction(enum metric_select s)
{
    return s == METRIC_MIN || s == METRIC_MAX || s == METRIC_MEAN;
}

/* What is to be selected, and can it be? */
static void select_read(struct parse *p, const struct field *f,
                        struct metric *m)
{
    static const char *const words[] = {"first", "last", "all",
                                        "min",   "max",  "mean"};
    if (!f->node) {
        bool whole =
            is_array_how(m->how) || (m->how == METRIC_CSV && m->rank > 0);
        m->select = whole ? METRIC_ALL : METRIC_FIRST;
        return;
    }
    m->select = (enum metric_select)f->u.integer;
    if (m->select == METRIC_ALL && m->rank == 0)
        error_at(p, f->key, "`select: all` needs `shape`, such as shape: [10]");
    else if (is_reduction(m->select) && m->type == METRIC_STRING)
        spec_errors_add(p->errors, f->key->line, f->key->column,
                        "`select: %s` is for numbers, not for texts",
                        words[m->select]);
    else if (m->select == METRIC_MEAN && m->type == METRIC_INT64)
        error_at(p, f->key, "a mean is no integer; use type: float64");
    else if (is_reduction(m->select) && m->rank > 0)
        spec_errors_add(p->errors, f->key->line, f->key->column,
                        "`select: %s` makes one value, which has no `shape`",
                        words[m->select]);
    else if (is_array_how(m->how) && m->rank > 0 && m->select != METRIC_ALL)
        error_at(p, f->key,
                 "an array with `shape` is taken whole; leave "
                 "`select` away");
    else if (m->how == METRIC_CSV && m->rank > 0 && m->select != METRIC_ALL)
        error_at(p, f->key,
                 "a cell is one value; with `shape` only `select: "
                 "all` is possible");
}

static void settings_read(struct parse *p, const struct metric_group_fields *s,
                          struct metric *m)
{
    m->type = (enum metric_type)s->type.u.integer;
    m->units = s->units.node ? s->units.node->u.text : NULL;
    m->long_name = s->long_name.node ? s->long_name.node->u.text : NULL;
    m->cells = 1;
    if (s->shape.node)
        shape_read(p, &s->shape, m);
    if (s->range.node)
        range_read(p, &s->range, m);
    select_read(p, &s->select, m);
    if (m->how == METRIC_NPY && m->type == METRIC_STRING)
        error_at(p, s->type.key, "`npy` is for numbers, not for texts");
}

/* ---- The list ---- */

/* May there be a metric of that name, which stands at `at`? */
static bool name_is_free(struct list *l, const struct tree_node *at)
{
    struct parse *p = l->parse;
    const char *name = at->u.text;
    if (!name_check(p, at, "metric"))
        return false;
    if (!p->blind && taskset_find_param(&l->job->tasks, name) >= 0) {
        spec_errors_add(p->errors, at->line, at->column,
                        "metric `%s` has the name of a parameter", name);
        return false;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        if (strcmp(l->metrics[i].name, name) != 0)
            continue;
        spec_errors_add(p->errors, at->line, at->column,
                        "metric `%s` stands in line %u already", name,
                        l->lines[i]);
        return false;
    }
    return true;
}

/* Put a metric; group: the named one it is, or NULL. */
static void list_put(struct list *l, const struct entry *e,
                     const struct tree_node *name, const char *group,
                     const struct metric_group_fields *settings)
{
    struct parse *p = l->parse;
    const struct field *how[] = {&e->f.regex, &e->f.json, &e->f.csv, &e->f.npy,
                                 &e->f.hdf5};
    const struct tree_node *pattern = how[e->how]->node;
    bool is_file = e->f.from.node && e->f.from.node->kind == TREE_MAPPING;
    struct metric m = {
        .name = name->u.text,
        .from = is_file ? METRIC_FILE : (enum metric_source)e->f.from.u.integer,
        .file = e->file,
        .how = e->how,
        .pattern = e->how == METRIC_NPY ? NULL
                   : pattern            ? pattern->u.text
                                        : "",
        .group = group};
    bool free = name_is_free(l, name);
    settings_read(p, settings, &m);
    if (!free || l->full)
        return;
    l->cells += m.cells;
    if (l->count == JOBSPEC_MAX_METRICS) {
        l->full = true;
        spec_errors_add(p->errors, e->key->line, e->key->column,
                        "there are more than %d metrics", JOBSPEC_MAX_METRICS);
        return;
    }
    if (l->cells > JOBSPEC_MAX_METRIC_CELLS) {
        l->full = true;
        spec_errors_add(p->errors, e->key->line, e->key->column,
                        "the metrics of the job have more than %d values "
                        "together",
                        JOBSPEC_MAX_METRIC_CELLS);
        return;
    }
    l->lines[l->count] = name->line;
    l->metrics[l->count++] = m;
}

/* ---- Named groups ---- */

static const struct tree_pair *group_find(const struct entry *e,
                                          const char *name)
{
    const struct tree_node *groups = e->f.groups.node;
    for (uint32_t i = 0; groups && i < groups->count; i++)
        if (strcmp(groups->u.pairs[i].key.u.text, name) == 0)
            return &groups->u.pairs[i];
    return NULL;
}

/* What is said of a group goes over what is said of the entry. */
static void group_settings(struct parse *p, const struct tree_pair *pair,
                           struct metric_group_fields *s)
{
    struct metric_group_fields own;
    struct {
        const struct field *own;
        struct field *to;
    } all[] = {{&own.select, &s->select},       {&own.type, &s->type},
               {&own.units, &s->units},         {&own.shape, &s->shape},
               {&own.long_name, &s->long_name}, {&own.range, &s->range}};
    char what[80];
    snprintf(what, sizeof(what), "group `%s`",
             excerpt_of(pair->key.u.text).text);
    fields_read(p->errors, what, &pair->value, &metric_group_keys, &own);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].own->node)
            *all[i].to = *all[i].own;
}

/* Each key of `groups` must be a group. */
static void groups_check(struct parse *p, const struct entry *e,
                         const char *const *names, uint32_t count)
{
    const struct tree_node *groups = e->f.groups.node;
    for (uint32_t i = 0; groups && i < groups->count; i++) {
        const struct tree_node *key = &groups->u.pairs[i].key;
        uint32_t k = 0;
        while (k < count && strcmp(names[k], key->u.text) != 0)
            k++;
        if (k < count)
            continue;
        const char *near = text_nearest(key->u.text, names, count);
        spec_errors_add(
            p->errors, key->line, key->column,
            "the regex has no group `%s`%s%s%s", excerpt_of(key->u.text).text,
            near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    }
}

static int regex_build(struct list *l, const struct entry *e)
{
    struct parse *p = l->parse;
    const struct tree_node *n = e->f.regex.node;
    const char *const *names = NULL;
    uint32_t count = 0;
    size_t at;
    struct err err;
    if (n && regex_check(n->u.text, p->arena, &names, &count, &at, &err) < 0) {
        if (err.code == ENOMEM)
            return -1;
        text_error(p, n, at, err.text);
        n = NULL; /* its groups are not known */
        count = 0;
    }
    if (count == 0) {
        list_put(l, e, e->key, NULL, &e->settings);
        if (e->f.groups.key && n)
            error_at(p, e->f.groups.key,
                     "`groups` needs a regex with named "
                     "groups, such as (?<energy>\\S+)");
        return 0;
    }
    groups_check(p, e, names, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_pair *own = group_find(e, names[i]);
        struct metric_group_fields settings = e->settings;
        struct tree_node name = *n;
        name.u.text = names[i];
        name.count = (uint32_t)strlen(names[i]);
        if (own)
            group_settings(p, own, &settings);
        list_put(l, e, &name, names[i], &settings);
    }
    return 0;
}

/* ---- Entries ---- */

/* Which key says how; NULL: none, or a wrong one. */
static void how_read(struct entry *e)
{
    const struct field *how[] = {&e->f.regex, &e->f.json, &e->f.csv, &e->f.npy,
                                 &e->f.hdf5};
    for (int i = 0; i < 5; i++)
        if (how[i]->key && !e->how_key) {
            e->how = (enum metric_how)i;
            e->how_key = how[i]->key;
        }
}

static void how_check(struct parse *p, const struct entry *e)
{
    const struct tree_node *json = e->f.json.node, *hdf5 = e->f.hdf5.node;
    const struct tree_node *npy = e->f.npy.node;
    if (json && json->u.text[0] && json->u.text[0] != '/')
        spec_errors_add(p->errors, json->line, json->column,
                        "a JSON pointer begins with \"/\"; write /%s",
                        excerpt_of(json->u.text).text);
    if (hdf5 && hdf5->u.text[0] != '/')
        spec_errors_add(p->errors, hdf5->line, hdf5->column,
                        "the path of a dataset begins with \"/\"; write /%s",
                        excerpt_of(hdf5->u.text).text);
    if (npy && !e->f.npy.u.integer)
        error_at(p, npy, "`npy` is true or not given");
    if (e->f.groups.key && e->how_key && e->how != METRIC_REGEX)
        error_at(p, e->f.groups.key, "`groups` belongs to `regex`");
    if (e->how_key && is_array_how(e->how) &&
        (!e->f.from.key ||
         (e->f.from.node && e->f.from.node->kind != TREE_MAPPING)))
        spec_errors_add(p->errors, e->how_key->line, e->how_key->column,
                        "`%s` is read from a file: add from: {file: PATH}",
                        e->how == METRIC_NPY ? "npy" : "hdf5");
}

/* Can the path be made for all tasks? A sample is looked at. */
static int file_check(struct parse *p, const struct tree_node *n,
                      const struct job *job, const struct template *t)
{
    uint32_t steps = taskset_sample_count(&job->tasks, SAMPLE_MAX);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < steps; i++) {
        struct template_context c = {.index =
                                         taskset_sample(&job->tasks, i, steps),
                                     .task_id = "task",
                                     .job_id = job->id,
                                     .run_dir = "/"};
        struct err err;
        struct buf path;
        buf_init(&path, COMMAND_MAX_BYTES);
        rc = template_expand(t, &c, false, &path, &err);
        buf_fini(&path);
        if (rc < 0 && err.code == ENOMEM)
            return -1;
        if (rc < 0)
            text_error(p, n, 0, err.text);
    }
    return 0;
}

/* `from` as a mapping: the file. */
static int file_build(struct list *l, struct entry *e)
{
    struct parse *p = l->parse;
    struct metric_file_fields f;
    const struct tree_node *from = e->f.from.node;
    size_t before = p->errors->total;
    if (!from || from->kind != TREE_MAPPING)
        return 0;
    fields_read(p->errors, "`from`", from, &metric_file_keys, &f);
    if (!f.file.node)
        return 0;
    if (template_build(p, f.file.node, &l->job->tasks, TEMPLATE_ALL, &e->file) <
        0)
        return -1;
    if (!e->file || p->errors->total > before || template_is_constant(e->file))
        return 0;
    return file_check(p, f.file.node, l->job, e->file);
}

static int entry_build(struct list *l, const struct tree_pair *pair)
{
    struct parse *p = l->parse;
    struct entry e = {.key = &pair->key};
    char what[80];
    snprintf(what, sizeof(what), "metric `%s`",
             excerpt_of(pair->key.u.text).text);
    fields_read(p->errors, what, &pair->value, &metric_keys, &e.f);
    e.settings = (struct metric_group_fields){.select = e.f.select,
                                              .type = e.f.type,
                                              .units = e.f.units,
                                              .long_name = e.f.long_name,
                                              .shape = e.f.shape,
                                              .range = e.f.range};
    how_read(&e);
    how_check(p, &e);
    if (file_build(l, &e) < 0)
        return -1;
    if (e.how == METRIC_REGEX && e.how_key)
        return regex_build(l, &e);
    list_put(l, &e, e.key, NULL, &e.settings);
    return 0;
}

int metrics_build(struct parse *p, const struct field *f, struct job *job)
{
    if (!f->node || f->node->count == 0)
        return 0;
    struct list l = {.parse = p, .job = job};
    l.metrics = arena_calloc(p->arena, JOBSPEC_MAX_METRICS, sizeof(*l.metrics));
    l.lines = arena_calloc(p->scratch, JOBSPEC_MAX_METRICS, sizeof(*l.lines));
    if (!l.metrics || !l.lines)
        return -1;
    for (uint32_t i = 0; i < f->node->count; i++)
        if (entry_build(&l, &f->node->u.pairs[i]) < 0)
            return -1;
    job->metrics = l.metrics;
    job->metric_count = l.count;
    return 0;
}
