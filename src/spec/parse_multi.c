/* Tasks on several nodes, near a node, or within a container. */
#include "config.h"
#include "spec/parse_policy.h"

#include <errno.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

static int multi_instance_build(struct parse *p, const struct tree_node *n,
                                const struct taskset *set,
                                const struct multi_instance **out)
{
    struct multi_instance_fields f;
    struct task_template files = {.id = NULL};
    if (!n)
        return 0;
    fields_read(p->errors, "`multi_instance_settings`", n, &multi_instance_keys,
                &f);
    struct multi_instance *m = arena_calloc(p->arena, 1, sizeof(*m));
    struct command *coordination =
        arena_calloc(p->arena, 1, sizeof(*coordination));
    if (!m || !coordination)
        return -1;
    m->number_of_instances = (uint32_t)f.number_of_instances.u.integer;
    if (m->number_of_instances == 1 &&
        (f.coordination_command_line.node || f.common_resource_files.node))
        spec_errors_add(p->errors, n->line, n->column,
                        "one instance has nobody to coordinate with: leave "
                        "`multi_instance_settings` out, and use `command_line` "
                        "and `resource_files` alone");
    if (f.coordination_command_line.node) {
        m->coordination = coordination;
        if (command_build(p, &f.coordination_command_line, set, coordination) <
            0)
            return -1;
    }
    if (resource_files_build(p, &f.common_resource_files, set, &files) < 0)
        return -1;
    m->common_files = files.resource_files;
    m->common_file_count = files.resource_file_count;
    *out = m;
    return 0;
}

static int affinity_build(struct parse *p, const struct tree_node *n,
                          const struct taskset *set,
                          const struct template **out)
{
    struct affinity_fields f;
    fields_read(p->errors, "`affinity_info`", n, &affinity_keys, &f);
    return f.affinity_id.node
               ? template_build(p, f.affinity_id.node, set, TEMPLATE_ALL, out)
               : 0;
}

/* ---- Containers ---- */

/* Words from a list of them, or from a text that has no need of a shell. */
static int words_build(struct parse *p, const char *key, const struct field *f,
                       const struct taskset *set,
                       const struct template *const **words, uint32_t *count)
{
    struct command c = {.word_count = 0};
    if (!f->node || f->node->count == 0)
        return 0;
    if (command_build(p, f, set, &c) < 0)
        return -1;
    if (c.shell)
        spec_errors_add(p->errors, f->node->line, f->node->column,
                        "`%s` has something for a shell in it, and goes "
                        "through none; write a list of words",
                        key);
    *words = c.words;
    *count = c.word_count;
    return 0;
}

/* apptainer exec */
static int runtime_default(struct parse *p, struct container_settings *c)
{
    static const char *const names[] = {"apptainer", "exec"};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    struct err err;
    size_t at;
    const struct template **words =
        arena_calloc(p->arena, COUNT, sizeof(*words));
    for (size_t i = 0; words && i < COUNT; i++) {
        words[i] = template_compile(p->arena, names[i], NULL, NULL,
                                    TEMPLATE_ALL, &at, &err);
        if (!words[i])
            return -1;
    }
    c->runtime = words;
    c->runtime_count = COUNT;
    return words ? 0 : -1;
}

static int container_settings_build(struct parse *p, const struct tree_node *n,
                                    const struct taskset *set,
                                    const struct container_settings **out)
{
    struct container_fields f;
    if (!n)
        return 0;
    fields_read(p->errors, "`container_settings`", n, &container_settings_keys,
                &f);
    struct container_settings *c = arena_calloc(p->arena, 1, sizeof(*c));
    if (!c || runtime_default(p, c) < 0)
        return -1;
    c->image_working_dir = f.working_directory.u.integer == 1;
    if (f.image_name.node &&
        template_build(p, f.image_name.node, set, TEMPLATE_ALL, &c->image) < 0)
        return -1;
    if (words_build(p, "container_run_options", &f.container_run_options, set,
                    &c->options, &c->option_count) < 0 ||
        words_build(p, "runtime", &f.runtime, set, &c->runtime,
                    &c->runtime_count) < 0)
        return -1;
    *out = c;
    return 0;
}

int multi_build(struct parse *p, const struct task_fields *f,
                const struct taskset *set, struct task_template *t)
{
    if (multi_instance_build(p, f->multi_instance_settings.node, set,
                             &t->multi_instance) < 0 ||
        affinity_build(p, f->affinity_info.node, set, &t->affinity) < 0)
        return -1;
    return container_settings_build(p, f->container_settings.node, set,
                                    &t->container);
}
