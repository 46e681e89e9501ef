/* What the terminal can do: see terminal.h. */
#include "config.h"
#include "view/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 20, WIDTH_MAX = 500 };

static unsigned width_checked(long width)
{
    return width >= WIDTH_MIN && width <= WIDTH_MAX ? (unsigned)width
                                                    : WIDTH_DEFAULT;
}

void terminal_detect(struct terminal *t, int fd)
{
    const char *term = getenv("TERM");
    const char *passed_on = getenv("MPIBATCH_TERMINAL");

    *t = (struct terminal){.fd = fd, .width = WIDTH_DEFAULT};
    if (passed_on && *passed_on) {
        t->live = true;
        t->width = width_checked(strtol(passed_on, NULL, 10));
    } else if (isatty(fd)) {
        t->live = true;
        terminal_update(t);
    }
    if (!term || strcmp(term, "dumb") == 0)
        t->live = false;
}

void terminal_update(struct terminal *t)
{
    struct winsize size;
    if (ioctl(t->fd, TIOCGWINSZ, &size) == 0)
        t->width = width_checked(size.ws_col);
}
