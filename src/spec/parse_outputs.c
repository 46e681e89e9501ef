/* Output files of several tasks with one name: whichever is stored last would
 * be what is left.
 *
 * Found where a path does not depend on the task, or not on one of the axes of
 * a sweep, or is the same for two of its first tasks; between jobs also where
 * the first tasks of two, or listed ones, come to one name.
 */
#include "config.h"
#include "spec/parse_storage.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "spec/errors.h"

/* An output file of a task. */
struct output_at {
    const struct job *job;
    uint32_t index;
    const struct output_file *file;
};

/* Does its path name what a task that stores it writes? Of a pattern with
 * wildcards nobody knows, but of what the task printed. */
static bool is_named(const struct output_file *o)
{
    const char *pattern = template_text(o->pattern);
    return o->path && (!output_pattern_is_wild(pattern) ||
                       strncmp(pattern, "../", 3) == 0);
}

/* Is it the same for all tasks of the job? */
static bool is_one_file(const struct output_file *o)
{
    return is_named(o) && !template_varies(o->path) &&
           !(o->url && template_varies(o->url));
}

/* Of a path, whatever slashes and dots it is written with. */
static uint64_t path_hash(uint64_t h, const char *s)
{
    while (*s) {
        size_t len = strcspn(s, "/");
        if (len > 1 || (len == 1 && *s != '.'))
            h = hash_text(hash_bytes(h, s, len), "/");
        s += len + (s[len] == '/');
    }
    return h;
}

/* A number for the file that the task writes, and its name in the container in
 * name. 1: it cannot be told, and is reported if that is wrong; -1: no
 * memory. */
static int target_find(const struct parse *p, const struct output_at *at,
                       uint64_t *hash, struct buf *name)
{
    const char *pattern = template_text(at->file->pattern);
    char id[JOBSPEC_MAX_ID + 1];
    struct template_context c = {
        .index = at->index,
        .task_id = id,
        .job_id = at->job->id,
        .run_dir = "/run",
        .spec_dir = p->files && p->files->folder ? p->files->folder : "/spec"};
    struct buf folder;
    struct err err;
    buf_init(&folder, COMMAND_MAX_BYTES);
    buf_reset(name);
    int rc = job_task_id(at->job, at->index, id, &err);
    if (rc == 0)
        rc = storage_output_put(&p->spec->storage, at->file, &c, &folder, &err);
    if (rc == 0)
        rc = template_expand(at->file->path, &c, false, name, &err);
    if (rc == 0) {
        uint64_t h = HASH_START;
        h = path_hash(path_hash(h, buf_text(&folder)), buf_text(name));
        *hash = output_pattern_is_wild(pattern) ? path_hash(h, pattern) : h;
    }
    buf_fini(&folder);
    return rc == 0 ? 0 : err.code == ENOMEM ? -1 : 1;
}

/* Note in seen that what stands at a place, a number, writes that file. 1: what
 * stands at another one, before, does so, too; 0: nothing does, or it cannot be
 * told; -1: no memory. name: as target_find has it. */
static int target_note(const struct parse *p, const struct output_at *at,
                       uint64_t place, struct map *seen, struct buf *name,
                       uint64_t *before)
{
    uint64_t hash;
    int rc = target_find(p, at, &hash, name);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (!map_get(seen, hash, before))
        return map_set(seen, hash, place);
    return *before != place;
}

/* -- Tasks of one job ---------------------------------------------------- */

static void report_one_file(struct parse *p, const struct output_file *o)
{
    const struct tree_node *at = place_of(p, o->path);
    spec_errors_add(p->errors, at->line, at->column,
                    "all tasks of the job would write this; put {task.id} or a "
                    "parameter into the path, or leave it out");
}

/* Is there no task of the job that wrote the same before this one? */
static int output_check(struct parse *p, const struct output_at *at,
                        struct map *seen, struct buf *name)
{
    uint64_t before;
    if (at->job->tasks.kind != TASKS_LISTED) {
        if (at->job->tasks.count > 1)
            report_one_file(p, at->file);
        return 0;
    }
    int rc = target_note(p, at, at->index, seen, name, &before);
    if (rc > 0)
        report_one_file(p, at->file);
    return rc < 0 ? -1 : 0;
}

enum { FIRST_TASKS = 256 };

/* Does task at->index of a sweep write what another one in seen does? 1: that
 * is reported. */
static int swept_check(struct parse *p, const struct output_at *at,
                       struct map *seen, struct buf *name)
{
    char id[2][JOBSPEC_MAX_ID + 1];
    uint64_t before;
    struct err err;
    int rc = target_note(p, at, at->index, seen, name, &before);
    if (rc <= 0)
        return rc;
    if (job_task_id(at->job, (uint32_t)before, id[0], &err) < 0 ||
        job_task_id(at->job, at->index, id[1], &err) < 0)
        return 0;
    const struct tree_node *node = place_of(p, at->file->path);
    spec_errors_add(p->errors, node->line, node->column,
                    "tasks %s and %s would both write \"%s\"; put {task.id} or "
                    "each parameter into the path, or leave it out",
                    id[0], id[1], excerpt_of(buf_text(name)).text);
    return 1;
}

/* Do two tasks of a sweep write one file? Looked at are the first ones, and
 * the neighbours of the first along each axis. */
static int sweep_check(struct parse *p, const struct output_at *of,
                       struct buf *name)
{
    const struct taskset *set = &of->job->tasks;
    struct output_at at = *of;
    struct point first = {0};
    struct map seen;
    int rc = 0;
    if (output_pattern_is_wild(template_text(of->file->pattern)) &&
        template_varies(of->file->pattern))
        return 0;
    map_init(&seen);
    for (at.index = 0;
         rc == 0 && at.index < set->count && at.index < FIRST_TASKS; at.index++)
        rc = swept_check(p, &at, &seen, name);
    taskset_point(set, 0, &first);
    for (uint32_t k = 0; rc == 0 && k < TASKSET_MAX_AXES; k++) {
        struct point next = first;
        next.positions[k]++;
        if (!first.included && taskset_index(set, &next, &at.index) &&
            at.index >= FIRST_TASKS)
            rc = swept_check(p, &at, &seen, name);
    }
    map_fini(&seen);
    return rc < 0 ? -1 : 0;
}

int outputs_check(struct parse *p, const struct job *job)
{
    struct map seen;
    struct buf name;
    int rc = 0;
    size_t errors = p->errors->total;
    map_init(&seen);
    buf_init(&name, COMMAND_MAX_BYTES);
    for (uint32_t i = 0; i < job_template_count(job) && rc == 0; i++) {
        const struct task_template *t = &job->templates[i];
        for (uint32_t k = 0; k < t->output_file_count && rc == 0; k++) {
            struct output_at at = {job, i, &t->output_files[k]};
            if (is_one_file(at.file))
                rc = output_check(p, &at, &seen, &name);
            else if (is_named(at.file) && job->tasks.kind == TASKS_SWEPT)
                rc = sweep_check(p, &at, &name);
        }
        if (p->errors->total > errors)
            break; /* the others have the same fault */
    }
    buf_fini(&name);
    map_fini(&seen);
    return rc;
}

/* -- Tasks of several jobs ----------------------------------------------- */

/* The place in the spec as one number: job, task, which of its output files. */
static uint64_t at_pack(uint32_t job, uint32_t index, uint32_t file)
{
    _Static_assert(JOBSPEC_MAX_JOBS <= 1 << 24 && STORAGE_MAX_FILES <= 1 << 8,
                   "at_pack");
    return (uint64_t)job << 40 | (uint64_t)index << 8 | file;
}

static void report_two_jobs(struct parse *p, const struct output_file *o,
                            uint64_t before, const char *name)
{
    const struct job *job = &p->spec->jobs[before >> 40];
    const struct task_template *t = &job->templates[before >> 8 & UINT32_MAX];
    const struct output_file *other = &t->output_files[before & 0xff];
    const struct tree_node *at = place_of(p, o->path);
    spec_errors_add(p->errors, at->line, at->column,
                    "job \"%s\" would write \"%s\", too (line %u); put "
                    "{job.id} into the path, or leave it out",
                    job->id, excerpt_of(name).text,
                    place_of(p, other->path)->line);
}

/* The first task of job number j, or all listed ones, against the jobs before
 * it. */
static int job_outputs_check(struct parse *p, uint32_t j, struct map *seen,
                             struct buf *name)
{
    const struct job *job = &p->spec->jobs[j];
    size_t errors = p->errors->total;
    for (uint32_t i = 0; i < job_template_count(job); i++) {
        const struct task_template *t = &job->templates[i];
        for (uint32_t k = 0; k < t->output_file_count; k++) {
            struct output_at at = {job, i, &t->output_files[k]};
            uint64_t before;
            if (!is_named(at.file))
                continue;
            int rc = target_note(p, &at, at_pack(j, i, k), seen, name, &before);
            if (rc < 0)
                return -1;
            if (rc > 0 && before >> 40 != j)
                report_two_jobs(p, at.file, before, buf_text(name));
        }
        if (p->errors->total > errors)
            break; /* the other tasks have the same fault */
    }
    return 0;
}

int jobs_outputs_check(struct parse *p)
{
    struct map seen;
    struct buf name;
    int rc = 0;
    map_init(&seen);
    buf_init(&name, COMMAND_MAX_BYTES);
    for (uint32_t j = 0; p->spec->job_count > 1 && j < p->spec->job_count &&
                         rc == 0 && !spec_errors_full(p->errors);
         j++)
        if (!jobspec_is_copy(p->spec, j))
            rc = job_outputs_check(p, j, &seen, &name);
    buf_fini(&name);
    map_fini(&seen);
    return rc;
}
