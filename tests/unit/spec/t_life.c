/* Pools, resources, special tasks, what jobs do, schedules: from YAML to the
 * model. */
#include "config.h"
#include "spec_test.h"

#include "base/quantity.h"

#define GIB (UINT64_C(1) << 30)

static const char whole[] =
    "pools:\n"
    "  - id: big\n"
    "    display_name: Many GPUs\n"
    "    metadata: [{name: a, value: b}, {name: c, value: ''}]\n"
    "    nodes: {count: 3, name: 'gpu*', min_cores: 8, min_memory: 1GiB,\n"
    "            min_gpus: 2}\n"
    "    target_dedicated_nodes: 2\n"
    "    resize_timeout: 90s\n"
    "    task_scheduling_policy: {node_fill_type: pack}\n"
    "    node_resources: {gpus: 4, ssd: 2.5, memory: 64GiB}\n"
    "    pool_resources: {licences: 5}\n"
    "    start_task:\n"
    "      command_line: [warm, up]\n"
    "      environment_settings: {A: b}\n"
    "      max_task_retry_count: 3\n"
    "      constraints: {max_wall_clock_time: 1m}\n"
    "      wait_for_success: false\n"
    "    application_packages:\n"
    "      - {application_id: x, version: '1', path: /x}\n"
    "    application_package_references: [{application_id: x}]\n"
    "  - id: rest\n"
    "    target_dedicated_nodes: 7\n"
    "    application_packages:\n"
    "      - {application_id: y, version: '1', path: /y}\n"
    "    start_task: {command_line: './a', working_dir: tools}\n"
    "jobs:\n"
    "  - id: a\n"
    "    display_name: The first\n"
    "    metadata: {k: v}\n"
    "    pool_info: {pool_id: BIG}\n"
    "    max_parallel_tasks: 7\n"
    "    on_task_failure: perform_exit_options_job_action\n"
    "    stop_when: {failed: 2.5%, after: 20}\n"
    "    constraints: {max_task_retry_count: 4}\n"
    "    common_environment_settings: {X: '{T}', Y: 1}\n"
    "    job_preparation_task:\n"
    "      command_line: prepare\n"
    "      constraints: {max_task_retry_count: 2}\n"
    "    job_release_task: {id: last, command_line: release}\n"
    "    job_manager_task: {command_line: manage, required_slots: 2}\n"
    "    sweep: {parameters: {T: [1, 2]}}\n"
    "    task:\n"
    "      command_line: run {T}\n"
    "      required_resources: {licences: 1, gpus: 0.25, memory: 4GiB,\n"
    "                           cores: 2}\n"
    "  - id: b\n"
    "    pool_info: {pool_id: rest}\n"
    "    on_all_tasks_complete: no_action\n"
    "    uses_task_dependencies: true\n"
    "    stop_when: {failed: 3}\n"
    "    task: {command_line: later, required_slots: 3}\n"
    "    tasks: []\n"
    "job_schedules:\n"
    "  - id: s\n"
    "    display_name: Again\n"
    "    schedule: {do_not_run_until: 1m, recurrence_interval: 10m,\n"
    "               do_not_run_after: 31m, start_window: 5s}\n"
    "    job_specification:\n"
    "      pool_info: {pool_id: rest}\n"
    "      task: {command_line: check}\n"
    "  - id: t\n"
    "    schedule: {do_not_run_until: '2027-01-31T18:30:05+01:30'}\n"
    "    job_specification:\n"
    "      pool_info: {pool_id: rest}\n"
    "      task: {command_line: check}\n";

static uint64_t units_of(const struct jobspec *spec, const struct amount *a,
                         uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(spec->resources[a[i].resource].name, name) == 0)
            return a[i].units;
    return 0;
}

static void pools_are_read(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(whole);
    assert_int_equal(spec->pool_count, 2);
    const struct pool *p = &spec->pools[0], *q = &spec->pools[1];
    assert_string_equal(p->id, "big");
    assert_string_equal(p->display_name, "Many GPUs");
    assert_int_equal(p->metadata.count, 2);
    assert_string_equal(p->metadata.items[0].value, "b");
    assert_string_equal(p->metadata.items[1].name, "c");
    assert_int_equal(p->select.nodes, 3);
    assert_string_equal(p->select.name, "gpu*");
    assert_int_equal(p->select.min_cores, 8);
    assert_true(p->select.min_memory_bytes == GIB);
    assert_int_equal(p->select.min_gpus, 2);
    assert_int_equal(p->target_dedicated_nodes, 2);
    assert_true(p->resize_timeout_ns == 90 * NS_PER_SEC);
    assert_int_equal(p->node_fill_type, NODE_FILL_PACK);
    assert_int_equal(p->node_resource_count, 3);
    assert_true(units_of(spec, p->node_resources, 3, "gpus") == 4000);
    assert_true(units_of(spec, p->node_resources, 3, "ssd") == 2500);
    assert_true(units_of(spec, p->node_resources, 3, "memory") == 64 * GIB);
    assert_int_equal(p->pool_resource_count, 1);
    assert_true(units_of(spec, p->pool_resources, 1, "licences") == 5000);
    /* of several, each takes no more than it needs */
    assert_int_equal(q->target_dedicated_nodes, 7);
    assert_int_equal(q->select.nodes, 7);
    assert_true(q->resize_timeout_ns == 900 * NS_PER_SEC);
    assert_int_equal(q->node_fill_type, NODE_FILL_SPREAD);
    /* packages are one list, references each pool's own */
    assert_ptr_equal(p->packages, q->packages);
    assert_int_equal(p->package_count, 2);
    assert_int_equal(q->package_count, 2);
    assert_int_equal(p->package_ref_count, 1);
    assert_int_equal(q->package_ref_count, 0);
    assert_int_equal(spec->jobs[0].templates[0].package_ref_count, 1);
    assert_int_equal(spec->jobs[1].base->package_ref_count, 0);
    jobspec_destroy(spec);
}

static void specials_are_read(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(whole);
    const struct special_task *s = spec->pools[0].start_task;
    assert_string_equal(s->id, "starttask");
    assert_int_equal(s->task.command.word_count, 2);
    assert_int_equal(s->task.env_count, 1);
    assert_int_equal(s->task.constraints.max_task_retry_count, 3);
    assert_true(s->task.constraints.max_wall_clock_ns == 60 * NS_PER_SEC);
    assert_false(s->wait_for_success);
    assert_true(s->task.own_directory);
    s = spec->pools[1].start_task;
    assert_true(s->wait_for_success);
    assert_false(s->task.own_directory); /* it has a working_dir */
    assert_int_equal(s->task.constraints.max_task_retry_count, 0);
    const struct job *job = &spec->jobs[0];
    assert_string_equal(job->preparation->id, "jobpreparation");
    assert_true(job->preparation->wait_for_success);
    assert_int_equal(job->preparation->task.constraints.max_task_retry_count,
                     2);
    /* what the job gives to all and does not depend on parameters */
    assert_int_equal(job->preparation->task.env_count, 1);
    assert_string_equal(job->preparation->task.env[0].name, "Y");
    assert_int_equal(job->templates[0].env_count, 2);
    assert_string_equal(job->release->id, "last");
    assert_true(job->release->task.constraints.max_wall_clock_ns ==
                900 * NS_PER_SEC);
    assert_int_equal(job->release->task.constraints.max_task_retry_count, 0);
    assert_string_equal(job->manager->id, "jobmanager");
    assert_true(job->manager->kill_job_on_completion);
    assert_true(job->manager->run_exclusive);
    assert_false(job->manager->task.own_directory);
    assert_int_equal(job->manager->task.constraints.max_task_retry_count, 4);
    struct request r = jobspec_request(spec, 0, INDEX_JOB_MANAGER);
    assert_int_equal(r.slots, 2);
    assert_true(r.exclusive);
    r = jobspec_request(spec, 0, INDEX_JOB_PREPARATION);
    assert_true(request_is_plain(&r));
    jobspec_destroy(spec);
}

static void jobs_are_read(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(whole);
    const struct job *a = &spec->jobs[0], *b = &spec->jobs[1];
    assert_string_equal(a->display_name, "The first");
    assert_string_equal(a->metadata.items[0].value, "v");
    assert_int_equal(a->pool, 0); /* upper or lower case */
    assert_int_equal(b->pool, 1);
    assert_int_equal(a->max_parallel_tasks, 7);
    assert_int_equal(b->max_parallel_tasks, 0);
    assert_int_equal(a->on_all_tasks_complete, ALL_COMPLETE_TERMINATE);
    assert_int_equal(b->on_all_tasks_complete, ALL_COMPLETE_NO_ACTION);
    assert_int_equal(a->on_task_failure, TASK_FAILURE_JOB_ACTION);
    assert_int_equal(b->on_task_failure, TASK_FAILURE_NO_ACTION);
    assert_int_equal(a->stop_when.failed, 0);
    assert_true(a->stop_when.share == 0.025);
    assert_int_equal(a->stop_when.after, 20);
    assert_int_equal(b->stop_when.failed, 3);
    assert_int_equal(b->tasks.count, 0);
    assert_int_equal(b->base->required_slots, 3);
    struct request r = jobspec_request(spec, 0, 1);
    assert_int_equal(r.slots, 2); /* cores */
    assert_int_equal(r.instances, 1);
    assert_false(r.exclusive);
    assert_int_equal(r.amount_count, 3);
    assert_true(units_of(spec, r.amounts, 3, "gpus") == 250);
    assert_true(units_of(spec, r.amounts, 3, "memory") == 4 * GIB);
    assert_true(units_of(spec, r.amounts, 3, "licences") == 1000);
    for (uint32_t i = 1; i < r.amount_count; i++)
        assert_true(r.amounts[i].resource > r.amounts[i - 1].resource);
    jobspec_destroy(spec);
}

static void schedules_are_read(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(whole);
    assert_int_equal(spec->schedule_count, 2);
    assert_int_equal(spec->job_count, 2 + 4 + 1);
    const struct job_schedule *s = &spec->schedules[0],
                              *t = &spec->schedules[1];
    assert_int_equal(s->first_job, 2);
    assert_int_equal(s->job_count, 4); /* after 1, 11, 21 and 31 min */
    assert_true(s->not_before.from_start && s->not_after.from_start);
    assert_true(s->not_before.ns == 60 * NS_PER_SEC);
    assert_true(s->not_after.ns == 31 * 60 * NS_PER_SEC);
    assert_true(s->window_ns == 5 * NS_PER_SEC);
    assert_true(s->interval_ns == 600 * NS_PER_SEC);
    assert_string_equal(spec->jobs[2].id, "s-job-1");
    assert_string_equal(spec->jobs[5].id, "s-job-4");
    for (uint32_t j = 2; j < 6; j++) {
        assert_int_equal(spec->jobs[j].schedule, 1);
        assert_string_equal(spec->jobs[j].display_name, "Again");
        assert_ptr_equal(spec->jobs[j].templates, spec->jobs[2].templates);
        assert_int_equal(jobspec_is_copy(spec, j), j > 2);
    }
    assert_int_equal(t->first_job, 6);
    assert_int_equal(t->job_count, 1);
    assert_false(t->not_before.from_start);
    assert_true(t->not_before.ns == INT64_C(1801414805) * NS_PER_SEC);
    assert_true(t->not_after.ns == INT64_MAX);
    assert_true(t->window_ns == INT64_MAX);
    assert_int_equal(t->interval_ns, 0);
    assert_false(jobspec_is_copy(spec, 0));
    jobspec_destroy(spec);
}

/* A day, a minute, a second; in UTC or not. */
static void times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* 0: wrong */
    } times[] = {
        {"2027-01-31", 1801353600},
        {"2027-01-31T00:00", 1801353600},
        {"2027-01-31 00:00:01", 1801353601},
        {"2027-01-31T00:00:01.75Z", 1801353601},
        {"2027-01-31T02:00:00+02:00", 1801353600},
        {"2027-01-30T22:00:00-02:00", 1801353600},
        {"1970-01-02", 86400},
        {"2000-02-29", 951782400},
        {"2100-02-28T23:59:59Z", 4107542399},
        {"2100-02-29", 0},
        {"2027-13-01", 0},
        {"2027-00-01", 0},
        {"2027-01-32", 0},
        {"2027-1-1", 0},
        {"2027-01-31T24:00", 0},
        {"2027-01-31T10:60", 0},
        {"2027-01-31T10", 0},
        {"2027-01-31T10:00:00+2", 0},
        {"2027-01-31T10:00:00 MET", 0},
        {"1969-12-31", 0},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char text[300];
        struct spec_error e;
        snprintf(text, sizeof(text),
                 "job_schedules:\n"
                 "  - id: s\n"
                 "    schedule: {do_not_run_until: '%s'}\n"
                 "    job_specification: {task: {command_line: a}}\n",
                 times[i].text);
        if (times[i].seconds == 0) {
            assert_int_equal(parse_wrong(text, strlen(text), &e), 1);
            assert_int_equal(e.line, 3);
            continue;
        }
        struct jobspec *spec = parse_right(text);
        assert_true(spec->schedules[0].not_before.ns ==
                    times[i].seconds * NS_PER_SEC);
        jobspec_destroy(spec);
    }
}

/* How many jobs of a schedule can come. */
static void occurrences_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        uint32_t jobs;
    } cases[] = {
        {"{}", 1},
        {"{do_not_run_after: 1h}", 1},
        {"{recurrence_interval: 1s}", 1000},
        {"{recurrence_interval: 1s, do_not_run_after: 10s}", 11},
        {"{recurrence_interval: 3s, do_not_run_after: 10s}", 4},
        {"{recurrence_interval: 1s, do_not_run_after: 1h}", 1000},
        {"{recurrence_interval: 1h, do_not_run_until: 2027-01-31, "
         "do_not_run_after: 2027-02-01}",
         25},
        /* it is not known how far apart they are */
        {"{recurrence_interval: 1h, do_not_run_after: 2027-02-01}", 1000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "job_schedules:\n"
                 "  - id: s\n"
                 "    schedule: %s\n"
                 "    job_specification: {task: {command_line: a}}\n",
                 cases[i].schedule);
        struct jobspec *spec = parse_right(text);
        assert_int_equal(spec->job_count, cases[i].jobs);
        jobspec_destroy(spec);
    }
}

/* What listed tasks inherit and change; equal requests are one. */
static void requirements_are_inherited(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(
        "pool: {node_resources: {ssd: 4}}\n"
        "jobs:\n"
        "  - task:\n"
        "      command_line: a\n"
        "      required_resources: {memory: 1GiB, ssd: 1}\n"
        "    tasks:\n"
        "      - {}\n"
        "      - {required_resources: {memory: 2GiB}}\n"
        "      - {required_resources: {ssd: 0}}\n"
        "      - {required_resources: {memory: 0, ssd: 0}}\n"
        "      - {required_resources: {gpus: 2}, required_slots: 2}\n"
        "      - {required_resources: {ssd: 1, memory: 1024MiB}}\n"
        "      - {required_resources: {cores: 1, memory: 0, ssd: 0}}\n");
    struct request r[7];
    for (uint32_t i = 0; i < 7; i++)
        r[i] = jobspec_request(spec, 0, i);
    const struct job *job = &spec->jobs[0];
    assert_int_equal(r[0].amount_count, 2);
    assert_true(units_of(spec, r[0].amounts, 2, "ssd") == 1000);
    assert_true(units_of(spec, r[1].amounts, 2, "memory") == 2 * GIB);
    assert_int_equal(r[2].amount_count, 1);
    assert_true(units_of(spec, r[2].amounts, 1, "memory") == GIB);
    assert_true(request_is_plain(&r[3]));
    assert_int_equal(r[4].amount_count, 3);
    assert_int_equal(r[4].slots, 2);
    assert_int_equal(job->templates[5].request, job->templates[0].request);
    assert_int_equal(job->templates[6].request, job->templates[3].request);
    assert_int_equal(spec->request_count, 5);
    jobspec_destroy(spec);
}

/* Requests that differ a thousandfold are found again. */
static void many_requests(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(buf_puts(&b, "jobs:\n  - tasks:\n"), 0);
    for (int i = 0; i < 2 * COUNT; i++)
        assert_int_equal(
            buf_printf(&b,
                       "    - {command_line: a, required_resources: {memory: "
                       "%dMiB}}\n",
                       1 + i % COUNT),
            0);
    struct jobspec *spec = parse_right(buf_text(&b));
    const struct job *job = &spec->jobs[0];
    assert_true(spec->request_count <= COUNT + 1); /* and that of `task` */
    for (uint32_t i = 0; i < 2 * COUNT; i++) {
        struct request r = jobspec_request(spec, 0, i);
        assert_true(r.amounts[0].units == (uint64_t)(1 + i % COUNT) << 20);
        assert_int_equal(job->templates[i].request,
                         job->templates[i % COUNT].request);
    }
    jobspec_destroy(spec);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_read),
        cmocka_unit_test(specials_are_read),
        cmocka_unit_test(jobs_are_read),
        cmocka_unit_test(schedules_are_read),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(occurrences_are_counted),
        cmocka_unit_test(requirements_are_inherited),
        cmocka_unit_test(many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
