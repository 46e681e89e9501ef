/* The events of a simulation: see agenda.h. */
#include "config.h"
#include "sim/agenda.h"

#include <stddef.h>

#include "base/mem.h"

static struct event *event_of(const struct heap_node *n)
{
    return (struct event *)((char *)n - offsetof(struct event, node));
}

static int compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct event *a = event_of(x), *b = event_of(y);
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void agenda_init(struct agenda *q)
{
    heap_init(&q->heap, compare);
    q->seq = 0;
}

void agenda_fini(struct agenda *q)
{
    struct event *e;
    while ((e = agenda_take(q)))
        agenda_free(e);
    heap_fini(&q->heap);
}

struct event *agenda_add(struct agenda *q, const struct event *e)
{
    struct event *copy = mem_alloc(sizeof(*copy));
    if (!copy) {
        mem_free(e->ends);
        return NULL;
    }
    *copy = *e;
    copy->seq = q->seq++;
    heap_node_init(&copy->node);
    if (heap_add(&q->heap, &copy->node) == 0)
        return copy;
    agenda_free(copy);
    return NULL;
}

struct event *agenda_take(struct agenda *q)
{
    struct heap_node *n = heap_top(&q->heap);
    if (!n)
        return NULL;
    heap_remove(&q->heap, n);
    return event_of(n);
}

struct event *agenda_due(struct agenda *q, int64_t now_ns)
{
    struct heap_node *n = heap_top(&q->heap);
    return n && event_of(n)->at_ns <= now_ns ? agenda_take(q) : NULL;
}

void agenda_move(struct agenda *q, struct event *e, int64_t at_ns)
{
    e->at_ns = at_ns;
    e->seq = q->seq++;
    heap_update(&q->heap, &e->node);
}

void agenda_drop(struct agenda *q, struct event *e)
{
    if (!e)
        return;
    heap_remove(&q->heap, &e->node);
    agenda_free(e);
}

void agenda_free(struct event *e)
{
    mem_free(e->ends);
    mem_free(e);
}
