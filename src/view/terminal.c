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

unsigned terminal_rows(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

bool terminal_colors(enum color_when when, int fd)
{
    const char *term = getenv("TERM"), *wanted = getenv("CLICOLOR"),
               *forced = getenv("CLICOLOR_FORCE");
    if (when != COLOR_AUTO)
        return when == COLOR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("CLICOLOR_FORCE") && strcmp(forced, "0") != 0)
        return true;
    if (wanted && strcmp(wanted, "0") == 0)
        return false;
    return term && *term && strcmp(term, "dumb") != 0 &&
           (isatty(fd) || is_set("MPIBATCH_TERMINAL"));
}

const char *style_begin(enum style style, bool colors)
{
    static const char *const codes[] = {[STYLE_PLAIN] = "",
                                        [STYLE_GOOD] = "\033[32m",
                                        [STYLE_BAD] = "\033[31m",
                                        [STYLE_NOTICE] = "\033[33m",
                                        [STYLE_TITLE] = "\033[1m"};
    return colors ? codes[style] : "";
}

const char *style_end(enum style style, bool colors)
{
    return colors && style != STYLE_PLAIN ? "\033[m" : "";
}
