/* Looking at outputs of many attempts, one after the other. */
#ifndef MPIBATCH_STORE_OUTPUT_VIEW_H
#define MPIBATCH_STORE_OUTPUT_VIEW_H

#include <stddef.h>

#include "base/err.h"
#include "model/attempt.h"
#include "store/rundir.h"

struct output_viewer;

/* rundir is borrowed. NULL: no memory. Fast if the attempts come in about the
 * order of the journal: packs are read in large pieces. */
struct output_viewer *output_viewer_create(const struct rundir *r);
void output_viewer_destroy(struct output_viewer *v);

/* All of a stream's output (0 stdout, 1 stderr): borrowed until the next look
 * at that stream. -1 with err: it is not there (ENOENT, ENODATA), cannot be
 * read, or ENOMEM. */
int output_view(struct output_viewer *v, const struct attempt *a,
                const char *job_id, const char *task_id, int stream,
                const char **data, size_t *len, struct err *err);

#endif
