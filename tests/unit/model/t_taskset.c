/* Task sets: counts, bounds, index -> positions -> index, values, shape. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/taskset.h"
#include "prng.h"
#include "sweeps.h"

static struct arena *arena;

static int arena_setup(void **state)
{
    (void)state;
    arena = arena_create(64 << 20);
    return arena ? 0 : -1;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* Ranges from 0 on, of which only the length counts. */
static int lengths_init(struct taskset *set, bool grid, const uint32_t *lengths,
                        uint32_t n, uint64_t max_count,
                        struct taskset_fault *fault, struct err *err)
{
    static struct param params[TASKSET_MAX_PARAMS + 1];
    static struct column columns[TASKSET_MAX_PARAMS + 1];
    static struct axis axes[TASKSET_MAX_PARAMS + 1];
    static uint32_t numbers[TASKSET_MAX_PARAMS + 1];
    for (uint32_t k = 0; k < n; k++) {
        numbers[k] = k;
        params[k] = (struct param){.name = "p"};
        columns[k] = (struct column){.kind = COLUMN_RANGE};
        value_resolve(&columns[k].from, "0");
        value_resolve(&columns[k].step, "1");
        columns[k].to = columns[k].from;
        columns[k].to.u.integer = (int64_t)lengths[k] - 1;
        axes[k] = (struct axis){.params = &numbers[k],
                                .columns = &columns[k],
                                .column_count = grid ? 1 : n};
        if (lengths[k] == 0)
            columns[k].kind = COLUMN_VALUES;
    }
    struct sweep sweep = {.axes = axes, .axis_count = grid || n == 0 ? n : 1};
    return taskset_init(set, arena, params, n, &sweep, 1, max_count, fault,
                        err);
}

#define MOST TASKSET_MAX_COUNT

static const struct {
    bool grid;
    uint32_t param_count;
    uint32_t lengths[6];
    uint64_t max_count;
    uint32_t count; /* 0: an error */
    int code;
    enum taskset_part what;
    uint32_t at, column;
    const char *text;
} counts[] = {
    {true, 1, {1}, MOST, 1, 0, 0, 0, 0, ""},
    {true, 3, {2, 3, 4}, MOST, 24, 0, 0, 0, 0, ""},
    {true, 3, {2, 3, 4}, 24, 24, 0, 0, 0, 0, ""},
    {true, 3, {2, 3, 4}, 23, 0, ERANGE, FAULT_COUNT, 0, 0, "24 points, and 23"},
    {true, 2, {MOST, 1}, MOST, MOST, 0, 0, 0, 0, ""},
    {true, 2, {MOST, 1}, UINT64_MAX, MOST, 0, 0, 0, 0, ""},
    {true, 1, {MOST + 1}, MOST, 0, ERANGE, FAULT_COUNT, 0, 0, "4294967281"},
    {true, 1, {MOST + 1}, UINT64_MAX, 0, ERANGE, FAULT_COUNT, 0, 0, "429496"},
    {true, 2, {65536, 65535}, MOST, 0xffff0000, 0, 0, 0, 0, ""},
    {true, 2, {65536, 65536}, MOST, 0, ERANGE, FAULT_COUNT, 0, 0, "4294967296"},
    {true,
     4,
     {65536, 65536, 65536, 65536},
     MOST,
     0,
     ERANGE,
     FAULT_COUNT,
     0,
     0,
     "about 1.8e+19"},
    {true,
     3,
     {UINT32_MAX, UINT32_MAX, UINT32_MAX},
     MOST,
     0,
     ERANGE,
     FAULT_COUNT,
     0,
     0,
     "about 7.9e+28"},
    {false, 1, {5}, MOST, 5, 0, 0, 0, 0, ""},
    {false, 3, {5, 5, 5}, MOST, 5, 0, 0, 0, 0, ""},
    {false, 3, {5, 5, 6}, MOST, 0, EINVAL, FAULT_COLUMN, 0, 2, "6 values"},
    {false, 2, {1, 5}, MOST, 0, EINVAL, FAULT_COLUMN, 0, 1, "have 1"},
    {false, 1, {MOST}, MOST, MOST, 0, 0, 0, 0, ""},
    {false, 1, {MOST + 1}, MOST, 0, ERANGE, FAULT_COUNT, 0, 0, "4294967281"},
};

static void counts_tasks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct taskset set = {.count = 77};
        struct taskset_fault fault = {0};
        struct err err = {0};
        int rc = lengths_init(&set, counts[i].grid, counts[i].lengths,
                              counts[i].param_count, counts[i].max_count,
                              &fault, &err);
        if (rc != (counts[i].code ? -1 : 0) || err.code != counts[i].code ||
            !strstr(err.text, counts[i].text))
            fail_msg("row %zu: %d, code %d: %s", i, rc, err.code, err.text);
        if (rc < 0 &&
            (fault.what != counts[i].what ||
             (fault.what != FAULT_COUNT &&
              (fault.at != counts[i].at || fault.column != counts[i].column))))
            fail_msg("row %zu: fault %d at %u, %u", i, (int)fault.what,
                     fault.at, fault.column);
        assert_int_equal(set.count, rc ? 77 : counts[i].count);
    }
    uint32_t ones[TASKSET_MAX_PARAMS];
    struct taskset set;
    struct err err;
    for (int k = 0; k < TASKSET_MAX_PARAMS; k++)
        ones[k] = 1;
    assert_int_equal(
        lengths_init(&set, true, ones, TASKSET_MAX_PARAMS, MOST, NULL, &err),
        0);
    taskset_init_listed(&set, 9);
    assert_int_equal(set.count, 9);
    assert_int_equal(set.kind, TASKS_LISTED);
    assert_int_equal(taskset_find_param(&set, "x"), -1);
    assert_int_equal(taskset_dims(&set, NULL), 1);
}

/* Small grids whole: positions count like an odometer. */
static void walks_as_an_odometer(void **state)
{
    static const uint32_t lengths[4] = {3, 1, 4, 5};
    struct taskset set;
    struct err err;
    uint32_t want[4] = {0};
    (void)state;
    assert_int_equal(lengths_init(&set, true, lengths, 4, MOST, NULL, &err), 0);
    assert_int_equal(set.count, 60);
    for (uint32_t i = 0; i < set.count; i++) {
        struct point p;
        uint32_t index = 99;
        taskset_point(&set, i, &p);
        assert_int_equal(p.sweep, 0);
        assert_false(p.included);
        for (uint32_t k = 0; k < 4; k++)
            assert_int_equal(p.positions[k], want[k]);
        assert_true(taskset_index(&set, &p, &index));
        assert_int_equal(index, i);
        for (uint32_t k = 4; k-- > 0 && ++want[k] == lengths[k];)
            want[k] = 0;
    }
}

/* Random grids up to the largest: index -> positions -> index. */
static void positions_and_index_are_inverse(void **state)
{
    struct prng r = {83};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        uint32_t lengths[8], n = 1 + prng_below(&r, 8);
        struct taskset set;
        struct err err;
        for (uint32_t k = 0; k < n; k++)
            lengths[k] =
                1 + prng_below(&r, prng_below(&r, 4) ? 12 : UINT32_C(1) << 31);
        if (lengths_init(&set, true, lengths, n, MOST, NULL, &err) < 0) {
            assert_int_equal(err.code, ERANGE);
            continue;
        }
        for (int probe = 0; probe < 20; probe++) {
            struct point p;
            uint32_t index;
            uint32_t i = probe == 0   ? 0
                         : probe == 1 ? set.count - 1
                                      : prng_below(&r, set.count);
            taskset_point(&set, i, &p);
            for (uint32_t k = 0; k < n; k++)
                assert_true(p.positions[k] < lengths[k]);
            assert_true(taskset_index(&set, &p, &index));
            assert_int_equal(index, i);
        }
    }
}

static const char *text_at(const struct taskset *set, uint32_t i, uint32_t k)
{
    static struct buf room;
    struct value v;
    struct err err;
    buf_fini(&room);
    buf_init(&room, 100);
    assert_int_equal(taskset_value(set, i, k, &room, &v, &err), 0);
    return v.text;
}

static void gives_values(void **state)
{
    struct value values[2][3];
    static const char *const texts[2][3] = {{"a", "b", "c"}, {"1", "2", "3"}};
    struct swept params[2];
    struct taskset set;
    struct err err;
    (void)state;
    for (int p = 0; p < 2; p++) {
        for (int k = 0; k < 3; k++)
            value_resolve(&values[p][k], texts[p][k]);
        params[p] = (struct swept){
            .name = p ? "n" : "word", .values = values[p], .count = 3};
    }
    assert_int_equal(swept_init(&set, arena, true, params, 2, &err), 0);
    assert_int_equal(set.count, 9);
    assert_string_equal(text_at(&set, 5, 0), "b");
    assert_string_equal(text_at(&set, 5, 1), "3");
    assert_int_equal(swept_init(&set, arena, false, params, 2, &err), 0);
    assert_int_equal(set.count, 3);
    assert_string_equal(text_at(&set, 1, 0), "b");
    assert_string_equal(text_at(&set, 1, 1), "2");
    assert_int_equal(taskset_find_param(&set, "word"), 0);
    assert_int_equal(taskset_find_param(&set, "n"), 1);
    assert_int_equal(taskset_find_param(&set, "wor"), -1);
    assert_int_equal(taskset_find_param(&set, ""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_tasks),
        cmocka_unit_test(walks_as_an_odometer),
        cmocka_unit_test(positions_and_index_are_inverse),
        cmocka_unit_test(gives_values),
    };
    return cmocka_run_group_tests_name("taskset", tests, arena_setup,
                                       arena_teardown);
}
