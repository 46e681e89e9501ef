/* Counting tasks: see counts.h. */
#include "config.h"
#include "view/counts.h"

#include <string.h>

#include "base/mem.h"
#include "store/status.h"
#include "view/query.h"

/* What the session says of itself, if it still does, or has said its last. */
static bool said(const struct rundir *dir, const struct jobspec *spec,
                 int64_t now_ns, struct task_counts *jobs)
{
    struct snapshot snap;
    struct status_origin from;
    struct err err;
    if (status_read(rundir_path(dir), spec, &snap, &from, &err) < 0)
        return false;
    bool good = snap.job_count == spec->job_count &&
                (snap.state == RUN_FINISHED ||
                 (status_is_alive(&snap, now_ns) && !status_is_gone(&from)));
    for (uint32_t j = 0; good && j < snap.job_count; j++)
        jobs[j] = snap.jobs[j].tasks;
    mem_free(snap.jobs);
    return good;
}

static int count(void *arg, const struct query_task *t, struct err *err)
{
    struct task_counts *c = (struct task_counts *)arg + t->job;
    (void)err;
    c->succeeded += t->state == QUERY_SUCCEEDED || t->state == QUERY_INVALID;
    c->invalid += t->state == QUERY_INVALID;
    c->failed += t->state == QUERY_FAILED;
    c->skipped += t->state == QUERY_SKIPPED;
    c->retried += t->last && t->last->attempt > 1 ? t->last->attempt - 1 : 0;
    return 0;
}

int counts_read(const struct rundir *dir, const struct jobspec *spec,
                int64_t now_ns, struct task_counts *jobs, struct err *err)
{
    if (said(dir, spec, now_ns, jobs))
        return 0;
    memset(jobs, 0, spec->job_count * sizeof(*jobs));
    struct query *q = query_open(dir, spec, now_ns, err);
    int rc = q ? query_filter(q, "state!=active", err) : -1;
    if (rc == 0)
        rc = query_each(q, count, jobs, err);
    query_close(q);
    for (uint32_t j = 0; j < spec->job_count; j++) {
        jobs[j].total = spec->jobs[j].tasks.count;
        jobs[j].active = task_counts_left(&jobs[j]);
    }
    return rc;
}
