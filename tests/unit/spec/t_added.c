/* Tasks that are added to a job: all or none of them; how they are found, what
 * they inherit and wait for. */
#include "config.h"
#include "spec_test.h"

#include "base/mem.h"

static const char small[] =
    "jobs:\n"
    "- id: list\n"
    "  on_all_tasks_complete: no_action\n"
    "  depends_on: {job: other}\n"
    "  task: {command_line: ./solve, constraints: {max_task_retry_count: 2}}\n"
    "  tasks: [{id: a}, {id: b, depends_on: [a]}]\n"
    "- {id: other, task: {command_line: ./prepare}}\n"
    "- id: swept\n"
    "  sweep: {parameters: {T: [1, 2]}}\n"
    "  task: {command_line: ./a}\n"
    "- {id: empty, on_all_tasks_complete: no_action, tasks: []}\n"
    "- id: managed\n"
    "  job_manager_task: {id: boss, command_line: ./boss}\n"
    "  task: {command_line: ./m, depends_on: {job: other}}\n"
    "  tasks: []\n";

enum { LIST, OTHER, SWEPT, EMPTY, MANAGED };

/* Add what is right; the first new index is checked. */
static uint32_t add(struct jobspec *spec, uint32_t job, const char *text)
{
    struct spec_errors errors;
    uint32_t first = 99, count = 0, before = spec->jobs[job].tasks.count;
    int rc = spec_add_tasks(spec, job, text, strlen(text), NULL, &first, &count,
                            &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%u:%u: %s\n", errors.list[i].line, errors.list[i].column,
                    errors.list[i].text);
    spec_errors_fini(&errors);
    assert_int_equal(rc, 0);
    assert_int_equal(first, before);
    assert_int_equal(spec->jobs[job].tasks.count, before + count);
    return count;
}

/* Add what is wrong; the errors as one text. Nothing has changed. */
static void refuse(struct jobspec *spec, uint32_t job, const char *text,
                   const char *expected)
{
    struct spec_errors errors;
    struct jobspec before = *spec;
    struct job jobs[5];
    uint32_t first = 7, count = 8;
    struct buf got;
    memcpy(jobs, spec->jobs, sizeof(jobs));
    assert_int_equal(spec_add_tasks(spec, job, text, strlen(text), NULL, &first,
                                    &count, &errors),
                     -1);
    buf_init(&got, 1 << 16);
    for (size_t i = 0; i < errors.count; i++)
        buf_printf(&got, "%u:%u: %s\n", errors.list[i].line,
                   errors.list[i].column, errors.list[i].text);
    spec_errors_fini(&errors);
    assert_string_equal(buf_text(&got), expected);
    buf_fini(&got);
    assert_memory_equal(&before, spec, sizeof(before));
    assert_memory_equal(jobs, spec->jobs, sizeof(jobs));
    assert_int_equal(first, 7);
    assert_int_equal(count, 8);
}

static bool put_parent(void *arg, const struct depend_rule *rule,
                       uint32_t first, uint32_t count)
{
    buf_printf(arg, "%u:%u+%u ", rule->parent_job, first, count);
    return true;
}

static void waits_for(const struct jobspec *spec, uint32_t job, uint32_t index,
                      const char *expected)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    bool any = depend_visit(spec, job, index, put_parent, &got);
    assert_string_equal(buf_text(&got), expected);
    assert_int_equal(any, expected[0] != '\0');
    buf_fini(&got);
}

static void added(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(small);
    const struct job *list = &spec->jobs[LIST];
    char id[JOBSPEC_MAX_ID + 1];
    waits_for(spec, LIST, 1, "1:0+1 0:0+1 ");
    assert_int_equal(
        add(spec, LIST,
            "- {id: c, depends_on: [b, d]}\n"
            "- {id: d, command_line: [./other, '{task.index}']}\n"
            "- {id: e, required_slots: 3, depends_on: {job: swept}}\n"),
        3);
    assert_int_equal(add(spec, LIST, "tasks: [{id: '07', depends_on: [e]}]"),
                     1);
    assert_int_equal(spec->fragment_count, 2);
    assert_int_equal(job_find_task(list, "d"), 3);
    assert_int_equal(job_find_task(list, "07"), 5);
    assert_int_equal(job_find_task(list, "7"), -1);
    assert_int_equal(job_task_id(list, 4, id, NULL), 0);
    assert_string_equal(id, "e");
    assert_int_equal(job_template(list, 2)->constraints.max_task_retry_count,
                     2);
    assert_int_equal(jobspec_request(spec, LIST, 4).slots, 3);
    assert_int_equal(jobspec_request(spec, LIST, 5).slots, 1);
    assert_int_equal(jobspec_max_required_slots(spec), 3);
    waits_for(spec, LIST, 0, "1:0+1 ");
    waits_for(spec, LIST, 1, "1:0+1 0:0+1 ");
    waits_for(spec, LIST, 2, "1:0+1 0:1+1 0:3+1 ");
    waits_for(spec, LIST, 3, "1:0+1 ");
    waits_for(spec, LIST, 4, "1:0+1 2:0+2 ");
    waits_for(spec, LIST, 5, "0:4+1 1:0+1 ");
    assert_int_equal(add(spec, MANAGED, "[{}, {depends_on: []}]"), 2);
    waits_for(spec, MANAGED, 0, "1:0+1 ");
    waits_for(spec, MANAGED, 1, "");
    assert_int_equal(add(spec, EMPTY, "[{command_line: ./a}]"), 1);
    assert_int_equal(job_find_task(&spec->jobs[EMPTY], "0"), 0);
    jobspec_destroy(spec);
}

static void refused(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(small);
    add(spec, LIST, "[{id: c}]");
    refuse(spec, LIST, "[{id: d}, {id: a}, {id: d}, {id: c}]",
           "1:16: job \"list\" has a task \"a\" already\n"
           "1:25: the task in line 1 has the id \"d\" already\n"
           "1:34: job \"list\" has a task \"c\" already\n");
    refuse(spec, LIST, "[{id: d, depends_on: [e]}, {id: e, depends_on: [d]}]",
           "1:22: these tasks wait for each other: d -> e -> d\n");
    refuse(spec, LIST, "[{id: d, depends_on: [d]}]",
           "1:22: the task waits for itself: d -> d\n");
    refuse(spec, LIST, "[{id: d}, {id: e, depends_on: [f, {job: lst}]}]",
           "1:32: job \"list\" has no task \"f\"\n"
           "1:41: there is no job \"lst\"; did you mean \"list\"?\n");
    refuse(spec, LIST, "[{id: d x, comand_line: ./a}, 7]",
           "1:12: unknown key `comand_line` in a task; did you mean "
           "`command_line`?\n"
           "1:31: a task must be a mapping (`id`, `command_line`, "
           "`environment_settings`, `constraints`, ...), not 7\n");
    refuse(spec, LIST, "[{id: d x}]",
           "1:7: task id \"d x\": ids are made of letters, digits, - and _\n");
    refuse(spec, LIST, "[{id: d, required_slots: 0}]",
           "1:26: `required_slots` must be an integer from 1 to 1024, not 0\n");
    refuse(spec, LIST, "{tasks: [{id: d}], pool: {}}",
           "1:20: unknown key `pool`; tasks that are added are a list of "
           "tasks, or {tasks: [...]}\n");
    refuse(spec, LIST, "[]", "1:1: there are no tasks to add\n");
    refuse(spec, LIST, "solve",
           "1:1: tasks that are added are a list of tasks, such as "
           "[{command_line: ./solve}]\n");
    refuse(spec, LIST, "[{", "2:1: there should be a value here\n");
    refuse(spec, EMPTY, "[{id: a}]",
           "1:2: a task needs `command_line`, such as command_line: "
           "./solve\n");
    refuse(spec, MANAGED, "[{id: boss}]",
           "1:7: job \"managed\" has a task \"boss\" already\n");
    refuse(spec, SWEPT, "[{command_line: ./a}]",
           "0:0: tasks cannot be added to job \"swept\": it is a sweep; only "
           "jobs with a list of tasks grow, which may be empty: `tasks: []`\n");
    assert_int_equal(spec->fragment_count, 1);
    jobspec_destroy(spec);
}

/* A hundred thousand, then one by one; all of them are found. */
static void many(void **state)
{
    (void)state;
    enum { MANY = 100000, MORE = 300 };
    struct jobspec *spec = parse_right(small);
    const struct job *job = &spec->jobs[EMPTY];
    struct buf text;
    char id[JOBSPEC_MAX_ID + 1], one[128];
    buf_init(&text, 16 << 20);
    for (int i = 0; i < MANY; i++)
        if (i == 0)
            buf_printf(&text, "- {id: t0, command_line: ./a}\n");
        else
            buf_printf(&text,
                       "- {id: t%d, command_line: ./a, depends_on: [t%d]}\n", i,
                       i - 1);
    assert_int_equal(add(spec, EMPTY, buf_text(&text)), MANY);
    buf_fini(&text);
    for (int i = MANY; i < MANY + MORE; i++) {
        snprintf(one, sizeof(one),
                 "[{id: t%d, command_line: ./b, depends_on: [t%d]}]", i, i / 2);
        assert_int_equal(add(spec, EMPTY, one), 1);
    }
    for (uint32_t i = 0; i < job->tasks.count; i++) {
        snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(job_find_task(job, id), i);
    }
    assert_int_equal(job_find_task(job, "t100300"), -1);
    waits_for(spec, EMPTY, 0, "");
    waits_for(spec, EMPTY, 99999, "3:99998+1 ");
    waits_for(spec, EMPTY, 100299, "3:50149+1 ");
    snprintf(one, sizeof(one), "[{id: t5, command_line: ./b}]");
    struct spec_errors errors;
    uint32_t first, count;
    assert_int_equal(spec_add_tasks(spec, EMPTY, one, strlen(one), NULL, &first,
                                    &count, &errors),
                     -1);
    assert_string_equal(errors.list[0].text,
                        "job \"empty\" has a task \"t5\" already");
    spec_errors_fini(&errors);
    jobspec_destroy(spec);
}

/* Each allocation fails once: the spec is as it was, and takes the tasks
 * afterwards. */
static void allocation_failures(void **state)
{
    (void)state;
    static const char text[] =
        "[{id: c, depends_on: [b]}, {id: d, depends_on: [c], required_slots: "
        "2, success: {files: [a], stdout_regex: b}}]";
    unsigned long n = 1;
    int rc = -1;
    for (; rc < 0; n++) {
        struct jobspec *spec = parse_right(small);
        struct jobspec before = *spec;
        struct spec_errors errors = {0};
        uint32_t first, count;
        mem_fail_at(n);
        rc = spec_add_tasks(spec, LIST, text, strlen(text), NULL, &first,
                            &count, &errors);
        mem_fail_at(0);
        if (rc < 0) {
            assert_memory_equal(&before, spec, sizeof(before));
            assert_int_equal(spec->jobs[LIST].tasks.count, 2);
            assert_int_equal(add(spec, LIST, text), 2);
        }
        spec_errors_fini(&errors);
        jobspec_destroy(spec);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added),
        cmocka_unit_test(refused),
        cmocka_unit_test(many),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
