/* Queries: columns and their values. See query.h. */
#include "config.h"
#include "view/query.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "model/format.h"
#include "model/jobcommand.h"
#include "model/record.h"
#include "view/describe.h"
#include "view/query_internal.h"

static const char *const tail_names[TAIL_COUNT] = {
    [TAIL_ATTEMPTS] = "attempts",
    [TAIL_SESSION] = "session",
    [TAIL_MESSAGE] = "message",
    [TAIL_COMMAND] = "command",
};

const char *query_state_name(enum query_state state)
{
    static const char *const names[] = {"active", "running", "succeeded",
                                        "failed", "invalid", "skipped"};
    return names[state];
}

/* ---- The columns of a run ---- */

enum { NAME_MAX_BYTES = 256, ARENA_BYTES = 64 << 20 };

/* The column of that name among from..column_count-1, or column_count. */
static uint32_t find_name(const struct query *q, uint32_t from,
                          const char *name)
{
    uint32_t i = from;
    while (i < q->column_count && strcmp(q->names[i], name) != 0)
        i++;
    return i;
}

/* Add a column; its name may have to be another one. -1: no memory. */
static int add_name(struct query *q, const char *name)
{
    char unique[NAME_MAX_BYTES + 8];
    size_t len = strnlen(name, NAME_MAX_BYTES);
    memcpy(unique, name, len);
    unique[len] = '\0';
    while (find_name(q, 0, unique) < q->column_count &&
           len < sizeof(unique) - 1) {
        unique[len++] = '_';
        unique[len] = '\0';
    }
    q->names[q->column_count] = arena_strdup(q->arena, unique);
    return q->names[q->column_count] ? (int)q->column_count++ : -1;
}

/* Columns for names that some jobs share; originals[i] is the name, before it
 * was made unique, of column first + i. UINT32_MAX: there are too many. */
static int shared_column(struct query *q, const char **originals,
                         uint32_t first, const char *name, uint32_t *column)
{
    for (uint32_t i = first; i < q->column_count; i++)
        if (strcmp(originals[i], name) == 0) {
            *column = i;
            return 0;
        }
    *column = UINT32_MAX;
    if (q->column_count >= QUERY_MAX_COLUMNS - TAIL_COUNT)
        return 0;
    originals[q->column_count] = name;
    int c = add_name(q, name);
    if (c >= 0)
        *column = (uint32_t)c;
    return c < 0 ? -1 : 0;
}

static int add_parameters(struct query *q, const char **originals)
{
    for (uint32_t j = 0; j < q->spec->job_count; j++) {
        const struct taskset *set = &q->spec->jobs[j].tasks;
        uint32_t *columns =
            arena_calloc(q->arena, set->param_count + 1, sizeof(*columns));
        if (!columns)
            return -1;
        q->jobs[j].params = columns;
        for (uint32_t i = 0; i < set->param_count; i++)
            if (shared_column(q, originals, COL_COUNT, set->params[i].name,
                              &columns[i]) < 0)
                return -1;
    }
    q->param_count = q->column_count - COL_COUNT;
    return 0;
}

static int add_metrics(struct query *q, const char **originals)
{
    q->metric_first = q->column_count;
    for (uint32_t j = 0; j < q->spec->job_count; j++) {
        const struct job *job = &q->spec->jobs[j];
        uint32_t *columns =
            arena_calloc(q->arena, job->metric_count + 1, sizeof(*columns));
        if (!columns)
            return -1;
        q->jobs[j].metrics = columns;
        for (uint32_t i = 0; i < job->metric_count; i++)
            if (shared_column(q, originals, q->metric_first,
                              job->metrics[i].name, &columns[i]) < 0)
                return -1;
    }
    q->metric_count = q->column_count - q->metric_first;
    return 0;
}

/* The states of the metrics, then the tail. */
static int add_rest(struct query *q, const char **originals)
{
    char name[NAME_MAX_BYTES];
    q->states_first = q->column_count;
    for (uint32_t i = 0; i < q->metric_count; i++) {
        if (q->column_count >= QUERY_MAX_COLUMNS - TAIL_COUNT)
            break;
        snprintf(name, sizeof(name), "%s_state",
                 originals[q->metric_first + i]);
        if (add_name(q, name) < 0)
            return -1;
    }
    q->tail_first = q->column_count;
    for (uint32_t i = 0; i < TAIL_COUNT; i++)
        if (add_name(q, tail_names[i]) < 0)
            return -1;
    return 0;
}

static int columns_make(struct query *q)
{
    const char **originals =
        arena_calloc(q->arena, QUERY_MAX_COLUMNS, sizeof(*originals));
    q->names = arena_calloc(q->arena, QUERY_MAX_COLUMNS, sizeof(*q->names));
    q->jobs = arena_calloc(q->arena, q->spec->job_count, sizeof(q->jobs[0]));
    if (!originals || !q->names || !q->jobs)
        return -1;
    for (uint32_t i = 0; i < COL_COUNT; i++)
        if (add_name(q, column_names[i]) < 0)
            return -1;
    return add_parameters(q, originals) < 0 || add_metrics(q, originals) < 0
               ? -1
               : add_rest(q, originals);
}

uint32_t query_column_count(const struct query *q)
{
    return q->column_count;
}

const char *query_column_name(const struct query *q, uint32_t column)
{
    return q->names[column];
}

int query_column(const struct query *q, const char *name, struct err *err)
{
    static const struct {
        const char *alias;
        uint32_t column;
    } aliases[] = {{"job", COL_JOB_ID},
                   {"task", COL_TASK_ID},
                   {"index", COL_TASK_INDEX},
                   {"host", COL_NODE}};
    uint32_t i = find_name(q, 0, name);
    if (i < q->column_count)
        return (int)i;
    for (i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(aliases[i].alias, name) == 0)
            return (int)aliases[i].column;
    const char *near = text_nearest(name, q->names, q->column_count);
    if (near)
        return err_set(err, EINVAL, "no column \"%s\"; did you mean %s?", name,
                       near);
    return err_set(err, EINVAL, "no column \"%s\"", name);
}

uint32_t query_parameters(const struct query *q, uint32_t *count)
{
    *count = q->param_count;
    return COL_COUNT;
}

uint32_t query_metrics(const struct query *q, uint32_t *count)
{
    *count = q->metric_count;
    return q->metric_first;
}

static bool is_parameter(const struct query *q, uint32_t column)
{
    return column >= COL_COUNT && column < COL_COUNT + q->param_count;
}

bool column_is_common(const struct query *q, uint32_t column)
{
    return column != COL_TASK_ID && column != COL_TASK_INDEX &&
           !is_parameter(q, column) && column != q->tail_first + TAIL_COMMAND;
}

/* Which of the job's parameters or metrics the column is, or -1. */
static int place_of(const uint32_t *columns, uint32_t count, uint32_t column)
{
    for (uint32_t i = 0; i < count; i++)
        if (columns[i] == column)
            return (int)i;
    return -1;
}

/* Which metric of the job a column of metrics or of their states is, or -1. */
static int metric_of(const struct query *q, uint32_t job, uint32_t column)
{
    if (job >= q->spec->job_count)
        return -1;
    if (column >= q->states_first)
        column = q->metric_first + (column - q->states_first);
    return place_of(q->jobs[job].metrics, q->spec->jobs[job].metric_count,
                    column);
}

const struct metric *query_metric(const struct query *q, uint32_t job,
                                  uint32_t column)
{
    if (column < q->metric_first || column >= q->states_first)
        return NULL;
    int i = metric_of(q, job, column);
    return i < 0 ? NULL : &q->spec->jobs[job].metrics[i];
}

const struct jobspec *query_spec(const struct query *q)
{
    return q->spec;
}

bool query_job_has(const struct query *q, uint32_t job, uint32_t column)
{
    if (is_parameter(q, column))
        return place_of(q->jobs[job].params,
                        q->spec->jobs[job].tasks.param_count, column) >= 0;
    return column < COL_COUNT || column >= q->tail_first ||
           metric_of(q, job, column) >= 0;
}

/* ---- Values ---- */

static void set_integer(struct value *v, int64_t i)
{
    v->type = VALUE_INT;
    v->u.integer = i;
}

static void set_number(struct value *v, double d)
{
    v->type = VALUE_FLOAT;
    v->u.number = d;
}

static void set_seconds(struct value *v, int64_t ns)
{
    set_number(v, (double)ns / (double)NS_PER_SEC);
}

/* A moment, if it is known. */
static void set_time(struct value *v, int64_t ns)
{
    if (ns > 0)
        set_seconds(v, ns);
}

/* A value of the last attempt. */
static void attempt_value(const struct attempt *a, uint32_t column,
                          struct value *v)
{
    enum failure failure = attempt_failure(a);
    switch (column) {
    case COL_ATTEMPT:
        set_integer(v, a->attempt);
        break;
    case COL_RESULT:
        value_string(v, attempt_result_name(a->result));
        break;
    case COL_REASON:
        value_string(v, attempt_reason_name(a->reason));
        break;
    case COL_FAILURE_CODE:
        if (failure != FAILURE_NONE)
            value_string(v, failure_code(failure));
        break;
    case COL_FAILURE_CATEGORY:
        if (failure != FAILURE_NONE)
            value_string(v, failure_category_name(failure_category(failure)));
        break;
    case COL_EXIT_CODE:
        if (a->exit_code >= 0)
            set_integer(v, a->exit_code);
        break;
    case COL_SIGNAL:
        if (a->signal > 0)
            set_integer(v, a->signal);
        break;
    case COL_RANK:
        set_integer(v, a->rank);
        break;
    case COL_SLOT:
        set_integer(v, a->slot);
        break;
    case COL_SUBMIT:
        set_time(v, a->submit_ns);
        break;
    case COL_START:
        set_time(v, a->start_ns);
        break;
    case COL_END:
        set_time(v, a->end_ns);
        break;
    case COL_DURATION:
        if (a->start_ns > 0 && a->end_ns > 0)
            set_seconds(v, a->end_ns - a->start_ns);
        break;
    case COL_PREPARE:
        set_seconds(v, a->prepare_ns);
        break;
    case COL_STORE:
        set_seconds(v, a->store_ns);
        break;
    case COL_USER:
        set_seconds(v, a->user_ns);
        break;
    case COL_SYSTEM:
        set_seconds(v, a->system_ns);
        break;
    case COL_MAX_RSS:
        if (a->max_rss_bytes > 0) /* else it was below the worker's own */
            set_integer(v, (int64_t)a->max_rss_bytes);
        break;
    case COL_READ:
        set_integer(v, (int64_t)a->read_bytes);
        break;
    case COL_WRITE:
        set_integer(v, (int64_t)a->write_bytes);
        break;
    case COL_STDOUT:
    case COL_STDERR:
        set_integer(v, (int64_t)a->output[column - COL_STDOUT].bytes);
        break;
    case COL_FILES:
        set_integer(v, a->file_count);
        break;
    case COL_FILE_BYTES:
        set_integer(v, (int64_t)attempt_file_bytes(a));
        break;
    default:
        break;
    }
}

static void metric_value(const struct query *q, const struct query_task *t,
                         uint32_t column, struct value *v)
{
    int i = metric_of(q, t->job, column);
    if (i < 0 || !t->last || special_of(t->index) != SPECIAL_NONE)
        return;
    const struct metric *m = &q->spec->jobs[t->job].metrics[i];
    const struct metric_value *found = &t->last->metrics[i];
    if (column >= q->states_first) {
        value_string(v, metric_state_name(found->state));
        return;
    }
    if (!metric_has_value(found->state) || found->cells > 0)
        return;
    switch (m->type) {
    case METRIC_FLOAT64:
        set_number(v, found->u.number);
        break;
    case METRIC_INT64:
        set_integer(v, found->u.integer);
        break;
    case METRIC_STRING:
        value_string(v, found->string ? found->string : "");
        break;
    }
}

static int id_value(const struct query *q, const struct query_task *t,
                    struct buf *room, struct value *v, struct err *err)
{
    char id[JOBSPEC_MAX_ID + 1];
    if (t->id[0]) {
        value_string(v, t->id);
        return 0;
    }
    if (query_task_id(q, t->job, t->index, id, err) < 0)
        return -1;
    if (buf_puts(room, id) < 0)
        return err_set(err, ENOMEM, "no memory for a task's id");
    value_string(v, buf_text(room));
    return 0;
}

static int command_value(const struct query *q, const struct query_task *t,
                         struct buf *room, struct value *v, struct err *err)
{
    if (special_of(t->index) != SPECIAL_NONE)
        return 0;
    const struct job *job = &q->spec->jobs[t->job];
    char id[JOBSPEC_MAX_ID + 1];
    struct template_context c = {.index = t->index,
                                 .task_id = id,
                                 .job_id = job->id,
                                 .run_dir = rundir_path(q->dir),
                                 .spec_dir = rundir_spec_folder(q->dir)};
    if (job_task_id(job, t->index, id, err) < 0 ||
        job_command_show(job, &c, room, NULL, err) < 0)
        return -1;
    value_string(v, buf_text(room));
    return 0;
}

/* Why a task is skipped. */
static int skipped_value(const struct query *q, const struct query_task *t,
                         struct buf *room, struct value *v, struct err *err)
{
    char name[DESCRIBE_TASK_BYTES];
    describe_task(q->spec, t->for_job, t->for_index, name);
    if ((query_task_deleted(t) ? buf_puts(room, "deleted")
                               : buf_printf(room, "depends on %s", name)) < 0)
        return err_set(err, ENOMEM, "no memory for a message");
    value_string(v, buf_text(room));
    return 0;
}

static int tail_value(const struct query *q, const struct query_task *t,
                      uint32_t which, struct buf *room, struct value *v,
                      struct err *err)
{
    switch (which) {
    case TAIL_ATTEMPTS:
        set_integer(v, t->last ? t->last->attempt : 0);
        return 0;
    case TAIL_SESSION:
        if (t->session > 0)
            set_integer(v, t->session);
        return 0;
    case TAIL_MESSAGE:
        if (t->state == QUERY_SKIPPED)
            return skipped_value(q, t, room, v, err);
        if (t->last)
            value_string(v, t->last->message);
        return 0;
    default:
        return command_value(q, t, room, v, err);
    }
}

static int parameter_value(const struct query *q, const struct query_task *t,
                           uint32_t column, struct buf *room, struct value *v,
                           struct err *err)
{
    if (special_of(t->index) != SPECIAL_NONE)
        return 0;
    const struct taskset *set = &q->spec->jobs[t->job].tasks;
    int i = place_of(q->jobs[t->job].params, set->param_count, column);
    if (i < 0)
        return 0;
    return taskset_value(set, t->index, (uint32_t)i, room, v, err);
}

int query_value(const struct query *q, const struct query_task *t,
                uint32_t column, struct buf *room, struct value *v,
                struct err *err)
{
    *v = (struct value){.type = VALUE_NULL};
    if (is_parameter(q, column))
        return parameter_value(q, t, column, room, v, err);
    if (column >= q->tail_first)
        return tail_value(q, t, column - q->tail_first, room, v, err);
    if (column >= COL_COUNT) {
        metric_value(q, t, column, v);
        return 0;
    }
    switch (column) {
    case COL_JOB_ID:
        value_string(v, jobspec_job_id(q->spec, t->job));
        return 0;
    case COL_TASK_ID:
        return id_value(q, t, room, v, err);
    case COL_TASK_INDEX:
        set_integer(v, t->index);
        return 0;
    case COL_STATE:
        value_string(v, query_state_name(t->state));
        return 0;
    case COL_RESULT:
        if (t->state == QUERY_SKIPPED)
            value_string(v, attempt_result_name(RESULT_SKIPPED));
        else if (t->last)
            attempt_value(t->last, column, v);
        return 0;
    case COL_NODE:
        if (t->node[0])
            value_string(v, t->node);
        return 0;
    default:
        if (t->last)
            attempt_value(t->last, column, v);
        return 0;
    }
}

int query_value_put(const struct value *v, struct buf *out)
{
    static const struct format plain = {
        .present = true, .width = -1, .precision = -1};
    if (v->type == VALUE_NULL)
        return 0;
    if (v->text)
        return buf_puts(out, v->text);
    if (v->type == VALUE_INT)
        return buf_printf(out, "%" PRId64, v->u.integer);
    if (v->type == VALUE_BOOL)
        return buf_puts(out, v->u.boolean ? "true" : "false");
    return format_put(out, &plain, v) == 0 ? 0 : -1;
}

/* ---- Life ---- */

struct query *query_open(const struct rundir *dir, const struct jobspec *spec,
                         int64_t now_ns, struct err *err)
{
    struct query *q = mem_calloc(1, sizeof(*q));
    if (!q)
        goto nomem;
    q->dir = dir;
    q->spec = spec;
    map_init(&q->node_numbers);
    map_init(&q->running_at);
    buf_init(&q->packed, RECORD_MAX_BYTES);
    attempt_init(&q->last);
    q->arena = arena_create(ARENA_BYTES);
    q->untouched = mem_calloc(spec->job_count, sizeof(q->untouched[0]));
    q->begun = mem_calloc(spec->job_count, sizeof(q->begun[0]));
    q->base = mem_calloc((size_t)spec->job_count + 1, sizeof(q->base[0]));
    if (!q->arena || !q->untouched || !q->begun || !q->base ||
        columns_make(q) < 0)
        goto nomem;
    for (uint32_t j = 0; j < spec->job_count; j++)
        q->base[j + 1] = q->base[j] + spec->jobs[j].tasks.count;
    q->total = q->base[spec->job_count];
    q->running = running_read(dir, now_ns, err);
    q->past = q->running ? journal_read(dir, spec, err) : NULL;
    if (q->past && query_survey(q, err) == 0)
        return q;
    query_close(q);
    return NULL;
nomem:
    query_close(q);
    err_set(err, ENOMEM, "no memory to look at the run");
    return NULL;
}

void query_close(struct query *q)
{
    if (!q)
        return;
    int saved = errno;
    journal_reader_destroy(q->past);
    attempt_fini(&q->last);
    buf_fini(&q->packed);
    map_fini(&q->node_numbers);
    map_fini(&q->running_at);
    mem_free(q->running);
    mem_free(q->rows);
    mem_free(q->windows);
    mem_free(q->base);
    mem_free(q->untouched);
    mem_free(q->begun);
    arena_destroy(q->arena);
    mem_free(q);
    errno = saved;
}
