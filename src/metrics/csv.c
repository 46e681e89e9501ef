/* Metrics from CSV: see csv.h. One pass, nothing kept but a cell. */
#include "config.h"
#include "metrics/csv.h"

#include <string.h>

/* The largest cell that is looked at; a longer one is malformed. */
enum { CELL_BYTES = 1024, ROW_MAX_BYTES = 1 << 20 };

struct reader {
    const char *p, *end;
    unsigned long line;
};

struct cell {
    char text[CELL_BYTES];
    size_t len; /* may be more than there is room for */
};

static void cell_put(struct cell *c, char byte)
{
    if (c->len < CELL_BYTES)
        c->text[c->len] = byte;
    c->len++;
}

/* The field at r->p, which then stands at its separator or line end. False:
 * its quotes are not closed within a row's length. */
static bool field_read(struct reader *r, char separator, struct cell *c)
{
    const char *start = r->p;
    c->len = 0;
    if (r->p < r->end && *r->p == '"') {
        for (r->p++; r->p < r->end; r->p++) {
            if (*r->p == '"' && (r->p + 1 == r->end || r->p[1] != '"'))
                break;
            r->p += *r->p == '"';
            r->line += *r->p == '\n';
            cell_put(c, *r->p);
            if (r->p - start > ROW_MAX_BYTES)
                return false;
        }
        if (r->p == r->end)
            return false;
        r->p++;
    }
    for (; r->p < r->end && *r->p != separator && *r->p != '\n'; r->p++)
        cell_put(c, *r->p);
    return true;
}

/* Behind the line end at r->p; what is left of the line is dropped. */
static void line_skip(struct reader *r)
{
    const char *end = memchr(r->p, '\n', (size_t)(r->end - r->p));
    r->p = end ? end + 1 : r->end;
    r->line++;
}

/* The name without blanks and a comment's sign around it. */
static bool is_name(const struct cell *c, const char *name, bool first)
{
    const char *s = c->text;
    size_t len = c->len;
    if (len > CELL_BYTES)
        return false;
    for (; len > 0 && strchr(" \t\r", s[len - 1]); len--)
        ;
    for (; len > 0 && (strchr(" \t", *s) || (first && *s == '#')); len--)
        s++;
    return len == strlen(name) && memcmp(s, name, len) == 0;
}

/* Has the line at r->p the column? Its number and how many there are. */
static bool header_has(const struct reader *at, char separator,
                       const char *name, uint64_t *column, uint64_t *columns)
{
    struct reader r = *at;
    struct cell c;
    bool found = false;
    *columns = 0;
    do {
        r.p += *columns > 0;
        if (!field_read(&r, separator, &c))
            return false;
        if (!found && is_name(&c, name, *columns == 0)) {
            found = true;
            *column = *columns;
        }
        ++*columns;
    } while (r.p < r.end && *r.p == separator);
    return found;
}

/* Find the header; r->p is behind it. */
static bool header_find(struct reader *r, const char *name, char *separator,
                        uint64_t *column, uint64_t *columns)
{
    static const char separators[] = ",\t;";
    const char *hit = r->p; /* the next place of the name */
    for (; r->p < r->end; line_skip(r)) {
        if (hit <= r->p)
            hit = memmem(r->p, (size_t)(r->end - r->p), name, strlen(name));
        if (!hit)
            return false;
        if (memchr(r->p, '\n', (size_t)(hit - r->p)))
            continue; /* not in this line */
        for (const char *s = separators; *s; s++)
            if (header_has(r, *s, name, column, columns)) {
                *separator = *s;
                line_skip(r);
                return true;
            }
    }
    return false;
}

static bool is_skipped(const struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && strchr(" \t\r", *p))
        p++;
    return p == r->end || *p == '\n' || *p == '#';
}

static void offer(struct gather *g, const struct cell *c)
{
    if (!gather_begin(g))
        return;
    if (c->len > CELL_BYTES) {
        gather_malformed(g, "a cell of %zu bytes", c->len);
    } else {
        size_t len = c->len;
        if (len > 0 && c->text[len - 1] == '\r')
            len--;
        gather_text(g, c->text, len);
    }
    if (g->metric->select == METRIC_FIRST)
        g->done = true;
}

static void row_read(struct reader *r, char separator, uint64_t column,
                     uint64_t columns, struct gather *g)
{
    unsigned long line = r->line;
    struct cell c, ours = {.len = 0};
    uint64_t n = 0;
    bool closed = true;
    do {
        r->p += n > 0;
        closed = field_read(r, separator, &c);
        if (n == column)
            ours = c;
        n++;
    } while (closed && r->p < r->end && *r->p == separator);
    if (closed && n == columns)
        offer(g, &ours);
    else if (gather_begin(g) && !closed)
        gather_malformed(g, "line %lu: quotes are not closed", line);
    else if (!g->done)
        gather_malformed(g, "line %lu has %llu field%s, the header %llu", line,
                         (unsigned long long)n, n == 1 ? "" : "s",
                         (unsigned long long)columns);
    line_skip(r);
}

void csv_scan(const char *text, size_t len, struct gather *g)
{
    struct reader r = {.p = text, .end = text + len, .line = 1};
    const char *name = g->metric->pattern;
    uint64_t column = 0, columns = 0;
    char separator = ',';
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.p += 3;
    if (!header_find(&r, name, &separator, &column, &columns)) {
        gather_missing(g, "no line is a header with the column \"%.60s\"",
                       name);
        return;
    }
    while (r.p < r.end && !g->done)
        if (is_skipped(&r))
            line_skip(&r);
        else
            row_read(&r, separator, column, columns, g);
    gather_missing(g, "there is no row below the header");
}
