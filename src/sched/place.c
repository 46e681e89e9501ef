/* Which worker is next: see place.h. */
#include "config.h"
#include "sched/place.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static struct seat *seat_of_used(const struct heap_node *n)
{
    return (struct seat *)((char *)n - offsetof(struct seat, by_used));
}

static struct seat *seat_of_ahead(const struct heap_node *n)
{
    return (struct seat *)((char *)n - offsetof(struct seat, by_ahead));
}

static struct seat *seat_of_pack(const struct heap_node *n)
{
    return (struct seat *)((char *)n - offsetof(struct seat, by_pack));
}

static int by_id(const struct seat *a, const struct seat *b)
{
    return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_used(const struct heap_node *x, const struct heap_node *y)
{
    const struct seat *a = seat_of_used(x), *b = seat_of_used(y);
    if (a->load.used != b->load.used) /* and as many slots: one class */
        return a->load.used < b->load.used ? -1 : 1;
    return by_id(a, b);
}

static int compare_ahead(const struct heap_node *x, const struct heap_node *y)
{
    const struct seat *a = seat_of_ahead(x), *b = seat_of_ahead(y);
    if (a->load.ahead_ns != b->load.ahead_ns)
        return a->load.ahead_ns < b->load.ahead_ns ? -1 : 1;
    return by_id(a, b);
}

/* Those that have a slot free first. */
static int compare_pack(const struct heap_node *x, const struct heap_node *y)
{
    const struct seat *a = seat_of_pack(x), *b = seat_of_pack(y);
    bool full_a = load_free(&a->load) == 0, full_b = load_free(&b->load) == 0;
    return full_a != full_b ? (full_a ? 1 : -1) : by_id(a, b);
}

void place_fini(struct place *p)
{
    for (uint32_t i = 0; i < p->class_count; i++) {
        heap_fini(&p->classes[i].by_used);
        heap_fini(&p->classes[i].by_ahead);
        heap_fini(&p->classes[i].by_pack);
    }
    mem_free(p->classes);
    *p = (struct place){0};
}

/* The place of the first class with so many slots or more. */
static uint32_t class_from(const struct place *p, uint32_t slots)
{
    uint32_t i = 0;
    while (i < p->class_count && p->classes[i].slots < slots)
        i++;
    return i;
}

/* The class of workers with so many slots, made if there is none. */
static struct place_class *class_get(struct place *p, uint32_t slots)
{
    uint32_t at = class_from(p, slots);
    if (at < p->class_count && p->classes[at].slots == slots)
        return &p->classes[at];
    struct place_class *c =
        mem_resize(p->classes, p->class_count + 1, sizeof(*c));
    if (!c)
        return NULL;
    p->classes = c;
    memmove(&c[at + 1], &c[at], (p->class_count - at) * sizeof(*c));
    p->class_count++;
    c[at].slots = slots;
    heap_init(&c[at].by_used, compare_used);
    heap_init(&c[at].by_ahead, compare_ahead);
    heap_init(&c[at].by_pack, compare_pack);
    return &c[at];
}

/* Count the seat's slots in the totals (sign 1), or not any more (-1). */
static void count(struct place *p, int sign, const struct seat *s)
{
    uint32_t busy = s->load.slots - load_free(&s->load);
    p->busy += (uint64_t)(sign * (int64_t)busy);
    p->waiting += (uint64_t)(sign * (int64_t)(s->load.used - busy));
}

int place_add(struct place *p, struct seat *s)
{
    struct place_class *c = class_get(p, s->load.slots);
    heap_node_init(&s->by_used);
    heap_node_init(&s->by_ahead);
    heap_node_init(&s->by_pack);
    if (!c || heap_add(&c->by_used, &s->by_used) < 0)
        return -1;
    if (heap_add(&c->by_ahead, &s->by_ahead) < 0 ||
        (p->pack && heap_add(&c->by_pack, &s->by_pack) < 0)) {
        heap_remove(&c->by_used, &s->by_used);
        heap_remove(&c->by_ahead, &s->by_ahead);
        return -1;
    }
    p->slots += s->load.slots;
    s->seated = true;
    count(p, 1, s);
    return 0;
}

static struct place_class *class_of(const struct place *p, const struct seat *s)
{
    return &p->classes[class_from(p, s->load.slots)];
}

void place_remove(struct place *p, struct seat *s)
{
    if (!s->seated)
        return;
    struct place_class *c = class_of(p, s);
    heap_remove(&c->by_used, &s->by_used);
    heap_remove(&c->by_ahead, &s->by_ahead);
    heap_remove(&c->by_pack, &s->by_pack);
    s->seated = false;
    p->slots -= s->load.slots;
    count(p, -1, s);
}

void place_load(struct place *p, struct seat *s, int sign, uint32_t tasks,
                uint32_t slots, int64_t task_ns, int64_t prefetch_ns)
{
    if (!s->seated) {
        load_add(&s->load, sign, tasks, slots, task_ns, prefetch_ns);
        return;
    }
    struct place_class *c = class_of(p, s);
    count(p, -1, s);
    load_add(&s->load, sign, tasks, slots, task_ns, prefetch_ns);
    count(p, 1, s);
    if (p->pack)
        heap_update(&c->by_pack, &s->by_pack);
    heap_update(&c->by_used, &s->by_used);
    heap_update(&c->by_ahead, &s->by_ahead);
}

/* The first seat of all with so many slots free. */
static struct seat *first_free(const struct place *p, uint32_t slots)
{
    struct seat *best = NULL;
    for (uint32_t i = class_from(p, slots); i < p->class_count; i++) {
        const struct heap *h = &p->classes[i].by_pack;
        struct heap_node *n = heap_top(h);
        if (n && load_free(&seat_of_pack(n)->load) >= slots) {
            if (!best || seat_of_pack(n)->id < best->id)
                best = seat_of_pack(n);
            continue;
        }
        for (size_t k = 1; slots > 1 && k < h->count; k++) {
            struct seat *s = seat_of_pack(h->nodes[k]);
            if (load_free(&s->load) >= slots && (!best || s->id < best->id))
                best = s;
        }
    }
    return best;
}

struct seat *place_free(const struct place *p, uint32_t slots)
{
    struct seat *best = NULL;
    if (p->pack)
        return first_free(p, slots);
    for (uint32_t i = class_from(p, slots); i < p->class_count; i++) {
        struct heap_node *n = heap_top(&p->classes[i].by_used);
        if (!n || load_free(&seat_of_used(n)->load) < slots)
            continue;
        struct seat *s = seat_of_used(n);
        if (!best || load_compare_used(&s->load, &best->load) < 0)
            best = s;
    }
    return best;
}

struct seat *place_least(const struct place *p, uint32_t slots)
{
    struct seat *best = NULL;
    for (uint32_t i = class_from(p, slots); i < p->class_count; i++) {
        struct heap_node *n = heap_top(&p->classes[i].by_ahead);
        if (!n)
            continue;
        struct seat *s = seat_of_ahead(n);
        if (!best || load_compare_ahead(&s->load, &best->load) < 0)
            best = s;
    }
    return best;
}

uint32_t place_most_free(const struct place *p)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->class_count; i++) {
        struct heap_node *n = heap_top(&p->classes[i].by_used);
        uint32_t has = n ? load_free(&seat_of_used(n)->load) : 0;
        if (has > most)
            most = has;
    }
    return most;
}

uint32_t place_most_slots(const struct place *p)
{
    for (uint32_t i = p->class_count; i > 0; i--)
        if (heap_top(&p->classes[i - 1].by_used))
            return p->classes[i - 1].slots;
    return 0;
}
