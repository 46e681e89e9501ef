/* Tasks: the template of a sweep, listed tasks and what they inherit,
 * environment settings. */
#include "config.h"
#include "spec/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "spec/errors.h"
#include "spec/parse_depends.h"
#include "spec/parse_life.h"
#include "spec/parse_policy.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

void text_error(struct parse *p, const struct tree_node *n, size_t at,
                const char *text)
{
    unsigned line, column;
    tree_place(n, at, &line, &column);
    spec_errors_add(p->errors, line, column, "%s", text);
}

int template_build(struct parse *p, const struct tree_node *n,
                   const struct taskset *set, unsigned names,
                   const struct template **out)
{
    struct err err;
    size_t at = 0;
    if (p->blind)
        return 0;
    *out = template_compile(p->arena, n->u.text, set, &p->spec->storage, names,
                            &at, &err);
    if (*out)
        return 0;
    if (err.code == ENOMEM)
        return -1;
    text_error(p, n, at, err.text);
    return 0;
}

/* -- Command lines ------------------------------------------------------- */

static int words_build(struct parse *p, const struct field *f,
                       const struct taskset *set, struct command *out)
{
    const struct tree_node *n = f->node;
    const struct template **words =
        arena_calloc(p->arena, n->count, sizeof(*words));
    if (!words)
        return -1;
    for (uint32_t i = 0; i < n->count; i++) {
        struct field word = {0};
        const struct tree_node *item = &n->u.items[i];
        if (!value_read(p->errors, "a word of a command line", item,
                        f->form->of, &word))
            continue;
        if (i == 0 && item->count == 0)
            text_error(p, item, 0, "the command has no name");
        if (template_build(p, item, set, TEMPLATE_ALL, &words[i]) < 0)
            return -1;
    }
    *out = (struct command){.words = words, .word_count = n->count};
    return 0;
}

int command_build(struct parse *p, const struct field *f,
                  const struct taskset *set, struct command *out)
{
    struct err err;
    size_t at = 0;
    if (f->form->kind == KEY_LIST)
        return words_build(p, f, set, out);
    if (p->blind || command_compile(p->arena, f->node->u.text, set,
                                    &p->spec->storage, out, &at, &err) == 0)
        return 0;
    if (err.code == ENOMEM)
        return -1;
    text_error(p, f->node, at, err.text);
    return 0;
}

/* -- Environment settings ------------------------------------------------ */

static bool env_name_check(struct parse *p, const struct tree_node *n)
{
    for (const unsigned char *s = (const unsigned char *)n->u.text; *s; s++)
        if (*s <= ' ' || *s == '=' || *s == 0x7f) {
            text_error(p, n, 0,
                       "the name of an environment variable cannot have a "
                       "blank or \"=\" in it");
            return false;
        }
    if (n->count == 0)
        text_error(p, n, 0, "an environment variable needs a name");
    return n->count > 0;
}

/* Name and value number i of a list or mapping. The value is NULL if one of
 * them is wrong. */
static void setting_read(struct parse *p, const struct field *f, uint32_t i,
                         const struct tree_node **name,
                         const struct tree_node **value)
{
    struct setting_fields s = {0};
    char what[KEY_NAME_MAX + 3];
    if (f->form->kind == KEY_LIST) {
        fields_read(p->errors, "an environment setting", &f->node->u.items[i],
                    f->form->of->set, &s);
    } else {
        const struct tree_pair *pair = &f->node->u.pairs[i];
        snprintf(what, sizeof(what), "`%s`", excerpt_of(pair->key.u.text).text);
        s.name.node = &pair->key;
        value_read(p->errors, what, &pair->value, f->form->of, &s.value);
    }
    *name = s.name.node;
    *value = *name && env_name_check(p, *name) ? s.value.node : NULL;
}

int env_build(struct parse *p, const struct field *f, const struct taskset *set,
              const struct env_setting **env, uint32_t *env_count)
{
    if (!f->node || f->node->count == 0)
        return 0;
    uint32_t before = *env_count, count = before;
    struct env_setting *all =
        arena_calloc(p->arena, (size_t)before + f->node->count, sizeof(*all));
    if (!all)
        return -1;
    if (before)
        memcpy(all, *env, before * sizeof(*all));
    for (uint32_t i = 0; i < f->node->count; i++) {
        const struct tree_node *name, *value;
        setting_read(p, f, i, &name, &value);
        if (!value)
            continue;
        for (uint32_t k = before; k < count; k++)
            if (strcmp(all[k].name, name->u.text) == 0)
                spec_errors_add(p->errors, name->line, name->column,
                                "\"%s\" is set twice in this list",
                                excerpt_of(name->u.text).text);
        all[count].name = name->u.text;
        if (template_build(p, value, set, TEMPLATE_ALL, &all[count].value) < 0)
            return -1;
        count++;
    }
    if (count > JOBSPEC_MAX_ENV)
        spec_errors_add(p->errors, f->node->line, f->node->column,
                        "the task has more than %d environment settings with "
                        "those of the job",
                        JOBSPEC_MAX_ENV);
    *env = all;
    *env_count = count;
    return 0;
}

/* -- Tasks --------------------------------------------------------------- */

/* A task that no node has slots for would never start. */
static void slots_check(struct parse *p, const struct field *slots,
                        uint32_t pool)
{
    uint32_t of_node = p->pools[pool].task_slots_per_node;
    if (slots->node && of_node && slots->u.integer > of_node)
        spec_errors_add(p->errors, slots->node->line, slots->node->column,
                        "the task can never start: it requires %d slots of a "
                        "node, and `task_slots_per_node` is %u",
                        (int)slots->u.integer, of_node);
}

/* What it is given and leaves. What it refers to stands behind the pool's; a
 * list is in place of one that is inherited. */
static int files_build(struct parse *p, const struct task_fields *f,
                       const struct job *job, struct inherited *in)
{
    const struct taskset *set = &job->tasks;
    const struct pool *pool = &p->pools[job->pool];
    struct task_template *t = &in->task;
    const struct field *refs = &f->application_package_references;
    if (f->keep.node)
        t->keep = (enum keep)f->keep.u.integer;
    if (f->task_directory.node) {
        t->own_directory = f->task_directory.u.integer;
        in->no_directory = !t->own_directory;
    }
    if (refs->node) {
        t->package_refs = pool->package_refs;
        t->package_ref_count = pool->package_ref_count;
        if (package_refs_build(p, refs, &t->package_refs,
                               &t->package_ref_count) < 0)
            return -1;
    }
    return resource_files_build(p, &f->resource_files, set, t) < 0
               ? -1
               : output_files_build(p, &f->output_files, set, t);
}

/* Why a task has a directory of its own. */
static const char *directory_cause(const struct task_template *t)
{
    return t->resource_file_count > 0 ? "resource_files"
           : t->output_file_count > 0 ? "output_files"
           : t->package_ref_count > 0 ? "application_package_references"
           : t->keep != KEEP_NONE     ? "keep"
                                      : "task_directory";
}

void directory_check(struct parse *p, const struct tree_node *at,
                     const struct tree_node *base, const struct inherited *in)
{
    const struct task_template *t = &in->task;
    const char *key = in->no_directory ? "task_directory" : "working_dir";
    const struct tree_node *n = NULL;
    if (!task_has_directory(t) || !(t->working_dir || in->no_directory))
        return;
    if (at && at->kind == TREE_MAPPING)
        n = tree_get(at, key);
    if (!n && base && base->kind == TREE_MAPPING)
        n = tree_get(base, key);
    if (!n)
        return;
    if (in->no_directory)
        spec_errors_add(p->errors, n->line, n->column,
                        "a task with `%s` has a directory of its own; leave "
                        "`task_directory: false` out",
                        directory_cause(t));
    else
        spec_errors_add(p->errors, n->line, n->column,
                        "a task with `%s` starts in a directory of its own; "
                        "leave `working_dir` out",
                        directory_cause(t));
}

int task_fields_build(struct parse *p, const struct task_fields *f,
                      const struct constraints_fields *c, const struct job *job,
                      struct inherited *in)
{
    const struct taskset *set = &job->tasks;
    struct task_template *t = &in->task;
    slots_check(p, &f->required_slots, job->pool);
    if (f->required_slots.node || t->required_slots == 0)
        t->required_slots = (uint32_t)f->required_slots.u.integer;
    if (c->max_wall_clock_time.node)
        t->constraints.max_wall_clock_ns = c->max_wall_clock_time.u.integer;
    if (c->max_task_retry_count.node)
        t->constraints.max_task_retry_count =
            (int32_t)c->max_task_retry_count.u.integer;
    in->has_command = in->has_command || f->command_line.key;
    if (f->id.node &&
        template_build(p, f->id.node, set, TEMPLATE_TASK, &t->id) < 0)
        return -1;
    if (f->working_dir.node &&
        template_build(p, f->working_dir.node, set, TEMPLATE_ALL,
                       &t->working_dir) < 0)
        return -1;
    if (f->command_line.node &&
        command_build(p, &f->command_line, set, &t->command) < 0)
        return -1;
    if (c->retention_time.node)
        t->retention_ns = c->retention_time.u.integer;
    depends_read(p, &f->depends_on);
    if (policy_build(p, f, job, t) < 0 || multi_build(p, f, set, t) < 0)
        return -1;
    if (files_build(p, f, job, in) < 0 ||
        needs_build(p, &f->required_resources, &f->required_slots,
                    p->pool_known ? job->pool : UINT32_MAX, &in->needs,
                    &t->required_slots) < 0 ||
        request_build(p, &in->needs, in->exclusive, t) < 0)
        return -1;
    return env_build(p, &f->environment_settings, set, &t->env, &t->env_count);
}

/* Put what the mapping says over what it inherits. node may be NULL. */
static int task_build(struct parse *p, const struct tree_node *node,
                      const struct job *job, struct inherited *in)
{
    struct task_fields f;
    struct constraints_fields c;
    fields_read(p->errors, "a task", node, &task_keys, &f);
    fields_read(p->errors, "`constraints`", f.constraints.node,
                &task_constraints_keys, &c);
    return task_fields_build(p, &f, &c, job, in);
}

static void need_command(struct parse *p, const struct tree_node *at,
                         const struct inherited *in)
{
    if (!in->has_command && at && at->kind == TREE_MAPPING)
        spec_errors_add(p->errors, at->line, at->column,
                        "a task needs `command_line`, such as command_line: "
                        "./solve");
}

int listed_task_build(struct parse *p, const struct tree_node *node,
                      const struct tree_node *base, const struct job *job,
                      struct inherited *in)
{
    if (task_build(p, node, job, in) < 0)
        return -1;
    need_command(p, node, in);
    directory_check(p, node, base, in);
    policy_check(p, node, base, &in->task);
    return 0;
}

static int listed_build(struct parse *p, const struct job_fields *f,
                        const struct job *job, const struct inherited *base,
                        struct task_template *templates)
{
    const struct tree_node *list = f->tasks.node;
    for (uint32_t i = 0; i < list->count && !spec_errors_full(p->errors); i++) {
        struct inherited in = *base;
        if (listed_task_build(p, &list->u.items[i], f->task.node, job, &in) < 0)
            return -1;
        templates[i] = in.task;
    }
    return 0;
}

void inherited_init(struct parse *p, uint32_t pool, int32_t retries,
                    struct inherited *in)
{
    *in = (struct inherited){
        .task = {.constraints = {.max_task_retry_count = retries},
                 .retry = retry_policy_default,
                 .checkpoint_exit_code = -1,
                 .retention_ns = 7 * 24 * 3600 * NS_PER_SEC,
                 .package_refs = p->pools[pool].package_refs,
                 .package_ref_count = p->pools[pool].package_ref_count}};
}

int tasks_build(struct parse *p, const struct tree_node *node,
                const struct job_fields *f, int32_t retries, struct job *job)
{
    struct inherited base;
    const struct tree_node *at = f->task.node;
    /* without tasks: what those that are added share */
    uint32_t count =
        f->tasks.node && f->tasks.node->count > 0 ? f->tasks.node->count : 1;
    struct task_template *templates =
        arena_calloc(p->arena, count, sizeof(*templates));
    if (!templates)
        return -1;
    job->templates = templates;
    inherited_init(p, job->pool, retries, &base);
    if (env_build(p, &f->common_environment_settings, &job->tasks,
                  &base.task.env, &base.task.env_count) < 0 ||
        task_build(p, at, job, &base) < 0)
        return -1;
    templates[0] = base.task;
    struct task_template *shared = arena_calloc(p->arena, 1, sizeof(*shared));
    if (!shared)
        return -1;
    *shared = base.task;
    job->base = shared;
    if (f->tasks.node)
        return listed_build(p, f, job, &base, templates);
    directory_check(p, at, NULL, &base);
    policy_check(p, at, NULL, &base.task);
    if (f->commands.key) {
        const struct tree_node *line = at && at->kind == TREE_MAPPING
                                           ? tree_get(at, "command_line")
                                           : NULL;
        if (line)
            spec_errors_add(p->errors, line->line, line->column,
                            "the command lines are those of `commands` (line "
                            "%u); the task has none of its own",
                            f->commands.key->line);
        return 0;
    }
    if (!f->tasks.key && !f->task.key)
        spec_errors_add(p->errors, node->line, node->column,
                        "a job needs `task`%s, such as task: {command_line: "
                        "./solve}",
                        f->sweep.key ? "" : ", `tasks` or `commands`");
    else if (!f->tasks.key)
        need_command(p, at, &base);
    return 0;
}
