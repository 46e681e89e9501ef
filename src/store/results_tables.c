/* /batch: tasks and outputs. See results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "model/columns.h"
#include "store/h5_table.h"
#include "store/results_packs.h"

double time_s(int64_t ns)
{
    return ns > 0 ? (double)ns / (double)NS_PER_SEC : NAN;
}

double attempt_duration_s(const struct attempt *a)
{
    return a->start_ns > 0 && a->end_ns > 0
               ? (double)(a->end_ns - a->start_ns) / (double)NS_PER_SEC
               : NAN;
}

/* ---- /batch/tasks: which columns ---- */

/* Parameters and metrics follow them. */
static const struct hdf_column builtin_columns[COL_COUNT] = {
    [COL_JOB_ID] = {.kind = CELL_STRING},
    [COL_TASK_ID] = {.kind = CELL_STRING},
    [COL_TASK_INDEX] = {.kind = CELL_INT64},
    [COL_ATTEMPT] = {.kind = CELL_INT32},
    [COL_STATE] = {.kind = CELL_STRING, .size = 9},
    [COL_RESULT] = {.kind = CELL_STRING, .size = 7},
    [COL_REASON] = {.kind = CELL_STRING},
    [COL_FAILURE_CODE] = {.kind = CELL_STRING},
    [COL_FAILURE_CATEGORY] = {.kind = CELL_STRING, .size = 12},
    [COL_EXIT_CODE] = {.kind = CELL_INT32},
    [COL_SIGNAL] = {.kind = CELL_INT32},
    [COL_NODE] = {.kind = CELL_STRING},
    [COL_RANK] = {.kind = CELL_INT32},
    [COL_SLOT] = {.kind = CELL_INT32},
    [COL_SUBMIT] = {.kind = CELL_FLOAT64},
    [COL_START] = {.kind = CELL_FLOAT64},
    [COL_END] = {.kind = CELL_FLOAT64},
    [COL_DURATION] = {.kind = CELL_FLOAT64},
    [COL_PREPARE] = {.kind = CELL_FLOAT64},
    [COL_STORE] = {.kind = CELL_FLOAT64},
    [COL_USER] = {.kind = CELL_FLOAT64},
    [COL_SYSTEM] = {.kind = CELL_FLOAT64},
    [COL_MAX_RSS] = {.kind = CELL_INT64},
    [COL_READ] = {.kind = CELL_INT64},
    [COL_WRITE] = {.kind = CELL_INT64},
    [COL_STDOUT] = {.kind = CELL_INT64},
    [COL_STDERR] = {.kind = CELL_INT64},
    [COL_FILES] = {.kind = CELL_INT64},
    [COL_FILE_BYTES] = {.kind = CELL_INT64},
};

/* A column that some jobs have: of which of their parameters or metrics. */
struct extra {
    const char *name;
    bool is_metric;
    int8_t at[JOBSPEC_MAX_JOBS]; /* -1: this job has none */
};

/* Outputs on their way into the file: of one stream. */
struct stream {
    struct pack_copy pack;
    struct hdf_table *index;
};

struct tables {
    struct build *build;
    struct extra *extras;
    uint32_t extra_count, left_out;
    struct buf left_out_names;
    struct hdf_column columns[TABLE_MAX_COLUMNS];
    char names[TABLE_MAX_COLUMNS][RESULTS_MAX_NAME + 1];
    struct hdf_column index_columns[2];
    struct hdf_table *tasks;
    struct side *side;
    struct specials *specials;
    struct files *files;
    uint64_t rows; /* of tasks */
    struct stream streams[2];
    struct buf room; /* for a value */
};

/* The extra column of that name and sort; made if it is new. NULL: full. */
static struct extra *find_extra(struct tables *t, const char *name,
                                bool is_metric)
{
    for (uint32_t i = 0; i < t->extra_count; i++)
        if (t->extras[i].is_metric == is_metric &&
            strcmp(t->extras[i].name, name) == 0)
            return &t->extras[i];
    if (COL_COUNT + t->extra_count == TABLE_MAX_COLUMNS)
        return NULL;
    struct extra *e = &t->extras[t->extra_count++];
    e->name = name;
    e->is_metric = is_metric;
    memset(e->at, -1, sizeof(e->at));
    return e;
}

/* Note a column that finds no room: how many there are, and which, as far as
 * an attribute holds their names. */
static void leave_out(struct tables *t, const char *name)
{
    struct buf word;
    buf_init(&word, 2 * RESULTS_MAX_NAME + 4);
    bool known = buf_printf(&word, " %s ", name) == 0 &&
                 strstr(buf_text(&t->left_out_names), buf_text(&word));
    buf_fini(&word);
    if (known)
        return;
    t->left_out++;
    (void)buf_printf(&t->left_out_names, "%s%s ",
                     t->left_out_names.len > 0 ? "" : " ", name);
}

static void add_extra(struct tables *t, uint32_t job, const char *name,
                      bool is_metric, uint32_t i)
{
    struct extra *e = find_extra(t, name, is_metric);
    if (e)
        e->at[job] = (int8_t)i;
    else
        leave_out(t, name);
}

static void find_extras(struct tables *t)
{
    const struct jobspec *spec = t->build->spec;
    for (uint32_t j = 0; j < spec->job_count; j++)
        for (uint32_t i = 0; i < spec->jobs[j].tasks.param_count; i++)
            add_extra(t, j, spec->jobs[j].tasks.params[i].name, false, i);
    for (uint32_t j = 0; j < spec->job_count; j++)
        for (uint32_t i = 0; i < spec->jobs[j].metric_count; i++)
            if (spec->jobs[j].metrics[i].rank == 0) /* pandas has no arrays */
                add_extra(t, j, spec->jobs[j].metrics[i].name, true, i);
}

/* What one job has in an extra column: of a text also its length, of numbers
 * written as text the most that they take. */
static enum cell_kind extra_kind(const struct build *b, const struct extra *e,
                                 uint32_t job, size_t *longest, bool *gaps)
{
    const struct job *j = &b->spec->jobs[job];
    *gaps = false;
    if (!e->is_metric) {
        *longest = j->tasks.params[e->at[job]].longest;
        return param_kind(&j->tasks.params[e->at[job]]);
    }
    const struct metric *m = &j->metrics[e->at[job]];
    const struct survey_metric *s = &b->survey.jobs[job].metrics[e->at[job]];
    *longest = m->type == METRIC_STRING ? s->longest : 24;
    *gaps = s->gaps;
    return m->type == METRIC_STRING  ? CELL_STRING
           : m->type == METRIC_INT64 ? CELL_INT64
                                     : CELL_FLOAT64;
}

/* One kind for all jobs: the same as theirs; numbers of different kinds, or
 * with gaps, are float64; else texts. */
static void set_extra_column(const struct build *b, const struct extra *e,
                             struct hdf_column *c)
{
    bool first = true, text = false, mixed = false;
    c->size = 1;
    for (uint32_t j = 0; j < b->spec->job_count; j++) {
        size_t longest = 0;
        bool gaps = true;
        enum cell_kind kind = CELL_FLOAT64;
        if (e->at[j] >= 0) {
            kind = extra_kind(b, e, j, &longest, &gaps);
            text = text || kind == CELL_STRING;
            mixed = mixed || (!first && kind != c->kind);
            c->kind = kind;
            first = false;
        }
        mixed = mixed || gaps;
        c->size = longest > c->size ? longest : c->size;
    }
    c->kind = text ? CELL_STRING : mixed ? CELL_FLOAT64 : c->kind;
}

static void set_columns(struct tables *t)
{
    const struct build *b = t->build;
    size_t longest_reason = 1;
    for (int i = 0; i < REASON_COUNT; i++) {
        size_t len = strlen(attempt_reason_name((enum reason)i));
        longest_reason = len > longest_reason ? len : longest_reason;
    }
    size_t longest_code = 1;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        size_t len = strlen(failure_code((enum failure)i));
        longest_code = len > longest_code ? len : longest_code;
    }
    for (uint32_t i = 0; i < COL_COUNT; i++) {
        t->columns[i] = builtin_columns[i];
        t->columns[i].name = column_names[i];
        snprintf(t->names[i], sizeof(t->names[i]), "%s", column_names[i]);
    }
    t->columns[COL_JOB_ID].size = row_text_size(b->survey.longest_job_id);
    t->columns[COL_TASK_ID].size = row_text_size(b->survey.longest_task_id);
    t->columns[COL_REASON].size = longest_reason;
    t->columns[COL_FAILURE_CODE].size = longest_code;
    t->columns[COL_NODE].size = row_text_size(b->survey.longest_host);
    for (uint32_t i = 0; i < t->extra_count; i++) {
        uint32_t at = COL_COUNT + i;
        name_unique(t->names[at], t->extras[i].name, t->names, at);
        t->columns[at].name = t->names[at];
        set_extra_column(b, &t->extras[i], &t->columns[at]);
    }
}

/* ---- /batch/output ---- */

/* An output's row in the index. */
static int put_output(struct tables *t, const struct output *o, int stream,
                      struct err *err)
{
    struct stream *s = &t->streams[stream];
    uint64_t bytes = o->place == OUTPUT_EMPTY ? 0 : o->bytes;
    uint64_t at = RESULTS_ELSEWHERE;
    if ((o->place == OUTPUT_PACKED || bytes == 0) &&
        pack_copy_put(&s->pack, o->session, o->offset, bytes, &at, err) < 0)
        return -1;
    unsigned char *row = hdf_table_row(s->index, err);
    if (!row)
        return -1;
    row_i64(row, &t->index_columns[0], (int64_t)at);
    row_i64(row, &t->index_columns[1], (int64_t)bytes);
    return 0;
}

/* ---- Rows ---- */

static int put_value(struct tables *t, unsigned char *row,
                     const struct hdf_column *c, const struct taskset *set,
                     uint32_t index, uint32_t param, struct err *err)
{
    struct value v;
    double number;
    bool text = c->kind == CELL_STRING;
    if (taskset_value(set, index, param, text ? &t->room : NULL, &v, err) < 0)
        return -1;
    if (text)
        row_text(row, c, v.text);
    else if (c->kind == CELL_INT8)
        row[c->offset] = v.u.boolean;
    else if (c->kind == CELL_INT64)
        row_i64(row, c, v.u.integer);
    else
        row_f64(row, c, value_number(&v, &number) ? number : NAN);
    return 0;
}

static void put_metric(unsigned char *row, const struct hdf_column *c,
                       const struct metric *m, const struct metric_value *v)
{
    char text[32] = "";
    bool ok = metric_has_value(v->state);
    if (c->kind == CELL_INT64) {
        row_i64(row, c, v->u.integer); /* it has no gaps */
    } else if (c->kind == CELL_FLOAT64) {
        double number =
            m->type == METRIC_INT64 ? (double)v->u.integer : v->u.number;
        row_f64(row, c, ok ? number : NAN);
    } else if (m->type == METRIC_STRING) {
        row_text(row, c, ok ? v->string : "");
    } else if (ok) {
        if (m->type == METRIC_INT64)
            snprintf(text, sizeof(text), "%lld", (long long)v->u.integer);
        else
            snprintf(text, sizeof(text), "%.17g", v->u.number);
        row_text(row, c, text);
    }
}

static int put_extras(struct tables *t, unsigned char *row,
                      const struct attempt *a, struct err *err)
{
    const struct job *job = &t->build->spec->jobs[a->job];
    for (uint32_t i = 0; i < t->extra_count; i++) {
        const struct extra *e = &t->extras[i];
        const struct hdf_column *c = &t->columns[COL_COUNT + i];
        int at = e->at[a->job];
        if (at < 0 && c->kind == CELL_FLOAT64)
            row_f64(row, c, NAN);
        else if (at >= 0 && e->is_metric)
            put_metric(row, c, &job->metrics[at], &a->metrics[at]);
        else if (at >= 0 && put_value(t, row, c, &job->tasks, a->index,
                                      (uint32_t)at, err) < 0)
            return -1;
    }
    return 0;
}

static int put_attempt(struct tables *t, const struct attempt *a,
                       uint32_t session, struct err *err)
{
    const struct hdf_column *c = t->columns;
    const struct job *job = &t->build->spec->jobs[a->job];
    enum failure failure = attempt_failure(a);
    char id[JOBSPEC_MAX_ID + 1];
    if (job_task_id(job, a->index, id, err) < 0)
        return -1;
    unsigned char *row = hdf_table_row(t->tasks, err);
    if (!row)
        return -1;
    row_text(row, &c[COL_JOB_ID], job->id);
    row_text(row, &c[COL_TASK_ID], id);
    row_i64(row, &c[COL_TASK_INDEX], a->index);
    row_i32(row, &c[COL_ATTEMPT], (int32_t)a->attempt);
    row_text(row, &c[COL_STATE],
             a->disposition == TASK_ENDS ? "completed" : "active");
    row_text(row, &c[COL_RESULT], attempt_result_name(a->result));
    row_text(row, &c[COL_REASON], attempt_reason_name(a->reason));
    row_text(row, &c[COL_FAILURE_CODE], failure_code(failure));
    row_text(row, &c[COL_FAILURE_CATEGORY],
             failure_category_name(failure_category(failure)));
    row_i32(row, &c[COL_EXIT_CODE], a->exit_code);
    row_i32(row, &c[COL_SIGNAL], a->signal);
    row_text(row, &c[COL_NODE],
             survey_host(&t->build->survey, session, a->rank));
    row_i32(row, &c[COL_RANK], (int32_t)a->rank);
    row_i32(row, &c[COL_SLOT], (int32_t)a->slot);
    row_f64(row, &c[COL_SUBMIT], time_s(a->submit_ns));
    row_f64(row, &c[COL_START], time_s(a->start_ns));
    row_f64(row, &c[COL_END], time_s(a->end_ns));
    row_f64(row, &c[COL_DURATION], attempt_duration_s(a));
    row_f64(row, &c[COL_PREPARE], (double)a->prepare_ns / (double)NS_PER_SEC);
    row_f64(row, &c[COL_STORE], (double)a->store_ns / (double)NS_PER_SEC);
    row_f64(row, &c[COL_USER], (double)a->user_ns / (double)NS_PER_SEC);
    row_f64(row, &c[COL_SYSTEM], (double)a->system_ns / (double)NS_PER_SEC);
    row_i64(row, &c[COL_MAX_RSS], (int64_t)a->max_rss_bytes);
    row_i64(row, &c[COL_READ], (int64_t)a->read_bytes);
    row_i64(row, &c[COL_WRITE], (int64_t)a->write_bytes);
    row_i64(row, &c[COL_STDOUT], (int64_t)a->output[0].bytes);
    row_i64(row, &c[COL_STDERR], (int64_t)a->output[1].bytes);
    row_i64(row, &c[COL_FILES], a->file_count);
    row_i64(row, &c[COL_FILE_BYTES], (int64_t)attempt_file_bytes(a));
    if (put_extras(t, row, a, err) < 0)
        return -1;
    if (put_output(t, &a->output[0], 0, err) < 0 ||
        put_output(t, &a->output[1], 1, err) < 0)
        return -1;
    return files_put(t->files, a, id, t->rows++, err);
}

/* ---- All together ---- */

static int create_streams(struct tables *t, struct err *err)
{
    static const char *const paths[] = {"/batch/output/stdout",
                                        "/batch/output/stderr"};
    static const char *const index[] = {"/batch/output/stdout_index",
                                        "/batch/output/stderr_index"};
    struct hdf_file *f = t->build->file;
    size_t row;
    for (int i = 0; i < 2; i++) {
        struct stream *s = &t->streams[i];
        if (pack_copy_init(&s->pack, t->build, (enum results_pack)i, paths[i],
                           err) < 0)
            return -1;
        s->index =
            hdf_table_create(f, index[i], t->index_columns, 2, &row, err);
        if (!s->index)
            return -1;
    }
    return 0;
}

static int put_left_out(struct tables *t, struct err *err)
{
    struct hdf_file *f = t->build->file;
    char *names = t->left_out_names.data;
    if (t->left_out == 0)
        return 0;
    if (hdf_attr_int(f, "/batch/tasks", "columns_left_out", t->left_out, err) <
        0)
        return -1;
    if (!names)
        return err_set(err, ENOMEM, "no memory for the names of columns");
    names[t->left_out_names.len - 1] = '\0'; /* the blank at the end */
    return hdf_attr_text(f, "/batch/tasks", "columns_left_out_names", names + 1,
                         err);
}

static int create_tables(struct tables *t, struct err *err)
{
    struct hdf_file *f = t->build->file;
    size_t row;
    find_extras(t);
    set_columns(t);
    t->index_columns[0] = (struct hdf_column){"offset", CELL_UINT64, 0, 0};
    t->index_columns[1] = (struct hdf_column){"length", CELL_UINT64, 0, 0};
    t->tasks = hdf_table_create(f, "/batch/tasks", t->columns,
                                COL_COUNT + t->extra_count, &row, err);
    if (!t->tasks || put_left_out(t, err) < 0)
        return -1;
    t->side = side_create(t->build, err);
    t->specials = t->side ? specials_create(t->build, err) : NULL;
    t->files = t->specials ? files_create(t->build, err) : NULL;
    return t->files ? create_streams(t, err) : -1;
}

static int put_records(struct tables *t, struct err *err)
{
    struct journal_record r;
    int got, rc = journal_rewind(t->build->journal, err);
    while (rc == 0 && (got = build_next(t->build, &r, err)) != 0) {
        rc = got < 0 ? -1
             : r.type == JOURNAL_ATTEMPT
                 ? put_attempt(t, r.u.attempt, r.session, err)
             : r.type == JOURNAL_SPECIAL
                 ? specials_put(t->specials, r.u.attempt, r.session, err)
                 : side_put(t->side, &r, err);
        if (rc == 0)
            side_seen(t->side, r.time_ns);
    }
    return rc;
}

static int finish_tables(struct tables *t, struct err *err)
{
    if (hdf_table_finish(t->tasks, err) < 0 || side_finish(t->side, err) < 0 ||
        specials_finish(t->specials, err) < 0 ||
        files_finish(t->files, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (pack_copy_finish(&t->streams[i].pack, err) < 0 ||
            hdf_table_finish(t->streams[i].index, err) < 0)
            return -1;
    return 0;
}

static void tables_destroy(struct tables *t)
{
    for (int i = 0; i < 2; i++) {
        pack_copy_fini(&t->streams[i].pack);
        hdf_table_destroy(t->streams[i].index);
    }
    hdf_table_destroy(t->tasks);
    side_destroy(t->side);
    specials_destroy(t->specials);
    files_destroy(t->files);
    buf_fini(&t->room);
    buf_fini(&t->left_out_names);
    mem_free(t->extras);
    mem_free(t);
}

int build_tables(struct build *b, struct err *err)
{
    struct tables *t = mem_calloc(1, sizeof(*t));
    if (!t)
        return err_set(err, ENOMEM, "no memory for the table of tasks");
    t->build = b;
    buf_init(&t->room, VALUE_MAX_BYTES);
    buf_init(&t->left_out_names, RESULTS_ATTR_BYTES);
    t->extras = mem_calloc(TABLE_MAX_COLUMNS, sizeof(t->extras[0]));
    int rc;
    if (!t->extras)
        rc = err_set(err, ENOMEM, "no memory for the table of tasks");
    else if ((rc = create_tables(t, err)) == 0 &&
             (rc = put_records(t, err)) == 0)
        rc = finish_tables(t, err);
    tables_destroy(t);
    return rc;
}
