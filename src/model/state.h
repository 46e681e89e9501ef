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

/* Why a job is completed; Azure's words. */
enum job_end {
    JOB_END_NONE,
    JOB_END_ALL_TASKS_COMPLETE,
    JOB_END_MAX_WALL_CLOCK_TIME,
    JOB_END_COUNT
};

/* Is the change legal? No state changes to itself. */
bool job_state_may_change(enum job_state from, enum job_state to);
bool task_state_may_change(enum task_state from, enum task_state to);

/* "active", "disabling", ... */
const char *job_state_name(enum job_state state);
const char *task_state_name(enum task_state state);
/* "", "AllTasksComplete", "MaxWallClockTimeExpiry". */
const char *job_end_name(enum job_end end);

#endif
