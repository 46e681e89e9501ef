/* Packed bytes: little-endian integers, varints, counted strings; bounded.
 *
 * Writing appends to a struct buf. Reading has a sticky error: check `bad`
 * once, at the end; after an error every get returns 0 or "".
 */
#ifndef MPIBATCH_BASE_PACK_H
#define MPIBATCH_BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Append. Each returns 0, or -1 as buf_put; b is as it was then. put_uint is a
 * LEB128 varint of 1 to 10 bytes, as short as can be; put_int the same of the
 * zigzag; put_bytes is put_uint(len) and the bytes. */
int pack_put_u8(struct buf *b, uint8_t v);
int pack_put_u32(struct buf *b, uint32_t v);
int pack_put_u64(struct buf *b, uint64_t v);
int pack_put_uint(struct buf *b, uint64_t v);
int pack_put_int(struct buf *b, int64_t v);
int pack_put_double(struct buf *b, double v);
int pack_put_bytes(struct buf *b, const void *data, size_t len);
int pack_put_str(struct buf *b, const char *s);
/* Take back all that was put since b->len was before. Returns -1; errno
 * stays, so that a failed sequence ends with `return pack_undo(...)`. */
int pack_undo(struct buf *b, size_t before);

struct unpack {
    const unsigned char *p, *end;
    bool bad; /* truncated or malformed; sticky */
};

void unpack_init(struct unpack *u, const void *data, size_t len);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
double unpack_double(struct unpack *u);
/* Counted bytes of at most max; borrowed from the input. */
const void *unpack_bytes(struct unpack *u, size_t max, size_t *len);
/* A counted string of at most size-1 bytes without NUL into text. */
void unpack_str(struct unpack *u, char *text, size_t size);
/* All read and nothing bad? */
bool unpack_done(const struct unpack *u);

/* ---- Small numbers, of which records are full: no call ---- */

/* A varint of more than one byte, or none: unpack_uint's slow side. */
uint64_t unpack_long_uint(struct unpack *u);

static inline uint8_t unpack_u8(struct unpack *u)
{
    if (!u->bad && u->p < u->end)
        return *u->p++;
    u->bad = true;
    return 0;
}

static inline uint64_t unpack_uint(struct unpack *u)
{
    if (!u->bad && u->p < u->end && *u->p < 0x80)
        return *u->p++;
    return unpack_long_uint(u);
}

static inline int64_t unpack_int(struct unpack *u)
{
    uint64_t v = unpack_uint(u);
    return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

/* A varint of at most max: more is bad. */
static inline uint64_t unpack_uint_max(struct unpack *u, uint64_t max)
{
    uint64_t v = unpack_uint(u);
    if (v <= max)
        return v;
    u->bad = true;
    return 0;
}

#endif
