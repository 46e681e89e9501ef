/* Metrics from .npy files: see npy.h. Owns the format: a magic number, a
 * version, the length of a header, the header (a Python dictionary) and the
 * elements. Nothing is believed before it is checked against the length. */
#include "config.h"
#include "metrics/npy.h"

#include <ctype.h>
#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metrics/dims.h"

enum { HEADER_MAX_BYTES = 1 << 16 };

struct array {
    char kind;     /* b i u f */
    unsigned size; /* bytes of an element */
    bool big_endian, fortran;
    uint32_t rank;
    uint64_t dims[DIMS_MAX_RANK];
    const unsigned char *data;
    size_t data_len;
};

/* ---- The header ---- */

struct scan {
    const char *p, *end;
};

static void blanks(struct scan *s)
{
    while (s->p < s->end && isspace((unsigned char)*s->p))
        s->p++;
}

/* Is that the next character, blanks aside? Go behind it then. */
static bool next_is(struct scan *s, char c)
{
    blanks(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* 'text' or "text" without escapes. */
static bool get_text(struct scan *s, char out[32])
{
    size_t n = 0;
    blanks(s);
    if (s->p == s->end || (*s->p != '\'' && *s->p != '"'))
        return false;
    char quote = *s->p++;
    while (s->p < s->end && *s->p != quote && n < 31)
        out[n++] = *s->p++;
    out[n] = '\0';
    return next_is(s, quote);
}

static bool get_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    blanks(s);
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return false;
    s->p += len;
    return true;
}

static bool get_bool(struct scan *s, bool *out)
{
    *out = get_word(s, "True");
    return *out || get_word(s, "False");
}

static bool get_dim(struct scan *s, uint64_t *out)
{
    blanks(s);
    if (s->p == s->end || !isdigit((unsigned char)*s->p))
        return false;
    for (*out = 0; s->p < s->end && isdigit((unsigned char)*s->p); s->p++) {
        if (*out > UINT64_MAX / 16)
            return false;
        *out = 10 * *out + (uint64_t)(*s->p - '0');
    }
    (void)next_is(s, 'L'); /* of Python 2 */
    return true;
}

/* "(3, 4)", "(3,)", "()". */
static bool get_shape(struct scan *s, struct array *a)
{
    if (!next_is(s, '('))
        return false;
    for (a->rank = 0; !next_is(s, ')'); a->rank++) {
        if (a->rank == DIMS_MAX_RANK || !get_dim(s, &a->dims[a->rank]))
            return false;
        if (!next_is(s, ',') && (s->p == s->end || *s->p != ')'))
            return false;
    }
    return true;
}

/* "<f8", "|b1", ... */
static bool descr_is_known(struct array *a, const char *d)
{
    if (strlen(d) != 3 || !strchr("<>|=", d[0]) || !strchr("biuf", d[1]))
        return false;
    a->big_endian = d[0] == '>';
    a->kind = d[1];
    a->size = (unsigned)(d[2] - '0');
    if (a->kind == 'b')
        return a->size == 1;
    if (a->size == 1)
        return a->kind != 'f';
    return a->size == 2 || a->size == 4 || a->size == 8;
}

/* The dictionary. *descr: its type, also if we do not know it. */
static bool header_parse(struct scan *s, struct array *a, char descr[32])
{
    bool type = false, order = false, shape = false;
    char key[32];
    if (!next_is(s, '{'))
        return false;
    while (!next_is(s, '}')) {
        bool ok = false;
        if (!get_text(s, key) || !next_is(s, ':'))
            return false;
        if (strcmp(key, "descr") == 0)
            ok = type = get_text(s, descr);
        else if (strcmp(key, "fortran_order") == 0)
            ok = order = get_bool(s, &a->fortran);
        else if (strcmp(key, "shape") == 0)
            ok = shape = get_shape(s, a);
        if (!ok)
            return false;
        if (!next_is(s, ',') && (s->p == s->end || *s->p != '}'))
            return false;
    }
    return type && order && shape;
}

/* Find the array in the file. False: g knows why not. */
static bool array_find(const unsigned char *p, size_t len, struct array *a,
                       struct gather *g)
{
    char descr[32] = "";
    uint32_t header = 0;
    size_t at = 0;
    *a = (struct array){.rank = 0};
    if (len < 10 || memcmp(p, "\x93NUMPY", 6) != 0) {
        gather_malformed(g, "it is no .npy file");
        return false;
    }
    if (p[6] == 1) {
        header = (uint32_t)p[8] | (uint32_t)p[9] << 8;
        at = 10;
    } else if ((p[6] == 2 || p[6] == 3) && len >= 12) {
        memcpy(&header, p + 8, 4);
        header = le32toh(header);
        at = 12;
    } else {
        gather_malformed(g, "version %u of .npy is not known", p[6]);
        return false;
    }
    bool whole = header <= HEADER_MAX_BYTES && header <= len - at;
    struct scan s = {.p = (const char *)p + at};
    s.end = s.p + (whole ? header : 0);
    if (!header_parse(&s, a, descr)) {
        /* a type that is no text is a list of fields */
        gather_malformed(g, whole && memmem(p + at, header, "[(", 2)
                                ? "it is an array of records"
                                : "its .npy header cannot be read");
        return false;
    }
    if (!descr_is_known(a, descr)) {
        gather_malformed(g,
                         "it is of type %.31s; numbers are read: b1, i1 to "
                         "i8, u1 to u8, f2 to f8",
                         descr);
        return false;
    }
    a->data = p + at + header;
    a->data_len = len - at - header;
    return true;
}

/* ---- Elements ---- */

static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double v = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -v : v;
}

/* The element's bytes as an integer of the machine. */
static uint64_t bits_of(const struct array *a, const unsigned char *p)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < a->size; i++)
        bits = bits << 8 | p[a->big_endian ? i : a->size - 1 - i];
    return bits;
}

static void put_float(struct gather *g, unsigned size, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;
    double d;
    if (size == 2) {
        d = half((uint16_t)bits);
    } else if (size == 4) {
        memcpy(&f, &low, 4);
        d = f;
    } else {
        memcpy(&d, &bits, 8);
    }
    gather_number(g, d);
}

static void put_element(struct gather *g, const struct array *a, uint64_t at)
{
    uint64_t bits = bits_of(a, a->data + at * a->size);
    unsigned shift = 64 - 8 * a->size;
    if (a->kind == 'f') {
        put_float(g, a->size, bits);
    } else if (a->kind == 'i') {
        gather_integer(g, (int64_t)(bits << shift) >> shift);
    } else if (a->kind == 'b') {
        gather_integer(g, bits != 0);
    } else if (bits <= INT64_MAX) {
        gather_integer(g, (int64_t)bits);
    } else if (g->metric->type == METRIC_FLOAT64) {
        gather_number(g, (double)bits);
    } else {
        gather_malformed(g, "%" PRIu64 " is no int64", bits);
    }
}

/* Where element number i, counted with the last index fastest, lies. */
static uint64_t place_of(const struct array *a, uint64_t i)
{
    uint64_t at = 0, stride[DIMS_MAX_RANK], step = 1;
    if (!a->fortran || a->rank < 2)
        return i;
    for (uint32_t d = 0; d < a->rank; d++) {
        stride[d] = step;
        step *= a->dims[d];
    }
    for (uint32_t d = a->rank; d-- > 0; i /= a->dims[d])
        at += i % a->dims[d] * stride[d];
    return at;
}

void npy_scan(const void *data, size_t len, struct gather *g)
{
    struct array a;
    uint64_t count;
    if (!gather_begin(g) || !array_find(data, len, &a, g))
        return;
    if (!dims_fit(g, a.dims, a.rank, &count))
        return;
    if (count > a.data_len / a.size) {
        gather_malformed(
            g, "the file is cut off: %zu bytes for %" PRIu64 " values of %u",
            a.data_len, count, a.size);
        return;
    }
    for (uint64_t i = 0; i < count && dims_next(g, i); i++)
        put_element(g, &a, place_of(&a, i));
}
