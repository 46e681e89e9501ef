/* Leases: who is silent, when to look, and what our own sleep counts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sched/liveness.h"

enum { SILENCE = 1000 };

/* Let time pass as the deadline wants it, until now_ns. */
static void pass(struct liveness *l, int64_t now_ns)
{
    while (l->now_ns < now_ns && liveness_silent(l) < 0) {
        int64_t next = liveness_deadline_ns(l);
        assert_true(next > l->now_ns);
        liveness_now(l, next < now_ns ? next : now_ns);
    }
}

static void leases_run_out(void **state)
{
    (void)state;
    struct liveness l;
    assert_int_equal(liveness_init(&l, 3, SILENCE), 0);
    assert_int_equal(liveness_deadline_ns(&l), INT64_MAX); /* no time yet */
    liveness_now(&l, 5000);
    assert_int_equal(liveness_silent(&l), -1);
    pass(&l, 5500);
    liveness_heard(&l, 1);
    pass(&l, 5999);
    assert_int_equal(liveness_silent(&l), -1);
    pass(&l, 6000);
    assert_int_equal(liveness_silent(&l), 0);
    assert_int_equal(liveness_silent(&l), 0); /* until it is forgotten */
    liveness_forget(&l, 0);
    assert_int_equal(liveness_silent(&l), 2);
    liveness_forget(&l, 2);
    assert_int_equal(liveness_silent(&l), -1);
    pass(&l, 6499);
    assert_int_equal(liveness_silent(&l), -1);
    pass(&l, 6500);
    assert_int_equal(liveness_silent(&l), 1);
    liveness_forget(&l, 1);
    assert_int_equal(liveness_deadline_ns(&l), INT64_MAX);
    liveness_fini(&l);
}

static void own_sleep_is_not_silence(void **state)
{
    (void)state;
    struct liveness l;
    assert_int_equal(liveness_init(&l, 1, SILENCE), 0);
    liveness_now(&l, 0);
    liveness_now(&l, 1000000); /* stopped for long */
    assert_int_equal(liveness_silent(&l), -1);
    liveness_heard(&l, 0);
    pass(&l, 1000999);
    assert_int_equal(liveness_silent(&l), -1);
    pass(&l, 1001000);
    assert_int_equal(liveness_silent(&l), 0);
    liveness_now(&l, 7); /* time does not go back */
    assert_int_equal(l.now_ns, 1001000);
    liveness_fini(&l);
}

static void without_memory(void **state)
{
    (void)state;
    for (unsigned long k = 1; k <= 3; k++) {
        struct liveness l;
        mem_fail_at(k);
        assert_int_equal(liveness_init(&l, 40, SILENCE), -1);
        mem_fail_at(0);
        liveness_fini(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_run_out),
        cmocka_unit_test(own_sleep_is_not_silence),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
