/* Where two texts differ first: see difference.h. */
#include "config.h"
#include "store/difference.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* The line at the start of text: printable, at most some 60 bytes. */
static void line_show(const char *text, size_t len, char out[512])
{
    enum { SHOWN = 60 };
    const char *end = memchr(text, '\n', len);
    struct buf b;
    size_t n = end ? (size_t)(end - text) : len, cut = n;
    if (n == 0) {
        snprintf(out, 512, "(nothing)");
        return;
    }
    if (n > SHOWN) /* not within a character */
        for (cut = SHOWN; cut > SHOWN - 4 && (text[cut] & 0xc0) == 0x80;)
            cut--;
    buf_init(&b, 400);
    (void)text_put_printable(&b, text, cut, false);
    snprintf(out, 512, "`%s%s`", buf_text(&b), cut < n ? "..." : "");
    buf_fini(&b);
}

void difference_find(const char *old, size_t old_len, const char *new,
                     size_t new_len, struct difference *d)
{
    enum { STEP = 1 << 16 };
    size_t both = old_len < new_len ? old_len : new_len, at = 0, start = 0;
    while (both - at > STEP && memcmp(old + at, new + at, STEP) == 0)
        at += STEP;
    while (at < both && old[at] == new[at])
        at++;
    d->line = 1;
    for (const char *s = old, *nl;
         (nl = memchr(s, '\n', at - (size_t)(s - old))); s = nl + 1) {
        d->line++;
        start = (size_t)(nl - old) + 1;
    }
    line_show(old + start, old_len - start, d->was);
    line_show(new + start, new_len - start, d->is);
}
