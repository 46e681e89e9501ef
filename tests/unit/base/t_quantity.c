/* Durations and sizes: tables of what is read, refused and written. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/quantity.h"
#include "prng.h"

#define H (3600 * NS_PER_SEC)
#define M (60 * NS_PER_SEC)
#define S NS_PER_SEC
#define D (24 * H)

static const struct {
    const char *text;
    int64_t ns;
} durations[] = {
    {"0", 0},
    {"90", 90 * S},
    {"90s", 90 * S},
    {"90 s", 90 * S},
    {"1.5", 1500 * NS_PER_MS},
    {"0.000000001", 1},
    {"0.0000000019", 1},
    {"5.", 5 * S},
    {".5", S / 2},
    {"1h30m", 90 * M},
    {"1h 30m", 90 * M},
    {"1.5h", 90 * M},
    {"2d", 2 * D},
    {"1d2h3m4s5ms6us7ns", D + 2 * H + 3 * M + 4 * S + 5006007},
    {"250ms", 250 * NS_PER_MS},
    {"1m1ms", M + NS_PER_MS},
    {"0.5ms", 500 * NS_PER_US},
    {"1us", 1000},
    {"9223372036854775807ns", INT64_MAX},
    {"9223372036", INT64_C(9223372036) * S},
    {"106751d", 106751 * D},
    {"01:30:00", 90 * M},
    {"1:30:00", 90 * M},
    {"100:00:00", 100 * H},
    {"90:00", 90 * M},
    {"00:01.5", 1500 * NS_PER_MS},
    {"00:00:00.000000001", 1},
    {"0:00", 0},
    {"2-03:04:05", 2 * D + 3 * H + 4 * M + 5 * S},
    {"0-23:59:59", 23 * H + 59 * M + 59 * S},
    {"PT1H30M", 90 * M},
    {"P1D", D},
    {"P1W", 7 * D},
    {"P1DT12H", 36 * H},
    {"PT0.5S", S / 2},
    {"PT36H", 36 * H},
    {"P1W1DT1H1M1S", 8 * D + H + M + S},
};

static const struct {
    const char *text;
    int code;
} bad_durations[] = {
    {"", EINVAL},
    {" ", EINVAL},
    {".", EINVAL},
    {"-1", EINVAL},
    {"+1", EINVAL},
    {"s", EINVAL},
    {"1x", EINVAL},
    {"1H", EINVAL},
    {"1 hour", EINVAL},
    {"1h30", EINVAL},
    {"30m1h", EINVAL},
    {"1h1h", EINVAL},
    {"1s1ms1s", EINVAL},
    {"1.2.3", EINVAL},
    {"1e3", EINVAL},
    {"1s.", EINVAL},
    {"1s-", EINVAL},
    {" 1s", EINVAL},
    {"nan", EINVAL},
    {"inf", EINVAL},
    {"0x10", EINVAL},
    {"1,5h", EINVAL},
    {":", EINVAL},
    {"1:", EINVAL},
    {":1", EINVAL},
    {"1:2:", EINVAL},
    {"1:60", EINVAL},
    {"1:00:60", EINVAL},
    {"1:2:3:4", EINVAL},
    {"1.5:00", EINVAL},
    {"1.0:00", EINVAL},
    {"1.:00", EINVAL},
    {"1:.5", EINVAL},
    {"-1:00", EINVAL},
    {"1-1:00", EINVAL},
    {"1-24:00:00", EINVAL},
    {"1.5-01:00:00", EINVAL},
    {"1--01:00:00", EINVAL},
    {"1-2-01:00:00", EINVAL},
    {"01:00-1", EINVAL},
    {"1:00:00s", EINVAL},
    {"1:99999999999999999999", EINVAL},
    {"P", EINVAL},
    {"PT", EINVAL},
    {"P1DT", EINVAL},
    {"P1", EINVAL},
    {"PT1", EINVAL},
    {"P1H", EINVAL},
    {"P1M", EINVAL},
    {"P1Y", EINVAL},
    {"PT1D", EINVAL},
    {"PT1M1H", EINVAL},
    {"PT1HT1M", EINVAL},
    {"PTT1H", EINVAL},
    {"P-1D", EINVAL},
    {"P1D ", EINVAL},
    {"p1d", EINVAL},
    {"9223372037", ERANGE},
    {"9223372036.9", ERANGE},
    {"9223372036854775808ns", ERANGE},
    {"18446744073709551616", ERANGE},
    {"99999999999999999999999999h", ERANGE},
    {"106752d", ERANGE},
    {"106751d24h", ERANGE},
    {"99999999999999999999:00:00", ERANGE},
    {"2562048:00:00", ERANGE},
    {"99999999999999999999-00:00:00", ERANGE},
    {"106752-00:00:00", ERANGE},
    {"P99999999999999999999D", ERANGE},
    {"P15251W", ERANGE},
};

static void parses_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        struct err err = {0};
        int64_t ns = -7;
        if (duration_parse(durations[i].text, &ns, &err) < 0)
            fail_msg("%s: %s", durations[i].text, err.text);
        if (ns != durations[i].ns)
            fail_msg("%s: %jd ns", durations[i].text, (intmax_t)ns);
    }
}

static void refuses_bad_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_durations) / sizeof(bad_durations[0]);
         i++) {
        const char *text = bad_durations[i].text;
        struct err err = {0};
        int64_t ns = -7;
        int rc = duration_parse(text, &ns, &err);
        if (rc != -1 || err.code != bad_durations[i].code)
            fail_msg("\"%s\": %d, code %d, %s", text, rc, err.code, err.text);
        assert_int_equal(ns, -7);
        assert_non_null(strstr(err.text, text));
    }
    assert_int_equal(duration_parse("x", &(int64_t){0}, NULL), -1);
}

static void shows_no_more_than_the_start_of_nonsense(void **state)
{
    char text[5000];
    struct err err = {0};
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(duration_parse(text, &(int64_t){0}, &err), -1);
    assert_true(strlen(err.text) < 200);
    assert_int_equal(size_parse(text, &(uint64_t){0}, &err), -1);
    assert_true(strlen(err.text) < 200);
}

static const struct {
    int64_t ns;
    const char *text;
} shown_durations[] = {
    {0, "0s"},
    {1, "1ns"},
    {999, "999ns"},
    {1000, "1us"},
    {999999, "999us"},
    {1000000, "1ms"},
    {45 * NS_PER_MS, "45ms"},
    {S - 1, "999ms"},
    {S, "1.0s"},
    {12345 * NS_PER_MS, "12.3s"},
    {60 * S - 1, "59.9s"},
    {M, "1m00s"},
    {125 * S, "2m05s"},
    {H - 1, "59m59s"},
    {H, "1h00m"},
    {90 * M, "1h30m"},
    {D - 1, "23h59m"},
    {D, "1d00h"},
    {26 * H, "1d02h"},
    {INT64_MAX, "106751d23h"},
    {-1, "-1ns"},
    {-90 * M, "-1h30m"},
    {INT64_MIN, "-106751d23h"},
};

static void shows_durations(void **state)
{
    char text[16];
    (void)state;
    for (size_t i = 0; i < sizeof(shown_durations) / sizeof(shown_durations[0]);
         i++)
        assert_string_equal(duration_format(shown_durations[i].ns, text),
                            shown_durations[i].text);
}

/* What duration_format writes is read back, less what it left out. */
static void reads_what_it_shows(void **state)
{
    struct prng r = {5};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[16], again[16];
        int64_t ns = (int64_t)(prng_next(&r) >> (1 + prng_below(&r, 62)));
        int64_t back;
        duration_format(ns, text);
        assert_int_equal(duration_parse(text, &back, NULL), 0);
        assert_true(back <= ns);
        assert_string_equal(duration_format(back, again), text);
    }
}

static const struct {
    const char *text;
    uint64_t bytes;
} sizes[] = {
    {"0", 0},
    {"100", 100},
    {"100B", 100},
    {"100 b", 100},
    {"1KB", 1000},
    {"1kb", 1000},
    {"4GB", UINT64_C(4000000000)},
    {"4 TB", UINT64_C(4000000000000)},
    {"1K", 1024},
    {"1KiB", 1024},
    {"512MiB", UINT64_C(512) << 20},
    {"512m", UINT64_C(512) << 20},
    {"1.5 GiB", UINT64_C(1536) << 20},
    {"2T", UINT64_C(2) << 40},
    {"0.5K", 512},
    {".25k", 256},
    {"1.9B", 1},
    {"9223372036854775807", INT64_MAX},
    {"8388607TiB", (UINT64_C(8388607)) << 40},
};

static const struct {
    const char *text;
    int code;
} bad_sizes[] = {
    {"", EINVAL},
    {".", EINVAL},
    {"B", EINVAL},
    {"-1", EINVAL},
    {"+1", EINVAL},
    {" 1", EINVAL},
    {"1 ", 0},
    {"1X", EINVAL},
    {"1PiB", EINVAL},
    {"1KiBs", EINVAL},
    {"1K B", EINVAL},
    {"1e3", EINVAL},
    {"1.2.3", EINVAL},
    {"0x10", EINVAL},
    {"1GB ", EINVAL},
    {"1GBGBGBGBGBGB", EINVAL},
    {"9223372036854775808", ERANGE},
    {"8388608TiB", ERANGE},
    {"18446744073709551616", ERANGE},
    {"99999999999999999999999GB", ERANGE},
    {"99999999999999999999999X", EINVAL},
};

static void parses_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct err err = {0};
        uint64_t bytes = 7;
        if (size_parse(sizes[i].text, &bytes, &err) < 0)
            fail_msg("%s: %s", sizes[i].text, err.text);
        if (bytes != sizes[i].bytes)
            fail_msg("%s: %ju", sizes[i].text, (uintmax_t)bytes);
    }
    for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++) {
        struct err err = {0};
        uint64_t bytes = 7;
        int rc = size_parse(bad_sizes[i].text, &bytes, &err);
        if (rc != (bad_sizes[i].code ? -1 : 0) || err.code != bad_sizes[i].code)
            fail_msg("\"%s\": %d, code %d", bad_sizes[i].text, rc, err.code);
        assert_true(rc == 0 || bytes == 7);
    }
}

static void shows_sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } table[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1229, "1.2 KiB"},
        {(1 << 20) - 53, "1023.9 KiB"},
        {(1 << 20) - 1, "1.0 MiB"},
        {1 << 20, "1.0 MiB"},
        {UINT64_C(3650722202), "3.4 GiB"},
        {(UINT64_C(1) << 40) - 1, "1.0 TiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    char text[16];
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_string_equal(size_format(table[i].bytes, text), table[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_durations),
        cmocka_unit_test(refuses_bad_durations),
        cmocka_unit_test(shows_no_more_than_the_start_of_nonsense),
        cmocka_unit_test(shows_durations),
        cmocka_unit_test(reads_what_it_shows),
        cmocka_unit_test(parses_sizes),
        cmocka_unit_test(shows_sizes),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
