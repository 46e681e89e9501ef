/* Ranks in one process: a transport for tests, for simulated clusters, and
 * (with one rank, no faults) for a run without mpirun. */
#ifndef MPIBATCH_COMM_PAIR_H
#define MPIBATCH_COMM_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "comm/transport.h"

/* What the network does to packets; all zero: nothing. */
struct pair_faults {
    uint32_t drop_permille;             /* lost */
    uint32_t repeat_permille;           /* delivered twice */
    int64_t delay_min_ns, delay_max_ns; /* uniformly drawn: reorders */
    uint64_t seed;
};

struct pair;

/* A network of size ranks. NULL with err ENOMEM. Free with pair_destroy. */
struct pair *pair_create(uint32_t size, const struct pair_faults *faults,
                         struct err *err);
void pair_destroy(struct pair *p);

/* The transport of one rank; owned by the pair. */
struct transport *pair_transport(struct pair *p, uint32_t rank);

/* Cut a rank off (or join it again): packets to and from it are lost. */
void pair_cut(struct pair *p, uint32_t rank, bool cut);

/* The earliest delivery to rank; INT64_MAX: none on its way. */
int64_t pair_next_ns(const struct pair *p, uint32_t rank);

#endif
