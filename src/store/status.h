/* status.json: a snapshot of a run, replaced atomically; versioned. */
#ifndef MPIBATCH_STORE_STATUS_H
#define MPIBATCH_STORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/quantity.h"
#include "model/jobspec.h"
#include "model/snapshot.h"
#include "store/rundir.h"

/* What status.json says beside the snapshot. */
struct status_origin {
    char host[256];
    int32_t pid;
    char launch_id[64]; /* which `mpibatch launch` started it; or "" */
};

/* A session that has not said anything for so long is not running. */
#define STATUS_SILENT_NS (15 * NS_PER_SEC)
/* Was it alive at now_ns (since 1970 UTC)? */
bool status_is_alive(const struct snapshot *snap, int64_t now_ns);
/* Is it known that its process has gone? Only where that ran. */
bool status_is_gone(const struct status_origin *from);

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
