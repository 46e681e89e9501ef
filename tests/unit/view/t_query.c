/* Queries against a plain model: random attempts, retries and reactivations of
 * tasks that lie in several windows; filters and conditions; one task.
 *
 * t_query bench N: makes a run of N tasks and says what asking it takes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "view/query.h"

struct fixture {
    char dir[64], run[96], text[512];
    struct jobspec *spec;
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
};

static void spec_make(struct fixture *f, uint32_t a, uint32_t b)
{
    struct spec_errors errors = {0};
    snprintf(
        f->text, sizeof(f->text),
        "jobs:\n"
        "  - id: first\n"
        "    sweep: {parameters: {n: {range: {from: 1, to: %u}}, s: [x, y, "
        "z]}}\n"
        "    task: {command_line: \"true\"}\n"
        "    metrics: {e: {regex: x}}\n"
        "  - id: second\n"
        "    sweep: {parameters: {n: {range: {from: 1, to: %u}}, k: [1, "
        "2]}}\n"
        "    task: {command_line: \"true\"}\n",
        a, b);
    f->spec = spec_parse(f->text, strlen(f->text), "t", NULL, &errors);
    if (!f->spec)
        fail_msg("%s", errors.list[0].text);
}

static void session_begin(struct fixture *f)
{
    struct err err;
    bool fresh;
    f->rundir = rundir_open(f->run, f->text, strlen(f->text), "/t.yaml", NULL,
                            &fresh, &err);
    assert_non_null(f->rundir);
    assert_non_null(f->writer = writer_create(&err));
    f->journal = journal_create(f->rundir, f->spec, f->writer, &err);
    assert_non_null(f->journal);
    struct node_info node = {.hostname = "host7", .cpus = "0"};
    struct journal_record r = {.type = JOURNAL_NODE, .u.node.info = &node};
    assert_int_equal(journal_append(f->journal, &r, NULL, &err), 0);
}

static void session_end(struct fixture *f)
{
    struct err err;
    journal_destroy(f->journal);
    assert_int_equal(writer_destroy(f->writer, 60 * NS_PER_SEC, &err), 0);
    rundir_close(f->rundir);
}

static void put_attempt(struct fixture *f, uint32_t job, uint32_t index,
                        uint32_t attempt, bool success, bool valid,
                        bool retries)
{
    struct attempt a;
    struct err err;
    attempt_init(&a);
    a.job = job;
    a.index = index;
    a.attempt = attempt;
    a.result = success ? RESULT_SUCCESS : RESULT_FAILURE;
    a.reason = success ? REASON_NONE : REASON_EXIT_CODE;
    a.exit_code = success ? 0 : (int)(index % 7 + 1);
    a.disposition = retries ? TASK_RETRIES : TASK_ENDS;
    a.start_ns = NS_PER_SEC * 1000;
    a.end_ns = a.start_ns + index % 100 * NS_PER_MS;
    a.metric_count = f->spec->jobs[job].metric_count;
    a.metrics[0].state = success && valid ? METRIC_OK : METRIC_MISSING;
    a.metrics[0].u.number = index;
    struct journal_record r = {.type = JOURNAL_ATTEMPT, .u.attempt = &a};
    assert_int_equal(journal_append(f->journal, &r, NULL, &err), 0);
    if (index % 1000 == 0)
        writer_flush(f->writer);
}

static int fixture_make(struct fixture *f)
{
    snprintf(f->dir, sizeof(f->dir), "/tmp/t_query.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->run, sizeof(f->run), "%s/t.run", f->dir);
    return 0;
}

static void fixture_end(struct fixture *f)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    jobspec_destroy(f->spec);
}

/* ---- The model ---- */

enum { FIRST = 1200000, SECOND = 900002, TASKS = FIRST + SECOND, NEWS = 20000 };

struct model_task {
    uint8_t attempts, state;
};

struct model {
    struct fixture f;
    struct model_task *tasks;
    uint64_t random;
    uint64_t seen, wrong;
    uint64_t next; /* in order */
};

static uint32_t pick(struct model *m, uint32_t below)
{
    m->random = m->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((m->random >> 33) % below);
}

static uint64_t number_of(uint32_t job, uint32_t index)
{
    return job ? (uint64_t)FIRST + index : index;
}

/* Somewhere, but often where somebody was before. */
static void news_attempt(struct model *m)
{
    uint32_t number =
        pick(m, 3) ? pick(m, 40) * (TASKS / 40) + pick(m, 100) : pick(m, TASKS);
    uint32_t job = number >= FIRST, index = job ? number - FIRST : number;
    struct model_task *t = &m->tasks[number];
    if (t->attempts > 200 || (t->attempts && t->state != QUERY_ACTIVE))
        return;
    bool success = pick(m, 3) > 0, valid = pick(m, 4) > 0;
    bool retries = !success && pick(m, 2);
    put_attempt(&m->f, job, index, ++t->attempts, success, valid, retries);
    t->state = retries        ? QUERY_ACTIVE
               : !success     ? QUERY_FAILED
               : valid || job ? QUERY_SUCCEEDED
                              : QUERY_INVALID;
}

static void news_again(struct model *m)
{
    struct task_range ranges[3];
    struct err err;
    uint32_t job = pick(m, 2), tasks = job ? SECOND : FIRST;
    uint32_t first = pick(m, 40) * (tasks / 40), count = 0;
    for (uint32_t i = 0; i < 3 && first < tasks; i++) {
        uint32_t n = 1 + pick(m, 60);
        n = n < tasks - first ? n : tasks - first;
        ranges[count++] = (struct task_range){job, first, n};
        for (uint32_t k = first; k < first + n; k++)
            m->tasks[number_of(job, k)].state = QUERY_ACTIVE;
        first += n + 1 + pick(m, 1000);
    }
    struct journal_record r = {.type = JOURNAL_REACTIVATE,
                               .u.reactivate = {job, count, ranges}};
    assert_int_equal(journal_append(m->f.journal, &r, NULL, &err), 0);
}

static int model_make(void **state)
{
    struct model *m = calloc(1, sizeof(*m));
    m->tasks = calloc(TASKS, sizeof(*m->tasks));
    m->random = 42;
    fixture_make(&m->f);
    spec_make(&m->f, FIRST / 3, SECOND / 2);
    for (int k = 0; k < 4; k++) {
        session_begin(&m->f);
        for (int i = 0; i < NEWS / 4; i++)
            if (pick(m, 50))
                news_attempt(m);
            else
                news_again(m);
        session_end(&m->f);
    }
    m->f.rundir = rundir_open_read(m->f.run, NULL);
    assert_non_null(m->f.rundir);
    *state = m;
    return 0;
}

static int model_end(void **state)
{
    struct model *m = *state;
    rundir_close(m->f.rundir);
    fixture_end(&m->f);
    free(m->tasks);
    free(m);
    return 0;
}

static struct query *ask(struct model *m, const char *filter, const char *where)
{
    struct err err = {0};
    struct query *q = query_open(m->f.rundir, m->f.spec, clock_wall_ns(), &err);
    assert_string_equal(err.text, "");
    assert_non_null(q);
    if (filter && query_filter(q, filter, &err) < 0)
        fail_msg("%s", err.text);
    if (where && query_where(q, where, &err) < 0)
        fail_msg("%s", err.text);
    m->seen = m->wrong = m->next = 0;
    return q;
}

static int compare(void *arg, const struct query_task *t, struct err *err)
{
    struct model *m = arg;
    uint64_t n = number_of(t->job, t->index);
    const struct model_task *want = &m->tasks[n];
    (void)err;
    m->seen++;
    if (n < m->next || t->state != want->state ||
        (t->last ? t->last->attempt : 0) != want->attempts ||
        (t->last && (strcmp(t->node, "host7") != 0 || t->last->job != t->job ||
                     t->last->index != t->index || t->session == 0)) ||
        !t->now)
        m->wrong++;
    m->next = n + 1;
    return 0;
}

static void all_tasks_are_as_the_model(void **state)
{
    struct model *m = *state;
    struct err err = {0};
    struct query *q = ask(m, NULL, NULL);
    assert_int_equal(query_each(q, compare, m, &err), 0);
    assert_int_equal(m->seen, TASKS);
    assert_int_equal(m->wrong, 0);
    assert_int_equal(query_each(q, compare, m, &err), 0); /* once more */
    query_close(q);
}

static uint64_t model_count(const struct model *m, uint32_t state)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < TASKS; i++)
        n += m->tasks[i].state == state && (state || m->tasks[i].attempts);
    return n;
}

static void filters_agree(void **state)
{
    struct model *m = *state;
    struct err err = {0};
    static const enum query_state states[] = {QUERY_SUCCEEDED, QUERY_FAILED,
                                              QUERY_INVALID};
    for (int i = 0; i < 3; i++) {
        char filter[40], where[40];
        snprintf(filter, sizeof(filter), "state=%s",
                 query_state_name(states[i]));
        snprintf(where, sizeof(where), "state == \"%s\"",
                 query_state_name(states[i]));
        for (int k = 0; k < 2; k++) {
            struct query *q = ask(m, k ? NULL : filter, k ? where : NULL);
            assert_int_equal(query_each(q, compare, m, &err), 0);
            assert_int_equal(m->wrong, 0);
            assert_int_equal(m->seen, model_count(m, states[i]));
            query_close(q);
        }
    }
    struct query *q = ask(m, NULL, "state == \"active\" and attempts > 0");
    assert_int_equal(query_each(q, compare, m, &err), 0);
    assert_int_equal(m->wrong, 0);
    assert_int_equal(m->seen, model_count(m, QUERY_ACTIVE));
    query_close(q);
    q = ask(m, "s=y", "n > 399990 and k == null");
    assert_int_equal(query_each(q, compare, m, &err), 0);
    assert_int_equal(m->seen, 10);
    query_close(q);
    q = ask(m, NULL, "n <= 2");
    query_head(q, 7);
    assert_int_equal(query_each(q, compare, m, &err), 0);
    assert_int_equal(m->seen, 7);
    assert_int_equal(m->next, FIRST + 1);
    query_close(q);
}

static int count_attempts(void *arg, const struct query_task *t,
                          struct err *err)
{
    struct model *m = arg;
    (void)err;
    if (t->now)
        m->next = t->state;
    else if (t->last->attempt != ++m->seen)
        m->wrong++;
    return 0;
}

static void one_task_has_all_its_attempts(void **state)
{
    struct model *m = *state;
    struct err err = {0};
    struct query *q = ask(m, NULL, NULL);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t number = i * (TASKS / 40) + i;
        uint32_t job = number >= FIRST, index = job ? number - FIRST : number;
        m->seen = 0;
        assert_int_equal(query_attempts(q, job, index, count_attempts, m, &err),
                         0);
        assert_int_equal(m->seen, m->tasks[number].attempts);
        assert_int_equal(m->next, m->tasks[number].state);
    }
    assert_int_equal(m->wrong, 0);
    query_close(q);
}

/* ---- The bench ---- */

static int count(void *arg, const struct query_task *t, struct err *err)
{
    (void)t, (void)err;
    ++*(uint64_t *)arg;
    return 0;
}

static void bench_ask(const struct fixture *f, const char *where)
{
    struct err err = {0};
    uint64_t n = 0;
    int64_t start = clock_mono_ns();
    struct query *q = query_open(f->rundir, f->spec, 0, &err);
    if (!q || query_where(q, where, &err) < 0 ||
        query_each(q, count, &n, &err) < 0)
        printf("%s\n", err.text);
    query_close(q);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("%-32s %9llu tasks in %.2f s, %ld MiB\n", where,
           (unsigned long long)n, (double)(clock_mono_ns() - start) / 1e9,
           u.ru_maxrss / 1024);
}

static int bench(uint32_t tasks)
{
    struct fixture f = {0};
    fixture_make(&f);
    spec_make(&f, tasks / 3, 1);
    session_begin(&f);
    for (uint32_t i = 0; i < tasks / 3 * 3; i++)
        put_attempt(&f, 0, i, 1, i % 10 > 0, i % 20 > 1, false);
    session_end(&f);
    f.rundir = rundir_open_read(f.run, NULL);
    bench_ask(&f, "true");
    bench_ask(&f, "state == \"failed\"");
    bench_ask(&f, "n > 64 and s == \"y\" and e < 1e5");
    rundir_close(f.rundir);
    fixture_end(&f);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "bench") == 0)
        return bench((uint32_t)atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tasks_are_as_the_model),
        cmocka_unit_test(filters_agree),
        cmocka_unit_test(one_task_has_all_its_attempts),
    };
    return cmocka_run_group_tests(tests, model_make, model_end);
}
