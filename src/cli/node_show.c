/* mpibatch node list, show: the nodes of a run, and one of them. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "cli/asking.h"
#include "cli/command.h"
#include "cli/json_put.h"
#include "cli/life.h"
#include "cli/node_arg.h"
#include "cli/node_topics.h"
#include "cli/sheet.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { CELLS_BYTES = 1 << 16 };

struct node_values {
    const char *node, *run;
    bool json;
    struct display_options display;
};

static const char *pool_of(const struct jobspec *spec,
                           const struct scene_node *n)
{
    return n->pool < spec->pool_count ? spec->pools[n->pool].id : NULL;
}

/* Its state, or "" if the session has not said any. */
static const char *state_of(const struct scene_node *n)
{
    enum node_state state;
    return scene_node_state(n, &state) ? node_state_name(state) : "";
}

/* Why it is in its state. */
static const char *why_of(const struct scene_node *n)
{
    return n->changes.count > 0 ? n->changes.list[n->changes.count - 1].why
                                : "";
}

static json_t *node_json(const struct run_arg *run, const struct scene_node *n)
{
    const char *pool = pool_of(run->spec, n), *state = state_of(n);
    json_t *o = json_object();
    json_object_set_new(o, "node", query_text_json(n->name));
    json_object_set_new(o, "pool_id", pool ? json_string(pool) : json_null());
    json_object_set_new(o, "state", *state ? json_string(state) : json_null());
    json_object_set_new(o, "why", query_text_json(why_of(n)));
    json_object_set_new(
        o, "state_time",
        life_time_json(n->changes.count
                           ? n->changes.list[n->changes.count - 1].time_ns
                           : 0));
    json_object_set_new(o, "leader", json_integer(n->leader));
    json_object_set_new(o, "ranks", json_integer(n->ranks));
    json_object_set_new(o, "ranks_lost", json_integer(n->ranks_lost));
    json_object_set_new(o, "slots", json_integer(n->slots));
    json_object_set_new(o, "cores", json_integer(n->cores));
    json_object_set_new(o, "hwthreads", json_integer(n->hwthreads));
    json_object_set_new(o, "gpus", json_integer(n->gpus));
    json_object_set_new(o, "memory_bytes",
                        json_integer((json_int_t)n->memory_bytes));
    json_object_set_new(o, "tasks_run", json_integer((json_int_t)n->tasks_run));
    json_object_set_new(o, "tasks_succeeded",
                        json_integer((json_int_t)n->tasks_succeeded));
    json_object_set_new(o, "tasks_running", json_integer(n->tasks_running));
    return o;
}

/* ---- list ---- */

static int row_put(struct sheet *sheet, const struct run_arg *run,
                   const struct scene_node *n, struct buf *cells,
                   struct err *err)
{
    const char *pool = pool_of(run->spec, n);
    buf_reset(cells);
    if (buf_printf(cells,
                   "%s%c%s%c%s%c%" PRIu32 "%c%" PRIu32 "%c%" PRIu32 "%c%" PRIu64
                   "%c%" PRIu64 "%c%s%c",
                   n->name, '\0', pool ? pool : "", '\0', state_of(n), '\0',
                   n->ranks, '\0', n->slots, '\0', n->tasks_running, '\0',
                   n->tasks_run, '\0', n->tasks_succeeded, '\0', why_of(n),
                   '\0') < 0)
        return err_set(err, ENOMEM, "no memory to show the nodes");
    return sheet_put(sheet, cells->data, cells->len, NULL, err);
}

static int table_show(const struct run_arg *run, const struct scene *s,
                      const struct display_options *options)
{
    static const char titles[] =
        "NODE\0POOL\0STATE\0RANKS\0SLOTS\0RUNNING\0RUN\0SUCCEEDED\0WHY";
    struct display display;
    struct sheet sheet;
    struct buf cells;
    struct err err;
    int rc;
    display_open(&display, options);
    if (s->session > 0 && !session_is_there(run))
        display_printf(&display, "session %" PRIu32 ", which has ended:\n",
                       s->session);
    sheet_init(&sheet);
    sheet.format = SHEET_TABLE;
    sheet.display = &display;
    sheet.columns = 9;
    buf_init(&cells, CELLS_BYTES);
    rc = sheet_titles(&sheet, titles, sizeof(titles), &err);
    for (uint32_t i = 0; rc == 0 && i < s->node_count; i++)
        rc = row_put(&sheet, run, &s->nodes[i], &cells, &err);
    if (rc == 0)
        rc = sheet_end(&sheet, &err);
    sheet_fini(&sheet);
    buf_fini(&cells);
    if (rc < 0)
        log_error("%s", err.text);
    return display_end(&display, rc < 0 ? EXIT_FAILED : EXIT_OK);
}

static int list_json(const struct run_arg *run, const struct scene *s)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < s->node_count; i++)
        json_array_append_new(nodes, node_json(run, &s->nodes[i]));
    return json_print(json_pack("{s:i, s:i, s:b, s:o}", "version", 1, "session",
                                (int)s->session, "live",
                                (int)session_is_there(run), "nodes", nodes),
                      LIFE_JSON_BYTES);
}

static int list(void *values)
{
    const struct node_values *v = values;
    struct run_arg run;
    struct err err;
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    struct scene *s =
        scene_read(run.dir, run.spec, clock_wall_ns(), true, &err);
    if (!s) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else {
        rc = v->json ? list_json(&run, s) : table_show(&run, s, &v->display);
    }
    scene_destroy(s);
    run_arg_close(&run);
    return rc;
}

/* ---- show ---- */

static void show_text(const struct run_arg *run, const struct scene *s,
                      const struct scene_node *n, struct display *d)
{
    char memory[16], ranks[64], slots[64], cores[64], gpus[64];
    const char *pool = pool_of(run->spec, n), *state = state_of(n);
    const struct scene_special *x;
    uint32_t at = 0;
    display_printf(d, "node %s: %s%s%s\n", n->name, *state ? state : "-",
                   *why_of(n) ? ": " : "", why_of(n));
    if (pool)
        display_printf(d, "  %-20s %s\n", "pool", pool);
    display_printf(d, "  %-20s %" PRIu32 "%s\n", "session", s->session,
                   session_is_there(run) ? "" : ", which has ended");
    display_printf(d, "  %-20s %s, from rank %" PRIu32 " on; %s", "ranks",
                   describe_count(n->ranks, "rank", ranks), n->leader,
                   describe_count(n->slots, "slot", slots));
    if (n->ranks_lost > 0)
        display_printf(d, "; %" PRIu32 " lost", n->ranks_lost);
    display_printf(d, "\n  %-20s %s, memory %s", "resources",
                   describe_count(n->cores, "core", cores),
                   size_format(n->memory_bytes, memory));
    if (n->gpus > 0)
        display_printf(d, ", %s", describe_count(n->gpus, "GPU", gpus));
    if (pool && run->spec->pools[n->pool].node_resource_count > 0) {
        display_puts(d, "; as the pool says: ");
        life_amounts_put(d, run->spec, run->spec->pools[n->pool].node_resources,
                         run->spec->pools[n->pool].node_resource_count);
    }
    display_printf(d,
                   "\n  %-20s %" PRIu64 " run, %" PRIu64 " succeeded, %" PRIu32
                   " running now\n",
                   "tasks", n->tasks_run, n->tasks_succeeded, n->tasks_running);
    if (*n->scratch)
        display_printf(d, "  %-20s %s\n", "scratch", n->scratch);
    display_puts(d, "states\n");
    life_changes_put(d, &n->changes, false);
    for (bool first = true;
         (x = scene_special(s, &at, UINT32_MAX, 0, n->name, s->session));
         first = false) {
        if (first)
            display_puts(d, "special tasks\n");
        life_special_put(d, run, x);
    }
}

static int show_json(const struct run_arg *run, const struct scene *s,
                     const struct scene_node *n)
{
    json_t *o = node_json(run, n);
    uint32_t p = n->pool;
    json_object_set_new(o, "scratch", query_text_json(n->scratch));
    json_object_set_new(
        o, "node_resources",
        p < run->spec->pool_count
            ? life_amounts_json(run->spec, run->spec->pools[p].node_resources,
                                run->spec->pools[p].node_resource_count)
            : json_object());
    json_object_set_new(o, "states", life_changes_json(&n->changes, false));
    json_object_set_new(
        o, "special_tasks",
        life_specials_json(run, s, UINT32_MAX, 0, n->name, s->session));
    return json_print(json_pack("{s:i, s:i, s:b, s:o}", "version", 1, "session",
                                (int)s->session, "live",
                                (int)session_is_there(run), "node", o),
                      LIFE_JSON_BYTES);
}

static int show(void *values)
{
    const struct node_values *v = values;
    struct run_arg run;
    struct display display;
    struct err err;
    const struct scene_node *n;
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    struct scene *s =
        scene_read(run.dir, run.spec, clock_wall_ns(), true, &err);
    if (!s) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (!(n = node_arg_find("node show", s, v->node))) {
        rc = EXIT_BAD_USAGE;
    } else if (v->json) {
        rc = show_json(&run, s, n);
    } else {
        display_open(&display, &v->display);
        show_text(&run, s, n, &display);
        rc = display_close(&display);
    }
    scene_destroy(s);
    run_arg_close(&run);
    return rc;
}

/* ---- The commands ---- */

static const struct opt list_opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_values, json),
     .meaning =
         "print JSON, {\"version\": 1, \"session\", \"live\", \"nodes\": "
         "[...]}"}};
static const struct opt show_opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_values, json),
     .meaning = "print JSON, {\"version\": 1, \"session\", \"live\", \"node\": "
                "{...}}"}};
static const struct opt_set list_sets[] = {
    OPT_SET(list_opts, 0),
    OPT_SET(display_opts, offsetof(struct node_values, display))};
static const struct opt_set show_sets[] = {
    OPT_SET(show_opts, 0),
    OPT_SET(display_opts, offsetof(struct node_values, display))};
static const struct arg list_args[] = {RUN_ARG(struct node_values)};
static const struct arg show_args[] = {NODE_ARG(struct node_values),
                                       RUN_ARG(struct node_values)};
static const struct cmd_exit show_exits[] = {
    {EXIT_OK, "shown"},
    {EXIT_FAILED, "it cannot be read"},
    {EXIT_BAD_USAGE, "wrong usage, or no such run or node"}};
static const struct cmd_example list_examples[] = {
    {"mpibatch node list sweep.run", "The nodes, their states, what ran there"},
    {"mpibatch node list sweep.run --json | jq -r '.nodes[] | "
     "select(.state == \"offline\").node'",
     "Those that are offline"}};
static const struct cmd_example show_examples[] = {
    {"mpibatch node show n17 sweep.run", "What became of node n17"}};

const struct cmd cmd_node_list = {
    .name = "node list",
    .summary = "list the nodes of a run, with their states",
    .description =
        "List the nodes of the run RUN, those of its last session: pool, state "
        "and why, ranks and slots, how many tasks run there, and how many "
        "attempts have run and succeeded there in that session.\n\n"
        "States: creating, starting, waiting_for_start_task, "
        "start_task_failed, idle, running, offline, unusable (lost, or set "
        "aside), preempted, leaving_pool.\n\n"
        "JSON has of each node node, pool_id, state, state_time, why, leader, "
        "ranks, ranks_lost, slots, cores, hwthreads, gpus, memory_bytes, "
        "tasks_run, tasks_succeeded, tasks_running.",
    .sets = list_sets,
    .set_count = 2,
    .args = list_args,
    .arg_count = 1,
    .examples = list_examples,
    .example_count = 2,
    .values_size = sizeof(struct node_values),
    .main = list};

const struct cmd cmd_node_show = {
    .name = "node show",
    .summary = "show what became of one node",
    .description =
        "Show the node NODE of the run RUN: its state and all before it, with "
        "their times; its ranks, slots and resources; how many tasks ran "
        "there; its start task and the jobs' preparation and release, with the "
        "end of what they wrote to stderr if they failed.\n\n"
        "JSON has what `mpibatch node list --json` has, and scratch, "
        "node_resources, states (time, session, state, why) and special_tasks "
        "(task_id, job_id, node, session, attempt, result, reason, "
        "failure_code, exit_code, start_time, end_time, message, again, "
        "stderr_tail).",
    .sets = show_sets,
    .set_count = 2,
    .args = show_args,
    .arg_count = 2,
    .examples = show_examples,
    .example_count = 1,
    .exits = show_exits,
    .exit_count = 3,
    .values_size = sizeof(struct node_values),
    .main = show};
