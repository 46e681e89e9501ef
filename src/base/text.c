/* Text: see text.h. */
#include "config.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { NEAREST_MAX = 64 };

#define NAME_CHARACTERS                                                        \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* Optimal string alignment distance of two words of at most NEAREST_MAX. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
    unsigned row[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= blen; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= alen; i++) {
        unsigned *cur = row[i % 3], *prev = row[(i - 1) % 3];
        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= blen; j++) {
            unsigned best = prev[j - 1] + (a[i - 1] != b[j - 1]);
            if (prev[j] + 1 < best)
                best = prev[j] + 1;
            if (cur[j - 1] + 1 < best)
                best = cur[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1]) {
                unsigned swap = row[(i - 2) % 3][j - 2] + 1;
                if (swap < best)
                    best = swap;
            }
            cur[j] = best;
        }
    }
    return row[alen % 3][blen];
}

const char *text_nearest(const char *word, const char *const *names,
                         size_t count)
{
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_MAX)
        return NULL;
    unsigned best = len < 3 ? 2 : (unsigned)(len / 3) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t nlen = strlen(names[i]);
        if (nlen > NEAREST_MAX)
            continue;
        if (strcasecmp(word, names[i]) == 0)
            return names[i];
        unsigned d = distance(word, len, names[i], nlen);
        if (d < best && d < (len > nlen ? len : nlen)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

/* Length of the well-formed UTF-8 sequence at s, or 0. */
static size_t utf8_len(const unsigned char *s, size_t room)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
               : s[0] >= 0xe0 && s[0] <= 0xef ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                              : 0;
    if (n == 0 || n > room)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* How many of the bytes at s, in eights, are ASCII and not NUL. */
static size_t ascii_len(const char *s, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    size_t i = 0;
    for (uint64_t w; len - i >= sizeof(w); i += sizeof(w)) {
        memcpy(&w, s + i, sizeof(w));
        if ((w | (w - ones)) & high)
            break;
    }
    return i;
}

bool text_is_utf8(const char *s, size_t len)
{
    for (size_t i = ascii_len(s, len); i < len;) {
        size_t n = utf8_len((const unsigned char *)s + i, len - i);
        if (n == 0 || s[i] == '\0')
            return false;
        i += n;
        if (i % sizeof(uint64_t) == 0)
            i += ascii_len(s + i, len - i);
    }
    return true;
}

int text_put_printable(struct buf *b, const char *s, size_t len,
                       bool keep_lines)
{
    size_t start = b->len;
    for (size_t i = 0; i < len;) {
        const unsigned char *p = (const unsigned char *)s + i;
        size_t n = utf8_len(p, len - i);
        bool control = n == 1 && (*p < 0x20 || *p == 0x7f) && *p != '\t' &&
                       !(*p == '\n' && keep_lines);
        bool c1 = n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
        int rc = n == 0 || control || c1 ? buf_printf(b, "\\x%02x", *p)
                                         : buf_put(b, p, n);
        if (rc < 0) {
            buf_truncate(b, start);
            return -1;
        }
        i += n == 0 || c1 ? 1 : n;
    }
    return 0;
}

static bool is_reserved(const char *s)
{
    static const char *const words[] = {
        "case",     "coproc", "do",   "done",  "elif", "else",
        "esac",     "fi",     "for",  "if",    "in",   "select",
        "function", "then",   "time", "until", "while"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(s, words[i]) == 0)
            return true;
    return false;
}

bool text_is_shell_safe(const char *s)
{
    size_t name = strspn(s, NAME_CHARACTERS);
    if (name > 0 && s[name + (s[name] == '+')] == '=')
        return false; /* where a command is due, an assignment */
    return *s && s[strspn(s, NAME_CHARACTERS "-+=:,./@%")] == '\0' &&
           !is_reserved(s);
}

int text_put_shell_word(struct buf *b, const char *s)
{
    size_t start = b->len;
    if (text_is_shell_safe(s))
        return buf_puts(b, s);
    int rc = buf_putc(b, '\'');
    for (; rc == 0 && *s; s++)
        rc = *s == '\'' ? buf_puts(b, "'\\''") : buf_putc(b, *s);
    if (rc == 0)
        rc = buf_putc(b, '\'');
    if (rc < 0)
        buf_truncate(b, start);
    return rc;
}

int text_put_yaml(struct buf *b, const char *s)
{
    size_t start = b->len;
    int rc = buf_putc(b, '"');
    for (; rc == 0 && *s; s++) {
        unsigned char c = (unsigned char)*s;
        rc = c < 0x20 || c == 0x7f   ? buf_printf(b, "\\x%02X", c)
             : c == '"' || c == '\\' ? buf_printf(b, "\\%c", c)
                                     : buf_putc(b, *s);
    }
    if (rc == 0)
        rc = buf_putc(b, '"');
    if (rc < 0)
        buf_truncate(b, start);
    return rc;
}
