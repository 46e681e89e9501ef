/* A set of task indices, compressed: a run of a billion costs about a MiB.
 *
 * The one place that knows CRoaring. What it adds: the count is kept, and the
 * set compresses itself again as it changes. CRoaring does not report when it
 * finds no memory for a change (a few KiB at most); creation does.
 */
#ifndef MPIBATCH_SCHED_INDICES_H
#define MPIBATCH_SCHED_INDICES_H

#include <stdbool.h>
#include <stdint.h>

struct roaring_bitmap_s;

struct indices {
    struct roaring_bitmap_s *bits;
    uint64_t count;
    uint32_t changes; /* since it was last compressed */
};

/* The set 0..count-1 (count 0: empty). 0, or -1 (no memory). */
int indices_init(struct indices *s, uint32_t count);
/* Free what a set holds; a zeroed one is fine. */
void indices_fini(struct indices *s);

/* Add one, remove one. Is the set changed? */
bool indices_add(struct indices *s, uint32_t index);
bool indices_remove(struct indices *s, uint32_t index);
bool indices_contains(const struct indices *s, uint32_t index);

/* Add first..first+count-1, none of which is in it; count > 0. */
void indices_add_range(struct indices *s, uint32_t first, uint32_t count);

/* The least one, and how many follow it without a gap, itself included, up to
 * max. The set is not empty, max > 0. */
uint32_t indices_first(const struct indices *s);
uint32_t indices_run(const struct indices *s, uint32_t first, uint32_t max);

/* Remove first..first+count-1, all of which are in it; count > 0. */
void indices_remove_range(struct indices *s, uint32_t first, uint32_t count);

/* Forget all. */
void indices_clear(struct indices *s);

/* Call visit for each, ascending. The set must not change meanwhile. */
void indices_visit(const struct indices *s,
                   void (*visit)(void *arg, uint32_t index), void *arg);

#endif
