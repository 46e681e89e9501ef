/* What people ask of jobs and tasks: see command.h. */
#include "config.h"
#include "sched/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "sched/follow.h"

/* ---- Jobs ---- */

static struct job_run *find_job(struct sched *s, uint32_t job, struct err *err)
{
    if (job < job_count_of(s))
        return &s->jobs[job];
    err_set(err, ESRCH, "JobNotFound: there is no job %" PRIu32, job);
    return NULL;
}

/* Refuse what needs a job that lives. */
static int check_alive(const struct job_run *j, const char *what,
                       struct err *err)
{
    if (j->state == JOB_COMPLETED)
        return err_set(err, EINVAL,
                       "JobCompleted: job %s is completed, %s is not possible",
                       j->spec->id, what);
    if (j->state == JOB_TERMINATING || j->want == WANT_TERMINATE)
        return err_set(err, EINVAL,
                       "JobBeingTerminated: job %s is being terminated, %s is "
                       "not possible",
                       j->spec->id, what);
    return 0;
}

static int disable(struct job_run *j, enum sched_running running,
                   struct err *err)
{
    if (check_alive(j, "disabling it", err) < 0)
        return -1;
    if (j->state != JOB_ACTIVE || j->want != WANT_NOTHING)
        return err_set(err, EINVAL,
                       "JobDisabled: job %s is %s already, and not active",
                       j->spec->id,
                       j->want == WANT_DISABLE ? "being disabled"
                                               : job_state_name(j->state));
    j->want = WANT_DISABLE;
    j->running = running;
    return 0;
}

static int enable(struct job_run *j, struct err *err)
{
    if (check_alive(j, "enabling it", err) < 0)
        return -1;
    if (j->state != JOB_DISABLED || j->want != WANT_NOTHING)
        return err_set(err, EINVAL,
                       "OperationInvalidForCurrentState: job %s is %s, and not "
                       "disabled",
                       j->spec->id, job_state_name(j->state));
    j->want = WANT_ENABLE;
    return 0;
}

int sched_job_command(struct sched *s, int64_t now_ns, uint32_t job,
                      enum sched_job_command command,
                      enum sched_running running, const char *why,
                      struct err *err)
{
    struct job_run *j = find_job(s, job, err);
    int rc = -1;
    liveness_now(&s->live, now_ns);
    if (!j)
        return -1;
    switch (command) {
    case SCHED_JOB_DISABLE:
        rc = disable(j, running, err);
        break;
    case SCHED_JOB_ENABLE:
        rc = enable(j, err);
        break;
    case SCHED_JOB_TERMINATE:
        if (check_alive(j, "terminating it", err) < 0)
            return -1;
        rc = job_want_end(j, JOB_END_USER, why);
        if (rc < 0)
            return err_set(err, ENOMEM, "no memory for why a job ends");
        break;
    }
    if (rc == 0)
        job_due(s, j);
    return rc;
}

void job_act(struct sched *s, struct job_run *j, enum job_action action,
             const struct attempt *a)
{
    char why[128], how[384];
    switch (action) {
    case JOB_ACTION_NONE:
        return;
    case JOB_ACTION_TERMINATE:
        attempt_describe(a, how);
        snprintf(why, sizeof(why), "task %" PRIu32 ": %.100s", a->index, how);
        (void)job_want_end(j, JOB_END_TASK_FAILED, why);
        break;
    case JOB_ACTION_DISABLE: /* as Azure: what runs is requeued */
        if (j->state != JOB_ACTIVE || j->want != WANT_NOTHING)
            return;
        j->want = WANT_DISABLE;
        j->running = SCHED_REQUEUE;
        break;
    }
    job_due(s, j);
}

void command_recall(struct sched *s, struct job_run *j)
{
    uint32_t job = job_id(s, j);
    for (uint32_t i = 0; i < s->config.worker_count; i++) {
        struct worker *w = &s->workers[i];
        struct range *r = outstanding_from(&w->given, job, 0);
        const struct range *end = w->given.ranges + w->given.count;
        while (r && r < end && r->job == job && !range_is_waiting(r->state))
            r++;
        if (!r || r >= end || r->job != job || w->state != WORKER_JOINED ||
            w->recall == RECALL_ASKED)
            continue;
        /* also what others have there: it comes again, and in order */
        w->recall = RECALL_PLANNED;
        w->recall_count = w->seat.load.tasks;
        worker_news(s, w);
    }
}

void command_reason(const struct job_run *j, struct attempt *a)
{
    if (a->reason != REASON_CANCELLED || indices_contains(&j->ended, a->index))
        return;
    if (j->state == JOB_DISABLING && j->running == SCHED_REQUEUE)
        a->reason = REASON_STOPPED;
    else if (a->message[0] == '\0')
        attempt_set_message(
            a, j->state == JOB_DISABLING     ? "its job was disabled"
               : j->state >= JOB_TERMINATING ? "its job was terminated"
                                             : "its node was taken out");
}

/* ---- Tasks ---- */

/* The worker that has the task, and its range; NULL: none has. */
static struct worker *holder(struct sched *s, uint32_t job, uint32_t index,
                             struct range **r)
{
    uint32_t worker;
    if (!sched_task_worker(s, job, index, &worker))
        return NULL;
    *r = outstanding_find(&s->workers[worker].given, job, index);
    return &s->workers[worker];
}

/* A completed task is deleted: follow_step says so. */
static void bury(struct sched *s, struct job_run *j, uint32_t index)
{
    if (sched_task_attempts(s, job_id(s, j), index) > 0)
        indices_add(&j->tried, index);
    job_uncount(j, index);
    follow_reopened(s, job_id(s, j), index);
    indices_add(&j->doomed, index);
}

/* End a task that is not completed. */
static void finish(struct sched *s, struct job_run *j, uint32_t index,
                   enum sched_task_command command)
{
    struct range *r;
    uint32_t job = job_id(s, j);
    bool tried = sched_task_attempts(s, job, index) > 0;
    if (holder(s, job, index, &r)) {
        indices_add(&j->ending, index);
        if (command == SCHED_TASK_DELETE)
            indices_add(&j->deleted, index);
        return;
    }
    (void)task_take(s, job, index);
    indices_add(command == SCHED_TASK_DELETE ? &j->doomed : &j->dropped, index);
    if (tried)
        indices_add(&j->tried, index);
}

static int reactivate(struct sched *s, struct job_run *j, uint32_t index,
                      enum attempt_result result, struct err *err)
{
    uint32_t job = job_id(s, j);
    if (result == RESULT_SUCCESS || result == RESULT_NONE)
        return err_set(err, EINVAL,
                       "OperationInvalidForCurrentState: the task %s: only "
                       "what has failed can be made active again",
                       result == RESULT_SUCCESS ? "has succeeded"
                                                : "is not completed");
    if (!task_reactivate(s, job, index))
        return err_set(err, EINVAL,
                       "OperationInvalidForCurrentState: what the task waits "
                       "for has failed: make that active again");
    indices_add(&j->revived, index);
    follow_revive(s, true);
    follow_review(s, j);
    return 0;
}

int sched_task_command(struct sched *s, int64_t now_ns, uint32_t job,
                       uint32_t index, enum sched_task_command command,
                       struct err *err)
{
    enum attempt_result result;
    struct job_run *j = find_job(s, job, err);
    liveness_now(&s->live, now_ns);
    if (!j)
        return -1;
    if (index >= j->task_count &&
        !(index == INDEX_JOB_MANAGER && j->spec->manager))
        return err_set(err, ESRCH, "TaskNotFound: job %s has no task %" PRIu32,
                       j->spec->id, index);
    if (check_alive(j, "changing its tasks", err) < 0)
        return -1;
    bool over = sched_task_state(s, job, index, &result) == TASK_COMPLETED;
    if (command == SCHED_TASK_REACTIVATE) {
        if (reactivate(s, j, index, result, err) < 0)
            return -1;
    } else if (command == SCHED_TASK_TERMINATE && over) {
        return err_set(err, EINVAL, "TaskCompleted: the task is completed");
    } else if (over && result == RESULT_SKIPPED) {
        return 0; /* it does not count as it is */
    } else if (over) {
        bury(s, j, index);
    } else {
        finish(s, j, index, command);
    }
    job_due(s, j);
    return 0;
}

bool command_is_ended(const struct sched *s, uint32_t job, uint32_t index)
{
    const struct job_run *j = &s->jobs[job];
    if (!command_has_ended(j))
        return false;
    return indices_contains(&j->ended, index) ||
           indices_contains(&j->ending, index);
}

void command_ended(struct sched *s, const struct attempt *a)
{
    struct job_run *j = &s->jobs[a->job];
    if (!command_has_ended(j))
        return;
    indices_remove(&j->ending, a->index);
    indices_remove(&j->ended, a->index);
    if (!indices_remove(&j->deleted, a->index) || a->disposition != TASK_ENDS)
        return;
    bury(s, j, a->index);
    job_due(s, j);
}

void command_returned(struct sched *s, uint32_t job, uint32_t index,
                      enum task_past past)
{
    struct job_run *j = &s->jobs[job];
    bool ended = indices_remove(&j->ending, index);
    ended |= indices_remove(&j->ended, index);
    if (!ended) {
        task_put(s, job, index, past);
        return;
    }
    indices_add(indices_remove(&j->deleted, index) ? &j->doomed : &j->dropped,
                index);
    if (past == TASK_TRIED)
        indices_add(&j->tried, index);
    job_due(s, j);
}

/* Its worker does not know of the task yet. 0, or -1 (no memory). */
static int take_held(struct sched *s, struct worker *w, struct range *r,
                     uint32_t index)
{
    struct range one = *r;
    if (outstanding_reserve(&w->given, 1) < 0)
        return -1;
    one.first = index;
    one.count = 1;
    tasks_release(s, w, outstanding_find(&w->given, one.job, index), index, 1);
    tasks_requeue(s, &one); /* command_returned drops it */
    return 0;
}

/* Tell the next worker that is to end a task. */
static bool end_step(struct sched *s, struct job_run *j,
                     struct sched_action *act)
{
    struct range *r;
    while (j->ending.count > 0) {
        uint32_t index = indices_first(&j->ending);
        struct worker *w = holder(s, job_id(s, j), index, &r);
        if (w && r && r->state == RANGE_HELD) {
            if (take_held(s, w, r, index) < 0)
                return false; /* later */
            continue;
        }
        indices_remove(&j->ending, index);
        indices_add(&j->ended, index);
        if (!w || !r || w->state != WORKER_JOINED)
            continue; /* it is about to be called lost, or has ended but for
                         other instances */
        *act = (struct sched_action){.kind = SCHED_END,
                                     .worker = worker_id(s, w),
                                     .job = r->job,
                                     .first = index,
                                     .count = 1,
                                     .attempt = r->attempt,
                                     .reason = REASON_CANCELLED};
        return true;
    }
    return false;
}

/* Say of the next task that nobody has that it has ended. */
static bool drop_step(struct sched *s, struct job_run *j,
                      struct sched_action *act)
{
    struct attempt a;
    if (j->dropped.count == 0)
        return false;
    attempt_init(&a);
    a.job = job_id(s, j);
    a.index = indices_first(&j->dropped);
    a.attempt = sched_task_attempts(s, a.job, a.index) + 1;
    a.result = RESULT_FAILURE;
    a.reason = REASON_CANCELLED;
    a.disposition = TASK_ENDS;
    if (attempt_tally(s, &a) < 0)
        return false; /* later */
    (void)task_take(s, a.job, a.index);
    *act = (struct sched_action){.kind = SCHED_ATTEMPT_LOST,
                                 .job = a.job,
                                 .first = a.index,
                                 .count = 1,
                                 .attempt = a.attempt,
                                 .reason = a.reason,
                                 .disposition = a.disposition};
    attempt_settle(s, &a);
    return true;
}

bool command_step(struct sched *s, struct job_run *j, struct sched_action *act)
{
    return end_step(s, j, act) || drop_step(s, j, act);
}
