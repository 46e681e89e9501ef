/* What an attempt wants before it runs: see wants.h. */
#include "config.h"
#include "worker/wants.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/template.h"

enum { URL_MAX_BYTES = 8192 };

/* ---- Items ---- */

void item_destroy(struct item *item)
{
    if (!item)
        return;
    mem_free(item->key);
    mem_free(item->checksum);
    mem_free(item->to);
    mem_free(item->dir);
    mem_free(item->prefix);
    mem_free(item->path);
    mem_free(item);
}

void items_put(struct items *q, struct item *item)
{
    item->next = NULL;
    if (q->last)
        q->last->next = item;
    else
        q->first = item;
    q->last = item;
    q->count++;
}

struct item *items_take(struct items *q)
{
    struct item *item = q->first;
    if (!item)
        return NULL;
    q->first = item->next;
    if (!q->first)
        q->last = NULL;
    q->count--;
    item->next = NULL;
    return item;
}

void items_fini(struct items *q)
{
    struct item *item;
    while ((item = items_take(q)))
        item_destroy(item);
}

/* ---- Filling in ---- */

struct filling {
    const struct jobspec *spec;
    const struct template_context *names;
    struct err *err;
};

/* The template's text for this task; "" if it is NULL. Heap; NULL with err. */
static char *fill(const struct filling *f, const struct template *t,
                  size_t max_bytes)
{
    struct buf text;
    char *s = NULL;
    buf_init(&text, max_bytes);
    if (!t || template_expand(t, f->names, false, &text, f->err) == 0) {
        s = mem_strdup(buf_text(&text));
        if (!s)
            err_set(f->err, ENOMEM, "no memory for a resource file");
    }
    buf_fini(&text);
    return s;
}

/* The path of a file:// URL, heap. */
static char *url_path(const struct filling *f, const char *url)
{
    struct buf path;
    char *s = NULL;
    buf_init(&path, PATH_MAX);
    if (storage_url_path(url, &path, f->err) == 0 &&
        !(s = mem_strdup(buf_text(&path))))
        err_set(f->err, ENOMEM, "no memory for a resource file");
    buf_fini(&path);
    return s;
}

static char *join(const char *a, const char *between, const char *b,
                  struct err *err)
{
    size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
    char *s = mem_alloc(size);
    if (s)
        snprintf(s, size, "%s%s%s", a, between, b);
    else
        err_set(err, ENOMEM, "no memory for a resource file");
    return s;
}

/* A file by its URL. */
static int fill_url(const struct filling *f, const struct resource_file *r,
                    struct item *item)
{
    char *url = fill(f, r->url, URL_MAX_BYTES);
    if (!url)
        return -1;
    if (strncmp(url, "file:", 5) != 0) {
        item->kind = OBJECT_URL;
        item->key = url;
    } else {
        item->kind = OBJECT_FILE;
        item->key = url_path(f, url);
        mem_free(url);
    }
    if (!item->key)
        return -1;
    if (r->checksum && !(item->checksum = fill(f, r->checksum, 128)))
        return -1;
    return 0;
}

/* The files of a container. */
static int fill_container(const struct filling *f,
                          const struct resource_file *r, struct item *item)
{
    item->kind = OBJECT_LIST;
    if (r->from == RESOURCE_CONTAINER) {
        item->dir = storage_container_path(&f->spec->storage, r->container,
                                           f->names->spec_dir, f->err);
    } else {
        char *url = fill(f, r->url, URL_MAX_BYTES);
        item->dir = url ? url_path(f, url) : NULL;
        mem_free(url);
    }
    if (!item->dir || !(item->prefix = fill(f, r->blob_prefix, PATH_MAX)))
        return -1;
    item->key = join(item->dir, "\n", item->prefix, f->err);
    return item->key ? 0 : -1;
}

static struct item *item_new(struct err *err)
{
    struct item *item = mem_calloc(1, sizeof(*item));
    if (!item)
        err_set(err, ENOMEM, "no memory for a resource file");
    return item;
}

static struct item *file_item(const struct filling *f,
                              const struct resource_file *r)
{
    struct item *item = item_new(f->err);
    if (!item)
        return NULL;
    item->mode = r->mode;
    item->to = fill(f, r->file_path, PATH_MAX);
    if (item->to && (r->from == RESOURCE_URL ? fill_url(f, r, item)
                                             : fill_container(f, r, item)) == 0)
        return item;
    item_destroy(item);
    return NULL;
}

/* place: which of the template's references. */
static struct item *package_item(uint32_t place, uint32_t package,
                                 struct err *err)
{
    char number[16];
    struct item *item = item_new(err);
    if (!item)
        return NULL;
    snprintf(number, sizeof(number), "%" PRIu32, package);
    item->kind = OBJECT_PACKAGE;
    item->package = place;
    item->key = mem_strdup(number);
    if (item->key)
        return item;
    item_destroy(item);
    err_set(err, ENOMEM, "no memory for a package");
    return NULL;
}

/* Some resource files, by the name of their key. */
static int file_items(const struct filling *f,
                      const struct resource_file *files, uint32_t count,
                      bool common, struct items *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct item *item = file_item(f, &files[i]);
        if (!item)
            return err_context(f->err, "%sresource_files[%" PRIu32 "]",
                               common ? "common_" : "", i);
        item->common = common;
        items_put(out, item);
    }
    return 0;
}

int wants_of_task(const struct jobspec *spec, const struct task_template *t,
                  uint32_t instance, const struct template_context *names,
                  struct items *out, enum failure *failure, struct err *err)
{
    const struct filling f = {.spec = spec, .names = names, .err = err};
    const struct multi_instance *m = t->multi_instance;
    struct item *item;
    *failure = FAILURE_BLOB_DOWNLOAD_MISC;
    if (m &&
        file_items(&f, m->common_files, m->common_file_count, true, out) < 0)
        return -1;
    if (instance == 0 && file_items(&f, t->resource_files,
                                    t->resource_file_count, false, out) < 0)
        return -1;
    *failure = FAILURE_APPLICATION_PACKAGE_ERROR;
    for (uint32_t i = 0; i < t->package_ref_count; i++) {
        item = package_item(i, t->package_refs[i], err);
        if (!item)
            return -1;
        items_put(out, item);
    }
    *failure = FAILURE_NONE;
    return 0;
}

struct item *item_of_listed(const struct item *listing, const char *name,
                            struct err *err)
{
    struct item *item = item_new(err);
    if (!item)
        return NULL;
    const char *to = listing->to;
    size_t len = strlen(to);
    item->kind = OBJECT_FILE;
    item->common = listing->common;
    item->mode = listing->mode;
    item->key = join(listing->dir, "/", name, err);
    item->to = join(to, len > 0 && to[len - 1] != '/' ? "/" : "", name, err);
    if (item->key && item->to)
        return item;
    item_destroy(item);
    return NULL;
}
