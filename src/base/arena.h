/* An arena: many small objects with one life, freed together.
 *
 * Job specs and the like are built once and never changed; their parts come
 * from an arena, so that nobody has to know how to free them one by one.
 */
#ifndef MPIBATCH_BASE_ARENA_H
#define MPIBATCH_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* Create an arena that hands out at most max_bytes. NULL: no memory. */
struct arena *arena_create(size_t max_bytes);

/* Free the arena and all that came from it; NULL is fine. */
void arena_destroy(struct arena *a);

/* count zeroed elements of size bytes, aligned for any type; they live as
 * long as the arena. NULL (errno ENOMEM): no memory, or over max_bytes. */
void *arena_calloc(struct arena *a, size_t count, size_t size);

/* Copies of a string, and of its first len bytes with a NUL behind them. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);

/* Bytes handed out so far. */
size_t arena_used_bytes(const struct arena *a);

#endif
