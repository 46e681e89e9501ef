/* The tasks that are not of a task set: start tasks of pools; job preparation,
 * release and manager tasks. They are tasks as others with other defaults. */
#include "config.h"
#include "spec/parse_life.h"

#include "base/quantity.h"
#include "spec/errors.h"
#include "spec/read.h"

enum { RELEASE_MAX_MINUTES = 15 };

/* The tasks of one node have a directory of their own; a job manager as other
 * tasks do. */
static void directory_default(const struct special_fields *f, bool of_node,
                              struct inherited *in)
{
    in->task.own_directory =
        of_node && !f->task_directory.node && !f->working_dir.key;
}

/* What the job gives to all its tasks and does not depend on their
 * parameters. */
static int common_env_build(struct parse *p, const struct field *common,
                            const struct taskset *set, struct task_template *t)
{
    struct spec_errors none = {.count = SPEC_MAX_ERRORS};
    struct spec_errors *errors = p->errors;
    const struct env_setting *all = NULL;
    uint32_t count = 0, kept = 0;
    p->errors = &none; /* they were reported with the tasks */
    int rc = env_build(p, common, set, &all, &count);
    p->errors = errors;
    struct env_setting *env = (struct env_setting *)all;
    for (uint32_t i = 0; i < count; i++)
        if (env[i].value)
            env[kept++] = env[i];
    t->env = env;
    t->env_count = kept;
    return rc;
}

/* Build what the fields say over in. job: with a task set without parameters.
 */
static int special_build(struct parse *p, const struct tree_node *node,
                         const struct special_fields *f,
                         const struct constraints_fields *c,
                         const struct job *job, struct inherited *in,
                         struct special_task *out)
{
    struct task_fields t = {.command_line = f->command_line,
                            .environment_settings = f->environment_settings,
                            .required_slots = f->required_slots,
                            .working_dir = f->working_dir,
                            .resource_files = f->resource_files,
                            .output_files = f->output_files,
                            .application_package_references =
                                f->application_package_references,
                            .task_directory = f->task_directory};
    bool blind = p->blind;
    if (!f->required_slots.node)
        in->task.required_slots = 1;
    p->blind = false; /* there are no parameters here */
    int rc = task_fields_build(p, &t, c, job, in);
    p->blind = blind;
    directory_check(p, node, NULL, in);
    out->id = f->id.node ? f->id.node->u.text : NULL;
    out->task = in->task;
    out->wait_for_success = f->wait_for_success.u.integer;
    out->kill_job_on_completion = f->kill_job_on_completion.u.integer;
    out->run_exclusive = f->run_exclusive.u.integer;
    return rc;
}

/* A job of that pool whose tasks have no parameters. */
static struct job plain_job(uint32_t pool)
{
    struct job job = {.id = "", .pool = pool};
    taskset_init_listed(&job.tasks, 1);
    return job;
}

/* -- Start tasks --------------------------------------------------------- */

static int start_task_build(struct parse *p, const struct tree_node *node,
                            uint32_t pool)
{
    struct special_fields f = {0};
    struct constraints_fields c = {0};
    struct inherited in;
    struct job job = plain_job(pool);
    p->pool_known = true;
    struct special_task *out = arena_calloc(p->arena, 1, sizeof(*out));
    if (!out)
        return -1;
    fields_read(p->errors, "`start_task`", node, &start_task_keys, &f);
    fields_read(p->errors, "`constraints`", f.constraints.node,
                &start_task_constraints_keys, &c);
    inherited_init(p, pool, (int32_t)f.max_task_retry_count.u.integer, &in);
    directory_default(&f, true, &in);
    if (special_build(p, node, &f, &c, &job, &in, out) < 0)
        return -1;
    out->id = "starttask";
    p->pools[pool].start_task = out;
    return 0;
}

int start_tasks_build(struct parse *p, const struct field *start_tasks)
{
    for (uint32_t i = 0; i < p->spec->pool_count; i++)
        if (start_tasks[i].node &&
            start_task_build(p, start_tasks[i].node, i) < 0)
            return -1;
    return 0;
}

/* -- Those of jobs ------------------------------------------------------- */

/* What a special task of a job has if it says nothing. */
static int job_inherited(struct parse *p, const struct job_fields *f,
                         const struct job *job, int32_t retries,
                         struct inherited *in)
{
    inherited_init(p, job->pool, retries, in);
    return common_env_build(p, &f->common_environment_settings, &job->tasks,
                            &in->task);
}

static int preparation_build(struct parse *p, const struct job_fields *f,
                             const struct job *job, struct special_task *out)
{
    const struct tree_node *node = f->job_preparation_task.node;
    struct special_fields s = {0};
    struct constraints_fields c = {0};
    struct inherited in;
    fields_read(p->errors, "`job_preparation_task`", node,
                &job_preparation_keys, &s);
    fields_read(p->errors, "`constraints`", s.constraints.node,
                &preparation_constraints_keys, &c);
    if (job_inherited(p, f, job, 0, &in) < 0)
        return -1;
    directory_default(&s, true, &in);
    int rc = special_build(p, node, &s, &c, job, &in, out);
    out->id = out->id ? out->id : "jobpreparation";
    return rc;
}

static int release_build(struct parse *p, const struct job_fields *f,
                         const struct job *job, struct special_task *out)
{
    const struct tree_node *node = f->job_release_task.node, *limit;
    struct special_fields s = {0};
    struct constraints_fields c = {0};
    struct inherited in;
    fields_read(p->errors, "`job_release_task`", node, &job_release_keys, &s);
    if (job_inherited(p, f, job, 0, &in) < 0)
        return -1;
    in.task.constraints.max_wall_clock_ns = s.max_wall_clock_time.u.integer;
    limit = s.max_wall_clock_time.node;
    if (limit &&
        s.max_wall_clock_time.u.integer > RELEASE_MAX_MINUTES * 60 * NS_PER_SEC)
        text_error(p, limit, 0,
                   "a job release task may last 15 min at most: the end of "
                   "the job waits for it");
    directory_default(&s, true, &in);
    int rc = special_build(p, node, &s, &c, job, &in, out);
    out->id = out->id ? out->id : "jobrelease";
    return rc;
}

static int manager_build(struct parse *p, const struct job_fields *f,
                         const struct job *job, int32_t retries,
                         struct special_task *out)
{
    const struct tree_node *node = f->job_manager_task.node;
    struct special_fields s = {0};
    struct constraints_fields c = {0};
    struct inherited in;
    fields_read(p->errors, "`job_manager_task`", node, &job_manager_keys, &s);
    fields_read(p->errors, "`constraints`", s.constraints.node,
                &task_constraints_keys, &c);
    if (job_inherited(p, f, job, retries, &in) < 0)
        return -1;
    directory_default(&s, false, &in);
    in.exclusive = s.run_exclusive.u.integer;
    int rc = special_build(p, node, &s, &c, job, &in, out);
    out->id = out->id ? out->id : "jobmanager";
    return rc;
}

int job_specials_build(struct parse *p, const struct job_fields *f,
                       int32_t retries, struct job *job)
{
    struct special_task *all = arena_calloc(p->arena, 3, sizeof(*all));
    struct job plain = plain_job(job->pool);
    plain.id = job->id;
    if (!all)
        return -1;
    if (f->job_preparation_task.node) {
        job->preparation = &all[0];
        if (preparation_build(p, f, &plain, &all[0]) < 0)
            return -1;
    }
    if (f->job_release_task.node) {
        job->release = &all[1];
        if (release_build(p, f, &plain, &all[1]) < 0)
            return -1;
    }
    if (f->job_release_task.key && !f->job_preparation_task.key)
        spec_errors_add(p->errors, f->job_release_task.key->line,
                        f->job_release_task.key->column,
                        "a job release task runs where the job preparation "
                        "task has: the job needs `job_preparation_task`, too");
    if (f->job_manager_task.node) {
        job->manager = &all[2];
        if (manager_build(p, f, &plain, retries, &all[2]) < 0)
            return -1;
    }
    return 0;
}
