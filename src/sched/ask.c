/* Questions to the scheduler: see sched.h. */
#include "config.h"
#include "sched/sched.h"

#include "sched/machine.h"

/* Is there a worker, joined or to come, for something that is ready? */
static bool is_able(const struct sched *s)
{
    for (uint32_t q = 0; q < s->ready.queue_count; q++)
        if (ready_top(&s->ready.queues[q]))
            return s->expected > 0 ||
                   s->ready.queues[q].slots <= place_most_slots(&s->place);
    return false;
}

bool sched_finished(const struct sched *s)
{
    if (s->outstanding > 0 || heap_top(&s->due) || heap_top(&s->news))
        return false;
    return s->stop != SCHED_RUN || s->starts_left == 0 || !is_able(s);
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
    if (heap_top(&s->news) || heap_top(&s->due)) /* sched_next is wanted */
        return s->live.now_ns;
    at = earlier(at, liveness_deadline_ns(&s->live));
    return earlier(at, balance_deadline_ns(s));
}

static void counts_add(struct task_counts *sum, const struct task_counts *c)
{
    sum->total += c->total;
    sum->succeeded += c->succeeded;
    sum->failed += c->failed;
    sum->running += c->running;
    sum->active += c->active;
    sum->retried += c->retried;
    sum->invalid += c->invalid;
}

/* Workers say only after a while that a task runs. Of those that they have,
 * as many run as slots are busy: take the job's share for running, too. */
static void running_share(const struct sched *s, const struct job_run *j,
                          struct task_counts *counts)
{
    uint64_t given = s->place.busy + s->place.waiting;
    uint64_t share = given ? j->outstanding * s->place.busy / given : 0;
    if (share > counts->running) {
        counts->active -= share - counts->running;
        counts->running = share;
    }
}

void sched_snapshot(const struct sched *s, struct snapshot *snap)
{
    snap->tasks = (struct task_counts){0};
    for (uint32_t i = 0; i < job_count_of(s); i++) {
        struct job_snapshot *j = &snap->jobs[i];
        j->state = s->jobs[i].state;
        j->end = s->jobs[i].end;
        job_counts(&s->jobs[i], &j->tasks);
        running_share(s, &s->jobs[i], &j->tasks);
        counts_add(&snap->tasks, &j->tasks);
    }
    snap->slot_count = (uint32_t)s->place.slots;
    snap->slots_busy = (uint32_t)s->place.busy;
    snap->ranks_lost = s->lost;
}

/* The range that holds a task which some worker has, or NULL. */
static const struct range *given_find(const struct sched *s, uint32_t job,
                                      uint32_t index)
{
    const struct range *r = NULL;
    if (s->jobs[job].outstanding == 0)
        return NULL;
    for (uint32_t i = 0; !r && i < s->config.worker_count; i++)
        r = outstanding_find(&s->workers[i].given, job, index);
    return r;
}

bool sched_task_worker(const struct sched *s, uint32_t job, uint32_t index,
                       uint32_t *worker)
{
    if (s->jobs[job].outstanding == 0)
        return false;
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
    const struct bucket *b = task_bucket(s, job, index);
    *result = RESULT_NONE;
    if (indices_contains(&b->fresh, index) ||
        indices_contains(&b->again, index))
        return TASK_ACTIVE;
    const struct range *r = given_find(s, job, index);
    if (r)
        return range_is_running(r->state) ? TASK_RUNNING : TASK_ACTIVE;
    *result = indices_contains(&s->jobs[job].failures, index) ? RESULT_FAILURE
                                                              : RESULT_SUCCESS;
    return TASK_COMPLETED;
}

uint32_t sched_task_attempts(const struct sched *s, uint32_t job,
                             uint32_t index)
{
    static const struct tally usual = {.attempts = 1};
    if (indices_contains(&task_bucket(s, job, index)->fresh, index))
        return 0;
    const struct range *r = given_find(s, job, index);
    return r ? r->attempt - 1
             : tally_get(&s->tally, job, index, usual).attempts;
}
