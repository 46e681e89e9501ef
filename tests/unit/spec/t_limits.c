/* Bounds: bombs are refused, large sweeps are cheap, large files work. */
#include "config.h"
#include "spec_test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"

static void put(struct buf *b, const char *s)
{
    assert_int_equal(buf_puts(b, s), 0);
}

/* "a: &a [v, v, ...]", then each anchor ten times the one before. */
static void laughs(struct buf *b, int levels)
{
    put(b, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < levels; i++) {
        assert_int_equal(buf_printf(b, "a%d: &a%d [", i, i), 0);
        for (int k = 0; k < 10; k++)
            assert_int_equal(buf_printf(b, "%s*a%d", k ? "," : "", i - 1), 0);
        put(b, "]\n");
    }
}

static void billion_laughs(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    laughs(&b, 10);
    int64_t start_ns = clock_mono_ns();
    parse_wrong(b.data, b.len, &e);
    assert_true(clock_mono_ns() - start_ns < NS_PER_SEC);
    assert_string_equal(e.text,
                        "the aliases stand for more than 1048576 values");
    buf_fini(&b);
}

/* The same by merge keys. */
static void merge_bomb(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "a0: &a0 {k: 1}\n");
    for (int i = 1; i < 10; i++) {
        assert_int_equal(buf_printf(&b, "a%d: &a%d {<<: [", i, i), 0);
        for (int k = 0; k < 10; k++)
            assert_int_equal(buf_printf(&b, "%s*a%d", k ? "," : "", i - 1), 0);
        assert_int_equal(buf_printf(&b, "], k%d: 1}\n", i), 0);
    }
    parse_wrong(b.data, b.len, &e);
    assert_string_equal(e.text,
                        "the aliases stand for more than 1048576 values");
    buf_fini(&b);
}

/* Depth is bounded, in the text and through aliases. */
static void depth(void **state)
{
    (void)state;
    static const struct {
        int open, alias_levels;
        const char *error;
    } cases[] = {
        {31, 0, NULL},
        {32, 0, "nested deeper than 32 levels"},
        {100000, 0, "nested deeper than 32 levels"},
        {20, 2, "nested deeper than 32 levels by this alias"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        struct spec_error e;
        buf_init(&b, 1 << 20);
        put(&b, "x: &a ");
        for (int k = 0; k < cases[i].open; k++)
            put(&b, "[");
        for (int k = 0; k < cases[i].open; k++)
            put(&b, "]");
        if (cases[i].alias_levels) {
            put(&b, "\ny: ");
            for (int k = 0; k < cases[i].open; k++)
                put(&b, "[");
            put(&b, "*a");
            for (int k = 0; k < cases[i].open; k++)
                put(&b, "]");
        }
        parse_wrong(buf_text(&b), b.len, &e);
        if (cases[i].error)
            assert_string_equal(e.text, cases[i].error);
        else
            assert_non_null(strstr(e.text, "unknown key"));
        buf_fini(&b);
    }
}

static void too_many_bytes(void **state)
{
    (void)state;
    struct spec_error e;
    const char *start = "jobs:"; /* the length decides; no more is read */
    parse_wrong(start, (size_t)SPEC_MAX_BYTES + 8, &e);
    assert_string_equal(e.text,
                        "the job spec is larger than 256 MiB; large lists of "
                        "tasks are better written as a sweep");
}

/* What cannot begin with lines that say which error it is. */
static void other_encodings(void **state)
{
    (void)state;
    struct spec_error e;
    assert_int_equal(parse_wrong("\xff\xfej\0", 4, &e), 1);
    assert_string_equal(e.text, "the job spec is in UTF-16; save it as UTF-8");
    assert_int_equal(parse_wrong("\xfe\xff\0j", 4, &e), 1);
    assert_string_equal(e.text, "the job spec is in UTF-16; save it as UTF-8");
}

/* Each is a table of one row. */
static int row_get(void *arg, enum table_kind kind, const char *path,
                   const char **bytes, size_t *len, struct err *err)
{
    (void)arg;
    (void)kind;
    (void)path;
    (void)err;
    *bytes = "x\n1\n";
    *len = 4;
    return 0;
}

static void too_many_files(void **state)
{
    (void)state;
    enum { PARAMS = 5 };
    struct spec_files files = {.get = row_get};
    struct spec_errors errors;
    struct buf b;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n- task: {command_line: a}\n  sweep:\n");
    for (int i = 0; i <= SPEC_MAX_TABLES; i++)
        assert_int_equal(buf_printf(&b, "%s      p%d: {from: %d.csv}\n",
                                    i % PARAMS ? "" : "  - parameters:\n",
                                    i % PARAMS, i),
                         0);
    struct jobspec *spec =
        spec_parse(buf_text(&b), b.len, "stem", &files, &errors);
    assert_null(spec);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.list[0].text,
                        "the job spec names more than 1024 files and patterns");
    spec_errors_fini(&errors);
    buf_fini(&b);
}

/* An axis of count integers, by name. */
static void put_axis(struct buf *b, const char *name, int count)
{
    assert_int_equal(buf_printf(b, "        %s: [", name), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(buf_printf(b, "%s%d", i ? "," : "", i), 0);
    put(b, "]\n");
}

/* A grid is counted, not expanded: time and allocations are those of its
 * axes. */
static void grid_of_a_billion(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n  - sweep:\n      parameters:\n");
    put_axis(&b, "x", 1000);
    put_axis(&b, "y", 1000);
    put_axis(&b, "z", 1000);
    put(&b, "    task: {command_line: './a {x:04d} {y} {z}',"
            " id: '{x}-{y}-{z}'}\n");
    mem_fail_at(0);
    int64_t start_ns = clock_mono_ns();
    struct jobspec *spec = parse_right(buf_text(&b));
    int64_t taken_ns = clock_mono_ns() - start_ns;
    assert_true(taken_ns < NS_PER_SEC / 2);
    assert_true(jobspec_task_count(spec) == 1000000000);
    assert_true(arena_used_bytes(spec->arena) < 256 * 1024);
    jobspec_destroy(spec);
    buf_fini(&b);
}

/* A grid over the index space: an error, and nothing is allocated for it. */
static void grid_too_large(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n  - sweep:\n      parameters:\n");
    for (int i = 0; i < 32; i++) {
        char name[16];
        snprintf(name, sizeof(name), "p%d", i);
        put_axis(&b, name, 1000);
    }
    put(&b, "    task: {command_line: ./a}\n");
    assert_int_equal(parse_wrong(buf_text(&b), b.len, &e), 1);
    assert_string_equal(
        e.text,
        "the sweep has about 1e+96 points, and 1000000000 are the most it "
        "may have; see `max_tasks`");
    assert_int_equal(e.line, 3);
    buf_fini(&b);
}

/* A list of values as long as people have them. */
static void long_axis(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    struct buf b;
    buf_init(&b, 1 << 24);
    put(&b, "jobs:\n  - sweep:\n      parameters:\n");
    put_axis(&b, "x", COUNT);
    put(&b, "    task: {command_line: './a {x}', id: 'i{x}'}\n");
    struct jobspec *spec = parse_right(buf_text(&b));
    const struct taskset *set = &spec->jobs[0].tasks;
    assert_int_equal(set->count, COUNT);
    for (uint32_t i = 0; i < COUNT; i += 997) {
        struct value v;
        assert_int_equal(taskset_value(set, i, 0, NULL, &v, NULL), 0);
        assert_true(v.u.integer == i);
    }
    /* 24 bytes a value, and its text */
    assert_true(arena_used_bytes(spec->arena) < COUNT * 36);
    jobspec_destroy(spec);
    buf_fini(&b);
}

static void many_tasks(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct buf b;
    buf_init(&b, 1 << 24);
    put(&b, "jobs:\n  - task: {command_line: ./a}\n    tasks:\n");
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(buf_printf(&b, "      - {id: t%d}\n", i), 0);
    struct jobspec *spec = parse_right(buf_text(&b));
    assert_int_equal(spec->jobs[0].tasks.count, COUNT);
    assert_int_equal(job_find_task(&spec->jobs[0], "t19999"), 19999);
    jobspec_destroy(spec);
    buf_fini(&b);
}

/* A sweep of more than a million tasks with ids is checked by its diagonal. */
static void ids_of_large_sweeps(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    for (int wrong = 0; wrong < 2; wrong++) {
        buf_reset(&b);
        put(&b, "jobs:\n  - sweep:\n      parameters:\n");
        put_axis(&b, "x", 1500);
        put_axis(&b, "y", 1000);
        put(&b, wrong ? "        z: [a, b/c]\n" : "        z: [a, b]\n");
        put(&b, "    task: {command_line: ./a, id: '{x}-{y}-{z}'}\n");
        if (wrong) {
            parse_wrong(buf_text(&b), b.len, &e);
            assert_non_null(strstr(e.text, "b/c"));
        } else {
            jobspec_destroy(parse_right(buf_text(&b)));
        }
    }
    buf_fini(&b);
}

static void too_many_jobs(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n");
    for (int i = 0; i <= JOBSPEC_MAX_JOBS; i++)
        assert_int_equal(
            buf_printf(&b, "- {id: j%d, task: {command_line: a}}\n", i), 0);
    assert_int_equal(parse_wrong(buf_text(&b), b.len, &e), 1);
    assert_string_equal(e.text,
                        "`jobs` has 4097 elements; at most 4096 are allowed");
    buf_fini(&b);
}

/* Jobs of schedules count, too; those without an end share what is left. */
static void too_many_scheduled(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n");
    for (int i = 0; i < JOBSPEC_MAX_JOBS - 5; i++)
        assert_int_equal(
            buf_printf(&b, "- {id: j%d, task: {command_line: a}}\n", i), 0);
    put(&b, "job_schedules:\n");
    for (int i = 0; i < 6; i++) {
        assert_int_equal(
            buf_printf(&b,
                       "- {id: s%d, schedule: {recurrence_interval: 1h}, "
                       "job_specification: {task: {command_line: a}}}\n",
                       i),
            0);
        if (i == 1) { /* two of five each */
            struct jobspec *spec = parse_right(buf_text(&b));
            assert_int_equal(spec->job_count, JOBSPEC_MAX_JOBS - 1);
            assert_string_equal(spec->jobs[spec->job_count - 1].id, "s1-job-2");
            jobspec_destroy(spec);
        }
    }
    assert_int_equal(parse_wrong(buf_text(&b), b.len, &e), 1);
    assert_string_equal(
        e.text, "there are more than 4096 jobs with those of schedules");
    buf_fini(&b);
}

static void too_many_pools_packages(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "pools:\n");
    for (int pool = 0; pool < 2; pool++) {
        assert_int_equal(
            buf_printf(&b, "- id: p%d\n  application_packages:\n", pool), 0);
        for (int i = 0; i <= STORAGE_MAX_PACKAGES / 2; i++)
            assert_int_equal(buf_printf(&b,
                                        "  - {application_id: a%d-%d, version: "
                                        "'1', path: /a}\n",
                                        pool, i),
                             0);
    }
    put(&b, "jobs: [{pool_info: {pool_id: p0}, task: {command_line: a}}]\n");
    assert_int_equal(parse_wrong(buf_text(&b), b.len, &e), 1);
    assert_string_equal(e.text,
                        "the pools have more than 64 application packages");
    buf_fini(&b);
}

static void too_much_environment(void **state)
{
    (void)state;
    struct buf b;
    struct spec_error e;
    buf_init(&b, 1 << 20);
    put(&b, "jobs:\n- common_environment_settings:\n");
    for (int i = 0; i < JOBSPEC_MAX_ENV; i++)
        assert_int_equal(buf_printf(&b, "    V%d: 1\n", i), 0);
    put(&b, "  task: {command_line: a, environment_settings: {ONE: more}}\n");
    assert_int_equal(parse_wrong(buf_text(&b), b.len, &e), 1);
    assert_string_equal(e.text, "the task has more than 1024 environment "
                                "settings with those of the job");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(billion_laughs),
        cmocka_unit_test(merge_bomb),
        cmocka_unit_test(depth),
        cmocka_unit_test(too_many_bytes),
        cmocka_unit_test(other_encodings),
        cmocka_unit_test(too_many_files),
        cmocka_unit_test(grid_of_a_billion),
        cmocka_unit_test(grid_too_large),
        cmocka_unit_test(long_axis),
        cmocka_unit_test(many_tasks),
        cmocka_unit_test(ids_of_large_sweeps),
        cmocka_unit_test(too_many_jobs),
        cmocka_unit_test(too_many_scheduled),
        cmocka_unit_test(too_many_pools_packages),
        cmocka_unit_test(too_much_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
