/* A transport: small packets to and from peers, by rank, without waiting.
 *
 * Implementations: comm_mpi.c (the one file with mpi.h), comm_pair.c (ranks in
 * one process, with drops, delays and reordering), and the same with one rank
 * for a run without mpirun.
 */
#ifndef MPIBATCH_COMM_TRANSPORT_H
#define MPIBATCH_COMM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets of the control channel stay inside the eager limit of every
 * transport: what is pending towards a peer that dies must be small. Those of
 * the bulk channel to other hosts are as large as four of them: each costs
 * system calls there. */
enum { PACKET_SMALL_BYTES = 3400, PACKET_MAX_BYTES = 13600 };
/* Packets that may be on their way to one peer, in the transport. */
enum { PACKET_MAX_PENDING = 6 };

struct transport;

struct transport_ops {
    /* Send a packet (copied). 1: taken; 0: PACKET_MAX_PENDING are on their
     * way already, try later; -1: the peer cannot be reached any more. */
    int (*send)(struct transport *t, int64_t now_ns, uint32_t peer,
                const void *data, size_t len);
    /* Receive the next packet, into data of PACKET_MAX_BYTES. Its length, 0:
     * none there; *peer: from whom. */
    size_t (*receive)(struct transport *t, int64_t now_ns, uint32_t *peer,
                      void *data);
    /* Never touch this peer again; what is pending to it is abandoned. */
    void (*forget)(struct transport *t, uint32_t peer);
    /* The largest packet that may be sent to peer, at most PACKET_MAX_BYTES;
     * PACKET_SMALL_BYTES, if it is on the same host. */
    size_t (*packet_bytes)(const struct transport *t, uint32_t peer);
    /* Has everything sent to peers that are not forgotten left us? */
    bool (*flushed)(struct transport *t);
};

struct transport {
    const struct transport_ops *ops;
    uint32_t rank, size;
};

#endif
