/* Paths on a line of their own: control bytes and % as %XX. */
#ifndef MPIBATCH_STORE_LINE_PATH_H
#define MPIBATCH_STORE_LINE_PATH_H

#include <stddef.h>

#include "base/buf.h"

/* Append path. 0, or -1 as buf_put. */
int line_path_put(struct buf *b, const char *path);

/* The path that len bytes stand for. Heap; NULL: no memory. */
char *line_path_get(const char *s, size_t len);

#endif
