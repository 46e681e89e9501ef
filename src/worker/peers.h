/* What a worker knows of other ranks: for tasks on several nodes. */
#ifndef MPIBATCH_WORKER_PEERS_H
#define MPIBATCH_WORKER_PEERS_H

#include <stdint.h>

struct peer {
    char *host;
    uint32_t slots, cores; /* its own; cores: of all its slots */
};

struct peers {
    struct peer *ranks;
    uint32_t count;
    const char *program; /* mpibatch itself, absolute; NULL: none for tasks */
};

#endif
