/* Resources of nodes and pools, GPUs, memory, exclusive nodes. */
#include "config.h"

#include "nodes.h"

#include <string.h>

#include "sched/resources.h"

#define S NS_PER_SEC
enum { GPUS, MEMORY, LICENCES, RESOURCES };

static const struct resource resources[RESOURCES] = {
    [GPUS] = {"gpus", RESOURCE_GPUS, RESOURCE_OF_NODE},
    [MEMORY] = {"memory", RESOURCE_MEMORY, RESOURCE_OF_NODE},
    [LICENCES] = {"licences", RESOURCE_NAMED, RESOURCE_OF_POOL},
};

/* ---- Stock ---- */

static void stock_counts(void **state)
{
    (void)state;
    static const uint64_t has[RESOURCES] = {[GPUS] = 2000, [MEMORY] = 100};
    struct jobspec spec = {.resources = resources, .resource_count = RESOURCES};
    struct amount some[] = {{GPUS, 1000}, {MEMORY, 60}};
    struct gpu_share shares[GPU_MAX_PER_NODE];
    struct stock k;
    assert_int_equal(stock_init(&k, &spec, has), 0);
    assert_int_equal(k.gpu_count, 2);
    assert_true(stock_is_free(&k, &spec, RESOURCE_OF_NODE, some, 2));
    assert_int_equal(
        stock_take(&k, &spec, RESOURCE_OF_NODE, some, 2, NULL, shares), 1);
    assert_int_equal(shares[0].gpu, 0);
    assert_int_equal(shares[0].milli, 1000);
    assert_false(stock_is_free(&k, &spec, RESOURCE_OF_NODE, some, 2));
    assert_true(stock_has(&k, &spec, RESOURCE_OF_NODE, some, 2));
    assert_true(stock_is_free(&k, &spec, RESOURCE_OF_NODE, some, 1));
    assert_true(stock_is_free(&k, &spec, RESOURCE_OF_POOL, some, 2));
    stock_give(&k, &spec, RESOURCE_OF_NODE, some, 2, shares, 1);
    some[0].units = 2000;
    some[1].units = 100;
    assert_true(stock_is_free(&k, &spec, RESOURCE_OF_NODE, some, 2));
    some[1].units = 101;
    assert_false(stock_has(&k, &spec, RESOURCE_OF_NODE, some, 2));
    some[1].units = 100;
    some[0].units = 2001;
    assert_false(stock_has(&k, &spec, RESOURCE_OF_NODE, some, 2));
    stock_fini(&k);
    assert_int_equal(stock_init(&k, &spec, NULL), 0);
    assert_false(stock_has(&k, &spec, RESOURCE_OF_NODE, some, 1));
    stock_fini(&k);
}

static void parts_of_gpus_keep_together(void **state)
{
    (void)state;
    static const uint64_t has[RESOURCES] = {[GPUS] = 3000};
    static const uint32_t order[] = {2, 0, 1};
    struct jobspec spec = {.resources = resources, .resource_count = RESOURCES};
    struct amount half = {GPUS, 500}, more = {GPUS, 600}, two = {GPUS, 2000};
    struct gpu_share a[GPU_MAX_PER_NODE], b[GPU_MAX_PER_NODE],
        c[GPU_MAX_PER_NODE];
    struct stock k;
    assert_int_equal(stock_init(&k, &spec, has), 0);
    stock_take(&k, &spec, RESOURCE_OF_NODE, &half, 1, order, a);
    assert_int_equal(a[0].gpu, 2); /* the nearest */
    stock_take(&k, &spec, RESOURCE_OF_NODE, &half, 1, NULL, b);
    assert_int_equal(b[0].gpu, 2); /* where one is in parts already */
    assert_int_equal(stock_take(&k, &spec, RESOURCE_OF_NODE, &two, 1, order, c),
                     2);
    assert_int_equal(c[0].gpu, 0);
    assert_int_equal(c[1].gpu, 1);
    stock_give(&k, &spec, RESOURCE_OF_NODE, &half, 1, a, 1);
    /* half of one is free, and half of nothing: not 0.6 of one */
    assert_true(stock_is_free(&k, &spec, RESOURCE_OF_NODE, &half, 1));
    assert_false(stock_is_free(&k, &spec, RESOURCE_OF_NODE, &more, 1));
    stock_fini(&k);
}

/* ---- Tasks ---- */

struct resource_specs {
    struct node_specs n;
    struct request requests[3];
    struct amount amounts[3][2];
    uint64_t capacity[NODES_MAX][RESOURCES];
    struct amount pool[1];
};

/* Request 0 is plain, 1 and 2 ask for so much of a resource. */
static void resource_specs_init(struct resource_specs *r, uint32_t nodes,
                                uint32_t a, uint64_t units_a, uint32_t b,
                                uint64_t units_b)
{
    memset(r, 0, sizeof(*r));
    node_specs_init(&r->n, nodes, 1);
    r->amounts[1][0] = (struct amount){a, units_a};
    r->amounts[2][0] = (struct amount){b, units_b};
    for (uint32_t i = 0; i < 3; i++)
        r->requests[i] = (struct request){.slots = 1,
                                          .instances = 1,
                                          .amounts = r->amounts[i],
                                          .amount_count = i > 0};
    r->n.specs.spec.resources = resources;
    r->n.specs.spec.resource_count = RESOURCES;
    r->n.specs.spec.requests = r->requests;
    r->n.specs.spec.request_count = 3;
    for (uint32_t i = 0; i < nodes; i++)
        r->n.nodes[i].capacity = r->capacity[i];
}

static struct job *job_of(struct resource_specs *r, uint32_t tasks,
                          uint32_t request)
{
    struct job *job = specs_add(&r->n.specs, tasks, 1, 0, 0);
    r->n.specs.templates[r->n.specs.spec.job_count - 1].request = request;
    return job;
}

static void gpus_are_told(void **state)
{
    (void)state;
    static const uint32_t order[] = {1, 0};
    struct resource_specs r;
    resource_specs_init(&r, 1, GPUS, 1000, MEMORY, 1);
    r.capacity[0][GPUS] = 2000;
    job_of(&r, 3, 1);
    job_of(&r, 1, 0);
    struct sched_config c;
    sched_config_init(&c);
    c.spec = &r.n.specs.spec;
    c.worker_count = 1;
    c.nodes = r.n.nodes;
    c.node_count = 1;
    c.worker_nodes = r.n.worker_nodes;
    c.gpu_order = order;
    c.gpu_stride = 2;
    struct sched *s = sched_create(&c, NULL);
    assert_non_null(s);
    all_join(s, &r.n, 0, 4);
    for (uint32_t i = 0; i < 2; i++) {
        struct sched_action a = says(s, 0, SCHED_LAUNCH);
        assert_int_equal(a.worker, 0);
        assert_int_equal(a.job, 0);
        assert_int_equal(a.first, i);
        assert_int_equal(a.attempt, 1);
        assert_int_equal(a.launch.instance_count, 1);
        assert_int_equal(a.launch.instance, 0);
        assert_int_equal(a.launch.workers[0], 0);
        assert_int_equal(a.launch.gpu_count, 1);
        assert_int_equal(a.launch.gpus[0].gpu, order[i]);
        assert_int_equal(a.launch.gpus[0].milli, 1000);
        assert_int_equal(a.launch.memory_bytes, 0);
    }
    says_assign(s, 0, 0, 1, 0, 1, 1); /* passes the one that lacks a GPU */
    says_node(s, 0, 0, NODE_RUNNING);
    says_none(s, 0);
    storing(s, 1, 0, 0, 0, 1); /* its process has ended */
    struct sched_action a = says(s, 1, SCHED_LAUNCH);
    assert_int_equal(a.first, 2);
    assert_int_equal(a.launch.gpus[0].gpu, 1);
    assert_true(end_task(s, 2, 0, 0, 0, 1, REASON_NONE));
    assert_true(end_task(s, 2, 0, 0, 1, 1, REASON_NONE));
    assert_true(end_task(s, 2, 0, 0, 2, 1, REASON_NONE));
    assert_true(end_task(s, 2, 0, 1, 0, 1, REASON_NONE));
    for (int i = 0; i < 4; i++)
        says(s, 2, SCHED_JOB_CHANGED);
    says_node(s, 2, 0, NODE_IDLE);
    says_none(s, 2);
    assert_true(sched_all_completed(s));
    assert_true(sched_finished(s));
    sched_destroy(s);
}

static void memory_is_shared_by_a_node(void **state)
{
    (void)state;
    struct resource_specs r;
    resource_specs_init(&r, 2, MEMORY, 60, GPUS, 1);
    r.capacity[0][MEMORY] = 100;
    r.capacity[1][MEMORY] = 50; /* never */
    job_of(&r, 2, 1);
    struct sched *s = node_specs_sched(&r.n);
    all_join(s, &r.n, 0, 4);
    struct sched_action a = says(s, 0, SCHED_LAUNCH);
    assert_int_equal(a.worker, 0);
    assert_int_equal(a.launch.memory_bytes, 60);
    says_node(s, 0, 0, NODE_RUNNING);
    says_none(s, 0);
    /* a worker gives it back: all is as before */
    returned(s, 1, 0, 0, 0, 1, 1);
    a = says(s, 1, SCHED_LAUNCH);
    assert_int_equal(a.first, 0);
    assert_int_equal(a.attempt, 1);
    started(s, 2, 0, 0, 0, 1);
    gone(s, 3, 0);
    says(s, 3, SCHED_WORKER_LOST);
    says(s, 3, SCHED_ATTEMPT_LOST);
    says_node(s, 3, 0, NODE_UNUSABLE);
    says_none(s, 3);
    assert_true(sched_finished(s)); /* the other node is too small */
    assert_false(sched_all_completed(s));
    sched_destroy(s);
}

static void licences_are_the_pools(void **state)
{
    (void)state;
    struct resource_specs r;
    resource_specs_init(&r, 2, LICENCES, 1000, GPUS, 1);
    r.pool[0] = (struct amount){LICENCES, 2000};
    r.n.pools[0].pool_resources = r.pool;
    r.n.pools[0].pool_resource_count = 1;
    job_of(&r, 3, 1);
    struct sched *s = node_specs_sched(&r.n);
    all_join(s, &r.n, 0, 2);
    says_assign(s, 0, 0, 0, 0, 1, 1); /* nothing to tell its worker */
    says_assign(s, 0, 1, 0, 1, 1, 1);
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    says_none(s, 0);
    assert_true(end_task(s, 1, 1, 0, 1, 1, REASON_EXIT_CODE));
    says_assign(s, 1, 1, 0, 2, 1, 1);
    sched_destroy(s);
}

static void retried_task_takes_its_resources_again(void **state)
{
    (void)state;
    struct resource_specs r;
    resource_specs_init(&r, 1, MEMORY, 60, GPUS, 1);
    r.capacity[0][MEMORY] = 100;
    job_of(&r, 1, 1);
    r.n.specs.templates[0].constraints.max_task_retry_count = 1;
    struct sched *s = node_specs_sched(&r.n);
    all_join(s, &r.n, 0, 4);
    says(s, 0, SCHED_LAUNCH);
    says_node(s, 0, 0, NODE_RUNNING);
    assert_true(end_task(s, 1, 0, 0, 0, 1, REASON_EXIT_CODE));
    struct sched_action a = says(s, 1, SCHED_LAUNCH);
    assert_int_equal(a.attempt, 2);
    assert_true(end_task(s, 2, 0, 0, 0, 2, REASON_NONE));
    says(s, 2, SCHED_JOB_CHANGED);
    sched_destroy(s);
}

static void exclusive_task_has_its_node(void **state)
{
    (void)state;
    struct resource_specs r;
    resource_specs_init(&r, 2, MEMORY, 0, GPUS, 0);
    r.requests[1].amount_count = 0;
    r.requests[1].exclusive = true;
    specs_add(&r.n.specs, 1, 1, 5, 0);
    r.n.specs.templates[0].request = 0;
    job_of(&r, 2, 1);
    job_of(&r, 4, 0);
    struct sched *s = node_specs_sched(&r.n);
    all_join(s, &r.n, 0, 2);
    says_assign(s, 0, 0, 0, 0, 1, 1);
    says_assign(s, 0, 1, 1, 0, 1, 1); /* nothing else there */
    says_node(s, 0, 0, NODE_RUNNING);
    says_node(s, 0, 1, NODE_RUNNING);
    /* the other one has reserved node 0: later tasks do not go there */
    says_none(s, 0);
    assert_true(end_task(s, 1, 1, 1, 0, 1, REASON_NONE));
    says_assign(s, 1, 1, 1, 1, 1, 1);
    /* and the rest, where it may */
    says_assign(s, 1, 0, 2, 0, 1, 1);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stock_counts),
        cmocka_unit_test(parts_of_gpus_keep_together),
        cmocka_unit_test(gpus_are_told),
        cmocka_unit_test(memory_is_shared_by_a_node),
        cmocka_unit_test(licences_are_the_pools),
        cmocka_unit_test(retried_task_takes_its_resources_again),
        cmocka_unit_test(exclusive_task_has_its_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
