/* CRC32C: published vectors, and both ways to compute it against the
 * definition, bit by bit. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.c" /* crc_table: what other CPUs use */
#include "prng.h"

static uint32_t by_definition(const unsigned char *p, size_t len)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? (c >> 1) ^ UINT32_C(0x82f63b78) : c >> 1;
    }
    return ~c;
}

static uint32_t by_table(const void *p, size_t len)
{
    return ~crc_table(UINT32_MAX, p, len);
}

static void matches_rfc3720(void **state)
{
    unsigned char bytes[32];
    (void)state;
    assert_int_equal(crc32c(0, NULL, 0), 0);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(by_table(bytes, 32), 0x46dd794e);
}

/* Each length and alignment, in one piece and in two. */
static void both_ways_agree(void **state)
{
    unsigned char bytes[300];
    struct prng r = {41};
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)prng_next(&r);
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; from + len <= sizeof(bytes); len++) {
            uint32_t want = by_definition(bytes + from, len);
            size_t cut = prng_below(&r, (uint32_t)len + 1);
            uint32_t part = crc32c(0, bytes + from, cut);
            assert_int_equal(crc32c(0, bytes + from, len), want);
            assert_int_equal(by_table(bytes + from, len), want);
            assert_int_equal(crc32c(part, bytes + from + cut, len - cut), want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_rfc3720),
        cmocka_unit_test(both_ways_agree),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
