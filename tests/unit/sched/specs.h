/* Job specs for the scheduler's tests, built by hand, and short words for its
 * inputs. */
#ifndef MPIBATCH_TESTS_SCHED_SPECS_H
#define MPIBATCH_TESTS_SCHED_SPECS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/quantity.h"
#include "model/jobspec.h"
#include "sched/sched.h"

enum { SPECS_MAX_JOBS = 8 };

struct specs {
    struct jobspec spec;
    struct job jobs[SPECS_MAX_JOBS];
    struct task_template templates[SPECS_MAX_JOBS];
};

static inline void specs_init(struct specs *s)
{
    *s = (struct specs){.spec = {.name = "test", .jobs = s->jobs}};
}

/* Add a sweep of count tasks that require slots each. */
static inline struct job *specs_add(struct specs *s, uint32_t count,
                                    uint32_t slots, int32_t priority,
                                    int32_t retries)
{
    uint32_t j = s->spec.job_count++;
    s->templates[j] = (struct task_template){
        .required_slots = slots,
        .retry = retry_policy_default,
        .constraints = {.max_task_retry_count = retries}};
    s->jobs[j] = (struct job){.id = "job",
                              .priority = priority,
                              .tasks = {.kind = TASKS_SWEPT, .count = count},
                              .templates = &s->templates[j]};
    return &s->jobs[j];
}

/* Add count listed tasks with those templates (borrowed). */
static inline struct job *specs_list(struct specs *s, uint32_t count,
                                     const struct task_template *templates,
                                     int32_t priority)
{
    struct job *job = specs_add(s, count, 1, priority, 0);
    job->tasks.kind = TASKS_LISTED;
    job->templates = templates;
    return job;
}

/* A scheduler for it, with the configuration that sched_config_init makes. */
static inline struct sched *specs_sched(const struct specs *s, uint32_t workers)
{
    struct sched_config c;
    struct err err = {0};
    sched_config_init(&c);
    c.spec = &s->spec;
    c.worker_count = workers;
    struct sched *sched = sched_create(&c, &err);
    assert_string_equal(err.text, "");
    assert_non_null(sched);
    return sched;
}

/* A join that must succeed. */
static inline void join(struct sched *s, int64_t now, uint32_t worker,
                        uint32_t slots)
{
    assert_int_equal(sched_worker_join(s, now, worker, slots, NULL), 0);
}

/* An attempt that ended for that reason. */
static inline struct attempt attempt_of(uint32_t job, uint32_t index,
                                        uint32_t attempt, enum reason reason)
{
    struct attempt a;
    attempt_init(&a);
    a.job = job;
    a.index = index;
    a.attempt = attempt;
    a.reason = reason;
    a.result = reason == REASON_NONE ? RESULT_SUCCESS : RESULT_FAILURE;
    return a;
}

/* Report an end; is it accepted? took_ns 0: not known. */
static inline bool end_took(struct sched *s, int64_t now, uint32_t worker,
                            struct attempt *a, int64_t took_ns)
{
    bool accepted = false;
    if (took_ns > 0) {
        a->start_ns = 1;
        a->end_ns = 1 + took_ns;
    }
    assert_int_equal(sched_attempt_ended(s, now, worker, a, &accepted, NULL),
                     0);
    return accepted;
}

static inline bool end_task(struct sched *s, int64_t now, uint32_t worker,
                            uint32_t job, uint32_t index, uint32_t attempt,
                            enum reason reason)
{
    struct attempt a = attempt_of(job, index, attempt, reason);
    return end_took(s, now, worker, &a, 0);
}

static inline void started(struct sched *s, int64_t now, uint32_t worker,
                           uint32_t job, uint32_t index, uint32_t attempt)
{
    assert_int_equal(
        sched_attempt_started(s, now, worker, job, index, attempt, NULL), 0);
}

static inline void preparing(struct sched *s, int64_t now, uint32_t worker,
                             uint32_t job, uint32_t index, uint32_t attempt)
{
    assert_int_equal(
        sched_attempt_preparing(s, now, worker, job, index, attempt, NULL), 0);
}

static inline void prepared(struct sched *s, int64_t now, uint32_t worker,
                            uint32_t job, uint32_t index, uint32_t attempt)
{
    assert_int_equal(
        sched_attempt_prepared(s, now, worker, job, index, attempt, NULL), 0);
}

static inline void storing(struct sched *s, int64_t now, uint32_t worker,
                           uint32_t job, uint32_t index, uint32_t attempt)
{
    assert_int_equal(
        sched_attempt_storing(s, now, worker, job, index, attempt, NULL), 0);
}

static inline void returned(struct sched *s, int64_t now, uint32_t worker,
                            uint32_t job, uint32_t first, uint32_t count,
                            uint32_t attempt)
{
    assert_int_equal(
        sched_tasks_returned(s, now, worker, job, first, count, attempt, NULL),
        0);
}

#endif
