/* The queue of a worker: order, taking back, jobs. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "worker/queue.h"

static void put(struct queue *q, uint32_t job, uint32_t first, uint32_t count)
{
    struct msg_range r = {
        .job = job, .first = first, .count = count, .attempt = 1};
    assert_int_equal(queue_put(q, &r), 0);
}

/* The next task is this one; take it. */
static void expect(struct queue *q, uint32_t job, uint32_t index)
{
    struct msg_range t;
    assert_true(queue_first(q, &t));
    assert_int_equal(t.job, job);
    assert_int_equal(t.first, index);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.attempt, 1);
    queue_drop_first(q);
}

static void test_order(void **state)
{
    (void)state;
    struct queue q;
    struct msg_range t;
    queue_init(&q);
    assert_false(queue_first(&q, &t));
    put(&q, 0, 10, 3);
    put(&q, 1, 5, 0); /* nothing */
    put(&q, 1, 7, 1);
    assert_int_equal(q.tasks, 4);
    expect(&q, 0, 10);
    expect(&q, 0, 11);
    put(&q, 0, 99, 1);
    expect(&q, 0, 12);
    expect(&q, 1, 7);
    expect(&q, 0, 99);
    assert_int_equal(q.tasks, 0);
    assert_false(queue_first(&q, &t));
    queue_fini(&q);
}

static void test_take_last(void **state)
{
    (void)state;
    struct queue q;
    struct msg_range t;
    queue_init(&q);
    assert_false(queue_take_last(&q, 1, &t));
    put(&q, 0, 0, 5);
    put(&q, 1, 0, 2);
    assert_false(queue_take_last(&q, 0, &t));
    assert_true(queue_take_last(&q, 10, &t));
    assert_int_equal(t.job, 1);
    assert_int_equal(t.count, 2);
    assert_true(queue_take_last(&q, 2, &t));
    assert_int_equal(t.job, 0);
    assert_int_equal(t.first, 3);
    assert_int_equal(t.count, 2);
    assert_int_equal(q.tasks, 3);
    expect(&q, 0, 0);
    queue_fini(&q);
}

static void test_take_job(void **state)
{
    (void)state;
    struct queue q;
    struct msg_range t;
    queue_init(&q);
    put(&q, 0, 0, 2);
    put(&q, 1, 0, 3);
    put(&q, 0, 8, 1);
    assert_false(queue_take_job(&q, 2, &t));
    assert_true(queue_take_job(&q, 1, &t));
    assert_int_equal(t.count, 3);
    assert_false(queue_take_job(&q, 1, &t));
    assert_true(queue_take_job(&q, 0, &t));
    assert_int_equal(t.first, 0);
    expect(&q, 0, 8);
    assert_int_equal(q.tasks, 0);
    queue_fini(&q);
}

static bool is_job(void *arg, const struct msg_range *task)
{
    assert_int_equal(task->count, 1);
    return task->job == *(uint32_t *)arg;
}

/* The first that fits, past those before it. */
static void test_first_of(void **state)
{
    (void)state;
    struct queue q;
    struct msg_range t;
    uint32_t job = 1, at;
    queue_init(&q);
    assert_false(queue_first_of(&q, is_job, &job, &t, &at));
    put(&q, 0, 0, 2);
    put(&q, 1, 5, 2);
    put(&q, 2, 0, 1);
    for (uint32_t i = 5; i < 7; i++) {
        assert_true(queue_first_of(&q, is_job, &job, &t, &at));
        assert_int_equal(t.first, i);
        queue_drop_at(&q, at);
    }
    assert_false(queue_first_of(&q, is_job, &job, &t, &at));
    assert_int_equal(q.tasks, 3);
    assert_int_equal(queue_find(&q, 0, 1), 1);
    assert_int_equal(queue_find(&q, 0, 2), 0);
    assert_int_equal(queue_find(&q, 1, 5), 0);
    expect(&q, 0, 0);
    expect(&q, 0, 1);
    expect(&q, 2, 0);
    queue_fini(&q);
}

/* The ring wraps and grows without losing anything. */
static void test_ring(void **state)
{
    (void)state;
    struct queue q;
    uint32_t in = 0, out = 0;
    queue_init(&q);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 3 + round % 5; i++)
            put(&q, 0, in++, 1);
        for (int i = 0; i < 2 + round % 4; i++)
            expect(&q, 0, out++);
    }
    assert_int_equal(q.tasks, in - out);
    while (out < in)
        expect(&q, 0, out++);
    queue_fini(&q);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct queue q;
    struct msg_range r = {.count = 1, .attempt = 1};
    queue_init(&q);
    mem_fail_at(1);
    assert_int_equal(queue_put(&q, &r), -1);
    mem_fail_at(0);
    assert_int_equal(q.tasks, 0);
    assert_int_equal(queue_put(&q, &r), 0);
    queue_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_take_last),
        cmocka_unit_test(test_take_job), cmocka_unit_test(test_first_of),
        cmocka_unit_test(test_ring),     cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
