/* buf: growth, the maximum, failures that change nothing. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "prng.h"

static void check(const struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_string_equal(buf_text(b), text);
}

static void appends(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100);
    check(&b, "");
    assert_int_equal(buf_puts(&b, "ab"), 0);
    assert_int_equal(buf_putc(&b, 'c'), 0);
    assert_int_equal(buf_put(&b, "de", 1), 0);
    assert_int_equal(buf_printf(&b, "%d-%s", 12, "x"), 0);
    check(&b, "abcd12-x");
    assert_int_equal(buf_put(&b, NULL, 0), 0);
    buf_consume(&b, 0);
    buf_consume(&b, 4);
    check(&b, "12-x");
    buf_truncate(&b, 3);
    check(&b, "12-");
    buf_truncate(&b, 3);
    buf_consume(&b, 3);
    check(&b, "");
    assert_int_equal(buf_put(&b, "a\0b", 3), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "a\0b", 4);
    buf_reset(&b);
    check(&b, "");
    buf_fini(&b);
    check(&b, "");
    assert_int_equal(buf_puts(&b, "used on"), 0);
    check(&b, "used on");
    buf_fini(&b);
}

static void empty_buffers_bear_all_calls(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 0);
    buf_reset(&b);
    buf_truncate(&b, 0);
    buf_consume(&b, 0);
    buf_fini(&b);
    assert_int_equal(buf_puts(&b, ""), 0);
    assert_int_equal(buf_printf(&b, "%s", ""), 0);
    assert_int_equal(buf_putc(&b, 'x'), -1);
    assert_int_equal(errno, EMSGSIZE);
    check(&b, "");
    char *s = buf_take(&b);
    assert_string_equal(s, "");
    mem_free(s);
    buf_fini(&b);
}

static void keeps_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max < 300; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(buf_putc(&b, 'x'), 0);
        assert_true(b.cap <= max + 1);
        errno = 0;
        assert_int_equal(buf_putc(&b, 'x'), -1);
        assert_int_equal(errno, EMSGSIZE);
        errno = 0;
        assert_int_equal(buf_printf(&b, "%d", 1), -1);
        assert_int_equal(errno, EMSGSIZE);
        assert_null(buf_reserve(&b, 1));
        assert_non_null(buf_reserve(&b, 0));
        assert_int_equal(buf_put(&b, "", SIZE_MAX), -1);
        assert_int_equal(b.len, max);
        assert_int_equal(strlen(buf_text(&b)), max);
        buf_fini(&b);
    }
}

/* printf into each length of room: the same as put. */
static void printf_fits_or_changes_nothing(void **state)
{
    char text[200];
    (void)state;
    memset(text, 'y', sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        for (size_t max = len; max < len + 140; max += 7) {
            struct buf b;
            buf_init(&b, max);
            assert_int_equal(buf_put(&b, text, len), 0);
            size_t add = 70;
            int rc = buf_printf(&b, "%.*s", (int)add, text);
            assert_int_equal(rc, len + add <= max ? 0 : -1);
            assert_int_equal(b.len, rc == 0 ? len + add : len);
            assert_int_equal(strlen(buf_text(&b)), b.len);
            buf_fini(&b);
        }
    }
}

static void printf_refused_by_libc_changes_nothing(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_puts(&b, "kept"), 0);
    const wchar_t bad[] = {0x7ffffff0, 0};
    assert_int_equal(buf_printf(&b, "abc%ls", bad), -1);
    check(&b, "kept");
    buf_fini(&b);
    assert_int_equal(buf_printf(&b, "abc%ls", bad), -1);
    check(&b, "");
    buf_fini(&b);
}

static void any_maximum_is_fine(void **state)
{
    static const size_t maxima[] = {SIZE_MAX, SIZE_MAX - 1, PTRDIFF_MAX,
                                    (size_t)PTRDIFF_MAX + 1};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct buf b;
        buf_init(&b, maxima[i]);
        assert_int_equal(buf_puts(&b, "some text"), 0);
        assert_int_equal(buf_printf(&b, "%200d", 7), 0);
        assert_int_equal(b.len, 209);
        assert_null(buf_reserve(&b, SIZE_MAX));
        assert_null(buf_reserve(&b, SIZE_MAX / 2));
        assert_int_equal(b.len, 209);
        buf_fini(&b);
    }
}

static void no_memory_changes_nothing(void **state)
{
    char big[500];
    (void)state;
    memset(big, 'z', sizeof(big));
    for (int way = 0; way < 4; way++) {
        struct buf b;
        buf_init(&b, 1000);
        if (way != 3) {
            assert_int_equal(buf_puts(&b, "kept"), 0);
        }
        mem_fail_at(1);
        errno = 0;
        if (way == 0)
            assert_int_equal(buf_put(&b, big, sizeof(big)), -1);
        else if (way == 1)
            assert_int_equal(buf_printf(&b, "%400d", 1), -1);
        else if (way == 2)
            assert_null(buf_reserve(&b, 900));
        else
            assert_null(buf_take(&b));
        assert_int_equal(errno, ENOMEM);
        mem_fail_at(0);
        check(&b, way == 3 ? "" : "kept");
        buf_fini(&b);
    }
}

static void reserve_and_commit(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    for (size_t i = 0; i < 40; i++) {
        char *to = buf_reserve(&b, 25);
        assert_non_null(to);
        memset(to, 'a' + (int)(i % 26), 25);
        buf_commit(&b, 25);
        assert_int_equal(b.len, (i + 1) * 25);
        assert_int_equal(b.data[b.len], '\0');
    }
    assert_null(buf_reserve(&b, 1));
    char *taken = buf_take(&b);
    assert_int_equal(strlen(taken), 1000);
    check(&b, "");
    mem_free(taken);
    buf_fini(&b);
}

/* Random calls against a plain array. */
static void behaves_as_an_array(void **state)
{
    struct prng r = {11};
    char model[2001];
    size_t len = 0;
    struct buf b;
    (void)state;
    buf_init(&b, sizeof(model) - 1);
    for (int i = 0; i < 50000; i++) {
        char text[120];
        size_t n = prng_below(&r, sizeof(text));
        for (size_t k = 0; k < n; k++)
            text[k] = (char)('a' + prng_below(&r, 26));
        switch (prng_below(&r, 5)) {
        case 0:
        case 1:
            if (buf_put(&b, text, n) == 0) {
                memcpy(model + len, text, n);
                len += n;
            } else {
                assert_true(len + n >= sizeof(model));
            }
            break;
        case 2:
            if (buf_printf(&b, "%.*s", (int)n, text) == 0) {
                memcpy(model + len, text, n);
                len += n;
            } else {
                assert_true(len + n >= sizeof(model));
            }
            break;
        case 3:
            n = prng_below(&r, (uint32_t)len + 1);
            buf_consume(&b, n);
            len -= n;
            memmove(model, model + n, len);
            break;
        default:
            len -= n < len ? n : len;
            buf_truncate(&b, len);
            break;
        }
        model[len] = '\0';
        assert_int_equal(b.len, len);
        assert_string_equal(buf_text(&b), model);
    }
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(empty_buffers_bear_all_calls),
        cmocka_unit_test(keeps_its_maximum),
        cmocka_unit_test(printf_fits_or_changes_nothing),
        cmocka_unit_test(printf_refused_by_libc_changes_nothing),
        cmocka_unit_test(any_maximum_is_fine),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(behaves_as_an_array),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
