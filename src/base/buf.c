/* A growing byte buffer with a stated maximum: see buf.h. */
#include "config.h"
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    /* a NUL fits behind the data, whatever the maximum */
    *b = (struct buf){.max_bytes = max_bytes < PTRDIFF_MAX ? max_bytes
                                                           : PTRDIFF_MAX - 1};
}

void buf_fini(struct buf *b)
{
    mem_free(b->data);
    buf_init(b, b->max_bytes);
}

void buf_reset(struct buf *b)
{
    buf_truncate(b, 0);
}

void buf_truncate(struct buf *b, size_t len)
{
    b->len = len;
    if (b->data)
        b->data[len] = '\0';
}

/* Capacity for need bytes and those to come, NUL included: half as much again,
 * but no more than max_bytes ask for. */
static size_t cap_for(const struct buf *b, size_t need)
{
    size_t cap = need + need / 2 + 64;
    return cap < need || cap > b->max_bytes ? b->max_bytes + 1 : cap;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (len > b->max_bytes - b->len) {
        errno = EMSGSIZE;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = cap_for(b, need);
        char *data = mem_resize(b->data, cap, 1);
        if (!data)
            return NULL;
        b->data = data;
        b->cap = cap;
        b->data[b->len] = '\0';
    }
    return b->data + b->len;
}

void buf_commit(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = '\0';
}

int buf_put(struct buf *b, const void *data, size_t len)
{
    char *to = buf_reserve(b, len);
    if (!to)
        return -1;
    if (len > 0)
        memcpy(to, data, len);
    buf_commit(b, len);
    return 0;
}

int buf_puts(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

int buf_putc(struct buf *b, char c)
{
    return buf_put(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap > b->len ? b->cap - b->len : 0;
    int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
    int rc = -1;
    if (n >= 0 && (size_t)n < room && (size_t)n <= b->max_bytes - b->len) {
        b->len += (size_t)n;
        rc = 0;
    } else if (n >= 0) {
        buf_truncate(b, b->len);
        char *to = buf_reserve(b, (size_t)n);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            b->len += (size_t)n;
            rc = 0;
        }
    } else {
        buf_truncate(b, b->len); /* a conversion that libc refuses */
    }
    va_end(again);
    return rc;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return rc;
}

void buf_consume(struct buf *b, size_t len)
{
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len + 1);
    b->len -= len;
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
    if (!buf_reserve(b, 0))
        return NULL;
    char *data = b->data;
    buf_init(b, b->max_bytes);
    return data;
}
