/* Folded messages, and values in order. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/order.h"
#include "view/fold.h"

static void folds(void **state)
{
    static const struct {
        const char *text, *folded;
    } cases[] = {
        {"", ""},
        {"\n \n\t\n", ""},
        {"one\ntwo\n\n", "two"},
        {"  no convergence after 12 steps\r\n", "no convergence after N steps"},
        {"progress 10%\rprogress 20%", "progress N%"},
        {"x = -1.5e-3, y=.5, z=7.", "x = -N, y=.N, z=N."},
        {"1e5 2.5E+10 3e", "N N Ne"},
        {"step3 of v2_7", "stepN of vN_N"},
        {"at 0x7fff12ab: 0X1F", "at HEX: HEX"},
        {"id 3f2a9c01d, deadbeef, 12345678", "id HEX, deadbeef, N"},
        {"cannot open /scratch/run.7/a_b/in.dat: No such file",
         "cannot open PATH/in.dat: No such file"},
        {"/bin/x: 3/4 done, a/b/c", "PATH/x: N/N done, a/b/c"},
        {"ValueError: x must be > 0", "ValueError: x must be > N"},
        {"/ alone, // two", "/ alone, // two"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(
            fold_last_line(cases[i].text, strlen(cases[i].text), &out), 0);
        if (strcmp(buf_text(&out), cases[i].folded) != 0)
            fail_msg("%s: \"%s\"", cases[i].text, buf_text(&out));
        buf_fini(&out);
    }
}

static void folded_is_bounded(void **state)
{
    static char text[100000];
    struct buf out;
    (void)state;
    for (int pass = 0; pass < 3; pass++) {
        memset(text, pass == 0 ? 'a' : pass == 1 ? '/' : '7', sizeof(text));
        if (pass == 0)
            memcpy(text + FOLD_MAX_BYTES - 1, "\xc3\xa9", 2); /* cut there */
        buf_init(&out, 4096);
        assert_int_equal(fold_last_line(text, sizeof(text), &out), 0);
        assert_true(out.len <= FOLD_MAX_BYTES && out.len > 0);
        assert_true(((unsigned char)out.data[out.len - 1] & 0x80) == 0);
        buf_fini(&out);
    }
}

static void orders_values(void **state)
{
    static const char *const sorted[] = {"-.inf",
                                         "-9223372036854775808",
                                         "-0.5",
                                         "false",
                                         "0.25",
                                         "true",
                                         "2",
                                         "9007199254740992.0",
                                         "9007199254740993",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         ".inf",
                                         ".nan",
                                         "a",
                                         "b",
                                         "null"};
    enum { COUNT = sizeof(sorted) / sizeof(sorted[0]) };
    struct value v[COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++)
        value_resolve(&v[i], sorted[i]);
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < COUNT; k++) {
            enum order expected = i < k   ? ORDER_LESS
                                  : i > k ? ORDER_GREATER
                                          : ORDER_EQUAL;
            if (value_order(&v[i], &v[k]) != expected)
                fail_msg("%s and %s", sorted[i], sorted[k]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds),
        cmocka_unit_test(folded_is_bounded),
        cmocka_unit_test(orders_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
