/* Metrics of a job: see extract.h.
 *
 * Metrics that can be found in one go are a pass: groups of one expression,
 * pointers into the same JSON. Passes over the same file follow each other, so
 * that it is read once.
 */
#include "config.h"
#include "metrics/extract.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "metrics/csv.h"
#include "metrics/gather.h"
#include "metrics/h5_read.h"
#include "metrics/json.h"
#include "metrics/npy.h"
#include "metrics/regex.h"
#include "metrics/source.h"
#include "model/template.h"

enum { SEARCH_NS_PER_BYTE = 20, LARGEST = 1 << 30 };

/* Metrics of one how and source, found together. */
struct pass {
    enum metric_how how;
    enum metric_source from;
    const struct template *file;
    struct regex *regex;
    uint32_t count;
    uint32_t metrics[JOBSPEC_MAX_METRICS]; /* indices in the job */
    uint32_t groups[JOBSPEC_MAX_METRICS];
};

struct extractor {
    const struct job *job;
    struct pass *passes;
    uint32_t pass_count;
    struct gather *gathers; /* one a metric */
    bool *lacked_file;      /* one a metric */
    /* the source of the pass under way */
    enum source_state state;
    char why[160];
    struct buf name; /* for messages: stdout, stderr, path of the file */
    struct buf path; /* of a file; "": none is open */
    struct buf text;
    bool text_read; /* all of the file is in text */
    enum source_state file_state;
    char file_why[160];
    int fd;
    const char *bytes;
    size_t len;
    int64_t search_ns; /* CPU time for searches, of all passes */
    int64_t searched_ns;
};

/* ---- Passes ---- */

static bool same_source(const struct pass *p, const struct metric *m)
{
    if (p->from != m->from)
        return false;
    return m->from != METRIC_FILE || p->file == m->file ||
           strcmp(template_text(p->file), template_text(m->file)) == 0;
}

static bool fits_pass(const struct extractor *x, const struct pass *p,
                      const struct metric *m)
{
    if (p->how != m->how || !same_source(p, m))
        return false;
    return m->how == METRIC_JSON ||
           (m->how == METRIC_REGEX &&
            strcmp(x->job->metrics[p->metrics[0]].pattern, m->pattern) == 0);
}

static int pass_create(struct extractor *x, const struct metric *m,
                       struct pass **out, struct err *err)
{
    struct pass *p = &x->passes[x->pass_count];
    *p = (struct pass){.how = m->how, .from = m->from, .file = m->file};
    if (m->how == METRIC_REGEX) {
        p->regex = regex_create(m->pattern, err);
        if (!p->regex)
            return err_context(err, "metric \"%s\"", m->name);
    }
    x->pass_count++;
    *out = p;
    return 0;
}

static int pass_add(struct extractor *x, uint32_t k, struct err *err)
{
    const struct metric *m = &x->job->metrics[k];
    struct pass *p = NULL;
    for (uint32_t i = 0; i < x->pass_count && !p; i++)
        if (fits_pass(x, &x->passes[i], m))
            p = &x->passes[i];
    if (!p && pass_create(x, m, &p, err) < 0)
        return -1;
    if (p->regex)
        p->groups[p->count] = regex_group(p->regex, m->group);
    p->metrics[p->count++] = k;
    return 0;
}

/* Those of one source behind each other. */
static void passes_sort(struct extractor *x)
{
    for (uint32_t i = 0; i + 1 < x->pass_count; i++) {
        uint32_t to = i + 1;
        for (uint32_t k = to; k < x->pass_count; k++) {
            const struct metric *m = &x->job->metrics[x->passes[k].metrics[0]];
            if (!same_source(&x->passes[i], m))
                continue;
            struct pass moved = x->passes[k];
            x->passes[k] = x->passes[to];
            x->passes[to++] = moved;
        }
    }
}

void extractor_destroy(struct extractor *x)
{
    if (!x)
        return;
    for (uint32_t i = 0; i < x->pass_count; i++)
        regex_destroy(x->passes[i].regex);
    mem_free(x->passes);
    mem_free(x->gathers);
    mem_free(x->lacked_file);
    buf_fini(&x->name);
    buf_fini(&x->path);
    buf_fini(&x->text);
    mem_free(x);
}

struct extractor *extractor_create(const struct job *job, struct err *err)
{
    struct extractor *x = mem_calloc(1, sizeof(*x));
    if (!x)
        goto nomem;
    x->job = job;
    x->fd = -1;
    buf_init(&x->name, 4096);
    buf_init(&x->path, 8192);
    buf_init(&x->text, SOURCE_MAX_BYTES + 4096);
    x->passes = mem_calloc(job->metric_count, sizeof(*x->passes));
    x->gathers = mem_calloc(job->metric_count, sizeof(*x->gathers));
    x->lacked_file = mem_calloc(job->metric_count, sizeof(bool));
    if (!x->passes || !x->gathers || !x->lacked_file)
        goto nomem;
    for (uint32_t k = 0; k < job->metric_count; k++)
        if (pass_add(x, k, err) < 0) {
            err_context(err, "job %s", job->id);
            extractor_destroy(x);
            return NULL;
        }
    passes_sort(x);
    return x;
nomem:
    err_set(err, ENOMEM, "no memory for the metrics of job %s", job->id);
    extractor_destroy(x);
    return NULL;
}

/* ---- Sources ---- */

static void file_close(struct extractor *x)
{
    if (x->fd >= 0)
        close(x->fd);
    x->fd = -1;
    x->text_read = false;
    buf_reset(&x->path);
    buf_fini(&x->text);
}

/* The state of the source is this, for all metrics of the pass. */
static int source_is(struct extractor *x, enum source_state state,
                     const char *why)
{
    x->state = state;
    snprintf(x->why, sizeof(x->why), "%.159s", why);
    return 0;
}

/* Ask the caller for the file called x->name: 1: the source is that, or it
 * cannot be read; 0: there is none; -1: no memory. */
static int file_of_caller(struct extractor *x, const struct leavings *from,
                          struct err *err)
{
    if (!from->open)
        return 0;
    int fd = from->open(from->open_arg, buf_text(&x->name), err);
    if (fd < 0 && err->code == ENOENT)
        return 0;
    if (fd < 0 && err->code == ENOMEM)
        return -1;
    if (fd < 0) {
        source_is(x, SOURCE_BAD, err->text);
        return 1;
    }
    file_close(x);
    x->fd = fd;
    x->file_state = SOURCE_HERE;
    source_is(x, SOURCE_HERE, "");
    return 1;
}

/* Open the file of a pass, if it is not open yet. */
static int file_find(struct extractor *x, const struct pass *p,
                     const struct leavings *from, const struct attempt *a,
                     struct err *err)
{
    struct template_context c = {.index = a->index,
                                 .task_id = from->task_id,
                                 .job_id = x->job->id,
                                 .run_dir = from->run_dir,
                                 .spec_dir = from->spec_dir};
    struct buf path;
    int rc;
    buf_reset(&x->name);
    if (template_expand(p->file, &c, false, &x->name, err) < 0)
        return err->code == ENOMEM ? -1 : source_is(x, SOURCE_BAD, err->text);
    int found = file_of_caller(x, from, err);
    if (found != 0)
        return found < 0 ? -1 : 0;
    if (!from->work_dir)
        return source_is(x, SOURCE_NONE,
                         from->open ? "it is not there"
                                    : "files are not looked for");
    buf_init(&path, x->path.max_bytes);
    rc = buf_text(&x->name)[0] == '/'
             ? buf_puts(&path, buf_text(&x->name))
             : buf_printf(&path, "%s/%s", from->work_dir, buf_text(&x->name));
    if (rc < 0) {
        buf_fini(&path);
        return errno == ENOMEM ? err_set(err, ENOMEM, "no memory for a path")
                               : source_is(x, SOURCE_BAD,
                                           "its path is too "
                                           "long");
    }
    if (x->path.len > 0 && strcmp(buf_text(&x->path), buf_text(&path)) == 0) {
        buf_fini(&path);
        return source_is(x, x->file_state, x->file_why);
    }
    file_close(x);
    rc = buf_puts(&x->path, buf_text(&path));
    buf_fini(&path);
    if (rc < 0)
        return err_set(err, ENOMEM, "no memory for a path");
    x->file_state = source_open(buf_text(&x->path), &x->fd, x->file_why);
    return source_is(x, x->file_state, x->file_why);
}

/* All of the open file into x->text. */
static int file_read_in(struct extractor *x, struct err *err)
{
    if (x->text_read)
        return 0;
    if (source_read(x->fd, &x->text, &x->file_state, x->file_why) < 0)
        return err_set(err, ENOMEM, "no memory to read %s", buf_text(&x->path));
    x->text_read = true;
    return source_is(x, x->file_state, x->file_why);
}

/* Make the source of a pass ready: x->bytes or, for HDF5, x->fd. */
static int source_prepare(struct extractor *x, const struct pass *p,
                          const struct leavings *from, const struct attempt *a,
                          struct err *err)
{
    if (p->from != METRIC_FILE) {
        int s = p->from == METRIC_STDERR;
        buf_reset(&x->name);
        if (buf_puts(&x->name, s ? "stderr" : "stdout") < 0)
            return err_set(err, ENOMEM, "no memory for metrics");
        x->bytes = from->output[s];
        x->len = from->output_len[s];
        return source_is(x, x->bytes ? SOURCE_HERE : SOURCE_BAD,
                         "it cannot be read");
    }
    if (file_find(x, p, from, a, err) < 0)
        return -1;
    if (x->state != SOURCE_HERE)
        return 0;
    if (p->how != METRIC_HDF5 && file_read_in(x, err) < 0)
        return -1;
    x->bytes = buf_text(&x->text);
    x->len = x->text.len;
    return 0;
}

/* ---- One attempt ---- */

/* Search for an expression: a fifth of the time is enough for what is not
 * large, and all searches together have all of it. */
static void pass_search(struct extractor *x, const struct pass *p,
                        struct gather *const *gathers)
{
    int64_t began_ns = clock_cpu_ns(), left_ns = x->search_ns - x->searched_ns;
    int64_t limit_ns =
        x->search_ns / 5 +
        (int64_t)(x->len < LARGEST ? x->len : LARGEST) * SEARCH_NS_PER_BYTE;
    regex_scan(p->regex, x->bytes, x->len,
               limit_ns < left_ns ? limit_ns : left_ns, gathers, p->groups,
               p->count);
    x->searched_ns += clock_cpu_ns() - began_ns;
}

static void pass_scan(struct extractor *x, const struct pass *p,
                      struct gather *const *gathers)
{
    switch (p->how) {
    case METRIC_REGEX:
        pass_search(x, p, gathers);
        for (uint32_t i = 0; i < p->count; i++)
            gather_missing(gathers[i], "its regex does not match");
        break;
    case METRIC_JSON:
        jsonlines_scan(x->bytes, x->len, gathers, p->count);
        for (uint32_t i = 0; i < p->count; i++)
            if (!gathers[i]->why[0])
                gather_missing(gathers[i], "no JSON in it has %.80s",
                               gathers[i]->metric->pattern);
        break;
    case METRIC_CSV:
        csv_scan(x->bytes, x->len, gathers[0]);
        break;
    case METRIC_NPY:
        npy_scan(x->bytes, x->len, gathers[0]);
        break;
    case METRIC_HDF5:
        h5_scan(x->fd, gathers[0]);
        break;
    }
}

static int pass_run(struct extractor *x, const struct pass *p,
                    const struct leavings *from, const struct attempt *a,
                    struct err *err)
{
    struct gather *gathers[JOBSPEC_MAX_METRICS];
    for (uint32_t i = 0; i < p->count; i++)
        gathers[i] = &x->gathers[p->metrics[i]];
    if (source_prepare(x, p, from, a, err) < 0)
        return -1;
    if (x->state == SOURCE_HERE)
        pass_scan(x, p, gathers);
    for (uint32_t i = 0; i < p->count; i++) {
        x->lacked_file[p->metrics[i]] = x->state == SOURCE_NONE;
        if (x->state == SOURCE_NONE)
            gather_missing(gathers[i], "%s", x->why);
        else if (x->state == SOURCE_BAD)
            gather_malformed(gathers[i], "%s", x->why);
    }
    return 0;
}

/* "metric energy: stdout: "nan?" is no float64". */
static void explain(struct extractor *x, uint32_t k, uint32_t bad,
                    struct attempt *a)
{
    const struct metric *m = &x->job->metrics[k];
    char more[32] = "", where[128] = "";
    struct buf text;
    if (m->from == METRIC_FILE)
        snprintf(where, sizeof(where), "%.120s: ", template_text(m->file));
    else
        snprintf(where, sizeof(where),
                 "%s: ", m->from == METRIC_STDERR ? "stderr" : "stdout");
    if (bad > 1)
        snprintf(more, sizeof(more), " (and %u more)", bad - 1);
    buf_init(&text, 4096);
    size_t room = ATTEMPT_MAX_MESSAGE - strlen(more);
    if (buf_printf(&text, "metric %s: %s%s", m->name, where,
                   x->gathers[k].why) == 0) {
        size_t len = text.len < room ? text.len : room;
        while (len > 0 && !text_is_utf8(buf_text(&text), len))
            len--;
        snprintf(a->message, sizeof(a->message), "%.*s%s", (int)len,
                 buf_text(&text), more);
    }
    buf_fini(&text);
}

/* The values to the attempt. */
static int gathers_end(struct extractor *x, struct attempt *a)
{
    uint32_t bad = 0, first = 0;
    for (uint32_t k = 0; k < a->metric_count; k++) {
        if (gather_end(&x->gathers[k], &a->metrics[k]) < 0)
            return -1;
        if (a->metrics[k].state == METRIC_OK)
            continue;
        if (bad++ == 0)
            first = k;
    }
    if (bad > 0 && a->result == RESULT_SUCCESS && !a->message[0])
        explain(x, first, bad, a);
    return 0;
}

int extractor_run(struct extractor *x, const struct leavings *from,
                  struct attempt *a, struct err *err)
{
    uint32_t count = x->job->metric_count, begun = 0;
    int rc = 0;
    a->metric_count = count;
    x->search_ns = from->search_ns > 0 ? from->search_ns : EXTRACT_SEARCH_NS;
    x->searched_ns = 0;
    for (uint32_t k = 0; k < count; k++)
        a->metrics[k] = (struct metric_value){.state = METRIC_MISSING};
    for (; rc == 0 && begun < count; begun++)
        rc = gather_init(&x->gathers[begun], &x->job->metrics[begun]);
    if (rc < 0)
        err_set(err, ENOMEM, "no memory for metrics");
    for (uint32_t i = 0; rc == 0 && i < x->pass_count; i++)
        rc = pass_run(x, &x->passes[i], from, a, err);
    if (rc == 0 && gathers_end(x, a) < 0)
        rc = err_set(err, ENOMEM, "no memory for metrics");
    for (uint32_t k = 0; k < begun; k++)
        gather_fini(&x->gathers[k]);
    if (rc < 0)
        attempt_metrics_fini(a); /* all missing */
    file_close(x);
    return rc;
}

bool extractor_lacked_file(const struct extractor *x, uint32_t metric)
{
    return x->lacked_file[metric];
}

bool extractor_needs_hdf5_alone(const struct jobspec *spec)
{
    for (uint32_t j = 0; j < spec->job_count; j++)
        for (uint32_t k = 0; k < spec->jobs[j].metric_count; k++)
            if (spec->jobs[j].metrics[k].how == METRIC_HDF5)
                return !h5_is_threadsafe();
    return false;
}
