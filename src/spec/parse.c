/* The tree of a job spec to the model: pool, jobs, and what they are called. */
#include "config.h"
#include "spec/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "spec/errors.h"
#include "spec/parse.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

/* Each node's own folder for what is passing. */
static void scratch_build(struct parse *p, const struct pool_fields *f)
{
    const struct tree_node *n = f->scratch.node;
    struct pool *pool = &p->pools[0];
    struct cache_fields cache;
    fields_read(p->errors, "`cache`", f->cache.node, &cache_keys, &cache);
    pool->cache_max_bytes = (uint64_t)cache.max_size.u.integer;
    pool->cache_keep = cache.keep.u.integer;
    pool->scratch_reserve_bytes = (uint64_t)f->scratch_reserve.u.integer;
    if (cache.max_size.node && pool->cache_max_bytes == 0)
        text_error(p, cache.max_size.node, 0,
                   "`max_size` cannot be 0: what is given to tasks passes "
                   "through the cache");
    if (!n || !location_check(p, n))
        return;
    if (n->u.text[0] == '/')
        pool->scratch = n->u.text;
    else
        text_error(p, n, 0,
                   "`scratch` must be an absolute path: it is a folder on each "
                   "node");
}

static int pool_build(struct parse *p, const struct field *f)
{
    struct pool_fields pool;
    fields_read(p->errors, "`pool`", f->node, &pool_keys, &pool);
    p->pools[0].id = pool.id.node ? pool.id.node->u.text : "pool";
    p->pools[0].task_slots_per_node =
        (uint32_t)pool.task_slots_per_node.u.integer;
    p->pools[0].slot_unit = (enum slot_unit)pool.slot_unit.u.integer;
    scratch_build(p, &pool);
    return packages_build(p, &pool);
}

/* A task a line of a file. */
static int commands_build(struct parse *p, const struct job_fields *f,
                          struct taskset *set)
{
    const struct tree_node *at = f->commands.node;
    const struct table *lines;
    taskset_init_listed(set, 1); /* should there be none */
    if (table_open(p, at, TABLE_COMMANDS, &lines) < 0)
        return -1;
    if (!lines)
        return 0;
    taskset_init_commands(set, lines);
    if (set->count > (uint64_t)f->max_tasks.u.integer)
        spec_errors_add(p->errors, at->line, at->column,
                        "%s has %u commands, which is more than `max_tasks`, "
                        "%lld",
                        excerpt_of(at->u.text).text, set->count,
                        (long long)f->max_tasks.u.integer);
    return 0;
}

/* A job without sweep, commands and list is one task. */
static int set_build(struct parse *p, const struct job_fields *f,
                     struct taskset *set)
{
    bool known = true;
    if (f->sweep.node) {
        if (sweep_build(p, &f->sweep, (uint64_t)f->max_tasks.u.integer, set,
                        &known) < 0)
            return -1;
    } else if (f->commands.node) {
        p->blind = false;
        return commands_build(p, f, set);
    } else {
        taskset_init_listed(set, f->tasks.node ? f->tasks.node->count : 1);
        known = !f->sweep.key;
    }
    p->blind = !known;
    return 0;
}

/* results.h5 has a variable NAME_state beside each metric. */
static void state_names_check(struct parse *p, const struct field *metrics,
                              const struct taskset *set)
{
    const struct tree_node *n = metrics->node;
    char state[KEY_NAME_MAX + sizeof("_state")];
    for (uint32_t i = 0; n && i < n->count; i++) {
        const struct tree_node *key = &n->u.pairs[i].key;
        if (key->count > KEY_NAME_MAX)
            continue;
        snprintf(state, sizeof(state), "%s_state", key->u.text);
        bool is_param = taskset_find_param(set, state) >= 0;
        if (is_param || tree_get(n, state))
            spec_errors_add(p->errors, key->line, key->column,
                            "metric `%s` needs the name `%s` in results.h5, "
                            "which a %s has already",
                            key->u.text, state,
                            is_param ? "parameter" : "metric");
    }
}

static int job_build(struct parse *p, const struct tree_node *node,
                     const struct job_fields *f, struct job *job)
{
    size_t errors_before = p->errors->total;
    struct constraints_fields c;
    fields_read(p->errors, "`constraints`", f->constraints.node,
                &job_constraints_keys, &c);
    job->id = f->id.node ? f->id.node->u.text : "job";
    job->priority = (int32_t)f->priority.u.integer;
    job->max_wall_clock_ns = c.max_wall_clock_time.u.integer;
    int32_t retries = (int32_t)c.max_task_retry_count.u.integer;
    if (set_build(p, f, &job->tasks) < 0 ||
        tasks_build(p, node, f, retries, job) < 0 ||
        metrics_build(p, &f->metrics, job) < 0)
        return -1;
    if (!p->blind)
        state_names_check(p, &f->metrics, &job->tasks);
    if (p->damaged || p->errors->total > errors_before)
        return 0;
    return job_check(p, f, job);
}

/* Jobs have ids if there are several, and no two the same. */
static void job_ids_check(struct parse *p, const struct tree_node *jobs,
                          const struct job_fields *fields)
{
    for (uint32_t i = 0; i < jobs->count; i++) {
        const struct tree_node *id = fields[i].id.node, *at = &jobs->u.items[i];
        if (!fields[i].id.key && jobs->count > 1 && at->kind == TREE_MAPPING)
            spec_errors_add(p->errors, at->line, at->column,
                            "a job needs `id` if there are several jobs");
        for (uint32_t k = 0; id && k < i; k++) {
            const struct tree_node *other = fields[k].id.node;
            if (!other || strcasecmp(id->u.text, other->u.text) != 0)
                continue;
            spec_errors_add(p->errors, id->line, id->column,
                            "the job in line %u is called \"%s\" already",
                            other->line, other->u.text);
            break;
        }
    }
}

static int jobs_build(struct parse *p, const struct tree_node *list)
{
    uint32_t count = list->count;
    struct job *jobs = arena_calloc(p->arena, count, sizeof(*jobs));
    struct job_fields *fields =
        arena_calloc(p->scratch, count, sizeof(*fields));
    if (!jobs || !fields)
        return -1;
    p->spec->jobs = jobs;
    p->spec->job_count = count;
    for (uint32_t i = 0; i < count; i++)
        fields_read(p->errors, "a job", &list->u.items[i], &job_keys,
                    &fields[i]);
    job_ids_check(p, list, fields);
    for (uint32_t i = 0; i < count; i++)
        if (list->u.items[i].kind == TREE_MAPPING &&
            job_build(p, &list->u.items[i], &fields[i], &jobs[i]) < 0)
            return -1;
    return 0;
}

static int spec_build(struct parse *p, const struct tree_node *root,
                      const char *stem)
{
    struct spec_fields f;
    fields_read(p->errors, "a job spec", root, &spec_keys, &f);
    p->spec->name = f.name.node ? f.name.node->u.text
                                : arena_strdup(p->arena, stem ? stem : "run");
    if (!p->spec->name)
        return -1;
    if (storage_build(p, &f.storage) < 0 || pool_build(p, &f.pool) < 0 ||
        (f.jobs.node && jobs_build(p, f.jobs.node) < 0))
        return -1;
    if (p->damaged || p->errors->total > 0)
        return 0;
    sources_check(p);
    return jobs_outputs_check(p);
}

struct jobspec *spec_parse(const char *text, size_t len,
                           const char *file_name_stem,
                           const struct spec_files *files,
                           struct spec_errors *errors)
{
    if (spec_errors_init(errors) < 0)
        return NULL;
    struct arena *nodes = arena_create(SPEC_MAX_BYTES);
    struct parse p = {.errors = errors,
                      .arena = arena_create(SPEC_MAX_BYTES),
                      .scratch = nodes,
                      .files = files};
    struct tree_node root;
    if (nodes && p.arena)
        p.spec = arena_calloc(p.arena, 1, sizeof(*p.spec));
    if (p.spec)
        p.pools = arena_calloc(p.arena, JOBSPEC_MAX_POOLS, sizeof(*p.pools));
    if (!p.pools) {
        spec_errors_no_memory(errors, 0);
    } else {
        p.spec->arena = p.arena;
        p.spec->pools = p.pools;
        p.spec->pool_count = 1;
        int rc = tree_parse(text, len, nodes, p.arena, errors, &root);
        p.damaged = errors->count > 0;
        if (rc == 0 && spec_build(&p, &root, file_name_stem) < 0)
            spec_errors_no_memory(errors, arena_used_bytes(p.arena));
    }
    arena_destroy(nodes);
    if (errors->count == 0) {
        spec_errors_fini(errors);
        return p.spec;
    }
    spec_errors_sort(errors);
    arena_destroy(p.arena);
    return NULL;
}

bool name_is_good(const char *name)
{
    static const char known[] = "_abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t len = strspn(name, known);
    return len > 0 && len <= KEY_NAME_MAX && !name[len] &&
           !(*name >= '0' && *name <= '9');
}

bool name_check(struct parse *p, const struct tree_node *key, const char *noun)
{
    const char *s = key->u.text;
    if (!name_is_good(s)) {
        spec_errors_add(
            p->errors, key->line, key->column,
            "\"%s\" cannot be the name of a %s; it must be letters, "
            "digits and \"_\", no digit first, at most %d",
            excerpt_of(s).text, noun, KEY_NAME_MAX);
        return false;
    }
    const char *reserved;
    for (size_t i = 0; (reserved = key_reserved_name(i)); i++) {
        if (strcmp(reserved, s) != 0)
            continue;
        spec_errors_add(p->errors, key->line, key->column,
                        "a %s cannot be called `%s`; results.h5 has something "
                        "else of that name",
                        noun, s);
        return false;
    }
    return true;
}
