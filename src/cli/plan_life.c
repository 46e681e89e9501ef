/* What a job spec asks for beside tasks: see plan_life.h. */
#include "config.h"
#include "cli/plan_life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "cli/life.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { CHAIN_SHOWN = 5, REQUESTS_SHOWN = 8 };

int plan_life_init(struct plan_life *l, const struct jobspec *spec,
                   struct err *err)
{
    *l = (struct plan_life){.spec = spec};
    l->sums = mem_calloc(spec->job_count, sizeof(*l->sums));
    if (!l->sums)
        return err_set(err, ENOMEM, "no memory for a plan");
    return depends_survey(spec, l->sums, &l->longest, &l->chain, err);
}

void plan_life_fini(struct plan_life *l)
{
    mem_free(l->sums);
    l->sums = NULL;
}

/* ---- For people ---- */

static void amounts_put(const struct jobspec *spec, const struct amount *list,
                        uint32_t count, struct buf *out)
{
    char size[16];
    for (uint32_t i = 0; i < count; i++) {
        const struct resource *r = &spec->resources[list[i].resource];
        if (r->kind == RESOURCE_MEMORY)
            (void)buf_printf(out, ", %s %s", r->name,
                             size_format(list[i].units, size));
        else
            (void)buf_printf(out, ", %s %g", r->name,
                             (double)list[i].units / RESOURCE_ONE);
    }
}

static void pool_put(const struct jobspec *spec, const struct pool *p,
                     struct buf *out)
{
    char nodes[64];
    bool says = p->target_dedicated_nodes > 0 || p->start_task ||
                p->node_resource_count > 0 || p->pool_resource_count > 0;
    if (spec->pool_count == 1 && !says)
        return;
    (void)buf_printf(out, "  pool %s: ", p->id);
    if (p->task_slots_per_node > 0)
        (void)buf_printf(out, "%" PRIu32 " slots a node",
                         p->task_slots_per_node);
    else
        (void)buf_puts(out, "slots as its nodes have");
    if (p->select.nodes > 0)
        (void)buf_printf(out, ", %s at most",
                         describe_count(p->select.nodes, "node", nodes));
    if (p->select.name)
        (void)buf_printf(out, ", nodes named %s", p->select.name);
    if (p->target_dedicated_nodes > 0)
        (void)buf_printf(
            out, ", begins with %s",
            describe_count(p->target_dedicated_nodes, "node", nodes));
    amounts_put(spec, p->node_resources, p->node_resource_count, out);
    if (p->pool_resource_count > 0)
        (void)buf_puts(out, "; all together");
    amounts_put(spec, p->pool_resources, p->pool_resource_count, out);
    (void)buf_puts(out, p->start_task ? "; a start task on each node\n" : "\n");
}

static uint64_t waiting_of(const struct plan_life *l)
{
    uint64_t n = 0;
    for (uint32_t j = 0; j < l->spec->job_count; j++)
        n += l->sums[j].tasks;
    return n;
}

void plan_life_put(const struct plan_life *l, struct buf *out)
{
    const struct jobspec *spec = l->spec;
    char count[64], name[DESCRIBE_TASK_BYTES];
    for (uint32_t p = 0; p < spec->pool_count; p++)
        pool_put(spec, &spec->pools[p], out);
    if (spec->depend_count == 0)
        return;
    if (l->longest == 0) {
        (void)buf_puts(out, "  dependencies: there are; chains were not looked "
                            "for\n");
        return;
    }
    (void)buf_printf(out,
                     "  dependencies: %s wait%s for others; the longest "
                     "chain has ",
                     describe_count(waiting_of(l), "task", count),
                     waiting_of(l) == 1 ? "s" : "");
    (void)buf_printf(out, "%s: ", describe_count(l->longest, "task", count));
    uint64_t n = l->chain.count;
    for (uint64_t k = 0; k < n && k < CHAIN_SHOWN && n <= DEPENDS_SHOWN; k++)
        (void)buf_printf(out, "%s%s", k ? ", " : "",
                         describe_task(spec, l->chain.tasks[n - 1 - k].job,
                                       l->chain.tasks[n - 1 - k].index, name));
    (void)buf_puts(out, n > CHAIN_SHOWN ? ", ...\n" : "\n");
}

/* The different requests of a job's tasks: how many, at most
 * REQUESTS_SHOWN. */
static uint32_t requests_of(const struct jobspec *spec, uint32_t j,
                            struct request list[REQUESTS_SHOWN])
{
    const struct job *job = &spec->jobs[j];
    uint32_t n = 0, tasks = job->tasks.count;
    if (job->tasks.kind != TASKS_LISTED && tasks > 1)
        tasks = 1;
    for (uint32_t i = 0; i < tasks && n < REQUESTS_SHOWN; i++) {
        struct request r = jobspec_request(spec, j, i);
        uint32_t k = 0;
        while (k < n && !request_is_same(&list[k], &r))
            k++;
        if (k == n)
            list[n++] = r;
    }
    return n;
}

static void requests_put(const struct jobspec *spec, uint32_t j,
                         struct buf *out)
{
    struct request list[REQUESTS_SHOWN];
    char slots[64];
    uint32_t n = requests_of(spec, j, list);
    if (n == 1 && request_is_plain(&list[0]))
        return; /* its slots are said elsewhere */
    for (uint32_t i = 0; i < n; i++) {
        (void)buf_printf(out, "    %s ", i ? "  or     " : "asks for:");
        (void)buf_puts(out, describe_count(list[i].slots, "slot", slots));
        amounts_put(spec, list[i].amounts, list[i].amount_count, out);
        if (list[i].instances > 1)
            (void)buf_printf(out, ", on each of %" PRIu32 " nodes at once",
                             list[i].instances);
        (void)buf_puts(out, list[i].exclusive ? ", alone there\n" : "\n");
    }
}

void plan_life_put_job(const struct plan_life *l, uint32_t j, struct buf *out)
{
    const struct jobspec *spec = l->spec;
    const struct job *job = &spec->jobs[j];
    char count[64];
    if (spec->pool_count > 1)
        (void)buf_printf(out, "    in pool %s\n", spec->pools[job->pool].id);
    if (job->schedule) {
        const struct job_schedule *s = &spec->schedules[job->schedule - 1];
        (void)buf_printf(out, "    begins by schedule %s, up to %s\n", s->id,
                         describe_count(s->job_count, "time", count));
    }
    if (l->sums[j].tasks > 0)
        (void)buf_printf(out, "    %s depend%s on others\n",
                         describe_count(l->sums[j].tasks, "task", count),
                         l->sums[j].tasks == 1 ? "s" : "");
    requests_put(spec, j, out);
    if (job->max_parallel_tasks > 0)
        (void)buf_printf(out, "    %" PRIu32 " tasks run at once at most\n",
                         job->max_parallel_tasks);
    if (job->manager || job->preparation || job->release)
        (void)buf_printf(
            out, "    with a job%s%s%s task\n", job->manager ? " manager" : "",
            job->preparation ? job->manager ? ", preparation" : " preparation"
                             : "",
            job->release
                ? job->manager || job->preparation ? ", release" : " release"
                : "");
}

/* ---- For programs ---- */

void plan_life_json(const struct plan_life *l, json_t *o)
{
    json_t *pools = json_array();
    for (uint32_t p = 0; p < l->spec->pool_count; p++) {
        const struct pool *pool = &l->spec->pools[p];
        json_array_append_new(
            pools,
            json_pack("{s:s, s:I, s:b, s:o, s:o}", "pool_id", pool->id,
                      "target_dedicated_nodes",
                      (json_int_t)pool->target_dedicated_nodes, "start_task",
                      pool->start_task != NULL, "node_resources",
                      life_amounts_json(l->spec, pool->node_resources,
                                        pool->node_resource_count),
                      "pool_resources",
                      life_amounts_json(l->spec, pool->pool_resources,
                                        pool->pool_resource_count)));
    }
    json_object_set_new(o, "pools", pools);
    json_object_set_new(o, "tasks_with_dependencies",
                        json_integer((json_int_t)waiting_of(l)));
    json_object_set_new(o, "longest_chain",
                        l->longest ? json_integer(l->longest) : json_null());
}

void plan_life_json_job(const struct plan_life *l, uint32_t j, json_t *o)
{
    const struct job *job = &l->spec->jobs[j];
    struct request list[REQUESTS_SHOWN];
    uint32_t n = requests_of(l->spec, j, list);
    json_t *requests = json_array(), *specials = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(
            requests, json_pack("{s:I, s:I, s:b, s:o}", "slots",
                                (json_int_t)list[i].slots, "instances",
                                (json_int_t)list[i].instances, "exclusive",
                                (int)list[i].exclusive, "resources",
                                life_amounts_json(l->spec, list[i].amounts,
                                                  list[i].amount_count)));
    const struct special_task *all[] = {job->manager, job->preparation,
                                        job->release};
    for (size_t i = 0; i < 3; i++)
        if (all[i])
            json_array_append_new(specials, json_string(all[i]->id));
    json_object_set_new(o, "pool_id",
                        json_string(l->spec->pools[job->pool].id));
    json_object_set_new(o, "tasks_with_dependencies",
                        json_integer((json_int_t)l->sums[j].tasks));
    json_object_set_new(o, "dependencies",
                        json_integer((json_int_t)l->sums[j].edges));
    json_object_set_new(o, "requests", requests);
    json_object_set_new(o, "special_tasks", specials);
}
