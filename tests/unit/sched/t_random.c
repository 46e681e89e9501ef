/* Random worlds and random news: a slow, obvious model beside the scheduler.
 *
 * The model keeps each task in an array and knows the rules, not the means.
 * Every action is checked against it, and after every piece of news all
 * states and counts are compared. */
#include "config.h"

#include "specs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOBS = 4,
    TASKS = 40, /* a job's, at most */
    WORKERS = 5,
    STEPS = 300,
    SEEDS = 1500,
    RECORDS = 8 * JOBS * TASKS + 2 * STEPS
};

/* ---- The model ---- */

enum where { READY, GIVEN, RUNS, SUCCEEDED, FAILED };

struct task {
    enum where where;
    uint32_t worker, attempts, retries;
    int64_t until; /* not to be attempted before */
};

enum life { EXPECTED, JOINED, LOST };

struct model_worker {
    enum life life;
    uint32_t slots, used, tasks;
    enum sched_stop told;
    bool told_lost;
};

struct model_job {
    enum job_state state;
    enum job_end end;
    uint64_t retried;
};

struct world {
    struct specs specs;
    struct task_template listed[JOBS][TASKS];
    struct sched *s;
    struct task tasks[JOBS][TASKS];
    struct model_job jobs[JOBS];
    struct model_worker workers[WORKERS];
    int64_t now;
    enum sched_stop stop;
    bool paused;
    uint64_t limit, starts;
    /* what a journal would have; only what a replay needs */
    struct record {
        uint32_t job, index, attempt;
        enum reason reason;
        enum disposition disposition;
        int job_state; /* -1: an attempt */
        enum job_end end;
        struct task_range again; /* count > 0: these are active again */
    } records[RECORDS];
    uint32_t record_count;
    uint64_t random;
};

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((w->random >> 33) % below);
}

static uint32_t slots_of(const struct world *w, uint32_t job, uint32_t index)
{
    return job_template(&w->specs.jobs[job], index)->required_slots;
}

static void write_record(struct world *w, const struct record *r)
{
    assert_true(w->record_count < RECORDS);
    w->records[w->record_count++] = *r;
}

static void world_init(struct world *w, uint64_t seed)
{
    static const int32_t retries[] = {0, 0, 1, 3, -1};
    memset(w, 0, sizeof(*w));
    w->random = seed * 2654435761u + 1;
    specs_init(&w->specs);
    uint32_t jobs = 1 + pick(w, JOBS);
    for (uint32_t j = 0; j < jobs; j++) {
        uint32_t n = 1 + pick(w, TASKS);
        int32_t priority = (int32_t)pick(w, 3) - 1;
        struct job *job = specs_add(&w->specs, n, 1 + pick(w, 3), priority,
                                    retries[pick(w, 5)]);
        if (pick(w, 4) == 0)
            job->max_wall_clock_ns = 1 + pick(w, 60) * NS_PER_MS;
        if (pick(w, 2) == 0)
            continue;
        for (uint32_t i = 0; i < n; i++)
            w->listed[j][i] = (struct task_template){
                .required_slots = 1 + pick(w, 4),
                .retry = retry_policy_default,
                .own_directory = i % 4 == 3,
                .constraints = {.max_task_retry_count = retries[pick(w, 5)]}};
        job->tasks.kind = TASKS_LISTED;
        job->templates = w->listed[j];
    }
    struct sched_config c;
    sched_config_init(&c);
    c.spec = &w->specs.spec;
    c.worker_count = WORKERS;
    w->limit = pick(w, 6) == 0 ? 1 + pick(w, 60) : 0;
    c.task_limit = w->limit;
    w->s = sched_create(&c, NULL);
    assert_non_null(w->s);
}

static uint32_t job_tasks(const struct world *w, uint32_t job)
{
    return w->specs.jobs[job].tasks.count;
}

/* The worker does not have the task any more. */
static void task_leaves(struct world *w, uint32_t job, uint32_t index,
                        enum where to)
{
    struct task *t = &w->tasks[job][index];
    w->workers[t->worker].used -= slots_of(w, job, index);
    w->workers[t->worker].tasks--;
    t->where = to;
}

static uint32_t job_given(const struct world *w, uint32_t job)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < job_tasks(w, job); i++)
        n += w->tasks[job][i].where == GIVEN || w->tasks[job][i].where == RUNS;
    return n;
}

static bool job_done(const struct world *w, uint32_t job)
{
    for (uint32_t i = 0; i < job_tasks(w, job); i++)
        if (w->tasks[job][i].where < SUCCEEDED)
            return false;
    return true;
}

static bool may_hand_out(const struct world *w)
{
    return w->stop == SCHED_RUN && !w->paused &&
           (w->limit == 0 || w->starts < w->limit);
}

/* Could the task be handed out now? */
static bool is_ready(const struct world *w, uint32_t job, uint32_t index)
{
    const struct task *t = &w->tasks[job][index];
    return w->jobs[job].state == JOB_ACTIVE && t->where == READY &&
           t->until <= w->now;
}

/* ---- Actions, checked ---- */

/* Is a's turn before b's, strictly? */
static bool before(const struct world *w, uint32_t job_a, uint32_t a,
                   uint32_t job_b, uint32_t b)
{
    int32_t pa = w->specs.jobs[job_a].priority;
    int32_t pb = w->specs.jobs[job_b].priority;
    if (pa != pb)
        return pa > pb;
    return job_a != job_b ? job_a < job_b : a < b;
}

static uint32_t free_slots(const struct model_worker *m)
{
    return m->life == JOINED && m->used < m->slots ? m->slots - m->used : 0;
}

/* No ready task that fits into so many slots may come before this one (any:
 * none may be ready at all). */
static void check_order(const struct world *w, uint32_t job, uint32_t index,
                        uint32_t slots, bool any)
{
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t i = 0; i < job_tasks(w, j); i++)
            if (is_ready(w, j, i) && slots_of(w, j, i) <= slots)
                assert_false(any || before(w, j, i, job, index));
}

static void check_assign(struct world *w, const struct sched_action *a)
{
    struct model_worker *m = &w->workers[a->worker];
    uint32_t slots = slots_of(w, a->job, a->first), most_free = 0;
    assert_true(may_hand_out(w));
    assert_int_equal(m->life, JOINED);
    assert_int_equal(w->jobs[a->job].state, JOB_ACTIVE);
    assert_in_range(a->count, 1, job_tasks(w, a->job));
    assert_true(slots <= m->slots);
    for (uint32_t k = 0; k < WORKERS; k++)
        if (free_slots(&w->workers[k]) > most_free)
            most_free = free_slots(&w->workers[k]);
    if (slots <= free_slots(m)) {
        assert_true(a->count * slots <= free_slots(m));
        check_order(w, a->job, a->first, free_slots(m), false);
    } else {
        /* prefetch: nobody could start anything, and the window is kept: no
         * durations are known, so that it is one task a slot */
        uint32_t ahead = m->slots > slots ? m->slots : slots;
        check_order(w, a->job, a->first, most_free, true);
        assert_true(m->used + a->count * slots <= m->slots + ahead + slots);
    }
    for (uint32_t i = a->first; i < a->first + a->count; i++) {
        struct task *t = &w->tasks[a->job][i];
        assert_true(is_ready(w, a->job, i));
        assert_int_equal(a->attempt, t->attempts + 1);
        assert_int_equal(slots_of(w, a->job, i), slots);
        t->where = GIVEN;
        t->worker = a->worker;
    }
    m->used += a->count * slots;
    m->tasks += a->count;
    w->starts += a->count;
    assert_true(w->limit == 0 || w->starts <= w->limit);
}

static void check_lost_attempt(struct world *w, const struct sched_action *a)
{
    struct task *t = &w->tasks[a->job][a->first];
    assert_int_equal(a->count, 1);
    assert_true(w->workers[a->worker].told_lost);
    assert_int_equal(t->where, RUNS);
    assert_int_equal(t->worker, a->worker);
    assert_int_equal(a->attempt, t->attempts + 1);
    task_leaves(w, a->job, a->first, READY);
    t->attempts++;
    w->jobs[a->job].retried++;
    write_record(w, &(struct record){.job = a->job,
                                     .index = a->first,
                                     .attempt = a->attempt,
                                     .reason = REASON_LOST,
                                     .disposition = TASK_RETRIES,
                                     .job_state = -1});
}

static void check_job_change(struct world *w, const struct sched_action *a)
{
    struct model_job *j = &w->jobs[a->job];
    assert_true(job_state_may_change(j->state, a->job_state));
    if (a->job_state == JOB_TERMINATING &&
        a->job_end == JOB_END_ALL_TASKS_COMPLETE) {
        assert_true(job_done(w, a->job));
    } else if (a->job_state == JOB_TERMINATING) {
        assert_int_equal(a->job_end, JOB_END_MAX_WALL_CLOCK_TIME);
        assert_true(w->specs.jobs[a->job].max_wall_clock_ns > 0);
        assert_true(w->specs.jobs[a->job].max_wall_clock_ns <= w->now);
    } else {
        assert_int_equal(a->job_state, JOB_COMPLETED);
        assert_int_equal(a->job_end, j->end);
        assert_int_equal(job_given(w, a->job), 0);
    }
    j->state = a->job_state;
    j->end = a->job_end;
    write_record(w, &(struct record){.job = a->job,
                                     .job_state = (int)a->job_state,
                                     .end = a->job_end});
}

static void check_action(struct world *w, const struct sched_action *a)
{
    struct model_worker *m = &w->workers[a->worker];
    switch (a->kind) {
    case SCHED_ASSIGN:
        check_assign(w, a);
        break;
    case SCHED_RECALL:
        assert_int_equal(m->life, JOINED);
        assert_true(m->used > m->slots);
        assert_in_range(a->count, 1, m->tasks);
        break;
    case SCHED_CANCEL_JOB:
        assert_int_equal(m->life, JOINED);
        assert_int_equal(w->jobs[a->job].state, JOB_TERMINATING);
        break;
    case SCHED_STOP_WORKER:
        assert_int_equal(m->life, JOINED);
        assert_true(m->told < w->stop);
        assert_int_equal(a->stop_now, w->stop == SCHED_STOP_NOW);
        m->told = w->stop;
        break;
    case SCHED_WORKER_LOST:
        assert_int_equal(m->life, LOST);
        assert_false(m->told_lost);
        m->told_lost = true;
        break;
    case SCHED_ATTEMPT_LOST:
        check_lost_attempt(w, a);
        break;
    case SCHED_JOB_CHANGED:
        check_job_change(w, a);
        break;
    case SCHED_LAUNCH:
    case SCHED_GO:
    case SCHED_END:
    case SCHED_NODE_CHANGED:
    case SCHED_SKIPPED:
    case SCHED_ACTIVE_AGAIN:
    case SCHED_OCCURRENCE:
        fail_msg("action %d of a spec that asks for none such", a->kind);
        break;
    }
}

/* ---- Everything compared ---- */

/* The tasks of a worker that run, of each job: those that have started, and
 * those without a directory in order, while they fit. Returns its slots in
 * use. */
static uint32_t count_running(const struct world *w, uint32_t worker,
                              uint64_t running[JOBS])
{
    uint32_t slots = w->workers[worker].slots, used = 0;
    bool fits = true;
    for (int pass = RUNS; pass >= GIVEN; pass--)
        for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
            for (uint32_t i = 0; i < job_tasks(w, j); i++) {
                const struct task *t = &w->tasks[j][i];
                uint32_t more = slots_of(w, j, i);
                if ((int)t->where != pass || t->worker != worker)
                    continue;
                if (pass == GIVEN &&
                    task_has_directory(job_template(&w->specs.jobs[j], i)))
                    continue;
                fits = fits && (pass == RUNS || used + more <= slots);
                if (!fits)
                    continue;
                used += more;
                running[j]++;
            }
    return used < slots ? used : slots;
}

static void check_counts(const struct world *w)
{
    struct job_snapshot jobs[JOBS];
    struct snapshot snap = {.jobs = jobs};
    uint64_t running[JOBS] = {0};
    uint32_t slots = 0, busy = 0, lost = 0;
    for (uint32_t k = 0; k < WORKERS; k++) {
        lost += w->workers[k].life == LOST;
        if (w->workers[k].life != JOINED)
            continue;
        slots += w->workers[k].slots;
        busy += count_running(w, k, running);
    }
    sched_snapshot(w->s, &snap);
    assert_int_equal(snap.slot_count, slots);
    assert_int_equal(snap.slots_busy, busy);
    assert_int_equal(snap.ranks_lost, lost);
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++) {
        uint64_t n[5] = {0};
        const struct task_counts *c = &jobs[j].tasks;
        for (uint32_t i = 0; i < job_tasks(w, j); i++)
            n[w->tasks[j][i].where]++;
        assert_int_equal(c->total, job_tasks(w, j));
        assert_int_equal(c->succeeded, n[SUCCEEDED]);
        assert_int_equal(c->failed, n[FAILED]);
        assert_int_equal(c->running, running[j]);
        assert_int_equal(c->preparing + c->storing, 0);
        assert_int_equal(c->active, n[READY] + n[GIVEN] + n[RUNS] - running[j]);
        assert_int_equal(c->retried, w->jobs[j].retried);
        assert_int_equal(jobs[j].state, w->jobs[j].state);
        assert_int_equal(jobs[j].end, w->jobs[j].end);
    }
}

static void check_tasks(const struct world *w, const struct sched *s,
                        bool same_session)
{
    static const enum task_state states[] = {
        TASK_ACTIVE, TASK_ACTIVE, TASK_RUNNING, TASK_COMPLETED, TASK_COMPLETED};
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t i = 0; i < job_tasks(w, j); i++) {
            const struct task *t = &w->tasks[j][i];
            enum attempt_result result;
            enum task_state state = sched_task_state(s, j, i, &result);
            if (same_session || t->where >= SUCCEEDED)
                assert_int_equal(state, states[t->where]);
            else
                assert_int_equal(state, TASK_ACTIVE);
            assert_int_equal(result, t->where == SUCCEEDED ? RESULT_SUCCESS
                                     : t->where == FAILED  ? RESULT_FAILURE
                                                           : RESULT_NONE);
            assert_int_equal(sched_task_attempts(s, j, i), t->attempts);
        }
}

/* Nothing waits for nothing: see sched.h. */
static void check_progress(const struct world *w)
{
    uint32_t given = 0, widest = 0, narrowest = UINT32_MAX;
    bool expected = false, all = true, delayed = false;
    uint32_t living = 0;
    for (uint32_t k = 0; k < WORKERS; k++) {
        const struct model_worker *m = &w->workers[k];
        expected |= m->life == EXPECTED;
        living += m->life != LOST;
        if (m->life == JOINED && m->slots > widest)
            widest = m->slots;
    }
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++) {
        given += job_given(w, j);
        for (uint32_t i = 0; i < job_tasks(w, j); i++)
            delayed |= w->jobs[j].state == JOB_ACTIVE &&
                       w->tasks[j][i].where == READY && !is_ready(w, j, i);
        all &= w->jobs[j].state == JOB_COMPLETED;
        for (uint32_t i = 0; i < job_tasks(w, j); i++)
            if (is_ready(w, j, i) && slots_of(w, j, i) < narrowest)
                narrowest = slots_of(w, j, i);
    }
    if (may_hand_out(w) && narrowest <= widest)
        assert_true(given > 0);
    bool able = narrowest <= widest || (expected && narrowest != UINT32_MAX) ||
                (delayed && living > 0);
    bool over = w->stop != SCHED_RUN || (w->limit && w->starts == w->limit);
    assert_int_equal(sched_finished(w->s), given == 0 && (over || !able));
    assert_int_equal(sched_all_completed(w->s), all);
    if (!sched_finished(w->s))
        assert_true(sched_deadline_ns(w->s) < INT64_MAX);
}

/* Take all actions; then all must agree. */
static void settle(struct world *w)
{
    struct sched_action a;
    while (sched_next(w->s, w->now, &a))
        check_action(w, &a);
    for (uint32_t k = 0; k < WORKERS; k++)
        assert_int_equal(w->workers[k].life == LOST, w->workers[k].told_lost);
    check_counts(w);
    check_tasks(w, w->s, true);
    check_progress(w);
}

/* ---- News ---- */

/* A random task that some living worker has; false: there is none. */
static bool pick_given(struct world *w, uint32_t *job, uint32_t *index)
{
    uint32_t n = 0;
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t i = 0; i < job_tasks(w, j); i++) {
            const struct task *t = &w->tasks[j][i];
            if ((t->where == GIVEN || t->where == RUNS) && pick(w, ++n) == 0) {
                *job = j;
                *index = i;
            }
        }
    return n > 0;
}

static enum disposition expected_end(const struct world *w, uint32_t job,
                                     uint32_t index, enum reason reason)
{
    const struct task *t = &w->tasks[job][index];
    int32_t most = job_template(&w->specs.jobs[job], index)
                       ->constraints.max_task_retry_count;
    bool again = most == -1 || (int32_t)t->retries < most;
    switch (reason) {
    case REASON_LOST:
    case REASON_STOPPED:
    case REASON_CHECKPOINT:
        return TASK_RETRIES;
    case REASON_EXIT_CODE:
    case REASON_UNSUCCESSFUL:
    case REASON_SIGNAL:
        return again && w->jobs[job].state == JOB_ACTIVE ? TASK_RETRIES
                                                         : TASK_ENDS;
    default:
        return TASK_ENDS;
    }
}

static bool reason_retries(enum reason reason)
{
    return reason == REASON_EXIT_CODE || reason == REASON_SIGNAL ||
           reason == REASON_UNSUCCESSFUL;
}

static void news_end(struct world *w, enum reason reason)
{
    uint32_t j, i;
    if (!pick_given(w, &j, &i))
        return;
    struct task *t = &w->tasks[j][i];
    struct attempt a = attempt_of(j, i, t->attempts + 1, reason);
    uint32_t other = (t->worker + 1) % WORKERS;
    enum disposition expected = expected_end(w, j, i, reason);

    assert_false(end_took(w->s, w->now, other, &a, 0)); /* not its */
    a.attempt++;
    assert_false(end_took(w->s, w->now, t->worker, &a, 0));
    a.attempt--;
    assert_true(end_took(w->s, w->now, t->worker, &a, 0));
    assert_false(end_took(w->s, w->now, t->worker, &a, 0)); /* twice */
    assert_int_equal(a.disposition, expected);
    t->attempts++;
    if (expected == TASK_RETRIES) {
        t->retries += reason_retries(reason);
        w->jobs[j].retried++;
        task_leaves(w, j, i, READY);
        if (reason_retries(reason) &&
            job_template(&w->specs.jobs[j], i)
                    ->constraints.max_task_retry_count < 0)
            t->until = w->now + NS_PER_SEC; /* endless ones take their time */
    } else {
        task_leaves(w, j, i, reason == REASON_NONE ? SUCCEEDED : FAILED);
    }
    write_record(w, &(struct record){.job = j,
                                     .index = i,
                                     .attempt = t->attempts,
                                     .reason = reason,
                                     .disposition = expected,
                                     .job_state = -1});
}

static void news_start(struct world *w)
{
    uint32_t j, i;
    if (!pick_given(w, &j, &i))
        return;
    struct task *t = &w->tasks[j][i];
    started(w->s, w->now, t->worker, j, i, t->attempts + 1);
    t->where = RUNS;
}

/* A worker returns a stretch of tasks: those that it has, in that attempt,
 * and has not started, come back. */
static void news_return(struct world *w)
{
    uint32_t j, i, count = 1 + pick(w, 10);
    if (!pick_given(w, &j, &i))
        return;
    uint32_t worker = w->tasks[j][i].worker;
    uint32_t attempt = w->tasks[j][i].attempts + 1;
    returned(w->s, w->now, worker, j, i, count, attempt);
    for (uint32_t k = i; k < i + count && k < job_tasks(w, j); k++) {
        struct task *t = &w->tasks[j][k];
        if (t->where != GIVEN || t->worker != worker ||
            t->attempts + 1 != attempt)
            continue;
        task_leaves(w, j, k, READY);
        w->starts--;
    }
}

static void model_lose(struct world *w, uint32_t worker)
{
    w->workers[worker].life = LOST;
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t i = 0; i < job_tasks(w, j); i++) {
            struct task *t = &w->tasks[j][i];
            if (t->where != GIVEN || t->worker != worker)
                continue;
            task_leaves(w, j, i, READY);
            w->starts--;
        }
}

static void news_join(struct world *w)
{
    uint32_t k = pick(w, WORKERS), slots = pick(w, 5);
    if (w->workers[k].life == EXPECTED)
        w->workers[k] = (struct model_worker){.life = JOINED, .slots = slots};
    join(w->s, w->now, k, slots);
}

static void news_gone(struct world *w)
{
    uint32_t k = pick(w, WORKERS);
    if (w->workers[k].life != LOST)
        model_lose(w, k);
    assert_int_equal(sched_worker_gone(w->s, w->now, k, NULL), 0);
}

static void news_stop(struct world *w)
{
    enum sched_stop how = pick(w, 2) ? SCHED_DRAIN : SCHED_STOP_NOW;
    if (how > w->stop)
        w->stop = how;
    assert_int_equal(sched_stop(w->s, w->now, how, NULL), 0);
}

static void news_time(struct world *w)
{
    w->now += pick(w, 20) * NS_PER_MS;
    for (uint32_t k = 0; k < WORKERS; k++)
        sched_worker_heard(w->s, w->now, k);
    assert_int_equal(sched_tick(w->s, w->now, NULL), 0);
}

static void news(struct world *w)
{
    uint32_t what = pick(w, 100);
    if (what < 35)
        news_end(w, REASON_NONE);
    else if (what < 55)
        /* all but the last: t_pickies.c looks at checkpoints */
        news_end(w, (enum reason)pick(w, REASON_CHECKPOINT));
    else if (what < 67)
        news_start(w);
    else if (what < 77)
        news_return(w);
    else if (what < 88)
        news_time(w);
    else if (what < 95)
        news_join(w);
    else if (what < 96)
        news_gone(w);
    else if (what < 99)
        sched_pause(w->s, w->paused = pick(w, 3) == 0);
    else if (pick(w, 3) == 0)
        news_stop(w);
}

/* ---- The end ---- */

/* Those workers that are left end all they have, until nothing goes on. */
static void run_out(struct world *w)
{
    uint32_t j, i;
    sched_pause(w->s, w->paused = false);
    for (uint32_t k = 0; k < WORKERS; k++) {
        if (w->workers[k].life == EXPECTED) {
            w->workers[k] = (struct model_worker){.life = JOINED, .slots = k};
            join(w->s, w->now, k, k);
        }
    }
    settle(w);
    for (int rest = 0; rest < 2; rest++) {
        while (pick_given(w, &j, &i)) {
            news_end(w, REASON_NONE);
            settle(w);
        }
        w->now += NS_PER_SEC; /* for those that wait for their time */
        for (uint32_t k = 0; k < WORKERS; k++)
            sched_worker_heard(w->s, w->now, k);
        assert_int_equal(sched_tick(w->s, w->now, NULL), 0);
        settle(w);
    }
    while (pick_given(w, &j, &i)) {
        news_end(w, REASON_NONE);
        settle(w);
    }
    assert_true(sched_finished(w->s));
}

static void replay_all(const struct world *w, struct sched *s)
{
    for (uint32_t k = 0; k < w->record_count; k++) {
        const struct record *r = &w->records[k];
        struct attempt a = attempt_of(r->job, r->index, r->attempt, r->reason);
        a.disposition = r->disposition;
        struct err err = {0};
        int rc = r->again.count > 0 ? sched_reactivate(s, &r->again) == 0
                 : r->job_state < 0
                     ? sched_replay_attempt(s, &a, &err)
                     : sched_replay_job(s, r->job, (enum job_state)r->job_state,
                                        r->end, &err);
        assert_string_equal(err.text, "");
        assert_int_equal(rc, 0);
    }
}

/* A session that knows only the journal is where this one is. */
static void check_replay(const struct world *w)
{
    struct sched *s = specs_sched(&w->specs, 1);
    replay_all(w, s);
    check_tasks(w, s, false);
    struct job_snapshot jobs[JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++) {
        assert_int_equal(jobs[j].state, w->jobs[j].state);
        assert_int_equal(jobs[j].end, w->jobs[j].end);
        assert_int_equal(jobs[j].tasks.retried, w->jobs[j].retried);
    }
    sched_destroy(s);
}

/* Some tasks of the job, ended or not, are to run again. */
static void reactivate_some(struct world *w, uint32_t job)
{
    uint32_t n = job_tasks(w, job), first = pick(w, n), ended = 0;
    struct task_range r = {job, first, 1 + pick(w, n - first)};
    for (uint32_t i = r.first; i < r.first + r.count; i++) {
        struct task *t = &w->tasks[job][i];
        if (t->where < SUCCEEDED)
            continue;
        t->where = READY;
        t->retries = 0;
        ended++;
    }
    assert_int_equal(sched_reactivate(w->s, &r), ended);
    assert_int_equal(sched_reactivate(w->s, &r), 0);
    if (ended == 0)
        return;
    w->jobs[job].state = JOB_ACTIVE;
    w->jobs[job].end = JOB_END_NONE;
    write_record(w, &(struct record){.job = job, .again = r});
}

/* A second session, on what the first one has left. */
static void world_again(struct world *w)
{
    sched_destroy(w->s);
    w->s = specs_sched(&w->specs, WORKERS);
    replay_all(w, w->s);
    memset(w->workers, 0, sizeof(w->workers));
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t i = 0; i < job_tasks(w, j); i++)
            w->tasks[j][i].until = 0;
    w->stop = SCHED_RUN;
    w->paused = false;
    w->limit = 0;
    for (uint32_t j = 0; j < w->specs.spec.job_count; j++)
        for (uint32_t k = pick(w, 4); k > 0; k--)
            reactivate_some(w, j);
    check_replay(w);
}

static void world_runs(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    world_init(w, seed);
    settle(w);
    for (int step = 0; step < STEPS && !sched_finished(w->s); step++) {
        news(w);
        settle(w);
    }
    check_replay(w);
    run_out(w);
    check_replay(w);
    world_again(w);
    settle(w);
    for (int step = 0; step < STEPS && !sched_finished(w->s); step++) {
        news(w);
        settle(w);
    }
    check_replay(w);
    run_out(w);
    check_replay(w);
    sched_destroy(w->s);
    free(w);
}

static uint64_t seed_now; /* for whoever looks for the reason of a failure */

static void like_the_model(void **state)
{
    (void)state;
    const char *one = getenv("SCHED_SEED"); /* to look at one world */
    uint64_t first = one ? strtoull(one, NULL, 10) : 0;
    uint64_t end = one ? first + 1 : SEEDS;
    for (seed_now = first; seed_now < end; seed_now++)
        world_runs(seed_now);
    seed_now = UINT64_MAX;
}

static int say_seed(void **state)
{
    (void)state;
    if (seed_now != UINT64_MAX)
        print_message("# SCHED_SEED=%" PRIu64 "\n", seed_now);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(like_the_model, say_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
