/* mpibatch show: the binding of this node, and what is made from tables: the
 * schema of job specs, man pages. What it shows of a run: show_*.c. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/json_put.h"
#include "cli/man.h"
#include "cli/show_topics.h"
#include "cli/specfile.h"
#include "spec/spec.h"
#include "topo/topo.h"
#include "view/terminal.h"

enum { SHOW_MAX_BYTES = 16 << 20, RANKS_MAX = 4096 };

/* ---- show binding ---- */

struct binding_values {
    const char *spec, *topology;
    uint64_t ranks;
    bool json;
};

static json_t *gpus_json(const struct topo *topo)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < topo_gpu_count(topo); i++) {
        const struct topo_gpu *g = topo_gpu(topo, i);
        json_array_append_new(
            list, json_pack("{sissssssss}", "gpu", (int)i, "vendor",
                            topo_vendor_name(g->vendor), "name", g->name,
                            "address", g->address, "cpus", g->cpus));
    }
    return list;
}

/* The slots of all ranks, in order, and the GPUs. */
static int binding_json(const struct topo *topo, const struct slots *slots,
                        uint32_t ranks, struct buf *out, struct err *err)
{
    json_t *list = json_array();
    for (uint32_t r = 0; r < ranks; r++)
        for (uint32_t i = 0; i < slots[r].count; i++)
            json_array_append_new(list, json_pack("{sisiss}", "slot",
                                                  (int)slots[r].slots[i].number,
                                                  "rank", (int)r, "cpus",
                                                  slots[r].slots[i].list));
    return json_put(json_pack("{sisoso}", "version", 1, "slots", list, "gpus",
                              gpus_json(topo)),
                    out, err);
}

static int binding_draw(const struct pool *pool, uint32_t granule,
                        uint32_t ranks, const char *topology, bool json,
                        struct buf *out, struct err *err)
{
    struct topo *topo = topo_load(topology, err);
    struct node_info *me = mem_calloc(1, sizeof(*me));
    const char **cpus = mem_calloc(ranks, sizeof(*cpus));
    struct slots *slots = mem_calloc(ranks, sizeof(*slots));
    struct terminal terminal;
    int rc = -1;

    if (!topo)
        goto out;
    if (!me || !cpus || !slots) {
        err_set(err, ENOMEM, "no memory");
        goto out;
    }
    if (topo_describe(topo, me, err) < 0)
        goto out;
    for (uint32_t r = 0; r < ranks; r++)
        cpus[r] = me->cpus;
    for (uint32_t r = 0; r < ranks; r++)
        if (topo_divide(topo, pool, cpus, r, ranks, granule, &slots[r], err) <
            0)
            goto out;
    terminal_detect(&terminal, 1);
    rc = json ? binding_json(topo, slots, ranks, out, err)
              : topo_draw(topo, slots, ranks, terminal.width, out, err);
out:
    for (uint32_t r = 0; slots && r < ranks; r++)
        slots_fini(&slots[r]);
    mem_free(slots);
    mem_free(cpus);
    mem_free(me);
    topo_destroy(topo);
    return rc;
}

static int show_binding(void *values)
{
    const struct binding_values *v = values;
    struct pool pool = {.slot_unit = SLOT_CORE};
    struct jobspec *spec = NULL;
    struct buf text;
    struct err err;
    uint32_t granule = 1;
    int rc = EXIT_FAILED;

    if (v->spec) {
        buf_init(&text, SPEC_MAX_BYTES);
        spec = specfile_load(v->spec, false, &text);
        buf_fini(&text);
        if (!spec)
            return EXIT_BAD_USAGE;
        pool = spec->pools[0];
        granule = jobspec_max_required_slots(spec);
    }
    buf_init(&text, SHOW_MAX_BYTES);
    if (binding_draw(&pool, granule, (uint32_t)v->ranks, v->topology, v->json,
                     &text, &err) < 0)
        log_error("%s", err.text);
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    jobspec_destroy(spec);
    return rc;
}

static const struct opt binding_opts[] = {
    {.name = "ranks",
     .letter = 'n',
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct binding_values, ranks),
     .what = "a number of ranks",
     .min = 1,
     .max = RANKS_MAX,
     .fallback = "1",
     .meaning = "as with N ranks on this node"},
    {.name = "topology",
     .kind = OPT_FILE,
     .value = "TOPOLOGY",
     .at = offsetof(struct binding_values, topology),
     .otherwise = "this machine's",
     .meaning = "of another machine: an hwloc XML file, or "
                "`synthetic:pack:2 core:8 pu:2`"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct binding_values, json),
     .meaning = "print JSON, {\"version\": 1, \"slots\": [{\"slot\", "
                "\"rank\", \"cpus\"}, ...], \"gpus\": [{\"gpu\", "
                "\"vendor\", \"name\", \"address\", \"cpus\"}, ...]}"}};

static const struct opt_set binding_sets[] = {OPT_SET(binding_opts, 0)};

static const struct arg binding_args[] = {
    {.name = "SPEC",
     .noun = "job spec",
     .kind = OPT_SPEC,
     .at = offsetof(struct binding_values, spec),
     .optional = true,
     .meaning = "the pool and the tasks are those of this job spec"}};

static const struct cmd_exit show_exits[] = {
    {EXIT_OK, "shown"},
    {EXIT_FAILED, "it cannot be shown"},
    {EXIT_BAD_USAGE,
     "wrong usage; no such page or shell; a wrong job spec or topology"}};
enum { SHOW_EXITS = sizeof(show_exits) / sizeof(show_exits[0]) };

static const struct cmd binding = {
    .name = "show binding",
    .summary = "which cores of this node are which slot; its GPUs",
    .description = "Draw this node's cores, and which slot of which rank has "
                   "them; then its GPUs, with their PCI addresses and the "
                   "CPUs that are next to them: tasks get those nearest to "
                   "their cores.",
    .sets = binding_sets,
    .set_count = 1,
    .args = binding_args,
    .arg_count = 1,
    .exits = show_exits,
    .exit_count = SHOW_EXITS,
    .values_size = sizeof(struct binding_values),
    .main = show_binding};

/* ---- What is made from tables ---- */

static int show_schema(void *values)
{
    struct buf text;
    struct err err;
    int rc = EXIT_FAILED;
    (void)values;
    buf_init(&text, SHOW_MAX_BYTES);
    if (spec_put_schema(&text, &err) < 0)
        log_error("%s", err.text);
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    return rc;
}

static const struct cmd schema = {
    .name = "show schema",
    .summary = "the JSON Schema of job specs, for editors",
    .description = "Print the JSON Schema of job specs, by which editors check "
                   "and complete them.",
    .exits = show_exits,
    .exit_count = SHOW_EXITS,
    .main = show_schema};

struct man_values {
    const char *page;
};

/* "run", "mpibatch-run" and "mpibatch-run.1" are one page. */
static int page_put(const char *page, struct buf *out, struct err *err)
{
    char name[64];
    bool whole = strncmp(page, "mpibatch", 8) == 0;
    if (whole)
        page += page[8] == '-' ? 9 : 8;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(page, "."), page);
    if (strcmp(name, "jobspec") == 0)
        return spec_put_man(out, err);
    const struct cmd *command = *name ? cmd_find(name) : NULL;
    if (*name && !command)
        return err_set(err, EINVAL, "no man page \"%s\"", page);
    return man_put(command, out) < 0
               ? err_set(err, ENOMEM, "no memory for the man page")
               : 0;
}

static int show_man(void *values)
{
    const struct man_values *v = values;
    struct buf text;
    struct err err;
    int rc = EXIT_FAILED;
    buf_init(&text, SHOW_MAX_BYTES);
    if (page_put(v->page ? v->page : "mpibatch", &text, &err) == 0)
        rc = stdout_put(buf_text(&text), text.len);
    else if (err.code == EINVAL)
        rc = usage_error("show man", "%s", err.text);
    else
        log_error("%s", err.text);
    buf_fini(&text);
    return rc;
}

static const char *const other_pages[] = {"jobspec", NULL};

static const struct arg man_args[] = {
    {.name = "PAGE",
     .noun = "man page",
     .kind = OPT_COMMAND,
     .at = offsetof(struct man_values, page),
     .words = other_pages,
     .optional = true,
     .meaning = "a command, or jobspec for the keys of job specs; without "
                "it, mpibatch(1)"}};

static const struct cmd man = {
    .name = "show man",
    .summary = "a man page, in roff",
    .description = "Print a man page, in roff. What `make install` has "
                   "installed, `man mpibatch` shows; else: `mpibatch show man "
                   "run | man -l -`.",
    .args = man_args,
    .arg_count = 1,
    .exits = show_exits,
    .exit_count = SHOW_EXITS,
    .values_size = sizeof(struct man_values),
    .main = show_man};

enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };
struct completion_values {
    enum shell shell;
};

static int show_completion(void *values)
{
    static int (*const put[])(struct buf * out) = {
        completion_put_bash, completion_put_zsh, completion_put_fish};
    const struct completion_values *v = values;
    struct buf text;
    int rc = EXIT_FAILED;
    buf_init(&text, SHOW_MAX_BYTES);
    if (put[v->shell](&text) < 0)
        log_error("no memory for the completion");
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    return rc;
}

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static const struct arg completion_args[] = {
    {.name = "SHELL",
     .noun = "shell",
     .kind = OPT_CHOICE,
     .at = offsetof(struct completion_values, shell),
     .words = shells,
     .meaning = "bash, zsh or fish"}};

static const struct cmd completion = {
    .name = "show completion",
    .summary = "completion of command lines, for a shell",
    .description =
        "Print the completion of mpibatch for a shell. `make install` puts it "
        "where shells look; for a program that is not installed, in bash: "
        "`eval \"$(mpibatch show completion bash)\"`.",
    .args = completion_args,
    .arg_count = 1,
    .exits = show_exits,
    .exit_count = SHOW_EXITS,
    .values_size = sizeof(struct completion_values),
    .main = show_completion};

static const struct cmd *const topics[] = {&show_run,   &show_spec, &show_table,
                                           &binding,    &schema,    &man,
                                           &completion, NULL};

const struct cmd cmd_show = {
    .name = "show",
    .summary = "where a run comes from; binding, schema, man pages",
    .description =
        "Show where a run comes from and what it was given; and what mpibatch "
        "knows without a run.",
    .topics = topics};
