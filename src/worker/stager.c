/* What a rank wants of staging: see stager.h. Owns the items.
 *
 *   NEW --> WANTED --> LOOKING --> HERE     answered
 *    ^        | ERROR       | not in the cache (evicted meanwhile)
 *    |        v             v
 *    +--- (forgotten)    WANTED, a few times
 */
#include "config.h"
#include "worker/stager_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "stage/checksum.h"

enum item_state { ITEM_NEW, ITEM_WANTED, ITEM_LOOKING, ITEM_HERE };

struct waiter {
    struct list link;
    void (*done)(void *arg, const struct stager_result *r);
    void *arg;
};

struct item {
    struct stager *stager;
    struct list link; /* in stager.items, or .idle: nobody waits */
    struct item *same_hash;
    uint64_t hash;
    enum object_kind kind;
    char *checksum; /* or NULL */
    enum item_state state;
    bool verified; /* it has that checksum */
    uint64_t want, object;
    struct object_meta meta;
    char *path; /* HERE */
    int64_t looked_ns;
    uint32_t again; /* it was evicted before we looked */
    struct list waiters;
    char key[];
};

/* A thread looks where an item is, and whether it is what it should be. */
struct lookup {
    struct io_job job;
    struct item *item;
    bool found, wrong;
    char path[PATH_MAX];
};

struct stream {
    void (*granted)(void *arg); /* NULL: it was */
    void *arg;
};

/* ---- Messages ---- */

static void fail_all(struct stager *s, enum failure failure, const char *text);

void stager_tell(struct stager *s, const struct stage_msg *m)
{
    struct err err = {0};
    if (s->state != STAGER_SERVING)
        return;
    buf_reset(&s->out);
    if (stage_msg_put(&s->out, m) == 0 &&
        comm_send(s->config.bulk, STAGER_DIRECTOR_RANK, COMM_TO_DIRECTOR,
                  s->out.data, s->out.len, &err) == 0)
        return;
    /* Without the director nothing is ever staged here again. */
    s->state = STAGER_BROKEN;
    log_error("cannot tell rank %d what is staged: %s", STAGER_DIRECTOR_RANK,
              err.code ? err.text : "no memory");
}

/* ---- Items ---- */

static uint64_t hash_item(enum object_kind kind, const char *key,
                          const char *checksum)
{
    uint64_t h = hash_text(HASH_START ^ (uint64_t)kind, key);
    return checksum ? hash_text(h, checksum) : h;
}

static struct item *item_first(const struct stager *s, uint64_t hash)
{
    uint64_t value;
    return map_get(&s->items_by_key, hash, &value)
               ? (struct item *)(uintptr_t)value
               : NULL;
}

static bool same_checksum(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct item *item_find(const struct stager *s, enum object_kind kind,
                              const char *key, const char *checksum)
{
    struct item *i = item_first(s, hash_item(kind, key, checksum));
    while (i && (i->kind != kind || strcmp(i->key, key) != 0 ||
                 !same_checksum(i->checksum, checksum)))
        i = i->same_hash;
    return i;
}

static struct item *item_of_want(const struct stager *s, uint64_t want)
{
    uint64_t value;
    return map_get(&s->items_by_want, want, &value)
               ? (struct item *)(uintptr_t)value
               : NULL;
}

static struct item *item_add(struct stager *s, enum object_kind kind,
                             const char *key, const char *checksum)
{
    size_t len = strlen(key) + 1;
    struct item *i = mem_calloc(1, sizeof(*i) + len);
    if (!i)
        return NULL;
    memcpy(i->key, key, len);
    i->checksum = checksum ? mem_strdup(checksum) : NULL;
    i->hash = hash_item(kind, key, checksum);
    i->same_hash = item_first(s, i->hash);
    if ((checksum && !i->checksum) ||
        map_set(&s->items_by_key, i->hash, (uint64_t)(uintptr_t)i) < 0) {
        mem_free(i->checksum);
        mem_free(i);
        return NULL;
    }
    i->stager = s;
    i->kind = kind;
    list_init(&i->waiters);
    list_init(&i->link);
    list_add(&s->items, &i->link);
    return i;
}

static void item_unmap(struct stager *s, struct item *i)
{
    struct item *at = item_first(s, i->hash);
    if (at != i) {
        while (at->same_hash != i)
            at = at->same_hash;
        at->same_hash = i->same_hash;
    } else if (i->same_hash) {
        map_set(&s->items_by_key, i->hash, (uint64_t)(uintptr_t)i->same_hash);
    } else {
        map_remove(&s->items_by_key, i->hash);
    }
}

/* Nobody waits for it and no thread looks for it. */
static void item_free(struct stager *s, struct item *i)
{
    item_unmap(s, i);
    if (i->state == ITEM_WANTED)
        map_remove(&s->items_by_want, i->want);
    list_remove(&i->link);
    mem_free(i->checksum);
    mem_free(i->path);
    mem_free(i);
}

static void item_rest(struct stager *s, struct item *i)
{
    if (i->state != ITEM_HERE || !list_empty(&i->waiters))
        return;
    list_remove(&i->link);
    list_add(&s->idle, &i->link);
    if (++s->idle_count <= STAGER_MAX_ITEMS)
        return;
    s->idle_count--;
    item_free(s, LIST_OF(s->idle.next, struct item, link));
}

static void item_wake(struct stager *s, struct item *i)
{
    if (i->state != ITEM_HERE || !list_empty(&i->waiters))
        return;
    list_remove(&i->link);
    list_add(&s->items, &i->link);
    s->idle_count--;
}

/* ---- Answers ---- */

/* Call all who wait; they may want anything meanwhile. */
static void answer(struct list *waiters, const struct stager_result *r)
{
    struct list *l;
    while ((l = list_take(waiters))) {
        struct waiter *w = LIST_OF(l, struct waiter, link);
        w->done(w->arg, r);
        mem_free(w);
    }
}

static void take_waiters(struct item *i, struct list *waiters)
{
    struct list *l;
    list_init(waiters);
    while ((l = list_take(&i->waiters)))
        list_add(waiters, l);
}

static void item_fail(struct item *i, enum failure failure, const char *text)
{
    struct stager_result r = {.failure = failure};
    struct list waiters;
    snprintf(r.text, sizeof(r.text), "%s", text);
    take_waiters(i, &waiters);
    item_free(i->stager, i);
    answer(&waiters, &r);
}

static void item_here(struct item *i)
{
    struct stager *s = i->stager;
    struct stager_result r = {.ok = true, .meta = i->meta};
    struct list waiters;
    i->state = ITEM_HERE;
    i->again = 0;
    snprintf(r.path, sizeof(r.path), "%s", i->path);
    take_waiters(i, &waiters);
    item_rest(s, i);
    answer(&waiters, &r);
}

static void fail_all(struct stager *s, enum failure failure, const char *text)
{
    struct list *l = s->items.next;
    while (l != &s->items) {
        struct item *i = LIST_OF(l, struct item, link);
        if (i->state == ITEM_LOOKING) { /* its job comes back */
            l = l->next;
            continue;
        }
        item_fail(i, failure, text);
        l = s->items.next;
    }
}

/* ---- Wanting, and looking ---- */

static void want(struct item *i)
{
    struct stager *s = i->stager;
    i->want = ++s->last_id;
    i->state = ITEM_NEW;
    if (map_set(&s->items_by_want, i->want, (uint64_t)(uintptr_t)i) < 0) {
        item_fail(i, FAILURE_UNKNOWN, "no memory to stage a file");
        return;
    }
    i->state = ITEM_WANTED;
    stager_tell(s, &(struct stage_msg){.kind = STAGE_WANT,
                                       .u.want = {i->want, i->kind, i->key}});
}

static int verify(const struct item *i, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(err, errno, "cannot open \"%s\"", path);
    int rc = checksum_verify(fd, &i->meta.digest, i->checksum, NULL, err);
    close(fd);
    return rc;
}

static int look_work(struct io_job *j, struct err *err)
{
    struct lookup *l = LIST_OF(j, struct lookup, job);
    const struct item *i = l->item;
    int rc = cache_find(i->stager->config.cache, &i->meta.digest, i->meta.bytes,
                        l->path, err);
    if (rc < 0)
        return -1;
    l->found = rc > 0;
    if (!l->found || !i->checksum || i->verified)
        return 0;
    rc = verify(i, l->path, err);
    l->wrong = rc < 0 && (err->code == EBADMSG || err->code == EINVAL);
    if (rc < 0 && err->code == ENOENT)
        l->found = false;
    return rc < 0 && l->found ? -1 : 0;
}

static void look_again(struct item *i)
{
    struct stager *s = i->stager;
    if (++i->again > STAGER_MAX_AGAIN) {
        item_fail(i, FAILURE_DISK_FULL,
                  "it is evicted from the cache of the node as soon as it is "
                  "there: pool.cache.max_size is too small");
        return;
    }
    stager_tell(s, &(struct stage_msg){.kind = STAGE_MISSING,
                                       .u.missing = {i->object}});
    want(i);
}

static void looked(struct io_job *j, int rc, const struct err *err)
{
    struct lookup *l = LIST_OF(j, struct lookup, job);
    struct item *i = l->item;
    struct stager *s = i->stager;
    char *path = rc == 0 && l->found ? mem_strdup(l->path) : NULL;
    if (s->state == STAGER_STOPPED) {
        mem_free(path);
    } else if (rc < 0) {
        i->state = ITEM_NEW;
        item_fail(i,
                  l->wrong ? FAILURE_BLOB_DOWNLOAD_MISC
                           : failure_of_errno(err->code, PHASE_CREATE),
                  err->text);
    } else if (!l->found) {
        look_again(i);
    } else if (!path) {
        i->state = ITEM_NEW;
        item_fail(i, FAILURE_UNKNOWN, "no memory for a path");
    } else {
        mem_free(i->path);
        i->path = path;
        i->verified = true;
        i->looked_ns = s->now_ns;
        item_here(i);
    }
    mem_free(l);
}

static void look(struct item *i)
{
    struct lookup *l = mem_calloc(1, sizeof(*l));
    if (!l) {
        i->state = ITEM_NEW;
        item_fail(i, FAILURE_UNKNOWN, "no memory to look for a file");
        return;
    }
    i->state = ITEM_LOOKING;
    l->item = i;
    l->job.work = look_work;
    l->job.done = looked;
    if (i->checksum && !i->verified)
        io_start_long(i->stager->config.io, &l->job);
    else
        io_start(i->stager->config.io, &l->job);
}

int stager_want(struct stager *s, enum object_kind kind, const char *key,
                const char *checksum,
                void (*done)(void *arg, const struct stager_result *r),
                void *arg, struct err *err)
{
    if (s->state != STAGER_SERVING)
        return err_set(err, EPIPE, "nothing can be staged here any more");
    struct waiter *w = mem_calloc(1, sizeof(*w));
    struct item *i = w ? item_find(s, kind, key, checksum) : NULL;
    if (w && !i)
        i = item_add(s, kind, key, checksum);
    if (!i) {
        mem_free(w);
        return err_set(err, ENOMEM, "no memory to stage \"%s\"", key);
    }
    item_wake(s, i);
    w->done = done;
    w->arg = arg;
    list_init(&w->link);
    list_add(&i->waiters, &w->link);
    if (i->state == ITEM_NEW)
        s->config.counts->cache_misses++;
    else
        s->config.counts->cache_hits++;
    if (i->state == ITEM_NEW)
        want(i);
    else if (i->state == ITEM_HERE && i->kind != OBJECT_PACKAGE &&
             s->now_ns - i->looked_ns > STAGER_LOOKED_NS)
        look(i);
    else if (i->state == ITEM_HERE)
        item_here(i);
    return 0;
}

void stager_missing(struct stager *s, enum object_kind kind, const char *key)
{
    uint64_t told = 0;
    struct list *next, *l;
    if (s->state != STAGER_SERVING)
        return;
    for (l = s->idle.next; l != &s->idle; l = next) {
        struct item *i = LIST_OF(l, struct item, link);
        next = l->next;
        if (i->kind != kind || strcmp(i->key, key) != 0)
            continue;
        if (told != i->object)
            stager_tell(s, &(struct stage_msg){.kind = STAGE_MISSING,
                                               .u.missing = {i->object}});
        told = i->object;
        holding_remove(s, i->object);
        s->idle_count--;
        item_free(s, i);
    }
}

/* ---- Streams ---- */

uint64_t stager_stream(struct stager *s, void (*granted)(void *arg), void *arg,
                       struct err *err)
{
    struct stream *stream = mem_calloc(1, sizeof(*stream));
    uint64_t id = s->last_id + 1;
    if (!stream || map_set(&s->streams, id, (uint64_t)(uintptr_t)stream) < 0) {
        mem_free(stream);
        err_set(err, ENOMEM, "no memory for a stream");
        return 0;
    }
    stream->granted = granted;
    stream->arg = arg;
    s->last_id = id;
    stager_tell(
        s, &(struct stage_msg){.kind = STAGE_STREAM_ASK, .u.stream = {id}});
    return id;
}

void stager_stream_done(struct stager *s, uint64_t id)
{
    uint64_t value;
    if (!map_get(&s->streams, id, &value))
        return;
    map_remove(&s->streams, id);
    mem_free((struct stream *)(uintptr_t)value);
    stager_tell(
        s, &(struct stage_msg){.kind = STAGE_STREAM_DONE, .u.stream = {id}});
}

static void told_grant(struct stager *s, uint64_t id)
{
    uint64_t value;
    if (!map_get(&s->streams, id, &value))
        return;
    struct stream *stream = (struct stream *)(uintptr_t)value;
    void (*granted)(void *) = stream->granted;
    stream->granted = NULL;
    if (granted)
        granted(stream->arg);
}

/* ---- What the director says ---- */

static void told_have(struct stager *s, const struct stage_msg *m)
{
    struct item *i = item_of_want(s, m->u.have.want);
    struct err err;
    char path[PATH_MAX];
    if (!i || i->kind != OBJECT_PACKAGE)
        holding_add(s, m->u.have.object, &m->u.have.meta);
    if (!i)
        return;
    map_remove(&s->items_by_want, i->want);
    i->object = m->u.have.object;
    if (i->meta.bytes != m->u.have.meta.bytes ||
        memcmp(&i->meta.digest, &m->u.have.meta.digest,
               sizeof(i->meta.digest)) != 0)
        i->verified = false;
    i->meta = m->u.have.meta;
    i->state = ITEM_NEW;
    if (i->kind != OBJECT_PACKAGE) {
        look(i);
    } else if (package_folder(s, i->key, path, &err) < 0) {
        item_fail(i, FAILURE_APPLICATION_PACKAGE_ERROR, err.text);
    } else {
        mem_free(i->path);
        i->path = mem_strdup(path);
        if (i->path)
            item_here(i);
        else
            item_fail(i, FAILURE_UNKNOWN, "no memory for a path");
    }
}

static void told_error(struct stager *s, const struct stage_msg *m)
{
    struct item *i = item_of_want(s, m->u.error.want);
    fetch_give_up(s, m->u.error.object, m->u.error.failure, m->u.error.text);
    if (i)
        item_fail(i, m->u.error.failure, m->u.error.text);
}

static void on_message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct stager *s = arg;
    struct stage_msg m;
    struct err err;
    if (peer != STAGER_DIRECTOR_RANK || s->state != STAGER_SERVING)
        return;
    if (stage_msg_parse(data, len, NULL, &m, &err) < 0) {
        log_warning("a message about staging cannot be read: %s", err.text);
        return;
    }
    switch (m.kind) {
    case STAGE_HAVE:
        told_have(s, &m);
        break;
    case STAGE_FETCH:
        fetch_told(s, &m);
        break;
    case STAGE_ERROR:
        told_error(s, &m);
        break;
    case STAGE_GRANT:
        told_grant(s, m.u.stream.stream);
        break;
    default:
        break;
    }
}

/* ---- Turns ---- */

static void count_cache(struct stager *s)
{
    struct cache_counts c;
    cache_get_counts(s->config.cache, &c);
    s->config.counts->evictions += c.evictions - s->cache_seen.evictions;
    if (c.poisoned > s->cache_seen.poisoned)
        log_warning("a task wrote to a file that it shares with the cache of "
                    "its node (file_mode without write permission): the file "
                    "is staged again");
    s->cache_seen.poisoned = c.poisoned;
    s->cache_seen.evictions = c.evictions;
}

void stager_report(struct stager *s)
{
    if (s->state != STAGER_SERVING)
        return;
    count_cache(s);
    if (stage_counts_same(s->config.counts, &s->reported))
        return;
    s->reported = *s->config.counts;
    stager_tell(s, &(struct stage_msg){.kind = STAGE_COUNTS_SUM,
                                       .u.counts = s->reported});
}

bool stager_turn(struct stager *s, int64_t now_ns)
{
    s->now_ns = now_ns;
    if (s->state == STAGER_STOPPED)
        return false;
    if (s->state == STAGER_BROKEN)
        fail_all(s, FAILURE_UNKNOWN, "nothing can be staged here any more");
    if (now_ns - s->reported_ns >= STAGER_COUNTS_NS) {
        s->reported_ns = now_ns;
        stager_report(s);
    }
    return fetch_turn(s);
}

/* ---- Life ---- */

struct stager *stager_create(const struct stager_config *config,
                             struct err *err)
{
    struct stager *s = mem_calloc(1, sizeof(*s));
    struct comm_handler handler = {.message = on_message, .arg = s};
    if (!s) {
        err_set(err, ENOMEM, "no memory to stage files");
        return NULL;
    }
    s->config = *config;
    buf_init(&s->out, STAGE_MSG_MAX_BYTES);
    map_init(&s->items_by_key);
    map_init(&s->items_by_want);
    map_init(&s->streams);
    map_init(&s->fetches);
    map_init(&s->holdings);
    map_init(&s->asked);
    list_init(&s->items);
    list_init(&s->idle);
    list_init(&s->all_fetches);
    list_init(&s->old_holdings);
    comm_listen(config->bulk, COMM_TO_STAGER, &handler);
    transfers_on_unknown(config->transfers, serve_unknown, s);
    return s;
}

void stager_stop(struct stager *s)
{
    if (s->state == STAGER_STOPPED)
        return;
    s->state = STAGER_STOPPED;
    transfers_on_unknown(s->config.transfers, NULL, NULL);
    fetch_stop_all(s);
}

static void free_items(struct stager *s, struct list *items)
{
    while (!list_empty(items)) {
        struct item *i = LIST_OF(items->next, struct item, link);
        struct list *l;
        while ((l = list_take(&i->waiters)))
            mem_free(LIST_OF(l, struct waiter, link));
        item_free(s, i);
    }
}

void stager_destroy(struct stager *s)
{
    size_t at = 0;
    uint64_t key, value;
    if (!s)
        return;
    int saved = errno;
    stager_stop(s);
    fetch_free_all(s);
    serve_free_all(s);
    free_items(s, &s->items);
    free_items(s, &s->idle);
    while (map_next(&s->streams, &at, &key, &value))
        mem_free((struct stream *)(uintptr_t)value);
    map_fini(&s->items_by_key);
    map_fini(&s->items_by_want);
    map_fini(&s->streams);
    map_fini(&s->fetches);
    map_fini(&s->holdings);
    map_fini(&s->asked);
    buf_fini(&s->out);
    mem_free(s);
    errno = saved;
}
