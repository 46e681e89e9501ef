/* Job schedules, and tasks that are added. */
#include "config.h"

#include "specs.h"

#include <errno.h>
#include <string.h>

#define S NS_PER_SEC

static struct sched_action next_is(struct sched *s, int64_t now,
                                   enum sched_action_kind kind)
{
    struct sched_action a = {0};
    assert_true(sched_next(s, now, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static void nothing(struct sched *s, int64_t now)
{
    struct sched_action a;
    assert_false(sched_next(s, now, &a));
}

/* It is that time: whoever waits for it acts. */
static void tick(struct sched *s, int64_t now)
{
    sched_worker_heard(s, now, 0);
    assert_int_equal(sched_tick(s, now, NULL), 0);
}

/* These tasks are handed out, perhaps in pieces; nothing else comes. */
static void gives(struct sched *s, uint32_t first, uint32_t count)
{
    struct sched_action a;
    while (sched_next(s, 0, &a)) {
        assert_int_equal(a.kind, SCHED_ASSIGN);
        assert_int_equal(a.first, first);
        first += a.count;
        assert_in_range(a.count, 1, count);
        count -= a.count;
    }
    assert_int_equal(count, 0);
}

static void begins(struct sched *s, int64_t now, uint32_t job, bool begun)
{
    struct sched_action a = next_is(s, now, SCHED_OCCURRENCE);
    assert_int_equal(a.job, job);
    assert_int_equal(a.begun, begun);
}

/* The job's one task is handed out, and ends well; so does the job. */
static void runs(struct sched *s, int64_t now, uint32_t job)
{
    struct sched_action a = next_is(s, now, SCHED_ASSIGN);
    assert_int_equal(a.job, job);
    assert_true(end_task(s, now, 0, job, 0, 1, REASON_NONE));
    assert_int_equal(next_is(s, now, SCHED_JOB_CHANGED).job, job);
    assert_int_equal(next_is(s, now, SCHED_JOB_CHANGED).job_state,
                     JOB_COMPLETED);
}

static void hidden_is(const struct sched *s, uint32_t job, bool hidden,
                      uint64_t total)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    assert_int_equal(jobs[job].hidden, hidden);
    assert_int_equal(snap.tasks.total, total);
}

/* Four jobs of one schedule, of one task each. */
static struct sched *begin(struct specs *sp, struct job_schedule *schedule,
                           int64_t wall)
{
    struct sched_config c;
    specs_init(sp);
    for (uint32_t j = 0; j < 4; j++)
        specs_add(sp, 1, 1, 0, 0)->schedule = 1;
    schedule->first_job = 0;
    schedule->job_count = 4;
    sp->spec.schedules = schedule;
    sp->spec.schedule_count = 1;
    sched_config_init(&c);
    c.spec = &sp->spec;
    c.worker_count = 1;
    c.silence_ns = 1000 * S;
    c.wall_now_ns = wall;
    struct sched *s = sched_create(&c, NULL);
    assert_non_null(s);
    return s;
}

static void one_after_the_other(void **state)
{
    (void)state;
    struct job_schedule sc = {.not_before = {.ns = 2 * S, .from_start = true},
                              .not_after = {.ns = INT64_MAX},
                              .window_ns = INT64_MAX,
                              .interval_ns = 10 * S};
    struct specs sp;
    struct sched *s = begin(&sp, &sc, 1000 * S);
    join(s, 0, 0, 1);
    nothing(s, 0);
    assert_false(sched_finished(s));
    assert_int_equal(sched_deadline_ns(s), 2 * S);
    hidden_is(s, 0, true, 0);
    tick(s, 2 * S);
    begins(s, 2 * S, 0, true);
    hidden_is(s, 0, false, 1);
    next_is(s, 2 * S, SCHED_ASSIGN);
    nothing(s, 2 * S);
    tick(s, 13 * S); /* the next one is due, but this one still runs */
    nothing(s, 13 * S);
    assert_true(end_task(s, 14 * S, 0, 0, 0, 1, REASON_NONE));
    next_is(s, 14 * S, SCHED_JOB_CHANGED);
    next_is(s, 14 * S, SCHED_JOB_CHANGED);
    begins(s, 14 * S, 1, true);
    runs(s, 14 * S, 1);
    nothing(s, 14 * S);
    tick(s, 22 * S);
    begins(s, 22 * S, 2, true);
    runs(s, 22 * S, 2);
    tick(s, 32 * S);
    begins(s, 32 * S, 3, true);
    runs(s, 32 * S, 3);
    nothing(s, 32 * S);
    assert_true(sched_finished(s));
    assert_true(sched_all_completed(s));
    sched_destroy(s);
}

static void who_is_too_late_is_left_out(void **state)
{
    (void)state;
    struct job_schedule sc = {.not_before = {.ns = 1000 * S},
                              .not_after = {.ns = 1025 * S},
                              .window_ns = 3 * S,
                              .interval_ns = 10 * S};
    struct specs sp;
    struct sched *s = begin(&sp, &sc, 1001 * S);
    join(s, 0, 0, 1);
    begins(s, 0, 0, true); /* within its window */
    next_is(s, 0, SCHED_ASSIGN);
    nothing(s, 0);
    tick(s, 9 * S); /* due, but the other one runs */
    nothing(s, 9 * S);
    assert_in_range(sched_deadline_ns(s), 9 * S, 12 * S + 1);
    tick(s, 12 * S + 1);
    begins(s, 12 * S + 1, 1, false);
    nothing(s, 12 * S + 1);
    hidden_is(s, 1, true, 1);
    assert_true(end_task(s, 15 * S, 0, 0, 0, 1, REASON_NONE));
    next_is(s, 15 * S, SCHED_JOB_CHANGED);
    next_is(s, 15 * S, SCHED_JOB_CHANGED);
    nothing(s, 15 * S);
    tick(s, 19 * S);
    begins(s, 19 * S, 2, true);
    begins(s, 19 * S, 3, false); /* it would be behind the end */
    runs(s, 19 * S, 2);
    nothing(s, 19 * S);
    assert_true(sched_finished(s));
    assert_true(sched_all_completed(s));
    sched_destroy(s);
}

static void a_later_session_goes_on(void **state)
{
    (void)state;
    struct job_schedule sc = {.not_before = {.from_start = true},
                              .not_after = {.ns = INT64_MAX},
                              .window_ns = INT64_MAX,
                              .interval_ns = 10 * S};
    struct specs sp;
    struct err err = {0};
    struct sched *s = begin(&sp, &sc, 5000 * S);
    struct attempt a = attempt_of(0, 0, 1, REASON_NONE);
    assert_int_equal(sched_replay_occurrence(s, 0, true, &err), 0);
    assert_int_equal(sched_replay_attempt(s, &a, &err), 0);
    assert_int_equal(sched_replay_job(s, 0, JOB_TERMINATING,
                                      JOB_END_ALL_TASKS_COMPLETE, &err),
                     0);
    assert_int_equal(
        sched_replay_job(s, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE, &err),
        0);
    assert_int_equal(sched_replay_occurrence(s, 1, false, &err), 0);
    join(s, 0, 0, 1);
    begins(s, 0, 2, true);
    runs(s, 0, 2);
    nothing(s, 0);
    assert_int_equal(sched_deadline_ns(s), 10 * S);
    assert_int_equal(sched_replay_occurrence(s, 9, false, &err), -1);
    sched_destroy(s);
}

/* ---- Tasks that are added ---- */

enum { LISTED = 6 };

static struct sched *with_list(struct specs *sp, struct task_template *t,
                               uint32_t count)
{
    specs_init(sp);
    for (uint32_t i = 0; i < LISTED; i++)
        t[i] = (struct task_template){.required_slots = 1 + (i >= 4),
                                      .retry = retry_policy_default};
    specs_list(sp, count, t, 0)->on_all_tasks_complete = ALL_COMPLETE_NO_ACTION;
    struct sched *s = specs_sched(sp, 1);
    join(s, 0, 0, 8);
    return s;
}

static void added_tasks_run(void **state)
{
    (void)state;
    struct task_template t[LISTED];
    struct specs sp;
    struct sched *s = with_list(&sp, t, 0);
    nothing(s, 0);
    assert_false(sched_finished(s));
    sp.jobs[0].tasks.count = 2;
    assert_int_equal(sched_added(s, 0, 0, NULL), 0);
    gives(s, 0, 2);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    /* 2 waits for 0, which has failed; 3 for 1, which runs; 4 for 0 and 1, any;
     * 5 for nobody */
    static const struct task_range zero = {0, 0, 1}, one = {0, 1, 1},
                                   both = {0, 0, 2};
    const struct depend_rule rules[] = {
        {.first = 2, .count = 1, .parents = &zero, .parent_range_count = 1},
        {.first = 3, .count = 1, .parents = &one, .parent_range_count = 1},
        {.first = 4,
         .count = 1,
         .any = true,
         .parents = &both,
         .parent_range_count = 1}};
    sp.spec.depends = rules;
    sp.spec.depend_count = 3;
    sp.jobs[0].tasks.count = LISTED;
    assert_int_equal(sched_added(s, 0, 0, NULL), 0);
    struct sched_action a = next_is(s, 0, SCHED_SKIPPED);
    assert_int_equal(a.first, 2);
    assert_int_equal(a.attempt, 0);
    gives(s, 5, 1);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_NONE));
    gives(s, 3, 2);
    assert_true(end_task(s, 0, 0, 0, 3, 1, REASON_NONE));
    assert_true(end_task(s, 0, 0, 0, 4, 1, REASON_NONE));
    assert_true(end_task(s, 0, 0, 0, 5, 1, REASON_NONE));
    nothing(s, 0);
    assert_int_equal(
        sched_job_command(s, 0, 0, SCHED_JOB_TERMINATE, SCHED_WAIT, NULL, NULL),
        0);
    struct err err = {0};
    assert_int_equal(sched_added(s, 0, 0, &err), -1);
    assert_int_equal(err.code, EINVAL);
    sched_destroy(s);
}

static void they_are_known_when_it_is_replayed(void **state)
{
    (void)state;
    struct task_template t[LISTED];
    struct specs sp;
    struct sched *s = with_list(&sp, t, 1);
    struct attempt a = attempt_of(0, 3, 1, REASON_NONE);
    struct err err = {0};
    assert_int_equal(sched_replay_attempt(s, &a, &err), -1);
    sp.jobs[0].tasks.count = 4;
    assert_int_equal(sched_replay_added(s, 0, NULL), 0);
    assert_int_equal(sched_replay_added(s, 0, NULL), 0); /* nothing new */
    assert_int_equal(sched_replay_attempt(s, &a, NULL), 0);
    assert_int_equal(sched_replay_added(s, 1, &err), -1);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(who_is_too_late_is_left_out),
        cmocka_unit_test(a_later_session_goes_on),
        cmocka_unit_test(added_tasks_run),
        cmocka_unit_test(they_are_known_when_it_is_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
