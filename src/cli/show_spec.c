/* mpibatch show spec, show table: what a run was given, as it keeps it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/display.h"
#include "cli/rundir_arg.h"
#include "cli/sheet.h"
#include "cli/show_topics.h"
#include "store/inputs.h"

enum { SPEC_BYTES = 512 << 20, LINE_BYTES = 1 << 16 };

/* Byte for byte; on a terminal, what it cannot show becomes "\xNN". */
static int bytes_show(const char *bytes, size_t len,
                      const struct display_options *options)
{
    struct display d;
    if (!isatty(STDOUT_FILENO))
        return stdout_put(bytes, len);
    display_open(&d, options);
    while (len > 0 && !display_over(&d)) {
        const char *nl = memchr(bytes, '\n', len);
        size_t n = nl ? (size_t)(nl - bytes) + 1 : len;
        display_put(&d, bytes, n);
        bytes += n;
        len -= n;
    }
    return display_close(&d);
}

/* ---- show spec ---- */

struct spec_values {
    const char *run;
    uint64_t generation; /* 0: the last one */
    struct display_options display;
};

static int spec_show(void *values)
{
    const struct spec_values *v = values;
    struct rundir *dir = NULL;
    struct buf text;
    struct err err;
    int rc = run_dir_open(v->run, &dir);
    if (rc != EXIT_OK)
        return rc;
    buf_init(&text, SPEC_BYTES);
    uint32_t last = rundir_generation(dir);
    if (v->generation > last) {
        log_error("%s has no generation %llu: `mpibatch collect` has made %u",
                  rundir_path(dir), (unsigned long long)v->generation,
                  last - 1);
        rc = EXIT_BAD_USAGE;
    } else if (rundir_read_spec(dir,
                                v->generation ? (uint32_t)v->generation : last,
                                &text, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else {
        rc = bytes_show(buf_text(&text), text.len, &v->display);
    }
    buf_fini(&text);
    rundir_close(dir);
    return rc;
}

static const struct opt spec_opts[] = {
    {.name = "generation",
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct spec_values, generation),
     .what = "the number of a generation",
     .min = 1,
     .max = UINT32_MAX,
     .otherwise = "the last one",
     .meaning = "the spec that it had before `mpibatch collect` replaced it "
                "the Nth time"}};

static const struct opt_set spec_sets[] = {
    OPT_SET(spec_opts, 0),
    OPT_SET(display_opts, offsetof(struct spec_values, display))};

static const struct arg spec_args[] = {RUN_ARG(struct spec_values)};

static const struct cmd_example spec_examples[] = {
    {"mpibatch show spec sweep.run >again.yaml",
     "The spec of a run, once more"},
    {"diff <(mpibatch show spec sweep.run) sweep.yaml",
     "What has changed in the spec since"},
};

const struct cmd show_spec = {
    .name = "show spec",
    .summary = "the job spec of a run, as it was given",
    .description =
        "Print the job spec of the run RUN as it was given, or as `mpibatch "
        "collect` has replaced it: byte for byte, whatever has become of the "
        "file since. For a file of commands it is a spec that names it; the "
        "commands themselves: `mpibatch show table`.",
    .sets = spec_sets,
    .set_count = 2,
    .args = spec_args,
    .arg_count = 1,
    .examples = spec_examples,
    .example_count = sizeof(spec_examples) / sizeof(spec_examples[0]),
    .values_size = sizeof(struct spec_values),
    .main = spec_show};

/* ---- show table ---- */

struct table_values {
    const char *run, *table;
    struct display_options display;
};

static int row_put(struct sheet *s, bool titles, const char *table,
                   const char *kind, const char *size, struct err *err)
{
    struct buf row;
    buf_init(&row, LINE_BYTES);
    int rc = buf_put(&row, table, strlen(table) + 1) < 0 ||
                     buf_put(&row, kind, strlen(kind) + 1) < 0 ||
                     buf_put(&row, size, strlen(size) + 1) < 0
                 ? err_set(err, ENOMEM, "no memory for the list of tables")
             : titles ? sheet_titles(s, buf_text(&row), row.len, err)
                      : sheet_put(s, buf_text(&row), row.len, NULL, err);
    buf_fini(&row);
    return rc;
}

static int tables_put(struct sheet *s, const struct inputs *inputs,
                      struct err *err)
{
    int rc = row_put(s, true, "table", "kind", "size", err);
    for (size_t i = 0; rc == 0 && i < inputs_count(inputs); i++) {
        enum table_kind kind;
        const char *path, *bytes;
        size_t len;
        char size[16];
        inputs_at(inputs, i, &kind, &path, &bytes, &len);
        rc = row_put(s, false, path, inputs_kind_name(kind),
                     size_format(len, size), err);
    }
    return rc < 0 ? rc : sheet_end(s, err);
}

static int tables_list(const struct inputs *inputs,
                       const struct display_options *options)
{
    struct display d;
    struct sheet s;
    struct err err;
    display_open(&d, options);
    sheet_init(&s);
    s.display = &d;
    s.columns = 3;
    s.state_column = -1;
    int rc = EXIT_OK;
    if (inputs_count(inputs) == 0) {
        display_puts(&d, "the job spec names no tables\n");
    } else if (tables_put(&s, inputs, &err) < 0) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    }
    sheet_fini(&s);
    return display_end(&d, rc);
}

/* The table called name, as in the spec, or without its folder if there is
 * only one of that name; or -1, said why. */
static long table_find(const struct inputs *inputs, const char *name)
{
    size_t count = inputs_count(inputs), len;
    const char **names = mem_calloc(count + 1, sizeof(*names)), *bytes;
    enum table_kind kind;
    long found = -1;
    unsigned same = 0;
    if (!names) {
        log_error("no memory for the list of tables");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        inputs_at(inputs, i, &kind, &names[i], &bytes, &len);
        if (strcmp(names[i], name) == 0) {
            found = (long)i;
            same = 1;
            break;
        }
        if (strcmp(path_base(names[i]), name) == 0) {
            found = (long)i;
            same++;
        }
    }
    if (same != 1) {
        const char *near = same ? NULL : text_nearest(name, names, count);
        log_error(same ? "\"%s\" may be several tables; `mpibatch show table` "
                         "lists them%s%s%s"
                       : "the run has no table \"%s\"%s%s%s",
                  name, near ? "; did you mean " : "", near ? near : "",
                  near ? "?" : "");
        found = -1;
    }
    mem_free(names);
    return found;
}

/* Of a pattern, the names that matched, a line each. */
static int names_show(const char *bytes, size_t len,
                      const struct display_options *options)
{
    struct buf lines;
    buf_init(&lines, len + 1);
    if (buf_put(&lines, bytes, len) < 0) {
        log_error("no memory for the names of files");
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < lines.len; i++)
        if (lines.data[i] == '\0')
            lines.data[i] = '\n';
    int rc = bytes_show(buf_text(&lines), lines.len, options);
    buf_fini(&lines);
    return rc;
}

static int table_one(struct inputs *inputs, const struct table_values *v)
{
    enum table_kind kind;
    const char *path, *bytes;
    size_t len;
    struct err err;
    long i = table_find(inputs, v->table);
    if (i < 0)
        return EXIT_BAD_USAGE;
    inputs_at(inputs, (size_t)i, &kind, &path, &bytes, &len);
    if (inputs_get(inputs, kind, path, &bytes, &len, &err) < 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    return kind == TABLE_PATHS ? names_show(bytes, len, &v->display)
                               : bytes_show(bytes, len, &v->display);
}

static int table_show(void *values)
{
    const struct table_values *v = values;
    struct rundir *dir = NULL;
    struct err err;
    int rc = run_dir_open(v->run, &dir);
    if (rc != EXIT_OK)
        return rc;
    struct inputs *inputs = inputs_open(rundir_path(dir), &err);
    if (!inputs) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (v->table) {
        rc = table_one(inputs, v);
    } else {
        rc = tables_list(inputs, &v->display);
    }
    inputs_destroy(inputs);
    rundir_close(dir);
    return rc;
}

static const struct opt_set table_sets[] = {
    OPT_SET(display_opts, offsetof(struct table_values, display))};

static const struct arg table_args[] = {
    RUN_ARG(struct table_values),
    {.name = "TABLE",
     .noun = "table",
     .kind = OPT_TEXT,
     .at = offsetof(struct table_values, table),
     .optional = true,
     .meaning = "the file as the job spec names it, or its name without "
                "folders"}};

static const struct cmd_example table_examples[] = {
    {"mpibatch show table sweep.run", "Which tables there are"},
    {"mpibatch show table sweep.run points.csv", "One of them"},
};

const struct cmd show_table = {
    .name = "show table",
    .summary = "the tables and command files of a run",
    .description =
        "Print TABLE, a file that the job spec of the run RUN reads (CSV, TSV, "
        "commands), byte for byte as it was when the run was made; or of a "
        "pattern such as `inputs/**/*.dat` the names that matched, a line "
        "each. Without TABLE, list them.",
    .sets = table_sets,
    .set_count = 1,
    .args = table_args,
    .arg_count = 2,
    .examples = table_examples,
    .example_count = sizeof(table_examples) / sizeof(table_examples[0]),
    .values_size = sizeof(struct table_values),
    .main = table_show};
