/* The record of an attempt: what it says of its end. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "model/attempt.h"

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
        {REASON_CANCELLED, -1, 0, 0, "", "cancelled with its job"},
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
                                          "file_upload_error"};
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
                                        "FileUploadMiscError"};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(frees_its_strings),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(words_are_those_of_the_results),
    };
    return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
