/* What is in memory of files that are served: see transfer_parts.h. Owns the
 * chunks. They come there at once, if the page cache has them, else by a
 * thread, which reads one chunk ahead.
 */
#include "config.h"
#include "bulk/transfer_parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

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

void serve_drop_chunk(struct transfers *t, struct serve *s)
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

void serve_drop_read(struct transfers *t, struct serve *s)
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
        snprintf(r->data, TRANSFER_CHUNK_BYTES, "%s", err->text);
    }
}

/* Start to read what follows upon the chunk. */
static void read_ahead(struct transfers *t, struct serve *s)
{
    uint64_t offset = s->offset + (s->len - s->at);
    uint64_t left = s->source->of.available - offset;
    struct read *r = NULL;
    if (t->chunk_count < TRANSFER_MAX_CHUNKS)
        r = mem_calloc(1, sizeof(*r));
    if (r && !(r->data = mem_alloc(TRANSFER_CHUNK_BYTES))) {
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
    r->len = left < TRANSFER_CHUNK_BYTES ? (size_t)left : TRANSFER_CHUNK_BYTES;
    s->read = r;
    s->source->reads++;
    io_start(t->io, &r->job);
}

/* The chunk's place, if there may be one more. */
static bool chunk_get(struct transfers *t, struct serve *s)
{
    if (s->chunk)
        return true;
    if (t->chunk_count >= TRANSFER_MAX_CHUNKS)
        return false;
    s->chunk = mem_alloc(TRANSFER_CHUNK_BYTES);
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
    struct iovec v = {s->chunk, left < TRANSFER_CHUNK_BYTES
                                    ? (size_t)left
                                    : TRANSFER_CHUNK_BYTES};
    ssize_t n = preadv2(s->source->of.fd, &v, 1,
                        (off_t)(s->source->of.from + s->offset), RWF_NOWAIT);
    if (n > 0) {
        s->at = 0;
        s->len = (size_t)n;
        return true;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        s->source->waits = true; /* this file system cannot say */
    serve_drop_chunk(t, s);
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
    serve_drop_chunk(t, s);
    s->read = NULL;
    s->chunk = r->data;
    s->at = 0;
    s->len = r->len;
    mem_free(r);
    return true;
}

const char *serve_next_bytes(struct transfers *t, struct serve *s, size_t *len)
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
