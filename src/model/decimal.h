/* Ranges of decimal numbers, exact: 0 to 1 by 0.1 has eleven values, and the
 * fourth is 0.3. */
#ifndef MPIBATCH_MODEL_DECIMAL_H
#define MPIBATCH_MODEL_DECIMAL_H

#include "model/amount.h"
#include "model/value.h"

#include "base/buf.h"
#include "base/err.h"

enum { DECIMAL_MAX_PLACES = 18, DECIMAL_MAX_TEXT = 24 };

/* Value k is (from + k * step) / 10^places. */
struct decimal_range {
    int64_t from, step;
    unsigned places;
    bool integers;
};

/* The range from `from` to `to`, both in it. Its values have as many decimal
 * places as the more precise of from and step; they are integers if both are.
 * All are finite numbers with texts, step is not 0. -1 with err: EINVAL (a
 * step away from `to`, or one that does not meet it), ERANGE (more digits than
 * 64 bits hold). */
int decimal_range_init(struct decimal_range *r, const struct value *from,
                       const struct value *to, const struct value *step,
                       struct amount *count, struct err *err);

/* Value k. Without a room it has no text. 0, or -1 with errno as buf_put. */
int decimal_range_value(const struct decimal_range *r, uint64_t k,
                        struct buf *room, struct value *v);

#endif
