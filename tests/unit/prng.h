/* Random numbers for property tests: xorshift64*, the same on each run. */
#ifndef MPIBATCH_TESTS_PRNG_H
#define MPIBATCH_TESTS_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state; /* the seed: not 0 */
};

static inline uint64_t prng_next(struct prng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* One of 0 .. bound - 1. */
static inline uint32_t prng_below(struct prng *r, uint32_t bound)
{
    return (uint32_t)((prng_next(r) >> 32) * bound >> 32);
}

#endif
