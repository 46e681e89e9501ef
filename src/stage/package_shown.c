/* Names from archives in messages: see package_shown.h. */
#include "config.h"
#include "stage/package_shown.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum { SHOWN_BYTES = 180 }; /* of the name */

const char *shown(const char *name, char out[SHOWN_MAX])
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
