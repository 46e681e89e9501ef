/* A hash map of integers: see map.h. At most three quarters full; removal
 * moves followers back, so there are no tombstones. */
#include "config.h"
#include "base/map.h"

#include "base/mem.h"

static size_t slot_of(const struct map *m, uint64_t key)
{
    /* twice, so that keys that differ in their high bits only spread too */
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 32 | h << 32) & (m->cap - 1);
}

/* Where key is, or the free entry where it would go. cap > count. */
static size_t find(const struct map *m, uint64_t key)
{
    size_t i = slot_of(m, key);
    while (m->entries[i].used && m->entries[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    mem_free(m->entries);
    map_init(m);
}

static int grow(struct map *m)
{
    struct map bigger = {.cap = m->cap ? m->cap * 2 : 16, .count = m->count};
    bigger.entries = mem_calloc(bigger.cap, sizeof(bigger.entries[0]));
    if (!bigger.entries)
        return -1;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].used)
            bigger.entries[find(&bigger, m->entries[i].key)] = m->entries[i];
    mem_free(m->entries);
    *m = bigger;
    return 0;
}

int map_set(struct map *m, uint64_t key, uint64_t value)
{
    struct map_entry *e = m->cap ? &m->entries[find(m, key)] : NULL;
    if (!e || !e->used) {
        if ((m->count + 1) * 4 > m->cap * 3 && grow(m) < 0)
            return -1;
        e = &m->entries[find(m, key)];
        m->count++;
    }
    *e = (struct map_entry){.key = key, .value = value, .used = true};
    return 0;
}

bool map_get(const struct map *m, uint64_t key, uint64_t *value)
{
    if (m->count == 0)
        return false;
    const struct map_entry *e = &m->entries[find(m, key)];
    if (e->used && value)
        *value = e->value;
    return e->used;
}

bool map_remove(struct map *m, uint64_t key)
{
    if (m->count == 0)
        return false;
    size_t hole = find(m, key), mask = m->cap - 1;
    if (!m->entries[hole].used)
        return false;
    for (size_t i = (hole + 1) & mask; m->entries[i].used; i = (i + 1) & mask) {
        size_t home = slot_of(m, m->entries[i].key);
        /* may the entry at i move back to the hole? not if its home lies
         * behind the hole */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->entries[hole] = m->entries[i];
            hole = i;
        }
    }
    m->entries[hole].used = false;
    m->count--;
    return true;
}

bool map_next(const struct map *m, size_t *at, uint64_t *key, uint64_t *value)
{
    for (; *at < m->cap; (*at)++) {
        if (!m->entries[*at].used)
            continue;
        *key = m->entries[*at].key;
        *value = m->entries[*at].value;
        (*at)++;
        return true;
    }
    return false;
}
