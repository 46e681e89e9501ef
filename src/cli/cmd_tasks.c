/* mpibatch tasks: list the tasks of a run, from its journal. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/rundir_arg.h"
#include "store/journal.h"
#include "view/describe.h"

enum { WINDOW_TASKS = 1 << 20, WINDOWS_MAX = 1 << 12, OUT_BYTES = 1 << 20 };

enum wanted { WANT_ALL, WANT_ACTIVE, WANT_SUCCEEDED, WANT_FAILED };

struct tasks_values {
    const char *run;
    bool failed;
    enum wanted state;
    const char *job;
    bool json;
    struct display_options display;
};

/* What is shown of a task: its last attempt. */
struct row {
    uint32_t attempts;
    uint8_t result, reason, disposition;
    int32_t exit_code, signal;
    uint32_t rank;
    int64_t start_ns, end_ns;
    char *message; /* heap; NULL: none */
};

struct listing {
    const struct run_arg *run;
    struct journal_reader *past;
    enum wanted wanted;
    bool json, first;
    struct row *rows; /* of the window */
    uint32_t job, from, count;
    bool touched[WINDOWS_MAX]; /* windows of the job with an attempt in them */
    struct display display;
    struct buf out;
};

static bool in_window(void *arg, uint32_t job, uint32_t index)
{
    struct listing *l = arg;
    return job == l->job && index >= l->from && index - l->from < l->count;
}

/* A filter that wants nothing, and notes what there is. */
static bool window_touch(void *arg, uint32_t job, uint32_t index)
{
    struct listing *l = arg;
    if (job == l->job)
        l->touched[index / WINDOW_TASKS] = true;
    return false;
}

/* Which windows of the job have attempts? */
static int windows_survey(struct listing *l, struct err *err)
{
    struct journal_record r;
    int got;
    memset(l->touched, 0, sizeof(l->touched));
    journal_reader_filter(l->past, window_touch, l);
    if (journal_rewind(l->past, err) < 0)
        return -1;
    while ((got = journal_next(l->past, &r, err)) > 0)
        ;
    journal_reader_filter(l->past, in_window, l);
    return got;
}

static void rows_clear(struct listing *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        mem_free(l->rows[i].message);
    memset(l->rows, 0, l->count * sizeof(l->rows[0]));
}

static int window_read(struct listing *l, struct err *err)
{
    struct journal_record r;
    int got;
    if (journal_rewind(l->past, err) < 0)
        return -1;
    while ((got = journal_next(l->past, &r, err)) > 0) {
        if (r.type == JOURNAL_REACTIVATE && r.u.reactivate.job == l->job) {
            for (uint32_t i = 0; i < l->count; i++)
                if (l->rows[i].result == RESULT_FAILURE)
                    l->rows[i].disposition = TASK_RETRIES;
            continue;
        }
        if (r.type != JOURNAL_ATTEMPT ||
            !in_window(l, r.u.attempt->job, r.u.attempt->index))
            continue;
        const struct attempt *a = r.u.attempt;
        struct row *row = &l->rows[a->index - l->from];
        mem_free(row->message);
        *row = (struct row){.attempts = a->attempt,
                            .result = (uint8_t)a->result,
                            .reason = (uint8_t)a->reason,
                            .disposition = (uint8_t)a->disposition,
                            .exit_code = a->exit_code,
                            .signal = a->signal,
                            .rank = a->rank,
                            .start_ns = a->start_ns,
                            .end_ns = a->end_ns};
        if (a->message[0] && !(row->message = mem_strdup(a->message)))
            return err_set(err, ENOMEM, "no memory for the tasks");
    }
    return got;
}

static bool row_ended(const struct row *row)
{
    return row->attempts > 0 && row->disposition == TASK_ENDS;
}

static bool row_wanted(const struct listing *l, const struct row *row)
{
    bool ended = row_ended(row);
    switch (l->wanted) {
    case WANT_ALL:
        break;
    case WANT_ACTIVE:
        return !ended;
    case WANT_SUCCEEDED:
        return ended && row->result == RESULT_SUCCESS;
    case WANT_FAILED:
        return ended && row->result == RESULT_FAILURE;
    }
    return true;
}

static void row_text(struct listing *l, const struct job *job, uint32_t index,
                     const char *id, const struct row *row)
{
    char how[384] = "", took[16] = "";
    struct attempt a;
    attempt_init(&a);
    a.reason = (enum reason)row->reason;
    a.exit_code = row->exit_code;
    a.signal = row->signal;
    a.start_ns = row->start_ns;
    a.end_ns = row->end_ns;
    snprintf(a.message, sizeof(a.message), "%s",
             row->message ? row->message : "");
    if (row->attempts > 0) {
        attempt_describe(&a, how);
        duration_format(row->end_ns - row->start_ns, took);
    }
    buf_printf(&l->out, "%-12s %-12s %-10s %3" PRIu32 " %8s  ", job->id, id,
               row_ended(row)
                   ? attempt_result_name((enum attempt_result)row->result)
                   : "active",
               row->attempts, took);
    describe_parameters(job, index, &l->out);
    if (row->reason != REASON_NONE)
        buf_printf(&l->out, "%s%s", job->tasks.kind != TASKS_LISTED ? "  " : "",
                   how);
    buf_putc(&l->out, '\n');
}

static json_t *value_json(const struct value *v)
{
    switch (v->type) {
    case VALUE_BOOL:
        return json_boolean(v->u.boolean);
    case VALUE_INT:
        return json_integer(v->u.integer);
    case VALUE_FLOAT: {
        json_t *number = json_real(v->u.number); /* not for inf and nan */
        return number ? number : json_string(v->text);
    }
    case VALUE_NULL:
        return json_null();
    case VALUE_STRING:
        break;
    }
    return json_string(v->text);
}

static json_t *parameters_json(const struct job *job, uint32_t index)
{
    json_t *params = json_object();
    struct buf room;
    struct value v;
    struct err err;
    buf_init(&room, VALUE_MAX_BYTES);
    for (uint32_t k = 0; k < job->tasks.param_count; k++) {
        if (taskset_value(&job->tasks, index, k, &room, &v, &err) == 0)
            json_object_set_new(params, job->tasks.params[k].name,
                                value_json(&v));
    }
    buf_fini(&room);
    return params;
}

/* Of a text that need not be UTF-8. */
static json_t *text_json(const char *text)
{
    struct buf b;
    buf_init(&b, 8192);
    text_put_printable(&b, text, strlen(text), true);
    json_t *string = json_string(buf_text(&b));
    buf_fini(&b);
    return string;
}

static int row_json(struct listing *l, const struct job *job, uint32_t index,
                    const char *id, const struct row *row)
{
    json_t *o = json_object(), *params = parameters_json(job, index);
    json_object_set_new(o, "job_id", json_string(job->id));
    json_object_set_new(o, "task_id", json_string(id));
    json_object_set_new(o, "task_index", json_integer(index));
    json_object_set_new(o, "state",
                        json_string(row_ended(row) ? "completed" : "active"));
    json_object_set_new(o, "attempts", json_integer(row->attempts));
    json_object_set_new(o, "parameters", params);
    if (row->attempts > 0) {
        json_object_set_new(
            o, "result",
            json_string(attempt_result_name((enum attempt_result)row->result)));
        json_object_set_new(
            o, "reason",
            json_string(attempt_reason_name((enum reason)row->reason)));
        json_object_set_new(o, "exit_code", json_integer(row->exit_code));
        json_object_set_new(o, "signal", json_integer(row->signal));
        json_object_set_new(o, "rank", json_integer(row->rank));
        json_object_set_new(o, "start_time",
                            json_real((double)row->start_ns / 1e9));
        json_object_set_new(o, "end_time",
                            json_real((double)row->end_ns / 1e9));
        if (row->message)
            json_object_set_new(o, "message", text_json(row->message));
    }
    char *text = json_dumps(o, JSON_COMPACT);
    int rc = -1;
    if (text)
        rc = buf_printf(&l->out, "%s\n  %s", l->first ? "" : ",", text);
    l->first = false;
    free(text);
    json_decref(o);
    return rc;
}

/* Print what is in l->out; what goes wrong is said here. */
static int out_flush(struct listing *l)
{
    int rc = 0;
    if (l->json)
        rc = stdout_put(buf_text(&l->out), l->out.len) == EXIT_OK ? 0 : -1;
    else
        display_put(&l->display, buf_text(&l->out), l->out.len);
    buf_reset(&l->out);
    return display_over(&l->display) ? -1 : rc;
}

/* -1 with err, or without where it was said already. */
static int window_show(struct listing *l, const struct job *job,
                       struct err *err)
{
    char id[JOBSPEC_MAX_ID + 1];
    for (uint32_t i = 0; i < l->count; i++) {
        const struct row *row = &l->rows[i];
        if (!row_wanted(l, row) || job_task_id(job, l->from + i, id, NULL) < 0)
            continue;
        if (!l->json)
            row_text(l, job, l->from + i, id, row);
        else if (row_json(l, job, l->from + i, id, row) < 0)
            return err_set(err, ENOMEM, "no memory to show task %s", id);
        if (l->out.len > OUT_BYTES / 2 && out_flush(l) < 0)
            return -1;
    }
    return out_flush(l);
}

static int job_show(struct listing *l, uint32_t j, struct err *err)
{
    const struct job *job = &l->run->spec->jobs[j];
    l->job = j;
    if (windows_survey(l, err) < 0)
        return -1;
    for (uint64_t from = 0; from < job->tasks.count; from += WINDOW_TASKS) {
        bool ended_only =
            l->wanted == WANT_SUCCEEDED || l->wanted == WANT_FAILED;
        if (ended_only && !l->touched[from / WINDOW_TASKS])
            continue;
        l->from = (uint32_t)from;
        l->count = job->tasks.count - l->from < WINDOW_TASKS
                       ? job->tasks.count - l->from
                       : WINDOW_TASKS;
        int rc = window_read(l, err);
        if (rc == 0)
            rc = window_show(l, job, err);
        rows_clear(l);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int listing_show(struct listing *l, int only_job,
                        const struct display_options *options)
{
    struct err err = {0};
    int rc = EXIT_FAILED;
    display_open(&l->display, options);
    l->rows = mem_calloc(WINDOW_TASKS, sizeof(l->rows[0]));
    l->past = journal_read(l->run->dir, l->run->spec, &err);
    if (!l->rows || !l->past)
        goto out;
    if (l->json)
        buf_puts(&l->out, "{\"version\": 1, \"tasks\": [");
    else
        buf_printf(&l->out, "%-12s %-12s %-10s %3s %8s  %s\n", "JOB", "TASK",
                   "STATE", "TRY", "TIME", "PARAMETERS, HOW IT ENDED");
    for (uint32_t j = 0; j < l->run->spec->job_count; j++)
        if ((only_job < 0 || (uint32_t)only_job == j) &&
            job_show(l, j, &err) < 0)
            goto out;
    if (l->json)
        buf_puts(&l->out, "\n]}\n");
    rc = out_flush(l) < 0 ? EXIT_FAILED : EXIT_OK;
out:
    if (rc != EXIT_OK && err.code)
        log_error("%s", err.text);
    journal_reader_destroy(l->past);
    mem_free(l->rows);
    bool left = display_over(&l->display);
    int shown = display_close(&l->display);
    return left || rc == EXIT_OK ? shown : rc;
}

static int tasks(void *values)
{
    struct tasks_values *v = values;
    struct listing l = {.first = true,
                        .json = v->json,
                        .wanted = v->failed ? WANT_FAILED : v->state};
    struct run_arg run;
    int only_job = -1, rc = run_arg_open(v->run, &run);
    if (rc != 0)
        return rc;
    if (v->job && (only_job = jobspec_find_job(run.spec, v->job)) < 0) {
        rc = usage_error("tasks", "the run has no job \"%s\"", v->job);
    } else {
        buf_init(&l.out, 4 * OUT_BYTES);
        l.run = &run;
        rc = listing_show(&l, only_job, &v->display);
        buf_fini(&l.out);
    }
    run_arg_close(&run);
    return rc;
}

static const char *const states[] = {"all", "active", "succeeded", "failed",
                                     NULL};

static const struct opt opts[] = {
    {.name = "failed",
     .kind = OPT_FLAG,
     .at = offsetof(struct tasks_values, failed),
     .excludes = "state",
     .meaning = "only tasks that failed"},
    {.name = "state",
     .kind = OPT_CHOICE,
     .value = "STATE",
     .at = offsetof(struct tasks_values, state),
     .words = states,
     .fallback = "all",
     .meaning = "only tasks in this state"},
    {.name = "job",
     .kind = OPT_TEXT,
     .value = "ID",
     .at = offsetof(struct tasks_values, job),
     .meaning = "only this job"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct tasks_values, json),
     .meaning = "print JSON, {\"version\": 1, \"tasks\": [...]}"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct tasks_values, display))};

static const struct arg args[] = {
    {.name = "RUN",
     .noun = "run directory",
     .kind = OPT_RUN,
     .at = offsetof(struct tasks_values, run),
     .meaning = "a run directory, or the job spec that it was made from"}};

const struct cmd cmd_tasks = {
    .name = "tasks",
    .summary = "list the tasks of a run",
    .description = "List the tasks of the run RUN, as its journal has them by "
                   "now.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .values_size = sizeof(struct tasks_values),
    .main = tasks};
