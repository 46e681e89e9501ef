/* The table of keys, what is said from it, and reading by it. */
#include "config.h"
#include "spec_test.h"

#include "spec/errors.h"
#include "spec/keys.h"
#include "spec/read.h"

/* What a key excludes are keys of the set that exclude it. */
static void excludes_are_mutual(const struct key_set *set,
                                const struct key *key)
{
    const struct key *other, *back;
    size_t words = key->excludes ? 1 : 0, n = 0;
    for (const char *s = key->excludes; s && *s; s++)
        words += *s == ' ';
    for (; (other = key_excluded(set, key, n)); n++) {
        size_t k = 0;
        while ((back = key_excluded(set, other, k)) && back != key)
            k++;
        assert_ptr_equal(back, key);
    }
    assert_int_equal(n, words);
}

/* Each row is complete and agrees with the others. */
static void table_is_sound(void **state)
{
    (void)state;
    for (size_t s = 0; key_sets[s]; s++) {
        const struct key_set *set = key_sets[s];
        assert_true(set->name && set->noun && set->plural && set->meaning);
        assert_true(set->path || s == 0);
        for (size_t i = 0; i < set->count; i++) {
            const struct key *key = &set->keys[i];
            assert_ptr_equal(key_find(set, key->name), key);
            /* in the order of the fields, of which several sets share some */
            assert_int_equal(key->at % sizeof(struct field), 0);
            assert_true(i == 0 || key->at > set->keys[i - 1].at);
            assert_non_null(key->type);
            assert_non_null(key->meaning);
            assert_true(key->meaning[strlen(key->meaning) - 1] != '.');
            /* exactly one way to say what holds without it */
            assert_int_equal(!!key->fallback + !!key->otherwise + key->required,
                             1);
            excludes_are_mutual(set, key);
        }
    }
    assert_null(key_find(&job_keys, "nothing"));
}

/* Sets that a type leads to are among key_sets. */
static void type_is_listed(const struct key_type *type)
{
    for (; type; type = type->another) {
        if (type->kind == KEY_LIST || type->kind == KEY_MAP)
            type_is_listed(type->of);
        size_t s = 0;
        while (type->set && key_sets[s] && key_sets[s] != type->set)
            s++;
        assert_true(!type->set || key_sets[s]);
    }
}

static void sets_are_listed(void **state)
{
    (void)state;
    for (size_t s = 0; key_sets[s]; s++)
        for (size_t i = 0; i < key_sets[s]->count; i++)
            type_is_listed(key_sets[s]->keys[i].type);
}

/* Defaults and examples are what the parser itself would take. */
static void defaults_are_right(void **state)
{
    (void)state;
    struct job_fields job;
    struct pool_fields pool;
    struct metric_fields metric;
    struct spec_errors errors;
    assert_int_equal(spec_errors_init(&errors), 0);
    memset(&job, 0xff, sizeof(job));
    fields_read(&errors, "a job", NULL, &job_keys, &job);
    assert_int_equal(job.priority.u.integer, 0);
    assert_null(job.id.key);
    assert_null(job.priority.node);
    fields_read(&errors, "`pool`", NULL, &pool_keys, &pool);
    assert_int_equal(pool.slot_unit.u.integer, SLOT_CORE);
    fields_read(&errors, "a metric", NULL, &metric_keys, &metric);
    assert_int_equal(metric.from.u.integer, METRIC_STDOUT);
    assert_int_equal(metric.type.u.integer, METRIC_FLOAT64);
    assert_int_equal(errors.count, 0);
    for (size_t s = 0; key_sets[s]; s++)
        for (size_t i = 0; i < key_sets[s]->count; i++) {
            const struct key *key = &key_sets[s]->keys[i];
            struct field f = {0};
            struct tree_node n = {.kind = TREE_SCALAR};
            if (!key->fallback)
                continue;
            n.u.text = key->fallback;
            n.count = (uint32_t)strlen(key->fallback);
            assert_true(value_read(&errors, key->name, &n, key->type, &f));
        }
    spec_errors_fini(&errors);
}

/* The words of a choice stand in the order of the enum. */
static void choices_are_the_enums(void **state)
{
    (void)state;
    static const struct {
        const struct key_set *set;
        const char *key, *word;
        int value;
    } choices[] = {
        {&pool_keys, "slot_unit", "core", SLOT_CORE},
        {&pool_keys, "slot_unit", "hwthread", SLOT_HWTHREAD},
        {&pool_keys, "slot_unit", "numanode", SLOT_NUMANODE},
        {&pool_keys, "slot_unit", "package", SLOT_PACKAGE},
        {&metric_keys, "from", "stdout", METRIC_STDOUT},
        {&metric_keys, "from", "stderr", METRIC_STDERR},
        {&metric_keys, "select", "first", METRIC_FIRST},
        {&metric_keys, "select", "last", METRIC_LAST},
        {&metric_keys, "select", "all", METRIC_ALL},
        {&metric_keys, "select", "min", METRIC_MIN},
        {&metric_keys, "select", "max", METRIC_MAX},
        {&metric_keys, "select", "mean", METRIC_MEAN},
        {&metric_keys, "type", "float64", METRIC_FLOAT64},
        {&metric_keys, "type", "int64", METRIC_INT64},
        {&metric_keys, "type", "string", METRIC_STRING},
        {&task_keys, "keep", "none", KEEP_NONE},
        {&task_keys, "keep", "failed", KEEP_FAILED},
        {&task_keys, "keep", "all", KEEP_ALL},
        {&upload_options_keys, "upload_condition", "task_completion",
         UPLOAD_TASK_COMPLETION},
        {&upload_options_keys, "upload_condition", "task_success",
         UPLOAD_TASK_SUCCESS},
        {&upload_options_keys, "upload_condition", "task_failure",
         UPLOAD_TASK_FAILURE},
    };
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        const struct key *key = key_find(choices[i].set, choices[i].key);
        assert_string_equal(key->type->words[choices[i].value],
                            choices[i].word);
    }
}

#define POOL_KEYS                                                              \
    "known are `id`, `display_name`, `metadata`, `nodes`, "                    \
    "`target_dedicated_nodes`, `resize_timeout`, "                             \
    "`task_slots_per_node`, `slot_unit`, "                                     \
    "`task_scheduling_policy`, `node_resources`, "                             \
    "`pool_resources`, `start_task`, `scratch`, "                              \
    "`scratch_reserve`, `cache`, `application_packages`, "                     \
    "`application_package_references`"

static void suggestions(void **state)
{
    (void)state;
    static const struct {
        const struct key_set *set;
        const char *unknown, *suggestion;
    } cases[] = {
        {&job_keys, "priorty", "did you mean `priority`?"},
        {&task_keys, "commandLine", "did you mean `command_line`?"},
        {&task_keys, "command-line", "did you mean `command_line`?"},
        {&task_keys, "Command Line", "did you mean `command_line`?"},
        {&spec_keys, "sweep", "`sweep` belongs under jobs[]"},
        {&pool_keys, "name", "`name` belongs at the top level"},
        {&pool_keys, "resource_files",
         "`resource_files` belongs under jobs[].task or jobs[].tasks[]"},
        {&job_keys, "task_slots_per_node",
         "`task_slots_per_node` belongs under pool"},
        {&job_keys, "keep",
         "`keep` belongs under jobs[].task or jobs[].tasks[], or under "
         "pool.cache"},
        {&pool_keys, "keep",
         "`keep` belongs under pool.cache, or under jobs[].task or "
         "jobs[].tasks[]"},
        {&task_keys, "maxTaskRetryCount",
         "`max_task_retry_count` belongs under jobs[].task.constraints"},
        {&job_keys, "maxTaskRetryCount",
         "`max_task_retry_count` belongs under jobs[].constraints"},
        /* of five, those that are nearest */
        {&job_keys, "from",
         "`from` belongs under jobs[].sweep, alone or in a list, or under "
         "jobs[].metrics.NAME"},
        {&task_keys, "userIdentity",
         "tasks run as the user who runs mpibatch; leave it out"},
        {&pool_keys, "zzz", POOL_KEYS},
        {&pool_keys, "", POOL_KEYS},
        {&pool_keys,
         "a_key_that_is_longer_than_any_that_could_possibly_be_one_of_ours_here",
         POOL_KEYS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 1024);
        assert_int_equal(key_suggest(cases[i].set, cases[i].unknown, &out), 0);
        assert_string_equal(buf_text(&out), cases[i].suggestion);
        buf_fini(&out);
    }
}

/* -- Numbers and flags, with a table of our own --------------------------- */

struct own_fields {
    struct field number, flag, ratio;
};

static const struct key own_rows[] = {
    {.name = "number",
     .at = offsetof(struct own_fields, number),
     .type = &(const struct key_type){.kind = KEY_NUMBER},
     .fallback = "1.5",
     .meaning = "A number"},
    {.name = "flag",
     .at = offsetof(struct own_fields, flag),
     .type = &(const struct key_type){.kind = KEY_BOOLEAN},
     .fallback = "true",
     .meaning = "A flag"},
    {.name = "ratio",
     .at = offsetof(struct own_fields, ratio),
     .type = &(const struct key_type){.kind = KEY_NUMBER},
     .required = true,
     .meaning = "Another number"},
};
static const struct key_set own_keys = {.name = "own",
                                        .noun = "a test",
                                        .plural = "tests",
                                        .path = "test",
                                        .meaning = "For tests",
                                        .keys = own_rows,
                                        .count = 3};

/* Read text by own_keys. Returns the first error or "". */
static const char *own_read(const char *text, struct own_fields *f,
                            struct spec_errors *errors)
{
    struct arena *arena = arena_create(1 << 20);
    struct tree_node root;
    assert_int_equal(spec_errors_init(errors), 0);
    assert_int_equal(
        tree_parse(text, strlen(text), arena, arena, errors, &root), 0);
    fields_read(errors, "the test", &root, &own_keys, f);
    arena_destroy(arena); /* nodes must not be looked at from here on */
    return errors->count ? errors->list[0].text : "";
}

static void other_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"ratio: 1", ""},
        {"{ratio: yes}", "`ratio` must be a number, not \"yes\""},
        {"{ratio: '1'}",
         "`ratio` must be a number, not \"1\"; remove the quotes"},
        {"{ratio: 1, flag: yes}", "`flag` must be true or false, not \"yes\""},
        {"{}", "a test needs `ratio`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct own_fields f;
        struct spec_errors errors;
        assert_string_equal(own_read(cases[i].text, &f, &errors),
                            cases[i].error);
        spec_errors_fini(&errors);
    }
    struct own_fields f;
    struct spec_errors errors;
    own_read("{ratio: 3, flag: false}", &f, &errors);
    assert_true(f.ratio.u.number == 3);
    assert_int_equal(f.flag.u.integer, false);
    assert_true(f.number.u.number == 1.5);
    spec_errors_fini(&errors);
    own_read("{ratio: .5}", &f, &errors);
    assert_int_equal(f.flag.u.integer, true);
    assert_true(f.ratio.u.number == 0.5);
    spec_errors_fini(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(sets_are_listed),
        cmocka_unit_test(defaults_are_right),
        cmocka_unit_test(choices_are_the_enums),
        cmocka_unit_test(suggestions),
        cmocka_unit_test(other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
