/* The life of a job: see jobs.h. */
#include "config.h"
#include "sched/jobs.h"

/* All its sets of tasks. */
#define SETS_OF(j)                                                             \
    {                                                                          \
        &(j)->failures, &(j)->invalids, &(j)->blocked, &(j)->doomed,           \
            &(j)->skipped, &(j)->tried, &(j)->good, &(j)->bad, &(j)->reopened, \
            &(j)->revived                                                      \
    }
enum { SET_COUNT = 10 };

int job_init(struct job_run *j, const struct job *spec)
{
    *j = (struct job_run){.spec = spec,
                          .expires_ns = INT64_MAX,
                          .state = JOB_ACTIVE,
                          .end = JOB_END_NONE};
    heap_node_init(&j->due);
    heap_node_init(&j->expiry);
    struct indices *sets[] = SETS_OF(j);
    for (size_t i = 0; i < SET_COUNT; i++)
        if (indices_init(sets[i], 0) < 0)
            return -1;
    return 0;
}

void job_fini(struct job_run *j)
{
    struct indices *sets[] = SETS_OF(j);
    for (size_t i = 0; i < SET_COUNT; i++)
        indices_fini(sets[i]);
}

bool job_is_done(const struct job_run *j)
{
    return j->succeeded + j->failed + j->skipped.count == j->spec->tasks.count;
}

bool job_begin(struct job_run *j, int64_t now_ns)
{
    int64_t limit_ns = j->spec->max_wall_clock_ns;
    if (limit_ns <= 0 || j->expires_ns != INT64_MAX)
        return false;
    if (__builtin_add_overflow(now_ns, limit_ns - j->used_ns, &j->expires_ns))
        j->expires_ns = INT64_MAX - 1;
    return true;
}

void job_use_time(struct job_run *j, int64_t used_ns)
{
    int64_t limit_ns = j->spec->max_wall_clock_ns;
    j->used_ns = used_ns < 0 ? 0 : used_ns;
    j->expires_ns =
        limit_ns > 0 && j->used_ns >= limit_ns ? INT64_MIN : INT64_MAX;
}

bool job_step(struct job_run *j, int64_t now_ns)
{
    if (j->state == JOB_ACTIVE && job_is_done(j)) {
        j->state = JOB_TERMINATING;
        j->end = JOB_END_ALL_TASKS_COMPLETE;
    } else if (j->state == JOB_ACTIVE && j->expires_ns <= now_ns) {
        j->state = JOB_TERMINATING;
        j->end = JOB_END_MAX_WALL_CLOCK_TIME;
    } else if (j->state == JOB_TERMINATING && j->outstanding == 0) {
        j->state = JOB_COMPLETED;
    } else {
        return false;
    }
    return true;
}

void job_count(struct job_run *j, const struct attempt *a)
{
    if (a->disposition == TASK_RETRIES) {
        j->retried++;
    } else if (a->result == RESULT_SUCCESS) {
        j->succeeded++;
        if (attempt_is_invalid(a))
            j->invalid += indices_add(&j->invalids, a->index);
    } else {
        j->failed++;
        indices_add(&j->failures, a->index);
    }
}

void job_uncount(struct job_run *j, uint32_t index)
{
    if (indices_remove(&j->failures, index)) {
        j->failed--;
        return;
    }
    j->succeeded--;
    j->invalid -= indices_remove(&j->invalids, index);
}

bool reason_uses_retry(enum reason reason)
{
    return reason != REASON_LOST && reason != REASON_STOPPED &&
           reason != REASON_CHECKPOINT;
}

struct verdict job_judge(const struct job_run *j, const struct attempt *a,
                         uint32_t retries)
{
    static const struct verdict over = {.again = false};
    struct verdict v =
        policy_judge(job_template(j->spec, a->index), a, retries);
    /* a job that ends gives no further attempt */
    return v.uses_retry && j->state >= JOB_TERMINATING ? over : v;
}

bool job_satisfies(const struct job_run *j, const struct attempt *a)
{
    struct verdict v =
        policy_judge(job_template(j->spec, a->index), a, UINT32_MAX);
    return !v.again && v.end.dependency_action == DEPENDENCY_SATISFY;
}

void job_counts(const struct job_run *j, struct task_counts *counts)
{
    uint64_t total = j->spec->tasks.count;
    *counts = (struct task_counts){
        .total = total,
        .succeeded = j->succeeded,
        .failed = j->failed,
        .skipped = j->skipped.count,
        .active = total - j->succeeded - j->failed - j->skipped.count,
        .retried = j->retried,
        .invalid = j->invalid,
    };
}
