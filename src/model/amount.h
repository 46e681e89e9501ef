/* Numbers of points, which may be too large for any integer. */
#ifndef MPIBATCH_MODEL_AMOUNT_H
#define MPIBATCH_MODEL_AMOUNT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct amount {
    uint64_t exact;    /* UINT64_MAX: that many or more */
    long double about; /* the same for messages */
};

static inline struct amount amount_of(uint64_t n)
{
    return (struct amount){n, (long double)n};
}

static inline struct amount amount_add(struct amount a, struct amount b)
{
    struct amount sum = {UINT64_MAX, a.about + b.about};
    if (__builtin_add_overflow(a.exact, b.exact, &sum.exact))
        sum.exact = UINT64_MAX;
    return sum;
}

static inline struct amount amount_mul(struct amount a, struct amount b)
{
    struct amount product = {UINT64_MAX, a.about * b.about};
    if (__builtin_mul_overflow(a.exact, b.exact, &product.exact))
        product.exact = UINT64_MAX;
    return product;
}

/* "1000000000", or "about 1.3e+30". Returns text. */
static inline const char *amount_format(struct amount a, char text[48])
{
    if (a.exact != UINT64_MAX)
        snprintf(text, 48, "%" PRIu64, a.exact);
    else
        snprintf(text, 48, "about %.2Lg", a.about);
    return text;
}

#endif
