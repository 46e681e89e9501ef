/* mpibatch validate: check a job spec, run nothing. */
#include "config.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/plan_life.h"
#include "cli/specfile.h"
#include "model/jobcommand.h"
#include "spec/spec.h"
#include "view/describe.h"

struct validate_values {
    const char *spec;
    bool json;
    struct display_options display;
};

enum { LINE_BYTES = 1 << 18 };

/* "first: COMMAND", for the first and the last task of a job. */
static void ends_put(const struct job *job, struct buf *out)
{
    uint32_t count = job->tasks.count, last = count > 0 ? count - 1 : 0;
    for (int i = 0; i < (count > 1 ? 2 : (int)count); i++) {
        char id[JOBSPEC_MAX_ID + 1] = "";
        struct err err;
        struct template_context c = {.index = i ? last : 0,
                                     .task_id = id,
                                     .job_id = job->id,
                                     .run_dir = "RUN_DIR"};
        size_t start = out->len;
        buf_printf(out, "    %s ", i ? "last: " : "first:");
        if (job_task_id(job, c.index, id, &err) < 0 ||
            job_command_show(job, &c, out, NULL, &err) < 0) {
            out->len = start;
            buf_printf(out, "    %s", err.text);
        }
        buf_putc(out, '\n');
    }
}

static void job_put(const struct plan_life *l, uint32_t j, struct buf *out)
{
    const struct job *job = &l->spec->jobs[j];
    char count[64];
    buf_printf(out, "  job %s: %s", job->id,
               describe_count(job->tasks.count, "task", count));
    if (job->tasks.kind != TASKS_LISTED) {
        buf_puts(out, ", ");
        taskset_describe(&job->tasks, out);
    }
    buf_putc(out, '\n');
    plan_life_put_job(l, j, out);
    ends_put(job, out);
}

static json_t *job_json(const struct plan_life *l, uint32_t j)
{
    const struct job *job = &l->spec->jobs[j];
    json_t *o = json_object(), *params = json_object();
    uint64_t dims[TASKSET_MAX_DIMS];
    taskset_dims(&job->tasks, dims);
    for (uint32_t k = 0; k < job->tasks.param_count; k++)
        json_object_set_new(
            params, job->tasks.params[k].name,
            json_integer((json_int_t)dims[taskset_param_dim(&job->tasks, k)]));
    struct buf what;
    buf_init(&what, LINE_BYTES);
    json_object_set_new(o, "id", json_string(job->id));
    json_object_set_new(o, "tasks", json_integer(job->tasks.count));
    if (job->tasks.kind == TASKS_SWEPT &&
        taskset_describe(&job->tasks, &what) == 0) /* for people */
        json_object_set_new(o, "sweep", json_string(buf_text(&what)));
    buf_fini(&what);
    json_object_set_new(o, "parameters", params); /* how many values each */
    plan_life_json_job(l, j, o);
    return o;
}

static int spec_json(const struct plan_life *l)
{
    const struct jobspec *spec = l->spec;
    json_t *o = json_object(), *jobs = json_array();
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (!jobspec_is_copy(spec, j))
            json_array_append_new(jobs, job_json(l, j));
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "name", json_string(spec->name));
    json_object_set_new(o, "tasks",
                        json_integer((json_int_t)jobspec_task_count(spec)));
    plan_life_json(l, o);
    json_object_set_new(o, "jobs", jobs);
    return json_print(o, (size_t)LINE_BYTES * (JOBSPEC_MAX_JOBS + 1));
}

static int spec_show(const char *path, const struct plan_life *l,
                     const struct display_options *options)
{
    const struct jobspec *spec = l->spec;
    struct display d;
    struct buf out;
    char count[64];
    buf_init(&out, (size_t)LINE_BYTES * (JOBSPEC_MAX_JOBS + 1));
    buf_printf(&out, "%s: valid; %s\n", path,
               describe_count(jobspec_task_count(spec), "task", count));
    plan_life_put(l, &out);
    for (uint32_t j = 0; j < spec->job_count; j++)
        if (!jobspec_is_copy(spec, j))
            job_put(l, j, &out);
    display_open(&d, options);
    display_put(&d, buf_text(&out), out.len);
    buf_fini(&out);
    return display_close(&d);
}

static int validate(void *values)
{
    struct validate_values *v = values;
    struct plan_life life;
    struct buf text;
    struct err err;
    buf_init(&text, SPEC_MAX_BYTES);
    struct jobspec *spec = specfile_load(v->spec, true, &text);
    buf_fini(&text);
    if (!spec)
        return EXIT_BAD_USAGE;
    int rc = EXIT_FAILED;
    if (plan_life_init(&life, spec, &err) < 0)
        log_error("%s", err.text);
    else
        rc =
            v->json ? spec_json(&life) : spec_show(v->spec, &life, &v->display);
    plan_life_fini(&life);
    jobspec_destroy(spec);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct validate_values, json),
     .meaning = "print JSON, {\"version\": 1, \"name\", \"tasks\", \"jobs\": "
                "[...]}; errors are said on stderr as ever"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct validate_values, display))};

static const struct arg args[] = {
    {.name = "SPEC",
     .noun = "job spec",
     .kind = OPT_SPEC,
     .at = offsetof(struct validate_values, spec),
     .meaning = "the job spec, a YAML file: mpibatch-jobspec(5); or a file "
                "with a command line a line"}};

static const struct cmd_exit exits[] = {
    {0, "it is valid"}, {1, "it cannot be shown"}, {2, "it has errors"}};

const struct cmd cmd_validate = {
    .name = "validate",
    .summary = "check a job spec, run nothing",
    .description = "Check the job spec SPEC and say what it would run. All its "
                   "errors are reported at once, with line and column.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .exits = exits,
    .exit_count = 3,
    .values_size = sizeof(struct validate_values),
    .main = validate};
