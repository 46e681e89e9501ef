/* Direction numbers of Sobol's sequence, dimensions 2 to 32, by Joe and Kuo
 * (new-joe-kuo-6.21201; SIAM J. Sci. Comput. 30, 2008): a primitive polynomial
 * over GF(2), its coefficients as bits, and the first direction numbers. */
#ifndef MPIBATCH_MODEL_SOBOL_NUMBERS_H
#define MPIBATCH_MODEL_SOBOL_NUMBERS_H

#include <stdint.h>

enum { SOBOL_MAX_DEGREE = 7, SOBOL_DIMENSIONS = 32 };

static const struct {
    uint8_t polynomial, first[SOBOL_MAX_DEGREE];
} sobol_numbers[SOBOL_DIMENSIONS] = {
    {1, {0}}, /* the first dimension is van der Corput's sequence */
    {3, {1}},
    {7, {1, 3}},
    {11, {1, 3, 1}},
    {13, {1, 1, 1}},
    {19, {1, 1, 3, 3}},
    {25, {1, 3, 5, 13}},
    {37, {1, 1, 5, 5, 17}},
    {41, {1, 1, 5, 5, 5}},
    {47, {1, 1, 7, 11, 19}},
    {55, {1, 1, 5, 1, 1}},
    {59, {1, 1, 1, 3, 11}},
    {61, {1, 3, 5, 5, 31}},
    {67, {1, 3, 3, 9, 7, 49}},
    {91, {1, 1, 1, 15, 21, 21}},
    {97, {1, 3, 1, 13, 27, 49}},
    {103, {1, 1, 1, 15, 7, 5}},
    {109, {1, 3, 1, 15, 13, 25}},
    {115, {1, 1, 5, 5, 19, 61}},
    {131, {1, 3, 7, 11, 23, 15, 103}},
    {137, {1, 3, 7, 13, 13, 15, 69}},
    {143, {1, 1, 3, 13, 7, 35, 63}},
    {145, {1, 3, 5, 9, 1, 25, 53}},
    {157, {1, 3, 1, 13, 9, 35, 107}},
    {167, {1, 3, 1, 5, 27, 61, 31}},
    {171, {1, 1, 5, 11, 19, 41, 61}},
    {185, {1, 3, 5, 3, 3, 13, 69}},
    {191, {1, 1, 7, 13, 1, 19, 1}},
    {193, {1, 3, 7, 5, 13, 19, 59}},
    {203, {1, 1, 3, 9, 25, 29, 41}},
    {211, {1, 3, 5, 13, 23, 1, 55}},
    {213, {1, 3, 7, 3, 13, 59, 17}},
};

#endif
