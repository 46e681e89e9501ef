/* The stream of messages with one peer: outgoing and incoming half, as pure
 * state. No time, no transport.
 *
 * Messages are framed (four bytes: length and port) and laid end to end; the
 * stream is cut into packets wherever one is sent, so that small messages
 * share a packet and large ones take many. Invariants: a packet, once cut,
 * keeps its bytes until it is acknowledged; at most a window of packets is
 * cut and not acknowledged; packets are delivered once, in order, whatever
 * order they come in.
 */
#ifndef MPIBATCH_COMM_STREAM_H
#define MPIBATCH_COMM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "comm/comm.h"

enum { STREAM_FRAME_BYTES = 4 };
/* The most that may wait for one peer. */
enum { STREAM_MAX_QUEUE = 1 << 30 };

struct stream_out {
    struct buf queue;     /* from head on: not acknowledged */
    size_t head;          /* bytes of queue that are done with */
    size_t flight_bytes;  /* behind head: cut into packets */
    uint64_t sent, acked; /* packets cut; acknowledged */
    uint32_t window;
    size_t max_payload;             /* of a packet */
    uint16_t lens[COMM_MAX_WINDOW]; /* of the packets in flight, by seq */
};

/* window: at most COMM_MAX_WINDOW; max_payload: at most PACKET_MAX_PAYLOAD. */
void stream_out_init(struct stream_out *s, uint32_t window, size_t max_payload);
void stream_out_fini(struct stream_out *s);

/* Append a message of two parts (copied), less than 2^28 bytes. 0, or -1 (no
 * memory, or over STREAM_MAX_QUEUE); nothing has changed then. */
int stream_out_put(struct stream_out *s, enum comm_port port, const void *head,
                   size_t head_len, const void *body, size_t body_len);

/* The bytes of packet sent+1, borrowed; NULL: nothing to send, or the window
 * is full. Then, once it is sent, stream_out_cut with its length. */
const void *stream_out_next(const struct stream_out *s, size_t *len);
void stream_out_cut(struct stream_out *s, size_t len);

/* The bytes of packet acked+1, to be sent again, borrowed; NULL: all that was
 * sent is acknowledged. */
const void *stream_out_oldest(const struct stream_out *s, size_t *len);

/* All up to packet ack is acknowledged. How many bytes of the stream that
 * frees (0: old news); -1: it was never sent. */
int64_t stream_out_ack(struct stream_out *s, uint64_t ack);

/* Bytes that are not acknowledged, sent or not. */
size_t stream_out_bytes(const struct stream_out *s);

struct stream_in {
    size_t max_message;
    uint64_t delivered; /* all up to this packet is delivered */
    uint64_t completed; /* the last packet in which a message ended */
    size_t skip;        /* bytes of packet delivered+1 that are used already:
                           memory failed within it */
    struct buf partial; /* a frame that has not come whole */
    uint32_t window;
    struct buf *early; /* window packets beyond delivered+1, by seq; NULL: there
                          was none yet */
};

void stream_in_init(struct stream_in *s, size_t max_message, uint32_t window);
void stream_in_fini(struct stream_in *s);

/* Gets each message, borrowed during the call. false: the stream is over
 * (stream_in_fini may have been called). */
typedef bool stream_sink(void *arg, unsigned port, const void *data,
                         size_t len);

enum stream_took {
    STREAM_NEW,    /* taken: delivered, or kept for later */
    STREAM_OLD,    /* it was here before */
    STREAM_LATER,  /* no memory: as if it had not come */
    STREAM_OVER,   /* the sink said so */
    STREAM_BROKEN, /* it cannot be part of this stream */
};

/* A packet came; seq >= 1. */
enum stream_took stream_in_take(struct stream_in *s, uint64_t seq,
                                const void *data, size_t len, stream_sink *sink,
                                void *arg);

#endif
