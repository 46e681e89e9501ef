/* Conditions as diagrams: see filter_parts.h.
 *
 * A condition is tried for all combinations of positions of the axes that it
 * asks for. Where it is made of parts that must all hold, each is a condition
 * of its own: that takes far fewer tries. Where one cannot be evaluated, that
 * counts only if nothing else rules the point out. */
#include "config.h"

#include <errno.h>

#include "base/mem.h"
#include "model/filter_parts.h"

enum { WHOLE = -1 };

/* Numbers of one axis, and of all, that are kept for a quick look. */
enum { NUMBERS_MAX = 1 << 20, ALL_NUMBERS_MAX = 1 << 21 };

/* ---- Which conditions there are ---- */

/* The axes, as bits, that a condition asks for. */
static uint32_t axes_of(const struct filter_plan *plan,
                        const struct condition *c)
{
    const uint32_t *params;
    uint32_t n = expr_names(c->e, &params), axes = 0;
    uint64_t used = c->part == (uint32_t)WHOLE ? UINT64_MAX
                                               : expr_part_names(c->e, c->part);
    for (uint32_t k = 0; k < n; k++)
        if (used >> k & 1)
            axes |= UINT32_C(1) << plan->places[params[k]].axis;
    return axes;
}

/* The numbers of an axis for a parameter, if that is quicker than asking. */
static int numbers_init(struct filter_builder *b, uint32_t param,
                        uint32_t *total)
{
    const struct filter_plan *plan = b->plan;
    const struct taskset_axis *a = &plan->axes[plan->places[param].axis];
    uint32_t column = plan->places[param].column;
    bool kept =
        a->kind == AXIS_PLAIN && a->sources[column].kind == COLUMN_VALUES;
    if (kept || plan->params[param].type == VALUE_STRING || b->numbers[param] ||
        a->count > NUMBERS_MAX || a->count > ALL_NUMBERS_MAX - *total)
        return 0;
    struct value *v = mem_calloc(a->count, sizeof(*v));
    if (!v)
        return no_filter_memory(b->err);
    b->numbers[param] = v;
    *total += a->count;
    for (uint32_t i = 0; i < a->count; i++) {
        if (axis_value(a, i, column, NULL, &v[i], b->err) < 0)
            return -1;
        v[i].text = NULL;
    }
    return 0;
}

/* ---- Do they hold? ---- */

/* The value of a parameter at the positions: expr_holds asks. */
static int value_get(void *arg, uint32_t param, struct buf *room,
                     struct value *v, struct err *err)
{
    const struct filter_builder *b = arg;
    const struct filter_plan *plan = b->plan;
    uint32_t axis = plan->places[param].axis;
    if (b->numbers[param]) {
        *v = b->numbers[param][b->positions[axis]];
        return 0;
    }
    if (plan->params[param].type != VALUE_STRING)
        room = NULL; /* a number without its text is quicker */
    return axis_value(&plan->axes[axis], b->positions[axis],
                      plan->places[param].column, room, v, err);
}

/* Say for which values a condition went wrong. */
static void values_put(struct filter_builder *b, const struct condition *c)
{
    const struct filter_plan *plan = b->plan;
    const uint32_t *names;
    uint32_t n = expr_names(c->e, &names);
    struct buf text, room;
    struct value v;
    buf_init(&text, 300);
    buf_init(&room, VALUE_MAX_BYTES);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t axis = plan->places[names[k]].axis;
        if (axis_value(&plan->axes[axis], b->positions[axis],
                       plan->places[names[k]].column, &room, &v, NULL) < 0 ||
            buf_printf(&text, "%s%s = %.80s", text.len ? ", " : "",
                       plan->params[names[k]].name, v.text) < 0)
            break;
    }
    if (text.len > 0)
        err_context(b->err, "with %s", buf_text(&text));
    buf_fini(&room);
    buf_fini(&text);
}

int condition_try(struct filter_builder *b, uint32_t c, bool *holds)
{
    const struct condition *condition = &b->conditions[c];
    b->fault->what = FAULT_WHEN;
    b->fault->at = condition->when;
    if (expr_holds(condition->e, value_get, b, holds, b->err) == 0)
        return 0;
    if (b->err->code == EINVAL)
        values_put(b, condition);
    return -1;
}

/* ---- Diagrams ---- */

/* What follows the positions: the condition is decided. */
static int condition_decide(struct filter_builder *b, const struct condition *c,
                            uint32_t *node)
{
    bool holds = false;
    if (tries_add(b, 1) < 0)
        return -1;
    int rc = c->part == (uint32_t)WHOLE
                 ? expr_holds(c->e, value_get, b, &holds, b->err)
                 : expr_part_holds(c->e, c->part, value_get, b, &holds, b->err);
    if (rc < 0 && b->err->code != EINVAL)
        return -1;
    *node = (uint32_t)(rc < 0  ? FILTER_FAILED
                       : holds ? FILTER_END
                               : FILTER_DEAD);
    return 0;
}

/* The node of the condition behind the positions of its first `depth` axes. */
static int condition_build(struct filter_builder *b, const struct condition *c,
                           uint32_t depth, uint32_t *node)
{
    size_t from = b->pending.len;
    if (depth == c->axis_count)
        return condition_decide(b, c, node);
    uint32_t axis = c->axes[depth], count = b->plan->axes[axis].count;
    for (uint32_t p = 0; p < count; p++) {
        b->positions[axis] = p;
        if (condition_build(b, c, depth + 1, node) < 0 ||
            run_push(b, from, p, p, *node) < 0)
            return -1;
    }
    const uint32_t *first = b->pending.data + from;
    bool fresh;
    if (b->pending.len == from) {
        *node = (uint32_t)FILTER_DEAD;
        return 0;
    }
    if (first[RUN_NODE] >= (uint32_t)FILTER_FAILED && first[RUN_FIRST] == 0 &&
        first[RUN_LAST] == count - 1) { /* decided whatever the position */
        *node = first[RUN_NODE];
        b->pending.len = from;
        return 0;
    }
    return diagram_add(b, &b->decided, axis, from, node, &fresh);
}

static int condition_add(struct filter_builder *b, uint32_t when, uint32_t part)
{
    const struct filter_plan *plan = b->plan;
    struct condition *c = &b->conditions[b->condition_count++];
    *c = (struct condition){
        .e = plan->sweep->when[when], .when = when, .part = part};
    uint32_t axes = axes_of(plan, c);
    for (uint32_t k = 0; k < plan->axis_count; k++)
        if (axes >> k & 1)
            c->axes[c->axis_count++] = k;
    b->fault->what = FAULT_WHEN;
    b->fault->at = when;
    return condition_build(b, c, 0, &c->root);
}

int conditions_init(struct filter_builder *b)
{
    const struct sweep *s = b->plan->sweep;
    uint32_t n = 0, numbers = 0;
    for (uint32_t w = 0; w < s->when_count; w++)
        n += expr_part_count(s->when[w]);
    b->conditions = mem_calloc(n, sizeof(*b->conditions));
    b->current =
        mem_calloc((size_t)n * b->plan->axis_count, sizeof(*b->current));
    if (!b->conditions || !b->current)
        return no_filter_memory(b->err);
    for (uint32_t w = 0; w < s->when_count; w++) {
        const uint32_t *params;
        uint32_t used = expr_names(s->when[w], &params);
        uint32_t parts = expr_part_count(s->when[w]);
        for (uint32_t k = 0; k < used; k++)
            if (numbers_init(b, params[k], &numbers) < 0)
                return -1;
        for (uint32_t p = 0; p < parts; p++)
            if (condition_add(b, w, parts > 1 ? p : (uint32_t)WHOLE) < 0)
                return -1;
    }
    return 0;
}

void conditions_fini(struct filter_builder *b)
{
    for (uint32_t p = 0; p < TASKSET_MAX_PARAMS; p++)
        mem_free(b->numbers[p]);
    mem_free(b->conditions);
    mem_free(b->current);
    diagram_fini(&b->decided);
}
