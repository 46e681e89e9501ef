/* Showing a special task: see task_special.h. */
#include "config.h"
#include "cli/task_special.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/json_put.h"
#include "cli/life.h"
#include "store/running.h"
#include "view/describe.h"
#include "view/query_json.h"

enum { COMMAND_BYTES = 1 << 20 };

static const char *kind_name(uint32_t index)
{
    switch (special_of(index)) {
    case SPECIAL_JOB_PREPARATION:
        return "job preparation task";
    case SPECIAL_JOB_RELEASE:
        return "job release task";
    case SPECIAL_JOB_MANAGER:
        return "job manager task";
    default:
        return "start task";
    }
}

/* Its command line, as one would type it. */
static void command_put(const struct run_arg *run, uint32_t job, uint32_t index,
                        struct buf *out)
{
    const struct special_task *t = jobspec_special(run->spec, job, index);
    struct template_context c = {.index = index,
                                 .task_id = t->id,
                                 .job_id = jobspec_job_id(run->spec, job),
                                 .run_dir = rundir_path(run->dir),
                                 .spec_dir = rundir_spec_folder(run->dir)};
    struct err err;
    if (command_show(&t->task.command, &c, out, &err) < 0) {
        buf_reset(out);
        (void)buf_printf(out, "(%s)", err.text);
    }
}

/* How many of it run now. */
static uint32_t running_count(const struct run_arg *run, uint32_t job,
                              uint32_t index)
{
    struct err err;
    uint32_t count = 0;
    struct running_list *l = running_read(run->dir, clock_wall_ns(), &err);
    for (uint32_t i = 0; l && i < l->count; i++)
        count += l->tasks[i].job == job && l->tasks[i].index == index;
    mem_free(l);
    return count;
}

static void text_show(const struct run_arg *run, const struct scene *s,
                      uint32_t job, uint32_t index, struct display *d)
{
    const struct special_task *t = jobspec_special(run->spec, job, index);
    const struct scene_special *x;
    char name[DESCRIBE_TASK_BYTES], limit[16], count[64];
    uint32_t at = 0, running = running_count(run, job, index), ended = 0,
             good = 0;
    struct buf command;
    while ((x = scene_special(s, &at, job, index, NULL, 0))) {
        ended++;
        good += x->attempt->result == RESULT_SUCCESS;
    }
    display_printf(d, "task %s: %s, %s ended, ",
                   describe_task(run->spec, job, index, name), kind_name(index),
                   describe_count(ended, "attempt", count));
    display_printf(d, "%s succeeded", describe_count(good, "", count));
    if (running > 0)
        display_printf(d, ", %s now", describe_count(running, "", count));
    buf_init(&command, COMMAND_BYTES);
    command_put(run, job, index, &command);
    display_printf(d, "\n  %-20s %s\n", "command", buf_text(&command));
    buf_fini(&command);
    if (special_of(index) == SPECIAL_START ||
        special_of(index) == SPECIAL_JOB_PREPARATION)
        display_printf(d, "  %-20s %s\n", "wait_for_success",
                       t->wait_for_success ? "true" : "false");
    if (special_of(index) == SPECIAL_JOB_MANAGER)
        display_printf(d, "  %-20s %s\n", "kill_job_on_completion",
                       t->kill_job_on_completion ? "true" : "false");
    display_printf(d, "  %-20s %d\n", "max_task_retry_count",
                   (int)t->task.constraints.max_task_retry_count);
    if (t->task.constraints.max_wall_clock_ns > 0)
        display_printf(
            d, "  %-20s %s\n", "max_wall_clock_time",
            duration_format(t->task.constraints.max_wall_clock_ns, limit));
    for (at = 0; (x = scene_special(s, &at, job, index, NULL, 0));)
        life_special_put(d, run, x);
}

static int json_show(const struct run_arg *run, const struct scene *s,
                     uint32_t job, uint32_t index)
{
    const struct special_task *t = jobspec_special(run->spec, job, index);
    json_t *task = json_object();
    struct buf command;
    if (job < run->spec->job_count)
        json_object_set_new(task, "job_id",
                            json_string(run->spec->jobs[job].id));
    else
        json_object_set_new(
            task, "pool_id",
            json_string(run->spec->pools[jobspec_pool(run->spec, job)].id));
    json_object_set_new(task, "task_id", json_string(t->id));
    json_object_set_new(task, "kind", json_string(kind_name(index)));
    buf_init(&command, COMMAND_BYTES);
    command_put(run, job, index, &command);
    json_object_set_new(task, "command", query_text_json(buf_text(&command)));
    buf_fini(&command);
    json_object_set_new(task, "running",
                        json_integer(running_count(run, job, index)));
    json_object_set_new(task, "max_task_retry_count",
                        json_integer(t->task.constraints.max_task_retry_count));
    return json_print(
        json_pack("{s:i, s:o, s:o}", "version", 1, "task", task, "attempts",
                  life_specials_json(run, s, job, index, NULL, 0)),
        LIFE_JSON_BYTES);
}

int task_special_show(const struct run_arg *run, uint32_t job, uint32_t index,
                      bool json, const struct display_options *options)
{
    struct display d;
    struct err err;
    int rc;
    struct scene *s =
        scene_read(run->dir, run->spec, clock_wall_ns(), false, &err);
    if (!s) {
        log_error("%s", err.text);
        rc = EXIT_FAILED;
    } else if (json) {
        rc = json_show(run, s, job, index);
    } else {
        display_open(&d, options);
        text_show(run, s, job, index, &d);
        rc = display_close(&d);
    }
    scene_destroy(s);
    return rc;
}
