/* Tests of base/checksum and stage/checksum: known values, pieces, what is
 * wanted and what is not it. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"
#include "stage/checksum.h"

static const char abc_sha[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char abc_xxh[] = "06b05ab6733a618578af5f94892f3950";
static const char empty_xxh[] = "99aa06d3014798d86001c324468d497f";

static void known(void **state)
{
    unsigned char bytes[CHECKSUM_BYTES], back[CHECKSUM_BYTES];
    char text[CHECKSUM_TEXT_BYTES];
    (void)state;
    checksum_of("abc", 3, bytes);
    checksum_format(bytes, text);
    assert_string_equal(text, abc_xxh);
    assert_int_equal(checksum_parse("06B05AB6733A618578AF5F94892F3950", back),
                     0);
    assert_memory_equal(back, bytes, sizeof(bytes));
    checksum_of("", 0, bytes);
    checksum_format(bytes, text);
    assert_string_equal(text, empty_xxh);
    static const char *const wrong[] = {"", "0",
                                        "06b05ab6733a618578af5f94892f395",
                                        "06b05ab6733a618578af5f94892f39500",
                                        "06b05ab6733a618578af5f94892f395g"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(checksum_parse(wrong[i], back), -1);
}

static void pieces(void **state)
{
    enum { BYTES = 100000 };
    static unsigned char data[BYTES];
    unsigned char whole[CHECKSUM_BYTES], got[CHECKSUM_BYTES];
    struct err err;
    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (unsigned char)(i * 31 + (i >> 8));
    checksum_of(data, BYTES, whole);
    struct checksum *c = checksum_create(&err);
    assert_non_null(c);
    for (size_t step = 1; step < BYTES; step = step * 3 + 1) {
        checksum_reset(c);
        for (size_t at = 0; at < BYTES; at += step)
            checksum_update(c, data + at,
                            step < BYTES - at ? step : BYTES - at);
        checksum_get(c, got);
        assert_memory_equal(got, whole, sizeof(got));
    }
    checksum_destroy(c);
    checksum_destroy(NULL);
    mem_fail_at(1);
    assert_null(checksum_create(&err));
    assert_int_equal(err.code, ENOMEM);
    mem_fail_at(0);
}

static void well_formed(void **state)
{
    char text[128];
    struct err err;
    (void)state;
    snprintf(text, sizeof(text), "sha256:%s", abc_sha);
    assert_int_equal(checksum_check(text, &err), 0);
    text[sizeof("sha256:") - 1] = 'B';
    assert_int_equal(checksum_check(text, &err), 0);
    snprintf(text, sizeof(text), "xxh128:%s", abc_xxh);
    assert_int_equal(checksum_check(text, &err), 0);
    static const char *const wrong[] = {
        "", "sha256", "sha256:", "sha256:ba78", "md5:abc", "xxh128:99"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(checksum_check(wrong[i], &err), -1);
        assert_int_equal(err.code, EINVAL);
        assert_non_null(strstr(err.text, "sha256: and 64"));
    }
    snprintf(text, sizeof(text), "sha256:%s0", abc_sha);
    assert_int_equal(checksum_check(text, &err), -1);
}

static void verify(void **state)
{
    struct digest d;
    char text[128];
    struct err err;
    (void)state;
    int fd = memfd_create("abc", MFD_CLOEXEC);
    assert_int_equal(write(fd, "abc", 3), 3);
    checksum_of("abc", 3, d.bytes);
    snprintf(text, sizeof(text), "sha256:%s", abc_sha);
    assert_int_equal(checksum_verify(fd, &d, text, NULL, &err), 0);
    text[strlen(text) - 1] = '0';
    assert_int_equal(checksum_verify(fd, &d, text, NULL, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    assert_non_null(strstr(err.text, abc_sha));
    assert_non_null(strstr(err.text, text));
    atomic_bool cancel = true;
    assert_int_equal(checksum_verify(fd, &d, text, &cancel, &err), -1);
    assert_int_equal(err.code, ECANCELED);
    snprintf(text, sizeof(text), "xxh128:%s", abc_xxh);
    assert_int_equal(checksum_verify(-1, &d, text, NULL, &err), 0);
    snprintf(text, sizeof(text), "xxh128:%s", empty_xxh);
    assert_int_equal(checksum_verify(-1, &d, text, NULL, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    assert_non_null(strstr(err.text, abc_xxh));
    assert_int_equal(checksum_verify(fd, &d, "md5:00", NULL, &err), -1);
    assert_int_equal(err.code, EINVAL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(pieces),
        cmocka_unit_test(well_formed),
        cmocka_unit_test(verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
