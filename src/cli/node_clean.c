/* mpibatch node clean: what runs have left on this machine. */
#include "config.h"
#include "cli/node_topics.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "stage/scratch.h"
#include "view/describe.h"

struct clean_values {
    const char *scratch;
};

static int clean(void *values)
{
    const struct clean_values *v = values;
    const char *root = scratch_root(v->scratch, getenv);
    struct scratch_cleaned cleaned;
    struct err err = {0};
    uint32_t removed, used;
    char count[64];
    int rc = EXIT_OK;
    if (scratch_remove_caches(root, &removed, &used, &err) < 0 ||
        scratch_clean_stale(root, clock_wall_ns(), NULL, &cleaned, &err) < 0) {
        log_error("%s", err.text);
        return err.code == ENOENT || err.code == ENOTDIR ? EXIT_BAD_USAGE
                                                         : EXIT_FAILED;
    }
    log_info("%s: %s removed", root, describe_count(removed, "cache", count));
    if (cleaned.removed > 0)
        log_info("%s: %s of runs that are over removed", root,
                 describe_count(cleaned.removed, "folder", count));
    if (cleaned.kept > 0)
        log_info("%s: %s with directories of tasks that are still kept", root,
                 describe_count(cleaned.kept, "folder", count));
    if (used > 0) {
        log_error("%s: %s in use; when the runs there have ended, the same "
                  "command removes that",
                  root, describe_count(used, "cache", count));
        rc = EXIT_FAILED;
    }
    return rc;
}

static const struct opt opts[] = {
    {.name = "scratch",
     .kind = OPT_DIR,
     .value = "DIR",
     .at = offsetof(struct clean_values, scratch),
     .otherwise = "SLURM_TMPDIR, else TMPDIR, else /tmp",
     .meaning =
         "where the runs had their scratch folders: their pool.scratch"}};
static const struct opt_set sets[] = {OPT_SET(opts, 0)};

static const struct cmd_exit exits[] = {
    {EXIT_OK, "done: nothing of that is left"},
    {EXIT_FAILED, "a cache is in use, or something cannot be removed"},
    {EXIT_BAD_USAGE, "wrong usage, or no such folder"}};

static const struct cmd_example examples[] = {
    {"mpibatch node clean --scratch /local/$USER", "On this machine"},
    {"srun --ntasks-per-node=1 mpibatch node clean",
     "On each node of an allocation"}};

const struct cmd cmd_node_clean = {
    .name = "node clean",
    .summary = "remove what runs have left on this machine",
    .description =
        "Remove from the disk of this machine the caches that runs of yours "
        "have kept (`pool.cache.keep`), the directories of tasks whose "
        "`retention_time` has passed, and what killed runs have left.\n\n"
        "What a run uses stays, as do the directories of tasks that are still "
        "kept, and all that is another user's.",
    .sets = sets,
    .set_count = 1,
    .examples = examples,
    .example_count = 2,
    .exits = exits,
    .exit_count = sizeof(exits) / sizeof(exits[0]),
    .values_size = sizeof(struct clean_values),
    .main = clean};
