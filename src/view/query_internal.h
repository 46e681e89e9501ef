/* Inside queries: what query.c (columns and values), query_filter.c (which
 * tasks) and query_window.c (the journal) share. Nobody else includes it. */
#ifndef MPIBATCH_VIEW_QUERY_INTERNAL_H
#define MPIBATCH_VIEW_QUERY_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "model/columns.h"
#include "model/expr.h"
#include "store/journal.h"
#include "store/running.h"
#include "view/query.h"

/* Behind the built-in columns: parameters, metrics, their states, then: */
enum { TAIL_ATTEMPTS, TAIL_SESSION, TAIL_MESSAGE, TAIL_COMMAND, TAIL_COUNT };

/* The columns of one job's parameters and metrics. */
struct job_columns {
    const uint32_t *params, *metrics;
};

struct filter {
    uint32_t column;
    bool negative;
    struct value v;
};

/* Can tasks that have never ended an attempt match? */
enum untouched { UNTOUCHED_UNKNOWN, UNTOUCHED_NO, UNTOUCHED_MAYBE };

/* A window of tasks: where in the journal its records lie. */
struct window {
    bool touched;
    struct journal_place first, last; /* last: read what begins up to there */
};

/* A host, with the scratch that tasks had there: each pair once. */
struct query_node {
    const char *name, *scratch;
};

/* What is kept of a task: its last attempt, packed. */
struct row {
    unsigned char *record; /* heap; NULL: none */
    uint32_t len;
    uint32_t session, node; /* node: its number in nodes, or UINT32_MAX */
    bool reactivated;
    bool skipped; /* and for which task: */
    uint32_t for_job, for_index;
};

struct query {
    const struct rundir *dir;
    const struct jobspec *spec;
    struct arena *arena;

    const char **names; /* of the columns */
    uint32_t column_count;
    uint32_t param_count, metric_first, metric_count, states_first, tail_first;
    struct job_columns *jobs;
    enum untouched *untouched;
    bool *begun; /* of jobs of schedules: they are there */

    struct filter filters[QUERY_MAX_FILTERS];
    const struct expr *wheres[QUERY_MAX_FILTERS];
    uint32_t filter_count, where_count;
    uint64_t head;

    uint64_t *base; /* the number of a job's first task among all */
    uint64_t total;
    struct window *windows;
    struct journal_reader *past;
    struct map node_numbers; /* (session, node) -> number */
    struct query_node *nodes;
    uint32_t node_count;

    struct running_list *running;
    struct map running_at; /* number of the task -> its place in the list */

    /* of the window being read */
    uint64_t from, count, kept_bytes;
    struct row *rows;
    struct buf packed;
    struct attempt last; /* of the task being looked at */
    uint64_t shown;
};

enum { WINDOW_TASKS = 1 << 20 };

/* A column whose value is the same for all tasks of a job that have never
 * ended an attempt. */
bool column_is_common(const struct query *q, uint32_t column);

/* Does the task match all that is said? 1, 0, -1 with err. */
int query_matches(struct query *q, const struct query_task *t, struct err *err);
/* The id of a task, special or not. 0, or -1 with err. */
int query_task_id(const struct query *q, uint32_t job, uint32_t index,
                  char id[JOBSPEC_MAX_ID + 1], struct err *err);
/* Can a task of this job that has never ended an attempt, and does not run? */
bool query_wants_untouched(struct query *q, uint32_t job);

/* Find out where in the journal which windows lie. 0, or -1 with err. */
int query_survey(struct query *q, struct err *err);

#endif
