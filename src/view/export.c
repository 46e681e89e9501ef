/* Tasks as CSV and JSON Lines: see export.h.
 *
 * CSV is that of RFC 4180 with lines that end in LF: a value that is not there
 * is empty, an empty text is "". A metric's array is as many columns as it has
 * cells, name[i][j]. JSON has null and arrays; what JSON has no number for is
 * null (NaN) or too large to be one (1e999, which readers take as infinite).
 * Numbers are as short as they can be and read back as the same.
 */
#include "config.h"
#include "view/export.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/value.h"

enum {
    OUT_BYTES = 256 << 10, /* written at once */
    ROW_BYTES = 64 << 20,  /* of a row, at most */
    NAME_BYTES = 512
};

struct export_column {
    uint32_t column;
    uint32_t cells;             /* of the largest array; 0: no array */
    const struct metric *shape; /* the array of the first job with it */
};

struct export
{
    struct query *query;
    const struct jobspec *spec;
    enum export_format format;
    int (*write)(void *arg, const char *data, size_t len, struct err *err);
    void *arg;
    struct export_column *columns;
    uint32_t count;
    struct buf out, room;
};

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to export the run");
}

/* ---- Texts and numbers ---- */

static int put_csv_text(struct buf *b, const char *s)
{
    size_t len = strlen(s);
    if (len > 0 && !s[strcspn(s, ",\"\r\n")] && s[0] != ' ' &&
        s[len - 1] != ' ')
        return buf_put(b, s, len);
    int rc = buf_putc(b, '"');
    for (; rc == 0 && *s; s++)
        rc = *s == '"' ? buf_puts(b, "\"\"") : buf_putc(b, *s);
    return rc < 0 ? -1 : buf_putc(b, '"');
}

/* How many bytes at s are one character of UTF-8; 0: none. */
static size_t character(const char *s)
{
    size_t n = 1;
    if ((*s & 0x80) == 0)
        return 1;
    while (n < 4 && (s[n] & 0xc0) == 0x80)
        n++;
    for (; n > 1; n--)
        if (text_is_utf8(s, n))
            return n;
    return 0;
}

/* What is not UTF-8 becomes U+FFFD: JSON can have nothing else. */
static int put_json_text(struct buf *b, const char *s)
{
    int rc = buf_putc(b, '"');
    while (rc == 0 && *s) {
        size_t n = character(s);
        unsigned char c = (unsigned char)*s;
        if (n == 0)
            rc = buf_puts(b, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            rc = buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            rc = buf_printf(b, "\\u%04x", c);
        else
            rc = buf_put(b, s, n);
        s += n ? n : 1;
    }
    return rc < 0 ? -1 : buf_putc(b, '"');
}

static int put_number(struct export *e, double d)
{
    struct value v = {.type = VALUE_FLOAT, .u.number = d};
    if (e->format == EXPORT_CSV || isfinite(d))
        return query_value_put(&v, &e->out);
    return buf_puts(&e->out, isnan(d) ? "null" : d < 0 ? "-1e999" : "1e999");
}

static int put_value(struct export *e, const struct value *v)
{
    bool csv = e->format == EXPORT_CSV;
    switch (v->type) {
    case VALUE_NULL:
        return csv ? 0 : buf_puts(&e->out, "null");
    case VALUE_BOOL:
        return buf_puts(&e->out, v->u.boolean ? "true" : "false");
    case VALUE_INT:
        return buf_printf(&e->out, "%" PRId64, v->u.integer);
    case VALUE_FLOAT:
        return put_number(e, v->u.number);
    case VALUE_STRING:
        break;
    }
    return csv ? put_csv_text(&e->out, v->text)
               : put_json_text(&e->out, v->text);
}

/* ---- Arrays ---- */

/* The array of a column in a task, or NULL. */
static const struct metric_value *array_of(const struct export *e,
                                           const struct query_task *t,
                                           const struct export_column *c,
                                           const struct metric **metric)
{
    const struct metric *m = query_metric(e->query, t->job, c->column);
    if (!m || !t->last)
        return NULL;
    const struct metric_value *v =
        &t->last->metrics[m - e->spec->jobs[t->job].metrics];
    *metric = m;
    return metric_has_value(v->state) && v->cells > 0 ? v : NULL;
}

static int put_cell(struct export *e, const struct metric *m,
                    const struct metric_value *v, uint32_t i)
{
    if (m->type == METRIC_INT64)
        return buf_printf(&e->out, "%" PRId64, v->u.integers[i]);
    return put_number(e, v->u.numbers[i]);
}

static int put_csv_array(struct export *e, const struct export_column *c,
                         const struct metric *m, const struct metric_value *v)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < c->cells; i++) {
        if (i > 0)
            rc = buf_putc(&e->out, ',');
        if (rc == 0 && i < v->cells)
            rc = put_cell(e, m, v, i);
    }
    return rc;
}

/* The cells from *at on of dimension dim and those behind it. */
static int put_json_array(struct export *e, const struct metric *m,
                          const struct metric_value *v, uint32_t dim,
                          uint32_t *at)
{
    int rc = buf_putc(&e->out, '[');
    for (uint32_t i = 0; rc == 0 && i < m->shape[dim]; i++) {
        if (i > 0)
            rc = buf_putc(&e->out, ',');
        if (rc == 0)
            rc = dim + 1 < m->rank ? put_json_array(e, m, v, dim + 1, at)
                                   : put_cell(e, m, v, (*at)++);
    }
    return rc < 0 ? -1 : buf_putc(&e->out, ']');
}

static int put_scalar(struct export *e, const struct query_task *t,
                      uint32_t column, struct err *err)
{
    struct value v;
    buf_reset(&e->room);
    if (query_value(e->query, t, column, &e->room, &v, err) < 0)
        return -1;
    return put_value(e, &v) < 0 ? no_memory(err) : 0;
}

/* A column of arrays; in another job it may be of single values, which are
 * the first cell then. */
static int put_array(struct export *e, const struct query_task *t,
                     const struct export_column *c, struct err *err)
{
    const struct metric *m = NULL;
    const struct metric_value *v = array_of(e, t, c, &m);
    bool csv = e->format == EXPORT_CSV;
    uint32_t at = 0;
    int rc = 0;
    if (!v && put_scalar(e, t, c->column, err) < 0)
        return -1;
    if (v)
        rc = csv ? put_csv_array(e, c, m, v) : put_json_array(e, m, v, 0, &at);
    for (uint32_t i = 1; rc == 0 && !v && csv && i < c->cells; i++)
        rc = buf_putc(&e->out, ',');
    return rc < 0 ? no_memory(err) : 0;
}

/* ---- Columns ---- */

static int add_column(struct export *e, uint32_t column)
{
    uint32_t n = e->count;
    struct export_column *c;
    if ((n & (n - 1)) == 0) { /* 0 or a power of two: full */
        c = mem_resize(e->columns, n ? 2 * (size_t)n : 1, sizeof(*c));
        if (!c)
            return -1;
        e->columns = c;
    }
    c = &e->columns[e->count++];
    *c = (struct export_column){.column = column};
    for (uint32_t j = 0; j < e->spec->job_count; j++) {
        const struct metric *m = query_metric(e->query, j, column);
        if (!m || m->rank == 0)
            continue;
        if (!c->shape)
            c->shape = m;
        if (m->cells > c->cells)
            c->cells = m->cells;
    }
    return 0;
}

static int choose_columns(struct export *e, const char *list, struct err *err)
{
    char name[NAME_BYTES];
    while (list) {
        size_t len = strcspn(list, ",");
        if (len >= sizeof(name))
            return err_set(err, EINVAL, "no column has a name so long");
        memcpy(name, list, len);
        name[len] = '\0';
        int column = query_column(e->query, name, err);
        if (column < 0)
            return -1;
        for (uint32_t i = 0; i < e->count; i++)
            if (e->columns[i].column == (uint32_t)column)
                return err_set(err, EINVAL, "the column %s is named twice",
                               name);
        if (add_column(e, (uint32_t)column) < 0)
            return no_memory(err);
        list = list[len] ? list + len + 1 : NULL;
    }
    return 0;
}

/* Those in front of parameters, then parameters and metrics. */
static int usual_columns(struct export *e, struct err *err)
{
    uint32_t params, metrics;
    uint32_t first = query_parameters(e->query, &params);
    uint32_t metric = query_metrics(e->query, &metrics);
    for (uint32_t i = 0; i < first + params; i++)
        if (add_column(e, i) < 0)
            return no_memory(err);
    for (uint32_t i = 0; i < metrics; i++)
        if (add_column(e, metric + i) < 0)
            return no_memory(err);
    return 0;
}

struct export *export_create(struct query *q, enum export_format format,
                             const char *columns,
                             int (*write)(void *arg, const char *data,
                                          size_t len, struct err *err),
                             void *arg, struct err *err)
{
    struct export *e = mem_calloc(1, sizeof(*e));
    if (!e) {
        no_memory(err);
        return NULL;
    }
    *e = (struct export){.query = q,
                         .spec = query_spec(q),
                         .format = format,
                         .write = write,
                         .arg = arg};
    buf_init(&e->out, OUT_BYTES + ROW_BYTES);
    buf_init(&e->room, ROW_BYTES);
    if ((columns ? choose_columns(e, columns, err) : usual_columns(e, err)) ==
        0)
        return e;
    export_destroy(e);
    return NULL;
}

void export_destroy(struct export *e)
{
    if (!e)
        return;
    buf_fini(&e->out);
    buf_fini(&e->room);
    mem_free(e->columns);
    mem_free(e);
}

/* ---- Rows ---- */

static int flush_out(struct export *e, struct err *err)
{
    int rc = e->write(e->arg, buf_text(&e->out), e->out.len, err);
    buf_reset(&e->out);
    return rc;
}

/* The names of an array's columns: name[0][0], name[0][1] ... */
static int put_array_names(struct export *e, const struct export_column *c)
{
    const struct metric *m = c->shape;
    struct buf name;
    int rc = 0;
    buf_init(&name, 2 * NAME_BYTES);
    for (uint32_t i = 0; rc == 0 && i < c->cells; i++) {
        uint32_t behind = m->cells, left = i;
        buf_reset(&name);
        rc = buf_puts(&name, query_column_name(e->query, c->column));
        if (c->cells != m->cells) /* of different shapes: numbered */
            rc |= buf_printf(&name, "[%" PRIu32 "]", i);
        else
            for (uint32_t k = 0; k < m->rank; k++) {
                behind /= m->shape[k];
                rc |= buf_printf(&name, "[%" PRIu32 "]", left / behind);
                left %= behind;
            }
        if (rc == 0 && i > 0)
            rc = buf_putc(&e->out, ',');
        if (rc == 0)
            rc = put_csv_text(&e->out, buf_text(&name));
    }
    buf_fini(&name);
    return rc;
}

static int put_head(struct export *e)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < e->count; i++) {
        const struct export_column *c = &e->columns[i];
        if (i > 0)
            rc = buf_putc(&e->out, ',');
        if (rc == 0)
            rc = c->cells > 0
                     ? put_array_names(e, c)
                     : put_csv_text(&e->out,
                                    query_column_name(e->query, c->column));
    }
    return rc < 0 ? -1 : buf_putc(&e->out, '\n');
}

static int put_row(struct export *e, const struct query_task *t,
                   struct err *err)
{
    bool csv = e->format == EXPORT_CSV;
    int rc = csv ? 0 : buf_putc(&e->out, '{');
    for (uint32_t i = 0; rc == 0 && i < e->count; i++) {
        const struct export_column *c = &e->columns[i];
        if (i > 0)
            rc = buf_putc(&e->out, ',');
        if (rc == 0 && !csv)
            rc =
                put_json_text(&e->out, query_column_name(e->query, c->column)) |
                buf_putc(&e->out, ':');
        if (rc == 0 && (c->cells > 0 ? put_array(e, t, c, err)
                                     : put_scalar(e, t, c->column, err)) < 0)
            return -1;
    }
    if (rc == 0)
        rc = buf_puts(&e->out, csv ? "\n" : "}\n");
    return rc < 0 ? no_memory(err) : 0;
}

static int on_task(void *arg, const struct query_task *t, struct err *err)
{
    struct export *e = arg;
    if (put_row(e, t, err) < 0)
        return -1;
    return e->out.len < OUT_BYTES ? 0 : flush_out(e, err);
}

int export_run(struct export *e, bool attempts, struct err *err)
{
    if (e->format == EXPORT_CSV && put_head(e) < 0)
        return no_memory(err);
    int rc = attempts ? query_each_attempt(e->query, on_task, e, err)
                      : query_each(e->query, on_task, e, err);
    return rc < 0 ? -1 : flush_out(e, err);
}
