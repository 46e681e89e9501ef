/* What a plan says of files: see plan_files.h. */
#include "config.h"
#include "cli/plan_files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "stage/listing.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { TEXT_MAX = 4 * PATH_MAX };

struct files_plan {
    const struct jobspec *spec;
    const struct job *job;
    const char *folder;
};

/* What a resource file comes to. */
struct measure {
    bool known;
    uint64_t files, bytes;
    uint64_t links; /* that lead out of the folder: no file is brought */
};

/* Is the template the same for all tasks, and known without a run? */
static bool is_known(const struct template *t)
{
    return !t || (!template_varies(t) && !strstr(template_text(t), "{run.dir"));
}

static int text_expand(const struct files_plan *p, const struct template *t,
                       struct buf *out)
{
    struct template_context c = {.job_id = p->job->id, .spec_dir = p->folder};
    struct err err;
    return t ? template_expand(t, &c, false, out, &err) : 0;
}

static struct measure folder_measure(const char *path, const char *prefix)
{
    struct measure m = {.known = true};
    struct buf listing;
    struct listed f;
    struct err err;
    size_t at = 0;
    buf_init(&listing, LISTING_MAX_BYTES);
    struct listing_seen seen = {0};
    m.known = listing_make(path, prefix, NULL, &listing, &seen, &err) == 0;
    m.links = seen.links;
    while (m.known &&
           listing_next(buf_text(&listing), listing.len, &at, &f, &err) == 1) {
        m.files++;
        m.bytes += f.bytes;
    }
    buf_fini(&listing);
    return m;
}

/* The files that all tasks get alike, if that can be seen from here. */
static struct measure resource_measure(const struct files_plan *p,
                                       const struct resource_file *r)
{
    struct measure m = {0};
    struct buf url, path, prefix;
    struct stat st;
    struct err err;
    if (!is_known(r->url) || !is_known(r->blob_prefix))
        return m;
    buf_init(&url, TEXT_MAX);
    buf_init(&path, TEXT_MAX);
    buf_init(&prefix, TEXT_MAX);
    int rc = text_expand(p, r->blob_prefix, &prefix);
    if (rc == 0 && r->from == RESOURCE_CONTAINER)
        rc = storage_container_put(&p->spec->storage, r->container, p->folder,
                                   &path);
    else if (rc == 0 && text_expand(p, r->url, &url) == 0)
        rc = storage_url_path(buf_text(&url), &path, &err);
    if (rc == 0 && r->from == RESOURCE_URL && stat(buf_text(&path), &st) == 0)
        m = (struct measure){
            .known = true, .files = 1, .bytes = (uint64_t)st.st_size};
    else if (rc == 0 && r->from != RESOURCE_URL)
        m = folder_measure(buf_text(&path), buf_text(&prefix));
    buf_fini(&prefix);
    buf_fini(&path);
    buf_fini(&url);
    return m;
}

static const char *source_of(const struct files_plan *p,
                             const struct resource_file *r)
{
    return r->from == RESOURCE_CONTAINER
               ? p->spec->storage.containers[r->container].name
               : template_text(r->url);
}

/* Do all tasks of the job have the same lists? */
static bool is_common(const struct job *job)
{
    const struct task_template *first = job_template(job, 0);
    for (uint32_t i = 1; i < job_template_count(job); i++) {
        const struct task_template *t = job_template(job, i);
        if (t->resource_files != first->resource_files ||
            t->output_files != first->output_files ||
            t->package_refs != first->package_refs || t->keep != first->keep)
            return false;
    }
    return true;
}

/* ---- For people ---- */

static void resource_put(struct display *d, const struct files_plan *p,
                         const struct resource_file *r, bool first)
{
    struct measure m = resource_measure(p, r);
    char files[64], size[16];
    display_printf(d, "    %s %s", first ? "is given:   " : "            ",
                   source_of(p, r));
    if (r->blob_prefix)
        display_printf(d, "/%s", template_text(r->blob_prefix));
    if (r->file_path)
        display_printf(d, " as %s", template_text(r->file_path));
    if (m.known && r->from == RESOURCE_URL)
        display_printf(d, " (%s)", size_format(m.bytes, size));
    else if (m.known)
        display_printf(d, " (%s, %s", describe_count(m.files, "file", files),
                       size_format(m.bytes, size));
    if (m.links > 0)
        display_printf(d, "; %s out of it, not given",
                       describe_count(m.links, "link", files));
    if (m.known && r->from != RESOURCE_URL)
        display_puts(d, ")");
    display_puts(d, "\n");
}

static void output_put(struct display *d, const struct files_plan *p,
                       const struct output_file *o, bool first)
{
    display_printf(d, "    %s %s to ", first ? "leaves:     " : "            ",
                   template_text(o->pattern));
    if (o->returned)
        display_puts(d, "the run directory");
    else
        display_printf(
            d, "%s/%s",
            o->container >= 0 ? p->spec->storage.containers[o->container].name
                              : template_text(o->url),
            o->path ? template_text(o->path) : "{job.id}/{task.id}/");
    display_puts(d, o->condition == UPLOAD_TASK_SUCCESS   ? ", if it succeeds\n"
                    : o->condition == UPLOAD_TASK_FAILURE ? ", if it fails\n"
                                                          : "\n");
}

static void package_put(struct display *d, const struct files_plan *p,
                        uint32_t ref, bool first)
{
    const struct application_package *a = &p->spec->pools[0].packages[ref];
    struct stat st;
    struct err err;
    char size[16];
    char *path = package_path(a, p->folder, &err);
    display_printf(d, "    %s %s %s (%s",
                   first ? "with:       " : "            ", a->id, a->version,
                   template_text(a->path));
    if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        display_printf(d, ", %s", size_format((uint64_t)st.st_size, size));
    display_puts(d, ")\n");
    mem_free(path);
}

void plan_files_put(struct display *d, const struct jobspec *spec,
                    const struct job *job, const char *folder)
{
    const struct files_plan p = {.spec = spec, .job = job, .folder = folder};
    const struct task_template *t = job_template(job, 0);
    char time[16];
    if (!is_common(job)) {
        display_puts(d,
                     "    tasks have files of their own: mpibatch show spec\n");
        return;
    }
    if (!task_has_directory(t))
        return;
    display_puts(d, "    each has its own directory on the disk of its node\n");
    for (uint32_t i = 0; i < t->resource_file_count; i++)
        resource_put(d, &p, &t->resource_files[i], i == 0);
    for (uint32_t i = 0; i < t->package_ref_count; i++)
        package_put(d, &p, t->package_refs[i], i == 0);
    for (uint32_t i = 0; i < t->output_file_count; i++)
        output_put(d, &p, &t->output_files[i], i == 0);
    if (t->keep != KEEP_NONE)
        display_printf(d, "    it is kept for %s%s\n",
                       duration_format(t->retention_ns, time),
                       t->keep == KEEP_FAILED ? " if the task fails" : "");
}

/* ---- For programs ---- */

static json_t *text_json(const struct template *t)
{
    return t ? query_text_json(template_text(t)) : json_null();
}

static json_t *resource_json(const struct files_plan *p,
                             const struct resource_file *r)
{
    static const char *const keys[] = {"auto_storage_container_name",
                                       "storage_container_url", "http_url"};
    struct measure m = resource_measure(p, r);
    json_t *o = json_object();
    json_object_set_new(o, keys[r->from], query_text_json(source_of(p, r)));
    json_object_set_new(o, "blob_prefix", text_json(r->blob_prefix));
    json_object_set_new(o, "file_path", text_json(r->file_path));
    json_object_set_new(
        o, "files", m.known ? json_integer((json_int_t)m.files) : json_null());
    json_object_set_new(
        o, "bytes", m.known ? json_integer((json_int_t)m.bytes) : json_null());
    return o;
}

static json_t *output_json(const struct files_plan *p,
                           const struct output_file *o)
{
    json_t *j = json_object();
    json_object_set_new(j, "file_pattern", text_json(o->pattern));
    json_object_set_new(j, "return", json_boolean(o->returned));
    json_object_set_new(
        j, "container_name",
        o->container >= 0
            ? json_string(p->spec->storage.containers[o->container].name)
            : json_null());
    json_object_set_new(j, "container_url", text_json(o->url));
    json_object_set_new(j, "path", text_json(o->path));
    json_object_set_new(j, "upload_condition",
                        json_string(upload_condition_name(o->condition)));
    return j;
}

static json_t *package_json(const struct application_package *a)
{
    return json_pack("{s:s, s:s, s:o}", "application_id", a->id, "version",
                     a->version, "path", text_json(a->path));
}

void plan_files_json(json_t *o, const struct jobspec *spec,
                     const struct job *job, const char *folder)
{
    const struct files_plan p = {.spec = spec, .job = job, .folder = folder};
    const struct task_template *t = job_template(job, 0);
    json_t *in = json_array(), *out = json_array(), *with = json_array();
    if (is_common(job)) {
        for (uint32_t i = 0; i < t->resource_file_count; i++)
            json_array_append_new(in, resource_json(&p, &t->resource_files[i]));
        for (uint32_t i = 0; i < t->output_file_count; i++)
            json_array_append_new(out, output_json(&p, &t->output_files[i]));
        for (uint32_t i = 0; i < t->package_ref_count; i++)
            json_array_append_new(
                with,
                package_json(&spec->pools[0].packages[t->package_refs[i]]));
    }
    json_object_set_new(o, "resource_files", in);
    json_object_set_new(o, "output_files", out);
    json_object_set_new(o, "application_packages", with);
}
