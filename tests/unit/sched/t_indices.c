/* Sets of task indices, beside a plain array of flags. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sched/indices.h"

static void a_billion_are_one_range(void **state)
{
    (void)state;
    struct indices s;
    assert_int_equal(indices_init(&s, 1000000000), 0);
    assert_int_equal(s.count, 1000000000);
    assert_int_equal(indices_first(&s), 0);
    assert_int_equal(indices_run(&s, 0, 1000000), 1000000);
    indices_remove_range(&s, 0, 999999999);
    assert_int_equal(s.count, 1);
    assert_int_equal(indices_first(&s), 999999999);
    assert_int_equal(indices_run(&s, 999999999, 4096), 1);
    assert_true(indices_remove(&s, 999999999));
    assert_false(indices_remove(&s, 999999999));
    assert_int_equal(s.count, 0);
    indices_add_range(&s, 4294967279u, 1); /* the greatest index */
    assert_int_equal(indices_run(&s, 4294967279u, UINT32_MAX), 1);
    indices_fini(&s);
    indices_fini(&s); /* twice is fine */
}

static void runs_end_at_gaps(void **state)
{
    (void)state;
    struct indices s;
    assert_int_equal(indices_init(&s, 200000), 0);
    for (uint32_t gap = 1; gap < 200000; gap = gap * 2 + 1) {
        assert_true(indices_remove(&s, gap));
        for (uint32_t max = gap > 2 ? gap - 2 : 1; max < gap + 3; max++)
            assert_int_equal(indices_run(&s, 0, max), max < gap ? max : gap);
        assert_true(indices_add(&s, gap));
        assert_false(indices_add(&s, gap));
    }
    assert_int_equal(indices_run(&s, 0, UINT32_MAX), 200000);
    indices_fini(&s);
}

struct seen {
    const bool *flags;
    uint32_t count, last;
};

static void see(void *arg, uint32_t index)
{
    struct seen *s = arg;
    assert_true(s->flags[index]);
    assert_true(s->count == 0 || index > s->last);
    s->last = index;
    s->count++;
}

enum { UNIVERSE = 150000 };

static void like_plain_flags(void **state)
{
    (void)state;
    bool *flags = calloc(UNIVERSE, sizeof(*flags));
    struct indices s;
    srand(7);
    assert_int_equal(indices_init(&s, 0), 0);
    for (int round = 0; round < 40000; round++) {
        uint32_t at = (uint32_t)rand() % UNIVERSE;
        uint32_t n = 1 + (uint32_t)rand() % 300, i = 0;
        switch (rand() % 4) {
        case 0:
            assert_int_equal(indices_add(&s, at), !flags[at]);
            flags[at] = true;
            break;
        case 1:
            assert_int_equal(indices_remove(&s, at), flags[at]);
            flags[at] = false;
            break;
        case 2:
            while (i < n && at + i < UNIVERSE && !flags[at + i])
                flags[at + i++] = true;
            if (i > 0)
                indices_add_range(&s, at, i);
            break;
        case 3:
            if (s.count == 0)
                break;
            at = indices_first(&s);
            i = indices_run(&s, at, n);
            assert_true(i >= 1 && i <= n);
            assert_true(i == n || at + i == UNIVERSE || !flags[at + i]);
            for (uint32_t k = 0; k < i; k++) {
                assert_true(flags[at + k]);
                flags[at + k] = false;
            }
            indices_remove_range(&s, at, i);
            break;
        }
        assert_int_equal(indices_contains(&s, at), flags[at]);
    }
    struct seen seen = {.flags = flags};
    indices_visit(&s, see, &seen);
    assert_int_equal(seen.count, s.count);
    indices_clear(&s);
    assert_int_equal(s.count, 0);
    assert_false(indices_contains(&s, 3));
    indices_fini(&s);
    free(flags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_billion_are_one_range),
        cmocka_unit_test(runs_end_at_gaps),
        cmocka_unit_test(like_plain_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
