/* Task sets: counts, bounds, and index -> positions -> index. */
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

/* Axes of which only the length counts. */
static void axes_init(struct param *params, const uint32_t *lengths,
                      uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        params[k] = (struct param){.name = "p", .value_count = lengths[k]};
}

static const struct {
    enum sweep_method method;
    uint32_t param_count;
    uint32_t lengths[6];
    uint32_t count; /* 0: an error */
    int code;
} counts[] = {
    {SWEEP_GRID, 1, {1}, 1, 0},
    {SWEEP_GRID, 3, {2, 3, 4}, 24, 0},
    {SWEEP_GRID, 2, {0xfffffff0, 1}, 0xfffffff0, 0},
    {SWEEP_GRID, 1, {0xfffffff1}, 0, ERANGE},
    {SWEEP_GRID, 2, {65536, 65535}, 0xffff0000, 0},
    {SWEEP_GRID, 2, {65536, 65536}, 0, ERANGE},
    {SWEEP_GRID, 4, {65536, 65536, 65536, 65536}, 0, ERANGE},
    {SWEEP_GRID, 3, {UINT32_MAX, UINT32_MAX, UINT32_MAX}, 0, ERANGE},
    {SWEEP_GRID, 3, {2, 0, 4}, 0, EINVAL},
    {SWEEP_GRID, 3, {UINT32_MAX, UINT32_MAX, 0}, 0, ERANGE},
    {SWEEP_GRID, 0, {0}, 0, EINVAL},
    {SWEEP_LIST, 1, {5}, 5, 0},
    {SWEEP_LIST, 3, {5, 5, 5}, 5, 0},
    {SWEEP_LIST, 3, {5, 5, 6}, 0, EINVAL},
    {SWEEP_LIST, 2, {1, 5}, 0, EINVAL},
    {SWEEP_LIST, 2, {0, 0}, 0, EINVAL},
    {SWEEP_LIST, 0, {0}, 0, EINVAL},
    {SWEEP_LIST, 1, {0xfffffff0}, 0xfffffff0, 0},
    {SWEEP_LIST, 1, {0xfffffff1}, 0, ERANGE},
};

static void counts_tasks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct param params[6];
        struct taskset set = {.count = 77};
        struct err err = {0};
        axes_init(params, counts[i].lengths, counts[i].param_count);
        int rc = taskset_init_sweep(&set, counts[i].method, params,
                                    counts[i].param_count, &err);
        if (rc != (counts[i].code ? -1 : 0) || err.code != counts[i].code)
            fail_msg("row %zu: %d, code %d: %s", i, rc, err.code, err.text);
        assert_int_equal(set.count, rc ? 77 : counts[i].count);
    }
    struct param many[TASKSET_MAX_PARAMS + 1];
    uint32_t ones[TASKSET_MAX_PARAMS + 1];
    struct taskset set;
    struct err err;
    for (int k = 0; k <= TASKSET_MAX_PARAMS; k++)
        ones[k] = 1;
    axes_init(many, ones, TASKSET_MAX_PARAMS + 1);
    assert_int_equal(
        taskset_init_sweep(&set, SWEEP_GRID, many, TASKSET_MAX_PARAMS, &err),
        0);
    assert_int_equal(taskset_init_sweep(&set, SWEEP_GRID, many,
                                        TASKSET_MAX_PARAMS + 1, &err),
                     -1);
    assert_int_equal(err.code, ERANGE);
    taskset_init_listed(&set, 9);
    assert_int_equal(set.count, 9);
    assert_int_equal(set.method, SWEEP_NONE);
    assert_int_equal(taskset_find_param(&set, "x"), -1);
}

/* Small grids whole: positions count like an odometer. */
static void walks_as_an_odometer(void **state)
{
    static const uint32_t lengths[4] = {3, 1, 4, 5};
    struct param params[4];
    struct taskset set;
    struct err err;
    uint32_t want[4] = {0};
    (void)state;
    axes_init(params, lengths, 4);
    assert_int_equal(taskset_init_sweep(&set, SWEEP_GRID, params, 4, &err), 0);
    assert_int_equal(set.count, 60);
    for (uint32_t i = 0; i < set.count; i++) {
        for (uint32_t k = 0; k < 4; k++)
            assert_int_equal(taskset_position(&set, i, k), want[k]);
        assert_int_equal(taskset_index(&set, want), i);
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
        struct param params[8];
        struct taskset set;
        struct err err;
        for (uint32_t k = 0; k < n; k++)
            lengths[k] =
                1 + prng_below(&r, prng_below(&r, 4) ? 12 : UINT32_C(1) << 31);
        axes_init(params, lengths, n);
        if (taskset_init_sweep(&set, SWEEP_GRID, params, n, &err) < 0) {
            assert_int_equal(err.code, ERANGE);
            continue;
        }
        for (int probe = 0; probe < 20; probe++) {
            uint32_t at[8];
            uint32_t i = probe == 0   ? 0
                         : probe == 1 ? set.count - 1
                                      : prng_below(&r, set.count);
            for (uint32_t k = 0; k < n; k++) {
                at[k] = taskset_position(&set, i, k);
                assert_true(at[k] < lengths[k]);
            }
            assert_int_equal(taskset_index(&set, at), i);
        }
    }
}

static void gives_values(void **state)
{
    struct value values[2][3];
    static const char *const texts[2][3] = {{"a", "b", "c"}, {"1", "2", "3"}};
    struct param params[2];
    struct taskset set;
    struct err err;
    (void)state;
    for (int p = 0; p < 2; p++) {
        for (int k = 0; k < 3; k++)
            value_resolve(&values[p][k], texts[p][k]);
        params[p] = (struct param){
            .name = p ? "n" : "word", .values = values[p], .value_count = 3};
    }
    assert_int_equal(taskset_init_sweep(&set, SWEEP_GRID, params, 2, &err), 0);
    assert_int_equal(set.count, 9);
    assert_string_equal(taskset_value(&set, 5, 0)->text, "b");
    assert_string_equal(taskset_value(&set, 5, 1)->text, "3");
    assert_int_equal(taskset_init_sweep(&set, SWEEP_LIST, params, 2, &err), 0);
    assert_int_equal(set.count, 3);
    assert_string_equal(taskset_value(&set, 1, 0)->text, "b");
    assert_string_equal(taskset_value(&set, 1, 1)->text, "2");
    assert_int_equal(taskset_position(&set, 2, 1), 2);
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
    return cmocka_run_group_tests_name("taskset", tests, NULL, NULL);
}
