/* Fetches from the origin: see stager_fetch_parts.h.
 *
 * One long job reads, appends and seals; when something of the object is there
 * already, from a peer that is lost, it is compared with what is read: a source
 * that has changed is read anew.
 */
#include "config.h"
#include "worker/stager_fetch_parts.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quantity.h"

/* How often a source is tried when it fails in passing, and the pause. */
enum { ORIGIN_TRIES = 3, ORIGIN_PAUSE_MS = 200 };

/* Is data what the partial has at offset? */
static int compare(struct fetch *f, const char *data, size_t len,
                   uint64_t offset, struct err *err)
{
    char has[16 * 1024];
    int fd = cache_partial_fd(f->partial);
    for (size_t at = 0; at < len;) {
        size_t part = len - at < sizeof(has) ? len - at : sizeof(has);
        ssize_t n = pread(fd, has, part, (off_t)(offset + at));
        if (n <= 0)
            return err_sys(err, n < 0 ? errno : EIO,
                           "cannot read what was staged so far");
        if (memcmp(has, data + at, (size_t)n) != 0)
            return 0;
        at += (size_t)n;
    }
    return 1;
}

/* Put in place what was read at offset: 1; 0: what is there is of another
 * source. */
static int take(struct fetch *f, const char *data, size_t len, uint64_t offset,
                struct err *err)
{
    uint64_t has = cache_appended(f->partial);
    if (offset < has) {
        size_t part = has - offset < len ? (size_t)(has - offset) : len;
        int rc = compare(f, data, part, offset, err);
        if (rc <= 0)
            return rc;
        data += part;
        len -= part;
    }
    if (len > 0 && cache_append(f->partial, data, len, err) < 0) {
        if (err->code == ESTALE)
            f->blame = OBJECT_BLAME_SOURCE;
        return -1;
    }
    atomic_store(&f->reached, cache_appended(f->partial));
    return 1;
}

static int read_all(struct fetch *f, struct origin *o, char *data,
                    struct err *err)
{
    for (uint64_t at = 0;;) {
        if (atomic_load(&f->stop))
            return err_set(err, ECANCELED, "it is not wanted any more");
        f->blame = OBJECT_BLAME_SOURCE;
        ssize_t n = origin_read(o, data, STAGER_CHUNK_BYTES, err);
        if (n < 0)
            return -1;
        if (n == 0 && at < cache_appended(f->partial))
            return 0;
        if (n == 0)
            return 1;
        f->blame = OBJECT_BLAME_NODE;
        int rc = take(f, data, (size_t)n, at, err);
        if (rc <= 0)
            return rc;
        at += (uint64_t)n;
    }
}

/* What is there is of no use. */
static void drop(struct fetch *f)
{
    cache_abort(f->partial);
    f->partial = NULL;
    atomic_store(&f->reached, 0);
}

static int read_origin(struct fetch *f, char *data, struct err *err)
{
    f->blame = OBJECT_BLAME_SOURCE;
    struct origin *o = origin_open(f->kind, f->key, &f->stop, err);
    if (!o)
        return -1;
    int rc = 1;
    if (!f->partial)
        rc = fetch_begin_partial(f, origin_bytes(o), err) < 0 ? -1 : 1;
    if (rc > 0)
        rc = read_all(f, o, data, err);
    if (rc > 0)
        f->blame = OBJECT_BLAME_SOURCE;
    if (origin_close(o, &f->counts, rc > 0 ? err : NULL) < 0 && rc > 0)
        rc = -1;
    if (rc <= 0)
        drop(f);
    return rc;
}

/* Has a cache that was kept what the source is now? */
static int find_source(struct fetch *f, char identity[ORIGIN_IDENTITY_BYTES],
                       struct err *err)
{
    if (!cache_is_kept(f->stager->config.cache))
        return 0;
    f->blame = OBJECT_BLAME_SOURCE;
    int rc = origin_identity(f->kind, f->key, identity, &f->counts, err);
    if (rc <= 0)
        return rc;
    f->blame = OBJECT_BLAME_NODE;
    rc = cache_find_source(f->stager->config.cache, identity, &f->meta, err);
    f->found = rc > 0;
    return rc < 0 ? -1 : 1;
}

/* The next session need not read it. It may have been replaced between the look
 * at it and the first read; what is not remembered is read again. */
static void remember_source(struct fetch *f, const char *identity)
{
    char now[ORIGIN_IDENTITY_BYTES];
    if (f->kind == OBJECT_URL ||
        (origin_identity(f->kind, f->key, now, NULL, NULL) == 1 &&
         strcmp(now, identity) == 0))
        cache_add_source(f->stager->config.cache, identity, &f->meta, NULL);
}

static int read_once(struct fetch *f, char *data, struct err *err)
{
    char identity[ORIGIN_IDENTITY_BYTES];
    int has_identity = find_source(f, identity, err);
    if (has_identity < 0 || f->found)
        return has_identity < 0 ? -1 : 0;
    int rc = read_origin(f, data, err);
    if (rc == 0) /* the second time there is nothing to differ from */
        rc = read_origin(f, data, err);
    if (rc <= 0)
        return -1;
    struct partial *p = f->partial;
    f->partial = NULL;
    f->blame = OBJECT_BLAME_NODE;
    f->meta.bytes = cache_appended(p);
    if (cache_commit(p, NULL, &f->meta.digest, NULL, err) < 0)
        return -1;
    if (has_identity > 0)
        remember_source(f, identity);
    return 0;
}

static bool is_passing(int code)
{
    return code == EIO || code == EAGAIN || code == ENETDOWN ||
           code == ENETUNREACH || code == ENOTCONN || code == EREMOTEIO;
}

static void pause_ms(struct fetch *f, int ms)
{
    for (; ms > 0 && !atomic_load(&f->stop); ms -= 20)
        nanosleep(&(struct timespec){.tv_nsec = 20 * NS_PER_MS}, NULL);
}

static int read_work(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    char *data = mem_alloc(STAGER_CHUNK_BYTES);
    int rc = -1;
    f->blame = OBJECT_BLAME_NODE;
    if (!data)
        return err_set(err, ENOMEM, "no memory to read \"%s\"", f->key);
    for (int i = 1; i <= ORIGIN_TRIES; i++) {
        rc = read_once(f, data, err);
        if (rc == 0 || f->blame != OBJECT_BLAME_SOURCE ||
            f->kind == OBJECT_URL || !is_passing(err->code) ||
            atomic_load(&f->stop))
            break;
        if (i < ORIGIN_TRIES)
            pause_ms(f, ORIGIN_PAUSE_MS * i);
    }
    mem_free(data);
    return rc;
}

static void count_origin(struct fetch *f)
{
    struct stage_counts *c = f->stager->config.counts;
    c->shared_opens += f->counts.opens;
    c->http_requests += f->counts.http_requests;
    if (f->kind != OBJECT_URL)
        c->shared_bytes_read += f->counts.bytes;
    f->counts = (struct origin_counts){0};
}

static void read_done(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    count_origin(f);
    if (!fetch_back(f))
        return;
    if (rc == 0) {
        fetch_got(f);
    } else if (err->code == ECANCELED && f->from != STAGE_ORIGIN) {
        f->bytes = 0;
        transfers_refuse(f->stager->config.transfers, f->object,
                         FAILURE_UNKNOWN, "it is begun anew");
        atomic_store(&f->stop, false);
        f->state = FETCH_PULLING;
        fetch_proceed(f);
    } else {
        fetch_fail(f, f->blame,
                   f->blame == OBJECT_BLAME_SOURCE
                       ? failure_of_errno(err->code, PHASE_DOWNLOAD)
                       : fetch_write_failure(err->code),
                   err->text);
    }
}

void fetch_step_origin(struct fetch *f)
{
    buf_reset(&f->incoming);
    f->whole = false;
    f->state = FETCH_READING;
    atomic_store(&f->reached, f->bytes);
    fetch_start_job(f, read_work, read_done, true);
}
