/* Resources: what nodes and pools have, what tasks require, and the requests
 * that tasks share. */
#include "config.h"
#include "spec/parse_life.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "base/text.h"
#include "model/gpu.h"
#include "spec/errors.h"

/* Of what is counted in thousandths: units stay exact in a double. */
#define AMOUNT_MAX 1e12

/* -- Names --------------------------------------------------------------- */

static enum resource_kind kind_of(const char *name)
{
    return strcmp(name, "memory") == 0 ? RESOURCE_MEMORY
           : strcmp(name, "gpus") == 0 ? RESOURCE_GPUS
                                       : RESOURCE_NAMED;
}

/* The resource of that name, or -1. */
static int resource_find(const struct parse *p, const char *name)
{
    for (uint32_t i = 0; i < p->spec->resource_count; i++)
        if (strcmp(p->spec->resources[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The same; it is made if there is none. -2: no memory; -1: an error is
 * added. at: the name. */
static int resource_get(struct parse *p, const struct tree_node *at,
                        enum resource_scope scope)
{
    struct jobspec *spec = p->spec;
    const char *name = at->u.text;
    struct resource *all = (struct resource *)spec->resources;
    int found = resource_find(p, name);
    if (found >= 0 && all[found].scope == scope)
        return found;
    if (found >= 0) {
        spec_errors_add(p->errors, at->line, at->column,
                        "`%s` is either among `node_resources` or among "
                        "`pool_resources`, not both",
                        name);
        return -1;
    }
    if (!all) {
        all = arena_calloc(p->arena, JOBSPEC_MAX_RESOURCES, sizeof(*all));
        if (!all)
            return -2;
        spec->resources = all;
    }
    if (spec->resource_count == JOBSPEC_MAX_RESOURCES) {
        spec_errors_add(p->errors, at->line, at->column,
                        "there are more than %d resources",
                        JOBSPEC_MAX_RESOURCES);
        return -1;
    }
    all[spec->resource_count] =
        (struct resource){.name = name, .kind = kind_of(name), .scope = scope};
    return (int)spec->resource_count++;
}

/* Is it a name of a resource? */
static bool resource_name_check(struct parse *p, const struct tree_node *at)
{
    static const char known[] = "_abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *s = at->u.text;
    size_t len = strspn(s, known);
    if (len > 0 && len <= KEY_NAME_MAX && !s[len] && !strchr("-0123456789", *s))
        return true;
    spec_errors_add(p->errors, at->line, at->column,
                    "\"%s\" cannot be the name of a resource; it must be "
                    "letters, digits, \"_\" and \"-\", a letter first, at most "
                    "%d",
                    excerpt_of(s).text, KEY_NAME_MAX);
    return false;
}

/* -- Amounts ------------------------------------------------------------- */

static bool amount_wrong(struct parse *p, const char *name,
                         const struct tree_node *n, const char *want)
{
    spec_errors_add(p->errors, n->line, n->column,
                    n->kind == TREE_SCALAR ? "`%s` must be %s, not \"%s\""
                                           : "`%s` must be %s",
                    name, want,
                    n->kind == TREE_SCALAR ? excerpt_of(n->u.text).text : "");
    return false;
}

/* Read how much of a resource. has: of what a node has; else of what is
 * required. false: an error is added. */
static bool amount_read(struct parse *p, const char *name,
                        const struct tree_node *n, bool has, uint64_t *units)
{
    struct value v = {0};
    struct err err;
    double x;
    if (n->kind == TREE_BROKEN)
        return false;
    if (n->kind != TREE_SCALAR)
        return amount_wrong(p, name, n, "a number");
    if (kind_of(name) == RESOURCE_MEMORY) {
        if (size_parse(n->u.text, units, &err) == 0)
            return true;
        spec_errors_add(p->errors, n->line, n->column, "`memory`: %s",
                        err.text);
        return false;
    }
    tree_value(n, &v);
    if ((v.type != VALUE_INT && v.type != VALUE_FLOAT) ||
        !value_number(&v, &x) || !(x >= 0 && x <= AMOUNT_MAX))
        return amount_wrong(p, name, n, "a number from 0 to 1e12");
    bool whole = x == floor(x);
    if (kind_of(name) == RESOURCE_GPUS &&
        (x > GPU_MAX_PER_NODE || (!whole && (has || x > 1))))
        return amount_wrong(p, name, n,
                            has ? "an integer from 0 to 64"
                                : "an integer from 0 to 64, or a part of one "
                                  "such as 0.5");
    if (fabs(x * RESOURCE_ONE - round(x * RESOURCE_ONE)) > 1e-6)
        return amount_wrong(p, name, n, "a number with three decimals at most");
    *units = (uint64_t)llround(x * RESOURCE_ONE);
    return true;
}

/* So much, for people. */
static const char *amount_show(enum resource_kind kind, uint64_t units,
                               char text[32])
{
    char size[16];
    if (kind == RESOURCE_MEMORY)
        snprintf(text, 32, "%s", size_format(units, size));
    else
        snprintf(text, 32, "%.15g", (double)units / RESOURCE_ONE);
    return text;
}

/* -- Of pools ------------------------------------------------------------ */

/* Can a pool say how many there are? */
static bool pool_name_check(struct parse *p, const struct tree_node *at,
                            enum resource_scope scope)
{
    const char *s = at->u.text;
    if (strcmp(s, "cores") == 0 || strcmp(s, "slots") == 0) {
        spec_errors_add(p->errors, at->line, at->column,
                        "`%s` cannot be given here: nodes have the cores that "
                        "they have, and `task_slots_per_node` slots",
                        s);
        return false;
    }
    if (scope == RESOURCE_OF_POOL && kind_of(s) != RESOURCE_NAMED) {
        spec_errors_add(p->errors, at->line, at->column,
                        "`%s` belongs under `node_resources`: each node has "
                        "its own",
                        s);
        return false;
    }
    return resource_name_check(p, at);
}

int pool_amounts_build(struct parse *p, const struct field *f,
                       enum resource_scope scope, struct pool *pool)
{
    const struct tree_node *n = f->node;
    uint32_t count = 0;
    if (!n || n->count == 0)
        return 0;
    struct amount *amounts = arena_calloc(p->arena, n->count, sizeof(*amounts));
    if (!amounts)
        return -1;
    for (uint32_t i = 0; i < n->count; i++) {
        const struct tree_pair *pair = &n->u.pairs[i];
        struct amount a;
        if (!pool_name_check(p, &pair->key, scope) ||
            !amount_read(p, pair->key.u.text, &pair->value, true, &a.units))
            continue;
        int resource = resource_get(p, &pair->key, scope);
        if (resource == -2)
            return -1;
        a.resource = (uint32_t)resource;
        if (resource >= 0)
            amounts[count++] = a;
    }
    if (scope == RESOURCE_OF_NODE) {
        pool->node_resources = amounts;
        pool->node_resource_count = count;
    } else {
        pool->pool_resources = amounts;
        pool->pool_resource_count = count;
    }
    return 0;
}

/* How much a pool declares of a resource; NULL: it does not. */
static const struct amount *pool_amount(const struct pool *pool,
                                        uint32_t resource)
{
    for (uint32_t i = 0; i < pool->node_resource_count; i++)
        if (pool->node_resources[i].resource == resource)
            return &pool->node_resources[i];
    for (uint32_t i = 0; i < pool->pool_resource_count; i++)
        if (pool->pool_resources[i].resource == resource)
            return &pool->pool_resources[i];
    return NULL;
}

/* -- Of tasks ------------------------------------------------------------ */

/* A resource that the pool does not have: which one was meant? */
static void resource_unknown(struct parse *p, const struct tree_node *at,
                             const struct pool *pool)
{
    const char *names[JOBSPEC_MAX_RESOURCES + 3] = {"memory", "gpus", "cores"};
    uint32_t count = 3;
    for (uint32_t i = 0; i < p->spec->resource_count; i++)
        if (pool_amount(pool, i) &&
            p->spec->resources[i].kind == RESOURCE_NAMED)
            names[count++] = p->spec->resources[i].name;
    const char *near = text_nearest(at->u.text, names, count);
    if (near)
        spec_errors_add(p->errors, at->line, at->column,
                        "pool \"%s\" has no resource `%s`; did you mean `%s`?",
                        pool->id, excerpt_of(at->u.text).text, near);
    else
        spec_errors_add(p->errors, at->line, at->column,
                        "pool \"%s\" has no resource `%s`; `node_resources` "
                        "says what each node has, `pool_resources` what the "
                        "pool has",
                        pool->id, excerpt_of(at->u.text).text);
}

/* Of what a pool declares, no task can have more. */
static void much_check(struct parse *p, const struct tree_node *n,
                       const struct pool *pool, uint32_t resource,
                       uint64_t units)
{
    const struct resource *r = &p->spec->resources[resource];
    const struct amount *has = pool_amount(pool, resource);
    char need[32], have[32];
    if (!has || units <= has->units)
        return;
    spec_errors_add(p->errors, n->line, n->column,
                    "the task can never start: it requires %s of `%s`, and %s "
                    "has %s",
                    amount_show(r->kind, units, need), r->name,
                    r->scope == RESOURCE_OF_POOL ? "the pool"
                                                 : "a node of the pool",
                    amount_show(r->kind, has->units, have));
}

/* So much of a resource, in place of what was said before. */
static void need_set(struct parse *p, const struct tree_node *at,
                     struct needs *needs, uint32_t resource, uint64_t units)
{
    uint32_t i = 0;
    while (i < needs->count && needs->amounts[i].resource < resource)
        i++;
    struct amount *a = &needs->amounts[i];
    size_t behind = needs->count - i;
    if (i < needs->count && a->resource == resource) {
        if (units == 0)
            memmove(a, a + 1, (behind - 1) * sizeof(*a));
        a->units = units > 0 ? units : a->units;
        needs->count -= units == 0;
    } else if (needs->count == REQUEST_MAX_AMOUNTS) {
        spec_errors_add(p->errors, at->line, at->column,
                        "a task requires %d resources at most",
                        REQUEST_MAX_AMOUNTS);
    } else if (units > 0) {
        memmove(a + 1, a, behind * sizeof(*a));
        *a = (struct amount){.resource = resource, .units = units};
        needs->count++;
    }
}

/* Cores are slots, where a slot is a core. */
static void cores_read(struct parse *p, const struct tree_pair *pair,
                       const struct field *slots_given, const struct pool *pool,
                       uint32_t *slots)
{
    const struct tree_node *at = &pair->key, *n = &pair->value;
    struct value v = {0};
    if (n->kind == TREE_SCALAR)
        tree_value(n, &v);
    if (v.type != VALUE_INT || v.u.integer < 1 ||
        v.u.integer > JOBSPEC_MAX_SLOTS) {
        amount_wrong(p, "cores", n, "an integer from 1 to 1024");
    } else if (slots_given->key) {
        spec_errors_add(p->errors, at->line, at->column,
                        "a task has either `required_slots` (line %u) or "
                        "`cores`, not both",
                        slots_given->key->line);
    } else if (pool && pool->slot_unit != SLOT_CORE) {
        spec_errors_add(p->errors, at->line, at->column,
                        "a slot of pool \"%s\" is not a core: say by "
                        "`required_slots` how many slots the task needs",
                        pool->id);
    } else if (pool && pool->task_slots_per_node > 0) {
        spec_errors_add(p->errors, at->line, at->column,
                        "pool \"%s\" has `task_slots_per_node`, so that a slot "
                        "need not be a core: say by `required_slots` how many "
                        "slots the task needs",
                        pool->id);
    } else {
        *slots = (uint32_t)v.u.integer;
    }
}

/* One resource that is not cores. -1: no memory. */
static int need_read(struct parse *p, const struct tree_pair *pair,
                     const struct pool *pool, struct needs *needs)
{
    const char *name = pair->key.u.text;
    uint64_t units;
    int resource = resource_find(p, name);
    if (strcmp(name, "slots") == 0) {
        text_error(p, &pair->key, 0,
                   "slots are not a resource: say `required_slots`");
        return 0;
    }
    if (!resource_name_check(p, &pair->key) ||
        !amount_read(p, name, &pair->value, false, &units) || !pool)
        return 0;
    if (kind_of(name) != RESOURCE_NAMED)
        resource = resource_get(p, &pair->key, RESOURCE_OF_NODE);
    else if (resource < 0 || !pool_amount(pool, (uint32_t)resource))
        resource = -3;
    if (resource == -3)
        resource_unknown(p, &pair->key, pool);
    if (resource < 0)
        return resource == -2 ? -1 : 0;
    much_check(p, &pair->value, pool, (uint32_t)resource, units);
    need_set(p, &pair->key, needs, (uint32_t)resource, units);
    return 0;
}

void needs_of(const struct request *r, struct needs *needs)
{
    needs->count = r->amount_count;
    for (uint32_t i = 0; i < r->amount_count; i++)
        needs->amounts[i] = r->amounts[i];
}

int needs_build(struct parse *p, const struct field *f,
                const struct field *slots_given, uint32_t pool,
                struct needs *needs, uint32_t *slots)
{
    const struct pool *of = pool < p->spec->pool_count ? &p->pools[pool] : NULL;
    for (uint32_t i = 0; f->node && i < f->node->count; i++) {
        const struct tree_pair *pair = &f->node->u.pairs[i];
        if (strcmp(pair->key.u.text, "cores") == 0)
            cores_read(p, pair, slots_given, of, slots);
        else if (need_read(p, pair, of, needs) < 0)
            return -1;
    }
    return 0;
}

/* -- Requests ------------------------------------------------------------ */

static uint64_t request_hash(const struct request *r)
{
    uint64_t parts[] = {r->slots, r->instances, r->exclusive};
    uint64_t h = hash_bytes(HASH_START, parts, sizeof(parts));
    for (uint32_t i = 0; i < r->amount_count; i++) {
        uint64_t amount[] = {r->amounts[i].resource, r->amounts[i].units};
        h = hash_bytes(h, amount, sizeof(amount));
    }
    return h;
}

/* Room for one more. */
static int requests_grow(struct parse *p)
{
    struct jobspec *spec = p->spec;
    uint32_t count = spec->request_count;
    if (spec->requests && (count < 16 || (count & (count - 1)) != 0))
        return 0;
    struct request *all = arena_calloc(
        p->arena, count < 16 ? 16 : 2 * (size_t)count, sizeof(*all));
    if (!all)
        return -1;
    if (count > 0)
        memcpy(all, spec->requests, count * sizeof(*all));
    spec->requests = all;
    return 0;
}

/* Put request i where it can be found. */
static int request_note(struct parse *p, uint32_t i)
{
    uint64_t h = request_hash(&p->spec->requests[i]);
    while (map_get(&p->requests, h, NULL))
        h++;
    return map_set(&p->requests, h, i);
}

static int request_add(struct parse *p, const struct request *r)
{
    struct amount *amounts = NULL;
    if (r->amount_count > 0 &&
        !(amounts = arena_calloc(p->arena, r->amount_count, sizeof(*amounts))))
        return -1;
    if (amounts)
        memcpy(amounts, r->amounts, r->amount_count * sizeof(*amounts));
    if (requests_grow(p) < 0)
        return -1;
    struct request *all = (struct request *)p->spec->requests;
    all[p->spec->request_count] = *r;
    all[p->spec->request_count++].amounts = amounts;
    return 0;
}

int request_intern(struct parse *p, const struct request *r, uint32_t *index)
{
    uint64_t h = request_hash(r), found;
    /* a spec that grows has some already */
    for (; p->requests_noted < p->spec->request_count; p->requests_noted++)
        if (request_note(p, p->requests_noted) < 0)
            return -1;
    for (; map_get(&p->requests, h, &found); h++)
        if (request_is_same(&p->spec->requests[found], r)) {
            *index = (uint32_t)found;
            return 0;
        }
    *index = p->spec->request_count;
    return request_add(p, r);
}

int request_build(struct parse *p, const struct needs *needs, bool exclusive,
                  struct task_template *t)
{
    struct request r = {
        .slots = t->required_slots,
        .instances =
            t->multi_instance ? t->multi_instance->number_of_instances : 1,
        .exclusive = exclusive,
        .amounts = needs->amounts,
        .amount_count = needs->count};
    return request_intern(p, &r, &t->request);
}
