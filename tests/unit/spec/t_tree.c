/* YAML to trees: kinds, places, tags, aliases, merge keys. */
#include "config.h"
#include "spec_test.h"

#include "base/mem.h"
#include "spec/errors.h"
#include "spec/yaml_tree.h"

struct tree {
    struct arena *arena;
    struct spec_errors errors;
    struct tree_node root;
    int rc;
};

static void tree_open(struct tree *t, const char *text)
{
    t->arena = arena_create(1 << 24);
    assert_non_null(t->arena);
    assert_int_equal(spec_errors_init(&t->errors), 0);
    t->rc = tree_parse(text, strlen(text), t->arena, t->arena, &t->errors,
                       &t->root);
}

static void tree_close(struct tree *t)
{
    spec_errors_fini(&t->errors);
    arena_destroy(t->arena);
}

static void put_tree(struct buf *out, const struct tree_node *n)
{
    static const char tags[] = "psifbn";
    if (n->kind == TREE_SCALAR)
        assert_int_equal(buf_printf(out, "%c'%s'", tags[n->tag], n->u.text), 0);
    for (uint32_t i = 0; n->kind == TREE_SEQUENCE && i < n->count; i++) {
        assert_int_equal(buf_puts(out, i ? " " : "["), 0);
        put_tree(out, &n->u.items[i]);
    }
    if (n->kind == TREE_SEQUENCE)
        assert_int_equal(buf_puts(out, n->count ? "]" : "[]"), 0);
    for (uint32_t i = 0; n->kind == TREE_MAPPING && i < n->count; i++) {
        assert_int_equal(buf_puts(out, i ? " " : "{"), 0);
        put_tree(out, &n->u.pairs[i].key);
        assert_int_equal(buf_putc(out, ':'), 0);
        put_tree(out, &n->u.pairs[i].value);
    }
    if (n->kind == TREE_MAPPING)
        assert_int_equal(buf_puts(out, n->count ? "}" : "{}"), 0);
    if (n->kind == TREE_BROKEN)
        assert_int_equal(buf_puts(out, "!"), 0);
}

static const struct {
    const char *yaml, *tree;
} shapes[] = {
    {"a", "p'a'"},
    {"'a'", "s'a'"},
    {"\"\\u00e4\\t\"", "s'\xc3\xa4\t'"},
    {"|\n a\n b\n", "s'a\nb\n'"},
    {">\n a\n b\n", "s'a b\n'"},
    {"[]", "[]"},
    {"{}", "{}"},
    {"- 1\n- [2, '3']\n-", "[p'1' [p'2' s'3'] p'']"},
    {"b: 1\na: 2", "{p'b':p'1' p'a':p'2'}"},
    {"a: 1\r\nb: 2\r\n", "{p'a':p'1' p'b':p'2'}"},
    {"\xef\xbb\xbf"
     "a: 1",
     "{p'a':p'1'}"},
    {"%YAML 1.2\n---\na: 1\n...\n", "{p'a':p'1'}"},
    {"a:\tb", "{p'a':p'b'}"},
    /* tags */
    {"[!!str 1, ! 2, !!int '3', !!float 4, !!bool true, !!null '']",
     "[s'1' s'2' i'3' f'4' b'true' n'']"},
    {"!!map {a: !!seq [1]}", "{p'a':[p'1']}"},
    /* anchors */
    {"[&x 1, *x, &x 2, *x]", "[p'1' p'1' p'2' p'2']"},
    {"a: &l [1, {b: c}]\nd: *l", "{p'a':[p'1' {p'b':p'c'}] p'd':[p'1' "
                                 "{p'b':p'c'}]}"},
    {"&k a: 1\n*k : 2", "{p'a':p'1'}"}, /* and an error: twice */
    /* merge keys: own ones win, then the first */
    {"- &a {x: 1, y: 2}\n- {<<: *a, y: 3, z: 4}",
     "[{p'x':p'1' p'y':p'2'} {p'x':p'1' p'y':p'3' p'z':p'4'}]"},
    {"- &a {x: 1, y: 2}\n- &b {y: 5, w: 6}\n- {k: 0, <<: [*a, *b]}",
     "[{p'x':p'1' p'y':p'2'} {p'y':p'5' p'w':p'6'} {p'k':p'0' p'x':p'1' "
     "p'y':p'2' p'w':p'6'}]"},
    {"{<<: {}, a: 1}", "{p'a':p'1'}"},
    {"{<<: []}", "{}"},
    {"{'<<': 1}", "{s'<<':p'1'}"},
    {"- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b}",
     "[{p'x':p'1'} {p'x':p'1' p'y':p'2'} {p'x':p'1' p'y':p'2'}]"},
    /* what is wrong becomes broken, and the rest stays */
    {"[1, *x, !foo 2, !!int a]", "[p'1' ! ! !]"},
    {"&a [1, *a]", "[p'1' !]"},
    {"{a: 1, a: 2, b: 3}", "{p'a':p'1' p'b':p'3'}"},
    {"{[a]: 1, b: 2}", "{p'b':p'2'}"},
};

static void trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct tree t;
        struct buf out;
        buf_init(&out, 4096);
        tree_open(&t, shapes[i].yaml);
        assert_int_equal(t.rc, 0);
        put_tree(&out, &t.root);
        assert_string_equal(buf_text(&out), shapes[i].tree);
        buf_fini(&out);
        tree_close(&t);
    }
}

/* Where byte `at` of the value of key v stands. */
static const struct {
    const char *yaml;
    size_t at;
    unsigned line, column;
} places[] = {
    {"v: abc", 0, 1, 4},
    {"v: abc", 2, 1, 6},
    {"\n\n  v:   abc d  # x", 4, 3, 12},
    {"v: 'abc'", 2, 1, 7},
    {"v: \"abc\"", 2, 1, 7},
    {"v: \xc3\xa4\xc3\xa4{", 4, 1, 6},
    {"v: 'a''b'", 2, 1, 4}, /* the text is not the source: the start */
    {"v: \"a\\tb\"", 2, 1, 4},
    {"v: a\n  b", 2, 1, 4},
    {"v: &x abc", 2, 1, 4},
    {"v: |\n  ab\n  cd\n", 4, 3, 0}, /* only the line */
    {"v: >\n  ab\n  cd\n", 4, 1, 4},
    {"\xef\xbb\xbf"
     "v: abc",
     1, 1, 5},
    {"\xc3\xa4: 1\r\nv: abc", 1, 2, 5},
};

static void placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct tree t;
        unsigned line, column;
        tree_open(&t, places[i].yaml);
        assert_int_equal(t.rc, 0);
        const struct tree_node *n = tree_get(&t.root, "v");
        assert_non_null(n);
        tree_place(n, places[i].at, &line, &column);
        assert_int_equal(line, places[i].line);
        assert_int_equal(column, places[i].column);
        assert_null(tree_get(&t.root, "w"));
        tree_close(&t);
    }
}

static const struct {
    const char *yaml;
    enum value_type type;
    double number;
    const char *text;
} values[] = {
    {"0.10", VALUE_FLOAT, 0.1, "0.10"},
    {"1e3", VALUE_FLOAT, 1000, "1e3"},
    {"1e-4", VALUE_FLOAT, 1e-4, "1e-4"},
    {"010", VALUE_INT, 10, "010"},
    {"0o10", VALUE_INT, 8, "0o10"},
    {"0x10", VALUE_INT, 16, "0x10"},
    {"-7", VALUE_INT, -7, "-7"},
    {"1_000", VALUE_STRING, 0, "1_000"},
    {"no", VALUE_STRING, 0, "no"},
    {"yes", VALUE_STRING, 0, "yes"},
    {"on", VALUE_STRING, 0, "on"},
    {"true", VALUE_BOOL, 1, "true"},
    {"12:30:00", VALUE_STRING, 0, "12:30:00"},
    {"2026-01-01", VALUE_STRING, 0, "2026-01-01"},
    {"'1'", VALUE_STRING, 0, "1"},
    {"!!float 1", VALUE_FLOAT, 1, "1"},
    {"!!str 1", VALUE_STRING, 0, "1"},
    {"~", VALUE_NULL, 0, "~"},
    {"''", VALUE_STRING, 0, ""},
};

static void core_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct tree t;
        struct value v;
        double number = 0;
        tree_open(&t, values[i].yaml);
        assert_int_equal(t.rc, 0);
        tree_value(&t.root, &v);
        assert_int_equal(v.type, values[i].type);
        assert_string_equal(v.text, values[i].text);
        value_number(&v, &number);
        assert_true(number == values[i].number);
        tree_close(&t);
    }
}

/* Long texts, and so many that they need several pieces. */
static void many_texts(void **state)
{
    (void)state;
    struct tree t;
    struct buf yaml;
    char name[32];
    buf_init(&yaml, 1 << 24);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(buf_printf(&yaml, "- text%0*d\n", i % 1500, i), 0);
    tree_open(&t, buf_text(&yaml));
    assert_int_equal(t.rc, 0);
    assert_int_equal(t.root.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        const struct tree_node *n = &t.root.u.items[i];
        assert_int_equal(strlen(n->u.text), n->count);
        assert_int_equal(n->line, i + 1);
        assert_string_equal(n->u.text + n->count - strlen(name), name);
    }
    tree_close(&t);
    buf_fini(&yaml);
}

/* Many anchors: the last of a name counts, and none is lost. */
static void many_anchors(void **state)
{
    (void)state;
    struct tree t;
    struct buf yaml;
    buf_init(&yaml, 1 << 22);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(buf_printf(&yaml, "- &a%d %d\n", i % 1000, i), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_printf(&yaml, "- *a%d\n", i), 0);
    tree_open(&t, buf_text(&yaml));
    assert_int_equal(t.rc, 0);
    for (uint32_t i = 0; i < 1000; i++)
        assert_string_equal(t.root.u.items[2000 + i].u.text,
                            t.root.u.items[1000 + i].u.text);
    tree_close(&t);
    buf_fini(&yaml);
}

static void allocation_failures(void **state)
{
    (void)state;
    const char *text = "a: &a {b: [1, 2, '3']}\nc: {<<: *a, d: *a}\n";
    for (unsigned long k = 1;; k++) {
        struct arena *arena = arena_create(1 << 20);
        struct spec_errors errors;
        struct tree_node root;
        assert_int_equal(spec_errors_init(&errors), 0);
        mem_fail_at(k);
        int rc = tree_parse(text, strlen(text), arena, arena, &errors, &root);
        bool failed = mem_fail_at(0) >= k;
        assert_int_equal(rc, failed ? -1 : 0);
        if (failed)
            assert_string_equal(errors.list[0].text, "out of memory");
        spec_errors_fini(&errors);
        arena_destroy(arena);
        if (!failed)
            break;
        assert_true(k < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),        cmocka_unit_test(placed),
        cmocka_unit_test(core_types),   cmocka_unit_test(many_texts),
        cmocka_unit_test(many_anchors), cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
