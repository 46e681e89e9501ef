/* Dividing the nodes among the pools, and what can never run there. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/divide.h"

enum { NODES = 5 };
#define GIB (UINT64_C(1) << 30)

/* A small cluster: two nodes with GPUs, a large one, two plain ones. */
static const struct node_info machines[NODES] = {
    {.hostname = "gpu1", .cores = 32, .memory_bytes = 256 * GIB, .gpus = 4},
    {.hostname = "gpu2", .cores = 32, .memory_bytes = 256 * GIB, .gpus = 2},
    {.hostname = "fat1", .cores = 64, .memory_bytes = 2048 * GIB},
    {.hostname = "cn1", .cores = 16, .memory_bytes = 64 * GIB},
    {.hostname = "cn2", .cores = 16, .memory_bytes = 64 * GIB}};

static void nodes_fill(struct divide_node nodes[NODES])
{
    for (int i = 0; i < NODES; i++)
        nodes[i] = (struct divide_node){.info = &machines[i], .slots = 4 + i};
}

/* ---- Who gets what ---- */

struct division {
    struct pool pools[3];
    const char *expected; /* the pool of each node, "-": none; or the error */
};

#define POOL(name, ...)                                                        \
    {                                                                          \
        .id = (name), .select = { __VA_ARGS__ }                                \
    }
#define NEEDS(name, target, ...)                                               \
    {                                                                          \
        .id = (name), .target_dedicated_nodes = (target), .select = {          \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

static const struct division divisions[] = {
    {{POOL("a", .nodes = 0)}, "00000"},
    {{POOL("a", .nodes = 2)}, "00---"},
    {{POOL("a", .nodes = 2), POOL("b", .nodes = 0)}, "00111"},
    {{POOL("a", .name = "cn*"), POOL("b", .nodes = 0)}, "11100"},
    {{POOL("a", .min_gpus = 1), POOL("b", .min_cores = 64)}, "001--"},
    {{POOL("a", .min_memory_bytes = 512 * GIB), POOL("b", .name = "gpu?")},
     "110--"},
    /* the first one takes what another could have had */
    {{POOL("a", .min_cores = 32, .nodes = 2), POOL("b", .min_gpus = 3)},
     "pool \"b\" needs 1 node with 3 GPUs, and there are 0 among the 5 of the "
     "allocation that are left to it"},
    {{POOL("a", .nodes = 0), POOL("b", .nodes = 0)},
     "pool \"b\" gets no node: the pools before it take all 5"},
    {{POOL("a", .name = "login*")},
     "pool \"a\" needs 1 node called login*, and there are 0 among the 5 of "
     "the allocation"},
    {{NEEDS("a", 6, .nodes = 0)},
     "pool \"a\" needs 6 nodes, and there are 5 among the 5 of the "
     "allocation"},
    {{NEEDS("a", 3, .min_cores = 32, .min_memory_bytes = GIB)}, "000--"},
    {{NEEDS("a", 4, .min_cores = 32, .min_memory_bytes = GIB)},
     "pool \"a\" needs 4 nodes with 32 cores, with 1.0 GiB of memory, and "
     "there are 3 among the 5 of the allocation"},
    {{NEEDS("a", 2, .min_gpus = 3)},
     "pool \"a\" needs 2 nodes with 3 GPUs, and there is 1 among the 5 of the "
     "allocation"},
};

static void nodes_are_divided(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(divisions) / sizeof(divisions[0]); i++) {
        const struct division *d = &divisions[i];
        struct jobspec spec = {.pools = d->pools};
        struct divide_node nodes[NODES];
        struct err err;
        char got[NODES + 1] = "";
        while (spec.pool_count < 3 && d->pools[spec.pool_count].id)
            spec.pool_count++;
        nodes_fill(nodes);
        int rc = divide_nodes(&spec, nodes, NODES, &err);
        for (int k = 0; k < NODES; k++)
            got[k] =
                nodes[k].pool == POOL_NONE ? '-' : (char)('0' + nodes[k].pool);
        assert_string_equal(rc == 0 ? got : err.text, d->expected);
        assert_true(rc == 0 || err.code == EINVAL);
    }
}

/* ---- What can never run ---- */

enum { MEMORY, GPUS, SSD, LICENCES, RESOURCES };
static const struct resource resources[RESOURCES] = {
    {"memory", RESOURCE_MEMORY, RESOURCE_OF_NODE},
    {"gpus", RESOURCE_GPUS, RESOURCE_OF_NODE},
    {"ssd", RESOURCE_NAMED, RESOURCE_OF_NODE},
    {"licences", RESOURCE_NAMED, RESOURCE_OF_POOL}};

static void capacities(void **state)
{
    (void)state;
    const struct amount declared[] = {{GPUS, 8000}, {SSD, 2500}};
    const struct pool pools[] = {
        {.id = "a", .node_resources = declared, .node_resource_count = 2},
        {.id = "b"}};
    const struct jobspec spec = {.pools = pools,
                                 .pool_count = 2,
                                 .resources = resources,
                                 .resource_count = RESOURCES};
    assert_true(divide_capacity(&spec, MEMORY, 0, &machines[0]) == 256 * GIB);
    assert_true(divide_capacity(&spec, GPUS, 0, &machines[3]) == 8000);
    assert_true(divide_capacity(&spec, GPUS, 1, &machines[0]) == 4000);
    assert_true(divide_capacity(&spec, GPUS, 1, &machines[3]) == 0);
    assert_true(divide_capacity(&spec, SSD, 0, &machines[0]) == 2500);
    assert_true(divide_capacity(&spec, SSD, 1, &machines[0]) == 0);
    assert_true(divide_capacity(&spec, LICENCES, 0, &machines[0]) == 0);
}

/* One task of a job in pool 1: nodes gpu1 (4 slots), gpu2 (5), fat1 (6); pool 0
 * has the others, with up to 8. */
struct never {
    uint32_t slots, instances;
    struct amount amounts[2]; /* units 0: none */
    const char *expected;     /* "": it can run */
};
static const struct never nevers[] = {
    {6, 1, {{0, 0}}, ""},
    {7,
     1,
     {{0, 0}},
     "a task requires 7 slots, but no rank of pool \"b\" has more than 6: it "
     "could never run (start fewer ranks a node, raise task_slots_per_node, or "
     "lower required_slots)"},
    {1, 3, {{0, 0}}, ""},
    {5, 2, {{0, 0}}, ""},
    {5,
     3,
     {{0, 0}},
     "a task runs on 3 nodes at once, but only 2 of the 3 of pool \"b\" have "
     "what it requires: it could never run"},
    {1, 1, {{MEMORY, 2048 * GIB}}, ""},
    {1,
     1,
     {{MEMORY, 2049 * GIB}},
     "a task requires 2.0 TiB of memory, but no node of pool \"b\" has more "
     "than 2.0 TiB of memory: it could never run"},
    {1, 2, {{MEMORY, 256 * GIB}, {GPUS, 2000}}, ""},
    {1,
     2,
     {{MEMORY, 256 * GIB}, {GPUS, 3000}},
     "a task runs on 2 nodes at once, but only 1 of the 3 of pool \"b\" has "
     "what it requires: it could never run"},
    {1,
     1,
     {{GPUS, 5000}},
     "a task requires 5 gpus, but no node of pool \"b\" has more than 4: it "
     "could never run"},
    {1,
     1,
     {{MEMORY, 512 * GIB}, {GPUS, 500}},
     "a task requires slots and resources that no node of pool \"b\" has "
     "together: it could never run"},
    {5,
     1,
     {{GPUS, 3000}},
     "a task requires slots and resources that no node of pool \"b\" has "
     "together: it could never run"},
    {1, 1, {{LICENCES, 9000}}, ""}, /* the parser has looked at those */
    {1,
     1,
     {{SSD, 500}},
     "a task requires 0.5 ssd, but no node of pool \"b\" has more than 0: it "
     "could never run"},
};

static void what_can_never_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nevers) / sizeof(nevers[0]); i++) {
        const struct never *n = &nevers[i];
        const struct pool pools[] = {{.id = "a"}, {.id = "b"}};
        const struct request requests[] = {
            {.slots = 1, .instances = 1},
            {.slots = n->slots,
             .instances = n->instances,
             .amounts = n->amounts,
             .amount_count =
                 (uint32_t)(!!n->amounts[0].units + !!n->amounts[1].units)}};
        const struct task_template plain = {.required_slots = 1};
        const struct task_template t = {.required_slots = n->slots,
                                        .request = 1};
        struct job jobs[] = {{.id = "x", .pool = 0, .templates = &plain},
                             {.id = "y", .pool = 1, .templates = &t}};
        struct jobspec spec = {.pools = pools,
                               .pool_count = 2,
                               .jobs = &jobs[1],
                               .job_count = 1,
                               .resources = resources,
                               .resource_count = RESOURCES,
                               .requests = requests,
                               .request_count = 2};
        struct divide_node nodes[NODES];
        struct err err = {0};
        taskset_init_listed(&jobs[0].tasks, 1);
        taskset_init_listed(&jobs[1].tasks, 1);
        nodes_fill(nodes);
        for (int k = 0; k < NODES; k++)
            nodes[k].pool = k < 3;
        int rc = divide_check(&spec, nodes, NODES, &err);
        assert_string_equal(rc == 0 ? "" : err.text, n->expected);
        /* with another job the error says which */
        char text[ERR_TEXT_MAX];
        spec.jobs = jobs;
        spec.job_count = 2;
        snprintf(text, sizeof(text), "job y: %s", n->expected);
        assert_int_equal(divide_check(&spec, nodes, NODES, &err), rc);
        if (rc < 0)
            assert_string_equal(err.text, text);
        assert_int_equal(jobspec_pool_slots(&spec, 0), 1);
        assert_int_equal(jobspec_pool_slots(&spec, 1), n->slots);
    }
}

/* A job manager is a task, too; of one pool nothing is said. */
static void managers_too(void **state)
{
    (void)state;
    const struct pool pools[] = {{.id = "a"}};
    const struct request requests[] = {{.slots = 1, .instances = 1},
                                       {.slots = 1,
                                        .instances = 1,
                                        .amounts = &(struct amount){GPUS, 1000},
                                        .amount_count = 1},
                                       {.slots = 9, .instances = 1}};
    const struct task_template plain = {.required_slots = 1};
    struct special_task manager = {.task = {.required_slots = 9, .request = 2}};
    struct job job = {.id = "x", .templates = &plain, .manager = &manager};
    struct jobspec spec = {.pools = pools,
                           .pool_count = 1,
                           .jobs = &job,
                           .job_count = 1,
                           .resources = resources,
                           .resource_count = RESOURCES,
                           .requests = requests,
                           .request_count = 3};
    struct divide_node nodes[2] = {{.info = &machines[3], .slots = 8},
                                   {.info = &machines[4], .slots = 2}};
    struct err err;
    taskset_init_listed(&job.tasks, 1);
    assert_int_equal(divide_check(&spec, nodes, 2, &err), -1);
    assert_non_null(strstr(err.text, "a task requires 9 slots, but no rank has "
                                     "more than 8: "));
    manager.task.request = 1;
    assert_int_equal(divide_check(&spec, nodes, 2, &err), -1);
    assert_string_equal(
        err.text, "a task requires 1 gpus, but none is found on any node: it "
                  "could never run (node_resources: {gpus: N} says how many "
                  "each node has)");
    manager.task.request = 0;
    assert_int_equal(divide_check(&spec, nodes, 2, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_divided),
        cmocka_unit_test(capacities),
        cmocka_unit_test(what_can_never_run),
        cmocka_unit_test(managers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
