/* Tasks that are added to a job of listed tasks: see spec_add_tasks.
 *
 * All is built twice: first in an arena that goes away, on a copy of the spec's
 * own fields, so that what is wrong leaves nothing behind; then in the spec's.
 * Arrays of the spec have room behind their last element, which nobody looks
 * at until the count is changed, at the very end. The arena's bound is far
 * below TASKSET_MAX_COUNT tasks. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "model/task_ids.h"
#include "spec/errors.h"
#include "spec/parse_depends.h"
#include "spec/parse_life.h"

/* The spec as it would be. */
struct growth {
    struct parse parse;
    struct jobspec spec;
    struct job *jobs; /* a copy of all, of which one is changed */
    uint32_t job;
    const struct tree_node *list;
    struct fragment fragment;
    struct map ids;
    const struct spec_room *room; /* NULL: for all */
};

/* Room for one more element of an array that grows by doubling from nothing. */
static void *room_for_one(struct arena *arena, const void *array,
                          uint32_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return (void *)array;
    void *grown = arena_calloc(arena, count > 0 ? 2 * (size_t)count : 1, size);
    if (grown && count > 0)
        memcpy(grown, array, count * size);
    return grown;
}

/* The list of tasks in the text. NULL: an error is added. */
static const struct tree_node *list_of(struct spec_errors *errors,
                                       const struct tree_node *root)
{
    const struct tree_node *list = root;
    if (root->kind == TREE_MAPPING) {
        list = tree_get(root, "tasks");
        for (uint32_t i = 0; i < root->count; i++) {
            const struct tree_node *key = &root->u.pairs[i].key;
            if (strcmp(key->u.text, "tasks") != 0)
                spec_errors_add(errors, key->line, key->column,
                                "unknown key `%s`; tasks that are added are a "
                                "list of tasks, or {tasks: [...]}",
                                excerpt_of(key->u.text).text);
        }
    }
    if (root->kind == TREE_BROKEN || (list && list->kind == TREE_BROKEN))
        return NULL;
    if (list && list->kind == TREE_SEQUENCE && list->count > 0)
        return list;
    if (errors->count == 0)
        spec_errors_add(errors, root->line, root->column,
                        list && list->kind == TREE_SEQUENCE
                            ? "there are no tasks to add"
                            : "tasks that are added are a list of tasks, such "
                              "as [{command_line: ./solve}]");
    return NULL;
}

/* ---- Building ---- */

static int templates_build(struct growth *g, struct task_template *templates)
{
    const struct job *job = &g->jobs[g->job];
    const struct request *r = &g->spec.requests[job->base->request];
    struct inherited base = {.task = *job->base,
                             .exclusive = r->exclusive,
                             .has_command = job->base->command.word_count > 0};
    needs_of(r, &base.needs);
    for (uint32_t i = 0;
         i < g->list->count && !spec_errors_full(g->parse.errors); i++) {
        struct inherited in = base;
        if (listed_task_build(&g->parse, &g->list->u.items[i], NULL, job, &in) <
            0)
            return -1;
        templates[i] = in.task;
    }
    return 0;
}

/* Put the templates behind those of the job. */
static int pieces_grow(struct growth *g, const struct task_template *templates)
{
    struct job *job = &g->jobs[g->job];
    struct task_piece *pieces = room_for_one(g->parse.arena, job->pieces,
                                             job->piece_count, sizeof(*pieces));
    if (!pieces)
        return -1;
    pieces[job->piece_count++] = (struct task_piece){
        job->tasks.count, g->spec.fragment_count, templates};
    job->pieces = pieces;
    job->tasks.count += g->list->count;
    return 0;
}

static int depends_grow(struct growth *g, const struct depend_rules *more)
{
    struct jobspec *spec = &g->spec;
    uint32_t count = spec->depend_count + more->count;
    struct depend_rule *all = (struct depend_rule *)spec->depends;
    if (count > spec->depend_room && more->count > 0) {
        all = arena_calloc(g->parse.arena, 2 * (size_t)count, sizeof(*all));
        if (!all)
            return -1;
        if (spec->depend_count > 0)
            memcpy(all, spec->depends, spec->depend_count * sizeof(*all));
        spec->depends = all;
        spec->depend_room = 2 * count;
    }
    if (more->count > 0)
        memcpy(&all[spec->depend_count], more->rules,
               more->count * sizeof(*all));
    spec->depend_count = count;
    return 0;
}

/* The rules of the new tasks, and the fragment that they are. */
static int fragment_build(struct growth *g)
{
    struct depend_rules rules;
    struct jobspec *spec = &g->spec;
    struct fragment *all = room_for_one(g->parse.arena, spec->fragments,
                                        spec->fragment_count, sizeof(*all));
    if (!all || depends_added(&g->parse, g->list, g->job, &g->fragment, &g->ids,
                              &rules) < 0)
        return -1;
    g->fragment.first_rule = spec->depend_count;
    g->fragment.rule_count = rules.count;
    all[spec->fragment_count++] = g->fragment;
    spec->fragments = all;
    return depends_grow(g, &rules);
}

/* Does none of them wait for itself? */
static int circle_check(struct growth *g)
{
    struct err err;
    uint32_t index;
    if (depend_check_added(&g->spec, g->spec.fragment_count - 1, &index,
                           &err) == 0)
        return 0;
    if (err.code == ENOMEM)
        return -1;
    const struct tree_node *n = &g->list->u.items[index - g->fragment.first];
    const struct tree_node *own =
        n->kind == TREE_MAPPING ? tree_get(n, "depends_on") : NULL;
    n = own ? own : n;
    spec_errors_add(g->parse.errors, n->line, n->column, "%s", err.text);
    return 0;
}

/* Could each of them run on what there is? */
static void room_check(struct growth *g)
{
    struct err err;
    uint32_t index;
    if (!g->room || g->room->check(g->room->arg, &g->spec, g->job,
                                   g->fragment.first, &index, &err) == 0)
        return;
    const struct tree_node *n = &g->list->u.items[index - g->fragment.first];
    spec_errors_add(g->parse.errors, n->line, n->column, "%s", err.text);
}

static int tasks_grow(struct growth *g, const struct job *old)
{
    struct task_template *templates =
        arena_calloc(g->parse.arena, g->list->count, sizeof(*templates));
    if (!templates || templates_build(g, templates) < 0)
        return -1;
    if (g->parse.errors->total > 0)
        return 0;
    g->fragment = (struct fragment){
        .job = g->job, .first = old->tasks.count, .count = g->list->count};
    if (pieces_grow(g, templates) < 0 ||
        added_check(&g->parse, g->list, old, &g->jobs[g->job], &g->ids) < 0)
        return -1;
    if (g->parse.errors->total > 0)
        return 0;
    if (fragment_build(g) < 0)
        return -1;
    if (g->parse.errors->total == 0)
        room_check(g);
    return g->parse.errors->total > 0 ? 0 : circle_check(g);
}

static int text_grow(struct growth *g, const struct jobspec *spec,
                     const char *text, size_t len)
{
    struct parse *p = &g->parse;
    struct tree_node root;
    g->jobs = arena_calloc(p->scratch, spec->job_count, sizeof(*g->jobs));
    if (!g->jobs)
        return -1;
    memcpy(g->jobs, spec->jobs, spec->job_count * sizeof(*g->jobs));
    g->spec.jobs = g->jobs;
    if (tree_parse(text, len, p->scratch, p->arena, p->errors, &root) < 0)
        return 0; /* said why */
    p->damaged = p->errors->count > 0;
    g->list = list_of(p->errors, &root);
    if (!g->list)
        return 0;
    return tasks_grow(g, &spec->jobs[g->job]);
}

/* ---- Trying, and doing it ---- */

/* Take over what has grown. */
static int growth_commit(const struct growth *g, struct jobspec *spec)
{
    enum { FEW = 32 };
    struct job *job = &g->jobs[g->job];
    if (job->tasks.count > FEW &&
        task_ids_make(job, g->fragment.first, spec->arena) < 0)
        return -1;
    spec->depends = g->spec.depends;
    spec->depend_count = g->spec.depend_count;
    spec->depend_room = g->spec.depend_room;
    spec->requests = g->spec.requests;
    spec->request_count = g->spec.request_count;
    spec->fragments = g->spec.fragments;
    spec->fragment_count = g->spec.fragment_count;
    ((struct job *)spec->jobs)[g->job] = *job;
    return 0;
}

/* Grow a copy of the spec in that arena; if it is the spec's own, and nothing
 * is wrong, the spec. */
static void spec_grow(struct jobspec *spec, uint32_t job, const char *text,
                      size_t len, const struct spec_room *room,
                      struct arena *arena, struct spec_errors *errors)
{
    struct growth g = {.spec = *spec, .job = job, .room = room};
    struct arena *scratch = arena_create(SPEC_MAX_BYTES);
    g.parse = (struct parse){.errors = errors,
                             .arena = arena,
                             .scratch = scratch,
                             .spec = &g.spec,
                             .pools = (struct pool *)spec->pools,
                             .containers_known = true,
                             .packages_known = true,
                             .pool_known = true,
                             .metrics_known = true};
    int rc = arena && scratch ? text_grow(&g, spec, text, len) : -1;
    if (rc == 0 && errors->total == 0 && arena == spec->arena)
        rc = growth_commit(&g, spec);
    if (rc < 0)
        spec_errors_no_memory(errors, arena ? arena_used_bytes(arena) : 0);
    map_fini(&g.ids);
    map_fini(&g.parse.requests);
    arena_destroy(scratch);
}

int spec_add_tasks(struct jobspec *spec, uint32_t job, const char *text,
                   size_t len, const struct spec_room *room, uint32_t *first,
                   uint32_t *count, struct spec_errors *errors)
{
    const struct job *of = &spec->jobs[job];
    uint32_t before = of->tasks.count;
    if (spec_errors_init(errors) < 0)
        return -1;
    if (of->tasks.kind != TASKS_LISTED) {
        spec_errors_add(errors, 0, 0,
                        "tasks cannot be added to job \"%s\": it is %s; only "
                        "jobs with a list of tasks grow, which may be empty: "
                        "`tasks: []`",
                        of->id,
                        of->tasks.kind == TASKS_SWEPT ? "a sweep"
                                                      : "a command file");
    } else {
        struct arena *trial = arena_create(SPEC_MAX_BYTES);
        spec_grow(spec, job, text, len, room, trial, errors);
        arena_destroy(trial);
        if (errors->total == 0)
            spec_grow(spec, job, text, len, NULL, spec->arena, errors);
    }
    if (errors->total > 0) {
        spec_errors_sort(errors);
        return -1;
    }
    spec_errors_fini(errors);
    *first = before;
    *count = of->tasks.count - before;
    return 0;
}
