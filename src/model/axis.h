/* Axes ready to use: the value of a column at a position, and the positions of
 * values. */
#ifndef MPIBATCH_MODEL_AXIS_H
#define MPIBATCH_MODEL_AXIS_H

#include "model/draw.h"
#include "model/source.h"

struct taskset_axis {
    enum axis_kind kind;
    uint32_t count;
    uint32_t stride; /* points of the axes behind it; if there is no filter */
    uint32_t column_count;
    const uint32_t *params;
    const struct source *sources; /* one a column; of combinations and
                                     permutations one, the items */
    const struct draw *draws;     /* one a column, of drawn designs */
};

/* Where the values of a parameter are in a sweep. */
struct taskset_place {
    uint8_t axis, column;
};

/* Make the axis of a description. *count: its positions, which may be more than
 * TASKSET_MAX_COUNT: it cannot be used then. -1 with err EINVAL, ERANGE or
 * ENOMEM; *fault's `what` and `column` say where. */
int axis_init(struct taskset_axis *a, struct arena *arena,
              const struct axis *given, struct amount *count,
              struct taskset_fault *fault, struct err *err);

/* Are its values drawn? */
bool axis_is_drawn(enum axis_kind kind);

/* The value of a column at a position. As taskset_value. */
int axis_value(const struct taskset_axis *a, uint32_t position, uint32_t column,
               struct buf *room, struct value *v, struct err *err);

/* Find the next positions where a column has a value: as source_find. */
int axis_find_column(const struct taskset_axis *a, uint32_t column,
                     const struct value *v, uint32_t from, bool *found,
                     uint32_t *first, uint32_t *last, struct err *err);

/* Does finding a value in a column take longer the more positions there are? */
bool axis_is_searched(const struct taskset_axis *a, uint32_t column);

/* Find the first position where each column has the value that its parameter
 * has in values (one a parameter of the set). 0 with *found, or -1 with err
 * ENOMEM. */
int axis_find(const struct taskset_axis *a, const struct value *values,
              bool *found, uint32_t *position, struct err *err);

/* The type and the longest text of a column: as value_survey. */
int axis_survey(const struct taskset_axis *a, uint32_t column,
                enum value_type *type, uint32_t *longest, struct err *err);

#endif
