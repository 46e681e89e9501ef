/* Ranges of tasks, beside a plain array; and the reservation rules. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sched/outstanding.h"

static void add(struct outstanding *o, uint32_t job, uint32_t first,
                uint32_t count)
{
    assert_int_equal(outstanding_reserve(o, 1), 0);
    outstanding_add(
        o, &(struct range){
               .job = job, .first = first, .count = count, .attempt = 1});
}

/* first, count of each range of the job, and no others. */
static void expect(const struct outstanding *o, const uint32_t (*want)[2],
                   uint32_t n)
{
    assert_int_equal(o->count, n);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(o->ranges[i].first, want[i][0]);
        assert_int_equal(o->ranges[i].count, want[i][1]);
    }
}

static void cuts(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, count, left[2][2], n;
    } cases[] = {
        {10, 10, {{0}}, 0},
        {10, 1, {{11, 9}}, 1},
        {19, 1, {{10, 9}}, 1},
        {13, 1, {{10, 3}, {14, 6}}, 2},
        {12, 5, {{10, 2}, {17, 3}}, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outstanding o = {0};
        add(&o, 0, 10, 10);
        assert_int_equal(outstanding_reserve(&o, 1), 0);
        outstanding_cut(&o, outstanding_find(&o, 0, cases[i].first),
                        cases[i].first, cases[i].count);
        expect(&o, cases[i].left, cases[i].n);
        outstanding_fini(&o);
    }
}

static void finds(void **state)
{
    (void)state;
    struct outstanding o = {0};
    assert_null(outstanding_find(&o, 0, 0));
    assert_null(outstanding_from(&o, 0, 0));
    add(&o, 1, 10, 5);
    add(&o, 0, 100, 1);
    add(&o, 1, 0, 2);
    assert_null(outstanding_find(&o, 0, 99));
    assert_non_null(outstanding_find(&o, 0, 100));
    assert_null(outstanding_find(&o, 0, 101));
    assert_null(outstanding_find(&o, 1, 2));
    assert_non_null(outstanding_find(&o, 1, 14));
    assert_null(outstanding_find(&o, 1, 15));
    assert_null(outstanding_find(&o, 2, 0));
    assert_int_equal(outstanding_from(&o, 1, 2)->first, 10);
    assert_int_equal(outstanding_from(&o, 0, 101)->job, 1);
    assert_null(outstanding_from(&o, 1, 15));
    outstanding_fini(&o);
}

static void a_mark_is_a_range_of_its_own(void **state)
{
    (void)state;
    struct outstanding o = {0};
    add(&o, 0, 0, 5);
    assert_int_equal(outstanding_reserve(&o, 2), 0);
    outstanding_mark(&o, outstanding_find(&o, 0, 2), 2, RANGE_STARTED);
    static const uint32_t want[][2] = {{0, 2}, {2, 1}, {3, 2}};
    expect(&o, want, 3);
    assert_int_equal(o.ranges[1].state, RANGE_STARTED);
    assert_int_equal(o.ranges[0].state, RANGE_GIVEN);
    assert_int_equal(o.ranges[2].state, RANGE_GIVEN);
    outstanding_mark(&o, outstanding_find(&o, 0, 2), 2, RANGE_STORING);
    expect(&o, want, 3);
    assert_int_equal(o.ranges[1].state, RANGE_STORING);
    outstanding_fini(&o);
}

static void no_memory_changes_nothing(void **state)
{
    (void)state;
    struct outstanding o = {0};
    mem_fail_at(1);
    assert_int_equal(outstanding_reserve(&o, 1), -1);
    assert_int_equal(o.cap, 0);
    for (uint32_t i = 0; i < 8; i++)
        add(&o, 0, 10 * i, 1);
    mem_fail_at(1);
    assert_int_equal(outstanding_reserve(&o, 1), -1);
    mem_fail_at(0);
    assert_int_equal(o.count, 8);
    assert_int_equal(outstanding_reserve(&o, 100), 0);
    assert_true(o.cap >= 108);
    outstanding_fini(&o);
}

enum { UNIVERSE = 500 };

static void like_plain_flags(void **state)
{
    (void)state;
    int flags[UNIVERSE] = {0}; /* 0: not in it, 1: given, 2: started */
    struct outstanding o = {0};
    srand(3);
    for (int round = 0; round < 20000; round++) {
        uint32_t at = (uint32_t)rand() % UNIVERSE, n = 0;
        struct range *r = outstanding_find(&o, 4, at);
        assert_int_equal(r != NULL, flags[at] != 0);
        if (!r) {
            while (n < 30 && at + n < UNIVERSE && flags[at + n] == 0)
                flags[at + n++] = 1;
            add(&o, 4, at, n);
            continue;
        }
        assert_int_equal(r->state == RANGE_STARTED, flags[at] == 2);
        assert_int_equal(outstanding_reserve(&o, 2), 0);
        r = outstanding_find(&o, 4, at);
        if (r->state == RANGE_GIVEN && rand() % 2) {
            outstanding_mark(&o, r, at, RANGE_STARTED);
            flags[at] = 2;
            continue;
        }
        n = 1 + (uint32_t)rand() % (r->first + r->count - at);
        outstanding_cut(&o, r, at, n);
        for (uint32_t i = 0; i < n; i++)
            flags[at + i] = 0;
    }
    outstanding_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts),
        cmocka_unit_test(finds),
        cmocka_unit_test(a_mark_is_a_range_of_its_own),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(like_plain_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
