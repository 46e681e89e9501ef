/* What the terminal can do: whether there is one, how wide, in colours? */
#ifndef MPIBATCH_VIEW_TERMINAL_H
#define MPIBATCH_VIEW_TERMINAL_H

#include <stdbool.h>

struct terminal {
    int fd;
    bool live;      /* a line can be redrawn in place */
    bool colors;    /* as terminal_colors said; terminal_detect: none */
    unsigned width; /* columns */
};

/* Ask the terminal behind fd; TERM=dumb and no terminal are respected.
 * MPIBATCH_TERMINAL=COLUMNS (set by `mpibatch launch`) says that
 * somebody passes our output on to a terminal of that width. */
void terminal_detect(struct terminal *t, int fd);

/* Lines of the terminal behind fd; 0: it is none, or has not said. */
unsigned terminal_rows(int fd);

/* Are there to be colours on fd? In the order of the words of --color. Auto: on
 * a terminal that is not dumb, unless NO_COLOR is set (or CLICOLOR=0);
 * CLICOLOR_FORCE wants them without a terminal, too. */
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
bool terminal_colors(enum color_when when, int fd);

/* What is worth a colour: success, failure, what to look at, headings. Text
 * stands between begin and end, which are "" without colours. */
enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_NOTICE, STYLE_TITLE };
const char *style_begin(enum style style, bool colors);
const char *style_end(enum style style, bool colors);

/* Ask again how wide it is: windows are resized. */
void terminal_update(struct terminal *t);

#endif
