/* What runs at this moment: a small file that the manager replaces each
 * second. The journal has attempts only when they have ended. */
#ifndef MPIBATCH_STORE_RUNNING_H
#define MPIBATCH_STORE_RUNNING_H

#include <stdint.h>

#include "base/err.h"
#include "store/rundir.h"

/* The most tasks that are said; of more, the first ones. */
enum { RUNNING_MAX = 1 << 16 };

struct running {
    uint32_t job, index, attempt, rank;
    int64_t start_ns; /* since 1970 UTC */
};

struct running_list {
    uint32_t count;
    struct running tasks[];
};

/* Replace the file of the run directory; now_ns: since 1970 UTC. 0, or -1
 * with err. */
int running_write(const struct rundir *r, const struct running *tasks,
                  uint32_t count, int64_t now_ns, struct err *err);

/* What runs, or an empty list: the file is not there, or older than 15
 * seconds, so that the session was killed. Free with mem_free. NULL with err
 * (ENOMEM, or the errno of the file). */
struct running_list *running_read(const struct rundir *r, int64_t now_ns,
                                  struct err *err);

#endif
