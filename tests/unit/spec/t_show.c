/* How errors are shown: place, source line, caret. */
#include "config.h"
#include "spec_test.h"

#include "spec/errors.h"

struct show_case {
    unsigned line, column;
    const char *text, *source, *shown;
};

#define TEN          "0123456789"
#define SIXTY        TEN TEN TEN TEN TEN TEN
#define BLANKS       "                    "
#define SIXTY_BLANKS BLANKS BLANKS BLANKS

static const struct show_case shows[] = {
    {2, 3, "wrong", "a: 1\nb: 22\n",
     "f:2:3: error: wrong\n    2 | b: 22\n      |   ^\n"},
    {0, 0, "empty", "", "f: error: empty\n"},
    {2, 0, "some", "a\nb", "f:2: error: some\n    2 | b\n"},
    {9, 1, "no such line", "a\n", "f:9:1: error: no such line\n"},
    {1, 3, "tab", "\ta\tb", "f:1:3: error: tab\n    1 |  a b\n      |   ^\n"},
    {1, 3, "utf8", "\xc3\xa4\xe2\x82\xac!",
     "f:1:3: error: utf8\n    1 | \xc3\xa4\xe2\x82\xac!\n      |   ^\n"},
    {1, 3, "control", "\x1b[A",
     "f:1:3: error: control\n    1 | \\x1b[A\n      |      ^\n"},
    {1, 2, "bad utf8",
     "\xff"
     "b\xc2\x9b",
     "f:1:2: error: bad utf8\n    1 | \\xffb\\u009b\n      |     ^\n"},
    {1, 1, "bom",
     "\xef\xbb\xbf"
     "a",
     "f:1:1: error: bom\n    1 | a\n      | ^\n"},
    {3, 1, "breaks", "a\r\nb\rc\n",
     "f:3:1: error: breaks\n    3 | c\n      | ^\n"},
    {1, 9, "end", "ab", "f:1:9: error: end\n    1 | ab\n      |   ^\n"},
    {1, 5, "long", SIXTY SIXTY,
     "f:1:5: error: long\n    1 | " SIXTY TEN TEN TEN TEN "...\n"
     "      |     ^\n"},
    {1, 115, "far", SIXTY SIXTY SIXTY,
     "f:1:115: error: far\n    1 | ...456789" TEN TEN TEN TEN TEN TEN TEN TEN
         TEN "0123...\n      |    " SIXTY_BLANKS "^\n"},
};

static void shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        const struct show_case *c = &shows[i];
        struct spec_error e = {.line = c->line, .column = c->column};
        struct buf out;
        buf_init(&out, 4096);
        snprintf(e.text, sizeof(e.text), "%s", c->text);
        assert_int_equal(
            spec_error_show(&e, "f", c->source, strlen(c->source), &out), 0);
        assert_string_equal(buf_text(&out), c->shown);
        buf_fini(&out);
    }
}

static void shown_within_bounds(void **state)
{
    (void)state;
    struct spec_error e = {.line = 1, .column = 1, .text = "text"};
    struct buf out;
    for (size_t max = 0; max < 30; max++) {
        buf_init(&out, max);
        assert_int_equal(spec_error_show(&e, "file", "abc", 3, &out), -1);
        assert_true(out.len <= max);
        buf_fini(&out);
    }
}

static void texts_are_printable_and_cut(void **state)
{
    (void)state;
    struct spec_errors errors;
    char large[3000];
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(spec_errors_init(&errors), 0);
    spec_errors_add(&errors, 1, 1, "a\n\x1b[0m\xff\tb");
    assert_string_equal(errors.list[0].text, "a\\x0a\\x1b[0m\\xff b");
    spec_errors_add(&errors, 1, 1, "%s", large);
    assert_int_equal(strlen(errors.list[1].text), ERR_TEXT_MAX - 1);
    assert_int_equal(strlen(excerpt_of(large).text), 43);
    /* 39 bytes and a character of three */
    memcpy(large + 39, "\xe2\x82\xac", 3);
    assert_int_equal(strlen(excerpt_of(large).text), 42);
    spec_errors_fini(&errors);
    assert_null(errors.list);
}

static void sorted_and_bounded(void **state)
{
    (void)state;
    struct spec_errors errors;
    assert_int_equal(spec_errors_init(&errors), 0);
    for (unsigned i = 0; i < 60; i++)
        spec_errors_add(&errors, 100 - i / 2, 1 + i % 2, "%u", i);
    assert_int_equal(errors.count, SPEC_MAX_ERRORS);
    assert_true(spec_errors_full(&errors));
    spec_errors_no_memory(&errors, 0);
    assert_int_equal(errors.count, SPEC_MAX_ERRORS);
    spec_errors_sort(&errors);
    assert_string_equal(errors.list[0].text, "out of memory");
    for (size_t i = 1; i < errors.count; i++) {
        const struct spec_error *a = &errors.list[i - 1], *b = a + 1;
        assert_true(a->line < b->line ||
                    (a->line == b->line && a->column <= b->column));
    }
    spec_errors_fini(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown),
        cmocka_unit_test(shown_within_bounds),
        cmocka_unit_test(texts_are_printable_and_cut),
        cmocka_unit_test(sorted_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
