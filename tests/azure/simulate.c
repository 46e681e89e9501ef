/* simulate SPEC NODES: a scenario in the simulator, with the words of ./act.
 *
 * Four workers, on one node or on four; tasks take virtual time, and ask the
 * scheduler for what `act ask` says. Prints as JSON what scenarios.py checks:
 * the exit code that the run would have, its jobs and tasks, and when each task
 * began and ended. Exit code 2 with the errors for a spec that is refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "model/divide.h"
#include "model/jobcommand.h"
#include "model/jobspec.h"
#include "sim/sim.h"
#include "spec/spec.h"

enum { WORKERS = 4, MAX_ASKS = 256, MAX_LOG = 1 << 16, MAX_TASKS = 4096 };

/* What somebody asks for, at a time. */
struct wish {
    int64_t at_ns;
    bool planned;
    char *words[8];
    uint32_t word_count;
    struct sim_attempt by;
};

/* What becomes of an attempt. */
struct fate {
    int64_t took_ns;
    int32_t exit_code, signal;
};

struct note {
    const char *what;
    uint32_t worker, job, index, attempt;
    int64_t at_ns;
};

static struct {
    struct jobspec *spec;
    uint32_t nodes;
    struct wish wishes[MAX_ASKS];
    uint32_t wish_count;
    struct note notes[MAX_LOG];
    uint32_t note_count;
    char *job_ends[JOBSPEC_MAX_JOBS];
    /* the last attempt of each task that ended */
    struct attempt *last[JOBSPEC_MAX_JOBS];
    bool cut[MAX_LOG];
    bool all_completed, any_failed;
    bool nobody; /* is left to run what is not completed */
    struct buf out;
} w;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "simulate: %s\n", what);
    exit(3);
}

static void node_name(uint32_t worker, char *name)
{
    snprintf(name, 32, "node%" PRIu32, w.nodes == 1 ? 0 : worker);
}

/* ---- The words ---- */

/* Go through the words of an attempt's command; wishes: note what it asks. */
static struct fate act(const struct sim_attempt *a, int64_t now_ns, bool wishes)
{
    struct fate f = {0};
    struct argv argv;
    struct err err;
    char node[32], id[JOBSPEC_MAX_ID + 1];
    bool over = false;
    const struct task_template *t = jobspec_template(w.spec, a->job, a->index);
    node_name(a->worker, node);
    argv_init(&argv);
    if (a->job < w.spec->job_count) {
        const struct job *job = &w.spec->jobs[a->job];
        if (job_task_id(job, a->index, id, &err) < 0)
            die(err.text);
        struct template_context c = {.index = a->index,
                                     .task_id = id,
                                     .job_id = job->id,
                                     .run_dir = "/run",
                                     .spec_dir = "/spec"};
        int rc = special_of(a->index) == SPECIAL_NONE
                     ? job_command_expand(job, &c, &argv, &err)
                     : command_expand(&t->command, &c, &argv, &err);
        if (rc < 0)
            die(err.text);
    } else {
        struct template_context c = {.run_dir = "/run", .spec_dir = "/spec"};
        if (command_expand(&t->command, &c, &argv, &err) < 0)
            die(err.text);
    }
    for (uint32_t i = 1; !over && i < argv.argc; i++) {
        const char *word = argv.argv[i];
        const char *next = i + 1 < argv.argc ? argv.argv[i + 1] : "0";
        if (strcmp(word, "for") == 0) {
            f.took_ns += (int64_t)(atof(next) * 1e9);
            i++;
        } else if (strcmp(word, "exit") == 0) {
            f.exit_code = atoi(next);
            over = true;
        } else if (strcmp(word, "until") == 0) {
            over = a->attempt >= (uint32_t)atoi(next);
            i++;
        } else if (strcmp(word, "on") == 0) {
            over = strcmp(node, next) == 0;
            i++;
        } else if (strcmp(word, "signal") == 0) {
            f.signal = 9;
            f.exit_code = -1;
            over = true;
        } else if (strcmp(word, "ask") == 0) {
            struct wish *wish = &w.wishes[w.wish_count];
            *wish = (struct wish){.at_ns = now_ns + f.took_ns, .by = *a};
            while (++i < argv.argc && strcmp(argv.argv[i], "--") != 0)
                if (wishes && wish->word_count < 8)
                    wish->words[wish->word_count++] = strdup(argv.argv[i]);
            if (wishes && w.wish_count + 1 < MAX_ASKS)
                w.wish_count++;
        } else if (strcmp(word, "say") == 0 || strcmp(word, "touch") == 0) {
            i++;
        } else {
            die(word);
        }
    }
    f.took_ns += 5 * NS_PER_MS; /* a process */
    argv_fini(&argv);
    return f;
}

/* ---- The simulation's questions ---- */

static int64_t duration(void *arg, const struct sim_attempt *a)
{
    (void)arg;
    return act(a, 0, false).took_ns;
}

static void outcome(void *arg, const struct sim_attempt *a, struct attempt *out)
{
    (void)arg;
    struct fate f = act(a, 0, false);
    const struct task_template *t = jobspec_template(w.spec, a->job, a->index);
    bool good = f.signal == 0 && f.exit_code == 0;
    if (t->success && f.signal == 0) {
        good = false;
        for (uint32_t i = 0; i < t->success->exit_code_count; i++)
            good |= t->success->exit_codes[i] == f.exit_code;
    }
    out->exit_code = f.exit_code;
    out->signal = f.signal;
    out->reason = good       ? REASON_NONE
                  : f.signal ? REASON_SIGNAL
                  : t->checkpoint_exit_code >= 0 &&
                          f.exit_code == t->checkpoint_exit_code &&
                          t->checkpoint_exit_code != 0
                      ? REASON_CHECKPOINT
                      : REASON_EXIT_CODE;
}

static void note(const char *what, const struct sim_attempt *a, int64_t now_ns)
{
    if (w.note_count == MAX_LOG)
        die("too many notes");
    w.notes[w.note_count++] =
        (struct note){what, a->worker, a->job, a->index, a->attempt, now_ns};
}

static void begins(void *arg, const struct sim_attempt *a, int64_t now_ns)
{
    (void)arg;
    note("begin", a, now_ns);
    (void)act(a, now_ns, true);
}

static void ends(void *arg, const struct sim_attempt *a, int64_t now_ns,
                 bool cut)
{
    (void)arg;
    note(cut ? "cut" : "end", a, now_ns);
    for (uint32_t i = 0; i < w.wish_count; i++) {
        struct wish *wish = &w.wishes[i];
        if (cut && wish->by.job == a->job && wish->by.index == a->index &&
            wish->by.attempt == a->attempt && wish->at_ns >= now_ns)
            wish->word_count = 0;
    }
}

static bool plans(void *arg, int64_t *at_ns, uint32_t *what)
{
    (void)arg;
    for (uint32_t i = 0; i < w.wish_count; i++)
        if (!w.wishes[i].planned) {
            w.wishes[i].planned = true;
            *at_ns = w.wishes[i].at_ns;
            *what = i;
            return true;
        }
    return false;
}

static bool is(const struct wish *wish, uint32_t i, const char *word)
{
    return i < wish->word_count && strcmp(wish->words[i], word) == 0;
}

static int job_asked(const struct wish *wish, struct sched *s, int64_t now_ns,
                     struct err *err)
{
    int job = jobspec_find_job(w.spec, wish->words[2]);
    enum sched_job_command what = is(wish, 1, "disable")  ? SCHED_JOB_DISABLE
                                  : is(wish, 1, "enable") ? SCHED_JOB_ENABLE
                                                          : SCHED_JOB_TERMINATE;
    enum sched_running how = is(wish, 3, "--terminate") ? SCHED_TERMINATE
                             : is(wish, 3, "--wait")    ? SCHED_WAIT
                                                        : SCHED_REQUEUE;
    if (job < 0)
        die(wish->words[2]);
    return sched_job_command(s, now_ns, (uint32_t)job, what, how, NULL, err);
}

static int task_asked(const struct wish *wish, struct sched *s, int64_t now_ns,
                      struct err *err)
{
    char *slash = strchr(wish->words[2], '/');
    if (!slash)
        die(wish->words[2]);
    *slash = '\0';
    int job = jobspec_find_job(w.spec, wish->words[2]);
    int64_t index = job < 0 ? -1 : job_find_task(&w.spec->jobs[job], slash + 1);
    if (index < 0)
        die(slash + 1);
    enum sched_task_command what =
        is(wish, 1, "terminate")    ? SCHED_TASK_TERMINATE
        : is(wish, 1, "reactivate") ? SCHED_TASK_REACTIVATE
                                    : SCHED_TASK_DELETE;
    return sched_task_command(s, now_ns, (uint32_t)job, (uint32_t)index, what,
                              err);
}

static int node_asked(const struct wish *wish, struct sched *s, int64_t now_ns,
                      struct err *err)
{
    uint32_t node = (uint32_t)atoi(wish->words[2] + strlen("node"));
    enum sched_node_command what = is(wish, 1, "offline")  ? SCHED_NODE_OFFLINE
                                   : is(wish, 1, "online") ? SCHED_NODE_ONLINE
                                                           : SCHED_NODE_REMOVE;
    enum sched_running how = is(wish, 3, "--terminate") ? SCHED_TERMINATE
                             : is(wish, 3, "--task-completion") ? SCHED_WAIT
                                                                : SCHED_REQUEUE;
    return sched_node_command(s, now_ns, node, what, how, err);
}

static int asks(void *arg, struct sched *s, int64_t now_ns, uint32_t what,
                struct err *err)
{
    const struct wish *wish = &w.wishes[what];
    (void)arg;
    if (wish->word_count < 3)
        return 0;
    int rc = is(wish, 0, "job")    ? job_asked(wish, s, now_ns, err)
             : is(wish, 0, "task") ? task_asked(wish, s, now_ns, err)
                                   : node_asked(wish, s, now_ns, err);
    if (rc < 0)
        fprintf(stderr, "%s %s %s: %s\n", wish->words[0], wish->words[1],
                wish->words[2], err->text);
    return rc < 0 && err->code == ENOMEM ? -1 : 0;
}

static void record(void *arg, const struct attempt *a)
{
    (void)arg;
    if (a->job >= w.spec->job_count || special_of(a->index) != SPECIAL_NONE)
        return;
    w.last[a->job][a->index] = *a;
}

static void action(void *arg, const struct sched_action *act, int64_t now_ns)
{
    (void)arg;
    (void)now_ns;
    if (act->kind != SCHED_NODE_CHANGED || !act->text || !act->text[0])
        return;
    fprintf(stderr, "node%" PRIu32 " is %s: %s\n", act->node,
            node_state_name(act->node_state), act->text);
}

/* ---- The answer ---- */

static void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *fmt, ...)
{
    va_list ap;
    char text[1024];
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (buf_put(&w.out, text, strlen(text)) < 0)
        die("no memory");
}

static void put_name(uint32_t job, uint32_t index)
{
    char id[JOBSPEC_MAX_ID + 1];
    struct err err;
    if (job >= w.spec->job_count)
        put("\"%s\"", jobspec_special(w.spec, job, index)->id);
    else if (job_task_id(&w.spec->jobs[job], index, id, &err) < 0)
        die(err.text);
    else
        put("\"%s/%s\"", w.spec->jobs[job].id, id);
}

static const char *state_of(const struct sched *s, uint32_t job, uint32_t index)
{
    enum attempt_result result;
    enum task_state state = sched_task_state(s, job, index, &result);
    if (state != TASK_COMPLETED)
        return task_state_name(state);
    if (result == RESULT_FAILURE)
        w.any_failed = true;
    return result == RESULT_SUCCESS   ? "succeeded"
           : result == RESULT_SKIPPED ? "skipped"
                                      : "failed";
}

static void put_tasks(const struct sched *s)
{
    const char *comma = "";
    put("\"tasks\": {");
    for (uint32_t j = 0; j < w.spec->job_count; j++)
        for (uint32_t i = 0; i < w.spec->jobs[j].tasks.count; i++) {
            const struct attempt *a = &w.last[j][i];
            put("%s", comma);
            put_name(j, i);
            put(": [\"%s\", \"x%" PRIu32 "\", \"%s\", \"%d\", \"%s\"]",
                state_of(s, j, i), sched_task_attempts(s, j, i),
                attempt_reason_name(a->reason), a->exit_code,
                failure_code(attempt_failure(a)));
            comma = ", ";
        }
    put("}, ");
}

/* Each job is completed or, when people have disabled it, not: its words. */
static void put_jobs(const struct sched *s)
{
    static struct job_snapshot jobs[JOBSPEC_MAX_JOBS];
    struct snapshot snap = {.jobs = jobs, .job_count = w.spec->job_count};
    sched_snapshot(s, &snap);
    w.all_completed = true;
    put("\"jobs\": {");
    for (uint32_t j = 0; j < w.spec->job_count; j++) {
        put("%s\"%s\": [\"%s\", \"%s\"]", j > 0 ? ", " : "", w.spec->jobs[j].id,
            job_state_name(jobs[j].state), job_end_name(jobs[j].end));
        w.all_completed &= jobs[j].state == JOB_COMPLETED;
        w.nobody |=
            jobs[j].state != JOB_COMPLETED && jobs[j].state != JOB_DISABLED;
    }
    put("}, ");
}

static void finish(void *arg, const struct sched *s)
{
    (void)arg;
    put("{");
    put_tasks(s);
    put_jobs(s);
    put("\"log\": [");
    for (uint32_t i = 0; i < w.note_count; i++) {
        const struct note *n = &w.notes[i];
        char node[32];
        node_name(n->worker, node);
        put("%s{\"what\": \"%s\", \"who\": ", i > 0 ? ", " : "", n->what);
        put_name(n->job, n->index);
        put(", \"attempt\": %" PRIu32 ", \"node\": \"%s\", \"time\": %.9f}",
            n->attempt, node, (double)n->at_ns / 1e9);
    }
    put("], ");
}

/* ---- The pool ---- */

/* The slots of each worker, as tests under mpirun have them. */
static void divide(struct sim_worker *workers)
{
    const struct pool *pool = &w.spec->pools[0];
    uint32_t all = pool->task_slots_per_node ? pool->task_slots_per_node : 2;
    uint32_t least = jobspec_max_required_slots(w.spec);
    uint32_t sharing = w.nodes == 1 ? WORKERS : 1;
    while (sharing > 1 && all / sharing < least)
        sharing--;
    for (uint32_t i = 0; i < WORKERS; i++) {
        uint32_t local = w.nodes == 1 ? i : 0;
        workers[i] = (struct sim_worker){.death_ns = -1};
        if (local < sharing)
            workers[i].slots =
                all * (local + 1) / sharing - all * local / sharing;
    }
}

/* The nodes, as at the start of a session; what can never run is refused. */
static void nodes_init(const struct sim_worker *workers,
                       struct sched_node nodes[WORKERS])
{
    static uint64_t capacity[WORKERS][JOBSPEC_MAX_RESOURCES];
    static struct node_info info[WORKERS];
    static struct divide_node divided[WORKERS];
    struct err err = {0};
    for (uint32_t i = 0; i < w.nodes; i++) {
        info[i] = (struct node_info){
            .cores = 2, .hwthreads = 2, .memory_bytes = UINT64_C(1) << 34};
        node_name(i, info[i].hostname);
        divided[i] = (struct divide_node){.info = &info[i]};
        for (uint32_t k = 0; k < WORKERS; k++)
            if ((w.nodes == 1 || k == i) && workers[k].slots > divided[i].slots)
                divided[i].slots = workers[k].slots;
    }
    if (divide_nodes(w.spec, divided, w.nodes, &err) < 0 ||
        divide_check(w.spec, divided, w.nodes, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    for (uint32_t i = 0; i < w.nodes; i++) {
        uint32_t pool = divided[i].pool;
        for (uint32_t r = 0; r < w.spec->resource_count; r++)
            capacity[i][r] = divide_capacity(w.spec, r, pool, &info[i]);
        nodes[i] = (struct sched_node){.pool = pool,
                                       .leader = i,
                                       .name = info[i].hostname,
                                       .capacity = capacity[i]};
    }
}

static void run(void)
{
    static struct sched_node nodes[WORKERS];
    static uint32_t worker_nodes[WORKERS];
    static struct sim_worker workers[WORKERS];
    struct sim_config c;
    struct sim_stats stats;
    struct err err = {0};
    sim_config_init(&c);
    c.sched.spec = w.spec;
    divide(workers);
    nodes_init(workers, nodes);
    for (uint32_t i = 0; i < WORKERS; i++)
        worker_nodes[i] = w.nodes == 1 ? 0 : i;
    c.sched.nodes = nodes;
    c.sched.node_count = w.nodes;
    c.sched.worker_nodes = worker_nodes;
    c.workers = workers;
    c.worker_count = WORKERS;
    c.duration_ns = duration;
    c.outcome = outcome;
    c.begins = begins;
    c.ends = ends;
    c.plans = plans;
    c.asks = asks;
    c.record = record;
    c.action = action;
    c.finish = finish;
    c.max_events = 1000 * 1000;
    if (sim_run(&c, &stats, &err) < 0)
        die(err.text);
    put("\"seconds\": %.3f, \"exit\": %d}\n", (double)stats.makespan_ns / 1e9,
        w.nobody           ? 4
        : !w.all_completed ? 3
        : w.any_failed     ? 1
                           : 0);
}

/* ---- */

static char *read_all(const char *path, size_t *len)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0)
        die(path);
    close(fd);
    *len = (size_t)n;
    return text;
}

int main(int argc, char **argv)
{
    struct spec_errors errors = {0};
    size_t len;
    if (argc < 3)
        die("usage: simulate SPEC NODES");
    w.nodes = (uint32_t)atoi(argv[2]) == WORKERS ? WORKERS : 1;
    char *text = read_all(argv[1], &len);
    w.spec = spec_parse(text, len, "spec", NULL, &errors);
    if (!w.spec) {
        for (size_t i = 0; i < errors.count; i++)
            fprintf(stderr, "%u:%u: %s\n", errors.list[i].line,
                    errors.list[i].column, errors.list[i].text);
        spec_errors_fini(&errors);
        return 2;
    }
    buf_init(&w.out, 1 << 26);
    for (uint32_t j = 0; j < w.spec->job_count; j++) {
        w.last[j] =
            mem_calloc(w.spec->jobs[j].tasks.count + 1, sizeof(*w.last[j]));
        if (!w.last[j])
            die("no memory");
        for (uint32_t i = 0; i < w.spec->jobs[j].tasks.count; i++)
            attempt_init(&w.last[j][i]);
    }
    run();
    fwrite(w.out.data, 1, w.out.len, stdout);
    buf_fini(&w.out);
    for (uint32_t j = 0; j < w.spec->job_count; j++)
        mem_free(w.last[j]);
    for (uint32_t i = 0; i < w.wish_count; i++)
        for (uint32_t k = 0; k < w.wishes[i].word_count; k++)
            free(w.wishes[i].words[k]);
    jobspec_destroy(w.spec);
    spec_errors_fini(&errors);
    return 0;
}
