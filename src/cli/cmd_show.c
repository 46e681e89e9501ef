/* mpibatch show: the binding of this node; the keys of job specs. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/json_put.h"
#include "cli/run_options.h"
#include "cli/specfile.h"
#include "spec/spec.h"
#include "topo/topo.h"
#include "view/terminal.h"

static const char help[] =
    "Usage: mpibatch show binding [OPTION]... [SPEC]\n"
    "   or: mpibatch show schema | man\n"
    "binding: draw this node's cores and which slot of which rank has them,\n"
    "for the pool of SPEC or the default one.\n"
    "schema: the JSON Schema of job specs, for editors; man: the manual page\n"
    "mpibatch-jobspec(5), in roff.\n\n"
    "  -n, --ranks N      as with N ranks on this node (default 1)\n"
    "      --topology T   of another machine: an hwloc XML file, or\n"
    "                     \"synthetic:pack:2 core:8 pu:2\"\n"
    "      --json         the binding as JSON: {\"version\": 1, \"slots\":\n"
    "                     [{\"slot\", \"rank\", \"cpus\"}, ...]}\n"
    "  -h, --help         show this\n";

enum { SHOW_MAX_BYTES = 16 << 20, RANKS_MAX = 4096 };

/* The slots of all ranks, in order. */
static int binding_json(const struct slots *slots, uint32_t ranks,
                        struct buf *out, struct err *err)
{
    json_t *list = json_array();
    for (uint32_t r = 0; r < ranks; r++)
        for (uint32_t i = 0; i < slots[r].count; i++)
            json_array_append_new(list, json_pack("{sisiss}", "slot",
                                                  (int)slots[r].slots[i].number,
                                                  "rank", (int)r, "cpus",
                                                  slots[r].slots[i].list));
    return json_put(json_pack("{siso}", "version", 1, "slots", list), out, err);
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
    rc = json ? binding_json(slots, ranks, out, err)
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

static int show_binding(const char *spec_path, uint32_t ranks,
                        const char *topology, bool json)
{
    struct pool pool = {.slot_unit = SLOT_CORE};
    struct jobspec *spec = NULL;
    struct buf text;
    struct err err;
    uint32_t granule = 1;
    int rc = EXIT_FAILED;

    if (spec_path) {
        buf_init(&text, SPEC_MAX_BYTES);
        spec = specfile_load(spec_path, &text);
        buf_fini(&text);
        if (!spec)
            return EXIT_BAD_USAGE;
        pool = spec->pool;
        granule = jobspec_max_required_slots(spec);
    }
    buf_init(&text, SHOW_MAX_BYTES);
    if (binding_draw(&pool, granule, ranks, topology, json, &text, &err) < 0)
        log_error("%s", err.text);
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    jobspec_destroy(spec);
    return rc;
}

static int show_made(int (*put)(struct buf *out, struct err *err))
{
    struct buf text;
    struct err err;
    int rc = EXIT_FAILED;
    buf_init(&text, SHOW_MAX_BYTES);
    if (put(&text, &err) < 0)
        log_error("%s", err.text);
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    return rc;
}

int cmd_show(int argc, char **argv)
{
    static const struct option options[] = {
        {"ranks", required_argument, NULL, 'n'},
        {"topology", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    const char *topology = NULL;
    unsigned long long ranks = 1;
    bool json = false;
    int letter;
    while ((letter = getopt_long(argc, argv, ":n:h", options, NULL)) >= 0) {
        if (letter == 'h')
            return usage_show(help);
        if (letter == 't')
            topology = optarg;
        else if (letter == 'j')
            json = true;
        else if (letter != 'n')
            return usage_bad_option("show", options, argv, letter);
        else if (!number_parse(optarg, RANKS_MAX, &ranks))
            return usage_error("show", "--ranks takes 1 to %d, not \"%s\"",
                               RANKS_MAX, optarg);
    }
    const char *what = optind < argc ? argv[optind] : "";
    int more = argc - optind - 1;
    if (strcmp(what, "binding") == 0 && more <= 1)
        return show_binding(more == 1 ? argv[optind + 1] : NULL,
                            (uint32_t)ranks, topology, json);
    if (strcmp(what, "schema") == 0 && more == 0)
        return show_made(spec_put_schema);
    if (strcmp(what, "man") == 0 && more == 0)
        return show_made(spec_put_man);
    return usage_error("show", "show what? binding, schema or man");
}
