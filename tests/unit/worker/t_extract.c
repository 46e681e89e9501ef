/* Metrics from outputs: found, missing, malformed; each type. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "worker/extract.h"

struct sample {
    enum metric_type type;
    const char *regex;
    const char *text;
    enum metric_state state;
    double number; /* FLOAT64 and INT64 */
    const char *string;
};

static const struct sample samples[] = {
    {METRIC_FLOAT64, "^E = (\\S+)", "x\nE = 1.5\nE = 2\n", METRIC_OK, 1.5, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = -3e-7", METRIC_OK, -3e-7, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "no E = 1\n", METRIC_MISSING, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "", METRIC_MISSING, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = 1,5\n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S*)", "E = \n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = ****\n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "E=(.*)", "E=  4.0  \n", METRIC_OK, 4, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=inf", METRIC_OK, INFINITY, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1.0\r\nx", METRIC_OK, 1, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1e400", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1e-400", METRIC_OK, 0, 0},
    {METRIC_FLOAT64, "[0-9.]+", "about 7.25 s", METRIC_OK, 7.25, 0},
    {METRIC_FLOAT64, "a(\\d)?b", "ab", METRIC_MISSING, 0, 0},
    {METRIC_INT64, "n=(\\S+)", "n=42", METRIC_OK, 42, 0},
    {METRIC_INT64, "n=(\\S+)", "n=-7", METRIC_OK, -7, 0},
    {METRIC_INT64, "n=(\\S+)", "n=4.0", METRIC_MALFORMED, 0, 0},
    {METRIC_INT64, "n=(\\S+)", "n=99999999999999999999", METRIC_MALFORMED, 0,
     0},
    {METRIC_STRING, "s=(.*)", "s=two words\n", METRIC_OK, 0, "two words"},
    {METRIC_STRING, "s=(.*)", "s=\n", METRIC_OK, 0, ""},
    {METRIC_STRING, "s=(.*)", "s=\xff\xfe\n", METRIC_MALFORMED, 0, 0},
};

static struct job job_with(const struct metric *metrics, uint32_t count)
{
    return (struct job){.id = "j", .metrics = metrics, .metric_count = count};
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        struct metric m = {.name = "m", .pattern = s->regex, .type = s->type};
        struct job job = job_with(&m, 1);
        struct err err;
        struct attempt a;
        attempt_init(&a);
        struct extractor *x = extractor_create(&job, &err);
        assert_non_null(x);
        const char *const out[2] = {s->text, "m=0 n=0 s=0 E = 0"};
        const size_t len[2] = {strlen(s->text), strlen(out[1])};
        assert_int_equal(extractor_run(x, out, len, &a, &err), 0);
        assert_int_equal(a.metric_count, 1);
        if (a.metrics[0].state != s->state)
            fail_msg("\"%s\" in \"%s\"", s->regex, s->text);
        if (s->state == METRIC_OK && s->type == METRIC_FLOAT64)
            assert_true(a.metrics[0].u.number == s->number);
        if (s->state == METRIC_OK && s->type == METRIC_INT64)
            assert_int_equal(a.metrics[0].u.integer, (int64_t)s->number);
        if (s->string)
            assert_string_equal(a.metrics[0].string, s->string);
        attempt_fini(&a);
        extractor_destroy(x);
    }
}

/* Two metrics, each from its stream. */
static void test_streams(void **state)
{
    (void)state;
    const struct metric m[2] = {
        {.name = "a", .pattern = "v=(\\d+)", .type = METRIC_INT64},
        {.name = "b",
         .pattern = "v=(\\d+)",
         .type = METRIC_INT64,
         .from = METRIC_STDERR}};
    struct job job = job_with(m, 2);
    const char *const out[2] = {"v=1", "v=2"};
    const size_t len[2] = {3, 3};
    struct attempt a;
    struct err err;
    attempt_init(&a);
    struct extractor *x = extractor_create(&job, &err);
    assert_int_equal(extractor_run(x, out, len, &a, &err), 0);
    assert_int_equal(a.metrics[0].u.integer, 1);
    assert_int_equal(a.metrics[1].u.integer, 2);
    extractor_destroy(x);
}

/* A regular expression that would take for ever is given up. */
static void test_bounded(void **state)
{
    (void)state;
    const struct metric m = {.name = "m", .pattern = "^(?:(x+x+)+)y"};
    struct job job = job_with(&m, 1);
    char text[64];
    const char *const out[2] = {text, ""};
    const size_t len[2] = {sizeof(text), 0};
    struct attempt a;
    struct err err;
    memset(text, 'x', sizeof(text));
    attempt_init(&a);
    struct extractor *x = extractor_create(&job, &err);
    assert_int_equal(extractor_run(x, out, len, &a, &err), 0);
    assert_int_not_equal(a.metrics[0].state, METRIC_OK);
    extractor_destroy(x);
}

static void test_no_memory(void **state)
{
    (void)state;
    const struct metric m = {
        .name = "m", .pattern = "(.*)", .type = METRIC_STRING};
    struct job job = job_with(&m, 1);
    const char *const out[2] = {"text", ""};
    const size_t len[2] = {4, 0};
    struct err err;
    for (unsigned long k = 1; k < 10; k++) {
        struct attempt a;
        attempt_init(&a);
        mem_fail_at(k);
        struct extractor *x = extractor_create(&job, &err);
        int rc = x ? extractor_run(x, out, len, &a, &err) : -1;
        unsigned long made = mem_fail_at(0);
        assert_int_equal(rc, made >= k ? -1 : 0);
        attempt_fini(&a);
        extractor_destroy(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
