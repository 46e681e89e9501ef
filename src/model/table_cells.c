/* Tables of cells, CSV and TSV: see table.h.
 *
 * One scanner finds cells, when the index is built and when a cell is asked
 * for. A quote means something only where a cell begins; blanks may stand
 * around it, and around a cell without quotes.
 */
#include "config.h"
#include "model/table_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A cell as it stands in the file: without the blanks around it and its outer
 * quotes. */
struct cell {
    const char *text;
    uint32_t len;
    bool quoted, doubled; /* a quote stands twice in it */
};

enum cell_end { CELL_NEXT, CELL_LAST, CELL_OPEN, CELL_TAIL };

static bool is_blank(char c, char separator)
{
    return c == ' ' || (c == '\t' && separator != '\t');
}

static char separator_of(const struct table *t)
{
    return t->kind == TABLE_TSV ? '\t' : ',';
}

/* Behind the end of a cell at s: its separator or the end of its line. */
static enum cell_end end_scan(const char *s, const char *end, char separator,
                              const char **next)
{
    if (s + 1 < end && s[0] == '\r' && s[1] == '\n')
        s++;
    if (s < end && *s == separator) {
        *next = s + 1;
        return CELL_NEXT;
    }
    if (s < end && *s != '\n' && !(*s == '\r' && s + 1 == end))
        return CELL_TAIL;
    *next = s < end ? s + 1 : end;
    return CELL_LAST;
}

/* A cell whose first quote is at s. CELL_OPEN: it is never closed; CELL_TAIL:
 * something stands behind it. */
static enum cell_end quoted_scan(const char *s, const char *end, char separator,
                                 struct cell *c, const char **next)
{
    const char *q = ++s;
    *c = (struct cell){.text = s, .quoted = true};
    while ((q = memchr(q, '"', (size_t)(end - q))) && q + 1 < end &&
           q[1] == '"') {
        c->doubled = true;
        q += 2;
    }
    if (!q)
        return CELL_OPEN;
    c->len = (uint32_t)(q - s);
    for (q++; q < end && is_blank(*q, separator);)
        q++;
    return end_scan(q, end, separator, next);
}

/* The cell at s; *next: where the next one begins. */
static enum cell_end cell_scan(const char *s, const char *end, char separator,
                               struct cell *c, const char **next)
{
    while (s < end && is_blank(*s, separator))
        s++;
    if (s < end && *s == '"')
        return quoted_scan(s, end, separator, c, next);
    const char *stop = s;
    while (stop < end && *stop != separator && *stop != '\n')
        stop++;
    enum cell_end how =
        stop < end && *stop == separator ? CELL_NEXT : CELL_LAST;
    *next = stop < end ? stop + 1 : end;
    if (how == CELL_LAST && stop > s && stop[-1] == '\r')
        stop--;
    while (stop > s && is_blank(stop[-1], separator))
        stop--;
    *c = (struct cell){.text = s, .len = (uint32_t)(stop - s)};
    return how;
}

/* Behind the blank lines at s, which it counts. */
static const char *blank_skip(const char *s, const char *end, char separator,
                              uint32_t *line)
{
    while (s < end) {
        const char *p = s;
        while (p < end && is_blank(*p, separator))
            p++;
        if (p + 1 < end && p[0] == '\r' && p[1] == '\n')
            p++;
        if (p < end && *p != '\n')
            break;
        s = p < end ? p + 1 : end;
        ++*line;
    }
    return s;
}

static uint32_t newlines(const char *s, const char *end)
{
    uint32_t n = 0;
    while ((s = memchr(s, '\n', (size_t)(end - s)))) {
        n++;
        s++;
    }
    return n;
}

/* ---- The index ---- */

static int cell_error(const struct table *t, enum cell_end how, struct err *err)
{
    if (how == CELL_OPEN)
        return err_set(err, EINVAL,
                       "a quote (\") that begins here is never closed");
    return err_set(err, EINVAL,
                   "something stands behind a closing quote (\"); a quote in a "
                   "quoted cell is written twice, and %s follows the cell",
                   t->kind == TABLE_TSV ? "a tab" : "a comma");
}

/* A header that looks like it were separated by something else. */
static int separator_check(const struct table *t, const struct cell *c,
                           struct err *err)
{
    char other = t->kind == TABLE_TSV ? ',' : '\t';
    char found = memchr(c->text, other, c->len) ? other
                 : memchr(c->text, ';', c->len) ? ';'
                                                : '\0';
    if (!found || c->quoted)
        return 0;
    if (found == ';')
        return err_set(err, EINVAL,
                       "semicolons do not separate columns here, but %s; "
                       "pandas: read_csv(..., sep=';', decimal=',')"
                       ".to_csv(..., index=False)",
                       t->kind == TABLE_TSV ? "tabs" : "commas");
    return err_set(err, EINVAL,
                   "the header has one column, with %s in it: columns are "
                   "separated by %s",
                   found == ',' ? "a comma" : "a tab",
                   t->kind == TABLE_TSV ? "tabs here, in a .csv by commas"
                                        : "commas here, in a .tsv by tabs");
}

/* The text of a cell, without doubled quotes, behind what is in out. */
static int cell_put(const struct cell *c, struct buf *out)
{
    if (!c->doubled)
        return buf_put(out, c->text, c->len);
    const char *s = c->text, *end = s + c->len, *q;
    while ((q = memchr(s, '"', (size_t)(end - s)))) {
        if (buf_put(out, s, (size_t)(q - s) + 1) < 0)
            return -1;
        s = q + 2;
    }
    return buf_put(out, s, (size_t)(end - s));
}

static int column_add(struct table *t, struct arena *arena,
                      const struct cell *c, struct err *err)
{
    struct buf name;
    uint32_t k = t->column_count;
    int rc = -1;
    buf_init(&name, TABLE_MAX_NAME);
    if (k == TABLE_COLUMNS_MAX)
        err_set(err, EINVAL, "there are more than %d columns",
                TABLE_COLUMNS_MAX);
    else if (c->len == 0)
        err_set(err, EINVAL, "column %" PRIu32 " has no name%s", k + 1,
                k == 0 ? " (pandas: to_csv(..., index=False))" : "");
    else if (cell_put(c, &name) < 0)
        err_set(err, errno,
                "the name of column %" PRIu32 " has more than %d bytes", k + 1,
                TABLE_MAX_NAME);
    else if (table_find_column(t, buf_text(&name)) >= 0)
        err_set(err, EINVAL, "two columns are called \"%s\"", buf_text(&name));
    else if (!(t->columns[k].name = arena_strdup(arena, buf_text(&name))))
        err_set(err, ENOMEM, "no memory for the columns");
    else
        rc = 0;
    t->column_count += rc == 0;
    buf_fini(&name);
    return rc;
}

/* Read the header; *at: behind it. */
static int header_read(struct table *t, struct arena *arena, const char **at,
                       uint32_t *line, struct err *err)
{
    struct cell c;
    const char *s = *at, *end = t->bytes + t->len, *next;
    enum cell_end how = CELL_NEXT;
    char separator = separator_of(t);
    uint32_t room = t->quotes ? TABLE_COLUMNS_MAX : 1; /* names with commas */
    for (; s < end && *s != '\n' && room < TABLE_COLUMNS_MAX; s++)
        room += *s == separator;
    t->columns = arena_calloc(arena, room, sizeof(*t->columns));
    if (!t->columns)
        return err_set(err, ENOMEM, "no memory for the columns");
    for (s = *at; how == CELL_NEXT; s = next) {
        how = cell_scan(s, end, separator, &c, &next);
        if (how == CELL_OPEN || how == CELL_TAIL)
            return cell_error(t, how, err);
        if (how == CELL_LAST && t->column_count == 0 &&
            separator_check(t, &c, err) < 0)
            return -1;
        if (column_add(t, arena, &c, err) < 0)
            return -1;
    }
    if (s == end && memchr(*at, '\r', (size_t)(end - *at - 1)) &&
        !memchr(*at, '\n', (size_t)(end - *at)))
        return err_set(err, EINVAL,
                       "its lines end as on an old Mac, with a carriage return "
                       "alone; tr '\\r' '\\n' converts it");
    *line += newlines(*at, s);
    *at = s;
    return 0;
}

/* What is known of a column with one more cell. */
static void column_widen(struct table_column *k, const struct cell *c)
{
    enum value_type type = c->quoted || c->len == 0
                               ? VALUE_STRING
                               : value_type_of(c->text, c->len);
    if (c->len > k->longest)
        k->longest = c->len;
    if (!k->seen)
        k->type = type;
    else if (k->type != type)
        k->type = (k->type == VALUE_INT && type == VALUE_FLOAT) ||
                          (k->type == VALUE_FLOAT && type == VALUE_INT)
                      ? VALUE_FLOAT
                      : VALUE_STRING;
    k->seen = true;
}

/* Read the row at s; *next: behind it. */
static int row_read(struct table *t, const char *s, const char **next,
                    struct err *err)
{
    const char *end = t->bytes + t->len;
    char separator = separator_of(t);
    enum cell_end how = CELL_NEXT;
    uint32_t k = 0;
    struct cell c;
    for (; how == CELL_NEXT; s = *next, k++) {
        how = cell_scan(s, end, separator, &c, next);
        if (how == CELL_OPEN || how == CELL_TAIL)
            return cell_error(t, how, err);
        if (k < t->column_count)
            column_widen(&t->columns[k], &c);
    }
    if (k != t->column_count)
        return err_set(err, EINVAL,
                       "%" PRIu32 " cell%s where the header has %" PRIu32, k,
                       k == 1 ? "" : "s", t->column_count);
    return 0;
}

int table_cells_index(struct table *t, struct arena *arena,
                      struct table_index *x, unsigned *line, struct err *err)
{
    const char *s = t->bytes, *end = s + t->len, *next;
    char separator = separator_of(t);
    struct table_mark m = {.line = 1};
    if (t->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
        s += 3;
    t->quotes = memchr(s, '"', (size_t)(end - s)) != NULL;
    s = blank_skip(s, end, separator, &m.line);
    *line = 0;
    if (s == end)
        return err_set(err, EINVAL, "it is empty; a header is expected");
    *line = m.line;
    if (header_read(t, arena, &s, &m.line, err) < 0)
        return -1;
    while ((s = blank_skip(s, end, separator, &m.line)) < end) {
        *line = m.line;
        m.at = (uint32_t)(s - t->bytes);
        if (row_read(t, s, &next, err) < 0 ||
            table_index_add(x, &m, 1, err) < 0)
            return -1;
        m.line += t->quotes ? newlines(s, next) : 1;
        s = next;
    }
    return 0;
}

/* ---- Finding rows and cells ---- */

void table_cells_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows)
{
    const char *s = t->bytes + m->at, *end = t->bytes + t->len, *next;
    char separator = separator_of(t);
    struct cell c;
    for (; rows > 0; rows--) {
        if (t->quotes) {
            const char *start = s;
            while (cell_scan(s, end, separator, &c, &next) == CELL_NEXT)
                s = next;
            s = next;
            m->line += newlines(start, s);
        } else {
            s = (const char *)memchr(s, '\n', (size_t)(end - s)) + 1;
            m->line++;
        }
        s = blank_skip(s, end, separator, &m->line);
    }
    m->at = (uint32_t)(s - t->bytes);
}

int table_cell_value(const struct table *t, const struct table_mark *m,
                     uint32_t column, struct buf *room, struct value *v,
                     struct err *err)
{
    const char *s = t->bytes + m->at, *end = t->bytes + t->len;
    char separator = separator_of(t);
    struct cell c;
    for (uint32_t k = 0; k <= column; k++)
        cell_scan(s, end, separator, &c, &s);
    buf_reset(room);
    if (cell_put(&c, room) < 0)
        return err_sys(err, errno, "%s: cannot read a cell", t->name);
    if (c.quoted || c.len == 0)
        value_string(v, buf_text(room));
    else
        value_resolve(v, buf_text(room));
    return 0;
}
