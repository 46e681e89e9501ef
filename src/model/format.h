/* Formats of placeholders: those of Python's str.format for numbers and
 * strings, [[fill]align][sign][0][width][.precision][type], with types
 * d x X o e E f F g G s, and fill one ASCII character. */
#ifndef MPIBATCH_MODEL_FORMAT_H
#define MPIBATCH_MODEL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/value.h"

/* The largest width and precision. */
enum { FORMAT_MAX_WIDTH = 1000 };

struct format {
    bool present;                 /* false: the value's text as it is */
    char fill, align, sign, type; /* 0: not given */
    bool zero;
    int width, precision; /* -1: not given */
};

/* Parse the len bytes behind the colon. false: they are no format; *f is
 * untouched then. */
bool format_parse(const char *s, size_t len, struct format *f);

/* Append a value. It is what Python makes of it, but an integer may be shown
 * as a float, a whole float as an integer, and anything as a string. 0, -1
 * with errno as buf_put, or 1: the format cannot show this value. Nothing is
 * appended then. */
int format_put(struct buf *out, const struct format *f, const struct value *v);

#endif
