/* Job preparation and job release. */
#include "config.h"

#include "nodes.h"

#define S    NS_PER_SEC
#define PREP INDEX_JOB_PREPARATION
#define REL  INDEX_JOB_RELEASE

/* A job of so many tasks with both, on so many nodes of one worker each. */
static struct job *prepared_job(struct node_specs *n, uint32_t nodes,
                                uint32_t tasks)
{
    node_specs_init(n, nodes, 1);
    n->preparation = special_of_test("jobpreparation", true, 0);
    n->release = special_of_test("jobrelease", true, 0);
    struct job *job = specs_add(&n->specs, tasks, 1, 0, 0);
    job->preparation = &n->preparation;
    job->release = &n->release;
    return job;
}

static uint64_t preparing_count(const struct sched *s)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    return jobs[0].tasks.preparing;
}

static enum task_state state_of(const struct sched *s, uint32_t index)
{
    enum attempt_result result;
    return sched_task_state(s, 0, index, &result);
}

static void job_is_prepared_and_released(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 2, 3);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_assign(s, 0, 1, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0);
    assert_int_equal(state_of(s, 0), TASK_PREPARING);
    assert_int_equal(state_of(s, 1), TASK_PREPARING);
    assert_int_equal(state_of(s, 2), TASK_ACTIVE); /* nothing ahead of it */
    assert_int_equal(preparing_count(s), 2);
    assert_true(end_task(s, 1, 1, 0, PREP, 1, REASON_NONE));
    says_assign(s, 1, 1, 0, 1, 1, 1);
    says_none(s, 1);
    assert_true(end_task(s, 2, 0, 0, PREP, 1, REASON_NONE));
    says_assign(s, 2, 0, 0, 0, 1, 1);
    says_assign(s, 2, 0, 0, 2, 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(end_task(s, 3, i == 1, 0, i, 1, REASON_NONE));
    says_job(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_assign(s, 3, 0, 0, REL, 1, 1);
    says_assign(s, 3, 1, 0, REL, 1, 1);
    says_node(s, 3, 0, NODE_IDLE);
    says_node(s, 3, 1, NODE_IDLE);
    says_none(s, 3);
    assert_false(sched_finished(s));
    assert_true(end_task(s, 4, 0, 0, REL, 1, REASON_EXIT_CODE));
    says_none(s, 4);
    assert_true(end_task(s, 5, 1, 0, REL, 1, REASON_NONE));
    says_job(s, 5, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_none(s, 5);
    assert_true(sched_finished(s));
    assert_true(sched_all_completed(s));
    sched_destroy(s);
}

static void nobody_waits_without_wait_for_success(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 1, 1);
    n.preparation.wait_for_success = false;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, 0, PREP, 1, REASON_EXIT_CODE));
    says_none(s, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    says_job(s, 2, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_assign(s, 2, 0, 0, REL, 1, 1);
    sched_destroy(s);
}

static void preparation_is_retried(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 1, 1);
    n.preparation.task.constraints.max_task_retry_count = 1;
    n.preparation.task.retry.backoff_ns = 3 * S;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    struct attempt a = attempt_of(0, PREP, 1, REASON_EXIT_CODE);
    assert_true(end_took(s, 1, 0, &a, 1));
    assert_int_equal(a.disposition, TASK_RETRIES);
    says_none(s, 1);
    assert_int_equal(state_of(s, 0), TASK_PREPARING);
    sched_worker_heard(s, 3 * S, 0);
    tick(s, 1 + 3 * S);
    says_assign(s, 1 + 3 * S, 0, 0, PREP, 1, 2);
    a = attempt_of(0, PREP, 2, REASON_NONE);
    assert_true(end_took(s, 2 + 3 * S, 0, &a, 1));
    says_assign(s, 2 + 3 * S, 0, 0, 0, 1, 1);
    sched_destroy(s);
}

static void job_without_prepared_nodes_ends(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 2, 2);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_assign(s, 0, 1, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, 0, PREP, 1, REASON_EXIT_CODE));
    says_node(s, 1, 0, NODE_IDLE); /* closed to the job */
    says_none(s, 1);
    assert_int_equal(state_of(s, 0), TASK_ACTIVE);
    assert_int_equal(state_of(s, 1), TASK_PREPARING);
    assert_true(end_task(s, 2, 1, 0, PREP, 1, REASON_SIGNAL));
    says_job(s, 2, 0, JOB_TERMINATING, JOB_END_PREPARATION);
    says_assign(s, 2, 0, 0, REL, 1, 1);
    says_assign(s, 2, 1, 0, REL, 1, 1);
    says_node(s, 2, 1, NODE_IDLE);
    assert_true(end_task(s, 3, 0, 0, REL, 1, REASON_NONE));
    assert_true(end_task(s, 3, 1, 0, REL, 1, REASON_NONE));
    says_job(s, 3, 0, JOB_COMPLETED, JOB_END_PREPARATION);
    says_none(s, 3);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void termination_during_preparation_releases(void **state)
{
    (void)state;
    struct node_specs n;
    struct job *job = prepared_job(&n, 1, 2);
    job->max_wall_clock_ns = 5 * S;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    sched_worker_heard(s, 5 * S, 0);
    tick(s, 5 * S);
    says_job(s, 5 * S, 0, JOB_TERMINATING, JOB_END_MAX_WALL_CLOCK_TIME);
    says(s, 5 * S, SCHED_CANCEL_JOB);
    says_node(s, 5 * S, 0, NODE_IDLE); /* what it held is active again */
    says_none(s, 5 * S);
    assert_int_equal(state_of(s, 0), TASK_ACTIVE);
    struct attempt a = attempt_of(0, PREP, 1, REASON_CANCELLED);
    assert_true(end_took(s, 6 * S, 0, &a, 1));
    assert_int_equal(a.disposition, TASK_ENDS);
    says_assign(s, 6 * S, 0, 0, REL, 1, 1);
    says_none(s, 6 * S);
    assert_true(end_task(s, 7 * S, 0, 0, REL, 1, REASON_NONE));
    says_job(s, 7 * S, 0, JOB_COMPLETED, JOB_END_MAX_WALL_CLOCK_TIME);
    sched_destroy(s);
}

static void lost_node_counts_as_released(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 2, 2);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_assign(s, 0, 1, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    started(s, 1, 1, 0, PREP, 1);
    assert_true(end_task(s, 1, 0, 0, PREP, 1, REASON_NONE));
    says_assign(s, 1, 0, 0, 0, 1, 1);
    gone(s, 2, 1); /* what it held goes elsewhere */
    says(s, 2, SCHED_WORKER_LOST);
    struct sched_action a = says(s, 2, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, PREP);
    says_node(s, 2, 1, NODE_UNUSABLE);
    says_assign(s, 2, 0, 0, 1, 1, 1);
    assert_true(end_task(s, 3, 0, 0, 0, 1, REASON_NONE));
    assert_true(end_task(s, 3, 0, 0, 1, 1, REASON_NONE));
    says_job(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_assign(s, 3, 0, 0, REL, 1, 1);
    says_node(s, 3, 0, NODE_IDLE);
    says_none(s, 3);
    gone(s, 4, 0);
    says(s, 4, SCHED_WORKER_LOST);
    says_job(s, 4, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 4, 0, NODE_UNUSABLE);
    says_none(s, 4);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void release_is_bounded(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 1, 1);
    n.release.task.constraints.max_task_retry_count = -1;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, 0, PREP, 1, REASON_NONE));
    says_assign(s, 1, 0, 0, 0, 1, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    says_job(s, 2, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_assign(s, 2, 0, 0, REL, 1, 1);
    says_node(s, 2, 0, NODE_IDLE);
    for (int64_t t = S; t < 15 * 60 * S; t += S) {
        sched_worker_heard(s, t, 0);
        tick(s, t);
        says_none(s, t);
    }
    sched_worker_heard(s, 2 + 15 * 60 * S, 0);
    tick(s, 2 + 15 * 60 * S);
    struct sched_action a = says(s, 2 + 15 * 60 * S, SCHED_END);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.first, REL);
    assert_int_equal(a.attempt, 1);
    assert_int_equal(a.reason, REASON_TIMEOUT);
    says_none(s, 2 + 15 * 60 * S);
    assert_true(end_task(s, 3 + 15 * 60 * S, 0, 0, REL, 1, REASON_TIMEOUT));
    says_job(s, 3 + 15 * 60 * S, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    sched_destroy(s);
}

static void stop_gives_back_what_is_held(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 1, 1);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_int_equal(sched_stop(s, 1, SCHED_STOP_NOW, NULL), 0);
    says(s, 1, SCHED_STOP_WORKER);
    says_node(s, 1, 0, NODE_IDLE);
    says_none(s, 1);
    assert_int_equal(state_of(s, 0), TASK_ACTIVE);
    assert_true(end_task(s, 2, 0, 0, PREP, 1, REASON_STOPPED));
    says_none(s, 2);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void stop_does_not_wait_for_release(void **state)
{
    (void)state;
    struct node_specs n;
    prepared_job(&n, 1, 1);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, PREP, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, 0, PREP, 1, REASON_NONE));
    says_assign(s, 1, 0, 0, 0, 1, 1);
    assert_int_equal(sched_stop(s, 2, SCHED_DRAIN, NULL), 0);
    says(s, 2, SCHED_STOP_WORKER);
    assert_true(end_task(s, 3, 0, 0, 0, 1, REASON_NONE));
    says_job(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_job(s, 3, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 3, 0, NODE_IDLE);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(job_is_prepared_and_released),
        cmocka_unit_test(nobody_waits_without_wait_for_success),
        cmocka_unit_test(preparation_is_retried),
        cmocka_unit_test(job_without_prepared_nodes_ends),
        cmocka_unit_test(termination_during_preparation_releases),
        cmocka_unit_test(lost_node_counts_as_released),
        cmocka_unit_test(release_is_bounded),
        cmocka_unit_test(stop_gives_back_what_is_held),
        cmocka_unit_test(stop_does_not_wait_for_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
