/* mpibatch export: the tasks of a run as CSV or JSON Lines. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/rundir_arg.h"
#include "view/export.h"

struct export_values {
    const char *run;
    int format;
    int attempts;
    const char *output;
    const char *columns;
    struct texts filters, wheres;
};

/* Where the text goes: stdout, or a file that is complete when it gets its
 * name. */
struct target {
    int fd;
    const char *name; /* of the file; NULL: stdout */
    char *tmp;        /* its name until then; NULL: it is written as it is */
    bool escaped;     /* a terminal: control bytes are shown */
};

/* ---- Where it goes ---- */

static int target_find(struct target *t, const char *name, struct err *err)
{
    struct stat st;
    *t = (struct target){.fd = STDOUT_FILENO};
    if (!name || strcmp(name, "-") == 0)
        return 0;
    t->name = name;
    if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) { /* a pipe, a device */
        t->fd = open(name, O_WRONLY | O_CLOEXEC);
        return t->fd < 0 ? err_sys(err, errno, "cannot open %s", name) : 0;
    }
    struct buf tmp;
    buf_init(&tmp, PATH_MAX);
    if (buf_printf(&tmp, "%s.%ld.tmp", name, (long)getpid()) == 0)
        t->tmp = buf_take(&tmp);
    buf_fini(&tmp);
    if (!t->tmp)
        return err_sys(err, errno, "cannot make %s", name);
    t->fd = open(t->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (t->fd >= 0)
        return 0;
    err_sys(err, errno, "cannot make %s", t->tmp);
    mem_free(t->tmp);
    t->tmp = NULL;
    return -1;
}

static int target_open(struct target *t, const char *name, struct err *err)
{
    int rc = target_find(t, name, err);
    t->escaped = rc == 0 && isatty(t->fd);
    return rc;
}

/* Whole lines. */
static int target_write(void *arg, const char *data, size_t len,
                        struct err *err)
{
    const struct target *t = arg;
    struct buf shown;
    buf_init(&shown, SIZE_MAX);
    int rc = 0;
    if (t->escaped)
        rc = text_put_printable(&shown, data, len, true);
    if (rc == 0)
        rc = t->escaped ? file_write_all(t->fd, buf_text(&shown), shown.len)
                        : file_write_all(t->fd, data, len);
    if (rc < 0)
        err_sys(err, errno, "cannot write %s", t->name ? t->name : "stdout");
    buf_fini(&shown);
    return rc;
}

/* done: all is written. -1 with err. */
static int target_close(struct target *t, bool done, struct err *err)
{
    int rc = 0;
    if (!t->name)
        return 0;
    if (t->tmp && done && fsync(t->fd) < 0)
        rc = err_sys(err, errno, "cannot write %s", t->name);
    if (close(t->fd) < 0 && rc == 0 && done)
        rc = err_sys(err, errno, "cannot write %s", t->name);
    if (t->tmp && done && rc == 0 && rename(t->tmp, t->name) < 0)
        rc = err_sys(err, errno, "cannot write %s", t->name);
    if (t->tmp && (!done || rc < 0))
        unlink(t->tmp);
    mem_free(t->tmp);
    return rc;
}

/* ---- The command ---- */

/* The exit code; what is wrong is said. */
static int complain(const struct err *err)
{
    if (err->code == EINVAL)
        return usage_error("export", "%s", err->text);
    if (err->code != EPIPE)
        log_error("%s", err->text);
    return EXIT_FAILED;
}

static int conditions_set(struct query *q, const struct export_values *v,
                          struct err *err)
{
    for (unsigned i = 0; i < v->filters.count; i++)
        if (query_filter(q, v->filters.list[i], err) < 0)
            return -1;
    for (unsigned i = 0; i < v->wheres.count; i++)
        if (query_where(q, v->wheres.list[i], err) < 0)
            return -1;
    return 0;
}

static int write_all(struct query *q, const struct export_values *v)
{
    struct err err;
    struct target t;
    struct export *e =
        export_create(q, v->format == 0 ? EXPORT_CSV : EXPORT_JSONL, v->columns,
                      target_write, &t, &err);
    if (!e)
        return complain(&err);
    int rc = target_open(&t, v->output, &err);
    if (rc == 0) {
        struct err why;
        rc = export_run(e, v->attempts != 0, &err);
        if (target_close(&t, rc == 0, &why) < 0) {
            err = why;
            rc = -1;
        }
    }
    export_destroy(e);
    if (rc == 0)
        return EXIT_OK;
    if (err.code == EINVAL) /* of a value, not of what was asked */
        err.code = EIO;
    return complain(&err);
}

static int export_main(void *values)
{
    struct export_values *v = values;
    struct run_arg run;
    struct err err;
    int rc = run_arg_open(v->run, &run);
    if (rc != 0)
        return rc;
    struct query *q = query_open(run.dir, run.spec, clock_wall_ns(), &err);
    if (!q) {
        err.code = EIO;
        rc = complain(&err);
    } else if (conditions_set(q, v, &err) < 0) {
        rc = complain(&err);
    } else {
        rc = write_all(q, v);
    }
    query_close(q);
    run_arg_close(&run);
    return rc;
}

static const char *const formats[] = {"csv", "jsonl", NULL};
static const char *const attempts[] = {"last", "all", NULL};

static const struct opt opts[] = {
    {.name = "format",
     .kind = OPT_CHOICE,
     .value = "FORMAT",
     .at = offsetof(struct export_values, format),
     .words = formats,
     .fallback = "csv",
     .meaning = "how: a table with a head, or a JSON object a line"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_FILE,
     .value = "FILE",
     .at = offsetof(struct export_values, output),
     .otherwise = "stdout",
     .meaning = "write to FILE, which appears when it is complete"},
    {.name = "columns",
     .kind = OPT_TEXT,
     .value = "NAMES",
     .at = offsetof(struct export_values, columns),
     .otherwise = "all of batch/tasks in results.h5",
     .meaning = "only these columns, separated by commas, in this order; also "
                "`attempts`, `session`, `message`, `command`, and "
                "`METRIC_state`"},
    {.name = "filter",
     .kind = OPT_TEXTS,
     .value = "COLUMN=VALUE",
     .at = offsetof(struct export_values, filters),
     .meaning = "only tasks with this value (or not with it: `COLUMN!=VALUE`)"},
    {.name = "where",
     .kind = OPT_TEXTS,
     .value = "CONDITION",
     .at = offsetof(struct export_values, wheres),
     .meaning = "only tasks for which the condition holds, such as "
                "`'n > 64 and solver == \"gmres\"'`"},
    {.name = "attempts",
     .kind = OPT_CHOICE,
     .value = "WHICH",
     .at = offsetof(struct export_values, attempts),
     .words = attempts,
     .fallback = "last",
     .meaning = "a row a task, its last attempt; or a row an attempt that has "
                "ended, in the order in which they have"}};
static const struct opt_set sets[] = {OPT_SET(opts, 0)};

static const struct arg args[] = {RUN_ARG(struct export_values)};

static const struct cmd_example examples[] = {
    {"mpibatch export sweep.run -o sweep.csv",
     "All tasks as a table for a spreadsheet, R, gnuplot"},
    {"mpibatch export sweep.run --columns T,L,E --filter state=succeeded",
     "Three columns of the tasks that succeeded"},
    {"mpibatch export sweep.run --format jsonl --attempts all | jq .reason",
     "Attempts, as JSON, through jq"}};

const struct cmd cmd_export = {
    .name = "export",
    .summary = "write the tasks of a run as CSV or JSON Lines",
    .description =
        "Write a row a task, straight from the journal: while the run goes "
        "on, or long after, with results.h5 or without.\n\n"
        "The columns are those of the table batch/tasks in results.h5 "
        "(mpibatch-results(5)), with the state that `tasks` shows: active, "
        "running, succeeded, failed or invalid. Times are seconds since 1970. "
        "What is not known is empty in CSV and null in JSON; an empty text is "
        "\"\". Numbers are as short as they can be and read back as the "
        "same; in JSON NaN is null, and infinity is 1e999, which readers take "
        "as such. An array metric is an array in JSON, and columns NAME[0], "
        "NAME[1] ... in CSV. Metrics of a task that has failed are those found "
        "in what it left: look at result or state, too. A terminal is shown "
        "control bytes as \\xNN.",
    .sets = sets,
    .set_count = 1,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct export_values),
    .main = export_main};
