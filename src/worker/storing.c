/* Which output files an attempt stores: see storing.h. */
#include "config.h"
#include "worker/storing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/glob.h"
#include "base/mem.h"
#include "stage/beneath.h"

enum {
    TEXTS_MAX_BYTES = 8 << 20, /* of all sets of a task */
    NAMES_MAX_BYTES = 16 << 20 /* that patterns match */
};

/* ---- Which ---- */

bool storing_applies(const struct output_file *o, const struct attempt *a)
{
    if (a->reason == REASON_STOPPED)
        return false;
    switch (o->condition) {
    case UPLOAD_TASK_COMPLETION:
        break;
    case UPLOAD_TASK_SUCCESS:
        return a->result == RESULT_SUCCESS;
    case UPLOAD_TASK_FAILURE:
        return a->result != RESULT_SUCCESS;
    }
    return true;
}

bool storing_wants_outputs(const struct task_template *t,
                           const struct attempt *a, bool kept)
{
    for (uint32_t i = 0; !kept && i < t->output_file_count; i++)
        kept = storing_applies(&t->output_files[i], a) &&
               strncmp(template_text(t->output_files[i].pattern), "..", 2) == 0;
    return kept;
}

bool storing_returns(const struct task_template *t, const struct attempt *a)
{
    for (uint32_t i = 0; i < t->output_file_count; i++)
        if (t->output_files[i].returned &&
            storing_applies(&t->output_files[i], a))
            return true;
    return false;
}

/* ---- Sets of an upload ---- */

/* The template's text for this task, in the arena. */
static char *fill(struct arena *arena, const struct template *t,
                  const struct template_context *names, struct err *err)
{
    struct buf text;
    char *s = NULL;
    buf_init(&text, PATH_MAX);
    if (template_expand(t, names, false, &text, err) == 0 &&
        !(s = arena_strdup(arena, buf_text(&text))))
        err_set(err, ENOMEM, "no memory for output files");
    buf_fini(&text);
    return s;
}

/* The folder of the container, and what messages call it. */
static int fill_container(const struct jobspec *spec,
                          const struct output_file *o,
                          const struct template_context *names,
                          struct arena *arena, struct upload_set *set,
                          struct err *err)
{
    struct buf path;
    int rc;
    buf_init(&path, PATH_MAX);
    if (o->container >= 0) {
        uint32_t at = (uint32_t)o->container;
        rc = storage_container_put(&spec->storage, at, names->spec_dir, &path);
        if (rc < 0)
            err_sys(err, errno, "the path of a container");
        set->shown = spec->storage.containers[at].name;
    } else {
        char *url = fill(arena, o->url, names, err);
        rc = url ? storage_url_path(url, &path, err) : -1;
        set->shown = url;
    }
    if (rc == 0 && !(set->container = arena_strdup(arena, buf_text(&path))))
        rc = err_set(err, ENOMEM, "no memory for output files");
    buf_fini(&path);
    return rc;
}

/* Where files go that have no path: each task has its own folder. */
static char *own_path(struct arena *arena, const struct template_context *names,
                      struct err *err)
{
    char text[2 * JOBSPEC_MAX_ID + 4];
    snprintf(text, sizeof(text), "%s/%s/", names->job_id, names->task_id);
    char *s = arena_strdup(arena, text);
    if (!s)
        err_set(err, ENOMEM, "no memory for output files");
    return s;
}

static int fill_set(const struct jobspec *spec, const struct output_file *o,
                    const struct template_context *names, struct arena *arena,
                    struct upload_set *set, struct err *err)
{
    set->pattern = fill(arena, o->pattern, names, err);
    if (!set->pattern)
        return -1;
    set->path = o->path ? fill(arena, o->path, names, err)
                        : own_path(arena, names, err);
    if (!set->path)
        return -1;
    return fill_container(spec, o, names, arena, set, err);
}

int storing_sets_fill(const struct jobspec *spec, const struct task_template *t,
                      const struct attempt *a,
                      const struct template_context *names,
                      struct storing_sets *out, struct err *err)
{
    *out = (struct storing_sets){.texts = arena_create(TEXTS_MAX_BYTES)};
    if (out->texts)
        out->sets = arena_calloc(out->texts, t->output_file_count + 1,
                                 sizeof(out->sets[0]));
    if (!out->sets)
        return err_set(err, ENOMEM, "no memory for output files");
    for (uint32_t i = 0; i < t->output_file_count; i++) {
        const struct output_file *o = &t->output_files[i];
        if (o->returned || !storing_applies(o, a))
            continue;
        if (fill_set(spec, o, names, out->texts, &out->sets[out->count], err) <
            0)
            return err_context(err, "output_files[%" PRIu32 "]", i);
        out->count++;
    }
    return 0;
}

void storing_sets_fini(struct storing_sets *s)
{
    arena_destroy(s->texts);
    *s = (struct storing_sets){0};
}

/* ---- Returned files ---- */

int storing_patterns(const struct task_template *t, const struct attempt *a,
                     const struct template_context *names, struct buf *out,
                     struct err *err)
{
    for (uint32_t i = 0; i < t->output_file_count; i++) {
        const struct output_file *o = &t->output_files[i];
        if (!o->returned || !storing_applies(o, a))
            continue;
        if (template_expand(o->pattern, names, false, out, err) < 0)
            return err_context(err, "output_files[%" PRIu32 "]", i);
        if (buf_putc(out, '\0') < 0)
            return err_sys(err, errno, "the patterns of output files");
    }
    return 0;
}

static const struct storing_file *file_of_name(const struct storing_files *f,
                                               const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (strcmp(f->files[i].name, name) == 0)
            return &f->files[i];
    return NULL;
}

/* Found by a second pattern: no second file, unless it is another one, as
 * ../stdout.txt and a stdout.txt of the working directory are. */
static int found_again(const struct storing_file *known, const char *task_dir,
                       const char *plain, struct err *err)
{
    size_t len = strlen(task_dir);
    if (strcmp(known->path + len + (known->path[len] == '/'), plain) == 0)
        return 0;
    return err_set(err, EEXIST,
                   "two returned files would be called %.100s: wd/%.100s and "
                   "../%.100s; rename the former or leave one out",
                   known->name, known->name, known->name);
}

/* matched: what it is called; plain: where it is below the task's directory,
 * without links. */
static int add_file(struct storing_files *f, const char *task_dir,
                    const char *matched, const char *plain, struct err *err)
{
    char name[BENEATH_NAME_MAX];
    if (beneath_plain(strncmp(matched, "../", 3) == 0 ? matched + 3 : matched,
                      name, err) < 0)
        return err_context(err, "%s", matched);
    const struct storing_file *known = file_of_name(f, name);
    if (known)
        return found_again(known, task_dir, plain, err);
    if (f->count == ATTEMPT_MAX_FILES)
        return err_set(err, E2BIG, "a task can return %d files, not more",
                       ATTEMPT_MAX_FILES);
    if (!attempt_file_name_is_valid(name))
        return err_set(err, ENAMETOOLONG, "no name for a returned file: %.100s",
                       name);
    struct storing_file *file = &f->files[f->count];
    file->path = path_join(task_dir, plain);
    file->name = mem_strdup(name);
    if (!file->path || !file->name) {
        mem_free(file->path);
        mem_free(file->name);
        return err_set(err, ENOMEM, "no memory for output files");
    }
    f->count++;
    return 0;
}

/* A name that a pattern has matched in wd. */
static int look_at(struct storing_files *f, int root, const char *task_dir,
                   const char *matched, struct err *err)
{
    char name[PATH_MAX + 4], plain[BENEATH_NAME_MAX];
    struct stat st;
    snprintf(name, sizeof(name), "wd/%s", matched);
    int rc = beneath_resolve(root, task_dir, name, plain);
    if (rc < 0 && (errno == EXDEV || errno == ELOOP)) {
        if (f->links_left++ == 0)
            snprintf(f->link_left, sizeof(f->link_left), "%s", matched);
        return 0;
    }
    if (rc < 0)
        return err_sys(err, errno, "%s", matched);
    if (rc == 0 || fstatat(root, plain, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return 0;
    return add_file(f, task_dir, matched, plain, err);
}

int storing_find(const char *task_dir, const char *patterns, size_t len,
                 struct storing_files *out, struct err *err)
{
    struct buf found;
    char *wd = path_join(task_dir, "wd");
    int rc = 0;
    *out = (struct storing_files){
        .files = mem_calloc(ATTEMPT_MAX_FILES, sizeof(out->files[0]))};
    int root = open(task_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root < 0)
        rc = err_sys(err, errno, "cannot open %s", task_dir);
    else if (!out->files || !wd)
        rc = err_set(err, ENOMEM, "no memory for output files");
    buf_init(&found, NAMES_MAX_BYTES);
    for (const char *p = patterns; rc == 0 && p < patterns + len;
         p += strlen(p) + 1)
        rc = glob_find(wd, p, &found, err);
    for (size_t at = 0; rc == 0 && at < found.len;
         at += strlen(found.data + at) + 1)
        rc = look_at(out, root, task_dir, found.data + at, err);
    buf_fini(&found);
    if (root >= 0)
        close(root);
    mem_free(wd);
    return rc;
}

void storing_files_fini(struct storing_files *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        mem_free(f->files[i].path);
        mem_free(f->files[i].name);
    }
    mem_free(f->files);
    *f = (struct storing_files){0};
}
