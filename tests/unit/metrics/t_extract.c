/* Metrics from what tasks leave: found, missing, malformed, out of range; each
 * source but HDF5, which tests/cli/metrics.sh has. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "metrics/extract.h"

struct sample {
    enum metric_type type;
    const char *regex;
    const char *text;
    enum metric_state state;
    double number; /* FLOAT64 and INT64 */
    const char *string;
};

static const struct sample samples[] = {
    {METRIC_FLOAT64, "^E = (\\S+)", "x\nE = 1.5\nE = 2\n", METRIC_OK, 1.5, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = -3e-7", METRIC_OK, -3e-7, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "no E = 1\n", METRIC_MISSING, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "", METRIC_MISSING, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = 1,5\n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S*)", "E = \n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "^E = (\\S+)", "E = ****\n", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "E=(.*)", "E=  4.0  \n", METRIC_OK, 4, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=inf", METRIC_OK, INFINITY, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1.0\r\nx", METRIC_OK, 1, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1e400", METRIC_MALFORMED, 0, 0},
    {METRIC_FLOAT64, "E=(\\S+)", "E=1e-400", METRIC_OK, 0, 0},
    {METRIC_FLOAT64, "[0-9.]+", "about 7.25 s", METRIC_OK, 7.25, 0},
    {METRIC_FLOAT64, "a(\\d)?b", "ab", METRIC_MISSING, 0, 0},
    {METRIC_INT64, "n=(\\S+)", "n=42", METRIC_OK, 42, 0},
    {METRIC_INT64, "n=(\\S+)", "n=-7", METRIC_OK, -7, 0},
    {METRIC_INT64, "n=(\\S+)", "n=4.0", METRIC_MALFORMED, 0, 0},
    {METRIC_INT64, "n=(\\S+)", "n=99999999999999999999", METRIC_MALFORMED, 0,
     0},
    {METRIC_STRING, "s=(.*)", "s=two words\n", METRIC_OK, 0, "two words"},
    {METRIC_STRING, "s=(.*)", "s=\n", METRIC_OK, 0, ""},
    {METRIC_STRING, "s=(.*)", "s=\xff\xfe\n", METRIC_MALFORMED, 0, 0},
};

static struct job job_with(const struct metric *metrics, uint32_t count)
{
    return (struct job){.id = "j", .metrics = metrics, .metric_count = count};
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        struct metric m = {.name = "m", .pattern = s->regex, .type = s->type};
        struct job job = job_with(&m, 1);
        struct err err;
        struct attempt a;
        attempt_init(&a);
        struct extractor *x = extractor_create(&job, &err);
        assert_non_null(x);
        static const char other[] = "m=0 n=0 s=0 E = 0";
        const struct leavings left = {
            .output = {s->text, other},
            .output_len = {strlen(s->text), strlen(other)}};
        assert_int_equal(extractor_run(x, &left, &a, &err), 0);
        assert_int_equal(a.metric_count, 1);
        if (a.metrics[0].state != s->state)
            fail_msg("\"%s\" in \"%s\"", s->regex, s->text);
        if (s->state == METRIC_OK && s->type == METRIC_FLOAT64)
            assert_true(a.metrics[0].u.number == s->number);
        if (s->state == METRIC_OK && s->type == METRIC_INT64)
            assert_int_equal(a.metrics[0].u.integer, (int64_t)s->number);
        if (s->string)
            assert_string_equal(a.metrics[0].string, s->string);
        attempt_fini(&a);
        extractor_destroy(x);
    }
}

/* Two metrics, each from its stream. */
static void test_streams(void **state)
{
    (void)state;
    const struct metric m[2] = {
        {.name = "a", .pattern = "v=(\\d+)", .type = METRIC_INT64},
        {.name = "b",
         .pattern = "v=(\\d+)",
         .type = METRIC_INT64,
         .from = METRIC_STDERR}};
    struct job job = job_with(m, 2);
    const struct leavings left = {.output = {"v=1", "v=2"},
                                  .output_len = {3, 3}};
    struct attempt a;
    struct err err;
    attempt_init(&a);
    struct extractor *x = extractor_create(&job, &err);
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_int_equal(a.metrics[0].u.integer, 1);
    assert_int_equal(a.metrics[1].u.integer, 2);
    extractor_destroy(x);
}

/* A regular expression that would take for ever is given up. */
static void test_bounded(void **state)
{
    (void)state;
    const struct metric m = {.name = "m", .pattern = "^(?:(x+x+)+)y"};
    struct job job = job_with(&m, 1);
    char text[64];
    const struct leavings left = {.output = {text, ""},
                                  .output_len = {sizeof(text), 0}};
    struct attempt a;
    struct err err;
    memset(text, 'x', sizeof(text));
    attempt_init(&a);
    struct extractor *x = extractor_create(&job, &err);
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_int_not_equal(a.metrics[0].state, METRIC_OK);
    extractor_destroy(x);
}

/* ---- Any metric, from stdout ---- */

/* What the metric becomes, as text: "ok 1.5", "ok [1 2]", "missing WHY". */
static void show(char out[512], const struct metric *m, const struct attempt *a)
{
    const struct metric_value *v = &a->metrics[0];
    size_t n = (size_t)sprintf(out, "%s", metric_state_name(v->state));
    bool is_int = m->type == METRIC_INT64;
    if (metric_has_value(v->state) && m->rank > 0) {
        for (uint32_t i = 0; i < v->cells && n < 400; i++)
            n += (size_t)(is_int ? sprintf(out + n, " %lld",
                                           (long long)v->u.integers[i])
                                 : sprintf(out + n, " %.9g", v->u.numbers[i]));
    } else if (metric_has_value(v->state) && m->type == METRIC_STRING) {
        n += (size_t)sprintf(out + n, " \"%s\"", v->string);
    } else if (metric_has_value(v->state)) {
        n +=
            (size_t)(is_int ? sprintf(out + n, " %lld", (long long)v->u.integer)
                            : sprintf(out + n, " %.9g", v->u.number));
    }
    const char *why = strstr(a->message, ": stdout: ");
    if (why)
        sprintf(out + n, "|%.300s", why + strlen(": stdout: "));
}

static void check(const struct metric *given, const char *text, size_t len,
                  const char *expected)
{
    struct metric m = *given;
    struct job job = {.id = "j", .metrics = &m, .metric_count = 1};
    const struct leavings left = {.output = {text, ""}, .output_len = {len, 0}};
    struct attempt a;
    struct err err;
    char got[512];
    m.name = "m";
    m.cells = 1;
    for (uint32_t i = 0; i < m.rank; i++)
        m.cells *= m.shape[i];
    attempt_init(&a);
    a.result = RESULT_SUCCESS;
    struct extractor *x = extractor_create(&job, &err);
    assert_non_null(x);
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    show(got, &m, &a);
    if (strcmp(got, expected) != 0)
        fail_msg("%s of \"%.60s\":\n got      %s\n expected %s",
                 m.pattern ? m.pattern : "npy", text, got, expected);
    attempt_fini(&a);
    extractor_destroy(x);
}

#define REGEX(p, ...)                                                          \
    {                                                                          \
        .how = METRIC_REGEX, .pattern = (p), __VA_ARGS__                       \
    }
#define JSON(p, ...)                                                           \
    {                                                                          \
        .how = METRIC_JSON, .pattern = (p), __VA_ARGS__                        \
    }
#define CSV(p, ...)                                                            \
    {                                                                          \
        .how = METRIC_CSV, .pattern = (p), __VA_ARGS__                         \
    }
#define INT          .type = METRIC_INT64
#define STR          .type = METRIC_STRING
#define SEL(s)       .select = METRIC_##s
#define SHAPE1(n)    .rank = 1, .shape = {n}
#define SHAPE2(n, k) .rank = 2, .shape = {n, k}
#define RANGE(a, b)  .ranged = true, .min = (a), .max = (b)
#define LINES        "{\"E\": 1}\nhello\n{\"E\": 2.5}\n{\"F\": 0}\n{\"E\": -1}\n"
#define TABLE        "# comment\nstep,E, name \n1,0.5,a\n\n2,-1.5,\"b, \"\"c\"\"\"\n"

static const struct {
    struct metric m;
    const char *text, *expected;
} cases[] = {
    /* select */
    {REGEX("E=(\\S+)", SEL(LAST)), "E=1 E=2 E=3", "ok 3"},
    {REGEX("E=(\\S+)", SEL(MIN)), "E=1 E=-2 E=3", "ok -2"},
    {REGEX("E=(\\S+)", SEL(MAX), INT), "E=1 E=-2 E=3", "ok 3"},
    {REGEX("E=(\\S+)", SEL(MEAN)), "E=1 E=2 E=6", "ok 3"},
    {REGEX("E=(\\S+)", SEL(MEAN)), "E=1 E=x E=6",
     "malformed|\"x\" is no float64"},
    {REGEX("E=(\\S+)", SEL(LAST)), "E=1 E=x E=6", "ok 6"},
    {REGEX("E=(\\S+)", SEL(LAST)), "E=1 E=x", "malformed|\"x\" is no float64"},
    {REGEX("E=(\\S+)", SEL(FIRST)), "E=1 E=x", "ok 1"},
    {REGEX("E=(\\S+)", SEL(MIN)), "E=1 E=nan E=0", "ok nan"},
    {REGEX("s=(\\w+)", SEL(LAST), STR), "s=a s=b", "ok \"b\""},
    {REGEX("x*", SEL(LAST), STR), "abc", "ok \"\""},
    {REGEX("E=(\\S+)", SEL(LAST)), "nothing",
     "missing|its regex does not match"},
    /* several groups of one expression: the one that takes part */
    {REGEX("E=(?<e>\\S+)|M=(?<m>\\S+)", .group = "m"), "E=1 M=2", "ok 2"},
    {REGEX("E=(?<e>\\S+)|M=(?<m>\\S+)", .group = "e", SEL(LAST)), "E=1 E=3 M=2",
     "ok 3"},
    /* arrays of texts */
    {REGEX("E=(\\S+)", SEL(ALL), SHAPE1(3)), "E=1 E=2 E=3", "ok 1 2 3"},
    {REGEX("E=(\\S+)", SEL(ALL), SHAPE1(2)), "E=1 E=2 E=3",
     "malformed|there are more values than its shape [2] has"},
    {REGEX("E=(\\S+)", SEL(ALL), SHAPE1(4)), "E=1 E=2 E=3",
     "malformed|3 values, its shape is [4]"},
    {REGEX("v: (.*)", SHAPE2(2, 2), INT), "v: [[1, 2], [3, 4]]\n",
     "ok 1 2 3 4"},
    {REGEX("v: (.*)", SHAPE1(2)), "v: 1 2\nv: 3 4\n", "ok 1 2"},
    {REGEX("v: (.*)", SHAPE1(2), SEL(LAST)), "v: 1 2\nv: 3 4\n", "ok 3 4"},
    {REGEX("v: (.*)", SHAPE1(2), SEL(LAST)), "v: 1 2\nv: 3\n",
     "malformed|1 value, its shape is [2]"},
    {REGEX("v: (.*)", SHAPE2(2, 2), SEL(ALL)), "v: 1 2\nv: 3 4\n",
     "ok 1 2 3 4"},
    /* ranges */
    {REGEX("E=(\\S+)", RANGE(0, 1)), "E=0.5", "ok 0.5"},
    {REGEX("E=(\\S+)", RANGE(0, 1)), "E=1", "ok 1"},
    {REGEX("E=(\\S+)", RANGE(0, 1)), "E=1.1",
     "out_of_range 1.1|1.1 is not in its range [0, 1]"},
    {REGEX("E=(\\S+)", RANGE(0, 1)), "E=nan",
     "out_of_range nan|nan is not in its range [0, 1]"},
    {REGEX("E=(\\S+)", RANGE(-INFINITY, 1)), "E=-inf", "ok -inf"},
    {REGEX("E=(\\S+)", RANGE(0, 9), INT), "E=10",
     "out_of_range 10|10 is not in its range [0, 9]"},
    {REGEX("E=(\\S+)", RANGE(0, 9), SHAPE1(2), SEL(ALL)), "E=10 E=3",
     "out_of_range 10 3|10 is not in its range [0, 9]"},
    /* JSON */
    {JSON("/E"), "{\"E\": 1.5}", "ok 1.5"},
    {JSON("/E"), "  {\n  \"E\": 2\n}\n", "ok 2"},
    {JSON("/a/1/b"), "{\"a\": [0, {\"b\": 7}]}", "ok 7"},
    {JSON("/a~1b/c~0d"), "{\"a/b\": {\"c~d\": 7}}", "ok 7"},
    {JSON("/"), "{\"\": 7}", "ok 7"},
    {JSON(""), "42\n", "ok 42"},
    {JSON("/a/01"), "{\"a\": [0, 1]}", "missing|no JSON in it has /a/01"},
    {JSON("/a/-"), "{\"a\": [0, 1]}", "missing|no JSON in it has /a/-"},
    {JSON("/E"), "{\"F\": 1}", "missing|no JSON in it has /E"},
    {JSON("/E"), "", "missing|no JSON in it has /E"},
    {JSON("/E"), "starting\n{\"E\": 1}\ndone\n", "ok 1"},
    {JSON("/E"), "[info] starting\n{\"E\": 1}\n", "ok 1"},
    {JSON("/E"), LINES, "ok 1"},
    {JSON("/E", SEL(LAST)), LINES, "ok -1"},
    {JSON("/E", SEL(MAX)), LINES, "ok 2.5"},
    {JSON("/E", SEL(ALL), SHAPE1(3)), LINES, "ok 1 2.5 -1"},
    {JSON("/E", SEL(ALL), SHAPE1(2)), LINES,
     "malformed|there are more values than its shape [2] has"},
    {JSON("/E"), "{\"E\": NaN}\n{\"E\": 1}\n",
     "malformed|no JSON: line 1: invalid token near 'NaN'"},
    {JSON("/E", SEL(LAST)), "{\"E\": 1}\n{\"E\": 2,\n",
     "malformed|no JSON: line 2: string or '}' expected near end of file"},
    {JSON("/E"), "{\"E\": 1} {\"E\": 2}\n",
     "malformed|no JSON: there is more behind the value in its line"},
    {JSON("/E"), "{\"E\": \"2.5\"}", "ok 2.5"},
    {JSON("/E"), "{\"E\": \"x\"}", "malformed|\"x\" is no float64"},
    {JSON("/E"), "{\"E\": null}", "malformed|the value is null"},
    {JSON("/E"), "{\"E\": [1]}",
     "malformed|the value is an array, and it has no shape"},
    {JSON("/E", INT), "{\"E\": true}", "ok 1"},
    {JSON("/E", INT), "{\"E\": 1.5}", "malformed|1.5 is no int64"},
    {JSON("/E", STR), "{\"E\": 0.1}", "ok \"0.1\""},
    {JSON("/E", STR), "{\"E\": false}", "ok \"false\""},
    {JSON("/E", SHAPE1(3)), "{\"E\": [1, 2, 3]}", "ok 1 2 3"},
    {JSON("/E", SHAPE2(2, 1), INT), "{\"E\": [[1], [2]]}", "ok 1 2"},
    {JSON("/E", SHAPE2(2, 2)), "{\"E\": [[1, 2], [3]]}",
     "malformed|an array of 1 does not fit its shape [2, 2]"},
    {JSON("/E", SHAPE1(2)), "{\"E\": 1}",
     "malformed|the value is no array, its shape is [2]"},
    {JSON("/E", SEL(MEAN)), "{\"E\": [[1, 2], [3]]}", "ok 2"},
    {JSON("/E", SEL(ALL), SHAPE2(2, 2)), "{\"E\": [1, 2]}\n{\"E\": [3, 4]}\n",
     "ok 1 2 3 4"},
    /* CSV */
    {CSV("E"), TABLE, "ok 0.5"},
    {CSV("E", SEL(LAST)), TABLE, "ok -1.5"},
    {CSV("step", SEL(MAX), INT), TABLE, "ok 2"},
    {CSV("name", SEL(LAST), STR), TABLE, "ok \"b, \"c\"\""},
    {CSV("E", SEL(ALL), SHAPE1(2)), TABLE, "ok 0.5 -1.5"},
    {CSV("E", SEL(ALL), SHAPE1(3)), TABLE,
     "malformed|2 values, its shape is [3]"},
    {CSV("M"), TABLE, "missing|no line is a header with the column \"M\""},
    {CSV("E"), "starting E\na\tE\n1\t2\n", "ok 2"},
    {CSV("E"), "# a;E\n1;3\r\n", "ok 3"},
    {CSV("a"), "# a;E\n1;3\n", "ok 1"},
    {CSV("E"),
     "\xef\xbb\xbf"
     "E\n4\n",
     "ok 4"},
    {CSV("E"), "a,E\n", "missing|there is no row below the header"},
    {CSV("E"), "a,E\n1\n", "malformed|line 2 has 1 field, the header 2"},
    {CSV("E", SEL(MEAN)), "a,E\n1,2\n1,2,3\n",
     "malformed|line 3 has 3 fields, the header 2"},
    {CSV("E"), "a,E\n\"x,1\n", "malformed|line 2: quotes are not closed"},
    {CSV("E"), "a,E\n1,\n", "malformed|\"\" is no float64"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i].m, cases[i].text, strlen(cases[i].text),
              cases[i].expected);
}

/* ---- .npy, taken from stdout here ---- */

#define NPY(s, ...)                                                            \
    {                                                                          \
        .how = METRIC_NPY, SEL(s), __VA_ARGS__                                 \
    }

struct npy_case {
    struct metric m;
    const char *header; /* of version 1; NULL: data is the whole file */
    const char *data;
    size_t len;
    const char *expected;
};
#define DICT(t, f, s)                                                          \
    "{'descr': '" t "', 'fortran_order': " f ", 'shape': " s ", }"
#define DATA(s) (s), sizeof(s) - 1

static const struct npy_case npys[] = {
    {NPY(ALL, INT), DICT("<i4", "False", "()"), DATA("\x2a\0\0\0"), "ok 42"},
    {NPY(ALL, INT), DICT(">i2", "False", "(1,)"), DATA("\xff\xfe"), "ok -2"},
    {NPY(ALL, SHAPE1(2)), DICT("<f4", "False", "(2,)"),
     DATA("\0\0\xc0\x3f\0\0\0\xc0"), "ok 1.5 -2"},
    {NPY(ALL, SHAPE1(2)), DICT(">f8", "False", "(2,)"),
     DATA("\x3f\xf8\0\0\0\0\0\0\xbf\xf0\0\0\0\0\0\0"), "ok 1.5 -1"},
    {NPY(ALL, SHAPE1(3)), DICT("<f2", "False", "(3,)"),
     DATA("\x00\x3c\x01\x00\x00\xfc"), "ok 1 5.96046448e-08 -inf"},
    {NPY(ALL, SHAPE2(2, 3), INT), DICT("|u1", "True", "(2, 3)"),
     DATA("\1\4\2\5\3\6"), "ok 1 2 3 4 5 6"},
    {NPY(ALL, SHAPE2(2, 3), INT), DICT("|i1", "False", "(2, 3)"),
     DATA("\1\2\3\4\5\xff"), "ok 1 2 3 4 5 -1"},
    {NPY(ALL, SHAPE1(2), INT), DICT("|b1", "False", "(2,)"), DATA("\1\0"),
     "ok 1 0"},
    {NPY(ALL, INT), DICT("<u8", "False", "()"),
     DATA("\xff\xff\xff\xff\xff\xff\xff\xff"),
     "malformed|18446744073709551615 is no int64"},
    {NPY(MEAN), DICT("|u1", "False", "(3,)"), DATA("\1\2\6"), "ok 3"},
    {NPY(LAST), DICT("|u1", "True", "(2, 2)"), DATA("\1\3\2\4"), "ok 4"},
    {NPY(FIRST), DICT("|u1", "False", "(3,)"), DATA("\1\2\6"), "ok 1"},
    {NPY(MIN), DICT("|u1", "False", "(0,)"), DATA(""),
     "malformed|there is no value"},
    {NPY(ALL), DICT("|u1", "False", "(3,)"), DATA("\1\2\6"),
     "malformed|an array of shape (3), not one value: give it a `shape` or `select`"},
    {NPY(ALL, SHAPE1(2)), DICT("|u1", "False", "(3,)"), DATA("\1\2\6"),
     "malformed|an array of shape (3), not [2]"},
    {NPY(ALL, SHAPE1(2)), DICT("<f8", "False", "(2,)"), DATA("\1\2\6"),
     "malformed|the file is cut off: 3 bytes for 2 values of 8"},
    {NPY(ALL, SHAPE1(2)), DICT("<c16", "False", "(2,)"), DATA(""),
     "malformed|it is of type <c16; numbers are read: b1, i1 to i8, u1 to u8, f2 to f8"},
    {NPY(ALL), "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}",
     DATA(""), "malformed|it is an array of records"},
    {NPY(ALL), DICT("<f8", "False", "(9999999999, 9999999999)"), DATA(""),
     "malformed|an array of shape (9999999999, 9999999999); at most 8388608 values are read"},
    {NPY(ALL), "{'descr': '<f8'}", DATA(""),
     "malformed|its .npy header cannot be read"},
    {NPY(ALL), NULL, DATA("not numpy at all"), "malformed|it is no .npy file"},
    {NPY(ALL), NULL, DATA("\x93NUMPY\x09\0\0\0\0\0"),
     "malformed|version 9 of .npy is not known"},
    {NPY(ALL), NULL, DATA("\x93NUMPY\x02\0\xff\xff\xff\xff"),
     "malformed|its .npy header cannot be read"},
    {NPY(ALL, INT), NULL,
     DATA("\x93NUMPY\x03\0\x3a\0\0\0" DICT("|u1", "False", "()") "  \n"
                                                                 "\7"),
     "ok 7"},
};

static void test_npy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(npys) / sizeof(npys[0]); i++) {
        const struct npy_case *c = &npys[i];
        char file[1024] = "\x93NUMPY\x01";
        size_t n = 0;
        if (c->header) {
            file[8] = (char)strlen(c->header);
            memcpy(file + 10, c->header, strlen(c->header));
            n = 10 + strlen(c->header);
        }
        memcpy(file + n, c->data, c->len);
        check(&c->m, file, n + c->len, c->expected);
        /* cut anywhere it is refused, not believed */
        for (size_t cut = 0; cut < n + c->len && c->expected[0] == 'o'; cut++) {
            struct metric m = c->m;
            struct job job = {.id = "j", .metrics = &m, .metric_count = 1};
            char *copy = mem_alloc(cut + 1);
            const struct leavings left = {.output = {copy, ""},
                                          .output_len = {cut, 0}};
            struct attempt a;
            struct err err;
            m.name = "m";
            m.cells = m.rank == 0   ? 1
                      : m.rank == 1 ? m.shape[0]
                                    : m.shape[0] * m.shape[1];
            memcpy(copy, file, cut);
            attempt_init(&a);
            struct extractor *x = extractor_create(&job, &err);
            assert_int_equal(extractor_run(x, &left, &a, &err), 0);
            assert_int_equal(a.metrics[0].state, METRIC_MALFORMED);
            attempt_fini(&a);
            extractor_destroy(x);
            mem_free(copy);
        }
    }
}

/* ---- Files ---- */

/* A fifo is not waited for, a folder is no file, what is absent is missing, and
 * what is too large is not read. */
static void test_files(void **state)
{
    char dir[] = "/tmp/t_extract.XXXXXX", path[64];
    static const struct {
        const char *name, *expected;
    } files[] = {
        {"here", "ok 7"},
        {"absent", "missing"},
        {"folder", "malformed it is no regular file"},
        {"fifo", "malformed it is no regular file"},
        {"here/below", "missing"},
        {"large", "malformed it is larger than 64 MiB"},
    };
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/here", dir);
    FILE *f = fopen(path, "w");
    fputs("E=7\n", f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/folder", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/large", dir);
    f = fopen(path, "w");
    assert_int_equal(ftruncate(fileno(f), (64 << 20) + 1), 0);
    fclose(f);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct arena *arena = arena_create(1 << 20);
        size_t at;
        struct err err;
        char got[256];
        struct metric m = {.name = "m",
                           .pattern = "E=(\\S+)",
                           .from = METRIC_FILE,
                           .cells = 1,
                           .file = template_compile(arena, files[i].name, NULL,
                                                    NULL, 0, &at, &err)};
        struct job job = {.id = "j", .metrics = &m, .metric_count = 1};
        const struct leavings left = {.work_dir = dir, .task_id = "0"};
        struct attempt a;
        attempt_init(&a);
        a.result = RESULT_SUCCESS;
        struct extractor *x = extractor_create(&job, &err);
        assert_int_equal(extractor_run(x, &left, &a, &err), 0);
        if (a.metrics[0].state == METRIC_MALFORMED)
            snprintf(got, sizeof(got), "malformed%s",
                     strstr(a.message, ": it") + 1);
        else if (a.metrics[0].state == METRIC_OK)
            snprintf(got, sizeof(got), "ok %g", a.metrics[0].u.number);
        else
            snprintf(got, sizeof(got), "%s",
                     metric_state_name(a.metrics[0].state));
        assert_string_equal(got, files[i].expected);
        attempt_fini(&a);
        extractor_destroy(x);
        arena_destroy(arena);
        snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
        (void)remove(path);
    }
    snprintf(path, sizeof(path), "%s/here", dir);
    (void)remove(path);
    assert_int_equal(rmdir(dir), 0);
}

/* The message names the first bad metric and counts the others. */
static void test_message(void **state)
{
    const struct metric m[3] = {{.name = "a", .pattern = "a=(\\S+)"},
                                {.name = "b", .pattern = "b=(\\S+)"},
                                {.name = "c", .pattern = "c=(\\S+)"}};
    struct job job = job_with(m, 3);
    const struct leavings left = {.output = {"a=1\nb=nan?\n", ""},
                                  .output_len = {11, 0}};
    struct attempt a;
    struct err err;
    (void)state;
    struct extractor *x = extractor_create(&job, &err);
    attempt_init(&a);
    a.result = RESULT_SUCCESS;
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_string_equal(a.message, "metric b: stdout: \"nan?\" is no float64 "
                                   "(and 1 more)");
    attempt_fini(&a);
    attempt_init(&a); /* a failure has its own reason */
    a.result = RESULT_FAILURE;
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_string_equal(a.message, "");
    attempt_fini(&a);
    extractor_destroy(x);
}

/* A text for which an expression takes years: at one place, or over many; the
 * sum over several metrics is bounded, and what is easy is found. */
static void test_time(void **state)
{
    enum { LINE_COUNT = 50000, LINE_BYTES = 24 };
    static const struct metric m[] = {
        {.name = "e", .pattern = "^a+!\\z|(x)$", .type = METRIC_STRING},
        {.name = "a", .pattern = "(a+)+x", .type = METRIC_STRING},
        {.name = "b", .pattern = "(?:a|a)*y?x", .type = METRIC_STRING},
        {.name = "c", .pattern = "(?:\\w+ ?)+x", .type = METRIC_STRING},
        {.name = "d", .pattern = "(*UTF)(a|aa)+$", .type = METRIC_STRING}};
    struct job job = job_with(m, 5);
    char *text = malloc(LINE_COUNT * LINE_BYTES + 1);
    struct attempt a;
    struct err err;
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < LINE_COUNT; i++)
        memcpy(text + (size_t)i * LINE_BYTES, "aaaaaaaaaaaaaaaaaaaaaa!\n",
               LINE_BYTES);
    text[(size_t)LINE_COUNT * LINE_BYTES] = 'x';
    const struct leavings left = {
        .output = {text, ""},
        .output_len = {LINE_COUNT * LINE_BYTES + 1, 0},
        .search_ns = INT64_C(300000000)};
    struct extractor *x = extractor_create(&job, &err);
    assert_non_null(x);
    attempt_init(&a);
    a.result = RESULT_SUCCESS;
    int64_t began_ns = clock_cpu_ns();
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_true(clock_cpu_ns() - began_ns < INT64_C(5000000000));
    assert_string_equal(a.message, "metric a: stdout: its regex cannot be "
                                   "matched: it takes too long (and 3 more)");
    assert_string_equal(a.metrics[0].string, "x");
    for (int i = 1; i < 5; i++)
        assert_int_equal(a.metrics[i].state, METRIC_MALFORMED);
    attempt_fini(&a);
    extractor_destroy(x);
    free(text);
}

/* Verbs come first; an empty match is followed by the next character. */
static void test_utf(void **state)
{
    static const struct metric m[] = {
        {.name = "a", .pattern = "(*UTF)(*UCP)(\\w?)=", .type = METRIC_STRING},
        {.name = "b",
         .pattern = "(*UTF)(x*)",
         .select = METRIC_LAST,
         .type = METRIC_STRING}};
    static const char text[] = "\xc3\xa4\xc3\xb6=\xe4\xb8\xad";
    struct job job = job_with(m, 2);
    const struct leavings left = {.output = {text, ""},
                                  .output_len = {sizeof(text) - 1, 0}};
    struct attempt a;
    struct err err;
    (void)state;
    struct extractor *x = extractor_create(&job, &err);
    assert_non_null(x);
    attempt_init(&a);
    assert_int_equal(extractor_run(x, &left, &a, &err), 0);
    assert_int_equal(a.metrics[0].state, METRIC_OK);
    assert_string_equal(a.metrics[0].string, "\xc3\xb6");
    assert_int_equal(a.metrics[1].state, METRIC_OK);
    assert_string_equal(a.metrics[1].string, "");
    attempt_fini(&a);
    extractor_destroy(x);
}

static void test_no_memory(void **state)
{
    (void)state;
    const struct metric m = {
        .name = "m", .pattern = "(.*)", .type = METRIC_STRING};
    struct job job = job_with(&m, 1);
    const struct leavings left = {.output = {"text", ""}, .output_len = {4, 0}};
    struct err err;
    for (unsigned long k = 1; k < 16; k++) {
        struct attempt a;
        attempt_init(&a);
        mem_fail_at(k);
        struct extractor *x = extractor_create(&job, &err);
        int rc = x ? extractor_run(x, &left, &a, &err) : -1;
        unsigned long made = mem_fail_at(0);
        assert_int_equal(rc, made >= k ? -1 : 0);
        attempt_fini(&a);
        extractor_destroy(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_cases),
        cmocka_unit_test(test_npy),     cmocka_unit_test(test_files),
        cmocka_unit_test(test_message), cmocka_unit_test(test_time),
        cmocka_unit_test(test_utf),     cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
