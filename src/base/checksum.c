/* XXH3-128: see checksum.h. The one file with xxhash.h. */
#include "config.h"
#include "base/checksum.h"

#include <errno.h>
#include <string.h>

#include <xxhash.h>

#include "base/mem.h"

_Static_assert(sizeof(XXH128_canonical_t) == CHECKSUM_BYTES, "128 bits");

struct checksum {
    XXH3_state_t *state; /* aligned as the library wants it: its own memory */
};

struct checksum *checksum_create(struct err *err)
{
    struct checksum *c = mem_calloc(1, sizeof(*c));
    if (c)
        c->state = XXH3_createState();
    if (!c || !c->state) {
        mem_free(c);
        err_set(err, ENOMEM, "no memory for a checksum");
        return NULL;
    }
    checksum_reset(c);
    return c;
}

void checksum_destroy(struct checksum *c)
{
    if (!c)
        return;
    XXH3_freeState(c->state);
    mem_free(c);
}

void checksum_reset(struct checksum *c)
{
    XXH3_128bits_reset(c->state);
}

void checksum_update(struct checksum *c, const void *data, size_t len)
{
    XXH3_128bits_update(c->state, data, len);
}

static void put(XXH128_hash_t hash, unsigned char bytes[CHECKSUM_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(bytes, canonical.digest, CHECKSUM_BYTES);
}

void checksum_get(const struct checksum *c, unsigned char bytes[CHECKSUM_BYTES])
{
    put(XXH3_128bits_digest(c->state), bytes);
}

void checksum_of(const void *data, size_t len,
                 unsigned char bytes[CHECKSUM_BYTES])
{
    put(XXH3_128bits(data, len), bytes);
}

void checksum_format(const unsigned char bytes[CHECKSUM_BYTES],
                     char text[CHECKSUM_TEXT_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < CHECKSUM_BYTES; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    text[2 * CHECKSUM_BYTES] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int checksum_parse(const char *text, unsigned char bytes[CHECKSUM_BYTES])
{
    unsigned char got[CHECKSUM_BYTES];
    for (int i = 0; i < CHECKSUM_BYTES; i++) {
        int high = digit(text[2 * i]);
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return -1;
        got[i] = (unsigned char)(high << 4 | low);
    }
    if (text[2 * CHECKSUM_BYTES])
        return -1;
    memcpy(bytes, got, CHECKSUM_BYTES);
    return 0;
}
