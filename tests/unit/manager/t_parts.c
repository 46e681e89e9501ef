/* The manager's pure parts: marks, pace, starts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manager/marks.h"
#include "manager/inventory.h"
#include "manager/pace.h"
#include "manager/skips.h"
#include "manager/staged.h"
#include "manager/starts.h"

static void test_marks(void **state)
{
    (void)state;
    static struct marks m;
    assert_int_equal(marks_take(&m, 100), 0);
    marks_put(&m, 1, 10);
    marks_put(&m, 2, 10); /* the same ticket: one pair */
    marks_put(&m, 3, 20);
    assert_int_equal(m.count, 2);
    assert_int_equal(marks_take(&m, 9), 0);
    assert_int_equal(marks_take(&m, 10), 2);
    assert_int_equal(marks_take(&m, 10), 0);
    assert_int_equal(marks_take(&m, 25), 3);
}

/* Nothing is acknowledged early, however full the ring is. */
static void test_marks_full(void **state)
{
    (void)state;
    static struct marks m;
    for (uint64_t i = 1; i <= 3 * MARKS_MAX; i++)
        marks_put(&m, i, i);
    assert_int_equal(m.count, MARKS_MAX);
    assert_int_equal(marks_take(&m, MARKS_MAX), MARKS_MAX - 1);
    assert_int_equal(marks_take(&m, 3 * MARKS_MAX - 1), 0);
    assert_int_equal(marks_take(&m, 3 * MARKS_MAX), 3 * MARKS_MAX);
    assert_int_equal(m.count, 0);
}

static void test_pace(void **state)
{
    (void)state;
    struct pace p = {0};
    assert_true(pace_rate(&p) == 0);
    assert_int_equal(pace_eta_ns(&p, 10), -1);
    for (int s = 0; s < 100; s++)
        pace_note(&p, s * INT64_C(1000000000), (uint64_t)s * 4);
    assert_true(pace_rate(&p) == 4);
    assert_int_equal(pace_eta_ns(&p, 40), INT64_C(10000000000));
    assert_int_equal(pace_eta_ns(&p, 0), 0);
    for (int s = 100; s < 200; s++) /* it stands still */
        pace_note(&p, s * INT64_C(1000000000), 400);
    assert_true(pace_rate(&p) == 0);
    assert_int_equal(pace_eta_ns(&p, 1), -1);
}

static void test_starts(void **state)
{
    (void)state;
    struct starts s;
    starts_init(&s);
    assert_int_equal(starts_remove(&s, 0, 0, 0), 0);
    for (uint32_t i = 0; i < 300; i++) {
        struct running r = {
            .job = i % 3, .index = i, .attempt = 1, .start_ns = 1000 + i};
        assert_int_equal(starts_add(&s, &r), 0);
        r.attempt = 2;
        assert_int_equal(starts_add(&s, &r), 0); /* replaces it */
    }
    assert_int_equal(s.count, 300);
    for (uint32_t i = 0; i < 300; i += 2)
        assert_int_equal(starts_remove(&s, i % 3, i, 9), 1000 + i);
    assert_int_equal(s.count, 150);
    for (uint32_t i = 0; i < s.count; i++) {
        assert_int_equal(s.list[i].index % 2, 1);
        assert_int_equal(s.list[i].attempt, 2);
    }
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(starts_remove(&s, i % 3, i, 9), i % 2 ? 1000 + i : 0);
    assert_int_equal(s.count, 0);
    starts_fini(&s);
}

/* A special task may run on several nodes at once. */
static void test_special_starts(void **state)
{
    (void)state;
    static const struct {
        uint32_t job, index;
    } of[] = {{0, INDEX_JOB_PREPARATION},
              {0, INDEX_JOB_RELEASE},
              {4095, INDEX_JOB_PREPARATION},
              {JOB_OF_POOL(0), INDEX_START},
              {JOB_OF_POOL(63), INDEX_START}};
    struct starts s;
    starts_init(&s);
    for (uint32_t i = 0; i < 15; i++) {
        struct running r = {.job = of[i / 3].job,
                            .index = of[i / 3].index,
                            .attempt = 1,
                            .rank = i % 3,
                            .start_ns = 1 + i};
        assert_int_equal(starts_add(&s, &r), 0);
    }
    assert_int_equal(s.count, 15);
    for (uint32_t i = 0; i < 15; i++)
        assert_int_equal(
            starts_remove(&s, of[i / 3].job, of[i / 3].index, i % 3), 1 + i);
    starts_fini(&s);
}

static void test_skips(void **state)
{
    (void)state;
    const struct task_template t = {0};
    struct job jobs[2] = {
        {.id = "a", .tasks.kind = TASKS_COMMANDS, .templates = &t},
        {.id = "b", .tasks.kind = TASKS_COMMANDS, .templates = &t}};
    const struct jobspec spec = {.jobs = jobs, .job_count = 2};
    struct skips s = {0};
    char text[256];
    assert_null(skips_say(&s, &spec, text, sizeof(text)));
    skips_add(&s, 0, 7, 2);
    skips_add(&s, 1, 7, 1);
    skips_add(&s, 0, 7, 10);
    assert_string_equal(skips_say(&s, &spec, text, sizeof(text)),
                        "12 tasks are skipped: task a/7, on which they depend, "
                        "has not ended well");
    assert_string_equal(skips_say(&s, &spec, text, sizeof(text)),
                        "1 task is skipped: task b/7, on which it depends, has "
                        "not ended well");
    assert_null(skips_say(&s, &spec, text, sizeof(text)));
    for (uint32_t i = 0; i < SKIPS_MAX + 5; i++)
        skips_add(&s, 0, i, 1);
    for (uint32_t i = 0; i < SKIPS_MAX; i++)
        assert_non_null(skips_say(&s, &spec, text, sizeof(text)));
    assert_string_equal(skips_say(&s, &spec, text, sizeof(text)),
                        "5 more tasks are skipped, for other tasks");
    assert_null(skips_say(&s, &spec, text, sizeof(text)));
}

static void test_nodes(void **state)
{
    (void)state;
    const struct resource resources[] = {
        {"memory", RESOURCE_MEMORY, RESOURCE_OF_NODE},
        {"gpus", RESOURCE_GPUS, RESOURCE_OF_NODE},
        {"licence", RESOURCE_NAMED, RESOURCE_OF_POOL},
        {"disk", RESOURCE_NAMED, RESOURCE_OF_NODE}};
    const struct amount says[] = {{1, 8000}, {3, 500}};
    const struct pool pools[] = {
        {.id = "a"},
        {.id = "b", .node_resources = says, .node_resource_count = 2}};
    const struct jobspec spec = {.resources = resources,
                                 .resource_count = 4,
                                 .pools = pools,
                                 .pool_count = 2};
    static struct node_info ranks[4];
    const uint32_t rank_nodes[] = {0, 1, 0, 1}, of_pools[] = {0, 1};
    struct inventory n;
    struct err err;
    for (uint32_t r = 0; r < 4; r++) {
        ranks[r].memory_bytes = 100 + r;
        ranks[r].gpus = 2;
    }
    assert_int_equal(
        inventory_init(&n, &spec, ranks, rank_nodes, 4, of_pools, 2, &err), 0);
    assert_int_equal(n.count, 2);
    assert_int_equal(n.nodes[0].leader, 0);
    assert_int_equal(n.nodes[1].leader, 1);
    assert_int_equal(n.nodes[1].pool, 1);
    const uint64_t found[] = {100, 2000, 0, 0}, said[] = {101, 8000, 0, 500};
    assert_memory_equal(n.nodes[0].capacity, found, sizeof(found));
    assert_memory_equal(n.nodes[1].capacity, said, sizeof(said));
    inventory_fini(&n);
    assert_int_equal(
        inventory_init(&n, &spec, ranks, rank_nodes, 4, of_pools, 3, &err), -1);
}

/* Ranks say sums; what comes late and twice is counted once. */
static void test_staged(void **state)
{
    (void)state;
    struct staged s;
    struct stage_counts a = {.shared_opens = 2, .links = 5}, b = {.links = 7};
    staged_init(&s, 3);
    assert_false(staged_journal(&s));
    s.before.shared_opens = 100;
    staged_rank(&s, 0, &a, 1);
    staged_rank(&s, 2, &b, 2);
    assert_int_equal(s.changed_ns, 2);
    staged_rank(&s, 2, &b, 3);
    assert_int_equal(s.changed_ns, 2);
    a.links = 6;
    staged_rank(&s, 0, &a, 4);
    a.links = 5;
    staged_rank(&s, 0, &a, 5);
    staged_rank(&s, 3, &a, 5); /* no such rank */
    assert_int_equal(s.session.links, 13);
    assert_int_equal(s.session.shared_opens, 2);
    assert_int_equal(staged_sum(&s).shared_opens, 102);
    assert_true(staged_journal(&s));
    assert_false(staged_journal(&s));
    staged_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_marks),
                                       cmocka_unit_test(test_marks_full),
                                       cmocka_unit_test(test_pace),
                                       cmocka_unit_test(test_starts),
                                       cmocka_unit_test(test_special_starts),
                                       cmocka_unit_test(test_skips),
                                       cmocka_unit_test(test_nodes),
                                       cmocka_unit_test(test_staged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
