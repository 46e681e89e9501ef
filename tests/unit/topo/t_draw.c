/* Drawings of synthetic nodes, as golden texts. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

enum { MAX_RANKS = 8 };

struct drawn {
    const char *machine;
    uint32_t tasks;
    enum slot_unit unit;
    const char *cpus;
    uint32_t ranks;
    unsigned width;
    const char *want;
};

static const char m224[] = "synthetic:pack:2 numa:2 core:2 pu:2";
static const char m128[] = "synthetic:pack:2 numa:2 core:32 pu:2";

static const struct drawn drawings[] = {
    {"synthetic:core:1 pu:1", 0, SLOT_CORE, "0", 1, 80,
     "1 package, 1 NUMA node, 1 core, 1 CPU\n"
     "1 slot, 1 rank\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPU 0  rank 0 slot 0\n"},
    /* CPUs are numbered across the cores, as on real machines */
    {"synthetic:pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", 0, SLOT_CORE,
     "0-7", 2, 80,
     "2 packages, 1 NUMA node, 4 cores, 8 CPUs\n"
     "4 slots, 2 ranks\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPUs 0,4  rank 0 slot 0\n"
     "  core 1  CPUs 1,5  rank 0 slot 1\n"
     "package 1, NUMA node 0\n"
     "  core 2  CPUs 2,6  rank 1 slot 2\n"
     "  core 3  CPUs 3,7  rank 1 slot 3\n"},
    /* parts of cores, shared slots, ranks without slots */
    {m224, 3, SLOT_CORE, "0,2-3,14", 5, 80,
     "2 packages, 4 NUMA nodes, 8 cores, 16 CPUs\n"
     "3 slots, 5 ranks\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPU 0 (1)    rank 0 slot 0\n"
     "  core 1  CPUs 2-3     rank 1 slot 1\n"
     "package 0, NUMA node 1\n"
     "  core 2  (4-5)        -\n"
     "  core 3  (6-7)        -\n"
     "package 1, NUMA node 2\n"
     "  core 4  (8-9)        -\n"
     "  core 5  (10-11)      -\n"
     "package 1, NUMA node 3\n"
     "  core 6  (12-13)      -\n"
     "  core 7  CPU 14 (15)  rank 2 slot 2\n"
     "without slots: ranks 3-4\n"},
    {"synthetic:core:2 pu:2", 5, SLOT_CORE, "0-3", 2, 80,
     "1 package, 1 NUMA node, 2 cores, 4 CPUs\n"
     "5 slots, 2 ranks\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPUs 0-1  rank 0 slot 0; rank 1 slots 2,4\n"
     "  core 1  CPUs 2-3  rank 0 slot 1; rank 1 slot 3\n"},
    {"synthetic:core:2 pu:2", 0, SLOT_HWTHREAD, "0-3", 1, 80,
     "1 package, 1 NUMA node, 2 cores, 4 CPUs\n"
     "4 slots, 1 rank\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPUs 0-1  rank 0 slots 0-1\n"
     "  core 1  CPUs 2-3  rank 0 slots 2-3\n"},
    /* 128 cores: runs */
    {m128, 0, SLOT_CORE, "0-255", 3, 80,
     "2 packages, 4 NUMA nodes, 128 cores, 256 CPUs\n"
     "128 slots, 3 ranks\n"
     "package 0, NUMA node 0\n"
     "  cores 0-31    CPUs 0-63     rank 0 slots 0-31\n"
     "package 0, NUMA node 1\n"
     "  cores 32-41   CPUs 64-83    rank 0 slots 32-41\n"
     "  cores 42-63   CPUs 84-127   rank 1 slots 42-63\n"
     "package 1, NUMA node 2\n"
     "  cores 64-84   CPUs 128-169  rank 1 slots 64-84\n"
     "  cores 85-95   CPUs 170-191  rank 2 slots 85-95\n"
     "package 1, NUMA node 3\n"
     "  cores 96-127  CPUs 192-255  rank 2 slots 96-127\n"},
    {m128, 0, SLOT_HWTHREAD, "0-255", 1, 80,
     "2 packages, 4 NUMA nodes, 128 cores, 256 CPUs\n"
     "256 slots, 1 rank\n"
     "package 0, NUMA node 0\n"
     "  cores 0-31    CPUs 0-63     rank 0 slots 0-63\n"
     "package 0, NUMA node 1\n"
     "  cores 32-63   CPUs 64-127   rank 0 slots 64-127\n"
     "package 1, NUMA node 2\n"
     "  cores 64-95   CPUs 128-191  rank 0 slots 128-191\n"
     "package 1, NUMA node 3\n"
     "  cores 96-127  CPUs 192-255  rank 0 slots 192-255\n"},
    /* a slot of many cores; a hole; a core of which a half is allowed */
    {"synthetic:pack:1 core:20 pu:2", 2, SLOT_CORE, "0-19,24-27,29-39", 2, 80,
     "1 package, 1 NUMA node, 20 cores, 40 CPUs\n"
     "2 slots, 2 ranks\n"
     "package 0, NUMA node 0\n"
     "  cores 0-8    CPUs 0-17    rank 0 slot 0\n"
     "  core 9       CPUs 18-19   rank 1 slot 1\n"
     "  cores 10-11  (20-23)      -\n"
     "  cores 12-13  CPUs 24-27   rank 1 slot 1\n"
     "  core 14      CPU 29 (28)  rank 1 slot 1\n"
     "  cores 15-19  CPUs 30-39   rank 1 slot 1\n"},
    /* narrow: cut, never wider */
    {"synthetic:core:2 pu:2", 5, SLOT_CORE, "0-3", 2, 30,
     "1 package, 1 NUMA node, 2 c...\n"
     "5 slots, 2 ranks\n"
     "package 0, NUMA node 0\n"
     "  core 0  CPUs 0-1  rank 0 ...\n"
     "  core 1  CPUs 2-3  rank 0 ...\n"},
    {"synthetic:core:1 pu:1", 0, SLOT_CORE, "0", 1, 2, "..\n..\n..\n..\n"},
};

/* Draw one of them; on failure the text is as it was. */
static int draw(const struct drawn *d, unsigned long fail_at, struct buf *out,
                struct err *err)
{
    struct topo *t = topo_load(d->machine, NULL);
    struct pool pool = {.task_slots_per_node = d->tasks, .slot_unit = d->unit};
    const char *cpus[MAX_RANKS];
    struct slots slots[MAX_RANKS];
    assert_non_null(t);
    for (uint32_t r = 0; r < d->ranks; r++)
        cpus[r] = d->cpus;
    for (uint32_t r = 0; r < d->ranks; r++)
        assert_int_equal(
            topo_divide(t, &pool, cpus, r, d->ranks, 1, &slots[r], NULL), 0);
    mem_fail_at(fail_at);
    int rc = topo_draw(t, slots, d->ranks, d->width, out, err);
    mem_fail_at(0);
    for (uint32_t r = 0; r < d->ranks; r++)
        slots_fini(&slots[r]);
    topo_destroy(t);
    return rc;
}

static void test_drawings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(drawings) / sizeof(drawings[0]); i++) {
        struct buf out;
        buf_init(&out, 1 << 16);
        assert_int_equal(draw(&drawings[i], 0, &out, NULL), 0);
        assert_string_equal(buf_text(&out), drawings[i].want);
        for (const char *p = out.data; *p; p = strchr(p, '\n') + 1)
            assert_true(strcspn(p, "\n") <= drawings[i].width);
        buf_fini(&out);
    }
}

static void test_failures(void **state)
{
    (void)state;
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        struct buf out;
        struct err err = {0};
        buf_init(&out, 1 << 16);
        buf_puts(&out, "before\n");
        rc = draw(&drawings[2], k, &out, &err);
        assert_true(rc == 0 ? k > 6 : err.code == ENOMEM);
        if (rc < 0)
            assert_string_equal(buf_text(&out), "before\n");
        buf_fini(&out);
    }
    struct buf small;
    struct err err = {0};
    buf_init(&small, 60);
    assert_int_equal(draw(&drawings[1], 0, &small, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    assert_int_equal(small.len, 0);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawings),
                                       cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
