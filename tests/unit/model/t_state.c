/* The states: every change, legal or not, and the words. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/snapshot.h"
#include "model/state.h"

/* Rows: from; columns: to; in the order of the enums. */
static const char job_changes[JOB_STATE_COUNT][JOB_STATE_COUNT + 1] = {
    /* active disabling disabled enabling terminating completed */
    ".x..x.", "..x.x.", "...xx.", "x...x.", ".....x", "x.....",
};
static const char task_changes[TASK_STATE_COUNT][TASK_STATE_COUNT + 1] = {
    /* active preparing running completed */
    ".xxx",
    "x.xx",
    "x..x",
    "x...",
};

static void job_changes_are_legal_or_not(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATE_COUNT; from++)
        for (int to = 0; to < JOB_STATE_COUNT; to++)
            if (job_state_may_change((enum job_state)from,
                                     (enum job_state)to) !=
                (job_changes[from][to] == 'x'))
                fail_msg("job: %s to %s", job_state_name((enum job_state)from),
                         job_state_name((enum job_state)to));
}

static void task_changes_are_legal_or_not(void **state)
{
    (void)state;
    for (int from = 0; from < TASK_STATE_COUNT; from++)
        for (int to = 0; to < TASK_STATE_COUNT; to++)
            if (task_state_may_change((enum task_state)from,
                                      (enum task_state)to) !=
                (task_changes[from][to] == 'x'))
                fail_msg("task: %s to %s",
                         task_state_name((enum task_state)from),
                         task_state_name((enum task_state)to));
}

/* From each state a job can reach each end, and a task its completion. */
static void no_state_is_a_trap(void **state)
{
    (void)state;
    for (int from = 0; from < JOB_STATE_COUNT; from++) {
        unsigned seen = 1u << from;
        for (int round = 0; round < JOB_STATE_COUNT; round++)
            for (int a = 0; a < JOB_STATE_COUNT; a++)
                for (int b = 0; b < JOB_STATE_COUNT; b++)
                    if (seen >> a & 1 &&
                        job_state_may_change((enum job_state)a,
                                             (enum job_state)b))
                        seen |= 1u << b;
        assert_int_equal(seen, (1u << JOB_STATE_COUNT) - 1);
    }
    for (int from = 0; from < TASK_COMPLETED; from++)
        assert_true(
            task_state_may_change((enum task_state)from, TASK_COMPLETED));
}

static void states_have_azures_names(void **state)
{
    static const char *const jobs[] = {"active",   "disabling",   "disabled",
                                       "enabling", "terminating", "completed"};
    static const char *const tasks[] = {"active", "preparing", "running",
                                        "completed"};
    static const char *const ends[] = {"",
                                       "AllTasksComplete",
                                       "MaxWallClockTimeExpiry",
                                       "JMComplete",
                                       "TaskFailed",
                                       "UserTerminate",
                                       "JobPreparationTaskFailed"};
    static const char *const nodes[] = {
        "creating",          "starting", "waiting_for_start_task",
        "start_task_failed", "idle",     "running",
        "offline",           "unusable", "preempted",
        "leaving_pool"};
    static const char *const runs[] = {"starting", "running", "stopping",
                                       "paused", "finished"};
    (void)state;
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        assert_string_equal(job_state_name((enum job_state)i), jobs[i]);
    for (int i = 0; i < TASK_STATE_COUNT; i++)
        assert_string_equal(task_state_name((enum task_state)i), tasks[i]);
    for (int i = 0; i < NODE_STATE_COUNT; i++)
        assert_string_equal(node_state_name((enum node_state)i), nodes[i]);
    for (int i = 0; i < JOB_END_COUNT; i++)
        assert_string_equal(job_end_name((enum job_end)i), ends[i]);
    for (int i = 0; i <= RUN_FINISHED; i++)
        assert_string_equal(run_state_name((enum run_state)i), runs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(job_changes_are_legal_or_not),
        cmocka_unit_test(task_changes_are_legal_or_not),
        cmocka_unit_test(no_state_is_a_trap),
        cmocka_unit_test(states_have_azures_names),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
