/* Philox4x64-10: see philox.h. */
#include "config.h"
#include "model/philox.h"

/* The upper and lower half of a product. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t al = a & UINT32_MAX, ah = a >> 32, bl = b & UINT32_MAX,
             bh = b >> 32;
    uint64_t ll = al * bl, lh = al * bh, hl = ah * bl;
    uint64_t middle = (ll >> 32) + (lh & UINT32_MAX) + (hl & UINT32_MAX);
    *high = ah * bh + (lh >> 32) + (hl >> 32) + (middle >> 32);
    return a * b;
}

void philox(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4])
{
    enum { ROUNDS = 10 };
    uint64_t k0 = key[0], k1 = key[1];
    uint64_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t high0, high2;
        uint64_t low0 = multiply(UINT64_C(0xD2E7470EE14C6C93), x0, &high0);
        uint64_t low2 = multiply(UINT64_C(0xCA5A826395121157), x2, &high2);
        x0 = high2 ^ x1 ^ k0;
        x1 = low2;
        x2 = high0 ^ x3 ^ k1;
        x3 = low0;
        k0 += UINT64_C(0x9E3779B97F4A7C15);
        k1 += UINT64_C(0xBB67AE8584CAA73B);
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

uint64_t philox_word(uint64_t seed, uint64_t stream, uint64_t purpose,
                     uint64_t index)
{
    /* NumPy counts before it makes the first block */
    const uint64_t key[2] = {seed, 0};
    const uint64_t counter[4] = {index / 4 + 1, stream, purpose, 0};
    uint64_t block[4];
    philox(key, counter, block);
    return block[index % 4];
}

double philox_unit(uint64_t seed, uint64_t stream, uint64_t purpose,
                   uint64_t index)
{
    return (double)(philox_word(seed, stream, purpose, index) >> 11) * 0x1p-53;
}
