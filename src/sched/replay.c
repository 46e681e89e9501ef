/* What earlier sessions have left: see sched.h. */
#include "config.h"
#include "sched/sched.h"

#include <errno.h>
#include <inttypes.h>

#include "sched/machine.h"

static int check_job(const struct sched *s, uint32_t job, struct err *err)
{
    if (job >= job_count_of(s))
        return err_set(err, EINVAL,
                       "the journal speaks of job %" PRIu32 ", there are "
                       "%" PRIu32,
                       job, job_count_of(s));
    return 0;
}

/* The set that holds the task, unless it has succeeded or this attempt of it
 * was said before: NULL. A failed task may have been made active again. */
static struct indices *find_set(const struct sched *s, const struct attempt *a,
                                struct bucket *b)
{
    static const struct tally usual = {.attempts = 1};
    struct job_run *j = &s->jobs[a->job];
    struct indices *set = &j->failures;
    if (indices_contains(&b->fresh, a->index))
        return &b->fresh;
    if (indices_contains(&b->again, a->index))
        set = &b->again;
    else if (!indices_contains(set, a->index))
        return NULL;
    struct tally t = tally_get(&s->tally, a->job, a->index, usual);
    return t.attempts < a->attempt ? set : NULL;
}

int sched_replay_attempt(struct sched *s, const struct attempt *a,
                         struct err *err)
{
    if (check_job(s, a->job, err) < 0)
        return -1;
    const struct job *job = s->jobs[a->job].spec;
    if (a->index >= job->tasks.count || a->attempt == 0)
        return err_set(err, EINVAL,
                       "the journal speaks of attempt %" PRIu32
                       " of task %" PRIu32 ", job %s has %" PRIu32,
                       a->attempt, a->index, job->id, job->tasks.count);
    struct job_run *j = &s->jobs[a->job];
    struct bucket *b = task_bucket(s, a->job, a->index);
    struct indices *set = find_set(s, a, b);
    if (!set)
        return 0;
    if (attempt_tally(s, a) < 0)
        return err_set(err, ENOMEM, "no memory for what the journal says");
    if (set == &j->failures) {
        job_uncount(j, a->index);
    } else {
        bucket_take(b, set, a->index, 1);
    }
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
    job_changed(s, j, was);
    return 0;
}

void sched_replay_job_time(struct sched *s, uint32_t job, int64_t used_ns)
{
    if (job < job_count_of(s))
        job_use_time(&s->jobs[job], used_ns);
}

/* Is the task completed? No worker has any before the first input. */
static bool is_completed(const struct bucket *b, uint32_t index)
{
    return !indices_contains(&b->fresh, index) &&
           !indices_contains(&b->again, index);
}

uint64_t sched_reactivate(struct sched *s, const struct task_range *range)
{
    uint64_t count = 0;
    if (range->job >= job_count_of(s))
        return 0;
    struct job_run *j = &s->jobs[range->job];
    enum job_state was = j->state;
    uint64_t end = (uint64_t)range->first + range->count;
    if (end > j->spec->tasks.count)
        end = j->spec->tasks.count;
    for (uint64_t i = range->first; i < end; i++) {
        uint32_t index = (uint32_t)i;
        struct bucket *b = task_bucket(s, range->job, index);
        if (!is_completed(b, index))
            continue;
        job_uncount(j, index);
        bucket_put(b, &b->again, index, 1);
        count++;
    }
    if (count == 0)
        return 0;
    j->state = JOB_ACTIVE;
    j->end = JOB_END_NONE;
    j->cancel_next = 0;
    job_use_time(j, 0); /* else a job that had used it up would end at once */
    job_changed(s, j, was);
    return count;
}
