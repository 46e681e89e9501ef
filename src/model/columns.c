/* The names of columns: see columns.h. */
#include "config.h"
#include "model/columns.h"

const char *const column_names[COL_COUNT] = {
    [COL_JOB_ID] = "job_id",
    [COL_TASK_ID] = "task_id",
    [COL_TASK_INDEX] = "task_index",
    [COL_ATTEMPT] = "attempt",
    [COL_STATE] = "state",
    [COL_RESULT] = "result",
    [COL_REASON] = "reason",
    [COL_EXIT_CODE] = "exit_code",
    [COL_SIGNAL] = "signal",
    [COL_NODE] = "node",
    [COL_RANK] = "rank",
    [COL_SLOT] = "slot",
    [COL_SUBMIT] = "submit_time",
    [COL_START] = "start_time",
    [COL_END] = "end_time",
    [COL_DURATION] = "duration_s",
    [COL_USER] = "user_s",
    [COL_SYSTEM] = "system_s",
    [COL_MAX_RSS] = "max_rss_bytes",
    [COL_READ] = "read_bytes",
    [COL_WRITE] = "write_bytes",
    [COL_STDOUT] = "stdout_bytes",
    [COL_STDERR] = "stderr_bytes",
};
