/* Metrics from JSON: see json.h.
 *
 * A whole document and JSON Lines are the same here: values, each beginning at
 * the start of a line and ending at the end of one. What failed to be JSON is
 * read again at most as often as FAILED_MAX_BYTES allow, so that the work is
 * bounded whatever the text is.
 */
#include "config.h"
#include "metrics/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 256, FAILED_MAX_BYTES = 64 << 20 };

/* ---- Pointers ---- */

/* The next token of a pointer, unescaped; *p goes behind it. False: it is
 * longer than any key that we look for. */
static bool token_next(const char **p, char token[TOKEN_BYTES])
{
    size_t n = 0;
    const char *s = *p + 1; /* behind the slash */
    for (; *s && *s != '/'; s++) {
        if (n + 1 >= TOKEN_BYTES)
            return false;
        if (s[0] == '~' && (s[1] == '0' || s[1] == '1'))
            token[n++] = *++s == '0' ? '~' : '/';
        else
            token[n++] = *s;
    }
    token[n] = '\0';
    *p = s;
    return true;
}

static const json_t *element(const json_t *list, const char *token)
{
    size_t len = strlen(token), at = 0;
    if (len == 0 || len > 9 || strspn(token, "0123456789") != len ||
        (token[0] == '0' && len > 1))
        return NULL;
    for (size_t i = 0; i < len; i++)
        at = 10 * at + (size_t)(token[i] - '0');
    return json_array_get(list, at);
}

/* Where a pointer leads, or NULL. */
static const json_t *resolve(const json_t *at, const char *pointer)
{
    char token[TOKEN_BYTES];
    while (at && *pointer) {
        if (!token_next(&pointer, token))
            return NULL;
        at = json_is_object(at)  ? json_object_get(at, token)
             : json_is_array(at) ? element(at, token)
                                 : NULL;
    }
    return at;
}

/* ---- Values ---- */

static void put_one(struct gather *g, const json_t *v)
{
    bool text = g->metric->type == METRIC_STRING;
    switch (json_typeof(v)) {
    case JSON_STRING:
        gather_text(g, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        gather_integer(g, json_integer_value(v));
        break;
    case JSON_REAL:
        gather_number(g, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        if (text)
            gather_text(g, json_is_true(v) ? "true" : "false",
                        json_is_true(v) ? 4 : 5);
        else
            gather_integer(g, json_is_true(v));
        break;
    case JSON_NULL:
        gather_malformed(g, "the value is null");
        break;
    case JSON_OBJECT:
        gather_malformed(g, "the value is an object");
        break;
    case JSON_ARRAY:
        gather_malformed(g, "the value is an array, and it has no shape");
        break;
    }
}

/* All values of nested arrays, of whatever shape. */
static void put_all(struct gather *g, const json_t *v)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v))
        put_one(g, v);
    for (size_t i = 0; i < n && !g->bad; i++)
        put_all(g, json_array_get(v, i));
}

/* Nested arrays of exactly that shape. */
static void put_shaped(struct gather *g, const json_t *v, const uint32_t *shape,
                       uint32_t rank)
{
    char want[96];
    if (rank == 0 && (!json_is_array(v) || g->metric->rank == 0)) {
        put_one(g, v);
        return;
    }
    if (rank > 0 && json_is_array(v) && json_array_size(v) == shape[0]) {
        for (size_t i = 0; i < shape[0] && !g->bad; i++)
            put_shaped(g, json_array_get(v, i), shape + 1, rank - 1);
        return;
    }
    metric_shape_show(want, g->metric);
    if (json_is_array(v))
        gather_malformed(g, "an array of %zu does not fit its shape %s",
                         json_array_size(v), want);
    else
        gather_malformed(g, "the value is no array, its shape is %s", want);
}

static void put_value(struct gather *g, const json_t *v)
{
    const struct metric *m = g->metric;
    switch (m->select) {
    case METRIC_FIRST:
    case METRIC_LAST:
        put_shaped(g, v, m->shape, m->rank);
        break;
    case METRIC_ALL: /* one a candidate: the first dimension counts them */
        put_shaped(g, v, m->shape + 1, m->rank > 0 ? m->rank - 1 : 0);
        break;
    case METRIC_MIN:
    case METRIC_MAX:
    case METRIC_MEAN:
        put_all(g, v);
        break;
    }
}

/* A value of the text: offer it. Are all done? */
static bool offer(const json_t *root, struct gather *const *gathers,
                  uint32_t count)
{
    bool done = true;
    for (uint32_t i = 0; i < count; i++) {
        struct gather *g = gathers[i];
        const json_t *v = resolve(root, g->metric->pattern);
        if (v && gather_begin(g)) {
            put_value(g, v);
            if (g->metric->select == METRIC_FIRST)
                g->done = true;
        }
        done = done && g->done;
    }
    return done;
}

/* ---- The text ---- */

static void malformed(struct gather *const *gathers, uint32_t count,
                      const char *why)
{
    for (uint32_t i = 0; i < count; i++)
        if (gather_begin(gathers[i]))
            gather_malformed(gathers[i], "%s", why);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The length of the line at text without its end. */
static size_t line_len(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    return end ? (size_t)(end - text) : len;
}

/* May a JSON value begin here, that one of the metrics wants? Single values
 * count only where the whole value is wanted. */
static bool may_begin(char c, struct gather *const *gathers, uint32_t count)
{
    if (c == '{' || c == '[')
        return true;
    for (uint32_t i = 0; i < count; i++)
        if (!gathers[i]->metric->pattern[0])
            return !is_blank(c);
    return false;
}

/* Parse the value at text. It, with *used bytes up to the end of its line;
 * or NULL, with *used that were looked at and why. */
static json_t *parse(const char *text, size_t len, size_t *used, char why[160])
{
    json_error_t error;
    size_t room = len < JSON_MAX_BYTES ? len : JSON_MAX_BYTES;
    json_t *root = json_loadb(text, room,
                              JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    *used = error.position >= 0 && (size_t)error.position <= room
                ? (size_t)error.position
                : room;
    if (!root && *used >= room && room < len)
        snprintf(why, 160, "a JSON value of over %d MiB", JSON_MAX_BYTES >> 20);
    else if (!root)
        snprintf(why, 160, "no JSON: line %d: %.120s", error.line, error.text);
    if (!root)
        return NULL;
    for (; *used < len && is_blank(text[*used]); ++*used)
        if (text[*used] == '\n')
            return root;
    if (*used == len)
        return root;
    snprintf(why, 160, "no JSON: there is more behind the value in its line");
    json_decref(root);
    return NULL;
}

void jsonlines_scan(const char *text, size_t len, struct gather *const *gathers,
                    uint32_t count)
{
    size_t at = 0, failed = 0;
    char why[160];
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    /* a document may be indented as a whole */
    while (at < len && is_blank(text[at]))
        at++;
    while (at < len) {
        size_t used;
        if (!may_begin(text[at], gathers, count)) {
            at += line_len(text + at, len - at) + 1;
            continue;
        }
        json_t *root = parse(text + at, len - at, &used, why);
        if (root) {
            bool done = offer(root, gathers, count);
            json_decref(root);
            if (done)
                return;
            at += used + 1;
            continue;
        }
        failed += used;
        if (text[at] == '{')
            malformed(gathers, count, why);
        if (failed > FAILED_MAX_BYTES) {
            malformed(gathers, count,
                      "too much in it looks like JSON and is "
                      "none");
            return;
        }
        for (uint32_t i = 0; i < count; i++)
            gather_missing(gathers[i], "%s", why);
        at += line_len(text + at, len - at) + 1;
    }
}
