/* Leases of workers: see liveness.h. */
#include "config.h"
#include "sched/liveness.h"

#include <stddef.h>

#include "base/mem.h"

static struct lease *lease_of(const struct heap_node *n)
{
    return (struct lease *)((char *)n - offsetof(struct lease, node));
}

static int compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct lease *a = lease_of(x), *b = lease_of(y);
    if (a->ordered_ns != b->ordered_ns)
        return a->ordered_ns < b->ordered_ns ? -1 : 1;
    return a < b ? -1 : a > b;
}

int liveness_init(struct liveness *l, uint32_t count, int64_t silence_ns)
{
    *l = (struct liveness){.silence_ns = silence_ns, .now_ns = INT64_MIN};
    heap_init(&l->heap, compare);
    l->leases = mem_calloc(count, sizeof(l->leases[0]));
    if (!l->leases)
        return -1;
    for (; l->count < count; l->count++) {
        heap_node_init(&l->leases[l->count].node);
        if (heap_add(&l->heap, &l->leases[l->count].node) < 0)
            return -1;
    }
    return 0;
}

void liveness_fini(struct liveness *l)
{
    heap_fini(&l->heap);
    mem_free(l->leases);
    *l = (struct liveness){0};
}

void liveness_now(struct liveness *l, int64_t now_ns)
{
    if (l->now_ns != INT64_MIN && now_ns > l->now_ns) {
        int64_t gap = now_ns - l->now_ns, most = l->silence_ns / 4 + 1;
        l->watched_ns += gap < most ? gap : most;
    }
    if (now_ns > l->now_ns)
        l->now_ns = now_ns;
}

void liveness_forget(struct liveness *l, uint32_t worker)
{
    heap_remove(&l->heap, &l->leases[worker].node);
}

int64_t liveness_silent(struct liveness *l)
{
    struct heap_node *n;
    while ((n = heap_top(&l->heap))) {
        struct lease *lease = lease_of(n);
        if (l->watched_ns - lease->ordered_ns < l->silence_ns)
            return -1;
        if (lease->ordered_ns == lease->heard_ns)
            return lease - l->leases;
        lease->ordered_ns = lease->heard_ns;
        heap_update(&l->heap, n);
    }
    return -1;
}

int64_t liveness_deadline_ns(const struct liveness *l)
{
    struct heap_node *n = heap_top(&l->heap);
    if (!n || l->now_ns == INT64_MIN)
        return INT64_MAX;
    int64_t left = lease_of(n)->ordered_ns + l->silence_ns - l->watched_ns;
    int64_t most = l->silence_ns / 4 + 1;
    if (left < 0)
        left = 0;
    return l->now_ns + (left < most ? left : most);
}
