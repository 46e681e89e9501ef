/* What tasks take and leave: resource files and output files. */
#include "config.h"
#include "spec/parse_storage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "spec/errors.h"
#include "spec/read.h"

/* Compile a template that must be of a form; one without placeholders is
 * checked at once, others when there are values. */
static int formed_build(struct parse *p, const struct field *f,
                        const struct taskset *set, enum text_form form,
                        const struct template **out)
{
    struct err err;
    if (!f->node)
        return 0;
    if (template_build(p, f->node, set, TEMPLATE_ALL, out) < 0 ||
        place_keep(p, *out, f->node) < 0)
        return -1;
    if (*out && template_is_constant(*out) &&
        text_form_check(form, f->node->u.text, &err) < 0) {
        if (err.code == ENOMEM)
            return -1;
        text_error(p, f->node, 0, err.text);
    }
    return 0;
}

/* -- Resource files ------------------------------------------------------ */

static int resource_file_build(struct parse *p, const struct tree_node *n,
                               const struct taskset *set,
                               struct resource_file *r)
{
    struct resource_file_fields f;
    fields_read(p->errors, "a resource file", n, &resource_file_keys, &f);
    const struct tree_node *name = f.auto_storage_container_name.node;
    r->from = f.http_url.key                ? RESOURCE_URL
              : f.storage_container_url.key ? RESOURCE_CONTAINER_URL
                                            : RESOURCE_CONTAINER;
    r->mode = (uint32_t)f.file_mode.u.integer;
    if (name) {
        int found = container_build(p, name);
        r->container = found < 0 ? 0 : (uint32_t)found;
    }
    if (f.http_url.key && !f.file_path.key)
        spec_errors_add(p->errors, f.http_url.key->line, f.http_url.key->column,
                        "a resource file with `http_url` needs `file_path`: "
                        "what it is called in the task's directory");
    if (formed_build(p, &f.http_url, set, TEXT_FILE_URL, &r->url) < 0 ||
        formed_build(p, &f.storage_container_url, set, TEXT_CONTAINER_URL,
                     &r->url) < 0 ||
        formed_build(p, &f.blob_prefix, set, TEXT_PREFIX, &r->blob_prefix) < 0)
        return -1;
    return formed_build(p, &f.file_path, set,
                        f.http_url.key ? TEXT_FILE_INSIDE : TEXT_INSIDE,
                        &r->file_path) < 0
               ? -1
               : formed_build(p, &f.checksum, set, TEXT_CHECKSUM, &r->checksum);
}

/* Two that each name their one file must not name the same. */
static void names_check(struct parse *p, const struct resource_file *all,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++) {
            if (all[i].from != RESOURCE_URL || all[k].from != RESOURCE_URL ||
                !all[i].file_path || !all[k].file_path ||
                strcmp(template_text(all[i].file_path),
                       template_text(all[k].file_path)) != 0)
                continue;
            const struct tree_node *at = place_of(p, all[i].file_path);
            spec_errors_add(p->errors, at->line, at->column,
                            "the resource file in line %" PRIu32
                            " has this `file_path` already",
                            place_of(p, all[k].file_path)->line);
            break;
        }
}

int resource_files_build(struct parse *p, const struct field *f,
                         const struct taskset *set, struct task_template *t)
{
    if (!f->node)
        return 0;
    struct resource_file *all =
        arena_calloc(p->arena, f->node->count, sizeof(*all));
    if (!all && f->node->count > 0)
        return -1;
    for (uint32_t i = 0; i < f->node->count; i++)
        if (resource_file_build(p, &f->node->u.items[i], set, &all[i]) < 0)
            return -1;
    names_check(p, all, f->node->count);
    t->resource_files = all;
    t->resource_file_count = f->node->count;
    return 0;
}

/* -- Output files -------------------------------------------------------- */

static int destination_build(struct parse *p, const struct field *f,
                             const struct taskset *set, bool wild,
                             struct output_file *o)
{
    struct destination_fields d;
    struct output_container_fields c;
    fields_read(p->errors, "`destination`", f->node, &destination_keys, &d);
    fields_read(p->errors, "`container`", d.container.node,
                &output_container_keys, &c);
    if (c.container_name.node)
        o->container = container_build(p, c.container_name.node);
    if (formed_build(p, &c.container_url, set, TEXT_CONTAINER_URL, &o->url) < 0)
        return -1;
    return formed_build(p, &c.path, set, wild ? TEXT_INSIDE : TEXT_FILE_INSIDE,
                        &o->path);
}

static int output_file_build(struct parse *p, const struct tree_node *n,
                             const struct taskset *set, struct output_file *o)
{
    struct output_file_fields f;
    struct upload_options_fields u;
    fields_read(p->errors, "an output file", n, &output_file_keys, &f);
    fields_read(p->errors, "`upload_options`", f.upload_options.node,
                &upload_options_keys, &u);
    bool wild = f.file_pattern.node &&
                output_pattern_is_wild(f.file_pattern.node->u.text);
    o->container = -1;
    o->condition = (enum upload_condition)u.upload_condition.u.integer;
    o->returned = f.returned.node && f.returned.u.integer;
    if (f.returned.node && !o->returned)
        spec_errors_add(p->errors, f.returned.node->line,
                        f.returned.node->column,
                        "`return: false` stores the files nowhere; give "
                        "`destination` instead");
    if (formed_build(p, &f.file_pattern, set, TEXT_PATTERN, &o->pattern) < 0)
        return -1;
    return f.destination.node
               ? destination_build(p, &f.destination, set, wild, o)
               : 0;
}

int output_files_build(struct parse *p, const struct field *f,
                       const struct taskset *set, struct task_template *t)
{
    if (!f->node)
        return 0;
    struct output_file *all =
        arena_calloc(p->arena, f->node->count, sizeof(*all));
    if (!all && f->node->count > 0)
        return -1;
    for (uint32_t i = 0; i < f->node->count; i++)
        if (output_file_build(p, &f->node->u.items[i], set, &all[i]) < 0)
            return -1;
    t->output_files = all;
    t->output_file_count = f->node->count;
    return 0;
}
