/* Drawn values: number i of a random, Latin hypercube, Sobol or Halton design
 * by its index alone, the same on every machine.
 *
 * Parameter number p (from 0) of a design of n points with a seed (0 if none
 * is given) has in point i a number u of [0, 1). With NumPy's
 *
 *   unit(purpose) = numpy.random.Generator(numpy.random.Philox(
 *       key=seed, counter=[0, p, purpose, 0])).random(n)
 *
 *   random    u = unit(0)[i]
 *   lhs       u = (s(i) + unit(1)[i]) / n, s a permutation of 0..n-1: shuffle.h
 *             with the first words of the raw stream of purpose 2 as keys
 *   sobol     u = scipy.stats.qmc.Sobol(d, scramble=False).random(n)[i, p], d
 *             the number of parameters; with a seed its binary digits (53 of
 *             them) exclusive or those of unit(3)[0]
 *   halton    u = scipy.stats.qmc.Halton(d, scramble=False).random(n)[i, p];
 *             with a seed (u + unit(4)[0]) modulo 1
 *
 * and the value is
 *
 *   uniform      min + u * (max - min)
 *   log_uniform  exp(log(min) + u * (log(max) - log(min))), rounded once
 *   normal       mean + stddev * q(0.5 + (1 - 1e-10) * (u - 0.5)), q the
 *                quantile of the standard normal distribution: as scipy's
 *                qmc.MultivariateNormalQMC, and so never infinite
 *   integer      min + floor(u * (max - min + 1))
 *   choice       values[floor(u * len(values))]
 *
 * So random values do not depend on n: a larger design has the points of the
 * smaller one.
 */
#ifndef MPIBATCH_MODEL_DRAW_H
#define MPIBATCH_MODEL_DRAW_H

#include "model/exact.h"
#include "model/shuffle.h"
#include "model/taskset.h"

enum draw_purpose {
    DRAW_RANDOM,
    DRAW_JITTER,
    DRAW_SHUFFLE,
    DRAW_SOBOL_SHIFT,
    DRAW_HALTON_SHIFT
};

/* One parameter of a design, ready to use. */
struct draw {
    enum axis_kind design;
    enum distribution dist;
    uint32_t count;
    uint64_t seed, stream;
    union {
        struct shuffle shuffle; /* lhs */
        struct {
            uint32_t directions[32];
            uint64_t shift; /* 53 bits */
        } sobol;
        struct {
            uint32_t base;
            double shift;
        } halton;
    } u;
    double min, max; /* normal: mean, stddev */
    struct pair log, width;
    const struct value *values;
    uint32_t value_count;
};

/* Column `column` of a design (random, lhs, sobol, halton). -1 with err
 * EINVAL. */
int draw_init(struct draw *d, const struct axis *a, uint32_t column,
              struct err *err);

/* u of point i. */
double draw_unit(const struct draw *d, uint32_t i);

/* What u becomes, but for a choice. */
double draw_number(const struct draw *d, double u);

/* The value in point i. As taskset_value. */
int draw_value(const struct draw *d, uint32_t i, struct buf *room,
               struct value *v, struct err *err);

/* The type and the longest text: as value_survey. */
void draw_survey(const struct draw *d, enum value_type *type,
                 uint32_t *longest);

#endif
