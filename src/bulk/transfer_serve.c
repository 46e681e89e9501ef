/* What others pull from us: see transfer_parts.h. Owns the sources, and the
 * pulls of others that we serve (serves).
 *
 * A serve goes on while it has credit from its puller, while the channel's
 * queue for that puller is short (small messages must not stand behind
 * megabytes), and while its next bytes are in memory.
 */
#include "config.h"
#include "bulk/transfer_parts.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    /* The channel's queue for a peer is filled up to this. */
    BACKLOG_BYTES = 128 * 1024,
    MAX_SERVES = 4096 /* pulls that are served, or wait */
};

static uint64_t serve_key(uint32_t peer, uint32_t pull)
{
    return (uint64_t)peer << 32 | pull;
}

static struct serve *serve_find(const struct transfers *t, uint32_t peer,
                                uint32_t pull)
{
    return transfers_find(&t->by_pull, serve_key(peer, pull));
}

static void source_free(struct source *s)
{
    if (s->of.fd >= 0)
        close(s->of.fd);
    mem_free(s);
}

void source_release(struct source *s)
{
    if (s->gone && s->reads == 0)
        source_free(s);
}

/* ---- Serves ---- */

static void serve_unlink(struct transfers *t, struct serve *s)
{
    if (s->next)
        s->next->previous = s->previous;
    else
        t->last_serve = s->previous;
    if (s->previous)
        s->previous->next = s->next;
    else
        t->serves = s->next;
    mem_free(s);
}

/* Take it out; it is freed when nobody walks the list. Tell its source. */
static void serve_end(struct transfers *t, struct serve *s)
{
    struct source *source = s->source;
    if (s->dead)
        return;
    s->dead = true;
    map_remove(&t->by_pull, serve_key(s->peer, s->pull));
    serve_drop_chunk(t, s);
    serve_drop_read(t, s);
    s->source = NULL;
    t->serve_count--;
    if (!t->walking)
        serve_unlink(t, s);
    if (source && --source->serves == 0 && !source->gone && source->of.idle)
        source->of.idle(source->of.arg, source->handle);
}

void serve_refuse(struct transfers *t, struct serve *s, enum failure failure,
                  const char *text)
{
    char cut[STAGE_MAX_TEXT + 1];
    snprintf(cut, sizeof(cut), "%s", text);
    transfers_tell(
        t, s->peer,
        &(struct stage_msg){
            .kind = STAGE_END,
            .u.end = {.pull = s->pull, .failure = failure, .text = cut}});
    t->moved = true;
    serve_end(t, s);
}

/* Free those that ended during a walk. */
static void serves_sweep(struct transfers *t)
{
    for (struct serve *s = t->serves, *next; s; s = next) {
        next = s->next;
        if (s->dead)
            serve_unlink(t, s);
    }
}

/* Refuse all pulls of a handle. */
static void refuse_all(struct transfers *t, uint64_t handle,
                       enum failure failure, const char *text)
{
    bool outer = t->walking;
    t->walking = true;
    for (struct serve *s = t->serves; s; s = s->next)
        if (!s->dead && s->handle == handle)
            serve_refuse(t, s, failure, text);
    t->walking = outer;
    if (!outer)
        serves_sweep(t);
}

/* ---- Sending ---- */

/* false: no memory; later. */
static bool send_piece(struct transfers *t, struct serve *s, const char *data,
                       size_t len)
{
    buf_reset(&t->message);
    if (stage_msg_put_piece_head(&t->message, s->pull, s->offset) < 0 ||
        comm_send_parts(t->comm, s->peer, COMM_TO_TRANSFER, t->message.data,
                        t->message.len, data, len, NULL) < 0)
        return false;
    s->offset += len;
    s->credit -= len;
    if (s->chunk)
        s->at += len;
    transfers_moved(t, s->peer);
    return true;
}

/* It is all sent. */
static void serve_whole(struct transfers *t, struct serve *s)
{
    transfers_tell(
        t, s->peer,
        &(struct stage_msg){
            .kind = STAGE_END,
            .u.end = {.pull = s->pull, .total = s->source->of.total}});
    t->moved = true;
    serve_end(t, s);
}

/* Send what may be sent of it. */
static void serve_send(struct transfers *t, struct serve *s)
{
    while (!s->dead && s->offset < s->source->of.available && s->credit > 0 &&
           comm_backlog_bytes(t->comm, s->peer) < BACKLOG_BYTES) {
        size_t len;
        const char *data = serve_next_bytes(t, s, &len);
        if (!data)
            return;
        if (len > STAGE_MAX_PIECE)
            len = STAGE_MAX_PIECE;
        if (len > s->credit)
            len = (size_t)s->credit;
        if (!send_piece(t, s, data, len))
            return;
    }
    if (s->dead)
        return;
    if (s->at == s->len)
        serve_drop_chunk(t, s);
    if (s->credit == 0 && t->chunk_count > TRANSFER_MAX_CHUNKS / 2) {
        serve_drop_chunk(t, s); /* others need it; it will be read again */
        serve_drop_read(t, s);
    }
    if (s->offset >= s->source->of.total)
        serve_whole(t, s);
}

/* The handle may be served by now; and patience ends. */
static void serve_wait(struct transfers *t, struct serve *s, int64_t now_ns)
{
    if (s->since_ns == 0)
        s->since_ns = now_ns;
    if (now_ns - s->since_ns >= TRANSFER_PATIENCE_NS)
        serve_refuse(t, s, FAILURE_UNKNOWN, "it is not served here");
}

void serves_turn(struct transfers *t, int64_t now_ns)
{
    t->walking = true;
    for (struct serve *s = t->serves; s; s = s->next) {
        if (s->dead)
            continue;
        if (s->source)
            serve_send(t, s);
        else
            serve_wait(t, s, now_ns);
    }
    t->walking = false;
    if (t->moved)
        serves_sweep(t);
}

/* ---- Sources ---- */

int transfers_serve(struct transfers *t, uint64_t handle,
                    const struct transfer_source *source, struct err *err)
{
    struct source *s = mem_calloc(1, sizeof(*s));
    if (!s || transfers_put(&t->sources, handle, s) < 0) {
        mem_free(s);
        return err_set(err, ENOMEM, "transfer: no memory to serve a file");
    }
    s->of = *source;
    s->handle = handle;
    for (struct serve *w = t->serves; w; w = w->next)
        if (!w->dead && !w->source && w->handle == handle) {
            w->source = s;
            s->serves++;
        }
    return 0;
}

void transfers_grown(struct transfers *t, uint64_t handle, uint64_t available,
                     uint64_t total)
{
    struct source *s = transfers_find(&t->sources, handle);
    if (!s)
        return;
    s->of.available = available;
    s->of.total = total;
}

/* Take a source out; pulls of it end. */
static void source_end(struct transfers *t, struct source *s,
                       enum failure failure, const char *text)
{
    map_remove(&t->sources, s->handle);
    s->gone = true;
    s->reads++; /* keep it */
    refuse_all(t, s->handle, failure, text);
    s->reads--;
    source_release(s);
}

void transfers_refuse(struct transfers *t, uint64_t handle,
                      enum failure failure, const char *text)
{
    struct source *s = transfers_find(&t->sources, handle);
    if (s)
        source_end(t, s, failure, text);
    else
        refuse_all(t, handle, failure, text);
}

void transfers_unserve(struct transfers *t, uint64_t handle)
{
    struct source *s = transfers_find(&t->sources, handle);
    if (s)
        source_end(t, s, FAILURE_UNKNOWN, "it is served no more");
}

bool transfers_serves(const struct transfers *t, uint64_t handle)
{
    return map_get(&t->sources, handle, NULL);
}

bool transfers_awaits(const struct transfers *t, uint64_t handle)
{
    const struct serve *s = t->serves;
    while (s && (s->dead || s->source || s->handle != handle))
        s = s->next;
    return s != NULL;
}

void transfers_on_unknown(struct transfers *t,
                          bool (*unknown)(void *arg, uint64_t handle),
                          void *arg)
{
    t->unknown = unknown;
    t->unknown_arg = arg;
}

/* ---- Messages ---- */

void serves_take_pull(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m)
{
    uint64_t key = serve_key(peer, m->u.pull.pull);
    struct serve *s = NULL;
    if (map_get(&t->by_pull, key, NULL))
        return; /* a pull has one beginning */
    if (t->serve_count < MAX_SERVES)
        s = mem_calloc(1, sizeof(*s));
    if (!s || transfers_put(&t->by_pull, key, s) < 0) {
        mem_free(s);
        transfers_tell(t, peer,
                       &(struct stage_msg){
                           .kind = STAGE_END,
                           .u.end = {m->u.pull.pull, 0, FAILURE_UNKNOWN,
                                     "too many pulls at once, or no memory"}});
        return;
    }
    s->handle = m->u.pull.handle;
    s->peer = peer;
    s->pull = m->u.pull.pull;
    s->offset = m->u.pull.offset;
    s->credit = m->u.pull.credit;
    s->previous = t->last_serve;
    if (t->last_serve)
        t->last_serve->next = s;
    else
        t->serves = s;
    t->last_serve = s;
    t->serve_count++;
    s->source = transfers_find(&t->sources, s->handle);
    if (s->source) {
        s->source->serves++;
        return;
    }
    bool wait = !t->unknown || t->unknown(t->unknown_arg, m->u.pull.handle);
    s = transfers_find(&t->by_pull, key);
    if (s && !s->source && !wait)
        serve_refuse(t, s, FAILURE_UNKNOWN, "it is not served here");
}

void serves_take_more(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m)
{
    struct serve *s = serve_find(t, peer, m->u.more.pull);
    if (s)
        s->credit += m->u.more.credit;
}

void serves_take_cancel(struct transfers *t, uint32_t peer,
                        const struct stage_msg *m)
{
    struct serve *s = serve_find(t, peer, m->u.cancel.pull);
    if (s)
        serve_end(t, s);
}

/* ---- Ends ---- */

void serves_lost(struct transfers *t, uint32_t rank)
{
    bool outer = t->walking;
    t->walking = true;
    for (struct serve *s = t->serves; s; s = s->next)
        if (s->peer == rank)
            serve_end(t, s);
    t->walking = outer;
    if (!outer)
        serves_sweep(t);
}

void serves_free_all(struct transfers *t)
{
    uint64_t handle, value;
    t->walking = true;
    for (struct serve *s = t->serves; s; s = s->next) {
        if (s->source)
            s->source->of.idle = NULL;
        serve_end(t, s);
    }
    serves_sweep(t);
    for (size_t at = 0; map_next(&t->sources, &at, &handle, &value);) {
        struct source *s = (struct source *)(uintptr_t)value;
        s->gone = true;
        source_release(s);
    }
}
