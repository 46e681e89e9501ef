/* The manager: its life, its turns, and who deals with what comes: see
 * manager.h, and manager_parts.h for its other parts.
 *
 * The order of things in a turn is what keeps the promise "acknowledged means
 * journaled": messages are handled and their records appended; then what has
 * been received so far gets a mark, tied to the last record's ticket; a mark
 * is acknowledged once its ticket is written.
 */
#include "config.h"
#include "manager/manager_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "manager/forget.h"
#include "manager/past.h"

/* ---- Telling people ---- */

void manager_notice(struct manager *m, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (m->config.observer.notice)
        m->config.observer.notice(m->config.observer.arg, text);
}

void manager_fail(struct manager *m, const struct err *err)
{
    manager_notice(m, "%s: stopping", err->text);
    m->stopping = m->stop_now = true;
    m->exit_code = EXIT_LOST;
    if (m->stage == MANAGER_RUNNING)
        m->stage = MANAGER_RECORDING;
}

/* ---- Messages to workers ---- */

void manager_tell(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct err err;
    buf_reset(&m->out);
    if (msg_put(&m->out, msg, m->config.spec) < 0) {
        err_sys(&err, errno, "no memory for a message");
        manager_fail(m, &err);
    } else if (comm_send(m->means.comm, rank, COMM_TO_WORKER, m->out.data,
                         m->out.len, &err) < 0 &&
               err.code != EPIPE) { /* a lost rank: sched hears of it */
        manager_fail(m, &err);
    }
}

/* ---- What ranks say ---- */

static void on_message(void *arg, uint32_t rank, const void *data, size_t len)
{
    struct manager *m = arg;
    struct msg msg = {.u.result.attempt = &m->attempt};
    struct err err;

    attempt_init(&m->attempt);
    if (msg_parse(data, len, m->config.spec, &msg, &err) < 0) {
        if (err.code == ENOMEM) {
            manager_fail(m, &err);
            return;
        }
        /* whoever talks nonsense is not trusted with tasks */
        manager_notice(m, "rank %" PRIu32 " sent a malformed message (%s)",
                       rank, err.text);
        if (sched_worker_gone(m->sched, now_ns(m), rank, &err) < 0)
            manager_fail(m, &err);
        return;
    }
    switch (msg.kind) {
    case MSG_READY:
        manager_rank_ready(m, rank, &msg);
        break;
    case MSG_STARTED:
        manager_attempt_started(m, rank, &msg);
        break;
    case MSG_PREPARING:
        manager_attempt_preparing(m, rank, &msg);
        break;
    case MSG_PREPARED:
        manager_attempt_prepared(m, rank, &msg);
        break;
    case MSG_STORING:
        manager_attempt_storing(m, rank, &msg);
        break;
    case MSG_RESULT:
        manager_attempt_ended(m, rank, &msg);
        break;
    case MSG_RETURNED:
        manager_tasks_returned(m, rank, &msg.u.range);
        break;
    case MSG_REMOTE_ENDED:
        manager_remote_ended(m, rank, &msg);
        break;
    case MSG_LEFT:
        m->ranks[rank] = RANK_LEFT;
        break;
    case MSG_INSTANCE:
        manager_attempt_coordinated(m, rank, &msg);
        break;
    case MSG_LAUNCH:
    case MSG_GO:
    case MSG_END:
    case MSG_FRAGMENT:
    case MSG_REMOTE:
    case MSG_ASSIGN:
    case MSG_RECALL:
    case MSG_CANCEL:
    case MSG_STOP:
    case MSG_BYE:
        manager_notice(m, "rank %" PRIu32 " sent message %d", rank,
                       (int)msg.kind);
        break;
    }
    attempt_fini(&m->attempt);
}

/* ---- What others ask ---- */

void manager_staged(struct manager *m, uint32_t rank,
                    const struct stage_counts *counts)
{
    staged_rank(&m->staged, rank, counts, now_ns(m));
}

enum ask_state manager_find(void *arg, uint32_t job, uint32_t index,
                            uint32_t *rank, uint32_t *attempts)
{
    struct manager *m = arg;
    enum attempt_result result;
    *attempts = sched_task_attempts(m->sched, job, index);
    if (sched_task_worker(m->sched, job, index, rank))
        return ASK_STATE_RUNNING;
    return sched_task_state(m->sched, job, index, &result) == TASK_COMPLETED
               ? ASK_STATE_COMPLETED
               : ASK_STATE_ACTIVE;
}

bool manager_has_ended(void *arg, const char *job_id, uint32_t index)
{
    struct manager *m = arg;
    enum attempt_result result;
    int job = jobspec_find_job(m->config.spec, job_id);
    return job >= 0 && index < m->config.spec->jobs[job].tasks.count &&
           sched_task_state(m->sched, (uint32_t)job, index, &result) ==
               TASK_COMPLETED;
}

/* ---- A turn ---- */

static bool on_turn(void *arg)
{
    struct manager *m = arg;
    struct sched_action act;
    struct err err;
    bool busy = false;

    if (m->stage == MANAGER_DONE)
        return false;
    if (now_ns(m) >= sched_deadline_ns(m->sched) &&
        sched_tick(m->sched, now_ns(m), &err) < 0)
        manager_fail(m, &err);
    while (sched_next(m->sched, now_ns(m), &act)) {
        manager_do(m, &act);
        busy = true;
    }
    manager_added_step(m);
    writer_flush(m->means.writer);
    manager_answer(m, writer_synced(m->means.writer));
    marks_put(&m->marks, comm_mark(m->means.comm), m->ticket);
    if (m->means.forgetting)
        forgetting_written(m->means.forgetting,
                           writer_written(m->means.writer));
    uint64_t mark = marks_take(&m->marks, writer_written(m->means.writer));
    if (mark > 0)
        comm_ack(m->means.comm, mark);
    manager_end_step(m);
    return busy;
}

/* ---- Life ---- */

struct manager *manager_create(const struct manager_config *config,
                               struct journal_reader *past, struct err *err)
{
    uint32_t jobs = config->spec->job_count, ranks = config->rank_count;
    struct manager *m = mem_calloc(1, sizeof(*m));
    if (!m)
        goto nomem;
    m->config = *config;
    m->exit_code = -1;
    m->publish_at_ns = now_ns(m) + PUBLISH_NS;
    m->alive_at_ns = now_ns(m) + ALIVE_NS;
    starts_init(&m->starts);
    staged_init(&m->staged, ranks);
    m->stages = jobspec_needs_scratch(config->spec);
    buf_init(&m->out, MSG_MAX_BYTES);
    loop_timer_init(&m->tick, manager_tick);
    m->begun = mem_calloc(jobs, sizeof(m->begun[0]));
    m->whys = mem_calloc(jobs, sizeof(m->whys[0]));
    m->ranks = mem_calloc(ranks, sizeof(m->ranks[0]));
    m->snap.jobs = mem_calloc(jobs, sizeof(m->snap.jobs[0]));
    m->snap.job_count = jobs;
    m->gpu_order =
        mem_calloc((size_t)ranks * GPU_MAX_PER_NODE, sizeof(m->gpu_order[0]));
    if (!m->begun || !m->whys || !m->ranks || !m->snap.jobs || !m->gpu_order)
        goto nomem;
    for (uint32_t i = 0; i < ranks * GPU_MAX_PER_NODE; i++)
        m->gpu_order[i] = i % GPU_MAX_PER_NODE;
    struct sched_config sc;
    sched_config_init(&sc);
    sc.spec = config->spec;
    sc.worker_count = ranks;
    sc.task_limit = config->task_limit;
    sc.silence_ns = config->silence_ns;
    sc.session_now_ns = now_ns(m);
    sc.wall_now_ns = clock_wall_ns() - sc.session_now_ns;
    m->sched = sched_create(&sc, err);
    m->origin = m->sched ? origin_create(config->spec, err) : NULL;
    if (!m->origin ||
        past_replay(past, config->spec, m->sched, m->origin,
                    &m->created_wall_ns, &m->staged.before, m->whys, err) < 0)
        goto fail;
    m->start_wall_ns = clock_wall_ns();
    if (m->created_wall_ns == 0)
        m->created_wall_ns = m->start_wall_ns;
    return m;
nomem:
    err_set(err, ENOMEM, "no memory for the manager");
fail:
    manager_destroy(m);
    return NULL;
}

void manager_destroy(struct manager *m)
{
    if (!m)
        return;
    publisher_destroy(m->publisher);
    origin_destroy(m->origin);
    loop_timer_stop(m->config.loop, &m->tick);
    sched_destroy(m->sched);
    starts_fini(&m->starts);
    inventory_fini(&m->inventory);
    staged_fini(&m->staged);
    buf_fini(&m->out);
    mem_free(m->begun);
    mem_free(m->whys);
    manager_added_free(m);
    manager_answers_free(m);
    remoting_fini(&m->remoting);
    mem_free(m->ranks);
    mem_free(m->gpu_order);
    mem_free(m->snap.jobs);
    mem_free(m);
}

bool manager_has_work(struct manager *m)
{
    return !sched_all_completed(m->sched) || m->config.rerun_count > 0;
}

/* Ranges from i on, all of one job, as many as a record has, are active again;
 * the journal says so. Returns how many ranges. */
static size_t reactivate_some(struct manager *m, size_t i, uint64_t *tasks)
{
    const struct task_range *ranges = m->config.rerun + i;
    size_t left = m->config.rerun_count - i, n = 0;
    for (; n < left && n < JOURNAL_MAX_RANGES && ranges[n].job == ranges[0].job;
         n++)
        *tasks += sched_reactivate(m->sched, &ranges[n]);
    struct journal_record r = {.type = JOURNAL_REACTIVATE,
                               .u.reactivate = {.job = ranges[0].job,
                                                .range_count = (uint32_t)n,
                                                .ranges = ranges}};
    manager_journal_put(m, &r);
    return n;
}

static void reactivate(struct manager *m)
{
    for (size_t i = 0; i < m->config.rerun_count;) {
        uint32_t job = m->config.rerun[i].job;
        uint64_t tasks = 0;
        while (i < m->config.rerun_count && m->config.rerun[i].job == job)
            i += reactivate_some(m, i, &tasks);
        manager_notice(m, "job %s: %" PRIu64 " task%s to run again",
                       m->config.spec->jobs[job].id, tasks,
                       tasks == 1 ? "" : "s");
    }
}

/* As is asked for from the start. */
static int enable(struct manager *m, struct err *err)
{
    for (uint32_t i = 0; i < m->config.enable_count; i++) {
        uint32_t job = m->config.enable[i];
        enum job_state state = manager_snapshot(m)->jobs[job].state;
        if (state != JOB_DISABLED && state != JOB_DISABLING)
            manager_notice(m, "job %s is not disabled: it is %s",
                           m->config.spec->jobs[job].id, job_state_name(state));
        else if (sched_job_command(m->sched, now_ns(m), job, SCHED_JOB_ENABLE,
                                   SCHED_REQUEUE, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* Now it is known on what the session runs. */
static int nodes_tell(struct manager *m, struct err *err)
{
    const struct manager_means *means = &m->means;
    if (inventory_init(&m->inventory, m->config.spec, means->ranks,
                       means->rank_nodes, m->config.rank_count,
                       means->node_pools, means->node_count, err) < 0)
        return -1;
    const struct sched_config told = {.nodes = m->inventory.nodes,
                                      .node_count = m->inventory.count,
                                      .worker_nodes = means->rank_nodes,
                                      .gpu_order = m->gpu_order,
                                      .gpu_stride = GPU_MAX_PER_NODE};
    return sched_set_nodes(m->sched, &told, err);
}

int manager_start(struct manager *m, const struct manager_means *means,
                  struct err *err)
{
    struct comm *comm = means->comm;
    m->means = *means;
    if (nodes_tell(m, err) < 0)
        return -1;
    comm_listen(comm, COMM_TO_MANAGER,
                &(struct comm_handler){.message = on_message,
                                       .heard = manager_rank_heard,
                                       .gone = manager_rank_gone,
                                       .arg = m});
    comm_hold(comm);
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (comm_watch(comm, r, err) < 0)
            return -1;
    m->publisher = publisher_create(m->config.rundir, m->config.spec,
                                    &m->config.origin, err);
    if (!m->publisher ||
        origin_start(m->origin, means->provenance, means->work_dir, err) < 0)
        return -1;
    manager_journal_start(m);
    reactivate(m);
    if (enable(m, err) < 0)
        return -1;
    if (loop_add_turn(m->config.loop, on_turn, m, err) < 0)
        return -1;
    return loop_timer_start(m->config.loop, &m->tick, now_ns(m), err);
}
