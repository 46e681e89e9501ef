/* Folded messages: see fold.h. */
#include "config.h"
#include "view/fold.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { HEX_MIN = 8 };

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Bytes of a number at s that starts no word: 12, -1.5e-3. */
static size_t number_len(const char *s, const char *end)
{
    const char *p = s;
    while (p < end && isdigit((unsigned char)*p))
        p++;
    if (p == s)
        return 0;
    if (p + 1 < end && *p == '.' && isdigit((unsigned char)p[1]))
        for (p++; p < end && isdigit((unsigned char)*p); p++)
            ;
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *q = p + 1;
        if (q < end && (*q == '+' || *q == '-'))
            q++;
        if (q < end && isdigit((unsigned char)*q))
            for (p = q; p < end && isdigit((unsigned char)*p); p++)
                ;
    }
    return (size_t)(p - s);
}

/* Bytes of an address or of a long run of hexadecimal digits; one of letters
 * or of digits alone is none. */
static size_t hex_len(const char *s, const char *end)
{
    bool marked = end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
                  isxdigit((unsigned char)s[2]);
    const char *p = marked ? s + 2 : s;
    bool digits = false, letters = false;
    for (; p < end && isxdigit((unsigned char)*p); p++) {
        digits = digits || isdigit((unsigned char)*p);
        letters = letters || isalpha((unsigned char)*p);
    }
    if (p < end && is_word(*p))
        return 0;
    if (marked || (p - s >= HEX_MIN && digits && letters))
        return (size_t)(p - s);
    return 0;
}

/* Bytes of the folders of an absolute path: all up to its last slash. */
static size_t folders_len(const char *s, const char *end)
{
    const char *last = s;
    if (*s != '/' || end - s < 2 || !(is_word(s[1]) || s[1] == '.'))
        return 0;
    for (const char *p = s + 1;
         p < end && (is_word(*p) || strchr("/.-+~@%", *p)); p++)
        if (*p == '/')
            last = p;
    return last > s ? (size_t)(last - s) + 1 : 0;
}

static int fold(const char *s, const char *end, struct buf *out)
{
    size_t start = out->len;
    bool in_word = false;
    int rc = 0;
    while (rc == 0 && s < end && out->len - start < FOLD_MAX_BYTES) {
        size_t n;
        if (!in_word && (n = folders_len(s, end)) > 0)
            rc = buf_puts(out, "PATH/");
        else if (!in_word && (n = hex_len(s, end)) > 0)
            rc = buf_puts(out, "HEX");
        else if ((n = number_len(s, end)) > 0)
            rc = buf_puts(out, "N");
        else
            rc = buf_put(out, s, n = 1);
        s += n;
        in_word = is_word(s[-1]) && s[-1] != '_';
    }
    if (rc == 0 && out->len - start > FOLD_MAX_BYTES)
        buf_truncate(out, start + FOLD_MAX_BYTES);
    /* not half a character */
    while (rc == 0 && s < end && out->len > start &&
           ((unsigned char)out->data[out->len - 1] & 0x80))
        buf_truncate(out, out->len - 1);
    return rc;
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) || c == '\0';
}

int fold_last_line(const char *text, size_t len, struct buf *out)
{
    const char *end = text + len, *start;
    while (end > text && is_blank(end[-1]))
        end--;
    for (start = end; start > text && start[-1] != '\n' && start[-1] != '\r';
         start--)
        ;
    while (start < end && is_blank(*start))
        start++;
    return fold(start, end, out);
}
