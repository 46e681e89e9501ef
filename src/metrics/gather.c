/* Candidates to values: see gather.h. */
#include "config.h"
#include "metrics/gather.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum { NUMBER_MAX_BYTES = 512, SHOWN_BYTES = 40 };

static const char *const type_names[] = {"float64", "int64", "text"};

int gather_init(struct gather *g, const struct metric *m)
{
    *g = (struct gather){.metric = m, .value.state = METRIC_MISSING};
    if (m->rank == 0)
        return 0;
    g->value.u.numbers = mem_calloc(m->cells, sizeof(double));
    if (!g->value.u.numbers)
        return -1;
    g->value.cells = m->cells;
    return 0;
}

void gather_fini(struct gather *g)
{
    metric_value_fini(&g->value);
}

/* ---- Words ---- */

void gather_malformed(struct gather *g, const char *fmt, ...)
{
    va_list ap;
    if (g->bad)
        return;
    va_start(ap, fmt);
    vsnprintf(g->why, sizeof(g->why), fmt, ap);
    va_end(ap);
    g->bad = true;
    /* a later candidate may still be the last one */
    if (g->metric->select != METRIC_LAST)
        g->done = true;
}

void gather_missing(struct gather *g, const char *fmt, ...)
{
    va_list ap;
    if (g->candidates > 0 || g->bad)
        return;
    va_start(ap, fmt);
    vsnprintf(g->why, sizeof(g->why), fmt, ap);
    va_end(ap);
}

/* The start of a text, fit to be seen. */
static void excerpt(char out[4 * SHOWN_BYTES + 8], const char *s, size_t len)
{
    struct buf b;
    size_t cut = len;
    if (len > SHOWN_BYTES) /* not within a character */
        for (cut = SHOWN_BYTES;
             cut > SHOWN_BYTES - 4 && ((unsigned char)s[cut] & 0xc0) == 0x80;)
            cut--;
    buf_init(&b, 4 * SHOWN_BYTES);
    if (text_put_printable(&b, s, cut, false) < 0)
        buf_reset(&b);
    sprintf(out, "%s%s", buf_text(&b), cut < len ? "..." : "");
    buf_fini(&b);
}

void shape_show(char out[96], char open, char close, const uint64_t *dims,
                uint32_t rank)
{
    enum { SHOWN = 4 };
    size_t n = (size_t)sprintf(out, "%c", open);
    for (uint32_t i = 0; i < rank && i < SHOWN; i++)
        n += (size_t)sprintf(out + n, "%s%" PRIu64, i ? ", " : "", dims[i]);
    sprintf(out + n, "%s%c", rank > SHOWN ? ", ..." : "", close);
}

void metric_shape_show(char out[96], const struct metric *m)
{
    uint64_t dims[METRIC_MAX_RANK];
    for (uint32_t i = 0; i < m->rank; i++)
        dims[i] = m->shape[i];
    shape_show(out, '[', ']', dims, m->rank);
}

/* ---- Candidates ---- */

bool gather_begin(struct gather *g)
{
    enum metric_select select = g->metric->select;
    if (select == METRIC_FIRST && g->candidates > 0)
        g->done = true;
    if (g->done)
        return false;
    if (select != METRIC_ALL)
        g->cells = 0;
    if (select == METRIC_LAST)
        g->bad = false;
    g->candidates++;
    return true;
}

/* Is there room for one more cell? */
static bool room(struct gather *g)
{
    const struct metric *m = g->metric;
    char shape[96];
    bool is_one = m->rank == 0 && m->select != METRIC_MIN &&
                  m->select != METRIC_MAX && m->select != METRIC_MEAN;
    if (g->bad)
        return false;
    if (m->rank > 0 && g->cells >= m->cells) {
        metric_shape_show(shape, m);
        gather_malformed(g, "there are more values than its shape %s has",
                         shape);
        return false;
    }
    if (is_one && g->cells >= 1) {
        gather_malformed(g, "there are several values, and it has no shape");
        return false;
    }
    g->cells++;
    return true;
}

/* Is the number better than the one we have? NaN stays. */
static bool beats(const struct gather *g, double number, double have)
{
    if (g->numbers == 0 || isnan(number))
        return true;
    if (isnan(have))
        return false;
    return g->metric->select == METRIC_MIN ? number < have : number > have;
}

static void keep_number(struct gather *g, double number)
{
    if (g->metric->rank > 0) {
        g->value.u.numbers[g->cells - 1] = number;
        return;
    }
    switch (g->metric->select) {
    case METRIC_MIN:
    case METRIC_MAX:
        if (beats(g, number, g->value.u.number))
            g->value.u.number = number;
        break;
    case METRIC_MEAN:
        g->sum += number;
        break;
    case METRIC_FIRST:
    case METRIC_LAST:
    case METRIC_ALL:
        g->value.u.number = number;
        break;
    }
    g->numbers++;
}

static void keep_integer(struct gather *g, int64_t integer)
{
    int64_t have = g->value.u.integer;
    if (g->metric->rank > 0) {
        g->value.u.integers[g->cells - 1] = integer;
        return;
    }
    switch (g->metric->select) {
    case METRIC_MIN:
        g->value.u.integer = g->numbers > 0 && have < integer ? have : integer;
        break;
    case METRIC_MAX:
        g->value.u.integer = g->numbers > 0 && have > integer ? have : integer;
        break;
    case METRIC_FIRST:
    case METRIC_LAST:
    case METRIC_ALL:
    case METRIC_MEAN: /* is never one of integers */
        g->value.u.integer = integer;
        break;
    }
    g->numbers++;
}

static void keep_string(struct gather *g, const char *s, size_t len)
{
    if (len > METRIC_MAX_STRING) {
        gather_malformed(g, "a text of %zu bytes; at most %d are kept", len,
                         METRIC_MAX_STRING);
        return;
    }
    if (!text_is_utf8(s, len)) {
        gather_malformed(g, "the text is not UTF-8");
        return;
    }
    mem_free(g->value.string);
    g->value.string = mem_strndup(s, len);
    if (!g->value.string)
        g->no_memory = g->done = true;
}

/* As few digits as make it the same number again. */
static void number_show(char text[32], double number)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
}

void gather_number(struct gather *g, double number)
{
    char text[32];
    if (g->metric->type == METRIC_FLOAT64) {
        if (room(g))
            keep_number(g, number);
        return;
    }
    number_show(text, number);
    if (g->metric->type == METRIC_STRING) {
        if (room(g))
            keep_string(g, text, strlen(text));
    } else {
        gather_malformed(g, "%s is no int64", text);
    }
}

void gather_integer(struct gather *g, int64_t integer)
{
    char text[32];
    if (!room(g))
        return;
    switch (g->metric->type) {
    case METRIC_FLOAT64:
        keep_number(g, (double)integer);
        break;
    case METRIC_INT64:
        keep_integer(g, integer);
        break;
    case METRIC_STRING:
        snprintf(text, sizeof(text), "%" PRId64, integer);
        keep_string(g, text, strlen(text));
        break;
    }
}

/* All of text is a number of the metric's type. */
static bool number_put(struct gather *g, const char *text)
{
    char *end;
    double number = 0;
    int64_t integer = 0;
    bool is_int = g->metric->type == METRIC_INT64;
    errno = 0;
    if (is_int) {
        integer = strtoll(text, &end, 10);
        if (errno)
            return false;
    } else {
        number = strtod(text, &end); /* inf and nan are values, too */
        if (errno == ERANGE && isinf(number))
            return false; /* 1e400 is neither */
    }
    if (end == text || *end)
        return false;
    if (!room(g))
        return true;
    if (is_int)
        keep_integer(g, integer);
    else
        keep_number(g, number);
    return true;
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c);
}

void gather_text(struct gather *g, const char *s, size_t len)
{
    char text[NUMBER_MAX_BYTES], shown[4 * SHOWN_BYTES + 8];
    if (g->bad)
        return;
    if (g->metric->type == METRIC_STRING) {
        if (room(g))
            keep_string(g, s, len);
        return;
    }
    const char *start = s;
    size_t n = len;
    for (; n > 0 && is_blank(*start); n--)
        start++;
    while (n > 0 && is_blank(start[n - 1]))
        n--;
    if (n > 0 && n < sizeof(text) && !memchr(start, '\0', n)) {
        memcpy(text, start, n);
        text[n] = '\0';
        if (number_put(g, text))
            return;
    }
    excerpt(shown, s, len);
    gather_malformed(g, "\"%s\" is no %s", shown, type_names[g->metric->type]);
}

void gather_list(struct gather *g, const char *s, size_t len)
{
    static const char between[] = " \t\r\n\v\f,;[](){}";
    const char *end = s + len;
    while (s < end && !g->done) {
        const char *word = s;
        while (s < end && (*s == '\0' || !strchr(between, *s)))
            s++;
        if (s > word)
            gather_text(g, word, (size_t)(s - word));
        if (g->bad)
            return;
        if (s < end)
            s++;
    }
}

/* ---- The value ---- */

/* Why it is out of range: the first cell that is. */
static void range_say(struct gather *g)
{
    const struct metric *m = g->metric;
    const struct metric_value *v = &g->value;
    uint32_t i = 0;
    char text[32];
    double number = 0;
    do {
        bool is_int = m->type == METRIC_INT64;
        number = is_int
                     ? (double)(m->rank > 0 ? v->u.integers[i] : v->u.integer)
                 : m->rank > 0 ? v->u.numbers[i]
                               : v->u.number;
    } while (number >= m->min && number <= m->max && ++i < m->cells);
    number_show(text, number);
    snprintf(g->why, sizeof(g->why), "%s is not in its range [%g, %g]", text,
             m->min, m->max);
}

int gather_end(struct gather *g, struct metric_value *v)
{
    const struct metric *m = g->metric;
    bool reduces = m->select == METRIC_MIN || m->select == METRIC_MAX ||
                   m->select == METRIC_MEAN;
    char shape[96];
    if (g->no_memory)
        return -1;
    if (!g->bad && g->candidates > 0) {
        if (m->rank > 0 && g->cells != m->cells) {
            metric_shape_show(shape, m);
            gather_malformed(g, "%" PRIu64 " value%s, its shape is %s",
                             g->cells, g->cells == 1 ? "" : "s", shape);
        } else if (m->rank == 0 && !(reduces ? g->numbers : g->cells)) {
            gather_malformed(g, "there is no value");
        }
    }
    if (g->bad || g->candidates == 0) {
        metric_value_fini(&g->value);
        *v = (struct metric_value){.state = g->bad ? METRIC_MALFORMED
                                                   : METRIC_MISSING};
        return 0;
    }
    if (m->select == METRIC_MEAN)
        g->value.u.number = (double)(g->sum / (long double)g->numbers);
    g->why[0] = '\0';
    g->value.state = metric_value_judge(m, &g->value);
    if (g->value.state != METRIC_OK)
        range_say(g);
    *v = g->value;
    g->value = (struct metric_value){.state = METRIC_MISSING};
    return 0;
}
