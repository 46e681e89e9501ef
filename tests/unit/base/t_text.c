/* Nearest names, safe display, shell words. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "prng.h"

static void finds_the_nearest_name(void **state)
{
    static const char *const names[] = {
        "command_line", "id", "constraints",     "required_slots",
        "metrics",      "L",  "max_task_retries"};
    static const struct {
        const char *word, *nearest;
    } table[] = {
        {"comand_line", "command_line"},
        {"command-line", "command_line"},
        {"commnad_line", "command_line"},
        {"command", NULL},
        {"di", "id"},
        {"i", "id"},
        {"x", NULL}, /* nothing in common */
        {"l", "L"},
        {"ID", "id"},
        {"COMMAND_LINE", "command_line"},
        {"idd", "id"},
        {"ide", "id"},
        {"xyz", NULL},
        {"metric", "metrics"},
        {"Metrics", "metrics"},
        {"metrix", "metrics"},
        {"mtrx", NULL},
        {"requiredslots", "required_slots"},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *got = text_nearest(table[i].word, names, 7);
        if (got != table[i].nearest &&
            (!got || !table[i].nearest || strcmp(got, table[i].nearest) != 0))
            fail_msg("%s: %s", table[i].word, got ? got : "none");
    }
    assert_null(text_nearest("x", NULL, 0));
    char longest[200];
    memset(longest, 'a', sizeof(longest));
    longest[64] = '\0';
    const char *const one[] = {longest};
    assert_ptr_equal(text_nearest(longest, one, 1), longest);
    longest[64] = 'a';
    longest[199] = '\0';
    assert_null(text_nearest(longest, one, 1));
    assert_null(text_nearest("aaa", one, 1));
}

static void knows_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool good;
    } table[] = {
        {"", 0, true},
        {"abc", 3, true},
        {"a\0c", 3, false},
        {"\xc3\xa9", 2, true},
        {"\xc3", 1, false},
        {"\xc3z", 2, false},
        {"\xa9", 1, false},
        {"\xc0\x80", 2, false}, /* overlong */
        {"\xc1\xbf", 2, false},
        {"\xe0\x9f\xbf", 3, false},
        {"\xe0\xa0\x80", 3, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xed\xa0\x80", 3, false}, /* a surrogate */
        {"\xef\xbf\xbd", 3, true},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf0\x90\x80\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xf0\x9f\x98", 3, false},
        {"\xff", 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (text_is_utf8(table[i].text, table[i].len) != table[i].good)
            fail_msg("utf8 %zu", i);
}

static void shows_control_bytes(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool lines;
        const char *shown;
    } table[] = {
        {"plain", 5, false, "plain"},
        {"a\tb", 3, false, "a\tb"},
        {"a\nb", 3, false, "a\\x0ab"},
        {"a\nb\n", 4, true, "a\nb\n"},
        {"a\rb", 3, true, "a\\x0db"},
        {"\x1b[31m", 5, true, "\\x1b[31m"},
        {"a\0b", 3, true, "a\\x00b"},
        {"\x7f", 1, true, "\\x7f"},
        {"\xc2\x9bm", 3, true, "\\xc2\\x9bm"}, /* C1 */
        {"\xc2\xa0", 2, true, "\xc2\xa0"},
        {"\xc3\xa9\xff", 3, true, "\xc3\xa9\\xff"},
        {"\xe2\x82", 2, true, "\\xe2\\x82"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_int_equal(
            text_put_printable(&b, table[i].text, table[i].len, table[i].lines),
            0);
        assert_string_equal(buf_text(&b), table[i].shown);
        buf_fini(&b);
    }
}

/* Whatever comes in, what comes out is UTF-8 without control characters. */
static void shows_random_bytes_safely(void **state)
{
    struct prng r = {3};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char in[40];
        size_t n = prng_below(&r, sizeof(in));
        for (size_t k = 0; k < n; k++)
            in[k] = (char)(prng_below(&r, 3) ? prng_below(&r, 256)
                                             : 0xc0 + prng_below(&r, 64));
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(text_put_printable(&b, in, n, false), 0);
        assert_true(text_is_utf8(buf_text(&b), b.len));
        for (size_t k = 0; k < b.len; k++) {
            unsigned char c = (unsigned char)b.data[k];
            assert_true(c >= 0x20 || c == '\t');
            assert_true(c != 0x7f);
            assert_false(c == 0xc2 && (unsigned char)b.data[k + 1] < 0xa0);
        }
        buf_fini(&b);
    }
}

static void failures_append_nothing(void **state)
{
    (void)state;
    for (size_t max = 3; max < 12; max++) {
        struct buf b;
        buf_init(&b, max);
        assert_int_equal(buf_puts(&b, "abc"), 0);
        assert_int_equal(text_put_printable(&b, "xy\x01z \x02", 6, false), -1);
        assert_int_equal(errno, EMSGSIZE);
        assert_string_equal(buf_text(&b), "abc");
        assert_int_equal(text_put_shell_word(&b, "it's so"), -1);
        assert_string_equal(buf_text(&b), "abc");
        buf_fini(&b);
    }
    struct buf b;
    buf_init(&b, 4000);
    mem_fail_at(1);
    assert_int_equal(text_put_shell_word(&b, "a b"), -1);
    assert_int_equal(errno, ENOMEM);
    mem_fail_at(1);
    assert_int_equal(text_put_printable(&b, "a", 1, false), -1);
    mem_fail_at(0);
    assert_string_equal(buf_text(&b), "");
    buf_fini(&b);
}

static void quotes_shell_words(void **state)
{
    static const struct {
        const char *word, *quoted;
    } table[] = {
        {"", "''"},
        {"plain", "plain"},
        {"-0.5e-3", "-0.5e-3"},
        {"/a/b.c_d:e,f@g%h+i", "/a/b.c_d:e,f@g%h+i"},
        {"--x=1", "--x=1"},
        {"=x", "=x"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"'", "''\\'''"},
        {"$x", "'$x'"},
        {"a\nb", "'a\nb'"},
        {"~", "'~'"},
        {"a^b", "'a^b'"},
        {"#", "'#'"},
        {"{}", "'{}'"},
        {"\xc3\xa9", "'\xc3\xa9'"},
        {"A=b", "'A=b'"}, /* or it would be an assignment */
        {"_x1+=b", "'_x1+=b'"},
        {"if", "'if'"},
        {"while", "'while'"},
        {"iffy", "iffy"},
        {"esac", "'esac'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf b;
        buf_init(&b, 100);
        assert_int_equal(text_put_shell_word(&b, table[i].word), 0);
        assert_string_equal(buf_text(&b), table[i].quoted);
        assert_int_equal(text_is_shell_safe(table[i].word),
                         strcmp(table[i].word, table[i].quoted) == 0);
        buf_fini(&b);
    }
}

/* A shell reads random words back as they were, all of them at once. */
static void shell_reads_words_back(void **state)
{
    enum { WORDS = 2000 };
    struct prng r = {17};
    struct buf line, want;
    (void)state;
    buf_init(&line, 1 << 20);
    buf_init(&want, 1 << 20);
    assert_int_equal(buf_puts(&line, "printf '%s\\0'"), 0);
    for (int i = 0; i < WORDS; i++) {
        char word[16];
        size_t n = prng_below(&r, sizeof(word));
        for (size_t k = 0; k < n; k++)
            word[k] = (char)(prng_below(&r, 2) ? 1 + prng_below(&r, 255)
                                               : 1 + prng_below(&r, 0x40));
        word[n] = '\0';
        assert_int_equal(buf_putc(&line, ' '), 0);
        assert_int_equal(text_put_shell_word(&line, word), 0);
        assert_int_equal(buf_put(&want, word, n + 1), 0);
    }
    char path[] = "/tmp/t_text.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(line.data, 1, line.len, f), line.len);
    assert_int_equal(fclose(f), 0);
    char command[64];
    snprintf(command, sizeof(command), "/bin/sh %s", path);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    char *got = mem_alloc(want.len + 1);
    assert_non_null(got);
    size_t n = fread(got, 1, want.len + 1, p);
    assert_int_equal(pclose(p), 0);
    remove(path);
    assert_int_equal(n, want.len);
    assert_memory_equal(got, want.data, n);
    mem_free(got);
    buf_fini(&line);
    buf_fini(&want);
}

static void yaml_scalars_are_quoted(void **state)
{
    static const char *const table[][2] = {
        {"", "\"\""},
        {"a b: #", "\"a b: #\""},
        {"\"\\'", "\"\\\"\\\\'\""},
        {"\n\x7f\t", "\"\\x0A\\x7F\\x09\""},
        {"b\xc3\xa4ume", "\"b\xc3\xa4ume\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf b;
        buf_init(&b, 64);
        assert_int_equal(text_put_yaml(&b, table[i][0]), 0);
        assert_string_equal(buf_text(&b), table[i][1]);
        buf_fini(&b);
    }
    struct buf small;
    buf_init(&small, 4);
    assert_int_equal(text_put_yaml(&small, "abc"), -1);
    assert_int_equal(small.len, 0);
    buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_nearest_name),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(shows_control_bytes),
        cmocka_unit_test(shows_random_bytes_safely),
        cmocka_unit_test(failures_append_nothing),
        cmocka_unit_test(quotes_shell_words),
        cmocka_unit_test(shell_reads_words_back),
        cmocka_unit_test(yaml_scalars_are_quoted),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
