/* What the scheduler has promised: see watch.h. */
#include "config.h"
#include "sim/watch.h"

#include <errno.h>
#include <inttypes.h>

#include "base/mem.h"
#include "sched/load.h"

/* Holders: a worker's number plus one, or one of these. */
#define NOBODY    UINT64_C(0)
#define COMPLETED UINT64_MAX

static uint64_t key_of(uint32_t job, uint32_t index)
{
    return (uint64_t)job << 32 | index;
}

/* Special tasks of nodes run on each: nothing is promised of them here. */
static bool is_special(uint32_t index)
{
    enum special_kind kind = special_of(index);
    return kind != SPECIAL_NONE && kind != SPECIAL_JOB_MANAGER;
}

int watch_init(struct watch *w, const struct sim_config *config)
{
    *w = (struct watch){.config = config};
    map_init(&w->holders);
    map_init(&w->attempts);
    w->workers = mem_calloc(config->worker_count, sizeof(w->workers[0]));
    return w->workers ? 0 : -1;
}

void watch_fini(struct watch *w)
{
    map_fini(&w->holders);
    map_fini(&w->attempts);
    mem_free(w->workers);
}

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to watch the scheduler");
}

static uint64_t holder_of(const struct watch *w, uint32_t job, uint32_t index)
{
    uint64_t holder = NOBODY;
    map_get(&w->holders, key_of(job, index), &holder);
    if (holder != NOBODY && holder != COMPLETED &&
        w->workers[holder - 1].state == WATCHED_LOST)
        return NOBODY;
    return holder;
}

static uint32_t attempts_of(const struct watch *w, uint32_t job, uint32_t index)
{
    uint64_t n = 0;
    map_get(&w->attempts, key_of(job, index), &n);
    return (uint32_t)n;
}

int watch_before(struct watch *w, const struct sched *s, struct err *err)
{
    const struct jobspec *spec = w->config->sched.spec;
    enum attempt_result result;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        for (uint32_t i = 0; i < spec->jobs[j].tasks.count; i++) {
            uint32_t n = sched_task_attempts(s, j, i);
            if (n > 0 && map_set(&w->attempts, key_of(j, i), n) < 0)
                return no_memory(err);
            if (sched_task_state(s, j, i, &result) != TASK_COMPLETED)
                continue;
            w->completed++;
            if (map_set(&w->holders, key_of(j, i), COMPLETED) < 0)
                return no_memory(err);
        }
    }
    return 0;
}

static int check_window(const struct watch *w, uint32_t worker, struct err *err)
{
    uint64_t most = (uint64_t)w->config->workers[worker].slots + LOAD_MAX_AHEAD;
    if (w->workers[worker].given > most)
        return err_set(err, EPROTO,
                       "worker %" PRIu32 " has %" PRIu64
                       " tasks, more than any window",
                       worker, w->workers[worker].given);
    return 0;
}

int watch_assign(struct watch *w, const struct sched_action *act,
                 struct err *err)
{
    if (is_special(act->first))
        return 0;
    const struct job *job = &w->config->sched.spec->jobs[act->job];
    bool manager = act->first == INDEX_JOB_MANAGER;
    if (w->workers[act->worker].state == WATCHED_LOST)
        return err_set(err, EPROTO, "tasks for worker %" PRIu32 ", lost",
                       act->worker);
    if (act->count == 0 ||
        (!manager && (act->first >= job->tasks.count ||
                      act->count > job->tasks.count - act->first)))
        return err_set(err, EPROTO, "%" PRIu32 " tasks from %" PRIu32 " on",
                       act->count, act->first);
    for (uint32_t i = act->first; i < act->first + act->count; i++) {
        uint64_t holder = holder_of(w, act->job, i);
        if (holder != NOBODY)
            return err_set(err, EPROTO, "task %" PRIu32 " handed out %s", i,
                           holder == COMPLETED ? "though completed"
                                               : "twice at once");
        if (act->attempt != attempts_of(w, act->job, i) + 1)
            return err_set(err, EPROTO,
                           "attempt %" PRIu32 " of task %" PRIu32
                           " behind %" PRIu32,
                           act->attempt, i, attempts_of(w, act->job, i));
        if (job_template(job, i)->required_slots >
            w->config->workers[act->worker].slots)
            return err_set(err, EPROTO, "task %" PRIu32 " does not fit", i);
        if (map_set(&w->holders, key_of(act->job, i), act->worker + 1) < 0)
            return no_memory(err);
    }
    w->outstanding += act->count;
    w->workers[act->worker].given += act->count;
    return check_window(w, act->worker, err);
}

/* The worker does not have the task any more. */
static int drop(struct watch *w, uint32_t worker, uint32_t job, uint32_t index,
                uint64_t holder, struct err *err)
{
    if (map_set(&w->holders, key_of(job, index), holder) < 0)
        return no_memory(err);
    w->workers[worker].given--;
    w->outstanding--;
    return 0;
}

int watch_returned(struct watch *w, uint32_t worker, uint32_t job,
                   uint32_t first, uint32_t count, struct err *err)
{
    for (uint32_t i = first; i - first < count; i++)
        if (holder_of(w, job, i) == worker + UINT64_C(1) &&
            drop(w, worker, job, i, NOBODY, err) < 0)
            return -1;
    return 0;
}

/* No more attempts than the retries allow, those of lost ones aside. */
static int check_retries(const struct watch *w, const struct attempt *a,
                         struct err *err)
{
    const struct job *job = &w->config->sched.spec->jobs[a->job];
    int32_t most =
        job_template(job, a->index)->constraints.max_task_retry_count;
    if (a->disposition == TASK_RETRIES && a->reason == REASON_EXIT_CODE &&
        most == 0)
        return err_set(err, EPROTO, "task %" PRIu32 " may not be retried",
                       a->index);
    return 0;
}

int watch_ended(struct watch *w, uint32_t worker, const struct attempt *a,
                struct err *err)
{
    if (is_special(a->index))
        return 0;
    uint64_t holder = holder_of(w, a->job, a->index);
    /* lost, or ended by a command before anybody had it */
    bool nobodys = a->reason == REASON_LOST ||
                   (a->reason == REASON_CANCELLED && holder == NOBODY);
    uint64_t expected = nobodys ? NOBODY : worker + 1;
    /* an instance was lost, not the first one */
    if (a->reason == REASON_LOST && holder != COMPLETED && holder != NOBODY) {
        const struct request r =
            jobspec_request(w->config->sched.spec, a->job, a->index);
        if (r.instances > 1)
            expected = holder;
    }
    if (holder != expected)
        return err_set(err, EPROTO,
                       "task %" PRIu32 " ended at worker %" PRIu32
                       ", which does not have it",
                       a->index, worker);
    if (a->attempt != attempts_of(w, a->job, a->index) + 1)
        return err_set(err, EPROTO,
                       "attempt %" PRIu32 " of task %" PRIu32 " ended",
                       a->attempt, a->index);
    if (check_retries(w, a, err) < 0)
        return -1;
    if (map_set(&w->attempts, key_of(a->job, a->index), a->attempt) < 0)
        return no_memory(err);
    if (a->disposition == TASK_ENDS)
        w->completed++;
    if (expected == NOBODY && a->disposition == TASK_RETRIES)
        return 0;
    if (expected == NOBODY)
        return map_set(&w->holders, key_of(a->job, a->index), COMPLETED) < 0
                   ? no_memory(err)
                   : 0;
    return drop(w, (uint32_t)(expected - 1), a->job, a->index,
                a->disposition == TASK_ENDS ? COMPLETED : NOBODY, err);
}

int watch_active_again(struct watch *w, const struct sched_action *act,
                       struct err *err)
{
    for (uint32_t i = act->first; i < act->first + act->count; i++) {
        if (holder_of(w, act->job, i) != COMPLETED)
            return err_set(err, EPROTO,
                           "task %" PRIu32 " active again, but not completed",
                           i);
        if (map_set(&w->holders, key_of(act->job, i), NOBODY) < 0)
            return no_memory(err);
    }
    w->completed -= act->count;
    return 0;
}

int watch_skipped(struct watch *w, const struct sched_action *act,
                  struct err *err)
{
    for (uint32_t i = act->first; i < act->first + act->count; i++) {
        if (holder_of(w, act->job, i) != NOBODY)
            return err_set(
                err, EPROTO, "task %" PRIu32 " skipped, though %s", i,
                holder_of(w, act->job, i) == COMPLETED ? "completed"
                                                       : "some worker has it");
        if (map_set(&w->holders, key_of(act->job, i), COMPLETED) < 0)
            return no_memory(err);
    }
    w->completed += act->count;
    return 0;
}

void watch_lost(struct watch *w, uint32_t worker)
{
    w->workers[worker].state = WATCHED_LOST;
    w->outstanding -= w->workers[worker].given;
    w->workers[worker].given = 0;
}

int watch_turn(const struct watch *w, const struct sched *s, struct err *err)
{
    if (sched_finished(s) && w->outstanding > 0)
        return err_set(err, EPROTO,
                       "finished, though %" PRIu64 " tasks are outstanding",
                       w->outstanding);
    if (!sched_finished(s) && sched_deadline_ns(s) == INT64_MAX)
        return err_set(err, EPROTO, "not finished, and nothing to wait for");
    return 0;
}

int watch_finish(const struct watch *w, const struct sched *s, struct err *err)
{
    const struct jobspec *spec = w->config->sched.spec;
    struct snapshot snap = {0};
    int rc = 0;
    snap.jobs = mem_calloc(spec->job_count, sizeof(snap.jobs[0]));
    if (!snap.jobs)
        return no_memory(err);
    sched_snapshot(s, &snap);
    const struct task_counts *c = &snap.tasks;
    if (c->succeeded + c->failed + c->skipped != w->completed)
        rc = err_set(err, EPROTO,
                     "%" PRIu64 " tasks are said to be completed, %" PRIu64
                     " are",
                     c->succeeded + c->failed + c->skipped, w->completed);
    else if (c->running != 0 || c->total != w->completed + c->active)
        rc = err_set(err, EPROTO, "the counts do not add up");
    for (uint32_t j = 0; rc == 0 && j < spec->job_count; j++)
        if (sched_all_completed(s) && snap.jobs[j].state != JOB_COMPLETED)
            rc = err_set(err, EPROTO, "job %" PRIu32 " is not completed", j);
    mem_free(snap.jobs);
    return rc;
}
