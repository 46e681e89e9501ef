/* Pools: which nodes they have, what these have, where their files are. Start
 * tasks are special tasks: parse_special.c. */
#include "config.h"
#include "spec/parse_life.h"

#include <string.h>
#include <strings.h>

#include "spec/errors.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

/* Each node's own folder for what is passing. */
static void scratch_build(struct parse *p, const struct pool_fields *f,
                          struct pool *pool)
{
    const struct tree_node *n = f->scratch.node;
    struct cache_fields cache;
    fields_read(p->errors, "`cache`", f->cache.node, &cache_keys, &cache);
    pool->cache_max_bytes = (uint64_t)cache.max_size.u.integer;
    pool->cache_keep = cache.keep.u.integer;
    pool->scratch_reserve_bytes = (uint64_t)f->scratch_reserve.u.integer;
    if (cache.max_size.node && pool->cache_max_bytes == 0)
        text_error(p, cache.max_size.node, 0,
                   "`max_size` cannot be 0: what is given to tasks passes "
                   "through the cache");
    if (!n || !location_check(p, n))
        return;
    if (n->u.text[0] == '/')
        pool->scratch = n->u.text;
    else
        text_error(p, n, 0,
                   "`scratch` must be an absolute path: it is a folder on each "
                   "node");
}

/* -- Metadata ------------------------------------------------------------ */

int metadata_build(struct parse *p, const struct field *f, struct metadata *out)
{
    const struct tree_node *n = f->node;
    if (!n || n->count == 0)
        return 0;
    struct metadata_item *items =
        arena_calloc(p->arena, n->count, sizeof(*items));
    if (!items)
        return -1;
    for (uint32_t i = 0; i < n->count; i++) {
        struct metadata_fields item = {0};
        if (f->form->kind == KEY_LIST) {
            fields_read(p->errors, "an item of `metadata`", &n->u.items[i],
                        &metadata_keys, &item);
        } else {
            item.name.node = &n->u.pairs[i].key;
            value_read(p->errors, "a value of `metadata`", &n->u.pairs[i].value,
                       f->form->of, &item.value);
        }
        items[i].name = item.name.node ? item.name.node->u.text : "";
        items[i].value = item.value.node ? item.value.node->u.text : "";
    }
    *out = (struct metadata){.items = items, .count = n->count};
    return 0;
}

/* -- Nodes --------------------------------------------------------------- */

/* `nodes` is how many, or which. */
static void nodes_build(struct parse *p, const struct pool_fields *f,
                        struct pool *pool)
{
    struct pool_nodes_fields n = {0};
    struct node_select *s = &pool->select;
    if (f->nodes.node && f->nodes.form->kind == KEY_INTEGER)
        n.count = f->nodes;
    else
        fields_read(p->errors, "`nodes`", f->nodes.node, &pool_nodes_keys, &n);
    s->nodes = (uint32_t)n.count.u.integer;
    s->name = n.name.node ? n.name.node->u.text : NULL;
    s->min_cores = (uint32_t)n.min_cores.u.integer;
    s->min_memory_bytes = (uint64_t)n.min_memory.u.integer;
    s->min_gpus = (uint32_t)n.min_gpus.u.integer;
    pool->target_dedicated_nodes =
        (uint32_t)f->target_dedicated_nodes.u.integer;
    pool->resize_timeout_ns = f->resize_timeout.u.integer;
    if (s->nodes > 0 && pool->target_dedicated_nodes > s->nodes)
        spec_errors_add(p->errors, f->target_dedicated_nodes.node->line,
                        f->target_dedicated_nodes.node->column,
                        "the pool takes %u nodes at most (line %u), and needs "
                        "%u",
                        s->nodes, n.count.node->line,
                        pool->target_dedicated_nodes);
    if (pool->target_dedicated_nodes == 0)
        pool->target_dedicated_nodes = s->nodes;
}

/* Of several pools each takes as many as it asks for. */
static void targets_limit(struct parse *p)
{
    for (uint32_t i = 0; p->spec->pool_count > 1 && i < p->spec->pool_count;
         i++)
        if (p->pools[i].select.nodes == 0)
            p->pools[i].select.nodes = p->pools[i].target_dedicated_nodes;
}

/* -- The whole ----------------------------------------------------------- */

static int pool_build(struct parse *p, const struct pool_fields *f,
                      struct pool *pool)
{
    struct scheduling_policy_fields policy;
    fields_read(p->errors, "`task_scheduling_policy`",
                f->task_scheduling_policy.node, &scheduling_policy_keys,
                &policy);
    pool->id = f->id.node ? f->id.node->u.text : "pool";
    pool->display_name =
        f->display_name.node ? f->display_name.node->u.text : NULL;
    pool->node_fill_type = (enum node_fill)policy.node_fill_type.u.integer;
    pool->task_slots_per_node = (uint32_t)f->task_slots_per_node.u.integer;
    pool->slot_unit = (enum slot_unit)f->slot_unit.u.integer;
    nodes_build(p, f, pool);
    scratch_build(p, f, pool);
    if (metadata_build(p, &f->metadata, &pool->metadata) < 0 ||
        pool_amounts_build(p, &f->node_resources, RESOURCE_OF_NODE, pool) < 0)
        return -1;
    return pool_amounts_build(p, &f->pool_resources, RESOURCE_OF_POOL, pool);
}

/* Pools have ids if there are several, and no two the same. */
static void pool_ids_check(struct parse *p, const struct tree_node *list,
                           const struct pool_fields *fields)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct tree_node *id = fields[i].id.node, *at = &list->u.items[i];
        if (!fields[i].id.key && list->count > 1 && at->kind == TREE_MAPPING)
            spec_errors_add(p->errors, at->line, at->column,
                            "a pool needs `id` if there are several pools");
        for (uint32_t k = 0; id && k < i; k++) {
            const struct tree_node *other = fields[k].id.node;
            if (!other || strcasecmp(id->u.text, other->u.text) != 0)
                continue;
            spec_errors_add(p->errors, id->line, id->column,
                            "the pool in line %u is called \"%s\" already",
                            other->line, other->u.text);
            break;
        }
    }
}

int pools_build(struct parse *p, const struct spec_fields *f,
                struct field *start_tasks)
{
    const struct tree_node *list = f->pools.node;
    uint32_t count = list ? list->count : 1;
    struct pool_fields *fields =
        arena_calloc(p->scratch, count, sizeof(*fields));
    if (!fields)
        return -1;
    for (uint32_t i = 0; i < count; i++)
        fields_read(p->errors, list ? "a pool" : "`pool`",
                    list ? &list->u.items[i] : f->pool.node, &pool_keys,
                    &fields[i]);
    p->spec->pool_count = count;
    if (list)
        pool_ids_check(p, list, fields);
    for (uint32_t i = 0; i < count; i++) {
        if (pool_build(p, &fields[i], &p->pools[i]) < 0)
            return -1;
        start_tasks[i] = fields[i].start_task;
    }
    targets_limit(p);
    return packages_build(p, fields, count);
}
