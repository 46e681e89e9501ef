/* Files that tasks leave: opened and read with bounds. Internal to metrics/. */
#ifndef MPIBATCH_METRICS_SOURCE_H
#define MPIBATCH_METRICS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The largest file that is read, but for HDF5, of which only the dataset is. */
enum { SOURCE_MAX_BYTES = 64 << 20 };

enum source_state {
    SOURCE_HERE,
    SOURCE_NONE, /* there is no such file */
    SOURCE_BAD   /* it cannot be read */
};

/* Open the file at path, if it is a regular one; it never blocks on others.
 * *fd; or why not. */
enum source_state source_open(const char *path, int *fd, char why[160]);

/* All of an open file into text (empty, with SOURCE_MAX_BYTES as its maximum,
 * at least). -1 with errno ENOMEM: no memory. */
int source_read(int fd, struct buf *text, enum source_state *state,
                char why[160]);

#endif
