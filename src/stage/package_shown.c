/* What comes from elsewhere, in messages: see package_shown.h. */
#include "config.h"
#include "stage/package_shown.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/text.h"

enum { SHOWN_BYTES = 80 }; /* of the name */

const char *package_shown(const char *name, char out[SHOWN_MAX])
{
    struct buf b;
    size_t len = strnlen(name, SHOWN_BYTES + 1);
    buf_init(&b, 4096);
    bool cut = len > SHOWN_BYTES;
    (void)!text_put_printable(&b, name, cut ? SHOWN_BYTES : len, false);
    if (b.len > SHOWN_BYTES) { /* much of it was not printable */
        buf_truncate(&b, SHOWN_BYTES);
        cut = true;
    }
    snprintf(out, SHOWN_MAX, "\"%s\"%s", buf_text(&b), cut ? "..." : "");
    buf_fini(&b);
    return out;
}

const char *package_reason(const char *text, char out[SHOWN_MAX])
{
    size_t n = 0;
    for (const char *p = text ? text : "no reason given";
         *p && n < SHOWN_MAX - 1; p++)
        if (*p >= ' ' && *p < 0x7f)
            out[n++] = *p;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

const char *package_kind(mode_t type)
{
    return type == S_IFCHR || type == S_IFBLK ? "is a device"
           : type == S_IFIFO                  ? "is a FIFO"
           : type == S_IFSOCK                 ? "is a socket"
                                              : "is of an unknown kind";
}
