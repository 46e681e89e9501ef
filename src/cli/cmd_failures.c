/* mpibatch failures: what has failed, in groups. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/life.h"
#include "cli/query_options.h"
#include "view/describe.h"
#include "view/failures.h"
#include "view/query_json.h"

enum { JSON_BYTES = 64 << 20 };

struct failures_values {
    const char *run;
    struct query_options query;
    uint64_t top;
    bool json;
    struct display_options display;
};

static int restrict_to(void *arg, struct query *q, struct err *err)
{
    return query_options_apply(q, arg, err);
}

/* ---- For people ---- */

static void group_put(struct display *d, const struct failure_group *g,
                      const char *none)
{
    display_printf(d, "  %6" PRIu64 "  %s\n          ", g->count,
                   g->text[0] ? g->text : none);
    for (uint32_t i = 0; i < g->example_count; i++)
        display_printf(d, "%s%s", i ? ", " : "", g->examples[i]);
    display_puts(d, g->count > g->example_count ? ", ...\n" : "\n");
}

static void groups_put(struct display *d, const char *title,
                       const struct failure_group *list, uint32_t count,
                       uint64_t top, const char *none)
{
    uint64_t rest = 0;
    display_puts(d, "\n");
    display_styled(d, STYLE_TITLE, title);
    display_puts(d, "\n");
    for (uint32_t i = 0; i < count; i++) {
        if (i < top)
            group_put(d, &list[i], none);
        else
            rest += list[i].count;
    }
    if (rest > 0)
        display_printf(d,
                       "  %6" PRIu64 "  in %" PRIu64 " more groups (--top)\n",
                       rest, count - top);
}

static void region_show(struct display *d, const struct jobspec *spec,
                        const struct failure_region *r)
{
    char count[64], all[64], good[64];
    display_printf(d, "  %s of %s: %s", describe_count(r->failures, "", count),
                   describe_count(r->job_failures, "failure", all), r->text);
    if (r->successes > 0)
        display_printf(d, " (and %s success%s)",
                       describe_count(r->successes, "", good),
                       r->successes == 1 ? "" : "es");
    if (spec->job_count > 1)
        display_printf(d, " in job %s", spec->jobs[r->job].id);
    display_puts(d, "\n");
}

/* " RUN" as it was given, or nothing. */
static void run_put(struct buf *out, const char *run)
{
    if (run && (buf_putc(out, ' ') < 0 || text_put_shell_word(out, run) < 0))
        buf_reset(out);
}

/* Without the folder that we are in, if it lies there. */
static const char *shown_path(const char *path, char here[PATH_MAX])
{
    if (!getcwd(here, PATH_MAX))
        return path;
    size_t len = strlen(here);
    return strncmp(path, here, len) == 0 && path[len] == '/' && path[len + 1]
               ? path + len + 1
               : path;
}

static void hints_put(struct display *d, const struct failures *f,
                      const struct run_arg *run, const char *named)
{
    struct buf name, spec;
    char here[PATH_MAX];
    buf_init(&name, 8 * PATH_MAX);
    buf_init(&spec, 8 * PATH_MAX);
    run_put(&name, named);
    (void)text_put_shell_word(&spec,
                              shown_path(rundir_spec_path(run->dir), here));
    display_printf(d, "\nlook at one:     mpibatch task show %s%s\n",
                   f->reasons[0].examples[0], buf_text(&name));
    if (f->region_count > 0) {
        struct buf where;
        buf_init(&where, 1 << 20);
        if (text_put_shell_word(&where, f->regions[0].where) == 0)
            display_printf(d, "list a region:   mpibatch tasks --where %s%s\n",
                           buf_text(&where), buf_text(&name));
        buf_fini(&where);
    }
    display_printf(d, "run them again:  mpibatch run %s", buf_text(&spec));
    buf_reset(&spec);
    (void)text_put_shell_word(&spec, shown_path(rundir_path(run->dir), here));
    display_printf(d, " -o %s --rerun failed\n", buf_text(&spec));
    buf_fini(&name);
    buf_fini(&spec);
}

/* The end of the first line. */
static void skipped_put(struct display *d, const struct failures *f)
{
    char count[64];
    if (f->skipped > 0)
        display_printf(d, ", %s skipped as they depend on others",
                       describe_count(f->skipped, "", count));
    display_puts(d, "\n");
}

static void text_show(struct display *d, const struct failures *f,
                      const struct run_arg *run,
                      const struct failures_values *v)
{
    char count[64];
    if (f->failed == 0) {
        display_printf(d, "no task has failed; %s succeeded",
                       describe_count(f->succeeded, "task", count));
        skipped_put(d, f);
        return;
    }
    display_styled(d, STYLE_BAD, describe_count(f->failed, "task", count));
    display_printf(d, " failed, %s succeeded",
                   describe_count(f->succeeded, "", count));
    skipped_put(d, f);
    groups_put(d, "By how they ended", f->reasons, f->reason_count, v->top, "");
    groups_put(d, "By the last line of stderr", f->messages, f->message_count,
               v->top, "(nothing on stderr)");
    if (f->messages_read < f->failed)
        display_printf(d, "          of the first %" PRIu64 " that failed\n",
                       f->messages_read);
    display_puts(d, "\n");
    display_styled(d, STYLE_TITLE, "By parameters");
    display_puts(d, "\n");
    for (uint32_t i = 0; i < f->region_count; i++)
        region_show(d, run->spec, &f->regions[i]);
    if (f->region_count == 0)
        display_puts(d, f->succeeded > 0
                            ? "  nothing sets them apart from those that "
                              "succeeded\n"
                            : "  none of these tasks has succeeded, to compare "
                              "them with\n");
    if (f->jobs_left_out > 0)
        display_printf(d, "  of the %d jobs with the most failures\n",
                       FAILURES_MAX_JOBS);
    hints_put(d, f, run, v->run);
}

/* ---- For programs ---- */

static json_t *groups_json(const struct failure_group *list, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *o = json_object(), *examples = json_array();
        for (uint32_t k = 0; k < list[i].example_count; k++)
            json_array_append_new(examples, json_string(list[i].examples[k]));
        json_object_set_new(o, "text", query_text_json(list[i].text));
        json_object_set_new(o, "count",
                            json_integer((json_int_t)list[i].count));
        json_object_set_new(o, "examples", examples);
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *regions_json(const struct failures *f,
                            const struct jobspec *spec)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < f->region_count; i++) {
        const struct failure_region *r = &f->regions[i];
        json_t *o = json_object();
        json_object_set_new(o, "job_id", json_string(spec->jobs[r->job].id));
        json_object_set_new(o, "text", query_text_json(r->text));
        json_object_set_new(o, "where", query_text_json(r->where));
        json_object_set_new(o, "failures",
                            json_integer((json_int_t)r->failures));
        json_object_set_new(o, "successes",
                            json_integer((json_int_t)r->successes));
        json_object_set_new(o, "job_failures",
                            json_integer((json_int_t)r->job_failures));
        json_object_set_new(o, "job_successes",
                            json_integer((json_int_t)r->job_successes));
        json_array_append_new(array, o);
    }
    return array;
}

/* As `mpibatch node show --json` has them. */
static json_t *specials_json(const struct run_arg *run, const struct scene *s)
{
    const struct scene_special *x;
    json_t *list = json_array();
    for (uint32_t at = 0; (x = scene_special(s, &at, UINT32_MAX, 0, NULL, 0));)
        if (x->attempt->result != RESULT_SUCCESS &&
            x->attempt->disposition != TASK_RETRIES)
            json_array_append_new(list, life_special_json(run, x));
    return list;
}

static int json_show(const struct failures *f, const struct run_arg *run,
                     const struct scene *s)
{
    const struct jobspec *spec = run->spec;
    json_t *o = json_object();
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "failed", json_integer((json_int_t)f->failed));
    json_object_set_new(o, "succeeded", json_integer((json_int_t)f->succeeded));
    json_object_set_new(o, "skipped", json_integer((json_int_t)f->skipped));
    json_object_set_new(o, "reasons", groups_json(f->reasons, f->reason_count));
    json_object_set_new(o, "messages",
                        groups_json(f->messages, f->message_count));
    json_object_set_new(o, "messages_read",
                        json_integer((json_int_t)f->messages_read));
    json_object_set_new(o, "regions", regions_json(f, spec));
    json_object_set_new(o, "special_tasks", specials_json(run, s));
    return json_print(o, JSON_BYTES);
}

/* ---- The command ---- */

/* Start tasks and the like that failed for good. */
static void specials_put(struct display *d, const struct run_arg *run,
                         const struct scene *s)
{
    const struct scene_special *x;
    bool first = true;
    for (uint32_t at = 0;
         (x = scene_special(s, &at, UINT32_MAX, 0, NULL, 0));) {
        if (x->attempt->result == RESULT_SUCCESS ||
            x->attempt->disposition == TASK_RETRIES)
            continue;
        if (first) {
            display_puts(d, "\n");
            display_styled(d, STYLE_TITLE, "Tasks of nodes and jobs");
            display_puts(d, "\n");
        }
        first = false;
        life_special_put(d, run, x);
    }
}

static int show(const struct run_arg *run, struct failures_values *v)
{
    struct failures f = {0};
    struct display d;
    struct err err;
    int rc;
    int64_t now_ns = clock_wall_ns();
    struct scene *s = scene_read(run->dir, run->spec, now_ns, false, &err);
    if (!s) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    if (failures_find(&f, run->dir, run->spec, now_ns, restrict_to, &v->query,
                      &err) < 0) {
        rc = err.code == EINVAL ? usage_error("failures", "%s", err.text)
                                : EXIT_FAILED;
        if (rc == EXIT_FAILED)
            log_error("%s", err.text);
    } else if (v->json) {
        rc = json_show(&f, run, s);
    } else {
        display_open(&d, &v->display);
        text_show(&d, &f, run, v);
        specials_put(&d, run, s);
        rc = display_close(&d);
    }
    failures_fini(&f);
    scene_destroy(s);
    return rc;
}

static int failures(void *values)
{
    struct failures_values *v = values;
    struct run_arg run;
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    rc = show(&run, v);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "top",
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct failures_values, top),
     .what = "a number of groups",
     .min = 1,
     .max = UINT32_MAX,
     .fallback = "10",
     .meaning = "show the N largest groups of each kind"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct failures_values, json),
     .meaning = "print JSON, {\"version\": 1, \"failed\", \"reasons\": [...], "
                "\"messages\": [...], \"regions\": [...], \"special_tasks\": "
                "[...]}"}};

/* Which tasks are looked at, failed and succeeded alike. */
static const struct opt_set sets[] = {
    {.opts = query_opts + QUERY_OPTS_ANY_STATE,
     .count = QUERY_OPTS - QUERY_OPTS_ANY_STATE,
     .at = offsetof(struct failures_values, query)},
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct failures_values, display))};

static const struct arg args[] = {RUN_ARG(struct failures_values)};

static const struct cmd_example examples[] = {
    {"mpibatch failures sweep.run", "Why tasks fail"},
    {"mpibatch failures --filter solver=gmres sweep.run",
     "Among the tasks with this solver"},
};

const struct cmd cmd_failures = {
    .name = "failures",
    .summary = "show what has failed, in groups",
    .description =
        "Group the failed tasks of the run RUN: by how they ended; by the last "
        "line that they wrote to stderr, with numbers, addresses and folders "
        "taken for equal; and by where they lie among the parameters and "
        "nodes: small conditions that hold for most failures and for few "
        "tasks that succeeded. Then start tasks, job preparation, release and "
        "manager tasks that failed, with the end of their stderr.\n\n"
        "Of large jobs conditions are found on a sample of 8,192 failures and "
        "as many successes, and then counted among all tasks; the ends of "
        "stderr are read of the first 20,000 failures.\n\n"
        "JSON has of each group text, count and examples, and of each region "
        "job_id, text, where (a condition for `mpibatch tasks --where`), "
        "failures, successes, job_failures and job_successes; special_tasks "
        "are as of `mpibatch node show --json`.",
    .sets = sets,
    .set_count = 3,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct failures_values),
    .main = failures};
