/* Sources: columns ready to use. A source gives the value at a position, and
 * finds the positions of a value. The items of combinations and the values of
 * plain axes come from here; drawn ones from draw.h. */
#ifndef MPIBATCH_MODEL_SOURCE_H
#define MPIBATCH_MODEL_SOURCE_H

#include "model/amount.h"
#include "model/decimal.h"
#include "model/exact.h"
#include "model/taskset.h"

struct source {
    enum column_kind kind;
    uint32_t count;
    union {
        const struct value *values;
        struct decimal_range range;
        struct {
            double from, to, step;
        } lin;
        struct {
            double from, to;
            struct pair log, width; /* of the magnitudes */
        } log;
        struct {
            const struct table *table;
            uint32_t column;
        } cells;
    } u;
};

/* Make the source of a column that is not DRAWN. *count: its values, which may
 * be more than TASKSET_MAX_COUNT: it cannot be used then. -1 with err EINVAL
 * or ERANGE. */
int source_init(struct source *s, const struct column *c, struct amount *count,
                struct err *err);

/* The value at a position. As taskset_value. */
int source_value(const struct source *s, uint32_t position, struct buf *room,
                 struct value *v, struct err *err);

/* Find the next positions of a value: *first is the first one from `from` on,
 * *last the last one in a row from there. 0 with *found, or -1 with err. */
int source_find(const struct source *s, const struct value *v, uint32_t from,
                bool *found, uint32_t *first, uint32_t *last, struct err *err);

/* The type and the longest text of its values: as value_survey. */
int source_survey(const struct source *s, enum value_type *type,
                  uint32_t *longest, struct err *err);

#endif
