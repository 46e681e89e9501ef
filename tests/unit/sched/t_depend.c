/* Dependencies in the scheduler: rules by hand, and random ones beside a slow,
 * obvious model that looks at all parents of all rules after each piece of
 * news. */
#include "config.h"

#include "specs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- By hand ---- */

static struct sched_action next_is(struct sched *s, enum sched_action_kind kind)
{
    struct sched_action a = {0};
    assert_true(sched_next(s, 0, &a));
    assert_int_equal(a.kind, kind);
    return a;
}

static void next_assigns(struct sched *s, uint32_t job, uint32_t first,
                         uint32_t count)
{
    while (count > 0) { /* perhaps in several pieces */
        struct sched_action a = next_is(s, SCHED_ASSIGN);
        assert_int_equal(a.job, job);
        assert_int_equal(a.first, first);
        assert_in_range(a.count, 1, count);
        first += a.count;
        count -= a.count;
    }
}

static void next_skips(struct sched *s, uint32_t job, uint32_t first,
                       uint32_t count, uint32_t parent_job, uint32_t parent)
{
    struct sched_action a = next_is(s, SCHED_SKIPPED);
    assert_int_equal(a.job, job);
    assert_int_equal(a.first, first);
    assert_int_equal(a.count, count);
    assert_int_equal(a.parent_job, parent_job);
    assert_int_equal(a.attempt, parent);
}

static void next_changes(struct sched *s, uint32_t job, enum job_state state)
{
    struct sched_action a = next_is(s, SCHED_JOB_CHANGED);
    assert_int_equal(a.job, job);
    assert_int_equal(a.job_state, state);
}

static void nothing(struct sched *s)
{
    struct sched_action a;
    assert_false(sched_next(s, 0, &a));
}

static struct task_counts counts(const struct sched *s, uint32_t job)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    return jobs[job].tasks;
}

static void is_state(const struct sched *s, uint32_t job, uint32_t index,
                     enum task_state state, enum attempt_result result)
{
    enum attempt_result r;
    assert_int_equal(sched_task_state(s, job, index, &r), state);
    assert_int_equal(r, result);
}

/* Job 1 waits for all of job 0. */
static void all_of_a_job(struct specs *sp, struct depend_rule *rule,
                         const struct task_range *all)
{
    *rule = (struct depend_rule){.kind = DEPEND_TASKS,
                                 .job = 1,
                                 .first = 0,
                                 .count = sp->jobs[1].tasks.count,
                                 .parent_job = 0,
                                 .parents = all,
                                 .parent_range_count = 1};
    sp->spec.depends = rule;
    sp->spec.depend_count = 1;
}

static void a_job_waits_for_all_of_another(void **state)
{
    (void)state;
    struct specs sp;
    struct depend_rule rule;
    const struct task_range all = {0, 0, 2};
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    specs_add(&sp, 1000, 1, 10, 0); /* though it comes first */
    all_of_a_job(&sp, &rule, &all);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 4);
    next_assigns(s, 0, 0, 2);
    nothing(s);
    is_state(s, 1, 500, TASK_ACTIVE, RESULT_NONE);
    assert_int_equal(sched_task_attempts(s, 1, 500), 0);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_NONE));
    nothing(s);
    assert_false(sched_finished(s));
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    next_changes(s, 0, JOB_TERMINATING);
    next_changes(s, 0, JOB_COMPLETED);
    next_assigns(s, 1, 0, 4);
    sched_destroy(s);
}

static void what_waits_for_a_failed_task_is_skipped(void **state)
{
    (void)state;
    struct specs sp;
    struct depend_rule rule;
    const struct task_range all = {0, 0, 3};
    specs_init(&sp);
    specs_add(&sp, 3, 1, 0, 1);
    specs_add(&sp, 1000000, 1, 0, 0);
    all_of_a_job(&sp, &rule, &all);
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 3);
    next_assigns(s, 0, 0, 3);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_EXIT_CODE)); /* a retry */
    next_assigns(s, 0, 1, 1);
    nothing(s);
    assert_true(end_task(s, 0, 0, 0, 1, 2, REASON_EXIT_CODE));
    next_skips(s, 1, 0, 1000000, 0, 1); /* at once, though 0 and 2 still run */
    next_changes(s, 1, JOB_TERMINATING);
    next_changes(s, 1, JOB_COMPLETED);
    nothing(s);
    is_state(s, 1, 7, TASK_COMPLETED, RESULT_SKIPPED);
    assert_int_equal(sched_task_attempts(s, 1, 7), 0);
    assert_int_equal(counts(s, 1).skipped, 1000000);
    assert_int_equal(counts(s, 1).active, 0);
    assert_int_equal(counts(s, 0).failed, 1);
    sched_destroy(s);
}

static void exit_options_decide(void **state)
{
    (void)state;
    struct specs sp;
    struct depend_rule rule;
    const struct task_range all = {0, 0, 2};
    const struct exit_code_options codes[] = {
        {3, 3, {JOB_ACTION_NONE, DEPENDENCY_SATISFY}},
        {0, 0, {JOB_ACTION_NONE, DEPENDENCY_BLOCK}}};
    specs_init(&sp);
    specs_add(&sp, 2, 1, 0, 0);
    specs_add(&sp, 1, 1, 0, 0);
    all_of_a_job(&sp, &rule, &all);
    sp.templates[0].exit_conditions =
        (struct exit_conditions){.codes = codes, .code_count = 1};
    for (int pass = 0; pass < 2; pass++) {
        struct sched *s = specs_sched(&sp, 1);
        struct attempt a = attempt_of(0, 0, 1, REASON_EXIT_CODE);
        a.exit_code = 3;
        join(s, 0, 0, 2);
        next_assigns(s, 0, 0, 2);
        assert_true(end_took(s, 0, 0, &a, 0));
        a = attempt_of(0, 1, 1, REASON_NONE);
        a.exit_code = 0;
        assert_true(end_took(s, 0, 0, &a, 0));
        next_changes(s, 0, JOB_TERMINATING);
        next_changes(s, 0, JOB_COMPLETED);
        if (pass == 0) /* 3 satisfies, and so does 0 */
            next_assigns(s, 1, 0, 1);
        else /* 0 has been made to block */
            next_skips(s, 1, 0, 1, 0, 1);
        sched_destroy(s);
        sp.templates[0].exit_conditions.code_count = 2;
    }
}

static void points_wait_for_their_points(void **state)
{
    (void)state;
    static const uint32_t child_group[] = {0, 0, 1, 1, 1}, starts[] = {0, 1, 3},
                          members[] = {2, 0, 1};
    const struct depend_rule rule = {.kind = DEPEND_SAME,
                                     .job = 1,
                                     .count = 5,
                                     .parent_job = 0,
                                     .child_group = child_group,
                                     .starts = starts,
                                     .members = members,
                                     .group_count = 2};
    struct specs sp;
    specs_init(&sp);
    specs_add(&sp, 3, 1, 0, 0);
    specs_add(&sp, 5, 1, 0, 0);
    sp.spec.depends = &rule;
    sp.spec.depend_count = 1;
    struct sched *s = specs_sched(&sp, 1);
    join(s, 0, 0, 8);
    next_assigns(s, 0, 0, 3);
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    nothing(s);
    assert_true(end_task(s, 0, 0, 0, 2, 1, REASON_NONE));
    next_assigns(s, 1, 0, 2);
    assert_true(end_task(s, 0, 0, 0, 1, 1, REASON_SIGNAL));
    next_changes(s, 0, JOB_TERMINATING);
    next_changes(s, 0, JOB_COMPLETED);
    next_skips(s, 1, 2, 3, 0, 1);
    sched_destroy(s);
}

static void a_job_that_is_ended_releases_nobody(void **state)
{
    (void)state;
    struct specs sp;
    struct depend_rule rule;
    const struct task_range all = {0, 0, 5};
    specs_init(&sp);
    specs_add(&sp, 5, 1, 0, 0)->max_wall_clock_ns = NS_PER_SEC;
    specs_add(&sp, 2, 1, 0, 0);
    all_of_a_job(&sp, &rule, &all);
    struct sched *s = specs_sched(&sp, 1);
    struct sched_action a;
    join(s, 0, 0, 1);
    while (sched_next(s, 0, &a)) {
    }
    assert_true(end_task(s, 0, 0, 0, 0, 1, REASON_NONE));
    sched_worker_heard(s, 2 * NS_PER_SEC, 0);
    assert_int_equal(sched_tick(s, 2 * NS_PER_SEC, NULL), 0);
    assert_true(sched_next(s, 2 * NS_PER_SEC, &a));
    assert_int_equal(a.job_state, JOB_TERMINATING);
    while (sched_next(s, 2 * NS_PER_SEC, &a))
        assert_int_not_equal(a.kind, SCHED_SKIPPED);
    assert_true(end_task(s, 2 * NS_PER_SEC, 0, 0, 1, 1, REASON_CANCELLED));
    returned(s, 2 * NS_PER_SEC, 0, 0, 2, 3, 1);
    assert_true(sched_next(s, 2 * NS_PER_SEC, &a));
    assert_int_equal(a.job_state, JOB_COMPLETED);
    assert_true(sched_next(s, 2 * NS_PER_SEC, &a));
    assert_int_equal(a.kind, SCHED_SKIPPED);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.attempt, 1);
    /* all of it again: who waited waits again */
    const struct task_range rest = {0, 1, 1};
    assert_int_equal(sched_reactivate(s, &rest), 1);
    is_state(s, 1, 0, TASK_ACTIVE, RESULT_NONE);
    is_state(s, 1, 1, TASK_ACTIVE, RESULT_NONE);
    sched_destroy(s);
}

/* ---- Random worlds ---- */

enum { JOBS = 4, TASKS = 12, RULES = 16, STEPS = 200, SEEDS = 600 };
enum { RECORDS = 4096 };

enum where { WAITS, GIVEN, GOOD, BAD, SKIPPED };

struct record {
    enum { REC_ATTEMPT, REC_JOB, REC_SKIP, REC_AGAIN } what;
    struct attempt *a;
    uint32_t job;
    enum job_state state;
    enum job_end end;
    struct task_range range;
};

struct world {
    struct specs sp;
    struct task_template listed[JOBS][TASKS];
    struct depend_rule rules[RULES];
    struct task_range ranges[RULES][2];
    uint32_t groups[RULES][TASKS], starts[RULES][TASKS + 1],
        members[RULES][TASKS];
    struct sched *s;
    enum where where[JOBS][TASKS];
    bool failed[JOBS][TASKS];
    uint32_t attempts[JOBS][TASKS];
    enum job_state states[JOBS];
    int64_t now;
    struct record records[RECORDS];
    uint32_t record_count;
    uint64_t random;
};

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((w->random >> 33) % below);
}

static uint32_t tasks(const struct world *w, uint32_t j)
{
    return w->sp.jobs[j].tasks.count;
}

/* Children of job j (behind their parents: in a later job, or a later task of
 * the same one). */
static void rule_make(struct world *w, uint32_t k, uint32_t j)
{
    struct depend_rule *r = &w->rules[k];
    uint32_t parent = pick(w, j + 1), n = tasks(w, parent);
    *r = (struct depend_rule){.job = j, .parent_job = parent};
    if (w->sp.jobs[j].tasks.kind == TASKS_LISTED) {
        r->first = pick(w, tasks(w, j));
        r->count = 1;
    } else {
        r->count = tasks(w, j);
    }
    if (parent == j) {
        n = r->first; /* those before it */
        if (n == 0) {
            r->parent_job = parent = 0;
            n = j == 0 ? 0 : tasks(w, 0);
        }
    }
    if (n == 0) { /* nobody: leave the rule out */
        r->count = 0;
        return;
    }
    if (pick(w, 3) == 0 && r->count > 1) {
        r->kind = DEPEND_SAME;
        r->group_count = 1 + pick(w, n < 3 ? n : 3);
        r->child_group = w->groups[k];
        r->starts = w->starts[k];
        r->members = w->members[k];
        for (uint32_t i = 0; i < r->count; i++)
            w->groups[k][i] = pick(w, r->group_count);
        for (uint32_t g = 0; g <= r->group_count; g++)
            w->starts[k][g] = n * g / r->group_count;
        for (uint32_t i = 0; i < n; i++)
            w->members[k][i] = n - 1 - i;
        return;
    }
    uint32_t first = pick(w, n);
    w->ranges[k][0] =
        (struct task_range){parent, first, 1 + pick(w, n - first)};
    r->parent_range_count = 1;
    uint32_t end = first + w->ranges[k][0].count;
    if (end + 1 < n) {
        w->ranges[k][1] = (struct task_range){parent, end + 1, 1};
        r->parent_range_count = 2;
    }
    r->parents = w->ranges[k];
    r->any = pick(w, 4) == 0;
}

static int by_child(const void *x, const void *y)
{
    const struct depend_rule *a = x, *b = y;
    return a->job != b->job ? (a->job < b->job ? -1 : 1)
                            : (a->first > b->first) - (a->first < b->first);
}

static void world_init(struct world *w, uint64_t seed)
{
    static const struct exit_code_options codes[] = {
        {7, 9, {JOB_ACTION_NONE, DEPENDENCY_SATISFY}},
        {0, 0, {JOB_ACTION_NONE, DEPENDENCY_BLOCK}}};
    memset(w, 0, sizeof(*w));
    w->random = seed * 2654435761u + 1;
    specs_init(&w->sp);
    uint32_t jobs = 2 + pick(w, JOBS - 1), rules = 0;
    for (uint32_t j = 0; j < jobs; j++) {
        uint32_t n = 1 + pick(w, TASKS);
        struct job *job = specs_add(&w->sp, n, 1, 0, (int32_t)pick(w, 2));
        if (pick(w, 6) == 0)
            job->max_wall_clock_ns = (1 + pick(w, 40)) * NS_PER_MS;
        w->sp.templates[j].exit_conditions =
            (struct exit_conditions){.codes = codes, .code_count = pick(w, 3)};
        for (uint32_t i = 0; i < n; i++)
            w->listed[j][i] = w->sp.templates[j];
        if (pick(w, 2) == 0) {
            job->tasks.kind = TASKS_LISTED;
            job->templates = w->listed[j];
        }
    }
    for (uint32_t k = 0; k < RULES; k++) {
        rule_make(w, rules, pick(w, jobs));
        if (w->rules[rules].count > 0)
            rules++;
    }
    qsort(w->rules, rules, sizeof(w->rules[0]), by_child);
    w->sp.spec.depends = w->rules;
    w->sp.spec.depend_count = rules;
    w->s = specs_sched(&w->sp, 1);
}

/* What a rule says for a child: 1 met, 0 open, -1 failed. */
static int model_rule(const struct world *w, const struct depend_rule *r,
                      uint32_t child)
{
    uint32_t total = 0, good = 0, bad = 0;
    for (uint32_t p = 0; p < tasks(w, r->parent_job); p++) {
        bool is_parent = false;
        if (r->kind == DEPEND_SAME) {
            uint32_t g = r->child_group[child - r->first];
            for (uint32_t k = r->starts[g]; k < r->starts[g + 1]; k++)
                is_parent |= r->members[k] == p;
        } else {
            for (uint32_t k = 0; k < r->parent_range_count; k++)
                is_parent |= p - r->parents[k].first < r->parents[k].count;
        }
        total += is_parent;
        good += is_parent && w->where[r->parent_job][p] == GOOD;
        bad += is_parent && (w->where[r->parent_job][p] == BAD ||
                             w->where[r->parent_job][p] == SKIPPED);
    }
    if (r->any ? good > 0 : good == total)
        return 1;
    if (w->states[r->parent_job] == JOB_COMPLETED)
        return -1;
    return (r->any ? bad == total : bad > 0) ? -1 : 0;
}

static int model_needs(const struct world *w, uint32_t j, uint32_t i)
{
    int least = 1;
    for (uint32_t k = 0; k < w->sp.spec.depend_count; k++) {
        const struct depend_rule *r = &w->rules[k];
        if (r->job != j || i - r->first >= r->count)
            continue;
        int one = model_rule(w, r, i);
        if (one < least)
            least = one;
    }
    return least;
}

static void write_record(struct world *w, struct record r)
{
    assert_true(w->record_count < RECORDS);
    w->records[w->record_count++] = r;
}

static void take_action(struct world *w, const struct sched_action *a)
{
    switch (a->kind) {
    case SCHED_ASSIGN:
        for (uint32_t i = a->first; i < a->first + a->count; i++) {
            assert_int_equal(w->where[a->job][i], WAITS);
            assert_int_equal(model_needs(w, a->job, i), 1);
            assert_int_equal(a->attempt, w->attempts[a->job][i] + 1);
            w->where[a->job][i] = GIVEN;
        }
        break;
    case SCHED_SKIPPED:
        for (uint32_t i = a->first; i < a->first + a->count; i++) {
            assert_int_equal(w->where[a->job][i], WAITS);
            assert_int_equal(model_needs(w, a->job, i), -1);
            w->where[a->job][i] = SKIPPED;
        }
        assert_true(a->attempt < tasks(w, a->parent_job));
        assert_int_not_equal(w->where[a->parent_job][a->attempt], GOOD);
        assert_true(w->where[a->parent_job][a->attempt] >= GOOD ||
                    w->states[a->parent_job] == JOB_COMPLETED);
        write_record(w, (struct record){.what = REC_SKIP,
                                        .range = {a->job, a->first, a->count}});
        break;
    case SCHED_JOB_CHANGED:
        w->states[a->job] = a->job_state;
        write_record(w, (struct record){.what = REC_JOB,
                                        .job = a->job,
                                        .state = a->job_state,
                                        .end = a->job_end});
        break;
    case SCHED_CANCEL_JOB:
    case SCHED_RECALL:
        break;
    default:
        fail_msg("action %d", (int)a->kind);
    }
}

static void check(const struct world *w, const struct sched *s, bool live)
{
    struct job_snapshot jobs[SPECS_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs};
    sched_snapshot(s, &snap);
    for (uint32_t j = 0; j < w->sp.spec.job_count; j++) {
        uint64_t skipped = 0, failed = 0;
        for (uint32_t i = 0; i < tasks(w, j); i++) {
            enum where at = w->where[j][i];
            enum attempt_result r;
            enum task_state st = sched_task_state(s, j, i, &r);
            assert_int_equal(st, at >= GOOD ? TASK_COMPLETED : TASK_ACTIVE);
            assert_int_equal(r, at == SKIPPED     ? RESULT_SKIPPED
                                : at < GOOD       ? RESULT_NONE
                                : w->failed[j][i] ? RESULT_FAILURE
                                                  : RESULT_SUCCESS);
            assert_int_equal(sched_task_attempts(s, j, i), w->attempts[j][i]);
            skipped += at == SKIPPED;
            failed += (at == GOOD || at == BAD) && w->failed[j][i];
            if (live && at == WAITS && w->states[j] == JOB_ACTIVE)
                assert_int_equal(model_needs(w, j, i), 0);
        }
        assert_int_equal(jobs[j].tasks.skipped, skipped);
        assert_int_equal(jobs[j].tasks.failed, failed);
        assert_int_equal(jobs[j].state, w->states[j]);
    }
}

static void settle(struct world *w)
{
    struct sched_action a;
    while (sched_next(w->s, w->now, &a))
        take_action(w, &a);
    check(w, w->s, true);
}

/* Some task that a worker has ends. */
static bool news_end(struct world *w)
{
    static const enum reason reasons[] = {REASON_NONE, REASON_NONE, REASON_NONE,
                                          REASON_EXIT_CODE, REASON_STOPPED};
    uint32_t n = 0, job = 0, index = 0;
    for (uint32_t j = 0; j < w->sp.spec.job_count; j++)
        for (uint32_t i = 0; i < tasks(w, j); i++)
            if (w->where[j][i] == GIVEN && pick(w, ++n) == 0) {
                job = j;
                index = i;
            }
    if (n == 0)
        return false;
    enum reason reason =
        w->states[job] == JOB_ACTIVE ? reasons[pick(w, 5)] : REASON_CANCELLED;
    struct attempt *a = malloc(sizeof(*a));
    *a = attempt_of(job, index, ++w->attempts[job][index], reason);
    a->exit_code = reason == REASON_NONE        ? 0
                   : reason == REASON_EXIT_CODE ? (int32_t)(5 + pick(w, 4))
                                                : -1;
    assert_true(end_took(w->s, w->now, 0, a, 0));
    const struct exit_conditions *c =
        &job_template(&w->sp.jobs[job], index)->exit_conditions;
    if (a->disposition == TASK_RETRIES) {
        w->where[job][index] = WAITS;
    } else {
        bool good = reason == REASON_NONE
                        ? c->code_count < 2
                        : c->code_count > 0 && a->exit_code >= 7;
        w->where[job][index] = good ? GOOD : BAD;
        w->failed[job][index] = reason != REASON_NONE;
    }
    write_record(w, (struct record){.what = REC_ATTEMPT, .a = a});
    return true;
}

static void replay(const struct world *w, struct sched *s)
{
    struct err err = {0};
    for (uint32_t k = 0; k < w->record_count; k++) {
        const struct record *r = &w->records[k];
        int rc = 0;
        switch (r->what) {
        case REC_ATTEMPT:
            rc = sched_replay_attempt(s, r->a, &err);
            break;
        case REC_JOB:
            rc = sched_replay_job(s, r->job, r->state, r->end, &err);
            break;
        case REC_SKIP:
            rc = sched_replay_skipped(s, &r->range, &err);
            break;
        case REC_AGAIN:
            sched_reactivate(s, &r->range);
            break;
        }
        assert_string_equal(err.text, "");
        assert_int_equal(rc, 0);
    }
}

static void check_replay(const struct world *w)
{
    struct sched *s = specs_sched(&w->sp, 1);
    replay(w, s);
    check(w, s, false);
    sched_destroy(s);
}

/* Failed tasks are active again, and whatever was skipped because of them. */
static void reactivate(struct world *w)
{
    sched_destroy(w->s);
    w->s = specs_sched(&w->sp, 1);
    replay(w, w->s);
    struct task_range r = {pick(w, w->sp.spec.job_count), 0, TASKS};
    uint64_t n = sched_reactivate(w->s, &r);
    write_record(w, (struct record){.what = REC_AGAIN, .range = r});
    if (n > 0)
        w->states[r.job] = JOB_ACTIVE;
    for (uint32_t i = 0; i < tasks(w, r.job); i++) {
        enum where *at = &w->where[r.job][i];
        if (*at == GOOD || *at == BAD) {
            *at = WAITS;
        }
    }
    for (bool more = true; more;) {
        more = false;
        for (uint32_t j = 0; j < w->sp.spec.job_count; j++)
            for (uint32_t i = 0; i < tasks(w, j); i++)
                if (w->where[j][i] == SKIPPED && model_needs(w, j, i) >= 0) {
                    w->where[j][i] = WAITS;
                    w->states[j] = JOB_ACTIVE;
                    more = true;
                }
    }
    check(w, w->s, false);
    join(w->s, w->now, 0, 1000);
}

static void world_runs(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    world_init(w, seed);
    join(w->s, 0, 0, 1000);
    settle(w);
    for (int session = 0; session < 2; session++) {
        for (int step = 0; step < STEPS && news_end(w); step++) {
            w->now += pick(w, 4) * NS_PER_MS;
            sched_worker_heard(w->s, w->now, 0);
            assert_int_equal(sched_tick(w->s, w->now, NULL), 0);
            settle(w);
            if (pick(w, 10) == 0)
                check_replay(w);
        }
        assert_true(sched_finished(w->s));
        assert_true(sched_all_completed(w->s));
        check_replay(w);
        if (session == 0) {
            reactivate(w);
            settle(w);
        }
    }
    for (uint32_t k = 0; k < w->record_count; k++)
        free(w->records[k].a);
    sched_destroy(w->s);
    free(w);
}

static uint64_t seed_now = UINT64_MAX;

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
        cmocka_unit_test(a_job_waits_for_all_of_another),
        cmocka_unit_test(what_waits_for_a_failed_task_is_skipped),
        cmocka_unit_test(exit_options_decide),
        cmocka_unit_test(points_wait_for_their_points),
        cmocka_unit_test(a_job_that_is_ended_releases_nobody),
        cmocka_unit_test_teardown(like_the_model, say_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
