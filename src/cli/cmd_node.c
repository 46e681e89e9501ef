/* mpibatch node: the nodes of a run. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/file_list.h"
#include "cli/json_put.h"
#include "cli/holder.h"
#include "cli/node_topics.h"
#include "view/query_json.h"

enum { JSON_BYTES = 64 << 20 };
enum node_files_what { NODE_FILES_LIST, NODE_FILES_GET };

struct node_files_values {
    int what; /* enum node_files_what */
    const char *node, *run, *to;
    struct texts paths;
    bool flat, json, raw;
    struct display_options display;
};

static int failed(const struct err *err)
{
    log_error("%s", err->text);
    return err->code == EINVAL ? EXIT_BAD_USAGE : EXIT_FAILED;
}

static int json_show(const struct holder *s, const struct buf *list, bool more,
                     struct err *err)
{
    json_t *files = file_list_json(list, err);
    if (!files)
        return EXIT_FAILED;
    return json_print(json_pack("{s:i, s:o, s:b, s:o}", "version", 1, "node",
                                query_text_json(s->answer.node), "complete",
                                (int)!more, "files", files),
                      JSON_BYTES);
}

static int list(const struct node_files_values *v, struct holder *s)
{
    char plain[BENEATH_NAME_MAX];
    struct display display;
    struct buf text;
    struct err err = {0};
    bool more = false;
    int rc = EXIT_OK;
    buf_init(&text, HOLDER_LIST_BYTES);
    if (file_path_plain(v->paths.count ? v->paths.list[0] : NULL, plain, &err) <
            0 ||
        holder_list(s, plain, !v->flat, &text, &more, &err) < 0) {
        rc = failed(&err);
    } else if (v->json) {
        rc = json_show(s, &text, more, &err);
    } else {
        display_open(&display, &v->display);
        if (file_list_show(&text, &display, &err) < 0)
            rc = failed(&err);
        rc = display_end(&display, rc);
        if (more)
            log_warning("there are more files than can be listed at once");
    }
    buf_fini(&text);
    return rc;
}

static int get(const struct node_files_values *v, struct holder *s)
{
    struct fetch f = {.paths = &v->paths, .to = v->to, .raw = v->raw};
    struct err err;
    if (fetch_run(&f, s, &err) < 0)
        return failed(&err);
    if (v->to)
        fetch_say(&f);
    return EXIT_OK;
}

static int node_files(void *values)
{
    const struct node_files_values *v = values;
    struct run_arg run;
    struct holder s;
    if (v->what == NODE_FILES_LIST && v->paths.count > 1)
        return usage_error("node files", "list takes one path at a time");
    if (v->what == NODE_FILES_GET && v->paths.count == 0)
        return usage_error("node files", "which path?");
    if (v->what == NODE_FILES_GET && v->json)
        return usage_error("node files", "--json is for list");
    if (v->what == NODE_FILES_LIST && v->to)
        return usage_error("node files", "--output is for get");
    if (strlen(v->node) > ASK_MAX_NODE)
        return usage_error("node files", "NODE is too long");
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    holder_of_node(&s, &run, v->node, "");
    rc = v->what == NODE_FILES_LIST ? list(v, &s) : get(v, &s);
    holder_close(&s);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_FILE,
     .value = "FILE",
     .at = offsetof(struct node_files_values, to),
     .otherwise = "stdout",
     .meaning = "get: write it to FILE; into a folder if it is one, ends in a "
                "slash, or more than one file is asked for"},
    {.name = "raw",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_files_values, raw),
     .meaning = "get: the bytes as they are, to a terminal, too"},
    {.name = "no-recursive",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_files_values, flat),
     .meaning = "list: not what is in its folders"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct node_files_values, json),
     .meaning = "list: print JSON, {\"version\": 1, \"node\", \"complete\": "
                "true, \"files\": [{\"name\", \"type\", \"size\", \"mode\", "
                "\"modified_time\"}, ...]}"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct node_files_values, display))};

static const char *const whats[] = {"list", "get", NULL};
static const struct arg args[] = {
    {.name = "ACTION",
     .noun = "action",
     .kind = OPT_CHOICE,
     .at = offsetof(struct node_files_values, what),
     .words = whats,
     .meaning = "`list` or `get`"},
    {.name = "NODE",
     .noun = "node",
     .kind = OPT_TEXT,
     .at = offsetof(struct node_files_values, node),
     .meaning = "a node's host name, as `mpibatch tasks --columns id,node` has "
                "it"},
    {.name = "PATH",
     .noun = "path",
     .kind = OPT_TEXT,
     .at = offsetof(struct node_files_values, paths),
     .optional = true,
     .many = true,
     .meaning = "files and folders of the node, such as `shared`, or patterns; "
                "list: one, by default all"},
    RUN_ARG(struct node_files_values)};

static const struct cmd_exit exits[] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "no session has the run, there is no such node or file, or "
                  "the node does not answer"},
    {EXIT_BAD_USAGE, "wrong usage, or no such run"}};

static const struct cmd_example examples[] = {
    {"mpibatch node files list n17 workitems sweep.run",
     "The directories of tasks on node n17"},
    {"mpibatch node files get n17 'shared/*.log' -o here/", "Files of it"}};

static const struct cmd files = {
    .name = "node files",
    .summary = "files of a node: list, get",
    .description =
        "List or get files of a node's scratch folder: `shared`, `startup`, "
        "`applications`, `workitems`. The node is asked, so the run must be "
        "going on.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = sizeof(args) / sizeof(args[0]),
    .examples = examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = sizeof(exits) / sizeof(exits[0]),
    .values_size = sizeof(struct node_files_values),
    .main = node_files};

static const struct cmd *const topics[] = {
    &cmd_node_list,   &cmd_node_show, &cmd_node_offline, &cmd_node_online,
    &cmd_node_remove, &files,         &cmd_node_clean,   NULL};

const struct cmd cmd_node = {
    .name = "node",
    .summary = "the nodes: states; offline, remove; files",
    .description = "The nodes of a run: how they stand, what is to become of "
                   "them, what is on them; and this one.",
    .topics = topics,
    .noun = "action"};
