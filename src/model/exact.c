/* Functions with the same bits everywhere: see exact.h. The arithmetic of pairs
 * is Dekker's and Knuth's, as in the QD library (Hida, Li, Bailey 2001). */
#include "config.h"
#include "model/exact.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Pairs ---- */

/* a + b, |a| >= |b| or a = 0. */
static struct pair quick_sum(double a, double b)
{
    double s = a + b;
    return (struct pair){s, b - (s - a)};
}

static struct pair two_sum(double a, double b)
{
    double s = a + b, part = s - a;
    return (struct pair){s, (a - (s - part)) + (b - part)};
}

static void split(double a, double *hi, double *lo)
{
    double t = 134217729.0 * a; /* 2^27 + 1 */
    *hi = t - (t - a);
    *lo = a - *hi;
}

static struct pair two_product(double a, double b)
{
    double p = a * b, ah, al, bh, bl;
    split(a, &ah, &al);
    split(b, &bh, &bl);
    return (struct pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

struct pair pair_of(double v)
{
    return (struct pair){v, 0};
}

struct pair pair_add(struct pair a, struct pair b)
{
    struct pair s = two_sum(a.hi, b.hi), t = two_sum(a.lo, b.lo);
    s = quick_sum(s.hi, s.lo + t.hi);
    return quick_sum(s.hi, s.lo + t.lo);
}

struct pair pair_sub(struct pair a, struct pair b)
{
    return pair_add(a, (struct pair){-b.hi, -b.lo});
}

struct pair pair_mul(struct pair a, struct pair b)
{
    struct pair p = two_product(a.hi, b.hi);
    return quick_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

struct pair pair_div(struct pair a, double b)
{
    double first = a.hi / b;
    struct pair rest = pair_sub(a, two_product(first, b));
    double second = rest.hi / b;
    rest = pair_sub(rest, two_product(second, b));
    return pair_add(quick_sum(first, second), pair_of(rest.hi / b));
}

/* ---- Functions ---- */

static const struct pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/* e^x = 2^k (e^r)^512 with r = (x - k ln 2) / 512, and e^r - 1 by its series;
 * squared without the 1, so that no bits are lost. */
struct pair exact_exp(struct pair x)
{
    enum { HALVINGS = 9, TERMS = 8 };
    static const struct pair factors[TERMS + 1] = {
        /* 1 / n! */
        {1, 0},
        {1, 0},
        {0.5, 0},
        {0x1.5555555555555p-3, 0x1.5555555555555p-57},
        {0x1.5555555555555p-5, 0x1.5555555555555p-59},
        {0x1.1111111111111p-7, 0x1.1111111111111p-63},
        {0x1.6c16c16c16c17p-10, -0x1.f49f49f49f49fp-65},
        {0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-73},
        {0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76}};
    double k = nearbyint(x.hi / ln2.hi);
    struct pair r = pair_sub(x, pair_mul(pair_of(k), ln2));
    r.hi *= 0x1p-9;
    r.lo *= 0x1p-9;
    struct pair s = factors[TERMS];
    for (int n = TERMS - 1; n >= 1; n--)
        s = pair_add(pair_mul(r, s), factors[n]);
    s = pair_mul(r, s);
    for (int n = 0; n < HALVINGS; n++)
        s = pair_add((struct pair){2 * s.hi, 2 * s.lo}, pair_mul(s, s));
    s = pair_add(s, pair_of(1));
    return (struct pair){ldexp(s.hi, (int)k), ldexp(s.lo, (int)k)};
}

/* A first approximation y, then y + m / e^y - 1 (Newton's step). */
struct pair exact_log(double v)
{
    int exponent;
    double m = frexp(v, &exponent);
    if (m < M_SQRT1_2) {
        m *= 2;
        exponent--;
    }
    double f = (m - 1) / (m + 1), sum = 0;
    for (int n = 17; n >= 1; n -= 2)
        sum = sum * f * f + 1.0 / n;
    struct pair y = pair_of(2 * f * sum);
    struct pair inverse = exact_exp((struct pair){-y.hi, 0});
    struct pair step = pair_sub(pair_mul(pair_of(m), inverse), pair_of(1));
    return pair_add(pair_mul(pair_of(exponent), ln2), pair_add(y, step));
}

static double quotient(const double over[8], const double under[8], double r)
{
    double a = over[7], b = under[7];
    for (int i = 6; i >= 0; i--) {
        a = a * r + over[i];
        b = b * r + under[i];
    }
    return a / b;
}

double exact_normal_quantile(double p)
{
    static const double a[8] = {
        3.3871328727963666080e0,  1.3314166789178437745e+2,
        1.9715909503065514427e+3, 1.3731693765509461125e+4,
        4.5921953931549871457e+4, 6.7265770927008700853e+4,
        3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {
        1.42343711074968357734e0,  4.63033784615654529590e0,
        5.76949722146069140550e0,  3.64784832476320460504e0,
        1.27045825245236838258e0,  2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {
        6.65790464350110377720e0,  5.46378491116411436990e0,
        1.78482653991729133580e0,  2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * quotient(a, b, 0.180625 - q * q);
    double r = sqrt(-exact_log(q < 0 ? p : 1 - p).hi);
    double x = r <= 5 ? quotient(c, d, r - 1.6) : quotient(e, f, r - 5);
    return q < 0 ? -x : x;
}

/* ---- Texts ---- */

/* A text of 15 digits is read back as a double that prints as that text; so the
 * shortest is that of 15 digits or more, but for subnormals. */
static void digits_write(char *text, size_t size, double number)
{
    int digits = fabs(number) < DBL_MIN ? 1 : 15;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = uselocale(c); /* no change if c is 0 */
    do {
        snprintf(text, size, "%.*g", digits, number);
    } while (digits++ < 17 && strtod(text, NULL) != number);
    uselocale(old);
    if (c)
        freelocale(c);
}

int exact_float_value(double number, struct buf *room, struct value *v)
{
    char text[40];
    *v = (struct value){.type = VALUE_FLOAT, .u.number = number};
    if (!room)
        return 0;
    if (fabs(number) < 1e15 && number == nearbyint(number))
        snprintf(text, sizeof(text), "%s%" PRId64,
                 number == 0 && signbit(number) ? "-" : "", (int64_t)number);
    else
        digits_write(text, sizeof(text), number);
    buf_reset(room);
    if (buf_puts(room, text) < 0)
        return -1;
    v->text = room->data;
    return 0;
}
