/* Task sets: the values of ranges and drawn designs, compared with NumPy and
 * SciPy; large ones by index; no memory a point. */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/draw.h"
#include "model/taskset.h"
#include "prng.h"
#include "sweep_cases.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static int arena_setup(void **state)
{
    (void)state;
    arena = arena_create(64 << 20);
    return arena ? 0 : -1;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static const uint32_t numbers[TASKSET_MAX_PARAMS] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/* A sweep of one axis, whose parameters have no other names than "p". */
static int set_init(struct taskset *set, const struct axis *a, struct err *err)
{
    struct param params[TASKSET_MAX_PARAMS];
    struct sweep sweep = {.axes = a, .axis_count = 1};
    struct axis *copy = arena_calloc(arena, 1, sizeof(*copy));
    *copy = *a;
    copy->params = numbers;
    sweep.axes = copy;
    for (uint32_t k = 0; k < TASKSET_MAX_PARAMS; k++)
        params[k] = (struct param){.name = "p"};
    return taskset_init(set, arena, params, a->column_count, &sweep, 1,
                        TASKSET_MAX_COUNT, NULL, err);
}

static struct value value_at(const struct taskset *set, uint32_t i, uint32_t p)
{
    static struct buf room;
    struct value v;
    struct err err;
    buf_fini(&room);
    buf_init(&room, 1000);
    assert_int_equal(taskset_value(set, i, p, &room, &v, &err), 0);
    assert_non_null(v.text);
    assert_in_range(strlen(v.text), 1, set->params[p].longest);
    buf_fini(&room);
    v.text = NULL;
    return v;
}

static const char *text_at(const struct taskset *set, uint32_t i, uint32_t p)
{
    static char text[64];
    struct buf room;
    struct value v;
    struct err err;
    buf_init(&room, sizeof(text) - 1);
    assert_int_equal(taskset_value(set, i, p, &room, &v, &err), 0);
    snprintf(text, sizeof(text), "%s", v.text);
    buf_fini(&room);
    return text;
}

/* ---- Ranges ---- */

static struct column range_of(const char *from, const char *to,
                              const char *step)
{
    struct column c = {.kind = COLUMN_RANGE};
    value_resolve(&c.from, from);
    value_resolve(&c.to, to);
    value_resolve(&c.step, step);
    return c;
}

static void ranges_are_exact(void **state)
{
    static const struct {
        const char *from, *to, *step, *shown;
        enum value_type type;
    } table[] = {
        {"1", "5", "2", "1 3 5 ", VALUE_INT},
        {"5", "1", "-2", "5 3 1 ", VALUE_INT},
        {"3", "3", "1", "3 ", VALUE_INT},
        {"-1", "1", "1", "-1 0 1 ", VALUE_INT},
        {"0x10", "0x12", "1", "16 17 18 ", VALUE_INT},
        {"0", "0.5", "0.1", "0.0 0.1 0.2 0.3 0.4 0.5 ", VALUE_FLOAT},
        {"0.0", "2", "1", "0.0 1.0 2.0 ", VALUE_FLOAT},
        {"0", "1.00", "0.25", "0.00 0.25 0.50 0.75 1.00 ", VALUE_FLOAT},
        {"1", "2.0", "1", "1 2 ", VALUE_INT},
        {"0.30", "-0.3", "-0.3", "0.30 0.00 -0.30 ", VALUE_FLOAT},
        {"-0.05", "0.05", "0.05", "-0.05 0.00 0.05 ", VALUE_FLOAT},
        {"1e-3", "3e-3", "1e-3", "0.001 0.002 0.003 ", VALUE_FLOAT},
        {"1e3", "3e3", "1e3", "1000 2000 3000 ", VALUE_FLOAT},
        {"1.5e1", "16", ".5", "15.0 15.5 16.0 ", VALUE_FLOAT},
        {"9223372036854775806", "9223372036854775807", "1",
         "9223372036854775806 9223372036854775807 ", VALUE_INT},
        {"-9223372036854775808", "-9223372036854775807", "1",
         "-9223372036854775808 -9223372036854775807 ", VALUE_INT},
        {"0.123456789012345678", "0.123456789012345680", "0.000000000000000001",
         "0.123456789012345678 0.123456789012345679 0.123456789012345680 ",
         VALUE_FLOAT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct column c = range_of(table[i].from, table[i].to, table[i].step);
        struct axis a = {.columns = &c, .column_count = 1};
        struct taskset set;
        struct err err = {0};
        char all[200] = "";
        if (set_init(&set, &a, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        for (uint32_t k = 0; k < set.count; k++) {
            const char *text = text_at(&set, k, 0);
            struct value v = value_at(&set, k, 0), same;
            double x = 0, y = 1;
            value_resolve(&same, text);
            assert_int_equal(v.type, table[i].type);
            assert_true(value_number(&v, &x) && value_number(&same, &y));
            assert_true(x == y);
            strcat(strcat(all, text), " ");
        }
        assert_string_equal(all, table[i].shown);
        assert_int_equal(set.params[0].type, table[i].type);
    }
}

static void wrong_columns_are_errors(void **state)
{
    static const struct {
        const char *from, *to, *step, *text;
    } ranges[] = {
        {"0", "1", "0.3", "0 by 0.3 does not meet 1; it meets 0.9 and 1.2"},
        {"0", "1.05", "0.1",
         "0 by 0.1 does not meet 1.05; it meets 1.0 and "
         "1.1"},
        {"5", "0", "-2", "5 by -2 does not meet 0; it meets 1 and -1"},
        {"0", "1", "-1", "downward steps of -1 do not lead from 0 to 1"},
        {"1", "0", "1", "upward steps of 1 do not lead from 1 to 0"},
        {"0", "1e30", "1", "`to` has more than 18 digits: 1e30"},
        {"0", "1", "1e-19", "`step` has more than 18 digits: 1e-19"},
        {"0", "1", "1e-99999999999999999999",
         "`step` has more than 18 digits: 1e-99999999999999999999"},
        {"0", "0xffffffffffffffff", "1",
         "`to` has more than 18 digits: 0xffffffffffffffff"},
        {"0", "1e17", "0.01",
         "from 0 to 1e17 by 0.01 takes more than 18 "
         "digits; use linspace"},
        {"0", "1000000000000", "1",
         "the sweep has 1000000000001 points, and "
         "4294967280 are the most it may have"},
    };
    static const struct {
        enum column_kind kind;
        const char *from, *to;
        uint32_t num;
        const char *text;
    } spaces[] = {
        {COLUMN_LINSPACE, "0", "1", 1,
         "`num` is 1, but `from` and `to` are two values"},
        {COLUMN_LINSPACE, "1", "1.0", 3,
         "`from` and `to` are the same, and so would be all values"},
        {COLUMN_LINSPACE, "-1e308", "1e308", 3,
         "`from` and `to` are too far apart for floating-point numbers"},
    };
    struct taskset set;
    struct err err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        struct column c =
            range_of(ranges[i].from, ranges[i].to, ranges[i].step);
        struct axis a = {.columns = &c, .column_count = 1};
        assert_int_equal(set_init(&set, &a, &err), -1);
        assert_string_equal(err.text, ranges[i].text);
    }
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        struct column c = range_of(spaces[i].from, spaces[i].to, "1");
        struct axis a = {.columns = &c, .column_count = 1};
        c.kind = spaces[i].kind;
        c.num = spaces[i].num;
        assert_int_equal(set_init(&set, &a, &err), -1);
        assert_string_equal(err.text, spaces[i].text);
    }
}

static void check_spaced(enum column_kind kind, const struct spaced_case *c,
                         double tolerance)
{
    struct column column = {.kind = kind,
                            .from = {.type = VALUE_FLOAT, .u.number = c->from},
                            .to = {.type = VALUE_FLOAT, .u.number = c->to},
                            .num = c->num};
    struct axis a = {.columns = &column, .column_count = 1};
    struct taskset set;
    struct err err;
    struct value back;
    assert_int_equal(set_init(&set, &a, &err), 0);
    assert_int_equal(set.count, c->num);
    struct value v = value_at(&set, c->at, 0);
    value_resolve(&back, text_at(&set, c->at, 0));
    double number = NAN;
    assert_true(value_number(&back, &number) && number == v.u.number);
    if (!(fabs(v.u.number - c->value) <= tolerance * fabs(c->value)))
        fail_msg("%g to %g in %u: value %u is %.17g, not %.17g", c->from, c->to,
                 c->num, c->at, v.u.number, c->value);
    if (c->at == c->num - 1)
        assert_true(v.u.number == c->to);
}

static void spaces_are_as_numpys(void **state)
{
    static const char *const decades[] = {"0.001", "0.01", "0.1",
                                          "1",     "10",   "100"};
    struct column c = range_of("1e-3", "100", "1");
    struct axis a = {.columns = &c, .column_count = 1};
    struct taskset set;
    struct err err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(linspace_cases); i++)
        check_spaced(COLUMN_LINSPACE, &linspace_cases[i], 0);
    for (size_t i = 0; i < COUNT_OF(logspace_cases); i++)
        check_spaced(COLUMN_LOGSPACE, &logspace_cases[i], 1e-12);
    c.kind = COLUMN_LOGSPACE;
    c.num = 6;
    assert_int_equal(set_init(&set, &a, &err), 0);
    for (uint32_t i = 0; i < 6;
         i++) /* where NumPy's has 0.009999999999999998 */
        assert_string_equal(text_at(&set, i, 0), decades[i]);
}

/* ---- Drawn designs ---- */

static const struct column drawn[TASKSET_MAX_PARAMS] = {
#define UNIT                                                                   \
    {                                                                          \
        .kind = COLUMN_DRAWN, .dist = DIST_UNIFORM, .min = 0, .max = 1         \
    }
    UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT,
    UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT,
    UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT,
#undef UNIT
};

static void check_drawn(enum axis_kind kind, bool seeded,
                        const struct drawn_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct drawn_case *c = &cases[i];
        struct axis a = {.kind = kind,
                         .columns = drawn,
                         .column_count = TASKSET_MAX_PARAMS,
                         .count = CASES_COUNT,
                         .seed = c->seed,
                         .seeded = seeded};
        struct taskset set;
        struct err err;
        assert_int_equal(set_init(&set, &a, &err), 0);
        struct value v = value_at(&set, c->index, c->column);
        if (v.u.number != c->u)
            fail_msg("case %zu: %a, not %a", i, v.u.number, c->u);
        struct value back;
        value_resolve(&back, text_at(&set, c->index, c->column));
        assert_true(value_equal(&back, &v));
    }
}

static void designs_are_as_scipys(void **state)
{
    (void)state;
    check_drawn(AXIS_RANDOM, true, random_cases, COUNT_OF(random_cases));
    check_drawn(AXIS_SOBOL, false, sobol_cases, COUNT_OF(sobol_cases));
    check_drawn(AXIS_HALTON, false, halton_cases, COUNT_OF(halton_cases));
    check_drawn(AXIS_SOBOL, true, sobol_seeded_cases,
                COUNT_OF(sobol_seeded_cases));
    check_drawn(AXIS_HALTON, true, halton_seeded_cases,
                COUNT_OF(halton_seeded_cases));
}

/* Each stratum has one point, in each dimension; the jitter is NumPy's. */
static void hypercubes_are_latin(void **state)
{
    static bool seen[5000];
    (void)state;
    for (uint32_t n = 1; n < 5000; n += n < 40 ? 1 : 619) {
        struct axis a = {.kind = AXIS_LHS,
                         .columns = drawn,
                         .column_count = 3,
                         .count = n,
                         .seed = n};
        struct taskset set;
        struct err err;
        assert_int_equal(set_init(&set, &a, &err), 0);
        for (uint32_t p = 0; p < 3; p++) {
            memset(seen, 0, sizeof(seen));
            for (uint32_t i = 0; i < n; i++) {
                double u = value_at(&set, i, p).u.number;
                uint32_t stratum = (uint32_t)(u * n);
                assert_true(u >= 0 && u < 1);
                assert_false(seen[stratum]);
                seen[stratum] = true;
            }
        }
    }
    for (size_t i = 0; i < COUNT_OF(jitter_cases); i++) {
        const struct drawn_case *c = &jitter_cases[i];
        struct axis a = {.kind = AXIS_LHS,
                         .columns = drawn,
                         .column_count = TASKSET_MAX_PARAMS,
                         .count = CASES_COUNT,
                         .seed = c->seed};
        struct draw d;
        struct err err;
        assert_int_equal(draw_init(&d, &a, c->column, &err), 0);
        double u = draw_unit(&d, c->index) * CASES_COUNT;
        assert_true(fabs(u - floor(u) - c->u) < 1e-9);
    }
}

/* All permutations of few elements come up, about equally often. */
static void shuffles_are_fair(void **state)
{
    uint32_t seen[4 * 4 * 4 * 4] = {0}, kinds = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 24000; seed++) {
        struct shuffle s;
        uint32_t code = 0;
        shuffle_init(&s, 4, seed, 0);
        for (uint32_t i = 0; i < 4; i++)
            code = code * 4 + shuffle_get(&s, i);
        seen[code]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        kinds += seen[i] > 0;
        if (seen[i] > 0)
            assert_in_range(seen[i], 800, 1200);
    }
    assert_int_equal(kinds, 24);
}

static struct draw draw_of(enum distribution dist, double a, double b)
{
    struct column c = {.kind = COLUMN_DRAWN,
                       .dist = dist,
                       .min = a,
                       .max = b,
                       .mean = a,
                       .stddev = b};
    struct axis x = {.kind = AXIS_RANDOM, .columns = &c, .count = 1};
    struct draw d;
    struct err err;
    assert_int_equal(draw_init(&d, &x, 0, &err), 0);
    return d;
}

static void distributions_are_as_scipys(void **state)
{
    struct draw normal = draw_of(DIST_NORMAL, 2, 3);
    struct draw log_uniform = draw_of(DIST_LOG_UNIFORM, 1e-3, 1e5);
    struct draw integer = draw_of(DIST_INTEGER, -2, 2);
    struct draw wide = draw_of(DIST_INTEGER, 1 - 0x1p52, 0x1p52 - 1);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(normal_cases); i++) {
        const struct mapped_case *c = &normal_cases[i];
        assert_true(fabs(draw_number(&normal, c->u) - c->value) <
                    1e-14 * fabs(c->value));
    }
    for (size_t i = 0; i < COUNT_OF(log_uniform_cases); i++) {
        const struct mapped_case *c = &log_uniform_cases[i];
        assert_true(fabs(draw_number(&log_uniform, c->u) - c->value) <
                    1e-14 * c->value);
    }
    assert_true(draw_number(&log_uniform, 0) == 1e-3);
    assert_true(draw_number(&log_uniform, 1 - 0x1p-53) <= 1e5);
    for (int k = 0; k < 5; k++) {
        assert_true(draw_number(&integer, k / 5.0 + 1e-9) == k - 2);
        assert_true(draw_number(&integer, (k + 1) / 5.0 - 1e-9) == k - 2);
    }
    assert_true(draw_number(&integer, 1 - 0x1p-53) == 2);
    assert_true(draw_number(&wide, 0) == 1 - 0x1p52);
    assert_true(draw_number(&wide, 1 - 0x1p-53) == 0x1p52 - 1);
}

static void choices_are_among_the_values(void **state)
{
    struct value words[3];
    struct column c = {.kind = COLUMN_DRAWN,
                       .dist = DIST_CHOICE,
                       .values = words,
                       .value_count = 3};
    struct axis a = {
        .kind = AXIS_LHS, .columns = &c, .column_count = 1, .count = 300};
    struct taskset set;
    struct err err;
    uint32_t seen[3] = {0};
    (void)state;
    value_string(&words[0], "a");
    value_string(&words[1], "b");
    value_string(&words[2], "c");
    assert_int_equal(set_init(&set, &a, &err), 0);
    for (uint32_t i = 0; i < 300; i++)
        seen[text_at(&set, i, 0)[0] - 'a']++;
    assert_int_equal(seen[0], 100); /* a hypercube: equally often */
    assert_int_equal(seen[1], 100);
    assert_int_equal(set.params[0].type, VALUE_STRING);
}

static void wrong_designs_are_errors(void **state)
{
    static const struct {
        struct column c;
        const char *text;
    } table[] = {
        {{.kind = COLUMN_DRAWN, .min = -1e308, .max = 1e308},
         "`min` and `max` are too far apart for floating-point numbers"},
        {{.kind = COLUMN_DRAWN,
          .dist = DIST_NORMAL,
          .mean = 1e308,
          .stddev = 1e308},
         "`mean` and `stddev` are too large for floating-point numbers"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        for (int kind = AXIS_RANDOM; kind <= AXIS_HALTON; kind++) {
            struct axis a = {.kind = (enum axis_kind)kind,
                             .columns = &table[i].c,
                             .column_count = 1,
                             .count = 5};
            struct taskset set;
            struct err err = {0};
            assert_int_equal(set_init(&set, &a, &err), -1);
            assert_string_equal(err.text, table[i].text);
        }
}

/* ---- Large ones ---- */

/* A design of n points, a combination or a grid of about n. */
static int large_init(struct taskset *set, int which, uint32_t n, size_t *bytes)
{
    size_t before = arena_used_bytes(arena);
    struct column c[2] = {drawn[0], drawn[1]};
    char to[16];
    struct err err;
    struct axis a = {.kind = (enum axis_kind)which,
                     .columns = c,
                     .column_count = 2,
                     .count = n,
                     .seed = 3,
                     .seeded = true};
    if (which == AXIS_COMBINATIONS || which == AXIS_PERMUTATIONS) {
        snprintf(to, sizeof(to), "%u", (uint32_t)sqrt(n));
        c[0] = range_of("0", to, "1");
    } else if (which == AXIS_PLAIN) {
        snprintf(to, sizeof(to), "%u.5", n);
        c[0] = c[1] = range_of("0", to, "0.5");
        a.column_count = 2;
    } else if (which == AXIS_POINTS) {
        c[0] = range_of("1", "1e9", "1");
        c[0].kind = COLUMN_LOGSPACE;
        c[0].num = n;
        c[1] = c[0];
        c[1].kind = COLUMN_LINSPACE;
    }
    int rc = set_init(set, &a, &err);
    *bytes = arena_used_bytes(arena) - before;
    return rc;
}

/* A design of a billion points takes the memory of one of ten, and each point
 * is found by its index, and by its values where that is quick. */
static void points_take_no_memory(void **state)
{
    struct prng r = {29};
    (void)state;
    for (int which = AXIS_PLAIN; which <= AXIS_HALTON; which++) {
        struct taskset small, large;
        size_t small_bytes, large_bytes;
        struct err err;
        assert_int_equal(large_init(&small, which, 10, &small_bytes), 0);
        assert_int_equal(large_init(&large, which, 1000000000, &large_bytes),
                         0);
        assert_int_equal(small_bytes, large_bytes);
        assert_true(large.count > 400000000);
        for (int probe = 0; probe < 300; probe++) {
            uint32_t i = probe == 0   ? 0
                         : probe == 1 ? large.count - 1
                                      : prng_below(&r, large.count);
            struct point p;
            struct value v[2];
            uint32_t index = 0;
            bool found;
            taskset_point(&large, i, &p);
            assert_true(taskset_index(&large, &p, &index) && index == i);
            v[0] = value_at(&large, i, 0);
            v[1] = value_at(&large, i, 1);
            if (which >= AXIS_RANDOM)
                continue;
            assert_int_equal(taskset_find(&large, v, &found, &index, &err), 0);
            assert_true(found && index == i);
        }
    }
}

/* Values that are not there; and those of a drawn design. */
static void finds_by_values(void **state)
{
    static const char *const not [] = {"0.25", "-0.5", "1.5",  "x",
                                       "true", "",     ".nan", "1e300"};
    struct column c = range_of("0", "1", "0.5");
    struct axis a = {.columns = &c, .column_count = 1};
    struct taskset set;
    struct value v;
    struct err err;
    bool found;
    uint32_t index;
    (void)state;
    assert_int_equal(set_init(&set, &a, &err), 0);
    for (size_t i = 0; i < COUNT_OF(not ); i++) {
        value_resolve(&v, not [i]);
        assert_int_equal(taskset_find(&set, &v, &found, &index, &err), 0);
        assert_false(found);
    }
    value_resolve(&v, "1");
    assert_int_equal(taskset_find(&set, &v, &found, &index, &err), 0);
    assert_true(found && index == 2);
    value_string(&v, "0.5"); /* the text of one */
    assert_int_equal(taskset_find(&set, &v, &found, &index, &err), 0);
    assert_true(found && index == 1);
    value_string(&v, "0.50");
    assert_int_equal(taskset_find(&set, &v, &found, &index, &err), 0);
    assert_false(found);
    struct axis random = {.kind = AXIS_RANDOM,
                          .columns = drawn,
                          .column_count = 1,
                          .count = 20000};
    assert_int_equal(set_init(&set, &random, &err), 0);
    v = value_at(&set, 19998, 0);
    assert_int_equal(taskset_find(&set, &v, &found, &index, &err), 0);
    assert_true(found && index == 19998);
}

/* A comma in the process' locale is none in the values. */
static void numbers_have_points(void **state)
{
    struct column c = range_of("0", "1", "1");
    struct axis a = {.columns = &c, .column_count = 1};
    struct taskset set;
    struct err err;
    (void)state;
    c.kind = COLUMN_LINSPACE;
    c.num = 5;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE"))
        print_message("# no locale with a comma here\n");
    assert_int_equal(set_init(&set, &a, &err), 0);
    assert_string_equal(text_at(&set, 1, 0), "0.25");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_exact),
        cmocka_unit_test(wrong_columns_are_errors),
        cmocka_unit_test(spaces_are_as_numpys),
        cmocka_unit_test(designs_are_as_scipys),
        cmocka_unit_test(hypercubes_are_latin),
        cmocka_unit_test(shuffles_are_fair),
        cmocka_unit_test(distributions_are_as_scipys),
        cmocka_unit_test(choices_are_among_the_values),
        cmocka_unit_test(wrong_designs_are_errors),
        cmocka_unit_test(points_take_no_memory),
        cmocka_unit_test(finds_by_values),
        cmocka_unit_test(numbers_have_points),
    };
    return cmocka_run_group_tests_name("taskset_values", tests, arena_setup,
                                       arena_teardown);
}
