/* The order of values: see order.h. */
#include "config.h"
#include "model/order.h"

#include <math.h>
#include <string.h>

bool number_is(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT ||
           v->type == VALUE_BOOL;
}

static enum order order_mixed(int64_t i, double d)
{
    if (isnan(d))
        return ORDER_NONE;
    if (d < -0x1p63 || d >= 0x1p63)
        return d > 0 ? ORDER_LESS : ORDER_GREATER;
    int64_t whole = (int64_t)d;
    if (i != whole)
        return i < whole ? ORDER_LESS : ORDER_GREATER;
    double rest = d - (double)whole;
    return rest > 0 ? ORDER_LESS : rest < 0 ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order reversed(enum order o)
{
    return o == ORDER_LESS      ? ORDER_GREATER
           : o == ORDER_GREATER ? ORDER_LESS
                                : o;
}

enum order number_order(const struct value *a, const struct value *b)
{
    int64_t i, j;
    double x = 0, y = 0;
    bool exact_a = value_integer(a, &i), exact_b = value_integer(b, &j);
    if (exact_a && exact_b)
        return i < j ? ORDER_LESS : i > j ? ORDER_GREATER : ORDER_EQUAL;
    (void)value_number(a, &x);
    (void)value_number(b, &y);
    if (exact_a)
        return order_mixed(i, y);
    if (exact_b)
        return reversed(order_mixed(j, x));
    return x < y    ? ORDER_LESS
           : x > y  ? ORDER_GREATER
           : x == y ? ORDER_EQUAL
                    : ORDER_NONE;
}

/* Numbers, then NaN, then texts, then null. */
static int class_of(const struct value *v)
{
    if (v->type == VALUE_NULL)
        return 3;
    if (v->type == VALUE_STRING)
        return 2;
    return v->type == VALUE_FLOAT && isnan(v->u.number);
}

enum order value_order(const struct value *a, const struct value *b)
{
    int x = class_of(a), y = class_of(b);
    if (x != y)
        return x < y ? ORDER_LESS : ORDER_GREATER;
    if (x == 0)
        return number_order(a, b);
    int c = x == 2 ? strcmp(a->text, b->text) : 0;
    return c < 0 ? ORDER_LESS : c > 0 ? ORDER_GREATER : ORDER_EQUAL;
}
