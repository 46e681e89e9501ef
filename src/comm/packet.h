/* The header of a packet, and nothing else: version, kind, epoch, the
 * packet's number and an acknowledgement, in 24 little-endian bytes. */
#ifndef MPIBATCH_COMM_PACKET_H
#define MPIBATCH_COMM_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "comm/transport.h"

enum { PACKET_VERSION = 1, PACKET_HEADER_BYTES = 24 };
enum { PACKET_MAX_PAYLOAD = PACKET_MAX_BYTES - PACKET_HEADER_BYTES };

enum packet_kind {
    PACKET_DATA = 1, /* a piece of the stream, at least one byte */
    PACKET_ACK       /* no payload: an acknowledgement, or a heartbeat */
};

struct packet {
    enum packet_kind kind;
    uint32_t epoch;
    uint64_t seq; /* DATA: 1, 2, ... along the stream; ACK: 0 */
    uint64_t ack; /* all packets up to this one are safe with the sender */
    const unsigned char *payload; /* borrowed */
    size_t payload_len;
};

/* Write header and payload (at most PACKET_MAX_PAYLOAD); returns the length. */
size_t packet_put(unsigned char out[PACKET_MAX_BYTES], const struct packet *p);

/* Read a packet; the payload borrows from data. NULL, or what is wrong with
 * it (a literal); *p is undefined then. */
const char *packet_get(struct packet *p, const void *data, size_t len);

#endif
