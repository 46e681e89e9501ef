/* Is there what tasks are to be given? Looked for before anything starts, where
 * no placeholder leaves open what it is; what tasks of the same spec may make
 * is left alone. */
#include "config.h"
#include "spec/parse_storage.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "spec/errors.h"

enum { LOOKS_MAX = 10000 }; /* at files of the spec; then it is enough */

struct search {
    struct parse *parse;
    const struct job *job;
    uint32_t looks;
    bool written[STORAGE_MAX_CONTAINERS]; /* some task stores files there */
    bool looked[STORAGE_MAX_CONTAINERS];
    struct buf path;
};

/* Does it stay the same whatever the task is, and is it known here? */
static bool is_known(const struct template *t)
{
    return !template_varies(t) && !strstr(template_text(t), "{run.dir");
}

/* Expand into s->path. -1 with err. */
static int path_expand(struct search *s, const struct template *t,
                       struct err *err)
{
    struct template_context c = {.job_id = s->job ? s->job->id : NULL,
                                 .spec_dir = s->parse->files->folder};
    buf_reset(&s->path);
    return template_expand(t, &c, false, &s->path, err);
}

/* The same of a URL; 1: it is none of a file. */
static int url_expand(struct search *s, const struct template *t,
                      struct err *err)
{
    struct buf url;
    if (path_expand(s, t, err) < 0)
        return -1;
    if (strncasecmp(buf_text(&s->path), "file:", 5) != 0)
        return 1;
    url = s->path;
    buf_init(&s->path, PATH_MAX);
    int rc = storage_url_path(buf_text(&url), &s->path, err);
    buf_fini(&url);
    return rc;
}

static void say_missing(struct search *s, const struct tree_node *at,
                        const char *what, const struct err *err)
{
    struct spec_errors *errors = s->parse->errors;
    const char *path = buf_text(&s->path);
    if (err->code == ENOENT || err->code == ENOTDIR)
        spec_errors_add(errors, at->line, at->column, "there is no %s %s", what,
                        path);
    else if (err->code == EISDIR)
        spec_errors_add(errors, at->line, at->column,
                        "%s is a folder; all files of one are "
                        "`storage_container_url`",
                        path);
    else
        spec_errors_add(errors, at->line, at->column, "cannot read %s: %s",
                        path, strerror(err->code));
}

/* Look at s->path; what: as it is called if it is not there. */
static void path_look(struct search *s, enum spec_look want,
                      const struct template *t, const char *what)
{
    const struct spec_files *files = s->parse->files;
    struct err err;
    s->looks++;
    if (files->look(files->arg, want, buf_text(&s->path), &err) < 0)
        say_missing(s, place_of(s->parse, t), what, &err);
}

/* Has it looked often enough, or found enough? */
static bool is_enough(const struct search *s)
{
    return s->looks >= LOOKS_MAX || spec_errors_full(s->parse->errors);
}

/* May a task of the spec make the file at s->path? */
static bool is_written(struct search *s)
{
    const struct storage *storage = &s->parse->spec->storage;
    bool found = false;
    struct buf folder;
    buf_init(&folder, PATH_MAX);
    for (uint32_t i = 0; i < storage->container_count && !found; i++) {
        buf_reset(&folder);
        if (!s->written[i] ||
            storage_container_put(storage, i, s->parse->files->folder,
                                  &folder) < 0)
            continue;
        found = strncmp(buf_text(&s->path), buf_text(&folder), folder.len) == 0;
    }
    buf_fini(&folder);
    return found;
}

static void container_look(struct search *s, uint32_t i)
{
    struct parse *p = s->parse;
    struct err err;
    if (s->looked[i])
        return;
    s->looked[i] = true;
    buf_reset(&s->path);
    if (storage_container_put(&p->spec->storage, i, p->files->folder,
                              &s->path) < 0 ||
        p->files->look(p->files->arg, SPEC_LOOK_FOLDER, buf_text(&s->path),
                       &err) == 0)
        return;
    const struct tree_node *at = p->container_nodes[i];
    if (err.code == ENOENT)
        spec_errors_add(p->errors, at->line, at->column,
                        "the folder of container \"%s\" does not exist; make "
                        "it: mkdir -p %s",
                        p->spec->storage.containers[i].name,
                        buf_text(&s->path));
    else
        say_missing(s, at, "folder", &err);
}

/* Something of the container whose name begins so. */
static void prefix_look(struct search *s, const struct resource_file *r)
{
    struct parse *p = s->parse;
    struct buf prefix;
    struct err err;
    if (!r->blob_prefix || s->written[r->container] ||
        !is_known(r->blob_prefix) || path_expand(s, r->blob_prefix, &err) < 0)
        return;
    prefix = s->path;
    buf_init(&s->path, PATH_MAX);
    if (storage_container_put(&p->spec->storage, r->container, p->files->folder,
                              &s->path) == 0 &&
        buf_putc(&s->path, '/') == 0 &&
        buf_puts(&s->path, buf_text(&prefix)) == 0)
        path_look(s, SPEC_LOOK_PREFIX, r->blob_prefix,
                  "file whose name begins with");
    buf_fini(&prefix);
}

static void resource_look(struct search *s, const struct resource_file *r)
{
    struct err err;
    bool file = r->from == RESOURCE_URL;
    if (r->from == RESOURCE_CONTAINER) {
        size_t before = s->parse->errors->total;
        container_look(s, r->container);
        if (s->parse->errors->total == before)
            prefix_look(s, r);
        return;
    }
    if (is_known(r->url) && url_expand(s, r->url, &err) == 0 && !is_written(s))
        path_look(s, file ? SPEC_LOOK_FILE : SPEC_LOOK_FOLDER, r->url,
                  file ? "file" : "folder");
}

static void output_look(struct search *s, const struct output_file *o)
{
    struct err err;
    if (o->container >= 0)
        container_look(s, (uint32_t)o->container);
    else if (o->url && is_known(o->url) && url_expand(s, o->url, &err) == 0)
        path_look(s, SPEC_LOOK_FOLDER, o->url, "folder");
}

static void template_look(struct search *s, const struct task_template *t,
                          const struct task_template *last)
{
    if (!last || last->resource_files != t->resource_files)
        for (uint32_t k = 0; k < t->resource_file_count; k++)
            resource_look(s, &t->resource_files[k]);
    if (!last || last->output_files != t->output_files)
        for (uint32_t k = 0; k < t->output_file_count; k++)
            output_look(s, &t->output_files[k]);
}

static void special_look(struct search *s, const struct special_task *special)
{
    if (special && !is_enough(s))
        template_look(s, &special->task, NULL);
}

/* Tasks that share what the job gives them are looked at once. */
static void job_look(struct search *s, const struct job *job)
{
    const struct task_template *last = NULL;
    s->job = job;
    for (uint32_t i = 0; i < job_template_count(job) && !is_enough(s); i++) {
        template_look(s, &job->templates[i], last);
        last = &job->templates[i];
    }
    special_look(s, job->preparation);
    special_look(s, job->release);
    special_look(s, job->manager);
}

static void template_written(struct search *s, const struct task_template *t)
{
    for (uint32_t k = 0; k < t->output_file_count; k++)
        if (t->output_files[k].container >= 0)
            s->written[t->output_files[k].container] = true;
}

static void written_find(struct search *s, const struct job *job)
{
    for (uint32_t i = 0; i < job_template_count(job); i++)
        template_written(s, &job->templates[i]);
    if (job->manager)
        template_written(s, &job->manager->task);
}

static void packages_used(const struct task_template *t, bool *used)
{
    for (uint32_t k = 0; k < t->package_ref_count; k++)
        used[t->package_refs[k]] = true;
}

static void special_packages_used(const struct special_task *special,
                                  bool *used)
{
    if (special)
        packages_used(&special->task, used);
}

/* Packages that some task or the pool refers to. */
static void packages_look(struct search *s)
{
    const struct jobspec *spec = s->parse->spec;
    bool used[STORAGE_MAX_PACKAGES] = {false};
    struct err err;
    for (uint32_t p = 0; p < spec->pool_count; p++) {
        const struct pool *pool = &spec->pools[p];
        for (uint32_t i = 0; i < pool->package_ref_count; i++)
            used[pool->package_refs[i]] = true;
        special_packages_used(pool->start_task, used);
    }
    for (uint32_t j = 0; j < spec->job_count; j++) {
        const struct job *job = &spec->jobs[j];
        for (uint32_t i = 0; i < job_template_count(job); i++)
            packages_used(&job->templates[i], used);
        special_packages_used(job->preparation, used);
        special_packages_used(job->release, used);
        special_packages_used(job->manager, used);
    }
    for (uint32_t i = 0; i < spec->pools[0].package_count; i++) {
        const struct application_package *package = &spec->pools[0].packages[i];
        char *path = used[i]
                         ? package_path(package, s->parse->files->folder, &err)
                         : NULL;
        buf_reset(&s->path);
        if (path && buf_puts(&s->path, path) == 0)
            path_look(s, SPEC_LOOK_ANY, package->path, "archive or folder");
        mem_free(path);
    }
}

void sources_check(struct parse *p)
{
    struct search s = {.parse = p};
    if (!p->files || !p->files->look)
        return;
    buf_init(&s.path, PATH_MAX);
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        written_find(&s, &p->spec->jobs[j]);
    packages_look(&s);
    for (uint32_t i = 0; i < p->spec->pool_count; i++)
        special_look(&s, p->spec->pools[i].start_task);
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        if (!jobspec_is_copy(p->spec, j))
            job_look(&s, &p->spec->jobs[j]);
    buf_fini(&s.path);
}
