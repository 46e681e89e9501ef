/* A simulated cluster: see sim.h. Here is the manager's side: what comes is
 * an input of the scheduler, what it says is a message; one turn for all that
 * happens at one moment. */
#include "config.h"
#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>

#include "base/quantity.h"
#include "sim/node.h"
#include "sim/watch.h"

enum { MAX_EVENTS = 100 * 1000 * 1000 };

struct sim {
    struct sim_config config;
    struct agenda agenda;
    struct cluster cluster;
    struct watch watch;
    struct sched *sched;
    struct event *deadline; /* planned, or NULL */
    struct sim_stats stats;
    int64_t now_ns;
};

void sim_config_init(struct sim_config *c)
{
    *c = (struct sim_config){.latency_ns = 200 * NS_PER_US,
                             .tick_ns = 1 * NS_PER_MS,
                             .started_ns = 100 * NS_PER_MS,
                             .beat_ns = 1 * NS_PER_SEC,
                             .notice_ns = 1 * NS_PER_SEC,
                             .stop_ns = -1};
    sched_config_init(&c->sched);
}

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory for the simulation");
}

/* ---- Inputs ---- */

static void record(struct sim *sim, const struct attempt *a)
{
    if (sim->config.record)
        sim->config.record(sim->config.arg, a);
}

static int one_result(struct sim *sim, uint32_t worker, const struct end *end,
                      struct err *err)
{
    struct sim_stats *st = &sim->stats;
    struct attempt a;
    bool accepted;
    attempt_init(&a);
    a.job = end->job;
    a.index = end->index;
    a.attempt = end->attempt;
    a.result = end->result;
    a.reason = end->reason;
    a.exit_code = end->exit_code;
    a.signal = end->signal;
    a.rank = worker;
    a.start_ns = end->start_ns + 1; /* 0 is not a time since 1970 */
    a.end_ns = end->end_ns + 1;
    if (sched_attempt_ended(sim->sched, sim->now_ns, worker, &a, &accepted,
                            err) < 0)
        return -1;
    if (!accepted) {
        st->stale_results++;
        return 0;
    }
    st->attempts++;
    if (a.disposition == TASK_RETRIES)
        st->retried++;
    else if (a.result == RESULT_SUCCESS)
        st->succeeded++;
    else
        st->failed++;
    record(sim, &a);
    return watch_ended(&sim->watch, worker, &a, err);
}

static int results(struct sim *sim, const struct event *e, struct err *err)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (one_result(sim, e->worker, &e->ends[i], err) < 0)
            return -1;
    return 0;
}

static int input(struct sim *sim, const struct event *e, struct err *err)
{
    struct sched *s = sim->sched;
    switch (e->kind) {
    case EVENT_READY:
        return sched_worker_join(s, e->at_ns, e->worker, e->count, err);
    case EVENT_HEARD:
        sched_worker_heard(s, e->at_ns, e->worker);
        return 0;
    case EVENT_STARTED:
        return sched_attempt_started(s, e->at_ns, e->worker, e->job, e->first,
                                     e->attempt, err);
    case EVENT_RESULTS:
        return results(sim, e, err);
    case EVENT_RETURNED:
        sim->stats.returned_tasks += e->count;
        if (sched_tasks_returned(s, e->at_ns, e->worker, e->job, e->first,
                                 e->count, e->attempt, err) < 0)
            return -1;
        return watch_returned(&sim->watch, e->worker, e->job, e->first,
                              e->count, err);
    case EVENT_INSTANCE:
        return sched_instance_ready(s, e->at_ns, e->worker, e->job, e->first,
                                    e->attempt, err);
    case EVENT_GONE:
        return sched_worker_gone(s, e->at_ns, e->worker, err);
    case EVENT_HALT:
        return sched_stop(s, e->at_ns, sim->config.stop, err);
    case EVENT_DEADLINE:
        sim->deadline = NULL;
        return 0;
    case EVENT_ASK:
        return sim->config.asks(sim->config.arg, s, e->at_ns, e->first, err);
    case EVENT_JOIN:
    case EVENT_DEATH:
    case EVENT_END:
    case EVENT_LASTING:
    case EVENT_FLUSH:
    case EVENT_BEAT:
    case EVENT_ASSIGN:
    case EVENT_RECALL:
    case EVENT_CANCEL:
    case EVENT_CUT:
    case EVENT_STOP:
    case EVENT_LAUNCH:
    case EVENT_GO:
        break;
    }
    return cluster_event(&sim->cluster, e) < 0 ? no_memory(err) : 0;
}

/* ---- Outputs ---- */

static int attempt_lost(struct sim *sim, const struct sched_action *act,
                        struct err *err)
{
    struct attempt a;
    attempt_init(&a);
    a.job = act->job;
    a.index = act->first;
    a.attempt = act->attempt;
    a.result = RESULT_FAILURE;
    a.reason = act->reason;
    a.disposition = act->disposition;
    a.rank = act->worker;
    sim->stats.lost_attempts += a.reason == REASON_LOST;
    sim->stats.failed += a.disposition == TASK_ENDS;
    record(sim, &a);
    return watch_ended(&sim->watch, act->worker, &a, err);
}

static int output(struct sim *sim, const struct sched_action *act,
                  struct err *err)
{
    struct event e = {.worker = act->worker,
                      .job = act->job,
                      .first = act->first,
                      .count = act->count,
                      .attempt = act->attempt};
    switch (act->kind) {
    case SCHED_ASSIGN:
        sim->stats.assigns++;
        sim->stats.assigned_tasks += act->count;
        e.kind = EVENT_ASSIGN;
        if (watch_assign(&sim->watch, act, err) < 0)
            return -1;
        break;
    case SCHED_RECALL:
        sim->stats.recalls++;
        e.kind = EVENT_RECALL;
        break;
    case SCHED_CANCEL_JOB:
        sim->stats.cancels++;
        e.kind = EVENT_CANCEL;
        break;
    case SCHED_LAUNCH:
        e.kind = EVENT_LAUNCH;
        e.instance = act->launch.instance;
        e.instances = act->launch.instance_count;
        e.limit_ns = act->launch.max_wall_clock_ns;
        if (e.instance > 0)
            break;
        sim->stats.assigns++;
        sim->stats.assigned_tasks++;
        if (watch_assign(&sim->watch, act, err) < 0)
            return -1;
        break;
    case SCHED_GO:
        e.kind = EVENT_GO;
        break;
    case SCHED_END:
        sim->stats.cuts++;
        e.kind = EVENT_CUT;
        e.reason = act->reason;
        break;
    case SCHED_STOP_WORKER:
        e.kind = EVENT_STOP;
        e.count = act->stop_now;
        break;
    case SCHED_WORKER_LOST:
        sim->stats.lost_workers++;
        watch_lost(&sim->watch, act->worker);
        return 0;
    case SCHED_ATTEMPT_LOST:
        return attempt_lost(sim, act, err);
    case SCHED_NODE_CHANGED:
        return 0;
    case SCHED_SKIPPED:
        sim->stats.skipped += act->count;
        return watch_skipped(&sim->watch, act, err);
    case SCHED_ACTIVE_AGAIN:
        return watch_active_again(&sim->watch, act, err);
    case SCHED_OCCURRENCE:
    case SCHED_JOB_CHANGED:
        return 0;
    }
    return cluster_send(&sim->cluster, sim->now_ns, &e) < 0 ? no_memory(err)
                                                            : 0;
}

/* Wake up when the scheduler wants to be. */
static int deadline_plan(struct sim *sim, struct err *err)
{
    int64_t at = sched_deadline_ns(sim->sched);
    if (at == INT64_MAX) {
        agenda_drop(&sim->agenda, sim->deadline);
        sim->deadline = NULL;
        return 0;
    }
    if (at <= sim->now_ns)
        at = sim->now_ns + 1; /* the next turn */
    if (!sim->deadline)
        sim->deadline = agenda_add(
            &sim->agenda, &(struct event){.kind = EVENT_DEADLINE, .at_ns = at});
    else if (sim->deadline->at_ns != at)
        agenda_move(&sim->agenda, sim->deadline, at);
    return sim->deadline ? 0 : no_memory(err);
}

static int turn(struct sim *sim, struct err *err)
{
    struct sched_action act;
    sim->stats.turns++;
    if (sim->now_ns >= sched_deadline_ns(sim->sched) &&
        sched_tick(sim->sched, sim->now_ns, err) < 0)
        return -1;
    while (sched_next(sim->sched, sim->now_ns, &act)) {
        if (sim->config.action)
            sim->config.action(sim->config.arg, &act, sim->now_ns);
        if (output(sim, &act, err) < 0)
            return -1;
    }
    if (watch_turn(&sim->watch, sim->sched, err) < 0)
        return -1;
    return deadline_plan(sim, err);
}

/* ---- The run ---- */

static int asks_plan(struct sim *sim, struct err *err)
{
    struct event ask = {.kind = EVENT_ASK};
    while (sim->config.plans &&
           sim->config.plans(sim->config.arg, &ask.at_ns, &ask.first))
        if (!agenda_add(&sim->agenda, &ask))
            return no_memory(err);
    return 0;
}

/* All that happens at the next moment, then a turn. */
static int moment(struct sim *sim, struct err *err)
{
    struct event *e = agenda_take(&sim->agenda);
    uint64_t most =
        sim->config.max_events ? sim->config.max_events : MAX_EVENTS;
    if (!e)
        return err_set(err, EPROTO, "not finished, and nothing will happen");
    sim->now_ns = e->at_ns;
    while (e) {
        int rc = input(sim, e, err);
        agenda_free(e);
        if (rc < 0)
            return -1;
        if (++sim->stats.events > most)
            return err_set(err, ETIMEDOUT, "no end after %" PRIu64 " events",
                           most);
        e = agenda_due(&sim->agenda, sim->now_ns);
    }
    if (turn(sim, err) < 0)
        return -1;
    return asks_plan(sim, err);
}

static int sim_init(struct sim *sim, const struct sim_config *config,
                    struct err *err)
{
    struct event halt = {.kind = EVENT_HALT, .at_ns = config->stop_ns};
    sim->config = *config;
    sim->config.sched.worker_count = config->worker_count;
    agenda_init(&sim->agenda);
    if (watch_init(&sim->watch, &sim->config) < 0 ||
        cluster_init(&sim->cluster, &sim->config, &sim->agenda) < 0 ||
        (config->stop_ns >= 0 && !agenda_add(&sim->agenda, &halt)))
        return no_memory(err);
    sim->sched = sched_create(&sim->config.sched, err);
    if (!sim->sched)
        return -1;
    if (!config->prepare)
        return 0;
    if (config->prepare(config->arg, sim->sched, err) < 0)
        return -1;
    return watch_before(&sim->watch, sim->sched, err);
}

static void sim_fini(struct sim *sim)
{
    sched_destroy(sim->sched);
    cluster_fini(&sim->cluster);
    watch_fini(&sim->watch);
    agenda_fini(&sim->agenda);
}

static void sum_up(struct sim *sim)
{
    struct sim_stats *st = &sim->stats;
    st->makespan_ns = sim->now_ns;
    st->busy_slot_ns = sim->cluster.busy_slot_ns;
    st->slot_ns = cluster_slot_ns(&sim->cluster, sim->now_ns);
    st->utilisation =
        st->slot_ns > 0 ? (double)st->busy_slot_ns / (double)st->slot_ns : 0;
    st->all_completed = sched_all_completed(sim->sched);
}

int sim_run(const struct sim_config *config, struct sim_stats *stats,
            struct err *err)
{
    struct sim sim = {0};
    int rc = -1;
    if (!config->duration_ns || config->latency_ns < 0 || config->tick_ns < 0)
        return err_set(err, EINVAL, "simulation without task durations");
    if (sim_init(&sim, config, err) < 0 || turn(&sim, err) < 0)
        goto out;
    while (!sched_finished(sim.sched))
        if (moment(&sim, err) < 0)
            goto out;
    if (watch_finish(&sim.watch, sim.sched, err) < 0)
        goto out;
    sum_up(&sim);
    if (config->finish)
        config->finish(config->arg, sim.sched);
    *stats = sim.stats;
    rc = 0;
out:
    if (rc < 0)
        err_context(err, "simulation, %" PRIu64 " events, %" PRId64 " ns",
                    sim.stats.events, sim.now_ns);
    sim_fini(&sim);
    return rc;
}
