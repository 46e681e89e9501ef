/* The log: see log.h. The sink's settings are this file's only state. */
#include "config.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 1 << 16 };

static char log_prefix[64] = "mpibatch";
static enum log_level log_max = LOG_INFO;
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

static void line_put(enum log_level level, const char *fmt, va_list ap)
{
    static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
    struct buf text, line;
    if (level > log_max)
        return;
    buf_init(&text, LINE_MAX_BYTES);
    buf_init(&line, 5 * LINE_MAX_BYTES);
    if (buf_vprintf(&text, fmt, ap) == 0 &&
        buf_printf(&line, "%s: %s", log_prefix, words[level]) == 0 &&
        text_put_printable(&line, buf_text(&text), text.len, true) == 0 &&
        buf_putc(&line, '\n') == 0) {
        if (log_before)
            log_before(log_before_arg);
        /* nobody can be told that stderr does not work */
        (void)file_write_all(STDERR_FILENO, line.data, line.len);
    }
    buf_fini(&line);
    buf_fini(&text);
}

#define LOG_FUNCTION(name, level)                                              \
    void name(const char *fmt, ...)                                            \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, fmt);                                                     \
        line_put(level, fmt, ap);                                              \
        va_end(ap);                                                            \
    }

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
