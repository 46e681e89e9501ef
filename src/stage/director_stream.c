/* Streams: see director_parts.h. Owns who reads or writes shared storage, who
 * waits to, and whose turn it is: by turns who asks and who is to read an
 * object. */
#include "config.h"
#include "stage/director_parts.h"

#include <errno.h>

static void grant_root(struct director *d)
{
    struct copy *c = LIST_OF(list_take(&d->roots), struct copy, tree);
    d->roots_waiting--;
    d->streams++;
    c->has_stream = true;
    tree_start_root(d, c);
    tree_replan(d, c->object);
}

static void grant_ask(struct director *d)
{
    struct stream *s = LIST_OF(list_take(&d->asks), struct stream, queue);
    d->asks_waiting--;
    d->streams++;
    s->state = STREAM_GRANTED;
    director_emit(d, &s->out);
}

void streams_grant(struct director *d)
{
    while (d->streams < d->max_streams) {
        bool ask = !list_empty(&d->asks), root = !list_empty(&d->roots);
        if (!ask && !root)
            return;
        bool takes = ask && (d->asks_turn || !root);
        d->asks_turn = !takes;
        if (takes)
            grant_ask(d);
        else
            grant_root(d);
    }
}

void streams_release(struct director *d, bool has_stream)
{
    if (!has_stream)
        return;
    d->streams--;
    streams_grant(d);
}

void stream_free(struct director *d, struct stream *s)
{
    bool granted = s->state == STREAM_GRANTED;
    if (!granted)
        d->asks_waiting--;
    list_remove(&s->out.link);
    list_remove(&s->queue);
    list_remove(&s->of_rank);
    d->ranks[s->rank].asked--;
    director_give(d, s, sizeof(*s));
    streams_release(d, granted);
}

int director_stream_ask(struct director *d, uint32_t rank, uint64_t id,
                        struct err *err)
{
    if (rank >= d->rank_count || d->ranks[rank].lost)
        return 0;
    if (director_may_ask(d, rank, sizeof(struct stream) + DIRECTOR_INDEX_BYTES,
                         err) < 0)
        return -1;
    struct stream *s = director_take(d, sizeof(*s));
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
