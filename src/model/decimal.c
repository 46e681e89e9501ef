/* Ranges of decimal numbers: see decimal.h. */
#include "config.h"
#include "model/decimal.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decimal {
    int64_t digits;
    int places; /* at least 0 */
};

static bool times_ten(int64_t *v, int digit)
{
    return !__builtin_mul_overflow(*v, (int64_t)10, v) &&
           !__builtin_add_overflow(*v, (int64_t)digit, v);
}

/* Digits with a point into d, up to s's end or exponent. false: too many. */
static bool digits_scan(const char **s, bool negative, struct decimal *d)
{
    bool point = false;
    for (; isdigit((unsigned char)**s) || **s == '.'; (*s)++) {
        if (**s == '.') {
            point = true;
            continue;
        }
        int digit = **s - '0';
        if (!times_ten(&d->digits, negative ? -digit : digit))
            return false;
        d->places += point;
    }
    return true;
}

static int decimal_parse(const struct value *v, struct decimal *out,
                         const char *what, struct err *err)
{
    struct decimal d = {0};
    const char *s = v->text;
    assert(v->type == VALUE_INT || v->type == VALUE_FLOAT);
    if (v->type == VALUE_INT) {
        *out = (struct decimal){.digits = v->u.integer};
        return 0;
    }
    bool negative = *s == '-';
    s += *s == '-' || *s == '+';
    bool fits = digits_scan(&s, negative, &d);
    if (*s == 'e' || *s == 'E') {
        char *end;
        long exponent = strtol(s + 1, &end, 10);
        fits = fits && exponent > -100 && exponent < 100;
        d.places -= fits ? (int)exponent : 0;
        s = end;
    }
    fits = fits && !*s; /* not hexadecimal, of over 64 bits */
    for (; fits && d.places < 0; d.places++)
        fits = times_ten(&d.digits, 0);
    if (!fits || d.places > DECIMAL_MAX_PLACES)
        return err_set(err, ERANGE, "%s has more than %d digits: %.40s", what,
                       DECIMAL_MAX_PLACES, v->text);
    *out = d;
    return 0;
}

/* The digits with more places. */
static bool decimal_widen(const struct decimal *d, int places, int64_t *digits)
{
    *digits = d->digits;
    for (int k = d->places; k < places; k++)
        if (!times_ten(digits, 0))
            return false;
    return true;
}

static char *digits_format(int64_t digits, unsigned places,
                           char text[DECIMAL_MAX_TEXT])
{
    uint64_t u = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits, p = 1;
    for (unsigned k = 0; k < places; k++)
        p *= 10;
    if (places == 0)
        snprintf(text, DECIMAL_MAX_TEXT, "%" PRId64, digits);
    else
        snprintf(text, DECIMAL_MAX_TEXT, "%s%" PRIu64 ".%0*" PRIu64,
                 digits < 0 ? "-" : "", u / p, (int)places, u % p);
    return text;
}

/* The range does not meet its end: which would be right? */
static int misses(const struct decimal_range *r, uint64_t steps,
                  const struct value *from, const struct value *to,
                  const struct value *step, struct err *err)
{
    char below[DECIMAL_MAX_TEXT], above[DECIMAL_MAX_TEXT];
    int64_t low = r->from + (int64_t)steps * r->step, high;
    if (__builtin_add_overflow(low, r->step, &high))
        high = low;
    return err_set(
        err, EINVAL, "%.40s by %.40s does not meet %.40s; it meets %s and %s",
        from->text, step->text, to->text, digits_format(low, r->places, below),
        digits_format(high, r->places, above));
}

int decimal_range_init(struct decimal_range *r, const struct value *from,
                       const struct value *to, const struct value *step,
                       struct amount *count, struct err *err)
{
    struct decimal f, t, s;
    int64_t first, last, by, width;
    if (decimal_parse(from, &f, "`from`", err) < 0 ||
        decimal_parse(to, &t, "`to`", err) < 0 ||
        decimal_parse(step, &s, "`step`", err) < 0)
        return -1;
    int shown = f.places > s.places ? f.places : s.places;
    int places = t.places > shown ? t.places : shown;
    if (!decimal_widen(&f, places, &first) ||
        !decimal_widen(&t, places, &last) || !decimal_widen(&s, places, &by) ||
        __builtin_sub_overflow(last, first, &width) || width == INT64_MIN ||
        by == INT64_MIN)
        return err_set(err, ERANGE,
                       "from %.40s to %.40s by %.40s takes more than %d "
                       "digits; use linspace",
                       from->text, to->text, step->text, DECIMAL_MAX_PLACES);
    assert(by != 0);
    if (width != 0 && (width < 0) != (by < 0))
        return err_set(
            err, EINVAL, "%s steps of %.40s do not lead from %.40s to %.40s",
            by > 0 ? "upward" : "downward", step->text, from->text, to->text);
    *r = (struct decimal_range){.places = (unsigned)shown,
                                .integers = from->type == VALUE_INT &&
                                            step->type == VALUE_INT};
    decimal_widen(&f, shown, &r->from);
    decimal_widen(&s, shown, &r->step);
    uint64_t steps = (uint64_t)(width / by);
    if (width % by != 0)
        return misses(r, steps, from, to, step, err);
    *count = amount_add(amount_of(steps), amount_of(1));
    return 0;
}

int decimal_range_value(const struct decimal_range *r, uint64_t k,
                        struct buf *room, struct value *v)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                    1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                    1e14, 1e15, 1e16, 1e17, 1e18};
    int64_t digits = r->from + (int64_t)k * r->step;
    char text[DECIMAL_MAX_TEXT];
    struct value resolved;
    *v = (struct value){.type = r->integers ? VALUE_INT : VALUE_FLOAT};
    bool exact = digits >= -(INT64_C(1) << 53) && digits <= INT64_C(1) << 53;
    if (room || (!r->integers && !exact))
        digits_format(digits, r->places, text);
    if (r->integers) {
        v->u.integer = digits;
    } else if (exact) { /* a quotient of two exact numbers is rounded once */
        v->u.number = (double)digits / powers[r->places];
    } else {
        value_resolve(&resolved, text);
        value_number(&resolved, &v->u.number);
    }
    if (!room)
        return 0;
    buf_reset(room);
    if (buf_puts(room, text) < 0)
        return -1;
    v->text = room->data;
    return 0;
}
