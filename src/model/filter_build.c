/* Building filters: see filter.h and filter_parts.h.
 *
 * The positions of a state are cut into segments in which the same excludes
 * match and the same follows in each condition. Neighbours that are followed by
 * the same node make a run. The words of a state: its axis, how many excludes
 * it has left, these, and the node of each condition.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/filter_parts.h"

enum { STATE_KEY, STATE_LEN, STATE_NODE, STATE_NEXT };

/* ---- Nodes ---- */

static struct amount count_of(const struct filter_builder *b, uint32_t node)
{
    if (node == (uint32_t)FILTER_DEAD)
        return amount_of(0);
    return node == (uint32_t)FILTER_END ? amount_of(1) : b->counts[node];
}

static int counts_set(struct filter_builder *b, uint32_t node,
                      struct amount count)
{
    if (node >= b->counts_cap) {
        size_t cap = b->counts_cap ? 2 * b->counts_cap : 64;
        struct amount *more = mem_resize(b->counts, cap, sizeof(*more));
        if (!more)
            return no_filter_memory(b->err);
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
    struct amount count = amount_of(0);
    bool fresh;
    for (size_t i = from; i < b->pending.len; i += FILTER_RECORD) {
        uint32_t *r = b->pending.data + i;
        r[RUN_BEFORE] = (uint32_t)count.exact;
        struct amount width =
            amount_of((uint64_t)r[RUN_LAST] - r[RUN_FIRST] + 1);
        count = amount_add(count, amount_mul(width, count_of(b, r[RUN_NODE])));
    }
    if (b->pending.len == from) {
        *node = (uint32_t)FILTER_DEAD;
        return 0;
    }
    if (diagram_add(b, &b->result, axis, from, node, &fresh) < 0)
        return -1;
    return fresh ? counts_set(b, *node, count) : 0;
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
        const uint32_t *s = b->states.data + (size_t)k * FILTER_RECORD;
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
    uint32_t key = (uint32_t)b->keys.len;
    if (!map_get(&b->state_of, hash, &next))
        next = UINT32_MAX;
    for (size_t i = 0; i < len; i++)
        if (words_push(b, &b->keys, b->stack.data[from + i]) < 0)
            return -1;
    if (words_push_record(b, &b->states, key, (uint32_t)len, node,
                          (uint32_t)next) < 0)
        return -1;
    if (map_set(&b->state_of, hash, b->states.len / FILTER_RECORD - 1) < 0)
        return no_filter_memory(b->err);
    return 0;
}

static int state_build(struct filter_builder *b, size_t from, uint32_t *node);

/* A state that is being looked at: its words are on the stack. */
struct view {
    size_t from;
    uint32_t axis, exclude_count;
    size_t runs; /* where its runs begin in pending */
};

static uint32_t exclude_get(const struct filter_builder *b,
                            const struct view *v, uint32_t i)
{
    return b->stack.data[v->from + 2 + i];
}

static uint32_t condition_get(const struct filter_builder *b,
                              const struct view *v, uint32_t c)
{
    return b->stack.data[v->from + 2 + v->exclude_count + c];
}

/* Does a condition, as far as it has come, ask for the axis? */
static bool condition_asks(const struct filter_builder *b, uint32_t node,
                           uint32_t axis)
{
    return node < (uint32_t)FILTER_FAILED &&
           b->decided.nodes.data[(size_t)node * FILTER_RECORD + NODE_AXIS] ==
               axis;
}

static uint32_t *current_of(const struct filter_builder *b,
                            const struct view *v, uint32_t c)
{
    return &b->current[(size_t)v->axis * b->condition_count + c];
}

/* Push the state behind positions at which the marked excludes match, and the
 * conditions are followed by what is current. *dead: nothing is left. */
static int state_push(struct filter_builder *b, const struct view *v,
                      bool *dead)
{
    size_t at = b->stack.len;
    *dead = false;
    if (words_push(b, &b->stack, v->axis + 1) < 0 ||
        words_push(b, &b->stack, 0) < 0)
        return -1;
    for (uint32_t i = 0; i < v->exclude_count; i++) {
        uint32_t e = exclude_get(b, v, i);
        if (match_get(&b->matches, e, v->axis)) {
            if (!(b->marks[e] >> v->axis & 1))
                continue;
            *dead = *dead || match_is_last(&b->matches, e, v->axis);
        }
        if (words_push(b, &b->stack, e) < 0)
            return -1;
        b->stack.data[at + 1]++;
    }
    for (uint32_t c = 0; c < b->condition_count; c++) {
        uint32_t node = condition_get(b, v, c);
        if (condition_asks(b, node, v->axis))
            node = *current_of(b, v, c);
        *dead = *dead || node == (uint32_t)FILTER_DEAD;
        if (words_push(b, &b->stack, node) < 0)
            return -1;
    }
    return 0;
}

/* The run of positions that are followed by the same state. */
static int segment_build(struct filter_builder *b, const struct view *v,
                         uint32_t first, uint32_t last)
{
    size_t state = b->stack.len;
    uint32_t node;
    bool dead;
    b->positions[v->axis] = first;
    int rc = state_push(b, v, &dead);
    if (rc == 0 && !dead) {
        rc = state_build(b, state, &node);
        if (rc == 0)
            rc = run_push(b, v->runs, first, last, node);
    }
    b->stack.len = state;
    return rc;
}

/* ---- Where positions are cut ---- */

/* At a position an exclude begins or ends to match, or a condition is followed
 * by something else; ends first. */
enum { EVENT_POSITION, EVENT_BEGINS, EVENT_WHO, EVENT_NODE, EVENT_WORDS };

static int event_compare(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    if (a[EVENT_POSITION] != b[EVENT_POSITION])
        return a[EVENT_POSITION] < b[EVENT_POSITION] ? -1 : 1;
    return (int)a[EVENT_BEGINS] - (int)b[EVENT_BEGINS];
}

static int excludes_cut(struct filter_builder *b, const struct view *v)
{
    struct words *w = &b->events;
    for (uint32_t i = 0; i < v->exclude_count; i++) {
        uint32_t e = exclude_get(b, v, i);
        const struct match *m = match_get(&b->matches, e, v->axis);
        for (uint32_t k = 0; m && k < m->range_count; k++) {
            const struct range *r = &b->matches.ranges[m->first_range + k];
            if (words_push_record(b, w, r->first, 1, e, (uint32_t)FILTER_END) <
                    0 ||
                words_push_record(b, w, r->last + 1, 0, e,
                                  (uint32_t)FILTER_END) < 0)
                return -1;
        }
    }
    return 0;
}

/* The conditions' events are told from excludes' by their numbers. */
static int conditions_cut(struct filter_builder *b, const struct view *v)
{
    struct words *w = &b->events;
    for (uint32_t c = 0; c < b->condition_count; c++) {
        uint32_t node = condition_get(b, v, c);
        if (!condition_asks(b, node, v->axis))
            continue;
        const uint32_t *n =
            b->decided.nodes.data + (size_t)node * FILTER_RECORD;
        uint32_t who = b->matches.exclude_count + c;
        *current_of(b, v, c) = (uint32_t)FILTER_DEAD;
        for (uint32_t k = 0; k < n[NODE_RUN_COUNT]; k++) {
            const uint32_t *r = b->decided.runs.data +
                                (size_t)(n[NODE_RUNS] + k) * FILTER_RECORD;
            if (words_push_record(b, w, r[RUN_FIRST], 1, who, r[RUN_NODE]) <
                    0 ||
                words_push_record(b, w, r[RUN_LAST] + 1, 0, who,
                                  (uint32_t)FILTER_DEAD) < 0)
                return -1;
        }
    }
    return 0;
}

static void event_happens(struct filter_builder *b, const struct view *v,
                          const uint32_t *event)
{
    uint32_t who = event[EVENT_WHO];
    if (who < b->matches.exclude_count)
        b->marks[who] ^= UINT32_C(1) << v->axis;
    else
        *current_of(b, v, who - b->matches.exclude_count) = event[EVENT_NODE];
}

/* All segments of a state. */
static int segments_build(struct filter_builder *b, const struct view *v)
{
    uint32_t count = b->plan->axes[v->axis].count, first = 0;
    size_t from = b->events.len;
    if (excludes_cut(b, v) < 0 || conditions_cut(b, v) < 0)
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
        event_happens(b, v, b->events.data + i);
    }
    b->events.len = from;
    return 0;
}

/* Behind the last axis: a condition that failed does so for a point that is
 * left by all others. */
static int end_build(struct filter_builder *b, const struct view *v,
                     uint32_t *node)
{
    bool holds = true;
    for (uint32_t c = 0; holds && c < b->condition_count; c++)
        if (condition_get(b, v, c) == (uint32_t)FILTER_FAILED &&
            condition_try(b, c, &holds) < 0)
            return -1;
    *node = (uint32_t)(holds ? FILTER_END : FILTER_DEAD);
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
    if (v.axis == b->plan->axis_count)
        return end_build(b, &v, node);
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
    *root = (uint32_t)FILTER_DEAD;
    if (matches_init(b) < 0 || conditions_init(b) < 0 ||
        words_push(b, &b->stack, 0) < 0 ||
        words_push(b, &b->stack, b->matches.exclude_count) < 0)
        return -1;
    for (uint32_t e = 0; e < b->matches.exclude_count; e++)
        if (words_push(b, &b->stack, e) < 0)
            return -1;
    for (uint32_t c = 0; c < b->condition_count; c++) {
        if (b->conditions[c].root == (uint32_t)FILTER_DEAD)
            return 0;
        if (words_push(b, &b->stack, b->conditions[c].root) < 0)
            return -1;
    }
    return state_build(b, 0, root);
}

/* What is built, as it is used. */
static const struct filter *filter_make(struct filter_builder *b,
                                        struct arena *arena, uint32_t root)
{
    const struct diagram *d = &b->result;
    size_t node_count = d->nodes.len / FILTER_RECORD;
    size_t run_count = d->runs.len / FILTER_RECORD;
    struct filter *f = arena_calloc(arena, 1, sizeof(*f));
    struct filter_node *nodes =
        arena_calloc(arena, node_count + 1, sizeof(*nodes));
    struct filter_run *runs = arena_calloc(arena, run_count, sizeof(*runs));
    if (!f || !nodes || !runs)
        return NULL;
    for (size_t i = 0; i < node_count; i++) {
        const uint32_t *n = d->nodes.data + i * FILTER_RECORD;
        nodes[i] = (struct filter_node){.first_run = n[NODE_RUNS],
                                        .run_count = n[NODE_RUN_COUNT],
                                        .count = (uint32_t)b->counts[i].exact};
    }
    nodes[node_count].count = 1; /* behind the last axis */
    for (size_t i = 0; i < run_count; i++) {
        const uint32_t *r = d->runs.data + i * FILTER_RECORD;
        bool end = r[RUN_NODE] == (uint32_t)FILTER_END;
        runs[i] = (struct filter_run){.first = r[RUN_FIRST],
                                      .last = r[RUN_LAST],
                                      .before = r[RUN_BEFORE],
                                      .node = end ? (uint32_t)node_count
                                                  : r[RUN_NODE]};
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
    mem_free(b->counts);
    map_fini(&b->state_of);
    diagram_fini(&b->result);
}

/* No list is NULL from the begin, even if nothing comes into it. */
static int builder_init(struct filter_builder *b)
{
    struct words *const lists[] = {
        &b->stack,        &b->pending,      &b->events,
        &b->keys,         &b->states,       &b->decided.nodes,
        &b->decided.runs, &b->result.nodes, &b->result.runs};
    map_init(&b->state_of);
    map_init(&b->decided.node_of);
    map_init(&b->result.node_of);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (words_reserve(b, lists[i], 1) < 0)
            return -1;
    return 0;
}

int filter_build(const struct filter **filter, struct arena *arena,
                 const struct filter_plan *plan, struct amount *count,
                 struct taskset_fault *fault, struct err *err)
{
    struct filter_builder *b = mem_calloc(1, sizeof(*b));
    uint32_t root;
    if (!b)
        return no_filter_memory(err);
    b->plan = plan;
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
            rc = *filter ? 0 : no_filter_memory(err);
        }
    }
    builder_fini(b);
    mem_free(b);
    return rc;
}
