/* What staging did for an attempt: see attempt_staged.h. */
#include "config.h"
#include "cli/attempt_staged.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/quantity.h"
#include "base/text.h"
#include "store/returned.h"
#include "view/describe.h"
#include "view/moment.h"
#include "view/query_json.h"

enum { FILES_SHOWN = 20 };

/* How long staging took, where that is known. */
static void staged_put(const struct attempt *a, struct buf *out)
{
    char time[16];
    if (a->prepare_ns <= 0)
        return;
    buf_printf(out, "               staged in %s",
               duration_format(a->prepare_ns, time));
    if (a->store_ns > 0)
        buf_printf(out, ", stored in %s", duration_format(a->store_ns, time));
    buf_putc(out, '\n');
}

/* Has the next attempt on this machine moved it aside by now? */
static bool is_there(const struct query_task *t, const char *path)
{
    char host[256] = "";
    struct stat st;
    (void)gethostname(host, sizeof(host) - 1);
    return strcmp(host, t->node) == 0 && lstat(path, &st) == 0;
}

/* The directory that an attempt had on its node: "SCRATCH/workitems/..."; the
 * next attempt on that node moves it aside, to TASK.ATTEMPT. */
static int directory_put(const struct job *job, const struct query_task *t,
                         bool aside, struct buf *out)
{
    struct buf path;
    buf_init(&path, 2 * PATH_MAX);
    int rc = buf_printf(&path, "%s/workitems/%s/job-1/%s", t->scratch, job->id,
                        t->id);
    size_t len = path.len;
    if (rc == 0)
        rc = buf_printf(&path, ".%" PRIu32, t->last->attempt);
    if (rc == 0)
        rc = buf_put(out, path.data,
                     aside || is_there(t, buf_text(&path)) ? path.len : len);
    buf_fini(&path);
    return rc;
}

/* Until when its directory is kept; 0: it is not, or it is not known where. */
static int64_t kept_until_ns(const struct job *job, const struct query_task *t)
{
    return t->last->kept && t->scratch[0]
               ? t->last->end_ns + job_template(job, t->index)->retention_ns
               : 0;
}

static void kept_put(const struct job *job, const struct query_task *t,
                     bool aside, int64_t now_ns, struct buf *out)
{
    int64_t until_ns = kept_until_ns(job, t);
    char when[MOMENT_BYTES];
    if (until_ns == 0)
        return;
    buf_printf(out, "               directory on %s: ", t->node);
    directory_put(job, t, aside, out);
    buf_printf(out, ", kept until %s%s\n", moment_format(until_ns, when),
               until_ns < now_ns ? " (that is over)" : "");
}

/* Where one is that is no part of a pack. Returns path. */
static char *own_place(const struct job *job, const struct query_task *t,
                       const struct attempt_file *f,
                       char path[RETURNED_PATH_BYTES])
{
    const struct returned_of of = {
        .job_id = job->id, .task_id = t->id, .attempt = t->last->attempt};
    return returned_own_place(&of, f->name, path);
}

/* Where a returned file is: in the run directory, or in a pack there. */
static void place_put(const struct job *job, const struct query_task *t,
                      const struct attempt_file *f, struct buf *out)
{
    char path[RETURNED_PATH_BYTES];
    if (f->place == FILE_OWN) {
        own_place(job, t, f, path);
        text_put_printable(out, path, strlen(path), false);
        return;
    }
    buf_printf(out, "output/%04" PRIu32 ".files at %" PRIu64, f->session,
               f->offset);
}

static void files_put(const struct job *job, const struct query_task *t,
                      struct buf *out)
{
    const struct attempt *a = t->last;
    char count[64], size[16];
    if (a->file_count > 0)
        buf_printf(out, "               %s returned, %s:\n",
                   describe_count(a->file_count, "file", count),
                   size_format(attempt_file_bytes(a), size));
    for (uint32_t i = 0; i < a->file_count && i < FILES_SHOWN; i++) {
        const struct attempt_file *f = &a->files[i];
        buf_printf(out, "                 %-10s ", size_format(f->bytes, size));
        text_put_printable(out, f->name, strlen(f->name), false);
        buf_puts(out, "  in ");
        place_put(job, t, f, out);
        buf_putc(out, '\n');
    }
    if (a->file_count > FILES_SHOWN)
        buf_printf(out, "                 and %s more\n",
                   describe_count(a->file_count - FILES_SHOWN, "", count));
}

/* How it failed in Azure's words, where the reason does not say it. */
static void failure_put(const struct attempt *a, struct buf *out)
{
    enum failure failure = attempt_failure(a);
    if (a->result == RESULT_FAILURE)
        buf_printf(out, "               %s: %s\n",
                   failure_category_name(failure_category(failure)),
                   failure_code(failure));
}

int attempt_kept_directory(const struct job *job, const struct query_task *t,
                           int64_t now_ns, struct buf *out)
{
    if (!t->last || kept_until_ns(job, t) < now_ns)
        return 0;
    int rc = directory_put(job, t, false, out);
    return rc == 0 ? buf_puts(out, "/wd") : rc;
}

void attempt_staged_put(const struct job *job, const struct query_task *t,
                        bool aside, int64_t now_ns, struct buf *out)
{
    failure_put(t->last, out);
    staged_put(t->last, out);
    files_put(job, t, out);
    kept_put(job, t, aside, now_ns, out);
}

/* {"name", "bytes", "mode", "xxh128", "path" or "pack" and "offset"} */
static json_t *file_json(const struct job *job, const struct query_task *t,
                         const struct attempt_file *f)
{
    json_t *o = json_object();
    char digest[CHECKSUM_TEXT_BYTES], mode[8], path[RETURNED_PATH_BYTES];
    checksum_format(f->digest.bytes, digest);
    snprintf(mode, sizeof(mode), "%04" PRIo32, f->mode & 07777);
    int rc = json_object_set_new(o, "name", query_text_json(f->name));
    rc |= json_object_set_new(o, "bytes", json_integer((json_int_t)f->bytes));
    rc |= json_object_set_new(o, "mode", json_string(mode));
    rc |= json_object_set_new(o, "xxh128", json_string(digest));
    if (f->place == FILE_OWN) {
        rc |= json_object_set_new(o, "path",
                                  query_text_json(own_place(job, t, f, path)));
    } else {
        snprintf(path, sizeof(path), "output/%04" PRIu32 ".files", f->session);
        rc |= json_object_set_new(o, "pack", json_string(path));
        rc |= json_object_set_new(o, "offset",
                                  json_integer((json_int_t)f->offset));
    }
    if (rc == 0)
        return o;
    json_decref(o);
    return NULL;
}

/* What it returned, and where its directory is kept. */
int attempt_staged_json(const struct job *job, const struct query_task *t,
                        bool aside, json_t *o)
{
    json_t *files = json_array();
    struct buf path;
    int rc = 0;
    for (uint32_t i = 0; i < t->last->file_count; i++)
        rc |=
            json_array_append_new(files, file_json(job, t, &t->last->files[i]));
    rc |= json_object_set_new(o, "files", files);
    if (kept_until_ns(job, t) == 0)
        return rc | json_object_set_new(o, "directory", json_null());
    buf_init(&path, 2 * PATH_MAX);
    rc |= directory_put(job, t, aside, &path);
    rc |= json_object_set_new(o, "directory", query_text_json(buf_text(&path)));
    buf_fini(&path);
    return rc;
}
