/* What the director knows of: see director_parts.h. Owns the objects and their
 * copies, where they are found, and how much memory it all takes. */
#include "config.h"
#include "stage/director_parts.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* ---- Memory ---- */

void *director_take(struct director *d, size_t size)
{
    void *p = mem_calloc(1, size);
    if (p)
        d->bytes += size + DIRECTOR_INDEX_BYTES;
    return p;
}

void director_give(struct director *d, void *p, size_t size)
{
    d->bytes -= size + DIRECTOR_INDEX_BYTES;
    mem_free(p);
}

struct note *note_create(struct director *d, enum failure failure,
                         const char *text)
{
    struct note *n = director_take(d, sizeof(*n));
    if (!n) {
        d->spare.holders++;
        return &d->spare;
    }
    n->holders = 1;
    n->failure = failure;
    strncpy(n->text, text ? text : "", sizeof(n->text) - 1);
    return n;
}

void note_release(struct director *d, struct note *n)
{
    if (n && --n->holders == 0 && n != &d->spare)
        director_give(d, n, sizeof(*n));
}

/* ---- Objects ---- */

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

struct object *object_find(const struct director *d, enum object_kind kind,
                           const char *key)
{
    uint64_t value, hash = hash_key(kind, key);
    if (!map_get(&d->by_key, hash, &value))
        return NULL;
    struct object *o = object_of_value(value);
    while (o && (o->kind != kind || strcmp(o->key, key) != 0))
        o = o->same_hash;
    return o;
}

struct object *object_by_id(const struct director *d, uint64_t id)
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
    if (slot != DIRECTOR_NO_SLOT) {
        d->free_slot = d->slots[slot].next_free;
        return slot;
    }
    if (d->slot_count == d->slot_cap && grow_slots(d) < 0)
        return DIRECTOR_NO_SLOT;
    d->slots[d->slot_count] = (struct slot){.next_free = DIRECTOR_NO_SLOT};
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

struct object *object_add(struct director *d, enum object_kind kind,
                          const char *key)
{
    size_t len = strlen(key) + 1;
    uint64_t first = 0;
    uint32_t slot = take_slot(d);
    if (slot == DIRECTOR_NO_SLOT)
        return NULL;
    struct object *o = director_take(d, sizeof(*o) + len);
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
        director_give(d, o, sizeof(*o) + len);
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

void object_free(struct director *d, struct object *o)
{
    object_unmap(d, o);
    give_slot(d, object_slot(o));
    list_remove(&o->idle);
    heap_fini(&o->servers);
    d->object_count--;
    director_give(d, o, object_size(o));
}

void object_enter(struct object *o)
{
    o->users++;
}

void object_leave(struct director *d, struct object *o)
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

static uint64_t node_key(const struct object *o, uint32_t node)
{
    return (uint64_t)object_slot(o) << 32 | node;
}

struct copy *copy_find(const struct director *d, const struct object *o,
                       uint32_t node)
{
    uint64_t value;
    return map_get(&d->by_node, node_key(o, node), &value)
               ? (struct copy *)(uintptr_t)value
               : NULL;
}

void copy_set_rank(struct director *d, struct copy *c, uint32_t rank)
{
    c->rank = rank;
    list_remove(&c->of_rank);
    list_add(&d->ranks[rank].copies, &c->of_rank);
}

struct copy *copy_add(struct director *d, struct object *o, uint32_t rank)
{
    uint32_t node = d->ranks[rank].node;
    struct copy *c = director_take(d, sizeof(*c));
    if (!c)
        return NULL;
    if (map_set(&d->by_node, node_key(o, node), value_of(c)) < 0) {
        director_give(d, c, sizeof(*c));
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

void copy_free(struct director *d, struct copy *c)
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
    director_give(d, c, sizeof(*c));
}
