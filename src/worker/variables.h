/* The variables that a script written for Azure Batch finds: AZ_BATCH_*. */
#ifndef MPIBATCH_WORKER_VARIABLES_H
#define MPIBATCH_WORKER_VARIABLES_H

#include "base/err.h"
#include "model/jobspec.h"
#include "proc/environment.h"
#include "worker/prepare.h"

/* The longest name of a variable for a package. */
enum { VARIABLES_PACKAGE_BYTES = 32 + JOBSPEC_MAX_ID + STORAGE_MAX_VERSION };

/* How Azure spells it on Linux: AZ_BATCH_APP_PACKAGE_ID_VERSION, or without
 * version if that is NULL or "", where . - and # are _. */
void variables_package_name(const char *id, const char *version,
                            char name[VARIABLES_PACKAGE_BYTES]);

/* Who a task is and what it has. */
struct variables_of {
    const char *host, *job_id, *task_id;
    const char *root;            /* the node's scratch; NULL: there is none */
    const struct prepared *made; /* its own directory and packages; NULL: it has
                                    none */
    uint32_t job, index;
};

/* What a task is told: who it is, on which node, and what is where. -1 with
 * err. */
int variables_put(struct environment *env, const struct jobspec *spec,
                  const struct variables_of *who, struct err *err);

/* Put the folders of the packages that ask for it before PATH, as it is now.
 * -1 with err. */
int variables_put_path(struct environment *env, const struct jobspec *spec,
                       const struct task_template *t,
                       const struct prepared *made, struct err *err);

#endif
