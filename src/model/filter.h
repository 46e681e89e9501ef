/* Filters: which points of a product are left by excludes and conditions, as
 * an index space of its own.
 *
 * A filter is a reduced decision diagram over the axes, in their order. A node
 * stands for all first positions after which the same is allowed; its runs are
 * ranges of positions on its axis behind which the same node follows. With the
 * numbers of points below each run, an index finds its positions, and positions
 * their index, in one search an axis. The size depends on how the excludes and
 * conditions cut through the product, not on its number of points.
 */
#ifndef MPIBATCH_MODEL_FILTER_H
#define MPIBATCH_MODEL_FILTER_H

#include "model/axis.h"
#include "model/expr.h"

/* What building one may take: runs and states, tries of conditions and of
 * values. */
#define FILTER_MAX_SIZE  (UINT32_C(1) << 20)
#define FILTER_MAX_TRIES (UINT64_C(1) << 25)

struct filter_run {
    uint32_t first, last; /* positions */
    uint32_t before;      /* points of the node before this run */
    uint32_t node;        /* what follows */
};

struct filter_node {
    uint32_t first_run, run_count;
    uint32_t count; /* points */
};

struct filter {
    const struct filter_node *nodes;
    const struct filter_run *runs;
    uint32_t axis_count, root;
};

/* What is given to filter_build. */
struct filter_plan {
    const struct taskset_axis *axes;
    uint32_t axis_count;
    const struct param *params;         /* of the set, for messages */
    const struct taskset_place *places; /* of the parameters */
    const struct sweep *sweep;          /* its excludes and conditions */
};

/* Build a filter in arena. *count: the points that are left; it may be too
 * large for the filter to be used, or zero: then there is none. -1 with err:
 * EINVAL (an exclude that matches no point, a condition that cannot be
 * evaluated), E2BIG (over the bounds above), ENOMEM; *fault says where. */
int filter_build(const struct filter **filter, struct arena *arena,
                 const struct filter_plan *plan, struct amount *count,
                 struct taskset_fault *fault, struct err *err);

/* The positions of point `index`, which is below the count. */
void filter_positions(const struct filter *f, uint32_t index,
                      uint32_t *positions);

/* Its position on one axis. */
uint32_t filter_position(const struct filter *f, uint32_t index, uint32_t axis);

/* The index of the point at these positions, or false: it is not left. */
bool filter_index(const struct filter *f, const uint32_t *positions,
                  uint32_t *index);

/* A point that is left near these positions: on each axis, in their order, the
 * next position (from the begin again behind the end) that leads to one. */
uint32_t filter_near(const struct filter *f, const uint32_t *positions);

#endif
