/* Metrics: values found in what a task leaves behind, its output and files.
 *
 * What is not there is METRIC_MISSING; what is there but is no value of its
 * type or shape is METRIC_MALFORMED; a value outside the metric's range is
 * METRIC_OUT_OF_RANGE. Why, the attempt's message says.
 */
#ifndef MPIBATCH_METRICS_EXTRACT_H
#define MPIBATCH_METRICS_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/attempt.h"
#include "model/jobspec.h"

struct extractor;

/* Less than a rank may be silent, by default. */
#define EXTRACT_SEARCH_NS (INT64_C(10) * 1000000000)

/* What an attempt has left. All borrowed. */
struct leavings {
    const char *output[2]; /* stdout, stderr; NULL: it cannot be read */
    size_t output_len[2];
    const char *task_id;
    const char *run_dir;
    const char *spec_dir; /* as template_context has it */
    const char *work_dir; /* the task's; absolute. NULL: its files are not to be
                             looked for, they are missing */
    /* Looks for a file of the task before work_dir is looked at: its fd (the
     * extractor's), or -1 with err, ENOENT: there is none. NULL: nobody does.
     */
    int (*open)(void *arg, const char *name, struct err *err);
    void *open_arg;
    int64_t search_ns; /* CPU time that regular expressions may take, at
                          most; 0: EXTRACT_SEARCH_NS */
};

/* Prepare for the metrics of a job (borrowed): compile what is to be. NULL
 * with err. */
struct extractor *extractor_create(const struct job *job, struct err *err);
void extractor_destroy(struct extractor *x);

/* Find the metrics and fill a->metrics and a->metric_count, which hold nothing
 * yet; of an attempt that has succeeded and has no message, say in the message
 * what is wrong with the first bad one. -1 with err ENOMEM: all are missing
 * then. */
int extractor_run(struct extractor *x, const struct leavings *from,
                  struct attempt *a, struct err *err);

/* In the last run: was the file of that metric not there (or not looked for)?
 */
bool extractor_lacked_file(const struct extractor *x, uint32_t metric);

/* Is a library in use that only one thread of a process may use, so that other
 * users of HDF5 must be kept apart from extractor_run? */
bool extractor_needs_hdf5_alone(const struct jobspec *spec);

#endif
