/* What staging came to, in words. */
#ifndef MPIBATCH_VIEW_STAGED_H
#define MPIBATCH_VIEW_STAGED_H

#include "base/buf.h"
#include "model/stage_counts.h"

/* Append one or two lines, each with prefix in front and a newline behind:
 * what shared storage was asked for, and what went on behind it. Nothing if
 * nothing was staged. -1 as buf_put. */
int staged_describe(const struct stage_counts *c, const char *prefix,
                    struct buf *out);

#endif
