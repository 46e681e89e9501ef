/* Bytes from rank to rank: see transfer.h. Owns the pulls of others that we
 * serve (serves), our own pulls, and when the next piece goes.
 *
 * A serve goes on while it has credit from its puller, while the channel's
 * queue for that puller is short (small messages must not stand behind
 * megabytes), and while its next bytes are in memory. They come there in
 * chunks: at once, if the page cache has them, else by a thread, which reads
 * one chunk ahead.
 *
 * Callbacks may end any serve, pull or source. So nothing is used behind one
 * but what is looked up again; and transfers_turn walks a list from which
 * entries are taken, not freed, until it is done (dead).
 */
#include "config.h"
#include "bulk/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/quantity.h"

enum {
    CHUNK_BYTES = 256 * 1024,
    /* The channel's queue for a peer is filled up to this. */
    BACKLOG_BYTES = 128 * 1024,
    MAX_CHUNKS = 64,   /* in memory at once */
    MAX_SERVES = 4096, /* pulls that are served, or wait */
    /* The puller gives new credit when this part of the window is free. */
    CREDIT_PARTS = 4
};
/* Bytes are on their way, but none came for so long: the loop may nap.
 * Measured: within a host a nap costs more CPU time than it saves, and most of
 * the speed; over TCP it halves the CPU time and costs no speed where cores are
 * shared. */
#define SPIN_NEAR_NS (200 * NS_PER_US)
#define SPIN_FAR_NS  (50 * NS_PER_US)

/* Something that is served. */
struct source {
    struct transfer_source of;
    uint64_t handle;
    uint32_t serves, reads; /* pulls of it; reads under way */
    bool gone;              /* unserved: freed with the last read */
    bool waits;             /* the page cache cannot be asked */
};

/* A thread's read of a chunk. */
struct read {
    struct io_job job;
    struct source *source;
    struct serve *serve; /* NULL: nobody waits for it */
    uint64_t offset;
    size_t len;
    bool ready;
    char *data;
};

/* A pull of another rank. */
struct serve {
    struct serve *next, *previous;
    uint64_t handle;
    struct source *source; /* NULL: not served yet */
    uint32_t peer, pull;
    uint64_t offset; /* of the next byte to send */
    uint64_t credit;
    int64_t since_ns; /* waits for its source; 0: not looked at yet */
    char *chunk;
    size_t at, len; /* what of the chunk is to be sent */
    struct read *read;
    bool dead;
};

struct pull {
    struct transfers *transfers;
    struct pull *next, *previous;
    struct transfer_sink sink;
    uint32_t id, from;
    uint64_t offset;   /* of the next byte to come */
    uint64_t credit;   /* given and not used */
    uint64_t consumed; /* to be given anew */
};

struct transfers {
    struct comm *comm;
    struct io *io;
    struct map sources;                /* struct source by handle */
    struct map by_pull;                /* struct serve by peer and pull */
    struct map pulls;                  /* struct pull by id */
    struct serve *serves, *last_serve; /* in the order they came */
    struct pull *first_pull;
    uint32_t serve_count, chunk_count, next_id;
    bool (*unknown)(void *arg, uint64_t handle);
    void *unknown_arg;
    struct buf message;
    uint64_t received_bytes;
    int64_t moved_ns; /* the turn in which bytes moved last, and */
    int64_t spin_ns;  /* how long to wait for others without a nap */
    bool moved, walking;
};

static uint64_t serve_key(uint32_t peer, uint32_t pull)
{
    return (uint64_t)peer << 32 | pull;
}

static void *map_pointer(const struct map *m, uint64_t key)
{
    uint64_t value;
    return map_get(m, key, &value) ? (void *)(uintptr_t)value : NULL;
}

static int map_point(struct map *m, uint64_t key, void *to)
{
    return map_set(m, key, (uint64_t)(uintptr_t)to);
}

/* Send a small message. false: no memory, or the rank is gone. */
static bool tell(struct transfers *t, uint32_t peer, const struct stage_msg *m)
{
    buf_reset(&t->message);
    return stage_msg_put(&t->message, m) == 0 &&
           comm_send(t->comm, peer, COMM_TO_TRANSFER, t->message.data,
                     t->message.len, NULL) == 0;
}

/* Bytes have moved from or to peer. */
static void bytes_moved(struct transfers *t, uint32_t peer)
{
    t->moved = true;
    t->spin_ns = comm_is_near(t->comm, peer) ? SPIN_NEAR_NS : SPIN_FAR_NS;
}

/* ---- sources ---- */

static void source_free(struct source *s)
{
    if (s->of.fd >= 0)
        close(s->of.fd);
    mem_free(s);
}

/* Free it, if it is served no more and no thread reads it. */
static void source_release(struct source *s)
{
    if (s->gone && s->reads == 0)
        source_free(s);
}

/* ---- serves ---- */

static void chunk_drop(struct transfers *t, struct serve *s)
{
    if (!s->chunk)
        return;
    mem_free(s->chunk);
    s->chunk = NULL;
    s->at = s->len = 0;
    t->chunk_count--;
}

static void read_free(struct read *r)
{
    mem_free(r->data);
    mem_free(r);
}

/* Nobody waits for its read any more: a thread may still have it. */
static void read_drop(struct transfers *t, struct serve *s)
{
    struct read *r = s->read;
    if (!r)
        return;
    s->read = NULL;
    t->chunk_count--;
    r->serve = NULL;
    if (r->ready)
        read_free(r);
}

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
    chunk_drop(t, s);
    read_drop(t, s);
    s->source = NULL;
    t->serve_count--;
    if (!t->walking)
        serve_unlink(t, s);
    if (source && --source->serves == 0 && !source->gone && source->of.idle)
        source->of.idle(source->of.arg, source->handle);
}

static void serve_refuse(struct transfers *t, struct serve *s,
                         enum failure failure, const char *text)
{
    char cut[STAGE_MAX_TEXT + 1];
    snprintf(cut, sizeof(cut), "%s", text);
    t->moved = true;
    tell(t, s->peer,
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

/* ---- reading ---- */

static int read_work(struct io_job *j, struct err *err)
{
    struct read *r = (struct read *)j; /* its first member */
    size_t len = 0;
    while (len < r->len) {
        ssize_t n = pread(r->source->of.fd, r->data + len, r->len - len,
                          (off_t)(r->source->of.from + r->offset + len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "reading what is sent");
        if (n == 0)
            return err_set(err, ESTALE, "it became shorter while it was sent");
        len += (size_t)n;
    }
    return 0;
}

static void read_done(struct io_job *j, int rc, const struct err *err)
{
    struct read *r = (struct read *)j;
    struct serve *s = r->serve;
    r->source->reads--;
    source_release(r->source);
    r->source = NULL;
    r->ready = true;
    if (!s) {
        read_free(r);
    } else if (rc < 0) {
        r->len = 0; /* and the data is why */
        snprintf(r->data, CHUNK_BYTES, "%s", err->text);
    }
}

/* Start to read what follows upon the chunk. */
static void read_ahead(struct transfers *t, struct serve *s)
{
    uint64_t offset = s->offset + (s->len - s->at);
    uint64_t left = s->source->of.available - offset;
    struct read *r = NULL;
    if (t->chunk_count < MAX_CHUNKS)
        r = mem_calloc(1, sizeof(*r));
    if (r && !(r->data = mem_alloc(CHUNK_BYTES))) {
        mem_free(r);
        r = NULL;
    }
    if (!r)
        return; /* in a later turn */
    t->chunk_count++;
    r->job.work = read_work;
    r->job.done = read_done;
    r->serve = s;
    r->source = s->source;
    r->offset = offset;
    r->len = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
    s->read = r;
    s->source->reads++;
    io_start(t->io, &r->job);
}

/* The chunk's place, if there may be one more. */
static bool chunk_get(struct transfers *t, struct serve *s)
{
    if (s->chunk)
        return true;
    if (t->chunk_count >= MAX_CHUNKS)
        return false;
    s->chunk = mem_alloc(CHUNK_BYTES);
    t->chunk_count += s->chunk != NULL;
    return s->chunk != NULL;
}

/* Read what the page cache has. false: ask a thread. */
static bool read_now(struct transfers *t, struct serve *s)
{
    uint64_t left = s->source->of.available - s->offset;
    if (s->source->waits)
        return false;
    if (!chunk_get(t, s))
        return true; /* others have all the chunks: later */
    struct iovec v = {s->chunk,
                      left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES};
    ssize_t n = preadv2(s->source->of.fd, &v, 1,
                        (off_t)(s->source->of.from + s->offset), RWF_NOWAIT);
    if (n > 0) {
        s->at = 0;
        s->len = (size_t)n;
        return true;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        s->source->waits = true; /* this file system cannot say */
    chunk_drop(t, s);
    return false;
}

/* Take what a thread has read. false: it has failed, and the serve ended. */
static bool read_take(struct transfers *t, struct serve *s)
{
    struct read *r = s->read;
    if (r->len == 0) {
        serve_refuse(t, s, FAILURE_UNKNOWN, r->data);
        return false;
    }
    chunk_drop(t, s);
    s->read = NULL;
    s->chunk = r->data;
    s->at = 0;
    s->len = r->len;
    mem_free(r);
    return true;
}

/* Bytes to send next, in memory: a pointer, and in *len how many; NULL: not
 * now (or the serve has ended). */
static const char *next_bytes(struct transfers *t, struct serve *s, size_t *len)
{
    struct source *source = s->source;
    if (source->of.fd < 0) {
        *len = (size_t)(source->of.available - s->offset);
        return (const char *)source->of.memory + s->offset;
    }
    if (s->at == s->len && s->read) {
        if (!s->read->ready || !read_take(t, s))
            return NULL;
    } else if (s->at == s->len && !read_now(t, s)) {
        read_ahead(t, s);
        return NULL;
    }
    if (s->at == s->len)
        return NULL;
    if (source->waits && !s->read &&
        s->offset + (s->len - s->at) < source->of.available)
        read_ahead(t, s);
    *len = s->len - s->at;
    return s->chunk + s->at;
}

/* ---- sending ---- */

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
    bytes_moved(t, s->peer);
    return true;
}

/* It is all sent. */
static void serve_whole(struct transfers *t, struct serve *s)
{
    tell(t, s->peer,
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
        const char *data = next_bytes(t, s, &len);
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
        chunk_drop(t, s);
    if (s->credit == 0 && t->chunk_count > MAX_CHUNKS / 2) {
        chunk_drop(t, s); /* others need it; it will be read again */
        read_drop(t, s);
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

bool transfers_turn(struct transfers *t, int64_t now_ns)
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
    if (t->moved)
        t->moved_ns = now_ns;
    bool moved = t->moved;
    t->moved = false;
    if (moved || !transfers_busy(t) || now_ns - t->moved_ns > t->spin_ns)
        return moved;
    sched_yield();
    return true;
}

/* ---- serving: what others call ---- */

int transfers_serve(struct transfers *t, uint64_t handle,
                    const struct transfer_source *source, struct err *err)
{
    struct source *s = mem_calloc(1, sizeof(*s));
    if (!s || map_point(&t->sources, handle, s) < 0) {
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
    struct source *s = map_pointer(&t->sources, handle);
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
    struct source *s = map_pointer(&t->sources, handle);
    if (s)
        source_end(t, s, failure, text);
    else
        refuse_all(t, handle, failure, text);
}

void transfers_unserve(struct transfers *t, uint64_t handle)
{
    struct source *s = map_pointer(&t->sources, handle);
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

/* ---- serving: messages ---- */

static void take_pull(struct transfers *t, uint32_t peer,
                      const struct stage_msg *m)
{
    uint64_t key = serve_key(peer, m->u.pull.pull);
    struct serve *s = NULL;
    if (map_get(&t->by_pull, key, NULL))
        return; /* a pull has one beginning */
    if (t->serve_count < MAX_SERVES)
        s = mem_calloc(1, sizeof(*s));
    if (!s || map_point(&t->by_pull, key, s) < 0) {
        mem_free(s);
        tell(t, peer,
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
    s->source = map_pointer(&t->sources, s->handle);
    if (s->source) {
        s->source->serves++;
        return;
    }
    bool wait = !t->unknown || t->unknown(t->unknown_arg, m->u.pull.handle);
    s = map_pointer(&t->by_pull, key);
    if (s && !s->source && !wait)
        serve_refuse(t, s, FAILURE_UNKNOWN, "it is not served here");
}

/* ---- pulling ---- */

static void pull_free(struct transfers *t, struct pull *p)
{
    map_remove(&t->pulls, p->id);
    if (p->next)
        p->next->previous = p->previous;
    if (p->previous)
        p->previous->next = p->next;
    else
        t->first_pull = p->next;
    mem_free(p);
}

static void pull_end(struct transfers *t, struct pull *p, enum transfer_end end,
                     uint64_t total, enum failure failure, const char *text)
{
    struct transfer_sink sink = p->sink;
    pull_free(t, p);
    t->moved = true;
    sink.ended(sink.arg, end, total, failure, text);
}

struct pull *transfers_pull(struct transfers *t, uint32_t from, uint64_t handle,
                            uint64_t offset, const struct transfer_sink *sink,
                            struct err *err)
{
    struct pull *p = mem_calloc(1, sizeof(*p));
    struct stage_msg m = {.kind = STAGE_PULL};
    if (!p)
        goto nomem;
    do
        t->next_id++;
    while (map_get(&t->pulls, t->next_id, NULL));
    *p = (struct pull){.transfers = t,
                       .sink = *sink,
                       .id = t->next_id,
                       .from = from,
                       .offset = offset,
                       .credit = TRANSFER_WINDOW_BYTES};
    m.u.pull.pull = p->id;
    m.u.pull.handle = handle;
    m.u.pull.offset = offset;
    m.u.pull.credit = p->credit;
    buf_reset(&t->message);
    if (map_point(&t->pulls, p->id, p) < 0)
        goto nomem;
    if (stage_msg_put(&t->message, &m) < 0) {
        map_remove(&t->pulls, p->id);
        goto nomem;
    }
    if (comm_send(t->comm, from, COMM_TO_TRANSFER, t->message.data,
                  t->message.len, err) < 0) {
        map_remove(&t->pulls, p->id);
        mem_free(p);
        return NULL;
    }
    p->next = t->first_pull;
    if (t->first_pull)
        t->first_pull->previous = p;
    t->first_pull = p;
    return p;
nomem:
    mem_free(p);
    err_set(err, ENOMEM, "transfer: no memory to pull a file");
    return NULL;
}

void transfers_consumed(struct pull *p, uint64_t bytes)
{
    p->consumed += bytes;
    if (p->consumed < TRANSFER_WINDOW_BYTES / CREDIT_PARTS)
        return;
    if (!tell(p->transfers, p->from,
              &(struct stage_msg){.kind = STAGE_MORE,
                                  .u.more = {p->id, p->consumed}}))
        return; /* with the next bytes */
    p->credit += p->consumed;
    p->consumed = 0;
}

void transfers_cancel(struct pull *p)
{
    tell(p->transfers, p->from,
         &(struct stage_msg){.kind = STAGE_CANCEL, .u.cancel = {p->id}});
    pull_free(p->transfers, p);
}

static void pull_broken(struct transfers *t, struct pull *p)
{
    tell(t, p->from,
         &(struct stage_msg){.kind = STAGE_CANCEL, .u.cancel = {p->id}});
    pull_end(t, p, TRANSFER_REFUSED, 0, FAILURE_UNKNOWN,
             "a rank sent something else than was asked for");
}

static void take_piece(struct transfers *t, uint32_t peer,
                       const struct stage_msg *m)
{
    struct pull *p = map_pointer(&t->pulls, m->u.piece.pull);
    size_t len = m->u.piece.len;
    t->received_bytes += peer == comm_rank(t->comm) ? 0 : len;
    if (!p || p->from != peer)
        return; /* of a pull that was cancelled */
    if (m->u.piece.offset != p->offset || len > p->credit) {
        pull_broken(t, p);
        return;
    }
    p->offset += len;
    p->credit -= len;
    bytes_moved(t, peer);
    p->sink.piece(p->sink.arg, m->u.piece.offset, m->u.piece.data, len);
}

static void take_end(struct transfers *t, uint32_t peer,
                     const struct stage_msg *m)
{
    struct pull *p = map_pointer(&t->pulls, m->u.end.pull);
    if (!p || p->from != peer)
        return;
    if (m->u.end.failure != FAILURE_NONE)
        pull_end(t, p, TRANSFER_REFUSED, 0, m->u.end.failure, m->u.end.text);
    else if (m->u.end.total != p->offset)
        pull_broken(t, p);
    else
        pull_end(t, p, TRANSFER_WHOLE, p->offset, FAILURE_NONE, "");
}

/* ---- deaths ---- */

/* Drop what we had with a rank that comm has forgotten. */
static void peer_lost(struct transfers *t, uint32_t rank)
{
    bool outer = t->walking;
    t->walking = true;
    for (struct serve *s = t->serves; s; s = s->next)
        if (s->peer == rank)
            serve_end(t, s);
    t->walking = outer;
    if (!outer)
        serves_sweep(t);
    for (struct pull *p = t->first_pull; p;) {
        if (p->from != rank) {
            p = p->next;
            continue;
        }
        pull_end(t, p, TRANSFER_LOST, 0, FAILURE_UNKNOWN, "its rank is lost");
        p = t->first_pull; /* what is left of the list now */
    }
}

void transfers_lost(struct transfers *t, uint32_t rank)
{
    const struct stage_msg m = {.kind = STAGE_LOST, .u.lost = {rank}};
    if (rank >= comm_size(t->comm) || rank == comm_rank(t->comm))
        return;
    comm_forget(t->comm, rank);
    peer_lost(t, rank);
    if (comm_rank(t->comm) != 0)
        return;
    for (uint32_t i = 1; i < comm_size(t->comm); i++)
        if (i != rank)
            tell(t, i, &m);
}

static void on_gone(void *arg, uint32_t peer, const char *why)
{
    (void)why;
    peer_lost(arg, peer);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct transfers *t = arg;
    struct stage_msg m;
    struct serve *s;
    if (stage_msg_parse(data, len, NULL, &m, NULL) < 0)
        return;
    switch (m.kind) {
    case STAGE_PULL:
        take_pull(t, peer, &m);
        break;
    case STAGE_MORE:
        if ((s = map_pointer(&t->by_pull, serve_key(peer, m.u.more.pull))))
            s->credit += m.u.more.credit;
        break;
    case STAGE_CANCEL:
        if ((s = map_pointer(&t->by_pull, serve_key(peer, m.u.cancel.pull))))
            serve_end(t, s);
        break;
    case STAGE_PIECE:
        take_piece(t, peer, &m);
        break;
    case STAGE_END:
        take_end(t, peer, &m);
        break;
    case STAGE_LOST:
        if (peer == 0)
            transfers_lost(t, m.u.lost.rank);
        break;
    default:
        break;
    }
}

/* ---- start and end ---- */

struct transfers *transfers_create(struct comm *bulk, struct io *io,
                                   struct err *err)
{
    struct transfers *t = mem_calloc(1, sizeof(*t));
    if (!t) {
        err_set(err, ENOMEM, "transfer: no memory");
        return NULL;
    }
    t->comm = bulk;
    t->io = io;
    map_init(&t->sources);
    map_init(&t->by_pull);
    map_init(&t->pulls);
    buf_init(&t->message, STAGE_MSG_MAX_BYTES);
    comm_listen(bulk, COMM_TO_TRANSFER,
                &(struct comm_handler){
                    .message = on_message, .gone = on_gone, .arg = t});
    return t;
}

void transfers_destroy(struct transfers *t)
{
    if (!t)
        return;
    comm_listen(t->comm, COMM_TO_TRANSFER, &(struct comm_handler){0});
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
    while (t->first_pull)
        pull_free(t, t->first_pull);
    map_fini(&t->sources);
    map_fini(&t->by_pull);
    map_fini(&t->pulls);
    buf_fini(&t->message);
    mem_free(t);
}

bool transfers_busy(const struct transfers *t)
{
    return t->first_pull || t->serves;
}

uint64_t transfers_received_bytes(const struct transfers *t)
{
    return t->received_bytes;
}
