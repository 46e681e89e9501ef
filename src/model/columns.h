/* The columns that a table of tasks has whatever the job spec: batch/tasks of
 * results.h5, and what a run is asked for (filters, lists, exports). Parameters
 * and metrics follow them. */
#ifndef MPIBATCH_MODEL_COLUMNS_H
#define MPIBATCH_MODEL_COLUMNS_H

enum {
    COL_JOB_ID,
    COL_TASK_ID,
    COL_TASK_INDEX,
    COL_ATTEMPT,
    COL_STATE,
    COL_RESULT,
    COL_REASON,
    COL_FAILURE_CODE,
    COL_FAILURE_CATEGORY,
    COL_EXIT_CODE,
    COL_SIGNAL,
    COL_NODE,
    COL_RANK,
    COL_SLOT,
    COL_SUBMIT,
    COL_START,
    COL_END,
    COL_DURATION,
    COL_PREPARE,
    COL_STORE,
    COL_USER,
    COL_SYSTEM,
    COL_MAX_RSS,
    COL_READ,
    COL_WRITE,
    COL_STDOUT,
    COL_STDERR,
    COL_FILES,
    COL_FILE_BYTES,
    COL_COUNT
};

extern const char *const column_names[COL_COUNT];

#endif
