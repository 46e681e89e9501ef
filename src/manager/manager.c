/* The manager: see manager.h.
 *
 * The order of things in a turn is what keeps the promise "acknowledged means
 * journaled": messages are handled and their records appended; then what has
 * been received so far gets a mark, tied to the last record's ticket; a mark
 * is acknowledged once its ticket is written.
 */
#include "config.h"
#include "manager/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "manager/forget.h"
#include "manager/marks.h"
#include "manager/origin.h"
#include "manager/pace.h"
#include "manager/past.h"
#include "manager/publish.h"
#include "manager/staged.h"
#include "manager/starts.h"
#include "sched/sched.h"
#include "wire/msg.h"

#define SNAPSHOT_NS NS_PER_SEC
#define ALIVE_NS    (10 * NS_PER_SEC)
#define PUBLISH_NS  (60 * NS_PER_SEC)
#define LEAVE_NS    (10 * NS_PER_SEC)
/* When all tasks have ended: ranks say what staging came to, until none of them
 * has said anything new for so long. */
#define SETTLE_NS (50 * NS_PER_MS)
/* Told to stop at once while the run directory cannot be written: so long it
 * is hoped for, then what it lacks is given up, and runs again. */
#define HOPE_NS (8 * NS_PER_SEC)
/* At the end: so long digests of programs are waited for. */
#define DIGEST_NS (5 * NS_PER_SEC)
/* The part of stderr that an observer is shown. */
enum { TAIL_BYTES = 2000 };

enum stage {
    MANAGER_RUNNING,
    MANAGER_RECORDING,
    MANAGER_PUBLISHING,
    MANAGER_LEAVING,
    MANAGER_DONE
};

enum rank_state { RANK_SILENT, RANK_JOINED, RANK_LEFT, RANK_LOST };

struct manager {
    struct manager_config config;
    struct manager_means means;
    struct sched *sched;
    enum stage stage;
    int exit_code;
    bool stopping, stop_now, paused;
    enum rank_state *ranks;
    struct starts starts;
    bool *begun; /* one a job: tasks of it were handed out */
    uint64_t done_before, ended;
    uint64_t ticket; /* of the last record */
    struct marks marks;
    int64_t start_wall_ns, created_wall_ns, alive_at_ns;
    int64_t publish_at_ns, publish_began_ns, hope_until_ns, leave_at_ns;
    int64_t digest_until_ns; /* 0: not at the end yet */
    struct snapshot snap;
    struct pace pace;
    struct staged staged;
    bool stages;            /* tasks of this spec do */
    int64_t settle_from_ns; /* 0: not at the end yet */
    struct loop_timer tick;
    struct buf out;
    struct attempt attempt; /* scratch for results */
    struct publisher *publisher;
    struct origin *origin;
};

static int64_t now_ns(const struct manager *m)
{
    return loop_now_ns(m->config.loop);
}

/* ---- Telling people ---- */

static void notice(struct manager *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void notice(struct manager *m, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (m->config.observer.notice)
        m->config.observer.notice(m->config.observer.arg, text);
}

/* Our own memory is gone in the middle of the work: what is journaled is safe,
 * the rest runs again. */
static void fail(struct manager *m, const struct err *err)
{
    notice(m, "%s: stopping", err->text);
    m->stopping = m->stop_now = true;
    m->exit_code = EXIT_LOST;
    if (m->stage == MANAGER_RUNNING)
        m->stage = MANAGER_RECORDING;
}

/* ---- The journal ---- */

static void journal_put(struct manager *m, struct journal_record *r)
{
    struct err err;
    r->time_ns = loop_wall_ns(m->config.loop);
    if (journal_append(m->means.journal, r, &m->ticket, &err) < 0)
        fail(m, &err);
}

static void journal_start(struct manager *m)
{
    struct journal_record r = {.type = JOURNAL_SESSION};
    snprintf(r.u.session.version, sizeof(r.u.session.version), "%s",
             PACKAGE_VERSION);
    snprintf(r.u.session.mpi, sizeof(r.u.session.mpi), "%s",
             m->means.mpi_library);
    r.u.session.rank_count = m->config.rank_count;
    r.u.session.node_count = m->means.node_count;
    journal_put(m, &r);
    r = (struct journal_record){.type = JOURNAL_ORIGIN,
                                .u.origin = *m->means.provenance};
    journal_put(m, &r);
}

static void journal_program(void *arg, const struct program_file *f,
                            bool changed)
{
    struct manager *m = arg;
    struct journal_record r = {.type = JOURNAL_PROGRAM, .u.program = *f};
    journal_put(m, &r);
    if (changed)
        notice(m, "%s %s (%s) is another one than before in this run",
               f->kind == PROGRAM_LIBRARY ? "library" : "program", f->name,
               f->path);
}

static void journal_node(struct manager *m, uint32_t rank,
                         const struct msg *ready)
{
    struct journal_record r = {
        .type = JOURNAL_NODE,
        .u.node = {.rank = rank,
                   .node = m->means.rank_nodes[rank],
                   .first_slot = ready->u.ready.first_slot,
                   .slots = ready->u.ready.slots,
                   .info = (struct node_info *)&m->means.ranks[rank]}};
    journal_put(m, &r);
}

static void journal_attempt(struct manager *m, struct attempt *a)
{
    struct journal_record r = {.type = JOURNAL_ATTEMPT, .u.attempt = a};
    journal_put(m, &r);
}

static void journal_staged(struct manager *m)
{
    struct journal_record r = {.type = JOURNAL_COUNTS};
    if (!staged_journal(&m->staged))
        return;
    r.u.counts = m->staged.session;
    journal_put(m, &r);
}

static void journal_job(struct manager *m, uint32_t job, enum job_state state,
                        enum job_end end)
{
    struct journal_record r = {
        .type = JOURNAL_JOB, .u.job = {.job = job, .state = state, .end = end}};
    journal_put(m, &r);
    writer_sync(m->means.writer);
}

/* ---- Messages to workers ---- */

static void tell(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct err err;
    buf_reset(&m->out);
    if (msg_put(&m->out, msg, m->config.spec) < 0) {
        err_sys(&err, errno, "no memory for a message");
        fail(m, &err);
    } else if (comm_send(m->means.comm, rank, COMM_TO_WORKER, m->out.data,
                         m->out.len, &err) < 0 &&
               err.code != EPIPE) { /* a lost rank: sched hears of it */
        fail(m, &err);
    }
}

/* ---- Results ---- */

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
    const struct job *job = &m->config.spec->jobs[a->job];
    if (m->means.forgetting && a->result == RESULT_SUCCESS &&
        task_uploads_files(job_template(job, a->index)))
        forgetting_add(m->means.forgetting, job->id, a->index, m->ticket);
}

static void on_result(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct attempt *a = msg->u.result.attempt;
    struct err err;
    bool accepted;

    a->rank = rank;
    a->node = m->means.rank_nodes[rank];
    a->submit_ns = m->created_wall_ns;
    if (sched_attempt_ended(m->sched, now_ns(m), rank, a, &accepted, &err) <
        0) {
        fail(m, &err);
        return;
    }
    if (!accepted)
        return;
    starts_remove(&m->starts, a->job, a->index);
    if (outputs_put(m, a, msg->u.result.output, msg->u.result.output_len,
                    &err) < 0) {
        fail(m, &err);
        return;
    }
    attempt_sort_files(a);
    journal_attempt(m, a);
    if (a->disposition == TASK_ENDS) {
        m->ended++;
        uploads_settle(m, a);
    }
    observe_failure(m, a, msg->u.result.output[1], msg->u.result.output_len[1]);
}

static void on_started(struct manager *m, uint32_t rank, const struct msg *msg)
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
        fail(m, &err);
    else if (starts_add(&m->starts, &started) < 0)
        log_debug("no memory to note a start"); /* it only lacks in a record */
}

static void on_preparing(struct manager *m, uint32_t rank,
                         const struct msg *msg)
{
    struct err err;
    if (sched_attempt_preparing(m->sched, now_ns(m), rank, msg->u.started.job,
                                msg->u.started.index, msg->u.started.attempt,
                                &err) < 0)
        fail(m, &err);
}

static void on_storing(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct err err;
    if (sched_attempt_storing(m->sched, now_ns(m), rank, msg->u.started.job,
                              msg->u.started.index, msg->u.started.attempt,
                              &err) < 0)
        fail(m, &err);
}

static void on_ready(struct manager *m, uint32_t rank, const struct msg *msg)
{
    struct err err;
    if (msg->u.ready.version != MSG_VERSION) {
        notice(m, "rank %" PRIu32 " runs another version of mpibatch", rank);
        return;
    }
    if (m->ranks[rank] != RANK_SILENT)
        return;
    m->ranks[rank] = RANK_JOINED;
    journal_node(m, rank, msg);
    if (sched_worker_join(m->sched, now_ns(m), rank, msg->u.ready.slots, &err) <
        0)
        fail(m, &err);
    if (m->stopping)
        tell(m, rank,
             &(struct msg){.kind = MSG_STOP, .u.stop.now = m->stop_now});
}

static void on_returned(struct manager *m, uint32_t rank,
                        const struct msg_range *r)
{
    struct err err;
    if (sched_tasks_returned(m->sched, now_ns(m), rank, r->job, r->first,
                             r->count, r->attempt, &err) < 0)
        fail(m, &err);
}

static void on_message(void *arg, uint32_t rank, const void *data, size_t len)
{
    struct manager *m = arg;
    struct msg msg = {.u.result.attempt = &m->attempt};
    struct err err;

    attempt_init(&m->attempt);
    if (msg_parse(data, len, m->config.spec, &msg, &err) < 0) {
        if (err.code == ENOMEM) {
            fail(m, &err);
            return;
        }
        /* whoever talks nonsense is not trusted with tasks */
        notice(m, "rank %" PRIu32 " sent a malformed message (%s)", rank,
               err.text);
        if (sched_worker_gone(m->sched, now_ns(m), rank, &err) < 0)
            fail(m, &err);
        return;
    }
    switch (msg.kind) {
    case MSG_READY:
        on_ready(m, rank, &msg);
        break;
    case MSG_STARTED:
        on_started(m, rank, &msg);
        break;
    case MSG_PREPARING:
        on_preparing(m, rank, &msg);
        break;
    case MSG_STORING:
        on_storing(m, rank, &msg);
        break;
    case MSG_RESULT:
        on_result(m, rank, &msg);
        break;
    case MSG_RETURNED:
        on_returned(m, rank, &msg.u.range);
        break;
    case MSG_LEFT:
        m->ranks[rank] = RANK_LEFT;
        break;
    case MSG_ASSIGN:
    case MSG_RECALL:
    case MSG_CANCEL:
    case MSG_STOP:
    case MSG_BYE:
        notice(m, "rank %" PRIu32 " sent message %d", rank, (int)msg.kind);
        break;
    }
    attempt_fini(&m->attempt);
}

static void on_heard(void *arg, uint32_t rank)
{
    struct manager *m = arg;
    sched_worker_heard(m->sched, now_ns(m), rank);
}

static void on_gone(void *arg, uint32_t rank, const char *why)
{
    struct manager *m = arg;
    struct err err;
    log_debug("rank %" PRIu32 ": %s", rank, why);
    if (sched_worker_gone(m->sched, now_ns(m), rank, &err) < 0)
        fail(m, &err);
}

/* ---- The scheduler's actions ---- */

static void do_assign(struct manager *m, uint32_t rank,
                      const struct msg_range *range)
{
    if (!m->begun[range->job]) { /* from now on it uses up its time: past.c */
        m->begun[range->job] = true;
        journal_job(m, range->job, JOB_ACTIVE, JOB_END_NONE);
    }
    tell(m, rank, &(struct msg){.kind = MSG_ASSIGN, .u.range = *range});
}

static void do_lost(struct manager *m, uint32_t rank)
{
    m->ranks[rank] = RANK_LOST;
    comm_forget(m->means.comm, rank);
    if (m->config.lost)
        m->config.lost(m->config.arg, rank);
    journal_put(
        m, &(struct journal_record){.type = JOURNAL_LOST, .u.lost.rank = rank});
    notice(m, "rank %" PRIu32 " on %s is lost; its tasks will run elsewhere",
           rank, m->means.ranks[rank].hostname);
}

/* What it has returned so far is nobody's. */
static void files_forget(struct manager *m, const struct attempt *a)
{
    const struct job *job = &m->config.spec->jobs[a->job];
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (!m->means.incoming ||
        !task_returns_files(job_template(job, a->index)) ||
        job_task_id(job, a->index, id, &err) < 0)
        return;
    incoming_forget(m->means.incoming,
                    &(struct returned_of){.job_id = job->id,
                                          .task_id = id,
                                          .attempt = a->attempt});
}

static void do_attempt_lost(struct manager *m, const struct sched_action *act)
{
    struct attempt a;
    attempt_init(&a);
    a.job = act->job;
    a.index = act->first;
    a.attempt = act->attempt;
    a.rank = act->worker;
    a.node = m->means.rank_nodes[act->worker];
    a.result = RESULT_FAILURE;
    a.reason = REASON_LOST;
    a.disposition = TASK_RETRIES;
    a.submit_ns = m->created_wall_ns;
    a.end_ns = loop_wall_ns(m->config.loop);
    a.start_ns = starts_remove(&m->starts, a.job, a.index);
    a.metric_count = m->config.spec->jobs[a.job].metric_count;
    for (uint32_t k = 0; k < a.metric_count; k++)
        a.metrics[k].state = METRIC_MISSING;
    files_forget(m, &a);
    journal_attempt(m, &a);
}

static void do_action(struct manager *m, const struct sched_action *act)
{
    struct msg_range range = {.job = act->job,
                              .first = act->first,
                              .count = act->count,
                              .attempt = act->attempt};
    switch (act->kind) {
    case SCHED_ASSIGN:
        do_assign(m, act->worker, &range);
        break;
    case SCHED_RECALL:
        tell(m, act->worker,
             &(struct msg){.kind = MSG_RECALL, .u.recall.count = act->count});
        break;
    case SCHED_CANCEL_JOB:
        tell(m, act->worker,
             &(struct msg){.kind = MSG_CANCEL, .u.cancel.job = act->job});
        break;
    case SCHED_STOP_WORKER:
        tell(m, act->worker,
             &(struct msg){.kind = MSG_STOP, .u.stop.now = act->stop_now});
        break;
    case SCHED_WORKER_LOST:
        do_lost(m, act->worker);
        break;
    case SCHED_ATTEMPT_LOST:
        do_attempt_lost(m, act);
        break;
    case SCHED_JOB_CHANGED:
        journal_job(m, act->job, act->job_state, act->job_end);
        if (act->job_end == JOB_END_MAX_WALL_CLOCK_TIME &&
            act->job_state == JOB_TERMINATING)
            notice(m, "job %s is over its max_wall_clock_time",
                   m->config.spec->jobs[act->job].id);
        break;
    }
}

/* ---- Snapshots ---- */

static bool any_rank_lost(const struct manager *m)
{
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] == RANK_LOST)
            return true;
    return false;
}

const struct snapshot *manager_snapshot(struct manager *m)
{
    struct snapshot *s = &m->snap;
    sched_snapshot(m->sched, s);
    s->state = m->stage == MANAGER_DONE || m->stage == MANAGER_LEAVING
                   ? RUN_FINISHED
               : m->paused   ? RUN_PAUSED
               : m->stopping ? RUN_STOPPING
                             : RUN_RUNNING;
    s->exit_code = s->state == RUN_FINISHED ? m->exit_code : -1;
    s->session = rundir_session(m->config.rundir);
    s->start_ns = m->start_wall_ns;
    s->now_ns = loop_wall_ns(m->config.loop);
    s->node_count = m->means.node_count;
    s->rank_count = m->config.rank_count;
    s->done_this_session = m->ended;
    s->tasks_per_s = pace_rate(&m->pace);
    s->staged = staged_sum(&m->staged);
    s->eta_ns = pace_eta_ns(&m->pace, s->tasks.active + s->tasks.running);
    return s;
}

/* Start making results.h5; the next time is due when twenty times as long as
 * this takes has passed. */
static void results_publish(struct manager *m)
{
    if (publisher_results(m->publisher)) {
        m->publish_began_ns = now_ns(m);
        m->publish_at_ns = INT64_MAX;
    }
}

static void results_outcome(struct manager *m)
{
    struct err err;
    int outcome = publisher_results_outcome(m->publisher, &err);
    if (outcome == 0)
        return;
    int64_t took_ns = now_ns(m) - m->publish_began_ns;
    m->publish_at_ns =
        now_ns(m) + (took_ns * 20 > PUBLISH_NS ? took_ns * 20 : PUBLISH_NS);
    if (outcome < 0 && err.code != ECANCELED)
        notice(m, "cannot make results.h5: %s", err.text);
}

static void on_tick(struct loop_timer *timer)
{
    struct manager *m =
        (struct manager *)((char *)timer - offsetof(struct manager, tick));
    struct err err;
    char why[256];
    bool stalled =
        writer_stalled(m->means.writer, why) ||
        (m->means.incoming && incoming_stalled(m->means.incoming, why));

    pace_note(&m->pace, now_ns(m), m->ended);
    if (stalled && !m->paused) {
        snprintf(m->snap.pause_text, sizeof(m->snap.pause_text), "%s", why);
        notice(m, "%s: no task is started until that is possible again", why);
    } else if (!stalled && m->paused) {
        m->snap.pause_text[0] = '\0';
        notice(m, "the run directory can be written again: going on");
    }
    m->paused = stalled;
    sched_pause(m->sched, stalled);
    if (now_ns(m) >= m->alive_at_ns && m->stage == MANAGER_RUNNING) {
        m->alive_at_ns = now_ns(m) + ALIVE_NS;
        journal_put(m, &(struct journal_record){.type = JOURNAL_TICK});
        journal_staged(m);
    }
    if (m->stage == MANAGER_RUNNING && now_ns(m) >= m->publish_at_ns &&
        !m->config.results_late)
        results_publish(m);
    (void)origin_finish(m->origin, journal_program, m);
    results_outcome(m);
    publisher_status(m->publisher, manager_snapshot(m), &m->starts);
    if (m->config.observer.progress && m->stage < MANAGER_DONE)
        m->config.observer.progress(m->config.observer.arg,
                                    manager_snapshot(m));
    if (loop_timer_start(m->config.loop, &m->tick, now_ns(m) + SNAPSHOT_NS,
                         &err) < 0)
        fail(m, &err);
}

/* ---- The end ---- */

static int exit_code_now(struct manager *m)
{
    const struct snapshot *s = manager_snapshot(m);
    if (m->exit_code >= 0)
        return m->exit_code;
    if (!sched_all_completed(m->sched))
        return m->stopping || m->config.task_limit ? EXIT_STOPPED : EXIT_LOST;
    return s->tasks.succeeded == s->tasks.total ? EXIT_ALL_SUCCEEDED
                                                : EXIT_SOME_FAILED;
}

/* Are the digests of programs there, or not to be waited for? */
static bool digests_done(struct manager *m)
{
    if (m->digest_until_ns == 0)
        m->digest_until_ns = now_ns(m) + DIGEST_NS;
    if (m->stop_now && m->digest_until_ns > now_ns(m))
        m->digest_until_ns = now_ns(m);
    if (now_ns(m) >= m->digest_until_ns)
        origin_hurry(m->origin); /* what was found until now comes at once, */
    return origin_finish(m->origin, journal_program, m) ||
           /* unless a file system hangs */
           now_ns(m) >= m->digest_until_ns + NS_PER_SEC;
}

/* Has every rank said what staging came to? */
static bool counts_settled(struct manager *m)
{
    if (m->settle_from_ns == 0)
        m->settle_from_ns = now_ns(m);
    if (!m->stages)
        return true;
    int64_t last = m->staged.changed_ns > m->settle_from_ns
                       ? m->staged.changed_ns
                       : m->settle_from_ns;
    return now_ns(m) >= last + SETTLE_NS;
}

static void record_begin(struct manager *m)
{
    m->stage = MANAGER_RECORDING;
    m->exit_code = exit_code_now(m);
    journal_staged(m);
    struct journal_record r = {.type = JOURNAL_END,
                               .u.end.exit_code = m->exit_code};
    journal_put(m, &r);
    writer_sync(m->means.writer);
}

static void leave_begin(struct manager *m)
{
    m->stage = MANAGER_LEAVING;
    m->leave_at_ns = now_ns(m) + LEAVE_NS;
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] != RANK_LOST)
            tell(m, r, &(struct msg){.kind = MSG_BYE});
}

/* The disk is full, and there is no time to wait: what is not written is lost,
 * and cannot be acknowledged. */
static void give_up(struct manager *m)
{
    notice(m, "the run directory cannot be written: what has ended since will "
              "run again");
    m->exit_code = EXIT_LOST;
    publisher_give_up(m->publisher);
    leave_begin(m);
    m->leave_at_ns = now_ns(m) + NS_PER_SEC;
}

/* Has every rank that lives said that it goes, and heard that we know? */
static bool all_left(struct manager *m)
{
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] == RANK_SILENT || m->ranks[r] == RANK_JOINED)
            return false;
    return comm_idle(m->means.comm);
}

static void done(struct manager *m, bool clean)
{
    struct err err;
    m->stage = MANAGER_DONE;
    loop_timer_stop(m->config.loop, &m->tick); /* that was the last status */
    if (publisher_status_last(m->publisher, manager_snapshot(m), &err) < 0)
        log_warning("%s", err.text);
    m->config.finished(m->config.arg, m->exit_code, clean);
}

/* Go through the stages of the end, as far as is possible now. */
static void end_step(struct manager *m)
{
    if (m->stage <= MANAGER_RECORDING && m->stop_now && m->paused &&
        now_ns(m) >= m->hope_until_ns)
        give_up(m);
    if (m->stage == MANAGER_RUNNING && sched_finished(m->sched) &&
        digests_done(m) && counts_settled(m))
        record_begin(m);
    if (m->stage == MANAGER_RECORDING &&
        writer_synced(m->means.writer) >= m->ticket) {
        m->stage = MANAGER_PUBLISHING;
        if (m->stop_now)
            publisher_give_up(m->publisher); /* a build that has begun */
        else if (!publisher_results(m->publisher))
            m->stage = MANAGER_RECORDING; /* wait for the one that is going */
    }
    if (m->stage == MANAGER_PUBLISHING &&
        !publisher_results_busy(m->publisher) &&
        (m->stop_now || !m->means.forgetting ||
         forgetting_done(m->means.forgetting))) {
        results_outcome(m);
        leave_begin(m);
    }
    if (m->stage == MANAGER_LEAVING) {
        bool left = all_left(m);
        if (left || now_ns(m) >= m->leave_at_ns)
            done(m, left && !any_rank_lost(m));
    }
}

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

bool manager_rank_lives(void *arg, uint32_t rank)
{
    return ((struct manager *)arg)->ranks[rank] == RANK_JOINED;
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

void manager_stop(struct manager *m, bool now, const char *why)
{
    struct err err;
    if (m->stage > MANAGER_RECORDING)
        return;
    if (!m->stopping || (now && !m->stop_now))
        notice(m, "%s: %s", why,
               now ? "ending the running tasks; the same command resumes"
                   : "no task is started any more; running tasks may end");
    if (now && !m->stop_now)
        m->hope_until_ns = now_ns(m) + HOPE_NS;
    m->stopping = true;
    m->stop_now |= now;
    if (sched_stop(m->sched, now_ns(m), now ? SCHED_STOP_NOW : SCHED_DRAIN,
                   &err) < 0)
        fail(m, &err);
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
        fail(m, &err);
    while (sched_next(m->sched, now_ns(m), &act)) {
        do_action(m, &act);
        busy = true;
    }
    writer_flush(m->means.writer);
    marks_put(&m->marks, comm_mark(m->means.comm), m->ticket);
    if (m->means.forgetting)
        forgetting_written(m->means.forgetting,
                           writer_written(m->means.writer));
    uint64_t mark = marks_take(&m->marks, writer_written(m->means.writer));
    if (mark > 0)
        comm_ack(m->means.comm, mark);
    end_step(m);
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
    loop_timer_init(&m->tick, on_tick);
    m->begun = mem_calloc(jobs, sizeof(m->begun[0]));
    m->ranks = mem_calloc(ranks, sizeof(m->ranks[0]));
    m->snap.jobs = mem_calloc(jobs, sizeof(m->snap.jobs[0]));
    m->snap.job_count = jobs;
    if (!m->begun || !m->ranks || !m->snap.jobs)
        goto nomem;
    struct sched_config sc;
    sched_config_init(&sc);
    sc.spec = config->spec;
    sc.worker_count = ranks;
    sc.task_limit = config->task_limit;
    sc.silence_ns = config->silence_ns;
    m->sched = sched_create(&sc, err);
    m->origin = m->sched ? origin_create(config->spec, err) : NULL;
    if (!m->origin ||
        past_replay(past, config->spec, m->sched, m->origin,
                    &m->created_wall_ns, &m->staged.before, err) < 0)
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
    staged_fini(&m->staged);
    buf_fini(&m->out);
    mem_free(m->begun);
    mem_free(m->ranks);
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
    journal_put(m, &r);
    return n;
}

static void reactivate(struct manager *m)
{
    for (size_t i = 0; i < m->config.rerun_count;) {
        uint32_t job = m->config.rerun[i].job;
        uint64_t tasks = 0;
        while (i < m->config.rerun_count && m->config.rerun[i].job == job)
            i += reactivate_some(m, i, &tasks);
        notice(m, "job %s: %" PRIu64 " task%s to run again",
               m->config.spec->jobs[job].id, tasks, tasks == 1 ? "" : "s");
    }
}

int manager_start(struct manager *m, const struct manager_means *means,
                  struct err *err)
{
    struct comm *comm = means->comm;
    m->means = *means;
    comm_listen(comm, COMM_TO_MANAGER,
                &(struct comm_handler){.message = on_message,
                                       .heard = on_heard,
                                       .gone = on_gone,
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
    journal_start(m);
    reactivate(m);
    if (loop_add_turn(m->config.loop, on_turn, m, err) < 0)
        return -1;
    return loop_timer_start(m->config.loop, &m->tick, now_ns(m), err);
}
