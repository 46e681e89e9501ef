/* Where excludes match: see filter_parts.h. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/filter_parts.h"

/* ---- What was meant ---- */

enum { NAMES_MAX = 256, NUMBERS_MAX = 65536 };

/* The nearest of the values of a column, as a number or as a word. */
static int near_put(const struct taskset_axis *a, uint32_t column,
                    const struct value *v, struct buf *room, struct value *near)
{
    double number, own, least = INFINITY;
    struct value x;
    uint32_t best = UINT32_MAX;
    if (!value_number(v, &number))
        return -1;
    for (uint32_t i = 0; i < a->count && i < NUMBERS_MAX; i++) {
        if (axis_value(a, i, column, room, &x, NULL) < 0)
            return -1;
        if (value_number(&x, &own) && fabs(own - number) < least) {
            least = fabs(own - number);
            best = i;
        }
    }
    return best == UINT32_MAX ? -1
                              : axis_value(a, best, column, room, near, NULL);
}

static const char *near_word(const struct taskset_axis *a, uint32_t column,
                             const struct value *v)
{
    const char *names[NAMES_MAX];
    struct value x;
    uint32_t n = 0;
    if (a->draws || a->sources[column].kind != COLUMN_VALUES)
        return NULL;
    for (; n < a->count && n < NAMES_MAX; n++) {
        if (axis_value(a, n, column, NULL, &x, NULL) < 0)
            return NULL;
        names[n] = x.text;
    }
    return text_nearest(v->text, names, n);
}

/* A parameter never has the value that an exclude wants. */
static int never(struct filter_builder *b, const struct taskset_axis *a,
                 uint32_t column, const char *name, const struct value *v)
{
    struct buf room;
    struct value x;
    buf_init(&room, VALUE_MAX_BYTES);
    bool plain = a->kind == AXIS_PLAIN || a->kind == AXIS_POINTS;
    const char *word = plain ? near_word(a, column, v) : NULL;
    if (word)
        err_set(b->err, EINVAL,
                "`%s` never is \"%.80s\"; did you mean "
                "\"%.80s\"?",
                name, v->text, word);
    else if (near_put(a, column, v, &room, &x) == 0)
        err_set(b->err, EINVAL, "`%s` never is %.80s; the nearest is %.80s",
                name, v->text, x.text);
    else
        err_set(b->err, EINVAL, "`%s` never is \"%.80s\"", name, v->text);
    buf_fini(&room);
    return -1;
}

/* ---- Ranges ---- */

static int range_add(struct filter_builder *b, uint32_t first, uint32_t last)
{
    struct matches *m = &b->matches;
    if (m->range_count == FILTER_MAX_SIZE)
        return err_set(b->err, E2BIG,
                       "it matches in too many places; order the values so "
                       "that those excluded stand together");
    if (m->range_count == m->range_cap) {
        size_t cap = m->range_cap ? 2 * m->range_cap : 64;
        struct range *more = mem_resize(m->ranges, cap, sizeof(*more));
        if (!more)
            return no_filter_memory(b->err);
        m->ranges = more;
        m->range_cap = cap;
    }
    m->ranges[m->range_count++] = (struct range){first, last};
    return 0;
}

/* Has the column the value at the position? */
static int holds_at(const struct taskset_axis *a, uint32_t column,
                    const struct value *v, uint32_t position, struct buf *room,
                    bool *holds, struct err *err)
{
    struct value own;
    int rc = axis_value(a, position, column, room, &own, err);
    *holds = rc == 0 && value_equal(&own, v);
    return rc;
}

/* Of the ranges from `from` on, leave what also has this value. */
static int ranges_narrow(struct filter_builder *b, size_t from,
                         const struct taskset_axis *a, uint32_t column,
                         const struct value *v)
{
    struct matches *m = &b->matches;
    size_t end = m->range_count;
    struct buf room;
    bool holds = false;
    int rc = 0;
    buf_init(&room, VALUE_MAX_BYTES);
    for (size_t i = from; rc == 0 && i < end; i++) {
        struct range r = m->ranges[i];
        rc = tries_add(b, r.last - r.first + 1);
        for (uint32_t p = r.first; rc == 0 && p <= r.last; p++) {
            rc = holds_at(a, column, v, p, &room, &holds, b->err);
            if (rc == 0 && holds)
                rc = range_add(b, p, p);
        }
    }
    buf_fini(&room);
    if (rc < 0)
        return -1;
    size_t left = m->range_count - end;
    memmove(m->ranges + from, m->ranges + end, left * sizeof(m->ranges[0]));
    m->range_count = from + left;
    return 0;
}

/* All ranges where a column has a value. */
static int ranges_find(struct filter_builder *b, const struct taskset_axis *a,
                       uint32_t column, const struct value *v)
{
    uint32_t from = 0, first, last;
    bool found;
    if (tries_add(b, axis_is_searched(a, column) ? a->count : 1) < 0)
        return -1;
    for (;;) {
        if (axis_find_column(a, column, v, from, &found, &first, &last,
                             b->err) < 0)
            return -1;
        if (!found)
            return 0;
        if (range_add(b, first, last) < 0)
            return -1;
        from = last + 1;
    }
}

/* ---- Excludes ---- */

/* Where an exclude matches on one axis, if it speaks of it. */
static int match_add(struct filter_builder *b, const struct sweep_match *given,
                     uint32_t axis)
{
    const struct filter_plan *plan = b->plan;
    const struct taskset_axis *a = &plan->axes[axis];
    struct matches *m = &b->matches;
    size_t from = m->range_count;
    bool any = false;
    for (uint32_t k = 0; k < given->count; k++) {
        uint32_t p = given->params[k], column = plan->places[p].column;
        size_t before = m->range_count;
        if (plan->places[p].axis != axis)
            continue;
        b->fault->column = k;
        if ((any ? ranges_narrow(b, from, a, column, &given->values[k])
                 : ranges_find(b, a, column, &given->values[k])) < 0)
            return -1;
        if (!any && m->range_count == before)
            return never(b, a, column, plan->params[p].name, &given->values[k]);
        if (m->range_count == from)
            return err_set(b->err, EINVAL,
                           "no point has `%s` %.80s together with the values "
                           "before it",
                           plan->params[p].name, given->values[k].text);
        any = true;
    }
    if (any)
        m->list[m->count++] =
            (struct match){.axis = (uint8_t)axis,
                           .first_range = (uint32_t)from,
                           .range_count = (uint32_t)(m->range_count - from)};
    return 0;
}

int matches_init(struct filter_builder *b)
{
    const struct sweep *sweep = b->plan->sweep;
    struct matches *m = &b->matches;
    size_t most = 0;
    for (uint32_t e = 0; e < sweep->exclude_count; e++)
        most += sweep->excludes[e].count;
    m->exclude_count = sweep->exclude_count;
    m->excludes = mem_calloc(m->exclude_count, sizeof(*m->excludes));
    m->list = mem_calloc(most, sizeof(*m->list));
    b->marks = mem_calloc(m->exclude_count, sizeof(*b->marks));
    if (!m->excludes || !m->list || !b->marks)
        return no_filter_memory(b->err);
    for (uint32_t e = 0; e < m->exclude_count; e++) {
        b->fault->what = FAULT_EXCLUDE;
        b->fault->at = e;
        b->fault->column = 0;
        m->excludes[e].first_match = (uint32_t)m->count;
        for (uint32_t k = 0; k < b->plan->axis_count; k++)
            if (match_add(b, &sweep->excludes[e], k) < 0)
                return -1;
        m->excludes[e].match_count =
            (uint32_t)m->count - m->excludes[e].first_match;
        assert(m->excludes[e].match_count > 0); /* it names a parameter */
    }
    return 0;
}

void matches_fini(struct filter_builder *b)
{
    mem_free(b->matches.excludes);
    mem_free(b->matches.list);
    mem_free(b->matches.ranges);
    mem_free(b->marks);
}

const struct match *match_get(const struct matches *m, uint32_t exclude,
                              uint32_t axis)
{
    const struct exclude *e = &m->excludes[exclude];
    for (uint32_t k = 0; k < e->match_count; k++)
        if (m->list[e->first_match + k].axis == axis)
            return &m->list[e->first_match + k];
    return NULL;
}

bool match_is_last(const struct matches *m, uint32_t exclude, uint32_t axis)
{
    const struct exclude *e = &m->excludes[exclude];
    return m->list[e->first_match + e->match_count - 1].axis == axis;
}
