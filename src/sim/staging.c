/* The simulation of staging: see staging.h. */
#include "config.h"
#include "sim/staging.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/director.h"

enum { STORAGE = -1 };

enum happening {
    HAPPENS_WANT,  /* at the director: node wants object */
    HAPPENS_GOT,   /* at the director */
    HAPPENS_LOST,  /* at the director */
    HAPPENS_FETCH, /* at a node: from, has: go on there */
    HAPPENS_PIECE, /* at a node */
    HAPPENS_IDLE,  /* a sender may send again */
    HAPPENS_DEATH
};

struct happens {
    struct heap_node node;
    int64_t at_ns;
    uint64_t seq;
    enum happening what;
    int32_t who; /* a node, or STORAGE */
    int32_t from;
    uint32_t object;
    uint64_t id; /* the director's */
};

/* One object at one node. */
struct share {
    struct list sender; /* in the list of who sends it */
    uint64_t id;
    uint32_t pieces; /* that came */
    uint32_t sent;   /* that were sent to it by who sends now */
    uint32_t depth;
    int32_t from;
    bool fetching;
};

/* Who sends: a node or storage. */
struct sender {
    struct list shares; /* in turn */
    bool busy, dead;
    double bytes_s;
};

struct stagesim {
    const struct stagesim_config *c;
    struct stagesim_stats *stats;
    struct director *d;
    struct heap agenda;
    uint64_t seq, random;
    int64_t now_ns;
    uint32_t pieces;        /* of an object */
    struct sender *senders; /* one a node, then storage */
    struct share *shares;   /* node times objects, and object */
    bool nomem;
};

static struct happens *happens_of(const struct heap_node *n)
{
    return LIST_OF(n, struct happens, node);
}

static int compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct happens *a = happens_of(x), *b = happens_of(y);
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void plan(struct stagesim *s, int64_t in_ns, const struct happens *what)
{
    struct happens *h = mem_alloc(sizeof(*h));
    if (h) {
        *h = *what;
        h->at_ns = s->now_ns + in_ns;
        h->seq = s->seq++;
        heap_node_init(&h->node);
    }
    if (!h || heap_add(&s->agenda, &h->node) < 0) {
        mem_free(h);
        s->nomem = true;
    }
}

static uint64_t draw(struct stagesim *s, uint64_t below)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return below ? s->random * UINT64_C(0x2545f4914f6cdd1d) % below : 0;
}

static struct share *share_of(const struct stagesim *s, int32_t node,
                              uint32_t object)
{
    return &s->shares[(size_t)node * s->c->objects + object];
}

static struct sender *sender_of(const struct stagesim *s, int32_t who)
{
    return &s->senders[who == STORAGE ? (int32_t)s->c->nodes : who];
}

/* ---- Sending ---- */

static uint32_t pieces_at(const struct stagesim *s, int32_t who,
                          uint32_t object)
{
    return who == STORAGE ? s->pieces : share_of(s, who, object)->pieces;
}

/* Send the next piece to whose turn it is. */
static void send_next(struct stagesim *s, int32_t who)
{
    struct sender *from = sender_of(s, who);
    if (from->busy || from->dead)
        return;
    for (struct list *l = from->shares.next; l != &from->shares; l = l->next) {
        struct share *to = LIST_OF(l, struct share, sender);
        size_t at = (size_t)(to - s->shares);
        uint32_t object = (uint32_t)(at % s->c->objects);
        if (to->sent >= pieces_at(s, who, object))
            continue;
        list_remove(l); /* to the end of the turn */
        list_add(&from->shares, l);
        int64_t takes = (int64_t)((double)s->c->piece_bytes / from->bytes_s *
                                  (double)NS_PER_SEC);
        to->sent++;
        from->busy = true;
        if (who == STORAGE)
            s->stats->storage_bytes += s->c->piece_bytes;
        plan(s, takes, &(struct happens){.what = HAPPENS_IDLE, .who = who});
        plan(s, takes + s->c->latency_ns,
             &(struct happens){.what = HAPPENS_PIECE,
                               .who = (int32_t)(at / s->c->objects),
                               .from = who,
                               .object = object,
                               .id = to->sent});
        return;
    }
}

static void on_piece(struct stagesim *s, const struct happens *h)
{
    struct share *at = share_of(s, h->who, h->object);
    /* What was on its way when the source changed does not count. */
    if (sender_of(s, h->who)->dead || at->from != h->from ||
        h->id != at->pieces + 1)
        return;
    at->pieces++;
    send_next(s, h->who);
    if (at->pieces < s->pieces)
        return;
    at->fetching = false;
    list_remove(&at->sender);
    plan(s, s->c->latency_ns,
         &(struct happens){.what = HAPPENS_GOT,
                           .who = h->who,
                           .object = h->object,
                           .id = at->id});
}

static void on_fetch(struct stagesim *s, const struct happens *h)
{
    struct share *at = share_of(s, h->who, h->object);
    if (sender_of(s, h->who)->dead)
        return;
    at->id = h->id;
    at->from = h->from;
    at->fetching = true;
    at->sent = at->pieces;
    if (h->from == STORAGE)
        at->sent = at->pieces = 0; /* it is read from its beginning */
    at->depth = 1;
    if (h->from != STORAGE)
        at->depth += share_of(s, h->from, h->object)->depth;
    if (at->depth > s->stats->depth)
        s->stats->depth = at->depth;
    list_remove(&at->sender);
    list_add(&sender_of(s, h->from)->shares, &at->sender);
    send_next(s, h->from);
}

/* ---- The director ---- */

static void act(struct stagesim *s)
{
    struct director_action a;
    while (director_next(s->d, &a)) {
        if (a.kind != DIRECTOR_FETCH)
            continue;
        unsigned object = 0;
        sscanf(a.key, "/%u", &object);
        plan(s, s->c->latency_ns,
             &(struct happens){
                 .what = HAPPENS_FETCH,
                 .who = (int32_t)a.rank,
                 .from = a.from == DIRECTOR_ORIGIN ? STORAGE : (int32_t)a.from,
                 .object = object,
                 .id = a.object});
    }
}

static void on_want(struct stagesim *s, const struct happens *h)
{
    char key[16];
    snprintf(key, sizeof(key), "/%u", h->object);
    if (director_want(s->d, (uint32_t)h->who, h->object, OBJECT_FILE, key,
                      NULL) < 0)
        s->nomem = true;
}

static void on_got(struct stagesim *s, const struct happens *h)
{
    struct object_meta meta = {.bytes = s->c->object_bytes};
    director_got(s->d, (uint32_t)h->who, h->id, &meta);
}

static void on_death(struct stagesim *s, int32_t who)
{
    struct sender *dead = sender_of(s, who);
    if (dead->dead)
        return;
    dead->dead = true;
    while (list_take(&dead->shares)) {
    }
    for (uint32_t o = 0; o < s->c->objects; o++)
        list_remove(&share_of(s, who, o)->sender);
    plan(s, s->c->notice_ns,
         &(struct happens){.what = HAPPENS_LOST, .who = who});
}

static void happen(struct stagesim *s, const struct happens *h)
{
    switch (h->what) {
    case HAPPENS_WANT:
        on_want(s, h);
        break;
    case HAPPENS_GOT:
        on_got(s, h);
        break;
    case HAPPENS_LOST:
        director_lost(s->d, (uint32_t)h->who);
        break;
    case HAPPENS_FETCH:
        on_fetch(s, h);
        return;
    case HAPPENS_PIECE:
        on_piece(s, h);
        return;
    case HAPPENS_IDLE:
        sender_of(s, h->who)->busy = false;
        send_next(s, h->who);
        return;
    case HAPPENS_DEATH:
        on_death(s, h->who);
        return;
    }
    act(s);
}

/* ---- Beginning and end ---- */

void stagesim_config_init(struct stagesim_config *c)
{
    *c = (struct stagesim_config){.nodes = 1,
                                  .objects = 1,
                                  .object_bytes = 1 << 30,
                                  .piece_bytes = 1 << 20,
                                  .storage_bytes_s = 2e9,
                                  .link_bytes_s = 1e9,
                                  .latency_ns = 20 * NS_PER_US,
                                  .max_streams = 16,
                                  .notice_ns = NS_PER_SEC,
                                  .seed = 1};
}

static int begin(struct stagesim *s, struct err *err)
{
    const struct stagesim_config *c = s->c;
    size_t shares = (size_t)c->nodes * c->objects;
    uint32_t *nodes = mem_calloc(c->nodes, sizeof(*nodes));
    s->senders = mem_calloc((size_t)c->nodes + 1, sizeof(*s->senders));
    s->shares = mem_calloc(shares, sizeof(*s->shares));
    if (!nodes || !s->senders || !s->shares) {
        mem_free(nodes);
        return err_set(err, ENOMEM, "no memory for %u nodes", c->nodes);
    }
    for (uint32_t i = 0; i <= c->nodes; i++) {
        list_init(&s->senders[i].shares);
        s->senders[i].bytes_s = c->link_bytes_s;
    }
    sender_of(s, STORAGE)->bytes_s = c->storage_bytes_s;
    for (size_t i = 0; i < shares; i++)
        list_init(&s->shares[i].sender);
    for (uint32_t i = 0; i < c->nodes; i++)
        nodes[i] = i;
    struct director_config config = {.rank_count = c->nodes,
                                     .rank_nodes = nodes,
                                     .max_streams = c->max_streams,
                                     .fanout = c->fanout,
                                     .max_bytes = SIZE_MAX / 2};
    s->d = director_create(&config, err);
    mem_free(nodes);
    return s->d ? 0 : -1;
}

static void begin_events(struct stagesim *s)
{
    const struct stagesim_config *c = s->c;
    for (uint32_t n = 0; n < c->nodes; n++) {
        int64_t at = (int64_t)draw(s, (uint64_t)c->spread_ns + 1);
        for (uint32_t o = 0; o < c->objects; o++)
            plan(s, at + c->latency_ns,
                 &(struct happens){
                     .what = HAPPENS_WANT, .who = (int32_t)n, .object = o});
    }
    for (uint32_t i = 0; i < c->deaths; i++)
        plan(s, (int64_t)draw(s, (uint64_t)c->death_ns + 1),
             &(struct happens){.what = HAPPENS_DEATH,
                               .who = (int32_t)draw(s, c->nodes)});
}

static int finish(struct stagesim *s, struct err *err)
{
    struct director_stats stats;
    director_stats(s->d, &stats);
    s->stats->origin_reads = stats.origin_fetches;
    s->stats->pulls = stats.pulls;
    s->stats->alone_ns = (int64_t)((double)s->c->object_bytes * s->c->objects /
                                   s->c->storage_bytes_s * (double)NS_PER_SEC);
    for (uint32_t n = 0; n < s->c->nodes; n++) {
        bool all = true;
        for (uint32_t o = 0; o < s->c->objects; o++)
            all = all && share_of(s, (int32_t)n, o)->pieces == s->pieces;
        if (!all && !s->senders[n].dead)
            return err_set(err, EPROTO, "node %u never gets all", n);
        s->stats->served += all;
    }
    if (stats.fetching > 0 || stats.streams > 0)
        return err_set(err, EPROTO, "%u fetches, %u streams never end",
                       stats.fetching, stats.streams);
    return 0;
}

int stagesim_run(const struct stagesim_config *c, struct stagesim_stats *stats,
                 struct err *err)
{
    struct stagesim s = {.c = c, .stats = stats, .random = c->seed * 2 + 1};
    struct heap_node *n;
    *stats = (struct stagesim_stats){0};
    if (c->nodes == 0 || c->objects == 0 || c->piece_bytes == 0)
        return err_set(err, EINVAL, "nothing to simulate");
    s.pieces =
        (uint32_t)((c->object_bytes + c->piece_bytes - 1) / c->piece_bytes);
    heap_init(&s.agenda, compare);
    int rc = begin(&s, err);
    if (rc == 0)
        begin_events(&s);
    while (rc == 0 && !s.nomem && (n = heap_top(&s.agenda))) {
        struct happens *h = happens_of(n);
        heap_remove(&s.agenda, n);
        s.now_ns = h->at_ns;
        if (h->what == HAPPENS_PIECE)
            stats->took_ns = s.now_ns;
        stats->events++;
        happen(&s, h);
        mem_free(h);
    }
    if (rc == 0 && s.nomem)
        rc = err_set(err, ENOMEM, "no memory to simulate");
    if (rc == 0)
        rc = finish(&s, err);
    while ((n = heap_top(&s.agenda))) {
        heap_remove(&s.agenda, n);
        mem_free(happens_of(n));
    }
    heap_fini(&s.agenda);
    director_destroy(s.d);
    mem_free(s.senders);
    mem_free(s.shares);
    return rc;
}
