/* Paths on a line of their own: see line_path.h. */
#include "config.h"
#include "store/line_path.h"

#include <stdio.h>

#include "base/mem.h"

int line_path_put(struct buf *b, const char *path)
{
    int rc = 0;
    for (; rc == 0 && *path; path++) {
        unsigned char c = (unsigned char)*path;
        rc = c < 0x20 || c == 0x7f || c == '%' ? buf_printf(b, "%%%02X", c)
                                               : buf_putc(b, *path);
    }
    return rc;
}

char *line_path_get(const char *s, size_t len)
{
    char *path = mem_alloc(len + 1), *to = path;
    if (!path)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        unsigned c;
        if (s[i] == '%' && i + 2 < len && sscanf(s + i + 1, "%2x", &c) == 1) {
            *to++ = (char)c;
            i += 2;
        } else {
            *to++ = s[i];
        }
    }
    *to = '\0';
    return path;
}
