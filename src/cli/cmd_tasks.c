/* mpibatch tasks: list the tasks of a run. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/query_options.h"
#include "cli/sheet.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { CELLS_BYTES = 8 << 20 };

enum form { FORM_TABLE, FORM_JSON, FORM_CSV, FORM_TSV, FORM_IDS };

struct tasks_values {
    const char *run;
    struct query_options query;
    enum form form;
    bool json;
    const char *columns, *sort;
    uint64_t head;
    struct display_options display;
};

struct listing {
    const struct run_arg *run;
    struct query *query;
    enum form form;
    uint32_t columns[SHEET_MAX_COLUMNS], column_count; /* 0: the usual ones */
    int sort_column;                                   /* -1: as they come */
    struct display display;
    struct sheet sheet;
    struct buf cells;
    int64_t now_ns;
    bool first;
};

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to show the tasks");
}

/* End a cell. */
static int cell_end(struct buf *cells)
{
    return buf_putc(cells, '\0');
}

/* ---- The usual table ---- */

static int ending_put(const struct listing *l, const struct query_task *t,
                      struct buf *cells)
{
    char how[384], name[DESCRIBE_TASK_BYTES];
    const struct job *job = &l->run->spec->jobs[t->job];
    const char *gap = job->tasks.kind != TASKS_LISTED ? "  " : "";
    if (describe_parameters(job, t->index, cells) < 0)
        return -1;
    if (query_task_deleted(t))
        return buf_printf(cells, "%sdeleted", gap);
    if (t->state == QUERY_SKIPPED)
        return buf_printf(
            cells, "%sdepends on %s", gap,
            describe_task(l->run->spec, t->for_job, t->for_index, name));
    bool invalid = t->last && t->state == QUERY_INVALID;
    if (!t->last || (t->last->reason == REASON_NONE && !invalid))
        return 0;
    if (invalid) /* which metric, and why */
        snprintf(how, sizeof(how), "%s", t->last->message);
    else
        attempt_describe(t->last, how);
    return buf_printf(cells, "%s%s%s", gap,
                      t->state == QUERY_FAILED || invalid ? "" : "was: ", how);
}

static int usual_cells(const struct listing *l, const struct query_task *t,
                       struct buf *cells)
{
    char took[16] = "";
    uint32_t attempts = t->last ? t->last->attempt : 0;
    if (t->state == QUERY_RUNNING)
        duration_format(l->now_ns - t->running_since_ns, took);
    else if (t->last && attempt_has_run(t->last))
        duration_format(t->last->end_ns - t->last->start_ns, took);
    if (buf_printf(cells, "%s%c%s%c%s%c%" PRIu32 "%c%s%c",
                   l->run->spec->jobs[t->job].id, '\0', t->id, '\0',
                   query_state_name(t->state), '\0',
                   attempts + (t->state == QUERY_RUNNING), '\0', took,
                   '\0') < 0 ||
        ending_put(l, t, cells) < 0)
        return -1;
    return cell_end(cells);
}

/* ---- Chosen columns ---- */

static int column_cell(const struct listing *l, const struct query_task *t,
                       uint32_t column, struct buf *cells, struct err *err)
{
    struct value v;
    struct buf room;
    buf_init(&room, CELLS_BYTES);
    int rc = query_value(l->query, t, column, &room, &v, err);
    if (rc == 0 && (query_value_put(&v, cells) < 0 || cell_end(cells) < 0))
        rc = nomem(err);
    buf_fini(&room);
    return rc;
}

static int chosen_cells(const struct listing *l, const struct query_task *t,
                        struct buf *cells, struct err *err)
{
    for (uint32_t i = 0; i < l->column_count; i++)
        if (column_cell(l, t, l->columns[i], cells, err) < 0)
            return -1;
    return 0;
}

/* ---- For programs ---- */

static int json_cell(struct listing *l, const struct query_task *t,
                     struct buf *cells, struct err *err)
{
    json_t *o =
        l->column_count > 0
            ? query_columns_json(l->query, t, l->columns, l->column_count, err)
            : query_task_json(l->query, t, err);
    if (!o)
        return -1;
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    int rc = text && buf_puts(cells, text) == 0 && cell_end(cells) == 0
                 ? 0
                 : nomem(err);
    free(text);
    return rc;
}

static int task_cells(struct listing *l, const struct query_task *t,
                      struct err *err)
{
    struct buf *cells = &l->cells;
    buf_reset(cells);
    if (l->form == FORM_JSON)
        return json_cell(l, t, cells, err);
    if (l->form == FORM_IDS)
        return buf_printf(cells, "%s/%s\n", l->run->spec->jobs[t->job].id,
                          t->id) < 0 ||
                       cell_end(cells) < 0
                   ? nomem(err)
                   : 0;
    if (l->column_count > 0)
        return chosen_cells(l, t, cells, err);
    return usual_cells(l, t, cells) < 0 ? nomem(err) : 0;
}

static int task_show(void *arg, const struct query_task *t, struct err *err)
{
    struct listing *l = arg;
    struct value key = {.type = VALUE_NULL};
    struct buf room;
    buf_init(&room, CELLS_BYTES);
    int rc = task_cells(l, t, err);
    if (rc == 0 && l->sort_column >= 0)
        rc = query_value(l->query, t, (uint32_t)l->sort_column, &room, &key,
                         err);
    if (rc == 0)
        rc = sheet_put(&l->sheet, l->cells.data, l->cells.len, &key, err);
    buf_fini(&room);
    return rc;
}

/* ---- The whole ---- */

static int titles_put(struct listing *l, struct err *err)
{
    static const char usual[] =
        "JOB\0TASK\0STATE\0TRY\0TIME\0PARAMETERS, HOW IT ENDED";
    struct buf *cells = &l->cells;
    buf_reset(cells);
    int rc = 0;
    if (l->column_count == 0)
        rc = buf_put(cells, usual, sizeof(usual));
    for (uint32_t i = 0; rc == 0 && i < l->column_count; i++) {
        rc = buf_puts(cells, query_column_name(l->query, l->columns[i]));
        rc = rc == 0 ? cell_end(cells) : -1;
    }
    return rc < 0 ? nomem(err)
                  : sheet_titles(&l->sheet, cells->data, cells->len, err);
}

static int json_begin(void)
{
    static const char text[] = "{\"version\": 1, \"tasks\": [";
    return stdout_put(text, sizeof(text) - 1);
}

static int listing_show(struct listing *l, struct err *err)
{
    bool raw = l->form == FORM_JSON || l->form == FORM_IDS;
    struct sheet *s = &l->sheet;
    s->display = &l->display;
    s->format = raw                   ? SHEET_RAW
                : l->form == FORM_CSV ? SHEET_CSV
                : l->form == FORM_TSV ? SHEET_TSV
                                      : SHEET_TABLE;
    s->columns = raw ? 1 : l->column_count ? l->column_count : 6;
    if (l->column_count == 0)
        s->state_column = 2;
    for (uint32_t i = 0; i < l->column_count; i++)
        if (strcmp(query_column_name(l->query, l->columns[i]), "state") == 0)
            s->state_column = (int)i;
    if (l->form == FORM_JSON) {
        s->between = ",";
        s->before = "\n  ";
        if (json_begin() != EXIT_OK)
            return 1;
    }
    int rc = raw ? 0 : titles_put(l, err);
    if (rc == 0)
        rc = query_each(l->query, task_show, l, err);
    if (rc == 0)
        rc = sheet_end(s, err);
    if (rc == 0 && l->form == FORM_JSON)
        rc = stdout_put("\n]}\n", 4) == EXIT_OK ? 0 : 1;
    return rc;
}

/* Columns, sorting, form. 0, or the exit code. */
static int listing_init(struct listing *l, const struct tasks_values *v)
{
    struct err err;
    const char *sort = v->sort;
    l->form = v->json ? FORM_JSON : v->form;
    l->sort_column = -1;
    /* programs get columns, too */
    const char *columns = v->columns ? v->columns
                          : l->form == FORM_CSV || l->form == FORM_TSV
                              ? "job_id,task_id,state,attempts,reason,"
                                "exit_code,duration_s"
                              : NULL;
    if (columns) {
        int n = query_options_columns(l->query, "tasks", columns, l->columns,
                                      SHEET_MAX_COLUMNS);
        if (n < 0)
            return EXIT_BAD_USAGE;
        l->column_count = (uint32_t)n;
    }
    if (!v->columns && columns) { /* and parameters and metrics */
        uint32_t count, first = query_parameters(l->query, &count);
        for (uint32_t i = 0; i < count && l->column_count < SHEET_MAX_COLUMNS;
             i++)
            l->columns[l->column_count++] = first + i;
        first = query_metrics(l->query, &count);
        for (uint32_t i = 0; i < count && l->column_count < SHEET_MAX_COLUMNS;
             i++)
            l->columns[l->column_count++] = first + i;
    }
    if (sort) {
        l->sheet.sorted = true;
        l->sheet.descending = *sort == '-';
        l->sort_column = query_column(l->query, sort + (*sort == '-'), &err);
        if (l->sort_column < 0)
            return usage_error("tasks", "--sort: %s", err.text);
        l->sheet.head = v->head;
    } else {
        query_head(l->query, v->head);
    }
    return EXIT_OK;
}

static int tasks(void *values)
{
    struct tasks_values *v = values;
    struct listing l = {.now_ns = clock_wall_ns()};
    struct run_arg run;
    struct err err;
    int rc = run_arg_open(v->run, &run);
    if (rc != 0)
        return rc;
    l.run = &run;
    sheet_init(&l.sheet);
    buf_init(&l.cells, CELLS_BYTES);
    l.query = query_options_open(&run, "tasks", &v->query, &rc);
    if (l.query && (rc = listing_init(&l, v)) == EXIT_OK) {
        display_open(&l.display, &v->display);
        int shown = listing_show(&l, &err);
        rc = display_close(&l.display);
        if (shown < 0) {
            log_error("%s", err.text);
            rc = EXIT_FAILED;
        } else if ((shown > 0 && l.form != FORM_TABLE) || l.sheet.broken) {
            rc = EXIT_FAILED;
        }
    }
    query_close(l.query);
    sheet_fini(&l.sheet);
    buf_fini(&l.cells);
    run_arg_close(&run);
    return rc;
}

static const char *const forms[] = {"table", "json", "csv", "tsv", "ids", NULL};

static const struct opt opts[] = {
    {.name = "format",
     .kind = OPT_CHOICE,
     .value = "FORMAT",
     .at = offsetof(struct tasks_values, form),
     .words = forms,
     .fallback = "table",
     .meaning = "how tasks are listed; ids: JOB/TASK, one a line"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct tasks_values, json),
     .meaning = "the same as `--format json`: {\"version\": 1, \"tasks\": "
                "[...]}"},
    {.name = "columns",
     .kind = OPT_TEXT,
     .value = "NAMES",
     .at = offsetof(struct tasks_values, columns),
     .meaning = "these columns, as in `task_id,n,duration_s`"},
    {.name = "sort",
     .kind = OPT_TEXT,
     .value = "COLUMN",
     .at = offsetof(struct tasks_values, sort),
     .otherwise = "by job and index",
     .meaning = "sort by this column, or from its largest value down: "
                "`--sort=-duration_s`; a million tasks at most"},
    {.name = "head",
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct tasks_values, head),
     .min = 1,
     .max = INT64_MAX,
     .what = "a number of tasks",
     .otherwise = "all",
     .meaning = "only the first N tasks"}};

static const struct opt_set sets[] = {
    OPT_SET(query_opts, offsetof(struct tasks_values, query)), OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct tasks_values, display))};

static const struct arg args[] = {RUN_ARG(struct tasks_values)};

static const struct cmd_example examples[] = {
    {"mpibatch tasks --failed sweep.run", "What has failed, and how"},
    {"mpibatch tasks --where 'n > 64 and solver == \"gmres\"' sweep.run",
     "By parameters and metrics"},
    {"mpibatch tasks --sort=-max_rss_bytes --head 10 sweep.run",
     "The ten that needed the most memory"},
    {"mpibatch tasks --format csv --columns task_id,n,energy,node sweep.run",
     "Columns of your choice"},
};

const struct cmd cmd_tasks = {
    .name = "tasks",
    .summary = "list the tasks of a run",
    .description =
        "List the tasks of the run RUN as they stand: while it goes on, or "
        "long after. All that is asked for holds together.\n\n" QUERY_NAMES
        "\n\n"
        "Conditions are Python's: or and not == != < <= > >= in, + - * / // % "
        "**, numbers, \"texts\", true false null, and abs ceil contains "
        "endswith exp floor len log log10 log2 matches max min round sqrt "
        "startswith. A comparison with null is false, but == null and != "
        "null.\n\n"
        "JSON has of each task job_id, task_id, task_index, state, attempts "
        "and parameters; if an attempt has ended, result, reason, "
        "failure_code, failure_category, exit_code, signal, node, rank, slot, "
        "start_time, end_time, duration_s, prepare_s, store_s, user_s, "
        "system_s, max_rss_bytes, stdout_bytes, stderr_bytes, returned_files, "
        "returned_bytes, message, metrics, and metric_states of those that are not ok; while it runs, "
        "running_since and running_rank. With `--columns` it has these "
        "alone. Numbers that JSON does not have are \"nan\", \"inf\" and "
        "\"-inf\".\n\n"
        "Metrics are those of the last attempt, of a failed one, too: what "
        "was found in its output. result or state says how it ended.",
    .sets = sets,
    .set_count = 3,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct tasks_values),
    .main = tasks};
