/* What becomes of copies: see director_parts.h. Owns what a rank's word
 * changes: it has an object, could not fetch it, has it no more. */
#include "config.h"
#include "stage/director_parts.h"

#include <string.h>

static void have(struct director *d, struct copy *c)
{
    struct list *l;
    tree_complete(d, c, COPY_HAVE);
    while ((l = list_take(&c->waiters)))
        want_answer(d, LIST_OF(l, struct want, of_copy), c->object);
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

void copy_remove(struct director *d, struct copy *c)
{
    struct object *o = c->object;
    cut(d, c);
    copy_free(d, c);
    tree_replan(d, o);
}

void copy_restart(struct director *d, struct copy *c)
{
    cut(d, c);
    copy_set_rank(d, c, LIST_OF(c->waiters.next, struct want, of_copy)->rank);
    tree_plan(d, c, NULL);
    tree_replan(d, c->object);
}

static void fail_copy(struct director *d, struct copy *c, struct note *note)
{
    copy_fail_waiters(d, c, note);
    copy_remove(d, c);
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
            copy_remove(d, c);
    }
}

/* What the rank, which lives, speaks of: its node's copy of the object. */
static struct copy *copy_of(const struct director *d, uint32_t rank,
                            uint64_t object)
{
    struct object *o = object_by_id(d, object);
    if (!o || rank >= d->rank_count || d->ranks[rank].lost)
        return NULL;
    return copy_find(d, o, d->ranks[rank].node);
}

void director_got(struct director *d, uint32_t rank, uint64_t object,
                  const struct object_meta *meta)
{
    struct copy *c = copy_of(d, rank, object);
    if (!c || c->rank != rank || c->state == COPY_HAVE ||
        c->state == COPY_CLAIMED)
        return;
    struct object *o = c->object;
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
        copy_fail_waiters(d, c, note);
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
    struct copy *c = copy_of(d, rank, object);
    if (!c || c->rank != rank || c->state != COPY_FETCHING ||
        parent != (c->parent ? c->parent->rank : DIRECTOR_ORIGIN))
        return;
    struct object *o = c->object;
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
    struct copy *c = copy_of(d, rank, object);
    if (!c || (c->state != COPY_HAVE && c->state != COPY_CLAIMED))
        return;
    struct object *o = c->object;
    object_enter(o);
    if (list_empty(&c->waiters)) {
        copy_remove(d, c);
    } else {
        copy_restart(d, c);
    }
    object_leave(d, o);
}
