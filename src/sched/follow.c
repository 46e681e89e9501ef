/* What the ends of tasks mean for those that wait for them: see follow.h. */
#include "config.h"
#include "sched/follow.h"

/* ---- Ranges of a set ---- */

/* The first range of the set within first..first+count-1: *at, *run. */
static bool next_run(const struct indices *set, uint32_t first, uint32_t count,
                     uint32_t *at, uint32_t *run)
{
    if (set->count == 0)
        return false;
    for (; count > 0; first++, count--) {
        if (!indices_contains(set, first))
            continue;
        *at = first;
        *run = indices_run(set, first, count);
        return true;
    }
    return false;
}

/* Move tasks that are in the one set into the other. */
static void move(struct indices *from, struct indices *to, uint32_t first,
                 uint32_t count)
{
    indices_remove_range(from, first, count);
    indices_add_range(to, first, count);
}

/* ---- Released and doomed ---- */

/* The task, which no set holds, may be attempted. */
static void release(struct sched *s, uint32_t job, uint32_t index)
{
    bool tried = indices_remove(&s->jobs[job].tried, index);
    task_put(s, job, index, tried ? TASK_TRIED : TASK_FRESH);
}

static void released_range(void *arg, uint32_t job, uint32_t first,
                           uint32_t count)
{
    struct sched *s = arg;
    struct job_run *j = &s->jobs[job];
    uint32_t at, run;
    bool whole = j->spec->tasks.kind != TASKS_LISTED && j->tried.count == 0 &&
                 !j->pickies && needs_is_single(&s->needs, job);
    while (next_run(&j->blocked, first, count, &at, &run)) {
        count -= at + run - first;
        first = at + run;
        if (whole) {
            struct bucket *b = task_bucket(s, job, at);
            indices_remove_range(&j->blocked, at, run);
            bucket_put(b, &b->fresh, at, run);
            continue;
        }
        for (uint32_t i = at; i < at + run; i++) {
            if (needs_state(&s->needs, job, i) != NEED_MET)
                continue;
            indices_remove(&j->blocked, i);
            release(s, job, i);
        }
    }
}

static void doomed_range(void *arg, uint32_t job, uint32_t first,
                         uint32_t count)
{
    struct sched *s = arg;
    struct job_run *j = &s->jobs[job];
    uint32_t at, run;
    if (j->state >= JOB_TERMINATING)
        return; /* what a job has left when it ends stays as it is */
    while (next_run(&j->blocked, first, count, &at, &run)) {
        move(&j->blocked, &j->doomed, at, run);
        count -= at + run - first;
        first = at + run;
        job_due(s, j);
    }
}

/* The rule is open: tasks that were skipped may wait again, and those that were
 * to be attempted must. */
static void revived_range(void *arg, uint32_t job, uint32_t first,
                          uint32_t count)
{
    struct sched *s = arg;
    struct job_run *j = &s->jobs[job];
    for (uint32_t i = first; i - first < count; i++) {
        struct bucket *b = task_bucket(s, job, i);
        bool fresh = indices_contains(&b->fresh, i);
        if (fresh || indices_contains(&b->again, i)) {
            bucket_take(b, fresh ? &b->fresh : &b->again, i, 1);
            task_put(s, job, i, fresh ? TASK_FRESH : TASK_TRIED);
            continue;
        }
        bool tried;
        if (j->pickies && pickies_withdraw(s, job, i, &tried)) {
            task_put(s, job, i, tried ? TASK_TRIED : TASK_FRESH);
            continue;
        }
        bool skipped = indices_contains(&j->skipped, i);
        if ((!skipped && !indices_contains(&j->doomed, i)) ||
            needs_state(&s->needs, job, i) == NEED_FAILED)
            continue;
        if (skipped)
            indices_add(&j->reopened, i); /* for follow_revive */
        else
            move(&j->doomed, &j->blocked, i, 1);
    }
}

static void changed(void *arg, uint32_t rule, uint32_t group)
{
    struct sched *s = arg;
    switch (needs_rule_state(&s->needs, rule, group)) {
    case NEED_MET:
        needs_children(&s->needs, rule, group, released_range, s);
        break;
    case NEED_FAILED:
        needs_children(&s->needs, rule, group, doomed_range, s);
        break;
    case NEED_OPEN:
        needs_children(&s->needs, rule, group, revived_range, s);
        break;
    }
}

/* ---- Ends ---- */

static enum outcome outcome_of(const struct job_run *j, uint32_t index)
{
    return indices_contains(&j->good, index)  ? OUTCOME_GOOD
           : indices_contains(&j->bad, index) ? OUTCOME_BAD
                                              : OUTCOME_OPEN;
}

static void set_outcome(struct sched *s, uint32_t job, uint32_t index,
                        enum outcome is)
{
    struct job_run *j = &s->jobs[job];
    if (!needs_has_parents(&s->needs, job))
        return;
    enum outcome was = outcome_of(j, index);
    if (was == is)
        return;
    if (was != OUTCOME_OPEN)
        indices_remove(was == OUTCOME_GOOD ? &j->good : &j->bad, index);
    if (is != OUTCOME_OPEN)
        indices_add(is == OUTCOME_GOOD ? &j->good : &j->bad, index);
    needs_parent(&s->needs, job, index, was, is, changed, s);
}

void follow_ended(struct sched *s, uint32_t job, uint32_t index,
                  enum outcome is)
{
    set_outcome(s, job, index, is);
}

void follow_reopened(struct sched *s, uint32_t job, uint32_t index)
{
    indices_remove(&s->jobs[job].odd, index);
    set_outcome(s, job, index, OUTCOME_OPEN);
}

void follow_job(struct sched *s, struct job_run *j)
{
    needs_job(&s->needs, job_id(s, j), j->state == JOB_COMPLETED, changed, s);
}

/* Those of the job that are to be active again. Was there one? */
static bool revive_job(struct sched *s, struct job_run *j, bool say)
{
    uint32_t job = job_id(s, j);
    bool any = j->reopened.count > 0;
    while (j->reopened.count > 0) {
        uint32_t i = indices_first(&j->reopened);
        indices_remove(&j->reopened, i);
        if (!indices_remove(&j->skipped, i))
            continue;
        indices_add(&j->blocked, i);
        if (say)
            indices_add(&j->revived, i);
        follow_reopened(s, job, i);
    }
    if (any && j->state >= JOB_TERMINATING)
        job_revive(s, j);
    if (any)
        follow_review(s, j);
    return any;
}

void follow_revive(struct sched *s, bool say)
{
    bool again = s->needs.rule_count > 0;
    while (again) {
        again = false;
        for (uint32_t i = 0; i < job_count_of(s); i++)
            again |= revive_job(s, &s->jobs[i], say);
    }
}

void follow_review(struct sched *s, struct job_run *j)
{
    uint32_t job = job_id(s, j), at, run;
    uint32_t first = 0, count = j->task_count;
    if (!needs_has_children(&s->needs, job))
        return;
    while (next_run(&j->blocked, first, count, &at, &run)) {
        for (uint32_t i = at; i < at + run; i++) {
            enum need need = needs_state(&s->needs, job, i);
            if (need == NEED_MET) {
                indices_remove(&j->blocked, i);
                release(s, job, i);
            } else if (need == NEED_FAILED) {
                doomed_range(s, job, i, 1);
            }
        }
        count -= at + run - first;
        first = at + run;
    }
    job_due(s, j);
}

void follow_skip(struct sched *s, uint32_t job, uint32_t index)
{
    struct job_run *j = &s->jobs[job];
    indices_remove(&j->revived, index);
    indices_add(&j->skipped, index);
    follow_ended(s, job, index, OUTCOME_BAD);
    if (job_is_done(j))
        job_due(s, j);
}

/* ---- The beginning ---- */

static void block(struct sched *s, uint32_t job, uint32_t first, uint32_t count)
{
    struct job_run *j = &s->jobs[job];
    if (j->spec->tasks.kind != TASKS_LISTED && j->blocked.count == 0) {
        struct bucket *b = task_bucket(s, job, first);
        bucket_take(b, &b->fresh, first, count);
        indices_add_range(&j->blocked, first, count);
        return;
    }
    for (uint32_t i = first; i - first < count; i++) {
        struct bucket *b = task_bucket(s, job, i);
        if (!indices_contains(&b->fresh, i))
            continue;
        bucket_take(b, &b->fresh, i, 1);
        indices_add(&j->blocked, i);
    }
}

void follow_begin(struct sched *s)
{
    const struct jobspec *spec = s->config.spec;
    for (uint32_t k = 0; k < spec->depend_count; k++) {
        const struct depend_rule *r = &spec->depends[k];
        block(s, r->job, r->first, r->count);
    }
}

/* ---- Other rules ---- */

static void nobody(void *arg, uint32_t rule, uint32_t group)
{
    (void)arg;
    (void)rule;
    (void)group;
}

/* What workers have of the job. */
static void add_given(const struct sched *s, uint32_t job, struct indices *set)
{
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        const struct outstanding *o = &s->workers[i].given;
        const struct range *r = outstanding_from(o, job, 0);
        for (; r && r < o->ranges + o->count && r->job == job; r++)
            for (uint32_t k = 0; k < r->count; k++)
                indices_add(set, r->first + k);
    }
}

/* What the completed tasks of a job mean for those that wait for it. */
static void count_ends(struct sched *s, uint32_t job,
                       const struct indices *given)
{
    struct job_run *j = &s->jobs[job];
    indices_clear(&j->good);
    indices_clear(&j->bad);
    for (uint32_t i = 0; i < j->task_count; i++) {
        if (task_waits(s, job, i) || indices_contains(given, i))
            continue;
        bool bad = indices_contains(&j->failures, i);
        bad = indices_contains(&j->skipped, i) ||
              bad != indices_contains(&j->odd, i);
        indices_add(bad ? &j->bad : &j->good, i);
        needs_parent(&s->needs, job, i, OUTCOME_OPEN,
                     bad ? OUTCOME_BAD : OUTCOME_GOOD, nobody, NULL);
    }
    needs_job(&s->needs, job, j->state == JOB_COMPLETED, nobody, NULL);
}

int follow_renew(struct sched *s, struct needs *needs)
{
    struct indices given;
    if (indices_init(&given, 0) < 0)
        return -1;
    needs_fini(&s->needs);
    s->needs = *needs;
    for (uint32_t i = 0; i < job_count_of(s); i++) {
        if (!needs_has_parents(&s->needs, i))
            continue;
        indices_clear(&given);
        add_given(s, i, &given);
        count_ends(s, i, &given);
    }
    indices_fini(&given);
    return 0;
}

/* ---- What there is to say ---- */

static bool is_bad(const void *arg, uint32_t job, uint32_t index)
{
    const struct sched *s = arg;
    return indices_contains(&s->jobs[job].bad, index);
}

static bool is_not_good(const void *arg, uint32_t job, uint32_t index)
{
    const struct sched *s = arg;
    return !indices_contains(&s->jobs[job].good, index);
}

/* Why the task, which is doomed, is: by which task. For those up to *end it is
 * the same. False: for no rule. */
static bool cause_of(const struct sched *s, uint32_t job, uint32_t index,
                     struct sched_action *act, uint32_t *end)
{
    uint32_t rule, group;
    if (!needs_find(&s->needs, job, index, NEED_FAILED, &rule, &group, end))
        return false;
    act->parent_job = s->config.spec->depends[rule].parent_job;
    return needs_find_parent(&s->needs, rule, group, is_bad, s, &act->attempt,
                             NULL) ||
           needs_find_parent(&s->needs, rule, group, is_not_good, s,
                             &act->attempt, NULL);
}

/* Why it is doomed, that is always something: one that was deleted says itself.
 */
static void doom_of(const struct sched *s, uint32_t job, uint32_t index,
                    struct sched_action *act, uint32_t *end)
{
    if (cause_of(s, job, index, act, end))
        return;
    act->parent_job = job;
    act->attempt = index;
    *end = index + 1;
}

/* The next range of doomed tasks, all for the same cause, is skipped. */
static void skip_step(struct sched *s, struct job_run *j,
                      struct sched_action *act)
{
    uint32_t first = indices_first(&j->doomed), end = first + 1;
    *act = (struct sched_action){
        .kind = SCHED_SKIPPED, .job = job_id(s, j), .first = first};
    doom_of(s, act->job, first, act, &end);
    uint32_t run = indices_run(&j->doomed, first, UINT32_MAX);
    while (end - first < run) {
        struct sched_action next = {0};
        uint32_t next_end = end + 1;
        doom_of(s, act->job, end, &next, &next_end);
        if (next.parent_job != act->parent_job || next.attempt != act->attempt)
            break;
        end = next_end;
    }
    act->count = end - first < run ? end - first : run;
    indices_remove_range(&j->doomed, first, act->count);
    for (uint32_t i = first; i < first + act->count; i++)
        follow_skip(s, act->job, i);
}

bool follow_step(struct sched *s, struct job_run *j, struct sched_action *act)
{
    if (j->revived.count > 0) {
        uint32_t first = indices_first(&j->revived);
        uint32_t run = indices_run(&j->revived, first, UINT32_MAX);
        indices_remove_range(&j->revived, first, run);
        *act = (struct sched_action){.kind = SCHED_ACTIVE_AGAIN,
                                     .job = job_id(s, j),
                                     .first = first,
                                     .count = run};
        return true;
    }
    if (j->doomed.count == 0)
        return false;
    skip_step(s, j, act);
    return true;
}
