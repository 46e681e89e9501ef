/* Why a task waits, in words. See manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <inttypes.h>
#include <stdio.h>

static const char *task_name(const struct manager *m, uint32_t job,
                             uint32_t index, char name[2 * JOBSPEC_MAX_ID + 2])
{
    char id[JOBSPEC_MAX_ID + 1] = "?";
    struct err err;
    const struct job *j = &m->config.spec->jobs[job];
    (void)job_task_id(j, index, id, &err);
    snprintf(name, 2 * JOBSPEC_MAX_ID + 2, "%s/%s", j->id, id);
    return name;
}

/* It does not wait. */
static void say_state(struct manager *m, uint32_t job, uint32_t index,
                      struct answer *a)
{
    enum attempt_result result = RESULT_NONE;
    enum task_state state = sched_task_state(m->sched, job, index, &result);
    uint32_t rank;
    if (state == TASK_COMPLETED)
        snprintf(a->text, sizeof(a->text), "it is completed: %s",
                 attempt_result_name(result));
    else if (sched_task_worker(m->sched, job, index, &rank))
        snprintf(a->text, sizeof(a->text),
                 "it is %s, on rank %" PRIu32 " of node %s",
                 task_state_name(state), rank, m->means.ranks[rank].hostname);
    else
        snprintf(a->text, sizeof(a->text), "it is %s", task_state_name(state));
}

static void say_dependency(struct manager *m, const struct sched_wait *w,
                           struct answer *a)
{
    char name[2 * JOBSPEC_MAX_ID + 2], more[48] = "";
    if (w->count > 0)
        snprintf(more, sizeof(more), " and %" PRIu32 " more", w->count);
    snprintf(a->text, sizeof(a->text), "it depends on task %s%s",
             task_name(m, w->job, w->index, name), more);
}

static void say_wait(struct manager *m, uint32_t job, uint32_t index,
                     const struct sched_wait *w, struct answer *a)
{
    const struct jobspec *spec = m->config.spec;
    const struct request ask = jobspec_request(spec, job, index);
    enum job_state state = manager_snapshot(m)->jobs[job].state;
    char room[16];
    switch (w->kind) {
    case WAIT_NOT:
        say_state(m, job, index, a);
        break;
    case WAIT_TURN:
        snprintf(a->text, sizeof(a->text),
                 "it waits for its turn: others are "
                 "before it");
        break;
    case WAIT_DEPENDENCY:
        say_dependency(m, w, a);
        break;
    case WAIT_JOB_STATE:
        snprintf(a->text, sizeof(a->text), "its job is %s",
                 job_state_name(state));
        break;
    case WAIT_SCHEDULE:
        snprintf(a->text, sizeof(a->text), "the time of its job has not come");
        break;
    case WAIT_BACKOFF:
        snprintf(
            a->text, sizeof(a->text),
            "it has failed, and is tried again "
            "in %s",
            duration_format(
                w->until_ns > now_ns(m) ? w->until_ns - now_ns(m) : 0, room));
        break;
    case WAIT_SLOTS:
        snprintf(a->text, sizeof(a->text),
                 "it needs %" PRIu32 " slot%s of one rank, and no rank has so "
                 "many free (%" PRIu32 " could have them)",
                 ask.slots, ask.slots == 1 ? "" : "s", w->count);
        break;
    case WAIT_RESOURCE:
        snprintf(a->text, sizeof(a->text), "what it needs of %s is in use",
                 w->resource < spec->resource_count
                     ? spec->resources[w->resource].name
                     : "a resource");
        break;
    case WAIT_NODES:
        snprintf(a->text, sizeof(a->text),
                 "it needs %" PRIu32 " nodes at once; %" PRIu32
                 " are reserved for it",
                 ask.instances, w->count);
        break;
    case WAIT_PREPARATION:
        snprintf(a->text, sizeof(a->text),
                 "the job preparation task of its "
                 "node has not ended");
        break;
    case WAIT_PARALLEL:
        snprintf(a->text, sizeof(a->text),
                 "as many tasks of its job run as "
                 "max_parallel_tasks allows (%" PRIu32 ")",
                 spec->jobs[job].max_parallel_tasks);
        break;
    case WAIT_PAUSED:
        snprintf(a->text, sizeof(a->text),
                 "no task is started at the moment%s%s",
                 m->snap.pause_text[0] ? ": " : "", m->snap.pause_text);
        break;
    case WAIT_NOBODY:
        snprintf(a->text, sizeof(a->text), "no node is left that could run it");
        break;
    }
}

int manager_explain(struct manager *m, const struct ask *ask, struct answer *a,
                    struct err *err)
{
    static const char *const names[] = {[WAIT_NOT] = "none",
                                        [WAIT_TURN] = "turn",
                                        [WAIT_DEPENDENCY] = "dependency",
                                        [WAIT_JOB_STATE] = "job_state",
                                        [WAIT_SCHEDULE] = "schedule",
                                        [WAIT_BACKOFF] = "backoff",
                                        [WAIT_SLOTS] = "slots",
                                        [WAIT_RESOURCE] = "resource",
                                        [WAIT_NODES] = "nodes",
                                        [WAIT_PREPARATION] = "preparation",
                                        [WAIT_PARALLEL] = "max_parallel_tasks",
                                        [WAIT_PAUSED] = "paused",
                                        [WAIT_NOBODY] = "nobody"};
    struct sched_wait w = {.kind = WAIT_NOT};
    uint32_t job = 0, index = 0;
    if (manager_find_task(m, ask, &job, &index, err) < 0)
        return -1;
    sched_explain(m->sched, now_ns(m), job, index, &w);
    snprintf(a->wait, sizeof(a->wait), "%s", names[w.kind]);
    a->count = w.count;
    say_wait(m, job, index, &w, a);
    return 0;
}
