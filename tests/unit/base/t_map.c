/* map against a plain array of keys and values. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "prng.h"

static void empty_maps_bear_all_calls(void **state)
{
    struct map m;
    uint64_t key, value = 5;
    size_t at = 0;
    (void)state;
    map_init(&m);
    assert_false(map_get(&m, 0, &value));
    assert_int_equal(value, 5);
    assert_false(map_remove(&m, 0));
    assert_false(map_next(&m, &at, &key, &value));
    map_fini(&m);
    assert_int_equal(map_set(&m, 0, 0), 0);
    assert_true(map_get(&m, 0, NULL));
    assert_true(map_remove(&m, 0));
    assert_false(map_get(&m, 0, &value));
    map_fini(&m);
}

enum { KEYS = 400 };

/* How the keys of a run are made from 0 .. KEYS - 1. */
static uint64_t key_of(unsigned pattern, uint64_t i)
{
    switch (pattern) {
    case 0:
        return i;
    case 1:
        return i << 32;
    case 2:
        return i << 48;
    case 3:
        return UINT64_MAX - i;
    case 4:
        return i * 4096;
    default:
        return i << 55 | i;
    }
}

static void check_same(const struct map *m, unsigned pattern, const bool *have,
                       const uint64_t *values)
{
    size_t count = 0, at = 0;
    uint64_t key, value;
    bool seen[KEYS] = {false};
    for (size_t i = 0; i < KEYS; i++) {
        value = 77;
        assert_int_equal(map_get(m, key_of(pattern, i), &value), have[i]);
        assert_int_equal(value, have[i] ? values[i] : 77);
        count += have[i];
    }
    assert_int_equal(m->count, count);
    while (map_next(m, &at, &key, &value)) {
        size_t i = 0;
        while (i < KEYS && key_of(pattern, i) != key)
            i++;
        assert_true(i < KEYS && have[i] && !seen[i]);
        assert_int_equal(value, values[i]);
        seen[i] = true;
        count--;
    }
    assert_int_equal(count, 0);
}

static void behaves_as_an_array(void **state)
{
    struct prng r = {23};
    (void)state;
    for (unsigned pattern = 0; pattern < 6; pattern++) {
        bool have[KEYS] = {false};
        uint64_t values[KEYS];
        struct map m;
        map_init(&m);
        for (int step = 0; step < 20000; step++) {
            /* grows and shrinks in turns */
            bool add = prng_below(&r, 10) < (step / 2500 % 2 ? 3 : 7);
            size_t i = prng_below(&r, KEYS);
            if (add) {
                values[i] = prng_next(&r);
                have[i] = true;
                assert_int_equal(map_set(&m, key_of(pattern, i), values[i]), 0);
            } else {
                assert_int_equal(map_remove(&m, key_of(pattern, i)), have[i]);
                have[i] = false;
            }
            if (step % 500 == 0)
                check_same(&m, pattern, have, values);
        }
        check_same(&m, pattern, have, values);
        map_fini(&m);
    }
}

/* No pattern of keys makes long runs of probes: a map of many would take
 * minutes. */
static void spreads_keys(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        uint64_t n = 64 - shift < 16 ? UINT64_C(1) << (64 - shift) : 20000;
        struct map m;
        size_t far = 0, run = 0;
        map_init(&m);
        for (uint64_t i = 0; i < n; i++)
            assert_int_equal(map_set(&m, i << shift, i), 0);
        assert_int_equal(m.count, n);
        for (size_t i = 0; i < 2 * m.cap; i++) {
            run = m.entries[i & (m.cap - 1)].used ? run + 1 : 0;
            far = run > far ? run : far;
        }
        if (far > 400)
            fail_msg("keys << %u: %zu entries in a row", shift, far);
        map_fini(&m);
    }
}

static void no_memory_changes_nothing(void **state)
{
    struct map m;
    uint64_t value;
    (void)state;
    map_init(&m);
    mem_fail_at(1);
    assert_int_equal(map_set(&m, 1, 1), -1);
    mem_fail_at(0);
    assert_int_equal(m.count, 0);
    uint64_t n = 0;
    for (mem_fail_at(4); map_set(&m, n, n * n) == 0; n++)
        ;
    mem_fail_at(1);
    for (uint64_t i = 0; i < n; i++) { /* there is room for what is there */
        assert_int_equal(map_set(&m, i, i + 1), 0);
        assert_true(map_get(&m, i, &value));
        assert_int_equal(value, i + 1);
    }
    assert_int_equal(map_set(&m, n, 0), -1);
    assert_false(map_get(&m, n, NULL));
    mem_fail_at(0);
    assert_int_equal(map_set(&m, n, 0), 0);
    assert_int_equal(m.count, n + 1);
    map_fini(&m);
}

/* As published for FNV-1a. */
static void hashes_text(void **state)
{
    (void)state;
    assert_int_equal(hash_text(HASH_START, ""), HASH_START);
    assert_int_equal(hash_text(HASH_START, "a"), 0xaf63dc4c8601ec8c);
    assert_int_equal(hash_text(hash_text(HASH_START, "foo"), "bar"),
                     0x85944171f73967e8);
    assert_int_equal(hash_bytes(HASH_START, "foobarbaz", 6),
                     0x85944171f73967e8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_maps_bear_all_calls),
        cmocka_unit_test(behaves_as_an_array),
        cmocka_unit_test(spreads_keys),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(hashes_text),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
