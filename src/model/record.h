/* Records as bytes: what messages, the journal and start-up share.
 *
 * A record is packed (base/pack.h) and starts with nothing but itself: who
 * stores it frames it. Reading checks every bound against the job spec.
 */
#ifndef MPIBATCH_MODEL_RECORD_H
#define MPIBATCH_MODEL_RECORD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/pack.h"
#include "model/attempt.h"
#include "model/gpu.h"
#include "model/jobspec.h"
#include "model/node.h"

/* The largest record of an attempt: of an integer at most 10 bytes. */
enum {
    RECORD_FILE_BYTES = 64, /* beside its name */
    RECORD_MAX_BYTES = 8 * 1024 + 10 * JOBSPEC_MAX_METRIC_CELLS +
                       JOBSPEC_MAX_METRICS * (METRIC_MAX_STRING + 8) +
                       ATTEMPT_MAX_FILES * RECORD_FILE_BYTES +
                       ATTEMPT_MAX_FILE_NAMES
};

/* Append the record of an attempt; metrics of its job that it does not have
 * are missing. -1 with errno as buf_put, EINVAL (no such job, or an array of
 * another size than its metric's) or EMSGSIZE (a metric's string is over
 * METRIC_MAX_STRING); b is as it was then. */
int record_put_attempt(struct buf *b, const struct attempt *a,
                       const struct jobspec *spec);

/* Read an attempt into a, which need not be initialised (what it held is not
 * freed); attempt_fini it later. -1 with err: EPROTO (truncated, malformed,
 * or what is out of bounds) or ENOMEM; u->bad is set and a initialised
 * then. */
int record_get_attempt(struct unpack *u, const struct jobspec *spec,
                       struct attempt *a, struct err *err);

/* Of the record of an attempt that begins here only how its process has ended:
 * exit_code and signal. u->bad if that cannot be read. */
void record_get_exit(struct unpack *u, struct attempt *a);

/* The same for a node; *n is zeroed on failure. */
int record_put_node(struct buf *b, const struct node_info *n);
int record_get_node(struct unpack *u, struct node_info *n, struct err *err);

#endif
