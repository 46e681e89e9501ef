/* From sweeps in YAML to task sets: what each key makes of them. */
#include "config.h"
#include "spec_test.h"

#include <errno.h>

#include "base/mem.h"

enum { TEXT_MAX = 1 << 20 };

/* A table, whatever it is called, and the files that match any pattern. */
static int table_get(void *arg, enum table_kind kind, const char *path,
                     const char **bytes, size_t *len, struct err *err)
{
    static const char cells[] = "T,L,note\n1.50,8,\n2,16,\"a,b\"\n";
    static const char paths[] = "in/a.dat\0in/b.dat";
    (void)arg;
    if (strcmp(path, "none.csv") == 0)
        return err_set(err, ENOENT, "cannot open none.csv");
    *bytes = kind == TABLE_PATHS ? paths : cells;
    *len = kind == TABLE_PATHS ? sizeof(paths) : sizeof(cells) - 1;
    return 0;
}

static const struct spec_files files = {.get = table_get};

/* The spec of one job with that sweep, in flow style. */
static struct jobspec *sweep_parse(const char *sweep,
                                   struct spec_errors *errors)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    assert_int_equal(buf_printf(&text,
                                "jobs: [{id: a, sweep: %s, "
                                "task: {command_line: a}}]",
                                sweep),
                     0);
    struct jobspec *spec =
        spec_parse(buf_text(&text), text.len, "stem", &files, errors);
    buf_fini(&text);
    return spec;
}

/* Append "x=1 y=a" for a task. */
static void put_point(struct buf *out, const struct taskset *set, uint32_t i)
{
    for (uint32_t k = 0; k < set->param_count; k++) {
        struct buf room;
        struct value v;
        struct err err;
        buf_init(&room, TEXT_MAX);
        assert_int_equal(taskset_value(set, i, k, &room, &v, &err), 0);
        assert_int_equal(buf_printf(out, "%s%s=%s", k ? " " : "",
                                    set->params[k].name, v.text),
                         0);
        buf_fini(&room);
    }
}

/* All points, one behind the other. */
static void makes_points(void **state)
{
    (void)state;
    static const struct {
        const char *sweep, *points;
    } table[] = {
        {"{parameters: {x: [1, 0.50], y: a}}", "x=1 y=a; x=0.50 y=a"},
        {"{method: zip, parameters: {x: [1, 2], y: [a, b]}}",
         "x=1 y=a; x=2 y=b"},
        {"{parameters: {x: [1, 2], y: [a, b], z: [5, 6]}, zip: [[x, z]]}",
         "x=1 y=a z=5; x=1 y=b z=5; x=2 y=a z=6; x=2 y=b z=6"},
        {"{parameters: {x: {range: {from: 0.1, to: 0.3, step: 0.1}}}}",
         "x=0.1; x=0.2; x=0.3"},
        {"{parameters: {x: {range: {from: 3, to: 1, step: -1}}}}",
         "x=3; x=2; x=1"},
        {"{parameters: {x: {linspace: {from: 0, to: 1, num: 3}}}}",
         "x=0; x=0.5; x=1"},
        {"{parameters: {x: {logspace: {from: 1, to: 100, num: 3}}}}",
         "x=1; x=10; x=100"},
        {"{points: [{x: 1, y: 2}, {y: 4, x: 3}]}", "x=1 y=2; x=3 y=4"},
        {"{method: combinations, items: [a, b, c], parameters: [p, q]}",
         "p=a q=b; p=a q=c; p=b q=c"},
        {"{method: permutations, items: [a, b], parameters: {p: {}, q: {}}}",
         "p=a q=b; p=b q=a"},
        {"{from: t.csv}", "T=1.50 L=8 note=; T=2 L=16 note=a,b"},
        {"{from: t.csv, parameters: [L, T]}", "L=8 T=1.50; L=16 T=2"},
        {"{from: t.tsv, method: list, parameters: {'T,L,note': {}}}", NULL},
        {"{from: {files: '*'}}", "file=in/a.dat; file=in/b.dat"},
        {"{parameters: {i: {from: {files: '*'}}, n: [1, 2]}}",
         "i=in/a.dat n=1; i=in/a.dat n=2; i=in/b.dat n=1; i=in/b.dat n=2"},
        {"{parameters: {t: {from: t.csv, column: T}, L: {from: t.csv}}, "
         "zip: [[t, L]]}",
         "t=1.50 L=8; t=2 L=16"},
        {"{parameters: {x: [a, b]}, repeat: 2}",
         "x=a repeat=0; x=a repeat=1; x=b repeat=0; x=b repeat=1"},
        {"{points: [{x: a}], repeat: {count: 2, seed: s, first: -1}}",
         "x=a s=-1; x=a s=0"},
        {"[{parameters: {x: [1], y: [2, 3]}}, {points: [{y: 5, x: 4}]}]",
         "x=1 y=2; x=1 y=3; x=4 y=5"},
        {"[{parameters: {y: [1, 2], x: [3, 4]}}, {parameters: {x: [5, 6], y: "
         "[7, 8]}}]",
         "y=1 x=3; y=1 x=4; y=2 x=3; y=2 x=4; "
         "y=7 x=5; y=8 x=5; y=7 x=6; y=8 x=6"},
        {"{parameters: {x: [1, 2, 3], y: [1, 2]}, "
         "exclude: [{x: 1.0}, {y: 2, x: [2, 3]}], "
         "include: [{y: 9, x: 8}]}",
         "x=2 y=1; x=3 y=1; x=8 y=9"},
        {"{parameters: {x: [1, 2, 3], y: [1, 2]}, when: [x > y, 'x + y != 4']}",
         "x=2 y=1; x=3 y=2"},
        {"{method: random, count: 2, parameters: {x: {values: [7], "
         "distribution: choice}, y: 8, z: [9]}}",
         "x=7 y=8 z=9; x=7 y=8 z=9"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct spec_errors errors;
        struct buf out;
        struct jobspec *spec = sweep_parse(table[i].sweep, &errors);
        if ((spec != NULL) != (table[i].points != NULL))
            fail_msg("%s: %s", table[i].sweep,
                     spec ? "no error" : errors.list[0].text);
        buf_init(&out, TEXT_MAX);
        for (uint32_t k = 0; spec && k < spec->jobs[0].tasks.count; k++) {
            assert_int_equal(buf_puts(&out, k ? "; " : ""), 0);
            put_point(&out, &spec->jobs[0].tasks, k);
        }
        if (spec)
            assert_string_equal(buf_text(&out), table[i].points);
        buf_fini(&out);
        spec_errors_fini(&errors);
        jobspec_destroy(spec);
    }
}

/* What is said of parameters, in whichever sweep of a list. */
static void keeps_labels(void **state)
{
    (void)state;
    struct spec_errors errors;
    struct jobspec *spec = sweep_parse(
        "[{parameters: {x: {values: [1], units: m}, y: [1], f: {from: {files: "
        "'*'}}}}, {points: [{x: 1, y: 2, f: a}], parameters: {x: {units: m, "
        "long_name: length}, y: {long_name: width}}}]",
        &errors);
    assert_non_null(spec);
    const struct param *p = spec->jobs[0].tasks.params;
    assert_string_equal(p[0].units, "m");
    assert_string_equal(p[0].long_name, "length");
    assert_null(p[1].units);
    assert_string_equal(p[1].long_name, "width");
    assert_false(p[0].is_path);
    assert_true(p[2].is_path);
    spec_errors_fini(&errors);
    jobspec_destroy(spec);
}

/* Drawn values lie where they were asked for; the seed is heard. */
static void draws(void **state)
{
    (void)state;
    static const char *const methods[] = {"random", "lhs", "sobol", "halton"};
    for (size_t i = 0; i < 8; i++) {
        struct spec_errors errors;
        struct buf text, points[2];
        for (int seed = 0; seed < 2; seed++) {
            buf_init(&text, TEXT_MAX);
            buf_init(&points[seed], TEXT_MAX);
            buf_printf(&text,
                       "{method: %s, count: 9, seed: %d, parameters: {x: {min: "
                       "2, max: 3}, n: {min: -1, max: 1, distribution: "
                       "integer}, l: {min: 1, max: 2, distribution: "
                       "log_uniform}, g: {mean: 50, stddev: 1, distribution: "
                       "normal}}}",
                       methods[i % 4], seed);
            struct jobspec *spec = sweep_parse(buf_text(&text), &errors);
            assert_non_null(spec);
            const struct taskset *set = &spec->jobs[0].tasks;
            static const double low[] = {2, -1, 1, 40}, high[] = {3, 1, 2, 60};
            for (uint32_t k = 0; k < set->count; k++) {
                put_point(&points[seed], set, k);
                for (uint32_t q = 0; q < 4; q++) {
                    struct value v;
                    struct err err;
                    double x = 0;
                    assert_int_equal(taskset_value(set, k, q, NULL, &v, &err),
                                     0);
                    assert_true(value_number(&v, &x));
                    assert_true(x >= low[q] && x <= high[q]);
                }
            }
            buf_fini(&text);
            spec_errors_fini(&errors);
            jobspec_destroy(spec);
        }
        assert_string_not_equal(buf_text(&points[0]), buf_text(&points[1]));
        buf_fini(&points[0]);
        buf_fini(&points[1]);
    }
}

/* A table that cannot be used is an error once, however often it is named. */
static void reports_a_table_once(void **state)
{
    (void)state;
    struct spec_errors errors;
    struct jobspec *spec =
        sweep_parse("[{parameters: {x: {from: none.csv}, y: {from: none.csv}}},"
                    " {parameters: {x: {from: none.csv}, y: [1]}}]",
                    &errors);
    assert_null(spec);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.list[0].text, "cannot open none.csv");
    spec_errors_fini(&errors);
}

/* Errors that have no room any more are errors all the same. */
static void more_errors_than_fit(void **state)
{
    (void)state;
    static const char *const sweeps[] = {
        "{method: lhs, count: 3, parameters: {x: {values: [1, 2]}, y: {mean: "
        "0}, z: {distribution: choice}}}",
        "{parameters: {x: {}, y: {range: {from: 2, to: 1}}}, zip: [[a, b]]}",
        "{parameters: {x: [1]}, exclude: [{x: ~}, {y: 1}], when: x =}",
        "[{parameters: {x: [1]}}, {parameters: {y: [1]}, include: [{z: 1}]}]",
        "{from: none.csv, parameters: {u: [1]}}",
        "{method: sobol}"};
    struct spec_errors errors;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_puts(&text, "jobs:\n");
    for (size_t i = 0; i < 100; i++)
        buf_printf(&text,
                   "- {id: j%zu, sweep: %s, task: {command_line: 'a {x}'}}\n",
                   i, sweeps[i % 6]);
    assert_null(spec_parse(buf_text(&text), text.len, "stem", &files, &errors));
    assert_int_equal(errors.count, SPEC_MAX_ERRORS);
    assert_true(errors.total > SPEC_MAX_ERRORS);
    spec_errors_fini(&errors);
    buf_fini(&text);
}

/* Each allocation fails once: an error, no leak, no crash. */
static void allocation_failures(void **state)
{
    (void)state;
    static const char *const sweeps[] = {
        "{parameters: {x: {range: {from: 1, to: 3}}, y: [a, b], z: [1, 2]}, "
        "zip: [[y, z]], exclude: [{x: [1, 2]}], when: x > 1 or y == 'a', "
        "include: [{x: 0, y: 0, z: 0, s: 0}], repeat: {count: 2, seed: s}}",
        "[{points: [{x: 1, y: 2}]}, {method: permutations, items: [1, 2], "
        "parameters: [y, x]}, {method: sobol, count: 3, parameters: {x: {min: "
        "0, max: 1}, y: 7}}, {method: lhs, count: 3, parameters: {x: {min: 0, "
        "max: 1}, y: 7}}]",
        "{from: t.csv, parameters: {T: {units: m}}}",
        "{parameters: {f: {from: {files: '*'}}, T: {from: t.csv, column: L}}}",
        "{from: t.csv, parameters: [l], exclude: [{X: 1}], zip: [[a, b]]}"};
    for (size_t i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++) {
        bool failed = true;
        for (unsigned long k = 1; failed; k++) {
            struct spec_errors errors;
            struct buf text;
            buf_init(&text, TEXT_MAX);
            buf_printf(&text, "jobs: [{sweep: %s, task: {command_line: ./a}}]",
                       sweeps[i]);
            mem_fail_at(k);
            struct jobspec *spec =
                spec_parse(buf_text(&text), text.len, "stem", &files, &errors);
            failed = mem_fail_at(0) >= k;
            assert_true(spec || errors.count > 0);
            assert_true(!spec || errors.count == 0);
            spec_errors_fini(&errors);
            jobspec_destroy(spec);
            buf_fini(&text);
            assert_true(k < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_points),
        cmocka_unit_test(keeps_labels),
        cmocka_unit_test(draws),
        cmocka_unit_test(reports_a_table_once),
        cmocka_unit_test(more_errors_than_fit),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
