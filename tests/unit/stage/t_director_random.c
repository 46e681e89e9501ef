/* The director under random events: what it has promised, all along, and that
 * every want is answered once all behave. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../prng.h"
#include "director_world.h"

static void run(uint64_t seed, uint32_t steps)
{
    struct prng rng = {seed * 2 + 1};
    static struct world w;
    uint32_t a_node = 1 + prng_below(&rng, 4);
    uint32_t ranks = 1 + prng_below(&rng, WORLD_MAX_RANKS);
    assert_int_equal(
        world_init(&w, ranks, a_node, 1 + prng_below(&rng, WORLD_MAX_OBJECTS),
                   1 + prng_below(&rng, 3), 1 + prng_below(&rng, 3), 0),
        0);
    for (uint32_t i = 0; i < steps && !w.wrong[0]; i++) {
        world_step(&w, prng_below(&rng, 64), prng_below(&rng, 1000),
                   prng_below(&rng, 1000));
        if (prng_below(&rng, 4))
            world_drain(&w);
    }
    world_finish(&w);
    if (w.wrong[0])
        fail_msg("seed %llu: %s", (unsigned long long)seed, w.wrong);
    assert_true(w.answered > 0 || w.want_count == 0 || ranks < 3);
    world_fini(&w);
}

static void promises_are_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        run(seed, 600);
}

/* Without failures each object is read once, whatever the order. */
static void one_read_each(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct prng rng = {seed * 2 + 1};
        static struct world w;
        struct director_stats stats;
        assert_int_equal(world_init(&w, WORLD_MAX_RANKS, 3, 1,
                                    1 + prng_below(&rng, 3), 2, 0),
                         0);
        for (int i = 0; i < 500; i++) {
            uint32_t rank = prng_below(&rng, WORLD_MAX_RANKS);
            if (prng_below(&rng, 2))
                world_want(&w, rank, 0);
            else if (world_ready(&w, rank, 0))
                world_got(&w, rank, 0, true);
            world_drain(&w);
        }
        world_finish(&w);
        assert_string_equal(w.wrong, "");
        director_stats(w.d, &stats);
        assert_int_equal(stats.origin_fetches, 1);
        assert_int_equal(stats.pulls, WORLD_MAX_RANKS / 3 - 1);
        world_fini(&w);
    }
}

/* Allocations that fail: nothing leaks, nothing is promised and not kept. */
static void without_memory(void **state)
{
    (void)state;
    for (unsigned long k = 1; k < 400; k += 3) {
        struct prng rng = {k * 2 + 1};
        static struct world w;
        assert_int_equal(world_init(&w, 12, 2, 3, 2, 2, 0), 0);
        for (int i = 0; i < 300; i++) {
            if (i % 7 == 0)
                mem_fail_at(1 + prng_below(&rng, 6));
            world_step(&w, prng_below(&rng, 62), prng_below(&rng, 1000),
                       prng_below(&rng, 1000));
            mem_fail_at(0);
            world_drain(&w);
        }
        world_finish(&w);
        assert_string_equal(w.wrong, "");
        world_fini(&w);
    }
}

/* Memory is bounded: what is idle is forgotten. */
static void memory_is_bounded(void **state)
{
    enum { MAX = 64 * 1024, RANKS = 16 };
    uint32_t nodes[RANKS];
    struct director_config config = {.rank_count = RANKS,
                                     .rank_nodes = nodes,
                                     .max_streams = 4,
                                     .max_bytes = MAX};
    struct director_stats stats;
    struct director_action a;
    struct object_meta meta = {.bytes = 1};
    struct err err;
    (void)state;
    for (uint32_t r = 0; r < RANKS; r++)
        nodes[r] = r;
    struct director *d = director_create(&config, &err);
    assert_non_null(d);
    uint32_t told = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "/in/%u", i);
        assert_int_equal(director_want(d, i % RANKS, i, OBJECT_FILE, key, &err),
                         0);
        while (director_next(d, &a)) {
            if (a.kind == DIRECTOR_FETCH)
                director_got(d, a.rank, a.object, &meta);
            told += a.kind == DIRECTOR_HAVE;
        }
        director_stats(d, &stats);
        assert_true(stats.bytes <= MAX);
    }
    assert_int_equal(told, 20000);
    assert_true(stats.objects > 50);
    /* What is fetched stays, and no more fits. */
    uint32_t taken = 0;
    while (director_want(d, taken % RANKS, 0, OBJECT_FILE,
                         (char[]){'/', (char)('a' + taken % 26),
                                  (char)('a' + taken / 26), 0},
                         &err) == 0)
        taken++;
    assert_int_equal(err.code, ENOBUFS);
    assert_true(taken > 20 && taken < 500);
    director_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_are_kept),
        cmocka_unit_test(one_read_each),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
