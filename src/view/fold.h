/* Messages folded so that those of one kind are equal: numbers, addresses and
 * paths give way to letters. */
#ifndef MPIBATCH_VIEW_FOLD_H
#define MPIBATCH_VIEW_FOLD_H

#include <stddef.h>

#include "base/buf.h"

enum { FOLD_MAX_BYTES = 200 };

/* Append the last line of text that is not blank, folded: numbers as N,
 * 0x1f and long runs of hexadecimal digits as HEX, absolute paths as
 * PATH/NAME; at most FOLD_MAX_BYTES, without blanks at its ends; nothing if all
 * lines are blank. 0, or -1 as buf_put. */
int fold_last_line(const char *text, size_t len, struct buf *out);

#endif
