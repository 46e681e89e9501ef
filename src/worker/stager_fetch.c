/* Fetches: an object on its way into the node's cache, see stager_parts.h.
 *
 *   OPENING --> PULLING <--> STALLED      from a peer
 *      |           \--> SEALING -----> got
 *      \------> READING ------------/     from the origin
 *   UNPACKING ------------------------> got
 *   any of them --> ENDING, while a job is still under way
 *
 * From a peer: what comes is gathered in memory and appended in a thread, a
 * window at most, and served on as it is appended. When the peer fails, the
 * fetch stalls until the director names another, and goes on where it is.
 * From the origin: one long job reads, appends and seals; when something of
 * the object is there already, from a peer that is lost, it is compared with
 * what is read: a source that has changed is read anew.
 */
#include "config.h"
#include "worker/stager_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quantity.h"

/* How often a source is tried when it fails in passing, and the pause. */
enum { ORIGIN_TRIES = 3, ORIGIN_PAUSE_MS = 200 };

enum fetch_state {
    FETCH_OPENING,
    FETCH_PULLING,
    FETCH_STALLED,
    FETCH_READING,
    FETCH_SEALING,
    FETCH_UNPACKING,
    FETCH_ENDING
};

struct fetch {
    struct io_job job;
    bool job_out;
    struct stager *stager;
    struct list link;
    uint64_t object;
    enum object_kind kind;
    uint32_t from;
    bool known;
    struct object_meta meta; /* known, or found out */
    enum fetch_state state;
    struct partial *partial; /* the job's, while one is out */
    uint64_t bytes;          /* appended */
    struct pull *pull;
    bool whole; /* the pull has ended: total */
    uint64_t total;
    struct buf incoming, writing;
    struct unpacking *unpacking;
    /* A job's, and what it leaves. */
    atomic_bool stop;
    _Atomic uint64_t reached; /* of reading */
    pthread_mutex_t lock;     /* of serve_fd */
    int serve_fd;             /* of the partial, to be served; -1: none yet */
    bool found;               /* the cache has had it */
    enum object_blame blame;
    struct origin_counts counts;
    char key[];
};

static void proceed(struct fetch *f);

static struct fetch *fetch_of(struct io_job *j)
{
    return LIST_OF(j, struct fetch, job);
}

static struct fetch *fetch_find(const struct stager *s, uint64_t object)
{
    uint64_t value;
    return map_get(&s->fetches, object, &value)
               ? (struct fetch *)(uintptr_t)value
               : NULL;
}

static void start_job(struct fetch *f,
                      int (*work)(struct io_job *, struct err *),
                      void (*done)(struct io_job *, int, const struct err *),
                      bool is_long)
{
    f->job.work = work;
    f->job.done = done;
    f->job_out = true;
    if (is_long)
        io_start_long(f->stager->config.io, &f->job);
    else
        io_start(f->stager->config.io, &f->job);
}

/* ---- Ends ---- */

static void free_now(struct fetch *f)
{
    if (f->serve_fd >= 0)
        close(f->serve_fd);
    pthread_mutex_destroy(&f->lock);
    list_remove(&f->link);
    buf_fini(&f->incoming);
    buf_fini(&f->writing);
    mem_free(f);
}

static int abort_partial(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    (void)err;
    cache_abort(f->partial);
    f->partial = NULL;
    return 0;
}

static void aborted(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    (void)rc, (void)err;
    cache_abort(f->partial); /* the job was cancelled */
    free_now(f);
}

/* An ending fetch has no job any more. */
static void end_now(struct fetch *f)
{
    if (f->partial)
        start_job(f, abort_partial, aborted, false);
    else
        free_now(f);
}

static void end(struct fetch *f)
{
    map_remove(&f->stager->fetches, f->object);
    f->state = FETCH_ENDING;
    atomic_store(&f->stop, true);
    if (f->pull)
        transfers_cancel(f->pull);
    f->pull = NULL;
    package_stop(f->unpacking);
    f->unpacking = NULL;
    if (!f->job_out)
        end_now(f);
}

static void tell_failed(struct fetch *f, enum object_blame blame,
                        enum failure failure, const char *text)
{
    char cut[STAGE_MAX_TEXT + 1];
    snprintf(cut, sizeof(cut), "%s", text);
    stager_tell(f->stager,
                &(struct stage_msg){
                    .kind = STAGE_FAILED,
                    .u.failed = {f->object, blame, f->from,
                                 failure ? failure : FAILURE_UNKNOWN, cut}});
}

static void fail(struct fetch *f, enum object_blame blame, enum failure failure,
                 const char *text)
{
    struct stager *s = f->stager;
    tell_failed(f, blame, failure, text);
    transfers_refuse(s->config.transfers, f->object, failure, text);
    end(f);
}

/* A parent has failed us: the director names another. */
static void stall(struct fetch *f, enum failure failure, const char *text)
{
    f->state = FETCH_STALLED;
    f->whole = false;
    tell_failed(f, OBJECT_BLAME_PARENT, failure, text);
}

static void got(struct fetch *f, bool has_read)
{
    struct stager *s = f->stager;
    if (f->kind != OBJECT_PACKAGE) {
        holding_add(s, f->object, &f->meta, has_read);
        if (transfers_serves(s->config.transfers, f->object))
            transfers_grown(s->config.transfers, f->object, f->meta.bytes,
                            f->meta.bytes);
    }
    stager_tell(s, &(struct stage_msg){.kind = STAGE_GOT,
                                       .u.got = {f->object, f->meta}});
    end(f);
}

void fetch_give_up(struct stager *s, uint64_t object, enum failure failure,
                   const char *text)
{
    struct fetch *f = fetch_find(s, object);
    if (!f)
        return;
    transfers_refuse(s->config.transfers, object, failure, text);
    end(f);
}

/* ---- The cache, in threads ---- */

static enum failure write_failure(int code)
{
    return failure_of_errno(code, PHASE_WRITE);
}

static int begin_partial(struct fetch *f, uint64_t bytes, struct err *err)
{
    f->blame = OBJECT_BLAME_NODE;
    f->partial =
        cache_begin_patiently(f->stager->config.cache, bytes, &f->stop, err);
    if (!f->partial)
        return -1;
    pthread_mutex_lock(&f->lock);
    if (f->serve_fd >= 0)
        close(f->serve_fd);
    f->serve_fd = fcntl(cache_partial_fd(f->partial), F_DUPFD_CLOEXEC, 3);
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static int find_known(struct fetch *f, struct err *err)
{
    char path[PATH_MAX];
    f->blame = OBJECT_BLAME_NODE;
    if (!f->known)
        return 0;
    return cache_find(f->stager->config.cache, &f->meta.digest, f->meta.bytes,
                      path, err);
}

static int open_pull(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    int rc = find_known(f, err);
    if (rc > 0)
        f->found = true;
    if (rc != 0)
        return rc > 0 ? 0 : -1;
    return begin_partial(f, f->known ? f->meta.bytes : UINT64_MAX, err);
}

static int append_work(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    return cache_append(f->partial, f->writing.data, f->writing.len, err);
}

static int seal_work(struct io_job *j, struct err *err)
{
    struct fetch *f = fetch_of(j);
    struct partial *p = f->partial;
    struct object_meta meta = {.bytes = cache_appended(p)};
    f->partial = NULL;
    if (cache_commit(p, f->known ? &f->meta.digest : NULL, &meta.digest, NULL,
                     err) < 0)
        return -1;
    f->meta = meta;
    return 0;
}

/* ---- From a peer ---- */

/* Behind a job: is the fetch still wanted? */
static bool back(struct fetch *f)
{
    f->job_out = false;
    if (f->state != FETCH_ENDING)
        return true;
    end_now(f);
    return false;
}

static void sealed(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    if (!back(f))
        return;
    if (rc == 0) {
        got(f, false);
    } else if (err->code == EBADMSG) {
        f->bytes = 0;
        transfers_refuse(f->stager->config.transfers, f->object,
                         FAILURE_BLOB_DOWNLOAD_MISC, err->text);
        stall(f, FAILURE_BLOB_DOWNLOAD_MISC, err->text);
    } else {
        fail(f, OBJECT_BLAME_NODE, write_failure(err->code), err->text);
    }
}

static void appended(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    size_t len = f->writing.len;
    buf_reset(&f->writing);
    if (!back(f))
        return;
    if (rc < 0) {
        fail(f, err->code == ESTALE ? OBJECT_BLAME_PARENT : OBJECT_BLAME_NODE,
             write_failure(err->code), err->text);
        return;
    }
    f->bytes += len;
    transfers_grown(f->stager->config.transfers, f->object, f->bytes,
                    STAGE_UNKNOWN);
    if (f->pull)
        transfers_consumed(f->pull, len);
    proceed(f);
}

static void append(struct fetch *f)
{
    struct buf swap = f->writing;
    f->writing = f->incoming;
    f->incoming = swap;
    buf_reset(&f->incoming);
    start_job(f, append_work, appended, false);
}

static uint64_t received(const struct fetch *f)
{
    return f->bytes + f->writing.len + f->incoming.len;
}

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    struct fetch *f = arg;
    if (offset != received(f)) {
        transfers_cancel(f->pull);
        f->pull = NULL;
        stall(f, FAILURE_BLOB_DOWNLOAD_MISC, "a piece is out of order");
        return;
    }
    f->stager->config.counts->mpi_bytes += len;
    if (buf_put(&f->incoming, data, len) < 0)
        fail(f, OBJECT_BLAME_NODE, FAILURE_UNKNOWN,
             "no memory for what other ranks send");
    else if (!f->job_out)
        append(f);
}

static void on_ended(void *arg, enum transfer_end how, uint64_t total,
                     enum failure failure, const char *text)
{
    struct fetch *f = arg;
    f->pull = NULL;
    if (how == TRANSFER_WHOLE && total == received(f)) {
        f->whole = true;
        f->total = total;
        proceed(f);
    } else if (how == TRANSFER_WHOLE) {
        stall(f, FAILURE_BLOB_DOWNLOAD_MISC, "it is shorter than it was");
    } else {
        stall(f, failure,
              how == TRANSFER_LOST ? "the rank that has it is lost" : text);
    }
}

static void pull(struct fetch *f)
{
    struct err err;
    struct transfer_sink sink = {
        .piece = on_piece, .ended = on_ended, .arg = f};
    f->pull = transfers_pull(f->stager->config.transfers, f->from, f->object,
                             received(f), &sink, &err);
    if (!f->pull)
        stall(f, FAILURE_BLOB_DOWNLOAD_MISC, err.text);
}

static void pull_opened(struct io_job *j, int rc, const struct err *err)
{
    struct fetch *f = fetch_of(j);
    if (!back(f))
        return;
    if (rc < 0) {
        fail(f, OBJECT_BLAME_NODE, write_failure(err->code), err->text);
        return;
    }
    if (f->found) {
        got(f, false);
        return;
    }
    f->state = FETCH_PULLING;
    if (serve_was_asked(f->stager, f->object))
        fetch_serve(f->stager, f->object);
    proceed(f);
}

/* ---- From the origin ---- */

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
        rc = begin_partial(f, origin_bytes(o), err) < 0 ? -1 : 1;
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
    bool has_read = f->counts.opens > 0 || f->counts.http_requests > 0;
    count_origin(f);
    if (!back(f))
        return;
    if (rc == 0) {
        got(f, has_read && !f->found);
    } else if (err->code == ECANCELED && f->from != STAGE_ORIGIN) {
        f->bytes = 0;
        transfers_refuse(f->stager->config.transfers, f->object,
                         FAILURE_UNKNOWN, "it is begun anew");
        atomic_store(&f->stop, false);
        f->state = FETCH_PULLING;
        proceed(f);
    } else {
        fail(f, f->blame,
             f->blame == OBJECT_BLAME_SOURCE
                 ? failure_of_errno(err->code, PHASE_DOWNLOAD)
                 : write_failure(err->code),
             err->text);
    }
}

/* ---- Steps ---- */

/* What is next, when no job is out. */
static void proceed(struct fetch *f)
{
    if (f->job_out || f->state == FETCH_STALLED)
        return;
    if (f->from == STAGE_ORIGIN) {
        buf_reset(&f->incoming);
        f->whole = false;
        f->state = FETCH_READING;
        atomic_store(&f->reached, f->bytes);
        start_job(f, read_work, read_done, true);
    } else if (!f->partial) {
        f->state = FETCH_OPENING;
        f->bytes = 0;
        f->whole = false;
        buf_reset(&f->incoming);
        start_job(f, open_pull, pull_opened, true);
    } else if (f->incoming.len > 0) {
        append(f);
    } else if (f->whole) {
        f->state = FETCH_SEALING;
        start_job(f, seal_work, sealed, false);
    } else if (!f->pull) {
        pull(f);
    }
}

static void unpacked(void *arg, int rc, enum failure failure, const char *text)
{
    struct fetch *f = arg;
    f->unpacking = NULL;
    if (rc == 0) {
        f->stager->config.counts->unpacked++;
        got(f, false);
    } else {
        fail(f, OBJECT_BLAME_NODE, failure, text);
    }
}

static void begin(struct fetch *f)
{
    if (f->kind != OBJECT_PACKAGE) {
        f->state = FETCH_PULLING;
        proceed(f);
        return;
    }
    f->state = FETCH_UNPACKING;
    f->unpacking = package_start(f->stager, f->key, unpacked, f);
    if (!f->unpacking)
        fail(f, OBJECT_BLAME_NODE, FAILURE_APPLICATION_PACKAGE_ERROR,
             "no memory to unpack it");
}

/* The director has named another source for what we fetch already. */
static void redirect(struct fetch *f, const struct stage_msg *m)
{
    if (f->state == FETCH_UNPACKING || f->state == FETCH_SEALING)
        return;
    if (f->state == FETCH_READING) {
        if (m->u.fetch.from != STAGE_ORIGIN) {
            f->from = m->u.fetch.from;
            atomic_store(&f->stop, true);
        }
        return;
    }
    f->from = m->u.fetch.from;
    if (!f->job_out) { /* a job may be using it */
        f->known = m->u.fetch.known;
        if (f->known)
            f->meta = m->u.fetch.meta;
    }
    if (f->pull)
        transfers_cancel(f->pull);
    f->pull = NULL;
    f->whole = false;
    if (f->state == FETCH_STALLED)
        f->state = FETCH_PULLING;
    proceed(f);
}

void fetch_told(struct stager *s, const struct stage_msg *m)
{
    struct fetch *f = fetch_find(s, m->u.fetch.object);
    if (f) {
        redirect(f, m);
        return;
    }
    size_t len = strlen(m->u.fetch.key) + 1;
    f = mem_calloc(1, sizeof(*f) + len);
    if (!f ||
        map_set(&s->fetches, m->u.fetch.object, (uint64_t)(uintptr_t)f) < 0) {
        mem_free(f);
        stager_tell(s, &(struct stage_msg){
                           .kind = STAGE_FAILED,
                           .u.failed = {m->u.fetch.object, OBJECT_BLAME_NODE,
                                        m->u.fetch.from, FAILURE_UNKNOWN,
                                        "no memory to stage a file"}});
        return;
    }
    memcpy(f->key, m->u.fetch.key, len);
    f->stager = s;
    f->object = m->u.fetch.object;
    f->kind = m->u.fetch.kind;
    f->from = m->u.fetch.from;
    f->known = m->u.fetch.known;
    f->meta = m->u.fetch.meta;
    f->serve_fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    buf_init(&f->incoming, 2 * TRANSFER_WINDOW_BYTES);
    buf_init(&f->writing, 2 * TRANSFER_WINDOW_BYTES);
    list_add(&s->all_fetches, &f->link);
    begin(f);
}

bool fetch_serve(struct stager *s, uint64_t object)
{
    struct fetch *f = fetch_find(s, object);
    if (!f)
        return false;
    uint64_t bytes =
        f->state == FETCH_READING ? atomic_load(&f->reached) : f->bytes;
    pthread_mutex_lock(&f->lock);
    bool is_there = f->serve_fd >= 0;
    if (is_there)
        serve_file(s, object, f->serve_fd, bytes, STAGE_UNKNOWN);
    pthread_mutex_unlock(&f->lock);
    if (is_there)
        return true;
    if (s->asked.count < STAGER_MAX_ITEMS)
        map_set(&s->asked, object, 1);
    return true;
}

/* How far the threads have read. */
bool fetch_turn(struct stager *s)
{
    bool grown = false;
    for (struct list *l = s->all_fetches.next; l != &s->all_fetches;
         l = l->next) {
        struct fetch *f = LIST_OF(l, struct fetch, link);
        if (f->state != FETCH_READING)
            continue;
        uint64_t reached = atomic_load(&f->reached);
        if (reached == f->bytes)
            continue;
        grown = true;
        if (reached < f->bytes)
            transfers_refuse(s->config.transfers, f->object, FAILURE_UNKNOWN,
                             "it is read anew");
        f->bytes = reached;
        if (serve_was_asked(s, f->object))
            fetch_serve(s, f->object);
        else if (transfers_serves(s->config.transfers, f->object))
            transfers_grown(s->config.transfers, f->object, reached,
                            STAGE_UNKNOWN);
    }
    return grown;
}

void fetch_stop_all(struct stager *s)
{
    struct list *l, *next;
    for (l = s->all_fetches.next; l != &s->all_fetches; l = next) {
        struct fetch *f = LIST_OF(l, struct fetch, link);
        next = l->next;
        if (f->state != FETCH_ENDING)
            end(f);
    }
}

void fetch_free_all(struct stager *s)
{
    while (!list_empty(&s->all_fetches)) {
        struct fetch *f = LIST_OF(s->all_fetches.next, struct fetch, link);
        cache_abort(f->partial);
        free_now(f);
    }
}
