/* Tables: see table.h. Owns the index of rows, and path lists; what cells are,
 * table_cells.c knows, and what lines of commands are, table_lines.c. */
#include "config.h"
#include "model/table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/table_parts.h"

/* A mark each 64 rows; when there are MARKS_MAX, each second one goes. */
enum { STRIDE = 64, MARKS_MAX = 1 << 18 };

/* ---- The index ---- */

static int index_put(struct table_index *x, const struct table_mark *m,
                     struct err *err)
{
    if (x->count == MARKS_MAX) {
        for (uint32_t i = 0; i < MARKS_MAX / 2; i++)
            x->marks[i] = x->marks[2 * i];
        x->count = MARKS_MAX / 2;
        x->stride *= 2;
        if (x->rows % x->stride != 0)
            return 0;
    }
    if (x->count == x->cap) {
        uint32_t cap = x->cap ? 2 * x->cap : 256;
        struct table_mark *marks = mem_resize(x->marks, cap, sizeof(*marks));
        if (!marks)
            return err_set(err, ENOMEM, "no memory for an index of rows");
        x->marks = marks;
        x->cap = cap;
    }
    x->marks[x->count++] = *m;
    return 0;
}

int table_index_add(struct table_index *x, const struct table_mark *m,
                    uint64_t count, struct err *err)
{
    struct table_mark at = *m;
    if (count > TABLE_MAX_ROWS - x->rows)
        return err_set(err, ERANGE, "it makes more than %u tasks",
                       TABLE_MAX_ROWS);
    uint64_t end = x->rows + count;
    while (x->rows < end) {
        uint64_t next = (x->rows + x->stride - 1) / x->stride * x->stride;
        if (next >= end)
            break;
        at.repeat += (uint32_t)(next - x->rows);
        x->rows = next;
        if (index_put(x, &at, err) < 0)
            return -1;
        at.repeat++;
        x->rows++;
    }
    x->rows = end;
    return 0;
}

/* Give the index to the table. */
static int index_take(struct table *t, struct table_index *x,
                      struct arena *arena)
{
    t->marks = arena_calloc(arena, x->count, sizeof(*t->marks));
    if (!t->marks)
        return -1;
    memcpy(t->marks, x->marks, x->count * sizeof(*t->marks));
    t->stride = x->stride;
    t->rows = (uint32_t)x->rows;
    return 0;
}

/* ---- Paths ---- */

int table_paths_index(struct table *t, struct table_index *x, unsigned *line,
                      struct err *err)
{
    struct table_mark m = {.line = 1};
    while (m.at < t->len) {
        const char *path = t->bytes + m.at;
        const char *end = memchr(path, '\0', t->len - m.at);
        *line = m.line;
        if (!end)
            return err_set(err, EINVAL, "the list of paths is cut off");
        uint32_t len = (uint32_t)(end - path);
        if (!text_is_utf8(path, len))
            return err_set(err, EINVAL, "the file name \"%s\" is not UTF-8",
                           path);
        if (len > t->columns[0].longest)
            t->columns[0].longest = len;
        if (table_index_add(x, &m, 1, err) < 0)
            return -1;
        m.at += len + 1;
        m.line++;
    }
    return 0;
}

void table_paths_seek(const struct table *t, struct table_mark *m,
                      uint32_t rows)
{
    for (; rows > 0; rows--) {
        m->at += (uint32_t)strlen(t->bytes + m->at) + 1;
        m->line++;
    }
}

/* ---- Building ---- */

/* The line of the first byte that is not UTF-8. */
static unsigned bad_line(const char *bytes, size_t len)
{
    const char *end = bytes + len, *nl;
    unsigned line = 1;
    for (; (nl = memchr(bytes, '\n', (size_t)(end - bytes))); bytes = nl + 1) {
        if (!text_is_utf8(bytes, (size_t)(nl - bytes)))
            break;
        line++;
    }
    return line;
}

/* Why it is no text, as far as its first bytes say. */
static const char *reason_guess(const char *bytes, size_t len)
{
    bool marked = len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 ||
                               memcmp(bytes, "\xfe\xff", 2) == 0);
    if (len >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        return "this is no text, but a workbook or another archive; export it "
               "as CSV";
    if (marked)
        return "this is UTF-16; iconv -f UTF-16 -t UTF-8 converts it";
    if (len >= 2 && bytes[0] && !bytes[1])
        return "this is UTF-16; iconv -f UTF-16LE -t UTF-8 converts it";
    if (len >= 2 && !bytes[0] && bytes[1])
        return "this is UTF-16; iconv -f UTF-16BE -t UTF-8 converts it";
    if (memchr(bytes, '\0', len < 4096 ? len : 4096))
        return "this is no text: it has NUL bytes";
    return "this is not UTF-8; iconv -f LATIN1 -t UTF-8 converts it, if it is "
           "Latin-1";
}

static int bytes_check(enum table_kind kind, const char *bytes, size_t len,
                       unsigned *line, struct err *err)
{
    if (len > TABLE_MAX_BYTES)
        return err_set(err, EFBIG, "it has %zu bytes, at most %zu are allowed",
                       len, TABLE_MAX_BYTES);
    if (kind == TABLE_PATHS || text_is_utf8(bytes, len))
        return 0;
    *line = bad_line(bytes, len);
    return err_set(err, EINVAL, "%s", reason_guess(bytes, len));
}

/* The one column of tables that are no cells. */
static int column_alone(struct table *t, struct arena *arena)
{
    t->columns = arena_calloc(arena, 1, sizeof(*t->columns));
    if (!t->columns)
        return -1;
    t->columns[0].name = t->kind == TABLE_PATHS ? "file" : "command";
    t->columns[0].type = VALUE_STRING;
    t->column_count = 1;
    return 0;
}

static int index_build(struct table *t, struct arena *arena,
                       struct table_index *x, unsigned *line, struct err *err)
{
    if (t->kind == TABLE_PATHS)
        return table_paths_index(t, x, line, err);
    if (t->kind == TABLE_COMMANDS)
        return table_lines_index(t, arena, x, line, err);
    return table_cells_index(t, arena, x, line, err);
}

const struct table *table_create(struct arena *arena, enum table_kind kind,
                                 const char *name, const char *bytes,
                                 size_t len, unsigned *line, struct err *err)
{
    struct table_index x = {.stride = STRIDE};
    int rc = -1;
    *line = 0;
    if (bytes_check(kind, bytes, len, line, err) < 0)
        return NULL;
    struct table *t = arena_calloc(arena, 1, sizeof(*t));
    if (!t)
        goto nomem;
    *t = (struct table){.kind = kind,
                        .name = arena_strdup(arena, name),
                        .bytes = bytes,
                        .len = (uint32_t)len};
    if (!t->name || ((kind == TABLE_COMMANDS || kind == TABLE_PATHS) &&
                     column_alone(t, arena) < 0))
        goto nomem;
    if (index_build(t, arena, &x, line, err) < 0)
        goto out;
    *line = 0;
    if (x.rows == 0) {
        assert(kind != TABLE_PATHS);
        err_set(err, EINVAL,
                kind == TABLE_COMMANDS ? "there is no command in it"
                                       : "there is no row behind the header");
        goto out;
    }
    if (index_take(t, &x, arena) < 0)
        goto nomem;
    rc = 0;
    goto out;
nomem:
    err_set(err, ENOMEM, "no memory for an index of rows");
out:
    mem_free(x.marks);
    return rc == 0 ? t : NULL;
}

/* ---- Questions ---- */

enum table_kind table_kind(const struct table *t)
{
    return t->kind;
}

const char *table_name(const struct table *t)
{
    return t->name;
}

uint32_t table_rows(const struct table *t)
{
    return t->rows;
}

uint32_t table_columns(const struct table *t)
{
    return t->column_count;
}

const char *table_column_name(const struct table *t, uint32_t column)
{
    return t->columns[column].name;
}

int table_find_column(const struct table *t, const char *name)
{
    for (uint32_t k = 0; k < t->column_count; k++)
        if (strcmp(t->columns[k].name, name) == 0)
            return (int)k;
    return -1;
}

enum value_type table_column_type(const struct table *t, uint32_t column)
{
    return t->columns[column].type;
}

uint32_t table_column_longest(const struct table *t, uint32_t column)
{
    return t->columns[column].longest;
}

const char *const *table_shell(const struct table *t)
{
    return t->shell;
}

bool table_is_disbatch(const struct table *t)
{
    return t->disbatch;
}

static struct table_mark row_find(const struct table *t, uint32_t row)
{
    struct table_mark m = t->marks[row / t->stride];
    if (t->kind == TABLE_PATHS)
        table_paths_seek(t, &m, row % t->stride);
    else if (t->kind == TABLE_COMMANDS)
        table_lines_seek(t, &m, row % t->stride);
    else
        table_cells_seek(t, &m, row % t->stride);
    return m;
}

uint32_t table_line(const struct table *t, uint32_t row)
{
    return row_find(t, row).line;
}

int table_value(const struct table *t, uint32_t row, uint32_t column,
                struct buf *room, struct value *v, struct err *err)
{
    struct table_mark m = row_find(t, row);
    struct table_command command;
    if (t->kind == TABLE_PATHS) {
        value_string(v, t->bytes + m.at);
    } else if (t->kind == TABLE_COMMANDS) {
        if (table_line_command(t, &m, room, &command, err) < 0)
            return -1;
        value_string(v, command.text);
    } else {
        return table_cell_value(t, &m, column, room, v, err);
    }
    return 0;
}

int table_command(const struct table *t, uint32_t row, struct buf *room,
                  struct table_command *out, struct err *err)
{
    struct table_mark m = row_find(t, row);
    return table_line_command(t, &m, room, out, err);
}
