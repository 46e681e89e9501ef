/* What an attempt wants before it runs and stores behind it: templates filled
 * in, conditions, names of variables, files that patterns match. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "worker/storing.h"
#include "worker/variables.h"
#include "worker/wants.h"

/* What is only read here may be a literal. */
#define TEXT(s) ((char *)(uintptr_t)(const void *)(s))

static struct arena *arena;
static const struct template_context names = {.index = 7,
                                              .task_id = "t-7",
                                              .job_id = "scan",
                                              .run_dir = "/run",
                                              .spec_dir = "/spec"};
static const struct container containers[] = {{"inputs", "in"},
                                              {"results", "/res"}};
static const struct jobspec spec = {.storage = {.root = "data",
                                                .containers = containers,
                                                .container_count = 2}};

static const struct template *tpl(const char *text)
{
    size_t at;
    struct err err = {0};
    const struct template *t = template_compile(
        arena, text, NULL, &spec.storage, TEMPLATE_ALL, &at, &err);
    assert_string_equal(err.text, "");
    return t;
}

static int setup(void **state)
{
    (void)state;
    arena = arena_create(1 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* ---- Wants ---- */

static void every_kind_of_resource_file(void **state)
{
    (void)state;
    const struct resource_file files[] = {
        {.from = RESOURCE_URL,
         .url = tpl("file:///data/{task.index}/a%20b"),
         .file_path = tpl("in/{task.id}.dat"),
         .mode = 0600,
         .checksum = tpl("sha256:00")},
        {.from = RESOURCE_URL,
         .url = tpl("https://host/{job.id}"),
         .file_path = tpl("web"),
         .mode = 0770},
        {.from = RESOURCE_CONTAINER,
         .container = 0,
         .blob_prefix = tpl("{task.index}/"),
         .mode = 0770},
        {.from = RESOURCE_CONTAINER_URL,
         .url = tpl("file:///elsewhere"),
         .file_path = tpl("deep/"),
         .mode = 0444},
    };
    static const uint32_t refs[] = {1, 0};
    static const struct {
        enum object_kind kind;
        const char *key, *to, *checksum;
        uint32_t mode;
    } want[] = {
        {OBJECT_FILE, "/data/7/a b", "in/t-7.dat", "sha256:00", 0600},
        {OBJECT_URL, "https://host/scan", "web", NULL, 0770},
        {OBJECT_LIST, "/spec/data/in\n7/", "", NULL, 0770},
        {OBJECT_LIST, "/elsewhere\n", "deep/", NULL, 0444},
        {OBJECT_PACKAGE, "1", NULL, NULL, 0},
        {OBJECT_PACKAGE, "0", NULL, NULL, 0},
    };
    const struct task_template t = {.resource_files = files,
                                    .resource_file_count = 4,
                                    .package_refs = refs,
                                    .package_ref_count = 2};
    struct items items = {0};
    enum failure failure;
    struct err err;
    assert_int_equal(
        wants_of_task(&spec, &t, 0, &names, &items, &failure, &err), 0);
    assert_int_equal(items.count, 6);
    for (size_t i = 0; i < 6; i++) {
        struct item *item = items_take(&items);
        assert_int_equal(item->kind, want[i].kind);
        assert_string_equal(item->key, want[i].key);
        assert_int_equal(item->mode, want[i].mode);
        assert_int_equal(item->to != NULL, want[i].to != NULL);
        if (item->to)
            assert_string_equal(item->to, want[i].to);
        assert_int_equal(item->checksum != NULL, want[i].checksum != NULL);
        if (item->kind == OBJECT_PACKAGE)
            assert_int_equal(item->package, i - 4);
        item_destroy(item);
    }
    assert_null(items_take(&items));
}

static void a_listing_keeps_its_structure(void **state)
{
    (void)state;
    static const struct {
        const char *to, *want;
    } cases[] = {{"", "sub/x"}, {"in", "in/sub/x"}, {"in/", "in/sub/x"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct item list = {.to = TEXT(cases[i].to),
                            .dir = TEXT("/data"),
                            .prefix = TEXT("s"),
                            .mode = 0640};
        struct err err;
        struct item *file = item_of_listed(&list, "sub/x", &err);
        assert_non_null(file);
        assert_int_equal(file->kind, OBJECT_FILE);
        assert_string_equal(file->key, "/data/sub/x");
        assert_string_equal(file->to, cases[i].want);
        assert_int_equal(file->mode, 0640);
        item_destroy(file);
    }
}

static void what_cannot_be_filled_in_is_named(void **state)
{
    (void)state;
    const struct resource_file files[] = {
        {.from = RESOURCE_URL,
         .url = tpl("https://a/b"),
         .file_path = tpl("b")},
        {.from = RESOURCE_URL,
         .url = tpl("file://other/{task.id}"),
         .file_path = tpl("b")},
    };
    const struct task_template t = {.resource_files = files,
                                    .resource_file_count = 2};
    struct items items = {0};
    enum failure failure;
    struct err err;
    assert_int_equal(
        wants_of_task(&spec, &t, 0, &names, &items, &failure, &err), -1);
    assert_non_null(strstr(err.text, "resource_files[1]"));
    assert_int_equal(failure, FAILURE_BLOB_DOWNLOAD_MISC);
    items_fini(&items);
}

/* ---- Storing ---- */

static void conditions(void **state)
{
    (void)state;
    static const struct {
        enum attempt_result result;
        enum reason reason;
        bool completion, success, failure;
    } cases[] = {
        {RESULT_SUCCESS, REASON_NONE, true, true, false},
        {RESULT_FAILURE, REASON_EXIT_CODE, true, false, true},
        {RESULT_FAILURE, REASON_TIMEOUT, true, false, true},
        {RESULT_FAILURE, REASON_CANCELLED, true, false, true},
        {RESULT_FAILURE, REASON_STOPPED, false, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct attempt a = {.result = cases[i].result,
                                  .reason = cases[i].reason};
        struct output_file o = {.condition = UPLOAD_TASK_COMPLETION};
        assert_int_equal(storing_applies(&o, &a), cases[i].completion);
        o.condition = UPLOAD_TASK_SUCCESS;
        assert_int_equal(storing_applies(&o, &a), cases[i].success);
        o.condition = UPLOAD_TASK_FAILURE;
        assert_int_equal(storing_applies(&o, &a), cases[i].failure);
    }
}

static void sets_of_an_upload(void **state)
{
    (void)state;
    const struct output_file files[] = {
        {.pattern = tpl("*.log"), .container = 1},
        {.pattern = tpl("out.{task.id}"),
         .container = -1,
         .url = tpl("file:///else/{job.id}"),
         .path = tpl("{task.index}/out")},
        {.pattern = tpl("core"),
         .container = 1,
         .condition = UPLOAD_TASK_FAILURE},
        {.pattern = tpl("../std*.txt"), .container = -1, .returned = true},
    };
    const struct task_template t = {.output_files = files,
                                    .output_file_count = 4};
    const struct attempt a = {.result = RESULT_SUCCESS};
    struct storing_sets s;
    struct err err;
    assert_int_equal(storing_sets_fill(&spec, &t, &a, &names, &s, &err), 0);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.sets[0].pattern, "*.log");
    assert_string_equal(s.sets[0].container, "/res");
    assert_string_equal(s.sets[0].shown, "results");
    assert_string_equal(s.sets[0].path, "scan/t-7/");
    assert_string_equal(s.sets[1].pattern, "out.t-7");
    assert_string_equal(s.sets[1].container, "/else/scan");
    assert_string_equal(s.sets[1].path, "7/out");
    storing_sets_fini(&s);
    assert_true(task_uploads_files(&t));
    assert_true(storing_returns(&t, &a));
    assert_true(storing_wants_outputs(&t, &a, false));
    const struct task_template less = {.output_files = files,
                                       .output_file_count = 3};
    assert_false(storing_wants_outputs(&less, &a, false));
    assert_true(storing_wants_outputs(&less, &a, true)); /* it is kept */
}

static void file(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void patterns_of_returned_files(void **state)
{
    (void)state;
    static const char patterns[] = "*.txt\0../std*.txt\0**/deep\0*.txt";
    static const char *const want[] = {"a.txt",      "b.txt",      "in.txt",
                                       "stderr.txt", "stdout.txt", "sub/deep"};
    char dir[] = "/tmp/t_staging.XXXXXX", command[256];
    struct storing_files f;
    struct err err;
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof(command),
             "cd %s && mkdir -p wd/sub && ln -s /etc/passwd wd/out.txt && "
             "ln -s sub/deep wd/in.txt && ln -s ../../.. wd/up.txt",
             dir);
    assert_int_equal(system(command), 0);
    file(dir, "stdout.txt");
    file(dir, "stderr.txt");
    file(dir, "wd/a.txt");
    file(dir, "wd/b.txt");
    file(dir, "wd/sub/deep");
    assert_int_equal(storing_find(dir, patterns, sizeof(patterns), &f, &err),
                     0);
    assert_int_equal(f.count, 6); /* in.txt, though it is sub/deep */
    for (uint32_t i = 0; i < f.count; i++) {
        bool wanted = false;
        for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++)
            wanted |= strcmp(f.files[i].name, want[k]) == 0;
        assert_true(wanted);
        assert_int_equal(access(f.files[i].path, F_OK), 0);
    }
    assert_int_equal(f.links_left, 2);
    storing_files_fini(&f);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* ---- Variables ---- */

static void names_of_packages(void **state)
{
    (void)state;
    static const struct {
        const char *id, *version, *want;
    } cases[] = {
        {"blender", "2.7", "AZ_BATCH_APP_PACKAGE_blender_2_7"},
        {"my-app", "1#b", "AZ_BATCH_APP_PACKAGE_my_app_1_b"},
        {"App", "", "AZ_BATCH_APP_PACKAGE_App"},
        {"App", NULL, "AZ_BATCH_APP_PACKAGE_App"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[VARIABLES_PACKAGE_BYTES];
        variables_package_name(cases[i].id, cases[i].version, name);
        assert_string_equal(name, cases[i].want);
    }
}

static char *const environ_of_test[] = {TEXT("PATH=/bin"),
                                        TEXT("AZ_BATCH_TASK_ID=outer"), NULL};

static void what_a_task_is_told(void **state)
{
    (void)state;
    static const char *const to_path[] = {"", "bin"};
    const struct application_package packages[] = {
        {.id = "tool", .version = "1.0", .is_default = true},
        {.id = "tool",
         .version = "2.0",
         .add_to_path = to_path,
         .add_to_path_count = 2}};
    static const uint32_t refs[] = {1, 0};
    const struct task_template t = {.package_refs = refs,
                                    .package_ref_count = 2};
    const struct job job = {.templates = &t};
    const struct pool pool = {.id = "pool",
                              .packages = packages,
                              .package_count = 2,
                              .scratch_reserve_bytes = 4096};
    const struct jobspec s = {.name = "run",
                              .pools = &pool,
                              .pool_count = 1,
                              .jobs = &job,
                              .job_count = 1};
    char *paths[] = {TEXT("/a/2"), TEXT("/a/1")};
    struct prepared made = {
        .dir = {.path = TEXT("/s/w/t"), .wd = TEXT("/s/w/t/wd")},
        .packages = paths,
        .package_count = 2};
    static const char *const want[][2] = {
        {"AZ_BATCH_ACCOUNT_NAME", "run"},
        {"AZ_BATCH_POOL_ID", "pool"},
        {"AZ_BATCH_NODE_ID", "host"},
        {"AZ_BATCH_NODE_IS_DEDICATED", "true"},
        {"AZ_BATCH_JOB_ID", "scan"},
        {"AZ_BATCH_TASK_ID", "t-7"},
        {"AZ_BATCH_NODE_ROOT_DIR", "/s"},
        {"AZ_BATCH_NODE_SHARED_DIR", "/s/shared"},
        {"AZ_BATCH_NODE_STARTUP_DIR", "/s/startup"},
        {"AZ_BATCH_NODE_MOUNTS_DIR", "/s/fsmounts"},
        {"AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES", "4096"},
        {"AZ_BATCH_TASK_DIR", "/s/w/t"},
        {"AZ_BATCH_TASK_WORKING_DIR", "/s/w/t/wd"},
        {"AZ_BATCH_APP_PACKAGE_tool_2_0", "/a/2"},
        {"AZ_BATCH_APP_PACKAGE_tool_1_0", "/a/1"},
        {"AZ_BATCH_APP_PACKAGE_tool", "/a/1"},
        {"PATH", "/a/2:/a/2/bin:/bin"},
    };
    struct variables_of who = {.host = "host",
                               .job_id = "scan",
                               .task_id = "t-7",
                               .root = "/s",
                               .made = &made};
    struct err err;
    struct environment *env = environment_create(environ_of_test, &err);
    assert_int_equal(variables_put(env, &s, &who, &err), 0);
    assert_int_equal(variables_put_path(env, &s, &t, &made, &err), 0);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        const char *value = environment_get(env, want[i][0]);
        assert_non_null(value);
        assert_string_equal(value, want[i][1]);
    }
    environment_reset(env); /* a task without a directory, without scratch */
    who.task_id = "t-8";
    who.root = NULL;
    who.made = NULL;
    assert_int_equal(variables_put(env, &s, &who, &err), 0);
    assert_string_equal(environment_get(env, "AZ_BATCH_TASK_ID"), "t-8");
    assert_null(environment_get(env, "AZ_BATCH_NODE_ROOT_DIR"));
    assert_null(environment_get(env, "AZ_BATCH_TASK_DIR"));
    assert_string_equal(environment_get(env, "PATH"), "/bin");
    environment_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_resource_file),
        cmocka_unit_test(a_listing_keeps_its_structure),
        cmocka_unit_test(what_cannot_be_filled_in_is_named),
        cmocka_unit_test(conditions),
        cmocka_unit_test(sets_of_an_upload),
        cmocka_unit_test(patterns_of_returned_files),
        cmocka_unit_test(names_of_packages),
        cmocka_unit_test(what_a_task_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
