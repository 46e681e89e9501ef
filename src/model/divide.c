/* Dividing the nodes: see divide.h. */
#include "config.h"
#include "model/divide.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/quantity.h"

/* ---- Who gets what ---- */

static bool suits(const struct node_select *s, const struct node_info *n)
{
    return (!s->name || glob_match(s->name, n->hostname)) &&
           n->cores >= s->min_cores && n->memory_bytes >= s->min_memory_bytes &&
           n->gpus >= s->min_gpus;
}

/* "called gpu*, with 64 cores, ...": what a pool wants of its nodes; "" if
 * nothing. */
static void wishes_put(const struct node_select *s, struct buf *out)
{
    char size[16];
    if (s->name)
        (void)buf_printf(out, " called %s", s->name);
    if (s->min_cores > 0)
        (void)buf_printf(out, "%s with %" PRIu32 " cores", out->len ? "," : "",
                         s->min_cores);
    if (s->min_memory_bytes > 0)
        (void)buf_printf(out, "%s with %s of memory", out->len ? "," : "",
                         size_format(s->min_memory_bytes, size));
    if (s->min_gpus > 0)
        (void)buf_printf(out, "%s with %" PRIu32 " GPU%s", out->len ? "," : "",
                         s->min_gpus, s->min_gpus == 1 ? "" : "s");
}

static int too_few(const struct jobspec *spec, uint32_t pool, uint32_t got,
                   uint32_t left, uint32_t count, struct err *err)
{
    const struct pool *p = &spec->pools[pool];
    uint32_t need = p->target_dedicated_nodes;
    struct buf wishes;
    buf_init(&wishes, 1024);
    wishes_put(&p->select, &wishes);
    if (got == 0 && left == 0 && count > 0)
        err_set(
            err, EINVAL,
            "pool \"%s\" gets no node: the pools before it take all %" PRIu32,
            p->id, count);
    else
        err_set(err, EINVAL,
                "pool \"%s\" needs %" PRIu32 " node%s%s, and there %s %" PRIu32
                " among the %" PRIu32 " of the allocation%s",
                p->id, need > 0 ? need : 1, need > 1 ? "s" : "",
                buf_text(&wishes), got == 1 ? "is" : "are", got, count,
                left < count ? " that are left to it" : "");
    buf_fini(&wishes);
    return -1;
}

int divide_nodes(const struct jobspec *spec, struct divide_node *nodes,
                 uint32_t count, struct err *err)
{
    uint32_t left = count;
    for (uint32_t i = 0; i < count; i++)
        nodes[i].pool = POOL_NONE;
    for (uint32_t p = 0; p < spec->pool_count; p++) {
        const struct pool *pool = &spec->pools[p];
        uint32_t most = pool->select.nodes > 0 ? pool->select.nodes : count;
        uint32_t got = 0;
        for (uint32_t i = 0; i < count && got < most; i++)
            if (nodes[i].pool == POOL_NONE &&
                suits(&pool->select, nodes[i].info)) {
                nodes[i].pool = p;
                got++;
            }
        if (got == 0 || got < pool->target_dedicated_nodes)
            return too_few(spec, p, got, left, count, err);
        left -= got;
    }
    return 0;
}

/* ---- What there is ---- */

uint64_t divide_capacity(const struct jobspec *spec, uint32_t resource,
                         uint32_t pool, const struct node_info *info)
{
    const struct resource *r = &spec->resources[resource];
    const struct pool *p = &spec->pools[pool];
    if (r->scope != RESOURCE_OF_NODE)
        return 0;
    for (uint32_t i = 0; i < p->node_resource_count; i++)
        if (p->node_resources[i].resource == resource)
            return p->node_resources[i].units;
    switch (r->kind) {
    case RESOURCE_MEMORY:
        return info->memory_bytes;
    case RESOURCE_GPUS:
        return (uint64_t)info->gpus * RESOURCE_ONE;
    case RESOURCE_NAMED:
        break;
    }
    return 0;
}

/* ---- What can never run ---- */

struct checking {
    const struct jobspec *spec;
    const struct divide_node *nodes;
    uint32_t count, pool;
    struct err *err;
};

/* " of pool "big"", if there are several. */
static const char *of_pool(const struct checking *c,
                           char text[JOBSPEC_MAX_ID + 16])
{
    text[0] = '\0';
    if (c->spec->pool_count > 1)
        snprintf(text, JOBSPEC_MAX_ID + 16, " of pool \"%s\"",
                 c->spec->pools[c->pool].id);
    return text;
}

static int slots_lack(const struct checking *c, uint32_t need, uint32_t most)
{
    char of[JOBSPEC_MAX_ID + 16];
    return err_set(c->err, EINVAL,
                   "a task requires %" PRIu32 " slots, but no rank%s has "
                   "more than %" PRIu32
                   ": it could never run (start fewer ranks a node, raise "
                   "task_slots_per_node, or lower required_slots)",
                   need, of_pool(c, of), most);
}

/* So much of a resource, as it was written. */
static const char *amount_show(const struct resource *r, uint64_t units,
                               char text[48])
{
    char size[16];
    if (r->kind == RESOURCE_MEMORY)
        snprintf(text, 48, "%s of memory", size_format(units, size));
    else
        snprintf(text, 48, "%.15g", (double)units / RESOURCE_ONE);
    return text;
}

static int resource_lack(const struct checking *c, const struct amount *a,
                         uint64_t most)
{
    const struct resource *r = &c->spec->resources[a->resource];
    const char *name = r->kind == RESOURCE_MEMORY ? "" : r->name;
    const char *blank = name[0] ? " " : "";
    char need[48], have[48], of[JOBSPEC_MAX_ID + 16];
    if (r->kind == RESOURCE_GPUS && most == 0)
        return err_set(c->err, EINVAL,
                       "a task requires %s gpus, but none is found on any "
                       "node%s: it could never run (node_resources: {gpus: N} "
                       "says how many each node has)",
                       amount_show(r, a->units, need), of_pool(c, of));
    return err_set(c->err, EINVAL,
                   "a task requires %s%s%s, but no node%s has more than %s: it "
                   "could never run",
                   amount_show(r, a->units, need), blank, name, of_pool(c, of),
                   amount_show(r, most, have));
}

/* Does one instance have room on the node? */
static bool node_holds(const struct checking *c, const struct divide_node *n,
                       const struct request *r)
{
    if (n->pool != c->pool || n->slots < r->slots)
        return false;
    for (uint32_t i = 0; i < r->amount_count; i++) {
        uint32_t resource = r->amounts[i].resource;
        if (c->spec->resources[resource].scope == RESOURCE_OF_NODE &&
            divide_capacity(c->spec, resource, c->pool, n->info) <
                r->amounts[i].units)
            return false;
    }
    return true;
}

static int request_check(const struct checking *c, const struct request *r)
{
    uint32_t most = 0, holding = 0, has = 0;
    char of[JOBSPEC_MAX_ID + 16];
    for (uint32_t i = 0; i < c->count; i++) {
        const struct divide_node *n = &c->nodes[i];
        if (n->pool == c->pool && n->slots > most)
            most = n->slots;
        has += n->pool == c->pool;
        holding += node_holds(c, n, r);
    }
    if (r->slots > most)
        return slots_lack(c, r->slots, most);
    if (holding >= r->instances)
        return 0;
    for (uint32_t i = 0; i < r->amount_count; i++) {
        const struct amount *a = &r->amounts[i];
        uint64_t best = 0;
        if (c->spec->resources[a->resource].scope != RESOURCE_OF_NODE)
            continue;
        for (uint32_t k = 0; k < c->count; k++) {
            uint64_t units = c->nodes[k].pool == c->pool
                                 ? divide_capacity(c->spec, a->resource,
                                                   c->pool, c->nodes[k].info)
                                 : 0;
            best = units > best ? units : best;
        }
        if (a->units > best)
            return resource_lack(c, a, best);
    }
    if (holding == 0)
        return err_set(c->err, EINVAL,
                       "a task requires slots and resources that no node%s has "
                       "together: it could never run",
                       of_pool(c, of));
    return err_set(c->err, EINVAL,
                   "a task runs on %" PRIu32 " nodes at once, but only %" PRIu32
                   " of the %" PRIu32 "%s %s what it requires: it could never "
                   "run",
                   r->instances, holding, has, of_pool(c, of),
                   holding == 1 ? "has" : "have");
}

/* All that tasks of the pool ask for, each request once. */
static int pool_check(const struct checking *c, bool *seen)
{
    const struct jobspec *spec = c->spec;
    for (uint32_t i = 0; i < spec->request_count; i++)
        seen[i] = false;
    for (uint32_t j = 0; j < spec->job_count; j++) {
        const struct job *job = &spec->jobs[j];
        uint32_t n = job_template_count(job);
        for (uint32_t i = 0; job->pool == c->pool && i <= n; i++) {
            const struct task_template *t = i < n ? job_template(job, i)
                                            : job->manager ? &job->manager->task
                                                           : NULL;
            if (!t || seen[t->request])
                continue;
            seen[t->request] = true;
            if (request_check(c, &spec->requests[t->request]) < 0)
                return spec->job_count > 1
                           ? err_context(c->err, "job %s", job->id)
                           : -1;
        }
    }
    return 0;
}

int divide_check(const struct jobspec *spec, const struct divide_node *nodes,
                 uint32_t count, struct err *err)
{
    bool *seen = mem_calloc((size_t)spec->request_count + 1, sizeof(*seen));
    int rc = 0;
    if (!seen)
        return err_set(err, ENOMEM, "no memory to check what tasks require");
    for (uint32_t p = 0; rc == 0 && p < spec->pool_count; p++) {
        struct checking c = {.spec = spec,
                             .nodes = nodes,
                             .count = count,
                             .pool = p,
                             .err = err};
        rc = pool_check(&c, seen);
    }
    mem_free(seen);
    return rc;
}

int divide_check_added(const struct jobspec *spec,
                       const struct divide_node *nodes, uint32_t count,
                       uint32_t job, uint32_t first, uint32_t *index,
                       struct err *err)
{
    const struct job *j = &spec->jobs[job];
    const struct checking c = {.spec = spec,
                               .nodes = nodes,
                               .count = count,
                               .pool = j->pool,
                               .err = err};
    const struct request *last = NULL; /* many that are alike are one look */
    for (uint32_t i = first; i < job_template_count(j); i++) {
        const struct request *r = &spec->requests[job_template(j, i)->request];
        if (r != last && request_check(&c, r) < 0) {
            *index = i;
            return -1;
        }
        last = r;
    }
    return 0;
}
