/* A binary heap: see heap.h. */
#include "config.h"
#include "base/heap.h"

#include "base/mem.h"

void heap_init(struct heap *h, int (*compare)(const struct heap_node *,
                                              const struct heap_node *))
{
    *h = (struct heap){.compare = compare};
}

void heap_fini(struct heap *h)
{
    mem_free(h->nodes);
    heap_init(h, h->compare);
}

void heap_node_init(struct heap_node *n)
{
    n->at = HEAP_OUT;
}

static void place(struct heap *h, struct heap_node *n, size_t at)
{
    h->nodes[at] = n;
    n->at = at;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
    size_t at = n->at;
    while (at > 0 && h->compare(n, h->nodes[(at - 1) / 2]) < 0) {
        place(h, h->nodes[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(h, n, at);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
    size_t at = n->at;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count &&
            h->compare(h->nodes[child + 1], h->nodes[child]) < 0)
            child++;
        if (h->compare(h->nodes[child], n) >= 0)
            break;
        place(h, h->nodes[child], at);
        at = child;
    }
    place(h, n, at);
}

int heap_add(struct heap *h, struct heap_node *n)
{
    if (h->count == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 16;
        struct heap_node **nodes = mem_resize(h->nodes, cap, sizeof(*nodes));
        if (!nodes)
            return -1;
        h->nodes = nodes;
        h->cap = cap;
    }
    place(h, n, h->count++);
    sift_up(h, n);
    return 0;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->at == HEAP_OUT)
        return;
    struct heap_node *last = h->nodes[--h->count];
    if (last != n) {
        place(h, last, n->at);
        heap_update(h, last);
    }
    n->at = HEAP_OUT;
}

void heap_update(struct heap *h, struct heap_node *n)
{
    sift_up(h, n);
    sift_down(h, n);
}

struct heap_node *heap_top(const struct heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}
