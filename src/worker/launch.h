/* How an attempt was launched: what MSG_LAUNCH says of it. Plain data. */
#ifndef MPIBATCH_WORKER_LAUNCH_H
#define MPIBATCH_WORKER_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gpu.h"
#include "wire/msg.h"

struct launch {
    uint32_t instance, instance_count; /* at least 1 */
    uint32_t *ranks;                   /* of all instances; NULL if one */
    struct gpu_share *gpus;            /* that it has on this node */
    uint32_t gpu_count;
    uint64_t memory_bytes;     /* its limit; 0: its template's */
    int64_t max_wall_clock_ns; /* the same */
    bool keep_directory;       /* go on in the directory that the attempt before
                                  it has left on this node */
};

/* Of a decoded MSG_LAUNCH. -1 with err ENOMEM. */
int launch_read(struct launch *l, const struct msg *m, struct err *err);
void launch_fini(struct launch *l);

#endif
