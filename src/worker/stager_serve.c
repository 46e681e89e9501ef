/* What a rank can serve to others: see stager_parts.h.
 *
 * A file is opened when somebody pulls it, and closed behind the last pull. A
 * pull may come before the director's word that we fetch the object, or have
 * it: then it waits, and we remember that it does. */
#include "config.h"
#include "worker/stager_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

/* Something that is in the node's cache. There may be many. */
struct holding {
    struct list link;
    uint64_t object;
    struct object_meta meta;
    bool opening; /* a thread opens it */
};

/* A thread opens an object's file. */
struct opening {
    struct io_job job;
    struct stager *stager;
    uint64_t object;
    struct object_meta meta;
    int fd;
};

static struct holding *holding_find(const struct stager *s, uint64_t object)
{
    uint64_t value;
    return map_get(&s->holdings, object, &value)
               ? (struct holding *)(uintptr_t)value
               : NULL;
}

static void holding_forget(struct stager *s, struct holding *h)
{
    map_remove(&s->holdings, h->object);
    list_remove(&h->link);
    s->holding_count--;
    mem_free(h);
}

void holding_remove(struct stager *s, uint64_t object)
{
    struct holding *h = holding_find(s, object);
    if (h)
        holding_forget(s, h);
}

/* ---- Opening ---- */

static int open_work(struct io_job *j, struct err *err)
{
    struct opening *o = LIST_OF(j, struct opening, job);
    char path[PATH_MAX];
    int rc = cache_find(o->stager->config.cache, &o->meta.digest, o->meta.bytes,
                        path, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(err, ENOENT, "it is not in the cache any more");
    o->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return o->fd < 0 ? err_sys(err, errno, "cannot open \"%s\"", path) : 0;
}

static void opened(struct io_job *j, int rc, const struct err *err)
{
    struct opening *o = LIST_OF(j, struct opening, job);
    struct stager *s = o->stager;
    struct holding *h =
        s->state == STAGER_STOPPED ? NULL : holding_find(s, o->object);
    if (h)
        h->opening = false;
    if (rc == 0 && s->state != STAGER_STOPPED) {
        serve_file(s, o->object, o->fd, o->meta.bytes, o->meta.bytes);
    } else if (s->state != STAGER_STOPPED) {
        transfers_refuse(s->config.transfers, o->object, FAILURE_UNKNOWN,
                         err->text);
        if (h)
            holding_forget(s, h);
        if (h && err->code == ENOENT)
            stager_tell(s, &(struct stage_msg){.kind = STAGE_MISSING,
                                               .u.missing = {o->object}});
    }
    if (o->fd >= 0)
        close(o->fd);
    mem_free(o);
}

static void holding_open(struct stager *s, struct holding *h)
{
    struct opening *o = h->opening ? NULL : mem_calloc(1, sizeof(*o));
    if (h->opening)
        return;
    if (!o) {
        transfers_refuse(s->config.transfers, h->object, FAILURE_UNKNOWN,
                         "no memory to open it");
        return;
    }
    h->opening = true;
    o->stager = s;
    o->object = h->object;
    o->meta = h->meta;
    o->fd = -1;
    o->job.work = open_work;
    o->job.done = opened;
    io_start(s->config.io, &o->job);
}

void holding_add(struct stager *s, uint64_t object,
                 const struct object_meta *meta)
{
    struct holding *h = holding_find(s, object);
    if (!h) {
        h = mem_calloc(1, sizeof(*h));
        if (!h || map_set(&s->holdings, object, (uint64_t)(uintptr_t)h) < 0) {
            mem_free(h); /* then it is not served from here */
            return;
        }
        h->object = object;
        list_init(&h->link);
        s->holding_count++;
    }
    h->meta = *meta;
    list_remove(&h->link);
    list_add(&s->old_holdings, &h->link);
    if (s->holding_count > STAGER_MAX_HOLDINGS)
        holding_forget(s, LIST_OF(s->old_holdings.next, struct holding, link));
    if (serve_was_asked(s, object) &&
        !transfers_serves(s->config.transfers, object))
        holding_open(s, h);
}

/* ---- Serving ---- */

static void nobody_pulls(void *arg, uint64_t handle)
{
    struct stager *s = arg;
    transfers_unserve(s->config.transfers, handle);
}

void serve_file(struct stager *s, uint64_t object, int fd, uint64_t available,
                uint64_t total)
{
    struct err err;
    struct transfer_source source = {
        .available = available, .total = total, .idle = nobody_pulls, .arg = s};
    if (transfers_serves(s->config.transfers, object)) {
        transfers_grown(s->config.transfers, object, available, total);
        return;
    }
    if (!transfers_awaits(s->config.transfers, object))
        return; /* who asked has gone: nobody would have it closed */
    source.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (source.fd < 0) {
        transfers_refuse(s->config.transfers, object, FAILURE_UNKNOWN,
                         "too many open files");
    } else if (transfers_serve(s->config.transfers, object, &source, &err) <
               0) {
        close(source.fd);
        transfers_refuse(s->config.transfers, object, FAILURE_UNKNOWN,
                         err.text);
    }
}

void serve_note_asked(struct stager *s, uint64_t object)
{
    if (s->asked.count < STAGER_MAX_ITEMS)
        map_set(&s->asked, object, 1);
}

bool serve_was_asked(struct stager *s, uint64_t object)
{
    return map_remove(&s->asked, object);
}

bool serve_unknown(void *arg, uint64_t handle)
{
    struct stager *s = arg;
    struct holding *h = holding_find(s, handle);
    if (s->state != STAGER_SERVING || handle & STAGE_OFFER_BIT)
        return false;
    if (fetch_serve(s, handle))
        return true;
    if (h)
        holding_open(s, h);
    else
        serve_note_asked(s, handle);
    return true;
}

void serve_free_all(struct stager *s)
{
    while (!list_empty(&s->old_holdings))
        holding_forget(s, LIST_OF(s->old_holdings.next, struct holding, link));
}
