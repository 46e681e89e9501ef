/* Dependencies against a slow, obvious model: random graphs of listed tasks,
 * with the circles that they have; points of random sweeps; a million points.
 */
#include "config.h"
#include "spec_test.h"

#include "base/mem.h"
#include "../prng.h"

enum { TASKS = 12, JOBS = 3, ALL = TASKS * JOBS };

/* Who waits for whom, as the text says. */
struct graph {
    bool waits[ALL][ALL];
};

static void close_over(struct graph *g)
{
    for (int k = 0; k < ALL; k++)
        for (int i = 0; i < ALL; i++)
            for (int j = 0; j < ALL; j++)
                g->waits[i][j] =
                    g->waits[i][j] || (g->waits[i][k] && g->waits[k][j]);
}

static bool mark_parents(void *arg, const struct depend_rule *rule,
                         uint32_t first, uint32_t count)
{
    bool *row = arg;
    for (uint32_t i = first; i < first + count; i++)
        row[rule->parent_job * TASKS + i] = true;
    return true;
}

static void put_task(struct buf *text, struct graph *g, struct prng *r,
                     uint32_t job, uint32_t task, uint32_t density)
{
    bool *row = g->waits[job * TASKS + task];
    const char *comma = "";
    buf_printf(text, "  - {id: t%u, depends_on: [", task);
    for (uint32_t n = 0, count = prng_below(r, 12) < density
                                     ? 1 + prng_below(r, 2)
                                     : 0;
         n < count; n++) {
        uint32_t of = prng_below(r, JOBS), from = prng_below(r, TASKS);
        uint32_t to = from + prng_below(r, TASKS - from) / 4;
        if (prng_below(r, 8) == 0) { /* jobs are in order then */
            of = job > 0 ? prng_below(r, job) : 0;
            if (of == job)
                continue;
            buf_printf(text, "%s{job: j%u}", comma, of);
            from = 0;
            to = TASKS - 1;
        } else if (of == job) {
            buf_printf(text, "%st%u", comma, from);
            to = from;
        } else {
            buf_printf(text, "%s{job: j%u, task_ids: [", comma, of);
            for (uint32_t k = to; k > from; k--) /* any order, and twice */
                buf_printf(text, "t%u, t%u, ", k, to);
            buf_printf(text, "t%u]}", from);
        }
        comma = ", ";
        for (uint32_t k = from; k <= to; k++)
            row[of * TASKS + k] = true;
    }
    buf_puts(text, "]}\n");
}

/* The tasks of a circle that an error names are on one. */
static void circle_is_right(const struct graph *closed, const char *text)
{
    const char *s = strstr(text, ": ");
    assert_non_null(s);
    int last = -1;
    for (s += 2; s;) {
        unsigned job = 0, task = 0;
        if (sscanf(s, "j%u/t%u", &job, &task) != 2) {
            assert_int_equal(sscanf(s, "t%u", &task), 1);
            /* of one job: which, the place says; any will do */
            job = JOBS;
        }
        if (job < JOBS) {
            int at = (int)(job * TASKS + task);
            assert_true(closed->waits[at][at]);
            assert_true(last < 0 || closed->waits[last][at]);
            last = at;
        }
        s = strstr(s, " -> ");
        s = s ? s + 4 : NULL;
        if (s && *s == '.')
            break;
    }
}

static void random_graphs(void **state)
{
    (void)state;
    struct prng r = {5};
    int right = 0, wrong = 0;
    for (int round = 0; round < 600; round++) {
        struct graph g = {0}, closed;
        struct buf text;
        struct spec_errors errors;
        bool circle = false;
        uint32_t density = 1 + prng_below(&r, 10);
        buf_init(&text, 1 << 20);
        buf_puts(&text, "jobs:\n");
        for (uint32_t j = 0; j < JOBS; j++) {
            buf_printf(&text, "- id: j%u\n  task: {command_line: a}\n", j);
            buf_puts(&text, "  tasks:\n");
            for (uint32_t t = 0; t < TASKS; t++)
                put_task(&text, &g, &r, j, t, density);
        }
        closed = g;
        close_over(&closed);
        for (int i = 0; i < ALL; i++)
            circle = circle || closed.waits[i][i];
        struct jobspec *spec =
            spec_parse(buf_text(&text), text.len, "x", NULL, &errors);
        if (!spec != circle)
            print_error("%s\n%s\n", buf_text(&text),
                        errors.count ? errors.list[0].text : "no error");
        assert_int_equal(!spec, circle);
        for (uint32_t i = 0; spec && i < ALL; i++) {
            bool row[ALL] = {false};
            bool any = false;
            for (uint32_t k = 0; k < ALL; k++)
                any = any || g.waits[i][k];
            assert_int_equal(
                depend_visit(spec, i / TASKS, i % TASKS, mark_parents, row),
                any);
            assert_memory_equal(row, g.waits[i], sizeof(row));
        }
        if (circle) {
            assert_int_equal(errors.count, 1);
            circle_is_right(&closed, errors.list[0].text);
        }
        right += !circle;
        wrong += circle;
        spec_errors_fini(&errors);
        jobspec_destroy(spec);
        buf_fini(&text);
    }
    assert_true(right > 50 && wrong > 50);
}

/* ---- Points ---- */

static struct value value_at(const struct job *job, uint32_t index,
                             const char *name, struct buf *room)
{
    struct value v;
    struct err err;
    int param = taskset_find_param(&job->tasks, name);
    assert_true(param >= 0);
    assert_int_equal(
        taskset_value(&job->tasks, index, (uint32_t)param, room, &v, &err), 0);
    return v;
}

/* Have two tasks the same values of T and S? */
static bool is_same(const struct job *a, uint32_t i, const struct job *b,
                    uint32_t k)
{
    static const char *const names[] = {"T", "S"};
    bool same = true;
    for (int n = 0; n < 2; n++) {
        struct buf x, y;
        buf_init(&x, 1 << 10);
        buf_init(&y, 1 << 10);
        struct value v = value_at(a, i, names[n], &x);
        struct value w = value_at(b, k, names[n], &y);
        same = same && value_equal(&v, &w);
        buf_fini(&x);
        buf_fini(&y);
    }
    return same;
}

static bool mark_members(void *arg, const struct depend_rule *rule,
                         uint32_t first, uint32_t count)
{
    bool *row = arg;
    assert_int_equal(rule->kind, DEPEND_SAME);
    for (uint32_t i = first; i < first + count; i++) {
        assert_false(row[i]); /* once each */
        row[i] = true;
    }
    return true;
}

static void random_points(void **state)
{
    (void)state;
    static const char *const numbers[] = {"1", "1.0", "2",  "0x2", "-0.0",
                                          "0", "1e1", "10", "0.1", "0.10"};
    static const char *const texts[] = {"a", "b", "long text", "true", "c"};
    enum { MANY = 600 };
    struct prng r = {9};
    int right = 0, wrong = 0;
    for (int round = 0; round < 300; round++) {
        struct buf text;
        struct spec_errors errors;
        buf_init(&text, 1 << 16);
        buf_puts(&text, "jobs:\n");
        for (int j = 0; j < 2; j++) {
            buf_printf(&text, "- id: j%d\n  sweep: {parameters: {", j);
            buf_printf(
                &text,
                j ? "S: [%s], X: [1, 2, 3], T: [%s" : "Y: [1, 2], T: [%s, %s",
                j ? texts[prng_below(&r, 2)] : numbers[prng_below(&r, 10)],
                numbers[prng_below(&r, 10)]);
            for (uint32_t n = prng_below(&r, 5) + (j ? 3 : 0); n > 0; n--)
                buf_printf(&text, ", %s", numbers[prng_below(&r, 10)]);
            if (!j)
                buf_printf(&text, "], S: [%s", texts[prng_below(&r, 2)]);
            buf_puts(&text, "]}}\n  task: {command_line: a");
            buf_puts(&text, j ? "}\n"
                              : ", depends_on: {job: j1, point: "
                                "same}}\n");
        }
        struct jobspec *spec =
            spec_parse(buf_text(&text), text.len, "x", NULL, &errors);
        if (!spec) {
            assert_non_null(strstr(errors.list[0].text,
                                   "has no task of job \"j1\" with the same"));
            wrong++;
        }
        for (uint32_t i = 0; spec && i < spec->jobs[0].tasks.count; i++) {
            bool row[MANY] = {false};
            assert_true(depend_visit(spec, 0, i, mark_members, row));
            for (uint32_t k = 0; k < spec->jobs[1].tasks.count; k++)
                assert_int_equal(row[k],
                                 is_same(&spec->jobs[0], i, &spec->jobs[1], k));
            right += i == 0;
        }
        spec_errors_fini(&errors);
        jobspec_destroy(spec);
        buf_fini(&text);
    }
    assert_true(right > 30 && wrong > 30);
}

/* A million points each; the members are the points themselves. */
static void million(void **state)
{
    (void)state;
    struct jobspec *spec = parse_right(
        "jobs:\n"
        "- id: a\n"
        "  sweep: {parameters: {x: {range: {from: 1, to: 1000}}, y: {range: "
        "{from: 0, to: 0.999, step: 0.001}}}}\n"
        "  task: {command_line: a}\n"
        "- id: b\n"
        "  sweep: {parameters: {y: {range: {from: 0, to: 0.999, step: 0.001}}, "
        "x: {range: {from: 1, to: 1000}}}}\n"
        "  task: {command_line: a, depends_on: {job: a, point: same}}\n");
    assert_int_equal(spec->depend_count, 1);
    const struct depend_rule *r = &spec->depends[0];
    assert_int_equal(r->group_count, 1000000);
    for (uint32_t i = 0; i < r->count; i += 997) {
        uint32_t g = r->child_group[i];
        assert_int_equal(r->starts[g + 1], r->starts[g] + 1);
        assert_int_equal(r->members[r->starts[g]], i % 1000 * 1000 + i / 1000);
    }
    assert_true(arena_used_bytes(spec->arena) < 16 << 20);
    jobspec_destroy(spec);
}

/* A long chain, and rules for many tasks that have many parents. */
static void large(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    struct buf text;
    buf_init(&text, 64 << 20);
    buf_puts(&text,
             "jobs:\n- id: chain\n  task: {command_line: a}\n  tasks:\n");
    for (int i = 0; i < MANY; i++)
        buf_printf(&text,
                   i ? "  - {id: t%d, depends_on: [t%d, {task_ids: [t0]}]}\n"
                     : "  - {id: t%d}\n",
                   i, i - 1);
    buf_puts(&text, "- id: numbers\n  task: {command_line: a}\n  tasks:\n");
    for (int i = 0; i < MANY / 10; i++)
        buf_printf(&text,
                   i ? "  - {id: '%d', depends_on: {task_id_ranges: [{start: "
                       "0, end: %d}]}}\n"
                     : "  - {id: '%d'}\n",
                   i, i - 1);
    struct jobspec *spec = parse_right(buf_text(&text));
    assert_int_equal(spec->depend_count, 2 * (MANY - 1) + MANY / 10 - 1);
    assert_int_equal(spec->depends[spec->depend_count - 1].parent_range_count,
                     1);
    assert_int_equal(spec->depends[spec->depend_count - 1].parents[0].count,
                     MANY / 10 - 1);
    jobspec_destroy(spec);
    /* the other way round, a circle of all */
    buf_puts(&text, "- id: last\n  task: {command_line: a}\n");
    char *first = strstr(buf_text(&text), "{id: t0}");
    memcpy(first, "{id: tx}", 8);
    struct spec_error e;
    assert_true(parse_wrong(buf_text(&text), text.len, &e) > 0);
    assert_string_equal(e.text,
                        "job \"chain\" has no task \"t0\"; did you mean "
                        "\"tx\"?");
    buf_fini(&text);
}

static void allocation_failures(void **state)
{
    (void)state;
    static const char text[] =
        "jobs:\n"
        "- id: a\n"
        "  sweep: {parameters: {T: [1, 2], S: [x, y]}}\n"
        "  task: {command_line: a}\n"
        "- id: b\n"
        "  depends_on: {job: a, where: T > 1}\n"
        "  sweep: {parameters: {S: [y]}}\n"
        "  task: {command_line: a, depends_on: {job: a, point: same}}\n"
        "- id: c\n"
        "  task: {command_line: a}\n"
        "  tasks: [{id: '04'}, {id: '4'}, {depends_on: [{task_id_ranges: "
        "[{start: 4, end: 4}]}, '4']}]\n";
    struct jobspec *spec = NULL;
    unsigned long n = 1;
    for (; !spec; n++) {
        struct spec_errors errors = {0};
        mem_fail_at(n);
        spec = spec_parse(text, strlen(text), "stem", NULL, &errors);
        mem_fail_at(0);
        assert_true(spec || n < 10000);
        spec_errors_fini(&errors);
    }
    assert_true(n > 30);
    assert_int_equal(spec->depend_count, 4);
    assert_true(spec->depends[3].any != spec->depends[2].any);
    jobspec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(random_points),
        cmocka_unit_test(million),
        cmocka_unit_test(large),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
