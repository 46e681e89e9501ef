/* Expressions: as Python where it can say, null, errors with their place,
 * bounds, lack of memory. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expr_cases.h"
#include "model/expr.h"

static const char *const names[] = {
    "i",   "j",   "zero", "big", "last", "f", "g",     "whole",  "huge",
    "inf", "nan", "yes",  "no",  "s",    "u", "empty", "accent", "unknown"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static struct value values[NAMES];
static struct arena *arena;
static unsigned asked; /* calls of get */

static int values_init(void **state)
{
    static const char *const texts[] = {"7",
                                        "-3",
                                        "0",
                                        "9007199254740993",
                                        "9223372036854775807",
                                        "2.5",
                                        "-0.5",
                                        "4.0",
                                        "9007199254740992.0",
                                        ".inf",
                                        ".nan",
                                        "true",
                                        "false",
                                        "gmres",
                                        "cg",
                                        "\"\"",
                                        "\xc3\xa9t\xc3\xa9",
                                        "~"};
    (void)state;
    for (int i = 0; i < NAMES; i++)
        value_resolve(&values[i], texts[i]);
    value_string(&values[15], "");
    return 0;
}

static int arena_new(void **state)
{
    (void)state;
    arena = arena_create(1 << 20);
    asked = 0;
    return arena ? 0 : -1;
}

static int arena_end(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* Texts are put into room, so that it is used. */
static int get(void *arg, uint32_t number, struct buf *room, struct value *v,
               struct err *err)
{
    (void)arg;
    asked++;
    assert_true(number < NAMES);
    assert_int_equal(room->len, 0);
    *v = values[number];
    if (v->type == VALUE_STRING) {
        if (buf_puts(room, v->text) < 0)
            return err_set(err, ENOMEM, "no memory");
        v->text = buf_text(room);
    }
    return 0;
}

/* 1: holds, 0: fails, -1: an error. */
static int outcome(const char *text, struct err *err)
{
    size_t at = 0;
    bool holds;
    const struct expr *e = expr_compile(arena, text, names, NAMES, &at, err);
    if (!e)
        fail_msg("%s: %s at %zu", text, err->text, at);
    return expr_holds(e, get, NULL, &holds, err) < 0 ? -1 : holds;
}

static void agrees_with_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expr_cases) / sizeof(expr_cases[0]); i++) {
        struct err err = {0};
        arena_end(NULL);
        arena_new(NULL);
        int got = outcome(expr_cases[i].text, &err);
        int expected = expr_cases[i].outcome == HOLDS   ? 1
                       : expr_cases[i].outcome == FAILS ? 0
                                                        : -1;
        if (got != expected)
            fail_msg("%s: %d instead of %d (%s)", expr_cases[i].text, got,
                     expected, err.text);
    }
}

static void null_is_not_known(void **state)
{
    static const struct {
        const char *text;
        int outcome;
    } cases[] = {
        {"unknown == null", 1},
        {"unknown != null", 0},
        {"null == unknown", 1},
        {"i == null", 0},
        {"i != None", 1},
        {"null == null", 1},
        {"unknown == unknown", 0},
        {"unknown == 3", 0},
        {"unknown != 3", 0},
        {"unknown < 3", 0},
        {"unknown >= \"a\"", 0},
        {"3 < unknown < 4", 0},
        {"unknown in [1, 2]", 0},
        {"unknown not in [1, 2]", 0},
        {"unknown in [1, null]", 1},
        {"unknown not in [1, null]", 0},
        {"i not in [1, null]", 1},
        {"i in [1, unknown]", 0},
        {"unknown in s", 0},
        {"s in unknown", 0},
        {"unknown + 1 == null", 1},
        {"-unknown == null", 1},
        {"sqrt(unknown) == null", 1},
        {"max(1, unknown) > 0", 0},
        {"len(unknown) == null", 1},
        {"contains(unknown, \"a\")", 0},
        {"unknown", 0},
        {"not unknown", 1},
        {"unknown or yes", 1},
        {"unknown and nan", 0},
        {"null", 0},
        {"yes and unknown == null and i == 7", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        int got = outcome(cases[i].text, &err);
        if (got != cases[i].outcome)
            fail_msg("%s: %d (%s)", cases[i].text, got, err.text);
    }
}

static void leaves_64_bits_as_a_float(void **state)
{
    static const char *const hold[] = {
        "last + 1 == 9223372036854775808.0",
        "-last - 2 < -9.2e18",
        "last * last > 8.5e37",
        "2 ** 100 == 2.0 ** 100",
        "abs(-last - 1) == 9223372036854775808",
        "(-last - 1) // -1 == 9223372036854775808.0",
        "(-last - 1) % -1 == 0",
        "9223372036854775808 > last",
        "floor(1e300) == 1e300",
        "floor(nan) != floor(nan)",
        "10.0 ** 400 == inf",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(hold) / sizeof(hold[0]); i++) {
        struct err err = {0};
        if (outcome(hold[i], &err) != 1)
            fail_msg("%s (%s)", hold[i], err.text);
    }
}

static void says_where_and_what(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *message;
    } cases[] = {
        {"", 0, "the expression is empty"},
        {"  ", 0, "the expression is empty"},
        {"unheard > 3", 0, "no name \"unheard\"; a text stands in quotes"},
        {"i > 3 and acent == s", 10, "no name \"acent\"; did you mean accent?"},
        {"i = 3", 2, "\"=\" is written \"==\""},
        {"i === 3", 2, "\"===\" is written \"==\""},
        {"i <> 3", 2, "\"<>\" is written \"!=\""},
        {"i => 3", 2, "\"=>\" is written \">=\""},
        {"i =< 3", 2, "\"=<\" is written \"<=\""},
        {"i is null", 2, "\"is\" is written \"==\", and \"is not\" \"!=\""},
        {"i > 3 && j < 2", 6, "\"&&\" is written \"and\""},
        {"i > 3 || j < 2", 6, "\"||\" is written \"or\""},
        {"i ^ 2 > 3", 2, "\"^\" is written \"**\""},
        {"! yes", 0, "\"!\" is written \"not\""},
        {"i > 3 and", 9, "the expression ends where a value is expected"},
        {"i > ", 4, "the expression ends where a value is expected"},
        {"i > and", 4, "expected a value, not \"and\""},
        {"(i > 3", 6, "the expression ends where \")\" is expected"},
        {"(i > 3]", 6, "expected \")\""},
        {"i > 3)", 5, "expected an operator, not \")\""},
        {"i 3", 2, "expected an operator, not \"3\""},
        {"i j", 2, "expected an operator in front of \"j\""},
        {"s == \"gm", 5,
         "the text that begins here is not closed: \" is missing"},
        {"s == 'gm\"", 5,
         "the text that begins here is not closed: ' is missing"},
        {"i in [1, 2", 10, "expected \",\" or \"]\""},
        {"i in [1 2]", 8, "expected \",\" or \"]\""},
        {"[1] == i", 0, "a list can only stand behind \"in\""},
        {"12abc > i", 0, "\"12abc\" is no number"},
        {"1.2.3 > i", 0, "\"1.2.3\" is no number"},
        {"1_ > i", 0, "\"1_\" is no number"},
        {"0x > i", 0, "\"0x\" is no number"},
        {"sqr(i) > 2", 0, "no function \"sqr\"; did you mean sqrt?"},
        {"frobnicate(i)", 0, "no function \"frobnicate\""},
        {"sqrt() > 2", 0, "sqrt() takes 1 value, not 0"},
        {"matches(s) ", 0, "matches() takes 2 values, not 1"},
        {"max(1) > 2", 0, "max() takes at least 2 values, not 1"},
        {"i + 2", 0,
         "\"i + 2\" is a value, not a condition; compare it with something"},
        {"i > 2 and \"a\"", 10,
         "\"\"a\"\" is a value, not a condition; compare it with something"},
        {"not 3", 4,
         "\"3\" is a value, not a condition; compare it with something"},
        {"s.lower() == 1", 1,
         "there are no methods, but functions: len(x), startswith(x, \"a\")"},
        {"{i} > 1", 0, "names stand without braces here"},
        {"i > $x", 4, "expected a value, not \"$\""},
        {"i > 3;", 5, "expected an operator, not \";\""},
        {"-\"a\" == s", 0, "a text has no sign"},
        {"\xff", 0, "the expression is not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        size_t at = 999;
        if (expr_compile(arena, cases[i].text, names, NAMES, &at, &err))
            fail_msg("%s: compiled", cases[i].text);
        if (err.code != EINVAL || strcmp(err.text, cases[i].message) != 0 ||
            at != cases[i].at)
            fail_msg("%s: \"%s\" at %zu", cases[i].text, err.text, at);
    }
}

static void says_which_part_fails(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"i == 7 and s < i", "s < i: a text and a number do not go together"},
        {"yes or i / zero > 1", NULL},
        {"no or i / zero > 1", "i / zero: division by zero"},
        {"(f+s) > 2", "(f+s): there is no arithmetic on texts"},
        {"log(g) > 2", "log(g): only positive numbers have a logarithm"},
        {"sqrt(s) > 2", "sqrt(s): it takes a number"},
        {"len(i) > 2", "len(i): it takes a text"},
        {"contains(i, s)", "contains(i, s): it takes texts"},
        {"i in s", "s: \"in\" takes a list, or a text to find a text in"},
        {"i", "i: a number is no condition; compare it"},
        {"not s", "s: a text is no condition; compare it"},
        {"zero ** -1 > 0", "zero ** -1: zero has no negative power"},
        {"j ** f > 0", "j ** f: a negative number has no fractional power"},
        {"max(i, s) > 0", "i, s: a number and a text do not go together"},
        {"i in [7] == yes", "[7]: a list cannot be compared"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        int got = outcome(cases[i].text, &err);
        if (!cases[i].message) {
            assert_int_equal(got, 1);
            continue;
        }
        if (got != -1 || err.code != EINVAL ||
            strcmp(err.text, cases[i].message) != 0)
            fail_msg("%s: %d, \"%s\"", cases[i].text, got, err.text);
    }
}

static void is_bounded(void **state)
{
    static char text[2 * EXPR_MAX_BYTES];
    static char many[EXPR_MAX_NAMES + 1][8];
    const char *list[EXPR_MAX_NAMES + 1];
    struct err err = {0};
    struct buf b;
    (void)state;

    memset(text, '(', 5000);
    strcpy(text + 5000, "i > 3");
    assert_null(expr_compile(arena, text, names, NAMES, NULL, &err));
    assert_int_equal(err.code, E2BIG);
    static const char *const deep[] = {"not ", "-",      "2**",
                                       "abs(", "i in [", "1+"};
    for (int k = 0; k < 6; k++) {
        buf_init(&b, sizeof(text));
        for (int i = 0; i < 1000; i++)
            buf_puts(&b, deep[k]);
        assert_null(
            expr_compile(arena, buf_text(&b), names, NAMES, NULL, &err));
        assert_true(err.code == E2BIG || err.code == EINVAL);
        buf_fini(&b);
    }
    memset(text, ' ', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_null(expr_compile(arena, text, names, NAMES, NULL, &err));
    assert_int_equal(err.code, E2BIG);

    buf_init(&b, sizeof(text));
    for (int i = 0; i <= EXPR_MAX_NAMES; i++) {
        snprintf(many[i], sizeof(many[i]), "n%d", i);
        list[i] = many[i];
        buf_printf(&b, "%sn%d == 1", i ? " or " : "", i);
    }
    assert_null(expr_compile(arena, buf_text(&b), list, EXPR_MAX_NAMES + 1,
                             NULL, &err));
    assert_int_equal(err.code, E2BIG);
    buf_fini(&b);
}

/* Many terms are wide, not deep. */
static void takes_many_terms(void **state)
{
    struct err err = {0};
    struct buf b;
    (void)state;
    buf_init(&b, EXPR_MAX_BYTES);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%si == %d", i ? " or " : "", i + 8);
    buf_puts(&b, " or yes");
    assert_int_equal(outcome(buf_text(&b), &err), 1);
    assert_int_equal(asked, 2); /* i, once, and yes */
    buf_fini(&b);
}

static void tells_its_names(void **state)
{
    struct err err = {0};
    const uint32_t *numbers;
    (void)state;
    const struct expr *e =
        expr_compile(arena, "u == s or i < f and (s == u or i in [j, i])",
                     names, NAMES, NULL, &err);
    assert_non_null(e);
    assert_int_equal(expr_names(e, &numbers), 5);
    static const uint32_t expected[] = {0, 1, 5, 13, 14};
    assert_memory_equal(numbers, expected, sizeof(expected));
    assert_string_equal(expr_text(e),
                        "u == s or i < f and (s == u or i in [j, i])");
    assert_non_null(e = expr_compile(arena, "true", NULL, 0, NULL, &err));
    assert_int_equal(expr_names(e, &numbers), 0);
}

/* i = 7, j = -3, f = 2.5, s = "gmres" */
static void has_parts(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        uint64_t names[3]; /* bits: i, j, f, s, as far as they are used */
        bool holds[3];
    } table[] = {
        {"i > 3", 1, {1}, {true}},
        {"i > 3 and f < 2 and s == \"gmres\"",
         3,
         {1, 2, 4},
         {true, false, true}},
        {"(i > 3 or j > 3) and j > 0", 2, {3, 2}, {true, false}},
        {"i > 3 and j < 0 or f > 3", 1, {7}, {true}},
        {"not (i > 3 and j < 0)", 1, {3}, {false}},
        {"true and i > j", 2, {0, 3}, {true, true}},
        {"i in [j, 7] and true", 2, {3, 0}, {true, true}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct err err;
        const struct expr *e =
            expr_compile(arena, table[i].text, names, NAMES, NULL, &err);
        assert_non_null(e);
        assert_int_equal(expr_part_count(e), table[i].count);
        for (uint32_t p = 0; p < table[i].count; p++) {
            bool holds = !table[i].holds[p];
            assert_int_equal(expr_part_names(e, p), table[i].names[p]);
            assert_int_equal(expr_part_holds(e, p, get, NULL, &holds, &err), 0);
            assert_int_equal(holds, table[i].holds[p]);
        }
    }
}

static int get_nothing(void *arg, uint32_t number, struct buf *room,
                       struct value *v, struct err *err)
{
    (void)arg, (void)number, (void)room, (void)v;
    return err_set(err, EIO, "no value");
}

static void hands_on_errors(void **state)
{
    struct err err = {0};
    bool holds;
    (void)state;
    const struct expr *e =
        expr_compile(arena, "i > 3", names, NAMES, NULL, &err);
    assert_int_equal(expr_holds(e, get_nothing, NULL, &holds, &err), -1);
    assert_int_equal(err.code, EIO);
    for (unsigned long k = 1; k < 20; k++) {
        mem_fail_at(k);
        struct arena *a = arena_create(1 << 20);
        e = a ? expr_compile(a, "s == \"gmres\" and i in [1, 7]", names, NAMES,
                             NULL, &err)
              : NULL;
        bool failed = !e || expr_holds(e, get, NULL, &holds, &err) < 0;
        mem_fail_at(0);
        if (a && failed)
            assert_int_equal(err.code, ENOMEM);
        arena_destroy(a);
        if (!failed)
            return;
    }
    fail_msg("it never succeeds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(agrees_with_python, arena_new,
                                        arena_end),
        cmocka_unit_test_setup_teardown(null_is_not_known, arena_new,
                                        arena_end),
        cmocka_unit_test_setup_teardown(leaves_64_bits_as_a_float, arena_new,
                                        arena_end),
        cmocka_unit_test_setup_teardown(says_where_and_what, arena_new,
                                        arena_end),
        cmocka_unit_test_setup_teardown(says_which_part_fails, arena_new,
                                        arena_end),
        cmocka_unit_test_setup_teardown(is_bounded, arena_new, arena_end),
        cmocka_unit_test_setup_teardown(takes_many_terms, arena_new, arena_end),
        cmocka_unit_test_setup_teardown(tells_its_names, arena_new, arena_end),
        cmocka_unit_test_setup_teardown(has_parts, arena_new, arena_end),
        cmocka_unit_test_setup_teardown(hands_on_errors, arena_new, arena_end),
    };
    return cmocka_run_group_tests(tests, values_init, NULL);
}
