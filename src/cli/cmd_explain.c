/* mpibatch explain: why a task does not run. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/asking.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/json_put.h"
#include "cli/task_arg.h"
#include "view/describe.h"
#include "view/query_json.h"
#include "view/waiting.h"

enum { JSON_BYTES = 1 << 20 };

struct explain_values {
    const char *id, *run;
    bool json;
    struct display_options display;
};

/* What is said. */
struct saying {
    const struct run_arg *run;
    uint32_t job, index;
    bool live;
    struct waiting waiting;
    const char *wait, *text;
};

static json_t *parents_json(const struct saying *s)
{
    const struct waiting *w = &s->waiting;
    char name[DESCRIBE_TASK_BYTES];
    json_t *list = json_array();
    for (uint32_t i = 0; i < w->parent_count && i < WAITING_SHOWN; i++)
        json_array_append_new(
            list, json_string(describe_task(s->run->spec, w->parents[i].job,
                                            w->parents[i].index, name)));
    return list;
}

static int show(const struct saying *s, const struct explain_values *v)
{
    char name[DESCRIBE_TASK_BYTES];
    struct display d;
    describe_task(s->run->spec, s->job, s->index, name);
    if (v->json)
        return json_print(json_pack("{s:i, s:s, s:b, s:s, s:o, s:o, s:I}",
                                    "version", 1, "task", name, "live",
                                    (int)s->live, "wait", s->wait, "text",
                                    query_text_json(s->text), "depends_on",
                                    parents_json(s), "depends_on_count",
                                    (json_int_t)s->waiting.parent_count),
                          JSON_BYTES);
    display_open(&d, &v->display);
    display_printf(&d, "%s: %s\n", name, s->text);
    return display_close(&d);
}

/* What the session that has the run says, if there is one. 1: it has. */
static int ask(struct saying *s, struct answer *answer, struct err *err)
{
    struct ask a = {.what = ASK_EXPLAIN};
    snprintf(a.job_id, sizeof(a.job_id), "%s", s->run->spec->jobs[s->job].id);
    if (job_task_id(&s->run->spec->jobs[s->job], s->index, a.task_id, err) < 0)
        return -1;
    if (session_ask(s->run, &a, answer, NULL, err) < 0)
        return err->code == ENOTCONN ? 0 : -1;
    if (answer->code[0])
        return err_set(err, EIO, "%s: %s", answer->code, answer->message);
    return 1;
}

/* What the run directory does not know: ask, or say that nobody is there. */
static int rest(struct saying *s, struct answer *answer, struct err *err)
{
    static const char nobody[] =
        "; no session has the run: `mpibatch run` resumes it";
    int asked = ask(s, answer, err);
    if (asked < 0)
        return -1;
    if (asked > 0) {
        s->live = true;
        s->wait = answer->wait;
        s->text = answer->text;
    } else if (buf_puts(&s->waiting.text, nobody) < 0) {
        return err_set(err, ENOMEM, "no memory to explain a task");
    } else {
        s->text = buf_text(&s->waiting.text);
    }
    return 0;
}

static int explain(void *values)
{
    const struct explain_values *v = values;
    struct run_arg run;
    struct answer answer;
    struct err err;
    struct saying s = {.run = &run};
    int rc = task_arg_run("explain", v->id, v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    rc = task_arg_find("explain", run.spec, v->id, &s.job, &s.index);
    if (rc == EXIT_OK) {
        int found = waiting_find(run.dir, run.spec, clock_wall_ns(), s.job,
                                 s.index, &s.waiting, &err);
        s.wait = waiting_name(s.waiting.kind);
        s.text = buf_text(&s.waiting.text);
        if (found == 0 && s.waiting.kind == WAITING_SESSION)
            found = rest(&s, &answer, &err);
        if (found < 0) {
            log_error("%s", err.text);
            rc = EXIT_FAILED;
        } else {
            rc = show(&s, v);
        }
        waiting_fini(&s.waiting);
    }
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct explain_values, json),
     .meaning = "print JSON, {\"version\": 1, \"task\", \"live\", \"wait\", "
                "\"text\", \"depends_on\": [...], \"depends_on_count\"}"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct explain_values, display))};

static const struct arg args[] = {TASK_ARG(struct explain_values),
                                  RUN_ARG(struct explain_values)};

static const struct cmd_exit exits[] = {
    {EXIT_OK, "explained"},
    {EXIT_FAILED, "it cannot be read, or the session does not answer"},
    {EXIT_BAD_USAGE, "wrong usage, or no such run or task"}};

static const struct cmd_example examples[] = {
    {"mpibatch explain scan/17 sweep.run", "Why task 17 does not run"}};

const struct cmd cmd_explain = {
    .name = "explain",
    .summary = "why a task does not run",
    .description =
        "Say why the task ID of the run RUN does not run: it has ended, or is "
        "skipped and because of which task; its job is disabled, has ended, or "
        "its time has not come; it waits for other tasks, and for which. The "
        "session that has the run is asked for the rest: its turn, slots, "
        "resources, nodes for a task of several, a pause before it is tried "
        "again.\n\n"
        "JSON's wait is none (it runs or has ended), skipped, job_state, "
        "schedule, dependency, session (nobody has the run), or as the session "
        "says: turn, dependency, backoff, slots, resource, nodes, preparation, "
        "max_parallel_tasks, paused, nobody. depends_on has up to 20 of the "
        "tasks that it waits for.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 2,
    .examples = examples,
    .example_count = 1,
    .exits = exits,
    .exit_count = 3,
    .values_size = sizeof(struct explain_values),
    .main = explain};
