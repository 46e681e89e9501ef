/* The errors of a job spec: see errors.h and spec.h.
 *
 * Owns the list and how an error is shown with its source line; what is an
 * error, others know.
 */
#include "config.h"
#include "spec/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

/* What the list is when there was no memory for one. */
static const struct spec_error no_memory = {.text = "out of memory"};

int spec_errors_init(struct spec_errors *errors)
{
    errors->count = errors->total = 0;
    errors->list = mem_alloc(SPEC_MAX_ERRORS * sizeof(errors->list[0]));
    if (errors->list)
        return 0;
    errors->list = (struct spec_error *)&no_memory; /* never written to */
    errors->count = errors->total = 1;
    return -1;
}

void spec_errors_fini(struct spec_errors *errors)
{
    if (errors->list != &no_memory)
        mem_free(errors->list);
    *errors = (struct spec_errors){0};
}

bool spec_errors_full(const struct spec_errors *errors)
{
    return errors->count == SPEC_MAX_ERRORS;
}

/* How a terminal may have the character of n bytes at s: a tab as a blank,
 * control and malformed bytes as \xNN. Returns its width in columns. */
static unsigned char_show(const char *s, size_t n, char shown[16])
{
    unsigned char c = (unsigned char)*s;
    bool control = n == 1 && (c < 0x20 || c >= 0x7f);
    bool c1 = n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;
    if (c == '\t')
        return (unsigned)snprintf(shown, 16, " ");
    if (control)
        return (unsigned)snprintf(shown, 16, "\\x%02x", c);
    if (c1)
        return (unsigned)snprintf(shown, 16, "\\u%04x", (unsigned char)s[1]);
    snprintf(shown, 16, "%.*s", (int)n, s);
    return 1;
}

/* Copy raw to text, cut to its size, with no byte that a terminal would act
 * on. */
static void text_set(char *text, size_t size, const char *raw, size_t left)
{
    size_t len = 0;
    char shown[16];
    for (size_t n; left > 0; raw += n, left -= n) {
        n = source_char_len(raw, left);
        char_show(raw, n, shown);
        size_t bytes = strlen(shown);
        if (len + bytes >= size)
            break;
        memcpy(text + len, shown, bytes);
        len += bytes;
    }
    text[len] = '\0';
}

void spec_errors_add(struct spec_errors *errors, unsigned line, unsigned column,
                     const char *fmt, ...)
{
    char raw[ERR_TEXT_MAX];
    va_list ap;
    errors->total++;
    if (spec_errors_full(errors))
        return;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    struct spec_error *e = &errors->list[errors->count++];
    e->line = line;
    e->column = column;
    text_set(e->text, sizeof(e->text), raw, strlen(raw));
    e->file[0] = e->source[0] = '\0';
}

void spec_errors_add_in(struct spec_errors *errors, const char *file,
                        unsigned line, const char *bytes, size_t len,
                        const char *text)
{
    errors->total++;
    if (spec_errors_full(errors))
        return;
    struct spec_error *e = &errors->list[errors->count++];
    *e = (struct spec_error){.line = line};
    text_set(e->text, sizeof(e->text), text, strlen(text));
    text_set(e->file, sizeof(e->file), file, strlen(file));
    if (line == 0)
        return;
    const char *end = bytes + len, *nl;
    for (; line > 1 && bytes < end; line--) {
        nl = memchr(bytes, '\n', (size_t)(end - bytes));
        bytes = nl ? nl + 1 : end;
    }
    nl = memchr(bytes, '\n', (size_t)(end - bytes));
    end = nl ? nl : end;
    end -= end > bytes && end[-1] == '\r';
    if (line == 1)
        text_set(e->source, sizeof(e->source), bytes, (size_t)(end - bytes));
}

void spec_errors_no_memory(struct spec_errors *errors, size_t used_bytes)
{
    if (spec_errors_full(errors))
        errors->count--;
    if (used_bytes > SPEC_MAX_BYTES / 4) /* our own bound was hit */
        spec_errors_add(errors, 0, 0,
                        "the job spec is too large: it needs more than %d MiB "
                        "of memory; a long list is smaller as a sweep",
                        SPEC_MAX_BYTES >> 20);
    else
        spec_errors_add(errors, 0, 0, "out of memory");
}

/* By place; those in tables come last, in their order. */
static bool is_before(const struct spec_error *a, const struct spec_error *b)
{
    if (a->file[0] || b->file[0])
        return !a->file[0];
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* Insertion sort: short, stable, and the list is short and nearly sorted. */
void spec_errors_sort(struct spec_errors *errors)
{
    struct spec_error *list = errors->list;
    for (size_t i = 1; i < errors->count; i++) {
        struct spec_error e = list[i];
        size_t at = i;
        while (at > 0 && is_before(&e, &list[at - 1]))
            at--;
        memmove(&list[at + 1], &list[at], (i - at) * sizeof(e));
        list[at] = e;
    }
}

struct excerpt excerpt_of(const char *text)
{
    struct excerpt x;
    size_t len = strlen(text);
    if (len <= 40) {
        memcpy(x.text, text, len + 1);
        return x;
    }
    len = 40;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(x.text, text, len);
    memcpy(x.text + len, "...", 4);
    return x;
}

size_t source_char_len(const char *s, size_t room)
{
    unsigned char lead = (unsigned char)*s;
    size_t n = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return n <= room && text_is_utf8(s, n) ? n : 1;
}

size_t source_break_len(const char *s, size_t room)
{
    static const char *const breaks[] = {
        "\r\n", "\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        size_t n = strlen(breaks[i]);
        if (n <= room && memcmp(s, breaks[i], n) == 0)
            return n;
    }
    return 0;
}

const char *source_line(const char *text, size_t len, unsigned line,
                        size_t *line_len)
{
    size_t start = 0, end, n = 0;
    for (;; start = end + n) {
        for (end = start; end < len; end++)
            if ((n = source_break_len(text + end, len - end)) > 0)
                break;
        if (--line == 0)
            break;
        if (end == len)
            return NULL;
    }
    *line_len = end - start;
    return text + start;
}

enum { SHOW_COLUMNS = 100, SHOW_BEFORE = 60 };

/* The source line as far as it fits, and a caret under its character number
 * `column` (from 1; 0: none). */
static int show_source(struct buf *out, const char *line, size_t len,
                       unsigned number, unsigned column)
{
    unsigned before = 0, total = 0; /* columns: up to the caret, of all */
    unsigned x = 0, caret = 0, at = 1;
    char shown[16];
    for (size_t i = 0, n; i < len; i += n, at++) {
        n = source_char_len(line + i, len - i);
        unsigned width = char_show(line + i, n, shown);
        before += at < column ? width : 0;
        total += width;
    }
    unsigned from =
        before > SHOW_BEFORE && total > SHOW_COLUMNS ? before - SHOW_BEFORE : 0;
    unsigned to = from + SHOW_COLUMNS;
    if (buf_printf(out, "%5u | %s", number, from ? "..." : "") < 0)
        return -1;
    at = 1;
    for (size_t i = 0, n; i < len && x < to; i += n, at++) {
        n = source_char_len(line + i, len - i);
        unsigned width = char_show(line + i, n, shown);
        if (x >= from && buf_puts(out, shown) < 0)
            return -1;
        caret += x >= from && at < column ? width : 0;
        x += width;
    }
    if (buf_printf(out, "%s\n", x < total ? "..." : "") < 0)
        return -1;
    return column ? buf_printf(out, "      | %*s^\n",
                               (int)(caret + (from ? 3 : 0)), "")
                  : 0;
}

/* An error in a table: its path is relative to that of the spec. */
static int show_in_table(const struct spec_error *e, const char *spec,
                         struct buf *out)
{
    size_t folder = e->file[0] == '/' ? 0 : (size_t)(path_base(spec) - spec);
    if (text_put_printable(out, spec, folder, false) < 0 ||
        buf_puts(out, e->file) < 0 ||
        (e->line && buf_printf(out, ":%u", e->line) < 0) ||
        buf_printf(out, ": error: %s\n", e->text) < 0)
        return -1;
    return e->source[0] ? buf_printf(out, "%5u | %s\n", e->line, e->source) : 0;
}

int spec_error_show(const struct spec_error *e, const char *file,
                    const char *text, size_t len, struct buf *out)
{
    size_t line_len = 0;
    if (e->file[0])
        return show_in_table(e, file, out);
    if (text_put_printable(out, file, strlen(file), false) < 0 ||
        (e->line && buf_printf(out, ":%u", e->line) < 0) ||
        (e->column && buf_printf(out, ":%u", e->column) < 0) ||
        buf_printf(out, ": error: %s\n", e->text) < 0)
        return -1;
    if (e->line == 0)
        return 0;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a BOM */
        text += 3;
        len -= 3;
    }
    const char *line = source_line(text, len, e->line, &line_len);
    return line ? show_source(out, line, line_len, e->line, e->column) : 0;
}
