/* Formats: see format.h. Numbers are written in the C locale, whatever the
 * process has set. */
#include "config.h"
#include "model/format.h"

#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is c one of set? (strchr finds the NUL behind them too.) */
static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Digits at *s up to end, at most FORMAT_MAX_WIDTH, into *v, which stays -1 if
 * there are none. */
static bool width_scan(const char **s, const char *end, int *v)
{
    for (; *s < end && isdigit((unsigned char)**s); (*s)++) {
        *v = (*v < 0 ? 0 : *v) * 10 + (**s - '0');
        if (*v > FORMAT_MAX_WIDTH)
            return false;
    }
    return true;
}

bool format_parse(const char *s, size_t len, struct format *out)
{
    const char *end = s + len;
    struct format f = {.present = true, .width = -1, .precision = -1};
    if (len >= 2 && is_one_of(s[1], "<>^=") && (unsigned char)s[0] < 0x80) {
        f.fill = *s++;
        f.align = *s++;
    } else if (len >= 1 && is_one_of(*s, "<>^=")) {
        f.align = *s++;
    }
    if (s < end && is_one_of(*s, "+- "))
        f.sign = *s++;
    if (s < end && *s == '0') {
        f.zero = true;
        s++;
    }
    if (!width_scan(&s, end, &f.width))
        return false;
    if (s < end && *s == '.') {
        s++;
        if (!width_scan(&s, end, &f.precision) || f.precision < 0)
            return false;
    }
    if (s < end && is_one_of(*s, "dxXoeEfFgGs"))
        f.type = *s++;
    if (s != end || (f.precision >= 0 && is_one_of(f.type, "dxXo")) ||
        (f.type == 's' && (f.sign || f.align == '=')))
        return false;
    *out = f;
    return true;
}

/* Characters of UTF-8 text; a malformed byte counts as none or one. */
static size_t character_count(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static int fill_put(struct buf *out, char c, size_t count)
{
    int rc = 0;
    while (rc == 0 && count-- > 0)
        rc = buf_putc(out, c);
    return rc;
}

/* Put text as wide as the format says. sign: its first bytes, in front of
 * which the padding of '=' does not go. */
static int padded_put(struct buf *out, const struct format *f, const char *s,
                      size_t len, size_t sign, char align)
{
    size_t have = character_count(s, len), start = out->len;
    size_t pad =
        f->width > 0 && (size_t)f->width > have ? (size_t)f->width - have : 0;
    size_t before = align == '<' ? 0 : align == '^' ? pad / 2 : pad;
    char fill = f->fill ? f->fill : f->zero ? '0' : ' ';
    if (align != '=')
        sign = 0;
    if (buf_put(out, s, sign) == 0 && fill_put(out, fill, before) == 0 &&
        buf_put(out, s + sign, len - sign) == 0 &&
        fill_put(out, fill, pad - before) == 0)
        return 0;
    buf_truncate(out, start);
    return -1;
}

/* A number: its sign, and the text of its magnitude. */
static int number_put(struct buf *out, const struct format *f, bool negative,
                      const char *magnitude)
{
    char text[FORMAT_MAX_WIDTH + 400];
    const char *sign = negative         ? "-"
                       : f->sign == '+' ? "+"
                       : f->sign == ' ' ? " "
                                        : "";
    int n = snprintf(text, sizeof(text), "%s%s", sign, magnitude);
    char align = f->align ? f->align : f->zero ? '=' : '>';
    return padded_put(out, f, text, (size_t)n, strlen(sign), align);
}

static int integer_put(struct buf *out, const struct format *f, int64_t v)
{
    char digits[32];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (f->type == 'x')
        snprintf(digits, sizeof(digits), "%" PRIx64, u);
    else if (f->type == 'X')
        snprintf(digits, sizeof(digits), "%" PRIX64, u);
    else if (f->type == 'o')
        snprintf(digits, sizeof(digits), "%" PRIo64, u);
    else
        snprintf(digits, sizeof(digits), "%" PRIu64, u);
    return number_put(out, f, v < 0, digits);
}

/* Python's float without a type, v >= 0: as g, but with a digit behind the
 * point; without a precision as many digits as bring v back. */
static void plain_write(char *text, size_t size, double v, int precision)
{
    char digits[FORMAT_MAX_WIDTH + 16];
    int p = precision < 0 ? 0 : precision == 0 ? 0 : precision - 1;
    snprintf(digits, sizeof(digits), "%.*e", p, v);
    while (precision < 0 && p < 16 && strtod(digits, NULL) != v)
        snprintf(digits, sizeof(digits), "%.*e", ++p, v);

    char *e = strchr(digits, 'e');
    int exponent = atoi(e + 1), limit = precision < 0 ? 16 : p;
    char *last = e; /* behind the last digit that is not 0 */
    while (last[-1] == '0' && last - 1 > digits)
        last--;
    int behind = last - digits > 2 ? (int)(last - digits) - 2 : 0;
    if (exponent < -4 || exponent >= limit)
        snprintf(text, size, "%.*e", behind, v);
    else
        snprintf(text, size, "%.*f",
                 behind - exponent > 1 ? behind - exponent : 1, v);
}

/* v >= 0, infinite or not a number. */
static void float_write(char *text, size_t size, const struct format *f,
                        double v)
{
    int precision = f->precision < 0 ? 6 : f->precision;
    switch (f->type) {
    case 'e':
        snprintf(text, size, "%.*e", precision, v);
        break;
    case 'E':
        snprintf(text, size, "%.*E", precision, v);
        break;
    case 'f':
        snprintf(text, size, "%.*f", precision, v);
        break;
    case 'F':
        snprintf(text, size, "%.*F", precision, v);
        break;
    case 'g':
        snprintf(text, size, "%.*g", precision, v);
        break;
    case 'G':
        snprintf(text, size, "%.*G", precision, v);
        break;
    default:
        if (isfinite(v))
            plain_write(text, size, v, f->precision);
        else
            snprintf(text, size, "%f", v);
        break;
    }
}

static int float_put(struct buf *out, const struct format *f, double v)
{
    char text[FORMAT_MAX_WIDTH + 400];
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = uselocale(c); /* no change if c is 0 */
    float_write(text, sizeof(text), f, isnan(v) ? fabs((double)NAN) : fabs(v));
    uselocale(old);
    if (c)
        freelocale(c);
    return number_put(out, f, signbit(v) && !isnan(v), text);
}

static int string_put(struct buf *out, const struct format *f, const char *s)
{
    if (f->sign || f->align == '=')
        return 1;
    size_t len = 0;
    for (int count = 0; s[len]; len++)
        if (((unsigned char)s[len] & 0xc0) != 0x80 && count++ == f->precision)
            break;
    return padded_put(out, f, s, len, 0, f->align ? f->align : '<');
}

int format_put(struct buf *out, const struct format *f, const struct value *v)
{
    double number;
    bool is_number = v->type == VALUE_INT || v->type == VALUE_FLOAT;
    if (!f->present)
        return buf_puts(out, v->text);
    if (f->type == 's' || (!f->type && !is_number))
        return string_put(out, f, v->text);
    if (!is_number || !value_number(v, &number))
        return 1;
    bool integer = is_one_of(f->type, "dxXo");
    if (v->type == VALUE_INT && (integer || (!f->type && f->precision < 0)))
        return integer_put(out, f, v->u.integer);
    if (!integer)
        return float_put(out, f, number);
    if (number != nearbyint(number) || fabs(number) >= 0x1p63)
        return 1;
    return integer_put(out, f, (int64_t)number);
}
