/* What happens to tasks, jobs and workers in one step, whoever asks for it:
 * see machine.h. */
#include "config.h"
#include "sched/machine.h"

#include "base/mem.h"
#include "sched/command.h"
#include "sched/follow.h"
#include "sched/limits.h"
#include "sched/grant.h"
#include "sched/prep.h"

#include <stddef.h>

uint32_t worker_id(const struct sched *s, const struct worker *w)
{
    return (uint32_t)(w - s->workers);
}

uint32_t job_id(const struct sched *s, const struct job_run *j)
{
    return (uint32_t)(j - s->jobs);
}

struct worker *worker_of_news(const struct heap_node *n)
{
    return (struct worker *)((char *)n - offsetof(struct worker, news));
}

struct node_run *node_of_news(const struct heap_node *n)
{
    return (struct node_run *)((char *)n - offsetof(struct node_run, news));
}

struct node_run *node_of_quiet(const struct heap_node *n)
{
    return (struct node_run *)((char *)n - offsetof(struct node_run, quiet));
}

struct job_run *job_of_due(const struct heap_node *n)
{
    return (struct job_run *)((char *)n - offsetof(struct job_run, due));
}

struct job_run *job_of_expiry(const struct heap_node *n)
{
    return (struct job_run *)((char *)n - offsetof(struct job_run, expiry));
}

void job_due(struct sched *s, struct job_run *j)
{
    if (j->due.at == HEAP_OUT)
        (void)heap_add(&s->due, &j->due); /* has the memory */
}

void worker_news(struct sched *s, struct worker *w)
{
    if (w->news.at == HEAP_OUT)
        (void)heap_add(&s->news, &w->news); /* has the memory */
}

struct bucket *task_bucket(const struct sched *s, uint32_t job, uint32_t index)
{
    return ready_bucket(&s->ready, job, ready_key(s->config.spec, job, index));
}

void job_changed(struct sched *s, struct job_run *j, enum job_state was)
{
    if (was == JOB_COMPLETED)
        s->completed--;
    if (j->state == JOB_COMPLETED)
        s->completed++;
    job_gate(s, j);
    if (j->state == JOB_TERMINATING || was == JOB_COMPLETED)
        heap_remove(&s->expiries, &j->expiry);
    follow_job(s, j);
    job_due(s, j);
}

void job_revive(struct sched *s, struct job_run *j)
{
    enum job_state was = j->state;
    j->state = JOB_ACTIVE;
    j->end = JOB_END_NONE;
    j->want = WANT_NOTHING;
    mem_free(j->why);
    j->why = NULL;
    j->cancel_next = 0;
    job_use_time(j, 0); /* else a job that had used it up would end at once */
    job_changed(s, j, was);
}

void task_put(struct sched *s, uint32_t job, uint32_t index,
              enum task_past past)
{
    struct job_run *j = &s->jobs[job];
    if (grant_delays(s, job, index, past))
        return;
    if (needs_state(&s->needs, job, index) == NEED_MET) {
        if (pickies_put(s, job, index, past == TASK_TRIED))
            return;
        struct bucket *b = task_bucket(s, job, index);
        bucket_put(b, past == TASK_FRESH ? &b->fresh : &b->again, index, 1);
        return;
    }
    bool doomed = j->state < JOB_TERMINATING &&
                  needs_state(&s->needs, job, index) == NEED_FAILED;
    indices_add(doomed ? &j->doomed : &j->blocked, index);
    if (past == TASK_TRIED)
        indices_add(&j->tried, index);
    if (doomed)
        job_due(s, j);
}

struct indices *task_ready_set(const struct sched *s, uint32_t job,
                               uint32_t index, struct bucket **b)
{
    if (index == INDEX_JOB_MANAGER)
        return NULL;
    *b = task_bucket(s, job, index);
    return indices_contains(&(*b)->fresh, index)   ? &(*b)->fresh
           : indices_contains(&(*b)->again, index) ? &(*b)->again
                                                   : NULL;
}

bool task_take(struct sched *s, uint32_t job, uint32_t index)
{
    struct job_run *j = &s->jobs[job];
    struct bucket *b;
    struct indices *set = task_ready_set(s, job, index, &b);
    if (set) {
        bucket_take(b, set, index, 1);
        return true;
    }
    if (pickies_take(s, job, index))
        return true;
    indices_remove(&j->tried, index);
    return indices_remove(&j->blocked, index) ||
           indices_remove(&j->doomed, index) ||
           indices_remove(&j->dropped, index);
}

bool task_waits(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct job_run *j = &s->jobs[job];
    struct bucket *b;
    return task_ready_set(s, job, index, &b) || pickies_wait(s, job, index) ||
           indices_contains(&j->blocked, index) ||
           indices_contains(&j->doomed, index) ||
           indices_contains(&j->dropped, index);
}

bool task_is_fresh(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct job_run *j = &s->jobs[job];
    const struct picky_task *p = pickies_get(s, job, index);
    if (p && p->state != PICKY_AWAY)
        return !p->needs.tried;
    if (indices_contains(&j->blocked, index) ||
        indices_contains(&j->doomed, index) ||
        indices_contains(&j->dropped, index) ||
        indices_contains(&j->skipped, index))
        return !indices_contains(&j->tried, index);
    return index != INDEX_JOB_MANAGER &&
           indices_contains(&task_bucket(s, job, index)->fresh, index);
}

bool task_reactivate(struct sched *s, uint32_t job, uint32_t index)
{
    struct job_run *j = &s->jobs[job];
    enum task_past past = TASK_TRIED;
    if (task_waits(s, job, index))
        return false;
    if (indices_contains(&j->skipped, index)) {
        if (needs_state(&s->needs, job, index) == NEED_FAILED)
            return false; /* it would be skipped again */
        if (!indices_remove(&j->tried, index))
            past = TASK_FRESH;
        indices_remove(&j->skipped, index);
    } else {
        job_uncount(j, index);
    }
    follow_reopened(s, job, index);
    task_put(s, job, index, past);
    return true;
}

int attempt_tally(struct sched *s, const struct attempt *a)
{
    if (s->tally.count == 0 && a->attempt == 1 && a->disposition == TASK_ENDS)
        return 0; /* the usual one, of which nothing is kept */
    struct tally t = tally_get(&s->tally, a->job, a->index, (struct tally){0});
    t.attempts = a->attempt;
    if (a->disposition == TASK_ENDS)
        t.retries = 0; /* if it is made active again, they are anew */
    else if (reason_uses_retry(a->reason))
        t.retries++;
    return tally_keep(&s->tally, a->job, a->index, t);
}

/* What the end of a task means for its job and for those that wait for it. */
static void task_ended(struct sched *s, struct job_run *j,
                       const struct attempt *a)
{
    if (j->ends == ENDS_PLAINLY &&
        (s->needs.rule_count == 0 || !needs_has_parents(&s->needs, a->job)))
        return;
    struct exit_options o = job_end_options(j, a);
    bool good = o.dependency_action == DEPENDENCY_SATISFY;
    if (good != (a->result == RESULT_SUCCESS))
        indices_add(&j->odd, a->index);
    follow_ended(s, a->job, a->index, good ? OUTCOME_GOOD : OUTCOME_BAD);
    if (j->spec->on_task_failure == TASK_FAILURE_JOB_ACTION)
        job_act(s, j, o.job_action, a);
}

static bool stops_when(const struct job_run *j)
{
    return j->spec->stop_when.failed > 0 || j->spec->stop_when.share > 0;
}

void attempt_settle(struct sched *s, const struct attempt *a)
{
    struct job_run *j = &s->jobs[a->job];
    job_count(j, a);
    if (a->disposition == TASK_RETRIES) {
        task_put(s, a->job, a->index, TASK_TRIED);
        return;
    }
    if (j->pickies)
        pickies_forget(s, a->job, a->index);
    task_ended(s, j, a);
    if (a->index == INDEX_JOB_MANAGER) {
        if (j->spec->manager->kill_job_on_completion)
            (void)job_want_end(j, JOB_END_JOB_MANAGER, NULL);
        job_due(s, j);
    }
    if (job_is_done(j) || (a->result != RESULT_SUCCESS && stops_when(j)))
        job_due(s, j);
}

void tasks_release(struct sched *s, struct worker *w, struct range *r,
                   uint32_t first, uint32_t count)
{
    struct job_run *j = &s->jobs[r->job];
    j->outstanding -= count;
    s->outstanding -= count;
    if (j->outstanding == 0)
        job_due(s, j);
    if (j->spec->max_parallel_tasks > 0)
        job_gate(s, j);
    if (w->state == WORKER_JOINED && range_has_load(r->state))
        worker_load(s, w, -1, r, count);
    if (r->state == RANGE_HELD)
        prep_hold(s, w, r, -(int64_t)count);
    node_given(s, w->node, -(int64_t)count);
    if (r->kind == RANGE_PLAIN) {
        outstanding_cut(&w->given, r, first, count);
        return;
    }
    struct range gone = *r;
    outstanding_cut(&w->given, r, first, count);
    grant_part_gone(s, w, &gone);
}

void tasks_requeue(struct sched *s, const struct range *r)
{
    const struct job_run *j = &s->jobs[r->job];
    enum task_past past = r->attempt == 1 ? TASK_FRESH : TASK_TRIED;
    if (needs_has_children(&s->needs, r->job) || j->pickies ||
        command_has_ended(j)) {
        for (uint32_t i = r->first; i < r->first + r->count; i++)
            command_returned(s, r->job, i, past);
    } else {
        struct bucket *b = task_bucket(s, r->job, r->first);
        bucket_put(b, past == TASK_FRESH ? &b->fresh : &b->again, r->first,
                   r->count);
    }
    if (s->starts_left != UINT64_MAX)
        s->starts_left += r->count;
}

struct place *worker_place(const struct sched *s, const struct worker *w)
{
    return &s->pools[w->node->pool].place;
}

void worker_load(struct sched *s, struct worker *w, int sign,
                 const struct range *r, uint32_t count)
{
    place_load(worker_place(s, w), &w->seat, sign, count, r->slots, r->task_ns,
               s->config.prefetch_ns);
    if (sign < 0)
        s->pools[w->node->pool].freed++;
}

/* The better of best and the first bucket of the pool's queues from q on that
 * fits; *end: where the next pool's queues begin. */
static struct bucket *fill_better(const struct sched *s, uint32_t q,
                                  struct bucket *best, uint32_t *end)
{
    uint32_t pool = s->ready.queues[q]->pool;
    uint32_t most = place_most_free(&s->pools[pool].place);
    for (; q < s->ready.queue_count; q++) {
        const struct ready_queue *queue = s->ready.queues[q];
        if (queue->pool != pool)
            break;
        if (queue->slots > most)
            continue;
        struct bucket *b = ready_top(queue);
        if (b && (!best || bucket_before(b, best)))
            best = b;
    }
    *end = q;
    return best;
}

struct bucket *fill_bucket(const struct sched *s)
{
    struct bucket *best = NULL;
    for (uint32_t q = 0; q < s->ready.queue_count;)
        best = fill_better(s, q, best, &q);
    return best;
}

struct bucket *fill_bucket_of(const struct sched *s, uint32_t pool)
{
    uint32_t q = 0;
    while (q < s->ready.queue_count && s->ready.queues[q]->pool < pool)
        q++;
    if (q == s->ready.queue_count || s->ready.queues[q]->pool != pool)
        return NULL;
    return fill_better(s, q, NULL, &q);
}
