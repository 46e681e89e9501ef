/* What becomes of a task behind an attempt: retries, exit conditions. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quantity.h"
#include "model/attempt.h"
#include "model/policy.h"

static struct task_template task(int32_t retries)
{
    return (struct task_template){
        .constraints.max_task_retry_count = retries,
        .retry = retry_policy_default,
        .checkpoint_exit_code = -1,
    };
}

static struct attempt ended(enum reason reason, int32_t code)
{
    struct attempt a;
    attempt_init(&a);
    a.reason = reason;
    a.exit_code = code;
    a.result = reason == REASON_NONE ? RESULT_SUCCESS : RESULT_FAILURE;
    return a;
}

static struct verdict judge(const struct task_template *t, enum reason reason,
                            int32_t code, uint32_t retries)
{
    struct attempt a = ended(reason, code);
    return policy_judge(t, &a, retries);
}

/* A count of 3 makes four attempts; -1 is without limit; exit codes and
 * signals alone. */
static void retries_are_azures(void **state)
{
    static const bool by_default[REASON_COUNT] = {
        [REASON_EXIT_CODE] = true,
        [REASON_SIGNAL] = true,
        [REASON_UNSUCCESSFUL] = true,
    };
    struct task_template three = task(3), endless = task(-1);
    (void)state;
    for (enum reason r = REASON_NONE; r < REASON_COUNT; r++) {
        if (r == REASON_LOST || r == REASON_STOPPED || r == REASON_CHECKPOINT)
            continue;
        struct verdict v = judge(&three, r, r == REASON_NONE ? 0 : 1, 2);
        assert_int_equal(v.again, by_default[r]);
        assert_int_equal(v.uses_retry, by_default[r]);
        assert_false(judge(&three, r, 1, 3).again);
        assert_int_equal(judge(&endless, r, 1, UINT32_MAX).again,
                         by_default[r]);
    }
}

static void what_is_nobodys_fault_is_free(void **state)
{
    static const enum reason reasons[] = {REASON_LOST, REASON_STOPPED,
                                          REASON_CHECKPOINT};
    struct task_template t = task(0);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct verdict v = judge(&t, reasons[i], -1, 5);
        assert_true(v.again);
        assert_false(v.uses_retry);
        assert_int_equal(v.keeps_directory, reasons[i] == REASON_CHECKPOINT);
    }
    t.retry.on &= ~(unsigned)RETRY_ON_LOST;
    t.constraints.max_task_retry_count = -1;
    assert_false(judge(&t, REASON_LOST, -1, 0).again);
    assert_true(judge(&t, REASON_STOPPED, -1, 0).again);
}

static void retries_are_the_users(void **state)
{
    static const int32_t never[] = {2, 64};
    struct task_template t = task(5);
    (void)state;
    t.retry = (struct retry_policy){.on = RETRY_ON_TIMEOUT | RETRY_ON_CODES,
                                    .never = never,
                                    .never_count = 2,
                                    .different_node = true,
                                    .backoff_ns = 10 * NS_PER_SEC,
                                    .memory_factor = 1,
                                    .time_factor = 1.5};
    assert_true(judge(&t, REASON_TIMEOUT, -1, 0).again);
    assert_true(judge(&t, REASON_TIMEOUT, -1, 0).different_node);
    assert_false(judge(&t, REASON_SIGNAL, -1, 0).again);
    assert_false(judge(&t, REASON_MEMORY, -1, 0).again);
    assert_true(judge(&t, REASON_EXIT_CODE, 3, 0).again);
    assert_false(judge(&t, REASON_EXIT_CODE, 2, 0).again);
    assert_false(judge(&t, REASON_UNSUCCESSFUL, 64, 0).again);
    t.retry.on |= RETRY_ON_STAGING | RETRY_ON_MEMORY | RETRY_ON_SIGNALS;
    assert_true(judge(&t, REASON_PRE_PROCESSING, -1, 0).again);
    assert_true(judge(&t, REASON_FILE_UPLOAD, 0, 0).again);
    assert_true(judge(&t, REASON_MEMORY, -1, 0).again);
    assert_true(judge(&t, REASON_SIGNAL, -1, 0).again);
    assert_false(judge(&t, REASON_CANCELLED, -1, 0).again);
}

static void pauses_double(void **state)
{
    struct task_template t = task(-1);
    (void)state;
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 9).pause_ns, NS_PER_SEC);
    t.constraints.max_task_retry_count = 100;
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 9).pause_ns, 0);
    t.retry.backoff_ns = 10 * NS_PER_SEC;
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 0).pause_ns, 10 * NS_PER_SEC);
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 3).pause_ns, 80 * NS_PER_SEC);
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 99).pause_ns,
                     3600 * NS_PER_SEC);
    t.retry.backoff_ns = 7200 * NS_PER_SEC; /* who asks for it has it */
    assert_int_equal(judge(&t, REASON_SIGNAL, -1, 4).pause_ns,
                     7200 * NS_PER_SEC);
}

static void limits_escalate(void **state)
{
    (void)state;
    assert_int_equal(policy_escalate(100, 2, 0), 100);
    assert_int_equal(policy_escalate(100, 2, 3), 800);
    assert_int_equal(policy_escalate(100, 1.5, 2), 225);
    assert_int_equal(policy_escalate(0, 2, 3), 0);
    assert_int_equal(policy_escalate(100, 1, 1000), 100);
    assert_int_equal(policy_escalate(100, 2, UINT32_MAX), INT64_MAX);
}

/* Which options hold, told by how they differ. */
static void conditions_have_their_order(void **state)
{
    static const struct exit_code_options codes[] = {
        {3, 3, {JOB_ACTION_DISABLE, DEPENDENCY_SATISFY}},
        {0, 0, {JOB_ACTION_DISABLE, DEPENDENCY_BLOCK}},
        {1, 9, {JOB_ACTION_NONE, DEPENDENCY_SATISFY}},
    };
    struct task_template t = task(0);
    struct exit_options o;
    (void)state;
    o = judge(&t, REASON_NONE, 0, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_NONE);
    assert_int_equal(o.dependency_action, DEPENDENCY_SATISFY);
    o = judge(&t, REASON_EXIT_CODE, 3, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_TERMINATE);
    assert_int_equal(o.dependency_action, DEPENDENCY_BLOCK);

    t.exit_conditions = (struct exit_conditions){
        .codes = codes,
        .code_count = 3,
        .has_file_upload_error = true,
        .file_upload_error = {JOB_ACTION_TERMINATE, DEPENDENCY_SATISFY},
        .has_default = true,
        .otherwise = {JOB_ACTION_NONE, DEPENDENCY_BLOCK}};
    o = judge(&t, REASON_EXIT_CODE, 3, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_DISABLE);
    o = judge(&t, REASON_EXIT_CODE, 4, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_NONE);
    assert_int_equal(o.dependency_action, DEPENDENCY_SATISFY);
    o = judge(&t, REASON_NONE, 0, 0).end; /* listed, it is not the default */
    assert_int_equal(o.dependency_action, DEPENDENCY_BLOCK);
    o = judge(&t, REASON_FILE_UPLOAD, 4, 0).end; /* a code comes first */
    assert_int_equal(o.job_action, JOB_ACTION_NONE);
    o = judge(&t, REASON_FILE_UPLOAD, 10, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_TERMINATE);
    o = judge(&t, REASON_PRE_PROCESSING, -1, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_NONE);
    assert_int_equal(o.dependency_action, DEPENDENCY_BLOCK);
    o = judge(&t, REASON_TIMEOUT, -1, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_NONE);
    t.exit_conditions.code_count = 0; /* the default is never for code 0 */
    o = judge(&t, REASON_NONE, 0, 0).end;
    assert_int_equal(o.dependency_action, DEPENDENCY_SATISFY);
    t.exit_conditions.has_pre_processing_error = true;
    t.exit_conditions.pre_processing_error.job_action = JOB_ACTION_DISABLE;
    o = judge(&t, REASON_PRE_PROCESSING, -1, 0).end;
    assert_int_equal(o.job_action, JOB_ACTION_DISABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_are_azures),
        cmocka_unit_test(what_is_nobodys_fault_is_free),
        cmocka_unit_test(retries_are_the_users),
        cmocka_unit_test(pauses_double),
        cmocka_unit_test(limits_escalate),
        cmocka_unit_test(conditions_have_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
