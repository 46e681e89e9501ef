/* The states of nodes, their start tasks, and pools. */
#include "config.h"

#include "nodes.h"

#include <errno.h>

#define S NS_PER_SEC

static void node_goes_its_way(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 2);
    specs_add(&n.specs, 4, 1, 0, 0);
    n.pools[0].resize_timeout_ns = 60 * S;
    struct sched *s = node_specs_sched(&n);
    says_none(s, 0);
    assert_int_equal(sched_node_state(s, 1), NODE_CREATING);
    join(s, 1, 0, 1);
    says_node(s, 1, 0, NODE_STARTING);
    says_none(s, 1); /* its other rank may come */
    assert_true(sched_deadline_ns(s) <= 60 * S);
    join(s, 2, 1, 1);
    says_node(s, 2, 0, NODE_IDLE);
    says_assign(s, 2, 0, 0, 0, 1, 1);
    says_assign(s, 2, 1, 0, 1, 1, 1);
    says_assign(s, 2, 0, 0, 2, 1, 1);
    says_assign(s, 2, 1, 0, 3, 1, 1);
    says_node(s, 2, 0, NODE_RUNNING);
    says_none(s, 2);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(end_task(s, 3, i % 2, 0, i, 1, REASON_NONE));
    says_job(s, 3, 0, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_job(s, 3, 0, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 3, 0, NODE_IDLE);
    says_none(s, 3);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void late_ranks_are_waited_for(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 3);
    specs_add(&n.specs, 3, 1, 0, 0);
    n.pools[0].resize_timeout_ns = 5 * S;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 1, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_none(s, 0);
    tick(s, 4 * S);
    says_none(s, 4 * S);
    assert_int_equal(sched_deadline_ns(s) <= 5 * S, true);
    tick(s, 5 * S);
    says_node(s, 5 * S, 0, NODE_IDLE);
    says_assign(s, 5 * S, 1, 0, 0, 1, 1);
    says_assign(s, 5 * S, 1, 0, 1, 1, 1);
    says_node(s, 5 * S, 0, NODE_RUNNING);
    join(s, 6 * S, 2, 1); /* later ones are welcome */
    says_assign(s, 6 * S, 2, 0, 2, 1, 1);
    says_none(s, 6 * S);
    sched_destroy(s);
}

static void lost_node_is_unusable(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 1);
    specs_add(&n.specs, 1, 1, 0, 0);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    started(s, 1, 0, 0, 0, 1);
    gone(s, 2, 0);
    says(s, 2, SCHED_WORKER_LOST);
    says(s, 2, SCHED_ATTEMPT_LOST);
    struct sched_action a = says_node(s, 2, 0, NODE_UNUSABLE);
    assert_string_equal(a.text, "all its ranks are lost");
    says_assign(s, 2, 1, 0, 0, 1, 2);
    says_node(s, 2, 1, NODE_RUNNING);
    gone(s, 3, 1);
    says(s, 3, SCHED_WORKER_LOST);
    says_node(s, 3, 1, NODE_UNUSABLE);
    says_none(s, 3);
    assert_true(sched_finished(s));
    assert_false(sched_all_completed(s));
    sched_destroy(s);
}

/* ---- Start tasks ---- */

#define POOL JOB_OF_POOL(0)

static void start_task_comes_first(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 2);
    specs_add(&n.specs, 2, 1, 0, 0);
    n.start = special_of_test("starttask", true, 1);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 1, 1);
    join(s, 0, 0, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_WAITING_FOR_START_TASK);
    says_assign(s, 0, 0, POOL, INDEX_START, 1, 1);
    says_none(s, 0);
    assert_false(sched_finished(s));
    started(s, 1, 0, POOL, INDEX_START, 1);
    struct attempt a = attempt_of(POOL, INDEX_START, 1, REASON_EXIT_CODE);
    assert_true(end_took(s, 2, 0, &a, 1));
    assert_int_equal(a.disposition, TASK_RETRIES);
    says_assign(s, 2, 0, POOL, INDEX_START, 1, 2);
    a = attempt_of(POOL, INDEX_START, 1, REASON_NONE);
    assert_false(end_took(s, 3, 0, &a, 1)); /* stale */
    a = attempt_of(POOL, INDEX_START, 2, REASON_NONE);
    assert_false(end_took(s, 3, 1, &a, 1)); /* not its */
    assert_true(end_took(s, 3, 0, &a, 1));
    assert_int_equal(a.disposition, TASK_ENDS);
    says_node(s, 3, 0, NODE_IDLE);
    says_assign(s, 3, 0, 0, 0, 1, 1);
    sched_destroy(s);
}

/* Ranks without slots run no special tasks; nodes without need none. */
static void start_task_needs_slots(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 2);
    specs_add(&n.specs, 2, 1, 0, 0);
    n.start = special_of_test("starttask", true, 1);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 0);
    join(s, 0, 1, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_WAITING_FOR_START_TASK);
    says_assign(s, 0, 1, POOL, INDEX_START, 1, 1);
    join(s, 1, 2, 0);
    join(s, 1, 3, 0);
    says_node(s, 1, 1, NODE_STARTING);
    says_node(s, 1, 1, NODE_IDLE);
    says_none(s, 1);
    assert_true(end_task(s, 2, 1, POOL, INDEX_START, 1, REASON_NONE));
    says_node(s, 2, 0, NODE_IDLE);
    says_assign(s, 2, 1, 0, 0, 1, 1);
    sched_destroy(s);
}

static void start_task_fails(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 1);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.start = special_of_test("starttask", true, 0);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    for (uint32_t w = 0; w < 2; w++) {
        join(s, 0, w, 1);
        says_node(s, 0, w, NODE_STARTING);
        says_node(s, 0, w, NODE_WAITING_FOR_START_TASK);
        says_assign(s, 0, w, POOL, INDEX_START, 1, 1);
    }
    assert_true(end_task(s, 1, 0, POOL, INDEX_START, 1, REASON_EXIT_CODE));
    struct sched_action a = says_node(s, 1, 0, NODE_START_TASK_FAILED);
    assert_string_equal(a.text, "its start task has failed");
    says_none(s, 1);
    assert_false(sched_finished(s)); /* the other one may do it */
    assert_true(end_task(s, 2, 1, POOL, INDEX_START, 1, REASON_NOT_FOUND));
    says_node(s, 2, 1, NODE_START_TASK_FAILED);
    says_none(s, 2);
    assert_true(sched_finished(s));
    assert_false(sched_all_completed(s));
    sched_destroy(s);
}

static void start_task_beside_tasks(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 1);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.start = special_of_test("starttask", false, 0);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_IDLE);
    says_assign(s, 0, 0, POOL, INDEX_START, 1, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, POOL, INDEX_START, 1, REASON_EXIT_CODE));
    says_none(s, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    says(s, 2, SCHED_JOB_CHANGED);
    says(s, 2, SCHED_JOB_CHANGED);
    says_node(s, 2, 0, NODE_IDLE);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void next_rank_leads(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 2);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.start = special_of_test("starttask", true, 0);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    join(s, 0, 1, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_WAITING_FOR_START_TASK);
    says_assign(s, 0, 0, POOL, INDEX_START, 1, 1);
    started(s, 1, 0, POOL, INDEX_START, 1);
    gone(s, 2, 0);
    says(s, 2, SCHED_WORKER_LOST);
    struct sched_action a = says(s, 2, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.job, POOL);
    assert_int_equal(a.first, INDEX_START);
    assert_int_equal(a.disposition, TASK_RETRIES);
    says_assign(s, 2, 1, POOL, INDEX_START, 1, 2);
    assert_true(end_task(s, 3, 1, POOL, INDEX_START, 2, REASON_NONE));
    says_node(s, 3, 0, NODE_IDLE);
    says_assign(s, 3, 1, 0, 0, 1, 1);
    sched_destroy(s);
}

static void start_task_not_begun_is_begun_elsewhere(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 2);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.start = special_of_test("starttask", true, 0);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    join(s, 0, 1, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_WAITING_FOR_START_TASK);
    says_assign(s, 0, 0, POOL, INDEX_START, 1, 1);
    gone(s, 2, 0);
    says(s, 2, SCHED_WORKER_LOST);
    says_assign(s, 2, 1, POOL, INDEX_START, 1, 1);
    /* a session that stops gives it back */
    assert_int_equal(sched_stop(s, 3, SCHED_DRAIN, NULL), 0);
    says(s, 3, SCHED_STOP_WORKER);
    returned(s, 4, 1, POOL, INDEX_START, 1, 1);
    says_none(s, 4);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void start_task_waits_between_retries(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 1);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.start = special_of_test("starttask", true, -1);
    n.pools[0].start_task = &n.start;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_WAITING_FOR_START_TASK);
    says_assign(s, 0, 0, POOL, INDEX_START, 1, 1);
    assert_true(end_task(s, 1, 0, POOL, INDEX_START, 1, REASON_EXIT_CODE));
    says_none(s, 1);
    assert_true(sched_deadline_ns(s) <= 1 + S);
    assert_false(sched_finished(s));
    tick(s, 1 + S);
    says_assign(s, 1 + S, 0, POOL, INDEX_START, 1, 2);
    sched_destroy(s);
}

/* ---- Pools ---- */

static void pool_waits_for_its_nodes(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 3, 1);
    specs_add(&n.specs, 3, 1, 0, 0);
    n.pools[0].target_dedicated_nodes = 2;
    n.pools[0].resize_timeout_ns = 10 * S;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_IDLE);
    says_none(s, 0);
    assert_false(sched_finished(s));
    join(s, 1, 2, 1);
    says_node(s, 1, 2, NODE_STARTING);
    says_node(s, 1, 2, NODE_IDLE);
    says_assign(s, 1, 0, 0, 0, 1, 1);
    says_assign(s, 1, 2, 0, 1, 1, 1);
    sched_destroy(s);
}

static void pool_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 1);
    specs_add(&n.specs, 1, 1, 0, 0);
    n.pools[0].target_dedicated_nodes = 2;
    n.pools[0].resize_timeout_ns = 10 * S;
    struct sched *s = node_specs_sched(&n);
    join(s, 0, 0, 1);
    says_node(s, 0, 0, NODE_STARTING);
    says_node(s, 0, 0, NODE_IDLE);
    says_none(s, 0);
    sched_worker_heard(s, 9 * S, 0);
    tick(s, 10 * S);
    says_assign(s, 10 * S, 0, 0, 0, 1, 1);
    sched_destroy(s);
}

static void pools_keep_apart(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 2, 1);
    specs_add(&n.specs, 2, 1, 0, 0);
    specs_add(&n.specs, 2, 1, 0, 0)->pool = 1;
    n.pools[1] = (struct pool){.id = "other"};
    n.specs.spec.pool_count = 2;
    n.nodes[1].pool = 1;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_assign(s, 0, 1, 1, 0, 1, 1);
    says_assign(s, 0, 0, 0, 1, 1, 1);
    says_assign(s, 0, 1, 1, 1, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0);
    /* what the other pool has ready helps nobody here, and its free slots */
    assert_true(end_task(s, 1, 1, 1, 0, 1, REASON_NONE));
    assert_true(end_task(s, 1, 1, 1, 1, 1, REASON_NONE));
    tick(s, 1 + S);
    says_job(s, 1 + S, 1, JOB_TERMINATING, JOB_END_ALL_TASKS_COMPLETE);
    says_job(s, 1 + S, 1, JOB_COMPLETED, JOB_END_ALL_TASKS_COMPLETE);
    says_node(s, 1 + S, 1, NODE_IDLE);
    says_none(s, 1 + S);
    gone(s, 2 * S, 0);
    says(s, 2 * S, SCHED_WORKER_LOST);
    says_node(s, 2 * S, 0, NODE_UNUSABLE);
    says_none(s, 2 * S);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void nodes_are_packed(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 3, 1);
    specs_add(&n.specs, 3, 1, 0, 0);
    specs_add(&n.specs, 1, 2, -1, 0);
    n.pools[0].node_fill_type = NODE_FILL_PACK;
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 2);
    says_assign(s, 0, 0, 0, 0, 2, 1);
    says_assign(s, 0, 1, 0, 2, 1, 1);
    says_assign(s, 0, 2, 1, 0, 1, 1); /* where it finds two */
    sched_destroy(s);
}

static void nodes_are_said_later(void **state)
{
    (void)state;
    struct node_specs n;
    struct sched_config c;
    struct err err = {0};
    node_specs_init(&n, 2, 2);
    specs_add(&n.specs, 1, 1, 0, 0);
    struct sched *s = specs_sched(&n.specs, 4);
    sched_config_init(&c);
    c.nodes = n.nodes;
    c.node_count = 2;
    c.worker_nodes = n.worker_nodes;
    n.worker_nodes[3] = 2;
    assert_int_equal(sched_set_nodes(s, &c, &err), -1);
    assert_int_equal(err.code, EINVAL);
    n.worker_nodes[3] = 1;
    n.nodes[1].pool = 1;
    assert_int_equal(sched_set_nodes(s, &c, &err), -1);
    assert_int_equal(err.code, EINVAL);
    n.nodes[1].pool = 0;
    assert_int_equal(sched_set_nodes(s, &c, &err), 0);
    join(s, 0, 2, 1);
    join(s, 0, 3, 1);
    says_node(s, 0, 1, NODE_STARTING);
    says_node(s, 0, 1, NODE_IDLE);
    says_assign(s, 0, 2, 0, 0, 1, 1);
    sched_destroy(s);
}

/* ---- Commands ---- */

static int command(struct sched *s, int64_t now, uint32_t node,
                   enum sched_node_command what, enum sched_running running,
                   struct err *err)
{
    return sched_node_command(s, now, node, what, running, err);
}

/* Two nodes of a slot each; node 0 has task 0 (which runs) and 2, node 1 has 1
 * and 3. */
static struct sched *busy_nodes(struct node_specs *n)
{
    node_specs_init(n, 2, 1);
    specs_add(&n->specs, 4, 1, 0, 0);
    struct sched *s = node_specs_sched(n);
    all_join(s, n, 0, 1);
    for (uint32_t i = 0; i < 4; i++)
        says_assign(s, 0, i % 2, 0, i, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0);
    started(s, 1, 0, 0, 0, 1);
    return s;
}

static void offline_requeues(void **state)
{
    (void)state;
    struct node_specs n;
    struct err err = {0};
    struct sched *s = busy_nodes(&n);
    assert_int_equal(command(s, 2, 0, SCHED_NODE_OFFLINE, SCHED_REQUEUE, &err),
                     0);
    struct sched_action a = says(s, 2, SCHED_RECALL);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.count, 2);
    says_none(s, 2);
    returned(s, 3, 0, 0, 2, 1, 1);
    a = says(s, 3, SCHED_END);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.attempt, 1);
    assert_int_equal(a.reason, REASON_STOPPED);
    says_none(s, 3);
    assert_int_equal(sched_node_state(s, 0), NODE_RUNNING);
    struct attempt ended = attempt_of(0, 0, 1, REASON_STOPPED);
    assert_true(end_took(s, 4, 0, &ended, 1));
    assert_int_equal(ended.disposition, TASK_RETRIES);
    says_node(s, 4, 0, NODE_OFFLINE);
    says_none(s, 4); /* the other node has its window full */
    assert_int_equal(command(s, 5, 0, SCHED_NODE_OFFLINE, SCHED_REQUEUE, &err),
                     0);
    says_none(s, 5);
    assert_int_equal(command(s, 5, 0, SCHED_NODE_ONLINE, SCHED_REQUEUE, &err),
                     0);
    says_node(s, 5, 0, NODE_IDLE);
    says_assign(s, 5, 0, 0, 0, 1, 2);
    sched_destroy(s);
}

static void offline_terminates(void **state)
{
    (void)state;
    struct node_specs n;
    struct sched *s = busy_nodes(&n);
    assert_int_equal(
        command(s, 2, 0, SCHED_NODE_OFFLINE, SCHED_TERMINATE, NULL), 0);
    says(s, 2, SCHED_RECALL);
    returned(s, 3, 0, 0, 2, 1, 1);
    struct sched_action a = says(s, 3, SCHED_END);
    assert_int_equal(a.reason, REASON_CANCELLED);
    struct attempt ended = attempt_of(0, 0, 1, REASON_CANCELLED);
    assert_true(end_took(s, 4, 0, &ended, 1));
    assert_int_equal(ended.disposition, TASK_ENDS);
    assert_string_equal(ended.message, "its node was taken out");
    says_node(s, 4, 0, NODE_OFFLINE);
    sched_destroy(s);
}

static void offline_waits_for_its_tasks(void **state)
{
    (void)state;
    struct node_specs n;
    struct sched *s = busy_nodes(&n);
    assert_int_equal(command(s, 2, 0, SCHED_NODE_OFFLINE, SCHED_WAIT, NULL), 0);
    says(s, 2, SCHED_RECALL);
    returned(s, 3, 0, 0, 2, 1, 1);
    says_none(s, 3);
    assert_true(end_task(s, 4, 0, 0, 0, 1, REASON_NONE));
    says_node(s, 4, 0, NODE_OFFLINE);
    says_none(s, 4);
    sched_destroy(s);
}

static void removed_nodes_do_not_come_back(void **state)
{
    (void)state;
    struct node_specs n;
    struct err err = {0};
    struct sched *s = busy_nodes(&n);
    assert_int_equal(command(s, 2, 0, SCHED_NODE_REMOVE, SCHED_WAIT, &err), 0);
    says(s, 2, SCHED_RECALL);
    returned(s, 3, 0, 0, 2, 1, 1);
    assert_true(end_task(s, 4, 0, 0, 0, 1, REASON_NONE));
    struct sched_action a = says_node(s, 4, 0, NODE_LEAVING_POOL);
    assert_string_equal(a.text, "it was removed");
    assert_int_equal(command(s, 5, 0, SCHED_NODE_ONLINE, SCHED_WAIT, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_string_equal(err.text, "NodeNotReady: the node is leaving the pool");
    assert_int_equal(command(s, 5, 2, SCHED_NODE_ONLINE, SCHED_WAIT, &err), -1);
    assert_int_equal(err.code, ESRCH);
    assert_int_equal(command(s, 5, 1, SCHED_NODE_ONLINE, SCHED_WAIT, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_string_equal(err.text, "NodeNotReady: the node is running");
    /* the last one goes: nobody is left */
    assert_int_equal(command(s, 6, 1, SCHED_NODE_REMOVE, SCHED_REQUEUE, &err),
                     0);
    says(s, 6, SCHED_RECALL);
    returned(s, 7, 1, 0, 1, 1, 1);
    returned(s, 7, 1, 0, 3, 1, 1);
    says_node(s, 7, 1, NODE_LEAVING_POOL);
    says_none(s, 7);
    assert_true(sched_finished(s));
    sched_destroy(s);
}

/* ---- Health ---- */

static void failing_node_is_set_aside(void **state)
{
    (void)state;
    struct node_specs n;
    struct err err = {0};
    struct sched_action a;
    uint32_t workers[100];
    node_specs_init(&n, 2, 1);
    specs_add(&n.specs, 100, 1, 0, 0);
    struct sched *s = node_specs_sched(&n);
    all_join(s, &n, 0, 1);
    uint32_t bad = 0, given = 0, aside = UINT32_MAX;
    for (uint32_t i = 0; i < 100 && aside == UINT32_MAX; i++) {
        while (sched_next(s, i, &a)) {
            if (a.kind == SCHED_ASSIGN)
                for (uint32_t k = 0; k < a.count; k++, given++)
                    workers[a.first + k] = a.worker;
            if (a.kind == SCHED_NODE_CHANGED && a.node_state == NODE_UNUSABLE) {
                aside = a.node;
                assert_string_equal(
                    a.text, "set aside: the last 5 attempts of job job there "
                            "failed, elsewhere 0 of 5 did");
            }
        }
        assert_true(i < given);
        bad += workers[i] == 1;
        assert_true(end_task(s, i, workers[i], 0, i, 1,
                             workers[i] == 1 ? REASON_EXIT_CODE : REASON_NONE));
    }
    assert_int_equal(aside, 1);
    assert_int_equal(sched_node_state(s, 1), NODE_UNUSABLE);
    assert_int_equal(command(s, 200, 1, SCHED_NODE_OFFLINE, SCHED_WAIT, &err),
                     -1);
    assert_int_equal(command(s, 200, 1, SCHED_NODE_ONLINE, SCHED_WAIT, &err),
                     0);
    says_node(s, 200, 1, NODE_IDLE);
    sched_destroy(s);
}

static void last_node_is_not_set_aside(void **state)
{
    (void)state;
    struct node_specs n;
    node_specs_init(&n, 1, 1);
    specs_add(&n.specs, 30, 1, 0, 0);
    struct sched *s = node_specs_sched(&n);
    struct sched_action a;
    all_join(s, &n, 0, 1);
    for (uint32_t i = 0; i < 30; i++) {
        while (sched_next(s, i, &a))
            assert_true(a.kind != SCHED_NODE_CHANGED ||
                        a.node_state != NODE_UNUSABLE);
        assert_true(
            end_task(s, i, 0, 0, i, 1, i < 8 ? REASON_NONE : REASON_EXIT_CODE));
    }
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_goes_its_way),
        cmocka_unit_test(late_ranks_are_waited_for),
        cmocka_unit_test(lost_node_is_unusable),
        cmocka_unit_test(start_task_comes_first),
        cmocka_unit_test(start_task_needs_slots),
        cmocka_unit_test(start_task_fails),
        cmocka_unit_test(start_task_beside_tasks),
        cmocka_unit_test(next_rank_leads),
        cmocka_unit_test(start_task_not_begun_is_begun_elsewhere),
        cmocka_unit_test(start_task_waits_between_retries),
        cmocka_unit_test(pool_waits_for_its_nodes),
        cmocka_unit_test(pool_does_not_wait_for_ever),
        cmocka_unit_test(pools_keep_apart),
        cmocka_unit_test(nodes_are_packed),
        cmocka_unit_test(nodes_are_said_later),
        cmocka_unit_test(offline_requeues),
        cmocka_unit_test(offline_terminates),
        cmocka_unit_test(offline_waits_for_its_tasks),
        cmocka_unit_test(removed_nodes_do_not_come_back),
        cmocka_unit_test(failing_node_is_set_aside),
        cmocka_unit_test(last_node_is_not_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
