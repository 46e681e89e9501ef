/* What a rank says of itself and its node at start-up. */
#ifndef MPIBATCH_MODEL_NODE_H
#define MPIBATCH_MODEL_NODE_H

#include <stdint.h>

enum { NODE_MAX_NAME = 255, NODE_MAX_CPUS = 4095, NODE_MAX_SCRATCH = 1023 };

/* The pool of a node that belongs to none: nothing runs there. */
#define POOL_NONE UINT32_MAX

struct node_info {
    char hostname[NODE_MAX_NAME + 1];
    uint64_t boot_id; /* a digest of the kernel's boot id and the process's
                         namespaces: ranks with the same hostname and boot_id
                         share a node */
    char cpus[NODE_MAX_CPUS + 1]; /* what this rank may use, as a list such as
                                     "0-3,8" of OS indices */
    uint64_t memory_bytes;        /* of the node */
    uint32_t cores, hwthreads;    /* of the node, allowed or not */
    uint32_t gpus;                /* that were found, GPU_MAX_PER_NODE at most
                                   */
    uint32_t pool;                /* of the spec; POOL_NONE: of none */
    int32_t pid;
    char scratch[NODE_MAX_SCRATCH + 1]; /* the node's folder for tasks; "":
                                           it has none */
};

#endif
