/* The JSON Schema and the man page: well-formed, complete, within bounds. */
#include "config.h"
#include "spec_test.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/mem.h"
#include "spec/keys.h"

enum { DOCS_MAX = 1 << 20 };

static json_t *schema_load(void)
{
    struct buf out;
    struct err err;
    json_error_t why;
    buf_init(&out, DOCS_MAX);
    assert_int_equal(spec_put_schema(&out, &err), 0);
    json_t *schema =
        json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &why);
    if (!schema)
        fail_msg("%s", why.text);
    buf_fini(&out);
    return schema;
}

/* Each $ref leads to a definition. */
static void refs_check(const json_t *defs, const json_t *node)
{
    const char *name;
    json_t *value;
    size_t i;
    const json_t *ref = json_object_get(node, "$ref");
    if (json_is_string(ref)) {
        const char *text = json_string_value(ref);
        assert_memory_equal(text, "#/$defs/", 8);
        assert_non_null(json_object_get(defs, text + 8));
    }
    json_object_foreach((json_t *)node, name, value) refs_check(defs, value);
    json_array_foreach((json_t *)node, i, value) refs_check(defs, value);
}

static void schema_has_all_keys(void **state)
{
    (void)state;
    json_t *schema = schema_load();
    const json_t *defs = json_object_get(schema, "$defs");
    assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
                        "https://json-schema.org/draft/2020-12/schema");
    for (size_t s = 0; key_sets[s]; s++) {
        const json_t *def = json_object_get(defs, key_sets[s]->name);
        const json_t *keys = json_object_get(def, "properties");
        const json_t *required = json_object_get(def, "required");
        size_t required_count = 0;
        assert_true(
            json_is_false(json_object_get(def, "additionalProperties")));
        assert_int_equal(json_object_size(keys), key_sets[s]->count);
        for (size_t i = 0; i < key_sets[s]->count; i++) {
            const struct key *key = &key_sets[s]->keys[i];
            const json_t *k = json_object_get(keys, key->name);
            assert_non_null(
                strstr(json_string_value(json_object_get(k, "description")),
                       key->meaning));
            assert_int_equal(json_object_get(k, "default") != NULL,
                             key->fallback != NULL);
            required_count += key->required;
        }
        assert_int_equal(json_array_size(required), required_count);
    }
    refs_check(defs, schema);
    json_decref(schema);
}

static const char *schema_text(const json_t *schema, const char *set,
                               const char *key, char text[4096])
{
    const json_t *defs = json_object_get(schema, "$defs");
    const json_t *keys =
        json_object_get(json_object_get(defs, set), "properties");
    json_t *k = json_deep_copy(json_object_get(keys, key));
    json_object_del(k, "description");
    char *dump = json_dumps(k, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, 4096, "%s", dump);
    free(dump);
    json_decref(k);
    return text;
}

static void schema_types(void **state)
{
    (void)state;
    static const struct {
        const char *set, *key, *schema;
    } cases[] = {
        {"job", "priority",
         "{\"default\":0,\"maximum\":1000,\"minimum\":-1000,\"type\":"
         "\"integer\"}"},
        {"sweep", "method",
         "{\"enum\":[\"grid\",\"zip\",\"list\",\"combinations\","
         "\"permutations\",\"random\",\"lhs\",\"sobol\",\"halton\"]}"},
        {"pool", "slot_unit",
         "{\"default\":\"core\",\"enum\":[\"core\",\"hwthread\","
         "\"numanode\",\"package\"]}"},
        {"range", "step",
         "{\"default\":1,\"pattern\":\"^[-+]?(\\\\.[0-9]+|[0-9]+(\\\\.[0-9]*)?)"
         "([eE][-+]?[0-9]+)?$\",\"type\":[\"number\",\"string\"]}"},
        {"parameter", "from",
         "{\"anyOf\":[{\"maxLength\":4095,\"minLength\":1,\"type\":["
         "\"string\",\"number\",\"boolean\"]},{\"$ref\":\"#/$defs/files\"}]}"},
        {"job", "sweep",
         "{\"anyOf\":[{\"$ref\":\"#/$defs/sweep\"},{\"items\":{\"$ref\":"
         "\"#/$defs/sweep\"},\"maxItems\":256,\"minItems\":1,\"type\":"
         "\"array\"}]}"},
        {"job", "task", "{\"$ref\":\"#/$defs/task\"}"},
        {"job", "id",
         "{\"pattern\":\"^[A-Za-z0-9_-]{1,64}$\",\"type\":[\"string\","
         "\"integer\",\"boolean\"]}"},
        {"cache", "max_size",
         "{\"minimum\":0,\"pattern\":\"^([0-9]+(\\\\.[0-9]*)?|\\\\.[0-9]+) "
         "*([bB]|[kKmMgGtT]([iI]?[bB])?)?$\",\"type\":[\"string\",\"integer\"]}"},
        {"output_file", "return", "{\"const\":true,\"type\":\"boolean\"}"},
        {"pool", "scratch",
         "{\"maxLength\":4095,\"minLength\":1,\"pattern\":\"^/[^$]*$\",\"type\":"
         "[\"string\",\"number\",\"boolean\"]}"},
        {"job", "tasks",
         "{\"items\":{\"$ref\":\"#/$defs/task\"},\"maxItems\":4294967280,"
         "\"type\":\"array\"}"},
        {"metric", "regex",
         "{\"format\":\"regex\",\"maxLength\":4096,\"minLength\":1,\"type\":"
         "[\"string\",\"number\",\"boolean\"]}"},
    };
    json_t *schema = schema_load();
    char text[4096];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(
            schema_text(schema, cases[i].set, cases[i].key, text),
            cases[i].schema);
    /* two forms */
    assert_non_null(strstr(schema_text(schema, "task", "command_line", text),
                           "\"anyOf\":[{"));
    /* keys that exclude each other, once: two of sweep, tasks, commands */
    const json_t *job =
        json_object_get(json_object_get(schema, "$defs"), "job");
    const json_t *rules = json_object_get(job, "allOf");
    assert_int_equal(json_array_size(rules), 3 + 6);
    /* and five of what there must be, from the table */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(
            json_object_get(json_array_get(rules, i), "if") != NULL, i >= 3);
    /* names that no metric can have */
    schema_text(schema, "job", "metrics", text);
    assert_non_null(strstr(text, "\"propertyNames\":{\"maxLength\":64,\"not\":{"
                                 "\"enum\":[\"job_id\","));
    schema_text(schema, "storage", "containers", text);
    assert_null(strstr(text, "job_id"));
    json_decref(schema);
}

static void man_has_all_keys(void **state)
{
    (void)state;
    struct buf out;
    struct err err;
    char line[200];
    buf_init(&out, DOCS_MAX);
    assert_int_equal(spec_put_man(&out, &err), 0);
    for (size_t s = 0; key_sets[s]; s++) {
        snprintf(line, sizeof(line), "\n.Ss Keys of %s\n", key_sets[s]->noun);
        const char *at = strstr(buf_text(&out), line);
        assert_non_null(at);
        for (size_t i = 0; i < key_sets[s]->count; i++) {
            snprintf(line, sizeof(line), "\n.It Cm %s\n",
                     key_sets[s]->keys[i].name);
            at = strstr(at, line);
            assert_non_null(at);
        }
    }
    /* what roff takes for its own is escaped */
    assert_non_null(strstr(buf_text(&out), "regex: '^E = (\\eS+)'"));
    assert_non_null(strstr(buf_text(&out), "== \\(dqgmres\\(dq"));
    for (const char *s = buf_text(&out); *s; s++)
        assert_true((unsigned char)*s < 0x80);
    buf_fini(&out);
}

/* mandoc knows whether it is right, where there is one. */
static void man_is_right(void **state)
{
    (void)state;
    struct buf out;
    struct err err;
    if (system("mandoc -Tlint /dev/null >/dev/null 2>&1") == 127 << 8)
        return;
    buf_init(&out, DOCS_MAX);
    assert_int_equal(spec_put_man(&out, &err), 0);
    FILE *p = popen("mandoc -Tlint -Wwarning >&2", "w");
    assert_non_null(p);
    assert_int_equal(fwrite(out.data, 1, out.len, p), out.len);
    assert_int_equal(pclose(p), 0);
    buf_fini(&out);
}

static void bounded(void **state)
{
    (void)state;
    struct buf out;
    struct err err;
    for (size_t max = 0; max < 9000; max += 500) {
        buf_init(&out, max);
        assert_int_equal(spec_put_schema(&out, &err), -1);
        assert_int_equal(spec_put_man(&out, &err), -1);
        buf_fini(&out);
    }
}

static void allocation_failures(void **state)
{
    (void)state;
    int (*const docs[])(struct buf *, struct err *) = {spec_put_schema,
                                                       spec_put_man};
    for (size_t i = 0; i < 2; i++) {
        bool failed = true;
        for (unsigned long k = 1; failed; k++) {
            struct buf out;
            struct err err;
            buf_init(&out, DOCS_MAX);
            mem_fail_at(k);
            int rc = docs[i](&out, &err);
            failed = mem_fail_at(0) >= k;
            assert_int_equal(rc, failed ? -1 : 0);
            buf_fini(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_has_all_keys),
        cmocka_unit_test(schema_types),
        cmocka_unit_test(man_has_all_keys),
        cmocka_unit_test(man_is_right),
        cmocka_unit_test(bounded),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
