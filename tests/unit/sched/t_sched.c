/* The scheduler, one rule a test. Times are small numbers of ms. */
#include "config.h"

#include "specs.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define MS NS_PER_MS

/* ---- Words ---- */

/* The next action must be of this kind. */
static struct sched_action next_is(struct sched *s, int64_t now,
                                   enum sched_action_kind kind)
{
    struct sched_action a = {0};
    assert_true(sched_next(s, now, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static void next_is_none(struct sched *s, int64_t now)
{
    struct sched_action a;
    assert_false(sched_next(s, now, &a));
}

static void next_assigns(struct sched *s, int64_t now, uint32_t worker,
                         uint32_t job, uint32_t first, uint32_t count,
                         uint32_t attempt)
{
    struct sched_action a = next_is(s, now, SCHED_ASSIGN);
    assert_int_equal(a.worker, worker);
    assert_int_equal(a.job, job);
    assert_int_equal(a.first, first);
    assert_int_equal(a.count, count);
    assert_int_equal(a.attempt, attempt);
}

static void next_changes(struct sched *s, int64_t now, uint32_t job,
                         enum job_state state, enum job_end end)
{
    struct sched_action a = next_is(s, now, SCHED_JOB_CHANGED);
    assert_int_equal(a.job, job);
    assert_int_equal(a.job_state, state);
    assert_int_equal(a.job_end, end);
}

/* How many tasks are handed out now, all told; nothing else must come. */
static uint32_t assign_all(struct sched *s, int64_t now)
{
    struct sched_action a;
    uint32_t n = 0;
    while (sched_next(s, now, &a)) {
        assert_int_equal(a.kind, SCHED_ASSIGN);
        n += a.count;
    }
    return n;
}

static void is_state(const struct sched *s, uint32_t index,
                     enum task_state state, enum attempt_result result,
                     uint32_t attempts)
{
    enum attempt_result r;
    assert_int_equal(sched_task_state(s, 0, index, &r), state);
    assert_int_equal(r, result);
    assert_int_equal(sched_task_attempts(s, 0, index), attempts);
}

static struct task_counts counts(const struct sched *s, uint32_t job)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    return jobs[job].tasks;
}

/* ---- Life ---- */

static void refuses_nonsense(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0);
    struct specs wide = sp;
    wide.spec.jobs = wide.jobs;
    wide.templates[0].required_slots = JOBSPEC_MAX_SLOTS + 1;
    wide.jobs[0].templates = wide.templates;
    const struct sched_config cases[] = {
        {.spec = &sp.spec, .worker_count = 1, .silence_ns = 0},
        {.spec = &sp.spec, .worker_count = 1, .silence_ns = -1},
        {.spec = &sp.spec, .worker_count = UINT32_MAX, .silence_ns = 1},
        {.spec = &sp.spec, .silence_ns = 1, .prefetch_ns = -1},
        {.spec = &sp.spec, .silence_ns = 1, .prefetch_ns = INT64_MAX},
        {.spec = &wide.spec, .silence_ns = 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_null(sched_create(&cases[i], &err));
        assert_int_equal(err.code, EINVAL);
    }
    sched_destroy(NULL);
}

static void without_memory_there_is_no_scheduler(void **state)
{
    (void)state;
    struct task_template t[] = {{.required_slots = 1}, {.required_slots = 2}};
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0);
    specs_list(&sp, 2, t, 0);
    struct sched_config c;
    sched_config_init(&c);
    c.spec = &sp.spec;
    c.worker_count = 40;
    unsigned long made = 0;
    mem_fail_at(0);
    struct sched *s = sched_create(&c, NULL);
    made = mem_fail_at(0);
    assert_non_null(s);
    sched_destroy(s);
    for (unsigned long k = 1; k <= made; k++) {
        struct err err = {0};
        mem_fail_at(k);
        assert_null(sched_create(&c, &err));
        assert_int_equal(err.code, ENOMEM);
    }
    mem_fail_at(0);
}

static void no_jobs_are_all_completed(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 1);
    next_is_none(s, 0);
    assert_true(sched_all_completed(s));
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void a_job_runs_to_its_end(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 3, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    next_is_none(s, 0);
    assert_false(sched_finished(s)); /* a worker is expected */
    join(s, 0, 0, 2);
    next_assigns(s, 0, 0, 0, 0, 2, 1); /* the slots */
    next_assigns(s, 0, 0, 0, 2, 1, 1); /* and one ahead */
    next_is_none(s, 0);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE, 0);
    started(s, 1, 0, 0, 0, 1);
    is_state(s, 0, TASK_RUNNING, RESULT_NONE, 0);
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE, 0);
    assert_int_equal(counts(s, 0).running, 2); /* two slots are busy */
    assert_int_equal(counts(s, 0).active, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    is_state(s, 0, TASK_COMPLETED, RESULT_SUCCESS, 1);
    assert_true(end_task(s, 2, 0, 0, 2, 1, REASON_TIMEOUT));
    is_state(s, 2, TASK_COMPLETED, RESULT_FAILURE, 1);
    next_is_none(s, 2);
    assert_false(sched_finished(s));
    assert_true(end_task(s, 3, 0, 0, 1, 1, REASON_NONE));
    assert_false(sched_finished(s)); /* there is something to say first */
    next_changes(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    assert_false(sched_all_completed(s));
    next_changes(s, 3, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    next_is_none(s, 3);
    assert_true(sched_finished(s));
    assert_true(sched_all_completed(s));
    struct task_counts c = counts(s, 0);
    assert_int_equal(c.total, 3);
    assert_int_equal(c.succeeded, 2);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.running + c.active + c.retried + c.invalid, 0);
    sched_destroy(s);
}

static void order_is_priority_age_index(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 1);
    specs_add(&sp, 2, 1, 10, 0);
    specs_add(&sp, 2, 1, 0, 0);
    specs_add(&sp, 1, 1, -10, 0);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 7);
    next_assigns(s, 0, 0, 1, 0, 2, 1);
    next_assigns(s, 0, 0, 0, 0, 2, 1);
    next_assigns(s, 0, 0, 2, 0, 2, 1);
    next_assigns(s, 0, 0, 3, 0, 1, 1);
    next_is_none(s, 0);
    sched_destroy(s);
}

static void narrow_and_wide_go_by_index(void **state)
{
    (void)state;
    struct task_template t[] = {
        {.required_slots = 1}, {.required_slots = 2}, {.required_slots = 1}};
    struct specs sp;
    specs_init(&sp);
    specs_list(&sp, 3, t, 0);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 8);
    next_assigns(s, 0, 0, 0, 0, 1, 1);
    next_assigns(s, 0, 0, 0, 1, 1, 1);
    next_assigns(s, 0, 0, 0, 2, 1, 1);
    sched_destroy(s);
}

static void free_slots_come_before_prefetch(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 1000, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 3);
    uint32_t given[3] = {0};
    for (uint32_t w = 0; w < 3; w++)
        join(s, 0, w, 4);
    struct sched_action a;
    while (sched_next(s, 0, &a)) {
        if (given[0] + given[1] + given[2] >= 12)
            for (uint32_t w = 0; w < 3; w++)
                assert_true(given[w] >= 4);
        given[a.worker] += a.count;
    }
    for (uint32_t w = 0; w < 3; w++)
        assert_int_equal(given[w], 8); /* slots, and one a slot ahead */
    sched_destroy(s);
}

static void few_tasks_are_spread(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 6, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 3);
    uint32_t given[3] = {0};
    for (uint32_t w = 0; w < 3; w++)
        join(s, 0, w, 4);
    struct sched_action a;
    while (sched_next(s, 0, &a))
        given[a.worker] += a.count;
    for (uint32_t w = 0; w < 3; w++)
        assert_int_equal(given[w], 2);
    sched_destroy(s);
}

/* An attempt that is being stored has its slots free for others, and is its
 * worker's still: lost with it, not counted as running, accepted when it ends.
 */
static void storing_frees_the_slots(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 5, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 1);
    assert_int_equal(assign_all(s, 0), 2); /* the slot, and one ahead */
    storing(s, 1, 0, 0, 0, 1);
    is_state(s, 0, TASK_RUNNING, RESULT_NONE, 0);
    uint32_t worker = 7;
    assert_true(sched_task_worker(s, 0, 0, &worker));
    assert_int_equal(worker, 0);
    assert_false(sched_task_worker(s, 0, 4, &worker));
    next_assigns(s, 1, 0, 0, 2, 1, 1);
    started(s, 2, 0, 0, 1, 1);
    storing(s, 2, 0, 0, 1, 1);
    storing(s, 2, 0, 0, 1, 1); /* said twice, counted once */
    next_assigns(s, 2, 0, 0, 3, 1, 1);
    next_is_none(s, 2);
    assert_int_equal(counts(s, 0).running, 1); /* the slot */
    assert_int_equal(counts(s, 0).storing, 2);
    assert_int_equal(counts(s, 0).active, 2);
    returned(s, 3, 0, 0, 0, 2, 1); /* nonsense: they have started */
    next_is_none(s, 3);
    assert_true(end_task(s, 4, 0, 0, 0, 1, REASON_NONE));
    is_state(s, 0, TASK_COMPLETED, RESULT_SUCCESS, 1);
    next_is_none(s, 4); /* its slot was free before */
    assert_int_equal(sched_worker_gone(s, 5, 0, NULL), 0);
    next_is(s, 5, SCHED_WORKER_LOST);
    struct sched_action a = next_is(s, 5, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 1);
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE, 1);
    next_is_none(s, 5);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

/* An attempt that waits for its files lets others have the slots, may be given
 * back, and counts again when it starts. */
static void preparing_waits_for_no_slot(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 6, 1, 0, 0);
    sp.templates[0].own_directory = true;
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 1);
    assert_int_equal(assign_all(s, 0), 2);
    preparing(s, 1, 0, 0, 0, 1);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE, 0);
    assert_int_equal(counts(s, 0).preparing, 1);
    assert_int_equal(counts(s, 0).active, 5);
    assert_int_equal(counts(s, 0).running, 0); /* it would have been said */
    next_assigns(s, 1, 0, 0, 2, 1, 1);
    preparing(s, 2, 0, 0, 2, 1);
    preparing(s, 2, 0, 0, 2, 1);
    next_assigns(s, 2, 0, 0, 3, 1, 1);
    next_is_none(s, 2);
    started(s, 3, 0, 0, 0, 1);
    preparing(s, 3, 0, 0, 0, 1); /* stale */
    assert_int_equal(counts(s, 0).preparing, 1);
    assert_int_equal(counts(s, 0).running, 1);
    is_state(s, 0, TASK_RUNNING, RESULT_NONE, 0);
    assert_true(end_task(s, 4, 0, 0, 1, 1, REASON_NONE));
    next_is_none(s, 4); /* the first one has taken its place */
    returned(s, 5, 0, 0, 2, 1, 1);
    next_is_none(s, 5);
    assert_true(end_task(s, 6, 0, 0, 0, 1, REASON_NONE));
    next_assigns(s, 6, 0, 0, 2, 1, 1);
    preparing(s, 6, 0, 0, 2, 1);
    next_assigns(s, 6, 0, 0, 4, 1, 1);
    assert_true(end_task(s, 7, 0, 0, 2, 1, REASON_PRE_PROCESSING));
    is_state(s, 2, TASK_COMPLETED, RESULT_FAILURE, 1);
    preparing(s, 8, 0, 0, 3, 1);
    next_assigns(s, 8, 0, 0, 5, 1, 1);
    /* lost: none of them has run */
    assert_int_equal(sched_worker_gone(s, 9, 0, NULL), 0);
    next_is(s, 9, SCHED_WORKER_LOST);
    next_is_none(s, 9);
    for (uint32_t i = 3; i < 6; i++)
        is_state(s, i, TASK_ACTIVE, RESULT_NONE, 0);
    sched_destroy(s);
}

static void prepared_waits_for_slots(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 6, 1, 0, 0);
    sp.templates[0].own_directory = true;
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 1);
    assert_int_equal(assign_all(s, 0), 2); /* 0 and 1 */
    preparing(s, 1, 0, 0, 0, 1);
    next_assigns(s, 1, 0, 0, 2, 1, 1);
    prepared(s, 2, 0, 0, 0, 1);
    prepared(s, 2, 0, 0, 0, 1);
    preparing(s, 2, 0, 0, 0, 1); /* stale */
    assert_int_equal(counts(s, 0).preparing, 1);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE, 0);
    assert_true(end_task(s, 3, 0, 0, 1, 1, REASON_NONE));
    /* the slot that is free now is task 0's: 2 is ahead of it already */
    next_is_none(s, 3);
    started(s, 4, 0, 0, 0, 1);
    assert_int_equal(counts(s, 0).running, 1);
    next_is_none(s, 4);
    assert_true(end_task(s, 5, 0, 0, 0, 1, REASON_NONE));
    next_assigns(s, 5, 0, 0, 3, 1, 1);
    sched_destroy(s);
}

static void prepared_is_recalled_for_the_idle(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    sp.templates[0].own_directory = true;
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 1);
    assert_int_equal(assign_all(s, 0), 2);
    started(s, 1, 0, 0, 0, 1);
    preparing(s, 1, 0, 0, 1, 1);
    prepared(s, 2, 0, 0, 1, 1);
    join(s, 3, 1, 1);
    assert_int_equal(sched_tick(s, 3 + NS_PER_SEC, NULL), 0);
    next_is(s, 3 + NS_PER_SEC, SCHED_RECALL);
    sched_destroy(s);
}

/* ---- Windows ---- */

static void window_follows_what_was_measured(void **state)
{
    (void)state;
    static const struct {
        int64_t took_ns;
        uint32_t least, most; /* given behind the first results */
    } cases[] = {
        {0, 3, 4},
        {100 * NS_PER_US, 700, 1100},
        {1, 3000, 4098},
        {3600 * NS_PER_SEC, 3, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct specs sp;
        specs_init(&sp);
        specs_add(&sp, 1000000, 1, 0, 0);
        struct sched *s = specs_sched(&sp, 1);
        join(s, 0, 0, 2);
        uint32_t given = assign_all(s, 0), done = 0;
        assert_int_equal(given, 4);
        for (; done < 4; done++) {
            struct attempt a = attempt_of(0, done, 1, REASON_NONE);
            assert_true(end_took(s, 1, 0, &a, cases[i].took_ns));
            given += assign_all(s, 1);
        }
        assert_in_range(given - done, cases[i].least, cases[i].most);
        sched_destroy(s);
    }
}

static void a_wide_task_is_not_starved(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 100, 1, 0, 0);
    specs_add(&sp, 1, 4, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 4);
    /* its job is younger: narrow ones fill slots and window, but then it is
     * put behind them, and they cannot overtake it for ever */
    uint32_t done = 0;
    struct sched_action a;
    bool given = false;
    while (!given && done < 100) {
        while (sched_next(s, done, &a))
            given |= a.job == 1;
        assert_true(end_task(s, done, 0, 0, done, 1, REASON_NONE));
        done++;
    }
    assert_true(given);
    sched_destroy(s);

    /* and if it is more important, at once */
    specs_init(&sp);
    specs_add(&sp, 100, 1, 0, 0);
    specs_add(&sp, 1, 4, 5, 0);
    s = specs_sched(&sp, 2);
    join(s, 0, 0, 2);
    assert_int_equal(assign_all(s, 0), 4);
    join(s, 0, 1, 4);
    next_assigns(s, 0, 1, 1, 0, 1, 1);
    sched_destroy(s);
}

static void what_fits_nobody_ends_the_session(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    specs_add(&sp, 1, 4, 5, 0);
    struct sched *s = specs_sched(&sp, 3);
    join(s, 0, 0, 2);
    assert_int_equal(assign_all(s, 0), 2);
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_NONE));
    assert_true(end_task(s, 1, 0, 0, 1, 1, REASON_NONE));
    next_is(s, 1, SCHED_JOB_CHANGED);
    next_is(s, 1, SCHED_JOB_CHANGED);
    next_is_none(s, 1);
    assert_false(sched_finished(s)); /* 1 and 2 may be wide enough */
    join(s, 1, 1, 3);
    next_is_none(s, 1);
    assert_false(sched_finished(s));
    assert_int_equal(sched_worker_gone(s, 2, 2, NULL), 0);
    assert_int_equal(next_is(s, 2, SCHED_WORKER_LOST).worker, 2);
    next_is_none(s, 2);
    assert_true(sched_finished(s));
    assert_false(sched_all_completed(s));
    assert_int_equal(counts(s, 1).active, 1);
    sched_destroy(s);
}

static void a_worker_without_slots_gets_nothing(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 0);
    next_is_none(s, 0);
    assert_int_equal(sched_worker_gone(s, 1, 1, NULL), 0);
    next_is(s, 1, SCHED_WORKER_LOST);
    next_is_none(s, 1);
    assert_true(sched_finished(s));
    assert_int_equal(sched_worker_gone(s, 1, 0, NULL), 0);
    next_is(s, 1, SCHED_WORKER_LOST);
    next_is_none(s, 1);
    sched_destroy(s);
}

/* ---- Ends ---- */

static void dispositions(void **state)
{
    (void)state;
    static const struct {
        enum reason reason;
        int32_t retries;   /* allowed */
        uint32_t attempts; /* until it is completed; 0: it never is */
    } cases[] = {
        {REASON_NONE, 3, 1},        {REASON_EXIT_CODE, 0, 1},
        {REASON_EXIT_CODE, 2, 3},   {REASON_EXIT_CODE, -1, 0},
        {REASON_SIGNAL, 0, 1},      {REASON_SIGNAL, 1, 2},
        {REASON_TIMEOUT, 3, 1},     {REASON_NOT_FOUND, 3, 1},
        {REASON_LAUNCH, 3, 1},      {REASON_INTERNAL, 3, 1},
        {REASON_CANCELLED, 3, 1},   {REASON_LOST, 0, 0},
        {REASON_STOPPED, 0, 0},     {REASON_PRE_PROCESSING, 3, 1},
        {REASON_FILE_UPLOAD, 3, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct specs sp;
        specs_init(&sp);
        specs_add(&sp, 1, 1, 0, cases[i].retries);
        struct sched *s = specs_sched(&sp, 1);
        join(s, 0, 0, 1);
        uint32_t most = cases[i].attempts ? cases[i].attempts : 20;
        for (uint32_t n = 1; n <= most; n++) {
            struct attempt a = attempt_of(0, 0, n, cases[i].reason);
            int64_t now = n * NS_PER_SEC; /* endless retries take their time */
            next_assigns(s, now, 0, 0, 0, 1, n);
            next_is_none(s, now);
            assert_true(end_took(s, now, 0, &a, 0));
            assert_int_equal(a.disposition,
                             n == cases[i].attempts ? TASK_ENDS : TASK_RETRIES);
            assert_int_equal(sched_task_attempts(s, 0, 0), n);
        }
        assert_int_equal(counts(s, 0).retried,
                         cases[i].attempts ? most - 1 : most);
        if (cases[i].attempts)
            next_changes(s, 99 * NS_PER_SEC, 0, JOB_TERMINATING,
                         JOB_END_ALL_TASKS_COMPLETE);
        else
            next_is(s, 99 * NS_PER_SEC, SCHED_ASSIGN);
        sched_destroy(s);
    }
}

static void lost_attempts_use_no_retry(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 1, 1, 0, 1);
    static const enum reason reasons[] = {REASON_STOPPED, REASON_EXIT_CODE,
                                          REASON_LOST, REASON_STOPPED,
                                          REASON_SIGNAL};
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 1);
    for (uint32_t n = 1; n <= 5; n++) {
        struct attempt a = attempt_of(0, 0, n, reasons[n - 1]);
        next_assigns(s, n, 0, 0, 0, 1, n);
        assert_true(end_took(s, n, 0, &a, 0));
        assert_int_equal(a.disposition, n < 5 ? TASK_RETRIES : TASK_ENDS);
    }
    is_state(s, 0, TASK_COMPLETED, RESULT_FAILURE, 5);
    sched_destroy(s);
}

static void stale_news_is_ignored(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 1);
    struct sched *s = specs_sched(&sp, 3);
    join(s, 0, 0, 1);
    join(s, 0, 1, 1);
    next_assigns(s, 0, 0, 0, 0, 1, 1);
    next_assigns(s, 0, 1, 0, 1, 1, 1);
    static const struct {
        uint32_t worker, job, index, attempt;
    } cases[] = {
        {1, 0, 0, 1},                        /* another's */
        {2, 0, 0, 1},                        /* not joined */
        {3, 0, 0, 1},                        /* no such worker */
        {UINT32_MAX, 0, 0, 1}, {0, 1, 0, 1}, /* no such job */
        {0, UINT32_MAX, 0, 1}, {0, 0, 9, 1}, /* not handed out */
        {0, 0, 10, 1},                       /* no such task */
        {0, 0, UINT32_MAX, 1}, {0, 0, 0, 0}, /* another attempt */
        {0, 0, 0, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(end_task(s, 0, cases[i].worker, cases[i].job,
                              cases[i].index, cases[i].attempt, REASON_NONE));
        started(s, 0, cases[i].worker, cases[i].job, cases[i].index,
                cases[i].attempt);
        returned(s, 0, cases[i].worker, cases[i].job, cases[i].index, 1,
                 cases[i].attempt);
    }
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE, 0);
    started(s, 0, 0, 0, 0, 1);
    started(s, 0, 0, 0, 0, 1);              /* twice */
    returned(s, 0, 0, 0, 0, UINT32_MAX, 1); /* it has started */
    is_state(s, 0, TASK_RUNNING, RESULT_NONE, 0);
    assert_int_equal(counts(s, 0).running, 2);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    assert_false(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    join(s, 0, 0, 64); /* twice */
    struct job_snapshot job;
    struct snapshot snap = {.jobs = &job};
    sched_snapshot(s, &snap);
    assert_int_equal(snap.slot_count, 2);
    sched_worker_heard(s, 0, 77);
    assert_int_equal(sched_worker_gone(s, 0, 77, NULL), 0);
    assert_int_equal(sched_worker_gone(s, 0, 1, NULL), 0);
    assert_int_equal(sched_worker_gone(s, 0, 1, NULL), 0);
    assert_int_equal(next_is(s, 0, SCHED_WORKER_LOST).worker, 1);
    assert_false(end_task(s, 0, 1, 0, 1, 1, REASON_NONE)); /* dead */
    join(s, 0, 1, 4);
    next_assigns(s, 0, 0, 0, 0, 1, 2);
    sched_destroy(s);
}

static void invalid_metrics_are_counted(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 3, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 3);
    assert_int_equal(assign_all(s, 0), 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct attempt a =
            attempt_of(0, i, 1, i == 2 ? REASON_EXIT_CODE : REASON_NONE);
        a.metric_count = 2;
        a.metrics[1].state = i == 0 ? METRIC_OK : METRIC_MISSING;
        assert_true(end_took(s, 0, 0, &a, 0));
    }
    assert_int_equal(counts(s, 0).invalid, 1);
    sched_destroy(s);
}

/* ---- Workers ---- */

static void a_lost_worker_loses_no_task(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 6, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 3);
    assert_int_equal(assign_all(s, 0), 5);
    started(s, 1, 0, 0, 0, 1);
    started(s, 1, 0, 0, 2, 1);
    assert_true(end_task(s, 2, 0, 0, 1, 1, REASON_NONE));
    assert_int_equal(sched_worker_gone(s, 3, 0, NULL), 0);
    is_state(s, 3, TASK_ACTIVE, RESULT_NONE, 0);
    assert_int_equal(next_is(s, 3, SCHED_WORKER_LOST).worker, 0);
    uint32_t lost = 0;
    for (int i = 0; i < 2; i++) {
        struct sched_action a = next_is(s, 3, SCHED_ATTEMPT_LOST);
        assert_int_equal(a.worker, 0);
        assert_int_equal(a.attempt, 1);
        assert_int_equal(a.count, 1);
        lost |= 1u << a.first;
    }
    assert_int_equal(lost, 1 << 0 | 1 << 2);
    next_is_none(s, 3);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE, 1);
    assert_int_equal(counts(s, 0).running, 0);
    assert_false(sched_finished(s)); /* worker 1 may come */
    join(s, 4, 1, 9);
    next_assigns(s, 4, 1, 0, 0, 1, 2);
    next_assigns(s, 4, 1, 0, 2, 1, 2);
    next_assigns(s, 4, 1, 0, 3, 3, 1);
    struct job_snapshot job;
    struct snapshot snap = {.jobs = &job};
    sched_snapshot(s, &snap);
    assert_int_equal(snap.ranks_lost, 1);
    assert_int_equal(snap.slot_count, 9);
    assert_int_equal(snap.slots_busy, 5);
    sched_destroy(s);
}

/* Ticks as the deadline asks for (a turn takes 1 ms), until now. */
static void tick_until(struct sched *s, int64_t from, int64_t now)
{
    while (from < now) {
        int64_t at = sched_deadline_ns(s);
        if (at < from + MS)
            at = from + MS;
        from = at < now ? at : now;
        assert_int_equal(sched_tick(s, from, NULL), 0);
    }
}

static void silence_is_death(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 6, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 2);
    int64_t end = 30 * NS_PER_SEC;
    join(s, 0, 0, 3);
    assert_int_equal(assign_all(s, 0), 5);
    tick_until(s, 0, end - 1);
    next_is_none(s, end - 1);
    sched_worker_heard(s, end - 1, 0);
    tick_until(s, end - 1, end + 1);
    assert_int_equal(next_is(s, end + 1, SCHED_WORKER_LOST).worker, 1);
    next_is_none(s, end + 1);
    tick_until(s, end + 1, 2 * end);
    assert_int_equal(next_is(s, 2 * end, SCHED_WORKER_LOST).worker, 0);
    next_is_none(s, 2 * end);
    assert_true(sched_finished(s));
    assert_int_equal(counts(s, 0).active, 6);
    sched_destroy(s);
}

/* ---- Sessions ---- */

static void draining_lets_running_tasks_end(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 100, 1, 0, 1);
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 2);
    assert_int_equal(assign_all(s, 0), 4);
    assert_int_equal(sched_stop(s, 1, SCHED_RUN, NULL), 0);
    next_is_none(s, 1);
    assert_int_equal(sched_stop(s, 1, SCHED_DRAIN, NULL), 0);
    struct sched_action a = next_is(s, 1, SCHED_STOP_WORKER);
    assert_int_equal(a.worker, 0);
    assert_false(a.stop_now);
    next_is_none(s, 1);
    returned(s, 2, 0, 0, 2, 2, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_EXIT_CODE));
    next_is_none(s, 2);
    assert_false(sched_finished(s));
    assert_int_equal(sched_stop(s, 3, SCHED_STOP_NOW, NULL), 0);
    assert_true(next_is(s, 3, SCHED_STOP_WORKER).stop_now);
    next_is_none(s, 3);
    assert_int_equal(sched_stop(s, 3, SCHED_DRAIN, NULL), 0);
    next_is_none(s, 3);
    assert_true(end_task(s, 4, 0, 0, 1, 1, REASON_STOPPED));
    next_is_none(s, 4);
    assert_true(sched_finished(s));
    assert_false(sched_all_completed(s));
    assert_int_equal(counts(s, 0).active, 100);
    join(s, 5, 1, 2); /* late: it is told, and gets nothing */
    assert_true(next_is(s, 5, SCHED_STOP_WORKER).stop_now);
    next_is_none(s, 5);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void the_limit_counts_attempts(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 100, 1, 0, 1);
    struct sched_config c;
    sched_config_init(&c);
    c.spec = &sp.spec;
    c.worker_count = 1;
    c.task_limit = 3;
    struct sched *s = sched_create(&c, NULL);
    join(s, 0, 0, 2);
    assert_int_equal(assign_all(s, 0), 3);
    returned(s, 1, 0, 0, 2, 1, 1); /* was not started: does not count */
    assert_false(sched_finished(s));
    next_assigns(s, 1, 0, 0, 2, 1, 1);
    next_is_none(s, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(sched_finished(s));
        assert_true(end_task(s, 2, 0, 0, i, 1,
                             i == 0 ? REASON_EXIT_CODE : REASON_NONE));
        next_is_none(s, 2);
    }
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void a_pause_hands_out_nothing(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    sched_pause(s, true);
    join(s, 0, 0, 2);
    next_is_none(s, 0);
    assert_false(sched_finished(s));
    sched_pause(s, false);
    assert_int_equal(assign_all(s, 1), 2);
    sched_pause(s, true);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    assert_true(end_task(s, 2, 0, 0, 1, 1, REASON_NONE));
    next_is(s, 2, SCHED_JOB_CHANGED); /* what is, is said */
    sched_destroy(s);
}

static void time_limit_of_a_job(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 5)->max_wall_clock_ns = 100 * MS;
    specs_add(&sp, 1, 1, -1, 0);
    struct sched *s = specs_sched(&sp, 3);
    sched_replay_job_time(s, 0, 60 * MS);
    next_is_none(s, 5 * MS); /* it runs from the first task on */
    join(s, 10 * MS, 0, 1);
    join(s, 10 * MS, 1, 1);
    assert_int_equal(assign_all(s, 10 * MS), 4);
    assert_int_equal(sched_deadline_ns(s), 50 * MS);
    started(s, 11 * MS, 0, 0, 0, 1);
    tick_until(s, 11 * MS, 50 * MS - 1);
    next_is_none(s, 50 * MS - 1);
    tick_until(s, 50 * MS - 1, 50 * MS);
    next_changes(s, 50 * MS, 0, JOB_TERMINATING, JOB_END_MAX_WALL_CLOCK_TIME);
    struct sched_action a = next_is(s, 50 * MS, SCHED_CANCEL_JOB);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.job, 0);
    assert_int_equal(next_is(s, 50 * MS, SCHED_CANCEL_JOB).worker, 1);
    /* the other job goes on; in what room there is */
    next_is_none(s, 50 * MS);
    assert_true(end_task(s, 51 * MS, 0, 0, 0, 1, REASON_CANCELLED));
    returned(s, 51 * MS, 0, 0, 0, 10, 1);
    next_assigns(s, 51 * MS, 0, 1, 0, 1, 1);
    next_is_none(s, 51 * MS);
    assert_true(end_task(s, 51 * MS, 1, 0, 1, 1, REASON_EXIT_CODE));
    assert_int_equal(counts(s, 0).failed, 2); /* no retry any more */
    returned(s, 52 * MS, 1, 0, 0, 10, 1);
    next_changes(s, 52 * MS, 0, JOB_COMPLETED, JOB_END_MAX_WALL_CLOCK_TIME);
    assert_int_equal(counts(s, 0).active, 8);
    assert_true(end_task(s, 53 * MS, 0, 1, 0, 1, REASON_NONE));
    next_is(s, 53 * MS, SCHED_JOB_CHANGED);
    next_is(s, 53 * MS, SCHED_JOB_CHANGED);
    next_is_none(s, 53 * MS);
    assert_true(sched_all_completed(s));
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void a_used_up_job_ends_at_once(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0)->max_wall_clock_ns = 100;
    struct sched *s = specs_sched(&sp, 1);
    sched_replay_job_time(s, 0, 100);
    sched_replay_job_time(s, 7, 100); /* no such job */
    join(s, 0, 0, 1);
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_MAX_WALL_CLOCK_TIME);
    next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_MAX_WALL_CLOCK_TIME);
    next_is_none(s, 0);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

/* ---- Resuming ---- */

static void replay(struct sched *s, uint32_t index, uint32_t attempt,
                   enum reason reason, enum disposition d)
{
    struct attempt a = attempt_of(0, index, attempt, reason);
    a.disposition = d;
    assert_int_equal(sched_replay_attempt(s, &a, NULL), 0);
}

static void resumes_where_it_was(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 8, 1, 0, 2);
    struct sched *s = specs_sched(&sp, 1);
    replay(s, 0, 1, REASON_NONE, TASK_ENDS);
    replay(s, 1, 1, REASON_EXIT_CODE, TASK_RETRIES);
    replay(s, 1, 2, REASON_EXIT_CODE, TASK_RETRIES);
    replay(s, 2, 1, REASON_LOST, TASK_RETRIES);
    replay(s, 3, 1, REASON_EXIT_CODE, TASK_RETRIES);
    replay(s, 3, 2, REASON_NONE, TASK_ENDS);
    replay(s, 4, 1, REASON_TIMEOUT, TASK_ENDS);
    replay(s, 0, 1, REASON_NONE, TASK_ENDS);    /* said before */
    replay(s, 0, 2, REASON_TIMEOUT, TASK_ENDS); /* it has succeeded */
    replay(s, 4, 1, REASON_TIMEOUT, TASK_ENDS);
    is_state(s, 0, TASK_COMPLETED, RESULT_SUCCESS, 1);
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE, 2);
    is_state(s, 2, TASK_ACTIVE, RESULT_NONE, 1);
    is_state(s, 3, TASK_COMPLETED, RESULT_SUCCESS, 2);
    is_state(s, 4, TASK_COMPLETED, RESULT_FAILURE, 1);
    struct task_counts c = counts(s, 0);
    assert_int_equal(c.succeeded, 2);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.retried, 4);
    assert_int_equal(c.active, 5);
    join(s, 0, 0, 8);
    next_assigns(s, 0, 0, 0, 1, 1, 3);
    next_assigns(s, 0, 0, 0, 2, 1, 2);
    next_assigns(s, 0, 0, 0, 5, 3, 1);
    struct attempt a = attempt_of(0, 1, 3, REASON_EXIT_CODE);
    assert_true(end_took(s, 0, 0, &a, 0));
    assert_int_equal(a.disposition, TASK_ENDS); /* both retries are used */
    sched_destroy(s);
}

static void refuses_another_journal(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 8, 1, 0, 2);
    struct sched *s = specs_sched(&sp, 1);
    struct attempt a = attempt_of(1, 0, 1, REASON_NONE);
    struct err err = {0};
    assert_int_equal(sched_replay_attempt(s, &a, &err), -1);
    assert_int_equal(err.code, EINVAL);
    a = attempt_of(0, 0, 0, REASON_NONE); /* they count from 1 */
    assert_int_equal(sched_replay_attempt(s, &a, &err), -1);
    assert_int_equal(err.code, EINVAL);
    a = attempt_of(0, 8, 1, REASON_NONE);
    assert_int_equal(sched_replay_attempt(s, &a, &err), -1);
    assert_int_equal(err.code, EINVAL);
    static const struct {
        uint32_t job;
        enum job_state state;
        int rc;
    } changes[] = {
        {1, JOB_TERMINATING, -1}, {0, JOB_COMPLETED, -1},
        {0, JOB_STATE_COUNT, -1}, {0, JOB_ACTIVE, 0},
        {0, JOB_TERMINATING, 0},  {0, JOB_TERMINATING, 0},
        {0, JOB_ACTIVE, -1},      {0, JOB_COMPLETED, 0},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        assert_int_equal(sched_replay_job(s, changes[i].job, changes[i].state,
                                          JOB_END_MAX_WALL_CLOCK_TIME, &err),
                         changes[i].rc);
    assert_true(sched_all_completed(s));
    join(s, 0, 0, 1);
    next_is_none(s, 0);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void a_terminating_job_is_completed_at_once(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 8, 1, 0, 2);
    struct sched *s = specs_sched(&sp, 1);
    assert_int_equal(sched_replay_job(s, 0, JOB_TERMINATING,
                                      JOB_END_MAX_WALL_CLOCK_TIME, NULL),
                     0);
    next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_MAX_WALL_CLOCK_TIME);
    next_is_none(s, 0);
    sched_destroy(s);
}

static void failed_tasks_run_again(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 4, 1, 0, 1)->max_wall_clock_ns = 100;
    struct sched *s = specs_sched(&sp, 1);
    const struct task_range all = {.job = 0, .count = 4}, none = {9, 0, 4},
                            failed = {.job = 0, .first = 1, .count = 3};
    assert_int_equal(sched_reactivate(s, &all), 0);
    assert_int_equal(sched_reactivate(s, &none), 0);
    replay(s, 0, 1, REASON_NONE, TASK_ENDS);
    replay(s, 1, 1, REASON_EXIT_CODE, TASK_RETRIES);
    replay(s, 1, 2, REASON_EXIT_CODE, TASK_ENDS);
    replay(s, 2, 1, REASON_TIMEOUT, TASK_ENDS);
    replay(s, 3, 1, REASON_CANCELLED, TASK_ENDS);
    sched_replay_job(s, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE, NULL);
    sched_replay_job(s, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE, NULL);
    sched_replay_job_time(s, 0, 200);
    assert_true(sched_all_completed(s));
    assert_int_equal(sched_reactivate(s, &failed), 3);
    assert_int_equal(sched_reactivate(s, &failed), 0);
    assert_false(sched_all_completed(s));
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE, 2);
    is_state(s, 2, TASK_ACTIVE, RESULT_NONE, 1);
    replay(s, 3, 2, REASON_NONE, TASK_ENDS); /* the session after */
    join(s, 0, 0, 4);
    next_assigns(s, 0, 0, 0, 1, 1, 3);
    next_assigns(s, 0, 0, 0, 2, 1, 2);
    next_is_none(s, 0);
    struct attempt a = attempt_of(0, 1, 3, REASON_EXIT_CODE);
    assert_true(end_took(s, 0, 0, &a, 0));
    assert_int_equal(a.disposition, TASK_RETRIES); /* anew */
    next_assigns(s, 0, 0, 0, 1, 1, 4);
    assert_true(end_task(s, 0, 0, 0, 1, 4, REASON_NONE));
    assert_true(end_task(s, 0, 0, 0, 2, 2, REASON_NONE));
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    assert_int_equal(counts(s, 0).succeeded, 4);
    assert_int_equal(counts(s, 0).failed, 0);
    sched_destroy(s);
}

static void a_later_session_settles_a_failed_task(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 1, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    replay(s, 0, 1, REASON_EXIT_CODE, TASK_ENDS);
    replay(s, 0, 2, REASON_NONE, TASK_ENDS);
    is_state(s, 0, TASK_COMPLETED, RESULT_SUCCESS, 2);
    assert_int_equal(counts(s, 0).failed, 0);
    assert_int_equal(counts(s, 0).succeeded, 1);
    sched_destroy(s);
}

/* ---- Recalls ---- */

/* Two workers with one slot each; worker 0 has tasks 0..given-1 that took
 * took_ns before, worker 1 nothing, and nothing is ready. */
static struct sched *unbalanced(struct specs *sp, int64_t took_ns,
                                uint32_t *given)
{
    specs_init(sp);
    specs_add(sp, 100, 1, 0, 0);
    struct sched *s = specs_sched(sp, 2);
    join(s, 0, 0, 1);
    assert_int_equal(assign_all(s, 0), 2);
    struct attempt a = attempt_of(0, 0, 1, REASON_NONE);
    assert_true(end_took(s, 0, 0, &a, took_ns));
    uint32_t n = 2 + assign_all(s, 0);
    for (uint32_t i = 1; n < 100; i++) {
        a = attempt_of(0, i, 1, REASON_NONE);
        assert_true(end_took(s, 0, 0, &a, took_ns));
        n += assign_all(s, 0);
    }
    struct job_snapshot job;
    struct snapshot snap = {.jobs = &job};
    sched_snapshot(s, &snap);
    *given = (uint32_t)(snap.tasks.active + snap.tasks.running);
    join(s, 0, 1, 1);
    next_is_none(s, 0);
    return s;
}

static void idle_workers_get_from_the_busy(void **state)
{
    (void)state;
    struct specs sp;
    uint32_t given;
    struct sched *s = unbalanced(&sp, 1 * MS, &given);
    assert_true(given > 10);
    assert_true(sched_deadline_ns(s) <= 0); /* at once */
    assert_int_equal(sched_tick(s, 0, NULL), 0);
    struct sched_action a = next_is(s, 0, SCHED_RECALL);
    assert_int_equal(a.worker, 0);
    assert_in_range(a.count, (given - 1) / 2, given / 2 + 1); /* a fair part */
    next_is_none(s, 0);
    /* no second one before the answer */
    tick_until(s, 0, 200 * MS);
    next_is_none(s, 200 * MS);
    returned(s, 200 * MS, 0, 0, 100 - a.count, a.count, 1);
    next_assigns(s, 200 * MS, 1, 0, 100 - a.count, 1, 1);
    sched_destroy(s);
}

static void nothing_to_give_is_remembered(void **state)
{
    (void)state;
    struct specs sp;
    uint32_t given;
    struct sched *s = unbalanced(&sp, NS_PER_SEC, &given);
    assert_int_equal(given, 2);
    assert_int_equal(sched_tick(s, 0, NULL), 0);
    assert_int_equal(next_is(s, 0, SCHED_RECALL).count, 1);
    returned(s, 1 * MS, 0, 0, 0, 0, 0);
    tick_until(s, 1 * MS, 20 * NS_PER_SEC);
    next_is_none(s, 20 * NS_PER_SEC);
    sched_destroy(s);
}

static void the_longest_queue_gives(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 1, 2, 9, 0);
    specs_add(&sp, 1, 1, 8, 0);
    specs_add(&sp, 2, 1, 7, 0);
    struct sched *s = specs_sched(&sp, 3);
    join(s, 0, 0, 2);
    next_assigns(s, 0, 0, 0, 0, 1, 1);
    next_assigns(s, 0, 0, 1, 0, 1, 1); /* waits for one of two slots */
    started(s, 0, 0, 0, 0, 1);
    join(s, 0, 1, 1);
    next_assigns(s, 0, 1, 2, 0, 1, 1);
    next_assigns(s, 0, 1, 2, 1, 1, 1); /* waits for the only one */
    join(s, 0, 2, 1);
    next_is_none(s, 0);
    assert_int_equal(sched_tick(s, 0, NULL), 0);
    assert_int_equal(next_is(s, 0, SCHED_RECALL).worker, 1);
    next_is_none(s, 0);
    sched_destroy(s);
}

static void who_got_more_is_asked_again(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 4, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 3);
    join(s, 0, 0, 1);
    join(s, 0, 1, 1);
    assert_int_equal(assign_all(s, 0), 4);
    join(s, 0, 2, 1);
    for (uint32_t k = 0; k < 2; k++) { /* both say that they have nothing */
        assert_int_equal(sched_tick(s, 0, NULL), 0);
        assert_int_equal(next_is(s, 0, SCHED_RECALL).worker, k);
        returned(s, 0, k, 0, 0, 0, 0);
        next_is_none(s, 0);
    }
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_NONE));
    assert_int_equal(sched_worker_gone(s, 1, 1, NULL), 0);
    next_is(s, 1, SCHED_WORKER_LOST);
    next_assigns(s, 1, 2, 0, 1, 1, 1);
    next_assigns(s, 1, 0, 0, 3, 1, 1);
    assert_true(end_task(s, 1, 2, 0, 1, 1, REASON_NONE));
    next_is_none(s, 1);
    tick_until(s, 1, 200 * MS);
    assert_int_equal(next_is(s, 200 * MS, SCHED_RECALL).worker, 0);
    sched_destroy(s);
}

static void a_lost_answer_is_not_waited_for(void **state)
{
    (void)state;
    struct specs sp;
    uint32_t given;
    struct sched *s = unbalanced(&sp, NS_PER_SEC, &given);
    assert_int_equal(sched_tick(s, 0, NULL), 0);
    next_is(s, 0, SCHED_RECALL);
    next_is_none(s, 0);
    tick_until(s, 0, 2 * NS_PER_SEC);
    next_is(s, 2 * NS_PER_SEC, SCHED_RECALL);
    sched_destroy(s);
}

static void what_starts_soon_is_left_alone(void **state)
{
    (void)state;
    struct specs sp;
    uint32_t given;
    struct sched *s = unbalanced(&sp, 20 * NS_PER_US, &given);
    assert_in_range(given, 1, 100); /* 2 ms of work */
    assert_int_equal(sched_tick(s, 0, NULL), 0);
    next_is_none(s, 0);
    /* but if nothing ends there for a while, that was wrong */
    tick_until(s, 0, 12 * MS);
    next_is(s, 12 * MS, SCHED_RECALL);
    sched_destroy(s);
}

static void who_cannot_run_them_does_not_get_them(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 3, 4, 0, 0);
    specs_add(&sp, 1, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 4);
    assert_int_equal(assign_all(s, 0), 2);
    join(s, 0, 1, 2);
    next_assigns(s, 0, 1, 1, 0, 1, 1);
    tick_until(s, 0, 10 * NS_PER_SEC);
    next_is_none(s, 10 * NS_PER_SEC);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(without_memory_there_is_no_scheduler),
        cmocka_unit_test(no_jobs_are_all_completed),
        cmocka_unit_test(a_job_runs_to_its_end),
        cmocka_unit_test(order_is_priority_age_index),
        cmocka_unit_test(narrow_and_wide_go_by_index),
        cmocka_unit_test(free_slots_come_before_prefetch),
        cmocka_unit_test(few_tasks_are_spread),
        cmocka_unit_test(storing_frees_the_slots),
        cmocka_unit_test(preparing_waits_for_no_slot),
        cmocka_unit_test(prepared_waits_for_slots),
        cmocka_unit_test(prepared_is_recalled_for_the_idle),
        cmocka_unit_test(window_follows_what_was_measured),
        cmocka_unit_test(a_wide_task_is_not_starved),
        cmocka_unit_test(what_fits_nobody_ends_the_session),
        cmocka_unit_test(a_worker_without_slots_gets_nothing),
        cmocka_unit_test(dispositions),
        cmocka_unit_test(lost_attempts_use_no_retry),
        cmocka_unit_test(stale_news_is_ignored),
        cmocka_unit_test(invalid_metrics_are_counted),
        cmocka_unit_test(a_lost_worker_loses_no_task),
        cmocka_unit_test(silence_is_death),
        cmocka_unit_test(draining_lets_running_tasks_end),
        cmocka_unit_test(the_limit_counts_attempts),
        cmocka_unit_test(a_pause_hands_out_nothing),
        cmocka_unit_test(time_limit_of_a_job),
        cmocka_unit_test(a_used_up_job_ends_at_once),
        cmocka_unit_test(resumes_where_it_was),
        cmocka_unit_test(refuses_another_journal),
        cmocka_unit_test(a_terminating_job_is_completed_at_once),
        cmocka_unit_test(failed_tasks_run_again),
        cmocka_unit_test(a_later_session_settles_a_failed_task),
        cmocka_unit_test(idle_workers_get_from_the_busy),
        cmocka_unit_test(nothing_to_give_is_remembered),
        cmocka_unit_test(the_longest_queue_gives),
        cmocka_unit_test(who_got_more_is_asked_again),
        cmocka_unit_test(a_lost_answer_is_not_waited_for),
        cmocka_unit_test(what_starts_soon_is_left_alone),
        cmocka_unit_test(who_cannot_run_them_does_not_get_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
