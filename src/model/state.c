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

static const bool node_changes[NODE_STATE_COUNT][NODE_STATE_COUNT] = {
    [NODE_CREATING] = {[NODE_STARTING] = true,
                       [NODE_UNUSABLE] = true,
                       [NODE_LEAVING_POOL] = true},
    [NODE_STARTING] = {[NODE_WAITING_FOR_START_TASK] = true,
                       [NODE_IDLE] = true,
                       [NODE_OFFLINE] = true,
                       [NODE_UNUSABLE] = true,
                       [NODE_LEAVING_POOL] = true},
    [NODE_WAITING_FOR_START_TASK] = {[NODE_IDLE] = true,
                                     [NODE_START_TASK_FAILED] = true,
                                     [NODE_OFFLINE] = true,
                                     [NODE_UNUSABLE] = true,
                                     [NODE_LEAVING_POOL] = true},
    [NODE_START_TASK_FAILED] =
        {[NODE_UNUSABLE] = true, [NODE_LEAVING_POOL] = true},
    [NODE_IDLE] = {[NODE_RUNNING] = true,
                   [NODE_OFFLINE] = true,
                   [NODE_UNUSABLE] = true,
                   [NODE_LEAVING_POOL] = true},
    [NODE_RUNNING] = {[NODE_IDLE] = true,
                      [NODE_OFFLINE] = true,
                      [NODE_UNUSABLE] = true,
                      [NODE_LEAVING_POOL] = true},
    [NODE_OFFLINE] = {[NODE_IDLE] = true,
                      [NODE_WAITING_FOR_START_TASK] = true,
                      [NODE_UNUSABLE] = true,
                      [NODE_LEAVING_POOL] = true},
    /* what was set aside may be taken back */
    [NODE_UNUSABLE] = {[NODE_IDLE] = true, [NODE_LEAVING_POOL] = true},
};

bool job_state_may_change(enum job_state from, enum job_state to)
{
    return job_changes[from][to];
}

bool task_state_may_change(enum task_state from, enum task_state to)
{
    return task_changes[from][to];
}

bool node_state_may_change(enum node_state from, enum node_state to)
{
    return node_changes[from][to];
}

bool node_state_is_usable(enum node_state state)
{
    return state == NODE_IDLE || state == NODE_RUNNING;
}

const char *node_state_name(enum node_state state)
{
    static const char *const names[] = {
        "creating",          "starting", "waiting_for_start_task",
        "start_task_failed", "idle",     "running",
        "offline",           "unusable", "preempted",
        "leaving_pool"};
    return names[state];
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
    static const char *const names[] = {"",
                                        "AllTasksComplete",
                                        "MaxWallClockTimeExpiry",
                                        "JMComplete",
                                        "TaskFailed",
                                        "UserTerminate",
                                        "JobPreparationTaskFailed"};
    return names[end];
}
