/* Arrays and metrics: see dims.h. */
#include "config.h"
#include "metrics/dims.h"

#include <inttypes.h>

static bool same_shape(const struct metric *m, const uint64_t *dims,
                       uint32_t rank)
{
    bool same = m->rank == rank;
    for (uint32_t i = 0; same && i < rank; i++)
        same = m->shape[i] == dims[i];
    return same;
}

bool dims_fit(struct gather *g, const uint64_t *dims, uint32_t rank,
              uint64_t *count)
{
    const struct metric *m = g->metric;
    char have[96], want[96];
    *count = 1;
    shape_show(have, '(', ')', dims, rank);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] > 0 && *count > DIMS_MAX_ELEMENTS / dims[i]) {
            gather_malformed(g,
                             "an array of shape %s; at most %d values are "
                             "read",
                             have, DIMS_MAX_ELEMENTS);
            return false;
        }
        *count *= dims[i];
    }
    if (m->rank > 0 && !same_shape(m, dims, rank)) {
        metric_shape_show(want, m);
        gather_malformed(g, "an array of shape %s, not %s", have, want);
        return false;
    }
    if (m->rank == 0 && m->select == METRIC_ALL && *count != 1) {
        gather_malformed(g,
                         "an array of shape %s, not one value: give it a "
                         "`shape` or `select`",
                         have);
        return false;
    }
    return true;
}

bool dims_next(struct gather *g, uint64_t i)
{
    const struct metric *m = g->metric;
    bool each = m->rank == 0 && m->select != METRIC_ALL;
    if (g->bad && m->select != METRIC_LAST)
        return false;
    return !each || i == 0 || gather_begin(g);
}
