/* The order of values: numbers exactly, whatever their types, and texts. */
#ifndef MPIBATCH_MODEL_ORDER_H
#define MPIBATCH_MODEL_ORDER_H

#include "model/value.h"

enum order { ORDER_LESS = -1, ORDER_EQUAL, ORDER_GREATER, ORDER_NONE };

/* Is it a number (a boolean is 0 or 1): not a text, not null? */
bool number_is(const struct value *v);

/* Two numbers; ORDER_NONE if one is not a number (NaN). */
enum order number_order(const struct value *a, const struct value *b);

/* Two values for sorting: numbers (NaN behind them), then texts by their
 * bytes, then null. Never ORDER_NONE. */
enum order value_order(const struct value *a, const struct value *b);

#endif
