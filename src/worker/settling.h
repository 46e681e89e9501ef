/* Uploads that are settled: the end of their attempt is in the journal, so
 * the task will not run again, and the manifest of what it has put where is of
 * no use any more. The manager acknowledges a result when the journal has it;
 * manifests of results that are acknowledged are removed, many at once, by io.
 * Manifests of failed attempts stay: the task may run again, some day.
 */
#ifndef MPIBATCH_WORKER_SETTLING_H
#define MPIBATCH_WORKER_SETTLING_H

#include "comm/comm.h"
#include "worker/staging.h"

struct settling;

/* Both are borrowed. NULL: no memory. */
struct settling *settling_create(const struct staging *staging,
                                 struct comm *comm);

/* The result of the attempt that uploaded under this key (copied) has just been
 * sent to peer. What there is no memory for is left. */
void settling_add(struct settling *s, uint32_t peer, const char *key);

/* Remove what is settled by now: from time to time. */
void settling_step(struct settling *s);

/* The same, at once, when this rank leaves. */
void settling_end(struct settling *s);

/* Only when io calls no more. NULL is fine. */
void settling_destroy(struct settling *s);

#endif
