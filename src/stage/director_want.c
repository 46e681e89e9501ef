/* What ranks want: see director_parts.h. Owns the wants, from when they come
 * until they are answered, and how many a rank may have. */
#include "config.h"
#include "stage/director_parts.h"

#include <errno.h>
#include <string.h>

void want_free(struct director *d, struct want *w)
{
    list_remove(&w->out.link);
    list_remove(&w->of_copy);
    list_remove(&w->of_rank);
    d->ranks[w->rank].asked--;
    note_release(d, w->note);
    director_give(d, w, sizeof(*w));
}

void want_answer(struct director *d, struct want *w, const struct object *o)
{
    list_remove(&w->of_copy);
    w->object = o->id;
    w->meta = o->meta;
    director_emit(d, &w->out);
}

void copy_fail_waiters(struct director *d, struct copy *c, struct note *note)
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

int director_may_ask(struct director *d, uint32_t rank, size_t size,
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
    struct want *w = director_take(d, sizeof(*w));
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
                  sizeof(struct object) + len + 1 + 3 * DIRECTOR_INDEX_BYTES;
    if (director_may_ask(d, rank, size, err) < 0)
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
        want_answer(d, w, o);
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
