/* Scalars: the YAML 1.2 core schema as a table. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/value.h"

static const struct {
    const char *text;
    enum value_type type;
    int64_t integer; /* or boolean */
    double number;
} plain[] = {
    {"", VALUE_NULL, 0, 0},
    {"~", VALUE_NULL, 0, 0},
    {"null", VALUE_NULL, 0, 0},
    {"Null", VALUE_NULL, 0, 0},
    {"NULL", VALUE_NULL, 0, 0},
    {"nULL", VALUE_STRING, 0, 0},
    {"~~", VALUE_STRING, 0, 0},
    {"true", VALUE_BOOL, 1, 0},
    {"True", VALUE_BOOL, 1, 0},
    {"TRUE", VALUE_BOOL, 1, 0},
    {"false", VALUE_BOOL, 0, 0},
    {"False", VALUE_BOOL, 0, 0},
    {"FALSE", VALUE_BOOL, 0, 0},
    {"tRUE", VALUE_STRING, 0, 0},
    {"yes", VALUE_STRING, 0, 0},
    {"no", VALUE_STRING, 0, 0},
    {"on", VALUE_STRING, 0, 0},
    {"y", VALUE_STRING, 0, 0},
    {"0", VALUE_INT, 0, 0},
    {"-0", VALUE_INT, 0, 0},
    {"+7", VALUE_INT, 7, 0},
    {"010", VALUE_INT, 10, 0},
    {"0o10", VALUE_INT, 8, 0},
    {"0x1F", VALUE_INT, 31, 0},
    {"0xff", VALUE_INT, 255, 0},
    {"0x7fffffffffffffff", VALUE_INT, INT64_MAX, 0},
    {"0o777777777777777777777", VALUE_INT, INT64_MAX, 0},
    {"9223372036854775807", VALUE_INT, INT64_MAX, 0},
    {"-9223372036854775808", VALUE_INT, INT64_MIN, 0},
    {"000000000000000000000000000001", VALUE_INT, 1, 0},
    {"9223372036854775808", VALUE_FLOAT, 0, 9223372036854775808.0},
    {"-9223372036854775809", VALUE_FLOAT, 0, -9223372036854775808.0},
    {"18446744073709551616", VALUE_FLOAT, 0, 18446744073709551616.0},
    {"0x8000000000000000", VALUE_FLOAT, 0, 9223372036854775808.0},
    {"0xfffffffffffffffff", VALUE_FLOAT, 0, 295147905179352825856.0},
    {"0o1000000000000000000000", VALUE_FLOAT, 0, 9223372036854775808.0},
    {"0o8", VALUE_STRING, 0, 0},
    {"0x", VALUE_STRING, 0, 0},
    {"0o", VALUE_STRING, 0, 0},
    {"0xg", VALUE_STRING, 0, 0},
    {"0X1f", VALUE_STRING, 0, 0},
    {"-0x1f", VALUE_STRING, 0, 0},
    {"0b1", VALUE_STRING, 0, 0},
    {"1_000", VALUE_STRING, 0, 0},
    {"+", VALUE_STRING, 0, 0},
    {"-", VALUE_STRING, 0, 0},
    {"--1", VALUE_STRING, 0, 0},
    {" 1", VALUE_STRING, 0, 0},
    {"1 ", VALUE_STRING, 0, 0},
    {"1a", VALUE_STRING, 0, 0},
    {"\xd9\xa1", VALUE_STRING, 0, 0}, /* a digit elsewhere */
    {"0.1", VALUE_FLOAT, 0, 0.1},
    {"0.10", VALUE_FLOAT, 0, 0.1},
    {".5", VALUE_FLOAT, 0, 0.5},
    {"-.5", VALUE_FLOAT, 0, -0.5},
    {"5.", VALUE_FLOAT, 0, 5},
    {"1e-4", VALUE_FLOAT, 0, 1e-4},
    {"1E3", VALUE_FLOAT, 0, 1000},
    {"1e+3", VALUE_FLOAT, 0, 1000},
    {"+1.5e3", VALUE_FLOAT, 0, 1500},
    {"1e999", VALUE_FLOAT, 0, INFINITY},
    {"1e-999", VALUE_FLOAT, 0, 0},
    {".inf", VALUE_FLOAT, 0, INFINITY},
    {"+.Inf", VALUE_FLOAT, 0, INFINITY},
    {"-.INF", VALUE_FLOAT, 0, -INFINITY},
    {".nan", VALUE_FLOAT, 0, NAN},
    {".NaN", VALUE_FLOAT, 0, NAN},
    {".NAN", VALUE_FLOAT, 0, NAN},
    {"-.nan", VALUE_STRING, 0, 0},
    {"inf", VALUE_STRING, 0, 0},
    {"nan", VALUE_STRING, 0, 0},
    {"infinity", VALUE_STRING, 0, 0},
    {".", VALUE_STRING, 0, 0},
    {"-.", VALUE_STRING, 0, 0},
    {"..5", VALUE_STRING, 0, 0},
    {"1.2.3", VALUE_STRING, 0, 0},
    {"e5", VALUE_STRING, 0, 0},
    {".e5", VALUE_STRING, 0, 0},
    {"1e", VALUE_STRING, 0, 0},
    {"1e+", VALUE_STRING, 0, 0},
    {"1e5.0", VALUE_STRING, 0, 0},
    {"1,5", VALUE_STRING, 0, 0},
    {"0x1p3", VALUE_STRING, 0, 0},
    {"12:30:00", VALUE_STRING, 0, 0},
    {"2024-01-01", VALUE_STRING, 0, 0},
    {"a", VALUE_STRING, 0, 0},
};

static void resolves_as_the_core_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        struct value v;
        value_resolve(&v, plain[i].text);
        assert_int_equal(value_type_of(plain[i].text, strlen(plain[i].text)),
                         plain[i].type);
        if (v.type != plain[i].type)
            fail_msg("\"%s\" is a %s", plain[i].text, value_type_name(v.type));
        assert_ptr_equal(v.text, plain[i].text);
        if (v.type == VALUE_BOOL)
            assert_int_equal(v.u.boolean, plain[i].integer);
        if (v.type == VALUE_INT)
            assert_int_equal(v.u.integer, plain[i].integer);
        if (v.type == VALUE_FLOAT && !isnan(plain[i].number))
            assert_true(v.u.number == plain[i].number);
        if (v.type == VALUE_FLOAT && isnan(plain[i].number))
            assert_true(isnan(v.u.number));
    }
}

static void quoted_values_are_strings(void **state)
{
    struct value v;
    double number = 7;
    (void)state;
    value_string(&v, "5");
    assert_int_equal(v.type, VALUE_STRING);
    assert_string_equal(v.text, "5");
    assert_false(value_number(&v, &number));
    assert_true(number == 7);
}

static void numbers_come_as_doubles(void **state)
{
    static const struct {
        const char *text;
        bool fine;
        double number;
    } table[] = {{"5", true, 5},     {"-1.5", true, -1.5}, {"true", true, 1},
                 {"False", true, 0}, {"~", false, 0},      {"x", false, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct value v;
        double number = 0;
        value_resolve(&v, table[i].text);
        assert_int_equal(value_number(&v, &number), table[i].fine);
        assert_true(number == table[i].number);
    }
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(value_type_name(VALUE_NULL), "null");
    assert_string_equal(value_type_name(VALUE_BOOL), "boolean");
    assert_string_equal(value_type_name(VALUE_INT), "integer");
    assert_string_equal(value_type_name(VALUE_FLOAT), "number");
    assert_string_equal(value_type_name(VALUE_STRING), "string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_as_the_core_schema),
        cmocka_unit_test(quoted_values_are_strings),
        cmocka_unit_test(numbers_come_as_doubles),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
