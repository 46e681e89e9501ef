/* The end of a task's directory: it is kept, or stays until the scratch is
 * removed, or is taken from its place at once and removed behind that.
 *
 * All wait for the disk and happen in threads of io. gone is called when the
 * next attempt of the task may begin, removed when nothing is left to do. What
 * cannot be removed is left to whoever cleans up the scratch, with a warning.
 */
#ifndef MPIBATCH_WORKER_RETIRE_H
#define MPIBATCH_WORKER_RETIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "stage/io.h"
#include "worker/staging.h"
#include "worker/taskdir.h"

struct retire {
    struct io_job job;
    const struct staging *staging;
    struct taskdir dir;    /* taken */
    int64_t keep_until_ns; /* since 1970 UTC; 0: not kept */
    bool stays;            /* if it is not kept: until the session ends */
    bool kept;             /* it is */
    enum { RETIRE_NAME, RETIRE_CONTENT } step;
    int away_rc; /* of taskdir_take_away */
    char away[TASKDIR_AWAY_BYTES];
    void (*gone)(struct retire *r);
    void (*removed)(struct retire *r); /* r may be freed */
};

/* Begin. r: staging, keep_until_ns, gone and removed are set; dir is emptied.
 */
void retire_start(struct retire *r, struct taskdir *dir);

#endif
