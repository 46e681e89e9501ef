/* Storage, packages and files of job specs: what becomes of the keys. What is
 * wrong with them: errors/. */
#include "config.h"
#include "spec_test.h"

#include "base/mem.h"
#include "base/quantity.h"
#include "model/storage.h"

static const char whole[] =
    "storage:\n"
    "  root: data\n"
    "  containers: {inputs: in, results: /out}\n"
    "  max_concurrent_streams: 3\n"
    "pool:\n"
    "  id: cluster\n"
    "  scratch: /local\n"
    "  scratch_reserve: 1GiB\n"
    "  cache: {max_size: 2MB, keep: true}\n"
    "  application_packages:\n"
    "    - {application_id: a, version: '1.0', path: a.tgz}\n"
    "    - {application_id: b, version: '1', path: '{storage.inputs}/b',\n"
    "       add_to_path: [., bin]}\n"
    "    - {application_id: b, version: '2', path: b2, default: true,\n"
    "       add_to_path: sbin}\n"
    "  application_package_references: [{application_id: A}]\n"
    "jobs:\n"
    "  - id: swept\n"
    "    sweep: {parameters: {x: [1, 2]}}\n"
    "    task:\n"
    "      command_line: ./a\n"
    "      keep: failed\n"
    "      constraints: {retention_time: 2h}\n"
    "      application_package_references:\n"
    "        - {application_id: b}\n"
    "        - {application_id: a, version: '1.0'}\n"
    "        - {application_id: b, version: '1'}\n"
    "      resource_files:\n"
    "        - {auto_storage_container_name: results, blob_prefix: 'x{x}/'}\n"
    "        - {storage_container_url: 'file:///more', file_path: 'm-{x}',\n"
    "           file_mode: 444}\n"
    "        - {http_url: 'https://host/{x}?a=b', file_path: in/x.dat,\n"
    "           file_mode: '0640',\n"
    "           checksum: 'xxh128:00112233445566778899aabbccddeeFF'}\n"
    "      output_files:\n"
    "        - {file_pattern: '../std*.txt', return: true}\n"
    "        - file_pattern: 'a/**/*.dat'\n"
    "          destination: {container: {container_name: inputs}}\n"
    "          upload_options: {upload_condition: task_failure}\n"
    "        - file_pattern: 'out{{}}'\n"
    "          destination:\n"
    "            container: {container_url: 'file:///o', path: 'o-{x}'}\n"
    "          upload_options: {upload_condition: task_success}\n"
    "  - id: listed\n"
    "    task:\n"
    "      command_line: ./b\n"
    "      task_directory: true\n"
    "      output_files: [{file_pattern: a, return: true}]\n"
    "    tasks:\n"
    "      - {}\n"
    "      - {output_files: [], task_directory: true, keep: all}\n";

static void pool_and_storage(const struct jobspec *spec)
{
    const struct pool *pool = &spec->pools[0];
    assert_string_equal(spec->storage.root, "data");
    assert_int_equal(spec->storage.container_count, 2);
    assert_string_equal(spec->storage.containers[1].name, "results");
    assert_string_equal(spec->storage.containers[1].path, "/out");
    assert_int_equal(spec->storage.max_concurrent_streams, 3);
    assert_string_equal(pool->id, "cluster");
    assert_string_equal(pool->scratch, "/local");
    assert_true(pool->scratch_reserve_bytes == 1 << 30);
    assert_true(pool->cache_max_bytes == 2000000);
    assert_true(pool->cache_keep);
    assert_int_equal(pool->package_count, 3);
    assert_true(pool->packages[0].is_default); /* the only one */
    assert_false(pool->packages[1].is_default);
    assert_true(pool->packages[2].is_default);
    assert_int_equal(pool->packages[0].add_to_path_count, 0);
    assert_int_equal(pool->packages[1].add_to_path_count, 2);
    assert_string_equal(pool->packages[1].add_to_path[0], "");
    assert_string_equal(pool->packages[1].add_to_path[1], "bin");
    assert_string_equal(pool->packages[2].add_to_path[0], "sbin");
    assert_int_equal(pool->package_ref_count, 1);
    assert_int_equal(pool->package_refs[0], 0);
    struct err err;
    char *path = package_path(&pool->packages[1], "/specs", &err);
    assert_string_equal(path, "/specs/data/in/b");
    mem_free(path);
    path = package_path(&pool->packages[0], "/specs", &err);
    assert_string_equal(path, "/specs/a.tgz");
    mem_free(path);
}

static void resource_files(const struct task_template *t)
{
    const struct resource_file *r = t->resource_files;
    assert_int_equal(t->resource_file_count, 3);
    assert_int_equal(r[0].from, RESOURCE_CONTAINER);
    assert_int_equal(r[0].container, 1);
    assert_string_equal(template_text(r[0].blob_prefix), "x{x}/");
    assert_null(r[0].file_path);
    assert_null(r[0].url);
    assert_int_equal(r[0].mode, 0770);
    assert_int_equal(r[1].from, RESOURCE_CONTAINER_URL);
    assert_string_equal(template_text(r[1].url), "file:///more");
    assert_int_equal(r[1].mode, 0444);
    assert_null(r[1].checksum);
    assert_int_equal(r[2].from, RESOURCE_URL);
    assert_string_equal(template_text(r[2].file_path), "in/x.dat");
    assert_int_equal(r[2].mode, 0640);
    assert_non_null(r[2].checksum);
}

static void output_files(const struct task_template *t)
{
    const struct output_file *o = t->output_files;
    assert_int_equal(t->output_file_count, 3);
    assert_true(o[0].returned);
    assert_int_equal(o[0].container, -1);
    assert_int_equal(o[0].condition, UPLOAD_TASK_COMPLETION);
    assert_false(o[1].returned);
    assert_int_equal(o[1].container, 0);
    assert_null(o[1].path);
    assert_int_equal(o[1].condition, UPLOAD_TASK_FAILURE);
    assert_int_equal(o[2].container, -1);
    assert_string_equal(template_text(o[2].url), "file:///o");
    assert_string_equal(template_text(o[2].path), "o-{x}");
    assert_int_equal(o[2].condition, UPLOAD_TASK_SUCCESS);
}

static void whole_spec(void **state)
{
    struct jobspec *spec = parse_right(whole);
    const struct task_template *t = spec->jobs[0].templates;
    (void)state;
    pool_and_storage(spec);
    resource_files(t);
    output_files(t);
    assert_int_equal(t->package_ref_count, 3); /* the pool's first */
    assert_int_equal(t->package_refs[0], 0);
    assert_int_equal(t->package_refs[1], 2);
    assert_int_equal(t->package_refs[2], 1);
    assert_int_equal(t->keep, KEEP_FAILED);
    assert_true(t->retention_ns == 7200 * NS_PER_SEC);
    assert_true(task_has_directory(t));
    t = spec->jobs[1].templates;
    assert_int_equal(t[0].package_ref_count, 1);
    assert_int_equal(t[0].output_file_count, 1);
    assert_true(t[0].retention_ns == 7 * 24 * 3600 * NS_PER_SEC);
    assert_int_equal(t[1].output_file_count, 0); /* in place of the job's */
    assert_int_equal(t[1].keep, KEEP_ALL);
    assert_true(t[1].own_directory);
    assert_true(jobspec_needs_scratch(spec));
    jobspec_destroy(spec);
}

static void nothing_of_it(void **state)
{
    struct jobspec *spec = parse_right("jobs: [{task: {command_line: a}}]");
    (void)state;
    assert_null(spec->storage.root);
    assert_int_equal(spec->storage.container_count, 0);
    assert_int_equal(spec->storage.max_concurrent_streams, STORAGE_STREAMS);
    assert_string_equal(spec->pools[0].id, "pool");
    assert_null(spec->pools[0].scratch);
    assert_true(spec->pools[0].scratch_reserve_bytes == 64 << 20);
    assert_true(spec->pools[0].cache_max_bytes == 0);
    assert_false(spec->pools[0].cache_keep);
    assert_false(task_has_directory(&spec->jobs[0].templates[0]));
    assert_false(jobspec_needs_scratch(spec));
    jobspec_destroy(spec);
}

/* The default version may be none; one may be chosen all the same. */
static void versions(void **state)
{
    struct jobspec *spec = parse_right(
        "pool:\n"
        "  application_packages:\n"
        "    - {application_id: a, version: '1', path: a, default: false}\n"
        "  application_package_references:\n"
        "    - {application_id: a, version: '1'}\n"
        "jobs: [{task: {command_line: a}}]");
    (void)state;
    assert_false(spec->pools[0].packages[0].is_default);
    assert_int_equal(spec->jobs[0].templates[0].package_ref_count, 1);
    assert_true(task_has_directory(&spec->jobs[0].templates[0]));
    jobspec_destroy(spec);
}

static void no_memory(void **state)
{
    struct spec_errors errors;
    struct jobspec *spec = NULL;
    unsigned long k = 0;
    (void)state;
    while (!spec) {
        mem_fail_at(++k);
        spec = spec_parse(whole, strlen(whole), "stem", NULL, &errors);
        mem_fail_at(0);
        if (!spec)
            assert_true(errors.count > 0 || errors.total == 0);
        spec_errors_fini(&errors);
    }
    assert_true(k > 3);
    jobspec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_spec),
        cmocka_unit_test(nothing_of_it),
        cmocka_unit_test(versions),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
