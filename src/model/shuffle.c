/* Permutations by a Feistel network: see shuffle.h.
 *
 * The network permutes all numbers of as many bits as count - 1 has: in even
 * rounds the right half is mixed with a key and added (exclusive or) to the
 * left one, in odd rounds the left half to the right one. A result that is not
 * below count goes through it again, until one is; as the network is a
 * permutation, that is one of the numbers below count. */
#include "config.h"
#include "model/shuffle.h"

#include "model/draw.h"
#include "model/philox.h"

void shuffle_init(struct shuffle *s, uint32_t count, uint64_t seed,
                  uint64_t stream)
{
    unsigned bits = 1;
    while (bits < 32 && (count - 1) >> bits)
        bits++;
    *s = (struct shuffle){
        .count = count, .left = bits / 2, .right = bits - bits / 2};
    for (unsigned r = 0; r < SHUFFLE_ROUNDS; r++)
        s->keys[r] = philox_word(seed, stream, DRAW_SHUFFLE, r);
}

/* The mixing of SplitMix64 (Steele, Lea, Flood 2014), the upper half of it. */
static uint32_t mix(uint32_t half, uint64_t key)
{
    uint64_t z = half + key;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

uint32_t shuffle_get(const struct shuffle *s, uint32_t i)
{
    uint32_t left_mask = (UINT32_C(1) << s->left) - 1;
    uint32_t right_mask = (UINT32_C(1) << s->right) - 1;
    do {
        uint32_t left = i >> s->right, right = i & right_mask;
        for (unsigned r = 0; r < SHUFFLE_ROUNDS; r += 2) {
            left ^= mix(right, s->keys[r]) & left_mask;
            right ^= mix(left, s->keys[r + 1]) & right_mask;
        }
        i = left << s->right | right;
    } while (i >= s->count);
    return i;
}
