/* Fetches: an object on its way into the node's cache, see stager_parts.h. Owns
 * them from the director's word to their end; how the bytes come:
 * stager_fetch_peer.c, stager_fetch_origin.c.
 */
#include "config.h"
#include "worker/stager_fetch_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static struct fetch *fetch_find(const struct stager *s, uint64_t object)
{
    uint64_t value;
    return map_get(&s->fetches, object, &value)
               ? (struct fetch *)(uintptr_t)value
               : NULL;
}

void fetch_start_job(struct fetch *f,
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
        fetch_start_job(f, abort_partial, aborted, false);
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

bool fetch_back(struct fetch *f)
{
    f->job_out = false;
    if (f->state != FETCH_ENDING)
        return true;
    end_now(f);
    return false;
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

void fetch_fail(struct fetch *f, enum object_blame blame, enum failure failure,
                const char *text)
{
    struct stager *s = f->stager;
    tell_failed(f, blame, failure, text);
    transfers_refuse(s->config.transfers, f->object, failure, text);
    end(f);
}

void fetch_stall(struct fetch *f, enum failure failure, const char *text)
{
    f->state = FETCH_STALLED;
    f->whole = false;
    tell_failed(f, OBJECT_BLAME_PARENT, failure, text);
}

void fetch_got(struct fetch *f)
{
    struct stager *s = f->stager;
    if (f->kind != OBJECT_PACKAGE) {
        holding_add(s, f->object, &f->meta);
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

enum failure fetch_write_failure(int code)
{
    return failure_of_errno(code, PHASE_WRITE);
}

int fetch_begin_partial(struct fetch *f, uint64_t bytes, struct err *err)
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

/* ---- Steps ---- */

void fetch_proceed(struct fetch *f)
{
    if (f->job_out || f->state == FETCH_STALLED)
        return;
    if (f->from == STAGE_ORIGIN)
        fetch_step_origin(f);
    else
        fetch_step_peer(f);
}

static void unpacked(void *arg, int rc, enum failure failure, const char *text)
{
    struct fetch *f = arg;
    f->unpacking = NULL;
    if (rc == 0) {
        f->stager->config.counts->unpacked++;
        fetch_got(f);
    } else {
        fetch_fail(f, OBJECT_BLAME_NODE, failure, text);
    }
}

static void begin(struct fetch *f)
{
    if (f->kind != OBJECT_PACKAGE) {
        f->state = FETCH_PULLING;
        fetch_proceed(f);
        return;
    }
    f->state = FETCH_UNPACKING;
    f->unpacking = package_start(f->stager, f->key, unpacked, f);
    if (!f->unpacking)
        fetch_fail(f, OBJECT_BLAME_NODE, FAILURE_APPLICATION_PACKAGE_ERROR,
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
    fetch_proceed(f);
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

/* ---- What others have of it ---- */

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
    if (!is_there)
        serve_note_asked(s, object);
    return true;
}

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

/* ---- All of them ---- */

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
