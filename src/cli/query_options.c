/* The options that say which tasks: see query_options.h. */
#include "config.h"
#include "cli/query_options.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"

#define AT(member) .at = offsetof(struct query_options, member)

static const char *const states[] = {"all",       "active", "running",
                                     "succeeded", "failed", "invalid",
                                     "skipped",   NULL};

const struct opt query_opts[QUERY_OPTS] = {
    {.name = "failed",
     .kind = OPT_FLAG,
     AT(failed),
     .excludes = "state",
     .meaning = "only tasks that failed"},
    {.name = "state",
     .kind = OPT_CHOICE,
     .value = "STATE",
     AT(state),
     .words = states,
     .fallback = "all",
     .meaning = "only tasks in this state"},
    {.name = "job",
     .kind = OPT_TEXT,
     .value = "ID",
     AT(job),
     .meaning = "only this job"},
    {.name = "filter",
     .kind = OPT_TEXTS,
     .value = "COLUMN=VALUE",
     AT(filters),
     .meaning = "only tasks with this value, as in `state=failed` or "
                "`reason!=timeout`"},
    {.name = "where",
     .kind = OPT_TEXTS,
     .value = "EXPR",
     AT(wheres),
     .meaning = "only tasks for which this holds, as in "
                "`n > 64 and solver == \"gmres\"`"},
};

int query_options_apply(struct query *q, const struct query_options *o,
                        struct err *err)
{
    char filter[sizeof("job_id=") + JOBSPEC_MAX_ID + 1];
    if (o->failed || o->state > 0) {
        snprintf(filter, sizeof(filter), "state=%s",
                 o->failed ? "failed" : states[o->state]);
        if (query_filter(q, filter, err) < 0)
            return -1;
    }
    if (o->job) {
        snprintf(filter, sizeof(filter), "job_id=%s", o->job);
        if (query_filter(q, filter, err) < 0)
            return err_context(err, "--job");
    }
    for (unsigned i = 0; i < o->filters.count; i++)
        if (query_filter(q, o->filters.list[i], err) < 0)
            return err_context(err, "--filter");
    for (unsigned i = 0; i < o->wheres.count; i++)
        if (query_where(q, o->wheres.list[i], err) < 0)
            return err_context(err, "--where");
    return 0;
}

struct query *query_options_open(const struct run_arg *run, const char *command,
                                 const struct query_options *o, int *rc)
{
    struct err err;
    struct query *q = query_open(run->dir, run->spec, clock_wall_ns(), &err);
    if (!q) {
        log_error("%s", err.text);
        *rc = EXIT_FAILED;
        return NULL;
    }
    if (query_options_apply(q, o, &err) == 0)
        return q;
    *rc = usage_error(command, "%s", err.text);
    query_close(q);
    return NULL;
}

int query_options_columns(const struct query *q, const char *command,
                          const char *list, uint32_t *columns, uint32_t max)
{
    uint32_t count = 0;
    struct err err;
    char name[512];
    for (const char *s = list;; s++) {
        size_t len = strcspn(s, ",");
        snprintf(name, sizeof(name), "%.*s", (int)len, s);
        int column = query_column(q, name, &err);
        if (column < 0) {
            usage_error(command, "--columns: %s", err.text);
            return -1;
        }
        if (count == max) {
            usage_error(command, "--columns: more than %u columns", max);
            return -1;
        }
        columns[count++] = (uint32_t)column;
        s += len;
        if (!*s)
            return (int)count;
    }
}
