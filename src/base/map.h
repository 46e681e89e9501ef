/* A hash map from uint64_t keys to uint64_t values. Open addressing, linear
 * probing; deterministic: the same calls give the same order. */
#ifndef MPIBATCH_BASE_MAP_H
#define MPIBATCH_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    uint64_t key, value;
    bool used;
};

struct map {
    struct map_entry *entries;
    size_t count, cap; /* cap: 0 or a power of two */
};

/* An empty map; nothing is allocated yet. map_fini frees it. */
void map_init(struct map *m);
void map_fini(struct map *m);

/* Set key to value. 0, or -1 (no memory; the map is as it was). */
int map_set(struct map *m, uint64_t key, uint64_t value);

/* Get key's value into *value (may be NULL). Is it there? */
bool map_get(const struct map *m, uint64_t key, uint64_t *value);

/* Remove key. Was it there? */
bool map_remove(struct map *m, uint64_t key);

/* Walk: *at starts at 0; false at the end. The map must not change. */
bool map_next(const struct map *m, size_t *at, uint64_t *key, uint64_t *value);

#endif
