/* Application packages of the pool, and references to them. */
#include "config.h"
#include "spec/parse_storage.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "spec/errors.h"
#include "spec/read.h"

static bool version_is_valid(const char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
            return false;
    return true;
}

static bool version_check(struct parse *p, const struct tree_node *n)
{
    if (version_is_valid(n->u.text) && strcmp(n->u.text, ".") != 0 &&
        strcmp(n->u.text, "..") != 0)
        return true;
    spec_errors_add(p->errors, n->line, n->column,
                    "\"%s\" cannot be a version; it is made of letters, "
                    "digits, \".\", \"_\" and \"-\"",
                    excerpt_of(n->u.text).text);
    return false;
}

/* Folders in a package: one text, or a list of them. */
static int folders_build(struct parse *p, const struct field *f,
                         struct application_package *package)
{
    const struct tree_node *n = f->node;
    if (!n)
        return 0;
    uint32_t count = n->kind == TREE_SCALAR ? 1 : n->count;
    const char **folders = arena_calloc(p->arena, count, sizeof(*folders));
    if (!folders)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *at =
            n->kind == TREE_SCALAR ? n : &n->u.items[i];
        struct field folder = {0};
        struct err err;
        folders[i] = "";
        if (at != n && !value_read(p->errors, "a folder of `add_to_path`", at,
                                   f->form->of, &folder))
            continue;
        if (strchr(at->u.text, ':'))
            spec_errors_add(p->errors, at->line, at->column,
                            "a folder on PATH cannot have \":\" in its name; "
                            "several are a list");
        else if (strcmp(at->u.text, ".") != 0 &&
                 text_form_check(TEXT_INSIDE, at->u.text, &err) < 0)
            spec_errors_add(p->errors, at->line, at->column, "%s", err.text);
        else if (strcmp(at->u.text, ".") != 0)
            folders[i] = at->u.text;
    }
    package->add_to_path = folders;
    package->add_to_path_count = count;
    return 0;
}

static int package_build(struct parse *p, const struct package_fields *f,
                         struct application_package *package)
{
    *package = (struct application_package){.id = "", .version = ""};
    if (f->application_id.node)
        package->id = f->application_id.node->u.text;
    if (f->version.node && version_check(p, f->version.node))
        package->version = f->version.node->u.text;
    package->is_default = f->is_default.node && f->is_default.u.integer;
    if (f->path.node && location_check(p, f->path.node) &&
        (template_build(p, f->path.node, NULL, TEMPLATE_PLACES,
                        &package->path) < 0 ||
         place_keep(p, package->path, f->path.node) < 0))
        return -1;
    return folders_build(p, &f->add_to_path, package);
}

/* Do both come to one name of an environment variable? */
static bool is_same_variable(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        bool alike =
            (!isalnum((unsigned char)*a) && !isalnum((unsigned char)*b));
        if (!alike && tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
    }
    return *a == *b;
}

/* Package i against those before it. */
static void twins_check(struct parse *p, const struct package_fields *f,
                        uint32_t i)
{
    const struct application_package *all = p->pools[0].packages;
    const struct tree_node *at = f[i].application_id.node;
    for (uint32_t k = 0; at && f[i].version.node && k < i; k++) {
        const struct tree_node *other = f[k].application_id.node;
        if (!other || !f[k].version.node)
            continue;
        bool same_id = strcasecmp(all[k].id, all[i].id) == 0;
        if (same_id && strcasecmp(all[k].version, all[i].version) == 0)
            spec_errors_add(p->errors, at->line, at->column,
                            "version %s of \"%s\" is in line %u already",
                            excerpt_of(all[i].version).text, all[i].id,
                            other->line);
        else if (is_same_variable(all[k].id, all[i].id) &&
                 is_same_variable(all[k].version, all[i].version))
            spec_errors_add(p->errors, at->line, at->column,
                            "the package and that in line %u would have one "
                            "name in tasks' environment, where \".\" and \"-\" "
                            "become \"_\"; call one of them otherwise",
                            other->line);
        else if (same_id && all[k].is_default && all[i].is_default)
            spec_errors_add(p->errors, f[i].is_default.node->line,
                            f[i].is_default.node->column,
                            "\"%s\" has a default version already, in line %u",
                            all[i].id, other->line);
        else
            continue;
        return;
    }
}

/* A version that is the only one is the default, unless it says no. */
static void defaults_find(const struct package_fields *f,
                          struct application_package *all, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t versions = 0;
        for (uint32_t k = 0; k < count; k++)
            versions += strcasecmp(all[k].id, all[i].id) == 0;
        if (versions == 1 && !f[i].is_default.node)
            all[i].is_default = true;
    }
}

/* The packages of one pool, behind those of the pools before it. */
static int pool_packages_build(struct parse *p, const struct field *f,
                               struct application_package *all,
                               struct package_fields *fields)
{
    const struct tree_node *n = f->node;
    p->packages_known = p->packages_known && !n == !f->key;
    for (uint32_t k = 0; n && k < n->count; k++) {
        uint32_t i = p->pools[0].package_count;
        if (i == STORAGE_MAX_PACKAGES) {
            spec_errors_add(p->errors, n->line, n->column,
                            "the pools have more than %d application packages",
                            STORAGE_MAX_PACKAGES);
            return 0;
        }
        fields_read(p->errors, "an application package", &n->u.items[k],
                    &package_keys, &fields[i]);
        if (package_build(p, &fields[i], &all[i]) < 0)
            return -1;
        p->pools[0].package_count = i + 1;
        p->packages_known = p->packages_known && all[i].id[0];
        twins_check(p, fields, i);
    }
    return 0;
}

int packages_build(struct parse *p, const struct pool_fields *f, uint32_t pools)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pools; i++)
        count += f[i].application_packages.node
                     ? f[i].application_packages.node->count
                     : 0;
    struct application_package *all =
        arena_calloc(p->arena, count, sizeof(*all));
    struct package_fields *fields =
        arena_calloc(p->scratch, count, sizeof(*fields));
    if (count > 0 && (!all || !fields))
        return -1;
    p->pools[0].packages = all;
    p->packages_known = true;
    for (uint32_t i = 0; i < pools; i++)
        if (pool_packages_build(p, &f[i].application_packages, all, fields) < 0)
            return -1;
    defaults_find(fields, all, p->pools[0].package_count);
    for (uint32_t i = 0; i < pools; i++) {
        p->pools[i].packages = all;
        p->pools[i].package_count = p->pools[0].package_count;
        if (package_refs_build(p, &f[i].application_package_references,
                               &p->pools[i].package_refs,
                               &p->pools[i].package_ref_count) < 0)
            return -1;
    }
    return 0;
}

/* -- References ---------------------------------------------------------- */

static void id_unknown(struct parse *p, const struct tree_node *id)
{
    const struct pool *pool = &p->pools[0];
    const char *names[STORAGE_MAX_PACKAGES];
    for (uint32_t i = 0; i < pool->package_count; i++)
        names[i] = pool->packages[i].id;
    const char *near = text_nearest(id->u.text, names, pool->package_count);
    if (pool->package_count == 0)
        spec_errors_add(p->errors, id->line, id->column,
                        "there is no application \"%s\"; the pool needs "
                        "`application_packages`",
                        id->u.text);
    else
        spec_errors_add(p->errors, id->line, id->column,
                        near ? "there is no application \"%s\" in the pool's "
                               "`application_packages`; did you mean \"%s\"?"
                             : "there is no application \"%s\" in the pool's "
                               "`application_packages`; there is \"%s\"",
                        id->u.text, near ? near : names[0]);
}

/* Append "1.0, 1.1" to a message. */
static void versions_list(const struct pool *pool, const char *id,
                          struct buf *out)
{
    for (uint32_t i = 0; i < pool->package_count; i++)
        if (strcasecmp(pool->packages[i].id, id) == 0 &&
            buf_printf(out, "%s%s", out->len ? ", " : "",
                       pool->packages[i].version) < 0)
            return; /* enough of them */
}

/* The package that a reference means, or -1: an error is added. */
static int ref_find(struct parse *p, const struct package_reference_fields *f)
{
    const struct pool *pool = &p->pools[0];
    const struct tree_node *id = f->application_id.node, *v = f->version.node;
    bool known = false;
    if (!id || (f->version.key && !v))
        return -1;
    for (uint32_t i = 0; i < pool->package_count; i++) {
        const struct application_package *a = &pool->packages[i];
        if (strcasecmp(a->id, id->u.text) != 0)
            continue;
        known = true;
        if (v ? strcasecmp(a->version, v->u.text) == 0 : a->is_default)
            return (int)i;
    }
    if (!p->packages_known)
        return -1;
    if (!known) {
        id_unknown(p, id);
        return -1;
    }
    struct buf versions;
    buf_init(&versions, 256);
    versions_list(pool, id->u.text, &versions);
    if (v)
        spec_errors_add(p->errors, v->line, v->column,
                        "\"%s\" has no version \"%s\"; there is %s", id->u.text,
                        excerpt_of(v->u.text).text, buf_text(&versions));
    else
        spec_errors_add(p->errors, id->line, id->column,
                        "\"%s\" has no default version; give `version` (there "
                        "is %s), or `default: true` to one of the packages",
                        id->u.text, buf_text(&versions));
    buf_fini(&versions);
    return -1;
}

int package_refs_build(struct parse *p, const struct field *f,
                       const uint32_t **refs, uint32_t *count)
{
    const struct tree_node *n = f->node;
    uint32_t total = *count;
    if (!n || n->count == 0)
        return 0;
    uint32_t *all =
        arena_calloc(p->arena, (size_t)total + n->count, sizeof(*all));
    if (!all)
        return -1;
    if (total)
        memcpy(all, *refs, total * sizeof(*all));
    for (uint32_t i = 0; i < n->count; i++) {
        struct package_reference_fields r;
        uint32_t k = 0;
        fields_read(p->errors, "a reference to an application package",
                    &n->u.items[i], &package_reference_keys, &r);
        int found = ref_find(p, &r);
        while (k < total && all[k] != (uint32_t)found)
            k++;
        if (found >= 0 && k == total)
            all[total++] = (uint32_t)found;
    }
    *refs = all;
    *count = total;
    return 0;
}
