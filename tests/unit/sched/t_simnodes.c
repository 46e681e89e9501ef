/* Simulated sessions with all that nodes have: start tasks, preparation and
 * release, resources, tasks on several nodes, losses, stops. Random ones; the
 * simulator watches, and in the end all must be done. */
#include "config.h"

#include "nodes.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

#define MS NS_PER_MS
enum { GPUS, LICENCES, RESOURCES, SEEDS = 1500 };

static const struct resource resources[RESOURCES] = {
    [GPUS] = {"gpus", RESOURCE_GPUS, RESOURCE_OF_NODE},
    [LICENCES] = {"licences", RESOURCE_NAMED, RESOURCE_OF_POOL},
};
static const struct amount amounts[] = {
    {GPUS, 1000}, {GPUS, 500}, {LICENCES, 1000}};
/* Plain; a GPU; half of one, and a licence; two nodes; three nodes, each with
 * half a GPU; a node alone. */
static const struct request requests[] = {
    {1, 1, false, NULL, 0},        {1, 1, false, &amounts[0], 1},
    {2, 1, false, &amounts[1], 2}, {1, 2, false, NULL, 0},
    {1, 3, false, &amounts[1], 1}, {1, 1, true, NULL, 0}};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

struct world {
    struct node_specs n;
    uint64_t capacity[NODES_MAX][RESOURCES];
    struct amount licences;
    struct sim_worker workers[NODES_MAX_WORKERS];
    struct sim_config config;
    uint64_t random;
};

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((w->random >> 33) % below);
}

static int64_t duration(void *arg, const struct sim_attempt *a)
{
    (void)arg;
    return 1 + (int64_t)(a->random % (uint64_t)(20 * MS));
}

static void jobs_init(struct world *w)
{
    uint32_t jobs = 1 + pick(w, 4);
    for (uint32_t j = 0; j < jobs; j++) {
        struct job *job =
            specs_add(&w->n.specs, 1 + pick(w, 30), 1, (int32_t)pick(w, 3), 3);
        struct task_template *t = &w->n.specs.templates[j];
        t->request = pick(w, REQUESTS);
        t->required_slots = requests[t->request].slots;
        if (pick(w, 3) == 0)
            t->constraints.max_wall_clock_ns = 30 * MS;
        if (pick(w, 2) == 0) {
            job->preparation = &w->n.preparation;
            job->release = pick(w, 2) ? &w->n.release : NULL;
        }
    }
}

static void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->random = seed * 2654435761u + 1;
    node_specs_init(&w->n, 4, 2);
    struct jobspec *spec = &w->n.specs.spec;
    spec->resources = resources;
    spec->resource_count = RESOURCES;
    spec->requests = requests;
    spec->request_count = REQUESTS;
    w->n.start = special_of_test("starttask", pick(w, 2) == 0, 0);
    w->n.preparation = special_of_test("jobpreparation", pick(w, 4) > 0, 0);
    w->n.release = special_of_test("jobrelease", true, 0);
    w->n.pools[0].node_fill_type =
        pick(w, 2) ? NODE_FILL_SPREAD : NODE_FILL_PACK;
    w->n.pools[0].resize_timeout_ns = 100 * MS;
    w->n.pools[0].target_dedicated_nodes = pick(w, 5);
    if (pick(w, 2) == 0)
        w->n.pools[0].start_task = &w->n.start;
    w->licences = (struct amount){LICENCES, 2000};
    w->n.pools[0].pool_resources = &w->licences;
    w->n.pools[0].pool_resource_count = 1;
    for (uint32_t i = 0; i < 4; i++) {
        w->capacity[i][GPUS] = 1000 * (1 + pick(w, 2));
        w->n.nodes[i].capacity = w->capacity[i];
    }
    jobs_init(w);
    sim_config_init(&w->config);
    w->config.sched.spec = spec;
    w->config.sched.nodes = w->n.nodes;
    w->config.sched.node_count = 4;
    w->config.sched.worker_nodes = w->n.worker_nodes;
    w->config.workers = w->workers;
    w->config.worker_count = 8;
    w->config.seed = seed;
    w->config.duration_ns = duration;
    w->config.arg = w;
    w->config.started_ns = 2 * MS;
    w->config.notice_ns = 5 * MS;
    w->config.fail_ppm = 30000;
    for (uint32_t i = 0; i < 8; i++)
        w->workers[i] = (struct sim_worker){
            .slots = 2, .join_ns = pick(w, 20) * MS, .death_ns = -1};
    /* of nodes 0 and 1 some are lost, of node 0 perhaps all */
    for (uint32_t i = pick(w, 3); i > 0; i--)
        w->workers[i].death_ns = 1 + pick(w, 100) * MS;
}

static void run(uint64_t seed)
{
    static struct world w;
    struct sim_stats stats;
    struct err err = {0};
    world_init(&w, seed);
    if (pick(&w, 10) == 0) {
        w.config.stop_ns = pick(&w, 60) * MS;
        w.config.stop = pick(&w, 2) ? SCHED_DRAIN : SCHED_STOP_NOW;
    }
    if (sim_run(&w.config, &stats, &err) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
    if (w.config.stop_ns < 0 && !stats.all_completed)
        fail_msg("seed %llu: not all is completed", (unsigned long long)seed);
}

static void all_is_done(void **state)
{
    (void)state;
    const char *seed = getenv("SCHED_SEED");
    if (seed) {
        run(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 0; i < SEEDS; i++)
        run(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
