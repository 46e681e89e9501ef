/* Tasks that were added to a run while it went on: RUN/added/000001.yaml, ...
 * Each file is one fragment as it came, behind a line that names its job. It is
 * there, complete and synced, before anybody speaks of its tasks. */
#ifndef MPIBATCH_STORE_ADDED_H
#define MPIBATCH_STORE_ADDED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/jobspec.h"

enum { ADDED_MAX = 999999 };

/* Keep fragment `number` (from 1; the next one) of a run. -1 with err: nothing
 * of it is there then; E2BIG: over ADDED_MAX. */
int added_write(const char *run_dir, uint32_t number, const char *job_id,
                const char *text, size_t len, struct err *err);

/* Read a fragment: its job's id, and in b its text from byte *text on. 1; 0:
 * there is none of that number; -1 with err. */
int added_read(const char *run_dir, uint32_t number, struct buf *b,
               char job_id[JOBSPEC_MAX_ID + 1], size_t *text, struct err *err);

#endif
