/* Which GPUs a task is told of. The machine is ours: what hwloc would find is
 * said here. */
#include "config.h"
#include "worker/devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct topo_gpu gpus[4];
static uint32_t gpu_count;

uint32_t topo_gpu_count(const struct topo *t)
{
    (void)t;
    return gpu_count;
}

const struct topo_gpu *topo_gpu(const struct topo *t, uint32_t gpu)
{
    (void)t;
    return gpu < gpu_count ? &gpus[gpu] : NULL;
}

/* The vendors of a machine's GPUs, by their first letters; visible as 10, 11 ..
 */
static void machine(const char *vendors)
{
    uint32_t numbers[GPU_VENDORS] = {0};
    gpu_count = (uint32_t)strlen(vendors);
    for (uint32_t i = 0; i < gpu_count; i++) {
        enum gpu_vendor v = vendors[i] == 'n'   ? GPU_NVIDIA
                            : vendors[i] == 'a' ? GPU_AMD
                                                : GPU_INTEL;
        gpus[i] = (struct topo_gpu){.vendor = v, .number = numbers[v]++};
        snprintf(gpus[i].visible, sizeof(gpus[i].visible), "%u",
                 (unsigned)(10 + gpus[i].number));
    }
}

static const struct resource resources[] = {
    {.name = "memory", .kind = RESOURCE_MEMORY},
    {.name = "gpus", .kind = RESOURCE_GPUS}};

static const char *const variables[] = {
    "MPIBATCH_GPUS",        "MPIBATCH_GPU_SHARE", "CUDA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK",   "HIP_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER"};
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

#define ORDER "PCI_BUS_ID"

static void test_variables(void **state)
{
    (void)state;
    static const struct {
        const char *machine;
        uint32_t resources, count;
        struct gpu_share shares[3];
        const char *want[VARIABLES]; /* NULL: as it was: not set */
    } cases[] = {
        /* a spec that does not speak of GPUs */
        {"nn", 1, 0, {{0}}, {NULL}},
        /* none for this task */
        {"nn", 2, 0, {{0}}, {"", NULL, "-1", "-1", NULL, NULL, NULL}},
        {"", 2, 0, {{0}}, {"", NULL, "-1", "-1", NULL, NULL, NULL}},
        {"i", 2, 0, {{0}}, {"", NULL, "-1", "-1", "-1", NULL, NULL}},
        {"nn", 2, 1, {{1, 1000}}, {"1", NULL, "11", "-1", NULL, NULL, ORDER}},
        {"nnn",
         2,
         2,
         {{2, 1000}, {0, 1000}},
         {"2,0", NULL, "12,10", "-1", NULL, NULL, ORDER}},
        {"nn", 2, 1, {{0, 500}}, {"0", "0.5", "10", "-1", NULL, NULL, ORDER}},
        {"nn", 2, 1, {{0, 125}}, {"0", "0.125", "10", "-1", NULL, NULL, ORDER}},
        /* HIP counts among those that ROCm shows */
        {"aaa",
         2,
         2,
         {{1, 1000}, {2, 1000}},
         {"1,2", NULL, "0,1", "11,12", NULL, "0,1", NULL}},
        {"ii", 2, 1, {{1, 1000}}, {"1", NULL, "-1", "-1", "11", NULL, ORDER}},
        /* declared, not found */
        {"",
         2,
         2,
         {{0, 1000}, {3, 1000}},
         {"0,3", NULL, "0,3", "0,3", NULL, NULL, ORDER}},
        /* of two vendors */
        {"na",
         2,
         2,
         {{0, 1000}, {1, 1000}},
         {"0,1", NULL, "10", "10", NULL, NULL, ORDER}},
    };
    static const char *const base[] = {"PATH=/bin", NULL};
    struct err err = {0};
    struct environment *env =
        environment_create((char *const *)(uintptr_t)base, &err);
    assert_non_null(env);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct jobspec spec = {.resources = resources,
                                     .resource_count = cases[i].resources};
        machine(cases[i].machine);
        environment_reset(env);
        assert_int_equal(devices_put(env, &spec, NULL, cases[i].shares,
                                     cases[i].count, &err),
                         0);
        for (size_t k = 0; k < VARIABLES; k++) {
            const char *got = environment_get(env, variables[k]);
            const char *want = cases[i].want[k];
            if (!got != !want || (got && strcmp(got, want) != 0))
                fail_msg("case %zu: %s is %s, not %s", i, variables[k],
                         got ? got : "not set", want ? want : "not set");
        }
    }
    environment_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
