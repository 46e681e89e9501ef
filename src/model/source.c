/* Sources: see source.h. */
#include "config.h"
#include "model/source.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

#include "model/table.h"

/* ---- linspace, logspace ---- */

static int spaced_init(const struct column *c, double *from, double *to,
                       struct amount *count, struct err *err)
{
    bool numbers = value_number(&c->from, from) && value_number(&c->to, to);
    assert(numbers && isfinite(*from) && isfinite(*to));
    (void)numbers;
    if (!isfinite(*to - *from))
        return err_set(err, EINVAL,
                       "`from` and `to` are too far apart for floating-point "
                       "numbers");
    if (c->num == 1 && *from != *to)
        return err_set(err, EINVAL,
                       "`num` is 1, but `from` and `to` are two values");
    if (c->num > 1 && *from == *to)
        return err_set(err, EINVAL,
                       "`from` and `to` are the same, and so would be all "
                       "values");
    *count = amount_of(c->num);
    return 0;
}

static int linspace_init(struct source *s, const struct column *c,
                         struct amount *count, struct err *err)
{
    double from, to;
    if (spaced_init(c, &from, &to, count, err) < 0)
        return -1;
    s->u.lin.from = from;
    s->u.lin.to = to;
    s->u.lin.step = c->num > 1 ? (to - from) / (double)(c->num - 1) : 0;
    return 0;
}

static int logspace_init(struct source *s, const struct column *c,
                         struct amount *count, struct err *err)
{
    double from, to;
    if (spaced_init(c, &from, &to, count, err) < 0)
        return -1;
    assert((from > 0 && to > 0) || (from < 0 && to < 0));
    s->u.log.from = from;
    s->u.log.to = to;
    s->u.log.log = exact_log(fabs(from));
    s->u.log.width = pair_sub(exact_log(fabs(to)), s->u.log.log);
    return 0;
}

/* As NumPy does it, step by step. */
static double linspace_number(const struct source *s, uint32_t k)
{
    double from = s->u.lin.from, to = s->u.lin.to, last = (double)s->count - 1;
    if (k == s->count - 1)
        return to;
    if (s->u.lin.step == 0) /* underflow */
        return (double)k / last * (to - from) + from;
    return (double)k * s->u.lin.step + from;
}

static double logspace_number(const struct source *s, uint32_t k)
{
    double from = s->u.log.from;
    if (k == 0 || k == s->count - 1)
        return k == 0 ? from : s->u.log.to;
    struct pair part = pair_div(pair_of(k), (double)(s->count - 1));
    double v =
        exact_exp(pair_add(s->u.log.log, pair_mul(s->u.log.width, part))).hi;
    return from < 0 ? -v : v;
}

/* ---- All kinds ---- */

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
    case COLUMN_LINSPACE:
        if (linspace_init(s, c, count, err) < 0)
            return -1;
        break;
    case COLUMN_LOGSPACE:
        if (logspace_init(s, c, count, err) < 0)
            return -1;
        break;
    case COLUMN_DRAWN:
        break;
    }
    assert(c->kind != COLUMN_DRAWN && count->exact > 0);
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
    switch (s->kind) {
    case COLUMN_VALUES:
    case COLUMN_DRAWN:
        *v = s->u.values[position];
        return 0;
    case COLUMN_TABLE:
        return cell_value(s, position, room, v, err);
    case COLUMN_RANGE:
        rc = decimal_range_value(&s->u.range, position, room, v);
        break;
    case COLUMN_LINSPACE:
        rc = exact_float_value(linspace_number(s, position), room, v);
        break;
    case COLUMN_LOGSPACE:
        rc = exact_float_value(logspace_number(s, position), room, v);
        break;
    }
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

/* The number at a position of a range or the like. */
static double source_number(const struct source *s, uint32_t position)
{
    struct value v;
    double number = 0;
    if (source_value(s, position, NULL, &v, NULL) == 0)
        value_number(&v, &number);
    return number;
}

/* The positions of a range or the like whose numbers equal that of v: from
 * *low up to *high. All of them rise, or fall. */
static void source_narrow(const struct source *s, const struct value *v,
                          uint32_t *low, uint32_t *high)
{
    struct value n = *v;
    double number;
    if (n.type == VALUE_STRING && n.text)
        value_resolve(&n, n.text);
    *low = *high = 0;
    if (!value_number(&n, &number) || isnan(number))
        return;
    bool falls = source_number(s, 0) > source_number(s, s->count - 1);
    for (int side = 0; side < 2; side++) {
        uint32_t begin = 0, end = s->count; /* the first that is behind it */
        while (begin < end) {
            uint32_t mid = begin + (end - begin) / 2;
            double own = source_number(s, mid);
            bool before = own == number ? side == 1
                          : falls       ? own > number
                                        : own < number;
            if (before)
                begin = mid + 1;
            else
                end = mid;
        }
        *(side ? high : low) = begin;
    }
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
    uint32_t end = s->count, low;
    if (s->kind != COLUMN_VALUES && s->kind != COLUMN_TABLE) {
        source_narrow(s, v, &low, &end);
        from = from > low ? from : low;
    }
    return source_scan(s, v, from, end, found, first, last, err);
}

int source_survey(const struct source *s, enum value_type *type,
                  uint32_t *longest, struct err *err)
{
    uint32_t own = EXACT_FLOAT_TEXT;
    struct buf room;
    struct value v;
    int rc = 0;
    switch (s->kind) {
    case COLUMN_VALUES:
    case COLUMN_DRAWN:
        for (uint32_t i = 0; i < s->count; i++)
            value_survey(&s->u.values[i], type, longest);
        return 0;
    case COLUMN_TABLE:
        own = table_column_longest(s->u.cells.table, s->u.cells.column);
        *type = value_type_join(
            *type, table_column_type(s->u.cells.table, s->u.cells.column));
        break;
    case COLUMN_LINSPACE:
    case COLUMN_LOGSPACE:
        *type = value_type_join(*type, VALUE_FLOAT);
        break;
    case COLUMN_RANGE: /* the longest is at an end */
        own = 0;
        buf_init(&room, VALUE_MAX_BYTES);
        for (int end = 0; rc == 0 && end < 2; end++) {
            rc = source_value(s, end ? s->count - 1 : 0, &room, &v, err);
            if (rc == 0)
                value_survey(&v, type, &own);
        }
        buf_fini(&room);
        break;
    }
    *longest = own > *longest ? own : *longest;
    return rc;
}
