/* The director in a simulated cluster of thousands of nodes: how often storage
 * is read, how deep the trees are, and how long it all takes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quantity.h"
#include "sim/staging.h"

static struct stagesim_stats run(const struct stagesim_config *c)
{
    struct stagesim_stats st;
    struct err err = {0};
    if (stagesim_run(c, &st, &err) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)c->seed, err.text);
    return st;
}

static uint32_t levels(uint32_t nodes)
{
    uint32_t l = 0;
    while (nodes) {
        nodes /= 2;
        l++;
    }
    return l;
}

/* One file to ever more nodes: storage is read once, and the time grows with
 * the depth of the tree, not with the nodes. A node sends what it has twice,
 * so that its link bounds it all at two files; the rest is a piece a level. */
static void one_file(void **state)
{
    static const uint32_t nodes[] = {1, 3, 64, 1000, 4000};
    struct stagesim_config c;
    (void)state;
    stagesim_config_init(&c);
    c.object_bytes = 64 << 20;
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        c.nodes = nodes[i];
        struct stagesim_stats st = run(&c);
        double link_s = (double)c.object_bytes / c.link_bytes_s;
        double piece_s = (double)c.piece_bytes / c.link_bytes_s;
        double took_s = (double)st.took_ns / (double)NS_PER_SEC;
        assert_int_equal(st.origin_reads, 1);
        assert_int_equal(st.storage_bytes, c.object_bytes);
        assert_int_equal(st.pulls, nodes[i] - 1);
        assert_int_equal(st.served, nodes[i]);
        assert_true(st.depth <= levels(nodes[i]));
        assert_true(took_s < 2 * link_s + 3 * piece_s * levels(nodes[i]));
        print_message("# %u nodes, 64 MiB: %.3f s, storage alone %.3f s each, "
                      "depth %u\n",
                      nodes[i], took_s,
                      (double)st.alone_ns / (double)NS_PER_SEC, st.depth);
    }
}

/* Many small files to many nodes that begin at different times. */
static void many_files(void **state)
{
    struct stagesim_config c;
    (void)state;
    stagesim_config_init(&c);
    c.nodes = 500;
    c.objects = 200;
    c.object_bytes = 100000;
    c.piece_bytes = 100000;
    c.spread_ns = NS_PER_SEC;
    struct stagesim_stats st = run(&c);
    assert_int_equal(st.origin_reads, 200);
    assert_int_equal(st.storage_bytes, 200 * 100000);
    assert_true(st.took_ns < 3 * NS_PER_SEC);
}

/* A chain is the worst tree, and still a pipeline. */
static void a_chain(void **state)
{
    struct stagesim_config c;
    (void)state;
    stagesim_config_init(&c);
    c.nodes = 100;
    c.fanout = 1;
    c.object_bytes = 256 << 20;
    struct stagesim_stats st = run(&c);
    assert_int_equal(st.depth, 100);
    assert_true(st.took_ns < NS_PER_SEC / 2);
}

/* Nodes die all along; whoever lives has all in the end, and storage is read
 * again only for whoever lost the reader itself. */
static void deaths(void **state)
{
    struct stagesim_config c;
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        stagesim_config_init(&c);
        c.nodes = 200;
        c.objects = 1 + (uint32_t)(seed % 3);
        c.object_bytes = 32 << 20;
        c.spread_ns = 50 * NS_PER_MS;
        c.deaths = 60;
        c.death_ns = 200 * NS_PER_MS;
        c.notice_ns = 10 * NS_PER_MS;
        c.seed = seed;
        struct stagesim_stats st = run(&c);
        assert_true(st.served >= 140);
        assert_true(st.origin_reads < 10 * c.objects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file),
        cmocka_unit_test(many_files),
        cmocka_unit_test(a_chain),
        cmocka_unit_test(deaths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
