/* When a node is out of line with its peers. */
#include "config.h"

#include "specs.h"

#include <string.h>

#include "sched/health.h"

static void streaks_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *here; /* + and -: attempts that succeeded, or failed */
        uint64_t ended, failed; /* elsewhere */
        bool bad;
    } cases[] = {
        {"-----", 5, 0, true},
        {"----", 100, 0, false},       /* not so many yet */
        {"-----", 4, 0, false},        /* nobody to compare with */
        {"-----", 10, 4, true},        /* less than half fail elsewhere */
        {"-----", 10, 5, false},       /* it is the tasks */
        {"+-----", 50, 0, false},      /* one has succeeded lately */
        {"+----------", 50, 0, true},  /* not among the last ten */
        {"----------", 50, 49, false}, /* all fail everywhere */
        {"----+", 50, 0, false},
        {"+++++", 50, 50, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct health h = {0};
        struct health_count all = {cases[i].ended, cases[i].failed};
        for (const char *p = cases[i].here; *p; p++) {
            health_note(&h, 3, *p == '-');
            all.ended++;
            all.failed += *p == '-';
        }
        if (health_is_bad(&h, &all) != cases[i].bad)
            fail_msg("case %zu: %s", i, cases[i].here);
    }
}

static void another_job_begins_anew(void **state)
{
    (void)state;
    struct health h = {0};
    for (int i = 0; i < 4; i++)
        health_note(&h, 1, true);
    health_note(&h, 2, true);
    assert_int_equal(h.streak, 1);
    assert_int_equal(h.job, 2);
    assert_int_equal(h.count.ended, 1);
}

static void some_ends_say_nothing(void **state)
{
    (void)state;
    static const enum reason silent[] = {REASON_LOST, REASON_CANCELLED,
                                         REASON_STOPPED, REASON_CHECKPOINT};
    for (int r = 0; r < REASON_COUNT; r++) {
        struct attempt a = attempt_of(0, 0, 1, (enum reason)r);
        bool says = true;
        for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
            says = says && silent[i] != (enum reason)r;
        assert_int_equal(health_says(&a), says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streaks_are_judged),
        cmocka_unit_test(another_job_begins_anew),
        cmocka_unit_test(some_ends_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
