/* What people ask of jobs and tasks, and what jobs ask of themselves: one rule
 * a test. */
#include "config.h"

#include "specs.h"

#include <errno.h>
#include <string.h>

#define MS NS_PER_MS

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

static struct sched_action next_changes(struct sched *s, int64_t now,
                                        uint32_t job, enum job_state state,
                                        enum job_end end)
{
    struct sched_action a = next_is(s, now, SCHED_JOB_CHANGED);
    assert_int_equal(a.job, job);
    assert_int_equal(a.job_state, state);
    assert_int_equal(a.job_end, end);
    return a;
}

/* How many tasks of the job are handed out now; nothing else must come. */
static uint32_t gives(struct sched *s, int64_t now, uint32_t job)
{
    struct sched_action a;
    uint32_t n = 0;
    while (sched_next(s, now, &a)) {
        assert_int_equal(a.kind, SCHED_ASSIGN);
        assert_int_equal(a.job, job);
        n += a.count;
    }
    return n;
}

static struct task_counts counts(const struct sched *s, uint32_t job)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    return jobs[job].tasks;
}

static void is_state(const struct sched *s, uint32_t index,
                     enum task_state state, enum attempt_result result)
{
    enum attempt_result r;
    assert_int_equal(sched_task_state(s, 0, index, &r), state);
    assert_int_equal(r, result);
}

static void job_command(struct sched *s, enum sched_job_command c,
                        enum sched_running running)
{
    struct err err = {0};
    assert_int_equal(sched_job_command(s, 0, 0, c, running, NULL, &err), 0);
    assert_string_equal(err.text, "");
}

/* The command is refused, with that code first. */
static void job_refuses(struct sched *s, enum sched_job_command c, int code,
                        const char *text)
{
    struct err err = {0};
    assert_int_equal(sched_job_command(s, 0, 0, c, SCHED_WAIT, NULL, &err), -1);
    assert_int_equal(err.code, code);
    assert_memory_equal(err.text, text, strlen(text));
}

static void task_command(struct sched *s, uint32_t index,
                         enum sched_task_command c)
{
    struct err err = {0};
    assert_int_equal(sched_task_command(s, 0, 0, index, c, &err), 0);
    assert_string_equal(err.text, "");
}

static void task_refuses(struct sched *s, uint32_t index,
                         enum sched_task_command c, int code, const char *text)
{
    struct err err = {0};
    assert_int_equal(sched_task_command(s, 0, 0, index, c, &err), -1);
    assert_int_equal(err.code, code);
    assert_memory_equal(err.text, text, strlen(text));
}

/* One job of so many tasks at one worker with so many slots: those run. */
static struct sched *begin(struct specs *sp, uint32_t tasks, uint32_t slots)
{
    if (sp->spec.job_count == 0) {
        specs_init(sp);
        specs_add(sp, tasks, 1, 0, 1);
    }
    struct sched *s = specs_sched(sp, 1);
    join(s, 0, 0, slots);
    uint32_t n = gives(s, 0, 0);
    for (uint32_t i = 0; i < slots && i < n; i++)
        started(s, 0, 0, 0, i, 1);
    return s;
}

/* ---- Jobs ---- */

static void disabled_with_requeue(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2); /* 0 and 1 run, 2 and 3 wait there */
    job_command(s, SCHED_JOB_DISABLE, SCHED_REQUEUE);
    next_changes(s, 0, 0, JOB_DISABLING, JOB_END_NONE);
    struct sched_action a = next_is(s, 0, SCHED_CANCEL_JOB);
    assert_int_equal(a.job, 0);
    nothing(s, 0);
    job_refuses(s, SCHED_JOB_DISABLE, EINVAL, "JobDisabled: ");
    job_refuses(s, SCHED_JOB_ENABLE, EINVAL, "OperationInvalidForCurrentState");
    returned(s, 0, 0, 0, 2, 2, 1);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE)); /* just in time */
    struct attempt one = attempt_of(0, 1, 1, REASON_CANCELLED);
    assert_true(end_took(s, 0, 0, &one, 0));
    assert_int_equal(one.disposition, TASK_RETRIES);
    assert_int_equal(one.reason, REASON_STOPPED);
    next_changes(s, 0, 0, JOB_DISABLED, JOB_END_NONE);
    nothing(s, 0);
    assert_true(sched_finished(s)); /* nothing else is left */
    assert_false(sched_all_completed(s));
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE);
    job_command(s, SCHED_JOB_ENABLE, SCHED_WAIT);
    assert_false(sched_finished(s));
    next_changes(s, 0, 0, JOB_ENABLING, JOB_END_NONE);
    next_changes(s, 0, 0, JOB_ACTIVE, JOB_END_NONE);
    a = next_is(s, 0, SCHED_ASSIGN);
    assert_int_equal(a.first, 1);
    assert_int_equal(a.attempt, 2);
    assert_true(end_task(s, 0, 0, 0, 1, 2, REASON_EXIT_CODE));
    is_state(s, 1, TASK_ACTIVE, RESULT_NONE); /* its retry was not used up */
    sched_destroy(s);
}

static void disabled_with_termination(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2);
    job_command(s, SCHED_JOB_DISABLE, SCHED_TERMINATE);
    next_changes(s, 0, 0, JOB_DISABLING, JOB_END_NONE);
    next_is(s, 0, SCHED_CANCEL_JOB);
    returned(s, 0, 0, 0, 2, 2, 1);
    struct attempt one = attempt_of(0, 0, 1, REASON_CANCELLED);
    assert_true(end_took(s, 0, 0, &one, 0));
    assert_string_equal(one.message, "its job was disabled");
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_CANCELLED));
    next_changes(s, 0, 0, JOB_DISABLED, JOB_END_NONE);
    is_state(s, 0, TASK_COMPLETED, RESULT_FAILURE);
    is_state(s, 2, TASK_ACTIVE, RESULT_NONE);
    sched_destroy(s);
}

static void disabled_when_what_runs_has_ended(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2);
    job_command(s, SCHED_JOB_DISABLE, SCHED_WAIT);
    next_changes(s, 0, 0, JOB_DISABLING, JOB_END_NONE);
    struct sched_action a = next_is(s, 0, SCHED_RECALL);
    assert_true(a.count >= 2);
    nothing(s, 0);
    returned(s, 0, 0, 0, 2, 2, 1);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    nothing(s, 0);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_NONE));
    next_changes(s, 0, 0, JOB_DISABLED, JOB_END_NONE);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE); /* to be retried, once enabled */
    job_command(s, SCHED_JOB_TERMINATE, SCHED_WAIT);
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_USER);
    next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_USER);
    assert_true(sched_all_completed(s));
    sched_destroy(s);
}

static void terminated_with_a_reason(void **state)
{
    (void)state;
    struct specs sp = {0};
    char why[] = "the wrong mesh";
    struct sched *s = begin(&sp, 10, 2);
    assert_int_equal(
        sched_job_command(s, 0, 0, SCHED_JOB_TERMINATE, SCHED_WAIT, why, NULL),
        0);
    why[0] = '?'; /* it was copied */
    job_refuses(s, SCHED_JOB_TERMINATE, EINVAL, "JobBeingTerminated: ");
    struct sched_action a =
        next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_USER);
    assert_string_equal(a.text, "the wrong mesh");
    next_is(s, 0, SCHED_CANCEL_JOB);
    task_refuses(s, 5, SCHED_TASK_TERMINATE, EINVAL, "JobBeingTerminated: ");
    struct attempt one = attempt_of(0, 0, 1, REASON_CANCELLED);
    assert_true(end_took(s, 0, 0, &one, 0));
    assert_string_equal(one.message, "its job was terminated");
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_CANCELLED));
    returned(s, 0, 0, 0, 2, 2, 1);
    a = next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_USER);
    assert_string_equal(a.text, "the wrong mesh");
    is_state(s, 5, TASK_ACTIVE, RESULT_NONE); /* as in Azure */
    job_refuses(s, SCHED_JOB_DISABLE, EINVAL, "JobCompleted: ");
    job_refuses(s, SCHED_JOB_ENABLE, EINVAL, "JobCompleted: ");
    struct err err = {0};
    assert_int_equal(
        sched_job_command(s, 0, 7, SCHED_JOB_ENABLE, SCHED_WAIT, NULL, &err),
        -1);
    assert_int_equal(err.code, ESRCH);
    sched_destroy(s);
}

static void a_disabled_job_stays_so_in_the_next_session(void **state)
{
    (void)state;
    struct specs sp;
    struct err err = {0};
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0);
    struct sched *s = specs_sched(&sp, 1);
    assert_int_equal(sched_replay_job(s, 0, JOB_DISABLING, JOB_END_NONE, &err),
                     0);
    join(s, 0, 0, 2);
    next_changes(s, 0, 0, JOB_DISABLED, JOB_END_NONE);
    nothing(s, 0);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

/* ---- Tasks ---- */

static void tasks_are_terminated(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2);
    task_command(s, 1, SCHED_TASK_TERMINATE); /* it runs */
    task_command(s, 2, SCHED_TASK_TERMINATE); /* it waits there */
    task_command(s, 7, SCHED_TASK_TERMINATE); /* nobody has it */
    struct sched_action a = next_is(s, 0, SCHED_END);
    assert_int_equal(a.first, 1);
    assert_int_equal(a.attempt, 1);
    assert_int_equal(a.reason, REASON_CANCELLED);
    a = next_is(s, 0, SCHED_END);
    assert_int_equal(a.first, 2);
    a = next_is(s, 0, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 7);
    assert_int_equal(a.attempt, 1);
    assert_int_equal(a.reason, REASON_CANCELLED);
    assert_int_equal(a.disposition, TASK_ENDS);
    nothing(s, 0);
    is_state(s, 7, TASK_COMPLETED, RESULT_FAILURE);
    assert_int_equal(sched_task_attempts(s, 0, 7), 1);
    returned(s, 0, 0, 0, 2, 1, 1);
    a = next_is(s, 0, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 2);
    /* it failed by itself just then: no retry follows all the same */
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_EXIT_CODE));
    is_state(s, 1, TASK_COMPLETED, RESULT_FAILURE);
    task_refuses(s, 1, SCHED_TASK_TERMINATE, EINVAL, "TaskCompleted: ");
    task_refuses(s, 10, SCHED_TASK_TERMINATE, ESRCH, "TaskNotFound: ");
    assert_int_equal(counts(s, 0).failed, 3);
    sched_destroy(s);
}

static void tasks_are_active_again(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_TIMEOUT));
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_NONE));
    gives(s, 0, 0);
    task_refuses(s, 1, SCHED_TASK_REACTIVATE, EINVAL,
                 "OperationInvalidForCurrentState: ");
    task_refuses(s, 9, SCHED_TASK_REACTIVATE, EINVAL,
                 "OperationInvalidForCurrentState: ");
    task_command(s, 0, SCHED_TASK_REACTIVATE);
    struct sched_action a = next_is(s, 0, SCHED_ACTIVE_AGAIN);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.count, 1);
    is_state(s, 0, TASK_ACTIVE, RESULT_NONE);
    assert_int_equal(counts(s, 0).failed, 0);
    sched_destroy(s);
}

static void deleted_tasks_do_not_count(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 5, 2);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    gives(s, 0, 0);
    task_command(s, 0, SCHED_TASK_DELETE);
    task_command(s, 1, SCHED_TASK_DELETE);
    struct sched_action a = next_is(s, 0, SCHED_SKIPPED);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.attempt, 0); /* of itself */
    assert_int_equal(next_is(s, 0, SCHED_END).first, 1);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_CANCELLED));
    assert_int_equal(next_is(s, 0, SCHED_SKIPPED).first, 1);
    assert_int_equal(counts(s, 0).succeeded, 0);
    assert_int_equal(counts(s, 0).failed, 0);
    assert_int_equal(counts(s, 0).skipped, 2);
    is_state(s, 0, TASK_COMPLETED, RESULT_SKIPPED);
    for (uint32_t i = 2; i < 5; i++) {
        gives(s, 0, 0);
        assert_true(end_task(s, 0, 0, 0, i, 1, REASON_NONE));
    }
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    sched_destroy(s);
}

static void a_lost_worker_ends_what_was_to_end(void **state)
{
    (void)state;
    struct specs sp = {0};
    struct sched *s = begin(&sp, 10, 2);
    task_command(s, 1, SCHED_TASK_TERMINATE);
    next_is(s, 0, SCHED_END);
    assert_int_equal(sched_worker_gone(s, 0, 0, NULL), 0);
    next_is(s, 0, SCHED_WORKER_LOST);
    struct sched_action a = next_is(s, 0, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 1);
    assert_int_equal(a.disposition, TASK_ENDS);
    a = next_is(s, 0, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.disposition, TASK_RETRIES);
    sched_destroy(s);
}

/* ---- What jobs ask of themselves ---- */

static void exit_options_end_the_job(void **state)
{
    (void)state;
    const struct exit_code_options codes[] = {
        {3, 3, {JOB_ACTION_DISABLE, DEPENDENCY_BLOCK}},
        {4, 4, {JOB_ACTION_NONE, DEPENDENCY_BLOCK}}};
    struct specs sp = {0};
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0)->on_task_failure = TASK_FAILURE_JOB_ACTION;
    sp.templates[0].exit_conditions =
        (struct exit_conditions){.codes = codes, .code_count = 2};
    struct sched *s = begin(&sp, 10, 4);
    struct attempt a = attempt_of(0, 0, 1, REASON_EXIT_CODE);
    a.exit_code = 4;
    assert_true(end_took(s, 0, 0, &a, 0));
    gives(s, 0, 0);
    a = attempt_of(0, 1, 1, REASON_EXIT_CODE);
    a.exit_code = 3;
    assert_true(end_took(s, 0, 0, &a, 0));
    next_changes(s, 0, 0, JOB_DISABLING, JOB_END_NONE);
    next_is(s, 0, SCHED_CANCEL_JOB);
    a = attempt_of(0, 2, 1, REASON_EXIT_CODE);
    a.exit_code = 1; /* all else terminates */
    assert_true(end_took(s, 0, 0, &a, 0));
    struct sched_action act =
        next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_TASK_FAILED);
    assert_string_equal(act.text, "task 2: exit code 1");
    sched_destroy(s);
}

static void so_many_failures_end_the_job(void **state)
{
    (void)state;
    struct specs sp = {0};
    specs_init(&sp);
    specs_add(&sp, 20, 1, 0, 0)->stop_when =
        (struct stop_when){.share = 0.5, .after = 4};
    struct sched *s = begin(&sp, 20, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(end_task(s, 0, 0, 0, i, 1,
                             i == 3 ? REASON_NONE : REASON_EXIT_CODE));
        if (i < 3)
            gives(s, 0, 0);
    }
    assert_true(end_task(s, 0, 0, 0, 4, 1, REASON_EXIT_CODE));
    struct sched_action a =
        next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_TASK_FAILED);
    assert_string_equal(a.text,
                        "stop_when: 4 of 5 tasks that have ended failed");
    sched_destroy(s);
    sp.jobs[0].stop_when = (struct stop_when){.failed = 2};
    s = begin(&sp, 20, 4);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    gives(s, 0, 0);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_EXIT_CODE));
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_TASK_FAILED);
    sched_destroy(s);
}

static void no_action_waits_for_what_comes(void **state)
{
    (void)state;
    struct specs sp = {0};
    specs_init(&sp);
    specs_add(&sp, 1, 1, 0, 0)->on_all_tasks_complete = ALL_COMPLETE_NO_ACTION;
    struct sched *s = begin(&sp, 1, 4);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    nothing(s, 0);
    assert_false(sched_finished(s));
    assert_true(sched_deadline_ns(s) < INT64_MAX);
    job_command(s, SCHED_JOB_TERMINATE, SCHED_WAIT);
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_USER);
    next_changes(s, 0, 0, JOB_COMPLETED, JOB_END_USER);
    nothing(s, 0);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void only_so_many_tasks_at_once(void **state)
{
    (void)state;
    struct specs sp = {0};
    specs_init(&sp);
    specs_add(&sp, 100, 1, 5, 0)->max_parallel_tasks = 3;
    struct sched *s = specs_sched(&sp, 2);
    struct sched_action a;
    uint32_t have = 0;
    join(s, 0, 0, 4);
    join(s, 0, 1, 4);
    for (int step = 0; step < 100; step++) {
        while (sched_next(s, 0, &a)) {
            if (a.kind == SCHED_JOB_CHANGED)
                continue;
            assert_int_equal(a.kind, SCHED_ASSIGN);
            have += a.count;
            assert_true(have <= 3);
        }
        if (step < 98)
            assert_int_equal(have, 3);
        uint32_t worker;
        assert_true(sched_task_worker(s, 0, (uint32_t)step, &worker));
        assert_true(end_task(s, 0, worker, 0, (uint32_t)step, 1, REASON_NONE));
        have--;
    }
    next_changes(s, 0, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disabled_with_requeue),
        cmocka_unit_test(disabled_with_termination),
        cmocka_unit_test(disabled_when_what_runs_has_ended),
        cmocka_unit_test(terminated_with_a_reason),
        cmocka_unit_test(a_disabled_job_stays_so_in_the_next_session),
        cmocka_unit_test(tasks_are_terminated),
        cmocka_unit_test(tasks_are_active_again),
        cmocka_unit_test(deleted_tasks_do_not_count),
        cmocka_unit_test(a_lost_worker_ends_what_was_to_end),
        cmocka_unit_test(exit_options_end_the_job),
        cmocka_unit_test(so_many_failures_end_the_job),
        cmocka_unit_test(no_action_waits_for_what_comes),
        cmocka_unit_test(only_so_many_tasks_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
