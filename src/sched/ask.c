/* Questions to the scheduler: see sched.h. */
#include "config.h"
#include "sched/sched.h"

#include <string.h>

#include "sched/claims.h"
#include "sched/grant.h"
#include "sched/machine.h"
#include "sched/special.h"

/* The most slots that a worker of the pool has which may be given tasks, or
 * may be in a while; UINT32_MAX: one is to come. */
static uint32_t hope_of(const struct sched *s, uint32_t pool)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        const struct worker *w = &s->workers[i];
        if (w->node->pool != pool || !node_is_hopeful(s, w->node))
            continue;
        if (w->state == WORKER_EXPECTED)
            return UINT32_MAX;
        if (w->state == WORKER_JOINED && w->seat.load.slots > most)
            most = w->seat.load.slots;
    }
    return most;
}

/* Is there a worker, joined or to come, for something that is ready? */
static bool is_able(const struct sched *s)
{
    for (uint32_t q = 0; q < s->ready.queue_count; q++) {
        const struct ready_queue *queue = s->ready.queues[q];
        if (ready_top(queue) && queue->slots <= hope_of(s, queue->pool))
            return true;
    }
    for (uint32_t p = 0; p < s->ready.pool_count; p++)
        for (size_t i = 0; i < s->ready.claims[p].count; i++)
            if (claim_is_able(s, claim_of_node(s->ready.claims[p].nodes[i])))
                return true;
    return false;
}

/* Is there a job that waits for whatever people will ask, or for its time, and
 * somebody who could do it? */
static bool is_open_ended(const struct sched *s)
{
    if (s->lost == s->config.worker_count)
        return false;
    for (uint32_t i = 0; i < job_count_of(s); i++)
        if (s->jobs[i].state == JOB_ACTIVE &&
            s->jobs[i].turn == TURN_HAS_BEGUN && job_is_done(&s->jobs[i]))
            return true;
    return schedules_wait(s) || pickies_delay(s);
}

bool sched_finished(const struct sched *s)
{
    if (s->outstanding > 0 || heap_top(&s->due) || heap_top(&s->news) ||
        heap_top(&s->node_news))
        return false;
    if (s->stop != SCHED_RUN || s->starts_left == 0)
        return true;
    return !is_able(s) && !is_open_ended(s);
}

bool sched_all_completed(const struct sched *s)
{
    return s->completed == job_count_of(s);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t sched_deadline_ns(const struct sched *s)
{
    struct heap_node *n = heap_top(&s->expiries);
    int64_t at = n ? job_of_expiry(n)->expires_ns : INT64_MAX;
    if (heap_top(&s->news) || heap_top(&s->due) ||
        heap_top(&s->node_news)) /* sched_next is wanted */
        return s->live.now_ns;
    at = earlier(at, s->nodes_at_ns);
    at = earlier(at, schedules_deadline_ns(s));
    at = earlier(at, pickies_deadline_ns(s));
    at = earlier(at, liveness_deadline_ns(&s->live));
    return earlier(at, balance_deadline_ns(s));
}

static void counts_add(struct task_counts *sum, const struct task_counts *c)
{
    sum->total += c->total;
    sum->succeeded += c->succeeded;
    sum->failed += c->failed;
    sum->skipped += c->skipped;
    sum->running += c->running;
    sum->preparing += c->preparing;
    sum->storing += c->storing;
    sum->active += c->active;
    sum->retried += c->retried;
    sum->invalid += c->invalid;
}

/* Count what the worker has said of its tasks. Returns the slots they hold. */
static uint32_t count_said(const struct worker *w, struct snapshot *snap)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < w->given.count; i++) {
        const struct range *r = &w->given.ranges[i];
        if (special_is(r->first))
            continue;
        if (r->kind == RANGE_INSTANCE) { /* its first one counts */
            busy += range_has_load(r->state) ? r->slots : 0;
            continue;
        }
        struct task_counts *c = &snap->jobs[r->job].tasks;
        switch (r->state) {
        case RANGE_GIVEN:
            break;
        case RANGE_PREPARING:
        case RANGE_PREPARED:
        case RANGE_HELD:
            c->preparing += r->count;
            break;
        case RANGE_STARTED:
            c->running += r->count;
            busy += r->count * r->slots;
            break;
        case RANGE_STORING:
            c->storing += r->count;
            break;
        }
    }
    return busy;
}

/* Count what it will say only after a while: tasks without a directory of
 * their own run, in order, as long as slots are free. Returns the slots that
 * are still free. */
static uint32_t count_unsaid(const struct sched *s, const struct worker *w,
                             uint32_t free_slots, struct snapshot *snap)
{
    for (uint32_t i = 0; free_slots > 0 && i < w->given.count; i++) {
        const struct range *r = &w->given.ranges[i];
        if (special_is(r->first))
            continue;
        const struct job *job = s->jobs[r->job].spec;
        for (uint32_t k = 0; r->state == RANGE_GIVEN && k < r->count; k++) {
            if (task_has_directory(job_template(job, r->first + k)))
                continue;
            if (free_slots < r->slots)
                return free_slots;
            free_slots -= r->slots;
            snap->jobs[r->job].tasks.running++;
        }
    }
    return free_slots;
}

/* Count what workers have; a lost one's tasks run no more. */
static void count_workers(const struct sched *s, struct snapshot *snap)
{
    snap->slot_count = snap->slots_busy = 0;
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        const struct worker *w = &s->workers[i];
        uint32_t slots = w->seat.load.slots;
        if (w->state != WORKER_JOINED)
            continue;
        snap->slot_count += slots;
        uint32_t said = count_said(w, snap);
        uint32_t left = slots > said ? slots - said : 0;
        snap->slots_busy += slots - count_unsaid(s, w, left, snap);
    }
}

void sched_snapshot(const struct sched *s, struct snapshot *snap)
{
    for (uint32_t i = 0; i < job_count_of(s); i++) {
        snap->jobs[i].state = s->jobs[i].state;
        snap->jobs[i].end = s->jobs[i].end;
        snap->jobs[i].hidden = s->jobs[i].turn != TURN_HAS_BEGUN;
        job_counts(&s->jobs[i], &snap->jobs[i].tasks);
    }
    count_workers(s, snap);
    snap->tasks = (struct task_counts){0};
    for (uint32_t i = 0; i < job_count_of(s); i++) {
        struct task_counts *c = &snap->jobs[i].tasks;
        c->active -= c->running + c->preparing + c->storing;
        if (!snap->jobs[i].hidden)
            counts_add(&snap->tasks, c);
    }
    snap->ranks_lost = s->lost;
    memset(snap->node_states, 0, sizeof(snap->node_states));
    for (uint32_t i = 0; i < s->node_count; i++)
        snap->node_states[s->nodes[i].state]++;
}

enum node_state sched_node_state(const struct sched *s, uint32_t node)
{
    return s->nodes[node].state;
}

/* The range that holds a task which some worker has, or NULL. */
static const struct range *given_find(const struct sched *s, uint32_t job,
                                      uint32_t index)
{
    const struct range *r = NULL;
    if (s->jobs[job].outstanding == 0 || grant_has_ended(s, job, index))
        return NULL;
    for (uint32_t i = 0; !r && i < s->config.worker_count; i++)
        r = outstanding_find(&s->workers[i].given, job, index);
    return r;
}

bool sched_task_worker(const struct sched *s, uint32_t job, uint32_t index,
                       uint32_t *worker)
{
    const struct grant *g = grant_find(s, job, index);
    if (s->jobs[job].outstanding == 0)
        return false;
    if (g) {
        *worker = g->workers[0];
        return true;
    }
    for (uint32_t i = 0; i < s->config.worker_count; i++)
        if (outstanding_find(&s->workers[i].given, job, index)) {
            *worker = i;
            return true;
        }
    return false;
}

enum task_state sched_task_state(const struct sched *s, uint32_t job,
                                 uint32_t index, enum attempt_result *result)
{
    *result = RESULT_NONE;
    if (task_waits(s, job, index))
        return TASK_ACTIVE;
    const struct range *r = given_find(s, job, index);
    if (r && r->state == RANGE_HELD)
        return TASK_PREPARING;
    if (r)
        return range_is_running(r->state) ? TASK_RUNNING : TASK_ACTIVE;
    if (grant_comes_back(s, job, index))
        return TASK_ACTIVE;
    const struct job_run *j = &s->jobs[job];
    *result = indices_contains(&j->skipped, index)    ? RESULT_SKIPPED
              : indices_contains(&j->failures, index) ? RESULT_FAILURE
                                                      : RESULT_SUCCESS;
    return TASK_COMPLETED;
}

uint32_t sched_task_attempts(const struct sched *s, uint32_t job,
                             uint32_t index)
{
    static const struct tally usual = {.attempts = 1};
    if (task_is_fresh(s, job, index))
        return 0;
    const struct range *r = given_find(s, job, index);
    return r ? r->attempt - 1
             : tally_get(&s->tally, job, index, usual).attempts;
}
