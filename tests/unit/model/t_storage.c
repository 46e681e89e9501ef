/* Containers, paths and URLs of storage, and the codes of failures. */
#include "config.h"
#include "model/storage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/failure.h"

static void names_are_azures(void **state)
{
    static const struct {
        const char *name, *why; /* NULL: it is good */
    } names[] = {
        {"abc", NULL},
        {"a-1", NULL},
        {"012345678901234567890123456789012345678901234567890123456789012",
         NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "3 to 63"},
        {"ab", "3 to 63"},
        {"", "3 to 63"},
        {"Abc", "lower-case"},
        {"a_c", "lower-case"},
        {"a.c", "lower-case"},
        {"a--c", "in a row"},
        {"-ab", "begins and ends"},
        {"ab-", "begins and ends"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *why;
        assert_int_equal(container_name_is_valid(names[i].name, &why),
                         !names[i].why);
        if (names[i].why)
            assert_non_null(strstr(why, names[i].why));
    }
}

static void paths_of_containers(void **state)
{
    static const struct {
        const char *spec_dir, *root, *path, *expected;
    } table[] = {
        {"/specs", NULL, "in", "/specs/in"},
        {"/specs", "data", "in", "/specs/data/in"},
        {"/specs", "data/", "in/", "/specs/data/in"},
        {"/specs", "/data", "in", "/data/in"},
        {"/specs", "/data", "/in", "/in"},
        {"/specs/", ".", ".", "/specs"},
        {"/", NULL, "in", "/in"},
        {"/", "/", "/", "/"},
        {NULL, NULL, "in", "in"},
        {NULL, "data", "in", "data/in"},
        {NULL, NULL, ".", "."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct container c = {.name = "in", .path = table[i].path};
        struct storage s = {
            .root = table[i].root, .containers = &c, .container_count = 1};
        struct err err;
        char *path = storage_container_path(&s, 0, table[i].spec_dir, &err);
        assert_string_equal(path, table[i].expected);
        mem_free(path);
        assert_int_equal(storage_find_container(&s, "in"), 0);
        assert_int_equal(storage_find_container(&s, "In"), -1);
    }
}

static void paths_that_stay_inside(void **state)
{
    static const char *const good[] = {"a",     "a/b", "..a", "a..",
                                       "a/...", "./a", "a//b"};
    static const char *const bad[] = {"",     "/a",     "..",   "../a",
                                      "a/..", "a/../b", "a\nb", "\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(path_stays_inside(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(path_stays_inside(bad[i]));
}

static void urls_to_paths(void **state)
{
    static const struct {
        const char *url, *path; /* NULL: EINVAL */
    } table[] = {
        {"file:///a/b", "/a/b"},
        {"file://localhost/a", "/a"},
        {"FILE:///a", "/a"},
        {"file:/a", "/a"},
        {"file:///a%20b", "/a b"},
        {"file:///a%2Fb", "/a/b"},
        {"file:///a%00", NULL},
        {"file:///a%2", "/a%2"},
        {"file:///a%zz", "/a%zz"},
        {"file://host/a", NULL},
        {"file://localhostile/a", NULL},
        {"file:a", NULL},
        {"http://host/a", NULL},
        {"/a", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf path;
        struct err err;
        buf_init(&path, 100);
        buf_puts(&path, "x");
        int rc = storage_url_path(table[i].url, &path, &err);
        assert_int_equal(rc, table[i].path ? 0 : -1);
        assert_string_equal(buf_text(&path) + 1,
                            table[i].path ? table[i].path : "");
        if (rc < 0)
            assert_int_equal(err.code, EINVAL);
        buf_fini(&path);
    }
    struct buf path;
    struct err err;
    buf_init(&path, 3);
    assert_int_equal(storage_url_path("file:///too/long", &path, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    assert_int_equal(path.len, 0);
    buf_fini(&path);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(keep_name(KEEP_NONE), "none");
    assert_string_equal(keep_name(KEEP_FAILED), "failed");
    assert_string_equal(keep_name(KEEP_ALL), "all");
    assert_string_equal(upload_condition_name(UPLOAD_TASK_COMPLETION),
                        "task_completion");
    assert_string_equal(upload_condition_name(UPLOAD_TASK_SUCCESS),
                        "task_success");
    assert_string_equal(upload_condition_name(UPLOAD_TASK_FAILURE),
                        "task_failure");
    assert_true(output_pattern_is_wild("*.txt"));
    assert_true(output_pattern_is_wild("a?"));
    assert_true(output_pattern_is_wild("[ab]"));
    assert_false(output_pattern_is_wild("a]b{c}.txt"));
}

static void failures_have_azures_codes(void **state)
{
    static const struct {
        int code;
        enum failure_phase phase;
        const char *expected;
    } table[] = {
        {ENOENT, PHASE_DOWNLOAD, "BlobNotFound"},
        {EACCES, PHASE_DOWNLOAD, "BlobAccessDenied"},
        {ETIMEDOUT, PHASE_DOWNLOAD, "BlobDownloadTimedOut"},
        {ESTALE, PHASE_DOWNLOAD, "BlobDownloadMiscError"},
        {ENOSPC, PHASE_DOWNLOAD, "DiskFull"},
        {EACCES, PHASE_DIRECTORY, "ResourceDirectoryCreateFailed"},
        {EEXIST, PHASE_CREATE, "ResourceFileCreateFailed"},
        {EIO, PHASE_WRITE, "ResourceFileWriteFailed"},
        {EDQUOT, PHASE_WRITE, "DiskFull"},
        {EILSEQ, PHASE_PACKAGE, "ApplicationPackageError"},
        {EROFS, PHASE_UPLOAD, "FileUploadAccessDenied"},
        {ETIMEDOUT, PHASE_UPLOAD, "FileUploadTimedOut"},
        {ENOSPC, PHASE_UPLOAD, "FileUploadMiscError"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_string_equal(
            failure_code(failure_of_errno(table[i].code, table[i].phase)),
            table[i].expected);
    assert_string_equal(failure_code(FAILURE_NONE), "");
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const char *category =
            failure_category_name(failure_category((enum failure)i));
        assert_int_equal(failure_code((enum failure)i)[0] == '\0', i == 0);
        assert_int_equal(category[0] == '\0', i == 0);
    }
    assert_string_equal(
        failure_category_name(failure_category(FAILURE_DISK_FULL)),
        "user_error");
    assert_string_equal(
        failure_category_name(failure_category(FAILURE_TASK_ENDED)),
        "server_error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_azures),
        cmocka_unit_test(paths_of_containers),
        cmocka_unit_test(paths_that_stay_inside),
        cmocka_unit_test(urls_to_paths),
        cmocka_unit_test(words),
        cmocka_unit_test(failures_have_azures_codes),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
