/* Regions of failures: what was planted is found; nothing is made up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "view/regions.h"

enum { COLUMNS = 4 };
static const char *const names[COLUMNS] = {"n", "solver", "x", "node"};

/* Task i of a grid of 10 x 3 x 8, again and again, on four nodes. */
static void task_values(uint32_t i, struct value v[COLUMNS])
{
    static const char *const solvers[] = {"cg", "gmres", "jacobi \"2\""};
    static const char *const nodes[] = {"n1", "n2", "n3", "n4"};
    static const char *const n[] = {"16",  "32",   "64",   "128",  "256",
                                    "512", "1024", "2048", "4096", "8192"};
    value_resolve(&v[0], n[i % 10]);
    value_string(&v[1], solvers[i / 10 % 3]);
    v[2] =
        (struct value){.type = VALUE_FLOAT, .u.number = (i / 30 % 8) * 0.125};
    value_string(&v[3], nodes[i * 7 % 11 % 4]);
}

static bool holds(const char *what, const struct value v[COLUMNS], uint32_t i)
{
    if (strcmp(what, "n and solver") == 0)
        return v[0].u.integer >= 2048 && strcmp(v[1].text, "gmres") == 0;
    if (strcmp(what, "value") == 0)
        return strcmp(v[1].text, "jacobi \"2\"") == 0;
    if (strcmp(what, "range") == 0)
        return v[2].u.number >= 0.25 && v[2].u.number <= 0.5;
    if (strcmp(what, "two") == 0)
        return v[0].u.integer <= 16 || strcmp(v[3].text, "n3") == 0;
    if (strcmp(what, "much and little") == 0)
        return v[0].u.integer >= 64 ||
               (v[0].u.integer == 16 && v[2].u.number == 0.5);
    return i * 2654435761u >> 28 == 0; /* by chance */
}

static struct regions *regions_of(const char *what, uint32_t tasks)
{
    struct regions *r = regions_create(COLUMNS);
    struct value v[COLUMNS];
    assert_non_null(r);
    for (uint32_t i = 0; i < tasks; i++) {
        task_values(i, v);
        assert_int_equal(regions_add(r, v, holds(what, v, i)), 0);
    }
    return r;
}

static void is_region(const struct region *r, const char *plain,
                      const char *expr)
{
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(region_put(r, names, false, &out), 0);
    assert_string_equal(buf_text(&out), plain);
    buf_reset(&out);
    assert_int_equal(region_put(r, names, true, &out), 0);
    assert_string_equal(buf_text(&out), expr);
    buf_fini(&out);
}

static void finds_what_was_planted(void **state)
{
    static const struct {
        const char *what, *plain, *expr;
    } cases[] = {
        {"n and solver", "solver=gmres and n>=2048",
         "solver == \"gmres\" and n >= 2048"},
        {"value", "solver=jacobi \"2\"", "solver == \"jacobi \\\"2\\\"\""},
        {"range", "x>=0.25 and x<=0.5", "x >= 0.25 and x <= 0.5"},
    };
    static const uint32_t sizes[] = {240, 2400, 200000}; /* the last: sampled */
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t k = 0; k < 3; k++) {
            const struct region *found;
            struct regions *r = regions_of(cases[i].what, sizes[k]);
            assert_int_equal(regions_find(r, &found), 1);
            is_region(&found[0], cases[i].plain, cases[i].expr);
            assert_int_equal(regions_exact(r), k < 2);
            assert_int_equal(found[0].successes, 0);
            if (k < 2)
                assert_int_equal(found[0].failures, regions_failures(r));
            /* and it covers just those */
            for (uint32_t t = 0; t < 240; t++) {
                struct value v[COLUMNS];
                task_values(t, v);
                assert_int_equal(region_covers(&found[0], v),
                                 holds(cases[i].what, v, t));
            }
            regions_destroy(r);
        }
}

static void finds_one_after_the_other(void **state)
{
    const struct region *found;
    struct regions *r = regions_of("two", 2400);
    (void)state;
    assert_int_equal(regions_find(r, &found), 2);
    is_region(&found[0], "node=n3", "node == \"n3\"");
    is_region(&found[1], "n=16", "n == 16");
    regions_destroy(r);
}

static void finds_what_is_rare(void **state)
{
    const struct region *found;
    struct regions *r = regions_of("much and little", 2400);
    (void)state;
    assert_int_equal(regions_find(r, &found), 2);
    is_region(&found[0], "n>=64", "n >= 64");
    is_region(&found[1], "n=16 and x=0.5", "n == 16 and x == 0.5");
    assert_true(found[1].failures * 20 < found[0].failures);
    regions_destroy(r);
}

static void makes_nothing_up(void **state)
{
    const struct region *found;
    struct value v[COLUMNS];
    struct regions *r = regions_of("chance", 2400);
    (void)state;
    assert_int_equal(regions_find(r, &found), 0);
    regions_destroy(r);
    r = regions_create(COLUMNS); /* all fail */
    for (uint32_t i = 0; i < 100; i++) {
        task_values(i, v);
        assert_int_equal(regions_add(r, v, true), 0);
    }
    assert_int_equal(regions_find(r, &found), 0);
    regions_destroy(r);
    r = regions_create(0); /* no column */
    assert_int_equal(regions_add(r, v, true), 0);
    assert_int_equal(regions_add(r, v, false), 0);
    assert_int_equal(regions_find(r, &found), 0);
    regions_destroy(r);
    r = regions_create(COLUMNS); /* what is not known */
    memset(v, 0, sizeof(v));
    for (int i = 0; i < 20; i++)
        assert_int_equal(regions_add(r, v, i % 2), 0);
    assert_int_equal(regions_find(r, &found), 0);
    regions_destroy(r);
}

static void takes_many_values(void **state)
{
    const struct region *found;
    struct value v[COLUMNS];
    struct regions *r = regions_create(COLUMNS);
    uint64_t x = 1;
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        task_values(i, v);
        x = x * UINT64_C(6364136223846793005) + 1;
        double u = (double)(x >> 11) / 0x1p53;
        v[2] = (struct value){.type = VALUE_FLOAT, .u.number = u};
        assert_int_equal(regions_add(r, v, u > 0.875), 0);
    }
    assert_int_equal(regions_find(r, &found), 1);
    assert_int_equal(found[0].term_count, 1);
    assert_int_equal(found[0].terms[0].relation, REGION_GE);
    assert_int_equal(found[0].terms[0].column, 2);
    assert_true(found[0].terms[0].v.u.number > 0.86 &&
                found[0].terms[0].v.u.number < 0.89);
    struct buf out; /* no more digits than it needs */
    buf_init(&out, 1000);
    assert_int_equal(region_put(&found[0], names, false, &out), 0);
    assert_true(out.len < sizeof("x>=0.87654"));
    buf_fini(&out);
    regions_destroy(r);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    for (unsigned long k = 1; k < 400; k++) {
        const struct region *found;
        struct value v[COLUMNS];
        mem_fail_at(k);
        struct regions *r = regions_create(COLUMNS);
        bool failed = !r;
        for (uint32_t i = 0; !failed && i < 60; i++) {
            task_values(i, v);
            failed = regions_add(r, v, i % 10 > 7) < 0;
        }
        failed = failed || regions_find(r, &found) < 0;
        mem_fail_at(0);
        regions_destroy(r);
        if (!failed)
            return;
    }
    fail_msg("it never succeeds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_planted),
        cmocka_unit_test(finds_one_after_the_other),
        cmocka_unit_test(finds_what_is_rare),
        cmocka_unit_test(makes_nothing_up),
        cmocka_unit_test(takes_many_values),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
