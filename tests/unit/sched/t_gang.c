/* Tasks on several nodes at once, and their reservation. */
#include "config.h"

#include "nodes.h"

#include <string.h>

#define S NS_PER_SEC

struct gang_specs {
    struct node_specs n;
    struct request requests[3]; /* plain; two instances; three */
};

static void gang_specs_init(struct gang_specs *g, uint32_t nodes)
{
    memset(g, 0, sizeof(*g));
    node_specs_init(&g->n, nodes, 1);
    for (uint32_t i = 0; i < 3; i++)
        g->requests[i] = (struct request){.slots = 1, .instances = i + 1};
    g->n.specs.spec.requests = g->requests;
    g->n.specs.spec.request_count = 3;
}

static struct job *job_of(struct gang_specs *g, uint32_t tasks,
                          uint32_t instances, int32_t priority)
{
    struct job *job = specs_add(&g->n.specs, tasks, 1, priority, 0);
    g->n.specs.templates[g->n.specs.spec.job_count - 1].request = instances - 1;
    return job;
}

static void ready(struct sched *s, int64_t now, uint32_t worker, uint32_t job,
                  uint32_t index, uint32_t attempt)
{
    assert_int_equal(
        sched_instance_ready(s, now, worker, job, index, attempt, NULL), 0);
}

static void says_launch(struct sched *s, int64_t now, uint32_t worker,
                        uint32_t job, uint32_t index, uint32_t attempt,
                        uint32_t instance, uint32_t count)
{
    struct sched_action a = says(s, now, SCHED_LAUNCH);
    assert_int_equal(a.worker, worker);
    assert_int_equal(a.job, job);
    assert_int_equal(a.first, index);
    assert_int_equal(a.attempt, attempt);
    assert_int_equal(a.launch.instance, instance);
    assert_int_equal(a.launch.instance_count, count);
    assert_int_equal(a.launch.workers[instance], worker);
}

static void says_end(struct sched *s, int64_t now, uint32_t worker,
                     uint32_t job, uint32_t index, uint32_t attempt)
{
    struct sched_action a = says(s, now, SCHED_END);
    assert_int_equal(a.worker, worker);
    assert_int_equal(a.job, job);
    assert_int_equal(a.first, index);
    assert_int_equal(a.attempt, attempt);
}

static struct task_counts counts(const struct sched *s, uint32_t job,
                                 uint32_t *busy)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    *busy = snap.slots_busy;
    return jobs[job].tasks;
}

static enum task_state state_of(const struct sched *s, uint32_t index)
{
    enum attempt_result result;
    return sched_task_state(s, 0, index, &result);
}

/* One gang of two on two nodes, launched. */
static struct sched *two(struct gang_specs *g, int32_t retries)
{
    gang_specs_init(g, 2);
    job_of(g, 1, 2, 0);
    g->n.specs.templates[0].constraints.max_task_retry_count = retries;
    struct sched *s = node_specs_sched(&g->n);
    all_join(s, &g->n, 0, 2);
    says_launch(s, 0, 0, 0, 0, 1, 0, 2);
    says_launch(s, 0, 1, 0, 0, 1, 1, 2);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0);
    return s;
}

static void instances_go_together(void **state)
{
    (void)state;
    struct gang_specs g;
    uint32_t busy, worker;
    struct sched *s = two(&g, 0);
    struct task_counts c = counts(s, 0, &busy);
    assert_int_equal(c.running, 1);
    assert_int_equal(busy, 2);
    assert_int_equal(state_of(s, 0), TASK_RUNNING);
    assert_true(sched_task_worker(s, 0, 0, &worker));
    assert_int_equal(worker, 0);
    ready(s, 1, 1, 0, 0, 1);
    ready(s, 1, 1, 0, 0, 1);
    ready(s, 1, 1, 0, 0, 2); /* stale */
    says_none(s, 1);
    ready(s, 2, 0, 0, 0, 1);
    struct sched_action a = says(s, 2, SCHED_GO);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.attempt, 1);
    says_none(s, 2);
    assert_true(end_task(s, 3, 0, 0, 0, 1, REASON_NONE));
    assert_int_equal(state_of(s, 0), TASK_COMPLETED);
    says_end(s, 3, 1, 0, 0, 1);
    says_job(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says(s, 3, SCHED_CANCEL_JOB);
    says_node(s, 3, 0, NODE_IDLE);
    says_none(s, 3); /* the other one still tidies up */
    assert_false(sched_finished(s));
    returned(s, 4, 1, 0, 0, 1, 1);
    says_job(s, 4, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 4, 1, NODE_IDLE);
    says_none(s, 4);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void failed_instance_ends_all(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 1);
    struct attempt a = attempt_of(0, 0, 1, REASON_EXIT_CODE);
    assert_true(end_took(s, 1, 1, &a, 1)); /* its coordination failed */
    assert_int_equal(a.disposition, TASK_RETRIES);
    assert_int_equal(state_of(s, 0), TASK_ACTIVE);
    says_end(s, 1, 0, 0, 0, 1);
    says_node(s, 1, 1, NODE_IDLE);
    says_none(s, 1); /* not before all of it is gone */
    assert_false(end_task(s, 2, 0, 0, 0, 1, REASON_CANCELLED));
    says_launch(s, 2, 0, 0, 0, 2, 0, 2);
    says_launch(s, 2, 1, 0, 0, 2, 1, 2);
    says_node(s, 2, 1, NODE_RUNNING);
    assert_int_equal(sched_task_attempts(s, 0, 0), 1);
    sched_destroy(s);
}

static void lost_instance_ends_all(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 0);
    gone(s, 1, 1);
    says(s, 1, SCHED_WORKER_LOST);
    struct sched_action a = says(s, 1, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.attempt, 1);
    assert_int_equal(a.disposition, TASK_RETRIES);
    says_end(s, 1, 0, 0, 0, 1);
    says_node(s, 1, 1, NODE_UNUSABLE);
    says_none(s, 1);
    returned(s, 2, 0, 0, 0, 1, 1);
    says_node(s, 2, 0, NODE_IDLE);
    says_none(s, 2);
    assert_int_equal(state_of(s, 0), TASK_ACTIVE);
    assert_true(sched_finished(s)); /* one node is not enough */
    assert_false(sched_all_completed(s));
    sched_destroy(s);
}

static void instance_lost_behind_the_end_is_nothing(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 0);
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_NONE));
    gone(s, 1, 1);
    says(s, 1, SCHED_WORKER_LOST);
    says_job(s, 1, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_job(s, 1, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 1, 1, NODE_UNUSABLE);
    says_node(s, 1, 0, NODE_IDLE);
    says_none(s, 1);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void instance_given_back_gives_all_back(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 0);
    returned(s, 1, 1, 0, 0, 1, 1);
    says_end(s, 1, 0, 0, 0, 1);
    says_node(s, 1, 1, NODE_IDLE);
    returned(s, 2, 0, 0, 0, 1, 1);
    says_launch(s, 2, 0, 0, 0, 1, 0, 2); /* the same attempt */
    says_launch(s, 2, 1, 0, 0, 1, 1, 2);
    says_node(s, 2, 1, NODE_RUNNING);
    /* or the first one has run, and says so */
    returned(s, 3, 1, 0, 0, 1, 1);
    says_end(s, 3, 0, 0, 0, 1);
    assert_true(end_task(s, 4, 0, 0, 0, 1, REASON_STOPPED));
    says_launch(s, 4, 0, 0, 0, 2, 0, 2);
    sched_destroy(s);
}

static void stop_ends_a_gang(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 0);
    assert_int_equal(sched_stop(s, 1, SCHED_STOP_NOW, NULL), 0);
    says(s, 1, SCHED_STOP_WORKER);
    says(s, 1, SCHED_STOP_WORKER);
    says_none(s, 1);
    struct attempt a = attempt_of(0, 0, 1, REASON_STOPPED);
    assert_true(end_took(s, 2, 0, &a, 1));
    assert_int_equal(a.disposition, TASK_RETRIES);
    says_end(s, 2, 1, 0, 0, 1);
    returned(s, 3, 1, 0, 0, 1, 1);
    says_node(s, 3, 0, NODE_IDLE);
    says_node(s, 3, 1, NODE_IDLE);
    says_none(s, 3);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

/* ---- The reservation ---- */

static void gang_is_not_starved(void **state)
{
    (void)state;
    struct gang_specs g;
    gang_specs_init(&g, 3);
    job_of(&g, 3, 1, 5);
    job_of(&g, 1, 2, 0);
    job_of(&g, 20, 1, 0);
    struct sched *s = node_specs_sched(&g.n);
    all_join(s, &g.n, 0, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_assign(s, 0, 1, 0, 1, 1, 1);
    says_assign(s, 0, 2, 0, 2, 1, 1);
    /* two are reserved: the later tasks have the third alone */
    says_assign(s, 0, 2, 2, 0, 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        says_node(s, 0, i, NODE_RUNNING);
    says_none(s, 0);
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_NONE));
    says_node(s, 1, 0, NODE_IDLE); /* and waits */
    says_none(s, 1);
    assert_true(end_task(s, 2, 2, 0, 2, 1, REASON_NONE));
    says_assign(s, 2, 2, 2, 1, 1, 1);
    assert_true(end_task(s, 3, 1, 0, 1, 1, REASON_NONE));
    says(s, 3, SCHED_JOB_CHANGED);
    says(s, 3, SCHED_JOB_CHANGED);
    says_launch(s, 3, 0, 1, 0, 1, 0, 2);
    says_launch(s, 3, 1, 1, 0, 1, 1, 2);
    sched_destroy(s);
}

static void gang_does_not_starve_what_comes_first(void **state)
{
    (void)state;
    struct gang_specs g;
    gang_specs_init(&g, 2);
    job_of(&g, 10, 1, 0);
    job_of(&g, 1, 2, 0);
    struct sched *s = node_specs_sched(&g.n);
    all_join(s, &g.n, 0, 1);
    uint32_t next = 0;
    struct sched_action a;
    while (sched_next(s, 0, &a))
        if (a.kind == SCHED_ASSIGN)
            next += a.count;
    assert_int_equal(next, 4); /* and what is ahead */
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(end_task(s, i, i % 2, 0, i, 1, REASON_NONE));
        while (sched_next(s, i, &a))
            assert_true(a.kind != SCHED_LAUNCH || i >= 9);
    }
    assert_int_equal(sched_node_state(s, 0), NODE_RUNNING);
    sched_destroy(s);
}

static void higher_priority_breaks_a_reservation(void **state)
{
    (void)state;
    struct gang_specs g;
    gang_specs_init(&g, 2);
    job_of(&g, 1, 1, 9);
    struct job *later = job_of(&g, 1, 1, 5);
    job_of(&g, 1, 2, 0);
    g.n.specs.templates[1].constraints.max_task_retry_count = 1;
    (void)later;
    struct sched *s = node_specs_sched(&g.n);
    all_join(s, &g.n, 0, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_assign(s, 0, 1, 1, 0, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0); /* both are reserved */
    /* one that comes before it is ready again, and may have what is */
    assert_true(end_task(s, 1, 1, 1, 0, 1, REASON_EXIT_CODE));
    says_assign(s, 1, 1, 1, 0, 1, 2);
    says_none(s, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    says(s, 2, SCHED_JOB_CHANGED);
    says(s, 2, SCHED_JOB_CHANGED);
    says_node(s, 2, 0, NODE_IDLE);
    assert_true(end_task(s, 3, 1, 1, 0, 2, REASON_NONE));
    says(s, 3, SCHED_JOB_CHANGED);
    says(s, 3, SCHED_JOB_CHANGED);
    says_launch(s, 3, 0, 2, 0, 1, 0, 2);
    says_launch(s, 3, 1, 2, 0, 1, 1, 2);
    sched_destroy(s);
}

static void short_tasks_fill_the_gap(void **state)
{
    (void)state;
    struct gang_specs g;
    gang_specs_init(&g, 2);
    job_of(&g, 1, 1, 9);  /* 100 s at most */
    job_of(&g, 1, 2, 5);  /* the gang */
    job_of(&g, 9, 1, 0);  /* 60 s at most */
    job_of(&g, 9, 1, -1); /* who knows */
    g.n.specs.templates[0].constraints.max_wall_clock_ns = 100 * S;
    g.n.specs.templates[2].constraints.max_wall_clock_ns = 60 * S;
    struct sched *s = node_specs_sched(&g.n);
    all_join(s, &g.n, 0, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_none(s, 0); /* not known to have started */
    started(s, S, 0, 0, 0, 1);
    says_assign(s, S, 1, 2, 0, 1, 1);
    says_node(s, S, 1, NODE_RUNNING);
    says_none(s, S);
    sched_worker_heard(s, 50 * S, 0);
    sched_worker_heard(s, 50 * S, 1);
    assert_true(end_task(s, 50 * S, 1, 2, 0, 1, REASON_NONE));
    /* until 101 s: there is no time for another one */
    says_node(s, 50 * S, 1, NODE_IDLE);
    says_none(s, 50 * S);
    assert_true(end_task(s, 51 * S, 0, 0, 0, 1, REASON_NONE));
    says(s, 51 * S, SCHED_JOB_CHANGED);
    says(s, 51 * S, SCHED_JOB_CHANGED);
    says_launch(s, 51 * S, 0, 1, 0, 1, 0, 2);
    says_launch(s, 51 * S, 1, 1, 0, 1, 1, 2);
    sched_destroy(s);
}

static void gang_waits_for_its_nodes_to_be_prepared(void **state)
{
    (void)state;
    struct gang_specs g;
    gang_specs_init(&g, 2);
    struct job *job = job_of(&g, 1, 2, 0);
    g.n.preparation = special_of_test("jobpreparation", true, 0);
    job->preparation = &g.n.preparation;
    struct sched *s = node_specs_sched(&g.n);
    all_join(s, &g.n, 0, 1);
    says_assign(s, 0, 0, 0, INDEX_JOB_PREPARATION, 1, 1);
    says_none(s, 0);
    assert_true(end_task(s, 1, 0, 0, INDEX_JOB_PREPARATION, 1, REASON_NONE));
    says_assign(s, 1, 1, 0, INDEX_JOB_PREPARATION, 1, 1);
    says_none(s, 1);
    assert_true(end_task(s, 2, 1, 0, INDEX_JOB_PREPARATION, 1, REASON_NONE));
    says_launch(s, 2, 0, 0, 0, 1, 0, 2);
    says_launch(s, 2, 1, 0, 0, 1, 1, 2);
    sched_destroy(s);
}

/* Is that attempt of the gang launched now? */
static bool is_launched(struct sched *s, int64_t now, uint32_t attempt)
{
    struct sched_action a;
    bool launched = false;
    while (sched_next(s, now, &a))
        launched |= a.kind == SCHED_LAUNCH && a.attempt == attempt;
    return launched;
}

/* There are other nodes, but too few for it. */
static void gang_goes_where_it_was_if_it_must(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched *s = two(&g, 1);
    g.n.specs.templates[0].retry.different_node = true;
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_EXIT_CODE));
    says_end(s, 1, 1, 0, 0, 1);
    returned(s, 2, 1, 0, 0, 1, 1);
    assert_true(is_launched(s, 2, 2));
    sched_destroy(s);
}

static void gang_is_terminated_while_it_is_given_back(void **state)
{
    (void)state;
    struct gang_specs g;
    struct sched_action a;
    struct sched *s = two(&g, 1);
    bool ended = false;
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_EXIT_CODE));
    says_end(s, 1, 1, 0, 0, 1);
    assert_int_equal(sched_task_command(s, 1, 0, 0, SCHED_TASK_TERMINATE, NULL),
                     0);
    assert_false(is_launched(s, 1, 2));
    returned(s, 2, 1, 0, 0, 1, 1);
    while (sched_next(s, 2, &a))
        ended |= a.kind == SCHED_ATTEMPT_LOST && a.attempt == 2 &&
                 a.reason == REASON_CANCELLED;
    assert_true(ended);
    assert_int_equal(state_of(s, 0), TASK_COMPLETED);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_go_together),
        cmocka_unit_test(failed_instance_ends_all),
        cmocka_unit_test(lost_instance_ends_all),
        cmocka_unit_test(instance_lost_behind_the_end_is_nothing),
        cmocka_unit_test(instance_given_back_gives_all_back),
        cmocka_unit_test(stop_ends_a_gang),
        cmocka_unit_test(gang_is_not_starved),
        cmocka_unit_test(gang_does_not_starve_what_comes_first),
        cmocka_unit_test(higher_priority_breaks_a_reservation),
        cmocka_unit_test(short_tasks_fill_the_gap),
        cmocka_unit_test(gang_waits_for_its_nodes_to_be_prepared),
        cmocka_unit_test(gang_goes_where_it_was_if_it_must),
        cmocka_unit_test(gang_is_terminated_while_it_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
