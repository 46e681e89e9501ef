/* A small job spec and a full attempt of it, for the tests of wire/ and the
 * fuzz target. */
#ifndef MPIBATCH_TESTS_WIRE_SAMPLE_H
#define MPIBATCH_TESTS_WIRE_SAMPLE_H

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/attempt.h"
#include "model/jobspec.h"

static const struct metric sample_metrics[] = {
    {.name = "energy", .type = METRIC_FLOAT64},
    {.name = "steps", .type = METRIC_INT64},
    {.name = "phase", .type = METRIC_STRING},
    {.name = "failed", .type = METRIC_STRING},
};

static const struct job sample_jobs[] = {
    {.id = "null", .tasks = {.count = 1000000}},
    {.id = "scan",
     .tasks = {.count = TASKSET_MAX_COUNT},
     .metrics = sample_metrics,
     .metric_count = 4},
    {.id = "one", .tasks = {.count = 1}},
};

static const struct jobspec sample_spec = {
    .name = "sample", .jobs = sample_jobs, .job_count = 3};

/* A task that did nothing and succeeded, of the job without metrics. */
static inline void sample_null(struct attempt *a)
{
    attempt_init(a);
    a->index = 999999;
    a->attempt = 1;
    a->result = RESULT_SUCCESS;
    a->exit_code = 0;
    a->node = 11;
    a->rank = 130;
    a->slot = 63;
    a->start_ns = INT64_C(1764000000123456789);
    a->submit_ns = a->start_ns - 5000000;
    a->end_ns = a->start_ns + 1000000;
    a->user_ns = 400000;
    a->system_ns = 600000;
    a->max_rss_bytes = 2 << 20;
}

/* Every field has a value of its own; the job has all types of metrics. */
static inline void sample_full(struct attempt *a)
{
    sample_null(a);
    a->job = 1;
    a->index = TASKSET_MAX_COUNT - 1;
    a->attempt = 4000000000;
    a->result = RESULT_FAILURE;
    a->reason = REASON_INTERNAL;
    a->failure = FAILURE_DISK_FULL;
    a->disposition = TASK_RETRIES;
    a->exit_code = -2;
    a->signal = 64;
    a->node = UINT32_MAX;
    a->rank = UINT32_MAX - 1;
    a->slot = UINT32_MAX - 2;
    a->read_bytes = UINT64_MAX;
    a->write_bytes = UINT64_MAX - 1;
    a->output[0] = (struct output){OUTPUT_PACKED, 7, UINT64_MAX - 2, 12345};
    a->output[1] = (struct output){OUTPUT_FILE, 8, 9, UINT64_MAX - 3};
    memset(a->message, 'm', ATTEMPT_MAX_MESSAGE);
    a->failure = FAILURE_UPLOAD_TIMED_OUT;
    a->kept = true;
    a->prepare_ns = INT64_MAX;
    a->store_ns = INT64_MIN;
    struct attempt_file *f = attempt_add_file(a, "stdout.txt");
    assert(f);
    f = attempt_add_file(a, "out/fields/e.h5");
    assert(f);
    f->place = FILE_OWN;
    f->mode = 07777;
    f->session = UINT32_MAX;
    f->offset = UINT64_MAX - 4;
    f->bytes = UINT64_MAX - 5;
    memset(f->digest.bytes, 0xd1, sizeof(f->digest));
    a->metric_count = 4;
    a->metrics[0] = (struct metric_value){.state = METRIC_OK, .u.number = -0.1};
    a->metrics[1] =
        (struct metric_value){.state = METRIC_OK, .u.integer = INT64_MIN};
    a->metrics[2] = (struct metric_value){.state = METRIC_OK,
                                          .string = mem_strdup("ordered")};
    a->metrics[3] = (struct metric_value){.state = METRIC_MALFORMED};
    assert(a->metrics[2].string);
}

#endif
