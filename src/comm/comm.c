/* Messages between ranks: see comm.h. Owns the peers: their streams
 * (stream.h), when to send, send again and say that we live, and what may be
 * acknowledged.
 *
 * A peer costs a pointer until something goes to it or comes from it, and is
 * never freed before the end, so that callbacks may forget it. Peers with
 * something to send stand in a queue (ready); those that we talk to in a heap
 * by the time at which they need us next. That time is late by nothing: all
 * that is armed lies a heartbeat or more ahead, so an entry of the heap is
 * only ever too early.
 *
 * What may be acknowledged: all that is delivered; while holding, all up to
 * the last mark that came back (safe), and what was delivered behind it if no
 * message ended there: those bytes are part of a message that is still to
 * come, and must not block it.
 */
#include "config.h"
#include "comm/comm.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/heap.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "comm/packet.h"
#include "comm/stream.h"

/* Sending again: after this long at first, twice as long each time. */
#define RESEND_MIN_NS (1 * NS_PER_SEC)
#define RESEND_MAX_NS (16 * NS_PER_SEC)
/* The bulk channel: bytes that may be under way to a rank; measured: half of
 * it is slower, twice of it not faster. Nobody loses packets but tests. When it
 * was quiet for so long, it is looked at only so often. */
enum { BULK_WINDOW_BYTES = 4 * PACKET_MAX_BYTES };
#define BULK_RESEND_NS (5 * NS_PER_SEC)
#define BULK_QUIET_NS  (10 * NS_PER_MS)
#define BULK_LOOK_NS   (500 * NS_PER_US)
/* Packets received in one turn at most, so that sending gets its turn. */
enum { RECEIVE_MAX = 4096 };

/* What peer had sent when a mark was made. */
struct mark {
    struct mark *next;
    struct peer *peer;
    uint64_t mark, seq;
};

struct peer {
    struct heap_node timer; /* in the heap: we talk to it */
    int64_t due_ns;         /* the heap's key; never later than needed */
    int64_t beat_ns, resend_ns, backoff_ns;
    struct comm *comm;
    uint32_t rank;
    bool ack_due;    /* say something, even if there is nothing to send */
    bool ready;      /* in the ready queue */
    bool dirty;      /* in the dirty list */
    uint64_t heard;  /* the last turn in which something came */
    uint64_t safe;   /* the packet up to which we may acknowledge */
    uint64_t marked; /* the packet up to which there are marks */
    uint64_t acked;  /* the last acknowledgement that went out */
    struct peer *next_ready, *next_dirty;
    struct stream_out out;
    struct stream_in in;
    /* Marks that are not back. Each covers a message that is not
     * acknowledged, so there are at most COMM_WINDOW. */
    struct mark marks[COMM_WINDOW];
    uint64_t mark_count;
};

struct comm {
    struct transport *transport;
    uint32_t epoch;
    size_t max_message;
    bool bulk;
    struct comm_handler handlers[COMM_PORTS];
    struct peer **peers; /* by rank; NULL: nothing to know yet */
    bool *gone;          /* by rank: forgotten, unreachable or broken */
    struct heap timers;
    struct peer *ready_first, *ready_last;
    struct peer *dirty; /* messages came since the last mark */
    bool fresh;         /* something got ready since the last turn */
    bool hold;
    uint64_t mark;
    struct mark *mark_first, *mark_last;
    size_t backlog_bytes;
    int64_t now_ns;    /* of this turn */
    int64_t moved_ns;  /* the turn that moved something last, and */
    int64_t looked_ns; /* that received */
    uint64_t turn;
    bool moved; /* this turn has moved something */
};

static struct peer *peer_of_timer(const struct heap_node *n)
{
    return (struct peer *)n; /* its first member */
}

static int compare_due(const struct heap_node *a, const struct heap_node *b)
{
    const struct peer *p = peer_of_timer(a), *q = peer_of_timer(b);
    if (p->due_ns != q->due_ns)
        return p->due_ns < q->due_ns ? -1 : 1;
    return p->rank < q->rank ? -1 : 1;
}

struct comm *comm_create(struct transport *transport, uint32_t epoch,
                         size_t max_message, struct err *err)
{
    struct comm *c = mem_calloc(1, sizeof(*c));
    if (!c)
        goto nomem;
    c->transport = transport;
    c->epoch = epoch;
    c->max_message = max_message;
    heap_init(&c->timers, compare_due);
    c->peers = mem_calloc(transport->size, sizeof(c->peers[0]));
    c->gone = mem_calloc(transport->size, sizeof(c->gone[0]));
    if (c->peers && c->gone)
        return c;
nomem:
    err_set(err, ENOMEM, "messages: no memory for %u ranks", transport->size);
    comm_destroy(c);
    return NULL;
}

void comm_destroy(struct comm *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; c->peers && i < c->transport->size; i++) {
        if (!c->peers[i])
            continue;
        stream_out_fini(&c->peers[i]->out);
        stream_in_fini(&c->peers[i]->in);
        mem_free(c->peers[i]);
    }
    heap_fini(&c->timers);
    mem_free(c->peers);
    mem_free(c->gone);
    mem_free(c);
}

void comm_set_bulk(struct comm *c)
{
    assert(!c->hold);
    c->bulk = true;
}

uint32_t comm_rank(const struct comm *c)
{
    return c->transport->rank;
}

uint32_t comm_size(const struct comm *c)
{
    return c->transport->size;
}

bool comm_is_near(const struct comm *c, uint32_t peer)
{
    return c->transport->ops->packet_bytes(c->transport, peer) <=
           PACKET_SMALL_BYTES;
}

void comm_listen(struct comm *c, enum comm_port port,
                 const struct comm_handler *handler)
{
    c->handlers[port] = *handler;
}

/* The peer of that rank, made if need be; NULL: no memory. */
static struct peer *peer_get(struct comm *c, uint32_t rank)
{
    struct peer *p = c->peers[rank];
    if (p)
        return p;
    p = mem_calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    size_t packet = c->transport->ops->packet_bytes(c->transport, rank);
    uint32_t window = COMM_WINDOW;
    if (c->bulk)
        window = (uint32_t)(BULK_WINDOW_BYTES / packet);
    p->comm = c;
    p->rank = rank;
    heap_node_init(&p->timer);
    stream_out_init(&p->out, window, packet - PACKET_HEADER_BYTES);
    stream_in_init(&p->in, c->max_message, window);
    return c->peers[rank] = p;
}

static int64_t resend_min_ns(const struct comm *c)
{
    return c->bulk ? BULK_RESEND_NS : RESEND_MIN_NS;
}

static void peer_ready(struct comm *c, struct peer *p)
{
    if (p->ready)
        return;
    p->ready = true;
    p->next_ready = NULL;
    if (c->ready_first)
        c->ready_last->next_ready = p;
    else
        c->ready_first = p;
    c->ready_last = p;
}

/* The peer to send to, with its heartbeat running. */
static struct peer *peer_talk(struct comm *c, uint32_t rank, struct err *err)
{
    if (rank >= comm_size(c) || c->gone[rank]) {
        err_set(err, EPIPE, "rank %u is gone", rank);
        return NULL;
    }
    struct peer *p = peer_get(c, rank);
    if (!p ||
        (p->timer.at == HEAP_OUT && heap_add(&c->timers, &p->timer) < 0)) {
        err_set(err, ENOMEM, "rank %u: no memory to talk to it", rank);
        return NULL;
    }
    return p;
}

int comm_watch(struct comm *c, uint32_t peer, struct err *err)
{
    return peer_talk(c, peer, err) ? 0 : -1;
}

int comm_send_parts(struct comm *c, uint32_t peer, enum comm_port port,
                    const void *head, size_t head_len, const void *body,
                    size_t body_len, struct err *err)
{
    size_t len = head_len + body_len;
    if (len > c->max_message)
        return err_set(err, EMSGSIZE, "a message of %zu bytes, over %zu", len,
                       c->max_message);
    struct peer *p = peer_talk(c, peer, err);
    if (!p)
        return -1;
    if (stream_out_put(&p->out, port, head, head_len, body, body_len) < 0)
        return err_set(err, ENOMEM, "rank %u: no memory for a message", peer);
    c->backlog_bytes += STREAM_FRAME_BYTES + len;
    peer_ready(c, p);
    c->fresh = true;
    return 0;
}

int comm_send(struct comm *c, uint32_t peer, enum comm_port port,
              const void *data, size_t len, struct err *err)
{
    return comm_send_parts(c, peer, port, NULL, 0, data, len, err);
}

size_t comm_backlog_bytes(const struct comm *c, uint32_t peer)
{
    const struct peer *p = c->peers[peer];
    return p ? stream_out_bytes(&p->out) : 0;
}

size_t comm_backlog_total_bytes(const struct comm *c)
{
    return c->backlog_bytes;
}

void comm_forget(struct comm *c, uint32_t peer)
{
    if (c->gone[peer])
        return;
    c->gone[peer] = true;
    c->transport->ops->forget(c->transport, peer);
    struct peer *p = c->peers[peer];
    if (!p)
        return;
    c->backlog_bytes -= stream_out_bytes(&p->out);
    heap_remove(&c->timers, &p->timer);
    stream_out_fini(&p->out);
    stream_in_fini(&p->in);
}

/* Forget a peer for its own fault, and say so. */
static void peer_lose(struct comm *c, uint32_t rank, const char *why)
{
    comm_forget(c, rank);
    c->moved = true;
    for (int i = 0; i < COMM_PORTS; i++)
        if (c->handlers[i].gone)
            c->handlers[i].gone(c->handlers[i].arg, rank, why);
}

/* ---- acknowledging ---- */

/* Packets up to seq are safe; so is what was delivered behind them, if no
 * message ended there. Is there an acknowledgement to send? */
static void peer_safe(struct comm *c, struct peer *p, uint64_t seq)
{
    if (seq >= p->in.completed)
        seq = p->in.delivered;
    if (seq > p->safe)
        p->safe = seq;
    if (p->safe == p->acked)
        return;
    p->ack_due = true;
    peer_ready(c, p);
}

void comm_hold(struct comm *c)
{
    assert(!c->bulk);
    c->hold = true;
}

uint64_t comm_mark(struct comm *c)
{
    c->mark++;
    for (struct peer *p = c->dirty; p; p = p->next_dirty) {
        struct mark *m = &p->marks[p->mark_count++ % COMM_WINDOW];
        *m = (struct mark){.peer = p, .mark = c->mark, .seq = p->in.delivered};
        p->marked = p->in.delivered;
        p->dirty = false;
        if (c->mark_first)
            c->mark_last->next = m;
        else
            c->mark_first = m;
        c->mark_last = m;
    }
    c->dirty = NULL;
    return c->mark;
}

/* Packets were delivered: they are safe, or wait for a mark. */
static void peer_delivered(struct comm *c, struct peer *p)
{
    peer_safe(c, p, c->hold ? p->safe : p->in.delivered);
    if (!c->hold || p->dirty || p->in.completed <= p->marked ||
        p->in.completed > p->in.delivered)
        return;
    p->dirty = true;
    p->next_dirty = c->dirty;
    c->dirty = p;
}

void comm_ack(struct comm *c, uint64_t mark)
{
    while (c->mark_first && c->mark_first->mark <= mark) {
        struct mark *m = c->mark_first;
        c->mark_first = m->next;
        if (c->gone[m->peer->rank])
            continue;
        peer_safe(c, m->peer, m->seq);
        c->fresh = true;
    }
}

/* ---- receiving ---- */

static bool deliver(void *arg, unsigned port, const void *data, size_t len)
{
    struct peer *p = arg;
    struct comm *c = p->comm;
    const struct comm_handler *h = &c->handlers[port];
    if (!h->message) {
        peer_lose(c, p->rank, "a message for a port that nobody listens to");
        return false;
    }
    h->message(h->arg, p->rank, data, len);
    return !c->gone[p->rank];
}

static void take_ack(struct comm *c, struct peer *p, uint64_t ack)
{
    int64_t bytes = stream_out_ack(&p->out, ack);
    if (bytes < 0) {
        peer_lose(c, p->rank, "an acknowledgement of what was never sent");
        return;
    }
    if (bytes == 0)
        return;
    c->backlog_bytes -= (size_t)bytes;
    c->moved = true;
    p->backoff_ns = resend_min_ns(c);
    p->resend_ns = c->now_ns + p->backoff_ns;
    peer_ready(c, p);
}

static void take_data(struct comm *c, struct peer *p, const struct packet *k)
{
    if (k->seq > p->safe + p->in.window) {
        peer_lose(c, p->rank, "more packets than it has credit for");
        return;
    }
    switch (stream_in_take(&p->in, k->seq, k->payload, k->payload_len, deliver,
                           p)) {
    case STREAM_BROKEN:
        peer_lose(c, p->rank, "a malformed stream of messages");
        return;
    case STREAM_OVER:
        return;
    case STREAM_OLD: /* our acknowledgement was lost, or is late */
        p->ack_due = true;
        peer_ready(c, p);
        break;
    case STREAM_NEW:
    case STREAM_LATER:
        break;
    }
    c->moved = true;
    peer_delivered(c, p);
}

/* Tell the services that the peer lives, once a turn. */
static void peer_heard(struct comm *c, struct peer *p)
{
    if (p->heard == c->turn)
        return;
    p->heard = c->turn;
    for (int i = 0; i < COMM_PORTS; i++)
        if (c->handlers[i].heard)
            c->handlers[i].heard(c->handlers[i].arg, p->rank);
}

static void take_packet(struct comm *c, uint32_t rank, const void *data,
                        size_t len)
{
    struct packet k;
    if (c->gone[rank])
        return;
    const char *why = packet_get(&k, data, len);
    if (why) {
        peer_lose(c, rank, why);
        return;
    }
    if (k.epoch != c->epoch)
        return;
    struct peer *p = peer_get(c, rank);
    if (!p)
        return; /* it will be sent again */
    peer_heard(c, p);
    if (!c->gone[rank])
        take_ack(c, p, k.ack);
    if (!c->gone[rank] && k.kind == PACKET_DATA)
        take_data(c, p, &k);
}

static void receive_all(struct comm *c)
{
    struct transport *t = c->transport;
    unsigned char data[PACKET_MAX_BYTES];
    uint32_t rank;
    size_t len;
    for (int i = 0; i < RECEIVE_MAX; i++) {
        len = t->ops->receive(t, c->now_ns, &rank, data);
        if (len == 0)
            break;
        take_packet(c, rank, data, len);
    }
}

/* ---- sending ---- */

/* Send one packet; each carries our acknowledgement. 1: sent; 0: later; -1:
 * the peer is lost. */
static int send_packet(struct comm *c, struct peer *p, enum packet_kind kind,
                       uint64_t seq, const void *payload, size_t len)
{
    unsigned char data[PACKET_MAX_BYTES];
    struct packet k = {
        .kind = kind,
        .epoch = c->epoch,
        .seq = seq,
        .ack = p->safe,
        .payload = payload,
        .payload_len = len,
    };
    int rc = c->transport->ops->send(c->transport, c->now_ns, p->rank, data,
                                     packet_put(data, &k));
    if (rc > 0) {
        p->acked = k.ack;
        p->ack_due = false;
        p->beat_ns = c->now_ns + COMM_HEARTBEAT_NS;
    } else if (rc < 0) {
        peer_lose(c, p->rank, "the transport cannot reach it");
    }
    return rc;
}

/* Send what may be sent. false: the transport wants us to come again. */
static bool flush_peer(struct comm *c, struct peer *p)
{
    const void *data;
    size_t len;
    int rc = 1;
    while (rc > 0 && (data = stream_out_next(&p->out, &len))) {
        rc = send_packet(c, p, PACKET_DATA, p->out.sent + 1, data, len);
        if (rc <= 0)
            break;
        if (p->out.sent == p->out.acked) {
            p->backoff_ns = resend_min_ns(c);
            p->resend_ns = c->now_ns + p->backoff_ns;
        }
        stream_out_cut(&p->out, len);
        c->moved = true;
    }
    if (rc > 0 && p->ack_due)
        rc = send_packet(c, p, PACKET_ACK, 0, NULL, 0);
    return rc != 0;
}

/* All peers that were ready when this began. */
static void flush_ready(struct comm *c)
{
    struct peer *p = c->ready_first, *next;
    c->ready_first = c->ready_last = NULL;
    c->fresh = false;
    for (; p; p = next) {
        next = p->next_ready;
        p->ready = false;
        if (!c->gone[p->rank] && !flush_peer(c, p))
            peer_ready(c, p);
    }
}

/* Send the oldest packet once more. */
static void resend(struct comm *c, struct peer *p)
{
    size_t len;
    const void *data = stream_out_oldest(&p->out, &len);
    if (send_packet(c, p, PACKET_DATA, p->out.acked + 1, data, len) > 0 &&
        p->backoff_ns < RESEND_MAX_NS)
        p->backoff_ns *= 2;
    p->resend_ns = c->now_ns + p->backoff_ns;
}

static void run_timers(struct comm *c)
{
    struct heap_node *n;
    while ((n = heap_top(&c->timers)) &&
           peer_of_timer(n)->due_ns <= c->now_ns) {
        struct peer *p = peer_of_timer(n);
        bool flight = p->out.sent > p->out.acked;
        if (flight && p->resend_ns <= c->now_ns)
            resend(c, p);
        if (c->gone[p->rank])
            continue;
        if (p->beat_ns <= c->now_ns) {
            if (!c->bulk) {
                p->ack_due = true;
                peer_ready(c, p);
            }
            p->beat_ns = c->now_ns + COMM_HEARTBEAT_NS;
        }
        p->due_ns =
            flight && p->resend_ns < p->beat_ns ? p->resend_ns : p->beat_ns;
        heap_update(&c->timers, n);
    }
}

/* Is there no need to look at the bulk channel in this turn? */
static bool may_skip(const struct comm *c, int64_t now_ns)
{
    return c->bulk && c->backlog_bytes == 0 && !c->ready_first &&
           now_ns - c->moved_ns > BULK_QUIET_NS &&
           now_ns - c->looked_ns < BULK_LOOK_NS;
}

bool comm_turn(struct comm *c, int64_t now_ns)
{
    if (may_skip(c, now_ns))
        return false;
    c->looked_ns = now_ns;
    c->now_ns = now_ns;
    c->turn++;
    c->moved = false;
    receive_all(c);
    run_timers(c);
    flush_ready(c);
    if (c->moved)
        c->moved_ns = now_ns;
    return c->moved;
}

int64_t comm_deadline_ns(const struct comm *c)
{
    const struct heap_node *n = heap_top(&c->timers);
    if (c->fresh)
        return 0;
    return n ? peer_of_timer(n)->due_ns : INT64_MAX;
}

bool comm_idle(const struct comm *c)
{
    if (c->backlog_bytes > 0)
        return false;
    for (uint32_t i = 0; i < comm_size(c); i++) {
        const struct peer *p = c->peers[i];
        if (p && !c->gone[i] && (p->ack_due || p->acked != p->in.delivered))
            return false;
    }
    return c->transport->ops->flushed(c->transport);
}
