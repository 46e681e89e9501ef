/* mpibatch collect: other metrics of a run, without running anything. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/file.h"
#include "cli/collect.h"
#include "cli/command.h"
#include "cli/grow.h"
#include "cli/rundir_arg.h"
#include "cli/specfile.h"
#include "spec/spec.h"
#include "store/results.h"
#include "store/status.h"
#include "view/query.h"

struct collect_values {
    const char *run, *spec;
};

/* What the command works on. */
struct work {
    char *path; /* of the run directory, as it was said */
    struct rundir *dir;
    struct jobspec *old, *spec;
    struct buf text; /* of the new spec */
    uint64_t invalid;
};

/* ---- Afterwards ---- */

static int count_invalid(void *arg, const struct query_task *t, struct err *err)
{
    struct snapshot *snap = arg;
    (void)err;
    if (t->state == QUERY_INVALID) {
        snap->jobs[t->job].tasks.invalid++;
        snap->tasks.invalid++;
    }
    return 0;
}

/* How many tasks are invalid now, into status.json. */
static int status_renew(struct work *w, const struct jobspec *spec,
                        struct err *err)
{
    struct snapshot snap;
    struct status_origin from;
    if (status_read(rundir_path(w->dir), spec, &snap, &from, err) < 0)
        return err->code == ENOENT ? 0 : -1;
    struct query *q = query_open(w->dir, spec, clock_wall_ns(), err);
    int rc = -1;
    snap.tasks.invalid = 0;
    for (uint32_t j = 0; j < snap.job_count; j++)
        snap.jobs[j].tasks.invalid = 0;
    if (q)
        rc = query_each(q, count_invalid, &snap, err);
    query_close(q);
    w->invalid = snap.tasks.invalid;
    if (rc == 0)
        rc = status_write(w->dir, spec, &snap, &from, err);
    mem_free(snap.jobs);
    return rc;
}

/* The views of the new journal. */
static int views_renew(struct work *w, struct err *err)
{
    struct jobspec *spec = run_spec_load(w->dir);
    if (!spec)
        return err_set(err, EINVAL, "the job spec cannot be read again");
    int rc = results_build(w->dir, spec, NULL, err);
    if (rc == 0)
        rc = status_renew(w, spec, err);
    jobspec_destroy(spec);
    return rc;
}

static int report(const struct collect_values *v, const struct work *w,
                  const struct collected *what)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    buf_printf(&out, "%s: metrics of %" PRIu64 " attempt%s, by %s\n", w->path,
               what->attempts, what->attempts == 1 ? "" : "s", v->spec);
    if (what->recorded)
        buf_printf(&out,
                   "  %" PRIu64 " value%s of files that are gone: kept as "
                   "recorded\n",
                   what->recorded, what->recorded == 1 ? "" : "s");
    if (what->unreadable)
        buf_printf(&out, "  %" PRIu64 " output%s could not be read\n",
                   what->unreadable, what->unreadable == 1 ? "" : "s");
    if (w->invalid)
        buf_printf(&out,
                   "  %" PRIu64 " task%s succeeded with a metric missing, "
                   "malformed or out of range\n",
                   w->invalid, w->invalid == 1 ? "" : "s");
    buf_printf(&out, "  results: %s/results.h5\n", w->path);
    int rc = stdout_put(buf_text(&out), out.len);
    buf_fini(&out);
    return rc;
}

/* ---- The work ---- */

static int work_open(struct work *w, const struct collect_values *v)
{
    struct err err;
    struct stat st;
    size_t len;
    buf_init(&w->text, SPEC_MAX_BYTES);
    w->path = stat(v->run, &st) == 0 && !S_ISDIR(st.st_mode)
                  ? specfile_run_dir(v->run)
                  : mem_strdup(v->run);
    w->dir = w->path ? rundir_open_locked(w->path, &err) : NULL;
    if (!w->path)
        err_set(&err, ENOMEM, "no memory");
    if (!w->dir) {
        log_error("%s", err.text);
        return EXIT_BAD_USAGE;
    }
    struct inputs *inputs = NULL;
    if (file_read(v->spec, &w->text, &err) < 0 ||
        !(inputs = inputs_open(rundir_path(w->dir), &err))) {
        log_error("%s", err.text);
        return EXIT_BAD_USAGE;
    }
    w->spec = specfile_parse(v->spec, buf_text(&w->text), w->text.len, inputs);
    if (!w->spec)
        return EXIT_BAD_USAGE;
    w->old = run_spec_load(w->dir);
    if (!w->old)
        return EXIT_FAILED;
    const char *text = rundir_spec(w->dir, &len);
    if (spec_same_but_metrics(text, len, buf_text(&w->text), w->text.len,
                              v->spec, "the run's job spec", &err) == 0 &&
        spec_grow_run(w->spec, rundir_path(w->dir), &err) == 0)
        return EXIT_OK;
    log_error("%s", err.text);
    return EXIT_BAD_USAGE;
}

static void work_close(struct work *w)
{
    jobspec_destroy(w->old);
    jobspec_destroy(w->spec);
    rundir_close(w->dir);
    mem_free(w->path);
    buf_fini(&w->text);
}

static int collect(void *values)
{
    const struct collect_values *v = values;
    struct work w = {0};
    struct collected what;
    struct err err;
    int rc = work_open(&w, v);
    if (rc != EXIT_OK)
        goto out;
    rc = EXIT_FAILED;
    if (collect_journal(w.dir, w.old, w.spec, buf_text(&w.text), w.text.len,
                        &what, &err) < 0 ||
        rundir_begin_generation(w.dir, buf_text(&w.text), w.text.len, &err) <
            0) {
        log_error("%s; the run is as it was", err.text);
        goto out;
    }
    if (views_renew(&w, &err) < 0)
        log_error("the metrics are collected, but results.h5 or status.json is "
                  "not made anew: %s; the same command tries again",
                  err.text);
    else
        rc = report(v, &w, &what);
out:
    work_close(&w);
    return rc;
}

static const struct opt opts[] = {
    {.name = "spec",
     .kind = OPT_SPEC,
     .at = offsetof(struct collect_values, spec),
     .value = "FILE",
     .otherwise = "nothing; it is required",
     .meaning = "the job spec with the metrics to take; in all else it says "
                "what the run's own says"}};

static const struct opt_set sets[] = {OPT_SET(opts, 0)};

static const struct arg args[] = {
    {.name = "RUN",
     .noun = "run directory",
     .kind = OPT_RUN,
     .at = offsetof(struct collect_values, run),
     .meaning = "a run directory, or the job spec that it was made from; no "
                "session may have it"}};

static const struct cmd_example examples[] = {
    {"mpibatch collect --spec more.yaml sweep.run",
     "Take the metrics of more.yaml from the outputs of a run"},
    {"mpibatch run more.yaml -o sweep.run --rerun failed",
     "Go on with that run afterwards"}};

static const struct cmd_exit exits[] = {
    {0, "the run has the new metrics"},
    {1, "they could not be taken; the run is as it was if nothing else is "
        "said"},
    {2, "wrong usage, a wrong job spec, one that differs in more than metrics, "
        "or a run that goes on"}};

static int collect_main(void *values)
{
    const struct collect_values *v = values;
    if (!v->spec)
        return usage_error("collect", "which metrics? --spec FILE says it");
    return collect(values);
}

const struct cmd cmd_collect = {
    .name = "collect",
    .summary = "take other metrics from a run, without running",
    .description =
        "Take the metrics of another job spec from what the tasks of RUN have "
        "left: their stored outputs, the files that they returned, and those in "
        "their folders that are still there (directories of their own: if they "
        "are kept, and on this node). Nothing is run.\n\n"
        "Afterwards the run is as if it had been run with that spec: "
        "results.h5 has its metrics, and it is that spec that resumes it. The "
        "former spec and journal stay in the run directory.",
    .sets = sets,
    .set_count = 1,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = 3,
    .values_size = sizeof(struct collect_values),
    .main = collect_main};
