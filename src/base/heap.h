/* A binary heap of pointers with the least on top. The elements carry their
 * own place, so that one can be moved or removed from the middle. Ties are
 * the caller's: compare by something unique for a deterministic order. */
#ifndef MPIBATCH_BASE_HEAP_H
#define MPIBATCH_BASE_HEAP_H

#include <stddef.h>

#define HEAP_OUT ((size_t)-1)

struct heap_node {
    size_t at; /* place in the heap; HEAP_OUT: in none */
};

struct heap {
    struct heap_node **nodes;
    size_t count, cap;
    int (*compare)(const struct heap_node *a, const struct heap_node *b);
};

/* An empty heap ordered by compare (<0: a first). heap_fini frees it and
 * does not touch the elements: they may be gone already. */
void heap_init(struct heap *h, int (*compare)(const struct heap_node *,
                                              const struct heap_node *));
void heap_fini(struct heap *h);

/* A node that is in no heap. */
void heap_node_init(struct heap_node *n);

/* Add a node that is in no heap. 0, or -1 (no memory). */
int heap_add(struct heap *h, struct heap_node *n);

/* Remove a node; fine if it is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);

/* Find the place of a node whose order has changed. */
void heap_update(struct heap *h, struct heap_node *n);

/* The least node, or NULL. Borrowed. */
struct heap_node *heap_top(const struct heap *h);

#endif
