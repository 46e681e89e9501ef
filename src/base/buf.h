/* A growing byte buffer with a stated maximum.
 *
 * There is always a NUL behind the data, so that text can be printed. A
 * failed append leaves the buffer as it was.
 */
#ifndef MPIBATCH_BASE_BUF_H
#define MPIBATCH_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL or len bytes and a NUL */
    size_t len;
    size_t cap;
    size_t max_bytes; /* len never grows over this */
};

/* An empty buffer for at most max_bytes; nothing is allocated yet. */
void buf_init(struct buf *b, size_t max_bytes);
/* Free the data; the buffer is empty again and can be used on. */
void buf_fini(struct buf *b);
/* Forget the data, keep the memory. */
void buf_reset(struct buf *b);
/* Forget what is behind the first len bytes; len is at most what there is. */
void buf_truncate(struct buf *b, size_t len);

/* Append bytes, a string, a character, printf-formatted text. 0, or -1 with
 * errno ENOMEM (no memory) or EMSGSIZE (over max_bytes). */
int buf_put(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Room for len more bytes behind the data: returns where to write them, or
 * NULL as buf_put fails. buf_commit then adds how many were written. */
char *buf_reserve(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);

/* Remove the first len bytes. */
void buf_consume(struct buf *b, size_t len);

/* The data as a string: "" for an empty buffer. Borrowed until the next
 * change. */
const char *buf_text(const struct buf *b);

/* The data, NUL-terminated, to the caller (free with mem_free); the buffer is
 * empty afterwards. NULL: no memory. */
char *buf_take(struct buf *b);

#endif
