/* The stream of messages with one peer: see stream.h. */
#include "config.h"
#include "comm/stream.h"

#include <endian.h>
#include <string.h>

#include "base/mem.h"
#include "comm/packet.h"

/* An empty buffer keeps at most this much memory. */
enum { KEEP_BYTES = 64 * 1024 };

/* Empty b, and free what is large. */
static void buf_rest(struct buf *b)
{
    if (b->cap > KEEP_BYTES)
        buf_fini(b);
    else
        buf_reset(b);
}

void stream_out_init(struct stream_out *s, uint32_t window, size_t max_payload)
{
    *s = (struct stream_out){.window = window, .max_payload = max_payload};
    buf_init(&s->queue, STREAM_MAX_QUEUE);
}

void stream_out_fini(struct stream_out *s)
{
    buf_fini(&s->queue);
    stream_out_init(s, s->window, s->max_payload);
}

int stream_out_put(struct stream_out *s, enum comm_port port, const void *head,
                   size_t head_len, const void *body, size_t body_len)
{
    size_t len = head_len + body_len;
    char *to = buf_reserve(&s->queue, STREAM_FRAME_BYTES + len);
    if (!to)
        return -1;
    uint32_t frame = htole32((uint32_t)len * COMM_PORTS + port);
    memcpy(to, &frame, sizeof(frame));
    if (head_len > 0)
        memcpy(to + sizeof(frame), head, head_len);
    if (body_len > 0)
        memcpy(to + sizeof(frame) + head_len, body, body_len);
    buf_commit(&s->queue, STREAM_FRAME_BYTES + len);
    return 0;
}

const void *stream_out_next(const struct stream_out *s, size_t *len)
{
    size_t left = stream_out_bytes(s) - s->flight_bytes;
    if (left == 0 || s->sent - s->acked == s->window)
        return NULL;
    *len = left < s->max_payload ? left : s->max_payload;
    return s->queue.data + s->head + s->flight_bytes;
}

void stream_out_cut(struct stream_out *s, size_t len)
{
    s->sent++;
    s->lens[s->sent % s->window] = (uint16_t)len;
    s->flight_bytes += len;
}

const void *stream_out_oldest(const struct stream_out *s, size_t *len)
{
    if (s->sent == s->acked)
        return NULL;
    *len = s->lens[(s->acked + 1) % s->window];
    return s->queue.data + s->head;
}

int64_t stream_out_ack(struct stream_out *s, uint64_t ack)
{
    size_t bytes = 0;
    if (ack > s->sent)
        return -1;
    while (s->acked < ack)
        bytes += s->lens[++s->acked % s->window];
    s->flight_bytes -= bytes;
    s->head += bytes;
    if (s->head == s->queue.len) {
        buf_rest(&s->queue);
        s->head = 0;
    } else if (s->head > s->queue.len / 2) {
        buf_consume(&s->queue, s->head);
        s->head = 0;
    }
    return (int64_t)bytes;
}

size_t stream_out_bytes(const struct stream_out *s)
{
    return s->queue.len - s->head;
}

void stream_in_init(struct stream_in *s, size_t max_message, uint32_t window)
{
    *s = (struct stream_in){.max_message = max_message, .window = window};
    buf_init(&s->partial, STREAM_FRAME_BYTES + max_message);
}

void stream_in_fini(struct stream_in *s)
{
    buf_fini(&s->partial);
    for (uint32_t i = 0; s->early && i < s->window; i++)
        buf_fini(&s->early[i]);
    mem_free(s->early);
    stream_in_init(s, s->max_message, s->window);
}

/* The length and port in a frame's first bytes. */
static size_t frame_get(const void *frame, unsigned *port)
{
    uint32_t word;
    memcpy(&word, frame, sizeof(word));
    word = le32toh(word);
    *port = word % COMM_PORTS;
    return word / COMM_PORTS;
}

/* Hand out the message that partial holds. It is not in s meanwhile, so that
 * the sink may end s. */
static bool deliver_partial(struct stream_in *s, unsigned port,
                            stream_sink *sink, void *arg)
{
    struct buf whole = s->partial;
    buf_init(&s->partial, whole.max_bytes);
    if (!sink(arg, port, whole.data + STREAM_FRAME_BYTES,
              whole.len - STREAM_FRAME_BYTES)) {
        buf_fini(&whole);
        return false;
    }
    buf_rest(&whole);
    s->partial = whole;
    return true;
}

/* Add to partial what it lacks, out of len bytes at p, and hand it out if it
 * is whole then. *used: how many bytes that took. */
static enum stream_took fill_partial(struct stream_in *s,
                                     const unsigned char *p, size_t len,
                                     size_t *used, stream_sink *sink, void *arg)
{
    unsigned port;
    size_t want = STREAM_FRAME_BYTES;
    if (s->partial.len >= STREAM_FRAME_BYTES)
        want += frame_get(s->partial.data, &port);
    size_t take = want - s->partial.len;
    if (take > len)
        take = len;
    if (buf_put(&s->partial, p, take) < 0)
        return STREAM_LATER;
    *used = take;
    if (s->partial.len < STREAM_FRAME_BYTES)
        return STREAM_NEW;
    size_t message = frame_get(s->partial.data, &port);
    if (message > s->max_message)
        return STREAM_BROKEN;
    if (s->partial.len < STREAM_FRAME_BYTES + message)
        return STREAM_NEW;
    s->completed = s->delivered + 1;
    return deliver_partial(s, port, sink, arg) ? STREAM_NEW : STREAM_OVER;
}

/* Packet delivered+1, len bytes at p: hand out the messages that end in it. */
static enum stream_took feed(struct stream_in *s, const unsigned char *p,
                             size_t len, stream_sink *sink, void *arg)
{
    if (s->skip > len)
        return STREAM_BROKEN;
    while (s->skip < len) {
        const unsigned char *at = p + s->skip;
        size_t left = len - s->skip, used = 0, message;
        unsigned port;
        if (s->partial.len == 0 && left >= STREAM_FRAME_BYTES &&
            (message = frame_get(at, &port)) <= left - STREAM_FRAME_BYTES) {
            if (message > s->max_message)
                return STREAM_BROKEN;
            s->completed = s->delivered + 1;
            if (!sink(arg, port, at + STREAM_FRAME_BYTES, message))
                return STREAM_OVER;
            used = STREAM_FRAME_BYTES + message;
        } else {
            enum stream_took took = fill_partial(s, at, left, &used, sink, arg);
            if (took != STREAM_NEW)
                return took;
        }
        s->skip += used;
    }
    s->skip = 0;
    s->delivered++;
    return STREAM_NEW;
}

/* Keep a packet that came before its turn. */
static enum stream_took keep_early(struct stream_in *s, uint64_t seq,
                                   const void *data, size_t len)
{
    if (!s->early) {
        s->early = mem_calloc(s->window, sizeof(s->early[0]));
        for (uint32_t i = 0; s->early && i < s->window; i++)
            buf_init(&s->early[i], PACKET_MAX_PAYLOAD);
    }
    if (!s->early)
        return STREAM_LATER;
    struct buf *b = &s->early[seq % s->window];
    if (b->len > 0)
        return STREAM_OLD;
    return buf_put(b, data, len) == 0 ? STREAM_NEW : STREAM_LATER;
}

enum stream_took stream_in_take(struct stream_in *s, uint64_t seq,
                                const void *data, size_t len, stream_sink *sink,
                                void *arg)
{
    if (seq <= s->delivered)
        return STREAM_OLD;
    if (seq > s->delivered + s->window || len > PACKET_MAX_PAYLOAD)
        return STREAM_BROKEN;
    if (seq > s->delivered + 1)
        return keep_early(s, seq, data, len);
    enum stream_took took = feed(s, data, len, sink, arg);
    while (took == STREAM_NEW && s->early) {
        buf_fini(&s->early[s->delivered % s->window]);
        struct buf next = s->early[(s->delivered + 1) % s->window];
        if (next.len == 0)
            return STREAM_NEW;
        buf_init(&s->early[(s->delivered + 1) % s->window], next.max_bytes);
        took = feed(s, (unsigned char *)next.data, next.len, sink, arg);
        buf_fini(&next);
    }
    /* an early packet that met no memory will be sent again */
    return took;
}
