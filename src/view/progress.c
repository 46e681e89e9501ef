/* The progress of a run: see progress.h. */
#include "config.h"
#include "view/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "model/jobcommand.h"
#include "view/describe.h"
#include "view/staged.h"

#define PLAIN_NS (30 * NS_PER_SEC)
enum {
    PLAIN_PERCENT = 5,
    FULL_FAILURES = 10, /* shown with parameters, stderr, command */
    TAIL_LINES = 5,
    GROUPS = 12, /* kinds of failures that are counted apart */
    SAMPLE_IDS = 4,
    JOBS_SHOWN = 20,
    LINE_BYTES = 4096,
    TEXT_BYTES = 1 << 16
};

/* Failures that ended in the same way. */
struct group {
    enum reason reason;
    int code; /* exit code or signal */
    uint64_t count;
    struct {
        uint32_t job, index;
    } samples[SAMPLE_IDS];
};

struct progress {
    struct progress_config config;
    bool drawn; /* the live line is on the terminal */
    int64_t plain_at_ns;
    unsigned plain_percent;
    uint64_t failures; /* attempts, retried ones too */
    uint64_t special_failures;
    struct group groups[GROUPS];
    uint32_t group_count;
    uint64_t ungrouped;
};

struct progress *progress_create(const struct progress_config *config,
                                 struct err *err)
{
    struct progress *p = mem_calloc(1, sizeof(*p));
    if (!p) {
        err_set(err, ENOMEM, "no memory for the progress line");
        return NULL;
    }
    p->config = *config;
    return p;
}

void progress_destroy(struct progress *p)
{
    mem_free(p);
}

static void put(struct progress *p, const char *text, size_t len)
{
    /* nobody can be told that the terminal does not work */
    (void)file_write_all(p->config.terminal.fd, text, len);
}

void progress_clear(void *progress)
{
    struct progress *p = progress;
    if (p->drawn)
        put(p, "\r\033[K", 4);
    p->drawn = false;
}

/* ", 3 preparing"; nothing for none. */
static const char *part_text(uint64_t n, const char *what, char text[48])
{
    text[0] = '\0';
    if (n > 0)
        snprintf(text, 48, ", %" PRIu64 " %s", n, what);
    return text;
}

/* ", 2 nodes not usable"; nothing for none. */
static const char *nodes_text(const struct snapshot *s, char text[48])
{
    uint32_t n = snapshot_unusable_nodes(s);
    return part_text(n, n == 1 ? "node not usable" : "nodes not usable", text);
}

/* "123/456 done (27%), 8 running, 3 preparing, 2 storing, 1 failed, 12.3/s,
 * eta 27s, 8/8 slots" */
static void line_text(const struct snapshot *s, char text[LINE_BYTES])
{
    uint64_t done = s->tasks.total - task_counts_left(&s->tasks);
    char skipped[48], nodes[48];
    char eta[32] = "", took[16], rate[32] = "", preparing[48], storing[48];
    if (s->eta_ns >= 0 && done < s->tasks.total)
        snprintf(eta, sizeof(eta), ", eta %s",
                 duration_format(s->eta_ns, took));
    if (s->tasks_per_s > 0)
        snprintf(rate, sizeof(rate), ", %.*f/s", s->tasks_per_s < 10 ? 1 : 0,
                 s->tasks_per_s);
    snprintf(
        text, LINE_BYTES,
        "%" PRIu64 "/%" PRIu64 " done (%u%%), %" PRIu64 " running%s%s, %" PRIu64
        " failed%s%s%s%s, %" PRIu32 "/%" PRIu32 " slots%s%s",
        done, s->tasks.total,
        s->tasks.total ? (unsigned)(done * 100 / s->tasks.total) : 100,
        s->tasks.running, part_text(s->tasks.preparing, "preparing", preparing),
        part_text(s->tasks.storing, "storing", storing), s->tasks.failed,
        part_text(s->tasks.skipped, "skipped", skipped), nodes_text(s, nodes),
        rate, eta, s->slots_busy, s->slot_count,
        s->state == RUN_PAUSED     ? ", PAUSED: cannot write"
        : s->state == RUN_STOPPING ? ", stopping"
                                   : "",
        s->state != RUN_RUNNING ? ""
        : snapshot_waits(s)     ? ", waiting for tasks (no_action)"
        : snapshot_disabled(s)  ? ", jobs are disabled"
                                : "");
}

/* A bar of width columns. */
static void bar_text(const struct snapshot *s, unsigned width, char *text)
{
    uint64_t done = s->tasks.total - task_counts_left(&s->tasks);
    unsigned full =
        s->tasks.total
            ? (unsigned)((unsigned __int128)done * width / s->tasks.total)
            : width;
    for (unsigned i = 0; i < width; i++)
        text[i] = i < full ? '#' : '.';
    text[width] = '\0';
}

/* Leave out what is over width columns, by whole parts where possible. */
static void line_cut(char *text, unsigned width)
{
    if (strlen(text) <= width)
        return;
    text[width + 1] = '\0'; /* a comma may stand there */
    char *comma = strrchr(text, ',');
    text[comma ? (size_t)(comma - text) : width] = '\0';
}

/* Where "3 failed" stands in the line, len bytes; len 0: it was cut. */
static const char *failed_part(const char *text, size_t *len)
{
    const char *end = strstr(text, " failed"), *at = end;
    *len = 0;
    if (!end)
        return text;
    while (at > text && at[-1] != ' ')
        at--;
    *len = (size_t)(end - at) + strlen(" failed");
    return at;
}

static void live_draw(struct progress *p, const struct snapshot *s)
{
    struct terminal *t = &p->config.terminal;
    char text[LINE_BYTES], bar[32] = "", line[2 * LINE_BYTES];
    line_text(s, text);
    terminal_update(t);
    unsigned room = t->width - 3; /* "^C" may be echoed behind the line */
    line_cut(text, room);
    size_t len = strlen(text);
    if (len + 14 <= room) {
        size_t width = room - len - 3 < 24 ? room - len - 3 : 24;
        bar_text(s, (unsigned)width, bar);
    }
    size_t full = strspn(bar, "#"), failed = 0;
    const char *good = style_begin(STYLE_GOOD, t->colors && full > 0);
    const char *end = style_end(STYLE_GOOD, t->colors && full > 0);
    const char *part = s->tasks.failed ? failed_part(text, &failed) : text;
    int n = bar[0] ? snprintf(line, sizeof(line), "\r\033[K[%s%.*s%s%s] ", good,
                              (int)full, bar, end, bar + full)
                   : snprintf(line, sizeof(line), "\r\033[K");
    n += snprintf(line + n, sizeof(line) - (size_t)n, "%.*s%s%.*s%s%s",
                  (int)(part - text), text,
                  style_begin(failed ? STYLE_BAD : STYLE_PLAIN, t->colors),
                  (int)failed, part,
                  style_end(failed ? STYLE_BAD : STYLE_PLAIN, t->colors),
                  part + failed);
    put(p, line, (size_t)n);
    p->drawn = true;
}

static void plain_print(struct progress *p, const struct snapshot *s)
{
    uint64_t done = s->tasks.total - task_counts_left(&s->tasks);
    unsigned percent =
        s->tasks.total ? (unsigned)(done * 100 / s->tasks.total) : 100;
    if (p->plain_at_ns == 0) { /* the first time there is nothing to tell */
        p->plain_at_ns = s->now_ns + PLAIN_NS;
        return;
    }
    if (s->now_ns < p->plain_at_ns &&
        (percent < p->plain_percent + PLAIN_PERCENT ||
         s->now_ns < p->plain_at_ns - PLAIN_NS + NS_PER_SEC))
        return;
    char text[LINE_BYTES];
    line_text(s, text);
    log_info("%s", text);
    p->plain_at_ns = s->now_ns + PLAIN_NS;
    p->plain_percent = percent - percent % PLAIN_PERCENT;
}

void progress_update(struct progress *p, const struct snapshot *snap)
{
    if (p->config.quiet)
        return;
    if (p->config.terminal.live)
        live_draw(p, snap);
    else
        plain_print(p, snap);
}

/* Count the failure with its like. */
static void group_add(struct progress *p, const struct attempt *a)
{
    int code = a->reason == REASON_EXIT_CODE ? a->exit_code
               : a->reason == REASON_SIGNAL  ? a->signal
                                             : (int)a->failure;
    uint32_t i = 0;
    while (i < p->group_count &&
           (p->groups[i].reason != a->reason || p->groups[i].code != code))
        i++;
    if (i == GROUPS) {
        p->ungrouped++;
        return;
    }
    struct group *g = &p->groups[i];
    if (i == p->group_count) {
        p->group_count++;
        *g = (struct group){.reason = a->reason, .code = code};
    }
    if (g->count < SAMPLE_IDS) {
        g->samples[g->count].job = a->job;
        g->samples[g->count].index = a->index;
    }
    g->count++;
}

/* How to run it by hand; of one with a directory of its own, which is gone or
 * will be, what was run there. */
static void command_put(const struct progress *p, const struct job *job,
                        const struct attempt *a, const char *id,
                        struct buf *out)
{
    const char *dir = p->config.work_dir, *run = p->config.run_path;
    const struct template_context c = {.index = a->index,
                                       .task_id = id,
                                       .job_id = job->id,
                                       .run_dir = run,
                                       .spec_dir = dir};
    struct err err;
    if (!task_has_directory(job_template(job, a->index))) {
        buf_puts(out, "    by hand: ");
        describe_command(job, a->index, dir, run, NULL, out);
        return;
    }
    describe_missing_program(job, a, dir, run, "    hint: ", out);
    buf_puts(out, "    command, in a directory of its own: ");
    job_command_show(job, &c, out, NULL, &err);
}

/* A special task failed: what that comes to is said of its node or job. */
static void special_failure(struct progress *p, const struct attempt *a,
                            const char *hostname, const char *stderr_tail,
                            size_t len)
{
    char how[384], name[DESCRIBE_TASK_BYTES];
    struct buf text;
    if (++p->special_failures > FULL_FAILURES)
        return;
    attempt_describe(a, how);
    buf_init(&text, TEXT_BYTES);
    buf_printf(&text, "%s on %s: %s (attempt %" PRIu32 ")%s\n",
               describe_task(p->config.spec, a->job, a->index, name), hostname,
               how, a->attempt,
               a->disposition == TASK_RETRIES ? "; it is tried again" : "");
    describe_tail(stderr_tail, len, TAIL_LINES, "    | ", &text);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    log_error("%s", buf_text(&text));
    buf_fini(&text);
}

void progress_failure(struct progress *p, const struct attempt *a,
                      const char *hostname, const char *stderr_tail, size_t len)
{
    const struct jobspec *spec = p->config.spec;
    char how[384], id[JOBSPEC_MAX_ID + 1] = "?", took[16] = "";
    struct buf text;
    bool retries = a->disposition == TASK_RETRIES;

    if (special_of(a->index) != SPECIAL_NONE) {
        special_failure(p, a, hostname, stderr_tail, len);
        return;
    }
    const struct job *job = &spec->jobs[a->job];

    if (!retries)
        group_add(p, a);
    if (++p->failures > FULL_FAILURES + 1)
        return;
    if (p->failures == FULL_FAILURES + 1) {
        log_info("more failures are counted, not shown; mpibatch tasks "
                 "--failed %s lists them",
                 p->config.run_dir);
        return;
    }
    attempt_describe(a, how);
    if (attempt_has_run(a))
        duration_format(a->end_ns - a->start_ns, took);
    job_task_id(job, a->index, id, NULL);
    buf_init(&text, TEXT_BYTES);
    buf_printf(&text,
               "task %s of job %s: %s (attempt %" PRIu32 "%s%s, on %s)%s", id,
               job->id, how, a->attempt, took[0] ? ", " : "", took, hostname,
               retries ? "; it is tried again" : "");
    if (job->tasks.kind != TASKS_LISTED) {
        buf_puts(&text, "\n    ");
        describe_parameters(job, a->index, &text);
    }
    buf_putc(&text, '\n');
    describe_tail(stderr_tail, len, TAIL_LINES, "    | ", &text);
    command_put(p, job, a, id, &text);
    log_error("%s", buf_text(&text));
    buf_fini(&text);
}

/* "scan/17, scan/44, ..." */
static void samples_put(const struct progress *p, const struct group *g,
                        struct buf *out)
{
    char id[JOBSPEC_MAX_ID + 1];
    for (uint64_t i = 0; i < g->count && i < SAMPLE_IDS; i++) {
        const struct job *job = &p->config.spec->jobs[g->samples[i].job];
        if (job_task_id(job, g->samples[i].index, id, NULL) == 0)
            buf_printf(out, "%s%s/%s", i ? ", " : "", job->id, id);
    }
    if (g->count > SAMPLE_IDS)
        buf_puts(out, ", ...");
}

static void groups_put(const struct progress *p, struct buf *out)
{
    char count[64], how[384];
    for (uint32_t i = 0; i < p->group_count; i++) {
        const struct group *g = &p->groups[i];
        struct attempt a;
        attempt_init(&a);
        a.reason = g->reason;
        a.exit_code = a.signal = g->code;
        a.failure = g->reason == REASON_PRE_PROCESSING ||
                            g->reason == REASON_FILE_UPLOAD
                        ? (enum failure)g->code
                        : FAILURE_NONE;
        if (g->reason == REASON_TIMEOUT)
            snprintf(how, sizeof(how), "over the time limit");
        else
            attempt_describe(&a, how);
        buf_printf(out, "  %s: %s (", how,
                   describe_count(g->count, "task", count));
        samples_put(p, g, out);
        buf_puts(out, ")\n");
    }
    if (p->ungrouped > 0)
        buf_printf(out, "  other reasons: %s\n",
                   describe_count(p->ungrouped, "task", count));
}

/* One line a job, where there are several; at most twenty. */
static void jobs_put(const struct progress *p, const struct snapshot *s,
                     struct buf *out)
{
    if (s->job_count < 2)
        return;
    uint32_t shown = 0, more = 0;
    for (uint32_t j = 0; j < s->job_count; j++) {
        const struct job_snapshot *job = &s->jobs[j];
        char skipped[48];
        if (job->hidden)
            continue;
        if (shown == JOBS_SHOWN) {
            more++;
            continue;
        }
        shown++;
        buf_printf(out,
                   "  job %-16s %s: %" PRIu64 " succeeded, %" PRIu64
                   " failed%s, %" PRIu64 " not run%s%s\n",
                   p->config.spec->jobs[j].id, job_state_name(job->state),
                   job->tasks.succeeded, job->tasks.failed,
                   part_text(job->tasks.skipped, "skipped", skipped),
                   task_counts_left(&job->tasks),
                   job->end > JOB_END_ALL_TASKS_COMPLETE ? ", " : "",
                   job->end > JOB_END_ALL_TASKS_COMPLETE
                       ? job_end_name(job->end)
                       : "");
    }
    if (more > 0)
        buf_printf(out, "  and %" PRIu32 " more jobs: mpibatch status %s\n",
                   more, p->config.run_dir);
}

/* Tasks that no session will run, as their job has ended before them. */
static uint64_t never_run(const struct snapshot *s)
{
    uint64_t n = 0;
    for (uint32_t j = 0; j < s->job_count; j++)
        if (s->jobs[j].end > JOB_END_ALL_TASKS_COMPLETE)
            n += s->jobs[j].tasks.active;
    return n;
}

/* And why, if it is the same for all. */
static const char *never_why(const struct snapshot *s)
{
    bool time = true;
    for (uint32_t j = 0; j < s->job_count; j++)
        if (s->jobs[j].end > JOB_END_ALL_TASKS_COMPLETE &&
            s->jobs[j].tasks.active > 0)
            time = time && s->jobs[j].end == JOB_END_MAX_WALL_CLOCK_TIME;
    return time ? "the time of their job was over"
                : "their job ended before them";
}

/* Nodes that get no tasks, by state. */
static void nodes_put(const struct progress *p, const struct snapshot *s,
                      struct buf *out)
{
    char text[256];
    if (snapshot_unusable_nodes(s) > 0)
        buf_printf(out, "  nodes not usable: %s; why: mpibatch node list %s\n",
                   describe_nodes(s, text, sizeof(text)), p->config.run_dir);
}

/* The first line: how many tasks have ended how. */
static void counts_put(const struct progress *p, const struct snapshot *s,
                       struct buf *out)
{
    const char *name = p->config.spec->name;
    bool colors = p->config.terminal.colors;
    enum style bad = s->tasks.failed > 0 ? STYLE_BAD : STYLE_PLAIN;
    enum style good =
        s->tasks.succeeded == s->tasks.total ? STYLE_GOOD : STYLE_PLAIN;
    char count[64], succeeded[64], failed[64];
    text_put_printable(out, name, strlen(name), true);
    buf_printf(out, ": %s: %s%s succeeded%s, %s%s failed%s",
               describe_count(s->tasks.total, "task", count),
               style_begin(good, colors),
               describe_count(s->tasks.succeeded, "", succeeded),
               style_end(good, colors), style_begin(bad, colors),
               describe_count(s->tasks.failed, "", failed),
               style_end(bad, colors));
}

void progress_summary(struct progress *p, const struct snapshot *s,
                      bool results)
{
    struct buf out, line;
    char count[64], took[16], did[64];
    uint64_t left = task_counts_left(&s->tasks), never = never_run(s);

    progress_clear(p);
    buf_init(&out, TEXT_BYTES);
    buf_init(&line, 5 * TEXT_BYTES);
    counts_put(p, s, &line);
    if (left > 0)
        buf_printf(&out, ", %s not run", describe_count(left, "", count));
    if (s->tasks.skipped > 0)
        buf_printf(&out, ", %s skipped as they depend on others",
                   describe_count(s->tasks.skipped, "", count));
    if (s->tasks.retried > 0)
        buf_printf(&out, "; %s tried again",
                   describe_count(s->tasks.retried, "attempt", count));
    buf_printf(&out,
               "\n  %s in %s on %" PRIu32 " slot%s of %" PRIu32 " node%s\n",
               describe_count(s->done_this_session, "task", did),
               duration_format(s->now_ns - s->start_ns, took), s->slot_count,
               s->slot_count == 1 ? "" : "s", s->node_count,
               s->node_count == 1 ? "" : "s");
    jobs_put(p, s, &out);
    groups_put(p, &out);
    if (s->tasks.invalid > 0)
        buf_printf(&out,
                   "  metrics: %s succeeded with a metric missing, "
                   "malformed or out of range\n",
                   describe_count(s->tasks.invalid, "task", count));
    staged_describe(&s->staged, "  ", &out);
    if (s->ranks_lost > 0)
        buf_printf(&out, "  lost: %s\n",
                   describe_count(s->ranks_lost, "rank", count));
    nodes_put(p, s, &out);
    if (never > 0)
        buf_printf(&out, "  never run, as %s: %s\n", never_why(s),
                   describe_count(never, "task", count));
    if (snapshot_disabled(s) > 0)
        buf_printf(&out,
                   "  disabled jobs stay disabled: `--enable JOB` enables "
                   "one\n");
    if (results)
        buf_printf(&out, "  results: %s/results.h5\n", p->config.run_dir);
    if (left > never)
        buf_puts(&out, "  the same command resumes what is left\n");
    else if (s->tasks.failed > 0)
        buf_printf(&out, "  again, the failed ones: %s\n", p->config.rerun);
    while (out.len > 0 && out.data[out.len - 1] == '\n')
        out.data[--out.len] = '\0';
    text_put_printable(&line, buf_text(&out), out.len, true);
    log_styled(buf_text(&line));
    buf_fini(&line);
    buf_fini(&out);
}
