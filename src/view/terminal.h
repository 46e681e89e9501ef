/* What the terminal can do: whether there is one, how wide, with colour. */
#ifndef MPIBATCH_VIEW_TERMINAL_H
#define MPIBATCH_VIEW_TERMINAL_H

#include <stdbool.h>

struct terminal {
    int fd;
    bool live; /* a line can be redrawn in place */
    bool color;
    unsigned width; /* columns */
};

/* Ask the terminal behind fd; NO_COLOR, TERM=dumb and no terminal are
 * respected. MPIBATCH_TERMINAL=COLUMNS (set by `mpibatch launch`) says that
 * somebody passes our output on to a terminal of that width. */
void terminal_detect(struct terminal *t, int fd);

#endif
