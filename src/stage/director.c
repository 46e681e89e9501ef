/* The director's life, the loss of ranks, questions: see director.h. */
#include "config.h"
#include "stage/director_parts.h"

#include <errno.h>

#include "base/mem.h"

/* ---- Losses ---- */

/* A living rank of the same node, or -1. */
static int64_t neighbour(const struct director *d, uint32_t node)
{
    for (uint32_t r = 0; r < d->rank_count; r++)
        if (!d->ranks[r].lost && d->ranks[r].node == node)
            return r;
    return -1;
}

/* Nothing that the rank has asked for is answered any more. */
static void drop_asks(struct director *d, struct rank *r)
{
    while (!list_empty(&r->wants))
        want_free(d, LIST_OF(r->wants.next, struct want, of_rank));
    while (!list_empty(&r->streams))
        stream_free(d, LIST_OF(r->streams.next, struct stream, of_rank));
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
        copy_restart(d, c);
    } else {
        copy_remove(d, c);
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
    drop_asks(d, r);
    int64_t heir = neighbour(d, r->node);
    list_init(&mine);
    while ((l = list_take(&r->copies)))
        list_add(&mine, l);
    while ((l = list_take(&mine)))
        lose_copy(d, LIST_OF(l, struct copy, of_rank), heir);
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
    d->free_slot = DIRECTOR_NO_SLOT;
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
    director_hush(d);
    d->max_streams = 0; /* nobody is given one any more */
    for (uint32_t r = 0; r < d->rank_count; r++)
        drop_asks(d, &d->ranks[r]);
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
