/* The table of all keys: pools, their nodes, resources and start tasks. */
#include "config.h"
#include "spec/keys_rows.h"

static const struct key pool_rows[] = {
    {KEY(pool_fields, id), ID, .fallback = "pool",
     .meaning = "What the pool is called: AZ_BATCH_POOL_ID of its tasks; of "
                "several pools each needs one of its own",
     .example = "cluster"},
    {KEY(pool_fields, display_name), TEXT(1, DISPLAY_NAME_MAX),
     .otherwise = "none", .meaning = "What people call it",
     .example = "Nodes with much memory"},
    {KEY(pool_fields, metadata), METADATA, .otherwise = "none",
     .meaning = "Names and values of your own; they are shown, and change "
                "nothing",
     .example = "{project: lattice}"},
    {KEY(pool_fields, nodes),
     RANGE(KEY_STRUCT, 0, 0, .set = &pool_nodes_keys,
           .another = INTEGER(1, TARGET_MAX)),
     .otherwise = "all that no pool before it takes",
     .meaning = "Which nodes of the allocation belong to it, of those that no "
                "pool before it takes: how many, or a mapping that says which",
     .example = "{name: 'gpu*', count: 4}"},
    {KEY(pool_fields, target_dedicated_nodes), INTEGER(1, TARGET_MAX),
     .otherwise = "as many as there are",
     .meaning = "How many nodes it must have: the session does not begin with "
                "fewer. The nodes are those of the allocation",
     .example = "8"},
    {KEY(pool_fields, resize_timeout), DURATION, .fallback = "15m",
     .meaning = "How long the session waits for the ranks of these nodes to "
                "join before it goes on without those that have not"},
    {KEY(pool_fields, task_slots_per_node), INTEGER(1, JOBSPEC_MAX_SLOTS),
     .otherwise = "as many as the node has units",
     .meaning = "Slots of each node: how many tasks of one slot it runs at "
                "once",
     .example = "4"},
    {KEY(pool_fields, slot_unit),
     CHOICE("core", "hwthread", "numanode", "package"), .fallback = "core",
     .meaning = "What one slot stands for: a core, a hardware thread, a NUMA "
                "node or a package (socket)"},
    {KEY(pool_fields, task_scheduling_policy), STRUCT(scheduling_policy_keys),
     .otherwise = "tasks are spread over the nodes",
     .meaning = "Which node a task goes to"},
    {KEY(pool_fields, node_resources), AMOUNTS(JOBSPEC_MAX_RESOURCES),
     .otherwise = "the memory and the GPUs that are found",
     .meaning = "How much each node has of what tasks may require besides "
                "slots: memory, gpus, and anything that has a name. memory and "
                "gpus are in place of what is found",
     .example = "{gpus: 4, memory: 240GiB, ssd: 2}"},
    {KEY(pool_fields, pool_resources), AMOUNTS(JOBSPEC_MAX_RESOURCES),
     .otherwise = "none",
     .meaning = "How much there is for all nodes of the pool together, such as "
                "licences",
     .example = "{licences: 5}"},
    {KEY(pool_fields, start_task), STRUCT(start_task_keys), .otherwise = "none",
     .meaning = "Runs on each node before all tasks, once a session",
     .example = "{command_line: ./warm-up}"},
    {KEY(pool_fields, scratch), TEXT_LIKE(1, PATH_BYTES_MAX, "^/[^$]*$"),
     .otherwise = "SLURM_TMPDIR, TMPDIR or /tmp of each node",
     .meaning = "A folder on each node's own disk, in which the directories of "
                "tasks and the cache are; it is emptied at the end",
     .example = "/local/scratch"},
    {KEY(pool_fields, scratch_reserve), SIZE(0), .fallback = "64MiB",
     .meaning = "How much of that disk staging leaves free"},
    {KEY(pool_fields, cache), STRUCT(cache_keys),
     .otherwise = "half of the free disk, not kept",
     .meaning = "The cache that each node has there"},
    {KEY(pool_fields, application_packages),
     LIST(STRUCT(package_keys), 0, STORAGE_MAX_PACKAGES), .otherwise = "none",
     .meaning = "Applications that nodes can unpack for their tasks; those of "
                "several pools are one list, for all of them",
     .example = "[{application_id: solver, version: '1.0', path: "
                "solver.tar.gz}]"},
    {KEY(pool_fields, application_package_references),
     LIST(STRUCT(package_reference_keys), 0, STORAGE_MAX_PACKAGES),
     .otherwise = "none", .meaning = "Those that all tasks get",
     .example = "[{application_id: solver}]"},
};

static const char the_allocation[] =
    "the nodes are those of the allocation: mpirun and the scheduler say which";
static const char no_images[] =
    "nodes run what the cluster has installed; `start_task` can prepare them, "
    "`container_settings` of a task start a container";
static const char no_scale[] =
    "the allocation has as many nodes as it has; ask the cluster's scheduler "
    "for more or fewer, and resume";
static const char no_network[] =
    "nodes use the cluster's network, all can talk to all; leave it out";
static const char no_users[] =
    "tasks run as the user who runs mpibatch; leave it out";
static const struct key_refused pool_refused[] = {
    {"vm_size", the_allocation},
    {"target_low_priority_nodes",
     "all nodes are those of the allocation; `target_dedicated_nodes` says how "
     "many there must be"},
    {"virtual_machine_configuration", no_images},
    {"cloud_service_configuration", no_images},
    {"enable_auto_scale", no_scale},
    {"auto_scale_formula", no_scale},
    {"auto_scale_evaluation_interval", no_scale},
    {"network_configuration", no_network},
    {"enable_inter_node_communication", no_network},
    {"target_node_communication_mode", no_network},
    {"user_accounts", no_users},
    {"certificate_references",
     "certificates are files: tasks read them where they are, or get them by "
     "`resource_files`"},
    {"application_licenses",
     "licences that tasks share are `pool_resources`, which they ask for by "
     "`required_resources`"},
    {"resource_tags", "`metadata` is for what you note of a pool"},
    {"upgrade_policy", no_images},
    {"mount_configuration",
     "mount file systems before the run; containers of `storage` name their "
     "folders"},
    {NULL, NULL}};
const struct key_set pool_keys = {
    .name = "pool",
    .noun = "the pool",
    .plural = "pools",
    .path = "pool",
    .meaning = "The pool is made of the nodes of the allocation; a task "
               "occupies one or more of their slots",
    .refused = pool_refused,
    KEY_SET(pool_rows)};

static const struct key pool_nodes_rows[] = {
    {KEY(pool_nodes_fields, count), INTEGER(1, TARGET_MAX),
     .otherwise = "all that suit",
     .meaning = "How many it takes; the session does not begin with fewer",
     .example = "4"},
    {KEY(pool_nodes_fields, name), TEXT(1, LABEL_MAX), .otherwise = "any",
     .meaning = "A pattern of host names: * for any text, ? for a character, "
                "[abc] for one of them",
     .example = "'gpu[0-9]*'"},
    {KEY(pool_nodes_fields, min_cores), INTEGER(1, TARGET_MAX),
     .otherwise = "any number", .meaning = "The fewest cores of a node",
     .example = "64"},
    {KEY(pool_nodes_fields, min_memory), SIZE(1), .otherwise = "any size",
     .meaning = "The least memory of a node", .example = "512GiB"},
    {KEY(pool_nodes_fields, min_gpus), INTEGER(1, GPU_MAX_PER_NODE),
     .otherwise = "any number", .meaning = "The fewest GPUs of a node",
     .example = "1"},
};
const struct key_set pool_nodes_keys = {
    .name = "pool_nodes",
    .noun = "the nodes of a pool",
    .plural = "nodes",
    .path = "pools[].nodes",
    .meaning = "Which nodes of the allocation belong to a pool: all that is "
               "said must hold",
    KEY_SET(pool_nodes_rows)};

static const struct key scheduling_policy_rows[] = {
    {KEY(scheduling_policy_fields, node_fill_type), CHOICE("spread", "pack"),
     .fallback = "spread",
     .meaning = "Whether a task goes to the node with the most free slots, or "
                "nodes are filled one after the other"},
};
static const struct key_refused scheduling_policy_refused[] = {
    {"job_default_order",
     "jobs start by their `priority`, those that have the same as they stand "
     "in the job spec"},
    {NULL, NULL}};
const struct key_set scheduling_policy_keys = {
    .name = "task_scheduling_policy",
    .noun = "the task scheduling policy",
    .plural = "policies",
    .path = "pool.task_scheduling_policy",
    .meaning = "Which node a task goes to",
    .refused = scheduling_policy_refused,
    KEY_SET(scheduling_policy_rows)};

static const struct key metadata_rows[] = {
    {KEY(metadata_fields, name), TEXT(1, LABEL_MAX), .required = true,
     .meaning = "A name", .example = "project"},
    {KEY(metadata_fields, value), TEXT(0, PATH_BYTES_MAX), .required = true,
     .meaning = "Its value", .example = "lattice"},
};
const struct key_set metadata_keys = {
    .name = "metadata_item",
    .noun = "an item of metadata",
    .plural = "items of metadata",
    .path = "metadata[]",
    .meaning = "One name and value, as Azure Batch writes it",
    KEY_SET(metadata_rows)};
