/* Once a second: people see where the run is, and whether the disk lets it go
 * on; from time to time results.h5 is made. See manager_parts.h. */
#include "config.h"
#include "manager/manager_parts.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SNAPSHOT_NS NS_PER_SEC

const struct snapshot *manager_snapshot(struct manager *m)
{
    struct snapshot *s = &m->snap;
    sched_snapshot(m->sched, s);
    for (uint32_t j = 0; j < s->job_count; j++)
        memcpy(s->jobs[j].why, m->whys[j], JOB_WHY_BYTES);
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
    s->eta_ns = pace_eta_ns(&m->pace, task_counts_left(&s->tasks));
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

void manager_results_outcome(struct manager *m)
{
    struct err err;
    int outcome = publisher_results_outcome(m->publisher, &err);
    if (outcome == 0)
        return;
    int64_t took_ns = now_ns(m) - m->publish_began_ns;
    m->publish_at_ns =
        now_ns(m) + (took_ns * 20 > PUBLISH_NS ? took_ns * 20 : PUBLISH_NS);
    if (outcome < 0 && err.code != ECANCELED)
        manager_notice(m, "cannot make results.h5: %s", err.text);
}

void manager_tick(struct loop_timer *timer)
{
    struct manager *m =
        (struct manager *)((char *)timer - offsetof(struct manager, tick));
    const struct snapshot *snap;
    struct err err;
    char why[256];
    bool stalled =
        writer_stalled(m->means.writer, why) ||
        (m->means.incoming && incoming_stalled(m->means.incoming, why));

    pace_note(&m->pace, now_ns(m), m->ended);
    if (stalled && !m->paused) {
        snprintf(m->snap.pause_text, sizeof(m->snap.pause_text), "%s", why);
        manager_notice(m, "%s: no task is started until that is possible again",
                       why);
    } else if (!stalled && m->paused) {
        m->snap.pause_text[0] = '\0';
        manager_notice(m, "the run directory can be written again: going on");
    }
    m->paused = stalled;
    sched_pause(m->sched, stalled);
    if (now_ns(m) >= m->alive_at_ns && m->stage == MANAGER_RUNNING) {
        m->alive_at_ns = now_ns(m) + ALIVE_NS;
        manager_journal_put(m, &(struct journal_record){.type = JOURNAL_TICK});
        manager_journal_staged(m);
    }
    if (m->stage == MANAGER_RUNNING && now_ns(m) >= m->publish_at_ns &&
        !m->config.results_late)
        results_publish(m);
    (void)origin_finish(m->origin, manager_journal_program, m);
    manager_say_skipped(m);
    manager_results_outcome(m);
    snap = manager_snapshot(m);
    publisher_status(m->publisher, snap, &m->starts);
    if (m->config.observer.progress && m->stage < MANAGER_DONE)
        m->config.observer.progress(m->config.observer.arg, snap);
    if (loop_timer_start(m->config.loop, &m->tick, now_ns(m) + SNAPSHOT_NS,
                         &err) < 0)
        manager_fail(m, &err);
}
