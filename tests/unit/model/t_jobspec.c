/* Job specs: ids of tasks and back, jobs by id, sums. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/jobspec.h"
#include "sweeps.h"

static struct arena *arena;

static int arena_setup(void **state)
{
    (void)state;
    arena = arena_create(1 << 20);
    return arena ? 0 : -1;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* A sweep over x = 0 .. 1999 and word = a, b c, whose ids come from text. */
static void sweep_init(struct job *job, struct task_template *t, const char *id)
{
    static struct value values[2000], words[2];
    static char digits[2000][12];
    struct swept params[2];
    struct err err;
    size_t at;
    for (int i = 0; i < 2000; i++) {
        snprintf(digits[i], sizeof(digits[i]), "%d", i);
        value_resolve(&values[i], digits[i]);
    }
    value_string(&words[0], "a");
    value_string(&words[1], "b c");
    params[0] = (struct swept){.name = "x", .values = values, .count = 2000};
    params[1] = (struct swept){.name = "word", .values = words, .count = 2};
    *job = (struct job){.id = "scan", .templates = t};
    *t = (struct task_template){.required_slots = 2};
    assert_int_equal(swept_init(&job->tasks, arena, true, params, 2, &err), 0);
    if (id) {
        t->id = template_compile(arena, id, &job->tasks, NULL, TEMPLATE_TASK,
                                 &at, &err);
        assert_non_null(t->id);
    }
}

static void ids_are_indices_by_default(void **state)
{
    static const struct {
        const char *id;
        int64_t index;
    } table[] = {{"0", 0},           {"7", 7},
                 {"3999", 3999},     {"4000", -1},
                 {"", -1},           {"00", -1},
                 {"07", -1},         {"-1", -1},
                 {"+1", -1},         {" 1", -1},
                 {"1 ", -1},         {"1x", -1},
                 {"0x1", -1},        {"x", -1},
                 {"4294967296", -1}, {"18446744073709551616", -1}};
    struct task_template t;
    struct job job;
    char id[JOBSPEC_MAX_ID + 1];
    (void)state;
    sweep_init(&job, &t, NULL);
    assert_int_equal(job_task_id(&job, 3999, id, NULL), 0);
    assert_string_equal(id, "3999");
    job.tasks.count = TASKSET_MAX_COUNT;
    assert_int_equal(job_task_id(&job, TASKSET_MAX_COUNT - 1, id, NULL), 0);
    assert_string_equal(id, "4294967279");
    assert_int_equal(job_find_task(&job, id), 4294967279);
    job.tasks.count = 4000;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (job_find_task(&job, table[i].id) != table[i].index)
            fail_msg("\"%s\": %jd", table[i].id,
                     (intmax_t)job_find_task(&job, table[i].id));
}

static void ids_come_from_templates(void **state)
{
    struct task_template t;
    struct job job;
    char id[JOBSPEC_MAX_ID + 1] = "old";
    struct err err = {0};
    (void)state;
    sweep_init(&job, &t, "x{x:04d}-{task.index}_{job.id}");
    assert_int_equal(job_task_id(&job, 25, id, &err), 0);
    assert_string_equal(id, "x0012-25_scan");
    assert_int_equal(job_find_task(&job, "x0012-25_scan"), 25);
    assert_int_equal(job_find_task(&job, "25"), -1);
    assert_int_equal(job_find_task(&job, ""), -1);

    sweep_init(&job, &t, "{word}"); /* "b c" is no id */
    assert_int_equal(job_task_id(&job, 0, id, &err), 0);
    strcpy(id, "old");
    assert_int_equal(job_task_id(&job, 1, id, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_non_null(strstr(err.text, "\"b c\""));
    assert_string_equal(id, "old");
    assert_int_equal(job_find_task(&job, "a"), 0);
    assert_int_equal(job_find_task(&job, "b c"), -1);

    sweep_init(&job, &t, "{x:064d}");
    assert_int_equal(job_task_id(&job, 5, id, &err), 0);
    assert_int_equal(strlen(id), JOBSPEC_MAX_ID);
    assert_int_equal(job_find_task(&job, id), 4);
    sweep_init(&job, &t, "{x:065d}");
    assert_int_equal(job_task_id(&job, 5, id, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    sweep_init(&job, &t, "{x:01000d}{x:01000d}{x:01000d}{x:01000d}{x:01000d}");
    assert_int_equal(job_task_id(&job, 5, id, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);

    sweep_init(&job, &t, "t{x}");
    mem_fail_at(1);
    assert_int_equal(job_task_id(&job, 5, id, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
}

static void listed_tasks_have_templates_each(void **state)
{
    struct task_template t[3] = {
        {.required_slots = 1}, {.required_slots = 9}, {.required_slots = 4}};
    struct job jobs[2] = {{.id = "list", .templates = t}};
    struct jobspec spec = {.jobs = jobs, .job_count = 1};
    char id[JOBSPEC_MAX_ID + 1];
    struct task_template sweep;
    struct err err;
    size_t at;
    (void)state;
    taskset_init_listed(&jobs[0].tasks, 3);
    t[1].id =
        template_compile(arena, "second", &jobs[0].tasks, NULL, 0, &at, &err);
    assert_non_null(t[1].id);
    for (uint32_t i = 0; i < 3; i++)
        assert_ptr_equal(job_template(&jobs[0], i), &t[i]);
    assert_int_equal(job_task_id(&jobs[0], 1, id, &err), 0);
    assert_string_equal(id, "second");
    assert_int_equal(job_task_id(&jobs[0], 2, id, &err), 0);
    assert_string_equal(id, "2");
    assert_int_equal(job_find_task(&jobs[0], "second"), 1);
    assert_int_equal(job_find_task(&jobs[0], "0"), 0);
    assert_int_equal(job_find_task(&jobs[0], "1"), -1);
    assert_int_equal(jobspec_max_required_slots(&spec), 9);
    assert_int_equal(jobspec_task_count(&spec), 3);

    sweep_init(&jobs[1], &sweep, NULL);
    sweep.required_slots = 12;
    spec.job_count = 2;
    assert_ptr_equal(job_template(&jobs[1], 77), &sweep);
    assert_int_equal(jobspec_max_required_slots(&spec), 12);
    assert_int_equal(jobspec_task_count(&spec), 4003);
    jobs[0].tasks.count = jobs[1].tasks.count = TASKSET_MAX_COUNT;
    assert_int_equal(jobspec_task_count(&spec),
                     2 * (uint64_t)TASKSET_MAX_COUNT);
    assert_int_equal(jobspec_find_job(&spec, "list"), 0);
    assert_int_equal(jobspec_find_job(&spec, "scan"), 1);
    assert_int_equal(jobspec_find_job(&spec, "sca"), -1);
    assert_int_equal(jobspec_find_job(&spec, ""), -1);
}

static void ids_are_azures(void **state)
{
    char longest[JOBSPEC_MAX_ID + 2];
    (void)state;
    assert_true(id_is_valid("a"));
    assert_true(id_is_valid("-"));
    assert_true(id_is_valid("Az_09-"));
    assert_false(id_is_valid(""));
    assert_false(id_is_valid("a b"));
    assert_false(id_is_valid("a/b"));
    assert_false(id_is_valid("a.b"));
    assert_false(id_is_valid("\xc3\xa9"));
    assert_false(id_is_valid("a\n"));
    memset(longest, 'i', sizeof(longest));
    longest[JOBSPEC_MAX_ID + 1] = '\0';
    assert_false(id_is_valid(longest));
    longest[JOBSPEC_MAX_ID] = '\0';
    assert_true(id_is_valid(longest));
}

static void specs_go_with_their_arena(void **state)
{
    struct arena *own = arena_create(1 << 16);
    (void)state;
    assert_non_null(own);
    struct jobspec *spec = arena_calloc(own, 1, sizeof(*spec));
    assert_non_null(spec);
    spec->arena = own;
    jobspec_destroy(spec);
    jobspec_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_indices_by_default),
        cmocka_unit_test(ids_come_from_templates),
        cmocka_unit_test(listed_tasks_have_templates_each),
        cmocka_unit_test(ids_are_azures),
        cmocka_unit_test(specs_go_with_their_arena),
    };
    return cmocka_run_group_tests_name("jobspec", tests, arena_setup,
                                       arena_teardown);
}
