/* Task sets against a slow and obvious model that expands everything: random
 * unions of products with excludes, conditions and included points. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/expr.h"
#include "model/taskset.h"
#include "prng.h"

enum { PARAMS_MAX = 6, SWEEPS_MAX = 3, ROWS_MAX = 64, POINTS_MAX = 1 << 16 };

/* The values of an axis, position by position, small integers. */
struct rows {
    uint32_t count, width;
    int at[ROWS_MAX][PARAMS_MAX];
};

struct model {
    uint32_t param_count, count;
    int (*points)[PARAMS_MAX]; /* all, in their order */
};

/* A set, described twice. */
struct made {
    struct arena *arena;
    struct param params[PARAMS_MAX];
    struct sweep sweeps[SWEEPS_MAX];
    uint32_t sweep_count;
    struct model model;
};

static struct prng prng = {4711};

static struct value integer(struct arena *arena, int v)
{
    char text[16];
    struct value x;
    snprintf(text, sizeof(text), "%d", v);
    value_resolve(&x, arena_strdup(arena, text));
    return x;
}

static struct value *integers(struct arena *arena, const int *v, uint32_t n)
{
    struct value *values = arena_calloc(arena, n, sizeof(*values));
    for (uint32_t i = 0; i < n; i++)
        values[i] = integer(arena, v[i]);
    return values;
}

/* ---- Axes ---- */

static void plain_make(struct arena *arena, struct axis *a,
                       struct column *columns, struct rows *rows)
{
    rows->count = 1 + prng_below(&prng, 6);
    for (uint32_t c = 0; c < a->column_count; c++) {
        int v[ROWS_MAX];
        bool range = prng_below(&prng, 3) == 0;
        int from = (int)prng_below(&prng, 9) - 4,
            step = prng_below(&prng, 2) ? 1 : -2;
        for (uint32_t i = 0; i < rows->count; i++) {
            v[i] = range ? from + (int)i * step
                         : (int)prng_below(&prng, 9) - 4; /* often twice */
            rows->at[i][c] = v[i];
        }
        columns[c] =
            (struct column){.kind = range ? COLUMN_RANGE : COLUMN_VALUES,
                            .values = integers(arena, v, rows->count),
                            .value_count = rows->count,
                            .from = integer(arena, from),
                            .to = integer(arena, v[rows->count - 1]),
                            .step = integer(arena, step)};
    }
}

static void combined_add(struct rows *rows, const int *items, uint32_t n,
                         bool ordered, uint32_t *chosen, uint32_t depth)
{
    if (depth == rows->width) {
        for (uint32_t c = 0; c < depth; c++)
            rows->at[rows->count][c] = items[chosen[c]];
        rows->count++;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool skip = !ordered && depth > 0 && i <= chosen[depth - 1];
        for (uint32_t d = 0; d < depth; d++)
            skip = skip || chosen[d] == i;
        chosen[depth] = i;
        if (!skip)
            combined_add(rows, items, n, ordered, chosen, depth + 1);
    }
}

static void combined_make(struct arena *arena, struct axis *a,
                          struct column *columns, struct rows *rows)
{
    uint32_t chosen[PARAMS_MAX], n = a->column_count + prng_below(&prng, 2);
    int items[PARAMS_MAX + 1];
    for (uint32_t i = 0; i < n; i++)
        items[i] = (int)prng_below(&prng, 7) - 3;
    columns[0] =
        (struct column){.values = integers(arena, items, n), .value_count = n};
    combined_add(rows, items, n, a->kind == AXIS_PERMUTATIONS, chosen, 0);
}

/* An axis over the parameters params[0 .. column_count - 1]. */
static void axis_make(struct arena *arena, struct axis *a, uint32_t first,
                      uint32_t columns, struct rows *rows)
{
    uint32_t *params = arena_calloc(arena, columns, sizeof(*params));
    struct column *c = arena_calloc(arena, columns, sizeof(*c));
    for (uint32_t k = 0; k < columns; k++)
        params[k] = first + k;
    *a = (struct axis){.params = params, .columns = c, .column_count = columns};
    *rows = (struct rows){.width = columns};
    if (columns > 0 && columns <= 3 && prng_below(&prng, 4) == 0)
        a->kind = prng_below(&prng, 2) ? AXIS_COMBINATIONS : AXIS_PERMUTATIONS;
    if (columns == 0)
        a->count = rows->count = 1 + prng_below(&prng, 3);
    else if (a->kind == AXIS_PLAIN)
        plain_make(arena, a, c, rows);
    else
        combined_make(arena, a, c, rows);
}

/* ---- Filters ---- */

static struct sweep_match *excludes_make(struct arena *arena, uint32_t params,
                                         const int (*all)[PARAMS_MAX],
                                         uint32_t count, uint32_t n)
{
    struct sweep_match *m = arena_calloc(arena, n, sizeof(*m));
    for (uint32_t e = 0; e < n; e++) {
        uint32_t *p = arena_calloc(arena, params, sizeof(*p));
        struct value *v = arena_calloc(arena, params, sizeof(*v));
        const int *like = all[prng_below(&prng, count)];
        for (uint32_t k = 0; k < params; k++)
            if (prng_below(&prng, 2) || (k == params - 1 && m[e].count == 0)) {
                p[m[e].count] = k;
                v[m[e].count++] = integer(arena, like[k]);
            }
        m[e].params = p;
        m[e].values = v;
    }
    return m;
}

static bool excluded(const struct sweep *s, const int *point)
{
    for (uint32_t e = 0; e < s->exclude_count; e++) {
        const struct sweep_match *m = &s->excludes[e];
        uint32_t k = 0;
        while (k < m->count && m->values[k].u.integer == point[m->params[k]])
            k++;
        if (k == m->count)
            return true;
    }
    return false;
}

/* A condition: x + y < limit, x != y, x < limit, or both and more. */
struct condition {
    uint32_t kind, x, y;
    int limit;
};

static const struct expr *condition_make(struct made *d, struct condition *c)
{
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
    uint32_t n = d->model.param_count;
    char text[100];
    struct err err;
    size_t at;
    *c = (struct condition){.kind = prng_below(&prng, 4),
                            .x = prng_below(&prng, n),
                            .y = prng_below(&prng, n),
                            .limit = (int)prng_below(&prng, 7) - 1};
    if (c->kind == 0)
        snprintf(text, sizeof(text), "p%u + p%u < %d", c->x, c->y, c->limit);
    else if (c->kind == 1)
        snprintf(text, sizeof(text), "p%u != p%u or p%u == 2", c->x, c->y,
                 c->y);
    else if (c->kind == 2)
        snprintf(text, sizeof(text), "p%u < %d", c->x, c->limit);
    else
        snprintf(text, sizeof(text), "p%u < %d and p%u != p%u and p%u > -4",
                 c->x, c->limit, c->x, c->y, c->y);
    return expr_compile(d->arena, text, names, n, &at, &err);
}

static bool condition_holds(const struct condition *c, const int *p)
{
    if (c->kind == 0)
        return p[c->x] + p[c->y] < c->limit;
    if (c->kind == 1)
        return p[c->x] != p[c->y] || p[c->y] == 2;
    if (c->kind == 3)
        return p[c->x] < c->limit && p[c->x] != p[c->y] && p[c->y] > -4;
    return p[c->x] < c->limit;
}

/* ---- Sweeps ---- */

/* All points of the product of axes, by nested loops. */
static uint32_t expand(const struct rows *rows, const struct axis *axes,
                       uint32_t axis_count, int (*out)[PARAMS_MAX])
{
    uint32_t at[PARAMS_MAX + 1] = {0}, n = 0;
    for (;;) {
        assert_true(n < POINTS_MAX);
        for (uint32_t k = 0; k < axis_count; k++)
            for (uint32_t c = 0; c < axes[k].column_count; c++)
                out[n][axes[k].params[c]] = rows[k].at[at[k]][c];
        n++;
        uint32_t k = axis_count;
        while (k > 0 && ++at[k - 1] == rows[k - 1].count)
            at[--k] = 0;
        if (k == 0)
            return n;
    }
}

static void sweep_make(struct made *d, struct sweep *s)
{
    static int all[POINTS_MAX][PARAMS_MAX];
    static struct rows rows[PARAMS_MAX + 1];
    struct condition conditions[2];
    uint32_t n = d->model.param_count, used = 0;
    struct axis *axes = arena_calloc(d->arena, n + 1, sizeof(*axes));
    *s = (struct sweep){.axes = axes};
    while (used < n) {
        uint32_t columns = 1 + prng_below(&prng, n - used < 3 ? n - used : 3);
        if (prng_below(&prng, 2))
            columns = 1;
        axis_make(d->arena, &axes[s->axis_count], used, columns,
                  &rows[s->axis_count]);
        s->axis_count++;
        used += columns;
    }
    if (prng_below(&prng, 4) == 0) {
        axis_make(d->arena, &axes[s->axis_count], 0, 0, &rows[s->axis_count]);
        s->axis_count++;
    }
    uint32_t count = expand(rows, axes, s->axis_count, all);
    s->exclude_count = prng_below(&prng, 2) ? prng_below(&prng, 12) : 0;
    s->excludes = excludes_make(d->arena, n, (const int(*)[PARAMS_MAX])all,
                                count, s->exclude_count);
    s->when_count = prng_below(&prng, 2) ? prng_below(&prng, 3) : 0;
    const struct expr **when = arena_calloc(d->arena, 2, sizeof(struct expr *));
    for (uint32_t w = 0; w < s->when_count; w++) {
        when[w] = condition_make(d, &conditions[w]);
        assert_non_null(when[w]);
    }
    s->when = when;
    for (uint32_t i = 0; i < count; i++) {
        bool left = !excluded(s, all[i]);
        for (uint32_t w = 0; left && w < s->when_count; w++)
            left = condition_holds(&conditions[w], all[i]);
        if (left)
            memcpy(d->model.points[d->model.count++], all[i], sizeof(all[i]));
    }
    s->include_count = prng_below(&prng, 3) ? 0 : prng_below(&prng, 4);
    struct value *v =
        arena_calloc(d->arena, (size_t)s->include_count * n, sizeof(*v));
    for (uint32_t i = 0; i < s->include_count; i++) {
        int *to = d->model.points[d->model.count++];
        for (uint32_t k = 0; k < n; k++) {
            to[k] = (int)prng_below(&prng, 9) - 4;
            v[(size_t)i * n + k] = integer(d->arena, to[k]);
        }
    }
    s->includes = v;
}

static void set_make(struct made *d)
{
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
    static int points[POINTS_MAX * SWEEPS_MAX][PARAMS_MAX];
    *d = (struct made){.arena = arena_create(16 << 20)};
    assert_non_null(d->arena);
    d->model = (struct model){.param_count = 1 + prng_below(&prng, PARAMS_MAX),
                              .points = points};
    for (uint32_t k = 0; k < d->model.param_count; k++)
        d->params[k].name = names[k];
    d->sweep_count = prng_below(&prng, 3) ? 1 : 1 + prng_below(&prng, 3);
    for (uint32_t i = 0; i < d->sweep_count; i++)
        sweep_make(d, &d->sweeps[i]);
}

/* ---- Comparing ---- */

static void check_values(const struct taskset *set, const struct model *m)
{
    struct buf room;
    struct value v;
    struct err err;
    char text[16];
    buf_init(&room, 100);
    for (uint32_t i = 0; i < m->count; i++)
        for (uint32_t k = 0; k < m->param_count; k++) {
            assert_int_equal(taskset_value(set, i, k, &room, &v, &err), 0);
            assert_int_equal(v.type, VALUE_INT);
            if (v.u.integer != m->points[i][k])
                fail_msg("task %u: p%u is %s, not %d", i, k, v.text,
                         m->points[i][k]);
            snprintf(text, sizeof(text), "%d", m->points[i][k]);
            assert_string_equal(v.text, text);
        }
    buf_fini(&room);
}

/* Points in the order of the tasks, each another; their indices. */
static void check_points(const struct taskset *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct point p;
        uint32_t index = UINT32_MAX;
        taskset_point(set, i, &p);
        assert_true(taskset_index(set, &p, &index));
        assert_int_equal(index, i);
    }
}

static void check_find(const struct taskset *set, const struct model *m)
{
    struct arena *arena = arena_create(1 << 20);
    for (int probe = 0; probe < 60; probe++) {
        struct value v[PARAMS_MAX];
        int want[PARAMS_MAX];
        uint32_t first = 0, index = UINT32_MAX;
        struct err err;
        bool found;
        const int *like = m->points[prng_below(&prng, m->count)];
        for (uint32_t k = 0; k < m->param_count; k++) {
            want[k] =
                prng_below(&prng, 9) ? like[k] : (int)prng_below(&prng, 9) - 4;
            v[k] = integer(arena, want[k]);
        }
        while (first < m->count &&
               memcmp(m->points[first], want,
                      m->param_count * sizeof(want[0])) != 0)
            first++;
        assert_int_equal(taskset_find(set, v, &found, &index, &err), 0);
        assert_int_equal(found, first < m->count);
        if (found)
            assert_int_equal(index, first);
    }
    arena_destroy(arena);
}

/* Cells are different, in the order of the tasks, and have the dims' values. */
static void check_cells(const struct taskset *set)
{
    uint64_t dims[TASKSET_MAX_DIMS], last = 0, cells = 1;
    uint32_t rank = taskset_dims(set, dims);
    struct buf room;
    struct value a, b;
    struct err err;
    buf_init(&room, 100);
    for (uint32_t k = 0; k < rank; k++)
        cells *= dims[k];
    assert_true(cells >= set->count && cells <= (uint64_t)set->count * 4);
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t cell = taskset_cell(set, i), rest = cell;
        uint64_t at[TASKSET_MAX_DIMS];
        assert_true(cell < cells && (i == 0 || cell > last));
        last = cell;
        for (uint32_t k = rank; k-- > 0; rest /= dims[k])
            at[k] = rest % dims[k];
        for (uint32_t k = 0; k < set->param_count; k++) {
            uint32_t dim = taskset_param_dim(set, k);
            assert_true(dim < rank);
            assert_int_equal(taskset_value(set, i, k, NULL, &a, &err), 0);
            assert_int_equal(
                taskset_dim_value(set, k, at[dim], &room, &b, &err), 0);
            assert_true(value_equal(&a, &b));
        }
    }
    buf_fini(&room);
}

static void check_sample(const struct taskset *set)
{
    for (uint32_t max = 1; max < 50; max += 7) {
        uint32_t n = taskset_sample_count(set, max);
        assert_in_range(n, 1, max);
        for (uint32_t k = 0; k < n; k++)
            assert_true(taskset_sample(set, k, n) < set->count);
    }
}

/* Random sets, whole. */
static void is_as_the_model(void **state)
{
    uint32_t empty = 0, filtered = 0;
    (void)state;
    for (int round = 0; round < 1500; round++) {
        struct made d;
        struct taskset set;
        struct taskset_fault fault;
        struct err err;
        set_make(&d);
        int rc =
            taskset_init(&set, d.arena, d.params, d.model.param_count, d.sweeps,
                         d.sweep_count, TASKSET_MAX_COUNT, &fault, &err);
        if (rc < 0) {
            if (fault.what != FAULT_EMPTY)
                fail_msg("fault %d: %s", (int)fault.what, err.text);
            assert_int_equal(err.code, EINVAL);
            assert_int_equal(d.sweeps[fault.sweep].include_count, 0);
            empty++;
        } else {
            filtered += d.sweeps[0].when_count + d.sweeps[0].exclude_count > 0;
            assert_int_equal(set.count, d.model.count);
            check_values(&set, &d.model);
            check_points(&set);
            check_find(&set, &d.model);
            check_cells(&set);
            check_sample(&set);
        }
        arena_destroy(d.arena);
    }
    assert_in_range(empty, 1, 600);
    assert_in_range(filtered, 400, 1500);
}

/* Positions that are left are those of a task; others are not. */
static void knows_what_is_left(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct made d;
        struct taskset set;
        struct err err;
        set_make(&d);
        if (taskset_init(&set, d.arena, d.params, d.model.param_count, d.sweeps,
                         1, TASKSET_MAX_COUNT, NULL, &err) < 0) {
            arena_destroy(d.arena);
            continue;
        }
        uint32_t axes = d.sweeps[0].axis_count, left = 0, index;
        struct point p = {0};
        for (;;) {
            if (taskset_index(&set, &p, &index))
                assert_int_equal(index, left++);
            uint32_t k = axes;
            while (k > 0 && ++p.positions[k - 1] == ROWS_MAX / 2 + 1)
                p.positions[--k] = 0;
            if (k == 0 || axes > 3)
                break;
        }
        if (axes <= 3)
            assert_int_equal(left, set.count - d.sweeps[0].include_count);
        arena_destroy(d.arena);
    }
}

/* Each allocation fails once. */
static void no_memory_is_an_error(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct made d;
        struct err err;
        uint64_t seed = prng.state;
        for (unsigned long k = 1;; k++) {
            struct taskset set = {.count = 77};
            struct taskset_fault fault;
            prng.state = seed;
            set_make(&d);
            mem_fail_at(k);
            int rc = taskset_init(&set, d.arena, d.params, d.model.param_count,
                                  d.sweeps, d.sweep_count, TASKSET_MAX_COUNT,
                                  &fault, &err);
            unsigned long made = mem_fail_at(0);
            arena_destroy(d.arena);
            if (made < k)
                break;
            if (rc == 0)
                continue; /* a condition may do without */
            assert_int_equal(set.count, 77);
            if (err.code != EINVAL) {
                assert_int_equal(err.code, ENOMEM);
                if (fault.what != FAULT_SET)
                    fail_msg("fault %d: %s", (int)fault.what, err.text);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_the_model),
        cmocka_unit_test(knows_what_is_left),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests_name("taskset_model", tests, NULL, NULL);
}
