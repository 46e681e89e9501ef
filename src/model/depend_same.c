/* Points with the same parameters: see depend_same.h.
 *
 * Parents are put into groups by a hash of their values, which are compared
 * with those of the group's first parent; then each child looks for its group.
 * Four bytes a parent for the table, eight for each group, beside the rule. */
#include "config.h"
#include "model/depend_same.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define NONE UINT32_MAX

/* The parameters that both have. */
struct shared {
    const struct job *child, *parent;
    uint32_t count;
    uint32_t of_child[TASKSET_MAX_PARAMS], of_parent[TASKSET_MAX_PARAMS];
    struct buf room[2][TASKSET_MAX_PARAMS];
};

/* The values of a task, as they are in some room. */
struct key {
    uint64_t hash;
    struct value values[TASKSET_MAX_PARAMS];
};

struct groups {
    uint32_t *slots; /* group + 1, or 0; a power of two of them */
    uint32_t mask, count;
    uint32_t *first;  /* parent of each group */
    uint64_t *hashes; /* of each group */
};

static void shared_find(struct shared *s)
{
    const struct taskset *c = &s->child->tasks, *p = &s->parent->tasks;
    for (uint32_t i = 0; i < c->param_count; i++) {
        int k = taskset_find_param(p, c->params[i].name);
        if (k < 0)
            continue;
        s->of_child[s->count] = i;
        s->of_parent[s->count++] = (uint32_t)k;
    }
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < s->count; i++)
            buf_init(&s->room[side][i], VALUE_MAX_BYTES);
}

static void shared_fini(struct shared *s)
{
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < s->count; i++)
            buf_fini(&s->room[side][i]);
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

static bool same(const struct value *a, const struct value *b)
{
    return is_number(a) == is_number(b) &&
           (a->type == VALUE_BOOL) == (b->type == VALUE_BOOL) &&
           value_equal(a, b);
}

/* What is the same has the same hash: of numbers that of the nearest double. */
static uint64_t value_hash(uint64_t hash, const struct value *v)
{
    double number;
    if (v->type == VALUE_BOOL)
        return hash_bytes(hash, v->u.boolean ? "\1" : "\2", 2);
    if (is_number(v) && value_number(v, &number)) {
        number = number == 0 ? 0 : number; /* not -0 */
        return hash_bytes(hash, &number, sizeof(number));
    }
    return hash_bytes(hash_text(hash, v->text), "", 1);
}

/* The values of a task: side 0 of the child job, 1 of the parent's. */
static int key_get(struct shared *s, const struct taskset *set,
                   const uint32_t *params, int side, uint32_t index,
                   struct key *k, struct err *err)
{
    k->hash = HASH_START;
    for (uint32_t i = 0; i < s->count; i++) {
        if (taskset_value(set, index, params[i], &s->room[side][i],
                          &k->values[i], err) < 0)
            return -1;
        k->hash = value_hash(k->hash, &k->values[i]);
    }
    k->hash ^= k->hash >> 32;
    return 0;
}

static int parent_key(struct shared *s, int side, uint32_t index, struct key *k,
                      struct err *err)
{
    return key_get(s, &s->parent->tasks, s->of_parent, side, index, k, err);
}

/* The group with these values (whose texts lie in room 0), *slot where it is or
 * would be. */
static int group_find(struct shared *s, const struct groups *g,
                      const struct key *k, uint32_t *slot, uint32_t *group,
                      struct err *err)
{
    struct key first;
    for (uint32_t at = (uint32_t)k->hash & g->mask;; at = (at + 1) & g->mask) {
        uint32_t i = 0;
        *slot = at;
        *group = g->slots[at] ? g->slots[at] - 1 : NONE;
        if (*group == NONE)
            return 0;
        if (g->hashes[*group] != k->hash)
            continue;
        if (parent_key(s, 1, g->first[*group], &first, err) < 0)
            return -1;
        while (i < s->count && same(&first.values[i], &k->values[i]))
            i++;
        if (i == s->count)
            return 0;
    }
}

static int groups_init(struct groups *g, uint32_t parents)
{
    uint32_t slots = 8;
    while (slots < 2 * parents)
        slots *= 2;
    g->mask = slots - 1;
    g->slots = mem_calloc(slots, sizeof(*g->slots));
    g->first = mem_calloc(parents, sizeof(*g->first));
    g->hashes = mem_calloc(parents, sizeof(*g->hashes));
    return g->slots && g->first && g->hashes ? 0 : -1;
}

static void groups_fini(struct groups *g)
{
    mem_free(g->slots);
    mem_free(g->first);
    mem_free(g->hashes);
}

/* Which group each parent is in. */
static int parents_group(struct shared *s, struct groups *g, uint32_t *group_of,
                         struct err *err)
{
    struct key k;
    uint32_t slot;
    for (uint32_t i = 0; i < s->parent->tasks.count; i++) {
        if (parent_key(s, 0, i, &k, err) < 0 ||
            group_find(s, g, &k, &slot, &group_of[i], err) < 0)
            return -1;
        if (group_of[i] != NONE)
            continue;
        group_of[i] = g->count;
        g->first[g->count] = i;
        g->hashes[g->count++] = k.hash;
        g->slots[slot] = g->count;
    }
    return 0;
}

/* "T = 3, L = 4" */
static void values_say(const struct shared *s, const struct key *k,
                       struct buf *out)
{
    for (uint32_t i = 0; i < s->count; i++)
        buf_printf(out, "%s%s = %.40s", i ? ", " : "",
                   s->child->tasks.params[s->of_child[i]].name,
                   k->values[i].text ? k->values[i].text : "");
}

static int child_alone(const struct shared *s, uint32_t index,
                       const struct key *k, struct err *err)
{
    struct buf values;
    buf_init(&values, ERR_TEXT_MAX);
    values_say(s, k, &values);
    err_set(err, EINVAL,
            "task %" PRIu32 " of job \"%s\" (%s) has no task of job \"%s\" "
            "with the same parameters to depend on",
            index, s->child->id, buf_text(&values), s->parent->id);
    buf_fini(&values);
    return -1;
}

static int children_group(struct shared *s, const struct groups *g,
                          uint32_t *group_of, struct err *err)
{
    struct key k;
    uint32_t slot;
    for (uint32_t i = 0; i < s->child->tasks.count; i++) {
        if (key_get(s, &s->child->tasks, s->of_child, 0, i, &k, err) < 0 ||
            group_find(s, g, &k, &slot, &group_of[i], err) < 0)
            return -1;
        if (group_of[i] == NONE)
            return child_alone(s, i, &k, err);
    }
    return 0;
}

/* Members of each group, ascending, from the group of each parent. */
static void members_put(const struct groups *g, const uint32_t *group_of,
                        uint32_t parents, uint32_t *starts, uint32_t *members)
{
    for (uint32_t i = 0; i < parents; i++)
        starts[group_of[i] + 1]++;
    for (uint32_t i = 0; i < g->count; i++)
        starts[i + 1] += starts[i];
    for (uint32_t i = 0; i < parents; i++)
        members[starts[group_of[i]]++] = i;
    for (uint32_t i = g->count; i > 0; i--)
        starts[i] = starts[i - 1];
    starts[0] = 0;
}

static int no_memory(struct err *err)
{
    return err_set(err, ENOMEM, "no memory to compare points");
}

static int rule_make(struct shared *s, struct groups *g, struct arena *arena,
                     struct depend_rule *rule, struct err *err)
{
    uint32_t parents = s->parent->tasks.count, children = s->child->tasks.count;
    uint32_t *group_of = mem_calloc(parents, sizeof(*group_of));
    uint32_t *child_group = arena_calloc(arena, children, sizeof(*child_group));
    uint32_t *members = arena_calloc(arena, parents, sizeof(*members));
    int rc = -1;
    if (!group_of || !child_group || !members || groups_init(g, parents) < 0) {
        no_memory(err);
        goto out;
    }
    if (parents_group(s, g, group_of, err) < 0 ||
        children_group(s, g, child_group, err) < 0)
        goto out;
    uint32_t *starts =
        arena_calloc(arena, (size_t)g->count + 1, sizeof(*starts));
    if (!starts) {
        no_memory(err);
        goto out;
    }
    members_put(g, group_of, parents, starts, members);
    rule->kind = DEPEND_SAME;
    rule->count = children;
    rule->child_group = child_group;
    rule->starts = starts;
    rule->members = members;
    rule->group_count = g->count;
    rc = 0;
out:
    mem_free(group_of);
    return rc;
}

int depend_same(const struct jobspec *spec, uint32_t child, uint32_t parent,
                struct arena *arena, struct depend_rule *rule, struct err *err)
{
    struct shared s = {.child = &spec->jobs[child],
                       .parent = &spec->jobs[parent]};
    struct groups g = {.count = 0};
    const struct job *large =
        s.child->tasks.count > s.parent->tasks.count ? s.child : s.parent;
    if (large->tasks.count > DEPEND_SAME_MAX)
        return err_set(err, E2BIG,
                       "job \"%s\" has %" PRIu32 " tasks; point: same compares "
                       "at most %" PRIu32,
                       large->id, large->tasks.count, DEPEND_SAME_MAX);
    *rule = (struct depend_rule){.job = child, .parent_job = parent};
    shared_find(&s);
    int rc = s.count > 0 ? rule_make(&s, &g, arena, rule, err)
                         : err_set(err, EINVAL,
                                   "jobs \"%s\" and \"%s\" have no parameter "
                                   "in common that could be the same",
                                   s.child->id, s.parent->id);
    groups_fini(&g);
    shared_fini(&s);
    return rc;
}
