/* The record of an attempt: what it says of its end. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/quantity.h"
#include "model/attempt.h"
#include "model/stage_counts.h"

static void starts_empty(void **state)
{
    struct attempt *a = mem_alloc(sizeof(*a));
    (void)state;
    assert_non_null(a);
    memset(a, 0xff, sizeof(*a));
    attempt_init(a);
    assert_int_equal(a->exit_code, -1);
    assert_int_equal(a->reason, REASON_NONE);
    assert_int_equal(a->result, RESULT_NONE);
    assert_int_equal(a->metric_count, 0);
    assert_string_equal(a->message, "");
    for (int k = 0; k < JOBSPEC_MAX_METRICS; k++)
        assert_null(a->metrics[k].string);
    attempt_fini(a);
    mem_free(a);
}

static void frees_its_strings(void **state)
{
    struct attempt *a = mem_alloc(sizeof(*a));
    (void)state;
    assert_non_null(a);
    attempt_init(a);
    a->metric_count = JOBSPEC_MAX_METRICS;
    for (int k = 0; k < JOBSPEC_MAX_METRICS; k += 2)
        a->metrics[k].string = mem_strdup("text");
    attempt_fini(a);
    for (int k = 0; k < JOBSPEC_MAX_METRICS; k++)
        assert_null(a->metrics[k].string);
    attempt_fini(a);
    mem_free(a);
}

static void names_its_files(void **state)
{
    static const char *const bad[] = {"",     ".",    "..",   "/a",   "a/",
                                      "a//b", "../a", "a/..", "a/./b"};
    struct attempt *a = mem_alloc(sizeof(*a));
    char name[ATTEMPT_MAX_FILE_NAME + 2];
    (void)state;
    assert_non_null(a);
    attempt_init(a);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(attempt_add_file(a, bad[i]));
        assert_int_equal(errno, EINVAL);
    }
    assert_non_null(attempt_add_file(a, "..."));
    assert_non_null(attempt_add_file(a, "a/.b/c d"));
    for (size_t i = 0; i + 1 < sizeof(name); i++)
        name[i] = i % 100 == 99 ? '/' : 'n';
    name[ATTEMPT_MAX_FILE_NAME + 1] = '\0';
    assert_null(attempt_add_file(a, name));
    assert_int_equal(errno, EINVAL);
    name[ATTEMPT_MAX_FILE_NAME] = '\0';
    while (attempt_add_file(a, name))
        assert_in_range(a->file_count, 3, 66);
    assert_int_equal(errno, E2BIG);
    assert_int_equal(a->file_count, 65); /* two, and 63 KiB */
    attempt_fini(a);
    for (int i = 0; i < ATTEMPT_MAX_FILES; i++)
        assert_non_null(attempt_add_file(a, "n"));
    assert_null(attempt_add_file(a, "n"));
    assert_int_equal(errno, E2BIG);
    assert_int_equal(a->file_count, ATTEMPT_MAX_FILES);
    attempt_fini(a);
    assert_int_equal(a->file_count, 0);
    mem_free(a);
}

static void counts_of_staging(void **state)
{
    struct stage_counts a = {0}, b = {0};
    struct unpack u;
    struct buf bytes;
    (void)state;
    assert_false(stage_counts_any(&a));
    for (int i = 0; i < STAGE_COUNTS; i++) {
        stage_count_set(&b, i, (uint64_t)i + 1);
        assert_non_null(stage_count_name(i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(stage_count_name(i), stage_count_name(k));
    }
    assert_int_equal(b.shared_opens, 1);
    assert_int_equal(b.unpacked, STAGE_COUNTS);
    stage_counts_add(&a, &b);
    assert_true(stage_counts_same(&a, &b));
    stage_counts_add(&a, &b);
    assert_int_equal(a.shared_bytes_read, 4);
    assert_true(stage_counts_any(&a));
    a.unpacked = UINT64_MAX;
    buf_init(&bytes, 1024);
    assert_int_equal(stage_counts_put(&bytes, &a), 0);
    unpack_init(&u, bytes.data, bytes.len);
    stage_counts_read(&u, &b);
    assert_true(unpack_done(&u));
    assert_true(stage_counts_same(&a, &b));
    unpack_init(&u, bytes.data, bytes.len - 1);
    stage_counts_read(&u, &b);
    assert_true(u.bad);
    buf_fini(&bytes);
}

static void says_how_it_ended(void **state)
{
    static const struct {
        enum reason reason;
        int exit_code, signal;
        int64_t took_ns;
        const char *message, *text;
    } table[] = {
        {REASON_NONE, 0, 0, 0, "", "succeeded"},
        {REASON_EXIT_CODE, 3, 0, 0, "", "exit code 3"},
        {REASON_SIGNAL, -1, SIGKILL, 0, "", "signal 9 (Killed)"},
        {REASON_SIGNAL, -1, SIGSEGV, 0, "core dumped",
         "signal 11 (Segmentation fault): core dumped"},
        {REASON_SIGNAL, -1, 99, 0, "", "signal 99 (Unknown signal 99)"},
        {REASON_TIMEOUT, -1, SIGTERM, 90 * 60 * NS_PER_SEC, "",
         "over its time limit, ended after 1h30m"},
        {REASON_TIMEOUT, -1, SIGTERM, INT64_MAX, "",
         "over its time limit, ended after 106751d23h"},
        {REASON_NOT_FOUND, -1, 0, 0, "no such program: x",
         "program not found: no such program: x"},
        {REASON_LAUNCH, -1, 0, 0, "cannot enter /x",
         "could not be started: cannot enter /x"},
        {REASON_LOST, -1, 0, 0, "", "lost with its worker"},
        {REASON_CANCELLED, -1, 0, 0, "", "cancelled"},
        {REASON_CANCELLED, -1, 0, 0, "its job was terminated",
         "cancelled: its job was terminated"},
        {REASON_STOPPED, -1, 0, 0, "", "stopped with the session"},
        {REASON_INTERNAL, -1, 0, 0, "disk full",
         "failed in the worker: disk full"},
        {REASON_PRE_PROCESSING, -1, 0, 0, "no file in.dat",
         "could not be prepared: no file in.dat"},
        {REASON_FILE_UPLOAD, 0, 0, 0, "", "outputs could not be stored"},
    };
    struct attempt *a = mem_alloc(sizeof(*a));
    char text[384];
    (void)state;
    assert_non_null(a);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        attempt_init(a);
        a->reason = table[i].reason;
        a->exit_code = table[i].exit_code;
        a->signal = table[i].signal;
        a->end_ns = table[i].took_ns;
        strcpy(a->message, table[i].message);
        attempt_describe(a, text);
        assert_string_equal(text, table[i].text);
    }
    attempt_init(a);
    a->reason = REASON_PRE_PROCESSING;
    a->failure = FAILURE_BLOB_NOT_FOUND;
    attempt_describe(a, text);
    assert_string_equal(text, "could not be prepared (BlobNotFound)");
    /* the longest of all fits */
    attempt_init(a);
    a->reason = REASON_TIMEOUT;
    a->start_ns = 1;
    a->end_ns = INT64_MAX;
    memset(a->message, 'm', ATTEMPT_MAX_MESSAGE);
    attempt_describe(a, text);
    assert_string_equal(strrchr(text, ' ') + 1, a->message);
    /* what no reason stands for does not crash */
    a->reason = REASON_COUNT;
    attempt_describe(a, text);
    mem_free(a);
}

static void words_are_those_of_the_results(void **state)
{
    static const char *const reasons[] = {"none",
                                          "exit_code",
                                          "signal",
                                          "timeout",
                                          "not_found",
                                          "launch",
                                          "lost",
                                          "cancelled",
                                          "stopped",
                                          "internal",
                                          "pre_processing_error",
                                          "file_upload_error",
                                          "memory",
                                          "unsuccessful",
                                          "checkpoint"};
    static const char *const codes[] = {"",
                                        "FailureExitCode",
                                        "FailureExitCode",
                                        "TaskEnded",
                                        "CommandProgramNotFound",
                                        "CommandLaunchFailed",
                                        "Unknown",
                                        "TaskEnded",
                                        "TaskEnded",
                                        "Unknown",
                                        "Unknown",
                                        "FileUploadMiscError",
                                        "TaskEnded",
                                        "TaskNotSuccessful",
                                        "FailureExitCode"};
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        struct attempt *a = mem_calloc(1, sizeof(*a));
        assert_non_null(a);
        a->reason = (enum reason)i;
        assert_string_equal(attempt_reason_name(a->reason), reasons[i]);
        assert_string_equal(failure_code(attempt_failure(a)), codes[i]);
        a->failure = FAILURE_DISK_FULL;
        assert_int_equal(attempt_failure(a), FAILURE_DISK_FULL);
        mem_free(a);
    }
    assert_string_equal(attempt_result_name(RESULT_NONE), "none");
    assert_string_equal(attempt_result_name(RESULT_SUCCESS), "success");
    assert_string_equal(attempt_result_name(RESULT_FAILURE), "failure");
    assert_string_equal(metric_state_name(METRIC_OK), "ok");
    assert_string_equal(metric_state_name(METRIC_MISSING), "missing");
    assert_string_equal(metric_state_name(METRIC_MALFORMED), "malformed");
    assert_string_equal(metric_state_name(METRIC_OUT_OF_RANGE), "out_of_range");
}

/* What is wrong is said last: of a long name the middle is left out, and no
 * character is cut. */
static void long_messages_keep_their_end(void **state)
{
    (void)state;
    static const char reason[] = ": File name too long";
    struct attempt a;
    char text[1024];
    attempt_init(&a);
    attempt_set_message(&a, "short");
    assert_string_equal(a.message, "short");
    for (unsigned shift = 0; shift < 4; shift++) {
        size_t len = shift;
        memset(text, 'x', len);
        while (len < 600) {
            memcpy(text + len, "\u65e5", 3);
            len += 3;
        }
        memcpy(text + len, reason, sizeof(reason));
        attempt_set_message(&a, text);
        assert_true(strlen(a.message) > 240);
        assert_non_null(strstr(a.message, " ... "));
        assert_string_equal(a.message + strlen(a.message) - strlen(reason),
                            reason);
        assert_true(text_is_utf8(a.message, strlen(a.message)));
    }
    memset(text, 'y', 255);
    text[255] = '\0';
    attempt_set_message(&a, text);
    assert_string_equal(a.message, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(frees_its_strings),
        cmocka_unit_test(names_its_files),
        cmocka_unit_test(counts_of_staging),
        cmocka_unit_test(long_messages_keep_their_end),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(words_are_those_of_the_results),
    };
    return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
