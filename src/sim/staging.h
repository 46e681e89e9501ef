/* A simulated cluster that stages files: the real director, nodes that do what
 * they are told, links and shared storage of some speed, and a clock that only
 * moves when something happens.
 *
 * An object is made of pieces. Storage gives one piece after the other, to all
 * who read in turn; a node's link sends one piece after the other, to its
 * children in turn, as soon as it has them itself. Messages take a while.
 * Nodes may die. The same configuration gives the same run.
 */
#ifndef MPIBATCH_SIM_STAGING_H
#define MPIBATCH_SIM_STAGING_H

#include <stdint.h>

#include "base/err.h"

struct stagesim_config {
    uint32_t nodes;
    uint32_t objects; /* each wanted by all nodes */
    uint64_t object_bytes, piece_bytes;
    double storage_bytes_s; /* all streams together */
    double link_bytes_s;    /* of each node, each way */
    int64_t latency_ns;     /* of each message and piece */
    int64_t spread_ns;      /* nodes begin to want at times up to this */
    uint32_t max_streams, fanout;
    uint32_t deaths; /* so many nodes, at random times up to death_ns */
    int64_t death_ns;
    int64_t notice_ns; /* the director hears of a death after so long */
    uint64_t seed;
};

struct stagesim_stats {
    int64_t took_ns;       /* until all who live have all */
    int64_t alone_ns;      /* for one node, from storage alone */
    uint64_t origin_reads; /* begun */
    uint64_t storage_bytes;
    uint64_t pulls; /* begun */
    uint32_t depth; /* of the deepest node, when it was told to pull */
    uint64_t events;
    uint32_t served; /* nodes that have all */
};

/* 1 GB/s each way, storage 2 GB/s, 20 us, 1 MiB pieces, 16 streams, fan-out as
 * the director has it; the rest zero. */
void stagesim_config_init(struct stagesim_config *c);

/* Run to the end. -1 with err: EPROTO (somebody who lives never got it, or the
 * director broke a promise), ENOMEM, EINVAL. */
int stagesim_run(const struct stagesim_config *c, struct stagesim_stats *stats,
                 struct err *err);

#endif
