/* status.json: see status.h. Owns its form, version 3; the only place here
 * that knows JSON. Counts are JSON integers, durations and times seconds. */
#include "config.h"
#include "store/status.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"

enum { STATUS_VERSION = 3, STATUS_MAX_BYTES = 4 << 20 };

/* ---- To JSON ---- */

/* Any bytes as a JSON string: what is not UTF-8 becomes \xNN. */
static json_t *string(const char *s)
{
    if (text_is_utf8(s, strlen(s)))
        return json_string(s);
    struct buf b;
    buf_init(&b, 4 * strlen(s) + 1);
    json_t *v = text_put_printable(&b, s, strlen(s), true) == 0
                    ? json_string(buf_text(&b))
                    : NULL;
    buf_fini(&b);
    return v;
}

static json_t *seconds(int64_t ns)
{
    return json_real((double)ns / (double)NS_PER_SEC);
}

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Add a value, taking it; a NULL makes the object unusable: it is freed and
 * *o is NULL from then on. */
static void put(json_t **o, const char *key, json_t *value)
{
    if (json_object_set_new(*o, key, value) < 0) {
        json_decref(*o);
        *o = NULL;
    }
}

static json_t *put_counts(const struct task_counts *c)
{
    json_t *o = json_object();
    put(&o, "total", count(c->total));
    put(&o, "succeeded", count(c->succeeded));
    put(&o, "failed", count(c->failed));
    put(&o, "skipped", count(c->skipped));
    put(&o, "running", count(c->running));
    put(&o, "preparing", count(c->preparing));
    put(&o, "storing", count(c->storing));
    put(&o, "active", count(c->active));
    put(&o, "retried", count(c->retried));
    put(&o, "invalid", count(c->invalid));
    return o;
}

/* What staging came to, each count by its name. */
static json_t *put_staged(const struct stage_counts *c)
{
    json_t *o = json_object();
    for (int i = 0; i < STAGE_COUNTS; i++) {
        uint64_t n = stage_count_get(c, i);
        put(&o, stage_count_name(i), count(n < INT64_MAX ? n : INT64_MAX));
    }
    return o;
}

/* {"total": total, key: n}, key NULL: the total alone. */
static json_t *put_part(uint64_t total, const char *key, uint64_t n)
{
    json_t *o = json_object();
    put(&o, "total", count(total));
    if (key)
        put(&o, key, count(n));
    return o;
}

/* How many nodes there are, and in which states. */
static json_t *put_nodes(const struct snapshot *s)
{
    json_t *o = put_part(s->node_count, NULL, 0), *states = json_object();
    for (int i = 0; i < NODE_STATE_COUNT; i++)
        put(&states, node_state_name((enum node_state)i),
            count(s->node_states[i]));
    put(&o, "states", states);
    return o;
}

static json_t *put_jobs(const struct jobspec *spec, const struct snapshot *snap)
{
    json_t *jobs = json_array();
    for (uint32_t i = 0; jobs && i < snap->job_count && i < spec->job_count;
         i++) {
        const struct job_snapshot *s = &snap->jobs[i];
        json_t *o = json_object();
        put(&o, "id", string(spec->jobs[i].id));
        put(&o, "state", string(job_state_name(s->state)));
        put(&o, "end", string(job_end_name(s->end)));
        put(&o, "why", string(s->why));
        put(&o, "hidden", json_boolean(s->hidden));
        put(&o, "tasks", put_counts(&s->tasks));
        if (json_array_append_new(jobs, o) < 0) {
            json_decref(jobs);
            jobs = NULL;
        }
    }
    return jobs;
}

static json_t *put_status(const struct jobspec *spec, const struct snapshot *s,
                          const struct status_origin *from)
{
    json_t *o = json_object();
    put(&o, "version", json_integer(STATUS_VERSION));
    put(&o, "name", string(spec->name));
    put(&o, "state", string(run_state_name(s->state)));
    put(&o, "exit_code", json_integer(s->exit_code));
    put(&o, "session", count(s->session));
    put(&o, "start_time", seconds(s->start_ns));
    put(&o, "time", seconds(s->now_ns));
    put(&o, "pause", string(s->pause_text));
    put(&o, "host", string(from->host));
    put(&o, "pid", json_integer(from->pid));
    put(&o, "launch_id", string(from->launch_id));
    put(&o, "nodes", put_nodes(s));
    put(&o, "ranks", put_part(s->rank_count, "lost", s->ranks_lost));
    put(&o, "slots", put_part(s->slot_count, "busy", s->slots_busy));
    put(&o, "tasks", put_counts(&s->tasks));
    put(&o, "tasks_done_this_session", count(s->done_this_session));
    /* JSON has no infinity and no NaN */
    put(&o, "tasks_per_s",
        json_real(isfinite(s->tasks_per_s) ? s->tasks_per_s : 0));
    put(&o, "eta_s", s->eta_ns < 0 ? json_null() : seconds(s->eta_ns));
    put(&o, "staging", put_staged(&s->staged));
    put(&o, "jobs", put_jobs(spec, s));
    return o;
}

/* On a full disk there is no room for a new file, but there is in the blocks
 * that the old one has. The text goes over it in one piece, with blanks up to
 * the end of what was there; a reader that is in the middle of it at that very
 * moment reads again a second later. */
static int overwrite(const char *path, const char *text)
{
    struct stat st;
    struct buf b;
    int fd = open(path, O_WRONLY | O_CLOEXEC), rc = -1;
    size_t len = strlen(text);
    if (fd < 0)
        return -1;
    buf_init(&b, STATUS_MAX_BYTES);
    if (fstat(fd, &st) < 0 || len > (uint64_t)st.st_blocks * 512 ||
        buf_puts(&b, text) < 0)
        goto out;
    while (b.len < (uint64_t)st.st_size)
        if (buf_putc(&b, ' ') < 0)
            goto out;
    if (pwrite(fd, b.data, b.len, 0) == (ssize_t)b.len)
        rc = 0;
out:
    close(fd);
    buf_fini(&b);
    return rc;
}

bool status_is_alive(const struct snapshot *snap, int64_t now_ns)
{
    return snap->state != RUN_FINISHED &&
           now_ns - snap->now_ns < STATUS_SILENT_NS;
}

bool status_is_gone(const struct status_origin *from)
{
    char host[sizeof(from->host)] = "";
    (void)gethostname(host, sizeof(host) - 1);
    return strcmp(host, from->host) == 0 && from->pid > 0 &&
           kill(from->pid, 0) < 0 && errno == ESRCH;
}

int status_write(const struct rundir *r, const struct jobspec *spec,
                 const struct snapshot *snap, const struct status_origin *from,
                 struct err *err)
{
    char *path = rundir_file(r, "status.json"), *text = NULL;
    json_t *v = path ? put_status(spec, snap, from) : NULL;
    if (v)
        text = json_dumps(v, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    int rc = text ? file_replace(path, text, strlen(text), 0600, 0, err)
                  : err_set(err, ENOMEM, "no memory to write status.json");
    if (rc < 0 && text && (err->code == ENOSPC || err->code == EDQUOT))
        rc = overwrite(path, text);
    free(text);
    json_decref(v);
    mem_free(path);
    return rc;
}

/* ---- From JSON ---- */

/* A value that is missing, of another type or out of range makes bad. */
struct get {
    bool bad;
};

static uint64_t get_count(struct get *g, const json_t *o, const char *key,
                          uint64_t max)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    if (n < 0 || (uint64_t)n > max) {
        g->bad = true;
        return 0;
    }
    return (uint64_t)n;
}

static int32_t get_int(struct get *g, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < INT32_MIN || n > INT32_MAX)
        g->bad = true;
    return g->bad ? 0 : (int32_t)n;
}

static double get_real(struct get *g, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        g->bad = true;
    return json_number_value(v);
}

static int64_t get_seconds(struct get *g, const json_t *o, const char *key)
{
    double s = get_real(g, o, key);
    if (!(s > -9e9 && s < 9e9)) {
        g->bad = true;
        return 0;
    }
    return (int64_t)llround(s * (double)NS_PER_SEC);
}

static void get_string(struct get *g, const json_t *o, const char *key,
                       char *text, size_t size)
{
    const char *s = json_string_value(json_object_get(o, key));
    if (!s)
        g->bad = true;
    snprintf(text, size, "%s", s ? s : "");
}

/* Which of the first count names is the string at key. */
static int get_name(struct get *g, const json_t *o, const char *key,
                    const char *(*name)(int i), int names)
{
    const char *s = json_string_value(json_object_get(o, key));
    for (int i = 0; s && i < names; i++)
        if (strcmp(s, name(i)) == 0)
            return i;
    g->bad = true;
    return 0;
}

static const char *run_name(int i)
{
    return run_state_name((enum run_state)i);
}

static const char *state_name(int i)
{
    return job_state_name((enum job_state)i);
}

static const char *end_name(int i)
{
    return job_end_name((enum job_end)i);
}

static void get_counts(struct get *g, const json_t *o, struct task_counts *c)
{
    c->total = get_count(g, o, "total", INT64_MAX);
    c->succeeded = get_count(g, o, "succeeded", INT64_MAX);
    c->failed = get_count(g, o, "failed", INT64_MAX);
    c->skipped = get_count(g, o, "skipped", INT64_MAX);
    c->running = get_count(g, o, "running", INT64_MAX);
    c->preparing = get_count(g, o, "preparing", INT64_MAX);
    c->storing = get_count(g, o, "storing", INT64_MAX);
    c->active = get_count(g, o, "active", INT64_MAX);
    c->retried = get_count(g, o, "retried", INT64_MAX);
    c->invalid = get_count(g, o, "invalid", INT64_MAX);
}

static void get_staged(struct get *g, const json_t *o, struct stage_counts *c)
{
    for (int i = 0; i < STAGE_COUNTS; i++)
        stage_count_set(c, i, get_count(g, o, stage_count_name(i), INT64_MAX));
}

static uint32_t get_part(struct get *g, const json_t *o, const char *key,
                         const char *part)
{
    return (uint32_t)get_count(g, json_object_get(o, key), part, UINT32_MAX);
}

static void get_nodes(struct get *g, const json_t *o, struct snapshot *s)
{
    const json_t *nodes = json_object_get(o, "nodes");
    const json_t *states = json_object_get(nodes, "states");
    s->node_count = (uint32_t)get_count(g, nodes, "total", UINT32_MAX);
    for (int i = 0; i < NODE_STATE_COUNT; i++)
        s->node_states[i] = (uint32_t)get_count(
            g, states, node_state_name((enum node_state)i), UINT32_MAX);
}

static void get_job(struct get *g, const json_t *o, const struct job *job,
                    struct job_snapshot *s)
{
    const char *id = json_string_value(json_object_get(o, "id"));
    if (!id || strcmp(id, job->id) != 0)
        g->bad = true;
    s->state = get_name(g, o, "state", state_name, JOB_STATE_COUNT);
    s->end = get_name(g, o, "end", end_name, JOB_END_COUNT);
    get_string(g, o, "why", s->why, sizeof(s->why));
    const json_t *hidden = json_object_get(o, "hidden");
    s->hidden = json_is_true(hidden);
    g->bad = g->bad || !json_is_boolean(hidden);
    get_counts(g, json_object_get(o, "tasks"), &s->tasks);
}

static void get_status(struct get *g, const json_t *o,
                       const struct jobspec *spec, struct snapshot *s,
                       struct status_origin *from)
{
    s->state = get_name(g, o, "state", run_name, RUN_FINISHED + 1);
    s->exit_code = get_int(g, o, "exit_code");
    s->session = (uint32_t)get_count(g, o, "session", UINT32_MAX);
    s->start_ns = get_seconds(g, o, "start_time");
    s->now_ns = get_seconds(g, o, "time");
    get_string(g, o, "pause", s->pause_text, sizeof(s->pause_text));
    get_string(g, o, "host", from->host, sizeof(from->host));
    from->pid = get_int(g, o, "pid");
    get_string(g, o, "launch_id", from->launch_id, sizeof(from->launch_id));
    get_nodes(g, o, s);
    s->rank_count = get_part(g, o, "ranks", "total");
    s->ranks_lost = get_part(g, o, "ranks", "lost");
    s->slot_count = get_part(g, o, "slots", "total");
    s->slots_busy = get_part(g, o, "slots", "busy");
    get_counts(g, json_object_get(o, "tasks"), &s->tasks);
    s->done_this_session =
        get_count(g, o, "tasks_done_this_session", INT64_MAX);
    s->tasks_per_s = get_real(g, o, "tasks_per_s");
    s->eta_ns = json_is_null(json_object_get(o, "eta_s"))
                    ? -1
                    : get_seconds(g, o, "eta_s");
    get_staged(g, json_object_get(o, "staging"), &s->staged);
    const json_t *jobs = json_object_get(o, "jobs");
    s->job_count = spec->job_count;
    if (json_array_size(jobs) != spec->job_count)
        g->bad = true;
    for (uint32_t i = 0; i < spec->job_count && !g->bad; i++)
        get_job(g, json_array_get(jobs, i), &spec->jobs[i], &s->jobs[i]);
}

/* The parsed file; NULL with err. */
static json_t *load(const char *rundir_path, struct err *err)
{
    struct buf text;
    json_error_t why;
    json_t *o = NULL;
    buf_init(&text, STATUS_MAX_BYTES);
    char *path = path_join(rundir_path, "status.json");
    if (!path) {
        err_set(err, ENOMEM, "no memory to read status.json");
    } else if (file_read(path, &text, err) == 0) {
        o = json_loadb(buf_text(&text), text.len, 0, &why);
        if (!o)
            err_set(err, EPROTO, "%s: line %d: %s", path, why.line, why.text);
        else if (json_integer_value(json_object_get(o, "version")) !=
                 STATUS_VERSION) {
            err_set(err, EPROTO, "%s is not of version %d", path,
                    STATUS_VERSION);
            json_decref(o);
            o = NULL;
        }
    }
    mem_free(path);
    buf_fini(&text);
    return o;
}

int status_read(const char *rundir_path, const struct jobspec *spec,
                struct snapshot *snap, struct status_origin *from,
                struct err *err)
{
    struct get g = {false};
    struct snapshot s = {0};
    struct status_origin origin = {0};
    json_t *o = load(rundir_path, err);
    if (!o)
        return -1;
    s.jobs = mem_calloc(spec->job_count, sizeof(*s.jobs));
    if (s.jobs)
        get_status(&g, o, spec, &s, &origin);
    json_decref(o);
    if (!s.jobs)
        return err_set(err, ENOMEM, "no memory to read status.json");
    if (g.bad) {
        mem_free(s.jobs);
        return err_set(err, EPROTO,
                       "%s/status.json is not one of this job spec",
                       rundir_path);
    }
    *snap = s;
    *from = origin;
    return 0;
}
