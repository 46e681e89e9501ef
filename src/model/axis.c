/* Axes: see axis.h. */
#include "config.h"
#include "model/axis.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int plain_init(struct taskset_axis *a, struct source *sources,
                      const struct axis *given, struct amount *count,
                      struct taskset_fault *fault, struct err *err)
{
    *count = amount_of(given->count);
    for (uint32_t c = 0; c < given->column_count; c++) {
        struct amount own;
        char one[48], other[48];
        fault->what = FAULT_COLUMN;
        fault->column = c;
        if (source_init(&sources[c], &given->columns[c], &own, err) < 0)
            return -1;
        if (c > 0 && (own.exact != count->exact || own.about != count->about))
            return err_set(err, EINVAL, "%s values where the others have %s",
                           amount_format(own, one),
                           amount_format(*count, other));
        *count = own;
    }
    fault->what = FAULT_AXIS;
    if (count->exact == 0)
        return err_set(err, EINVAL, "there are no values");
    a->count = (uint32_t)count->exact;
    return 0;
}

int axis_init(struct taskset_axis *a, struct arena *arena,
              const struct axis *given, struct amount *count,
              struct taskset_fault *fault, struct err *err)
{
    struct source *sources =
        arena_calloc(arena, given->column_count, sizeof(*sources));
    if (!sources)
        return err_set(err, ENOMEM, "no memory for an axis");
    *a = (struct taskset_axis){.kind = given->kind,
                               .column_count = given->column_count,
                               .params = given->params,
                               .sources = sources};
    return plain_init(a, sources, given, count, fault, err);
}

int axis_value(const struct taskset_axis *a, uint32_t position, uint32_t column,
               struct buf *room, struct value *v, struct err *err)
{
    return source_value(&a->sources[column], position, room, v, err);
}

/* Has each column its value at the position? */
static int axis_matches(const struct taskset_axis *a,
                        const struct value *values, uint32_t position,
                        bool *matches, struct err *err)
{
    struct buf room;
    struct value v;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    *matches = true;
    for (uint32_t c = 0; rc == 0 && *matches && c < a->column_count; c++) {
        rc = axis_value(a, position, c, &room, &v, err);
        if (rc == 0)
            *matches = value_equal(&v, &values[a->params[c]]);
    }
    buf_fini(&room);
    return rc;
}

int axis_find(const struct taskset_axis *a, const struct value *values,
              bool *found, uint32_t *position, struct err *err)
{
    uint32_t from = 0, last;
    *found = true;
    *position = 0;
    if (a->column_count == 0)
        return 0;
    for (;; from = *position + 1) {
        if (source_find(&a->sources[0], &values[a->params[0]], from, found,
                        position, &last, err) < 0)
            return -1;
        if (!*found || a->column_count == 1)
            return 0;
        if (axis_matches(a, values, *position, found, err) < 0)
            return -1;
        if (*found)
            return 0;
    }
}

int axis_survey(const struct taskset_axis *a, uint32_t column,
                enum value_type *type, uint32_t *longest, struct err *err)
{
    return source_survey(&a->sources[column], type, longest, err);
}
