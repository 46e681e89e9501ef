/* The scheduler's outputs: what is to be done now.
 *
 * In this order: what there is to say about workers, changes of jobs, tasks
 * for free slots, tasks ahead of them. Tasks are handed out by the job's
 * priority and age; a task that needs more slots than are free at any worker
 * is put behind what runs on one, which keeps it from starving: workers start
 * what they have in order. */
#include "config.h"
#include "sched/machine.h"

#include "sched/claims.h"
#include "sched/closing.h"
#include "sched/command.h"
#include "sched/follow.h"
#include "sched/grant.h"
#include "sched/limits.h"
#include "sched/prep.h"
#include "sched/special.h"

/* ---- Workers ---- */

/* Call one started task of a lost worker's lost. False: no memory now. */
static bool lose_attempt(struct sched *s, struct worker *w, int64_t now_ns,
                         struct sched_action *act)
{
    struct range *last = &w->given.ranges[w->given.count - 1];
    struct attempt a = {.job = last->job,
                        .index = last->first,
                        .attempt = last->attempt,
                        .result = RESULT_FAILURE,
                        .reason = REASON_LOST};
    bool special = special_is(a.index);
    if (!special) {
        bool again = job_judge(&s->jobs[a.job], &a, 0).again &&
                     !command_is_ended(s, a.job, a.index);
        a.disposition = again ? TASK_RETRIES : TASK_ENDS;
        if (attempt_tally(s, &a) < 0)
            return false;
    }
    act->kind = SCHED_ATTEMPT_LOST;
    act->job = a.job;
    act->first = a.index;
    act->count = 1;
    act->attempt = a.attempt;
    act->reason = a.reason;
    if (special) {
        special_ended(s, now_ns, w, last, &a);
        act->disposition = a.disposition;
        return true;
    }
    act->disposition = a.disposition;
    bool granted = last->kind != RANGE_PLAIN;
    tasks_release(s, w, last, a.index, 1);
    if (a.disposition == TASK_RETRIES)
        pickies_note(s, now_ns, UINT32_MAX, &a, &(struct verdict){0});
    attempt_settle(s, &a);
    if (granted)
        grant_settled(s, &a, REASON_LOST);
    command_ended(s, &a);
    return true;
}

/* What a lost worker has of attempts that have ended goes without a word. */
static void drop_ended(struct sched *s, struct worker *w)
{
    struct range *last;
    while (w->given.count > 0 &&
           (last = &w->given.ranges[w->given.count - 1])->kind != RANGE_PLAIN &&
           grant_has_ended(s, last->job, last->first))
        tasks_release(s, w, last, last->first, 1);
}

static enum step worker_step(struct sched *s, struct worker *w, int64_t now_ns,
                             struct sched_action *act)
{
    *act = (struct sched_action){.worker = worker_id(s, w)};
    if (w->state == WORKER_LOST)
        drop_ended(s, w);
    if (w->state == WORKER_LOSING) {
        act->kind = SCHED_WORKER_LOST;
        w->state = WORKER_LOST;
    } else if (w->state == WORKER_LOST && w->given.count > 0) {
        return lose_attempt(s, w, now_ns, act) ? STEP_ACT : STEP_LATER;
    } else if (w->state == WORKER_JOINED && w->told < s->stop) {
        act->kind = SCHED_STOP_WORKER;
        act->stop_now = s->stop == SCHED_STOP_NOW;
        w->told = s->stop;
    } else if (w->state == WORKER_JOINED && w->recall == RECALL_PLANNED) {
        act->kind = SCHED_RECALL;
        act->count = w->recall_count;
        w->recall = RECALL_ASKED;
        w->recall_ns = now_ns;
    } else {
        return closing_step(s, w, now_ns, act) ? STEP_ACT : STEP_NONE;
    }
    return STEP_ACT;
}

/* ---- Jobs ---- */

/* The next worker to be told that this job is terminated, or disabled. */
static bool cancel_step(struct sched *s, struct job_run *j,
                        struct sched_action *act)
{
    uint32_t id = job_id(s, j);
    while ((j->outstanding > 0 ||
            (j->specials > 0 && j->release == RELEASES_TO_COME)) &&
           j->cancel_next < s->config.worker_count) {
        struct worker *w = &s->workers[j->cancel_next++];
        struct range *r = outstanding_from(&w->given, id, 0);
        if (w->state != WORKER_JOINED || !r || r->job != id)
            continue;
        *act = (struct sched_action){
            .kind = SCHED_CANCEL_JOB, .worker = worker_id(s, w), .job = id};
        return true;
    }
    return false;
}

static enum step jobs_step(struct sched *s, struct job_run *j, int64_t now_ns,
                           struct sched_action *act)
{
    enum job_state was = j->state;
    if (follow_step(s, j, act))
        return STEP_ACT;
    if (command_step(s, j, act))
        return STEP_ACT;
    if ((j->state == JOB_TERMINATING ||
         (j->state == JOB_DISABLING && j->running != SCHED_WAIT)) &&
        cancel_step(s, j, act))
        return STEP_ACT;
    enum step step = prep_step(s, j, now_ns, act);
    if (step != STEP_NONE)
        return step;
    if (!job_step(j, now_ns))
        return STEP_NONE;
    job_changed(s, j, was);
    if (j->state == JOB_DISABLING && j->running == SCHED_WAIT)
        command_recall(s, j);
    *act = (struct sched_action){.kind = SCHED_JOB_CHANGED,
                                 .job = job_id(s, j),
                                 .job_state = j->state,
                                 .job_end = j->end,
                                 .text = j->why};
    return STEP_ACT;
}

/* ---- Tasks ---- */

/* The seat's part of what waits in the bucket, divided by parts: pieces get
 * smaller as the end comes near, so that all workers end together. */
static uint32_t fair_share(const struct sched *s, const struct bucket *b,
                           const struct seat *seat, unsigned parts)
{
    double share = (double)bucket_count(b) * seat->load.slots /
                   ((double)s->pools[b->pool].place.slots * parts);
    return share < 1 ? 1 : share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
}

static uint32_t at_most(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int64_t task_ns(const struct sched *s, const struct bucket *b)
{
    return tempo_task_ns(&s->jobs[b->job].tempo, s->config.prefetch_ns);
}

static enum prep_gate node_gate(const struct sched *s, uint32_t job,
                                const struct worker *w)
{
    return prep_gate(&s->jobs[job], (uint32_t)(w->node - s->nodes));
}

/* Tasks for free slots. */
static struct bucket *choose_fill(const struct sched *s, struct seat **seat,
                                  uint32_t *count)
{
    struct bucket *b = fill_bucket(s);
    if (!b)
        return NULL;
    const struct place *place = &s->pools[b->pool].place;
    *seat = place_free(place, b->slots);
    *count = load_free(&(*seat)->load) / b->slots;
    if (!place->pack)
        *count = at_most(*count, fair_share(s, b, *seat, 1));
    return b;
}

/* Tasks ahead of the slots. */
static struct bucket *choose_ahead(const struct sched *s, struct seat **seat,
                                   uint32_t *count)
{
    struct bucket *best = NULL;
    for (uint32_t q = 0; q < s->ready.queue_count; q++) {
        struct bucket *b = ready_top(s->ready.queues[q]);
        struct seat *least =
            b ? place_least(&s->pools[b->pool].place, b->slots) : NULL;
        uint32_t room = least ? load_room(&least->load, b->slots, task_ns(s, b),
                                          s->config.prefetch_ns)
                              : 0;
        if (room == 0 || (best && !bucket_before(b, best)))
            continue;
        if (node_gate(s, b->job, &s->workers[least->id]) != GATE_OPEN)
            continue; /* nothing is ahead of a preparation */
        best = b;
        *seat = least;
        *count = at_most(room, fair_share(s, b, least, 2));
    }
    return best;
}

/* The next tasks of the bucket, at most max, that make one range. */
static struct range bucket_range(struct sched *s, struct bucket *b,
                                 uint32_t max)
{
    static const struct tally usual = {.attempts = 1};
    struct indices *set = bucket_next(b);
    struct range r = {.job = b->job,
                      .first = indices_first(set),
                      .count = 1,
                      .attempt = 1,
                      .slots = b->slots,
                      .state = RANGE_GIVEN,
                      .task_ns = task_ns(s, b)};
    if (set == &b->fresh) {
        r.count = indices_run(set, r.first, max);
        return r;
    }
    uint32_t done = tally_get(&s->tally, b->job, r.first, usual).attempts;
    r.attempt = done + 1;
    while (r.count < max && indices_contains(set, r.first + r.count) &&
           tally_get(&s->tally, b->job, r.first + r.count, usual).attempts ==
               done)
        r.count++;
    return r;
}

static void give(struct sched *s, int64_t now_ns, struct worker *w,
                 struct bucket *b, const struct range *r)
{
    struct job_run *j = &s->jobs[r->job];
    bucket_take(b, r->attempt == 1 ? &b->fresh : &b->again, r->first, r->count);
    if (w->given.count == 0)
        w->progress_ns = now_ns;
    if (w->recall == RECALL_FUTILE)
        w->recall = RECALL_NONE;
    outstanding_add(&w->given, r);
    worker_load(s, w, 1, r, r->count);
    node_given(s, w->node, r->count);
    j->outstanding += r->count;
    s->outstanding += r->count;
    if (s->starts_left != UINT64_MAX)
        s->starts_left -= r->count;
    if (j->spec->max_parallel_tasks > 0)
        job_gate(s, j);
    if (job_begin(j, now_ns))
        (void)heap_add(&s->expiries, &j->expiry); /* has the memory */
}

/* Give tasks of the bucket to the seat's worker, or see to it first that its
 * node is prepared. STEP_NONE: they were given, and are held. */
static enum step bucket_give(struct sched *s, int64_t now_ns, struct bucket *b,
                             const struct seat *seat, uint32_t count,
                             struct sched_action *act)
{
    struct worker *w = &s->workers[seat->id];
    struct job_run *j = &s->jobs[b->job];
    enum prep_gate gate = node_gate(s, b->job, w);
    if (gate == GATE_BEGIN)
        return prep_begin(s, now_ns, j, (uint32_t)(w->node - s->nodes), act) < 0
                   ? STEP_LATER
                   : STEP_ACT;
    if (gate == GATE_CLOSED || outstanding_reserve(&w->given, 1) < 0)
        return STEP_LATER;
    if (s->starts_left < count)
        count = (uint32_t)s->starts_left;
    count = at_most(count, job_room(&s->jobs[b->job]));
    struct range r = bucket_range(s, b, count);
    r.state = gate == GATE_HOLD ? RANGE_HELD : RANGE_GIVEN;
    give(s, now_ns, w, b, &r);
    if (gate == GATE_HOLD) {
        prep_hold(s, w, &r, r.count);
        return STEP_NONE;
    }
    *act = (struct sched_action){.kind = SCHED_ASSIGN,
                                 .worker = seat->id,
                                 .job = r.job,
                                 .first = r.first,
                                 .count = r.count,
                                 .attempt = r.attempt};
    return STEP_ACT;
}

static bool has_claims(const struct sched *s)
{
    for (uint32_t p = 0; p < s->ready.pool_count; p++)
        if (s->ready.claims[p].count > 0 || s->pools[p].reserved_for)
            return true;
    return false;
}

static enum step assign_step(struct sched *s, int64_t now_ns,
                             struct sched_action *act)
{
    while (!s->paused && s->stop == SCHED_RUN && s->starts_left > 0) {
        struct seat *seat = NULL;
        uint32_t count = 0;
        struct bucket *b = choose_fill(s, &seat, &count);
        struct worker *w;
        if (has_claims(s)) {
            enum step step = claims_step(s, now_ns, b, act);
            if (step != STEP_NONE)
                return step;
            b = choose_fill(s, &seat, &count); /* without what is reserved */
            if (!b && (b = claims_backfill(s, now_ns, &w))) {
                seat = &w->seat;
                count = 1;
            }
        }
        if (!b)
            b = choose_ahead(s, &seat, &count);
        if (!b)
            break;
        enum step step = bucket_give(s, now_ns, b, seat, count, act);
        if (step != STEP_NONE)
            return step;
    }
    return STEP_NONE;
}

bool sched_next(struct sched *s, int64_t now_ns, struct sched_action *act)
{
    struct heap_node *n;
    enum step step;
    machine_now(s, now_ns);
    while ((n = heap_top(&s->news))) {
        step = worker_step(s, worker_of_news(n), now_ns, act);
        if (step != STEP_NONE)
            return step == STEP_ACT;
        heap_remove(&s->news, n);
    }
    if ((step = grants_step(s, act)) != STEP_NONE)
        return step == STEP_ACT;
    while ((n = heap_top(&s->due))) {
        step = jobs_step(s, job_of_due(n), now_ns, act);
        if (step != STEP_NONE)
            return step == STEP_ACT;
        heap_remove(&s->due, n);
    }
    while ((n = heap_top(&s->node_news))) {
        step = node_step(s, node_of_news(n), now_ns, act);
        if (step != STEP_NONE)
            return step == STEP_ACT;
        heap_remove(&s->node_news, n);
    }
    if (schedules_step(s, now_ns, act))
        return true;
    pickies_tick(s, now_ns);
    step = assign_step(s, now_ns, act);
    while (step == STEP_NONE && (n = heap_top(&s->node_quiet))) {
        heap_remove(&s->node_quiet, n);
        if (node_rest(s, node_of_quiet(n), act))
            return true;
    }
    return step == STEP_ACT;
}
