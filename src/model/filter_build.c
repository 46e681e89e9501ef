/* Building filters: see filter.h and filter_parts.h.
 *
 * From the first axis to the last, each state is looked at once. Its positions
 * are cut into segments in which the same excludes match; if a condition asks
 * for the axis, into single positions. What follows is the state behind each;
 * neighbours that are followed by the same node make a run. The words of a
 * state: its axis, how many excludes it has left, these, and the positions of
 * the axes that it needs.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/filter_parts.h"

enum {
    DEAD = -2,     /* nothing follows */
    TERMINAL = -3, /* behind the last axis */
    RECORD = 4     /* words of a state, node or run */
};

/* Words of records. */
enum { STATE_KEY, STATE_LEN, STATE_NODE, STATE_NEXT };
enum { NODE_AXIS, NODE_RUNS, NODE_RUN_COUNT, NODE_NEXT };
enum { RUN_FIRST, RUN_LAST, RUN_BEFORE, RUN_NODE };

static int no_memory(struct filter_builder *b)
{
    return err_set(b->err, ENOMEM, "no memory for the filter of a sweep");
}

static int too_ragged(struct filter_builder *b)
{
    const struct sweep *s = b->plan->sweep;
    b->fault->what = s->when_count > 0      ? FAULT_WHEN
                     : s->exclude_count > 0 ? FAULT_EXCLUDE
                                            : FAULT_SWEEP;
    b->fault->at = 0;
    return err_set(b->err, E2BIG,
                   "what this leaves of the sweep is too ragged to be counted; "
                   "put the parameters that belong together next to each "
                   "other, or give the points as a list");
}

static int words_reserve(struct filter_builder *b, struct words *w, size_t n)
{
    if (w->cap - w->len >= n)
        return 0;
    size_t cap = w->cap ? 2 * w->cap : 256;
    while (cap - w->len < n)
        cap *= 2;
    uint32_t *more = mem_resize(w->data, cap, sizeof(*more));
    if (!more)
        return no_memory(b);
    w->data = more;
    w->cap = cap;
    return 0;
}

int words_push(struct filter_builder *b, struct words *w, uint32_t v)
{
    if (words_reserve(b, w, 1) < 0)
        return -1;
    w->data[w->len++] = v;
    return 0;
}

/* Four words behind the others. */
static int record_push(struct filter_builder *b, struct words *w, uint32_t v0,
                       uint32_t v1, uint32_t v2, uint32_t v3)
{
    if (w->len / RECORD > FILTER_MAX_SIZE)
        return too_ragged(b);
    if (words_reserve(b, w, RECORD) < 0)
        return -1;
    uint32_t *to = w->data + w->len;
    to[0] = v0;
    to[1] = v1;
    to[2] = v2;
    to[3] = v3;
    w->len += RECORD;
    return 0;
}

static uint64_t words_hash(const uint32_t *words, size_t n)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ n;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return h;
}

/* ---- Nodes ---- */

static struct amount count_of(const struct filter_builder *b, uint32_t node)
{
    if (node == (uint32_t)DEAD)
        return amount_of(0);
    return node == (uint32_t)TERMINAL ? amount_of(1) : b->counts[node];
}

/* Is there a node with the same axis and runs? */
static bool node_find(const struct filter_builder *b, uint64_t hash,
                      uint32_t axis, const uint32_t *runs, uint32_t run_count,
                      uint32_t *node)
{
    uint64_t at;
    if (!map_get(&b->node_of, hash, &at))
        return false;
    for (*node = (uint32_t)at; *node != UINT32_MAX;
         *node = b->nodes.data[(size_t)*node * RECORD + NODE_NEXT]) {
        const uint32_t *n = b->nodes.data + (size_t)*node * RECORD;
        if (n[NODE_AXIS] == axis && n[NODE_RUN_COUNT] == run_count &&
            memcmp(b->runs.data + (size_t)n[NODE_RUNS] * RECORD, runs,
                   (size_t)run_count * RECORD * sizeof(*runs)) == 0)
            return true;
    }
    return false;
}

static int counts_set(struct filter_builder *b, uint32_t node,
                      struct amount count)
{
    if (node >= b->counts_cap) {
        size_t cap = b->counts_cap ? 2 * b->counts_cap : 64;
        struct amount *more = mem_resize(b->counts, cap, sizeof(*more));
        if (!more)
            return no_memory(b);
        b->counts = more;
        b->counts_cap = cap;
    }
    b->counts[node] = count;
    return 0;
}

/* The node of the runs that are pending from `from` on; they are no more. */
static int node_make(struct filter_builder *b, uint32_t axis, size_t from,
                     uint32_t *node)
{
    uint32_t *runs = b->pending.data + from;
    uint32_t n = (uint32_t)((b->pending.len - from) / RECORD);
    struct amount count = amount_of(0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *r = runs + (size_t)i * RECORD;
        r[RUN_BEFORE] = (uint32_t)count.exact;
        struct amount one = count_of(b, r[RUN_NODE]);
        count = amount_add(count, amount_mul(amount_of((uint64_t)r[RUN_LAST] -
                                                       r[RUN_FIRST] + 1),
                                             one));
    }
    b->pending.len = from;
    if (n == 0) {
        *node = (uint32_t)DEAD;
        return 0;
    }
    uint64_t hash = words_hash(runs, (size_t)n * RECORD) ^ axis, next;
    if (node_find(b, hash, axis, runs, n, node))
        return 0;
    *node = (uint32_t)(b->nodes.len / RECORD);
    if (!map_get(&b->node_of, hash, &next))
        next = UINT32_MAX;
    if (record_push(b, &b->nodes, axis, (uint32_t)(b->runs.len / RECORD), n,
                    (uint32_t)next) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t *r = runs + (size_t)i * RECORD;
        if (record_push(b, &b->runs, r[0], r[1], r[2], r[3]) < 0)
            return -1;
    }
    if (map_set(&b->node_of, hash, *node) < 0)
        return no_memory(b);
    return counts_set(b, *node, count);
}

/* ---- States ---- */

/* Has this state a node already? hash: of its words. */
static bool state_find(const struct filter_builder *b, uint64_t hash,
                       const uint32_t *key, size_t len, uint32_t *node)
{
    uint64_t at;
    if (!map_get(&b->state_of, hash, &at))
        return false;
    for (uint32_t k = (uint32_t)at; k != UINT32_MAX;) {
        const uint32_t *s = b->states.data + (size_t)k * RECORD;
        *node = s[STATE_NODE];
        if (s[STATE_LEN] == len &&
            memcmp(b->keys.data + s[STATE_KEY], key, len * sizeof(*key)) == 0)
            return true;
        k = s[STATE_NEXT];
    }
    return false;
}

static int state_add(struct filter_builder *b, uint64_t hash, size_t from,
                     size_t len, uint32_t node)
{
    uint64_t next;
    size_t key = b->keys.len;
    if (!map_get(&b->state_of, hash, &next))
        next = UINT32_MAX;
    if (key + len > (size_t)FILTER_MAX_SIZE * RECORD)
        return too_ragged(b);
    if (words_reserve(b, &b->keys, len) < 0 ||
        record_push(b, &b->states, (uint32_t)key, (uint32_t)len, node,
                    (uint32_t)next) < 0)
        return -1;
    memcpy(b->keys.data + key, b->stack.data + from, len * sizeof(uint32_t));
    b->keys.len += len;
    if (map_set(&b->state_of, hash, b->states.len / RECORD - 1) < 0)
        return no_memory(b);
    return 0;
}

static int state_build(struct filter_builder *b, size_t from, uint32_t *node);

/* A state that is being looked at: its words are on the stack. */
struct view {
    size_t from;
    uint32_t axis, exclude_count;
    size_t runs; /* where its runs begin in pending */
};

/* Push the state behind positions at which the marked excludes match, without
 * the positions that it needs. *dead: one of the excludes matches whole. */
static int state_push(struct filter_builder *b, const struct view *v,
                      bool *dead)
{
    size_t at = b->stack.len;
    *dead = false;
    if (words_push(b, &b->stack, v->axis + 1) < 0 ||
        words_push(b, &b->stack, 0) < 0)
        return -1;
    for (uint32_t i = 0; i < v->exclude_count; i++) {
        uint32_t e = b->stack.data[v->from + 2 + i];
        if (match_get(&b->matches, e, v->axis)) {
            if (!(b->marks[e] >> v->axis & 1))
                continue;
            *dead = *dead || match_is_last(&b->matches, e, v->axis);
        }
        if (words_push(b, &b->stack, e) < 0)
            return -1;
        b->stack.data[at + 1]++;
    }
    return 0;
}

/* Add a run to the pending ones. */
static int run_push(struct filter_builder *b, const struct view *v,
                    uint32_t first, uint32_t last, uint32_t node)
{
    struct words *w = &b->pending;
    if (node == (uint32_t)DEAD)
        return 0;
    if (w->len > v->runs) {
        uint32_t *r = w->data + w->len - RECORD;
        if (r[RUN_NODE] == node && r[RUN_LAST] + 1 == first) {
            r[RUN_LAST] = last;
            return 0;
        }
    }
    return record_push(b, w, first, last, 0, node);
}

/* The run of positions first to last; the state behind them, but for the
 * positions that it needs, is on top of the stack. */
static int run_build(struct filter_builder *b, const struct view *v,
                     size_t state, uint32_t first, uint32_t last)
{
    size_t len = b->stack.len;
    uint32_t next = v->axis + 1, node;
    uint32_t needed = next < b->plan->axis_count ? b->needed[next] : 0;
    for (uint32_t k = 0; k < next; k++)
        if (needed >> k & 1 && words_push(b, &b->stack, b->positions[k]) < 0)
            return -1;
    if (state_build(b, state, &node) < 0)
        return -1;
    b->stack.len = len;
    return run_push(b, v, first, last, node);
}

/* The runs of positions in which the same excludes match. */
static int segment_build(struct filter_builder *b, const struct view *v,
                         uint32_t first, uint32_t last)
{
    size_t state = b->stack.len;
    bool dead, hold;
    int rc = state_push(b, v, &dead);
    if (rc == 0 && !dead && !b->asked[v->axis])
        rc = run_build(b, v, state, first, last);
    for (uint32_t p = first; rc == 0 && !dead && b->asked[v->axis]; p++) {
        b->positions[v->axis] = p;
        rc = conditions_hold(b, v->axis, &hold);
        if (rc == 0 && hold)
            rc = run_build(b, v, state, p, p);
        if (p == last)
            break;
    }
    b->stack.len = state;
    return rc;
}

/* Begins and ends of ranges, sorted; ends first where both are. */
enum { EVENT_POSITION, EVENT_BEGINS, EVENT_EXCLUDE, EVENT_WORDS };

static int event_compare(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    if (a[EVENT_POSITION] != b[EVENT_POSITION])
        return a[EVENT_POSITION] < b[EVENT_POSITION] ? -1 : 1;
    return (int)a[EVENT_BEGINS] - (int)b[EVENT_BEGINS];
}

static int event_push(struct filter_builder *b, uint32_t position, bool begins,
                      uint32_t exclude)
{
    if (words_push(b, &b->events, position) < 0 ||
        words_push(b, &b->events, begins) < 0)
        return -1;
    return words_push(b, &b->events, exclude);
}

static int events_push(struct filter_builder *b, const struct view *v)
{
    for (uint32_t i = 0; i < v->exclude_count; i++) {
        uint32_t e = b->stack.data[v->from + 2 + i];
        const struct match *m = match_get(&b->matches, e, v->axis);
        for (uint32_t k = 0; m && k < m->range_count; k++) {
            const struct range *r = &b->matches.ranges[m->first_range + k];
            if (event_push(b, r->first, true, e) < 0 ||
                event_push(b, r->last + 1, false, e) < 0)
                return -1;
        }
    }
    return 0;
}

/* All segments of a state. */
static int segments_build(struct filter_builder *b, const struct view *v)
{
    uint32_t count = b->plan->axes[v->axis].count, first = 0;
    size_t from = b->events.len;
    if (events_push(b, v) < 0)
        return -1;
    size_t end = b->events.len;
    if (end > from)
        qsort(b->events.data + from, (end - from) / EVENT_WORDS,
              EVENT_WORDS * sizeof(uint32_t), event_compare);
    for (size_t i = from;; i += EVENT_WORDS) {
        uint32_t next = i < end ? b->events.data[i + EVENT_POSITION] : count;
        if (next > first) {
            if (segment_build(b, v, first, next - 1) < 0)
                return -1;
            first = next;
        }
        if (i == end)
            break;
        b->marks[b->events.data[i + EVENT_EXCLUDE]] ^= UINT32_C(1) << v->axis;
    }
    b->events.len = from;
    return 0;
}

/* The node of the state that is on the stack from `from` on. */
static int state_build(struct filter_builder *b, size_t from, uint32_t *node)
{
    struct view v = {.from = from,
                     .axis = b->stack.data[from],
                     .exclude_count = b->stack.data[from + 1],
                     .runs = b->pending.len};
    size_t len = b->stack.len - from;
    if (v.axis == b->plan->axis_count) {
        *node = (uint32_t)TERMINAL;
        return 0;
    }
    uint64_t hash = words_hash(b->stack.data + from, len);
    if (state_find(b, hash, b->stack.data + from, len, node))
        return 0;
    if (segments_build(b, &v) < 0 || node_make(b, v.axis, v.runs, node) < 0)
        return -1;
    return state_add(b, hash, from, len, *node);
}

/* ---- The whole ---- */

static int root_build(struct filter_builder *b, uint32_t *root)
{
    if (matches_init(b) < 0 || conditions_init(b) < 0 ||
        words_push(b, &b->stack, 0) < 0 ||
        words_push(b, &b->stack, b->matches.exclude_count) < 0)
        return -1;
    for (uint32_t e = 0; e < b->matches.exclude_count; e++)
        if (words_push(b, &b->stack, e) < 0)
            return -1;
    return state_build(b, 0, root);
}

/* What is built, as it is used. */
static const struct filter *filter_make(struct filter_builder *b,
                                        struct arena *arena, uint32_t root)
{
    size_t node_count = b->nodes.len / RECORD, run_count = b->runs.len / RECORD;
    struct filter *f = arena_calloc(arena, 1, sizeof(*f));
    struct filter_node *nodes =
        arena_calloc(arena, node_count + 1, sizeof(*nodes));
    struct filter_run *runs = arena_calloc(arena, run_count, sizeof(*runs));
    if (!f || !nodes || !runs)
        return NULL;
    for (size_t i = 0; i < node_count; i++) {
        const uint32_t *n = b->nodes.data + i * RECORD;
        nodes[i] = (struct filter_node){.first_run = n[NODE_RUNS],
                                        .run_count = n[NODE_RUN_COUNT],
                                        .count = (uint32_t)b->counts[i].exact};
    }
    nodes[node_count].count = 1; /* behind the last axis */
    for (size_t i = 0; i < run_count; i++) {
        const uint32_t *r = b->runs.data + i * RECORD;
        runs[i] = (struct filter_run){r[RUN_FIRST], r[RUN_LAST], r[RUN_BEFORE],
                                      r[RUN_NODE]};
        if (runs[i].node == (uint32_t)TERMINAL)
            runs[i].node = (uint32_t)node_count;
    }
    *f = (struct filter){.nodes = nodes,
                         .runs = runs,
                         .axis_count = b->plan->axis_count,
                         .root = root};
    return f;
}

static void builder_fini(struct filter_builder *b)
{
    matches_fini(b);
    conditions_fini(b);
    mem_free(b->stack.data);
    mem_free(b->pending.data);
    mem_free(b->events.data);
    mem_free(b->keys.data);
    mem_free(b->states.data);
    mem_free(b->nodes.data);
    mem_free(b->runs.data);
    mem_free(b->counts);
    map_fini(&b->state_of);
    map_fini(&b->node_of);
}

/* No list is NULL from the begin, even if nothing comes into it. */
static int builder_init(struct filter_builder *b)
{
    struct words *const lists[] = {&b->stack, &b->pending, &b->events,
                                   &b->keys,  &b->states,  &b->nodes,
                                   &b->runs};
    map_init(&b->state_of);
    map_init(&b->node_of);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (words_reserve(b, lists[i], 1) < 0)
            return -1;
    return 0;
}

static int build(const struct filter **filter, struct arena *arena,
                 const struct filter_plan *plan, bool in_parts,
                 struct amount *count, struct taskset_fault *fault,
                 struct err *err)
{
    struct filter_builder *b = mem_calloc(1, sizeof(*b));
    uint32_t root;
    if (!b)
        return err_set(err, ENOMEM, "no memory for the filter of a sweep");
    b->plan = plan;
    b->in_parts = in_parts;
    b->fault = fault;
    b->err = err;
    int rc = builder_init(b);
    if (rc == 0)
        rc = root_build(b, &root);
    *filter = NULL;
    if (rc == 0) {
        *count = count_of(b, root);
        if (count->exact > 0 && count->exact <= TASKSET_MAX_COUNT) {
            *filter = filter_make(b, arena, root);
            rc = *filter ? 0 : no_memory(b);
        }
    }
    builder_fini(b);
    mem_free(b);
    return rc;
}

int filter_build(const struct filter **filter, struct arena *arena,
                 const struct filter_plan *plan, struct amount *count,
                 struct taskset_fault *fault, struct err *err)
{
    int rc = build(filter, arena, plan, true, count, fault, err);
    /* a part of a condition may be about values that another part rules out */
    if (rc < 0 && err->code == EINVAL && fault->what == FAULT_WHEN)
        rc = build(filter, arena, plan, false, count, fault, err);
    return rc;
}
