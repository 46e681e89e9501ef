/* The life of a job: see jobs.h. */
#include "config.h"
#include "sched/jobs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

/* All its sets of tasks. */
#define SETS_OF(j)                                                             \
    {                                                                          \
        &(j)->failures, &(j)->invalids, &(j)->blocked, &(j)->doomed,           \
            &(j)->skipped, &(j)->tried, &(j)->good, &(j)->bad, &(j)->odd,      \
            &(j)->reopened, &(j)->revived, &(j)->dropped, &(j)->ending,        \
            &(j)->ended, &(j)->deleted                                         \
    }
enum { SET_COUNT = 15 };

int job_init(struct job_run *j, const struct job *spec)
{
    *j = (struct job_run){.spec = spec,
                          .task_count = spec->tasks.count,
                          .expires_ns = INT64_MAX,
                          .turn =
                              spec->schedule > 0 ? TURN_WAITS : TURN_HAS_BEGUN,
                          .state = JOB_ACTIVE,
                          .end = JOB_END_NONE};
    heap_node_init(&j->due);
    heap_node_init(&j->expiry);
    job_look(j, 0);
    struct indices *sets[] = SETS_OF(j);
    for (size_t i = 0; i < SET_COUNT; i++)
        if (indices_init(sets[i], 0) < 0)
            return -1;
    return 0;
}

void job_look(struct job_run *j, uint32_t first)
{
    uint32_t count = job_template_count(j->spec);
    if (j->spec->on_task_failure == TASK_FAILURE_JOB_ACTION)
        j->ends = ENDS_WITH_OPTIONS;
    for (; j->ends == ENDS_PLAINLY && first < count; first++) {
        const struct exit_conditions *c =
            &job_template(j->spec, first)->exit_conditions;
        if (c->code_count > 0 || c->has_pre_processing_error ||
            c->has_file_upload_error || c->has_default)
            j->ends = ENDS_WITH_OPTIONS;
    }
    if (j->spec->manager && j->spec->manager->task.exit_conditions.code_count)
        j->ends = ENDS_WITH_OPTIONS;
}

void job_fini(struct job_run *j)
{
    struct indices *sets[] = SETS_OF(j);
    for (size_t i = 0; i < SET_COUNT; i++)
        indices_fini(sets[i]);
    mem_free(j->why);
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

int job_want_end(struct job_run *j, enum job_end end, const char *why)
{
    char *copy = NULL;
    if (j->state >= JOB_TERMINATING || j->want == WANT_TERMINATE)
        return 0;
    if (why && !(copy = mem_strdup(why)))
        return -1;
    mem_free(j->why);
    j->why = copy;
    j->want = WANT_TERMINATE;
    j->want_end = end;
    return 0;
}

/* Have so many tasks failed that it is to stop? */
static void check_failures(struct job_run *j)
{
    const struct stop_when *stop = &j->spec->stop_when;
    uint64_t ended = j->succeeded + j->failed;
    char why[128];
    if (j->failed == 0 || ended < stop->after ||
        !((stop->failed > 0 && j->failed >= stop->failed) ||
          (stop->share > 0 &&
           (double)j->failed >= stop->share * (double)ended)))
        return;
    snprintf(why, sizeof(why),
             "stop_when: %" PRIu64 " of %" PRIu64
             " tasks that have ended failed",
             j->failed, ended);
    (void)job_want_end(j, JOB_END_TASK_FAILED, why); /* tried again */
}

static void terminate(struct job_run *j, enum job_end end)
{
    j->state = JOB_TERMINATING;
    j->end = end;
    j->want = WANT_NOTHING;
    j->cancel_next = 0;
}

static bool is_over(const struct job_run *j)
{
    return job_is_done(j) &&
           j->spec->on_all_tasks_complete == ALL_COMPLETE_TERMINATE;
}

bool job_step(struct job_run *j, int64_t now_ns)
{
    bool active = j->state == JOB_ACTIVE;
    if (j->turn != TURN_HAS_BEGUN)
        return false;
    if (active && !job_is_done(j))
        check_failures(j);
    if (j->state == JOB_TERMINATING) {
        if (j->outstanding > 0 || j->specials > 0 || j->owed > 0)
            return false;
        j->state = JOB_COMPLETED;
    } else if (j->state == JOB_COMPLETED) {
        return false;
    } else if (j->want == WANT_TERMINATE) {
        terminate(j, j->want_end);
    } else if (active && is_over(j)) {
        terminate(j, JOB_END_ALL_TASKS_COMPLETE);
    } else if (j->expires_ns <= now_ns) {
        terminate(j, JOB_END_MAX_WALL_CLOCK_TIME);
    } else if (active && j->want == WANT_DISABLE) {
        j->state = JOB_DISABLING;
        j->want = WANT_NOTHING;
        j->cancel_next = 0;
    } else if (j->state == JOB_DISABLING && j->outstanding == 0 &&
               j->specials == 0) {
        j->state = JOB_DISABLED;
    } else if (j->state == JOB_DISABLED && j->want == WANT_ENABLE) {
        j->state = JOB_ENABLING;
        j->want = WANT_NOTHING;
    } else if (j->state == JOB_ENABLING) {
        j->state = JOB_ACTIVE;
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
    if (job_is_plain_end(a))
        return over; /* what it means is job_end_options' */
    struct verdict v =
        policy_judge(job_template(j->spec, a->index), a, retries);
    /* a job that ends gives no further attempt */
    return v.uses_retry && j->state >= JOB_TERMINATING ? over : v;
}

struct exit_options job_end_options(const struct job_run *j,
                                    const struct attempt *a)
{
    static const struct exit_options cut = {JOB_ACTION_NONE, DEPENDENCY_BLOCK};
    struct verdict v =
        policy_judge(job_template(j->spec, a->index), a, UINT32_MAX);
    /* what did not end by itself says nothing of the job */
    if (v.again || a->reason == REASON_CANCELLED || a->reason == REASON_LOST)
        v.end.job_action = JOB_ACTION_NONE;
    return v.again ? cut : v.end;
}

void job_counts(const struct job_run *j, struct task_counts *counts)
{
    uint64_t total = job_total(j);
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
