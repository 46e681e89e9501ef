/* Philox4x64-10 (Salmon, Moraes, Dror, Shaw 2011): random numbers by counter,
 * the same as NumPy's. */
#ifndef MPIBATCH_MODEL_PHILOX_H
#define MPIBATCH_MODEL_PHILOX_H

#include <stdint.h>

/* Random block `counter` of a key, of four words, into out. */
void philox(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4]);

/* Word number `index` of
 *
 *   numpy.random.Philox(key=seed, counter=[0, stream, purpose, 0])
 *
 * as random_raw() gives them. */
uint64_t philox_word(uint64_t seed, uint64_t stream, uint64_t purpose,
                     uint64_t index);

/* The same as numpy.random.Generator.random() gives it: in [0, 1), a multiple
 * of 2^-53. */
double philox_unit(uint64_t seed, uint64_t stream, uint64_t purpose,
                   uint64_t index);

#endif
