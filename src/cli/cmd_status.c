/* mpibatch status: how a run is doing, or how it ended. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/rundir_arg.h"
#include "store/status.h"
#include "view/describe.h"

struct status_values {
    const char *run;
    bool json;
    struct display_options display;
};

/* A run that has not said anything for so long is not running. */
#define SILENT_NS (15 * NS_PER_SEC)
enum { STATUS_MAX_BYTES = 16 << 20 };

static void counts_put(const struct task_counts *t, bool over, struct buf *out)
{
    buf_printf(out,
               "%" PRIu64 " succeeded, %" PRIu64 " failed, %" PRIu64
               " running, %" PRIu64 " %s",
               t->succeeded, t->failed, t->running, t->active,
               over ? "not run" : "to go");
    if (t->retried)
        buf_printf(out, ", %" PRIu64 " tried again", t->retried);
    if (t->invalid)
        buf_printf(out,
                   ", %" PRIu64 " with a metric missing, "
                   "malformed or out of range",
                   t->invalid);
    buf_putc(out, '\n');
}

/* Will nothing of it run any more, short of --rerun? */
static bool is_over(const struct snapshot *s)
{
    return s->state == RUN_FINISHED && s->exit_code <= EXIT_FAILED;
}

static void state_put(const struct snapshot *s,
                      const struct status_origin *from, struct buf *out)
{
    char took[16];
    int64_t silent_ns = clock_wall_ns() - s->now_ns;
    buf_printf(out, "%s", run_state_name(s->state));
    if (s->state == RUN_FINISHED)
        buf_printf(out, " (exit code %d)", s->exit_code);
    buf_printf(out, ", session %" PRIu32 ", %s on %s (pid %d)\n", s->session,
               duration_format(s->now_ns - s->start_ns, took), from->host,
               (int)from->pid);
    if (s->state != RUN_FINISHED && silent_ns > SILENT_NS)
        buf_printf(out,
                   "  no sign of life for %s: it was killed, or its machine; "
                   "the same command resumes\n",
                   duration_format(silent_ns, took));
    if (s->pause_text[0])
        buf_printf(out, "  paused: %s\n", s->pause_text);
}

static void report_put(const struct jobspec *spec, const struct snapshot *s,
                       const struct status_origin *from, struct buf *out)
{
    char count[64], nodes[64], took[16];
    buf_printf(out, "%s: ", spec->name);
    state_put(s, from, out);
    buf_printf(out, "  %s: ", describe_count(s->tasks.total, "task", count));
    counts_put(&s->tasks, is_over(s), out);
    buf_printf(out, "  %" PRIu32 "/%" PRIu32 " slots busy, %s on %s",
               s->slots_busy, s->slot_count,
               describe_count(s->rank_count, "rank", count),
               describe_count(s->node_count, "node", nodes));
    if (s->ranks_lost)
        buf_printf(out, ", %" PRIu32 " lost", s->ranks_lost);
    if (s->tasks_per_s > 0)
        buf_printf(out, ", %.1f tasks/s", s->tasks_per_s);
    if (s->eta_ns >= 0 && s->state != RUN_FINISHED)
        buf_printf(out, ", eta %s", duration_format(s->eta_ns, took));
    buf_putc(out, '\n');
    for (uint32_t j = 0; s->job_count > 1 && j < s->job_count; j++) {
        buf_printf(out, "  job %s %s%s%s: ", spec->jobs[j].id,
                   job_state_name(s->jobs[j].state), s->jobs[j].end ? ", " : "",
                   job_end_name(s->jobs[j].end));
        counts_put(&s->jobs[j].tasks, is_over(s), out);
    }
}

/* status.json as it is. */
static int json_show(const struct rundir *dir)
{
    struct buf text;
    struct err err;
    int rc = EXIT_FAILED;
    char *path = rundir_file(dir, "status.json");
    buf_init(&text, STATUS_MAX_BYTES);
    if (!path)
        log_error("no memory");
    else if (file_read(path, &text, &err) < 0)
        log_error("%s", err.text);
    else
        rc = stdout_put(buf_text(&text), text.len);
    buf_fini(&text);
    mem_free(path);
    return rc;
}

static int text_show(const struct run_arg *run,
                     const struct display_options *options)
{
    struct display d;
    struct snapshot snap;
    struct status_origin from;
    struct buf out;
    struct err err;
    if (status_read(rundir_path(run->dir), run->spec, &snap, &from, &err) < 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    buf_init(&out, STATUS_MAX_BYTES);
    report_put(run->spec, &snap, &from, &out);
    display_open(&d, options);
    display_put(&d, buf_text(&out), out.len);
    buf_fini(&out);
    mem_free(snap.jobs);
    return display_close(&d);
}

static int status(void *values)
{
    struct status_values *v = values;
    struct run_arg run;
    int rc = run_arg_open(v->run, &run);
    if (rc != 0)
        return rc;
    rc = v->json ? json_show(run.dir) : text_show(&run, &v->display);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct status_values, json),
     .meaning = "the run's status.json, as it is"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct status_values, display))};

static const struct arg args[] = {
    {.name = "RUN",
     .noun = "run directory",
     .kind = OPT_RUN,
     .at = offsetof(struct status_values, run),
     .meaning = "a run directory, or the job spec that it was made from"}};

const struct cmd cmd_status = {
    .name = "status",
    .summary = "how a run is doing, or how it ended",
    .description = "How the run RUN is doing: tasks, speed, time left. Works "
                   "while it runs and long after, on any machine that sees "
                   "the folder.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .values_size = sizeof(struct status_values),
    .main = status};
