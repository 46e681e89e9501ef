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
uint8_t unpack_u8(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
uint64_t unpack_uint(struct unpack *u);
int64_t unpack_int(struct unpack *u);
double unpack_double(struct unpack *u);
/* A varint of at most max: more is bad. */
uint64_t unpack_uint_max(struct unpack *u, uint64_t max);
/* Counted bytes of at most max; borrowed from the input. */
const void *unpack_bytes(struct unpack *u, size_t max, size_t *len);
/* A counted string of at most size-1 bytes without NUL into text. */
void unpack_str(struct unpack *u, char *text, size_t size);
/* All read and nothing bad? */
bool unpack_done(const struct unpack *u);

#endif
