/* Taking metrics again: see collect.h.
 *
 * The journal is read twice: to learn which attempt of a task was its last,
 * as files in its folder are that one's; and to copy it. Outputs are read in
 * the order of the journal, which is the order that they lie in.
 */
#include "config.h"
#include "cli/collect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/collect_left.h"
#include "metrics/extract.h"
#include "model/jobcommand.h"
#include "store/journal_copy.h"
#include "store/output_view.h"

#define SAY_NS (5 * NS_PER_SEC)
/* CPU time for the regexes of an attempt: nobody waits for us here. */
#define SEARCH_NS (30 * EXTRACT_SEARCH_NS)
enum { LOOK_EVERY = 256 }; /* attempts between looks at the clock */

struct collect {
    const struct rundir *rundir;
    const struct jobspec *old, *spec;
    struct journal_reader *reader;
    struct journal_copy *copy;
    struct output_viewer *viewer;
    struct collect_left *left;
    struct extractor **extractors; /* one a job; NULL: no metrics */
    struct map last;               /* of tasks with several: the last attempt */
    uint64_t total, done;
    int64_t said_ns;
    struct collected *what;
};

/* ---- What is known before ---- */

static uint64_t task_key(const struct attempt *a)
{
    return (uint64_t)a->job << 32 | a->index;
}

static int find_last(struct collect *c, struct err *err)
{
    struct journal_record rec;
    int got;
    journal_reader_light(c->reader, true);
    while ((got = journal_next(c->reader, &rec, err)) > 0) {
        const struct attempt *a = rec.u.attempt;
        uint64_t known = 1;
        if (rec.type != JOURNAL_ATTEMPT)
            continue;
        c->total++;
        if (a->attempt == 1)
            continue;
        map_get(&c->last, task_key(a), &known);
        if (a->attempt > known &&
            map_set(&c->last, task_key(a), a->attempt) < 0)
            return err_set(err, ENOMEM, "no memory for the run's attempts");
    }
    journal_reader_light(c->reader, false);
    return got < 0 ? -1 : journal_rewind(c->reader, err);
}

static bool is_last(const struct collect *c, const struct attempt *a)
{
    uint64_t last = 1;
    map_get(&c->last, task_key(a), &last);
    return a->attempt >= last;
}

/* ---- Values that were recorded ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Would both find the same? */
static bool same_metric(const struct metric *a, const struct metric *b)
{
    return strcmp(a->name, b->name) == 0 && a->from == b->from &&
           a->how == b->how && a->select == b->select && a->type == b->type &&
           a->rank == b->rank && same_text(a->pattern, b->pattern) &&
           same_text(a->group, b->group) &&
           memcmp(a->shape, b->shape, sizeof(a->shape)) == 0 &&
           same_text(a->file ? template_text(a->file) : NULL,
                     b->file ? template_text(b->file) : NULL);
}

/* The value that the attempt has of a metric like m, or NULL. */
static const struct metric_value *recorded(const struct collect *c,
                                           const struct attempt *a,
                                           const struct metric *m)
{
    const struct job *old = &c->old->jobs[a->job];
    for (uint32_t k = 0; k < old->metric_count && k < a->metric_count; k++)
        if (same_metric(&old->metrics[k], m))
            return metric_has_value(a->metrics[k].state) ? &a->metrics[k]
                                                         : NULL;
    return NULL;
}

static int value_copy(struct metric_value *to, const struct metric_value *from,
                      const struct metric *m, struct err *err)
{
    struct metric_value v = *from;
    if (from->string)
        v.string = mem_strdup(from->string);
    if (from->cells > 0) {
        v.u.numbers = mem_alloc(from->cells * sizeof(double));
        if (v.u.numbers)
            memcpy(v.u.numbers, from->u.numbers, from->cells * sizeof(double));
    }
    if ((from->string && !v.string) || (from->cells > 0 && !v.u.numbers)) {
        mem_free(v.string);
        return err_set(err, ENOMEM, "no memory for a metric");
    }
    v.state = metric_value_judge(m, &v);
    *to = v;
    return 0;
}

/* What the message says may not be so any more. */
static void message_renew(const struct job *job, struct attempt *a)
{
    a->message[0] = '\0';
    for (uint32_t k = 0; attempt_is_invalid(a) && k < job->metric_count; k++) {
        if (a->metrics[k].state == METRIC_OK)
            continue;
        snprintf(a->message, sizeof(a->message), "metric %s is %s",
                 job->metrics[k].name,
                 a->metrics[k].state == METRIC_OUT_OF_RANGE
                     ? "out of range"
                     : metric_state_name(a->metrics[k].state));
        break;
    }
}

/* Metrics whose files are not there any more keep what was recorded. */
static int keep_recorded(struct collect *c, const struct attempt *was,
                         struct attempt *a, struct err *err)
{
    const struct job *job = &c->spec->jobs[a->job];
    bool kept = false;
    for (uint32_t k = 0; k < job->metric_count; k++) {
        const struct metric *m = &job->metrics[k];
        const struct metric_value *v = recorded(c, was, m);
        if (m->from != METRIC_FILE || !v ||
            !extractor_lacked_file(c->extractors[a->job], k))
            continue;
        if (value_copy(&a->metrics[k], v, m, err) < 0)
            return -1;
        c->what->recorded++;
        kept = true;
    }
    if (kept && a->result == RESULT_SUCCESS)
        message_renew(job, a);
    return 0;
}

/* ---- One attempt ---- */

/* The folder that the task ran in; NULL with err. Heap. */
static char *work_dir(const struct collect *c, const struct attempt *a,
                      const char *task_id, struct err *err)
{
    const struct job *job = &c->spec->jobs[a->job];
    struct template_context tc = {.index = a->index,
                                  .task_id = task_id,
                                  .job_id = job->id,
                                  .run_dir = rundir_path(c->rundir),
                                  .spec_dir = rundir_spec_folder(c->rundir)};
    return job_folder(job, &tc, rundir_spec_folder(c->rundir), err);
}

/* The attempt whose returned files are asked for. */
struct returner {
    const struct collect *c;
    const struct attempt *a;
    const char *task_id;
};

static int on_open(void *arg, const char *name, struct err *err)
{
    const struct returner *r = arg;
    return collect_left_open(r->c->left, r->c->spec->jobs[r->a->job].id,
                             r->task_id, r->a, name, err);
}

/* The outputs that the job's metrics look at. */
static int outputs_look(struct collect *c, const struct attempt *a,
                        const char *task_id, struct leavings *left)
{
    const struct job *job = &c->spec->jobs[a->job];
    bool wanted[2] = {false, false};
    struct err err;
    for (uint32_t k = 0; k < job->metric_count; k++)
        if (job->metrics[k].from != METRIC_FILE)
            wanted[job->metrics[k].from == METRIC_STDERR] = true;
    for (int s = 0; s < 2; s++) {
        left->output[s] = "";
        if (!wanted[s] ||
            output_view(c->viewer, a, job->id, task_id, s, &left->output[s],
                        &left->output_len[s], &err) == 0)
            continue;
        if (c->what->unreadable++ == 0)
            log_warning("job %s task %s: %s", job->id, task_id, err.text);
        left->output[s] = NULL;
        left->output_len[s] = 0;
    }
    return 0;
}

/* The metrics of an attempt (was, as a session has recorded it) into a. */
static int attempt_collect(struct collect *c, uint32_t session,
                           const struct attempt *was, struct attempt *a,
                           struct err *err)
{
    const struct job *job = &c->spec->jobs[a->job];
    struct leavings left = {.run_dir = rundir_path(c->rundir),
                            .spec_dir = rundir_spec_folder(c->rundir),
                            .search_ns = SEARCH_NS};
    struct err why;
    char id[JOBSPEC_MAX_ID + 1], *dir = NULL;
    if (job_task_id(job, a->index, id, err) < 0)
        return -1;
    left.task_id = id;
    outputs_look(c, a, id, &left);
    struct returner returner = {.c = c, .a = was, .task_id = id};
    if (task_has_directory(job_template(job, a->index))) {
        left.open = on_open;
        left.open_arg = &returner;
        if (is_last(c, a))
            dir = collect_left_directory(c->left, job->id, id, session, a);
    } else if (is_last(c, a)) {
        dir = work_dir(c, a, id, &why);
    }
    left.work_dir = dir;
    int rc = extractor_run(c->extractors[a->job], &left, a, err);
    mem_free(dir);
    return rc < 0 ? -1 : keep_recorded(c, was, a, err);
}

static void say(struct collect *c)
{
    if (++c->done % LOOK_EVERY != 0)
        return;
    int64_t now_ns = clock_mono_ns();
    if (now_ns - c->said_ns < SAY_NS)
        return;
    c->said_ns = now_ns;
    log_info("%" PRIu64 " of %" PRIu64 " attempts read", c->done, c->total);
}

static int record_copy(struct collect *c, struct journal_record *rec,
                       struct err *err)
{
    if (rec->type == JOURNAL_NODE && collect_left_note(c->left, rec, err) < 0)
        return -1;
    if (rec->type != JOURNAL_ATTEMPT)
        return journal_copy_put(c->copy, rec, err);
    const struct attempt *was = rec->u.attempt;
    struct attempt *a = mem_alloc(sizeof(*a));
    if (!a)
        return err_set(err, ENOMEM, "no memory for an attempt");
    *a = *was;
    a->metric_count = 0;
    /* of a success it is about metrics */
    if (a->result == RESULT_SUCCESS)
        a->message[0] = '\0';
    int rc = c->extractors[a->job]
                 ? attempt_collect(c, rec->session, was, a, err)
                 : 0;
    rec->u.attempt = a;
    if (rc == 0)
        rc = journal_copy_put(c->copy, rec, err);
    attempt_metrics_fini(a); /* its files are those of what was */
    mem_free(a);
    c->what->attempts++;
    say(c);
    return rc;
}

/* ---- All ---- */

static int prepare(struct collect *c, struct err *err)
{
    c->viewer = output_viewer_create(c->rundir);
    c->extractors = mem_calloc(c->spec->job_count, sizeof(*c->extractors));
    c->left = collect_left_create(c->rundir);
    if (!c->viewer || !c->left || !c->extractors)
        return err_set(err, ENOMEM, "no memory to collect metrics");
    for (uint32_t j = 0; j < c->spec->job_count; j++) {
        if (c->spec->jobs[j].metric_count == 0)
            continue;
        c->extractors[j] = extractor_create(&c->spec->jobs[j], err);
        if (!c->extractors[j])
            return -1;
    }
    c->reader = journal_read(c->rundir, c->old, err);
    return c->reader ? find_last(c, err) : -1;
}

static int copy(struct collect *c, struct err *err)
{
    struct journal_record rec;
    int got;
    c->said_ns = clock_mono_ns();
    while ((got = journal_next(c->reader, &rec, err)) > 0)
        if (record_copy(c, &rec, err) < 0)
            return -1;
    return got < 0 ? -1 : journal_copy_finish(c->copy, err);
}

int collect_journal(struct rundir *r, const struct jobspec *old,
                    const struct jobspec *spec, const char *text, size_t len,
                    struct collected *what, struct err *err)
{
    struct collect c = {.rundir = r, .old = old, .spec = spec, .what = what};
    int rc = -1;
    *what = (struct collected){0};
    map_init(&c.last);
    char *folder = rundir_prepare_generation(r, err);
    if (folder && prepare(&c, err) == 0 &&
        (c.copy = journal_copy_create(r, folder, spec, text, len, err)))
        rc = copy(&c, err);
    journal_copy_destroy(c.copy);
    journal_reader_destroy(c.reader);
    output_viewer_destroy(c.viewer);
    collect_left_destroy(c.left);
    for (uint32_t j = 0; c.extractors && j < spec->job_count; j++)
        extractor_destroy(c.extractors[j]);
    mem_free(c.extractors);
    mem_free(folder);
    map_fini(&c.last);
    return rc;
}
