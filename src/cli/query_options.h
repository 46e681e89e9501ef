/* The options that say which tasks: of tasks, failures, export. */
#ifndef MPIBATCH_CLI_QUERY_OPTIONS_H
#define MPIBATCH_CLI_QUERY_OPTIONS_H

#include "cli/option.h"
#include "cli/rundir_arg.h"
#include "view/query.h"

/* A member of a command's struct, and OPT_SET(query_opts, offsetof(..., query))
 * in its sets. */
struct query_options {
    struct texts filters, wheres;
    bool failed;
    int state; /* 0: any; else 1 + enum query_state */
    const char *job;
};
enum {
    QUERY_OPTS = 5,
    QUERY_OPTS_ANY_STATE = 2 /* from here on: not --failed, --state */
};
extern const struct opt query_opts[QUERY_OPTS];

/* What conditions and --columns may name, for the description of a command. */
#define QUERY_NAMES                                                             \
    "Columns: job_id task_id task_index attempt attempts state result reason "  \
    "failure_code failure_category exit_code signal node rank slot session "    \
    "submit_time start_time end_time duration_s prepare_s store_s user_s "      \
    "system_s max_rss_bytes read_bytes write_bytes stdout_bytes "               \
    "stderr_bytes returned_files returned_bytes message command; each "         \
    "parameter; each metric "                                                   \
    "M, and M_state: ok, missing, malformed or out_of_range. States: active "   \
    "running succeeded failed invalid, which means that it succeeded but a "    \
    "metric is missing, malformed or out of range, and skipped: it depends on " \
    "a task that has not ended well. What a task does not have is null."

/* Restrict a query to these tasks. -1 with err. */
int query_options_apply(struct query *q, const struct query_options *o,
                        struct err *err);

/* Open a query on the run for these tasks. NULL: *rc is the exit code, it was
 * said why. */
struct query *query_options_open(const struct run_arg *run, const char *command,
                                 const struct query_options *o, int *rc);

/* Take a comma-separated list of columns, at most max. How many, or -1: it was
 * said why (exit code 2). */
int query_options_columns(const struct query *q, const char *command,
                          const char *list, uint32_t *columns, uint32_t max);

#endif
