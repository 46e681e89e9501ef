/* Packed bytes: see pack.h. Every value has exactly one encoding: a varint
 * that could be shorter is malformed, so that reading and writing again gives
 * the same bytes. */
#include "config.h"
#include "base/pack.h"

#include <endian.h>
#include <string.h>

enum { VARINT_MAX_BYTES = 10 };

int pack_put_u8(struct buf *b, uint8_t v)
{
    return buf_put(b, &v, sizeof(v));
}

int pack_put_u32(struct buf *b, uint32_t v)
{
    v = htole32(v);
    return buf_put(b, &v, sizeof(v));
}

int pack_put_u64(struct buf *b, uint64_t v)
{
    v = htole64(v);
    return buf_put(b, &v, sizeof(v));
}

int pack_put_uint(struct buf *b, uint64_t v)
{
    unsigned char bytes[VARINT_MAX_BYTES];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (unsigned char)(v | 0x80);
    bytes[n++] = (unsigned char)v;
    return buf_put(b, bytes, n);
}

int pack_put_int(struct buf *b, int64_t v)
{
    return pack_put_uint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

int pack_put_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return pack_put_u64(b, bits);
}

int pack_put_bytes(struct buf *b, const void *data, size_t len)
{
    size_t before = b->len;
    if (pack_put_uint(b, len) == 0 && buf_put(b, data, len) == 0)
        return 0;
    return pack_undo(b, before);
}

int pack_put_str(struct buf *b, const char *s)
{
    return pack_put_bytes(b, s, strlen(s));
}

int pack_undo(struct buf *b, size_t before)
{
    b->len = before;
    if (b->data)
        b->data[before] = '\0';
    return -1;
}

void unpack_init(struct unpack *u, const void *data, size_t len)
{
    const unsigned char *p = len > 0 ? data : (const unsigned char *)"";
    *u = (struct unpack){.p = p, .end = p + len};
}

/* The next len bytes, or NULL and bad. */
static const unsigned char *next(struct unpack *u, size_t len)
{
    if (u->bad || len > (size_t)(u->end - u->p)) {
        u->bad = true;
        return NULL;
    }
    const unsigned char *p = u->p;
    u->p += len;
    return p;
}

uint32_t unpack_u32(struct unpack *u)
{
    uint32_t v = 0;
    const unsigned char *p = next(u, sizeof(v));
    if (p)
        memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

uint64_t unpack_u64(struct unpack *u)
{
    uint64_t v = 0;
    const unsigned char *p = next(u, sizeof(v));
    if (p)
        memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

uint64_t unpack_long_uint(struct unpack *u)
{
    const unsigned char *p = u->p;
    uint64_t v = 0;
    for (unsigned shift = 0; !u->bad && p < u->end && shift < 70; shift += 7) {
        unsigned char c = *p++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if ((c == 0 && shift > 0) || (c > 1 && shift == 63))
            break; /* could be shorter; over 64 bits */
        u->p = p;
        return v;
    }
    u->bad = true;
    return 0;
}

double unpack_double(struct unpack *u)
{
    uint64_t bits = unpack_u64(u);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

const void *unpack_bytes(struct unpack *u, size_t max, size_t *len)
{
    size_t n = (size_t)unpack_uint_max(u, max);
    const void *p = next(u, n);
    *len = p ? n : 0;
    return p ? p : "";
}

void unpack_str(struct unpack *u, char *text, size_t size)
{
    size_t len;
    const void *p = unpack_bytes(u, size - 1, &len);
    if (len > 0 && memchr(p, '\0', len)) {
        u->bad = true;
        len = 0;
    }
    memcpy(text, p, len);
    text[len] = '\0';
}

bool unpack_done(const struct unpack *u)
{
    return !u->bad && u->p == u->end;
}
