/* An arena: see arena.h. Blocks double in size up to 1 MiB; a large object
 * gets a block of its own. */
#include "config.h"
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_FIRST_BYTES = 4096, BLOCK_MAX_BYTES = 1 << 20 };

/* No object is larger, so that sums of a size and a header do not overflow. */
#define OBJECT_MAX ((size_t)PTRDIFF_MAX - 4096)

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

struct arena {
    struct block *blocks; /* the first one is being filled */
    size_t next_bytes;
    size_t used_bytes, max_bytes;
};

struct arena *arena_create(size_t max_bytes)
{
    struct arena *a = mem_calloc(1, sizeof(*a));
    if (a) {
        a->next_bytes = BLOCK_FIRST_BYTES;
        a->max_bytes = max_bytes;
    }
    return a;
}

void arena_destroy(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    mem_free(a);
}

/* A new block with room for bytes, in front of the others. */
static struct block *block_add(struct arena *a, size_t bytes)
{
    size_t size = bytes > a->next_bytes ? bytes : a->next_bytes;
    struct block *b = mem_alloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    b->used = 0;
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    if (a->next_bytes < BLOCK_MAX_BYTES)
        a->next_bytes *= 2;
    return b;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > OBJECT_MAX ||
        bytes > a->max_bytes - a->used_bytes) {
        errno = ENOMEM;
        return NULL;
    }
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = a->blocks;
    if (!b || b->size - b->used < bytes)
        b = block_add(a, bytes);
    if (!b)
        return NULL;
    void *p = b->data + b->used;
    b->used += bytes;
    a->used_bytes += bytes < a->max_bytes - a->used_bytes
                         ? bytes
                         : a->max_bytes - a->used_bytes;
    return memset(p, 0, bytes);
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_calloc(a, len + 1, 1);
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

size_t arena_used_bytes(const struct arena *a)
{
    return a->used_bytes;
}
