/* What the director says: see director_parts.h. Owns the queue of what is to be
 * told, each thing as an action. */
#include "config.h"
#include "stage/director_parts.h"

void director_emit(struct director *d, struct out *out)
{
    if (list_empty(&out->link))
        list_add(&d->outs, &out->link);
}

void director_hush(struct director *d)
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
    director_hush(d);
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
