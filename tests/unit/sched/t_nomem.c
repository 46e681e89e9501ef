/* Memory that lacks: whatever fails can be repeated, and then all goes on as
 * if nothing had been. Two schedulers get the same news; for one of them each
 * call is made without memory first. */
#include "config.h"

#include "specs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { WORKERS = 20, TASKS = 600, STEPS = 4000 };

struct pair {
    struct specs specs;
    struct task_template listed[TASKS];
    struct sched *calm, *poor;
    struct given {
        uint32_t worker, job, index, attempt;
    } given[2 * TASKS];
    uint32_t given_count;
    unsigned failures;
    int64_t now;
};

static void remember(struct pair *p, const struct sched_action *a)
{
    for (uint32_t i = 0; a->kind == SCHED_ASSIGN && i < a->count; i++)
        p->given[p->given_count++] =
            (struct given){a->worker, a->job, a->first + i, a->attempt};
}

static void same_action(const struct sched_action *a,
                        const struct sched_action *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->worker, b->worker);
    assert_int_equal(a->job, b->job);
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->job_state, b->job_state);
}

/* The next action of the poor one: once without memory, then with. */
static bool poor_next(struct pair *p, struct sched_action *a)
{
    mem_fail_at(1);
    bool got = sched_next(p->poor, p->now, a);
    bool failed = mem_fail_at(0) > 0 && !got;
    p->failures += failed;
    return got || (failed && sched_next(p->poor, p->now, a));
}

static void drain(struct pair *p)
{
    struct sched_action a = {0}, b = {0};
    while (sched_next(p->calm, p->now, &a)) {
        assert_true(poor_next(p, &b));
        same_action(&a, &b);
        remember(p, &a);
    }
    assert_false(poor_next(p, &b));
}

/* Repeat an input of the poor one until it succeeds. */
#define POOR(p, call)                                                          \
    do {                                                                       \
        struct err err_ = {0};                                                 \
        struct err *err = &err_;                                               \
        mem_fail_at(1);                                                        \
        int rc_ = (call);                                                      \
        mem_fail_at(0);                                                        \
        if (rc_ < 0) {                                                         \
            assert_int_equal(err_.code, ENOMEM);                               \
            (p)->failures++;                                                   \
            rc_ = (call);                                                      \
        }                                                                      \
        assert_int_equal(rc_, 0);                                              \
    } while (0)

static void ends(struct pair *p, uint32_t at)
{
    static const enum reason reasons[] = {REASON_NONE,    REASON_EXIT_CODE,
                                          REASON_SIGNAL,  REASON_NONE,
                                          REASON_STOPPED, REASON_TIMEOUT};
    struct given g = p->given[at];
    struct attempt a =
        attempt_of(g.job, g.index, g.attempt, reasons[rand() % 6]);
    struct attempt b = a;
    bool in_calm, in_poor;
    assert_int_equal(
        sched_attempt_ended(p->calm, p->now, g.worker, &a, &in_calm, NULL), 0);
    POOR(p, sched_attempt_ended(p->poor, p->now, g.worker, &b, &in_poor, err));
    assert_int_equal(in_calm, in_poor);
    assert_int_equal(a.disposition, b.disposition);
    p->given[at] = p->given[--p->given_count];
}

static void news(struct pair *p)
{
    uint32_t k = (uint32_t)rand() % WORKERS;
    uint32_t at = p->given_count ? (uint32_t)rand() % p->given_count : 0;
    struct given g = p->given[at];
    switch (rand() % 20) {
    case 0:
        join(p->calm, p->now, k, 1 + k % 5);
        POOR(p, sched_worker_join(p->poor, p->now, k, 1 + k % 5, err));
        break;
    case 1:
        if (rand() % 30 || k == 0)
            break;
        sched_worker_gone(p->calm, p->now, k, NULL);
        POOR(p, sched_worker_gone(p->poor, p->now, k, err));
        break;
    case 2:
    case 3:
        p->now += NS_PER_MS;
        assert_int_equal(sched_tick(p->calm, p->now, NULL), 0);
        POOR(p, sched_tick(p->poor, p->now, err));
        break;
    case 4:
        if (p->given_count == 0)
            break;
        returned(p->calm, p->now, g.worker, g.job, g.index, 1, g.attempt);
        POOR(p, sched_tasks_returned(p->poor, p->now, g.worker, g.job, g.index,
                                     1, g.attempt, err));
        break;
    case 9:
        if (p->given_count == 0)
            break;
        preparing(p->calm, p->now, g.worker, g.job, g.index, g.attempt);
        POOR(p, sched_attempt_preparing(p->poor, p->now, g.worker, g.job,
                                        g.index, g.attempt, err));
        break;
    case 8:
        if (p->given_count == 0)
            break;
        storing(p->calm, p->now, g.worker, g.job, g.index, g.attempt);
        POOR(p, sched_attempt_storing(p->poor, p->now, g.worker, g.job, g.index,
                                      g.attempt, err));
        break;
    case 5:
    case 6:
    case 7:
        if (p->given_count == 0)
            break;
        started(p->calm, p->now, g.worker, g.job, g.index, g.attempt);
        POOR(p, sched_attempt_started(p->poor, p->now, g.worker, g.job, g.index,
                                      g.attempt, err));
        break;
    default:
        if (p->given_count > 0)
            ends(p, at);
        break;
    }
}

static void repeating_is_enough(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct pair *p = calloc(1, sizeof(*p));
        srand(seed);
        specs_init(&p->specs);
        specs_add(&p->specs, TASKS / 2, 1, 0, 4);
        for (uint32_t i = 0; i < TASKS / 2; i++)
            p->listed[i] = (struct task_template){
                .required_slots = 1 + i % 3,
                .constraints = {.max_task_retry_count = 2}};
        specs_list(&p->specs, TASKS / 2, p->listed, 0);
        p->calm = specs_sched(&p->specs, WORKERS);
        p->poor = specs_sched(&p->specs, WORKERS);
        drain(p);
        for (int step = 0; step < STEPS; step++) {
            news(p);
            drain(p);
        }
        failures += p->failures;
        sched_destroy(p->calm);
        sched_destroy(p->poor);
        free(p);
    }
    assert_true(failures > 500); /* else this has tested nothing */
}

static void replay_can_be_repeated(void **state)
{
    (void)state;
    struct specs specs;
    specs_init(&specs);
    specs_add(&specs, 100, 1, 0, 2);
    struct sched *s = specs_sched(&specs, 1);
    unsigned failures = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct attempt a = attempt_of(0, i, 1, REASON_EXIT_CODE);
        struct err err = {0};
        a.disposition = TASK_RETRIES;
        mem_fail_at(1);
        if (sched_replay_attempt(s, &a, &err) < 0) {
            mem_fail_at(0);
            assert_int_equal(err.code, ENOMEM);
            assert_int_equal(sched_task_attempts(s, 0, i), 0);
            assert_int_equal(sched_replay_attempt(s, &a, &err), 0);
            failures++;
        }
        mem_fail_at(0);
        assert_int_equal(sched_task_attempts(s, 0, i), 1);
    }
    assert_true(failures > 3);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeating_is_enough),
        cmocka_unit_test(replay_can_be_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
