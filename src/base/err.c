/* Errors as values: see err.h. */
#include "config.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Format into err->text from offset on; mark what did not fit. */
static void text_put(struct err *err, size_t offset, const char *fmt,
                     va_list ap)
{
    size_t room = sizeof(err->text) - offset;
    int n = vsnprintf(err->text + offset, room, fmt, ap);
    if (n >= 0 && (size_t)n >= room)
        memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        text_put(err, 0, fmt, ap);
        va_end(ap);
    }
    return -1;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        text_put(err, 0, fmt, ap);
        va_end(ap);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof(err->text) - len, ": %s",
                 strerror(code));
    }
    return -1;
}

int err_context(struct err *err, const char *fmt, ...)
{
    if (err) {
        char old[ERR_TEXT_MAX];
        memcpy(old, err->text, sizeof(old));
        va_list ap;
        va_start(ap, fmt);
        text_put(err, 0, fmt, ap);
        va_end(ap);
        size_t len = strlen(err->text);
        int n = snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
        if (n >= 0 && (size_t)n >= sizeof(err->text) - len)
            memcpy(err->text + sizeof(err->text) - 4, "...", 4);
    }
    return -1;
}

void err_clear(struct err *err)
{
    err->code = 0;
    err->text[0] = '\0';
}
