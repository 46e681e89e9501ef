/* Filters: see filter.h; filter_build.c makes them. */
#include "config.h"
#include "model/filter.h"

/* The last run whose `before` is at most v. */
static const struct filter_run *run_of_index(const struct filter *f,
                                             const struct filter_node *n,
                                             uint32_t v)
{
    const struct filter_run *low = f->runs + n->first_run;
    uint32_t count = n->run_count;
    while (count > 1) {
        uint32_t half = count / 2;
        if (low[half].before <= v)
            low += half;
        count -= half;
    }
    return low;
}

/* The first run that ends at a position or behind it, or one behind the last.
 */
static const struct filter_run *run_of_position(const struct filter *f,
                                                const struct filter_node *n,
                                                uint32_t position)
{
    const struct filter_run *low = f->runs + n->first_run;
    uint32_t count = n->run_count;
    while (count > 0) {
        uint32_t half = count / 2;
        if (low[half].last < position) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

void filter_positions(const struct filter *f, uint32_t index,
                      uint32_t *positions)
{
    const struct filter_node *n = &f->nodes[f->root];
    for (uint32_t k = 0; k < f->axis_count; k++) {
        const struct filter_run *r = run_of_index(f, n, index);
        n = &f->nodes[r->node];
        index -= r->before;
        positions[k] = r->first + index / n->count;
        index %= n->count;
    }
}

uint32_t filter_position(const struct filter *f, uint32_t index, uint32_t axis)
{
    const struct filter_node *n = &f->nodes[f->root];
    for (;; axis--) {
        const struct filter_run *r = run_of_index(f, n, index);
        n = &f->nodes[r->node];
        index -= r->before;
        if (axis == 0)
            return r->first + index / n->count;
        index %= n->count;
    }
}

bool filter_index(const struct filter *f, const uint32_t *positions,
                  uint32_t *index)
{
    const struct filter_node *n = &f->nodes[f->root];
    *index = 0;
    for (uint32_t k = 0; k < f->axis_count; k++) {
        const struct filter_run *r = run_of_position(f, n, positions[k]);
        if (r == f->runs + n->first_run + n->run_count ||
            r->first > positions[k])
            return false;
        n = &f->nodes[r->node];
        *index += r->before + (positions[k] - r->first) * n->count;
    }
    return true;
}

uint32_t filter_near(const struct filter *f, const uint32_t *positions)
{
    const struct filter_node *n = &f->nodes[f->root];
    uint32_t index = 0;
    for (uint32_t k = 0; k < f->axis_count; k++) {
        const struct filter_run *first = f->runs + n->first_run;
        const struct filter_run *r = run_of_position(f, n, positions[k]);
        uint32_t at = positions[k];
        if (r == first + n->run_count) {
            r = first;
            at = first->first;
        }
        at = at < r->first ? r->first : at;
        n = &f->nodes[r->node];
        index += r->before + (at - r->first) * n->count;
    }
    return index;
}
