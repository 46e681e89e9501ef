/* depends_on: from ids, ranges, points and conditions to rules between ranges
 * of tasks. See model/depend.h. */
#include "config.h"
#include "spec/parse_depends.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/depend_same.h"
#include "model/expr.h"
#include "model/task_ids.h"
#include "spec/errors.h"
#include "spec/read.h"

enum {
    NEAR_MAX = 10000,
    WHERE_MAX = 1 << 24,
    /* tasks of a sweep whose ids are made to be found: not few, not too many */
    IDS_MIN = 32,
    IDS_MAX = 1 << 22
};

/* A task whose id is an integer. */
struct numbered {
    int64_t number;
    uint32_t index;
};

/* The rules under way. */
struct draft {
    struct parse *parse;
    const struct jobspec *spec;
    struct depend_rule *rules;
    const struct tree_node **places; /* of the rules */
    size_t count, cap;
    uint32_t *found; /* tasks that are named */
    size_t found_count, found_cap;
    struct numbered *numbered; /* of job numbered_job, ascending; or NULL */
    size_t numbered_count;
    uint32_t numbered_job;
    const struct map *added; /* ids of the tasks that job grown gets, by hash */
    uint32_t grown;
};

/* What waits: tasks first to first+count-1 of a job. */
struct children {
    uint32_t job, first, count;
};

/* ---- Growing ---- */

static int rule_put(struct draft *d, const struct tree_node *at,
                    const struct depend_rule *rule)
{
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 64;
        struct depend_rule *rules =
            mem_resize(d->rules, cap, sizeof(*d->rules));
        if (!rules)
            return -1;
        d->rules = rules;
        const struct tree_node **places =
            mem_resize(d->places, cap, sizeof(*d->places));
        if (!places)
            return -1;
        d->places = places;
        d->cap = cap;
    }
    d->places[d->count] = at;
    d->rules[d->count++] = *rule;
    return 0;
}

static int found_put(struct draft *d, uint32_t index)
{
    if (d->found_count == d->found_cap) {
        size_t cap = d->found_cap ? d->found_cap * 2 : 64;
        uint32_t *found = mem_resize(d->found, cap, sizeof(*found));
        if (!found)
            return -1;
        d->found = found;
        d->found_cap = cap;
    }
    d->found[d->found_count++] = index;
    return 0;
}

static int compare_found(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* A rule for the tasks that are found, in any order; they are none then. */
static int found_rule(struct draft *d, const struct tree_node *at,
                      const struct children *c, uint32_t parent_job, bool any)
{
    uint32_t count = 0;
    if (d->found_count == 0)
        return 0;
    qsort(d->found, d->found_count, sizeof(*d->found), compare_found);
    for (size_t i = 0; i < d->found_count; i++)
        count += i == 0 || d->found[i] > d->found[i - 1] + 1;
    struct task_range *ranges =
        arena_calloc(d->parse->arena, count, sizeof(*ranges));
    if (!ranges)
        return -1;
    struct task_range *last = ranges;
    *last = (struct task_range){parent_job, d->found[0], 1};
    for (size_t i = 1; i < d->found_count; i++) {
        uint32_t index = d->found[i];
        if (index == last->first + last->count)
            last->count++;
        else if (index > last->first + last->count)
            *++last = (struct task_range){parent_job, index, 1};
    }
    d->found_count = 0;
    return rule_put(d, at,
                    &(struct depend_rule){.kind = DEPEND_TASKS,
                                          .job = c->job,
                                          .first = c->first,
                                          .count = c->count,
                                          .parent_job = parent_job,
                                          .any = any,
                                          .parents = ranges,
                                          .parent_range_count = count});
}

/* ---- Tasks by their ids ---- */

/* The nearest id of the first ones of a job, or "". */
static const char *near_task(const struct job *job, const char *id,
                             char near[JOBSPEC_MAX_ID + 1])
{
    uint32_t count = job->tasks.count < NEAR_MAX ? job->tasks.count : NEAR_MAX;
    char(*ids)[JOBSPEC_MAX_ID + 1] = mem_calloc(count + 1, sizeof(*ids));
    const char **names = mem_calloc(count + 1, sizeof(*names));
    const char *found = NULL;
    struct err err;
    uint32_t n = 0;
    for (uint32_t i = 0; ids && names && i < count; i++)
        if (job_task_id(job, i, ids[n], &err) == 0) {
            names[n] = ids[n];
            n++;
        }
    if (ids && names)
        found = text_nearest(id, names, n);
    near[0] = '\0';
    if (found)
        memcpy(near, found, strlen(found) + 1);
    mem_free(ids);
    mem_free(names);
    return near;
}

static void unknown_task(struct draft *d, const struct tree_node *n,
                         uint32_t job)
{
    char near[JOBSPEC_MAX_ID + 1];
    const struct job *of = &d->spec->jobs[job];
    near_task(of, n->u.text, near);
    if (!near[0] && jobspec_find_job(d->spec, n->u.text) >= 0)
        spec_errors_add(d->parse->errors, n->line, n->column,
                        "job \"%s\" has no task \"%s\"; for all tasks of that "
                        "job write {job: %s}",
                        of->id, n->u.text, n->u.text);
    else
        spec_errors_add(d->parse->errors, n->line, n->column,
                        "job \"%s\" has no task \"%s\"%s%s%s", of->id,
                        n->u.text, near[0] ? "; did you mean \"" : "", near,
                        near[0] ? "\"?" : "");
}

/* A task that is there, or is just being added; -1: none, -2: no memory. */
static int64_t task_find(const struct draft *d, uint32_t job, const char *id)
{
    struct job *of = (struct job *)&d->spec->jobs[job];
    char have[JOBSPEC_MAX_ID + 1];
    uint64_t index;
    if (d->added && job == d->grown &&
        map_get(d->added, hash_text(HASH_START, id), &index) &&
        job_task_id(of, (uint32_t)index, have, NULL) == 0 &&
        strcmp(have, id) == 0)
        return (int64_t)index;
    if (!d->added && !of->ids && of->templates[0].id &&
        of->tasks.count > IDS_MIN && of->tasks.count <= IDS_MAX &&
        task_ids_make(of, 0, d->parse->arena) < 0)
        return -2;
    return job_find_task(of, id);
}

static int id_find(struct draft *d, const struct tree_node *n, uint32_t job)
{
    int64_t index = task_find(d, job, n->u.text);
    if (index >= 0)
        return found_put(d, (uint32_t)index);
    if (index < -1)
        return -1;
    unknown_task(d, n, job);
    return 0;
}

static int ids_build(struct draft *d, const struct tree_node *at,
                     const struct tree_node *list, const struct children *c,
                     uint32_t job)
{
    for (uint32_t i = 0; i < list->count && !spec_errors_full(d->parse->errors);
         i++)
        if (list->u.items[i].kind == TREE_SCALAR &&
            id_find(d, &list->u.items[i], job) < 0)
            return -1;
    return found_rule(d, at, c, job, false);
}

/* ---- Tasks by integers ---- */

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The integer that an id is: 4, 04 and 004 are all 4. -1: it is none. */
static int64_t id_number(const char *id)
{
    int64_t v = 0;
    for (const char *s = id; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        v = v * 10 + (*s - '0');
        if (v > INT32_MAX)
            return -1;
    }
    return v;
}

/* Have the tasks of the job with integers for ids. */
static int numbered_build(struct draft *d, uint32_t job)
{
    const struct job *of = &d->spec->jobs[job];
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (d->numbered && d->numbered_job == job)
        return 0;
    mem_free(d->numbered);
    d->numbered = mem_calloc(of->tasks.count, sizeof(*d->numbered));
    d->numbered_job = job;
    d->numbered_count = 0;
    if (!d->numbered)
        return -1;
    for (uint32_t i = 0; i < of->tasks.count; i++) {
        int64_t number = job_task_id(of, i, id, &err) == 0 ? id_number(id) : -1;
        if (number >= 0)
            d->numbered[d->numbered_count++] = (struct numbered){number, i};
    }
    qsort(d->numbered, d->numbered_count, sizeof(*d->numbered),
          compare_numbered);
    return 0;
}

static size_t numbered_lower(const struct draft *d, int64_t number)
{
    size_t low = 0, high = d->numbered_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (d->numbered[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* One of several that are the same integer is enough: a rule of their own. */
static int same_number(struct draft *d, const struct tree_node *at,
                       const struct children *c, uint32_t job, size_t first,
                       size_t end)
{
    struct draft of = *d; /* keeps what else was found */
    of.found = NULL;
    of.found_count = of.found_cap = 0;
    int rc = 0;
    for (size_t i = first; rc == 0 && i < end; i++)
        rc = found_put(&of, d->numbered[i].index);
    if (rc == 0)
        rc = found_rule(&of, at, c, job, true);
    mem_free(of.found);
    d->rules = of.rules;
    d->places = of.places;
    d->count = of.count;
    d->cap = of.cap;
    return rc;
}

static int range_find(struct draft *d, const struct tree_node *n,
                      const struct children *c, uint32_t job)
{
    struct id_range_fields f;
    fields_read(d->parse->errors, "a range of task ids", n, &id_range_keys, &f);
    int64_t start = f.start.u.integer, end = f.end.u.integer;
    size_t i = numbered_lower(d, start);
    for (int64_t number = start; number <= end; number++) {
        size_t first = i;
        while (i < d->numbered_count && d->numbered[i].number == number)
            i++;
        if (i == first) {
            spec_errors_add(d->parse->errors, n->line, n->column,
                            "job \"%s\" has no task %" PRId64,
                            d->spec->jobs[job].id, number);
            return 0;
        }
        if (i - first > 1 ? same_number(d, n, c, job, first, i) < 0
                          : found_put(d, d->numbered[first].index) < 0)
            return -1;
    }
    return 0;
}

static int ranges_build(struct draft *d, const struct tree_node *list,
                        const struct children *c, uint32_t job)
{
    if (numbered_build(d, job) < 0)
        return -1;
    for (uint32_t i = 0; i < list->count && !spec_errors_full(d->parse->errors);
         i++)
        if (range_find(d, &list->u.items[i], c, job) < 0)
            return -1;
    return found_rule(d, list, c, job, false);
}

/* ---- Other jobs ---- */

/* Add an error that says where and why; -1 if there is no memory. */
static int report(struct draft *d, const struct tree_node *at,
                  const struct err *err)
{
    if (err->code == ENOMEM)
        return -1;
    spec_errors_add(d->parse->errors, at->line, at->column, "%s", err->text);
    return 0;
}

/* The job that is named, or -1 with an error added. */
static int job_find(struct draft *d, const struct tree_node *n)
{
    int job = jobspec_find_job(d->spec, n->u.text);
    const char *names[JOBSPEC_MAX_JOBS], *near;
    if (job >= 0)
        return job;
    for (uint32_t i = 0; i < d->spec->job_count; i++)
        names[i] = d->spec->jobs[i].id;
    near = text_nearest(n->u.text, names, d->spec->job_count);
    spec_errors_add(d->parse->errors, n->line, n->column,
                    "there is no job \"%s\"%s%s%s", n->u.text,
                    near ? "; did you mean \"" : "", near ? near : "",
                    near ? "\"?" : "");
    return -1;
}

static int all_build(struct draft *d, const struct tree_node *at,
                     const struct children *c, uint32_t job)
{
    uint32_t count = d->spec->jobs[job].tasks.count;
    if (count == 0) {
        spec_errors_add(d->parse->errors, at->line, at->column,
                        "job \"%s\" has no tasks yet to depend on",
                        d->spec->jobs[job].id);
        return 0;
    }
    struct task_range *range = arena_calloc(d->parse->arena, 1, sizeof(*range));
    if (!range)
        return -1;
    *range = (struct task_range){job, 0, count};
    return rule_put(d, at,
                    &(struct depend_rule){.kind = DEPEND_TASKS,
                                          .job = c->job,
                                          .first = c->first,
                                          .count = c->count,
                                          .parent_job = job,
                                          .parents = range,
                                          .parent_range_count = 1});
}

static int same_build(struct draft *d, const struct tree_node *at,
                      const struct children *c, uint32_t job)
{
    struct depend_rule rule;
    struct err err;
    if (depend_same(d->spec, c->job, job, d->parse->arena, &rule, &err) < 0)
        return report(d, at, &err);
    return rule_put(d, at, &rule);
}

/* A task whose parameters a condition asks for. */
struct asked {
    const struct taskset *set;
    uint32_t index;
};

static int asked_get(void *arg, uint32_t number, struct buf *room,
                     struct value *v, struct err *err)
{
    const struct asked *a = arg;
    return taskset_value(a->set, a->index, number, room, v, err);
}

/* Find the tasks for which the condition holds. */
static int where_find(struct draft *d, const struct tree_node *n,
                      const struct expr *e, const struct job *job)
{
    struct asked a = {.set = &job->tasks};
    struct err err;
    for (; a.index < job->tasks.count; a.index++) {
        bool holds;
        if (expr_holds(e, asked_get, &a, &holds, &err) < 0) {
            err_context(&err, "task %" PRIu32, a.index);
            d->found_count = 0;
            return report(d, n, &err);
        }
        if (holds && found_put(d, a.index) < 0)
            return -1;
    }
    if (d->found_count == 0)
        spec_errors_add(d->parse->errors, n->line, n->column,
                        "the condition holds for no task of job \"%s\"",
                        job->id);
    return 0;
}

static int where_build(struct draft *d, const struct tree_node *n,
                       const struct children *c, uint32_t job)
{
    const struct job *of = &d->spec->jobs[job];
    const char *names[TASKSET_MAX_PARAMS];
    struct err err;
    size_t at = 0;
    if (of->tasks.count > WHERE_MAX) {
        spec_errors_add(d->parse->errors, n->line, n->column,
                        "job \"%s\" has %" PRIu32 " tasks; `where` looks at %d "
                        "at most",
                        of->id, of->tasks.count, WHERE_MAX);
        return 0;
    }
    for (uint32_t i = 0; i < of->tasks.param_count; i++)
        names[i] = of->tasks.params[i].name;
    const struct expr *e = expr_compile(d->parse->scratch, n->u.text, names,
                                        of->tasks.param_count, &at, &err);
    if (!e && err.code != ENOMEM)
        text_error(d->parse, n, at, err.text);
    if (!e)
        return err.code == ENOMEM ? -1 : 0;
    return where_find(d, n, e, of) < 0 ? -1 : found_rule(d, n, c, job, false);
}

/* ---- One key ---- */

static int entry_build(struct draft *d, const struct tree_node *n,
                       const struct children *c)
{
    struct depends_fields f;
    fields_read(d->parse->errors, "a dependency", n, &depends_keys, &f);
    int found = f.job.node ? job_find(d, f.job.node) : (int)c->job;
    if (found < 0)
        return 0;
    uint32_t job = (uint32_t)found;
    if (f.task_ids.node && ids_build(d, n, f.task_ids.node, c, job) < 0)
        return -1;
    if (f.task_id_ranges.node &&
        ranges_build(d, f.task_id_ranges.node, c, job) < 0)
        return -1;
    if (f.task_ids.node || f.task_id_ranges.node)
        return 0;
    if (f.where.node)
        return where_build(d, f.where.node, c, job);
    return f.point.u.integer == 1 ? same_build(d, n, c, job)
                                  : all_build(d, n, c, job);
}

static int key_build(struct draft *d, const struct tree_node *n,
                     const struct children *c)
{
    if (!n)
        return 0;
    if (n->kind == TREE_MAPPING)
        return entry_build(d, n, c);
    if (ids_build(d, n, n, c, c->job) < 0)
        return -1;
    for (uint32_t i = 0; i < n->count; i++)
        if (n->u.items[i].kind == TREE_MAPPING &&
            entry_build(d, &n->u.items[i], c) < 0)
            return -1;
    return 0;
}

/* The key of a task or of what tasks inherit; NULL: it has none. */
static const struct tree_node *key_of(const struct tree_node *task)
{
    return task && task->kind == TREE_MAPPING ? tree_get(task, "depends_on")
                                              : NULL;
}

/* Take the rules from `begin` on away, to keep them. */
static int rules_keep(struct draft *d, size_t begin, struct depend_rules *out)
{
    size_t count = d->count - begin;
    struct depend_rule *rules =
        arena_calloc(d->parse->arena, count, sizeof(*rules));
    if (count > 0 && !rules)
        return -1;
    if (count > 0)
        memcpy(rules, &d->rules[begin], count * sizeof(*rules));
    *out = (struct depend_rules){rules, (uint32_t)count};
    d->count = begin;
    return 0;
}

/* The rules that were kept, for these children. */
static int rules_repeat(struct draft *d, const struct depend_rules *kept,
                        const struct tree_node *at, const struct children *c)
{
    for (uint32_t i = 0; c->count > 0 && i < kept->count; i++) {
        struct depend_rule rule = kept->rules[i];
        rule.job = c->job;
        rule.first = c->first;
        rule.count = c->count;
        if (rule_put(d, at, &rule) < 0)
            return -1;
    }
    return 0;
}

/* Listed tasks have their own, or those that others wait for: neighbours
 * together. list: tasks from first on; at: where the others' stand. */
static int list_build(struct draft *d, const struct tree_node *list,
                      uint32_t job, uint32_t first, const struct tree_node *at)
{
    const struct job *of = &d->spec->jobs[job];
    for (uint32_t i = 0, end; i < list->count; i = end) {
        const struct tree_node *own = key_of(&list->u.items[i]);
        end = i + 1;
        while (!own && end < list->count && !key_of(&list->u.items[end]))
            end++;
        struct children c = {job, first + i, end - i};
        if (own ? key_build(d, own, &c) < 0
                : rules_repeat(d, &of->others_wait, at, &c) < 0)
            return -1;
    }
    return 0;
}

/* All of a job, and keep what is for tasks that are added later. */
static int job_build_keys(struct draft *d, const struct depends_from *from,
                          uint32_t job)
{
    struct job *of = (struct job *)&d->spec->jobs[job];
    const struct job_fields *f = from->fields;
    const struct tree_node *base = key_of(f->task.node);
    const struct tree_node *all_at = f->depends_on.node;
    struct children all = {job, 0, of->tasks.count};
    size_t begin = d->count;
    if (of->tasks.kind != TASKS_LISTED)
        return key_build(d, all_at, &all) < 0 ? -1 : key_build(d, base, &all);
    if (key_build(d, all_at, &all) < 0 ||
        rules_keep(d, begin, &of->all_wait) < 0 ||
        key_build(d, base, &all) < 0 ||
        rules_keep(d, begin, &of->others_wait) < 0)
        return -1;
    if (rules_repeat(d, &of->all_wait, all_at, &all) < 0)
        return -1;
    return f->tasks.node ? list_build(d, f->tasks.node, job, 0, base)
                         : rules_repeat(d, &of->others_wait, base, &all);
}

void depends_read(struct parse *p, const struct field *f)
{
    const struct tree_node *n = f->node;
    uint32_t count = n ? n->kind == TREE_MAPPING ? 1 : n->count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *item =
            n->kind == TREE_MAPPING ? n : &n->u.items[i];
        struct depends_fields d;
        struct field one = {0};
        if (n->kind == TREE_SEQUENCE &&
            !value_read(p->errors, "an element of `depends_on`", item,
                        f->form->of, &one))
            continue;
        if (item->kind != TREE_MAPPING)
            continue;
        fields_read(p->errors, "a dependency", item, &depends_keys, &d);
        if (!d.job.key && !d.task_ids.key && !d.task_id_ranges.key)
            spec_errors_add(p->errors, item->line, item->column,
                            "a dependency needs `job`, such as {job: prepare}, "
                            "or `task_ids`");
        const struct tree_node *ids = d.task_ids.node,
                               *ranges = d.task_id_ranges.node;
        for (uint32_t k = 0; ids && k < ids->count; k++)
            value_read(p->errors, "an id of `task_ids`", &ids->u.items[k],
                       d.task_ids.form->of, &one);
        for (uint32_t k = 0; ranges && k < ranges->count; k++) {
            struct id_range_fields r;
            fields_read(p->errors, "a range of task ids", &ranges->u.items[k],
                        &id_range_keys, &r);
            if (r.start.node && r.end.node &&
                r.start.u.integer > r.end.u.integer)
                spec_errors_add(p->errors, r.end.node->line, r.end.node->column,
                                "the range is empty: it ends before its start");
        }
    }
}

/* uses_task_dependencies: false, and yet there are some? */
void depends_allowed(struct parse *p, const struct job_fields *f)
{
    const struct field *uses = &f->uses_task_dependencies;
    const struct tree_node *list = f->tasks.node;
    const struct tree_node *n = f->depends_on.node;
    if (!uses->node || uses->u.integer)
        return;
    n = n ? n : key_of(f->task.node);
    for (uint32_t i = 0; !n && list && i < list->count; i++)
        n = key_of(&list->u.items[i]);
    if (n)
        spec_errors_add(p->errors, uses->node->line, uses->node->column,
                        "`depends_on` (line %u) needs "
                        "`uses_task_dependencies: true`, or that this is left "
                        "out",
                        n->line);
}

static void draft_fini(struct draft *d)
{
    mem_free(d->rules);
    mem_free(d->places);
    mem_free(d->found);
    mem_free(d->numbered);
}

/* Put the rules into the spec, and see that no task waits for itself. */
static int draft_end(struct draft *d, const struct depends_from *from)
{
    struct jobspec *spec = d->parse->spec;
    struct err err;
    uint32_t job, index;
    if (d->count == 0)
        return 0;
    struct depend_rule *rules =
        arena_calloc(d->parse->arena, d->count, sizeof(*rules));
    if (!rules)
        return -1;
    memcpy(rules, d->rules, d->count * sizeof(*rules));
    qsort(rules, d->count, sizeof(*rules), depend_compare);
    spec->depends = rules;
    spec->depend_count = (uint32_t)d->count;
    if (d->parse->errors->total > 0 ||
        depend_check(spec, &job, &index, &err) == 0)
        return 0;
    while (from[job].copies == 0)
        job--;
    const struct tree_node *at = from[job].node;
    for (size_t i = 0; i < d->count; i++)
        if (d->rules[i].job == job && index >= d->rules[i].first &&
            index - d->rules[i].first < d->rules[i].count)
            at = d->places[i];
    return report(d, at, &err);
}

/* The rules that a copy has as the first job has them: where that waits for
 * itself, the copy does so, too. */
static int copy_build(struct draft *d, size_t begin, size_t end, uint32_t first,
                      uint32_t copy)
{
    for (size_t i = begin; i < end; i++) {
        struct depend_rule r = d->rules[i];
        uint32_t count = r.parent_range_count;
        r.job = copy;
        if (r.parent_job == first) {
            struct task_range *ranges =
                arena_calloc(d->parse->arena, count, sizeof(*ranges));
            if (count > 0 && !ranges)
                return -1;
            for (uint32_t k = 0; k < count; k++)
                ranges[k] = (struct task_range){copy, r.parents[k].first,
                                                r.parents[k].count};
            r.parent_job = copy;
            r.parents = r.parents ? ranges : NULL;
        }
        if (rule_put(d, d->places[i], &r) < 0)
            return -1;
    }
    return 0;
}

int depends_build(struct parse *p, const struct depends_from *from)
{
    struct draft d = {.parse = p, .spec = p->spec};
    int rc = 0;
    for (uint32_t j = 0; rc == 0 && j < p->spec->job_count;
         j += from[j].copies) {
        size_t begin = d.count;
        rc = job_build_keys(&d, &from[j], j);
        size_t end = d.count;
        for (uint32_t k = 1; rc == 0 && k < from[j].copies; k++)
            rc = copy_build(&d, begin, end, j, j + k);
    }
    if (rc == 0)
        rc = draft_end(&d, from);
    draft_fini(&d);
    return rc;
}

int depends_added(struct parse *p, const struct tree_node *list, uint32_t job,
                  const struct fragment *f, const struct map *ids,
                  struct depend_rules *out)
{
    struct draft d = {.parse = p, .spec = p->spec, .added = ids, .grown = job};
    struct children all = {job, f->first, f->count};
    int rc = rules_repeat(&d, &p->spec->jobs[job].all_wait, list, &all) < 0 ||
                     list_build(&d, list, job, f->first, list) < 0 ||
                     rules_keep(&d, 0, out) < 0
                 ? -1
                 : 0;
    if (rc == 0 && out->count > 0)
        qsort((struct depend_rule *)out->rules, out->count, sizeof(*out->rules),
              depend_compare);
    draft_fini(&d);
    return rc;
}
