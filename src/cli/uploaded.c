/* Where output files went: see uploaded.h. */
#include "config.h"
#include "cli/uploaded.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "model/failure.h"
#include "view/query_json.h"
#include "worker/storing.h"

enum { TEXT_BYTES = 4 * PATH_MAX };

struct set {
    struct buf pattern, to; /* to: a folder ends with "/" */
};

/* Was this set stored when the attempt ended? */
static bool was_stored(const struct output_file *o, const struct attempt *a)
{
    return !o->returned && a->reason != REASON_PRE_PROCESSING &&
           a->reason != REASON_FILE_UPLOAD && a->reason != REASON_LOST &&
           storing_applies(o, a);
}

static int set_fill(const struct jobspec *spec, const struct output_file *o,
                    const struct template_context *c, struct set *s)
{
    struct err err;
    struct buf path;
    buf_reset(&s->pattern);
    buf_reset(&s->to);
    buf_init(&path, TEXT_BYTES);
    int rc = template_expand(o->pattern, c, false, &s->pattern, &err);
    if (rc == 0)
        rc = o->path ? template_expand(o->path, c, false, &path, &err)
                     : buf_printf(&path, "%s/%s/", c->job_id, c->task_id);
    if (rc == 0)
        rc = storage_output_put(&spec->storage, o, c, &s->to, &err);
    if (rc == 0 && path.len > 0)
        rc = buf_printf(&s->to, "/%s", buf_text(&path));
    bool folder = !o->path || output_pattern_is_wild(buf_text(&s->pattern));
    if (rc == 0 && folder && s->to.len > 0 && s->to.data[s->to.len - 1] != '/')
        rc = buf_putc(&s->to, '/');
    buf_fini(&path);
    return rc;
}

/* Call use for each set that was stored. */
static void each(const struct run_arg *run, const struct query_task *task,
                 void (*use)(void *arg, const struct set *s), void *arg)
{
    const struct job *job = &run->spec->jobs[task->job];
    const struct task_template *t = job_template(job, task->index);
    struct set s;
    const struct template_context c = {.index = task->index,
                                       .task_id = task->id,
                                       .job_id = job->id,
                                       .run_dir = rundir_path(run->dir),
                                       .spec_dir =
                                           rundir_spec_folder(run->dir)};
    buf_init(&s.pattern, TEXT_BYTES);
    buf_init(&s.to, TEXT_BYTES);
    for (uint32_t i = 0; i < t->output_file_count; i++)
        if (was_stored(&t->output_files[i], task->last) &&
            set_fill(run->spec, &t->output_files[i], &c, &s) == 0)
            use(arg, &s);
    buf_fini(&s.pattern);
    buf_fini(&s.to);
}

/* Is there something now? Nothing may have matched, and what did may have been
 * removed since. */
static bool is_there(const struct set *s)
{
    struct stat st;
    return lstat(buf_text(&s->to), &st) == 0;
}

static void say(void *arg, const struct set *s)
{
    (void)arg;
    if (is_there(s))
        log_info("what matches %s was uploaded to %s", buf_text(&s->pattern),
                 buf_text(&s->to));
    else
        log_info("nothing matched %s, or it is gone since: there is no %s",
                 buf_text(&s->pattern), buf_text(&s->to));
}

void uploaded_say(const struct run_arg *run, const struct query_task *task)
{
    if (task && task->last)
        each(run, task, say, NULL);
}

static void add(void *arg, const struct set *s)
{
    json_array_append_new(arg, json_pack("{s:o, s:o, s:b}", "file_pattern",
                                         query_text_json(buf_text(&s->pattern)),
                                         "destination",
                                         query_text_json(buf_text(&s->to)),
                                         "exists", (int)is_there(s)));
}

json_t *uploaded_json(const struct run_arg *run, const struct query_task *task)
{
    json_t *list = json_array();
    if (task && task->last && list)
        each(run, task, add, list);
    return list;
}
