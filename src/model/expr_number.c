/* The arithmetic of expressions: see expr_node.h. It is Python's: integers
 * are exact while they fit 64 bits, // and % round towards minus infinity,
 * round() halves to even. A larger integer goes on as the nearest double. */
#include "config.h"

#include <math.h>

#include "model/expr_node.h"

static void set_integer(struct value *v, int64_t i)
{
    *v = (struct value){.type = VALUE_INT, .u.integer = i};
}

static void set_number(struct value *v, double d)
{
    *v = (struct value){.type = VALUE_FLOAT, .u.number = d};
}

static double get_number(const struct value *v)
{
    double d = 0;
    (void)value_number(v, &d);
    return d;
}

/* d is in the range of int64_t. */
static bool fits_integer(double d)
{
    return d >= -0x1p63 && d < 0x1p63;
}

/* base ** exponent by squaring; false: over 64 bits. */
static bool integer_power(int64_t base, int64_t exponent, int64_t *out)
{
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return false;
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            return false;
    }
    *out = result;
    return true;
}

/* Both integers. false: the result is none of 64 bits; b is not 0 where that
 * would matter. */
static bool integer_arithmetic(enum arithmetic op, int64_t a, int64_t b,
                               int64_t *out)
{
    switch (op) {
    case OP_ADD:
        return !__builtin_add_overflow(a, b, out);
    case OP_SUBTRACT:
        return !__builtin_sub_overflow(a, b, out);
    case OP_MULTIPLY:
        return !__builtin_mul_overflow(a, b, out);
    case OP_FLOOR_DIVIDE:
        if (a == INT64_MIN && b == -1)
            return false;
        *out = a / b - (a % b != 0 && (a < 0) != (b < 0));
        return true;
    case OP_MODULO:
        *out = b == -1 ? 0 : a % b;
        if (*out != 0 && (*out < 0) != (b < 0))
            *out += b;
        return true;
    case OP_POWER:
        return b >= 0 && integer_power(a, b, out);
    case OP_DIVIDE:
        break;
    }
    return false;
}

static double modulo(double a, double b)
{
    double m = fmod(a, b);
    if (m == 0)
        return copysign(0, b);
    return (m < 0) != (b < 0) ? m + b : m;
}

static double floor_divide(double a, double b)
{
    double m = fmod(a, b), d = (a - m) / b;
    if (m != 0 && (m < 0) != (b < 0))
        d -= 1;
    if (d == 0)
        return copysign(0, a / b);
    double whole = floor(d);
    return d - whole > 0.5 ? whole + 1 : whole;
}

static double number_of(enum arithmetic op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUBTRACT:
        return a - b;
    case OP_MULTIPLY:
        return a * b;
    case OP_DIVIDE:
        return a / b;
    case OP_FLOOR_DIVIDE:
        return floor_divide(a, b);
    case OP_MODULO:
        return modulo(a, b);
    case OP_POWER:
        break;
    }
    return pow(a, b);
}

const char *number_arithmetic(enum arithmetic op, const struct value *a,
                              const struct value *b, struct value *v)
{
    int64_t i, j, k;
    double x = get_number(a), y = get_number(b);
    if (y == 0 && (op == OP_DIVIDE || op == OP_FLOOR_DIVIDE || op == OP_MODULO))
        return "division by zero";
    if (op == OP_POWER && x == 0 && y < 0)
        return "zero has no negative power";
    if (op == OP_POWER && x < 0 && isfinite(x) && y != floor(y))
        return "a negative number has no fractional power";
    if (value_integer(a, &i) && value_integer(b, &j) &&
        integer_arithmetic(op, i, j, &k))
        set_integer(v, k);
    else
        set_number(v, number_of(op, x, y));
    return NULL;
}

void number_negative(const struct value *a, struct value *v)
{
    int64_t i;
    if (value_integer(a, &i) && i != INT64_MIN)
        set_integer(v, -i);
    else
        set_number(v, -get_number(a));
}

/* floor, ceil, round: an integer, if it fits. */
static const char *whole_number(double d, struct value *v)
{
    if (fits_integer(d))
        set_integer(v, (int64_t)d);
    else
        set_number(v, d);
    return NULL;
}

static const char *logarithm(enum function f, double d, struct value *v)
{
    if (d <= 0)
        return "only positive numbers have a logarithm";
    set_number(v, f == FN_LOG2 ? log2(d) : f == FN_LOG10 ? log10(d) : log(d));
    return NULL;
}

const char *number_function(enum function f, const struct value *a,
                            struct value *v)
{
    int64_t i;
    double d = get_number(a);
    bool exact = value_integer(a, &i);
    switch (f) {
    case FN_ABS:
        if (exact && i >= 0)
            set_integer(v, i);
        else if (exact)
            number_negative(a, v);
        else
            set_number(v, fabs(d));
        return NULL;
    case FN_CEIL:
    case FN_FLOOR:
    case FN_ROUND:
        if (exact) {
            set_integer(v, i);
            return NULL;
        }
        return whole_number(f == FN_CEIL    ? ceil(d)
                            : f == FN_FLOOR ? floor(d)
                                            : nearbyint(d),
                            v);
    case FN_LOG:
    case FN_LOG10:
    case FN_LOG2:
        return logarithm(f, d, v);
    case FN_SQRT:
        if (d < 0)
            return "a negative number has no square root";
        set_number(v, sqrt(d));
        return NULL;
    default:
        set_number(v, exp(d));
        return NULL;
    }
}
