/* The tree of a job spec to the model: jobs, and what they are called. */
#include "config.h"
#include "spec/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/task_ids.h"
#include "spec/errors.h"
#include "spec/parse.h"
#include "spec/parse_depends.h"
#include "spec/parse_life.h"
#include "spec/parse_storage.h"
#include "spec/read.h"

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
                     const struct job_fields *f, const char *id,
                     struct job *job)
{
    size_t errors_before = p->errors->total;
    struct constraints_fields c;
    uint32_t pool = job_pool_find(p, node, &f->pool_info);
    fields_read(p->errors, "`constraints`", f->constraints.node,
                &job_constraints_keys, &c);
    depends_read(p, &f->depends_on);
    depends_allowed(p, f);
    job->id = id ? id : f->id.node ? f->id.node->u.text : "job";
    job->pool = pool == UINT32_MAX ? 0 : pool;
    job->max_wall_clock_ns = c.max_wall_clock_time.u.integer;
    int32_t retries = (int32_t)c.max_task_retry_count.u.integer;
    p->pool_known = pool != UINT32_MAX;
    if (job_life_build(p, f, job) < 0 || set_build(p, f, &job->tasks) < 0)
        return -1;
    size_t before_metrics = p->errors->total;
    if (metrics_build(p, &f->metrics, job) < 0)
        return -1;
    p->metrics_known = p->errors->total == before_metrics;
    if (tasks_build(p, node, f, retries, job) < 0 ||
        job_specials_build(p, f, retries, job) < 0)
        return -1;
    if (!p->blind)
        state_names_check(p, &f->metrics, &job->tasks);
    job_life_check(p, f, job);
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

/* The jobs that are listed. */
static int listed_jobs_build(struct parse *p, const struct tree_node *list,
                             struct job *jobs, struct depends_from *from)
{
    uint32_t count = list->count;
    struct job_fields *fields =
        arena_calloc(p->scratch, count, sizeof(*fields));
    if (!fields)
        return -1;
    for (uint32_t i = 0; i < count; i++)
        fields_read(p->errors, "a job", &list->u.items[i], &job_keys,
                    &fields[i]);
    job_ids_check(p, list, fields);
    for (uint32_t i = 0; i < count; i++)
        if (list->u.items[i].kind == TREE_MAPPING &&
            job_build(p, &list->u.items[i], &fields[i], NULL, &jobs[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < count; i++)
        from[i] = (struct depends_from){&list->u.items[i], &fields[i], 1};
    return 0;
}

/* The jobs of one schedule. */
static int schedule_build(struct parse *p, const struct schedule_read *r,
                          uint32_t schedule, struct job *jobs)
{
    const char *id = schedule_job_id(p, r, 0);
    const struct field *name = &r->fields.display_name;
    if (!r->job || r->schedule.job_count == 0)
        return 0; /* wrong, and reported */
    if (!id || job_build(p, r->job, &r->job_fields, id, &jobs[0]) < 0)
        return -1;
    jobs[0].schedule = schedule + 1;
    if (name->node && !jobs[0].display_name)
        jobs[0].display_name = name->node->u.text;
    if (jobs[0].metadata.count == 0 &&
        metadata_build(p, &r->fields.metadata, &jobs[0].metadata) < 0)
        return -1;
    return schedule_fill(p, r, jobs);
}

/* Long lists are searched by id; those of the copies of a job are its own. */
static int ids_make(struct parse *p)
{
    enum { FEW = 32 };
    struct job *jobs = (struct job *)p->spec->jobs;
    for (uint32_t j = 0; j < p->spec->job_count; j++)
        if (jobs[j].tasks.kind == TASKS_LISTED && jobs[j].tasks.count > FEW &&
            task_ids_make(&jobs[j], 0, p->arena) < 0)
            return -1;
    return 0;
}

static int jobs_build(struct parse *p, const struct spec_fields *f)
{
    const struct tree_node *list = f->jobs.node;
    struct schedule_read *read = NULL;
    uint32_t total = list ? list->count : 0, schedules = 0;
    if (schedules_read(p, &f->job_schedules, total, &read, &schedules) < 0)
        return -1;
    struct job_schedule *all = arena_calloc(p->arena, schedules, sizeof(*all));
    for (uint32_t i = 0; i < schedules; i++) {
        read[i].schedule.first_job = total;
        total += read[i].schedule.job_count;
    }
    struct job *jobs = arena_calloc(p->arena, total, sizeof(*jobs));
    struct depends_from *from = arena_calloc(p->scratch, total, sizeof(*from));
    if ((total > 0 && (!jobs || !from)) || (schedules > 0 && !all))
        return -1;
    p->spec->jobs = jobs;
    p->spec->job_count = total;
    p->spec->schedules = all;
    p->spec->schedule_count = schedules;
    if (list && listed_jobs_build(p, list, jobs, from) < 0)
        return -1;
    for (uint32_t i = 0; i < schedules; i++) {
        all[i] = read[i].schedule;
        schedule_names_check(p, &read[i], jobs, list ? list->count : 0);
        if (schedule_build(p, &read[i], i, &jobs[all[i].first_job]) < 0)
            return -1;
        if (all[i].job_count > 0)
            from[all[i].first_job] = (struct depends_from){
                read[i].job, &read[i].job_fields, all[i].job_count};
    }
    if (p->damaged || p->errors->total > 0)
        return 0;
    return ids_make(p) < 0 ? -1 : depends_build(p, from);
}

static int spec_build(struct parse *p, const struct tree_node *root,
                      const char *stem)
{
    struct spec_fields f;
    struct field start_tasks[JOBSPEC_MAX_POOLS];
    fields_read(p->errors, "a job spec", root, &spec_keys, &f);
    if (root->kind == TREE_MAPPING && !f.jobs.key && !f.job_schedules.key)
        spec_errors_add(p->errors, root->line, root->column,
                        "a job spec needs `jobs`, such as %s",
                        key_find(&spec_keys, "jobs")->example);
    p->spec->name = f.name.node ? f.name.node->u.text
                                : arena_strdup(p->arena, stem ? stem : "run");
    if (!p->spec->name)
        return -1;
    if (storage_build(p, &f.storage) < 0 ||
        pools_build(p, &f, start_tasks) < 0 ||
        start_tasks_build(p, start_tasks) < 0 || jobs_build(p, &f) < 0)
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
    map_fini(&p.requests);
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
