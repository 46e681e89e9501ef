/* mpibatch pool: the pools of a run. */
#include "config.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "cli/asking.h"
#include "cli/command.h"
#include "cli/json_put.h"
#include "cli/life.h"
#include "view/describe.h"
#include "view/query_json.h"

struct pool_values {
    const char *run;
    bool json;
    struct display_options display;
};

/* What the nodes of a pool have together. */
struct sums {
    uint32_t nodes, ranks, slots, running;
    uint32_t states[NODE_STATE_COUNT];
};

static struct sums sums_of(const struct scene *s, uint32_t pool)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < s->node_count; i++) {
        const struct scene_node *n = &s->nodes[i];
        enum node_state state;
        if (n->pool != pool)
            continue;
        sums.nodes++;
        sums.ranks += n->ranks;
        sums.slots += n->slots;
        sums.running += n->tasks_running;
        if (scene_node_state(n, &state))
            sums.states[state]++;
    }
    return sums;
}

static const char *unit_name(enum slot_unit unit)
{
    static const char *const names[] = {"core", "hwthread", "numanode",
                                        "package"};
    return names[unit];
}

static const char *fill_name(enum node_fill fill)
{
    return fill == NODE_FILL_PACK ? "pack" : "spread";
}

/* ---- For people ---- */

static void start_task_put(const struct run_arg *run, const struct scene *s,
                           uint32_t pool, struct display *d)
{
    const struct pool *p = &run->spec->pools[pool];
    const struct scene_special *x;
    uint32_t at = 0;
    if (!p->start_task)
        return;
    display_printf(d, "  %-20s %s\n", "start task",
                   p->start_task->wait_for_success
                       ? "tasks wait for its success"
                       : "tasks do not wait for it");
    while ((x = scene_special(s, &at, JOB_OF_POOL(pool), INDEX_START, NULL,
                              s->session))) {
        display_puts(d, "  ");
        life_special_put(d, run, x);
    }
}

static void select_put(const struct node_select *s, struct display *d)
{
    char size[16];
    const char *gap = "";
    if (s->nodes == 0 && !s->name && s->min_cores == 0 &&
        s->min_memory_bytes == 0 && s->min_gpus == 0)
        return;
    display_printf(d, "  %-20s ", "which nodes");
    if (s->nodes > 0) {
        display_printf(d, "%" PRIu32 " at most", s->nodes);
        gap = ", ";
    }
    if (s->name) {
        display_printf(d, "%snamed %s", gap, s->name);
        gap = ", ";
    }
    if (s->min_cores > 0) {
        display_printf(d, "%s%" PRIu32 " cores", gap, s->min_cores);
        gap = ", ";
    }
    if (s->min_memory_bytes > 0) {
        display_printf(d, "%smemory %s", gap,
                       size_format(s->min_memory_bytes, size));
        gap = ", ";
    }
    if (s->min_gpus > 0)
        display_printf(d, "%s%" PRIu32 " gpus", gap, s->min_gpus);
    display_puts(d, "\n");
}

static void pool_put(const struct run_arg *run, const struct scene *s,
                     uint32_t pool, struct display *d)
{
    const struct pool *p = &run->spec->pools[pool];
    struct sums sums = sums_of(s, pool);
    char nodes[64], ranks[64], slots[64], timeout[16];
    const char *gap = ": ";
    display_printf(d, "pool %s%s%s\n", p->id, p->display_name ? ": " : "",
                   p->display_name ? p->display_name : "");
    display_printf(d, "  %-20s %s", "nodes",
                   describe_count(sums.nodes, "node", nodes));
    for (int state = 0; state < NODE_STATE_COUNT; state++) {
        if (sums.states[state] == 0)
            continue;
        display_printf(d, "%s%" PRIu32 " %s", gap, sums.states[state],
                       node_state_name((enum node_state)state));
        gap = ", ";
    }
    if (p->target_dedicated_nodes > 0)
        display_printf(d, "; wanted %" PRIu32 ", within %s",
                       p->target_dedicated_nodes,
                       duration_format(p->resize_timeout_ns, timeout));
    display_puts(d, "\n");
    select_put(&p->select, d);
    display_printf(d, "  %-20s %s on %s, a slot is a %s", "slots",
                   describe_count(sums.slots, "slot", slots),
                   describe_count(sums.ranks, "rank", ranks),
                   unit_name(p->slot_unit));
    if (p->task_slots_per_node > 0)
        display_printf(d, ", %" PRIu32 " a node", p->task_slots_per_node);
    display_printf(d, "\n  %-20s %" PRIu32 "\n", "tasks running", sums.running);
    display_printf(d, "  %-20s %s\n", "node_fill_type",
                   fill_name(p->node_fill_type));
    if (p->node_resource_count > 0) {
        display_printf(d, "  %-20s ", "node_resources");
        life_amounts_put(d, run->spec, p->node_resources,
                         p->node_resource_count);
        display_puts(d, "\n");
    }
    if (p->pool_resource_count > 0) {
        display_printf(d, "  %-20s ", "pool_resources");
        life_amounts_put(d, run->spec, p->pool_resources,
                         p->pool_resource_count);
        display_puts(d, "\n");
    }
    life_metadata_put(d, &p->metadata);
    start_task_put(run, s, pool, d);
}

/* ---- For programs ---- */

static json_t *pool_json(const struct run_arg *run, const struct scene *s,
                         uint32_t pool)
{
    const struct pool *p = &run->spec->pools[pool];
    struct sums sums = sums_of(s, pool);
    json_t *o = json_object(), *states = json_object();
    json_object_set_new(o, "pool_id", json_string(p->id));
    json_object_set_new(o, "display_name",
                        p->display_name ? query_text_json(p->display_name)
                                        : json_null());
    json_object_set_new(o, "nodes", json_integer(sums.nodes));
    for (int state = 0; state < NODE_STATE_COUNT; state++)
        json_object_set_new(states, node_state_name((enum node_state)state),
                            json_integer(sums.states[state]));
    json_object_set_new(o, "node_states", states);
    json_object_set_new(o, "ranks", json_integer(sums.ranks));
    json_object_set_new(o, "slots", json_integer(sums.slots));
    json_object_set_new(o, "tasks_running", json_integer(sums.running));
    json_object_set_new(o, "target_dedicated_nodes",
                        p->target_dedicated_nodes
                            ? json_integer(p->target_dedicated_nodes)
                            : json_null());
    json_object_set_new(o, "task_slots_per_node",
                        p->task_slots_per_node
                            ? json_integer(p->task_slots_per_node)
                            : json_null());
    json_object_set_new(o, "slot_unit", json_string(unit_name(p->slot_unit)));
    json_object_set_new(o, "node_fill_type",
                        json_string(fill_name(p->node_fill_type)));
    json_object_set_new(o, "node_resources",
                        life_amounts_json(run->spec, p->node_resources,
                                          p->node_resource_count));
    json_object_set_new(o, "pool_resources",
                        life_amounts_json(run->spec, p->pool_resources,
                                          p->pool_resource_count));
    json_object_set_new(o, "metadata", life_metadata_json(&p->metadata));
    json_object_set_new(o, "start_task",
                        life_specials_json(run, s, JOB_OF_POOL(pool),
                                           INDEX_START, NULL, s->session));
    return o;
}

static int json_show(const struct run_arg *run, const struct scene *s)
{
    json_t *pools = json_array();
    for (uint32_t p = 0; p < run->spec->pool_count; p++)
        json_array_append_new(pools, pool_json(run, s, p));
    return json_print(json_pack("{s:i, s:i, s:b, s:o}", "version", 1, "session",
                                (int)s->session, "live",
                                (int)session_is_there(run), "pools", pools),
                      LIFE_JSON_BYTES);
}

static int text_show(const struct run_arg *run, const struct scene *s,
                     const struct display_options *options)
{
    struct display d;
    display_open(&d, options);
    if (s->session == 0)
        display_puts(&d, "no session has begun yet\n");
    else if (!session_is_there(run))
        display_printf(&d, "session %" PRIu32 ", which has ended:\n",
                       s->session);
    for (uint32_t p = 0; p < run->spec->pool_count; p++)
        pool_put(run, s, p, &d);
    return display_close(&d);
}

static int show(void *values)
{
    const struct pool_values *v = values;
    struct run_arg run;
    struct err err;
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    struct scene *s =
        scene_read(run.dir, run.spec, clock_wall_ns(), false, &err);
    if (!s) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else {
        rc = v->json ? json_show(&run, s) : text_show(&run, s, &v->display);
    }
    scene_destroy(s);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct pool_values, json),
     .meaning =
         "print JSON, {\"version\": 1, \"session\", \"live\", \"pools\": "
         "[...]}"}};
static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct pool_values, display))};
static const struct arg args[] = {RUN_ARG(struct pool_values)};
static const struct cmd_example examples[] = {
    {"mpibatch pool show sweep.run", "The nodes by state, slots, resources"}};

static const struct cmd pool_show = {
    .name = "pool show",
    .summary = "show the pools of a run",
    .description =
        "Show the pools of the run RUN, as they are in its last session: how "
        "many nodes there are and in which states, slots, resources, and how "
        "the start task has ended on each node.\n\n"
        "JSON has of each pool pool_id, display_name, nodes, node_states (how "
        "many in each), ranks, slots, tasks_running, target_dedicated_nodes, "
        "task_slots_per_node, slot_unit, node_fill_type, node_resources, "
        "pool_resources, metadata and start_task (a list, as special_tasks of "
        "`mpibatch node show --json`).",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = 1,
    .values_size = sizeof(struct pool_values),
    .main = show};

static const struct cmd *const topics[] = {&pool_show, NULL};

const struct cmd cmd_pool = {.name = "pool",
                             .summary = "the pools: nodes by state, resources",
                             .description = "The pools of a run.",
                             .topics = topics,
                             .noun = "action"};
