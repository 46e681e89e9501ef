/* What can only be checked by expanding: are task ids valid and distinct, do
 * the values suit their places?
 *
 * Up to CHECK_MAX tasks all ids are made and compared; of larger sweeps those
 * of a sample, in which each value of each parameter stands. Templates are
 * expanded for a sample of EXPAND_MAX tasks.
 */
#include "config.h"
#include "spec/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/map.h"
#include "spec/errors.h"
#include "spec/parse_storage.h"

enum { CHECK_MAX = 1000000, EXPAND_MAX = 100000 };

struct check {
    struct parse *parse;
    const struct job *job;
    const struct tree_node *task, *tasks; /* as in the file; may be NULL */
    uint32_t first;                       /* of tasks, its index */
};

/* Where a key of task `index` stands, as nearly as can be said. */
static const struct tree_node *key_place(const struct check *c, uint32_t index,
                                         const char *key)
{
    const struct tree_node *own =
        c->tasks ? &c->tasks->u.items[index - c->first] : NULL;
    const struct tree_node *n = own ? tree_get(own, key) : NULL;
    if (!n && c->task)
        n = tree_get(c->task, key);
    return n ? n : own ? own : c->task;
}

/* Add an error at a key of task `index`; -1 if it says that there is no
 * memory. */
static int report(const struct check *c, uint32_t index, const char *key,
                  const struct err *err)
{
    const struct tree_node *at = key_place(c, index, key);
    if (err->code == ENOMEM)
        return -1;
    spec_errors_add(c->parse->errors, at->line, at->column, "%s", err->text);
    return 0;
}

/* -- Ids ----------------------------------------------------------------- */

static void report_twins(const struct check *c, uint32_t first, uint32_t second,
                         const char *id)
{
    const struct tree_node *at = key_place(c, second, "id");
    if (c->tasks)
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "the task in line %u has the id \"%s\" already",
                        c->tasks->u.items[first - c->first].line, id);
    else
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "tasks %u and %u both get the id \"%s\"; put all "
                        "parameters or {task.index} into it",
                        first, second, id);
}

/* Is the id of task `index` valid and new? *stop: enough is reported. */
static int id_check(const struct check *c, uint32_t index, struct map *seen,
                    bool *stop)
{
    char id[JOBSPEC_MAX_ID + 1], other[JOBSPEC_MAX_ID + 1];
    struct err err;
    uint64_t first;
    if (job_task_id(c->job, index, id, &err) < 0) {
        *stop = !c->tasks;
        return report(c, index, "id", &err);
    }
    uint64_t hash = hash_text(HASH_START, id);
    if (!map_get(seen, hash, &first))
        return map_set(seen, hash, index);
    if (first == index) /* a sample may have a task twice */
        return 0;
    if (job_task_id(c->job, (uint32_t)first, other, &err) == 0 &&
        strcmp(id, other) == 0) {
        report_twins(c, (uint32_t)first, index, id);
        *stop = !c->tasks;
    }
    return 0;
}

/* Check the ids of all tasks, or of a sample. */
static int ids_check(const struct check *c, uint32_t steps)
{
    const struct taskset *set = &c->job->tasks;
    struct map seen;
    bool stop = false;
    int rc = 0;
    map_init(&seen);
    for (uint32_t i = 0; rc == 0 && !stop && i < steps; i++) {
        uint32_t index =
            steps == set->count ? i : taskset_sample(set, i, steps);
        rc = id_check(c, index, &seen, &stop);
        stop = stop || spec_errors_full(c->parse->errors);
    }
    map_fini(&seen);
    return rc;
}

/* Does a template use a name? */
static bool template_uses(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *s = text; (s = strchr(s, '{')); s++) {
        if (s[1] == '{')
            s++;
        else if (strncmp(s + 1, name, len) == 0 &&
                 (s[1 + len] == '}' || s[1 + len] == ':' || s[1 + len] == '.'))
            return true;
    }
    return false;
}

/* Is a parameter that varies along the dimension in the id? For a union of
 * sweeps and the like: is parameter `dim`? */
static bool id_names(const struct taskset *set, const char *text, uint32_t dim,
                     bool cube)
{
    for (uint32_t k = 0; k < set->param_count; k++)
        if ((cube ? taskset_param_dim(set, k) : k) == dim &&
            template_uses(text, set->params[k].name))
            return true;
    return false;
}

/* Of a sweep too large to try: an id must name all that varies. */
static int large_ids_check(const struct check *c)
{
    const struct taskset *set = &c->job->tasks;
    const char *text = template_text(c->job->templates[0].id);
    const struct tree_node *at = key_place(c, 0, "id");
    uint64_t dims[TASKSET_MAX_DIMS];
    uint32_t rank = taskset_dims(set, dims);
    bool cube = rank > 1, missing = false;
    uint32_t n = cube ? rank : set->param_count;
    for (uint32_t k = 0; k < n && !template_uses(text, "task.index"); k++) {
        int param = cube ? taskset_dim_param(set, k) : (int)k;
        if ((cube && dims[k] == 1) || id_names(set, text, k, cube))
            continue;
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "the id needs {%s} or {task.index}, so that no two "
                        "tasks get the same",
                        param < 0 ? "task.index" : set->params[param].name);
        missing = true;
    }
    return missing ? 0 : ids_check(c, taskset_sample_count(set, CHECK_MAX));
}

static int job_ids_check(const struct check *c)
{
    const struct taskset *set = &c->job->tasks;
    uint32_t templates = set->kind == TASKS_LISTED ? set->count : 1, i = 0;
    while (i < templates && !c->job->templates[i].id)
        i++;
    if (i == templates) /* all are indices */
        return 0;
    if (set->kind != TASKS_LISTED && set->count > CHECK_MAX)
        return large_ids_check(c);
    return ids_check(c, set->count);
}

/* -- Values -------------------------------------------------------------- */

/* Can the template be expanded for a task? A format or a place in a shell line
 * may not suit the value, or the text become too long. */
static int suits(const struct check *c, const struct template *t, bool shell,
                 uint32_t index, const char *key, bool *bad)
{
    struct template_context context = {.index = index,
                                       .task_id = "task",
                                       .job_id = c->job->id,
                                       .run_dir = "/",
                                       .spec_dir = "/"};
    struct err err;
    struct buf out;
    if (!t || *bad || template_is_constant(t))
        return 0;
    buf_init(&out, COMMAND_MAX_BYTES);
    int rc = template_expand(t, &context, shell, &out, &err);
    buf_fini(&out);
    if (rc == 0)
        return 0;
    *bad = true;
    return report(c, index, key, &err);
}

/* Is what it expands to of the form? */
static int forms(const struct check *c, const struct template *t,
                 enum text_form form, uint32_t index, bool *bad)
{
    struct template_context context = {.index = index,
                                       .task_id = "task",
                                       .job_id = c->job->id,
                                       .run_dir = "/run",
                                       .spec_dir = "/spec"};
    struct err err;
    struct buf out;
    if (!t || *bad || template_is_constant(t))
        return 0;
    buf_init(&out, COMMAND_MAX_BYTES);
    int rc = template_expand(t, &context, false, &out, &err);
    bool expanded = rc == 0;
    if (expanded)
        rc = text_form_check(form, buf_text(&out), &err);
    buf_fini(&out);
    if (rc == 0 || err.code == ENOMEM)
        return rc;
    *bad = true;
    const struct tree_node *at = place_of(c->parse, t);
    if (expanded)
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "task %" PRIu32 ": %s", index, err.text);
    else
        spec_errors_add(c->parse->errors, at->line, at->column, "%s", err.text);
    return 0;
}

static int resource_forms(const struct check *c, const struct resource_file *r,
                          uint32_t index, bool *bad)
{
    bool file = r->from == RESOURCE_URL;
    if (forms(c, r->url, file ? TEXT_FILE_URL : TEXT_CONTAINER_URL, index,
              bad) < 0 ||
        forms(c, r->blob_prefix, TEXT_PREFIX, index, bad) < 0 ||
        forms(c, r->file_path, file ? TEXT_FILE_INSIDE : TEXT_INSIDE, index,
              bad) < 0)
        return -1;
    return forms(c, r->checksum, TEXT_CHECKSUM, index, bad);
}

static int output_forms(const struct check *c, const struct output_file *o,
                        uint32_t index, bool *bad)
{
    bool wild = output_pattern_is_wild(template_text(o->pattern));
    if (forms(c, o->pattern, TEXT_PATTERN, index, bad) < 0 ||
        forms(c, o->url, TEXT_CONTAINER_URL, index, bad) < 0)
        return -1;
    return forms(c, o->path, wild ? TEXT_INSIDE : TEXT_FILE_INSIDE, index, bad);
}

static int words_suit(const struct check *c,
                      const struct template *const *words, uint32_t count,
                      bool shell, uint32_t index, const char *key, bool *bad)
{
    for (uint32_t i = 0; i < count; i++)
        if (suits(c, words[i], shell, index, key, bad) < 0)
            return -1;
    return 0;
}

/* What a task has beside its command, its variables and its files. */
static int more_suits(const struct check *c, const struct task_template *t,
                      uint32_t index, bool *bad)
{
    const struct multi_instance *m = t->multi_instance;
    const struct container_settings *box = t->container;
    const char *key = "multi_instance_settings";
    for (uint32_t i = 0; m && i < m->common_file_count; i++)
        if (resource_forms(c, &m->common_files[i], index, bad) < 0)
            return -1;
    if (m && m->coordination &&
        words_suit(c, m->coordination->words, m->coordination->word_count,
                   m->coordination->shell, index, key, bad) < 0)
        return -1;
    if (t->success && words_suit(c, t->success->files, t->success->file_count,
                                 false, index, "success", bad) < 0)
        return -1;
    key = "container_settings";
    if (box && (suits(c, box->image, false, index, key, bad) < 0 ||
                words_suit(c, box->runtime, box->runtime_count, false, index,
                           key, bad) < 0 ||
                words_suit(c, box->options, box->option_count, false, index,
                           key, bad) < 0))
        return -1;
    return suits(c, t->affinity, false, index, "affinity_info", bad);
}

static int task_suits(const struct check *c, uint32_t index, bool *bad)
{
    const struct task_template *t = job_template(c->job, index);
    for (uint32_t i = 0; i < t->resource_file_count; i++)
        if (resource_forms(c, &t->resource_files[i], index, bad) < 0)
            return -1;
    for (uint32_t i = 0; i < t->output_file_count; i++)
        if (output_forms(c, &t->output_files[i], index, bad) < 0)
            return -1;
    for (uint32_t i = 0; i < t->command.word_count; i++)
        if (suits(c, t->command.words[i], t->command.shell, index,
                  "command_line", bad) < 0)
            return -1;
    for (uint32_t i = 0; i < t->env_count; i++)
        if (suits(c, t->env[i].value, false, index, "environment_settings",
                  bad) < 0)
            return -1;
    if (more_suits(c, t, index, bad) < 0)
        return -1;
    return suits(c, t->working_dir, false, index, "working_dir", bad);
}

static int values_check(const struct check *c)
{
    const struct taskset *set = &c->job->tasks;
    uint32_t steps = taskset_sample_count(set, EXPAND_MAX);
    bool bad = false;
    for (uint32_t i = 0; i < steps && !bad; i++)
        if (task_suits(c, taskset_sample(set, i, steps), &bad) < 0)
            return -1;
    return 0;
}

/* Has the job had a task of that id before these came? */
static void old_id_check(const struct check *c, const struct job *old,
                         uint32_t index)
{
    char id[JOBSPEC_MAX_ID + 1];
    const struct tree_node *at = key_place(c, index, "id");
    if (job_task_id(c->job, index, id, NULL) < 0)
        return; /* is reported */
    const struct special_task *specials[] = {old->preparation, old->release,
                                             old->manager};
    bool taken = false;
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
        taken |= specials[i] && strcasecmp(specials[i]->id, id) == 0;
    if (taken || job_find_task(old, id) >= 0)
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "job \"%s\" has a task \"%s\" already", old->id, id);
}

int added_check(struct parse *p, const struct tree_node *list,
                const struct job *old, const struct job *grown, struct map *ids)
{
    struct check c = {
        .parse = p, .job = grown, .tasks = list, .first = old->tasks.count};
    bool stop = false, bad = false;
    for (uint32_t i = 0; i < list->count && !spec_errors_full(p->errors); i++) {
        if (id_check(&c, c.first + i, ids, &stop) < 0 ||
            task_suits(&c, c.first + i, &bad) < 0)
            return -1;
        old_id_check(&c, old, c.first + i);
    }
    return 0;
}

/* Does a special task have the id of another task of the job? */
static void special_id_check(const struct check *c, const struct field *f,
                             const struct special_task *special)
{
    const struct job *job = c->job;
    const struct special_task *others[] = {job->preparation, job->release,
                                           job->manager};
    bool taken = false;
    if (!special)
        return;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        taken |= others[i] && others[i] != special &&
                 strcasecmp(others[i]->id, special->id) == 0;
    if (taken || (job->tasks.count <= CHECK_MAX &&
                  job_find_task(job, special->id) >= 0)) {
        const struct tree_node *id = tree_get(f->node, "id");
        const struct tree_node *at = id ? id : f->key;
        spec_errors_add(c->parse->errors, at->line, at->column,
                        "another task of the job has the id \"%s\", too",
                        special->id);
    }
}

int job_check(struct parse *p, const struct job_fields *f,
              const struct job *job)
{
    struct check c = {
        .parse = p, .job = job, .task = f->task.node, .tasks = f->tasks.node};
    if (!!f->sweep.key + !!f->tasks.key + !!f->commands.key > 1)
        return 0; /* wrong, and reported */
    size_t errors = p->errors->total;
    if (job_ids_check(&c) < 0 || values_check(&c) < 0)
        return -1;
    if (p->errors->total == errors) {
        special_id_check(&c, &f->job_preparation_task, job->preparation);
        special_id_check(&c, &f->job_release_task, job->release);
        special_id_check(&c, &f->job_manager_task, job->manager);
    }
    return outputs_check(p, job);
}
