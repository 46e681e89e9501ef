/* What a command shows people on stdout: see display.h. */
#include "config.h"
#include "cli/display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"

extern char **environ;

enum {
    TEXT_BYTES = 64 << 20,
    FLUSH_BYTES = 1 << 16,
    NO_SUCH_PROGRAM = 127 /* of the shell */
};

#define COLOR_OPT                                                              \
    {                                                                          \
        .name = "color", .kind = OPT_CHOICE, .value = "WHEN",                  \
        .at = offsetof(struct display_options, color), .words = color_words,   \
        .fallback = "auto",                                                    \
        .meaning = "use colours; auto: on a terminal, unless NO_COLOR is set"  \
    }
static const char *const color_words[] = {"auto", "always", "never", NULL};

const struct opt display_opts[2] = {
    COLOR_OPT,
    {.name = "no-pager",
     .kind = OPT_FLAG,
     .at = offsetof(struct display_options, no_pager),
     .meaning = "do not show what is longer than the screen by `$PAGER`"}};
const struct opt color_opts[1] = {COLOR_OPT};

void display_open(struct display *d, const struct display_options *o)
{
    *d = (struct display){.fd = STDOUT_FILENO, .no_pager = o->no_pager};
    terminal_detect(&d->terminal, STDOUT_FILENO);
    d->color = terminal_colors(o->color, STDOUT_FILENO);
    if (d->terminal.live && !o->no_pager)
        d->rows = terminal_rows(STDOUT_FILENO);
    buf_init(&d->text, TEXT_BYTES);
}

unsigned display_width(const struct display *d)
{
    return isatty(STDOUT_FILENO) ? d->terminal.width : 0;
}

bool display_over(const struct display *d)
{
    return d->over;
}

static bool is_program(const char *name)
{
    const char *dirs = getenv("PATH");
    bool found = false;
    while (!found && dirs && *dirs) {
        size_t len = strcspn(dirs, ":");
        char *dir = mem_strndup(dirs, len);
        char *path = dir ? path_join(dir, name) : NULL;
        found = path && access(path, X_OK) == 0;
        mem_free(path);
        mem_free(dir);
        dirs += len + (dirs[len] == ':');
    }
    return found;
}

/* The pager, or "" for none. */
static const char *pager_command(void)
{
    const char *pager = getenv("PAGER");
    if (!pager)
        pager = is_program("less") ? "less" : is_program("more") ? "more" : "";
    return strcmp(pager, "cat") == 0 ? "" : pager;
}

/* Start the pager and write to it from now on; where there is none, to stdout.
 */
static void pager_start(struct display *d)
{
    const char *command = pager_command();
    const char *argv[] = {"sh", "-c", command, NULL};
    posix_spawn_file_actions_t files;
    int fds[2];

    d->rows = 0;
    if (!*command || setenv("LESS", "FRX", 0) < 0 || pipe2(fds, O_CLOEXEC) < 0)
        return;
    posix_spawn_file_actions_init(&files);
    int rc = posix_spawn_file_actions_adddup2(&files, fds[0], STDIN_FILENO);
    if (rc == 0)
        rc = posix_spawn(&d->pager, "/bin/sh", &files, NULL,
                         (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    close(fds[0]);
    if (rc != 0) {
        d->pager = 0;
        close(fds[1]);
        return;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the pager's */
    d->fd = fds[1];
}

/* How many lines of the screen the text takes. */
static unsigned rows_needed(const struct display *d)
{
    unsigned rows = 1, column = 0;
    for (size_t i = 0; i < d->text.len; i++) {
        if (d->text.data[i] == '\n' || ++column > d->terminal.width) {
            rows++;
            column = 0;
        }
    }
    return rows;
}

static void text_write(struct display *d)
{
    if (d->over || d->text.len == 0)
        return;
    if (file_write_all(d->fd, buf_text(&d->text), d->text.len) < 0) {
        d->over = true;
        if (!d->pager)
            d->rc = EXIT_FAILED;
        if (errno != EPIPE)
            log_error("cannot write to stdout: %s", strerror(errno));
    }
    buf_reset(&d->text);
}

static void text_more(struct display *d)
{
    if (d->rows > 0 && rows_needed(d) > d->rows)
        pager_start(d);
    if (d->rows == 0 &&
        (d->text.len >= FLUSH_BYTES || (d->at_once && d->text.len > 0 &&
                                        d->text.data[d->text.len - 1] == '\n')))
        text_write(d);
}

void display_put(struct display *d, const char *text, size_t len)
{
    if (d->over)
        return;
    if (text_put_printable(&d->text, text, len, true) < 0) {
        log_error("no memory to show this");
        d->rc = EXIT_FAILED;
        d->over = true;
        return;
    }
    text_more(d);
}

void display_puts(struct display *d, const char *text)
{
    display_put(d, text, strlen(text));
}

void display_printf(struct display *d, const char *fmt, ...)
{
    struct buf text;
    va_list ap;
    buf_init(&text, TEXT_BYTES);
    va_start(ap, fmt);
    int rc = buf_vprintf(&text, fmt, ap);
    va_end(ap);
    if (rc == 0)
        display_put(d, buf_text(&text), text.len);
    else
        d->over = true, d->rc = EXIT_FAILED;
    buf_fini(&text);
}

void display_styled(struct display *d, enum style style, const char *text)
{
    (void)buf_puts(&d->text, style_begin(style, d->color));
    display_puts(d, text);
    (void)buf_puts(&d->text, style_end(style, d->color));
}

int display_close(struct display *d)
{
    int status = 0;
    text_write(d);
    if (d->pager) {
        close(d->fd);
        while (waitpid(d->pager, &status, 0) < 0 && errno == EINTR)
            ;
        signal(SIGINT, SIG_DFL);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SUCH_PROGRAM) {
            log_error("PAGER=%s cannot be run; --no-pager does without",
                      pager_command());
            d->rc = EXIT_FAILED;
        }
    }
    buf_fini(&d->text);
    return d->rc;
}

int display_end(struct display *d, int rc)
{
    int shown = display_close(d);
    return rc == EXIT_OK ? shown : rc;
}
