/* Rows of cells: see sheet.h. */
#include "config.h"
#include "cli/sheet.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "model/order.h"

enum {
    HELD_ROWS = 512,
    HELD_BYTES = 64 << 20,
    OUT_BYTES = 1 << 16,
    WIDTH_MAX = 40,
    GAP = 2
};

struct sheet_row {
    struct value key;
    uint64_t number; /* equal keys stay in order */
    char *cells;     /* heap; behind them the key's text */
    size_t len;
};

void sheet_init(struct sheet *s)
{
    *s = (struct sheet){.state_column = -1};
    buf_init(&s->held, HELD_BYTES);
    buf_init(&s->out, HELD_BYTES);
}

void sheet_fini(struct sheet *s)
{
    for (size_t i = 0; i < s->row_count; i++)
        mem_free(s->rows[i].cells);
    mem_free(s->rows);
    buf_fini(&s->held);
    buf_fini(&s->out);
}

static int nomem(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to show this");
}

/* ---- For programs ---- */

static int csv_cell(struct buf *out, const char *cell)
{
    if (!strpbrk(cell, ",\"\r\n"))
        return buf_puts(out, cell);
    int rc = buf_putc(out, '"');
    for (; rc == 0 && *cell; cell++) {
        rc = *cell == '"' ? buf_putc(out, '"') : 0;
        rc = rc == 0 ? buf_putc(out, *cell) : -1;
    }
    return rc == 0 ? buf_putc(out, '"') : -1;
}

/* A tab, a newline and a backslash as \t, \n, \\. */
static int tsv_cell(struct buf *out, const char *cell)
{
    static const char special[] = "\t\n\r\\", letters[] = "tnr\\";
    int rc = 0;
    for (; rc == 0 && *cell; cell++) {
        const char *at = strchr(special, *cell);
        rc = at ? buf_putc(out, '\\') : 0;
        if (rc == 0)
            rc = buf_putc(out, at ? letters[at - special] : *cell);
    }
    return rc;
}

/* What is in s->out to stdout; 1: nobody reads. */
static int out_flush(struct sheet *s)
{
    if (stdout_put(buf_text(&s->out), s->out.len) != EXIT_OK)
        s->broken = true;
    buf_reset(&s->out);
    return s->broken;
}

static int row_print(struct sheet *s, const char *cells, struct err *err)
{
    int rc = 0;
    if (s->between && s->printed > 0)
        rc = buf_puts(&s->out, s->between);
    if (rc == 0 && s->before)
        rc = buf_puts(&s->out, s->before);
    s->printed++;
    for (uint32_t c = 0; rc == 0 && c < s->columns; c++) {
        if (c > 0)
            rc = buf_putc(&s->out, s->format == SHEET_CSV ? ',' : '\t');
        if (rc == 0)
            rc = s->format == SHEET_CSV   ? csv_cell(&s->out, cells)
                 : s->format == SHEET_TSV ? tsv_cell(&s->out, cells)
                                          : buf_puts(&s->out, cells);
        cells += strlen(cells) + 1;
    }
    if (rc == 0 && s->format != SHEET_RAW)
        rc = buf_putc(&s->out, '\n');
    if (rc < 0)
        return nomem(err);
    return s->out.len >= OUT_BYTES ? out_flush(s) : 0;
}

/* ---- For people ---- */

/* How wide a text is, more or less: its characters. */
static unsigned text_width(const char *s)
{
    unsigned n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static bool is_number(const char *s)
{
    return isdigit((unsigned char)*s) ||
           ((*s == '-' || *s == '.' || *s == '+') &&
            (isdigit((unsigned char)s[1]) || s[1] == '.'));
}

/* Columns are as wide as what is held needs; numbers stand on the right. */
static void widths_find(struct sheet *s)
{
    const char *cell = buf_text(&s->held);
    bool seen[SHEET_MAX_COLUMNS] = {false};
    for (uint32_t c = 0; c < s->columns; c++)
        s->right[c] = true;
    for (uint32_t r = 0; r < s->held_rows; r++)
        for (uint32_t c = 0; c < s->columns; c++) {
            unsigned w = text_width(cell);
            if (w > s->widths[c])
                s->widths[c] = w < WIDTH_MAX ? w : WIDTH_MAX;
            if (r > 0 && *cell) {
                seen[c] = true;
                s->right[c] = s->right[c] && is_number(cell);
            }
            cell += strlen(cell) + 1;
        }
    for (uint32_t c = 0; c < s->columns; c++)
        s->right[c] = s->right[c] && seen[c];
    s->sized = true;
}

static enum style state_style(const char *word)
{
    return strcmp(word, "failed") == 0      ? STYLE_BAD
           : strcmp(word, "succeeded") == 0 ? STYLE_GOOD
           : strcmp(word, "invalid") == 0   ? STYLE_NOTICE
           : strcmp(word, "skipped") == 0   ? STYLE_NOTICE
                                            : STYLE_PLAIN;
}

static void row_show(struct sheet *s, const char *cells, bool title)
{
    struct display *d = s->display;
    for (uint32_t c = 0; c < s->columns; c++) {
        unsigned w = text_width(cells);
        unsigned pad = w < s->widths[c] ? s->widths[c] - w : 0;
        bool last = c + 1 == s->columns;
        if (s->right[c])
            display_printf(d, "%*s", (int)pad, "");
        display_styled(d,
                       title                       ? STYLE_TITLE
                       : (int)c == s->state_column ? state_style(cells)
                                                   : STYLE_PLAIN,
                       cells);
        if (!last)
            display_printf(d, "%*s", (int)(s->right[c] ? 0 : pad) + GAP, "");
        cells += strlen(cells) + 1;
    }
    display_put(d, "\n", 1);
}

static int held_show(struct sheet *s)
{
    const char *cell = buf_text(&s->held);
    widths_find(s);
    for (uint32_t r = 0; r < s->held_rows; r++) {
        row_show(s, cell, r == 0);
        for (uint32_t c = 0; c < s->columns; c++)
            cell += strlen(cell) + 1;
    }
    buf_reset(&s->held);
    s->held_rows = 0;
    return display_over(s->display);
}

/* Cells as they can be shown, behind what is in to: each in one line. */
static int cells_printable(const char *cells, uint32_t count, struct buf *to)
{
    int rc = 0;
    for (uint32_t c = 0; rc == 0 && c < count; c++) {
        rc = text_put_printable(to, cells, strlen(cells), false);
        rc = rc == 0 ? buf_putc(to, '\0') : -1;
        cells += strlen(cells) + 1;
    }
    return rc;
}

static int row_hold(struct sheet *s, const char *cells, struct err *err)
{
    size_t from = s->held.len;
    if (cells_printable(cells, s->columns, &s->held) < 0)
        return nomem(err);
    if (!s->sized) {
        if (++s->held_rows < HELD_ROWS && s->held.len < HELD_BYTES / 2)
            return 0;
        return held_show(s);
    }
    row_show(s, s->held.data + from, false);
    buf_reset(&s->held);
    return display_over(s->display);
}

/* ---- Sorted ---- */

static int by_key(const void *a, const void *b)
{
    const struct sheet_row *x = a, *y = b;
    enum order o = value_order(&x->key, &y->key);
    if (o != ORDER_EQUAL)
        return o == ORDER_LESS ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Null is last, whatever the direction. */
static int by_key_down(const void *a, const void *b)
{
    const struct sheet_row *x = a, *y = b;
    bool null_x = x->key.type == VALUE_NULL, null_y = y->key.type == VALUE_NULL;
    if (null_x != null_y)
        return null_x ? 1 : -1;
    enum order o = value_order(&x->key, &y->key);
    if (o != ORDER_EQUAL)
        return o == ORDER_LESS ? 1 : -1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void rows_sort(struct sheet *s)
{
    if (s->row_count > 1)
        qsort(s->rows, s->row_count, sizeof(s->rows[0]),
              s->descending ? by_key_down : by_key);
}

/* Keep the first rows only. */
static void rows_prune(struct sheet *s)
{
    rows_sort(s);
    while (s->row_count > s->head) {
        struct sheet_row *r = &s->rows[--s->row_count];
        s->row_bytes -= r->len;
        mem_free(r->cells);
    }
}

static int rows_reserve(struct sheet *s, struct err *err)
{
    if (s->row_count < s->row_cap)
        return 0;
    size_t cap = s->row_cap ? 2 * s->row_cap : 256;
    struct sheet_row *rows = mem_resize(s->rows, cap, sizeof(*rows));
    if (!rows)
        return nomem(err);
    s->rows = rows;
    s->row_cap = cap;
    return 0;
}

static int row_keep(struct sheet *s, const char *cells, size_t len,
                    const struct value *key, struct err *err)
{
    size_t text = key->type == VALUE_STRING ? strlen(key->text) + 1 : 0;
    if (s->head > 0 && s->row_count >= 2 * s->head)
        rows_prune(s);
    if (s->row_count == SHEET_MAX_SORTED ||
        s->row_bytes + len + text > SHEET_MAX_SORTED_BYTES)
        return err_set(err, EFBIG,
                       "more than %d tasks, or %d MiB, cannot be sorted; ask "
                       "for fewer (--where, --head), or use sort(1)",
                       SHEET_MAX_SORTED, SHEET_MAX_SORTED_BYTES >> 20);
    if (rows_reserve(s, err) < 0)
        return -1;
    struct sheet_row *r = &s->rows[s->row_count];
    r->cells = mem_alloc(len + text);
    if (!r->cells)
        return nomem(err);
    memcpy(r->cells, cells, len);
    if (text > 0)
        memcpy(r->cells + len, key->text, text);
    r->key = *key;
    r->key.text = text > 0 ? r->cells + len : NULL;
    r->len = len + text;
    r->number = s->shown++;
    s->row_bytes += r->len;
    s->row_count++;
    return 0;
}

/* ---- Rows ---- */

static int row_put(struct sheet *s, const char *cells, struct err *err)
{
    return s->format == SHEET_TABLE ? row_hold(s, cells, err)
                                    : row_print(s, cells, err);
}

int sheet_titles(struct sheet *s, const char *cells, size_t len,
                 struct err *err)
{
    (void)len;
    return row_put(s, cells, err);
}

int sheet_put(struct sheet *s, const char *cells, size_t len,
              const struct value *key, struct err *err)
{
    return s->sorted ? row_keep(s, cells, len, key, err)
                     : row_put(s, cells, err);
}

int sheet_end(struct sheet *s, struct err *err)
{
    int rc = 0;
    rows_sort(s);
    for (size_t i = 0; rc == 0 && i < s->row_count; i++)
        if (s->head == 0 || i < s->head)
            rc = row_put(s, s->rows[i].cells, err);
    if (rc == 0 && s->format == SHEET_TABLE && !s->sized)
        rc = held_show(s);
    if (rc == 0 && s->out.len > 0)
        rc = out_flush(s);
    return rc;
}
