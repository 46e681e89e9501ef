/* The files of an attempt that has ended, from the run directory: see holder.h.
 *
 * Its outputs are stdout.txt and stderr.txt, what it returned is below wd (but
 * for a ../stdout.txt, which is that output). What is there is asked for in
 * that order before anything that its holder has besides: a directory that was
 * kept. */
#include "config.h"
#include "cli/holder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/glob.h"
#include "store/output.h"

enum { NAME_BYTES = ATTEMPT_MAX_FILE_NAME + 8 };
const char *const holder_output_names[2] = {"stdout.txt", "stderr.txt"};

static const struct job *job_of(const struct holder *s)
{
    return &s->run->spec->jobs[s->task->job];
}

/* Was it returned from beside wd? Then it is an output: no other file is there,
 * and none of wd may have its name. */
static bool is_output(const struct holder *s, const char *name)
{
    const struct task_template *t = job_template(job_of(s), s->task->index);
    if (strcmp(name, holder_output_names[0]) != 0 &&
        strcmp(name, holder_output_names[1]) != 0)
        return false;
    for (uint32_t i = 0; i < t->output_file_count; i++) {
        const char *pattern = template_text(t->output_files[i].pattern);
        if (t->output_files[i].returned && strncmp(pattern, "../", 3) == 0 &&
            glob_match(pattern + 3, name))
            return true;
    }
    return false;
}

/* The path of a returned file: its name is relative to wd. False: it is an
 * output. */
static bool returned_path(const struct holder *s, const char *name,
                          char path[NAME_BYTES])
{
    int n = snprintf(path, NAME_BYTES, "wd/%s", name);
    return n > 0 && n < NAME_BYTES && !is_output(s, name);
}

/* Is there a file of the run directory at path? output: which stream, or -1
 * and the returned file. */
static bool find(const struct holder *s, const char *path, int *output,
                 const struct attempt_file **file)
{
    const struct attempt *a = s->task->last;
    char own[NAME_BYTES];
    for (*output = 0; *output < 2; ++*output)
        if (strcmp(path, holder_output_names[*output]) == 0)
            return true;
    *output = -1;
    for (uint32_t i = 0; i < a->file_count; i++) {
        *file = &a->files[i];
        if (returned_path(s, a->files[i].name, own) && strcmp(own, path) == 0)
            return true;
    }
    return false;
}

/* There is no such file, and why that may be. -1. */
static int none_there(const struct holder *s, const char *path, struct err *err)
{
    const struct attempt_file *file;
    char below[NAME_BYTES];
    int output, n = snprintf(below, sizeof(below), "wd/%s", path);
    if (n < NAME_BYTES && find(s, below, &output, &file))
        return err_set(err, ENOENT, "there is no %s; did you mean %s?", path,
                       below);
    if (s->more || s->task->last->kept ||
        (strcmp(path, "wd") != 0 && strncmp(path, "wd/", 3) != 0))
        return err_set(err, ENOENT, "there is no %s", path);
    return err_set(err, ENOENT,
                   task_has_directory(job_template(job_of(s), s->task->index))
                       ? "there is no %s: of the task's directory only what it "
                         "returned stays, if `keep` says nothing else"
                       : "there is no %s: the task has no directory of its own",
                   path);
}

static void info_of(const struct holder *s, int output,
                    const struct attempt_file *file, struct file_info *f)
{
    const struct attempt *a = s->task->last;
    f->type = FILE_REGULAR;
    f->modified_ns = a->end_ns;
    f->mode = output >= 0 ? 0600 : file->mode;
    f->bytes = output < 0 ? file->bytes
               : a->output[output].place == OUTPUT_EMPTY
                   ? 0
                   : a->output[output].bytes;
}

/* ---- Lists ---- */

struct list {
    struct holder *s;
    const char *path; /* "" or without "/" at its end */
    bool recursive;
    struct buf *out;
    size_t start, end; /* of what the run directory has, in out */
};

static bool is_listed(const struct list *l, const char *name)
{
    struct file_info f;
    struct err err;
    size_t at = l->start;
    while (file_info_next(l->out->data, l->end, &at, &f, &err) > 0)
        if (strcmp(f.name, name) == 0)
            return true;
    return false;
}

static int list_put(struct list *l, struct file_info *f, const char *name,
                    struct err *err)
{
    f->name = name;
    return file_info_put(l->out, f) < 0
               ? err_set(err, ENOMEM, "no memory for a list of files")
               : 0;
}

static int own_put(struct list *l, struct file_info *f, const char *name,
                   struct err *err)
{
    int rc = list_put(l, f, name, err);
    l->end = l->out->len;
    return rc;
}

/* A file at name, and before it the folders that it is in, as far as they are
 * below the path that is listed. */
static int list_file(struct list *l, struct file_info *f, const char *name,
                     struct err *err)
{
    char folder[NAME_BYTES];
    size_t own = strlen(l->path);
    if (strcmp(name, l->path) == 0)
        return own_put(l, f, name, err);
    if (own > 0 && (strncmp(name, l->path, own) != 0 || name[own] != '/'))
        return 0;
    const char *from = name + own + (own > 0);
    for (const char *p = from; (p = strchr(p, '/')); p++) {
        struct file_info dir = {
            .type = FILE_FOLDER, .mode = 0700, .modified_ns = f->modified_ns};
        snprintf(folder, sizeof(folder), "%.*s", (int)(p - name), name);
        if (!is_listed(l, folder) && own_put(l, &dir, folder, err) < 0)
            return -1;
        if (!l->recursive)
            return 0;
    }
    return own_put(l, f, name, err);
}

/* What else there is, but what was listed. */
static int list_more(struct list *l, const char *path, bool *more,
                     struct err *err)
{
    struct file_info f;
    struct buf other;
    size_t at = 0;
    buf_init(&other, HOLDER_LIST_BYTES);
    int rc = holder_list(l->s->more, path, l->recursive, &other, more, err);
    while (rc == 0 &&
           (rc = file_info_next(other.data, other.len, &at, &f, err)) > 0)
        rc = is_listed(l, f.name) ? 0 : list_put(l, &f, f.name, err);
    buf_fini(&other);
    return rc;
}

static int run_list(struct holder *s, const char *path, bool recursive,
                    struct buf *out, bool *more, struct err *err)
{
    const struct attempt *a = s->task->last;
    char name[NAME_BYTES];
    struct file_info f;
    struct list l = {.s = s,
                     .path = path,
                     .recursive = recursive,
                     .out = out,
                     .start = out->len,
                     .end = out->len};
    int rc = 0;
    for (int output = 0; rc == 0 && output < 2; output++) {
        info_of(s, output, NULL, &f);
        rc = list_file(&l, &f, holder_output_names[output], err);
    }
    for (uint32_t i = 0; rc == 0 && i < a->file_count; i++) {
        info_of(s, -1, &a->files[i], &f);
        if (returned_path(s, a->files[i].name, name))
            rc = list_file(&l, &f, name, err);
    }
    if (rc == 0 && s->more) {
        rc = list_more(&l, path, more, err);
        if (rc < 0 && err->code == ENOENT && out->len > l.start)
            rc = 0;
    } else if (rc == 0 && *path && out->len == l.start) {
        rc = none_there(s, path, err);
    }
    return rc;
}

/* ---- One file ---- */

/* The folder at path, if anything that was returned is in it. */
static bool find_folder(const struct holder *s, const char *path)
{
    const struct attempt *a = s->task->last;
    char own[NAME_BYTES];
    size_t len = strlen(path);
    for (uint32_t i = 0; i < a->file_count; i++)
        if (len == 0 || (returned_path(s, a->files[i].name, own) &&
                         strncmp(own, path, len) == 0 && own[len] == '/'))
            return true;
    return len == 0;
}

static int run_look(struct holder *s, const char *path, struct file_info *f,
                    struct err *err)
{
    const struct attempt_file *file = NULL;
    int output;
    if (find(s, path, &output, &file)) {
        info_of(s, output, file, f);
        return 0;
    }
    if (s->more && holder_look(s->more, path, f, err) == 0)
        return 0;
    if (!s->more || err->code == ENOENT) {
        if (!find_folder(s, path))
            return none_there(s, path, err);
        *f = (struct file_info){.type = FILE_FOLDER,
                                .mode = 0700,
                                .modified_ns = s->task->last->end_ns};
        return 0;
    }
    return -1;
}

/* All pieces of a file by one reader: it knows at the end whether the whole is
 * what came in. */
static int returned_read(struct holder *s, const struct attempt_file *file,
                         uint64_t from, size_t n, struct buf *out,
                         struct err *err)
{
    const struct returned_of of = {.job_id = job_of(s)->id,
                                   .task_id = s->task->id,
                                   .attempt = s->task->last->attempt};
    if (!s->reader || s->reads != file) {
        returned_reader_close(s->reader);
        s->reader = returned_reader_open(s->run->dir, &of, file, err);
        s->reads = file;
    }
    return s->reader ? returned_reader_read(s->reader, from, n, out, err) : -1;
}

static int run_read(struct holder *s, const char *path, uint64_t offset,
                    uint32_t bytes, uint32_t wait_ms, struct buf *out,
                    struct file_info *f, struct err *err)
{
    const struct attempt_file *file = NULL;
    int output;
    if (!find(s, path, &output, &file)) {
        if (s->more)
            return holder_read(s->more, path, offset, bytes, wait_ms, out, f,
                               err);
        if (find_folder(s, path))
            return err_set(err, EISDIR, "%s is a folder",
                           *path ? path : "that");
        return none_there(s, path, err);
    }
    info_of(s, output, file, f);
    uint64_t left = f->bytes > offset ? f->bytes - offset : 0;
    size_t n = left < bytes ? (size_t)left : bytes;
    if (n == 0)
        return 0;
    return output >= 0 ? output_read(s->run->dir, s->task->last, job_of(s)->id,
                                     s->task->id, output, offset, n, out, err)
                       : returned_read(s, file, offset, n, out, err);
}

static const struct holder_kind of_run = {run_list, run_look, run_read};

void holder_of_run(struct holder *s, const struct run_arg *run,
                   const struct query_task *task, struct holder *more)
{
    *s = (struct holder){.kind = &of_run,
                         .run = run,
                         .below = "",
                         .task = task,
                         .more = more,
                         .folder = -1};
}
