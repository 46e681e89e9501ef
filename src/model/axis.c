/* Axes: see axis.h. */
#include "config.h"
#include "model/axis.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "model/combine.h"

bool axis_is_drawn(enum axis_kind kind)
{
    return kind == AXIS_RANDOM || kind == AXIS_LHS || kind == AXIS_SOBOL ||
           kind == AXIS_HALTON;
}

static bool is_combined(const struct taskset_axis *a)
{
    return a->kind == AXIS_COMBINATIONS || a->kind == AXIS_PERMUTATIONS;
}

/* ---- Building ---- */

static int plain_init(struct source *sources, const struct axis *given,
                      struct amount *count, struct taskset_fault *fault,
                      struct err *err)
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
            return err_set(err, EINVAL, "%s value%s where the others have %s",
                           amount_format(own, one), own.exact == 1 ? "" : "s",
                           amount_format(*count, other));
        *count = own;
    }
    return 0;
}

static int combined_init(struct source *items, const struct axis *given,
                         struct amount *count, struct taskset_fault *fault,
                         struct err *err)
{
    bool ordered = given->kind == AXIS_PERMUTATIONS;
    struct amount n;
    fault->column = 0;
    fault->what = FAULT_COLUMN;
    if (source_init(items, &given->columns[0], &n, err) < 0)
        return -1;
    assert(n.exact <= TASKSET_MAX_COUNT && n.exact >= given->column_count);
    *count = combine_count(items->count, given->column_count, ordered);
    return 0;
}

static int drawn_init(struct draw *draws, const struct axis *given,
                      struct amount *count, struct taskset_fault *fault,
                      struct err *err)
{
    *count = amount_of(given->count);
    fault->what = FAULT_COLUMN;
    for (uint32_t c = 0; c < given->column_count; c++) {
        fault->column = c;
        if (draw_init(&draws[c], given, c, err) < 0)
            return -1;
    }
    return 0;
}

int axis_init(struct taskset_axis *a, struct arena *arena,
              const struct axis *given, struct amount *count,
              struct taskset_fault *fault, struct err *err)
{
    bool drawn = axis_is_drawn(given->kind);
    struct source *sources = NULL;
    struct draw *draws = NULL;
    int rc;
    *a = (struct taskset_axis){.kind = given->kind,
                               .column_count = given->column_count,
                               .params = given->params};
    uint32_t n = is_combined(a) ? 1 : given->column_count;
    assert(given->column_count <= TASKSET_MAX_PARAMS);
    assert(given->column_count > 0 || !(drawn || is_combined(a)));
    if (drawn)
        draws = arena_calloc(arena, n, sizeof(*draws));
    else
        sources = arena_calloc(arena, n, sizeof(*sources));
    if (!sources && !draws)
        return err_set(err, ENOMEM, "no memory for an axis");
    fault->what = FAULT_AXIS;
    if (drawn)
        rc = drawn_init(draws, given, count, fault, err);
    else if (is_combined(a))
        rc = combined_init(sources, given, count, fault, err);
    else
        rc = plain_init(sources, given, count, fault, err);
    if (rc < 0)
        return -1;
    fault->what = FAULT_AXIS;
    assert(count->exact > 0);
    a->count = (uint32_t)count->exact;
    a->sources = sources;
    a->draws = draws;
    return 0;
}

/* ---- Values ---- */

int axis_value(const struct taskset_axis *a, uint32_t position, uint32_t column,
               struct buf *room, struct value *v, struct err *err)
{
    if (a->kind == AXIS_PLAIN || a->kind == AXIS_POINTS)
        return source_value(&a->sources[column], position, room, v, err);
    if (a->draws)
        return draw_value(&a->draws[column], position, room, v, err);
    uint32_t item =
        combine_item(a->sources->count, a->column_count,
                     a->kind == AXIS_PERMUTATIONS, position, column);
    return source_value(a->sources, item, room, v, err);
}

int axis_survey(const struct taskset_axis *a, uint32_t column,
                enum value_type *type, uint32_t *longest, struct err *err)
{
    if (!a->draws)
        return source_survey(&a->sources[is_combined(a) ? 0 : column], type,
                             longest, err);
    draw_survey(&a->draws[column], type, longest);
    return 0;
}

/* ---- Finding ---- */

/* Look at the positions one by one. */
static int column_scan(const struct taskset_axis *a, uint32_t column,
                       const struct value *v, uint32_t from, bool *found,
                       uint32_t *first, uint32_t *last, struct err *err)
{
    struct buf room;
    struct value own;
    bool text = v->type == VALUE_STRING, matches;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    *found = false;
    for (; from < a->count; from++) {
        /* numbers are compared without their texts */
        rc = axis_value(a, from, column, text || !a->draws ? &room : NULL, &own,
                        err);
        if (rc < 0)
            break;
        matches = value_equal(&own, v);
        if (*found && !matches)
            break;
        if (matches && !*found)
            *first = from;
        *found = matches;
    }
    if (*found)
        *last = from - 1;
    buf_fini(&room);
    return rc;
}

int axis_find_column(const struct taskset_axis *a, uint32_t column,
                     const struct value *v, uint32_t from, bool *found,
                     uint32_t *first, uint32_t *last, struct err *err)
{
    if (is_combined(a) || a->draws)
        return column_scan(a, column, v, from, found, first, last, err);
    return source_find(&a->sources[column], v, from, found, first, last, err);
}

bool axis_is_searched(const struct taskset_axis *a, uint32_t column)
{
    if (is_combined(a) || a->draws)
        return true;
    return a->sources[column].kind == COLUMN_VALUES ||
           a->sources[column].kind == COLUMN_TABLE;
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

static bool is_among(const uint32_t *items, uint32_t count, uint32_t item)
{
    for (uint32_t k = 0; k < count; k++)
        if (items[k] == item)
            return true;
    return false;
}

/* The first combination or permutation with these values takes, for one value
 * after the other, the first item of that value that it may. */
static int combined_find(const struct taskset_axis *a,
                         const struct value *values, bool *found,
                         uint32_t *position, struct err *err)
{
    bool ordered = a->kind == AXIS_PERMUTATIONS;
    uint32_t items[TASKSET_MAX_PARAMS], item = 0, last;
    for (uint32_t c = 0; c < a->column_count; c++) {
        uint32_t from = ordered || c == 0 ? 0 : item + 1;
        do {
            if (source_find(a->sources, &values[a->params[c]], from, found,
                            &item, &last, err) < 0)
                return -1;
            if (!*found)
                return 0;
            from = item + 1;
        } while (is_among(items, c, item));
        items[c] = item;
    }
    *position =
        combine_position(a->sources->count, a->column_count, ordered, items);
    return 0;
}

int axis_find(const struct taskset_axis *a, const struct value *values,
              bool *found, uint32_t *position, struct err *err)
{
    uint32_t from = 0, last;
    if (a->column_count == 0) {
        *found = true;
        *position = 0;
        return 0;
    }
    if (is_combined(a))
        return combined_find(a, values, found, position, err);
    for (;; from = *position + 1) {
        if (axis_find_column(a, 0, &values[a->params[0]], from, found, position,
                             &last, err) < 0)
            return -1;
        if (!*found || a->column_count == 1)
            return 0;
        if (axis_matches(a, values, *position, found, err) < 0)
            return -1;
        if (*found)
            return 0;
    }
}
