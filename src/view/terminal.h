/* What the terminal can do: whether there is one, and how wide. */
#ifndef MPIBATCH_VIEW_TERMINAL_H
#define MPIBATCH_VIEW_TERMINAL_H

#include <stdbool.h>

struct terminal {
    int fd;
    bool live;      /* a line can be redrawn in place */
    unsigned width; /* columns */
};

/* Ask the terminal behind fd; TERM=dumb and no terminal are respected.
 * MPIBATCH_TERMINAL=COLUMNS (set by `mpibatch launch`) says that
 * somebody passes our output on to a terminal of that width. */
void terminal_detect(struct terminal *t, int fd);

/* Ask again how wide it is: windows are resized. */
void terminal_update(struct terminal *t);

#endif
