/* What staging did for an attempt, for `mpibatch task`: how long it took, what
 * the attempt returned and where that is, where its directory is kept. */
#ifndef MPIBATCH_CLI_ATTEMPT_STAGED_H
#define MPIBATCH_CLI_ATTEMPT_STAGED_H

#include <jansson.h>

#include "base/buf.h"
#include "model/jobspec.h"
#include "view/query.h"

/* Append lines about t->last; those that say nothing are left out. aside: a
 * later attempt has taken the place of its directory. */
void attempt_staged_put(const struct job *job, const struct query_task *t,
                        bool aside, int64_t now_ns, struct buf *out);

/* Append where t->last started, which is on its node yet; nothing if that is
 * gone. -1: no memory. */
int attempt_kept_directory(const struct job *job, const struct query_task *t,
                           int64_t now_ns, struct buf *out);

/* Set "files" and "directory" in o. -1: no memory. */
int attempt_staged_json(const struct job *job, const struct query_task *t,
                        bool aside, json_t *o);

#endif
