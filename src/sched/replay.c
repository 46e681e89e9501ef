/* What earlier sessions have left: see sched.h. */
#include "config.h"
#include "sched/sched.h"

#include <errno.h>
#include <inttypes.h>

#include "sched/follow.h"
#include "sched/machine.h"
#include "sched/special.h"

static int check_job(const struct sched *s, uint32_t job, struct err *err)
{
    if (job >= job_count_of(s))
        return err_set(err, EINVAL,
                       "the journal speaks of job %" PRIu32 ", there are "
                       "%" PRIu32,
                       job, job_count_of(s));
    return 0;
}

/* Does the attempt say something new: the task has not succeeded, and this
 * attempt of it was not said before? A failed task may have been made active
 * again. */
static bool is_news(const struct sched *s, const struct attempt *a)
{
    if (task_is_fresh(s, a->job, a->index))
        return !indices_contains(&s->jobs[a->job].skipped, a->index);
    if (!task_waits(s, a->job, a->index) &&
        !indices_contains(&s->jobs[a->job].failures, a->index))
        return false;
    return sched_task_attempts(s, a->job, a->index) < a->attempt;
}

int sched_replay_attempt(struct sched *s, const struct attempt *a,
                         struct err *err)
{
    if (special_is(a->index))
        return 0; /* the nodes of each session are new */
    if (check_job(s, a->job, err) < 0)
        return -1;
    struct job_run *j = &s->jobs[a->job];
    bool is_manager = a->index == INDEX_JOB_MANAGER && j->spec->manager;
    if ((a->index >= j->task_count && !is_manager) || a->attempt == 0)
        return err_set(err, EINVAL,
                       "the journal speaks of attempt %" PRIu32
                       " of task %" PRIu32 ", job %s has %" PRIu32,
                       a->attempt, a->index, j->spec->id, j->task_count);
    struct bucket *b = is_manager ? NULL : task_bucket(s, a->job, a->index);
    bool fresh = b && bucket_take_one(b, &b->fresh, a->index); /* most */
    if (!fresh && !is_news(s, a))
        return 0;
    /* where and when it was to be tried again is of no use any more */
    const struct verdict again = {.again = a->disposition == TASK_RETRIES};
    if (pickies_prepare(s, a, &again) < 0 || attempt_tally(s, a) < 0) {
        if (fresh)
            bucket_put(b, &b->fresh, a->index, 1);
        return err_set(err, ENOMEM, "no memory for what the journal says");
    }
    if (!fresh && !task_take(s, a->job, a->index)) {
        job_uncount(j, a->index);
        follow_reopened(s, a->job, a->index);
    }
    if (a->disposition == TASK_RETRIES)
        pickies_note(s, 0, UINT32_MAX, a, &again);
    attempt_settle(s, a);
    if (a->start_ns > 0 && a->end_ns > 0)
        tempo_note(&j->tempo, a->end_ns - a->start_ns);
    return 0;
}

int sched_replay_job(struct sched *s, uint32_t job, enum job_state state,
                     enum job_end end, struct err *err)
{
    if (check_job(s, job, err) < 0)
        return -1;
    struct job_run *j = &s->jobs[job];
    enum job_state was = j->state;
    if (state == was)
        return 0;
    if ((unsigned)state >= JOB_STATE_COUNT || !job_state_may_change(was, state))
        return err_set(err, EINVAL,
                       "the journal says that job %s went from %s to state %d",
                       j->spec->id, job_state_name(was), (int)state);
    j->state = state;
    j->end = end;
    j->want = WANT_NOTHING;
    job_changed(s, j, was);
    return 0;
}

int sched_replay_occurrence(struct sched *s, uint32_t job, bool begun,
                            struct err *err)
{
    if (check_job(s, job, err) < 0)
        return -1;
    schedules_replay(s, &s->jobs[job], begun);
    return 0;
}

void sched_replay_job_time(struct sched *s, uint32_t job, int64_t used_ns)
{
    if (job < job_count_of(s))
        job_use_time(&s->jobs[job], used_ns);
}

uint64_t sched_reactivate(struct sched *s, const struct task_range *range)
{
    uint64_t count = 0;
    if (range->job >= job_count_of(s))
        return 0;
    struct job_run *j = &s->jobs[range->job];
    uint64_t end = (uint64_t)range->first + range->count;
    if (range->first == INDEX_JOB_MANAGER && j->spec->manager)
        end = (uint64_t)range->first + 1;
    else if (end > j->task_count)
        end = j->task_count;
    for (uint64_t i = range->first; i < end; i++)
        count += task_reactivate(s, range->job, (uint32_t)i);
    if (count == 0)
        return 0;
    if (j->state == JOB_ACTIVE || j->state >= JOB_TERMINATING)
        job_revive(s, j);
    follow_revive(s, false);
    follow_review(s, j);
    return count;
}

int sched_replay_skipped(struct sched *s, const struct task_range *range,
                         struct err *err)
{
    if (check_job(s, range->job, err) < 0)
        return -1;
    struct job_run *j = &s->jobs[range->job];
    uint32_t count = j->task_count;
    bool is_manager = range->first == INDEX_JOB_MANAGER && range->count == 1 &&
                      j->spec->manager;
    if (!is_manager &&
        (range->first >= count || range->count > count - range->first))
        return err_set(err, EINVAL,
                       "the journal speaks of task %" PRIu32
                       ", job %s has %" PRIu32,
                       range->first + range->count - 1, j->spec->id, count);
    for (uint32_t i = range->first; i < range->first + range->count; i++) {
        uint32_t attempts = sched_task_attempts(s, range->job, i);
        if (indices_contains(&j->skipped, i))
            continue;
        if (!task_take(s, range->job, i)) { /* one that was deleted later */
            job_uncount(j, i);
            follow_reopened(s, range->job, i);
        }
        if (attempts > 0)
            indices_add(&j->tried, i);
        follow_skip(s, range->job, i);
    }
    return 0;
}
