/* Where two texts differ first: see difference.h. */
#include "config.h"
#include "store/difference.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static bool is_within_character(char c)
{
    return (c & 0xc0) == 0x80;
}

/* The line at the start of text: printable, at most some 60 bytes of it, those
 * around the byte `at`. */
static void line_show(const char *text, size_t len, size_t at, char out[512])
{
    enum { SHOWN = 60, BEFORE = 20 };
    const char *end = memchr(text, '\n', len);
    struct buf b;
    size_t n = end ? (size_t)(end - text) : len, cut = n;
    if (n == 0) {
        snprintf(out, 512, "(nothing)");
        return;
    }
    size_t from = n > SHOWN && at > SHOWN - BEFORE ? at - BEFORE : 0;
    for (size_t k = 0; k < 3 && from > 0 && is_within_character(text[from]);
         k++)
        from--;
    if (n - from > SHOWN)
        for (cut = from + SHOWN;
             cut > from + SHOWN - 4 && is_within_character(text[cut]);)
            cut--;
    buf_init(&b, 400);
    (void)text_put_printable(&b, text + from, cut - from, false);
    snprintf(out, 512, "`%s%s%s`", from > 0 ? "..." : "", buf_text(&b),
             cut < n ? "..." : "");
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
    line_show(old + start, old_len - start, at - start, d->was);
    line_show(new + start, new_len - start, at - start, d->is);
    if (strcmp(d->was, d->is) == 0) { /* all but its end */
        char *ended = old_len < new_len ? d->was : d->is;
        size_t n = strlen(ended);
        snprintf(ended + n, sizeof(d->was) - n, " without a line end");
    }
}
