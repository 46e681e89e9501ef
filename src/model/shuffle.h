/* A permutation of 0..count-1 chosen by a seed, computed element by element. */
#ifndef MPIBATCH_MODEL_SHUFFLE_H
#define MPIBATCH_MODEL_SHUFFLE_H

#include <stdint.h>

enum { SHUFFLE_ROUNDS = 12 };

struct shuffle {
    uint64_t keys[SHUFFLE_ROUNDS];
    uint32_t count;
    unsigned left, right; /* bits of the halves */
};

/* Permutation number `stream` of a seed. count > 0. */
void shuffle_init(struct shuffle *s, uint32_t count, uint64_t seed,
                  uint64_t stream);

/* Where element i goes; i < count. */
uint32_t shuffle_get(const struct shuffle *s, uint32_t i);

#endif
