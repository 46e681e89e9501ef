/* Nodes and runs in the making: see filter_parts.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "model/filter_parts.h"

/* ---- What is too much ---- */

int no_filter_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory for the filter of a sweep");
}

int tries_add(struct filter_builder *b, uint64_t n)
{
    b->tries += n;
    if (b->tries <= FILTER_MAX_TRIES)
        return 0;
    return err_set(b->err, E2BIG,
                   "more than %" PRIu64
                   " combinations of values would have to be tried; use fewer "
                   "values of the parameters that it names",
                   FILTER_MAX_TRIES);
}

int too_ragged(struct filter_builder *b)
{
    const struct sweep *s = b->plan->sweep;
    b->fault->what = s->when_count > 0 ? FAULT_WHEN : FAULT_EXCLUDE;
    b->fault->at = 0;
    if (s->axis_count == 1) /* drawn, read or listed: one by one */
        return err_set(b->err, E2BIG,
                       "of so many points this leaves too many pieces; some "
                       "millions of points can be filtered, or let the "
                       "command itself skip what is not wanted");
    return err_set(b->err, E2BIG,
                   "what this leaves of the sweep is too ragged to be counted; "
                   "put the parameters that belong together next to each "
                   "other, or give the points as a list");
}

/* ---- Words ---- */

int words_reserve(struct filter_builder *b, struct words *w, size_t n)
{
    if (w->cap - w->len >= n)
        return 0;
    size_t cap = w->cap ? 2 * w->cap : 256;
    uint32_t *more = mem_resize(w->data, cap, sizeof(*more));
    if (!more)
        return no_filter_memory(b->err);
    w->data = more;
    w->cap = cap;
    return 0;
}

int words_push(struct filter_builder *b, struct words *w, uint32_t v)
{
    if (w->len > (size_t)FILTER_MAX_SIZE * FILTER_RECORD)
        return too_ragged(b);
    if (words_reserve(b, w, 1) < 0)
        return -1;
    w->data[w->len++] = v;
    return 0;
}

int words_push_record(struct filter_builder *b, struct words *w, uint32_t v0,
                      uint32_t v1, uint32_t v2, uint32_t v3)
{
    if (w->len > (size_t)FILTER_MAX_SIZE * FILTER_RECORD)
        return too_ragged(b);
    if (words_reserve(b, w, FILTER_RECORD) < 0)
        return -1;
    uint32_t *to = w->data + w->len;
    to[0] = v0;
    to[1] = v1;
    to[2] = v2;
    to[3] = v3;
    w->len += FILTER_RECORD;
    return 0;
}

uint64_t words_hash(const uint32_t *words, size_t n)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ n;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return h;
}

/* ---- Diagrams ---- */

int run_push(struct filter_builder *b, size_t from, uint32_t first,
             uint32_t last, uint32_t node)
{
    struct words *w = &b->pending;
    if (node == (uint32_t)FILTER_DEAD)
        return 0;
    if (w->len > from) {
        uint32_t *r = w->data + w->len - FILTER_RECORD;
        if (r[RUN_NODE] == node && r[RUN_LAST] + 1 == first) {
            r[RUN_LAST] = last;
            return 0;
        }
    }
    return words_push_record(b, w, first, last, 0, node);
}

/* Is there a node with the same axis and runs? */
static bool node_find(const struct diagram *d, uint64_t hash, uint32_t axis,
                      const uint32_t *runs, uint32_t run_count, uint32_t *node)
{
    uint64_t at;
    if (!map_get(&d->node_of, hash, &at))
        return false;
    for (*node = (uint32_t)at; *node != UINT32_MAX;) {
        const uint32_t *n = d->nodes.data + (size_t)*node * FILTER_RECORD;
        if (n[NODE_AXIS] == axis && n[NODE_RUN_COUNT] == run_count &&
            memcmp(d->runs.data + (size_t)n[NODE_RUNS] * FILTER_RECORD, runs,
                   (size_t)run_count * FILTER_RECORD * sizeof(*runs)) == 0)
            return true;
        *node = n[NODE_NEXT];
    }
    return false;
}

int diagram_add(struct filter_builder *b, struct diagram *d, uint32_t axis,
                size_t from, uint32_t *node, bool *fresh)
{
    const uint32_t *runs = b->pending.data + from;
    uint32_t n = (uint32_t)((b->pending.len - from) / FILTER_RECORD);
    uint64_t hash = words_hash(runs, (size_t)n * FILTER_RECORD) ^ axis, next;
    b->pending.len = from;
    *fresh = !node_find(d, hash, axis, runs, n, node);
    if (!*fresh)
        return 0;
    *node = (uint32_t)(d->nodes.len / FILTER_RECORD);
    if (!map_get(&d->node_of, hash, &next))
        next = UINT32_MAX;
    if (words_push_record(b, &d->nodes, axis,
                          (uint32_t)(d->runs.len / FILTER_RECORD), n,
                          (uint32_t)next) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t *r = runs + (size_t)i * FILTER_RECORD;
        if (words_push_record(b, &d->runs, r[0], r[1], r[2], r[3]) < 0)
            return -1;
    }
    return map_set(&d->node_of, hash, *node) == 0 ? 0
                                                  : no_filter_memory(b->err);
}

void diagram_fini(struct diagram *d)
{
    mem_free(d->nodes.data);
    mem_free(d->runs.data);
    map_fini(&d->node_of);
}
