/* The end of a session: record, publish, leave. See manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include "base/log.h"
#include "manager/forget.h"

#define LEAVE_NS (10 * NS_PER_SEC)
/* When all tasks have ended: ranks say what staging came to, until none of them
 * has said anything new for so long. */
#define SETTLE_NS (50 * NS_PER_MS)
/* Told to stop at once while the run directory cannot be written: so long it
 * is hoped for, then what it lacks is given up, and runs again. */
#define HOPE_NS (8 * NS_PER_SEC)
/* At the end: so long digests of programs are waited for. */
#define DIGEST_NS (5 * NS_PER_SEC)

int manager_result(const struct snapshot *s)
{
    for (uint32_t j = 0; j < s->job_count; j++)
        if (!s->jobs[j].hidden &&
            s->jobs[j].tasks.succeeded < s->jobs[j].tasks.total)
            return EXIT_SOME_FAILED;
    return EXIT_ALL_SUCCEEDED;
}

/* Are the jobs that are not completed disabled? */
static bool only_disabled(const struct snapshot *s)
{
    for (uint32_t j = 0; j < s->job_count; j++)
        if (s->jobs[j].state != JOB_COMPLETED &&
            s->jobs[j].state != JOB_DISABLED)
            return false;
    return true;
}

static int exit_code_now(struct manager *m)
{
    const struct snapshot *s = manager_snapshot(m);
    if (m->exit_code >= 0)
        return m->exit_code;
    if (sched_all_completed(m->sched))
        return manager_result(s);
    return m->stopping || m->config.task_limit || only_disabled(s)
               ? EXIT_STOPPED
               : EXIT_LOST;
}

/* Why it ends though not all is done, if nobody has said so. */
static void say_disabled(struct manager *m)
{
    const struct snapshot *s = manager_snapshot(m);
    if (sched_all_completed(m->sched) || !only_disabled(s))
        return;
    for (uint32_t j = 0; j < s->job_count; j++)
        if (s->jobs[j].state == JOB_DISABLED)
            manager_notice(m,
                           "job %s is disabled: `mpibatch run --enable %s` "
                           "goes on with it",
                           m->config.spec->jobs[j].id,
                           m->config.spec->jobs[j].id);
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
    return origin_finish(m->origin, manager_journal_program, m) ||
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
    manager_say_skipped(m);
    say_disabled(m);
    manager_journal_staged(m);
    struct journal_record r = {.type = JOURNAL_END,
                               .u.end.exit_code = m->exit_code};
    manager_journal_put(m, &r);
    writer_sync(m->means.writer);
}

static void leave_begin(struct manager *m)
{
    m->stage = MANAGER_LEAVING;
    m->leave_at_ns = now_ns(m) + LEAVE_NS;
    for (uint32_t r = 0; r < m->config.rank_count; r++)
        if (m->ranks[r] != RANK_LOST)
            manager_tell(m, r, &(struct msg){.kind = MSG_BYE});
}

/* The disk is full, and there is no time to wait: what is not written is lost,
 * and cannot be acknowledged. */
static void give_up(struct manager *m)
{
    manager_notice(
        m, "the run directory cannot be written: what has ended since will "
           "run again");
    m->exit_code = EXIT_LOST;
    publisher_give_up(m->publisher);
    leave_begin(m);
    m->leave_at_ns = now_ns(m) + NS_PER_SEC;
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

void manager_end_step(struct manager *m)
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
        manager_results_outcome(m);
        leave_begin(m);
    }
    if (m->stage == MANAGER_LEAVING) {
        bool left = manager_ranks_left(m);
        if (left || now_ns(m) >= m->leave_at_ns)
            done(m, left && !manager_any_rank_lost(m));
    }
}

void manager_stop(struct manager *m, bool now, const char *why)
{
    struct err err;
    if (m->stage > MANAGER_RECORDING)
        return;
    if (!m->stopping || (now && !m->stop_now))
        manager_notice(
            m, "%s: %s", why,
            now ? "ending the running tasks; the same command resumes"
                : "no task is started any more; running tasks may end");
    if (now && !m->stop_now)
        m->hope_until_ns = now_ns(m) + HOPE_NS;
    m->stopping = true;
    m->stop_now |= now;
    if (sched_stop(m->sched, now_ns(m), now ? SCHED_STOP_NOW : SCHED_DRAIN,
                   &err) < 0)
        manager_fail(m, &err);
}
