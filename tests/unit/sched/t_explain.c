/* Why a task does not run: one cause a test. */
#include "config.h"

#include "specs.h"

#include <string.h>

#define S NS_PER_SEC

static void run_out(struct sched *s, int64_t now)
{
    struct sched_action a;
    while (sched_next(s, now, &a)) {
    }
}

static struct sched_wait why(const struct sched *s, uint32_t job,
                             uint32_t index)
{
    struct sched_wait w;
    sched_explain(s, 0, job, index, &w);
    return w;
}

static void slots_and_turns(void **state)
{
    (void)state;
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 20, 2, 0, 0);
    specs_add(&sp, 1, 3, 0, 0);
    specs_add(&sp, 1, 9, 0, 0);
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 4);
    join(s, 0, 1, 4);
    run_out(s, 0);
    started(s, 0, 0, 0, 0, 1);
    assert_int_equal(why(s, 0, 0).kind, WAIT_NOT); /* it runs */
    assert_int_equal(why(s, 1, 0).kind, WAIT_TURN);
    assert_int_equal(why(s, 2, 0).kind, WAIT_NOBODY);
    assert_int_equal(why(s, 0, 19).kind, WAIT_TURN);
    uint32_t next = 0, worker;
    while (sched_task_worker(s, 0, next, &worker))
        next++;
    assert_int_equal(why(s, 0, next).kind, WAIT_SLOTS);
    assert_int_equal(why(s, 0, next).count, 2);
    sched_pause(s, true);
    assert_int_equal(why(s, 0, 19).kind, WAIT_PAUSED);
    sched_destroy(s);
}

static void what_a_job_is_in(void **state)
{
    (void)state;
    const struct job_schedule sc = {.not_before = {7 * S, true},
                                    .not_after = {INT64_MAX, false},
                                    .window_ns = INT64_MAX,
                                    .first_job = 1,
                                    .job_count = 1};
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 8, 1, 0, 0)->max_parallel_tasks = 2;
    specs_add(&sp, 1, 1, 0, 0)->schedule = 1;
    sp.spec.schedules = &sc;
    sp.spec.schedule_count = 1;
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 4);
    run_out(s, 0);
    assert_int_equal(why(s, 0, 5).kind, WAIT_PARALLEL);
    assert_int_equal(why(s, 0, 5).count, 2);
    assert_int_equal(why(s, 1, 0).kind, WAIT_SCHEDULE);
    assert_int_equal(why(s, 1, 0).until_ns, 7 * S);
    assert_int_equal(
        sched_job_command(s, 0, 0, SCHED_JOB_DISABLE, SCHED_WAIT, NULL, NULL),
        0);
    assert_int_equal(why(s, 0, 5).kind, WAIT_JOB_STATE);
    sched_destroy(s);
}

static void others_and_time(void **state)
{
    (void)state;
    const struct task_range all = {0, 0, 3};
    const struct depend_rule rule = {
        .job = 1, .count = 2, .parents = &all, .parent_range_count = 1};
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 3, 1, 0, 1);
    specs_add(&sp, 2, 1, 0, 0);
    sp.templates[0].retry.backoff_ns = 10 * S;
    sp.spec.depends = &rule;
    sp.spec.depend_count = 1;
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 4);
    run_out(s, 0);
    struct sched_wait w = why(s, 1, 1);
    assert_int_equal(w.kind, WAIT_DEPENDENCY);
    assert_int_equal(w.job, 0);
    assert_int_equal(w.index, 0);
    assert_int_equal(w.count, 2);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_EXIT_CODE));
    run_out(s, 0);
    w = why(s, 1, 1);
    assert_int_equal(w.index, 1);
    assert_int_equal(w.count, 1);
    w = why(s, 0, 1);
    assert_int_equal(w.kind, WAIT_BACKOFF);
    assert_int_equal(w.until_ns, 10 * S);
    assert_int_equal(why(s, 0, 0).kind, WAIT_NOT);
    sched_destroy(s);
}

static void resources_and_nodes(void **state)
{
    (void)state;
    const struct resource resources[] = {
        {"licence", RESOURCE_NAMED, RESOURCE_OF_NODE}};
    const struct amount one = {0, RESOURCE_ONE};
    const struct request requests[] = {
        {.slots = 1, .instances = 1, .amounts = &one, .amount_count = 1},
        {.slots = 1, .instances = 3}};
    const uint64_t has = RESOURCE_ONE;
    const struct sched_node nodes[] = {{.leader = 0, .capacity = &has},
                                       {.leader = 1, .capacity = &has},
                                       {.leader = 2, .capacity = &has}};
    const uint32_t worker_nodes[] = {0, 1, 2};
    struct specs sp;
    struct sched_config c;
    specs_init(&sp);
    specs_add(&sp, 4, 1, 0, 0);
    specs_add(&sp, 1, 1, 0, 0);
    sp.templates[1].request = 1;
    sp.spec.resources = resources;
    sp.spec.resource_count = 1;
    sp.spec.requests = requests;
    sp.spec.request_count = 2;
    sched_config_init(&c);
    c.spec = &sp.spec;
    c.worker_count = 3;
    c.nodes = nodes;
    c.node_count = 3;
    c.worker_nodes = worker_nodes;
    struct sched *s = sched_create(&c, NULL);
    assert_non_null(s);
    join(s, 0, 0, 1);
    join(s, 0, 1, 1);
    join(s, 0, 2, 1);
    run_out(s, 0);
    struct sched_wait w = why(s, 0, 3);
    assert_int_equal(w.kind, WAIT_RESOURCE);
    assert_int_equal(w.resource, 0);
    w = why(s, 1, 0);
    assert_true(w.kind == WAIT_NODES || w.kind == WAIT_TURN);
    for (uint32_t i = 0; i < 3; i++)
        started(s, 0, i, 0, i, 1);
    assert_int_equal(sched_worker_gone(s, 0, 2, NULL), 0);
    assert_int_equal(why(s, 1, 0).kind, WAIT_NOBODY);
    assert_int_equal(why(s, 1, 0).count, 2);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_and_turns),
        cmocka_unit_test(what_a_job_is_in),
        cmocka_unit_test(others_and_time),
        cmocka_unit_test(resources_and_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
