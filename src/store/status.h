/* status.json: a snapshot of a run, replaced atomically; versioned. */
#ifndef MPIBATCH_STORE_STATUS_H
#define MPIBATCH_STORE_STATUS_H

#include <stdint.h>

#include "base/err.h"
#include "model/jobspec.h"
#include "model/snapshot.h"
#include "store/rundir.h"

/* What status.json says beside the snapshot. */
struct status_origin {
    char host[256];
    int32_t pid;
    char launch_id[64]; /* which `mpibatch launch` started it; or "" */
};

/* Replace status.json of the run directory; on a full disk, where that cannot
 * be done, write over it. err must not be NULL. */
int status_write(const struct rundir *r, const struct jobspec *spec,
                 const struct snapshot *snap, const struct status_origin *from,
                 struct err *err);

/* Read it; snap->jobs is mem_alloc'ed (mem_free it). -1 with err: ENOENT (no
 * session has written one), EPROTO. */
int status_read(const char *rundir_path, const struct jobspec *spec,
                struct snapshot *snap, struct status_origin *from,
                struct err *err);

#endif
