/* mpibatch events: what happened to a run, in order. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/rundir_arg.h"
#include "store/journal.h"
#include "store/status.h"
#include "view/describe.h"
#include "view/moment.h"
#include "view/query_json.h"
#include "view/staged.h"

enum { LINE_BYTES = 1 << 16 };

struct events_values {
    const char *run;
    bool json, follow;
    struct display_options display;
};

/* A node of the session. */
struct event_host {
    char name[NODE_MAX_NAME + 1];
    bool runs; /* so it was said last */
};

struct events {
    const struct run_arg *run;
    struct display *display;    /* NULL: JSON, an object a line */
    struct journal_place place; /* behind what was shown */
    uint32_t sessions;
    bool over;                /* nobody reads */
    bool *held;               /* of each job: it was disabled */
    struct event_host *hosts; /* of the nodes of the session, by number */
    uint32_t host_cap;
    struct stage_counts staged; /* in the session that is shown */
    /* ranks of one host that came one after the other are one line */
    struct {
        uint32_t count, first, last, slots;
        int64_t time_ns;
        uint32_t session;
        char host[NODE_MAX_NAME + 1];
    } ranks;
};

/* One event: its name for programs, and in words. */
struct event {
    int64_t time_ns;
    uint32_t session;
    const char *name;
    enum style style;
    json_t *fields; /* taken */
    char text[768];
};

static void event_show(struct events *l, struct event *e)
{
    char when[MOMENT_BYTES];
    if (l->display) {
        display_printf(l->display, "%s  ", moment_format(e->time_ns, when));
        display_styled(l->display, e->style, e->text);
        display_puts(l->display, "\n");
        l->over = l->over || display_over(l->display);
        json_decref(e->fields);
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "time",
                        json_real((double)e->time_ns / (double)NS_PER_SEC));
    json_object_set_new(o, "session", json_integer(e->session));
    json_object_set_new(o, "event", json_string(e->name));
    if (e->fields)
        json_object_update(o, e->fields);
    json_decref(e->fields);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text || stdout_put(text, strlen(text)) != EXIT_OK ||
        stdout_put("\n", 1) != EXIT_OK)
        l->over = true;
    free(text);
}

static struct event event_of(const struct journal_record *r, const char *name)
{
    return (struct event){
        .time_ns = r->time_ns, .session = r->session, .name = name};
}

/* The ranks that were gathered. */
static void ranks_flush(struct events *l)
{
    char slots[64];
    if (l->ranks.count == 0)
        return;
    struct event e = {.time_ns = l->ranks.time_ns,
                      .session = l->ranks.session,
                      .name = "ranks_joined"};
    e.fields = json_pack("{s:o, s:i, s:i, s:i}", "node",
                         query_text_json(l->ranks.host), "first_rank",
                         (int)l->ranks.first, "last_rank", (int)l->ranks.last,
                         "slots", (int)l->ranks.slots);
    if (l->ranks.count == 1)
        snprintf(e.text, sizeof(e.text), "%s: rank %" PRIu32 ", %s",
                 l->ranks.host, l->ranks.first,
                 describe_count(l->ranks.slots, "slot", slots));
    else
        snprintf(e.text, sizeof(e.text),
                 "%s: ranks %" PRIu32 " to %" PRIu32 ", %s", l->ranks.host,
                 l->ranks.first, l->ranks.last,
                 describe_count(l->ranks.slots, "slot", slots));
    l->ranks.count = 0;
    event_show(l, &e);
}

/* The host of a node of the session; "node 3" if it is not known. */
static const char *host_of(const struct events *l, uint32_t node,
                           char text[NODE_MAX_NAME + 1])
{
    if (node < l->host_cap && l->hosts[node].name[0])
        return l->hosts[node].name;
    snprintf(text, NODE_MAX_NAME + 1, "node %" PRIu32, node);
    return text;
}

static void host_note(struct events *l, const struct journal_record *r)
{
    uint32_t node = r->u.node.node, cap = l->host_cap ? 2 * l->host_cap : 16;
    if (node >= l->host_cap) {
        cap = cap > node ? cap : node + 1;
        void *more = mem_resize(l->hosts, cap, sizeof(l->hosts[0]));
        if (!more)
            return; /* it is called by its number */
        l->hosts = more;
        memset(l->hosts + l->host_cap, 0,
               (cap - l->host_cap) * sizeof(l->hosts[0]));
        l->host_cap = cap;
    }
    snprintf(l->hosts[node].name, sizeof(l->hosts[node].name), "%s",
             r->u.node.info->hostname);
}

static void on_node(struct events *l, const struct journal_record *r)
{
    host_note(l, r);
    if (l->ranks.count > 0 &&
        (r->u.node.rank != l->ranks.last + 1 ||
         strcmp(r->u.node.info->hostname, l->ranks.host) != 0))
        ranks_flush(l);
    if (l->ranks.count++ == 0) {
        l->ranks.first = r->u.node.rank;
        l->ranks.slots = 0;
        l->ranks.time_ns = r->time_ns;
        l->ranks.session = r->session;
        snprintf(l->ranks.host, sizeof(l->ranks.host), "%s",
                 r->u.node.info->hostname);
    }
    l->ranks.last = r->u.node.rank;
    l->ranks.slots += r->u.node.slots;
}

static void on_session(struct events *l, const struct journal_record *r)
{
    char ranks[64], nodes[64];
    struct event e = event_of(r, "session_started");
    e.style = STYLE_TITLE;
    e.fields = json_pack("{s:o, s:o, s:i, s:i}", "mpibatch",
                         query_text_json(r->u.session.version), "mpi",
                         query_text_json(r->u.session.mpi), "ranks",
                         (int)r->u.session.rank_count, "nodes",
                         (int)r->u.session.node_count);
    bool mpi = strcmp(r->u.session.mpi, "none") != 0;
    snprintf(e.text, sizeof(e.text), "session %" PRIu32 ": %s on %s%s%.200s",
             r->session, describe_count(r->u.session.rank_count, "rank", ranks),
             describe_count(r->u.session.node_count, "node", nodes),
             mpi ? ", " : "", mpi ? r->u.session.mpi : "");
    l->sessions++;
    if (l->host_cap > 0)
        memset(l->hosts, 0, l->host_cap * sizeof(l->hosts[0]));
    event_show(l, &e);
}

/* What staging came to in a session that ends. */
static void staged_note(const struct events *l, struct event *e)
{
    json_t *o = json_object();
    struct buf text;
    for (int i = 0; i < STAGE_COUNTS; i++)
        json_object_set_new(
            o, stage_count_name(i),
            json_integer((json_int_t)stage_count_get(&l->staged, i)));
    json_object_set_new(e->fields, "staging", o);
    buf_init(&text, sizeof(e->text));
    size_t len = strlen(e->text);
    if (staged_describe(&l->staged, "; ", &text) == 0)
        for (const char *s = buf_text(&text); *s && len + 1 < sizeof(e->text);
             s++)
            if (*s != '\n')
                e->text[len++] = *s;
    e->text[len] = '\0';
    buf_fini(&text);
}

static void on_end(struct events *l, const struct journal_record *r)
{
    struct event e = event_of(r, "session_ended");
    e.fields = json_pack("{s:i}", "exit_code", r->u.end.exit_code);
    snprintf(e.text, sizeof(e.text), "session %" PRIu32 " ends, exit code %d",
             r->session, r->u.end.exit_code);
    if (stage_counts_any(&l->staged))
        staged_note(l, &e);
    event_show(l, &e);
    l->staged = (struct stage_counts){0};
}

/* Was it disabled? Then it is active again, not begun. */
static bool is_held(const struct events *l, uint32_t job)
{
    return l->held && l->held[job];
}

static void job_hold(struct events *l, uint32_t job, enum job_state state)
{
    if (l->held)
        l->held[job] = state == JOB_DISABLING || state == JOB_DISABLED ||
                       state == JOB_ENABLING;
}

static void on_job(struct events *l, const struct journal_record *r)
{
    const char *id = l->run->spec->jobs[r->u.job.job].id;
    struct event e = event_of(r, "job");
    const char *end = job_end_name(r->u.job.end);
    const char *why = r->u.job.why ? r->u.job.why : "";
    bool again = r->u.job.state == JOB_ACTIVE && is_held(l, r->u.job.job);
    job_hold(l, r->u.job.job, r->u.job.state);
    e.fields = json_pack("{s:s, s:s, s:s, s:o}", "job_id", id, "state",
                         job_state_name(r->u.job.state), "end", end, "why",
                         query_text_json(why));
    snprintf(e.text, sizeof(e.text), "job %s: %s%s%s%s%.400s", id,
             r->u.job.state != JOB_ACTIVE ? job_state_name(r->u.job.state)
             : again                      ? "active again"
                                          : "begun",
             *end ? ", " : "", end, *why ? ": " : "", why);
    event_show(l, &e);
}

static void on_reactivation(struct events *l, const struct journal_record *r)
{
    const char *id = l->run->spec->jobs[r->u.reactivate.job].id;
    struct event e = event_of(r, "reactivated");
    uint64_t count = 0;
    char tasks[64];
    for (uint32_t i = 0; i < r->u.reactivate.range_count; i++)
        count += r->u.reactivate.ranges[i].count;
    e.style = STYLE_NOTICE;
    e.fields =
        json_pack("{s:s, s:I}", "job_id", id, "tasks", (json_int_t)count);
    snprintf(e.text, sizeof(e.text), "job %s: %s to run again", id,
             describe_count(count, "task", tasks));
    event_show(l, &e);
}

static void on_lost(struct events *l, const struct journal_record *r)
{
    struct event e = event_of(r, "rank_lost");
    e.style = STYLE_BAD;
    e.fields = json_pack("{s:i}", "rank", (int)r->u.lost.rank);
    snprintf(e.text, sizeof(e.text), "rank %" PRIu32 " is lost",
             r->u.lost.rank);
    event_show(l, &e);
}

/* job_id, task_id, task_index of a task; of a special one no index. */
static json_t *task_json(const struct events *l, uint32_t job, uint32_t index)
{
    const struct jobspec *spec = l->run->spec;
    const struct special_task *special = jobspec_special(spec, job, index);
    char id[JOBSPEC_MAX_ID + 1] = "?";
    struct err err;
    json_t *o = json_object();
    if (job < spec->job_count)
        json_object_set_new(o, "job_id", json_string(spec->jobs[job].id));
    else
        json_object_set_new(
            o, "pool_id", json_string(spec->pools[jobspec_pool(spec, job)].id));
    if (!special)
        (void)job_task_id(&spec->jobs[job], index, id, &err);
    json_object_set_new(o, "task_id", json_string(special ? special->id : id));
    if (!special)
        json_object_set_new(o, "task_index", json_integer(index));
    return o;
}

static void attempt_json(const struct attempt *a, json_t *o)
{
    json_object_set_new(o, "attempt", json_integer(a->attempt));
    json_object_set_new(o, "reason",
                        json_string(attempt_reason_name(a->reason)));
}

/* A special task ended on a node, well or not. */
static void on_special(struct events *l, const struct journal_record *r)
{
    const struct attempt *a = r->u.attempt;
    char name[DESCRIBE_TASK_BYTES], room[NODE_MAX_NAME + 1];
    bool well = a->result == RESULT_SUCCESS;
    const char *host = host_of(l, a->node, room);
    bool again = a->disposition == TASK_RETRIES;
    struct event e = event_of(r, "special_task");
    e.style = well ? STYLE_PLAIN : again ? STYLE_NOTICE : STYLE_BAD;
    e.fields = task_json(l, a->job, a->index);
    attempt_json(a, e.fields);
    json_object_set_new(e.fields, "result",
                        json_string(attempt_result_name(a->result)));
    json_object_set_new(e.fields, "node", query_text_json(host));
    snprintf(e.text, sizeof(e.text), "%s: %s, attempt %" PRIu32 " %s%s%s%s",
             host, describe_task(l->run->spec, a->job, a->index, name),
             a->attempt, well ? "succeeded" : "failed (",
             well ? "" : attempt_reason_name(a->reason), well ? "" : ")",
             again ? "; it is tried again" : "");
    event_show(l, &e);
}

/* An attempt that another one follows. */
static void on_attempt(struct events *l, const struct journal_record *r)
{
    const struct attempt *a = r->u.attempt;
    char name[DESCRIBE_TASK_BYTES];
    if (a->disposition != TASK_RETRIES)
        return;
    struct event e = event_of(r, "retry");
    e.style = STYLE_NOTICE;
    e.fields = task_json(l, a->job, a->index);
    attempt_json(a, e.fields);
    snprintf(e.text, sizeof(e.text),
             "task %s: attempt %" PRIu32 " ended (%s); it is tried again",
             describe_task(l->run->spec, a->job, a->index, name), a->attempt,
             attempt_reason_name(a->reason));
    event_show(l, &e);
}

/* ---- The life of nodes and jobs ---- */

/* Note whether a node runs something now. Did it before? */
static bool runs_now(struct events *l, uint32_t node, bool runs)
{
    if (node >= l->host_cap)
        return false;
    bool ran = l->hosts[node].runs;
    l->hosts[node].runs = runs;
    return ran;
}

static void on_node_state(struct events *l, const struct journal_record *r)
{
    char room[NODE_MAX_NAME + 1];
    const char *host = host_of(l, r->u.node_state.node, room);
    enum node_state state = r->u.node_state.state;
    struct event e = event_of(r, "node");
    /* that it has something to do, or nothing, is only for programs */
    bool ran = runs_now(l, r->u.node_state.node, state == NODE_RUNNING);
    if (l->display && (state == NODE_RUNNING || (ran && state == NODE_IDLE)))
        return;
    e.style = state == NODE_START_TASK_FAILED || state == NODE_UNUSABLE
                  ? STYLE_BAD
              : state == NODE_OFFLINE || state == NODE_LEAVING_POOL ||
                      state == NODE_PREEMPTED
                  ? STYLE_NOTICE
                  : STYLE_PLAIN;
    e.fields = json_pack("{s:o, s:s, s:o}", "node", query_text_json(host),
                         "state", node_state_name(state), "why",
                         query_text_json(r->u.node_state.why));
    snprintf(e.text, sizeof(e.text), "%s: %s%s%.400s", host,
             node_state_name(state), *r->u.node_state.why ? ": " : "",
             r->u.node_state.why);
    event_show(l, &e);
}

static void on_skipped(struct events *l, const struct journal_record *r)
{
    const struct task_range *t = &r->u.skipped.tasks;
    char parent[DESCRIBE_TASK_BYTES], first[DESCRIBE_TASK_BYTES], more[96] = "";
    char count[64];
    struct event e = event_of(r, "skipped");
    describe_task(l->run->spec, r->u.skipped.parent_job, r->u.skipped.parent,
                  parent);
    e.style = STYLE_NOTICE;
    e.fields = task_json(l, t->job, t->first);
    json_object_set_new(e.fields, "tasks", json_integer(t->count));
    json_object_set_new(e.fields, "depends_on", json_string(parent));
    if (t->count > 1)
        snprintf(more, sizeof(more), " and %s behind it",
                 describe_count(t->count - 1, "task", count));
    describe_task(l->run->spec, t->job, t->first, first);
    if (t->count == 1 && r->u.skipped.parent_job == t->job &&
        r->u.skipped.parent == t->first)
        snprintf(e.text, sizeof(e.text), "task %s: deleted", first);
    else
        snprintf(e.text, sizeof(e.text), "task %s%s: skipped, depends on %s",
                 first, more, parent);
    event_show(l, &e);
}

static void on_added(struct events *l, const struct journal_record *r)
{
    const char *id = l->run->spec->jobs[r->u.added.job].id;
    char count[64];
    struct event e = event_of(r, "added");
    e.fields = json_pack("{s:s, s:I, s:I}", "job_id", id, "first_index",
                         (json_int_t)r->u.added.first, "tasks",
                         (json_int_t)r->u.added.count);
    snprintf(e.text, sizeof(e.text), "job %s: %s added", id,
             describe_count(r->u.added.count, "task", count));
    event_show(l, &e);
}

static void on_occurrence(struct events *l, const struct journal_record *r)
{
    const struct job *job = &l->run->spec->jobs[r->u.occurrence.job];
    const char *schedule =
        job->schedule ? l->run->spec->schedules[job->schedule - 1].id : "";
    struct event e = event_of(r, "occurrence");
    e.style = r->u.occurrence.begun ? STYLE_PLAIN : STYLE_NOTICE;
    e.fields = json_pack("{s:s, s:s, s:b}", "schedule_id", schedule, "job_id",
                         job->id, "begun", (int)r->u.occurrence.begun);
    snprintf(
        e.text, sizeof(e.text), "schedule %s: job %s %s", schedule, job->id,
        r->u.occurrence.begun ? "begins" : "left out: its time has passed");
    event_show(l, &e);
}

static void on_command(struct events *l, const struct journal_record *r)
{
    const char *error = r->u.command.error;
    struct event e = event_of(r, "command");
    e.style = STYLE_NOTICE;
    e.fields =
        json_pack("{s:o, s:o}", "command", query_text_json(r->u.command.text),
                  "error", *error ? query_text_json(error) : json_null());
    snprintf(e.text, sizeof(e.text), "asked for: %.300s%s%.*s",
             r->u.command.text, *error ? "; refused: " : "",
             (int)strcspn(error, "\n"), error); /* where it is, follows */
    event_show(l, &e);
}

static void on_record(struct events *l, const struct journal_record *r)
{
    if (r->type != JOURNAL_NODE)
        ranks_flush(l);
    switch (r->type) {
    case JOURNAL_SESSION:
        on_session(l, r);
        break;
    case JOURNAL_NODE:
        on_node(l, r);
        break;
    case JOURNAL_ATTEMPT:
        on_attempt(l, r);
        break;
    case JOURNAL_JOB:
        on_job(l, r);
        break;
    case JOURNAL_REACTIVATE:
        on_reactivation(l, r);
        break;
    case JOURNAL_LOST:
        on_lost(l, r);
        break;
    case JOURNAL_END:
        on_end(l, r);
        break;
    case JOURNAL_COUNTS:
        l->staged = r->u.counts;
        break;
    case JOURNAL_NODE_STATE:
        on_node_state(l, r);
        break;
    case JOURNAL_SKIPPED:
        on_skipped(l, r);
        break;
    case JOURNAL_ADDED:
        on_added(l, r);
        break;
    case JOURNAL_OCCURRENCE:
        on_occurrence(l, r);
        break;
    case JOURNAL_COMMAND:
        on_command(l, r);
        break;
    case JOURNAL_SPECIAL:
        on_special(l, r);
        break;
    case JOURNAL_PROGRAM:
    case JOURNAL_ORIGIN:
    case JOURNAL_TICK:
        break;
    }
}

/* Show what the journal has by now, from where that ended the last time. */
static int journal_show(struct events *l, struct err *err)
{
    struct journal_record r;
    int got = 0;
    struct journal_reader *jr = journal_read(l->run->dir, l->run->spec, err);
    if (!jr)
        return -1;
    /* of special tasks more is shown */
    journal_reader_light(jr, !jobspec_has_specials(l->run->spec));
    int rc = journal_seek(jr, l->place, err);
    while (rc == 0 && !l->over && (got = journal_next(jr, &r, err)) > 0) {
        on_record(l, &r);
        l->place = journal_tell(jr);
    }
    ranks_flush(l);
    journal_reader_destroy(jr);
    return rc < 0 ? rc : got;
}

/* Is a session alive? */
static bool is_alive(const struct run_arg *run)
{
    struct snapshot snap;
    struct status_origin from;
    struct err err;
    if (status_read(rundir_path(run->dir), run->spec, &snap, &from, &err) < 0)
        return false;
    mem_free(snap.jobs);
    return status_is_alive(&snap, clock_wall_ns()) && !status_is_gone(&from);
}

static int show(struct events *l, bool follow)
{
    static const struct timespec second = {.tv_sec = 1};
    struct err err;
    int rc = journal_show(l, &err);
    while (rc == 0 && follow && !l->over) {
        bool alive = is_alive(l->run);
        nanosleep(&second, NULL);
        rc = journal_show(l, &err);
        if (!alive)
            break;
    }
    if (rc == 0)
        return EXIT_OK;
    log_error("%s", err.text);
    return EXIT_FAILED;
}

static int events(void *values)
{
    const struct events_values *v = values;
    struct display display;
    struct run_arg run;
    struct events l = {.run = &run};
    int rc = run_arg_open(v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    l.held = mem_calloc(run.spec->job_count, sizeof(l.held[0]));
    if (v->json) {
        rc = show(&l, v->follow);
        rc = rc == EXIT_OK && l.over ? EXIT_FAILED : rc;
    } else {
        struct display_options options = v->display;
        options.no_pager = options.no_pager || v->follow;
        display_open(&display, &options);
        display.at_once = v->follow;
        l.display = &display;
        rc = display_end(&display, show(&l, v->follow));
    }
    mem_free(l.hosts);
    mem_free(l.held);
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "follow",
     .letter = 'f',
     .kind = OPT_FLAG,
     .at = offsetof(struct events_values, follow),
     .meaning = "go on while the run does"},
    {.name = "json",
     .kind = OPT_FLAG,
     .at = offsetof(struct events_values, json),
     .meaning = "print a JSON object a line, each with version (1), time, "
                "session and event"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct events_values, display))};

static const struct arg args[] = {RUN_ARG(struct events_values)};

static const struct cmd_example examples[] = {
    {"mpibatch events sweep.run", "Sessions, nodes, jobs, retries"},
    {"mpibatch events -f --json sweep.run | jq -c 'select(.event == \"retry\")'",
     "Retries as they come"},
};

const struct cmd cmd_events = {
    .name = "events",
    .summary = "show what happened to a run, in order",
    .description =
        "Show what happened to the run RUN, from its journal: sessions that "
        "began and ended, ranks that joined or were lost, states of nodes and "
        "jobs, start tasks, job preparation and release, what was asked for "
        "by `mpibatch job`, `node` and `task`, tasks that were added, skipped, "
        "tried again or made active again. How "
        "tasks ended is shown by `mpibatch tasks`.\n\n"
        "JSON events: session_started (mpibatch, mpi, ranks, nodes), "
        "ranks_joined (node, first_rank, last_rank, slots), rank_lost (rank), "
        "node (node, state, why), job (job_id, state, end, why), retry "
        "(job_id, task_id, task_index, attempt, reason), special_task (job_id "
        "or pool_id, task_id, attempt, reason, result, node), skipped (job_id, "
        "task_id, task_index, tasks: how many from that on, depends_on), added "
        "(job_id, first_index, tasks), occurrence (schedule_id, job_id, "
        "begun), command (command, error), reactivated (job_id, tasks), "
        "session_ended (exit_code, and if anything was staged, staging: "
        "counts).",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 1,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .values_size = sizeof(struct events_values),
    .main = events};
