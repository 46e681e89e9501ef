/* What a job is and does besides its tasks. */
#include "config.h"
#include "spec/parse_life.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "spec/errors.h"
#include "spec/read.h"

/* -- Pools --------------------------------------------------------------- */

static void pool_unknown(struct parse *p, const struct tree_node *id)
{
    const char *names[JOBSPEC_MAX_POOLS];
    uint32_t count = p->spec->pool_count;
    for (uint32_t i = 0; i < count; i++)
        names[i] = p->pools[i].id;
    const char *near = text_nearest(id->u.text, names, count);
    spec_errors_add(p->errors, id->line, id->column,
                    near ? "there is no pool \"%s\"; did you mean \"%s\"?"
                         : "there is no pool \"%s\"; there is \"%s\"",
                    id->u.text, near ? near : names[0]);
}

uint32_t job_pool_find(struct parse *p, const struct tree_node *job,
                       const struct field *pool_info)
{
    struct pool_info_fields info;
    fields_read(p->errors, "`pool_info`", pool_info->node, &pool_info_keys,
                &info);
    if (!pool_info->key && p->spec->pool_count > 1) {
        spec_errors_add(p->errors, job->line, job->column,
                        "a job needs `pool_info` if there are several pools, "
                        "such as pool_info: {pool_id: %s}",
                        p->pools[0].id);
        return UINT32_MAX;
    }
    if (!info.pool_id.node)
        return pool_info->key ? UINT32_MAX : 0;
    for (uint32_t i = 0; i < p->spec->pool_count; i++)
        if (strcasecmp(p->pools[i].id, info.pool_id.node->u.text) == 0)
            return i;
    pool_unknown(p, info.pool_id.node);
    return UINT32_MAX;
}

/* -- Life ---------------------------------------------------------------- */

/* A number of tasks, or a percentage. */
static void failed_read(struct parse *p, const struct tree_node *n,
                        struct stop_when *stop)
{
    char *end;
    const char *s = n->u.text;
    double x = strtod(s, &end);
    bool share = *end == '%' && !end[1];
    if (strspn(s, "0123456789.") + share == n->count && end != s) {
        if (share && x > 0 && x <= 100) {
            stop->share = x / 100;
            return;
        }
        if (!share && !*end && x >= 1 && x <= TASKSET_MAX_COUNT &&
            x == floor(x)) {
            stop->failed = (uint32_t)x;
            return;
        }
    }
    spec_errors_add(p->errors, n->line, n->column,
                    "`failed` must be a number of tasks, 1 at least, or a "
                    "percentage such as 5%%, not \"%s\"",
                    excerpt_of(s).text);
}

int job_life_build(struct parse *p, const struct job_fields *f, struct job *job)
{
    struct stop_when_fields stop;
    int64_t parallel = f->max_parallel_tasks.u.integer;
    job->display_name =
        f->display_name.node ? f->display_name.node->u.text : NULL;
    job->priority = (int32_t)f->priority.u.integer;
    job->on_all_tasks_complete =
        (enum all_tasks_complete)f->on_all_tasks_complete.u.integer;
    job->on_task_failure = (enum task_failure)f->on_task_failure.u.integer;
    job->max_parallel_tasks = parallel > 0 ? (uint32_t)parallel : 0;
    if (f->max_parallel_tasks.node && parallel == 0)
        text_error(p, f->max_parallel_tasks.node, 0,
                   "with `max_parallel_tasks: 0` the job could never end; -1 "
                   "is without limit");
    fields_read(p->errors, "`stop_when`", f->stop_when.node, &stop_when_keys,
                &stop);
    job->stop_when.after = (uint64_t)stop.after.u.integer;
    if (stop.failed.node)
        failed_read(p, stop.failed.node, &job->stop_when);
    return metadata_build(p, &f->metadata, &job->metadata);
}

void job_life_check(struct parse *p, const struct job_fields *f,
                    const struct job *job)
{
    if (f->tasks.node && f->tasks.node->count == 0 &&
        job->on_all_tasks_complete == ALL_COMPLETE_TERMINATE &&
        !f->job_manager_task.key)
        text_error(p, f->tasks.node, 0,
                   "a job without tasks would end at once; for tasks that are "
                   "added later it needs on_all_tasks_complete: no_action, or "
                   "`job_manager_task`");
}
