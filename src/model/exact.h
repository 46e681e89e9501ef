/* Elementary functions that give the same bits on every machine.
 *
 * libm's exp, log and pow differ in the last bit from one version and one
 * processor to another, and then two ranks would speak of different values.
 * These compute in pairs of doubles, about 100 bits, by IEEE operations only,
 * and round once.
 */
#ifndef MPIBATCH_MODEL_EXACT_H
#define MPIBATCH_MODEL_EXACT_H

#include "base/buf.h"
#include "model/value.h"

struct pair { /* hi + lo, |lo| at most half a unit in hi's last place */
    double hi, lo;
};

struct pair pair_of(double v);
struct pair pair_add(struct pair a, struct pair b);
struct pair pair_sub(struct pair a, struct pair b);
struct pair pair_mul(struct pair a, struct pair b);
struct pair pair_div(struct pair a, double b);

/* e to the power x, |x| < 700; the natural logarithm of v, 0 < v < infinity. */
struct pair exact_exp(struct pair x);
struct pair exact_log(double v);

/* The x below which a standard normal variable lies with probability p, 0 < p
 * < 1: Wichura's algorithm AS 241, PPND16 (Applied Statistics 37, 1988), good
 * to about 1 part in 10^16. */
double exact_normal_quantile(double p);

/* The longest text of a float. */
enum { EXACT_FLOAT_TEXT = 24 };

/* A float with the shortest text that reads back as the same double; without a
 * room it has no text. 0, or -1 with errno as buf_put. */
int exact_float_value(double number, struct buf *room, struct value *v);

#endif
