/* Sources: see source.h. */
#include "config.h"
#include "model/source.h"

#include <errno.h>
#include <math.h>

#include "model/table.h"

int source_init(struct source *s, const struct column *c, struct amount *count,
                struct err *err)
{
    *s = (struct source){.kind = c->kind};
    switch (c->kind) {
    case COLUMN_VALUES:
        s->u.values = c->values;
        *count = amount_of(c->value_count);
        break;
    case COLUMN_RANGE:
        if (decimal_range_init(&s->u.range, &c->from, &c->to, &c->step, count,
                               err) < 0)
            return -1;
        break;
    case COLUMN_TABLE:
        s->u.cells.table = c->table;
        s->u.cells.column = c->table_column;
        *count = amount_of(table_rows(c->table));
        break;
    default:
        return err_set(err, EINVAL, "this cannot be here");
    }
    if (count->exact == 0)
        return err_set(err, EINVAL, "there are no values");
    s->count = (uint32_t)count->exact;
    return 0;
}

/* A cell of a table; without a room its text goes nowhere. */
static int cell_value(const struct source *s, uint32_t row, struct buf *room,
                      struct value *v, struct err *err)
{
    struct buf own;
    if (room)
        return table_value(s->u.cells.table, row, s->u.cells.column, room, v,
                           err);
    buf_init(&own, VALUE_MAX_BYTES);
    int rc =
        table_value(s->u.cells.table, row, s->u.cells.column, &own, v, err);
    v->text = NULL;
    buf_fini(&own);
    return rc;
}

int source_value(const struct source *s, uint32_t position, struct buf *room,
                 struct value *v, struct err *err)
{
    int rc = 0;
    if (s->kind == COLUMN_VALUES)
        *v = s->u.values[position];
    else if (s->kind == COLUMN_TABLE)
        return cell_value(s, position, room, v, err);
    else
        rc = decimal_range_value(&s->u.range, position, room, v);
    return rc == 0 ? 0 : err_sys(err, errno, "cannot make a value");
}

/* ---- Finding ---- */

/* Is the value at a position v? */
static int source_matches(const struct source *s, uint32_t position,
                          const struct value *v, struct buf *room,
                          bool *matches, struct err *err)
{
    struct value own;
    int rc = source_value(s, position, room, &own, err);
    *matches = rc == 0 && value_equal(&own, v);
    return rc;
}

/* The least position whose value may be v, by arithmetic: it is there or at
 * one of the next two, or nowhere. */
static uint32_t source_guess(const struct source *s, const struct value *v)
{
    struct value n = *v;
    double number, first = 0, last = 0;
    if (n.type == VALUE_STRING && n.text)
        value_resolve(&n, n.text);
    struct value a, b;
    if (!value_number(&n, &number) || isnan(number))
        return s->count;
    source_value(s, 0, NULL, &a, NULL);
    source_value(s, s->count - 1, NULL, &b, NULL);
    value_number(&a, &first);
    value_number(&b, &last);
    double at = s->count == 1 ? 0
                              : (number - first) / (last - first) *
                                    (double)(s->count - 1);
    if (!(at > -2 && at < (double)s->count + 1))
        return s->count;
    return at < 1 ? 0 : (uint32_t)(nearbyint(at) - 1);
}

/* Look from `from` on up to end. */
static int source_scan(const struct source *s, const struct value *v,
                       uint32_t from, uint32_t end, bool *found,
                       uint32_t *first, uint32_t *last, struct err *err)
{
    struct buf room;
    bool matches = false;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    *found = false;
    for (; rc == 0 && from < end; from++) {
        rc = source_matches(s, from, v, &room, &matches, err);
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

int source_find(const struct source *s, const struct value *v, uint32_t from,
                bool *found, uint32_t *first, uint32_t *last, struct err *err)
{
    uint32_t end = s->count;
    if (s->kind != COLUMN_VALUES && s->kind != COLUMN_TABLE) {
        uint32_t guess = source_guess(s, v);
        end = end - guess > 3 ? guess + 3 : end;
        from = from > guess ? from : guess;
    }
    return source_scan(s, v, from, end, found, first, last, err);
}

int source_survey(const struct source *s, enum value_type *type,
                  uint32_t *longest, struct err *err)
{
    struct buf room;
    struct value v;
    int rc = 0;
    if (s->kind == COLUMN_VALUES) {
        for (uint32_t i = 0; i < s->count; i++)
            value_survey(&s->u.values[i], type, longest);
        return 0;
    }
    if (s->kind == COLUMN_TABLE) {
        const struct table *t = s->u.cells.table;
        uint32_t own = table_column_longest(t, s->u.cells.column);
        *type = value_type_join(*type, table_column_type(t, s->u.cells.column));
        *longest = own > *longest ? own : *longest;
        return 0;
    }
    buf_init(&room, VALUE_MAX_BYTES);
    for (int end = 0; rc == 0 && end < 2; end++) { /* the longest is an end */
        rc = source_value(s, end ? s->count - 1 : 0, &room, &v, err);
        if (rc == 0)
            value_survey(&v, type, longest);
    }
    buf_fini(&room);
    return rc;
}
