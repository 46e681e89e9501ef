/* Ranks in one process: see pair.h. Owns the packets on their way: a heap for
 * each rank, by time of delivery and then by order of sending. What happens
 * to a packet is drawn when it is sent, from the seed alone. */
#include "config.h"
#include "comm/pair.h"

#include <errno.h>
#include <string.h>

#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"

struct flight {
    struct heap_node node;
    int64_t at_ns;
    uint64_t order;
    uint32_t from;
    uint32_t len;
    unsigned char data[];
};

struct end {
    struct transport transport;
    struct pair *pair;
    struct heap inbox;
    bool cut;
};

struct pair {
    struct pair_faults faults;
    uint64_t random, order;
    struct map pending; /* packets on their way, by sender and receiver */
    uint32_t size;
    struct end ends[];
};

static struct flight *flight_of(const struct heap_node *n)
{
    return (struct flight *)n; /* its first member */
}

static int compare_flights(const struct heap_node *a, const struct heap_node *b)
{
    const struct flight *f = flight_of(a), *g = flight_of(b);
    if (f->at_ns != g->at_ns)
        return f->at_ns < g->at_ns ? -1 : 1;
    return f->order < g->order ? -1 : 1;
}

/* splitmix64 */
static uint64_t draw(struct pair *p)
{
    uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool happens(struct pair *p, uint32_t permille)
{
    return permille > 0 && draw(p) % 1000 < permille;
}

static int64_t draw_delay(struct pair *p)
{
    int64_t min = p->faults.delay_min_ns, span = p->faults.delay_max_ns - min;
    return span > 0 ? min + (int64_t)(draw(p) % ((uint64_t)span + 1)) : min;
}

static uint64_t pending_key(uint32_t from, uint32_t to)
{
    return (uint64_t)from << 32 | to;
}

static uint64_t pending_get(const struct pair *p, uint32_t from, uint32_t to)
{
    uint64_t count = 0;
    map_get(&p->pending, pending_key(from, to), &count);
    return count;
}

/* Does a cut lie between them? A rank always reaches itself. */
static bool is_cut(const struct pair *p, uint32_t from, uint32_t to)
{
    return from != to && (p->ends[from].cut || p->ends[to].cut);
}

/* false: no memory. */
static bool launch(struct pair *p, int64_t now_ns, uint32_t from, uint32_t to,
                   const void *data, size_t len)
{
    struct flight *f = mem_alloc(sizeof(*f) + len);
    if (!f)
        return false;
    *f = (struct flight){.at_ns = now_ns + draw_delay(p),
                         .order = p->order++,
                         .from = from,
                         .len = (uint32_t)len};
    heap_node_init(&f->node);
    memcpy(f->data, data, len);
    uint64_t pending = pending_get(p, from, to);
    if (map_set(&p->pending, pending_key(from, to), pending + 1) == 0) {
        if (heap_add(&p->ends[to].inbox, &f->node) == 0)
            return true;
        map_set(&p->pending, pending_key(from, to), pending);
    }
    mem_free(f);
    return false;
}

static int pair_send(struct transport *t, int64_t now_ns, uint32_t peer,
                     const void *data, size_t len)
{
    struct pair *p = ((struct end *)t)->pair;
    if (pending_get(p, t->rank, peer) >= PACKET_MAX_PENDING)
        return 0;
    if (is_cut(p, t->rank, peer) || happens(p, p->faults.drop_permille))
        return 1;
    if (!launch(p, now_ns, t->rank, peer, data, len))
        return 0;
    if (happens(p, p->faults.repeat_permille))
        launch(p, now_ns, t->rank, peer, data, len);
    return 1;
}

static size_t pair_receive(struct transport *t, int64_t now_ns, uint32_t *peer,
                           void *data)
{
    struct end *e = (struct end *)t;
    struct heap_node *n;
    while ((n = heap_top(&e->inbox)) && flight_of(n)->at_ns <= now_ns) {
        struct flight *f = flight_of(n);
        heap_remove(&e->inbox, n);
        map_set(&e->pair->pending, pending_key(f->from, t->rank),
                pending_get(e->pair, f->from, t->rank) - 1);
        size_t len = is_cut(e->pair, f->from, t->rank) ? 0 : f->len;
        *peer = f->from;
        memcpy(data, f->data, len);
        mem_free(f);
        if (len > 0)
            return len;
    }
    return 0;
}

static void pair_forget(struct transport *t, uint32_t peer)
{
    (void)t;
    (void)peer;
}

static size_t pair_packet_bytes(const struct transport *t, uint32_t peer)
{
    (void)t;
    (void)peer;
    return PACKET_SMALL_BYTES;
}

static bool pair_flushed(struct transport *t)
{
    (void)t;
    return true;
}

static const struct transport_ops pair_ops = {
    .send = pair_send,
    .receive = pair_receive,
    .forget = pair_forget,
    .packet_bytes = pair_packet_bytes,
    .flushed = pair_flushed,
};

struct pair *pair_create(uint32_t size, const struct pair_faults *faults,
                         struct err *err)
{
    struct pair *p = mem_calloc(1, sizeof(*p) + size * sizeof(p->ends[0]));
    if (!p) {
        err_set(err, ENOMEM, "pair: no memory for %u ranks", size);
        return NULL;
    }
    p->faults = *faults;
    p->random = faults->seed;
    p->size = size;
    map_init(&p->pending);
    for (uint32_t i = 0; i < size; i++) {
        struct end *e = &p->ends[i];
        e->transport = (struct transport){&pair_ops, i, size};
        e->pair = p;
        heap_init(&e->inbox, compare_flights);
    }
    return p;
}

void pair_destroy(struct pair *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->size; i++) {
        struct heap *inbox = &p->ends[i].inbox;
        for (size_t k = 0; k < inbox->count; k++)
            mem_free(flight_of(inbox->nodes[k]));
        inbox->count = 0;
        heap_fini(inbox);
    }
    map_fini(&p->pending);
    mem_free(p);
}

struct transport *pair_transport(struct pair *p, uint32_t rank)
{
    return &p->ends[rank].transport;
}

void pair_cut(struct pair *p, uint32_t rank, bool cut)
{
    p->ends[rank].cut = cut;
}

int64_t pair_next_ns(const struct pair *p, uint32_t rank)
{
    const struct heap_node *n = heap_top(&p->ends[rank].inbox);
    return n ? flight_of(n)->at_ns : INT64_MAX;
}
