/* Combinations and permutations of items 0..n-1, numbered in lexicographic
 * order, as Python's itertools makes them. Numbers below 2^32 are turned into
 * items and back without going through the others. */
#ifndef MPIBATCH_MODEL_COMBINE_H
#define MPIBATCH_MODEL_COMBINE_H

#include "model/amount.h"

/* How many there are of k of n items. */
struct amount combine_count(uint32_t n, uint32_t k, bool ordered);

/* Item number `column` of that with the number `position`, which is below the
 * count, and that below 2^32. ordered: of permutations. */
uint32_t combine_item(uint32_t n, uint32_t k, bool ordered, uint32_t position,
                      uint32_t column);

/* The number of that with these k different items (ascending, for
 * combinations): the inverse. */
uint32_t combine_position(uint32_t n, uint32_t k, bool ordered,
                          const uint32_t *items);

#endif
