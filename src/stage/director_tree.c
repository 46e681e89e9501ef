/* The forest of each object's copies: see director_parts.h. */
#include "config.h"
#include "stage/director_parts.h"

static struct copy *copy_of_server(const struct heap_node *n)
{
    return LIST_OF(n, struct copy, server);
}

int copy_compare(const struct heap_node *x, const struct heap_node *y)
{
    const struct copy *a = copy_of_server(x), *b = copy_of_server(y);
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    if (a->child_count != b->child_count)
        return a->child_count < b->child_count ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static bool is_serving(const struct copy *c)
{
    return c->state == COPY_FETCHING || c->state == COPY_CLAIMED ||
           c->state == COPY_HAVE;
}

/* It can serve again, or less well. */
static void offer(struct director *d, struct copy *c)
{
    struct heap *h = &c->object->servers;
    bool fit = is_serving(c) && c->child_count < d->fanout &&
               c->blamed < DIRECTOR_MAX_BLAMED &&
               c->object->kind != OBJECT_PACKAGE;
    if (!fit)
        heap_remove(h, &c->server);
    else if (c->server.at != HEAP_OUT)
        heap_update(h, &c->server);
    else
        heap_add(h, &c->server); /* no memory: others serve */
}

static void set_state(struct director *d, struct copy *c, enum copy_state state)
{
    struct object *o = c->object;
    bool was_busy = c->state != COPY_HAVE, busy = state != COPY_HAVE;
    c->state = (uint8_t)state;
    if (busy != was_busy) {
        o->busy_count += busy ? 1 : -1U;
        d->fetching += busy ? 1 : -1U;
    }
    list_remove(&c->out.link);
    offer(d, c);
}

void tree_start_root(struct director *d, struct copy *c)
{
    set_state(d, c, COPY_FETCHING);
    director_emit(d, &c->out);
}

/* ---- Parents ---- */

/* Does c hang below top? */
static bool is_below(const struct copy *c, const struct copy *top)
{
    for (; c; c = c->parent)
        if (c == top)
            return true;
    return false;
}

static bool may_serve(const struct copy *server, const struct copy *c,
                      const struct copy *avoid)
{
    return server != avoid &&
           (list_empty(&c->children) ? server != c : !is_below(server, c));
}

/* The best server for c: mostly the top of the heap; if that may not, all are
 * looked at. */
static struct copy *choose(const struct copy *c, const struct copy *avoid)
{
    const struct heap *h = &c->object->servers;
    struct heap_node *best = heap_top(h);
    if (!best || may_serve(copy_of_server(best), c, avoid))
        return best ? copy_of_server(best) : NULL;
    best = NULL;
    for (size_t i = 0; i < h->count; i++)
        if (may_serve(copy_of_server(h->nodes[i]), c, avoid) &&
            (!best || copy_compare(h->nodes[i], best) < 0))
            best = h->nodes[i];
    return best ? copy_of_server(best) : NULL;
}

static void attach(struct director *d, struct copy *c, struct copy *parent)
{
    c->parent = parent;
    list_add(&parent->children, &c->tree);
    parent->child_count++;
    offer(d, parent);
    c->depth = (uint16_t)(parent->depth < UINT16_MAX ? parent->depth + 1
                                                     : parent->depth);
    if (!parent->told) {
        parent->told = true;
        director_emit(d, &parent->out);
    }
    set_state(d, c, COPY_FETCHING);
    director_emit(d, &c->out);
}

static void become_root(struct director *d, struct copy *c)
{
    c->depth = 0;
    c->object->root = c;
    set_state(d, c, COPY_QUEUED);
    list_add(&d->roots, &c->tree);
    d->roots_waiting++;
    streams_grant(d);
}

void tree_plan(struct director *d, struct copy *c, const struct copy *avoid)
{
    struct object *o = c->object;
    if (o->kind == OBJECT_PACKAGE) {
        tree_start_root(d, c);
        return;
    }
    struct copy *server = choose(c, avoid);
    if (!server && avoid)
        server = choose(c, NULL);
    if (server) {
        attach(d, c, server);
    } else if (!o->root) {
        become_root(d, c);
    } else {
        set_state(d, c, COPY_PENDING);
        list_add(&o->pending, &c->tree);
    }
}

void tree_replan(struct director *d, struct object *o)
{
    struct list again, *l;
    list_init(&again);
    while ((l = list_take(&o->pending)))
        list_add(&again, l);
    while ((l = list_take(&again)))
        tree_plan(d, LIST_OF(l, struct copy, tree), NULL);
}

/* Out of what it hangs in. Returns whether it held a stream, which is the
 * caller's then. */
static bool unhang(struct director *d, struct copy *c)
{
    struct copy *parent = c->parent;
    bool has_stream = c->has_stream;
    if (c->state == COPY_QUEUED)
        d->roots_waiting--;
    list_remove(&c->tree);
    c->parent = NULL;
    c->has_stream = false;
    if (parent) {
        parent->child_count--;
        offer(d, parent);
    }
    if (c->object->root == c)
        c->object->root = NULL;
    return has_stream;
}

void tree_take(struct director *d, struct copy *c)
{
    bool has_stream = unhang(d, c);
    set_state(d, c, COPY_NEW);
    streams_release(d, has_stream);
}

void tree_scatter(struct director *d, struct copy *c)
{
    struct list *l;
    while ((l = list_take(&c->children)))
        LIST_OF(l, struct copy, tree)->parent = NULL;
    c->child_count = 0;
    tree_take(d, c);
}

/* If nobody has it all and nobody reads it any more, the first orphan does,
 * with the stream of the old root: those below it keep their places. */
static bool inherit(struct director *d, struct copy *heir, bool *has_stream)
{
    const struct object *o = heir->object;
    if (o->root || o->copy_count > o->busy_count || o->kind == OBJECT_PACKAGE)
        return false;
    if (!*has_stream) {
        become_root(d, heir);
        return true;
    }
    heir->depth = 0;
    heir->object->root = heir;
    heir->has_stream = true;
    *has_stream = false;
    tree_start_root(d, heir);
    return true;
}

void tree_cut(struct director *d, struct copy *c)
{
    struct list orphans, *l;
    bool has_stream = unhang(d, c);
    set_state(d, c, COPY_NEW);
    c->depth = 0;
    list_init(&orphans);
    while ((l = list_take(&c->children))) {
        struct copy *orphan = LIST_OF(l, struct copy, tree);
        orphan->parent = NULL;
        set_state(d, orphan, COPY_NEW);
        list_add(&orphans, l);
    }
    c->child_count = 0;
    while ((l = list_take(&orphans))) {
        struct copy *orphan = LIST_OF(l, struct copy, tree);
        if (!inherit(d, orphan, &has_stream))
            tree_plan(d, orphan, NULL);
    }
    streams_release(d, has_stream);
}

void tree_complete(struct director *d, struct copy *c, enum copy_state state)
{
    bool has_stream = unhang(d, c);
    c->depth = 0;
    c->told = true;
    set_state(d, c, state);
    streams_release(d, has_stream);
}

void tree_speaker(struct director *d, struct copy *c)
{
    c->told = !list_empty(&c->children);
    if (c->told)
        director_emit(d, &c->out);
    for (struct list *l = c->children.next; l != &c->children; l = l->next)
        director_emit(d, &LIST_OF(l, struct copy, tree)->out);
}
