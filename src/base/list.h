/* A doubly linked ring whose links are inside its members; the ring's own link
 * is its head. A member knows no ring: it can leave whichever it is in. */
#ifndef MPIBATCH_BASE_LIST_H
#define MPIBATCH_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

/* The struct of this type that has the link as its member. */
#define LIST_OF(link, type, member)                                            \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* An empty ring, or a member that is in none. */
static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Add a member that is in no ring, as the last. */
static inline void list_add(struct list *head, struct list *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Take a member out; fine if it is in none. */
static inline void list_remove(struct list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* Take the first member out; NULL: there is none. */
static inline struct list *list_take(struct list *head)
{
    struct list *l = head->next;
    if (l == head)
        return NULL;
    list_remove(l);
    return l;
}

#endif
