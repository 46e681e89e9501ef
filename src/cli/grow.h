/* A spec with the tasks that were added to its run: what each reader of a run
 * directory does behind parsing run.yaml, before it looks at the journal. */
#ifndef MPIBATCH_CLI_GROW_H
#define MPIBATCH_CLI_GROW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/pack.h"
#include "model/jobspec.h"

/* Add the tasks of one fragment to a job. -1 with err; nothing has changed
 * then. */
int spec_grow(struct jobspec *spec, const char *job_id, const char *text,
              size_t len, struct err *err);

/* Add the tasks of all fragments of a run that the spec does not have yet. -1
 * with err; those before the one that fails are added. */
int spec_grow_run(struct jobspec *spec, const char *run_dir, struct err *err);

/* Pack the fragments that the spec has, for another rank; and add them to its
 * spec. */
int spec_pack_run(const struct jobspec *spec, const char *run_dir,
                  struct buf *out, struct err *err);
int spec_unpack_run(struct jobspec *spec, struct unpack *u, struct err *err);

#endif
