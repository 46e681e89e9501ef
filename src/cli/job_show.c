/* mpibatch job list, show: the jobs of a run, and one of them. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/asking.h"
#include "cli/json_put.h"
#include "cli/job_topics.h"
#include "cli/life.h"
#include "cli/node_arg.h"
#include "cli/sheet.h"
#include "view/counts.h"
#include "view/describe.h"
#include "view/moment.h"
#include "view/query_json.h"

enum { CELLS_BYTES = 1 << 16 };

struct job_values {
    const char *job, *run;
    bool json;
    struct display_options display;
};

/* What there is to see of the jobs. */
struct jobs {
    const struct run_arg *run;
    struct scene *scene;
    struct task_counts *counts; /* one a job */
    bool live;
};

static const struct scene_change *last_change(const struct jobs *l, uint32_t j)
{
    const struct scene_changes *c = &l->scene->jobs[j].changes;
    return c->count > 0 ? &c->list[c->count - 1] : NULL;
}

/* Why it is in its state: Azure's word, and what was said; "": nothing is. */
static void why_put(const struct jobs *l, uint32_t j, struct buf *out)
{
    const struct scene_change *c = last_change(l, j);
    buf_reset(out);
    if (l->scene->jobs[j].left_out)
        (void)buf_puts(out, "left out: its time has passed");
    else if (c)
        (void)buf_printf(out, "%s%s%s", job_end_name(c->end),
                         c->end != JOB_END_NONE && *c->why ? ": " : "", c->why);
}

/* Jobs of schedules that have neither begun nor been left out are not yet. */
static bool is_shown(const struct jobs *l, uint32_t j)
{
    return scene_has_job(l->scene, l->run->spec, j) ||
           l->scene->jobs[j].left_out;
}

static json_t *counts_json(const struct task_counts *c)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
        (json_int_t)c->total, "succeeded", (json_int_t)c->succeeded, "invalid",
        (json_int_t)c->invalid, "failed", (json_int_t)c->failed, "skipped",
        (json_int_t)c->skipped, "running", (json_int_t)c->running, "preparing",
        (json_int_t)c->preparing, "storing", (json_int_t)c->storing, "active",
        (json_int_t)c->active, "retried", (json_int_t)c->retried);
}

static json_t *job_json(const struct jobs *l, uint32_t j)
{
    const struct jobspec *spec = l->run->spec;
    const struct job *job = &spec->jobs[j];
    const struct scene_change *c = last_change(l, j);
    struct buf why;
    json_t *o = json_object();
    buf_init(&why, CELLS_BYTES);
    why_put(l, j, &why);
    json_object_set_new(o, "job_id", json_string(job->id));
    json_object_set_new(o, "pool_id", json_string(spec->pools[job->pool].id));
    json_object_set_new(o, "schedule_id",
                        job->schedule
                            ? json_string(spec->schedules[job->schedule - 1].id)
                            : json_null());
    json_object_set_new(o, "state",
                        json_string(job_state_name(l->scene->jobs[j].state)));
    json_object_set_new(o, "state_time", life_time_json(c ? c->time_ns : 0));
    json_object_set_new(o, "end",
                        json_string(job_end_name(c ? c->end : JOB_END_NONE)));
    json_object_set_new(o, "why", query_text_json(buf_text(&why)));
    json_object_set_new(o, "priority", json_integer(job->priority));
    json_object_set_new(o, "tasks", counts_json(&l->counts[j]));
    buf_fini(&why);
    return o;
}

/* ---- list ---- */

static int row_put(const struct jobs *l, struct sheet *sheet, uint32_t j,
                   struct buf *cells, struct err *err)
{
    const struct task_counts *c = &l->counts[j];
    struct buf why;
    buf_init(&why, CELLS_BYTES);
    buf_reset(cells);
    why_put(l, j, &why);
    int rc = buf_printf(
        cells,
        "%s%c%s%c%d%c%" PRIu64 "%c%" PRIu64 "%c%" PRIu64 "%c%" PRIu64
        "%c%" PRIu64 "%c%" PRIu64 "%c%s%c",
        l->run->spec->jobs[j].id, '\0',
        l->scene->jobs[j].left_out ? ""
                                   : job_state_name(l->scene->jobs[j].state),
        '\0', (int)l->run->spec->jobs[j].priority, '\0', c->total, '\0',
        c->succeeded, '\0', c->failed, '\0', c->skipped, '\0',
        c->running + c->preparing + c->storing, '\0', c->active, '\0',
        buf_text(&why), '\0');
    buf_fini(&why);
    if (rc < 0)
        return err_set(err, ENOMEM, "no memory to show the jobs");
    return sheet_put(sheet, cells->data, cells->len, NULL, err);
}

static int list_text(const struct jobs *l, const struct display_options *o)
{
    static const char titles[] = "JOB\0STATE\0PRIORITY\0TASKS\0SUCCEEDED\0"
                                 "FAILED\0SKIPPED\0RUNNING\0TO GO\0WHY";
    struct display display;
    struct sheet sheet;
    struct buf cells;
    struct err err;
    display_open(&display, o);
    sheet_init(&sheet);
    sheet.format = SHEET_TABLE;
    sheet.display = &display;
    sheet.columns = 10;
    buf_init(&cells, CELLS_BYTES);
    int rc = sheet_titles(&sheet, titles, sizeof(titles), &err);
    for (uint32_t j = 0; rc == 0 && j < l->run->spec->job_count; j++)
        if (is_shown(l, j))
            rc = row_put(l, &sheet, j, &cells, &err);
    if (rc == 0)
        rc = sheet_end(&sheet, &err);
    sheet_fini(&sheet);
    buf_fini(&cells);
    if (rc < 0)
        log_error("%s", err.text);
    return display_end(&display, rc < 0 ? EXIT_FAILED : EXIT_OK);
}

static int list_json(const struct jobs *l)
{
    json_t *jobs = json_array();
    for (uint32_t j = 0; j < l->run->spec->job_count; j++)
        if (is_shown(l, j))
            json_array_append_new(jobs, job_json(l, j));
    return json_print(json_pack("{s:i, s:b, s:o}", "version", 1, "live",
                                (int)l->live, "jobs", jobs),
                      LIFE_JSON_BYTES);
}

/* ---- show ---- */

static void counts_put(const struct task_counts *c, struct display *d)
{
    char count[64];
    display_printf(d, "  %-20s %s: ", "tasks",
                   describe_count(c->total, "task", count));
    display_printf(d, "%s succeeded", describe_count(c->succeeded, "", count));
    if (c->invalid > 0)
        display_printf(d, " (%s of them invalid)",
                       describe_count(c->invalid, "", count));
    display_printf(d, ", %s failed", describe_count(c->failed, "", count));
    if (c->skipped > 0)
        display_printf(d, ", %s skipped",
                       describe_count(c->skipped, "", count));
    display_printf(
        d, ", %s running, ",
        describe_count(c->running + c->preparing + c->storing, "", count));
    display_printf(d, "%s to go\n", describe_count(c->active, "", count));
}

static void rules_put(const struct jobs *l, uint32_t j, struct display *d)
{
    const struct jobspec *spec = l->run->spec;
    const struct job *job = &spec->jobs[j];
    char limit[16];
    if (spec->pool_count > 1)
        display_printf(d, "  %-20s %s\n", "pool", spec->pools[job->pool].id);
    if (job->schedule)
        display_printf(d, "  %-20s %s\n", "schedule",
                       spec->schedules[job->schedule - 1].id);
    display_printf(d, "  %-20s %d\n", "priority", (int)job->priority);
    if (job->max_wall_clock_ns > 0)
        display_printf(d, "  %-20s %s\n", "max_wall_clock_time",
                       duration_format(job->max_wall_clock_ns, limit));
    if (job->max_parallel_tasks > 0)
        display_printf(d, "  %-20s %" PRIu32 "\n", "max_parallel_tasks",
                       job->max_parallel_tasks);
    if (job->on_all_tasks_complete == ALL_COMPLETE_NO_ACTION)
        display_printf(d, "  %-20s no_action: it waits for more tasks\n",
                       "when all have ended");
    if (job->stop_when.failed > 0)
        display_printf(d, "  %-20s %" PRIu32 " have failed\n", "stops when",
                       job->stop_when.failed);
    else if (job->stop_when.share > 0)
        display_printf(d, "  %-20s %g %% have failed\n", "stops when",
                       100 * job->stop_when.share);
    life_metadata_put(d, &job->metadata);
}

/* What ran of one of its special tasks. */
static void special_put(const struct jobs *l, uint32_t j, uint32_t index,
                        const char *title, struct display *d)
{
    const struct scene_special *x;
    if (!jobspec_special(l->run->spec, j, index))
        return;
    display_printf(d, "%s\n", title);
    uint32_t at = 0, shown = 0;
    for (; (x = scene_special(l->scene, &at, j, index, NULL, 0)); shown++)
        life_special_put(d, l->run, x);
    if (shown == 0)
        display_puts(d, "  it has not ended anywhere\n");
}

static void show_text(const struct jobs *l, uint32_t j, struct display *d)
{
    const struct job *job = &l->run->spec->jobs[j];
    struct buf why;
    buf_init(&why, CELLS_BYTES);
    why_put(l, j, &why);
    display_printf(d, "job %s: %s%s%s\n", job->id,
                   job_state_name(l->scene->jobs[j].state),
                   why.len > 0 ? ", " : "", buf_text(&why));
    buf_fini(&why);
    if (job->display_name)
        display_printf(d, "  %-20s %s\n", "name", job->display_name);
    counts_put(&l->counts[j], d);
    if (l->scene->jobs[j].added > 0)
        display_printf(d, "  %-20s %" PRIu64 " of them\n", "added",
                       l->scene->jobs[j].added);
    rules_put(l, j, d);
    display_puts(d, "states\n");
    life_changes_put(d, &l->scene->jobs[j].changes, true);
    if (l->scene->jobs[j].changes.count == 0)
        display_puts(d, "  none of its tasks has begun\n");
    special_put(l, j, INDEX_JOB_MANAGER, "job manager task", d);
    special_put(l, j, INDEX_JOB_PREPARATION, "job preparation task", d);
    special_put(l, j, INDEX_JOB_RELEASE, "job release task", d);
}

static int show_json(const struct jobs *l, uint32_t j)
{
    const struct job *job = &l->run->spec->jobs[j];
    json_t *o = job_json(l, j);
    json_object_set_new(o, "display_name",
                        job->display_name ? query_text_json(job->display_name)
                                          : json_null());
    json_object_set_new(o, "max_wall_clock_s",
                        job->max_wall_clock_ns > 0
                            ? json_real((double)job->max_wall_clock_ns / 1e9)
                            : json_null());
    json_object_set_new(o, "max_parallel_tasks",
                        job->max_parallel_tasks
                            ? json_integer(job->max_parallel_tasks)
                            : json_null());
    json_object_set_new(
        o, "on_all_tasks_complete",
        json_string(job->on_all_tasks_complete == ALL_COMPLETE_NO_ACTION
                        ? "no_action"
                        : "terminate_job"));
    json_object_set_new(o, "metadata", life_metadata_json(&job->metadata));
    json_object_set_new(o, "added",
                        json_integer((json_int_t)l->scene->jobs[j].added));
    json_object_set_new(o, "states",
                        life_changes_json(&l->scene->jobs[j].changes, true));
    json_object_set_new(o, "special_tasks",
                        life_specials_json(l->run, l->scene, j, 0, NULL, 0));
    return json_print(json_pack("{s:i, s:b, s:o}", "version", 1, "live",
                                (int)l->live, "job", o),
                      LIFE_JSON_BYTES);
}

/* ---- The commands ---- */

static int jobs_open(struct jobs *l, struct run_arg *run, const char *path)
{
    struct err err;
    int rc = run_arg_open(path, run);
    if (rc != EXIT_OK)
        return rc;
    int64_t now_ns = clock_wall_ns();
    l->run = run;
    l->live = session_is_there(run);
    l->counts = mem_calloc(run->spec->job_count, sizeof(*l->counts));
    l->scene = scene_read(run->dir, run->spec, now_ns, false, &err);
    if (l->counts && l->scene &&
        counts_read(run->dir, run->spec, now_ns, l->counts, &err) == 0)
        return EXIT_OK;
    log_error("%s", l->counts ? err.text : "no memory");
    return EXIT_FAILED;
}

static void jobs_close(struct jobs *l, struct run_arg *run)
{
    scene_destroy(l->scene);
    mem_free(l->counts);
    run_arg_close(run);
}

static int list(void *values)
{
    const struct job_values *v = values;
    struct run_arg run = {0};
    struct jobs l = {0};
    int rc = jobs_open(&l, &run, v->run);
    if (rc == EXIT_OK)
        rc = v->json ? list_json(&l) : list_text(&l, &v->display);
    jobs_close(&l, &run);
    return rc;
}

static int show(void *values)
{
    const struct job_values *v = values;
    struct run_arg run = {0};
    struct display display;
    struct jobs l = {0};
    uint32_t j = 0;
    int rc = jobs_open(&l, &run, v->run);
    if (rc == EXIT_OK)
        rc = job_arg_find("job show", run.spec, v->job, &j);
    if (rc == EXIT_OK && v->json) {
        rc = show_json(&l, j);
    } else if (rc == EXIT_OK) {
        display_open(&display, &v->display);
        show_text(&l, j, &display);
        rc = display_close(&display);
    }
    jobs_close(&l, &run);
    return rc;
}

static const struct opt list_opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct job_values, json),
     .meaning = "print JSON, {\"version\": 1, \"live\", \"jobs\": [...]}"}};
static const struct opt show_opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct job_values, json),
     .meaning = "print JSON, {\"version\": 1, \"live\", \"job\": {...}}"}};
static const struct opt_set list_sets[] = {
    OPT_SET(list_opts, 0),
    OPT_SET(display_opts, offsetof(struct job_values, display))};
static const struct opt_set show_sets[] = {
    OPT_SET(show_opts, 0),
    OPT_SET(display_opts, offsetof(struct job_values, display))};
static const struct arg list_args[] = {RUN_ARG(struct job_values)};
static const struct arg show_args[] = {JOB_ARG(struct job_values),
                                       RUN_ARG(struct job_values)};
static const struct cmd_exit show_exits[] = {
    {EXIT_OK, "shown"},
    {EXIT_FAILED, "it cannot be read"},
    {EXIT_BAD_USAGE, "wrong usage, or no such run or job"}};
static const struct cmd_example list_examples[] = {
    {"mpibatch job list sweep.run", "The jobs, their states, their tasks"}};
static const struct cmd_example show_examples[] = {
    {"mpibatch job show scan sweep.run", "What became of job scan"}};

const struct cmd cmd_job_list = {
    .name = "job list",
    .summary = "list the jobs of a run, with their states",
    .description =
        "List the jobs of the run RUN: state, priority, how many tasks have "
        "succeeded, failed, were skipped, run, are to go, and why it is in its "
        "state. Jobs of a schedule are there once their time has come.\n\n"
        "States: active, disabling, disabled, enabling, terminating, "
        "completed.\n\n"
        "JSON has of each job job_id, pool_id, schedule_id, state, state_time, "
        "end (Azure's terminate reason, such as AllTasksComplete), why, "
        "priority and tasks (counts by state).",
    .sets = list_sets,
    .set_count = 2,
    .args = list_args,
    .arg_count = 1,
    .examples = list_examples,
    .example_count = 1,
    .values_size = sizeof(struct job_values),
    .main = list};

const struct cmd cmd_job_show = {
    .name = "job show",
    .summary = "show what became of one job",
    .description =
        "Show the job JOB of the run RUN: its state and why, counts of its "
        "tasks, limits, schedule, all changes of its state with their times, "
        "and on each node its job preparation and release task; its job "
        "manager task.\n\n"
        "JSON has what `mpibatch job list --json` has, and display_name, "
        "max_wall_clock_s, max_parallel_tasks, on_all_tasks_complete, "
        "metadata, added (how many of its tasks were), states (time, session, "
        "state, end, why) and special_tasks (as of `mpibatch node show "
        "--json`).",
    .sets = show_sets,
    .set_count = 2,
    .args = show_args,
    .arg_count = 2,
    .examples = show_examples,
    .example_count = 1,
    .exits = show_exits,
    .exit_count = 3,
    .values_size = sizeof(struct job_values),
    .main = show};
