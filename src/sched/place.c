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

static int by_id(const struct seat *a, const struct seat *b)
{
    return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_used(const struct heap_node *x, const struct heap_node *y)
{
    const struct seat *a = seat_of_used(x), *b = seat_of_used(y);
    int order = load_compare_used(&a->load, &b->load);
    return order ? order : by_id(a, b);
}

static int compare_ahead(const struct heap_node *x, const struct heap_node *y)
{
    const struct seat *a = seat_of_ahead(x), *b = seat_of_ahead(y);
    int order = load_compare_ahead(&a->load, &b->load);
    return order ? order : by_id(a, b);
}

void place_fini(struct place *p)
{
    for (uint32_t i = 0; i < p->class_count; i++) {
        heap_fini(&p->classes[i].by_used);
        heap_fini(&p->classes[i].by_ahead);
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
    return &c[at];
}

int place_add(struct place *p, struct seat *s)
{
    struct place_class *c = class_get(p, s->load.slots);
    heap_node_init(&s->by_used);
    heap_node_init(&s->by_ahead);
    if (!c || heap_add(&c->by_used, &s->by_used) < 0)
        return -1;
    if (heap_add(&c->by_ahead, &s->by_ahead) < 0) {
        heap_remove(&c->by_used, &s->by_used);
        return -1;
    }
    p->slots += s->load.slots;
    return 0;
}

static struct place_class *class_of(const struct place *p, const struct seat *s)
{
    return &p->classes[class_from(p, s->load.slots)];
}

/* Count the seat's slots in the totals (sign 1), or not any more (-1). */
static void count(struct place *p, int sign, const struct seat *s)
{
    uint32_t busy = s->load.slots - load_free(&s->load);
    p->busy += (uint64_t)(sign * (int64_t)busy);
    p->waiting += (uint64_t)(sign * (int64_t)(s->load.used - busy));
}

void place_remove(struct place *p, struct seat *s)
{
    struct place_class *c = class_of(p, s);
    heap_remove(&c->by_used, &s->by_used);
    heap_remove(&c->by_ahead, &s->by_ahead);
    p->slots -= s->load.slots;
    count(p, -1, s);
}

void place_load(struct place *p, struct seat *s, int sign, uint32_t tasks,
                uint32_t slots, int64_t task_ns, int64_t prefetch_ns)
{
    struct place_class *c = class_of(p, s);
    count(p, -1, s);
    load_add(&s->load, sign, tasks, slots, task_ns, prefetch_ns);
    count(p, 1, s);
    heap_update(&c->by_used, &s->by_used);
    heap_update(&c->by_ahead, &s->by_ahead);
}

struct seat *place_free(const struct place *p, uint32_t slots)
{
    struct seat *best = NULL;
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
