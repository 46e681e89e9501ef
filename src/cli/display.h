/* What a command shows people on stdout: colours, control bytes made harmless,
 * and a pager where it does not fit the screen.
 *
 * struct display d;
 * display_open(&d, &v->display);
 * display_printf(&d, "%s\n", name);
 * display_styled(&d, STYLE_BAD, "failed");
 * return display_close(&d);
 */
#ifndef MPIBATCH_CLI_DISPLAY_H
#define MPIBATCH_CLI_DISPLAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "cli/option.h"
#include "view/terminal.h"

/* The options of commands that show something: a member of their struct, and
 * OPT_SET(display_opts, offsetof(..., display)) in their sets. */
struct display_options {
    enum color_when color;
    bool no_pager;
};
extern const struct opt display_opts[2];
/* --color alone. */
extern const struct opt color_opts[1];

struct display {
    struct terminal terminal;
    bool color;
    bool no_pager;
    bool at_once;    /* each line, for who waits for it */
    struct buf text; /* not written yet */
    unsigned rows;   /* of the screen; 0: text goes to stdout at once */
    int fd;          /* stdout or the pager */
    pid_t pager;     /* 0: none */
    int rc;          /* EXIT_OK; EXIT_FAILED: said why; */
    bool over;       /* nobody reads any more */
};

/* Nothing is written before the first screen is full or it is closed. */
void display_open(struct display *d, const struct display_options *options);

/* How wide lines may be: the terminal's columns; 0 if there is no terminal. */
unsigned display_width(const struct display *d);

/* Show text; control bytes but newlines become "\xNN". */
void display_put(struct display *d, const char *text, size_t len);
void display_puts(struct display *d, const char *text);
void display_printf(struct display *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same in a style, where there are colours. */
void display_styled(struct display *d, enum style style, const char *text);

/* Is there no need to go on (an error, or the pager was left)? */
bool display_over(const struct display *d);

/* Write what is left, wait for the pager. Returns the exit code. */
int display_close(struct display *d);

/* The same for who has come to an exit code: rc, if it is not EXIT_OK. */
int display_end(struct display *d, int rc);

#endif
