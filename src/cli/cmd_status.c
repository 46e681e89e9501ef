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
#include "view/staged.h"

struct status_values {
    const char *run;
    bool json;
    struct display_options display;
};

enum { STATUS_MAX_BYTES = 16 << 20 };

static void counts_put(const struct task_counts *t, bool over, bool of_job,
                       struct display *d)
{
    char count[64], failed[80];
    display_printf(d, "%s succeeded, ",
                   describe_count(t->succeeded, "", count));
    if (of_job && t->invalid > 0)
        display_printf(d, "%s of them invalid, ",
                       describe_count(t->invalid, "", count));
    snprintf(failed, sizeof(failed), "%s failed",
             describe_count(t->failed, "", count));
    display_styled(d, t->failed ? STYLE_BAD : STYLE_PLAIN, failed);
    if (t->skipped)
        display_printf(d, ", %s skipped",
                       describe_count(t->skipped, "", count));
    display_printf(d, ", %s running", describe_count(t->running, "", count));
    if (t->preparing)
        display_printf(d, ", %s preparing",
                       describe_count(t->preparing, "", count));
    if (t->storing)
        display_printf(d, ", %s storing",
                       describe_count(t->storing, "", count));
    display_printf(d, ", %s %s", describe_count(t->active, "", count),
                   over ? "not run" : "to go");
    if (t->retried)
        display_printf(d, ", %s tried again",
                       describe_count(t->retried, "", count));
    display_puts(d, "\n");
}

/* Will nothing of it run any more, short of --rerun? */
static bool is_over(const struct snapshot *s)
{
    return s->state == RUN_FINISHED && s->exit_code <= EXIT_FAILED;
}

static void state_put(const struct snapshot *s,
                      const struct status_origin *from, struct display *d)
{
    char took[16];
    int64_t now_ns = clock_wall_ns();
    display_styled(d,
                   s->state != RUN_FINISHED ? STYLE_PLAIN
                   : s->exit_code == 0      ? STYLE_GOOD
                                            : STYLE_BAD,
                   run_state_name(s->state));
    if (s->state == RUN_FINISHED)
        display_printf(d, " (exit code %d)", s->exit_code);
    display_printf(d, ", session %" PRIu32 ", %s on %s (pid %d)\n", s->session,
                   duration_format(s->now_ns - s->start_ns, took), from->host,
                   (int)from->pid);
    if (s->state != RUN_FINISHED && status_is_gone(from))
        display_puts(d, "  its process is gone, it was killed; the same "
                        "command resumes\n");
    else if (s->state != RUN_FINISHED && !status_is_alive(s, now_ns))
        display_printf(
            d,
            "  no sign of life for %s: it was killed, or its machine; "
            "the same command resumes\n",
            duration_format(now_ns - s->now_ns, took));
    if (s->state == RUN_RUNNING && snapshot_waits(s))
        display_puts(d, "  waiting for tasks (no_action): `mpibatch task add`, "
                        "or `mpibatch job terminate`\n");
    if (s->state == RUN_RUNNING && snapshot_disabled(s) > 0)
        display_puts(d, "  jobs are disabled: `mpibatch job enable`\n");
    if (s->pause_text[0])
        display_printf(d, "  paused: %s\n", s->pause_text);
}

static void staged_put(const struct snapshot *s, struct display *d)
{
    struct buf text;
    buf_init(&text, 1024);
    if (staged_describe(&s->staged, "  ", &text) == 0)
        display_puts(d, buf_text(&text));
    buf_fini(&text);
}

/* Nodes that get no tasks. */
static void nodes_put(const struct snapshot *s, struct display *d)
{
    char text[256];
    uint32_t n = snapshot_unusable_nodes(s);
    if (n == 0)
        return;
    display_puts(d, "  ");
    display_styled(d, STYLE_NOTICE, describe_nodes(s, text, sizeof(text)));
    display_printf(d,
                   ": %" PRIu32 " of %" PRIu32
                   " nodes not usable; `mpibatch node list` says why\n",
                   n, s->node_count);
}

static void report_put(const struct jobspec *spec, const struct snapshot *s,
                       const struct status_origin *from, struct display *d)
{
    char count[64], nodes[64], took[16];
    display_printf(d, "%s: ", spec->name);
    state_put(s, from, d);
    display_printf(d, "  %s: ", describe_count(s->tasks.total, "task", count));
    counts_put(&s->tasks, is_over(s), false, d);
    if (s->tasks.invalid > 0)
        display_printf(d,
                       "  metrics: %s succeeded with a metric missing, "
                       "malformed or out of range\n",
                       describe_count(s->tasks.invalid, "task", count));
    display_printf(d, "  %" PRIu32 "/%" PRIu32 " slots busy, %s on %s",
                   s->slots_busy, s->slot_count,
                   describe_count(s->rank_count, "rank", count),
                   describe_count(s->node_count, "node", nodes));
    if (s->ranks_lost)
        display_printf(d, ", %" PRIu32 " lost", s->ranks_lost);
    if (s->tasks_per_s > 0)
        display_printf(d, ", %.1f tasks/s", s->tasks_per_s);
    if (s->eta_ns >= 0 && s->state != RUN_FINISHED)
        display_printf(d, ", eta %s", duration_format(s->eta_ns, took));
    display_puts(d, "\n");
    nodes_put(s, d);
    staged_put(s, d);
    for (uint32_t j = 0; s->job_count > 1 && j < s->job_count; j++) {
        if (s->jobs[j].hidden)
            continue;
        display_printf(d, "  job %s %s%s%s: ", spec->jobs[j].id,
                       job_state_name(s->jobs[j].state),
                       s->jobs[j].end ? ", " : "",
                       job_end_name(s->jobs[j].end));
        counts_put(&s->jobs[j].tasks, is_over(s), true, d);
    }
}

/* Say that status.json cannot be read, and what can. */
static int status_missing(const char *dir, const struct err *err)
{
    if (err->code == ENOENT)
        log_error("%s: there is no status.json: its first session has just "
                  "begun, or the file was deleted; `mpibatch tasks` reads the "
                  "journal instead",
                  dir);
    else
        log_error("%s", err->text);
    return EXIT_FAILED;
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
        rc = status_missing(rundir_path(dir), &err);
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
    struct err err;
    if (status_read(rundir_path(run->dir), run->spec, &snap, &from, &err) < 0)
        return status_missing(rundir_path(run->dir), &err);
    display_open(&d, options);
    report_put(run->spec, &snap, &from, &d);
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

static const struct arg args[] = {RUN_ARG(struct status_values)};

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
