/* Which file goes where. Private to upload*.c. */
#ifndef MPIBATCH_STAGE_UPLOAD_PLAN_H
#define MPIBATCH_STAGE_UPLOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "stage/upload.h"

struct upload_item {
    const struct upload_set *set;
    const char *source; /* plain, without links, below the task's directory */
    const char *name;   /* plain, below the container */
    const char *temp;   /* the same with a name of its own in its folder */
    size_t order;       /* of sets, then of names */
    /* of the copy, once it is there */
    uint64_t ino, bytes;
    struct timespec mtime;
};

struct upload_plan {
    struct arena *arena;
    struct upload_item *items; /* sorted by container, then name; none twice:
                                  the later set wins */
    size_t count;
};

/* Match the patterns of u, whose task directory is open as task_dir. token:
 * for the temporary names. Counts links that lead out in *counts. -1 with err:
 * EINVAL (a pattern or a path that leads out), ERANGE, EMSGSIZE, ENOMEM, or
 * the errno of a folder. */
int upload_plan_make(struct upload_plan *p, const struct upload *u,
                     int task_dir, uint64_t token, struct upload_counts *counts,
                     struct err *err);
/* Does it put a file there? */
bool upload_plan_has(const struct upload_plan *p, const char *container,
                     const char *name);
void upload_plan_fini(struct upload_plan *p);

#endif
