/* Scalars with type and source text: see value.h. */
#include "config.h"
#include "model/value.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

/* Digits of a base from s to end, at least one, into *v and, rounded, into
 * *wide. false: other characters; *range: does not fit v. */
static bool digits_scan(const char *s, const char *end, unsigned base,
                        uint64_t *v, double *wide, bool *range)
{
    *v = 0;
    *wide = 0;
    *range = false;
    if (s == end)
        return false;
    for (; s < end; s++) {
        unsigned d = isdigit((unsigned char)*s) ? (unsigned)(*s - '0')
                     : isxdigit((unsigned char)*s)
                         ? (unsigned)(tolower((unsigned char)*s) - 'a' + 10)
                         : 99;
        if (d >= base)
            return false;
        *wide = *wide * base + d;
        if (__builtin_mul_overflow(*v, (uint64_t)base, v) ||
            __builtin_add_overflow(*v, (uint64_t)d, v))
            *range = true;
    }
    return true;
}

/* [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ into v, as a float if it does not
 * fit int64. false: it is something else. */
static bool integer_resolve(struct value *v, const char *s, const char *end)
{
    bool range, negative = s < end && *s == '-';
    bool based = end - s > 2 && s[0] == '0' && (s[1] == 'o' || s[1] == 'x');
    unsigned base = !based ? 10 : s[1] == 'o' ? 8 : 16;
    uint64_t u;
    double wide;
    s += based ? 2 : s < end && (*s == '-' || *s == '+');
    if (!digits_scan(s, end, base, &u, &wide, &range))
        return false;
    if (range || u > (uint64_t)INT64_MAX + negative) {
        if (!based)
            return false; /* strtod rounds once */
        v->type = VALUE_FLOAT;
        v->u.number = wide;
        return true;
    }
    v->type = VALUE_INT;
    v->u.integer = negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s, const char *end)
{
    bool digits = false;
    s += s < end && (*s == '-' || *s == '+');
    for (; s < end && isdigit((unsigned char)*s); s++)
        digits = true;
    if (s < end && *s == '.') {
        for (s++; s < end && isdigit((unsigned char)*s); s++)
            digits = true;
    }
    if (!digits)
        return false;
    if (s < end && (*s == 'e' || *s == 'E')) {
        s++;
        s += s < end && (*s == '-' || *s == '+');
        if (s == end)
            return false;
        while (s < end && isdigit((unsigned char)*s))
            s++;
    }
    return s == end;
}

/* strtod of the C locale: the point is a point. */
static double number_parse(const char *s)
{
    static const char *const inf[] = {".inf", ".Inf", ".INF", NULL};
    if (is_one_of(s + (*s == '-' || *s == '+'), inf))
        return *s == '-' ? -INFINITY : INFINITY;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double v = c ? strtod_l(s, NULL, c) : strtod(s, NULL);
    if (c)
        freelocale(c);
    return v;
}

void value_resolve(struct value *v, const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    static const char *const inf[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nan[] = {".nan", ".NaN", ".NAN", NULL};

    *v = (struct value){.type = VALUE_STRING, .text = text};
    if (is_one_of(text, nulls)) {
        v->type = VALUE_NULL;
    } else if (is_one_of(text, yes) || is_one_of(text, no)) {
        v->type = VALUE_BOOL;
        v->u.boolean = is_one_of(text, yes);
    } else if (integer_resolve(v, text, text + strlen(text))) {
        return;
    } else if (is_one_of(text, nan)) {
        v->type = VALUE_FLOAT;
        v->u.number = NAN;
    } else if (is_float(text, text + strlen(text)) ||
               is_one_of(text + (*text == '-' || *text == '+'), inf)) {
        v->type = VALUE_FLOAT;
        v->u.number = number_parse(text);
    }
}

enum value_type value_type_of(const char *s, size_t len)
{
    enum { WORD_MAX = 8 }; /* longer than any word with a meaning */
    struct value v;
    char word[WORD_MAX];
    if (len > 0 && isalpha((unsigned char)*s) && !strchr("tTfFnN", *s))
        return VALUE_STRING;
    if (integer_resolve(&v, s, s + len))
        return v.type;
    if (is_float(s, s + len))
        return VALUE_FLOAT;
    if (len >= WORD_MAX)
        return VALUE_STRING;
    memcpy(word, s, len);
    word[len] = '\0';
    value_resolve(&v, word);
    return v.type;
}

void value_string(struct value *v, const char *text)
{
    *v = (struct value){.type = VALUE_STRING, .text = text};
}

bool value_number(const struct value *v, double *number)
{
    switch (v->type) {
    case VALUE_BOOL:
        *number = v->u.boolean;
        return true;
    case VALUE_INT:
        *number = (double)v->u.integer;
        return true;
    case VALUE_FLOAT:
        *number = v->u.number;
        return true;
    case VALUE_NULL:
    case VALUE_STRING:
        break;
    }
    return false;
}

bool value_integer(const struct value *v, int64_t *integer)
{
    if (v->type == VALUE_INT)
        *integer = v->u.integer;
    else if (v->type == VALUE_BOOL)
        *integer = v->u.boolean;
    else
        return false;
    return true;
}

static bool is_numeric(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

bool value_equal(const struct value *a, const struct value *b)
{
    double x = 0, y = 0;
    if (a->type == VALUE_INT && b->type == VALUE_INT)
        return a->u.integer == b->u.integer;
    if (is_numeric(a) && is_numeric(b))
        return value_number(a, &x) && value_number(b, &y) && x == y;
    if (a->type == VALUE_BOOL && b->type == VALUE_BOOL)
        return a->u.boolean == b->u.boolean;
    if (!a->text || !b->text)
        return false;
    return strcmp(a->text, b->text) == 0;
}

enum value_type value_type_join(enum value_type a, enum value_type b)
{
    bool numbers = (a == VALUE_INT || a == VALUE_FLOAT) &&
                   (b == VALUE_INT || b == VALUE_FLOAT);
    if (a == VALUE_NULL || a == b)
        return b;
    return numbers ? VALUE_FLOAT : VALUE_STRING;
}

void value_survey(const struct value *v, enum value_type *type,
                  uint32_t *longest)
{
    size_t len = strlen(v->text);
    *type =
        value_type_join(*type, v->type == VALUE_NULL ? VALUE_STRING : v->type);
    if (len > *longest)
        *longest = len < VALUE_MAX_BYTES ? (uint32_t)len : VALUE_MAX_BYTES;
}

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {"null", "boolean", "integer", "number",
                                        "string"};
    return names[type];
}
