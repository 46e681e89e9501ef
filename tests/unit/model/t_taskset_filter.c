/* Task sets: large filtered sweeps by index, what a filter costs, and what is
 * wrong with one. */
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

#include "model/expr.h"
#include "model/taskset.h"
#include "prng.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { PARAMS = 4, EXCLUDES_MAX = 1000 };

/* Sweeps over a, b, c (ranges from 0 on) and d (words). */
static const char *const names[PARAMS] = {"a", "b", "c", "d"};
static const char *const words[] = {"cg", "gmres", "bicg", "direct"};
static const uint32_t numbers[PARAMS] = {0, 1, 2, 3};

struct filtered {
    struct arena *arena;
    struct param params[PARAMS];
    struct value values[COUNT_OF(words)];
    struct column columns[PARAMS];
    struct axis axes[PARAMS];
    struct sweep_match excludes[EXCLUDES_MAX];
    const struct expr *when[8];
    struct sweep sweep;
    struct taskset set;
    struct taskset_fault fault;
    struct err err;
};

static struct value integer(uint32_t i)
{
    return (struct value){.type = VALUE_INT, .u.integer = i, .text = "?"};
}

static void filtered_init(struct filtered *f, const uint32_t lengths[3])
{
    *f = (struct filtered){.arena = arena_create(256 << 20)};
    assert_non_null(f->arena);
    for (uint32_t k = 0; k < PARAMS; k++) {
        f->params[k].name = names[k];
        f->axes[k] = (struct axis){.params = &numbers[k],
                                   .columns = &f->columns[k],
                                   .column_count = 1};
    }
    for (uint32_t k = 0; k < 3; k++) {
        f->columns[k] = (struct column){.kind = COLUMN_RANGE};
        value_resolve(&f->columns[k].from, "0");
        value_resolve(&f->columns[k].step, "1");
        f->columns[k].to = integer(lengths[k] - 1);
    }
    for (size_t i = 0; i < COUNT_OF(words); i++)
        value_resolve(&f->values[i], words[i]);
    f->columns[3] =
        (struct column){.values = f->values, .value_count = COUNT_OF(words)};
    f->sweep = (struct sweep){.axes = f->axes,
                              .axis_count = PARAMS,
                              .excludes = f->excludes,
                              .when = f->when};
}

static void filtered_fini(struct filtered *f)
{
    arena_destroy(f->arena);
}

static void when_add(struct filtered *f, const char *text)
{
    size_t at;
    const struct expr *e =
        expr_compile(f->arena, text, names, PARAMS, &at, &f->err);
    assert_non_null(e);
    f->when[f->sweep.when_count++] = e;
}

/* Exclude by the parameters whose value is not NULL. */
static void exclude_add(struct filtered *f, const char *const values[PARAMS])
{
    uint32_t *params = arena_calloc(f->arena, PARAMS, sizeof(*params));
    struct value *v = arena_calloc(f->arena, PARAMS, sizeof(*v));
    struct sweep_match *m = &f->excludes[f->sweep.exclude_count++];
    assert_in_range(f->sweep.exclude_count, 1, EXCLUDES_MAX);
    for (uint32_t k = 0; k < PARAMS; k++)
        if (values[k]) {
            params[m->count] = k;
            value_resolve(&v[m->count++], arena_strdup(f->arena, values[k]));
        }
    m->params = params;
    m->values = v;
}

static int filtered_make(struct filtered *f)
{
    return taskset_init(&f->set, f->arena, f->params, PARAMS, &f->sweep, 1,
                        TASKSET_MAX_COUNT, &f->fault, &f->err);
}

/* Is the point left, by what is asked of its positions? */
typedef bool left_fn(const uint32_t *at);

/* Random points: those that are left have an index, from which they come
 * back; the index of the one before is lower. */
static void check_points(const struct filtered *f, const uint32_t lengths[3],
                         left_fn *left)
{
    struct prng r = {97};
    const struct taskset *set = &f->set;
    uint32_t there = 0;
    for (int probe = 0; probe < 20000; probe++) {
        struct point p = {0}, q;
        uint32_t i = prng_below(&r, set->count), back, index;
        taskset_point(set, i, &q);
        assert_true(left(q.positions));
        assert_true(taskset_index(set, &q, &back) && back == i);
        for (uint32_t k = 0; k < PARAMS; k++)
            p.positions[k] = prng_below(&r, k < 3 ? lengths[k] : 4);
        bool has = taskset_index(set, &p, &index);
        assert_int_equal(has, left(p.positions));
        if (!has)
            continue;
        there++;
        taskset_point(set, index, &q);
        assert_memory_equal(p.positions, q.positions,
                            PARAMS * sizeof(p.positions[0]));
        struct value v;
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(taskset_value(set, index, k, NULL, &v, NULL), 0);
            assert_int_equal(v.u.integer, p.positions[k]);
        }
    }
    assert_in_range(there, 1000, 20000);
}

static bool triangle(const uint32_t *at)
{
    return at[0] + at[1] < 1000 && !(at[2] == 500 && at[3] == 1);
}

/* Of 4e9 points 2e9 are left, minus some. */
static void counts_billions(void **state)
{
    static const uint32_t lengths[3] = {1000, 1000, 1000};
    static const char *const one[PARAMS] = {NULL, NULL, "500", "gmres"};
    struct filtered f;
    (void)state;
    filtered_init(&f, lengths);
    when_add(&f, "a + b < 1000");
    exclude_add(&f, one);
    if (filtered_make(&f) < 0)
        fail_msg("%s", f.err.text);
    assert_int_equal(f.set.count, UINT32_C(1000) * 1001 / 2 * 3999);
    assert_true(arena_used_bytes(f.arena) < 200000);
    check_points(&f, lengths, triangle);
    assert_int_equal(taskset_dims(&f.set, NULL), PARAMS);
    struct buf words_of;
    buf_init(&words_of, 1000);
    assert_int_equal(taskset_describe(&f.set, &words_of), 0);
    assert_string_equal(
        buf_text(&words_of),
        "a grid of a (1000) x b (1000) x c (1000) x d (4), less 1998500500");
    buf_fini(&words_of);
    filtered_fini(&f);
}

static bool few(const uint32_t *at)
{
    return at[0] == 7 && at[1] % 2 == 0;
}

/* Far more points than there can be tasks, of which few are left. */
static void leaves_few_of_many(void **state)
{
    static const uint32_t lengths[3] = {10000, 30000, 50000};
    struct filtered f;
    (void)state;
    filtered_init(&f, lengths);
    when_add(&f, "a == 7");
    when_add(&f, "b % 2 == 0");
    if (filtered_make(&f) < 0)
        fail_msg("%s", f.err.text);
    assert_int_equal(f.set.count, UINT32_C(15000) * 50000 * 4);
    struct prng r = {5};
    for (int probe = 0; probe < 10000; probe++) {
        struct point p;
        uint32_t i = prng_below(&r, f.set.count), back;
        taskset_point(&f.set, i, &p);
        assert_true(few(p.positions));
        assert_true(taskset_index(&f.set, &p, &back) && back == i);
    }
    assert_int_equal(taskset_dims(&f.set, NULL), 1); /* no cube: too sparse */
    assert_int_equal(taskset_cell(&f.set, 12345), 12345);
    filtered_fini(&f);
}

static bool scattered(const uint32_t *at)
{
    return !(at[0] % 97 == at[1] % 89 && at[0] * 31 % 1000 == at[1]) ||
           at[2] != at[0] % 50;
}

/* Many excludes of single lines. */
static void excludes_many(void **state)
{
    static const uint32_t lengths[3] = {2000, 1000, 50};
    struct filtered f;
    char text[3][16];
    uint32_t n = 0;
    (void)state;
    filtered_init(&f, lengths);
    for (uint32_t a = 0; a < 2000; a++) {
        uint32_t at[3] = {a, a * 31 % 1000, a % 50};
        if (scattered(at))
            continue;
        for (int k = 0; k < 3; k++)
            snprintf(text[k], sizeof(text[k]), "%u", at[k]);
        exclude_add(
            &f, (const char *const[PARAMS]){text[0], text[1], text[2], NULL});
        n++;
    }
    assert_in_range(n, 5, EXCLUDES_MAX);
    if (filtered_make(&f) < 0)
        fail_msg("%s", f.err.text);
    assert_int_equal(f.set.count, (2000 * 1000 * 50 - n) * 4);
    check_points(&f, lengths, scattered);
    filtered_fini(&f);
}

/* What is wrong with a filter, and where. */
static void wrong_filters_are_errors(void **state)
{
    static const struct {
        const char *exclude[PARAMS], *when;
        uint32_t length;
        int code;
        enum taskset_part what;
        uint32_t column;
        const char *text;
    } table[] = {
        {{"5", NULL, NULL, "gmers"},
         NULL,
         10,
         EINVAL,
         FAULT_EXCLUDE,
         1,
         "`d` never is \"gmers\"; did you mean \"gmres\"?"},
        {{"12"},
         NULL,
         10,
         EINVAL,
         FAULT_EXCLUDE,
         0,
         "`a` never is 12; the nearest is 9"},
        {{"1.5"},
         NULL,
         10,
         EINVAL,
         FAULT_EXCLUDE,
         0,
         "`a` never is 1.5; the nearest is 1"},
        {{NULL, "x"}, NULL, 10, EINVAL, FAULT_EXCLUDE, 0, "`b` never is \"x\""},
        {{NULL},
         "a > 100",
         10,
         EINVAL,
         FAULT_EMPTY,
         0,
         "nothing is left of the 4000 points"},
        /* what is never asked must not be an error */
        {{NULL},
         "c < 0 and 1 / a > 0",
         10,
         EINVAL,
         FAULT_EMPTY,
         0,
         "nothing is left of the 4000 points"},
        {{NULL},
         "a > 100 and b == 2",
         10,
         EINVAL,
         FAULT_EMPTY,
         0,
         "nothing is left of the 4000 points"},
        {{NULL},
         "a > 5 or d < b",
         10,
         EINVAL,
         FAULT_WHEN,
         0,
         "with a = 0, b = 0, d = cg: "},
        {{NULL}, "1 / a > 0", 10, EINVAL, FAULT_WHEN, 0, "with a = 0: "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint32_t n = table[i].length;
        const uint32_t lengths[3] = {n, n, n};
        struct filtered f;
        bool excludes = false;
        filtered_init(&f, lengths);
        for (int k = 0; k < PARAMS; k++)
            excludes = excludes || table[i].exclude[k];
        if (excludes)
            exclude_add(&f, table[i].exclude);
        if (table[i].when)
            when_add(&f, table[i].when);
        f.set.count = 77;
        assert_int_equal(filtered_make(&f), -1);
        assert_int_equal(f.set.count, 77);
        if (f.err.code != table[i].code ||
            strncmp(f.err.text, table[i].text, strlen(table[i].text)) != 0)
            fail_msg("row %zu: %d, %s", i, f.err.code, f.err.text);
        assert_int_equal(f.fault.what, table[i].what);
        assert_int_equal(f.fault.at, 0);
        if (f.fault.what == FAULT_EXCLUDE)
            assert_int_equal(f.fault.column, table[i].column);
        filtered_fini(&f);
    }
}

static bool interleaved(const uint32_t *at)
{
    return (at[0] > 64 || at[3] == 0) && at[1] * at[0] % 7 == at[2] &&
           (at[3] != 1 || at[1] < 100) && at[0] + at[2] != 70;
}

/* Conditions that meet on axes, and share none. */
static void conditions_meet(void **state)
{
    static const uint32_t lengths[3] = {1000, 200, 7};
    struct filtered f;
    uint32_t count = 0, at[PARAMS];
    (void)state;
    filtered_init(&f, lengths);
    when_add(&f, "a > 64 or d == 'cg'");
    when_add(&f, "b * a % 7 == c and (d != 'gmres' or b < 100)");
    when_add(&f, "a + c != 70");
    if (filtered_make(&f) < 0)
        fail_msg("%s", f.err.text);
    for (at[0] = 0; at[0] < 1000; at[0]++)
        for (at[1] = 0; at[1] < 200; at[1]++)
            for (at[3] = 0; at[3] < 4; at[3]++) {
                at[2] = at[1] * at[0] % 7;
                count += interleaved(at);
            }
    assert_int_equal(f.set.count, count);
    check_points(&f, lengths, interleaved);
    filtered_fini(&f);
}

/* Filters that would take too long or too much to build. */
static void large_filters_are_errors(void **state)
{
    static const uint32_t long_axis[3] = {2, 2, 40000000},
                          ragged[3] = {2500, 2500, 4};
    struct filtered f;
    (void)state;
    filtered_init(&f, long_axis);
    when_add(&f, "c < 0");
    assert_int_equal(filtered_make(&f), -1);
    assert_int_equal(f.err.code, E2BIG);
    assert_int_equal(f.fault.what, FAULT_WHEN);
    assert_string_equal(f.err.text,
                        "more than 33554432 combinations of values would have "
                        "to be tried; use fewer values of the parameters that "
                        "it names");
    filtered_fini(&f);
    filtered_init(&f, ragged);
    when_add(&f, "(a * a * 31 + b * b * 17 + a * b) % 2003 < 1000");
    assert_int_equal(filtered_make(&f), -1);
    assert_int_equal(f.err.code, E2BIG);
    assert_int_equal(f.fault.what, FAULT_WHEN);
    assert_non_null(strstr(f.err.text, "too ragged"));
    filtered_fini(&f);
}

/* With a point included, nothing need be left of the product. */
static void included_points_may_be_all(void **state)
{
    static const uint32_t lengths[3] = {3, 3, 3};
    struct filtered f;
    struct value include[PARAMS], v;
    struct point p = {0};
    struct buf room;
    uint32_t index;
    bool found;
    (void)state;
    filtered_init(&f, lengths);
    when_add(&f, "a > 5");
    for (uint32_t k = 0; k < 3; k++)
        value_resolve(&include[k], "7");
    value_resolve(&include[3], "new");
    f.sweep.includes = include;
    f.sweep.include_count = 1;
    if (filtered_make(&f) < 0)
        fail_msg("%s", f.err.text);
    assert_int_equal(f.set.count, 1);
    assert_false(taskset_index(&f.set, &p, &index));
    taskset_point(&f.set, 0, &p);
    assert_true(p.included && p.positions[0] == 0);
    assert_true(taskset_index(&f.set, &p, &index) && index == 0);
    p.positions[0] = 1;
    assert_false(taskset_index(&f.set, &p, &index));
    p.sweep = 1;
    assert_false(taskset_index(&f.set, &p, &index));
    buf_init(&room, 100);
    assert_int_equal(taskset_value(&f.set, 0, 3, &room, &v, NULL), 0);
    assert_string_equal(v.text, "new");
    buf_fini(&room);
    assert_int_equal(taskset_find(&f.set, include, &found, &index, NULL), 0);
    assert_true(found && index == 0);
    assert_int_equal(taskset_sample_count(&f.set, 10), 1);
    assert_int_equal(taskset_sample(&f.set, 0, 1), 0);
    assert_int_equal(f.set.params[3].longest, 6); /* "direct" */
    filtered_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_billions),
        cmocka_unit_test(leaves_few_of_many),
        cmocka_unit_test(excludes_many),
        cmocka_unit_test(conditions_meet),
        cmocka_unit_test(wrong_filters_are_errors),
        cmocka_unit_test(large_filters_are_errors),
        cmocka_unit_test(included_points_may_be_all),
    };
    return cmocka_run_group_tests_name("taskset_filter", tests, NULL, NULL);
}
