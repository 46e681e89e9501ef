/* mpibatch task show: the whole life of one task. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/attempt_staged.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/rundir_arg.h"
#include "cli/task_arg.h"
#include "cli/task_special.h"
#include "cli/task_topics.h"
#include "model/jobcommand.h"
#include "store/output.h"
#include "view/depends.h"
#include "view/describe.h"
#include "view/moment.h"
#include "view/query_json.h"

enum {
    TAIL_BYTES = 4000,
    TAIL_LINES = 20,
    NAMES_SHOWN = 12, /* of what it depends on */
    TEXT_BYTES = 8 << 20,
    JSON_BYTES = 64 << 20
};

struct task_values {
    const char *id, *run;
    bool json;
    struct display_options display;
};

/* Of an attempt: where its directory was. */
struct place {
    const char *scratch; /* the query's */
    uint32_t attempt;
};

struct life {
    struct place *places; /* ascending; if directories are kept */
    uint32_t place_count;
    const struct run_arg *run;
    const char *named; /* the run, as on the command line; or NULL */
    struct query *query;
    struct display *display; /* NULL: JSON */
    json_t *attempts;
    json_t *task;
    struct buf attempts_text; /* shown behind the rest */
    uint32_t retries_used;
    int64_t now_ns;
};

static const struct job *job_of(const struct life *l,
                                const struct query_task *t)
{
    return &l->run->spec->jobs[t->job];
}

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to show the task");
}

/* ---- Attempts ---- */

static int place_note(void *arg, const struct query_task *t, struct err *err)
{
    struct life *l = arg;
    if (t->now || !t->last)
        return 0;
    struct place *more =
        mem_resize(l->places, (size_t)l->place_count + 1, sizeof(*l->places));
    if (!more)
        return nomem(err);
    l->places = more;
    l->places[l->place_count++] =
        (struct place){.scratch = t->scratch, .attempt = t->last->attempt};
    return 0;
}

/* Has a later attempt of the same scratch folder taken the place of the
 * directory of this one? */
static bool is_aside(const struct life *l, const struct query_task *t)
{
    for (uint32_t i = 0; i < l->place_count; i++) {
        const struct place *p = &l->places[i];
        if (p->attempt > t->last->attempt &&
            strcmp(p->scratch, t->scratch) == 0)
            return true;
    }
    return false;
}

static void used_put(const struct attempt *a, struct buf *out)
{
    char user[16], system[16], rss[16], o[16], e[16];
    bool peak = a->max_rss_bytes > 0; /* 0: not known */
    buf_printf(
        out, "               %s user, %s system%s%s; stdout %s, stderr %s\n",
        duration_format(a->user_ns, user),
        duration_format(a->system_ns, system), peak ? ", " : "",
        peak ? size_format(a->max_rss_bytes, rss) : "",
        size_format(a->output[0].bytes, o), size_format(a->output[1].bytes, e));
}

static int attempt_put(struct life *l, const struct query_task *t,
                       struct err *err)
{
    const struct attempt *a = t->last;
    struct buf *out = &l->attempts_text;
    char how[384], took[16] = "", when[MOMENT_BYTES];
    attempt_describe(a, how);
    if (attempt_has_run(a))
        duration_format(a->end_ns - a->start_ns, took);
    buf_printf(out, "  attempt %-4" PRIu32 " %s%s%s: %s\n", a->attempt,
               moment_format(a->start_ns, when), took[0] ? ", " : "", took,
               how);
    describe_missing_program(job_of(l, t), a, rundir_spec_folder(l->run->dir),
                             rundir_path(l->run->dir), "               ", out);
    if (t->node[0])
        buf_printf(out,
                   "               on %s, rank %" PRIu32 ", slot %" PRIu32
                   "; session %" PRIu32 "\n",
                   t->node, a->rank, a->slot, t->session);
    if (attempt_has_run(a) && a->reason != REASON_LOST)
        used_put(a, out);
    attempt_staged_put(job_of(l, t), t, is_aside(l, t), l->now_ns, out);
    return out->data ? 0 : nomem(err);
}

/* The columns of an attempt in JSON. */
static const char *const attempt_names[] = {"attempt",
                                            "result",
                                            "reason",
                                            "failure_code",
                                            "failure_category",
                                            "exit_code",
                                            "signal",
                                            "message",
                                            "node",
                                            "rank",
                                            "slot",
                                            "session",
                                            "start_time",
                                            "end_time",
                                            "duration_s",
                                            "prepare_s",
                                            "store_s",
                                            "user_s",
                                            "system_s",
                                            "max_rss_bytes",
                                            "read_bytes",
                                            "write_bytes",
                                            "stdout_bytes",
                                            "stderr_bytes"};
enum { ATTEMPT_NAMES = sizeof(attempt_names) / sizeof(attempt_names[0]) };

static int attempt_json(struct life *l, const struct query_task *t,
                        struct err *err)
{
    uint32_t columns[ATTEMPT_NAMES];
    for (int i = 0; i < ATTEMPT_NAMES; i++)
        columns[i] = (uint32_t)query_column(l->query, attempt_names[i], err);
    json_t *o = query_columns_json(l->query, t, columns, ATTEMPT_NAMES, err);
    if (!o)
        return -1;
    int rc = attempt_staged_json(job_of(l, t), t, is_aside(l, t), o);
    rc |= json_array_append_new(l->attempts, o);
    return rc < 0 ? nomem(err) : 0;
}

/* ---- The task ---- */

static void context_init(const struct life *l, const struct query_task *t,
                         struct template_context *c)
{
    *c = (struct template_context){.index = t->index,
                                   .task_id = t->id,
                                   .job_id = job_of(l, t)->id,
                                   .run_dir = rundir_path(l->run->dir),
                                   .spec_dir = rundir_spec_folder(l->run->dir)};
}

/* Where a task starts in a directory of its own that is kept; nothing if that,
 * or what was beside it, is gone. */
static int own_directory(const struct life *l, const struct query_task *t,
                         struct buf *out)
{
    const struct job *job = job_of(l, t);
    if (job_template(job, t->index)->package_ref_count > 0 ||
        l->run->spec->pools[job->pool].package_ref_count > 0)
        return 0;
    return attempt_kept_directory(job_of(l, t), t, l->now_ns, out);
}

/* The folder it runs in, and its command line to be typed there; nothing if
 * that folder is gone. */
static int by_hand(const struct life *l, const struct query_task *t,
                   struct buf *out, struct err *err)
{
    bool has_own = task_has_directory(job_template(job_of(l, t), t->index));
    struct buf own;
    buf_init(&own, 2 * PATH_MAX);
    int rc = has_own ? own_directory(l, t, &own) : 0;
    if (rc == 0 && (!has_own || own.len > 0))
        rc = describe_command(
            job_of(l, t), t->index, rundir_spec_folder(l->run->dir),
            rundir_path(l->run->dir), has_own ? buf_text(&own) : NULL, out);
    buf_fini(&own);
    return rc == 0 ? 0
                   : err_set(err, EINVAL, "task %s/%s has no command line",
                             job_of(l, t)->id, t->id);
}

static int command_only(const struct life *l, const struct query_task *t,
                        struct buf *out, struct err *err)
{
    struct template_context c;
    context_init(l, t, &c);
    return job_command_show(job_of(l, t), &c, out, NULL, err);
}

/* One setting of its environment: 1, 0: there is none of that number, -1. */
static int setting_get(const struct life *l, const struct query_task *t,
                       uint32_t i, const char **name, struct buf *value,
                       struct err *err)
{
    const struct task_template *template = job_template(job_of(l, t), t->index);
    struct template_context c;
    if (i >= template->env_count)
        return 0;
    context_init(l, t, &c);
    *name = template->env[i].name;
    buf_reset(value);
    return template_expand(template->env[i].value, &c, false, value, err) < 0
               ? -1
               : 1;
}

static void state_put(struct life *l, const struct query_task *t)
{
    struct display *d = l->display;
    char took[16], name[DESCRIBE_TASK_BYTES];
    uint32_t attempts = t->last ? t->last->attempt : 0;
    enum style style = t->state == QUERY_FAILED      ? STYLE_BAD
                       : t->state == QUERY_SUCCEEDED ? STYLE_GOOD
                       : t->state == QUERY_INVALID   ? STYLE_NOTICE
                                                     : STYLE_PLAIN;
    display_printf(d, "task %s/%s: ", job_of(l, t)->id, t->id);
    display_styled(d, style, query_state_name(t->state));
    if (t->state == QUERY_RUNNING)
        display_printf(d, " for %s on rank %" PRIu32 ", attempt %" PRIu32,
                       duration_format(l->now_ns - t->running_since_ns, took),
                       t->running_rank, attempts + 1);
    else if (query_task_deleted(t))
        display_puts(d, ": it was deleted");
    else if (t->state == QUERY_SKIPPED)
        display_printf(
            d, ": it depends on %s, which has not ended well",
            describe_task(l->run->spec, t->for_job, t->for_index, name));
    else if (attempts == 0)
        display_puts(d, ", not run yet");
    else if (t->state == QUERY_ACTIVE)
        display_puts(d, ", to be run again");
    if (attempts > 0)
        display_printf(d, "; %" PRIu32 " attempt%s ended", attempts,
                       attempts == 1 ? "" : "s");
    display_puts(d, "\n");
}

static int labelled(struct life *l, const char *label, const struct buf *text)
{
    display_printf(l->display, "  %-12s ", label);
    display_put(l->display, buf_text(text), text->len);
    display_puts(l->display, "\n");
    return 0;
}

/* What stands for the line of a task that it alone does not run. */
static const char needs_own[] =
    "needs a directory with its files and packages; `keep: failed` or `all` in "
    "the job spec leaves its own on the node";

static int what_put(struct life *l, const struct query_task *t, struct err *err)
{
    struct buf text;
    const char *name;
    int rc;
    buf_init(&text, TEXT_BYTES);
    rc =
        describe_parameters(job_of(l, t), t->index, &text) < 0 ? nomem(err) : 0;
    if (rc == 0 && text.len > 0)
        labelled(l, "parameters", &text);
    buf_reset(&text);
    if (rc == 0 && (rc = command_only(l, t, &text, err)) == 0)
        labelled(l, "command", &text);
    for (uint32_t i = 0;
         rc == 0 && (rc = setting_get(l, t, i, &name, &text, err)) > 0; i++) {
        display_printf(l->display, "  %-12s %s=%s\n", i ? "" : "environment",
                       name, buf_text(&text));
        rc = 0;
    }
    buf_reset(&text);
    if (rc == 0 && (rc = by_hand(l, t, &text, err)) == 0 && t->last &&
        text.len == 0)
        rc = buf_puts(&text, needs_own);
    if (rc == 0 && text.len > 0)
        labelled(l, "by hand", &text);
    buf_fini(&text);
    return rc;
}

static void metric_put(struct life *l, const struct metric *m,
                       const struct metric_value *v, bool first)
{
    struct display *d = l->display;
    json_t *value = query_metric_json(m, v);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT |
                                               JSON_REAL_PRECISION(17))
                       : NULL;
    char number[40];
    display_printf(d, "  %-12s %s", first ? "metrics" : "", m->name);
    if (metric_has_value(v->state) && m->type == METRIC_FLOAT64 &&
        v->cells == 0) {
        snprintf(number, sizeof(number), "%.10g", v->u.number);
        display_printf(d, " = %s", number);
    } else if (metric_has_value(v->state) && text) {
        display_printf(d, " = %.400s", text);
    }
    if (metric_has_value(v->state) && m->units)
        display_printf(d, " %s", m->units);
    if (v->state != METRIC_OK) {
        display_puts(d, "  ");
        display_styled(d, STYLE_NOTICE,
                       v->state == METRIC_OUT_OF_RANGE
                           ? "out of range"
                           : metric_state_name(v->state));
    }
    display_puts(d, "\n");
    free(text);
    json_decref(value);
}

/* Of a task that has failed: those that were found. */
static void metrics_put(struct life *l, const struct query_task *t)
{
    const struct job *job = job_of(l, t);
    bool first = true;
    for (uint32_t i = 0; t->last && i < job->metric_count; i++) {
        const struct metric_value *v = &t->last->metrics[i];
        if (v->state == METRIC_MISSING && t->last->result != RESULT_SUCCESS)
            continue;
        metric_put(l, &job->metrics[i], v, first);
        first = false;
    }
}

/* The end of its stderr into out; what cannot be read is said. */
static void stderr_read(const struct life *l, const struct query_task *t,
                        struct buf *out)
{
    struct err err;
    uint64_t bytes = t->last->output[1].bytes;
    uint64_t from = bytes > TAIL_BYTES ? bytes - TAIL_BYTES : 0;
    if (output_read(l->run->dir, t->last, job_of(l, t)->id, t->id, 1, from,
                    TAIL_BYTES, out, &err) < 0)
        log_warning("%s", err.text);
}

static void stderr_put(struct life *l, const struct query_task *t)
{
    struct buf tail, text;
    if (t->state != QUERY_FAILED)
        return;
    buf_init(&tail, TAIL_BYTES);
    buf_init(&text, TEXT_BYTES);
    stderr_read(l, t, &tail);
    if (tail.len > 0 && describe_tail(buf_text(&tail), tail.len, TAIL_LINES,
                                      "    | ", &text) == 0) {
        display_puts(l->display, "  stderr\n");
        display_put(l->display, buf_text(&text), text.len);
    }
    buf_fini(&text);
    buf_fini(&tail);
}

static void more_put(struct life *l, const struct query_task *t)
{
    if (!t->last ||
        (t->last->output[0].bytes == 0 && t->last->output[1].bytes == 0))
        return;
    struct buf run;
    buf_init(&run, 8 * PATH_MAX);
    if (l->named &&
        (buf_putc(&run, ' ') < 0 || text_put_shell_word(&run, l->named) < 0))
        buf_reset(&run);
    display_printf(l->display, "  all it printed: mpibatch logs %s/%s%s%s\n",
                   job_of(l, t)->id, t->id, buf_text(&run),
                   t->last->output[1].bytes > 0 ? " --both" : "");
    buf_fini(&run);
}

/* What it waits for, or waited for, and what waits for it. */
static int depends_show(struct life *l, const struct query_task *t,
                        struct err *err)
{
    const struct jobspec *spec = l->run->spec;
    struct depends d;
    struct buf text;
    int rc = 0;
    buf_init(&text, TEXT_BYTES);
    depends_on(spec, t->job, t->index, &d);
    if (d.count > 0 && (rc = depends_put(spec, &d, NAMES_SHOWN, &text)) == 0)
        labelled(l, "depends on", &text);
    buf_reset(&text);
    depends_dependents(spec, t->job, t->index, &d);
    if (rc == 0 && d.count > 0 &&
        (rc = depends_put(spec, &d, NAMES_SHOWN, &text)) == 0)
        labelled(l, "dependents", &text);
    buf_fini(&text);
    return rc < 0 ? nomem(err) : 0;
}

static void retries_put(struct life *l, const struct query_task *t)
{
    int32_t most =
        job_template(job_of(l, t), t->index)->constraints.max_task_retry_count;
    if (most < 0)
        display_printf(l->display, "  %-12s %" PRIu32 " used, without limit\n",
                       "retries", l->retries_used);
    else if (most > 0)
        display_printf(l->display, "  %-12s %" PRIu32 " of %" PRId32 " used\n",
                       "retries", l->retries_used, most);
}

static int task_put(struct life *l, const struct query_task *t, struct err *err)
{
    state_put(l, t);
    if (what_put(l, t, err) < 0 || depends_show(l, t, err) < 0)
        return -1;
    retries_put(l, t);
    display_put(l->display, buf_text(&l->attempts_text), l->attempts_text.len);
    metrics_put(l, t);
    stderr_put(l, t);
    more_put(l, t);
    return 0;
}

/* ---- The same for programs ---- */

static int set_text(json_t *o, const char *key, const struct buf *text)
{
    return json_object_set_new(o, key, query_text_json(buf_text(text)));
}

static int set_environment(struct life *l, const struct query_task *t,
                           json_t *o, struct err *err)
{
    json_t *all = json_object();
    struct buf value;
    const char *name;
    int rc = 0;
    buf_init(&value, TEXT_BYTES);
    for (uint32_t i = 0; (rc = setting_get(l, t, i, &name, &value, err)) > 0;
         i++)
        if (set_text(all, name, &value) < 0) {
            rc = nomem(err);
            break;
        }
    buf_fini(&value);
    if (json_object_set_new(o, "environment", all) < 0 && rc == 0)
        rc = nomem(err);
    return rc;
}

static json_t *names_json(const struct jobspec *spec, const struct depends *d)
{
    char name[DESCRIBE_TASK_BYTES];
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->count && i < DEPENDS_SHOWN; i++)
        json_array_append_new(
            list, json_string(describe_task(spec, d->tasks[i].job,
                                            d->tasks[i].index, name)));
    return list;
}

static void depends_json(const struct life *l, const struct query_task *t,
                         json_t *o)
{
    const struct jobspec *spec = l->run->spec;
    struct depends d;
    depends_on(spec, t->job, t->index, &d);
    json_object_set_new(o, "depends_on", names_json(spec, &d));
    json_object_set_new(o, "depends_on_count",
                        json_integer((json_int_t)d.count));
    depends_dependents(spec, t->job, t->index, &d);
    json_object_set_new(o, "dependents", names_json(spec, &d));
    json_object_set_new(o, "dependents_count",
                        json_integer((json_int_t)d.count));
    json_object_set_new(o, "retries_used", json_integer(l->retries_used));
    json_object_set_new(o, "max_task_retry_count",
                        json_integer(job_template(job_of(l, t), t->index)
                                         ->constraints.max_task_retry_count));
}

static int task_json(struct life *l, const struct query_task *t,
                     struct err *err)
{
    json_t *o = query_task_json(l->query, t, err);
    struct buf text;
    if (!o)
        return -1;
    l->task = o;
    buf_init(&text, TEXT_BYTES);
    int rc = command_only(l, t, &text, err);
    if (rc == 0 && set_text(o, "command", &text) < 0)
        rc = nomem(err);
    buf_reset(&text);
    if (rc == 0 && (rc = by_hand(l, t, &text, err)) == 0 &&
        (text.len > 0 ? set_text(o, "by_hand", &text)
                      : json_object_set_new(o, "by_hand", json_null())) < 0)
        rc = nomem(err);
    buf_reset(&text);
    if (rc == 0 && t->last) {
        stderr_read(l, t, &text);
        if (set_text(o, "stderr_tail", &text) < 0)
            rc = nomem(err);
    }
    buf_fini(&text);
    if (rc == 0)
        depends_json(l, t, o);
    return rc == 0 ? set_environment(l, t, o, err) : rc;
}

/* Lost, stopped and requeued ones come for free. */
static bool uses_retry(enum reason reason)
{
    return reason != REASON_LOST && reason != REASON_STOPPED &&
           reason != REASON_CHECKPOINT && reason != REASON_CANCELLED;
}

static int visit(void *arg, const struct query_task *t, struct err *err)
{
    struct life *l = arg;
    if (!t->now)
        l->retries_used +=
            t->last->disposition == TASK_RETRIES && uses_retry(t->last->reason);
    if (!t->now)
        return l->display ? attempt_put(l, t, err) : attempt_json(l, t, err);
    return l->display ? task_put(l, t, err) : task_json(l, t, err);
}

/* {"version": 1, "task": {...}, "attempts": [...]} */
static int json_show(struct life *l)
{
    json_t *o = json_object();
    json_object_set_new(o, "version", json_integer(1));
    json_object_set(o, "task", l->task);
    json_object_set(o, "attempts", l->attempts);
    return json_print(o, JSON_BYTES);
}

/* ---- The command ---- */

static int life_show(struct life *l, uint32_t job, uint32_t index)
{
    struct err err;
    l->query = query_open(l->run->dir, l->run->spec, l->now_ns, &err);
    buf_init(&l->attempts_text, TEXT_BYTES);
    l->attempts = json_array();
    int rc = EXIT_OK;
    bool keeps =
        job_template(&l->run->spec->jobs[job], index)->keep != KEEP_NONE;
    if (!l->query ||
        (keeps &&
         query_attempts(l->query, job, index, place_note, l, &err) < 0) ||
        query_attempts(l->query, job, index, visit, l, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (!l->display) {
        rc = json_show(l);
    }
    json_decref(l->attempts);
    json_decref(l->task);
    buf_fini(&l->attempts_text);
    mem_free(l->places);
    query_close(l->query);
    return rc;
}

static int task(void *values)
{
    const struct task_values *v = values;
    struct run_arg run;
    struct display display;
    uint32_t job = 0, index = 0;
    struct life l = {.run = &run, .named = v->run, .now_ns = clock_wall_ns()};
    int rc = task_arg_run("task show", v->id, v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    rc = task_arg_find_any("task show", run.spec, v->id, &job, &index);
    if (rc == EXIT_OK && special_of(index) != SPECIAL_NONE) {
        rc = task_special_show(&run, job, index, v->json, &v->display);
    } else if (rc == EXIT_OK && v->json) {
        rc = life_show(&l, job, index);
    } else if (rc == EXIT_OK) {
        display_open(&display, &v->display);
        l.display = &display;
        rc = display_end(&display, life_show(&l, job, index));
    }
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct task_values, json),
     .meaning = "print JSON, {\"version\": 1, \"task\": {...}, \"attempts\": "
                "[...]}"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct task_values, display))};

static const struct arg args[] = {TASK_ANY_ARG(struct task_values),
                                  RUN_ARG(struct task_values)};

static const struct cmd_exit exits[] = {
    {0, "shown"},
    {1, "it cannot be read"},
    {2, "wrong usage, or no such run or task"},
};

static const struct cmd_example examples[] = {
    {"mpibatch task show 17 sweep.run", "What became of task 17"},
    {"mpibatch task show scan/17 sweep.run --json", "For programs"},
    {"mpibatch task show scan/jobpreparation sweep.run",
     "The job preparation task of job scan, on each node"},
    {"mpibatch task show starttask sweep.run", "The start task, on each node"},
};

const struct cmd cmd_task_show = {
    .name = "task show",
    .summary = "show the whole life of one task",
    .description =
        "Show the task ID of the run RUN: how it stands, its parameters, its "
        "command line and the variables that are set for it, how to run it by "
        "hand, each attempt with how it ended, what it used, which files it "
        "returned and where its directory is kept, its metrics, "
        "and if it failed the end of its stderr. Of a task of several nodes or "
        "jobs (a start task, a job preparation, release or manager task): all "
        "of its attempts, on whatever node.\n\n"
        "JSON has of the task what `mpibatch tasks --json` has, and command, "
        "by_hand (null if it ran in a directory of its own that is not kept), "
        "environment, stderr_tail, depends_on and dependents (the first 100 "
        "tasks; depends_on_count, dependents_count: how many there are), "
        "retries_used and max_task_retry_count; of each attempt attempt, "
        "result, reason, failure_code, failure_category, exit_code, "
        "signal, message, node, rank, slot, session, start_time, end_time, "
        "duration_s, prepare_s, store_s, user_s, system_s, max_rss_bytes, "
        "read_bytes, write_bytes, stdout_bytes, stderr_bytes, files (which it "
        "returned: name, bytes, mode, xxh128, and path, or pack and offset, in "
        "the run directory) and directory (where on its node it is kept, or "
        "null).",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 2,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = sizeof(exits) / sizeof(exits[0]),
    .values_size = sizeof(struct task_values),
    .main = task};
