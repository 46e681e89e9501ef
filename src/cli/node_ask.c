/* mpibatch node offline, online, remove: what the session is asked to do. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command_ask.h"
#include "cli/node_arg.h"
#include "cli/node_topics.h"

struct node_ask_values {
    const char *node, *run;
    bool requeue, terminate, wait, json;
};

static int ask(const char *command, const struct node_ask_values *v,
               enum ask_do act)
{
    struct run_arg run;
    struct ask a = {.what = ASK_NODE, .act = act};
    struct err err;
    int rc = command_ask_how(command, v->requeue, v->terminate,
                             "task-completion", v->wait, &a.how);
    if (rc != EXIT_OK || (rc = command_ask_open(v->run, &run)) != EXIT_OK)
        return rc;
    struct scene *s =
        scene_read(run.dir, run.spec, clock_wall_ns(), false, &err);
    if (!s) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (!node_arg_find(command, s, v->node)) {
        rc = EXIT_BAD_USAGE;
    } else {
        snprintf(a.node, sizeof(a.node), "%s", v->node);
        rc = command_ask(&run, &a, v->json, false,
                         "the next one has its own nodes");
    }
    scene_destroy(s);
    run_arg_close(&run);
    return rc;
}

static int offline(void *values)
{
    return ask("node offline", values, ASK_OFFLINE);
}

static int online(void *values)
{
    return ask("node online", values, ASK_ONLINE);
}

static int nodes_remove(void *values)
{
    return ask("node remove", values, ASK_REMOVE);
}

#define JSON_OPT                                                               \
    {                                                                          \
        .name = "json", .kind = OPT_FLAG,                                      \
        .at = offsetof(struct node_ask_values, json),                          \
        .meaning = "print the answer as JSON, {\"version\": 1, \"command\", "  \
                   "\"error\": null or {\"code\", \"message\"}, \"text\"}"     \
    }

static const struct opt off_opts[] = {
    {.name = "requeue",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_ask_values, requeue),
     .meaning = "end the tasks that run there; they run again elsewhere, and "
                "no retry is used up: so it is without an option"},
    {.name = "terminate",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_ask_values, terminate),
     .meaning = "end the tasks that run there, for good: they have failed"},
    {.name = "task-completion",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_ask_values, wait),
     .meaning = "let the tasks that run there come to their end"},
    JSON_OPT};
static const struct opt on_opts[] = {JSON_OPT};
static const struct opt_set off_sets[] = {OPT_SET(off_opts, 0)};
static const struct opt_set on_sets[] = {OPT_SET(on_opts, 0)};
static const struct arg args[] = {NODE_ARG(struct node_ask_values),
                                  RUN_ARG(struct node_ask_values)};
static const struct cmd_example offline_examples[] = {
    {"mpibatch node offline n17 sweep.run --task-completion",
     "Start nothing more on node n17"}};
static const struct cmd_example online_examples[] = {
    {"mpibatch node online n17 sweep.run", "Use it again"}};
static const struct cmd_example remove_examples[] = {
    {"mpibatch node remove n17 sweep.run", "Do without node n17"}};

const struct cmd cmd_node_offline = {
    .name = "node offline",
    .summary = "start no more tasks on a node",
    .description =
        "Ask the session that has the run RUN to start no more tasks on the "
        "node NODE, until `mpibatch node online`. It is offline as soon as "
        "none runs there.",
    .sets = off_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = offline_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct node_ask_values),
    .main = offline};

const struct cmd cmd_node_online = {
    .name = "node online",
    .summary = "start tasks on a node again",
    .description = "Ask the session that has the run RUN to start tasks on the "
                   "node NODE again, which is offline.",
    .sets = on_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = online_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct node_ask_values),
    .main = online};

const struct cmd cmd_node_remove = {
    .name = "node remove",
    .summary = "do without a node in this session",
    .description =
        "Ask the session that has the run RUN to do without the node NODE: it "
        "is leaving_pool, gets no more tasks, and cannot come back in this "
        "session. The allocation keeps it.",
    .sets = off_sets,
    .set_count = 1,
    .args = args,
    .arg_count = 2,
    .examples = remove_examples,
    .example_count = 1,
    .exits = command_ask_exits,
    .exit_count = COMMAND_ASK_EXITS,
    .values_size = sizeof(struct node_ask_values),
    .main = nodes_remove};
