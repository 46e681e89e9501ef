/* /batch/special_tasks: see results_build.h. */
#include "config.h"
#include "store/results_build.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "store/h5_table.h"

enum special_column {
    SP_KIND,
    SP_JOB_ID,
    SP_POOL_ID,
    SP_TASK_ID,
    SP_ATTEMPT,
    SP_STATE,
    SP_RESULT,
    SP_REASON,
    SP_FAILURE_CODE,
    SP_FAILURE_CATEGORY,
    SP_EXIT_CODE,
    SP_SIGNAL,
    SP_NODE,
    SP_RANK,
    SP_START,
    SP_END,
    SP_DURATION,
    SP_PREPARE,
    SP_STORE,
    SP_USER,
    SP_SYSTEM,
    SP_MAX_RSS,
    SP_STDOUT,
    SP_STDERR,
    SP_COUNT
};

struct specials {
    struct build *build;
    struct hdf_column columns[SP_COUNT];
    struct hdf_table *table; /* NULL: there was none yet */
};

static const char *kind_name(enum special_kind kind)
{
    static const char *const names[] = {[SPECIAL_NONE] = "",
                                        [SPECIAL_JOB_PREPARATION] =
                                            "job_preparation",
                                        [SPECIAL_JOB_RELEASE] = "job_release",
                                        [SPECIAL_JOB_MANAGER] = "job_manager",
                                        [SPECIAL_START] = "start"};
    return names[kind];
}

static size_t longest_pool_id(const struct jobspec *spec)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < spec->pool_count; i++)
        if (strlen(spec->pools[i].id) > longest)
            longest = strlen(spec->pools[i].id);
    return longest;
}

struct specials *specials_create(struct build *b, struct err *err)
{
    const struct survey *s = &b->survey;
    size_t reason = 1, code = 1;
    struct specials *t = mem_calloc(1, sizeof(*t));
    if (!t) {
        err_set(err, ENOMEM, "no memory for the table of special tasks");
        return NULL;
    }
    for (int i = 0; i < REASON_COUNT; i++) {
        size_t len = strlen(attempt_reason_name((enum reason)i));
        reason = len > reason ? len : reason;
    }
    for (int i = 0; i < FAILURE_COUNT; i++) {
        size_t len = strlen(failure_code((enum failure)i));
        code = len > code ? len : code;
    }
    const struct hdf_column columns[SP_COUNT] = {
        [SP_KIND] = {"kind", CELL_STRING, 15, 0},
        [SP_JOB_ID] = {"job_id", CELL_STRING, row_text_size(s->longest_job_id),
                       0},
        [SP_POOL_ID] = {"pool_id", CELL_STRING,
                        row_text_size(longest_pool_id(b->spec)), 0},
        [SP_TASK_ID] = {"task_id", CELL_STRING,
                        row_text_size(s->longest_special), 0},
        [SP_ATTEMPT] = {"attempt", CELL_INT32, 0, 0},
        [SP_STATE] = {"state", CELL_STRING, 9, 0},
        [SP_RESULT] = {"result", CELL_STRING, 7, 0},
        [SP_REASON] = {"reason", CELL_STRING, reason, 0},
        [SP_FAILURE_CODE] = {"failure_code", CELL_STRING, code, 0},
        [SP_FAILURE_CATEGORY] = {"failure_category", CELL_STRING, 12, 0},
        [SP_EXIT_CODE] = {"exit_code", CELL_INT32, 0, 0},
        [SP_SIGNAL] = {"signal", CELL_INT32, 0, 0},
        [SP_NODE] = {"node", CELL_STRING, row_text_size(s->longest_host), 0},
        [SP_RANK] = {"rank", CELL_INT32, 0, 0},
        [SP_START] = {"start_time", CELL_FLOAT64, 0, 0},
        [SP_END] = {"end_time", CELL_FLOAT64, 0, 0},
        [SP_DURATION] = {"duration_s", CELL_FLOAT64, 0, 0},
        [SP_PREPARE] = {"prepare_s", CELL_FLOAT64, 0, 0},
        [SP_STORE] = {"store_s", CELL_FLOAT64, 0, 0},
        [SP_USER] = {"user_s", CELL_FLOAT64, 0, 0},
        [SP_SYSTEM] = {"system_s", CELL_FLOAT64, 0, 0},
        [SP_MAX_RSS] = {"max_rss_bytes", CELL_INT64, 0, 0},
        [SP_STDOUT] = {"stdout_bytes", CELL_INT64, 0, 0},
        [SP_STDERR] = {"stderr_bytes", CELL_INT64, 0, 0}};
    t->build = b;
    memcpy(t->columns, columns, sizeof(columns));
    return t;
}

static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_SEC;
}

int specials_put(struct specials *s, const struct attempt *a, uint32_t session,
                 struct err *err)
{
    const struct hdf_column *c = s->columns;
    const struct jobspec *spec = s->build->spec;
    const enum failure failure = attempt_failure(a);
    size_t size;
    if (!s->table)
        s->table = hdf_table_create(s->build->file, "/batch/special_tasks",
                                    s->columns, SP_COUNT, &size, err);
    unsigned char *row = s->table ? hdf_table_row(s->table, err) : NULL;
    if (!row)
        return -1;
    row_text(row, &c[SP_KIND], kind_name(special_of(a->index)));
    row_text(row, &c[SP_JOB_ID], jobspec_job_id(spec, a->job));
    row_text(row, &c[SP_POOL_ID], spec->pools[jobspec_pool(spec, a->job)].id);
    row_text(row, &c[SP_TASK_ID], jobspec_special(spec, a->job, a->index)->id);
    row_i32(row, &c[SP_ATTEMPT], (int32_t)a->attempt);
    row_text(row, &c[SP_STATE],
             a->disposition == TASK_ENDS ? "completed" : "active");
    row_text(row, &c[SP_RESULT], attempt_result_name(a->result));
    row_text(row, &c[SP_REASON], attempt_reason_name(a->reason));
    row_text(row, &c[SP_FAILURE_CODE], failure_code(failure));
    row_text(row, &c[SP_FAILURE_CATEGORY],
             failure_category_name(failure_category(failure)));
    row_i32(row, &c[SP_EXIT_CODE], a->exit_code);
    row_i32(row, &c[SP_SIGNAL], a->signal);
    row_text(row, &c[SP_NODE],
             survey_host(&s->build->survey, session, a->rank));
    row_i32(row, &c[SP_RANK], (int32_t)a->rank);
    row_f64(row, &c[SP_START], time_s(a->start_ns));
    row_f64(row, &c[SP_END], time_s(a->end_ns));
    row_f64(row, &c[SP_DURATION], attempt_duration_s(a));
    row_f64(row, &c[SP_PREPARE], seconds(a->prepare_ns));
    row_f64(row, &c[SP_STORE], seconds(a->store_ns));
    row_f64(row, &c[SP_USER], seconds(a->user_ns));
    row_f64(row, &c[SP_SYSTEM], seconds(a->system_ns));
    row_i64(row, &c[SP_MAX_RSS], (int64_t)a->max_rss_bytes);
    row_i64(row, &c[SP_STDOUT], (int64_t)a->output[0].bytes);
    row_i64(row, &c[SP_STDERR], (int64_t)a->output[1].bytes);
    return 0;
}

int specials_finish(struct specials *s, struct err *err)
{
    return s->table ? hdf_table_finish(s->table, err) : 0;
}

void specials_destroy(struct specials *s)
{
    if (!s)
        return;
    hdf_table_destroy(s->table);
    mem_free(s);
}
