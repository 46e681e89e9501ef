/* Slots of a node and their division among its ranks. */
#include "config.h"
#include "topo/topo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "topo/topo_machine.h"

enum { MAX_RANKS = 64 };

static struct topo *load(const char *source)
{
    struct err err = {0};
    struct topo *t = topo_load(source, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

struct division {
    const char *machine;
    uint32_t tasks; /* task_slots_per_node */
    enum slot_unit unit;
    const char *cpus; /* of each rank, with ";" between; one for all */
    uint32_t ranks, granule;
    const char *want; /* ranks by "|", slots by " " */
};

static const char m242[] = "synthetic:pack:2 core:4 pu:2";
static const char m224[] = "synthetic:pack:2 numa:2 core:2 pu:1";

static const struct division divisions[] = {
    /* one core, more ranks than that */
    {"synthetic:core:1 pu:1", 0, SLOT_CORE, "0", 1, 1, "0:0"},
    {"synthetic:core:1 pu:1", 0, SLOT_CORE, "0", 3, 1, "0:0||"},
    {"synthetic:core:1 pu:1", 3, SLOT_CORE, "0", 2, 1, "0:0|1:0 2:0"},
    /* units */
    {m242, 0, SLOT_CORE, "0-15", 2, 1,
     "0:0-1 1:2-3 2:4-5 3:6-7|4:8-9 5:10-11 6:12-13 7:14-15"},
    {m242, 0, SLOT_PACKAGE, "0-15", 2, 1, "0:0-7|1:8-15"},
    {m242, 0, SLOT_NUMANODE, "0-15", 1, 1, "0:0-15"},
    {m224, 0, SLOT_NUMANODE, "0-7", 1, 1, "0:0-1 1:2-3 2:4-5 3:6-7"},
    {m242, 0, SLOT_HWTHREAD, "0-3", 2, 1, "0:0 1:1|2:2 3:3"},
    /* restricted: the union of the lists, cores of which a part is allowed */
    {m242, 0, SLOT_CORE, "0,3;8", 2, 1, "0:0|1:3 2:8"},
    {m242, 0, SLOT_CORE, "0-1;2-3", 2, 1, "0:0-1|1:2-3"},
    {m242, 0, SLOT_CORE, "2-3;0-1", 2, 1, "0:0-1|1:2-3"},
    {m242, 0, SLOT_CORE, ";4-5", 2, 1, "0:4-5|"},
    {m242, 0, SLOT_PACKAGE, "1,9", 1, 1, "0:1 1:9"},
    {m242, 0, SLOT_CORE, "14-99", 1, 1, "0:14-15"},
    /* T < U, T = U, T > U */
    {m242, 2, SLOT_CORE, "0-15", 1, 1, "0:0-7 1:8-15"},
    {m242, 3, SLOT_CORE, "0-15", 1, 1, "0:0-3 1:4-9 2:10-15"},
    {m242, 8, SLOT_CORE, "0-3", 1, 1,
     "0:0-1 1:2-3 2:0-1 3:2-3 4:0-1 5:2-3 6:0-1 7:2-3"},
    {m242, 5, SLOT_CORE, "0-3", 2, 1, "0:0-1 1:2-3|2:0-1 3:2-3 4:0-1"},
    /* ranks that do not divide the slots */
    {m224, 0, SLOT_CORE, "0-7", 3, 1, "0:0 1:1|2:2 3:3 4:4|5:5 6:6 7:7"},
    {m224, 2, SLOT_CORE, "0-7", 5, 1, "0:0-3|1:4-7|||"},
    /* granules */
    {m224, 0, SLOT_CORE, "0-7", 4, 2, "0:0 1:1|2:2 3:3|4:4 5:5|6:6 7:7"},
    {m224, 0, SLOT_CORE, "0-7", 4, 3, "0:0 1:1 2:2 3:3|4:4 5:5 6:6 7:7||"},
    {m224, 0, SLOT_CORE, "0-7", 3, 8, "0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7||"},
    {m224, 0, SLOT_CORE, "0-1", 2, 9, "0:0 1:1|"},
    {m224, 0, SLOT_CORE, "0-1", 2, 0, "0:0|1:1"},
};

/* Split the lists of the ranks; one list alone is for all. */
static void split(char *text, const char *lists[MAX_RANKS], uint32_t ranks)
{
    char *p = text;
    for (uint32_t i = 0; i < ranks; i++) {
        lists[i] = p;
        char *end = strchr(p, ';');
        if (end) {
            *end = '\0';
            p = end + 1;
        }
    }
}

static void test_divisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(divisions) / sizeof(divisions[0]); i++) {
        const struct division *d = &divisions[i];
        struct topo *t = load(d->machine);
        struct pool pool = {.task_slots_per_node = d->tasks,
                            .slot_unit = d->unit};
        char text[256], got[1024];
        const char *lists[MAX_RANKS];
        snprintf(text, sizeof(text), "%s", d->cpus);
        split(text, lists, d->ranks);
        int len = 0;
        got[0] = '\0';
        for (uint32_t r = 0; r < d->ranks; r++) {
            struct slots s;
            struct err err;
            assert_int_equal(
                topo_divide(t, &pool, lists, r, d->ranks, d->granule, &s, &err),
                0);
            if (r > 0)
                len += sprintf(got + len, "|");
            for (uint32_t k = 0; k < s.count; k++)
                len += sprintf(got + len, "%s%u:%s", k ? " " : "",
                               s.slots[k].number, s.slots[k].list);
            slots_fini(&s);
            assert_int_equal(s.count, 0);
        }
        assert_string_equal(got, d->want);
        topo_destroy(t);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *cpus;
        uint32_t tasks, local;
        const char *text;
    } cases[] = {
        {"", 0, 0, "no CPU"},
        {"99", 0, 0, "no CPU"},
        {"0-x", 0, 0, "local rank 0"},
        {"0", TOPO_MAX_SLOTS + 1, 0, "task slots per node"},
        {"0", 0, 1, "local rank 1 of 1"},
    };
    (void)state;
    struct topo *t = load(m224);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pool pool = {.task_slots_per_node = cases[i].tasks};
        struct slots s = {.node_count = 77};
        struct err err = {0};
        assert_int_equal(topo_divide(t, &pool, &cases[i].cpus, cases[i].local,
                                     1, 1, &s, &err),
                         -1);
        assert_int_equal(err.code, EINVAL);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_int_equal(s.node_count, 77);
    }
    struct pool most = {.task_slots_per_node = TOPO_MAX_SLOTS};
    const char *one = "0";
    struct slots s;
    assert_int_equal(topo_divide(t, &most, &one, 0, 1, 1, &s, NULL), 0);
    assert_int_equal(s.count, TOPO_MAX_SLOTS);
    slots_fini(&s);
    topo_destroy(t);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct topo *t = load(m242);
    struct pool pool = {0};
    const char *cpus = "0-15";
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        struct slots s = {.node_count = 77};
        struct err err = {0};
        mem_fail_at(k);
        rc = topo_divide(t, &pool, &cpus, 0, 1, 1, &s, &err);
        mem_fail_at(0);
        if (rc < 0) {
            assert_int_equal(err.code, ENOMEM);
            assert_int_equal(s.node_count, 77);
        } else {
            assert_true(k > 4);
            slots_fini(&s);
        }
    }
    topo_destroy(t);
}

/* Over 1024 CPUs, and a list that is too long for people. */
static void test_large(void **state)
{
    (void)state;
    struct topo *t = load("synthetic:pack:2 core:1024 pu:1");
    struct pool pool = {.task_slots_per_node = 2};
    const char *all = "0-2047";
    struct slots s;
    assert_int_equal(topo_divide(t, &pool, &all, 0, 1, 1, &s, NULL), 0);
    assert_int_equal(s.cpus_bytes, 256);
    assert_string_equal(s.slots[1].list, "1024-2047");
    assert_int_equal(CPU_COUNT_S(s.cpus_bytes, s.slots[1].cpus), 1024);
    slots_fini(&s);
    char odd[8192];
    const char *list = odd;
    int len = 0;
    for (int cpu = 1; cpu < 2048; cpu += 2)
        len += sprintf(odd + len, "%s%d", len ? "," : "", cpu);
    pool.task_slots_per_node = 1;
    assert_int_equal(topo_divide(t, &pool, &list, 0, 1, 1, &s, NULL), 0);
    assert_int_equal(CPU_COUNT_S(s.cpus_bytes, s.slots[0].cpus), 1024);
    assert_string_equal(s.slots[0].list,
                        "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37,"
                        "39,41,...");
    assert_true(strlen(s.slots[0].list) < sizeof(s.slots[0].list));
    slots_fini(&s);
    topo_destroy(t);
}

static uint32_t random_below(uint64_t *seed, uint32_t bound)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)((*seed >> 33) % bound);
}

/* Every slot belongs to exactly one rank, in order; ranks with slots come
 * first, differ by at most one, and have a granule if there is one; all the
 * allowed CPUs are in slots if there are enough, and only those; slots share
 * CPUs only if there are more slots than units. */
static void check(const struct topo *t, const struct pool *pool,
                  const char *const *cpus, uint32_t ranks, uint32_t granule,
                  const cpu_set_t *allowed)
{
    uint32_t next = 0, least = UINT32_MAX, most = 0, units = 0, total = 0;
    bool ended = false;
    struct pool natural = {.slot_unit = pool->slot_unit};
    struct slots s;
    assert_int_equal(topo_divide(t, &natural, cpus, 0, ranks, 1, &s, NULL), 0);
    units = s.node_count;
    slots_fini(&s);
    cpu_set_t *seen = mem_calloc(1, t->set_bytes);
    size_t sum = 0;
    for (uint32_t r = 0; r < ranks; r++) {
        assert_int_equal(
            topo_divide(t, pool, cpus, r, ranks, granule, &s, NULL), 0);
        total = s.node_count;
        ended = ended || s.count == 0;
        assert_true(!ended || s.count == 0);
        if (s.count > 0) {
            least = s.count < least ? s.count : least;
            most = s.count > most ? s.count : most;
        }
        for (uint32_t k = 0; k < s.count; k++) {
            assert_int_equal(s.slots[k].number, next++);
            size_t n = (size_t)CPU_COUNT_S(t->set_bytes, s.slots[k].cpus);
            assert_true(n > 0);
            sum += n;
            CPU_OR_S(t->set_bytes, seen, seen, s.slots[k].cpus);
        }
        slots_fini(&s);
    }
    assert_int_equal(next, total);
    assert_int_equal(
        total, pool->task_slots_per_node ? pool->task_slots_per_node : units);
    assert_true(most - least <= 1);
    assert_true(granule > total || least >= granule);
    assert_true(CPU_EQUAL_S(t->set_bytes, seen, allowed));
    if (total <= units)
        assert_int_equal(sum, CPU_COUNT_S(t->set_bytes, allowed));
    mem_free(seen);
}

static void test_random_divisions(void **state)
{
    static const char *const machines[] = {
        "synthetic:core:1 pu:1", m242, m224, "synthetic:numa:3 core:5 pu:3",
        "synthetic:pack:2 numa:2 core:8 pu:2"};
    (void)state;
    uint64_t seed = 12345;
    for (int round = 0; round < 400; round++) {
        struct topo *t = load(machines[random_below(&seed, 5)]);
        uint32_t ranks = 1 + random_below(&seed, 12);
        struct pool pool = {.slot_unit = random_below(&seed, 4)};
        if (random_below(&seed, 2))
            pool.task_slots_per_node = 1 + random_below(&seed, 40);
        cpu_set_t *allowed = mem_calloc(1, t->set_bytes);
        char lists[12][512] = {{0}};
        const char *cpus[12];
        for (uint32_t r = 0; r < ranks; r++)
            cpus[r] = lists[r];
        uint32_t density = 1 + random_below(&seed, 4);
        for (uint32_t i = 0; i < t->count; i++) {
            if (i > 0 && random_below(&seed, density) > 0)
                continue;
            char *list = lists[random_below(&seed, ranks)];
            sprintf(list + strlen(list), "%s%u", *list ? "," : "",
                    t->cpus[i].os);
            CPU_SET_S(t->cpus[i].os, t->set_bytes, allowed);
        }
        check(t, &pool, cpus, ranks, random_below(&seed, 10), allowed);
        mem_free(allowed);
        topo_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divisions), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_large),
        cmocka_unit_test(test_random_divisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
