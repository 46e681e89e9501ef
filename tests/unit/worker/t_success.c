/* What makes success: each condition, met and not, and what is said. */
#include "config.h"
#include "worker/success.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "model/expr.h"

static struct arena *arena;
static struct taskset set;
static struct metric metrics[] = {
    {.name = "residual", .type = METRIC_FLOAT64},
    {.name = "steps", .type = METRIC_INT64},
    {.name = "state", .type = METRIC_STRING},
    {.name = "field", .type = METRIC_FLOAT64, .rank = 1, .cells = 3}};
enum { METRICS = sizeof(metrics) / sizeof(metrics[0]) };
static const struct job job = {
    .id = "j", .metrics = metrics, .metric_count = METRICS};

static const struct template *text(const char *s)
{
    size_t at;
    struct err err;
    const struct template *t =
        template_compile(arena, s, &set, NULL, TEMPLATE_ALL, &at, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static const struct expr *condition(const char *s)
{
    static const char *const names[] = {"residual", "steps", "state", "field"};
    size_t at;
    struct err err;
    const struct expr *e = expr_compile(arena, s, names, METRICS, &at, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

static void test_codes(void **state)
{
    (void)state;
    static const int32_t codes[] = {0, 3, 77};
    struct success s = {.exit_codes = codes, .exit_code_count = 3};
    struct task_template t = {.checkpoint_exit_code = -1};
    assert_true(success_has_code(&t, 0));
    assert_false(success_has_code(&t, 3));
    t.success = &s;
    assert_true(success_has_code(&t, 0));
    assert_true(success_has_code(&t, 3));
    assert_true(success_has_code(&t, 77));
    assert_false(success_has_code(&t, 1));
    s.exit_codes = codes + 1;
    s.exit_code_count = 1;
    assert_false(success_has_code(&t, 0));
}

/* Judge a good attempt by one condition; its message, or NULL. */
static const char *judge(const struct success *s, const char *output,
                         const char *dir, struct attempt *a)
{
    static struct success_regex cache;
    const struct template_context names = {.task_id = "7", .job_id = "j"};
    const struct task_template t = {.success = s, .checkpoint_exit_code = -1};
    const struct success_evidence from = {.output = output,
                                          .output_len =
                                              output ? strlen(output) : 0,
                                          .work_dir = dir,
                                          .names = &names,
                                          .job = &job};
    a->result = RESULT_SUCCESS;
    a->reason = REASON_NONE;
    a->message[0] = '\0';
    success_judge(&t, &from, &cache, a);
    success_regex_fini(&cache);
    if (a->result == RESULT_SUCCESS) {
        assert_int_equal(a->reason, REASON_NONE);
        return NULL;
    }
    assert_int_equal(a->reason, REASON_UNSUCCESSFUL);
    return a->message;
}

static void same(const char *got, const char *want)
{
    if (!want) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, want);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/t_success.XXXXXX", path[64];
    struct attempt a;
    attempt_init(&a);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/out.nc", dir);
    fclose(fopen(path, "w"));
    const struct template *two[] = {text("out.nc"), text("log.{task.id}")};
    struct success s = {.files = two, .file_count = 1};
    same(judge(&s, "", dir, &a), NULL);
    s.file_count = 2;
    same(judge(&s, "", dir, &a), "the file log.7 is not there");
    same(judge(&s, "", NULL, &a), "out.nc cannot be looked for");
    unlink(path);
    same(judge(&s, "", dir, &a), "the file out.nc is not there");
    rmdir(dir);
}

static void test_output(void **state)
{
    (void)state;
    struct attempt a;
    struct success s = {.stdout_regex = "^converged$"};
    attempt_init(&a);
    same(judge(&s, "step 1\nconverged\nbye\n", NULL, &a), NULL);
    same(judge(&s, "not converged\n", NULL, &a),
         "stdout does not match ^converged$");
    same(judge(&s, "", NULL, &a), "stdout does not match ^converged$");
    same(judge(&s, NULL, NULL, &a), "its stdout cannot be read");
}

static void test_metrics(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        const char *why; /* NULL: it is met */
    } cases[] = {
        {"residual < 1e-6", NULL},
        {"residual < 1e-9", "residual < 1e-9 does not hold; residual is 1e-07"},
        {"steps > 100 and residual < 1",
         "steps > 100 and residual < 1 does not hold; residual is 1e-07; "
         "steps is 42"},
        {"state == \"done\"", NULL},
        {"state != \"done\"",
         "state != \"done\" does not hold; state is \"done\""},
        {"len(state) == 4", NULL},
        {"field > 1", "the condition field > 1: field is an array"},
    };
    double cells[3] = {1, 2, 3};
    char done[] = "done";
    struct attempt a;
    attempt_init(&a);
    a.metric_count = METRICS;
    a.metrics[0].u.number = 1e-7;
    a.metrics[1].u.integer = 42;
    a.metrics[2].string = done;
    a.metrics[3].cells = 3;
    a.metrics[3].u.numbers = cells;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct expr *one[] = {condition(cases[i].expr)};
        const struct success s = {.metrics = one, .metric_count = 1};
        same(judge(&s, "", NULL, &a), cases[i].why);
    }
    const struct expr *one[] = {condition("residual < 1e-6")};
    const struct success s = {.metrics = one, .metric_count = 1};
    a.metrics[0].state = METRIC_OUT_OF_RANGE; /* it has a value */
    same(judge(&s, "", NULL, &a), NULL);
    a.metrics[0].state = METRIC_MISSING;
    same(judge(&s, "", NULL, &a),
         "residual < 1e-6 does not hold; residual is not known");
    a.metric_count = 0;
    same(judge(&s, "", NULL, &a),
         "residual < 1e-6 does not hold; residual is not known");
}

/* What has failed already keeps its reason. */
static void test_failed(void **state)
{
    (void)state;
    struct success_regex cache = {0};
    const struct success s = {.stdout_regex = "x"};
    const struct task_template t = {.success = &s};
    const struct success_evidence from = {.output = "", .job = &job};
    struct attempt a;
    attempt_init(&a);
    a.result = RESULT_FAILURE;
    a.reason = REASON_TIMEOUT;
    success_judge(&t, &from, &cache, &a);
    assert_int_equal(a.reason, REASON_TIMEOUT);
    assert_null(cache.regex);
}

/* The expression is compiled once for all that share it. */
static void test_cache(void **state)
{
    (void)state;
    struct success_regex cache = {0};
    struct success s = {.stdout_regex = "a"};
    const struct task_template t = {.success = &s};
    const struct success_evidence from = {
        .output = "a", .output_len = 1, .job = &job};
    struct attempt a;
    attempt_init(&a);
    a.result = RESULT_SUCCESS;
    success_judge(&t, &from, &cache, &a);
    const struct regex *first = cache.regex;
    char again[] = "a";
    s.stdout_regex = again;
    success_judge(&t, &from, &cache, &a);
    assert_ptr_equal(cache.regex, first);
    assert_int_equal(a.result, RESULT_SUCCESS);
    s.stdout_regex = "b";
    success_judge(&t, &from, &cache, &a);
    assert_string_equal(cache.pattern, "b");
    assert_int_equal(a.result, RESULT_FAILURE);
    success_regex_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_output), cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_failed), cmocka_unit_test(test_cache),
    };
    arena = arena_create(1 << 20);
    int rc = arena ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    arena_destroy(arena);
    return rc;
}
