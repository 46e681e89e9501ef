/* Templates: what is a placeholder, formats as Python's, what fails. How
 * values stand in shell lines is tested with commands. */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format_cases.h"
#include "model/storage.h"
#include "model/template.h"
#include "prng.h"
#include "sweeps.h"

/* 43 times the same point: x = 0.10, n = 7, word = "a b", beta_1 = true. */
enum { POINTS = 43 };
static struct value points[4][POINTS];
static struct arena *kept;
static struct taskset set;

static int point_init(void **state)
{
    static const char *const names[] = {"x", "n", "word", "beta_1"};
    static const char *const texts[] = {"0.10", "7", "a b", "true"};
    struct swept params[4];
    struct err err;
    (void)state;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < POINTS; i++)
            value_resolve(&points[k][i], texts[k]);
        params[k] = (struct swept){
            .name = names[k], .values = points[k], .count = POINTS};
    }
    kept = arena_create(1 << 16);
    return kept ? swept_init(&set, kept, false, params, 4, &err) : -1;
}

static int point_fini(void **state)
{
    (void)state;
    arena_destroy(kept);
    return 0;
}

static const struct template_context context = {
    .index = 42, .task_id = "t-1", .job_id = "scan", .run_dir = "/runs/a"};

static const struct {
    const char *text, *expanded;
} good[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"{x}", "0.10"},
    {"{x}{n}{word}", "0.107a b"},
    {" {n} ", " 7 "},
    {"{beta_1}", "true"},
    {"{{", "{"},
    {"}}", "}"},
    {"{{}}", "{}"},
    {"{{x}}", "{x}"},
    {"{{{x}}}", "{0.10}"},
    {"{{{{x}}}}", "{{x}}"},
    {"a{{b{x}c}}d", "a{b0.10c}d"},
    {"{n:04d}", "0007"},
    {"{x:.3f}", "0.100"},
    {"{x:>8s}", "    0.10"},
    {"{x:+.2e}", "+1.00e-01"},
    {"{n:}", "7"},
    {"{word:_^7}", "__a b__"},
    {"{task.id}/{task.index:05d}/{job.id}/{run.dir}", "t-1/00042/scan//runs/a"},
    {"{job.id:>6}", "  scan"},
    {"\\{x}", "\\0.10"}, /* outside a shell a backslash is one */
    {"${x}", "$0.10"},
    {"'{x}", "'0.10"},
    {"\xc3\xa9{x}\xff", "\xc3\xa9"
                        "0.10\xff"},
};

static void expands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct arena *arena = arena_create(1 << 16);
        struct err err = {0};
        struct buf out;
        size_t at;
        buf_init(&out, 1000);
        assert_non_null(arena);
        char *text = mem_strdup(good[i].text);
        assert_non_null(text);
        const struct template *t =
            template_compile(arena, text, &set, NULL, TEMPLATE_ALL, &at, &err);
        if (!t)
            fail_msg("%s: %s", good[i].text, err.text);
        memset(text, '!', strlen(text)); /* it keeps a copy */
        mem_free(text);
        assert_string_equal(template_text(t), good[i].text);
        assert_int_equal(buf_puts(&out, "> "), 0);
        if (template_expand(t, &context, false, &out, &err) < 0)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_string_equal(buf_text(&out) + 2, good[i].expanded);

        size_t fits = out.len; /* and with no byte to spare */
        buf_truncate(&out, 2);
        out.max_bytes = fits;
        assert_int_equal(template_expand(t, &context, false, &out, &err), 0);
        buf_truncate(&out, 2);
        out.max_bytes = fits - 1;
        if (fits > 2) {
            assert_int_equal(template_expand(t, &context, false, &out, &err),
                             -1);
            assert_int_equal(err.code, EMSGSIZE);
            assert_string_equal(buf_text(&out), "> ");
        }
        buf_fini(&out);
        arena_destroy(arena);
    }
}

static const struct {
    const char *text;
    size_t at;
    const char *message; /* some of it */
} bad[] = {
    {"{", 0, "lone \"{\""},
    {"a {x.stem}", 2, "\"x\" is not one of files"},
    {"ab{", 2, "lone \"{\""},
    {"}", 0, "lone \"}\""},
    {"a } b", 2, "lone \"}\""},
    {"{{}", 2, "lone \"}\""},
    {"{x}}", 3, "lone \"}\""},
    {"{}", 0, "not a placeholder"},
    {"{:d}", 0, "not a placeholder"},
    {"{ x}", 0, "\" x\""},
    {"a {wrd} b", 2, "did you mean {word}?"},
    {"{beta1}", 0, "did you mean {beta_1}?"},
    {"{task.idx}", 0, "did you mean {task.id}?"},
    {"{nothing_like_it}", 0, "write {{ and }} for braces"},
    {"{x!r}", 0, "\"x!r\""},
    {"{X}", 0, "no parameter"},
    {"{x:z}", 0, "\"z\" is not a format"},
    {"{n:4d }", 0, "not a format"},
    {"{n:.d}", 0, "not a format"},
    {"{n:.2d}", 0, "not a format"},
    {"{n:1001d}", 0, "not a format"},
    {"{n:.1001f}", 0, "not a format"},
    {"{n:99999999999999999999d}", 0, "not a format"},
    {"{n:,d}", 0, "not a format"},
    {"{n:#x}", 0, "not a format"},
    {"{n:%}", 0, "not a format"},
    {"{word:=8s}", 0, "not a format"},
    {"{word:+s}", 0, "not a format"},
    {"{n:\xc3\xa9>5}", 0, "not a format"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena *arena = arena_create(1 << 16);
        struct err err = {0};
        size_t at = 99;
        assert_non_null(arena);
        if (template_compile(arena, bad[i].text, &set, NULL, TEMPLATE_ALL, &at,
                             &err))
            fail_msg("%s: accepted", bad[i].text);
        if (err.code != EINVAL || at != bad[i].at ||
            !strstr(err.text, bad[i].message))
            fail_msg("%s: code %d at %zu: %s", bad[i].text, err.code, at,
                     err.text);
        arena_destroy(arena);
    }
}

static void names_may_be_fewer(void **state)
{
    struct arena *arena = arena_create(1 << 16);
    struct err err;
    size_t at;
    (void)state;
    assert_non_null(arena);
    assert_null(
        template_compile(arena, "{task.index}", &set, NULL, 0, &at, &err));
    assert_non_null(strstr(err.text, "{task.index} cannot be used here"));
    assert_null(template_compile(arena, "ab{task.id}", &set, NULL,
                                 TEMPLATE_TASK, &at, &err));
    assert_int_equal(at, 2);
    assert_non_null(strstr(err.text, "{task.id} cannot be used here"));
    assert_non_null(template_compile(arena, "{task.index}", &set, NULL,
                                     TEMPLATE_TASK, &at, &err));
    assert_null(
        template_compile(arena, "{x}", NULL, NULL, TEMPLATE_ALL, &at, &err));
    assert_non_null(template_compile(arena, "{job.id}", NULL, NULL,
                                     TEMPLATE_ALL, &at, &err));
    /* the longest name, and one that is longer */
    char text[100] = "{";
    memset(text + 1, 'n', 81);
    strcpy(text + 81, "}");
    assert_null(
        template_compile(arena, text, &set, NULL, TEMPLATE_ALL, &at, &err));
    assert_non_null(strstr(err.text, "no parameter"));
    strcpy(text + 81, "n}");
    assert_null(
        template_compile(arena, text, &set, NULL, TEMPLATE_ALL, &at, &err));
    assert_non_null(strstr(err.text, "not a placeholder"));
    arena_destroy(arena);
}

static void knows_places(void **state)
{
    static const struct container containers[] = {
        {.name = "inputs", .path = "in"}, {.name = "results", .path = "/out"}};
    static const struct storage storage = {
        .root = "data", .containers = containers, .container_count = 2};
    static const struct storage none = {0};
    static const struct {
        const char *text;
        const struct storage *storage;
        const char *expanded, *error;
    } table[] = {
        {"{storage.inputs}/a", &storage, "/specs/data/in/a", NULL},
        {"{storage.results:>6}", &storage, "  /out", NULL},
        {"{spec.dir}", NULL, "/specs", NULL},
        {"a{storage.input}", &storage, NULL,
         "no container \"input\"; did you mean {storage.inputs}?"},
        {"a{storage.zzz}", &storage, NULL,
         "no container \"zzz\"; there is {storage.inputs}"},
        {"a{storage.inputs}", &none, NULL, "needs `storage` with"},
        {"a{storage.inputs}", NULL, NULL, "needs `storage` with"},
        {"a{spec.dri}", NULL, NULL, "did you mean {spec.dir}?"},
    };
    struct arena *arena = arena_create(1 << 16);
    struct template_context c = {.spec_dir = "/specs"}, nowhere = {0};
    struct err err;
    struct buf out;
    size_t at;
    (void)state;
    buf_init(&out, 100);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct template *t =
            template_compile(arena, table[i].text, &set, table[i].storage,
                             TEMPLATE_ALL, &at, &err);
        if (table[i].error) {
            assert_null(t);
            assert_int_equal(at, 1);
            assert_non_null(strstr(err.text, table[i].error));
            continue;
        }
        assert_false(template_is_constant(t));
        assert_false(template_varies(t));
        buf_reset(&out);
        assert_int_equal(template_expand(t, &c, false, &out, &err), 0);
        assert_string_equal(buf_text(&out), table[i].expanded);
        assert_null(template_compile(arena, table[i].text, &set,
                                     table[i].storage, TEMPLATE_TASK_ID, &at,
                                     &err));
        assert_non_null(strstr(err.text, "cannot be used here"));
    }
    const struct template *t =
        template_compile(arena, "{spec.dir} {storage.inputs}", NULL, &storage,
                         TEMPLATE_ALL, &at, &err);
    buf_reset(&out);
    assert_int_equal(template_expand(t, &nowhere, false, &out, &err), 0);
    assert_string_equal(buf_text(&out), ". data/in");
    static const char *const varying[] = {"{x}", "{task.id}", "{task.index}"};
    for (int i = 0; i < 3; i++)
        assert_true(template_varies(template_compile(
            arena, varying[i], &set, NULL, TEMPLATE_ALL, &at, &err)));
    assert_false(template_varies(template_compile(
        arena, "{job.id} {run.dir}", &set, NULL, TEMPLATE_ALL, &at, &err)));
    buf_fini(&out);
    arena_destroy(arena);
}

static void knows_constants(void **state)
{
    struct arena *arena = arena_create(1 << 16);
    struct err err;
    size_t at;
    (void)state;
    assert_non_null(arena);
    assert_true(template_is_constant(
        template_compile(arena, "a {{b}} $c", &set, NULL, 0, &at, &err)));
    assert_true(template_is_constant(
        template_compile(arena, "", &set, NULL, 0, &at, &err)));
    assert_false(template_is_constant(
        template_compile(arena, "a {x}", &set, NULL, 0, &at, &err)));
    arena_destroy(arena);
}

/* A number or string under a format, or NULL: refused, when compiled or
 * expanded. */
static void check_format(const struct value *v, const char *spec,
                         const char *shown)
{
    struct arena *arena = arena_create(1 << 16);
    struct swept one = {.name = "v", .values = v, .count = 1};
    struct taskset single;
    char text[64];
    struct err err = {0};
    struct buf out;
    size_t at;
    buf_init(&out, 4096);
    assert_non_null(arena);
    assert_int_equal(swept_init(&single, arena, false, &one, 1, &err), 0);
    snprintf(text, sizeof(text), "{v:%s}", spec);
    const struct template *t =
        template_compile(arena, text, &single, NULL, 0, &at, &err);
    struct template_context c = {.index = 0};
    int rc = t ? template_expand(t, &c, false, &out, &err) : -1;
    if (rc < 0 ? shown || err.code != EINVAL
               : !shown || strcmp(buf_text(&out), shown) != 0)
        fail_msg("%s of %s: \"%s\", not \"%s\"", text, v->text,
                 rc < 0 ? err.text : buf_text(&out),
                 shown ? shown : "an error");
    assert_true(rc == 0 || out.len == 0);
    buf_fini(&out);
    arena_destroy(arena);
}

static void formats_as_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(format_cases) / sizeof(format_cases[0]);
         i++) {
        struct value v;
        if (format_cases[i].string)
            value_string(&v, format_cases[i].value);
        else
            value_resolve(&v, format_cases[i].value);
        check_format(&v, format_cases[i].spec, format_cases[i].shown);
    }
}

/* Where we show what Python refuses, and what it does not know. */
static void formats_more_than_python(void **state)
{
    static const struct {
        const char *value, *spec, *shown;
    } table[] = {
        {"3", ".3", "3.0"},
        {"1e3", "d", "1000"},
        {"1e3", "05x", "003e8"},
        {"-0.0", "d", "0"},
        {"1e18", "d", "1000000000000000000"},
        {"1e19", "d", NULL},
        {"-9223372036854775808.0", "d", NULL}, /* 2^63 */
        {"1.5", "d", NULL},
        {".nan", "d", NULL},
        {"0.10", "s", "0.10"},
        {"0x10", "s", "0x10"},
        {"0x10", "d", "16"},
        {"true", ">6", "  true"},
        {"true", "d", NULL},
        {"true", "f", NULL},
        {"~", "4", "~   "},
        {"~", "d", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct value v;
        value_resolve(&v, table[i].value);
        check_format(&v, table[i].spec, table[i].shown);
    }
    /* the largest of all */
    struct value v;
    char want[1400];
    value_resolve(&v, "-1.7976931348623157e308");
    snprintf(want, sizeof(want), "%.1000f", -1.7976931348623157e308);
    check_format(&v, ".1000f", want);
    value_resolve(&v, "0.1");
    snprintf(want, sizeof(want), "%1000.999e", 0.1);
    check_format(&v, "1000.999e", want);
}

/* Points stay points where the environment has commas. */
static void formats_in_the_c_locale(void **state)
{
    struct value v;
    (void)state;
    value_resolve(&v, "0.5");
    for (int k = 0; k < 3; k++) {
        static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C"};
        setlocale(LC_ALL, names[k]); /* where there is one */
        check_format(&v, ".2f", "0.50");
        check_format(&v, "", "0.5");
    }
}

static void no_memory_is_an_error(void **state)
{
    struct buf out;
    struct err err = {0};
    const struct template *t = NULL;
    struct arena *arena = NULL;
    size_t at;
    (void)state;
    for (unsigned long k = 1; !t; k++) {
        arena_destroy(arena);
        arena = arena_create(1 << 16);
        assert_non_null(arena);
        err_clear(&err);
        mem_fail_at(k);
        t = template_compile(arena, "a {word} {x:.3f}", &set, NULL, 0, &at,
                             &err);
        mem_fail_at(0);
        assert_int_equal(err.code, t ? 0 : ENOMEM);
        assert_true(k < 20);
    }
    for (int shell = 0; shell < 2; shell++) {
        int rc = -1;
        for (unsigned long k = 1; rc < 0; k++) {
            buf_init(&out, 1000);
            err_clear(&err);
            mem_fail_at(k);
            rc = template_expand(t, &context, shell, &out, &err);
            mem_fail_at(0);
            assert_int_equal(err.code, rc < 0 ? ENOMEM : 0);
            if (rc < 0)
                assert_int_equal(out.len, 0);
            buf_fini(&out);
            assert_true(k < 20);
        }
    }
    arena_destroy(arena);
    for (size_t bytes = 0; bytes < 400; bytes += 8) { /* a full arena */
        arena = arena_create(bytes);
        assert_non_null(arena);
        if (!template_compile(arena, "a {word} {x:.3f}", &set, NULL, 0, &at,
                              &err))
            assert_int_equal(err.code, ENOMEM);
        arena_destroy(arena);
    }
}

/* Random text over the characters that mean something: no crash, a place for
 * each error, and what compiles can be expanded within bounds. */
static void random_text_is_safe(void **state)
{
    static const char alphabet[] = "{{{}}}xn:.09<>=^ds+-  '\"\\$`()#\n<E";
    struct prng r = {97};
    int compiled = 0;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        char text[24];
        size_t n = prng_below(&r, sizeof(text)), at = 0;
        struct arena *arena = arena_create(1 << 16);
        struct err err = {0};
        assert_non_null(arena);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[prng_below(&r, sizeof(alphabet) - 1)];
        text[n] = '\0';
        const struct template *t =
            template_compile(arena, text, &set, NULL, TEMPLATE_ALL, &at, &err);
        if (!t) {
            assert_int_equal(err.code, EINVAL);
            assert_true(at < n && (text[at] == '{' || text[at] == '}'));
        } else {
            struct buf out;
            buf_init(&out, 100000);
            compiled++;
            for (int shell = 0; shell < 2; shell++)
                if (template_expand(t, &context, shell, &out, &err) < 0)
                    assert_int_equal(err.code, EINVAL);
            if (template_check_shell(t, &at, &err) < 0)
                assert_true(at < n);
            buf_fini(&out);
        }
        arena_destroy(arena);
    }
    assert_true(compiled > 1000);
}

/* The expansion of text for a path, or the error. */
static void check_path(const char *path, const char *text, const char *shown)
{
    struct arena *arena = arena_create(1 << 16);
    struct value v;
    struct swept one = {.name = "f", .values = &v, .count = 1, .is_path = true};
    struct taskset files;
    struct err err = {0};
    struct buf out;
    size_t at;
    assert_non_null(arena);
    buf_init(&out, 4096);
    value_string(&v, path);
    assert_int_equal(swept_init(&files, arena, false, &one, 1, &err), 0);
    const struct template *t =
        template_compile(arena, text, &files, NULL, 0, &at, &err);
    struct template_context c = {.index = 0};
    if (!t)
        assert_int_equal(buf_puts(&out, err.text), 0);
    else
        assert_int_equal(template_expand(t, &c, false, &out, &err), 0);
    if (strcmp(buf_text(&out), shown) != 0)
        fail_msg("%s of %s: \"%s\", not \"%s\"", text, path, buf_text(&out),
                 shown);
    assert_string_equal(v.text, path);
    buf_fini(&out);
    arena_destroy(arena);
}

static void takes_paths_apart(void **state)
{
    static const struct {
        const char *path, *pieces; /* dir, name, stem, suffix */
    } table[] = {
        {"a/b/c.dat", "a/b|c.dat|c|.dat"},
        {"c.dat", ".|c.dat|c|.dat"},
        {"/c.dat", "/|c.dat|c|.dat"},
        {"//c", "/|c|c|"},
        {"a//c.x", "a|c.x|c|.x"},
        {"a/b.tar.gz", "a|b.tar.gz|b.tar|.gz"},
        {"a.b/c", "a.b|c|c|"},
        {"a/.rc", "a|.rc|.rc|"},
        {"a/.rc.x", "a|.rc.x|.rc|.x"},
        {"a/b.", "a|b.|b.|"},
        {"a/b/", "a|b|b|"},
        {"../x y/ü.z w", "../x y|ü.z w|ü|.z w"},
    };
    static const struct {
        const char *text, *shown;
    } others[] = {
        {"{f}", "a/b.dat"},
        {"{f.stem:>4s}.out", "   b.out"},
        {"{f.stam}", "a file has no \"stam\"; there are {f.name}, {f.stem}, "
                     "{f.suffix} and {f.dir}"},
        {"{f.name.stem}",
         "no parameter \"f.name.stem\" (write {{ and }} for braces)"},
        {"{g.name}", "no parameter \"g.name\" (write {{ and }} for braces)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        check_path(table[i].path, "{f.dir}|{f.name}|{f.stem}|{f.suffix}",
                   table[i].pieces);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        check_path("a/b.dat", others[i].text, others[i].shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands),
        cmocka_unit_test(refuses),
        cmocka_unit_test(names_may_be_fewer),
        cmocka_unit_test(knows_places),
        cmocka_unit_test(knows_constants),
        cmocka_unit_test(takes_paths_apart),
        cmocka_unit_test(formats_as_python),
        cmocka_unit_test(formats_more_than_python),
        cmocka_unit_test(formats_in_the_c_locale),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(random_text_is_safe),
    };
    return cmocka_run_group_tests_name("template", tests, point_init,
                                       point_fini);
}
