/* Tasks that were added to the spec while its jobs run: see sched.h.
 *
 * The rules of the spec may have become others with them, in any place; so all
 * counters are made anew, from what tasks have come to. */
#include "config.h"
#include "sched/sched.h"

#include <errno.h>
#include <inttypes.h>

#include "sched/follow.h"
#include "sched/machine.h"

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory for tasks that were added");
}

/* The new tasks, from j->task_count on, each in a bucket or blocked. */
static void take_in(struct sched *s, struct job_run *j)
{
    uint32_t job = job_id(s, j);
    job_look(j, j->task_count);
    while (j->task_count < j->spec->tasks.count)
        task_put(s, job, j->task_count++, TASK_FRESH);
    follow_review(s, j);
    job_due(s, j);
}

static int add(struct sched *s, struct job_run *j, struct err *err)
{
    const struct jobspec *spec = s->config.spec;
    struct needs needs = {0};
    for (uint32_t i = j->task_count; i < j->spec->tasks.count; i++)
        if (ready_make_bucket(&s->ready, spec, job_id(s, j), i) < 0)
            return no_memory(err);
    if (spec->depend_count != s->needs.rule_count) {
        if (needs_init(&needs, spec) < 0 || follow_renew(s, &needs) < 0) {
            needs_fini(&needs);
            return no_memory(err);
        }
    }
    uint32_t first = j->task_count;
    take_in(s, j);
    if (s->config.node_count > 0)
        (void)pickies_home(s, job_id(s, j), first); /* a wish, no more */
    return 0;
}

int sched_added(struct sched *s, int64_t now_ns, uint32_t job, struct err *err)
{
    liveness_now(&s->live, now_ns);
    struct job_run *j = &s->jobs[job];
    if (j->state >= JOB_TERMINATING || j->want == WANT_TERMINATE)
        return err_set(
            err, EINVAL, "%s: job %s is %s and takes no tasks",
            j->state == JOB_COMPLETED ? "JobCompleted" : "JobBeingTerminated",
            j->spec->id,
            j->state == JOB_COMPLETED ? "completed" : "being terminated");
    return add(s, j, err);
}

int sched_replay_added(struct sched *s, uint32_t job, struct err *err)
{
    if (job >= job_count_of(s))
        return err_set(err, EINVAL,
                       "the journal speaks of job %" PRIu32 ", there are "
                       "%" PRIu32,
                       job, job_count_of(s));
    return add(s, &s->jobs[job], err);
}
