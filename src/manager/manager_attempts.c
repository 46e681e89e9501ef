/* What becomes of attempts: begun, ended, lost, returned. See
 * manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include "base/log.h"
#include "manager/forget.h"

/* The part of stderr that an observer is shown. */
enum { TAIL_BYTES = 2000 };

void manager_attempt_preparing(struct manager *m, uint32_t rank,
                               const struct msg *msg)
{
    struct err err;
    if (sched_attempt_preparing(m->sched, now_ns(m), rank, msg->u.started.job,
                                msg->u.started.index, msg->u.started.attempt,
                                &err) < 0)
        manager_fail(m, &err);
}

void manager_attempt_prepared(struct manager *m, uint32_t rank,
                              const struct msg *msg)
{
    struct err err;
    if (sched_attempt_prepared(m->sched, now_ns(m), rank, msg->u.started.job,
                               msg->u.started.index, msg->u.started.attempt,
                               &err) < 0)
        manager_fail(m, &err);
}

void manager_attempt_coordinated(struct manager *m, uint32_t rank,
                                 const struct msg *msg)
{
    struct err err;
    if (sched_instance_ready(m->sched, now_ns(m), rank, msg->u.started.job,
                             msg->u.started.index, msg->u.started.attempt,
                             &err) < 0)
        manager_fail(m, &err);
}

void manager_attempt_started(struct manager *m, uint32_t rank,
                             const struct msg *msg)
{
    const struct running started = {.job = msg->u.started.job,
                                    .index = msg->u.started.index,
                                    .attempt = msg->u.started.attempt,
                                    .rank = rank,
                                    .start_ns = msg->u.started.start_ns};
    struct err err;
    if (sched_attempt_started(m->sched, now_ns(m), rank, msg->u.started.job,
                              msg->u.started.index, msg->u.started.attempt,
                              &err) < 0)
        manager_fail(m, &err);
    else if (starts_add(&m->starts, &started) < 0)
        log_debug("no memory to note a start"); /* it only lacks in a record */
}

void manager_attempt_storing(struct manager *m, uint32_t rank,
                             const struct msg *msg)
{
    struct err err;
    if (sched_attempt_storing(m->sched, now_ns(m), rank, msg->u.started.job,
                              msg->u.started.index, msg->u.started.attempt,
                              &err) < 0)
        manager_fail(m, &err);
}

/* Keep the outputs; a->output says where they are. */
static int outputs_put(struct manager *m, struct attempt *a,
                       const char *const output[2], const size_t len[2],
                       struct err *err)
{
    for (int s = 0; s < 2; s++)
        if (a->output[s].place == OUTPUT_INLINE &&
            output_pack_put(m->means.outputs, s, output[s], len[s],
                            &a->output[s], err) < 0)
            return -1;
    return 0;
}

static void observe_failure(struct manager *m, const struct attempt *a,
                            const char *text, size_t len)
{
    const struct manager_observer *o = &m->config.observer;
    size_t tail = len < TAIL_BYTES ? len : TAIL_BYTES;
    if (o->failure && a->result == RESULT_FAILURE &&
        a->reason != REASON_STOPPED)
        o->failure(o->arg, a, tail ? text + len - tail : "", tail);
}

/* Once this is written, what it has uploaded is what it is. What a failed task
 * has uploaded is cleared away if somebody runs it again. */
static void uploads_settle(struct manager *m, const struct attempt *a)
{
    const struct jobspec *spec = m->config.spec;
    if (m->means.forgetting && a->result == RESULT_SUCCESS &&
        task_uploads_files(jobspec_template(spec, a->job, a->index)))
        forgetting_add(m->means.forgetting, jobspec_job_id(spec, a->job),
                       a->index, m->ticket);
}

void manager_attempt_ended(struct manager *m, uint32_t rank,
                           const struct msg *msg)
{
    struct attempt *a = msg->u.result.attempt;
    struct err err;
    bool accepted;

    a->rank = rank;
    a->node = m->means.rank_nodes[rank];
    a->submit_ns = m->created_wall_ns;
    if (sched_attempt_ended(m->sched, now_ns(m), rank, a, &accepted, &err) <
        0) {
        manager_fail(m, &err);
        return;
    }
    if (!accepted)
        return;
    starts_remove(&m->starts, a->job, a->index, rank);
    if (outputs_put(m, a, msg->u.result.output, msg->u.result.output_len,
                    &err) < 0) {
        manager_fail(m, &err);
        return;
    }
    attempt_sort_files(a);
    manager_journal_attempt(m, a);
    if (a->disposition == TASK_ENDS) {
        m->ended += special_of(a->index) == SPECIAL_NONE;
        uploads_settle(m, a);
    }
    observe_failure(m, a, msg->u.result.output[1], msg->u.result.output_len[1]);
}

void manager_tasks_returned(struct manager *m, uint32_t rank,
                            const struct msg_range *r)
{
    struct err err;
    if (sched_tasks_returned(m->sched, now_ns(m), rank, r->job, r->first,
                             r->count, r->attempt, &err) < 0)
        manager_fail(m, &err);
}

/* What it has returned so far is nobody's. */
static void files_forget(struct manager *m, const struct attempt *a)
{
    const struct jobspec *spec = m->config.spec;
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (!m->means.incoming || a->job >= spec->job_count ||
        !task_returns_files(job_template(&spec->jobs[a->job], a->index)) ||
        job_task_id(&spec->jobs[a->job], a->index, id, &err) < 0)
        return;
    incoming_forget(m->means.incoming,
                    &(struct returned_of){.job_id = spec->jobs[a->job].id,
                                          .task_id = id,
                                          .attempt = a->attempt});
}

void manager_attempt_lost(struct manager *m, const struct sched_action *act)
{
    struct attempt a;
    bool special = special_of(act->first) != SPECIAL_NONE;
    attempt_init(&a);
    a.job = act->job;
    a.index = act->first;
    a.attempt = act->attempt;
    a.rank = act->worker;
    a.node = m->means.rank_nodes[act->worker];
    a.result = RESULT_FAILURE;
    a.reason = act->reason;
    a.disposition = act->disposition;
    a.submit_ns = m->created_wall_ns;
    a.end_ns = loop_wall_ns(m->config.loop);
    a.start_ns = starts_remove(&m->starts, a.job, a.index, a.rank);
    a.metric_count = special ? 0 : m->config.spec->jobs[a.job].metric_count;
    for (uint32_t k = 0; k < a.metric_count; k++)
        a.metrics[k].state = METRIC_MISSING;
    files_forget(m, &a);
    manager_journal_attempt(m, &a);
    m->ended += a.disposition == TASK_ENDS && !special;
}
