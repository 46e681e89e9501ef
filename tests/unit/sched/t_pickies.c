/* Tasks with needs of their own: backoff, another node, escalated limits,
 * checkpoints; and job managers. */
#include "config.h"

#include "specs.h"

#include <string.h>

#define S NS_PER_SEC

static struct sched_action next_is(struct sched *s, int64_t now,
                                   enum sched_action_kind kind)
{
    struct sched_action a = {0};
    assert_true(sched_next(s, now, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static void nothing(struct sched *s, int64_t now)
{
    struct sched_action a;
    assert_false(sched_next(s, now, &a));
}

/* The next one that is given something, at that time; nothing else comes. */
static struct sched_action next_gives(struct sched *s, int64_t now,
                                      uint32_t index, uint32_t attempt)
{
    struct sched_action a = {0};
    for (uint32_t w = 0; w < 3; w++)
        sched_worker_heard(s, now, w);
    assert_int_equal(sched_tick(s, now, NULL), 0);
    assert_true(sched_next(s, now, &a));
    assert_true(a.kind == SCHED_ASSIGN || a.kind == SCHED_LAUNCH);
    assert_int_equal(a.first, index);
    assert_int_equal(a.attempt, attempt);
    return a;
}

/* One task that is tried again, on so many workers with a slot each. */
static struct sched *begin(struct specs *sp, uint32_t workers, int32_t retries)
{
    specs_init(sp);
    specs_add(sp, 1, 1, 0, retries);
    struct sched *s = specs_sched(sp, workers);
    for (uint32_t w = 0; w < workers; w++)
        join(s, 0, w, 1);
    return s;
}

static void backoff_doubles(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 1, 3);
    sp.templates[0].retry.backoff_ns = 10 * S;
    next_gives(s, 0, 0, 1);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    nothing(s, 0);
    nothing(s, 9 * S);
    assert_false(sched_finished(s));
    assert_true(sched_deadline_ns(s) <= 10 * S);
    next_gives(s, 10 * S, 0, 2);
    assert_true(end_task(s, 10 * S, 0, 0, 0, 2, REASON_EXIT_CODE));
    nothing(s, 29 * S);
    next_gives(s, 30 * S, 0, 3);
    sched_destroy(s);
}

static void another_node_if_there_is_one(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 2, 5);
    sp.templates[0].retry.different_node = true;
    uint32_t first = next_gives(s, 0, 0, 1).worker;
    assert_true(end_task(s, 0, first, 0, 0, 1, REASON_EXIT_CODE));
    uint32_t second = next_gives(s, 0, 0, 2).worker;
    assert_int_not_equal(first, second);
    assert_true(end_task(s, 0, second, 0, 0, 2, REASON_EXIT_CODE));
    /* nobody else is left: anybody will do */
    uint32_t third = next_gives(s, 0, 0, 3).worker;
    assert_int_equal(sched_worker_gone(s, 0, third, NULL), 0);
    struct sched_action a = {0};
    do {
        assert_true(sched_next(s, 0, &a));
    } while (a.kind != SCHED_ASSIGN);
    assert_int_equal(a.first, 0);
    assert_int_not_equal(a.worker, third);
    sched_destroy(s);
}

static void limits_are_raised(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 1, 5);
    sp.templates[0].constraints.max_wall_clock_ns = 10 * S;
    sp.templates[0].retry.on |= RETRY_ON_TIMEOUT;
    sp.templates[0].retry.time_factor = 1.5;
    struct sched_action a = next_gives(s, 0, 0, 1);
    assert_int_equal(a.kind, SCHED_ASSIGN);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_TIMEOUT));
    a = next_gives(s, 0, 0, 2);
    assert_int_equal(a.kind, SCHED_LAUNCH);
    assert_int_equal(a.launch.max_wall_clock_ns, 15 * S);
    assert_false(a.launch.keep_directory);
    assert_true(end_task(s, 0, 0, 0, 0, 2, REASON_EXIT_CODE));
    a = next_gives(s, 0, 0, 3); /* as it was */
    assert_int_equal(a.launch.max_wall_clock_ns, 15 * S);
    assert_true(end_task(s, 0, 0, 0, 0, 3, REASON_TIMEOUT));
    a = next_gives(s, 0, 0, 4);
    assert_int_equal(a.launch.max_wall_clock_ns, 22 * S + S / 2);
    /* what was raised stays so in the next session */
    sched_destroy(s);
    s = specs_sched(&sp, 1);
    for (uint32_t n = 1; n <= 3; n++) {
        struct attempt r =
            attempt_of(0, 0, n, n == 2 ? REASON_EXIT_CODE : REASON_TIMEOUT);
        r.disposition = TASK_RETRIES;
        assert_int_equal(sched_replay_attempt(s, &r, NULL), 0);
    }
    join(s, 0, 0, 1);
    a = next_gives(s, 0, 0, 4);
    assert_int_equal(a.launch.max_wall_clock_ns, 22 * S + S / 2);
    sched_destroy(s);
}

static void a_checkpoint_goes_on_where_it_was(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 3, 0);
    sp.templates[0].checkpoint_exit_code = 99;
    uint32_t at = next_gives(s, 0, 0, 1).worker;
    for (uint32_t n = 1; n < 5; n++) {
        assert_true(end_task(s, 0, at, 0, 0, n, REASON_CHECKPOINT));
        struct sched_action a = next_gives(s, 0, 0, n + 1);
        assert_int_equal(a.kind, SCHED_LAUNCH);
        assert_int_equal(a.worker, at);
        assert_true(a.launch.keep_directory);
    }
    /* it comes back unstarted: it is put in again as it was */
    returned(s, 0, at, 0, 0, 1, 5);
    struct sched_action a = next_gives(s, 0, 0, 5);
    assert_int_equal(a.worker, at);
    assert_true(a.launch.keep_directory);
    /* with its node its directory is lost */
    assert_int_equal(sched_worker_gone(s, 0, at, NULL), 0);
    while (sched_next(s, 0, &a) && a.kind != SCHED_ASSIGN &&
           a.kind != SCHED_LAUNCH) {
    }
    assert_int_not_equal(a.worker, at);
    assert_int_equal(a.first, 0);
    sched_destroy(s);
}

static void a_retry_may_keep_its_directory(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 3, 2);
    sp.templates[0].keep_working_dir = true;
    uint32_t at = next_gives(s, 0, 0, 1).worker;
    assert_true(end_task(s, 0, at, 0, 0, 1, REASON_EXIT_CODE));
    struct sched_action a = next_gives(s, 0, 0, 2);
    assert_int_equal(a.worker, at);
    assert_true(a.launch.keep_directory);
    assert_true(end_task(s, 0, at, 0, 0, 2, REASON_NONE));
    next_is(s, 0, SCHED_JOB_CHANGED);
    sched_destroy(s);
}

static void what_waits_for_its_time_can_be_ended(void **state)
{
    (void)state;
    struct specs sp;
    struct sched *s = begin(&sp, 1, 3);
    enum attempt_result result;
    sp.templates[0].retry.backoff_ns = 10 * S;
    next_gives(s, 0, 0, 1);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_EXIT_CODE));
    assert_int_equal(sched_task_state(s, 0, 0, &result), TASK_ACTIVE);
    assert_int_equal(sched_task_command(s, 0, 0, 0, SCHED_TASK_TERMINATE, NULL),
                     0);
    struct sched_action a = next_is(s, 0, SCHED_ATTEMPT_LOST);
    assert_int_equal(a.attempt, 2);
    assert_int_equal(sched_task_state(s, 0, 0, &result), TASK_COMPLETED);
    next_is(s, 0, SCHED_JOB_CHANGED);
    sched_destroy(s);
}

static void tasks_go_to_the_node_they_name(void **state)
{
    (void)state;
    const struct sched_node nodes[] = {{.name = "n0", .leader = 0},
                                       {.name = "n1", .leader = 1},
                                       {.name = "n2", .leader = 2}};
    const uint32_t worker_nodes[] = {0, 1, 2};
    static const char *const named[] = {"n2", "nowhere", NULL,
                                        "n1", NULL,      NULL};
    struct task_template t[6];
    struct arena *arena = arena_create(1 << 20);
    struct taskset none = {.kind = TASKS_LISTED, .count = 6};
    struct specs sp;
    struct sched_config c;
    struct sched_action a;
    size_t at;
    specs_init(&sp);
    for (uint32_t i = 0; i < 6; i++)
        t[i] = (struct task_template){
            .required_slots = 1,
            .retry = retry_policy_default,
            .affinity = named[i]
                            ? template_compile(arena, named[i], &none, NULL,
                                               TEMPLATE_ALL, &at, NULL)
                            : NULL};
    specs_list(&sp, 6, t, 0);
    sched_config_init(&c);
    c.spec = &sp.spec;
    c.worker_count = 3;
    struct sched *s = sched_create(&c, NULL);
    c.nodes = nodes;
    c.node_count = 3;
    c.worker_nodes = worker_nodes;
    assert_int_equal(sched_set_nodes(s, &c, NULL), 0);
    for (uint32_t w = 0; w < 3; w++)
        join(s, 0, w, 2);
    uint32_t given = 0;
    while (sched_next(s, 0, &a)) {
        if (a.kind != SCHED_ASSIGN)
            continue;
        for (uint32_t i = a.first; i < a.first + a.count; i++) {
            if (i == 0)
                assert_int_equal(a.worker, 2);
            if (i == 3)
                assert_int_equal(a.worker, 1);
            given++;
        }
    }
    assert_int_equal(given, 6);
    sched_destroy(s);
    arena_destroy(arena);
}

/* ---- Job managers ---- */

static const struct special_task manager = {
    .id = "jobmanager",
    .task = {.required_slots = 1,
             .retry = {.on = RETRY_ON_DEFAULT,
                       .memory_factor = 1,
                       .time_factor = 1}},
    .kill_job_on_completion = true};

static void the_manager_comes_first(void **state)
{
    (void)state;
    struct specs sp;
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    enum attempt_result result;
    specs_init(&sp);
    specs_add(&sp, 10, 1, 0, 0)->manager = &manager;
    struct sched *s = specs_sched(&sp, 1);
    assert_int_equal(sched_task_attempts(s, 0, INDEX_JOB_MANAGER), 0);
    join(s, 0, 0, 2);
    next_gives(s, 0, INDEX_JOB_MANAGER, 1);
    next_gives(s, 0, 0, 1);
    sched_snapshot(s, &snap);
    assert_int_equal(jobs[0].tasks.total, 11);
    started(s, 0, 0, 0, INDEX_JOB_MANAGER, 1);
    assert_int_equal(sched_task_state(s, 0, INDEX_JOB_MANAGER, &result),
                     TASK_RUNNING);
    assert_true(end_task(s, 0, 0, 0, INDEX_JOB_MANAGER, 1, REASON_NONE));
    struct sched_action a = next_is(s, 0, SCHED_JOB_CHANGED);
    assert_int_equal(a.job_state, JOB_TERMINATING);
    assert_int_equal(a.job_end, JOB_END_JOB_MANAGER);
    next_is(s, 0, SCHED_CANCEL_JOB);
    sched_destroy(s);
}

static void a_lost_manager_comes_again(void **state)
{
    (void)state;
    struct special_task m = manager;
    struct specs sp;
    struct sched_action a = {0};
    m.kill_job_on_completion = false;
    specs_init(&sp);
    specs_add(&sp, 1, 1, 0, 0)->manager = &m;
    struct sched *s = specs_sched(&sp, 2);
    join(s, 0, 0, 1);
    next_gives(s, 0, INDEX_JOB_MANAGER, 1);
    started(s, 0, 0, 0, INDEX_JOB_MANAGER, 1);
    assert_int_equal(sched_worker_gone(s, 0, 0, NULL), 0);
    while (sched_next(s, 0, &a)) {
    }
    join(s, 0, 1, 1);
    do {
        assert_true(sched_next(s, 0, &a));
    } while (a.kind == SCHED_NODE_CHANGED);
    assert_int_equal(a.first, INDEX_JOB_MANAGER); /* before the task */
    assert_int_equal(a.attempt, 2);
    assert_true(end_task(s, 0, 1, 0, INDEX_JOB_MANAGER, 2, REASON_NONE));
    do {
        assert_true(sched_next(s, 0, &a));
    } while (a.kind == SCHED_NODE_CHANGED);
    assert_int_equal(a.first, 0);
    assert_true(end_task(s, 0, 1, 0, 0, 1, REASON_NONE));
    a = next_is(s, 0, SCHED_JOB_CHANGED);
    assert_int_equal(a.job_end, JOB_END_ALL_TASKS_COMPLETE);
    sched_destroy(s);
}

static void a_manager_that_has_ended_is_not_tried_again(void **state)
{
    (void)state;
    struct special_task m = manager;
    struct specs sp;
    m.kill_job_on_completion = false;
    specs_init(&sp);
    specs_add(&sp, 1, 1, 0, 0)->manager = &m;
    struct sched *s = specs_sched(&sp, 1);
    struct attempt a = attempt_of(0, INDEX_JOB_MANAGER, 1, REASON_EXIT_CODE);
    assert_int_equal(sched_replay_attempt(s, &a, NULL), 0);
    join(s, 0, 0, 1);
    next_gives(s, 0, 0, 1);
    sched_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_doubles),
        cmocka_unit_test(another_node_if_there_is_one),
        cmocka_unit_test(limits_are_raised),
        cmocka_unit_test(a_checkpoint_goes_on_where_it_was),
        cmocka_unit_test(a_retry_may_keep_its_directory),
        cmocka_unit_test(what_waits_for_its_time_can_be_ended),
        cmocka_unit_test(tasks_go_to_the_node_they_name),
        cmocka_unit_test(the_manager_comes_first),
        cmocka_unit_test(a_lost_manager_comes_again),
        cmocka_unit_test(a_manager_that_has_ended_is_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
