/* The states of jobs, tasks and nodes, and the changes that are legal: Azure
 * Batch's, as const tables. */
#ifndef MPIBATCH_MODEL_STATE_H
#define MPIBATCH_MODEL_STATE_H

#include <stdbool.h>

enum job_state {
    JOB_ACTIVE,
    JOB_DISABLING,
    JOB_DISABLED,
    JOB_ENABLING,
    JOB_TERMINATING,
    JOB_COMPLETED,
    JOB_STATE_COUNT
};

enum task_state {
    TASK_ACTIVE,
    TASK_PREPARING,
    TASK_RUNNING,
    TASK_COMPLETED,
    TASK_STATE_COUNT
};

enum node_state {
    NODE_CREATING, /* its ranks have not joined */
    NODE_STARTING, /* some have */
    NODE_WAITING_FOR_START_TASK,
    NODE_START_TASK_FAILED,
    NODE_IDLE,
    NODE_RUNNING,
    NODE_OFFLINE,
    NODE_UNUSABLE, /* set aside, or lost */
    NODE_PREEMPTED,
    NODE_LEAVING_POOL,
    NODE_STATE_COUNT
};

/* Why a job is completed; Azure's words. */
enum job_end {
    JOB_END_NONE,
    JOB_END_ALL_TASKS_COMPLETE,
    JOB_END_MAX_WALL_CLOCK_TIME,
    JOB_END_JOB_MANAGER, /* its job manager task has ended */
    JOB_END_TASK_FAILED, /* by exit conditions, or stop_when */
    JOB_END_USER,        /* somebody asked for it; perhaps with a reason */
    JOB_END_PREPARATION, /* no node is left that could be prepared */
    JOB_END_COUNT
};

/* Is the change legal? No state changes to itself. */
bool job_state_may_change(enum job_state from, enum job_state to);
bool task_state_may_change(enum task_state from, enum task_state to);
bool node_state_may_change(enum node_state from, enum node_state to);
/* May tasks be given to a node in this state? */
bool node_state_is_usable(enum node_state state);

/* "active", "disabling", ... */
const char *job_state_name(enum job_state state);
const char *task_state_name(enum task_state state);
/* "creating", "starting", "waiting_for_start_task", ... */
const char *node_state_name(enum node_state state);
/* "", "AllTasksComplete", "MaxWallClockTimeExpiry", "JMComplete",
 * "TaskFailed", "UserTerminate", "JobPreparationTaskFailed". */
const char *job_end_name(enum job_end end);

#endif
