/* The tables of legal state changes: see state.h. */
#include "config.h"
#include "model/state.h"

static const bool job_changes[JOB_STATE_COUNT][JOB_STATE_COUNT] = {
    [JOB_ACTIVE] = {[JOB_DISABLING] = true, [JOB_TERMINATING] = true},
    [JOB_DISABLING] = {[JOB_DISABLED] = true, [JOB_TERMINATING] = true},
    [JOB_DISABLED] = {[JOB_ENABLING] = true, [JOB_TERMINATING] = true},
    [JOB_ENABLING] = {[JOB_ACTIVE] = true, [JOB_TERMINATING] = true},
    [JOB_TERMINATING] = {[JOB_COMPLETED] = true},
    /* a rerun of tasks makes a job active again */
    [JOB_COMPLETED] = {[JOB_ACTIVE] = true},
};

static const bool task_changes[TASK_STATE_COUNT][TASK_STATE_COUNT] = {
    [TASK_ACTIVE] = {[TASK_PREPARING] = true,
                     [TASK_RUNNING] = true,
                     [TASK_COMPLETED] = true},
    [TASK_PREPARING] =
        {[TASK_ACTIVE] = true, [TASK_RUNNING] = true, [TASK_COMPLETED] = true},
    [TASK_RUNNING] = {[TASK_ACTIVE] = true, [TASK_COMPLETED] = true},
    [TASK_COMPLETED] = {[TASK_ACTIVE] = true},
};

bool job_state_may_change(enum job_state from, enum job_state to)
{
    return job_changes[from][to];
}

bool task_state_may_change(enum task_state from, enum task_state to)
{
    return task_changes[from][to];
}

const char *job_state_name(enum job_state state)
{
    static const char *const names[] = {"active",   "disabling",   "disabled",
                                        "enabling", "terminating", "completed"};
    return names[state];
}

const char *task_state_name(enum task_state state)
{
    static const char *const names[] = {"active", "preparing", "running",
                                        "completed"};
    return names[state];
}

const char *job_end_name(enum job_end end)
{
    static const char *const names[] = {"", "AllTasksComplete",
                                        "MaxWallClockTimeExpiry"};
    return names[end];
}
