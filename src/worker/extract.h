/* Metrics: values found in what a task printed, by regular expression. */
#ifndef MPIBATCH_WORKER_EXTRACT_H
#define MPIBATCH_WORKER_EXTRACT_H

#include <stddef.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"

struct extractor;

/* Compile the regular expressions of a job. NULL with err. */
struct extractor *extractor_create(const struct job *job, struct err *err);
void extractor_destroy(struct extractor *x);

/* Find the job's metrics in the two outputs and fill a->metrics and
 * a->metric_count. What is not there is METRIC_MISSING; what is there but is
 * no value of its type (the whole group, blanks around it aside) is
 * METRIC_MALFORMED. -1 with err ENOMEM. */
int extractor_run(struct extractor *x, const char *const output[2],
                  const size_t output_len[2], struct attempt *a,
                  struct err *err);

#endif
