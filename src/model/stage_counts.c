/* Counts of staging: see stage_counts.h. Owns their names and their order,
 * which is that of the struct. */
#include "config.h"
#include "model/stage_counts.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} counts[STAGE_COUNTS] = {
#define COUNT(name)                                                            \
    {                                                                          \
#name, offsetof(struct stage_counts, name)                             \
    }
    COUNT(shared_opens),   COUNT(shared_bytes_read),
    COUNT(shared_placed),  COUNT(shared_bytes_written),
    COUNT(uploads),        COUNT(mpi_bytes),
    COUNT(cache_hits),     COUNT(cache_misses),
    COUNT(evictions),      COUNT(links),
    COUNT(reflinks),       COUNT(copies),
    COUNT(copied_bytes),   COUNT(returned_files),
    COUNT(returned_bytes), COUNT(http_requests),
    COUNT(unpacked),
#undef COUNT
};

uint64_t stage_count_get(const struct stage_counts *c, int i)
{
    uint64_t value;
    memcpy(&value, (const char *)c + counts[i].offset, sizeof(value));
    return value;
}

void stage_count_set(struct stage_counts *c, int i, uint64_t value)
{
    memcpy((char *)c + counts[i].offset, &value, sizeof(value));
}

const char *stage_count_name(int i)
{
    return counts[i].name;
}

void stage_counts_add(struct stage_counts *sum, const struct stage_counts *c)
{
    for (int i = 0; i < STAGE_COUNTS; i++)
        stage_count_set(sum, i,
                        stage_count_get(sum, i) + stage_count_get(c, i));
}

bool stage_counts_any(const struct stage_counts *c)
{
    for (int i = 0; i < STAGE_COUNTS; i++)
        if (stage_count_get(c, i) > 0)
            return true;
    return false;
}

bool stage_counts_same(const struct stage_counts *a,
                       const struct stage_counts *b)
{
    return memcmp(a, b, sizeof(*a)) == 0; /* it has no gaps */
}

int stage_counts_put(struct buf *b, const struct stage_counts *c)
{
    size_t before = b->len;
    for (int i = 0; i < STAGE_COUNTS; i++)
        if (pack_put_uint(b, stage_count_get(c, i)) < 0)
            return pack_undo(b, before);
    return 0;
}

void stage_counts_read(struct unpack *u, struct stage_counts *c)
{
    for (int i = 0; i < STAGE_COUNTS; i++)
        stage_count_set(c, i, unpack_uint(u));
}
