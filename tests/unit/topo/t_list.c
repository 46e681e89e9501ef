/* Lists of CPUs: parsed and written as the kernel does. */
#include "config.h"
#include "topo/topo_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

enum { SET_BYTES = 16 }; /* CPUs 0 to 127 */

static void test_good_lists(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"\n", ""},
        {"0", "0"},
        {"0\n", "0"},
        {"0-3", "0-3"},
        {"0,1", "0-1"},
        {"3,1,2", "1-3"},
        {"0-3,8", "0-3,8"},
        {"5-5", "5"},
        {"0,2,4", "0,2,4"},
        {"127", "127"},
        {"120-2000", "120-127"}, /* beyond the set: left out */
        {"128", ""},
        {"1048575", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cpu_set_t *set = mem_calloc(1, SET_BYTES);
        struct buf text;
        struct err err;
        buf_init(&text, 1000);
        assert_int_equal(list_parse(cases[i].in, set, SET_BYTES, &err), 0);
        assert_int_equal(list_put_set(&text, set, SET_BYTES), 0);
        assert_string_equal(buf_text(&text), cases[i].out);
        buf_fini(&text);
        mem_free(set);
    }
}

static void test_bad_lists(void **state)
{
    static const char *const cases[] = {
        "x",   "-",     "-1",   "1-",   "3-1",     ",",    "1,",
        "1,,", "1-2-3", "0x10", "1 ,2", "1048576", "0\n1", "99999999999999999",
        " 1"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cpu_set_t *set = mem_calloc(1, SET_BYTES);
        struct err err = {0};
        assert_int_equal(list_parse(cases[i], set, SET_BYTES, &err), -1);
        assert_int_equal(err.code, EINVAL);
        assert_non_null(strstr(err.text, cases[i]));
        mem_free(set);
    }
}

static void test_writer(void **state)
{
    (void)state;
    struct buf text;
    struct list_writer w;
    buf_init(&text, 1000);
    list_begin(&w, &text);
    assert_int_equal(list_end(&w), 0);
    assert_string_equal(buf_text(&text), "");
    list_begin(&w, &text);
    static const uint32_t numbers[] = {0, 0, 1, 2, 4, 4, 9, 4294967295U};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        list_add(&w, numbers[i]);
    assert_int_equal(list_end(&w), 0);
    assert_string_equal(buf_text(&text), "0-2,4,9,4294967295");
    buf_fini(&text);
}

static void test_full_buffer(void **state)
{
    (void)state;
    struct buf text;
    struct list_writer w;
    buf_init(&text, 3);
    list_begin(&w, &text);
    for (uint32_t i = 0; i < 10; i += 2)
        list_add(&w, i);
    assert_int_equal(list_end(&w), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_string_equal(buf_text(&text), "0,2");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lists), cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_writer), cmocka_unit_test(test_full_buffer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
