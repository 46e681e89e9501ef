/* mpibatch logs: what a task printed. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/display.h"
#include "cli/follow.h"
#include "cli/rundir_arg.h"
#include "cli/task_arg.h"
#include "store/output.h"
#include "view/describe.h"
#include "view/query.h"

enum { PIECE_BYTES = 1 << 16, HELD_BYTES = (1 << 20) + 4, STREAMS = 2 };

struct logs_values {
    const char *id, *run, *node;
    bool err, both, raw, follow;
    uint64_t attempt, tail;
    struct display_options display;
};

struct logs {
    const struct run_arg *run;
    const struct logs_values *v;
    uint32_t job;
    struct display display;
    bool escaped;    /* control bytes are shown, as on a terminal */
    struct buf held; /* the beginning of a character */
    bool found;      /* the attempt that was asked for */
    int rc;
};

static const char *const stream_names[STREAMS] = {"stdout", "stderr"};

/* A piece of an output. -1: there is no need to go on. */
static int piece_put(struct logs *l, const struct buf *piece)
{
    if (!l->escaped) {
        if (stdout_put(buf_text(piece), piece->len) == EXIT_OK)
            return 0;
        l->rc = EXIT_FAILED;
        return -1;
    }
    display_put(&l->display, buf_text(piece), piece->len);
    return display_over(&l->display) ? -1 : 0;
}

static int piece_read(struct logs *l, const struct query_task *t, int stream,
                      uint64_t from, uint64_t len, struct buf *piece,
                      struct err *err)
{
    buf_reset(piece);
    return output_read(l->run->dir, t->last,
                       jobspec_job_id(l->run->spec, t->job), t->id, stream,
                       from, len, piece, err);
}

struct part {
    struct logs *logs;
    const struct query_task *task;
    int stream;
};

static int part_read(void *arg, uint64_t from, uint64_t len, struct buf *out,
                     struct err *err)
{
    const struct part *p = arg;
    return piece_read(p->logs, p->task, p->stream, from, len, out, err);
}

/* Bytes at the end of the piece that are the beginning of a character. */
static size_t split_len(const struct buf *piece)
{
    for (size_t k = 1; k <= 3 && k < piece->len; k++) {
        unsigned char c = (unsigned char)piece->data[piece->len - k];
        if ((c & 0xc0) != 0x80)
            return c >= 0xc0 ? k : 0;
    }
    return 0;
}

static int stream_put(struct logs *l, const struct query_task *t, int stream,
                      struct err *err)
{
    const struct output *o = &t->last->output[stream];
    uint64_t bytes = o->place == OUTPUT_EMPTY ? 0 : o->bytes, from = 0;
    struct buf piece;
    int rc = 0;
    buf_init(&piece, PIECE_BYTES);
    struct part part = {.logs = l, .task = t, .stream = stream};
    if (l->v->tail > 0)
        rc = tail_find(part_read, &part, bytes, l->v->tail, &from, err);
    while (rc == 0 && from < bytes) {
        rc = piece_read(l, t, stream, from, PIECE_BYTES, &piece, err);
        if (rc < 0 || piece.len == 0)
            break;
        size_t split =
            l->escaped && from + piece.len < bytes ? split_len(&piece) : 0;
        buf_truncate(&piece, piece.len - split);
        from += piece.len;
        if (piece_put(l, &piece) < 0)
            rc = 1;
    }
    buf_fini(&piece);
    return rc;
}

static void heading_put(struct logs *l, int stream, uint64_t bytes)
{
    struct buf text;
    buf_init(&text, 256);
    if (buf_printf(&text, "%s==> %s, %" PRIu64 " bytes <==\n",
                   stream ? "\n" : "", stream_names[stream], bytes) == 0)
        (void)piece_put(l, &text);
    buf_fini(&text);
}

static int attempt_put(struct logs *l, const struct query_task *t,
                       struct err *err)
{
    char name[DESCRIBE_TASK_BYTES];
    int rc = 0;
    for (int stream = 0; rc == 0 && stream < STREAMS; stream++) {
        if (!l->v->both && stream != (l->v->err ? 1 : 0))
            continue;
        if (l->v->both)
            heading_put(l, stream, t->last->output[stream].bytes);
        rc = stream_put(l, t, stream, err);
        if (rc < 0)
            err_context(err, "%s of task %s", stream_names[stream],
                        describe_task(l->run->spec, t->job, t->index, name));
    }
    return rc;
}

/* An attempt that has nothing to show, and why. */
static bool is_lost(const struct attempt *a)
{
    return a->reason == REASON_LOST || a->reason == REASON_INTERNAL;
}

static int visit(void *arg, const struct query_task *t, struct err *err)
{
    struct logs *l = arg;
    char name[DESCRIBE_TASK_BYTES];
    describe_task(l->run->spec, t->job, t->index, name);
    if (t->now ? l->v->attempt > 0 || !t->last
               : t->last->attempt != l->v->attempt)
        return 0;
    l->found = true;
    int rc = attempt_put(l, t, err);
    if (rc == 0 && is_lost(t->last)) {
        log_warning("attempt %" PRIu32 " of task %s %s: what it printed is "
                    "not kept",
                    t->last->attempt, name,
                    t->last->reason == REASON_LOST ? "was lost with its worker"
                                                   : "failed in the worker");
        l->rc = EXIT_FAILED;
    }
    if (t->state == QUERY_RUNNING && l->v->attempt == 0)
        log_info("task %s runs again now; this is its last attempt that "
                 "has ended",
                 name);
    return rc == 0 ? 1 : rc;
}

/* ---- While it runs ---- */

/* A piece of what comes: the beginning of a character waits for its end. */
static int live_put(void *arg, const struct buf *piece)
{
    struct logs *l = arg;
    if (!l->escaped)
        return piece_put(l, piece);
    if (buf_put(&l->held, buf_text(piece), piece->len) < 0)
        return -1;
    size_t split = split_len(&l->held);
    display_put(&l->display, buf_text(&l->held), l->held.len - split);
    buf_consume(&l->held, l->held.len - split);
    return display_over(&l->display) ? -1 : 0;
}

static void live_end(struct logs *l)
{
    if (l->held.len > 0)
        display_put(&l->display, buf_text(&l->held), l->held.len);
    buf_fini(&l->held);
}

static struct follow live(struct logs *l, uint32_t index, int stream)
{
    return (struct follow){.run = l->run,
                           .job = l->job,
                           .index = index,
                           .stream = stream,
                           .tail = l->v->tail,
                           .put = live_put,
                           .arg = l};
}

static int follow(struct logs *l, uint32_t index)
{
    struct follow f = live(l, index, l->v->err ? 1 : 0);
    struct err err;
    l->display.at_once = true;
    int rc = follow_run(&f, &err);
    live_end(l);
    if (rc == 0)
        return l->rc;
    log_error("%s", err.text);
    return EXIT_FAILED;
}

static void live_begin(void *arg, int stream, uint64_t bytes)
{
    heading_put(arg, stream, bytes);
}

/* No attempt has ended: what the first one has printed by now. */
static int now(struct logs *l, uint32_t index, struct err *err)
{
    uint32_t attempt = 0;
    int rc = 0;
    for (int stream = 0; rc == 0 && stream < STREAMS; stream++) {
        if (!l->v->both && stream != (l->v->err ? 1 : 0))
            continue;
        struct follow f = live(l, index, stream);
        rc = follow_now(&f, l->v->both ? live_begin : NULL, err);
        live_end(l);
        attempt = f.attempt;
    }
    if (rc == 0)
        log_info("attempt %" PRIu32 " runs: this is what it has printed by now",
                 attempt);
    return rc;
}

/* ---- Special tasks: on some node ---- */

enum { NODES_SHOWN = 8 };

/* Which of its attempts is meant: the last one, or that of the number, on the
 * node that was named or on the only one. */
struct choice {
    struct logs *logs;
    const char *nodes[NODES_SHOWN]; /* the query's: where it ended */
    uint32_t node_count;
    uint32_t session, attempt; /* the one; attempt 0: none yet */
    const char *node;
};

static bool is_wanted(const struct logs *l, const struct query_task *t)
{
    return (!l->v->node || strcmp(t->node, l->v->node) == 0) &&
           (l->v->attempt == 0 || t->last->attempt == l->v->attempt);
}

static int choose(void *arg, const struct query_task *t, struct err *err)
{
    struct choice *c = arg;
    uint32_t i = 0;
    (void)err;
    if (t->now || !t->last)
        return 0;
    while (i < c->node_count && strcmp(c->nodes[i], t->node) != 0)
        i++;
    if (i == c->node_count && i < NODES_SHOWN)
        c->nodes[c->node_count++] = t->node;
    if (is_wanted(c->logs, t)) {
        c->session = t->session;
        c->attempt = t->last->attempt;
        c->node = t->node;
    }
    return 0;
}

static int chosen_put(void *arg, const struct query_task *t, struct err *err)
{
    const struct choice *c = arg;
    if (t->now || !t->last || t->session != c->session ||
        t->last->attempt != c->attempt || strcmp(t->node, c->node) != 0)
        return 0;
    int rc = attempt_put(c->logs, t, err);
    return rc == 0 ? 1 : rc;
}

static int no_choice(const struct choice *c, const char *name)
{
    char nodes[1024] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < c->node_count && at < sizeof(nodes); i++)
        at += (size_t)snprintf(nodes + at, sizeof(nodes) - at, "%s%s",
                               i ? ", " : "", c->nodes[i]);
    if (c->node_count == 0)
        log_error("%s has not ended anywhere", name);
    else
        log_error("%s: no such attempt; it ended on %s", name, nodes);
    return EXIT_FAILED;
}

static int special_show(struct logs *l, uint32_t index)
{
    struct choice c = {.logs = l};
    struct err err;
    char name[DESCRIBE_TASK_BYTES];
    struct query *q =
        query_open(l->run->dir, l->run->spec, clock_wall_ns(), &err);
    int rc = q ? query_attempts(q, l->job, index, choose, &c, &err) : -1;
    describe_task(l->run->spec, l->job, index, name);
    if (rc == 0 && c.attempt == 0)
        rc = no_choice(&c, name);
    else if (rc == 0 && !l->v->node && c.node_count > 1)
        rc = usage_error("logs",
                         "%s ran on several nodes; --node says which: "
                         "%s, %s%s",
                         name, c.nodes[0], c.nodes[1],
                         c.node_count > 2 ? ", ..." : "");
    else if (rc == 0 &&
             query_attempts(q, l->job, index, chosen_put, &c, &err) < 0)
        rc = -1;
    query_close(q);
    if (rc >= 0)
        return rc == 0 ? l->rc : rc;
    log_error("%s", err.text);
    return EXIT_FAILED;
}

/* ---- The command ---- */

/* No attempt has ended, or not that one. */
static int not_ended(struct logs *l, uint32_t index, const char *id)
{
    const char *job = l->run->spec->jobs[l->job].id;
    struct err err;
    if (l->v->attempt > 0)
        log_error("task %s/%s has no attempt %" PRIu64 " that has ended", job,
                  id, l->v->attempt);
    else if (now(l, index, &err) == 0)
        return l->rc;
    else if (err.code == HOLDER_WAITS || err.code == HOLDER_ENDED ||
             err.code == ENOTCONN)
        log_error("task %s/%s has not ended an attempt yet, and none runs "
                  "now; what it prints is kept when it has",
                  job, id);
    else
        log_error("%s", err.text);
    return EXIT_FAILED;
}

static int show(struct logs *l, uint32_t index)
{
    struct err err;
    char id[JOBSPEC_MAX_ID + 1] = "";
    struct query *q =
        query_open(l->run->dir, l->run->spec, clock_wall_ns(), &err);
    int rc = q ? query_attempts(q, l->job, index, visit, l, &err) : -1;
    query_close(q);
    if (rc < 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    if (l->found)
        return l->rc;
    (void)job_task_id(&l->run->spec->jobs[l->job], index, id, &err);
    return not_ended(l, index, id);
}

static int logs(void *values)
{
    const struct logs_values *v = values;
    struct run_arg run;
    uint32_t index = 0;
    struct logs l = {
        .run = &run, .v = v, .escaped = !v->raw && isatty(STDOUT_FILENO)};
    if (v->follow && v->both)
        return usage_error("logs", "--follow and --both exclude each other");
    if (v->follow && v->attempt > 0)
        return usage_error("logs", "--follow and --attempt exclude each other");
    int rc = task_arg_run("logs", v->id, v->run, &run);
    if (rc != EXIT_OK)
        return rc;
    buf_init(&l.held, HELD_BYTES);
    rc = task_arg_find_any("logs", run.spec, v->id, &l.job, &index);
    bool special = rc == EXIT_OK && special_of(index) != SPECIAL_NONE;
    if (special && v->follow)
        rc = usage_error("logs", "--follow is for tasks; %s is a special one",
                         v->id);
    else if (rc == EXIT_OK && !special && v->node)
        rc = usage_error("logs",
                         "--node is for tasks that each node has: start task, "
                         "job preparation, job release");
    if (rc == EXIT_OK) {
        struct display_options options = v->display;
        options.no_pager = options.no_pager || v->follow;
        display_open(&l.display, &options);
        rc = display_end(&l.display, special     ? special_show(&l, index)
                                     : v->follow ? follow(&l, index)
                                                 : show(&l, index));
    }
    run_arg_close(&run);
    return rc;
}

static const struct opt opts[] = {
    {.name = "follow",
     .letter = 'f',
     .kind = OPT_FLAG,
     .at = offsetof(struct logs_values, follow),
     .meaning = "go on until the task ends, also if it has yet to start"},
    {.name = "stderr",
     .kind = OPT_FLAG,
     .at = offsetof(struct logs_values, err),
     .excludes = "both",
     .meaning = "what it wrote to stderr, instead of stdout"},
    {.name = "both",
     .kind = OPT_FLAG,
     .at = offsetof(struct logs_values, both),
     .meaning = "stdout, then stderr, with a heading each"},
    {.name = "attempt",
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct logs_values, attempt),
     .what = "the number of an attempt",
     .min = 1,
     .max = UINT32_MAX,
     .otherwise = "the last one that has ended, else the one that runs",
     .meaning = "what its attempt N printed"},
    {.name = "node",
     .kind = OPT_TEXT,
     .value = "NODE",
     .at = offsetof(struct logs_values, node),
     .otherwise = "the only one",
     .meaning = "of a start task, or a job's preparation or release: on this "
                "node"},
    {.name = "tail",
     .kind = OPT_COUNT,
     .value = "N",
     .at = offsetof(struct logs_values, tail),
     .what = "a number of lines",
     .min = 1,
     .max = INT64_MAX,
     .otherwise = "all",
     .meaning = "only the last N lines"},
    {.name = "raw",
     .kind = OPT_FLAG,
     .at = offsetof(struct logs_values, raw),
     .meaning = "the bytes as they are, to a terminal, too"}};

static const struct opt_set sets[] = {
    OPT_SET(opts, 0),
    OPT_SET(display_opts, offsetof(struct logs_values, display))};

static const struct arg args[] = {TASK_ANY_ARG(struct logs_values),
                                  RUN_ARG(struct logs_values)};

static const struct cmd_exit exits[] = {
    {0, "shown; nothing, if it printed nothing"},
    {1, "there is nothing to show: it has not started, its output was lost, or "
        "cannot be read"},
    {2, "wrong usage, or no such run or task"},
};

static const struct cmd_example examples[] = {
    {"mpibatch logs 17 sweep.run", "What task 17 printed"},
    {"mpibatch logs scan/17 sweep.run --stderr --tail 20",
     "The end of its stderr"},
    {"mpibatch logs -f 17 sweep.run", "What it prints, as it comes"},
    {"mpibatch logs starttask sweep.run --node n17 --both",
     "What the start task printed on node n17"},
};

const struct cmd cmd_logs = {
    .name = "logs",
    .summary = "show what a task printed",
    .description =
        "Show what the task ID of the run RUN printed, whole: to a file or a "
        "pipe byte for byte, on a terminal with control bytes as \\xNN. Of one "
        "that runs and has not ended an attempt: what it has printed by now.\n\n"
        "With `-f` what it prints is shown as it comes, on whatever node it "
        "runs, through all of its attempts, until it has ended.",
    .sets = sets,
    .set_count = 2,
    .args = args,
    .arg_count = 2,
    .examples = examples,
    .example_count = sizeof(examples) / sizeof(examples[0]),
    .exits = exits,
    .exit_count = sizeof(exits) / sizeof(exits[0]),
    .values_size = sizeof(struct logs_values),
    .main = logs};
