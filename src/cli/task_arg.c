/* A task named on the command line: see task_arg.h. */
#include "config.h"
#include "cli/task_arg.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"

enum { JOBS_SHOWN = 5, SHOWN_BYTES = 1024, NEAR_MAX = 10000 };

/* The id of a listed task that is nearest to what was written; "": none is. */
static void near_in_job(const struct job *job, const char *id,
                        char near[JOBSPEC_MAX_ID + 1])
{
    char other[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (job->tasks.kind != TASKS_LISTED)
        return; /* numbers: all are near */
    for (uint32_t i = 0; i < job->tasks.count && i < NEAR_MAX; i++) {
        if (job_task_id(job, i, other, &err) < 0)
            return;
        const char *const names[] = {other, near};
        if (text_nearest(id, names, *near ? 2 : 1) == other)
            memcpy(near, other, sizeof(other));
    }
}

/* No such task in the job. */
static int not_in_job(const char *command, const struct job *job,
                      const char *id)
{
    char near[JOBSPEC_MAX_ID + 1] = "";
    near_in_job(job, id, near);
    if (*near)
        return usage_error(command,
                           "job %s has no task \"%s\"; did you mean %s?",
                           job->id, id, near);
    return usage_error(command,
                       "job %s has no task \"%s\"; `mpibatch tasks` lists "
                       "them",
                       job->id, id);
}

/* No job has such a task. */
static int in_no_job(const char *command, const struct jobspec *spec,
                     const char *id)
{
    char near[JOBSPEC_MAX_ID + 1] = "";
    const char *of = "";
    for (uint32_t j = 0; j < spec->job_count && !*near; j++) {
        near_in_job(&spec->jobs[j], id, near);
        of = spec->jobs[j].id;
    }
    if (*near)
        return usage_error(command,
                           "the run has no task \"%s\"; did you mean %s/%s?",
                           id, of, near);
    return usage_error(command,
                       "the run has no task \"%s\"; `mpibatch tasks` lists "
                       "them",
                       id);
}

/* JOB/TASK: the job is said. */
static int find_in_job(const char *command, const struct jobspec *spec,
                       const char *id, size_t len, uint32_t *job,
                       uint32_t *index)
{
    const char *names[JOBSPEC_MAX_JOBS];
    char name[JOBSPEC_MAX_ID + 1] = "";
    if (len <= JOBSPEC_MAX_ID)
        memcpy(name, id, len);
    int j = jobspec_find_job(spec, name);
    if (j < 0) {
        for (uint32_t i = 0; i < spec->job_count; i++)
            names[i] = spec->jobs[i].id;
        const char *near = text_nearest(name, names, spec->job_count);
        return usage_error(command, "the run has no job \"%.*s\"%s%s%s",
                           (int)len, id, near ? "; did you mean " : "",
                           near ? near : "", near ? "?" : "");
    }
    int64_t i = job_find_task(&spec->jobs[j], id + len + 1);
    if (i < 0)
        return not_in_job(command, &spec->jobs[j], id + len + 1);
    *job = (uint32_t)j;
    *index = (uint32_t)i;
    return EXIT_OK;
}

int task_arg_run(const char *command, const char *id, const char *path,
                 struct run_arg *run)
{
    if (run_arg_is(id) && !(path && run_arg_is(path)))
        return usage_error(command,
                           "%s is a run, not a task; the task comes first: "
                           "`mpibatch tasks %s` lists those of the run",
                           id, id);
    return run_arg_open(path, run);
}

int task_arg_find(const char *command, const struct jobspec *spec,
                  const char *id, uint32_t *job, uint32_t *index)
{
    const char *slash = strchr(id, '/');
    struct buf found;
    uint32_t count = 0;
    if (slash)
        return find_in_job(command, spec, id, (size_t)(slash - id), job, index);
    buf_init(&found, SHOWN_BYTES);
    for (uint32_t j = 0; j < spec->job_count; j++) {
        int64_t i = job_find_task(&spec->jobs[j], id);
        if (i < 0)
            continue;
        *job = j;
        *index = (uint32_t)i;
        if (count < JOBS_SHOWN)
            (void)buf_printf(&found, "%s%s/%s", count ? ", " : "",
                             spec->jobs[j].id, id);
        count++;
    }
    int rc = EXIT_OK;
    if (count == 0)
        rc = in_no_job(command, spec, id);
    else if (count > 1)
        rc = usage_error(command, "which task? There are %s%s",
                         buf_text(&found), count > JOBS_SHOWN ? ", ..." : "");
    buf_fini(&found);
    return rc;
}

/* A special task of a job that has that id. */
static bool find_special_of(const struct jobspec *spec, uint32_t job,
                            const char *id, uint32_t *index)
{
    static const uint32_t indices[] = {INDEX_JOB_PREPARATION, INDEX_JOB_RELEASE,
                                       INDEX_JOB_MANAGER, INDEX_START};
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        const struct special_task *t = jobspec_special(spec, job, indices[i]);
        if (t && strcmp(t->id, id) == 0) {
            *index = indices[i];
            return true;
        }
    }
    return false;
}

/* JOB/ID, POOL/ID, or the ID of a start task. */
static bool find_special(const struct jobspec *spec, const char *id,
                         uint32_t *job, uint32_t *index)
{
    const char *slash = strchr(id, '/');
    const char *last = slash ? slash + 1 : id;
    size_t len = slash ? (size_t)(slash - id) : 0;
    for (uint32_t j = 0; j < spec->job_count; j++)
        if ((slash || spec->job_count == 1) &&
            (!slash || (strlen(spec->jobs[j].id) == len &&
                        strncmp(spec->jobs[j].id, id, len) == 0)) &&
            find_special_of(spec, j, last, index)) {
            *job = j;
            return true;
        }
    for (uint32_t p = 0; p < spec->pool_count; p++)
        if ((!slash || (strlen(spec->pools[p].id) == len &&
                        strncmp(spec->pools[p].id, id, len) == 0)) &&
            find_special_of(spec, JOB_OF_POOL(p), last, index)) {
            *job = JOB_OF_POOL(p);
            return true;
        }
    return false;
}

int task_arg_find_any(const char *command, const struct jobspec *spec,
                      const char *id, uint32_t *job, uint32_t *index)
{
    return find_special(spec, id, job, index)
               ? EXIT_OK
               : task_arg_find(command, spec, id, job, index);
}
