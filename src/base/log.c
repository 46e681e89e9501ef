/* The log: see log.h. The sink's settings are this file's only state. */
#include "config.h"
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

/* Longer text is cut. Lines lie on the stack: the log works without
 * memory. A byte takes at most four ("\xNN"). */
enum { TEXT_MAX_BYTES = 8192, LINE_MAX_BYTES = 4 * TEXT_MAX_BYTES + 128 };

static char log_prefix[64] = "mpibatch";
static enum log_level log_max = LOG_INFO;
static bool log_colors;
static void (*log_before)(void *);
static void *log_before_arg;

void log_init(const char *prefix, enum log_level level)
{
    snprintf(log_prefix, sizeof(log_prefix), "%s", prefix);
    log_max = level;
}

void log_set_before(void (*before)(void *arg), void *arg)
{
    log_before = before;
    log_before_arg = arg;
}

void log_set_colors(bool colors)
{
    log_colors = colors;
}

/* One line: the prefix, the level's word, the text. */
static void line_put(enum log_level level, const char *text, bool harmless)
{
    static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
    static const char *const colored[] = {
        "\033[31merror:\033[m ", "\033[33mwarning:\033[m ", "", "debug: "};
    char room[LINE_MAX_BYTES];
    struct buf line = {
        .data = room, .cap = sizeof(room), .max_bytes = sizeof(room) - 1};
    int saved = errno;
    /* all of it fits */
    (void)buf_printf(&line, "%s: %s", log_prefix,
                     log_colors ? colored[level] : words[level]);
    if (harmless)
        (void)buf_puts(&line, text);
    else
        (void)text_put_printable(&line, text, strlen(text), true);
    (void)buf_putc(&line, '\n');
    if (log_before)
        log_before(log_before_arg);
    /* nobody can be told that stderr does not work */
    (void)file_write_all(STDERR_FILENO, line.data, line.len);
    errno = saved;
}

__attribute__((format(printf, 2, 0))) static void text_format(
    enum log_level level, const char *fmt, va_list ap)
{
    char text[TEXT_MAX_BYTES];
    if (level > log_max)
        return;
    int saved = errno, n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n >= (int)sizeof(text))
        memcpy(text + sizeof(text) - 4, "...", 4);
    if (n < 0) /* a line that libc cannot format says which it is */
        snprintf(text, sizeof(text), "%s", fmt);
    errno = saved;
    line_put(level, text, false);
}

void log_styled(const char *text)
{
    if (strlen(text) < TEXT_MAX_BYTES)
        line_put(LOG_INFO, text, true);
    else
        log_info("%s", text);
}

#define LOG_FUNCTION(name, level)                                              \
    void name(const char *fmt, ...)                                            \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, fmt);                                                     \
        text_format(level, fmt, ap);                                           \
        va_end(ap);                                                            \
    }

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
