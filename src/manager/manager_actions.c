/* The scheduler's actions: messages to ranks, records, words for people. See
 * manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <inttypes.h>
#include <stdio.h>

/* Tasks of the job are handed out: from now on it uses up its time: past.c.
 * Its release task is not of that time. */
static void job_begins(struct manager *m, uint32_t job, uint32_t index)
{
    if (job >= m->config.spec->job_count || m->begun[job] ||
        special_of(index) == SPECIAL_JOB_RELEASE)
        return;
    m->begun[job] = true;
    manager_journal_job(m, job, JOB_ACTIVE, JOB_END_NONE, NULL);
}

static void do_assign(struct manager *m, const struct sched_action *act)
{
    job_begins(m, act->job, act->first);
    manager_tell(m, act->worker,
                 &(struct msg){.kind = MSG_ASSIGN,
                               .u.range = {.job = act->job,
                                           .first = act->first,
                                           .count = act->count,
                                           .attempt = act->attempt}});
}

static void do_launch(struct manager *m, const struct sched_action *act)
{
    const struct sched_launch *l = &act->launch;
    job_begins(m, act->job, act->first);
    manager_tell(
        m, act->worker,
        &(struct msg){.kind = MSG_LAUNCH,
                      .u.launch = {.job = act->job,
                                   .index = act->first,
                                   .attempt = act->attempt,
                                   .instance = l->instance,
                                   .instance_count = l->instance_count,
                                   .ranks = l->workers,
                                   .gpus = l->gpus,
                                   .gpu_count = l->gpu_count,
                                   .memory_bytes = l->memory_bytes,
                                   .max_wall_clock_ns = l->max_wall_clock_ns,
                                   .keep_directory = l->keep_directory}});
}

/* To a rank about one attempt. */
static void do_one(struct manager *m, enum msg_kind kind,
                   const struct sched_action *act)
{
    manager_tell(m, act->worker,
                 &(struct msg){.kind = kind,
                               .u.one = {.job = act->job,
                                         .index = act->first,
                                         .attempt = act->attempt,
                                         .reason = act->reason}});
}

static const char *node_name(const struct manager *m, uint32_t node)
{
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->means.rank_nodes[r] == node)
            return m->means.ranks[r].hostname;
    return "?";
}

/* Who can do something about it should know. */
static void node_changed(struct manager *m, const struct sched_action *act)
{
    const char *why = act->text ? act->text : "";
    const char *name = node_name(m, act->node);
    struct journal_record r = {.type = JOURNAL_NODE_STATE,
                               .u.node_state = {.node = act->node,
                                                .state = act->node_state,
                                                .why = why}};
    manager_journal_put(m, &r);
    if (act->node_state == NODE_START_TASK_FAILED)
        manager_notice(m, "node %s gets no tasks: %s", name, why);
    else if (act->node_state == NODE_UNUSABLE)
        manager_notice(m, "node %s gets no tasks any more%s%s", name,
                       *why ? ": " : "", why);
    else if (act->node_state == NODE_OFFLINE ||
             act->node_state == NODE_LEAVING_POOL)
        manager_notice(m, "node %s %s%s%s", name,
                       act->node_state == NODE_OFFLINE ? "is offline"
                                                       : "leaves the pool",
                       *why ? ": " : "", why);
}

static void job_changed(struct manager *m, const struct sched_action *act)
{
    const char *id = m->config.spec->jobs[act->job].id;
    const char *why = act->text ? act->text : "";
    const char *colon = *why ? ": " : "";
    manager_journal_job(m, act->job, act->job_state, act->job_end, why);
    if (*why || act->job_state != JOB_COMPLETED) /* else as it was said */
        snprintf(m->whys[act->job], JOB_WHY_BYTES, "%s", why);
    if (act->job_state == JOB_DISABLED)
        manager_notice(m, "job %s is disabled%s%s", id, colon, why);
    if (act->job_state != JOB_TERMINATING)
        return;
    switch (act->job_end) {
    case JOB_END_MAX_WALL_CLOCK_TIME:
        manager_notice(m, "job %s is over its max_wall_clock_time", id);
        break;
    case JOB_END_JOB_MANAGER:
        manager_notice(m,
                       "job %s is terminated: its job manager task has "
                       "ended",
                       id);
        break;
    case JOB_END_TASK_FAILED:
        manager_notice(m, "job %s is terminated%s%s", id, colon,
                       *why ? why : ": a task failed");
        break;
    case JOB_END_USER:
        manager_notice(m, "job %s is terminated%s%s", id, colon, why);
        break;
    case JOB_END_PREPARATION:
        manager_notice(m,
                       "job %s is terminated: its job preparation task failed "
                       "on every node",
                       id);
        break;
    case JOB_END_NONE:
    case JOB_END_ALL_TASKS_COMPLETE:
    case JOB_END_COUNT:
        break;
    }
}

static void skipped(struct manager *m, const struct sched_action *act)
{
    struct journal_record r = {
        .type = JOURNAL_SKIPPED,
        .u.skipped = {.tasks = {act->job, act->first, act->count},
                      .parent_job = act->parent_job,
                      .parent = act->attempt}};
    manager_journal_put(m, &r);
    if (act->parent_job != act->job || act->attempt != act->first)
        skips_add(&m->skips, act->parent_job, act->attempt, act->count);
    m->ended += act->count;
}

static void active_again(struct manager *m, const struct sched_action *act)
{
    const struct task_range range = {act->job, act->first,
                                     act->count ? act->count : 1};
    struct journal_record r = {
        .type = JOURNAL_REACTIVATE,
        .u.reactivate = {.job = act->job, .range_count = 1, .ranges = &range}};
    manager_journal_put(m, &r);
}

static void occurrence(struct manager *m, const struct sched_action *act)
{
    const struct job *job = &m->config.spec->jobs[act->job];
    struct journal_record r = {
        .type = JOURNAL_OCCURRENCE,
        .u.occurrence = {.job = act->job, .begun = act->begun}};
    manager_journal_put(m, &r);
    if (act->begun)
        manager_notice(m, "job %s begins", job->id);
    else
        manager_notice(m, "job %s is left out: %s", job->id,
                       act->text ? act->text : "its time has passed");
}

void manager_do(struct manager *m, const struct sched_action *act)
{
    switch (act->kind) {
    case SCHED_ASSIGN:
        do_assign(m, act);
        break;
    case SCHED_LAUNCH:
        do_launch(m, act);
        break;
    case SCHED_GO:
        do_one(m, MSG_GO, act);
        break;
    case SCHED_END:
        do_one(m, MSG_END, act);
        break;
    case SCHED_RECALL:
        manager_tell(
            m, act->worker,
            &(struct msg){.kind = MSG_RECALL, .u.recall.count = act->count});
        break;
    case SCHED_CANCEL_JOB:
        manager_tell(
            m, act->worker,
            &(struct msg){.kind = MSG_CANCEL, .u.cancel.job = act->job});
        break;
    case SCHED_STOP_WORKER:
        manager_tell(
            m, act->worker,
            &(struct msg){.kind = MSG_STOP, .u.stop.now = act->stop_now});
        break;
    case SCHED_WORKER_LOST:
        manager_rank_lost(m, act->worker);
        break;
    case SCHED_ATTEMPT_LOST:
        manager_attempt_lost(m, act);
        break;
    case SCHED_NODE_CHANGED:
        node_changed(m, act);
        break;
    case SCHED_JOB_CHANGED:
        job_changed(m, act);
        break;
    case SCHED_SKIPPED:
        skipped(m, act);
        break;
    case SCHED_ACTIVE_AGAIN:
        active_again(m, act);
        break;
    case SCHED_OCCURRENCE:
        occurrence(m, act);
        break;
    }
}

void manager_say_skipped(struct manager *m)
{
    char text[256];
    while (skips_say(&m->skips, m->config.spec, text, sizeof(text)))
        manager_notice(m, "%s", text);
}
