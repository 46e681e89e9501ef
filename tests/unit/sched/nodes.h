/* Nodes for the scheduler's tests: a pool of nodes with the same number of
 * workers each, and words for what the scheduler says next. */
#ifndef MPIBATCH_TESTS_SCHED_NODES_H
#define MPIBATCH_TESTS_SCHED_NODES_H

#include "specs.h"

enum { NODES_MAX = 8, NODES_MAX_WORKERS = 16 };

struct node_specs {
    struct specs specs;
    struct pool pools[2];
    struct special_task start, preparation, release;
    struct sched_node nodes[NODES_MAX];
    uint32_t node_count;
    uint32_t worker_nodes[NODES_MAX_WORKERS];
    uint32_t worker_count;
};

/* One pool with so many nodes, each with so many workers; no jobs. */
static inline void node_specs_init(struct node_specs *n, uint32_t nodes,
                                   uint32_t workers_each)
{
    *n = (struct node_specs){.node_count = nodes,
                             .worker_count = nodes * workers_each};
    specs_init(&n->specs);
    n->pools[0] = (struct pool){.id = "pool"};
    n->specs.spec.pools = n->pools;
    n->specs.spec.pool_count = 1;
    for (uint32_t i = 0; i < nodes; i++)
        n->nodes[i].leader = i * workers_each;
    for (uint32_t w = 0; w < n->worker_count; w++)
        n->worker_nodes[w] = w / workers_each;
}

static inline struct special_task special_of_test(const char *id, bool waits,
                                                  int32_t retries)
{
    return (struct special_task){
        .id = id,
        .wait_for_success = waits,
        .task = {.required_slots = 1,
                 .retry = retry_policy_default,
                 .constraints = {.max_task_retry_count = retries}}};
}

static inline struct sched *node_specs_sched(const struct node_specs *n)
{
    struct sched_config c;
    struct err err = {0};
    sched_config_init(&c);
    c.spec = &n->specs.spec;
    c.worker_count = n->worker_count;
    c.nodes = n->nodes;
    c.node_count = n->node_count;
    c.worker_nodes = n->worker_nodes;
    struct sched *s = sched_create(&c, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s);
    return s;
}

static inline struct sched_action says(struct sched *s, int64_t now,
                                       enum sched_action_kind kind)
{
    struct sched_action a = {0};
    assert_true(sched_next(s, now, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static inline void says_none(struct sched *s, int64_t now)
{
    struct sched_action a;
    assert_false(sched_next(s, now, &a));
}

static inline struct sched_action says_node(struct sched *s, int64_t now,
                                            uint32_t node,
                                            enum node_state state)
{
    struct sched_action a = says(s, now, SCHED_NODE_CHANGED);
    assert_int_equal(a.node, node);
    assert_string_equal(node_state_name(a.node_state), node_state_name(state));
    assert_non_null(a.text);
    assert_int_equal(sched_node_state(s, node), state);
    return a;
}

static inline void says_assign(struct sched *s, int64_t now, uint32_t worker,
                               uint32_t job, uint32_t first, uint32_t count,
                               uint32_t attempt)
{
    struct sched_action a = says(s, now, SCHED_ASSIGN);
    assert_int_equal(a.worker, worker);
    assert_int_equal(a.job, job);
    assert_int_equal(a.first, first);
    assert_int_equal(a.count, count);
    assert_int_equal(a.attempt, attempt);
}

static inline void says_job(struct sched *s, int64_t now, uint32_t job,
                            enum job_state state, enum job_end end)
{
    struct sched_action a = says(s, now, SCHED_JOB_CHANGED);
    assert_int_equal(a.job, job);
    assert_int_equal(a.job_state, state);
    assert_int_equal(a.job_end, end);
}

static inline void gone(struct sched *s, int64_t now, uint32_t worker)
{
    assert_int_equal(sched_worker_gone(s, now, worker, NULL), 0);
}

static inline void tick(struct sched *s, int64_t now)
{
    assert_int_equal(sched_tick(s, now, NULL), 0);
}

/* All nodes' workers join with so many slots, and all nodes are idle; no start
 * task. */
static inline void all_join(struct sched *s, const struct node_specs *n,
                            int64_t now, uint32_t slots)
{
    for (uint32_t w = 0; w < n->worker_count; w++)
        join(s, now, w, slots);
    for (uint32_t i = 0; i < n->node_count; i++) {
        says_node(s, now, i, NODE_STARTING);
        says_node(s, now, i, NODE_IDLE);
    }
}

#endif
