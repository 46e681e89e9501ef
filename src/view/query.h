/* Questions to a run: which tasks are there, how do they stand, and for which
 * of them does something hold.
 *
 * It reads the run directory and nothing else: while the run goes on, or long
 * after, on any machine that sees the folder. What it says is true of one
 * moment: that of query_open. Memory is bounded: the journal is read in
 * windows of tasks, each once if tasks have ended about in order.
 *
 * A task has columns, which conditions may name: those of /batch/tasks of
 * results.h5, in its last attempt, and further ones (query.c has the table);
 * then each parameter and each metric that is a scalar, with the metric's
 * state as METRIC_state. A name that is taken has _ behind it. What a task
 * does not have is null: a parameter of another job, the exit code of a task
 * that has not ended.
 */
#ifndef MPIBATCH_VIEW_QUERY_H
#define MPIBATCH_VIEW_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"
#include "store/rundir.h"

/* Of one query: columns, --filters, bytes of attempts kept at once. */
enum {
    QUERY_MAX_COLUMNS = 4096,
    QUERY_MAX_FILTERS = 64,
    QUERY_MAX_KEPT_BYTES = 192 << 20
};

enum query_state {
    QUERY_ACTIVE, /* never started, to be tried again, or not known to run */
    QUERY_RUNNING,
    QUERY_SUCCEEDED,
    QUERY_FAILED,
    QUERY_INVALID, /* succeeded, but a metric has no value or a wrong one */
    QUERY_SKIPPED, /* it waited for a task that has not ended well */
    QUERY_STATES
};

struct query;

/* A task at that moment. Borrowed for the call of the visitor. */
struct query_task {
    uint32_t job, index;
    char id[JOBSPEC_MAX_ID + 1];
    enum query_state state;
    const struct attempt *last;  /* the last one that ended; NULL: none has */
    const char *node;            /* the host of that; "": not known */
    const char *scratch;         /* its folder for tasks there; "": none */
    uint32_t session;            /* the session of that; 0: none */
    int64_t running_since_ns;    /* of a running one; else 0 */
    uint32_t running_rank;       /* of a running one */
    uint32_t for_job, for_index; /* of a skipped one: the task it waited for;
                                    itself if it was deleted */
    bool now;                    /* it is the task, not one of its attempts */
};

/* Look at a run at now_ns (since 1970 UTC); dir and spec are borrowed for the
 * query's life. NULL with err. Free with query_close. */
struct query *query_open(const struct rundir *dir, const struct jobspec *spec,
                         int64_t now_ns, struct err *err);
void query_close(struct query *q);

/* ---- Columns ---- */

uint32_t query_column_count(const struct query *q);
const char *query_column_name(const struct query *q, uint32_t column);
/* The column of that name, or -1 with err EINVAL and a near one. job, task,
 * index and host are short for job_id, task_id, task_index and node. */
int query_column(const struct query *q, const char *name, struct err *err);
/* The first column that is a parameter; and how many there are; the same for
 * metrics (their states are not among them). */
uint32_t query_parameters(const struct query *q, uint32_t *count);
uint32_t query_metrics(const struct query *q, uint32_t *count);
/* The metric of a job that a column is; NULL: it is none of it. */
const struct metric *query_metric(const struct query *q, uint32_t job,
                                  uint32_t column);
/* The spec of the run. */
const struct jobspec *query_spec(const struct query *q);
/* Does any task of this job have it? */
bool query_job_has(const struct query *q, uint32_t job, uint32_t column);

/* The value of a column: null if the task has none. Its text lies in room, in
 * the task, or in the spec; it is NULL for a number that has no spelling of
 * its own. 0, or -1 with err. */
int query_value(const struct query *q, const struct query_task *t,
                uint32_t column, struct buf *room, struct value *v,
                struct err *err);
/* Append a value as text: as it was spelled, else so that it reads back the
 * same; nothing for null. 0, or -1 as buf_put. */
int query_value_put(const struct value *v, struct buf *out);

/* "active", "running", "succeeded", "failed", "invalid", "skipped". */
const char *query_state_name(enum query_state state);

/* ---- Which tasks ---- */

/* Only tasks with COLUMN=VALUE (or COLUMN!=VALUE): equal as numbers if both
 * are, else as texts. All that is said holds together. -1 with err EINVAL
 * (no such column; a state, result, reason or job that there is not). */
int query_filter(struct query *q, const char *text, struct err *err);
/* Only tasks for which the condition holds (model/expr.h). -1 with err, the
 * place shown in it. */
int query_where(struct query *q, const char *text, struct err *err);
/* The first tasks only; 0: all. */
void query_head(struct query *q, uint64_t count);

/* Visit the tasks, by job and index. visit returns 0, 1 to end it, or -1 with
 * err. 0, or -1 with err. */
int query_each(struct query *q,
               int (*visit)(void *arg, const struct query_task *t,
                            struct err *err),
               void *arg, struct err *err);

/* Visit all attempts of tasks that have ended, in the order of the journal; the
 * state is that in which each has left its task. As query_each. */
int query_each_attempt(struct query *q,
                       int (*visit)(void *arg, const struct query_task *t,
                                    struct err *err),
                       void *arg, struct err *err);

/* All attempts of one task that have ended, first to last; then the task as it
 * stands (now). Of a special one (JOB_OF_POOL(pool) and INDEX_START, too) those
 * of all nodes, in the order of the journal: it stands as the last one does. */
int query_attempts(struct query *q, uint32_t job, uint32_t index,
                   int (*visit)(void *arg, const struct query_task *t,
                                struct err *err),
                   void *arg, struct err *err);

/* Is it skipped because somebody has deleted it? */
static inline bool query_task_deleted(const struct query_task *t)
{
    return t->state == QUERY_SKIPPED && t->for_job == t->job &&
           t->for_index == t->index;
}

#endif
