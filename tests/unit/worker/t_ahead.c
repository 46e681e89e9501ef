/* Tasks prepared ahead: who starts first, who is given back first. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "worker/ahead.h"

static int with[8];

static void put(struct ahead *a, uint32_t job, uint32_t index)
{
    struct msg_range r = {.job = job, .first = index, .count = 1, .attempt = 1};
    ahead_put(a, &r, &with[index]);
}

static void ready(struct ahead *a, uint32_t index)
{
    a->tasks[ahead_find(a, &with[index])].ready = true;
}

/* The first that is ready is this one; take it. */
static void expect(struct ahead *a, uint32_t index)
{
    uint32_t at;
    assert_true(ahead_first_ready(a, &at));
    struct ahead_task t = ahead_take(a, at);
    assert_int_equal(t.task.first, index);
    assert_ptr_equal(t.with, &with[index]);
}

static void expect_none(struct ahead *a)
{
    uint32_t at;
    assert_false(ahead_first_ready(a, &at));
}

static void the_ready_pass_the_waiting(void **state)
{
    (void)state;
    struct ahead a;
    assert_int_equal(ahead_init(&a, 4), 0);
    expect_none(&a);
    for (uint32_t i = 0; i < 4; i++)
        put(&a, 0, i);
    assert_true(ahead_is_full(&a));
    expect_none(&a);
    ready(&a, 2);
    expect(&a, 2);
    expect_none(&a);
    assert_false(ahead_is_full(&a));
    ahead_fini(&a);
}

static void the_ready_go_in_order(void **state)
{
    (void)state;
    struct ahead a;
    assert_int_equal(ahead_init(&a, 4), 0);
    for (uint32_t i = 0; i < 4; i++)
        put(&a, 0, i);
    ready(&a, 3); /* whoever was ready first */
    ready(&a, 1);
    expect(&a, 1);
    ready(&a, 0);
    expect(&a, 0);
    put(&a, 0, 4);
    ready(&a, 4);
    expect(&a, 3);
    expect(&a, 4);
    expect_none(&a);
    assert_int_equal(a.count, 1);
    ahead_fini(&a);
}

static void the_last_are_given_back(void **state)
{
    (void)state;
    struct ahead a;
    uint32_t at;
    assert_int_equal(ahead_init(&a, 8), 0);
    assert_false(ahead_last(&a, -1, &at));
    for (uint32_t i = 0; i < 6; i++)
        put(&a, i % 2, i);
    assert_true(ahead_last(&a, -1, &at));
    assert_int_equal(ahead_take(&a, at).task.first, 5);
    assert_true(ahead_last(&a, 1, &at));
    assert_int_equal(ahead_take(&a, at).task.first, 3);
    assert_true(ahead_last(&a, 1, &at));
    assert_int_equal(ahead_take(&a, at).task.first, 1);
    assert_false(ahead_last(&a, 1, &at));
    assert_int_equal(a.count, 3);
    assert_true(ahead_last(&a, -1, &at));
    assert_int_equal(ahead_take(&a, at).task.first, 4);
    ahead_fini(&a);
}

static void no_memory(void **state)
{
    (void)state;
    struct ahead a;
    mem_fail_at(1);
    assert_int_equal(ahead_init(&a, 8), -1);
    mem_fail_at(0);
    ahead_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ready_pass_the_waiting),
        cmocka_unit_test(the_ready_go_in_order),
        cmocka_unit_test(the_last_are_given_back),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
