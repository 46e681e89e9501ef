/* The line by which rank 0 tells `mpibatch launch` its exit code, through
 * mpirun's stdout: for runs that end before there is a status file. */
#ifndef MPIBATCH_CLI_LAUNCH_LINE_H
#define MPIBATCH_CLI_LAUNCH_LINE_H

#include <stddef.h>

#include "base/buf.h"

enum { LAUNCH_LINE_MAX = 256 };

struct launch_line {
    struct buf line; /* begun and not ended */
    char id[64];
    int code; /* -1: not seen */
};

void launch_line_init(struct launch_line *l);
void launch_line_fini(struct launch_line *l);

/* Rank 0: print the line. */
void launch_line_print(const char *launch_id, int code);

/* Launch: take the line out of what comes from mpirun; the rest is appended
 * to rest. */
void launch_line_feed(struct launch_line *l, const char *data, size_t len,
                      struct buf *rest);

/* The code if the line with this id was seen, else -1. */
int launch_line_code(const struct launch_line *l, const char *launch_id);

#endif
