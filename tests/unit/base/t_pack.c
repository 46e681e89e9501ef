/* Packed bytes: one encoding a value, every truncation noticed. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pack.h"

static const struct {
    uint64_t value;
    size_t len;
    unsigned char bytes[10];
} varints[] = {
    {0, 1, {0}},
    {1, 1, {1}},
    {127, 1, {0x7f}},
    {128, 2, {0x80, 0x01}},
    {16383, 2, {0xff, 0x7f}},
    {16384, 3, {0x80, 0x80, 0x01}},
    {UINT32_MAX, 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
    {UINT64_C(1) << 63,
     10,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
    {UINT64_MAX,
     10,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
};

static void test_varint_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(varints) / sizeof(varints[0]); i++) {
        struct buf b;
        struct unpack u;
        buf_init(&b, 64);
        assert_int_equal(pack_put_uint(&b, varints[i].value), 0);
        assert_int_equal(b.len, varints[i].len);
        assert_memory_equal(b.data, varints[i].bytes, b.len);
        unpack_init(&u, b.data, b.len);
        assert_true(unpack_uint(&u) == varints[i].value);
        assert_true(unpack_done(&u));
        for (size_t cut = 0; cut < b.len; cut++) {
            unpack_init(&u, b.data, cut);
            assert_true(unpack_uint(&u) == 0);
            assert_true(u.bad);
        }
        buf_fini(&b);
    }
}

static const struct {
    const char *what;
    size_t len;
    unsigned char bytes[11];
} bad_varints[] = {
    {"zero in two bytes", 2, {0x80, 0x00}},
    {"one in three bytes", 3, {0x81, 0x80, 0x00}},
    {"65 bits",
     10,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
    {"eleven bytes",
     11,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
};

static void test_varint_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_varints) / sizeof(bad_varints[0]); i++) {
        struct unpack u;
        unpack_init(&u, bad_varints[i].bytes, bad_varints[i].len);
        assert_true(unpack_uint(&u) == 0);
        if (!u.bad)
            fail_msg("%s passed", bad_varints[i].what);
        assert_false(unpack_done(&u));
    }
}

static void test_int(void **state)
{
    static const int64_t values[] = {
        0,         -1,        1,         -64,        64,       INT32_MIN,
        INT32_MAX, INT64_MIN, INT64_MAX, -123456789, 123456789};
    struct buf b;
    struct unpack u;
    (void)state;
    buf_init(&b, 256);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(pack_put_int(&b, values[i]), 0);
    unpack_init(&u, b.data, b.len);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_true(unpack_int(&u) == values[i]);
    assert_true(unpack_done(&u));
    buf_reset(&b);
    assert_int_equal(pack_put_int(&b, -64), 0);
    assert_int_equal(b.len, 1);
    buf_fini(&b);
}

/* All kinds, one behind the other. */
static int put_all(struct buf *b)
{
    return pack_put_u8(b, 0xab) | pack_put_u32(b, 0x01020304) |
           pack_put_u64(b, UINT64_C(0x0102030405060708)) |
           pack_put_double(b, -0.0) | pack_put_double(b, 1e300) |
           pack_put_bytes(b, "a\0b", 3) | pack_put_bytes(b, NULL, 0) |
           pack_put_str(b, "words") | pack_put_str(b, "");
}

static void get_all(struct unpack *u, bool check)
{
    char text[8];
    size_t len;
    uint8_t a = unpack_u8(u);
    uint32_t c = unpack_u32(u);
    uint64_t d = unpack_u64(u);
    double zero = unpack_double(u), large = unpack_double(u);
    const char *bytes = unpack_bytes(u, 3, &len);
    if (check) {
        assert_int_equal(a, 0xab);
        assert_int_equal(c, 0x01020304);
        assert_true(d == UINT64_C(0x0102030405060708));
        assert_true(zero == 0 && __builtin_signbit(zero));
        assert_true(large == 1e300);
        assert_int_equal(len, 3);
        assert_memory_equal(bytes, "a\0b", 3);
    }
    unpack_bytes(u, 0, &len);
    assert_int_equal(len, 0);
    unpack_str(u, text, 6);
    if (check)
        assert_string_equal(text, "words");
    unpack_str(u, text, 1);
    assert_string_equal(text, "");
}

static void test_all_kinds(void **state)
{
    struct buf b;
    struct unpack u;
    (void)state;
    buf_init(&b, 256);
    assert_int_equal(put_all(&b), 0);
    assert_memory_equal(b.data + 1, "\x04\x03\x02\x01\x08", 5);
    unpack_init(&u, b.data, b.len);
    get_all(&u, true);
    assert_true(unpack_done(&u));
    for (size_t cut = 0; cut < b.len; cut++) {
        unpack_init(&u, b.data, cut);
        get_all(&u, false);
        assert_true(u.bad);
        assert_false(unpack_done(&u));
    }
    buf_fini(&b);
}

static void test_bounds(void **state)
{
    struct buf b;
    struct unpack u;
    char text[4] = "xxx";
    size_t len;
    (void)state;
    buf_init(&b, 64);
    assert_int_equal(pack_put_str(&b, "four"), 0);
    unpack_init(&u, b.data, b.len);
    unpack_str(&u, text, sizeof(text));
    assert_true(u.bad);
    assert_string_equal(text, "");
    unpack_init(&u, b.data, b.len);
    assert_string_equal(unpack_bytes(&u, 3, &len), "");
    assert_true(u.bad && len == 0);

    buf_reset(&b);
    assert_int_equal(pack_put_bytes(&b, "a\0", 2), 0);
    unpack_init(&u, b.data, b.len);
    unpack_str(&u, text, sizeof(text));
    assert_true(u.bad);
    assert_string_equal(text, "");

    buf_reset(&b);
    assert_int_equal(pack_put_uint(&b, 7), 0);
    unpack_init(&u, b.data, b.len);
    assert_true(unpack_uint_max(&u, 7) == 7 && !u.bad);
    unpack_init(&u, b.data, b.len);
    assert_true(unpack_uint_max(&u, 6) == 0 && u.bad);
    /* sticky: nothing is read any more */
    assert_int_equal(unpack_u8(&u), 0);
    assert_false(unpack_done(&u));

    /* a count that runs past the end */
    unpack_init(&u,
                "\x05"
                "abc",
                4);
    unpack_bytes(&u, 100, &len);
    assert_true(u.bad && len == 0);
    unpack_init(&u, NULL, 0);
    assert_true(unpack_done(&u));
    unpack_u8(&u);
    assert_true(u.bad);
    buf_fini(&b);
}

static void test_failed_put(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 6);
    assert_int_equal(pack_put_u8(&b, 1), 0);
    /* the count would fit, the bytes not */
    assert_int_equal(pack_put_str(&b, "12345"), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[1], 0);
    assert_int_equal(pack_put_str(&b, "1234"), 0);
    assert_int_equal(b.len, 6);
    errno = 7;
    assert_int_equal(pack_undo(&b, 1), -1);
    assert_int_equal(errno, 7);
    assert_int_equal(b.len, 1);
    buf_fini(&b);
    assert_int_equal(pack_undo(&b, 0), -1);
    mem_fail_at(1);
    assert_int_equal(pack_put_u64(&b, 1), -1);
    mem_fail_at(0);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint_table),
        cmocka_unit_test(test_varint_malformed),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_failed_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
