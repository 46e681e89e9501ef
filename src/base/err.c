/* Errors as values: see err.h. */
#include "config.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Append to the text in err; mark what did not fit. */
__attribute__((format(printf, 2, 0))) static void text_append(struct err *err,
                                                              const char *fmt,
                                                              va_list ap)
{
    size_t len = strlen(err->text), room = sizeof(err->text) - len;
    int n = vsnprintf(err->text + len, room, fmt, ap);
    if (n >= 0 && (size_t)n >= room)
        memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

/* The same, with arguments of its own. */
__attribute__((format(printf, 2, 3))) static void text_add(struct err *err,
                                                           const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_append(err, fmt, ap);
    va_end(ap);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err_clear(err);
        err->code = code;
        text_append(err, fmt, ap);
        va_end(ap);
    }
    return -1;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err_clear(err);
        err->code = code;
        text_append(err, fmt, ap);
        va_end(ap);
        text_add(err, ": %s", strerror(code));
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
        err->text[0] = '\0';
        text_append(err, fmt, ap);
        va_end(ap);
        text_add(err, ": %s", old);
    }
    return -1;
}

void err_clear(struct err *err)
{
    err->code = 0;
    err->text[0] = '\0';
}
