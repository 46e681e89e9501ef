/* The director's inputs, outputs and memory: see director.h. */
#include "config.h"
#include "stage/director_parts.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define NO_SLOT UINT32_MAX

/* ---- Memory ---- */

/* What the maps and a heap need for one more. */
enum { INDEX_BYTES = 3 * sizeof(struct map_entry) };

static void *take_bytes(struct director *d, size_t size)
{
    void *p = mem_calloc(1, size);
    if (p)
        d->bytes += size + INDEX_BYTES;
    return p;
}

static void give_bytes(struct director *d, void *p, size_t size)
{
    d->bytes -= size + INDEX_BYTES;
    mem_free(p);
}

static struct note *note_create(struct director *d, enum failure failure,
                                const char *text)
{
    struct note *n = take_bytes(d, sizeof(*n));
    if (!n) {
        d->spare.holders++;
        return &d->spare;
    }
    n->holders = 1;
    n->failure = failure;
    strncpy(n->text, text ? text : "", sizeof(n->text) - 1);
    return n;
}

static void note_release(struct director *d, struct note *n)
{
    if (n && --n->holders == 0 && n != &d->spare)
        give_bytes(d, n, sizeof(*n));
}

static uint64_t hash_key(enum object_kind kind, const char *key)
{
    return hash_text(HASH_START ^ (uint64_t)kind, key);
}

static struct object *object_of_value(uint64_t value)
{
    return (struct object *)(uintptr_t)value;
}

static uint64_t value_of(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static uint32_t object_slot(const struct object *o)
{
    return (uint32_t)o->id;
}

static uint64_t node_key(const struct object *o, uint32_t node)
{
    return (uint64_t)object_slot(o) << 32 | node;
}

/* ---- Objects ---- */

static struct object *object_find(const struct director *d,
                                  enum object_kind kind, const char *key)
{
    uint64_t value, hash = hash_key(kind, key);
    if (!map_get(&d->by_key, hash, &value))
        return NULL;
    struct object *o = object_of_value(value);
    while (o && (o->kind != kind || strcmp(o->key, key) != 0))
        o = o->same_hash;
    return o;
}

static struct object *object_by_id(const struct director *d, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    if (slot >= d->slot_count)
        return NULL;
    struct object *o = d->slots[slot].object;
    return o && o->id == id ? o : NULL;
}

static int grow_slots(struct director *d)
{
    uint32_t cap = d->slot_cap ? d->slot_cap * 2 : 64;
    struct slot *slots = mem_resize(d->slots, cap, sizeof(*slots));
    if (!slots)
        return -1;
    d->bytes += (size_t)(cap - d->slot_cap) * sizeof(*slots);
    d->slots = slots;
    d->slot_cap = cap;
    return 0;
}

static uint32_t take_slot(struct director *d)
{
    uint32_t slot = d->free_slot;
    if (slot != NO_SLOT) {
        d->free_slot = d->slots[slot].next_free;
        return slot;
    }
    if (d->slot_count == d->slot_cap && grow_slots(d) < 0)
        return NO_SLOT;
    d->slots[d->slot_count] = (struct slot){.next_free = NO_SLOT};
    return d->slot_count++;
}

static void give_slot(struct director *d, uint32_t slot)
{
    d->slots[slot].object = NULL;
    d->slots[slot].next_free = d->free_slot;
    d->free_slot = slot;
}

static size_t object_size(const struct object *o)
{
    return sizeof(*o) + strlen(o->key) + 1;
}

static struct object *object_add(struct director *d, enum object_kind kind,
                                 const char *key)
{
    size_t len = strlen(key) + 1;
    uint64_t first = 0;
    uint32_t slot = take_slot(d);
    if (slot == NO_SLOT)
        return NULL;
    struct object *o = take_bytes(d, sizeof(*o) + len);
    if (!o)
        goto nomem;
    memcpy(o->key, key, len);
    o->kind = kind;
    o->hash = hash_key(kind, key);
    map_get(&d->by_key, o->hash, &first);
    o->same_hash = object_of_value(first);
    if (map_set(&d->by_key, o->hash, value_of(o)) < 0)
        goto nomem;
    /* Handles have their highest bit for others. */
    o->id = (uint64_t)(++d->slots[slot].uses & INT32_MAX) << 32 | slot;
    d->slots[slot].object = o;
    d->object_count++;
    list_init(&o->idle);
    list_init(&o->copies);
    list_init(&o->pending);
    heap_init(&o->servers, copy_compare);
    return o;
nomem:
    if (o)
        give_bytes(d, o, sizeof(*o) + len);
    give_slot(d, slot);
    return NULL;
}

static void object_unmap(struct director *d, struct object *o)
{
    uint64_t value = 0;
    map_get(&d->by_key, o->hash, &value);
    struct object *at = object_of_value(value);
    if (at != o) {
        while (at->same_hash != o)
            at = at->same_hash;
        at->same_hash = o->same_hash;
    } else if (o->same_hash) {
        map_set(&d->by_key, o->hash, value_of(o->same_hash));
    } else {
        map_remove(&d->by_key, o->hash);
    }
}

static void object_free(struct director *d, struct object *o)
{
    object_unmap(d, o);
    give_slot(d, object_slot(o));
    list_remove(&o->idle);
    heap_fini(&o->servers);
    d->object_count--;
    give_bytes(d, o, object_size(o));
}

/* While an object is worked on it stays. */
static void object_enter(struct object *o)
{
    o->users++;
}

static void object_leave(struct director *d, struct object *o)
{
    if (--o->users > 0)
        return;
    list_remove(&o->idle);
    if (o->copy_count == 0)
        object_free(d, o);
    else if (o->busy_count == 0)
        list_add(&d->idle, &o->idle);
}

/* ---- Copies ---- */

static struct copy *copy_find(const struct director *d, const struct object *o,
                              uint32_t node)
{
    uint64_t value;
    return map_get(&d->by_node, node_key(o, node), &value)
               ? (struct copy *)(uintptr_t)value
               : NULL;
}

static void copy_set_rank(struct director *d, struct copy *c, uint32_t rank)
{
    c->rank = rank;
    list_remove(&c->of_rank);
    list_add(&d->ranks[rank].copies, &c->of_rank);
}

static struct copy *copy_add(struct director *d, struct object *o,
                             uint32_t rank)
{
    uint32_t node = d->ranks[rank].node;
    struct copy *c = take_bytes(d, sizeof(*c));
    if (!c)
        return NULL;
    if (map_set(&d->by_node, node_key(o, node), value_of(c)) < 0) {
        give_bytes(d, c, sizeof(*c));
        return NULL;
    }
    heap_node_init(&c->server);
    c->out.kind = OUT_COPY;
    list_init(&c->out.link);
    list_init(&c->of_rank);
    list_init(&c->tree);
    list_init(&c->children);
    list_init(&c->waiters);
    list_add(&o->copies, &c->of_object);
    c->object = o;
    c->node = node;
    c->state = COPY_NEW;
    c->told = true;
    o->copy_count++;
    o->busy_count++;
    d->fetching++;
    copy_set_rank(d, c, rank);
    return c;
}

/* It hangs nowhere, nothing hangs below it, nobody waits for it. */
static void copy_free(struct director *d, struct copy *c)
{
    struct object *o = c->object;
    heap_remove(&o->servers, &c->server);
    list_remove(&c->out.link);
    list_remove(&c->of_object);
    list_remove(&c->of_rank);
    map_remove(&d->by_node, node_key(o, c->node));
    o->copy_count--;
    if (c->state != COPY_HAVE) {
        o->busy_count--;
        d->fetching--;
    }
    give_bytes(d, c, sizeof(*c));
}

/* ---- Wants ---- */

static void want_free(struct director *d, struct want *w)
{
    list_remove(&w->out.link);
    list_remove(&w->of_copy);
    list_remove(&w->of_rank);
    d->ranks[w->rank].asked--;
    note_release(d, w->note);
    give_bytes(d, w, sizeof(*w));
}

static void answer_have(struct director *d, struct want *w,
                        const struct object *o)
{
    list_remove(&w->of_copy);
    w->object = o->id;
    w->meta = o->meta;
    director_emit(d, &w->out);
}

static void fail_waiters(struct director *d, struct copy *c, struct note *note)
{
    struct list *l;
    while ((l = list_take(&c->waiters))) {
        struct want *w = LIST_OF(l, struct want, of_copy);
        w->object = c->object->id;
        w->note = note;
        note->holders++;
        director_emit(d, &w->out);
    }
}

/* ---- What becomes of copies ---- */

static void have(struct director *d, struct copy *c)
{
    struct list *l;
    tree_complete(d, c, COPY_HAVE);
    while ((l = list_take(&c->waiters)))
        answer_have(d, LIST_OF(l, struct want, of_copy), c->object);
}

static bool same(const struct object_meta *a, const struct object_meta *b)
{
    return a->bytes == b->bytes &&
           memcmp(&a->digest, &b->digest, sizeof(a->digest)) == 0;
}

static void believe_claims(struct director *d, struct object *o);

/* Out of the tree with it; who hung below it finds other parents. */
static void cut(struct director *d, struct copy *c)
{
    if (c->object->root == c)
        believe_claims(d, c->object);
    tree_cut(d, c);
}

static void remove_copy(struct director *d, struct copy *c)
{
    struct object *o = c->object;
    cut(d, c);
    copy_free(d, c);
    tree_replan(d, o);
}

/* From the start, by one who waits for it: what fails is told to who waits, so
 * that whoever fetches hears of it. */
static void restart_copy(struct director *d, struct copy *c)
{
    cut(d, c);
    copy_set_rank(d, c, LIST_OF(c->waiters.next, struct want, of_copy)->rank);
    tree_plan(d, c, NULL);
    tree_replan(d, c->object);
}

static void fail_copy(struct director *d, struct copy *c, struct note *note)
{
    fail_waiters(d, c, note);
    remove_copy(d, c);
}

/* Once more from somebody else, unless it was too often. */
static void fetch_again(struct director *d, struct copy *c,
                        const struct copy *avoid, struct note *note)
{
    tree_take(d, c);
    if (++c->tries < DIRECTOR_MAX_TRIES) {
        tree_plan(d, c, avoid);
    } else {
        fail_copy(d, c, note);
    }
}

/* It is known now what the object is: who claimed to have it, has it or has
 * something else. */
static void settle(struct director *d, struct object *o,
                   const struct object_meta *meta)
{
    struct list *next, *l = o->copies.next;
    o->meta = *meta;
    o->known = true;
    o->opinions = 0;
    for (; l != &o->copies; l = next) {
        struct copy *c = LIST_OF(l, struct copy, of_object);
        next = l->next;
        if (c->state != COPY_CLAIMED)
            continue;
        if (same(&c->claim, meta)) {
            have(d, c);
            continue;
        }
        struct note *n = note_create(d, FAILURE_BLOB_DOWNLOAD_MISC,
                                     "its checksum differs between nodes");
        fetch_again(d, c, NULL, n);
        note_release(d, n);
    }
}

/* A root will not say what the object is: if somebody has all of it from him,
 * that is it. */
static void believe_claims(struct director *d, struct object *o)
{
    for (struct list *l = o->copies.next; l != &o->copies; l = l->next) {
        struct copy *c = LIST_OF(l, struct copy, of_object);
        if (c->state != COPY_CLAIMED)
            continue;
        struct object_meta meta = c->claim;
        settle(d, o, &meta);
        return;
    }
}

/* The source has been read anew and has changed: what others have is old. */
static void drop_old(struct director *d, struct object *o,
                     const struct copy *but)
{
    struct list *next, *l = o->copies.next;
    for (; l != &o->copies; l = next) {
        struct copy *c = LIST_OF(l, struct copy, of_object);
        next = l->next;
        if (c != but && c->state == COPY_HAVE)
            remove_copy(d, c);
    }
}

void director_got(struct director *d, uint32_t rank, uint64_t object,
                  const struct object_meta *meta)
{
    struct object *o = object_by_id(d, object);
    if (!o || rank >= d->rank_count || d->ranks[rank].lost)
        return;
    struct copy *c = copy_find(d, o, d->ranks[rank].node);
    if (!c || c->rank != rank || c->state == COPY_HAVE ||
        c->state == COPY_CLAIMED)
        return;
    object_enter(o);
    if (o->kind == OBJECT_PACKAGE) {
        o->meta = *meta;
        have(d, c);
    } else if (o->root == c) {
        bool changed = o->known && !same(&o->meta, meta);
        o->meta = *meta;
        o->known = true;
        have(d, c);
        if (changed)
            drop_old(d, o, c);
        settle(d, o, meta);
    } else if (!o->known) {
        c->claim = *meta;
        tree_complete(d, c, COPY_CLAIMED);
        if (!o->root)
            believe_claims(d, o);
    } else if (same(&o->meta, meta)) {
        have(d, c);
    } else {
        struct note *n = note_create(d, FAILURE_BLOB_DOWNLOAD_MISC,
                                     "its checksum differs between nodes");
        fetch_again(d, c, c->parent, n);
        note_release(d, n);
    }
    tree_replan(d, o);
    object_leave(d, o);
}

/* Nobody can have it: who does not, is told so. */
static void fail_all(struct director *d, struct object *o, struct note *note)
{
    struct list *next, *l;
    for (l = o->copies.next; l != &o->copies; l = l->next) {
        struct copy *c = LIST_OF(l, struct copy, of_object);
        if (c->state == COPY_HAVE)
            continue;
        fail_waiters(d, c, note);
        tree_scatter(d, c);
    }
    for (l = o->copies.next; l != &o->copies; l = next) {
        struct copy *c = LIST_OF(l, struct copy, of_object);
        next = l->next;
        if (c->state != COPY_HAVE)
            copy_free(d, c);
    }
    o->opinions = 0;
}

static void blame_parent(struct director *d, struct copy *c, struct note *note)
{
    struct copy *parent = c->parent;
    if (parent->blamed < UINT8_MAX)
        parent->blamed++;
    if (parent->state != COPY_FETCHING)
        parent->told = false;
    fetch_again(d, c, parent, note);
}

void director_failed(struct director *d, uint32_t rank, uint64_t object,
                     enum object_blame blame, uint32_t parent,
                     enum failure failure, const char *text)
{
    struct object *o = object_by_id(d, object);
    if (!o || rank >= d->rank_count || d->ranks[rank].lost)
        return;
    struct copy *c = copy_find(d, o, d->ranks[rank].node);
    if (!c || c->rank != rank || c->state != COPY_FETCHING ||
        parent != (c->parent ? c->parent->rank : DIRECTOR_ORIGIN))
        return;
    struct note *note = note_create(d, failure, text);
    object_enter(o);
    if (blame == OBJECT_BLAME_NODE || o->kind == OBJECT_PACKAGE) {
        fail_copy(d, c, note);
    } else if (c->parent) {
        blame_parent(d, c, note);
    } else if (++o->opinions < DIRECTOR_OPINIONS && o->busy_count > 1) {
        fail_copy(d, c, note);
    } else {
        fail_all(d, o, note);
    }
    tree_replan(d, o);
    object_leave(d, o);
    note_release(d, note);
}

void director_missing(struct director *d, uint32_t rank, uint64_t object)
{
    struct object *o = object_by_id(d, object);
    if (!o || rank >= d->rank_count || d->ranks[rank].lost)
        return;
    struct copy *c = copy_find(d, o, d->ranks[rank].node);
    if (!c || (c->state != COPY_HAVE && c->state != COPY_CLAIMED))
        return;
    object_enter(o);
    if (list_empty(&c->waiters)) {
        remove_copy(d, c);
    } else {
        restart_copy(d, c);
    }
    object_leave(d, o);
}

/* ---- Asking ---- */

/* Room for size more bytes: what has long been idle is forgotten. */
static bool make_room(struct director *d, size_t size)
{
    struct list *l;
    while (d->bytes + size > d->max_bytes && (l = list_take(&d->idle))) {
        struct object *o = LIST_OF(l, struct object, idle);
        while (!list_empty(&o->copies))
            copy_free(d, LIST_OF(o->copies.next, struct copy, of_object));
        object_free(d, o);
    }
    return d->bytes + size <= d->max_bytes;
}

static int may_ask(struct director *d, uint32_t rank, size_t size,
                   struct err *err)
{
    if (d->ranks[rank].asked >= DIRECTOR_MAX_ASKED)
        return err_set(err, EMFILE, "rank %u wants more than %d files at once",
                       rank, DIRECTOR_MAX_ASKED);
    if (!make_room(d, size))
        return err_set(err, ENOBUFS,
                       "the files that are being staged do not fit the "
                       "%zu MiB of memory for them",
                       d->max_bytes >> 20);
    return 0;
}

static struct want *want_add(struct director *d, uint32_t rank, uint64_t id)
{
    struct want *w = take_bytes(d, sizeof(*w));
    if (!w)
        return NULL;
    w->out.kind = OUT_WANT;
    list_init(&w->out.link);
    list_init(&w->of_copy);
    list_init(&w->of_rank);
    list_add(&d->ranks[rank].wants, &w->of_rank);
    d->ranks[rank].asked++;
    w->rank = rank;
    w->id = id;
    return w;
}

int director_want(struct director *d, uint32_t rank, uint64_t want,
                  enum object_kind kind, const char *key, struct err *err)
{
    size_t len = strnlen(key, DIRECTOR_MAX_KEY + 1);
    if (rank >= d->rank_count || kind < OBJECT_FILE || kind > OBJECT_PACKAGE ||
        len == 0 || len > DIRECTOR_MAX_KEY || want == DIRECTOR_NO_WANT)
        return err_set(err, EINVAL, "no object: kind %d, a key of %zu bytes",
                       (int)kind, len);
    if (d->ranks[rank].lost)
        return 0;
    size_t size = sizeof(struct want) + sizeof(struct copy) +
                  sizeof(struct object) + len + 1 + 3 * INDEX_BYTES;
    if (may_ask(d, rank, size, err) < 0)
        return -1;
    struct object *o = object_find(d, kind, key);
    if (!o)
        o = object_add(d, kind, key);
    if (!o)
        goto nomem;
    object_enter(o);
    struct copy *c = copy_find(d, o, d->ranks[rank].node);
    struct want *w = want_add(d, rank, want);
    if (w && !c)
        c = copy_add(d, o, rank);
    if (w && c && c->state == COPY_HAVE) {
        answer_have(d, w, o);
    } else if (w && c) {
        list_add(&c->waiters, &w->of_copy);
        if (c->state == COPY_NEW)
            tree_plan(d, c, NULL);
    } else if (w) {
        want_free(d, w);
        w = NULL;
    }
    object_leave(d, o);
    if (w)
        return 0;
nomem:
    return err_set(err, ENOMEM, "no memory to stage %s", key);
}

int director_stream_ask(struct director *d, uint32_t rank, uint64_t id,
                        struct err *err)
{
    if (rank >= d->rank_count || d->ranks[rank].lost)
        return 0;
    if (may_ask(d, rank, sizeof(struct stream) + INDEX_BYTES, err) < 0)
        return -1;
    struct stream *s = take_bytes(d, sizeof(*s));
    if (!s)
        return err_set(err, ENOMEM, "no memory for a stream");
    s->out.kind = OUT_STREAM;
    list_init(&s->out.link);
    list_init(&s->queue);
    list_init(&s->of_rank);
    s->rank = rank;
    s->id = id;
    s->state = STREAM_WAITING;
    d->ranks[rank].asked++;
    list_add(&d->ranks[rank].streams, &s->of_rank);
    list_add(&d->asks, &s->queue);
    d->asks_waiting++;
    streams_grant(d);
    return 0;
}

static void stream_free(struct director *d, struct stream *s)
{
    bool granted = s->state == STREAM_GRANTED;
    if (!granted)
        d->asks_waiting--;
    list_remove(&s->out.link);
    list_remove(&s->queue);
    list_remove(&s->of_rank);
    d->ranks[s->rank].asked--;
    give_bytes(d, s, sizeof(*s));
    if (granted) {
        d->streams--;
        streams_grant(d);
    }
}

void director_stream_done(struct director *d, uint32_t rank, uint64_t id)
{
    if (rank >= d->rank_count)
        return;
    struct list *head = &d->ranks[rank].streams;
    for (struct list *l = head->next; l != head; l = l->next) {
        struct stream *s = LIST_OF(l, struct stream, of_rank);
        if (s->id != id)
            continue;
        stream_free(d, s);
        return;
    }
}

/* ---- Losses ---- */

/* A living rank of the same node, or -1. */
static int64_t neighbour(const struct director *d, uint32_t node)
{
    for (uint32_t r = 0; r < d->rank_count; r++)
        if (!d->ranks[r].lost && d->ranks[r].node == node)
            return r;
    return -1;
}

/* The rank of this copy is lost; heir: a rank of its node that lives, or -1. */
static void lose_copy(struct director *d, struct copy *c, int64_t heir)
{
    struct object *o = c->object;
    object_enter(o);
    if (heir >= 0 && (c->state == COPY_HAVE || c->state == COPY_CLAIMED)) {
        copy_set_rank(d, c, (uint32_t)heir);
        tree_speaker(d, c);
    } else if (!list_empty(&c->waiters)) {
        restart_copy(d, c);
    } else {
        remove_copy(d, c);
    }
    object_leave(d, o);
}

void director_lost(struct director *d, uint32_t rank)
{
    struct list mine, *l;
    if (rank >= d->rank_count || d->ranks[rank].lost)
        return;
    struct rank *r = &d->ranks[rank];
    r->lost = true;
    while (!list_empty(&r->wants))
        want_free(d, LIST_OF(r->wants.next, struct want, of_rank));
    while (!list_empty(&r->streams))
        stream_free(d, LIST_OF(r->streams.next, struct stream, of_rank));
    int64_t heir = neighbour(d, r->node);
    list_init(&mine);
    while ((l = list_take(&r->copies)))
        list_add(&mine, l);
    while ((l = list_take(&mine)))
        lose_copy(d, LIST_OF(l, struct copy, of_rank), heir);
}

/* ---- Outputs ---- */

/* The text that the last action has borrowed is free to go. */
static void hush(struct director *d)
{
    note_release(d, d->said);
    d->said = NULL;
}

static void say_want(struct director *d, struct want *w,
                     struct director_action *a)
{
    a->kind = w->note ? DIRECTOR_ERROR : DIRECTOR_HAVE;
    a->rank = w->rank;
    a->id = w->id;
    a->object = w->object;
    if (w->note) {
        d->said = w->note;
        a->failure = w->note->failure;
        a->text = w->note->text;
        w->note = NULL;
    } else {
        a->has_meta = true;
        a->meta = w->meta;
    }
    want_free(d, w);
}

static void say_stream(struct stream *s, struct director_action *a)
{
    list_remove(&s->out.link);
    a->kind = DIRECTOR_GRANT;
    a->rank = s->rank;
    a->id = s->id;
}

static void say_copy(struct director *d, struct copy *c,
                     struct director_action *a)
{
    struct object *o = c->object;
    list_remove(&c->out.link);
    a->rank = c->rank;
    a->object = o->id;
    a->object_kind = o->kind;
    a->key = o->key;
    a->has_meta = o->known;
    a->meta = o->meta;
    if (c->state == COPY_FETCHING) {
        a->kind = DIRECTOR_FETCH;
        a->from = c->parent ? c->parent->rank : DIRECTOR_ORIGIN;
        if (c->parent)
            d->pulls++;
        else
            d->origin_fetches++;
    } else {
        a->kind = DIRECTOR_HAVE;
        a->id = DIRECTOR_NO_WANT;
        a->has_meta = true;
        if (c->state == COPY_CLAIMED)
            a->meta = c->claim;
    }
}

bool director_next(struct director *d, struct director_action *a)
{
    hush(d);
    if (list_empty(&d->outs))
        return false;
    struct out *out = LIST_OF(d->outs.next, struct out, link);
    *a = (struct director_action){
        .key = "", .text = "", .from = DIRECTOR_ORIGIN};
    if (out->kind == OUT_WANT)
        say_want(d, LIST_OF(out, struct want, out), a);
    else if (out->kind == OUT_STREAM)
        say_stream(LIST_OF(out, struct stream, out), a);
    else
        say_copy(d, LIST_OF(out, struct copy, out), a);
    return true;
}

void director_stats(const struct director *d, struct director_stats *stats)
{
    *stats = (struct director_stats){
        .objects = d->object_count,
        .fetching = d->fetching,
        .streams = d->streams,
        .streams_waiting = d->asks_waiting + d->roots_waiting,
        .origin_fetches = d->origin_fetches,
        .pulls = d->pulls,
        .bytes = d->bytes,
    };
}

/* ---- Life ---- */

struct director *director_create(const struct director_config *config,
                                 struct err *err)
{
    struct director *d = NULL;
    if (config->rank_count == 0 || config->max_streams == 0) {
        err_set(err, EINVAL, "director: %u ranks, %u streams",
                config->rank_count, config->max_streams);
        return NULL;
    }
    d = mem_calloc(1, sizeof(*d));
    if (!d)
        goto nomem;
    d->ranks = mem_calloc(config->rank_count, sizeof(d->ranks[0]));
    if (!d->ranks)
        goto nomem;
    d->rank_count = config->rank_count;
    d->max_streams = config->max_streams;
    d->fanout = config->fanout ? config->fanout : DIRECTOR_FANOUT;
    d->max_bytes = config->max_bytes ? config->max_bytes : DIRECTOR_MAX_BYTES;
    d->free_slot = NO_SLOT;
    d->spare = (struct note){.holders = 1,
                             .failure = FAILURE_BLOB_DOWNLOAD_MISC,
                             .text = "no memory to say why"};
    map_init(&d->by_key);
    map_init(&d->by_node);
    list_init(&d->outs);
    list_init(&d->idle);
    list_init(&d->asks);
    list_init(&d->roots);
    for (uint32_t r = 0; r < d->rank_count; r++) {
        d->ranks[r].node = config->rank_nodes[r];
        list_init(&d->ranks[r].copies);
        list_init(&d->ranks[r].wants);
        list_init(&d->ranks[r].streams);
    }
    return d;
nomem:
    err_set(err, ENOMEM, "director: no memory for %u ranks",
            config->rank_count);
    mem_free(d);
    return NULL;
}

static void destroy_object(struct director *d, struct object *o)
{
    struct list *l;
    for (l = o->copies.next; l != &o->copies; l = l->next)
        tree_scatter(d, LIST_OF(l, struct copy, of_object));
    while (!list_empty(&o->copies))
        copy_free(d, LIST_OF(o->copies.next, struct copy, of_object));
    object_free(d, o);
}

void director_destroy(struct director *d)
{
    if (!d)
        return;
    int saved = errno;
    hush(d);
    d->max_streams = 0; /* nobody is given one any more */
    for (uint32_t r = 0; r < d->rank_count; r++) {
        struct rank *rank = &d->ranks[r];
        while (!list_empty(&rank->wants))
            want_free(d, LIST_OF(rank->wants.next, struct want, of_rank));
        while (!list_empty(&rank->streams))
            stream_free(d, LIST_OF(rank->streams.next, struct stream, of_rank));
    }
    for (uint32_t i = 0; i < d->slot_count; i++)
        if (d->slots[i].object)
            destroy_object(d, d->slots[i].object);
    map_fini(&d->by_key);
    map_fini(&d->by_node);
    mem_free(d->slots);
    mem_free(d->ranks);
    mem_free(d);
    errno = saved;
}
