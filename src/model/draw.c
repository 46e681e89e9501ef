/* Drawn values: see draw.h. */
#include "config.h"
#include "model/draw.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/philox.h"
#include "model/sobol_numbers.h"

#define BELOW_ONE (1 - 0x1p-53)

enum { SOBOL_BITS = 32, UNIT_BITS = 53 };

_Static_assert((int)SOBOL_DIMENSIONS >= (int)TASKSET_MAX_PARAMS,
               "a dimension for each parameter");

/* ---- Distributions ---- */

static int limits_check(const struct column *c, struct err *err)
{
    assert(isfinite(c->min) && isfinite(c->max) && c->min < c->max);
    assert(c->dist != DIST_LOG_UNIFORM || c->min > 0);
    assert(c->dist != DIST_INTEGER ||
           (c->min == floor(c->min) && c->max == floor(c->max) &&
            c->min > -0x1p52 && c->max < 0x1p52));
    return isfinite(c->max - c->min)
               ? 0
               : err_set(err, EINVAL,
                         "`min` and `max` are too far apart for floating-point "
                         "numbers");
}

static int distribution_init(struct draw *d, const struct column *c,
                             struct err *err)
{
    d->dist = c->dist;
    d->min = c->min;
    d->max = c->max;
    switch (c->dist) {
    case DIST_CHOICE:
        d->values = c->values;
        d->value_count = c->value_count;
        assert(c->value_count > 0);
        return 0;
    case DIST_NORMAL:
        d->min = c->mean;
        d->max = c->stddev;
        assert(isfinite(c->mean) && c->stddev > 0);
        return isfinite(fabs(c->mean) + 10 * c->stddev)
                   ? 0
                   : err_set(err, EINVAL,
                             "`mean` and `stddev` are too large for "
                             "floating-point numbers");
    case DIST_UNIFORM:
    case DIST_LOG_UNIFORM:
    case DIST_INTEGER:
        break;
    }
    if (limits_check(c, err) < 0)
        return -1;
    if (c->dist == DIST_LOG_UNIFORM) {
        d->log = exact_log(c->min);
        d->width = pair_sub(exact_log(c->max), d->log);
    }
    return 0;
}

/* ---- Designs ---- */

static void sobol_init(struct draw *d, uint32_t dimension)
{
    uint32_t *v = d->u.sobol.directions;
    unsigned p = sobol_numbers[dimension].polynomial, degree = 0;
    while (p >> (degree + 1))
        degree++;
    for (unsigned j = 0; j < SOBOL_BITS; j++) {
        if (degree == 0) {
            v[j] = 1;
        } else if (j < degree) {
            v[j] = sobol_numbers[dimension].first[j];
        } else {
            v[j] = v[j - degree];
            for (unsigned k = 0; k < degree; k++)
                if (p >> (degree - 1 - k) & 1)
                    v[j] ^= v[j - k - 1] << (k + 1);
        }
    }
    for (unsigned j = 0; j < SOBOL_BITS; j++)
        v[j] <<= SOBOL_BITS - 1 - j;
}

/* Points in the order of the Gray code. */
static double sobol_unit(const struct draw *d, uint32_t i)
{
    uint32_t x = 0;
    for (uint32_t gray = i ^ i >> 1; gray; gray &= gray - 1)
        x ^= d->u.sobol.directions[__builtin_ctz(gray)];
    uint64_t shifted =
        (uint64_t)x << (UNIT_BITS - SOBOL_BITS) ^ d->u.sobol.shift;
    return (double)shifted * 0x1p-53;
}

/* Prime number `number`, from 0. */
static uint32_t prime_get(uint32_t number)
{
    for (uint32_t p = 2;; p++) {
        uint32_t divisor = 2;
        while (p % divisor)
            divisor++;
        if (divisor == p && number-- == 0)
            return p;
    }
}

/* The digits of i, mirrored at the point: in SciPy's order of operations. */
static double halton_unit(const struct draw *d, uint32_t i)
{
    uint32_t base = d->u.halton.base;
    double place = 1.0 / base, u = 0;
    for (; i; i /= base) {
        u += i % base * place;
        place /= base;
    }
    u += d->u.halton.shift;
    return u >= 1 ? u - 1 : u;
}

static double lhs_unit(const struct draw *d, uint32_t i)
{
    double jitter = philox_unit(d->seed, d->stream, DRAW_JITTER, i);
    return (shuffle_get(&d->u.shuffle, i) + jitter) / d->count;
}

int draw_init(struct draw *d, const struct axis *a, uint32_t column,
              struct err *err)
{
    const struct column *c = &a->columns[column];
    *d = (struct draw){.design = a->kind,
                       .count = a->count,
                       .seed = a->seed,
                       .stream = column};
    assert(c->kind == COLUMN_DRAWN);
    if (a->kind == AXIS_LHS) {
        shuffle_init(&d->u.shuffle, a->count, a->seed, column);
    } else if (a->kind == AXIS_SOBOL) {
        sobol_init(d, column);
        if (a->seeded)
            d->u.sobol.shift =
                philox_word(a->seed, column, DRAW_SOBOL_SHIFT, 0) >> 11;
    } else if (a->kind == AXIS_HALTON) {
        d->u.halton.base = prime_get(column);
        if (a->seeded)
            d->u.halton.shift =
                philox_unit(a->seed, column, DRAW_HALTON_SHIFT, 0);
    }
    return distribution_init(d, c, err);
}

/* ---- Values ---- */

double draw_unit(const struct draw *d, uint32_t i)
{
    double u;
    switch (d->design) {
    case AXIS_LHS:
        u = lhs_unit(d, i);
        break;
    case AXIS_SOBOL:
        u = sobol_unit(d, i);
        break;
    case AXIS_HALTON:
        u = halton_unit(d, i);
        break;
    default:
        u = philox_unit(d->seed, d->stream, DRAW_RANDOM, i);
        break;
    }
    return u < 1 ? u : BELOW_ONE; /* a sum may have been rounded up */
}

static double between(double v, double min, double max)
{
    return v < min ? min : v > max ? max : v;
}

double draw_number(const struct draw *d, double u)
{
    switch (d->dist) {
    case DIST_LOG_UNIFORM: {
        struct pair x = pair_add(d->log, pair_mul(d->width, pair_of(u)));
        return between(exact_exp(x).hi, d->min, d->max);
    }
    case DIST_NORMAL:
        u = 0.5 + (1 - 1e-10) * (u - 0.5);
        return d->min + d->max * exact_normal_quantile(u);
    case DIST_INTEGER:
        return between(d->min + floor(u * (d->max - d->min + 1)), d->min,
                       d->max);
    case DIST_UNIFORM:
    case DIST_CHOICE:
        break;
    }
    return between(d->min + u * (d->max - d->min), d->min, d->max);
}

int draw_value(const struct draw *d, uint32_t i, struct buf *room,
               struct value *v, struct err *err)
{
    double u = draw_unit(d, i);
    char text[24];
    int rc = 0;
    if (d->dist == DIST_CHOICE) {
        *v = d->values[(uint32_t)(u * d->value_count)];
        return 0;
    }
    double number = draw_number(d, u);
    if (d->dist != DIST_INTEGER) {
        rc = exact_float_value(number, room, v);
        return rc == 0 ? 0 : err_sys(err, errno, "cannot make a value");
    }
    *v = (struct value){.type = VALUE_INT, .u.integer = (int64_t)number};
    if (!room)
        return 0;
    snprintf(text, sizeof(text), "%" PRId64, v->u.integer);
    buf_reset(room);
    if (buf_puts(room, text) < 0)
        return err_sys(err, errno, "cannot make a value");
    v->text = room->data;
    return 0;
}

void draw_survey(const struct draw *d, enum value_type *type, uint32_t *longest)
{
    char text[24];
    if (d->dist == DIST_CHOICE) {
        for (uint32_t k = 0; k < d->value_count; k++)
            value_survey(&d->values[k], type, longest);
    } else if (d->dist == DIST_INTEGER) {
        for (int end = 0; end < 2; end++) {
            struct value v = {.type = VALUE_INT, .text = text};
            snprintf(text, sizeof(text), "%.0f", end ? d->max : d->min);
            value_survey(&v, type, longest);
        }
    } else {
        *type = value_type_join(*type, VALUE_FLOAT);
        if (*longest < EXACT_FLOAT_TEXT)
            *longest = EXACT_FLOAT_TEXT;
    }
}
