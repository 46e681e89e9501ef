/* Messages between ranks: reliable, in order, never blocking, bounded.
 *
 * Over a transport that may lose, repeat and reorder packets. Messages to a
 * peer form one stream, cut into packets that carry a sequence number; at
 * most a window of them is unacknowledged for each peer (the credits),
 * and they are sent again, with back-off, until they are acknowledged. The
 * receiver delivers in order. Acknowledging is a statement: "what you sent is
 * safe with me"; the manager makes it after its journal has it, see
 * comm_mark. A peer that has nothing to say says so once a
 * second (heartbeat).
 *
 * Several services share a rank: each message names the port it is for.
 *
 * A rank has two such endpoints: the control channel, on which tasks are
 * dispatched, and the bulk channel, for bytes in mass, so that these never
 * stand in the way of those.
 */
#ifndef MPIBATCH_COMM_COMM_H
#define MPIBATCH_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "comm/transport.h"

/* The credits, in packets: of the control channel, of any. */
enum { COMM_WINDOW = 4, COMM_MAX_WINDOW = 16 };
/* How often a silent rank sends a heartbeat. */
#define COMM_HEARTBEAT_NS INT64_C(1000000000)

enum comm_port {
    /* the control channel */
    COMM_TO_MANAGER,
    COMM_TO_WORKER,
    /* the bulk channel; at rank 0: */
    COMM_TO_DIRECTOR, /* who needs which object, and has it */
    COMM_TO_RECEIVER, /* what is offered to rank 0 */
    /* at every rank: */
    COMM_TO_STAGER,   /* what the director says */
    COMM_TO_TRANSFER, /* bytes, and asking for them */
    COMM_TO_OFFERER,  /* what became of what was offered */
    COMM_TO_ANSWERER, /* what people ask */
    COMM_PORTS
};

struct comm;

/* What a service wants to be told. Calls come from comm_turn; they may call
 * everything here but comm_turn and comm_destroy. */
struct comm_handler {
    /* A message (borrowed during the call). */
    void (*message)(void *arg, uint32_t peer, const void *data, size_t len);
    /* Anything at all came from peer, be it a heartbeat. May be NULL. */
    void (*heard)(void *arg, uint32_t peer);
    /* The transport cannot reach the peer any more, or it broke the protocol
     * (why). May be NULL. */
    void (*gone)(void *arg, uint32_t peer, const char *why);
    void *arg;
};

/* Create the endpoint of this rank over transport (borrowed). epoch tells
 * this run of the program from others; max_message: bytes of the largest
 * message. Heartbeats go to the peers that were talked to or listed with
 * comm_watch. NULL with err ENOMEM. */
struct comm *comm_create(struct transport *transport, uint32_t epoch,
                         size_t max_message, struct err *err);
void comm_destroy(struct comm *c);

/* Make it a bulk channel, before anything is sent, on all ranks: larger packets
 * to other hosts, more of them within this one, no heartbeats (who lives is
 * known by the control channel), no comm_hold; while nothing comes or goes on
 * it, most calls of comm_turn do nothing. */
void comm_set_bulk(struct comm *c);

uint32_t comm_rank(const struct comm *c);
uint32_t comm_size(const struct comm *c);

/* Is peer on this host, as far as the transport knows? */
bool comm_is_near(const struct comm *c, uint32_t peer);

/* Who gets the messages for a port. */
void comm_listen(struct comm *c, enum comm_port port,
                 const struct comm_handler *handler);

/* Send heartbeats to peer from now on. */
int comm_watch(struct comm *c, uint32_t peer, struct err *err);

/* Queue a message (copied). 0, or -1 with err: ENOMEM, EMSGSIZE (over
 * max_message), EPIPE (peer is forgotten or gone). */
int comm_send(struct comm *c, uint32_t peer, enum comm_port port,
              const void *data, size_t len, struct err *err);

/* The same of a message in two parts. */
int comm_send_parts(struct comm *c, uint32_t peer, enum comm_port port,
                    const void *head, size_t head_len, const void *body,
                    size_t body_len, struct err *err);

/* Bytes queued for peer that are not acknowledged (four more a message than
 * it has); for all peers. */
size_t comm_backlog_bytes(const struct comm *c, uint32_t peer);
size_t comm_backlog_total_bytes(const struct comm *c);

/* One turn: receive and deliver all that is there, send what may be sent,
 * repeat what is overdue, heartbeats. Did anything happen, but heartbeats? */
bool comm_turn(struct comm *c, int64_t now_ns);

/* When comm_turn has something to do at the latest. */
int64_t comm_deadline_ns(const struct comm *c);

/* Acknowledge late. With comm_hold, no message is acknowledged by itself:
 * comm_mark names all that was delivered so far (not the packet whose message
 * is being handled), comm_ack acknowledges all up to a mark. Marks grow. */
void comm_hold(struct comm *c);
uint64_t comm_mark(struct comm *c);
void comm_ack(struct comm *c, uint64_t mark);

/* Never touch peer again: its queue is dropped, what it sends is ignored. */
void comm_forget(struct comm *c, uint32_t peer);

/* Is everything that was sent acknowledged, and all acknowledgements that we
 * owe given and gone (peers forgotten aside)? */
bool comm_idle(const struct comm *c);

#endif
