/* Makes a run directory with made-up results, and its results.h5: for
 * results.sh and for bench.
 *
 *   make_run grid|list|tasks|empty|two DIR
 *   make_run slabs DIR               6,000,000 points, 20,000 attempts, wildly
 *   make_run files DIR               as grid, and attempts return files
 *   make_run bench DIR ROWS          prints the time of results_build
 *   make_run benchfiles DIR ROWS     with a small file an attempt
 *   make_run again DIR ROWS          of a run that bench has made
 *   make_run sparse DIR              1e9 points, 1000 results
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "../sweeps.h"
#include "store/incoming.h"
#include "store/journal.h"
#include "store/output.h"
#include "store/results.h"
#include "store/rundir.h"
#include "store/writer.h"

static void die(const struct err *err)
{
    fprintf(stderr, "make_run: %s\n", err->text);
    exit(1);
}

/* ---- Specs ---- */

static const struct metric metrics[] = {
    {.name = "energy", .type = METRIC_FLOAT64, .units = "J"},
    {.name = "steps", .type = METRIC_INT64, .long_name = "steps taken"},
    {.name = "phase", .type = METRIC_STRING},
};

static const struct task_template plain_template;

static struct value *values(struct arena *arena, const char *const *texts,
                            uint32_t n)
{
    struct value *v = arena_calloc(arena, n, sizeof(*v));
    for (uint32_t i = 0; i < n; i++)
        value_resolve(&v[i], texts[i]);
    return v;
}

/* Values i * 0.5 as texts. */
static struct value *halves(struct arena *arena, uint32_t n)
{
    struct value *v = arena_calloc(arena, n, sizeof(*v));
    for (uint32_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%.1f", i * 0.5);
        value_resolve(&v[i], arena_strdup(arena, text));
    }
    return v;
}

static void add_sweep(struct arena *arena, struct job *job, bool grid,
                      uint32_t a, uint32_t b, uint32_t c)
{
    static const char *const names[] = {"cold", "w\xc3\xa4rm", "hot"};
    static const char *const sizes[] = {"16", "32"};
    struct err err;
    struct swept p[3];
    p[0] = (struct swept){.name = "T",
                          .units = "K",
                          .count = a,
                          .long_name = "temperature",
                          .values = halves(arena, a)};
    p[1] = (struct swept){.name = "L",
                          .count = b,
                          .values = b == 2 ? values(arena, sizes, 2)
                                           : halves(arena, b)};
    p[2] = (struct swept){.name = "start",
                          .count = c,
                          .values = c == 3 ? values(arena, names, 3)
                                           : halves(arena, c)};
    if (swept_init(&job->tasks, arena, grid, p, 3, &err) < 0)
        die(&err);
}

static struct jobspec *make_spec(const char *kind, uint32_t rows)
{
    struct arena *arena = arena_create(256 << 20);
    struct jobspec *spec = arena_calloc(arena, 1, sizeof(*spec));
    struct job *jobs = arena_calloc(arena, 2, sizeof(*jobs));
    spec->arena = arena;
    spec->name = "made up";
    spec->jobs = jobs;
    spec->job_count = strcmp(kind, "two") == 0 ? 2 : 1;
    jobs[0] = (struct job){.id = "scan",
                           .templates = &plain_template,
                           .metrics = metrics,
                           .metric_count = 3};
    if (strcmp(kind, "list") == 0)
        add_sweep(arena, &jobs[0], false, 3, 3, 3);
    else if (strcmp(kind, "tasks") == 0)
        taskset_init_listed(&jobs[0].tasks, 1);
    else if (strcmp(kind, "bench") == 0)
        add_sweep(arena, &jobs[0], true, rows / 1000, 10, 100);
    else if (strcmp(kind, "sparse") == 0)
        add_sweep(arena, &jobs[0], true, 1000, 1000, 1000);
    else if (strcmp(kind, "slabs") == 0)
        add_sweep(arena, &jobs[0], true, 301, 97, 211);
    else
        add_sweep(arena, &jobs[0], true, 4, 2, 3);
    jobs[1] = (struct job){.id = "after",
                           .templates = &plain_template,
                           .metrics = metrics + 1,
                           .metric_count = 1};
    taskset_init_listed(&jobs[1].tasks, 1);
    return spec;
}

/* ---- Records ---- */

struct session {
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
    struct output_pack *outputs;
    struct incoming *incoming;
    int files; /* how many an attempt may return */
};

static void put(struct session *s, struct journal_record r)
{
    struct err err;
    if (r.time_ns == 0)
        r.time_ns = 1700000000 * NS_PER_SEC;
    if (journal_append(s->journal, &r, NULL, &err) < 0)
        die(&err);
}

static void begin(struct session *s, const char *dir,
                  const struct jobspec *spec)
{
    static const char text[] = "name: made up\n";
    struct err err;
    bool fresh;
    s->rundir =
        rundir_open(dir, text, strlen(text), "/x.yaml", NULL, &fresh, &err);
    s->writer = s->rundir ? writer_create(&err) : NULL;
    s->journal =
        s->writer ? journal_create(s->rundir, spec, s->writer, &err) : NULL;
    s->outputs =
        s->journal ? output_pack_create(s->rundir, s->writer, &err) : NULL;
    s->incoming =
        s->outputs ? incoming_create(s->rundir, s->writer, &err) : NULL;
    if (!s->incoming)
        die(&err);
    struct journal_record r = {.type = JOURNAL_SESSION};
    strcpy(r.u.session.version, "1");
    put(s, r);
    static struct node_info node = {
        .cpus = "0-1", .cores = 2, .scratch = "/scratch/mpibatch-1-x"};
    for (uint32_t rank = 0; rank < 2; rank++) {
        r = (struct journal_record){.type = JOURNAL_NODE};
        r.u.node.rank = r.u.node.node = rank;
        r.u.node.info = &node;
        snprintf(node.hostname, sizeof(node.hostname), "node%u", rank);
        put(s, r);
    }
}

static void end(struct session *s)
{
    struct err err;
    if (s->files > 1) {
        struct journal_record r = {.type = JOURNAL_COUNTS};
        r.u.counts.shared_opens = 4; /* the last word holds */
        put(s, r);
        r.u.counts.shared_opens = 5;
        r.u.counts.links = 70;
        put(s, r);
    }
    put(s, (struct journal_record){.type = JOURNAL_END});
    incoming_destroy(s->incoming, NS_PER_SEC);
    journal_destroy(s->journal);
    output_pack_destroy(s->outputs);
    if (writer_destroy(s->writer, 10 * NS_PER_SEC, &err) < 0)
        die(&err);
}

static void on_done(void *arg, const struct attempt_file *where,
                    const struct err *err)
{
    if (!where)
        die(err);
    char *name = ((struct attempt_file *)arg)->name;
    *(struct attempt_file *)arg = *where;
    ((struct attempt_file *)arg)->name = name;
}

/* The attempt returns a file of len bytes, made of its number. */
static void put_file(struct session *s, const struct jobspec *spec,
                     struct attempt *a, const char *name, size_t len)
{
    char id[JOBSPEC_MAX_ID + 1], bytes[256];
    struct err err;
    struct attempt_file *f = attempt_add_file(a, name);
    const struct incoming_events events = {NULL, on_done, f};
    if (!f || job_task_id(&spec->jobs[a->job], a->index, id, &err) < 0)
        die(&err);
    const struct returned_of of = {spec->jobs[a->job].id, id, a->attempt};
    struct incoming_file *in =
        incoming_begin(s->incoming, &of, name, 0640, &events, &err);
    memset(bytes, (int)('a' + a->index % 26), sizeof(bytes));
    f->bytes = UINT64_MAX;
    for (size_t at = 0; in && at < len; at += sizeof(bytes))
        if (incoming_put(in, bytes, len - at < 256 ? len - at : 256, &err) < 0)
            die(&err);
    if (!in)
        die(&err);
    incoming_end(in);
    while (f->bytes == UINT64_MAX) {
        struct pollfd fd = {.fd = incoming_fd(s->incoming), .events = POLLIN};
        (void)poll(&fd, 1, 1000);
        incoming_turn(s->incoming);
    }
}

/* Every third returns a small file, some of them a large one, too. */
static void put_files(struct session *s, const struct jobspec *spec,
                      struct attempt *a)
{
    if (s->files == 1 || (s->files > 1 && a->index % 3 == 0))
        put_file(s, spec, a, "out.dat", 100 + a->index % 1000);
    if (s->files > 1 && a->index % 6 == 0)
        put_file(s, spec, a, "d/large \xc3\xa4.bin", 100000 + a->index);
    if (s->files > 1 && a->result == RESULT_FAILURE) {
        a->reason = REASON_FILE_UPLOAD;
        a->failure = FAILURE_UPLOAD_TIMED_OUT;
        a->exit_code = 0;
        a->prepare_ns = 1500 * NS_PER_MS;
        a->store_ns = 250 * NS_PER_MS;
        a->kept = true;
    }
}

/* Task i of a job ends: every fifth fails, every seventh has a malformed
 * metric. */
static void put_attempt(struct session *s, const struct jobspec *spec,
                        uint32_t job, uint32_t i, uint32_t attempt, bool fails,
                        bool retries)
{
    static struct attempt a;
    struct err err;
    char text[64];
    static char phases[][8] = {"solid", "fl\xc3\xbcss", "x"};
    attempt_init(&a);
    a.job = job;
    a.index = i;
    a.attempt = attempt;
    a.result = fails ? RESULT_FAILURE : RESULT_SUCCESS;
    a.reason = fails ? REASON_EXIT_CODE : REASON_NONE;
    a.exit_code = fails ? 3 : 0;
    a.disposition = retries ? TASK_RETRIES : TASK_ENDS;
    a.rank = i % 2;
    a.slot = i % 3;
    a.submit_ns = 1700000000 * NS_PER_SEC;
    a.start_ns = a.submit_ns + NS_PER_SEC / 2;
    a.end_ns = a.start_ns + (i + 1) * NS_PER_MS;
    a.max_rss_bytes = 1000 + i;
    a.user_ns = NS_PER_MS;
    a.metric_count = spec->jobs[job].metric_count;
    if (a.metric_count == 3) {
        a.metrics[0].state = fails ? METRIC_MISSING : METRIC_OK;
        a.metrics[0].u.number = i * 1.25;
        a.metrics[1].state = i % 7 == 6 ? METRIC_MALFORMED : METRIC_OK;
        a.metrics[1].u.integer = -(int64_t)i - (INT64_C(1) << 60);
        a.metrics[2].state = fails ? METRIC_MISSING : METRIC_OK;
        a.metrics[2].string = fails ? NULL : phases[i % 3];
    } else {
        a.metrics[0].u.integer = 5;
    }
    int n = snprintf(text, sizeof(text), "out %u.%u\n", i, attempt);
    if (output_pack_put(s->outputs, 0, text, (size_t)n, &a.output[0], &err) <
            0 ||
        output_pack_put(s->outputs, 1, "e", fails, &a.output[1], &err) < 0)
        die(&err);
    if (i == 4 && !fails) /* one that is kept elsewhere */
        a.output[0] = (struct output){.place = OUTPUT_FILE, .bytes = 1 << 30};
    put_files(s, spec, &a);
    struct journal_record r = {.type = JOURNAL_ATTEMPT, .u.attempt = &a};
    put(s, r);
    a.metric_count = 0; /* their texts are not heap */
    attempt_fini(&a);
}

static void put_job(struct session *s, uint32_t job, enum job_state state)
{
    struct journal_record r = {.type = JOURNAL_JOB};
    r.u.job.job = job;
    r.u.job.state = state;
    r.u.job.end =
        state == JOB_COMPLETED ? JOB_END_ALL_TASKS_COMPLETE : JOB_END_NONE;
    put(s, r);
}

/* Those that have failed in the first session. */
static void reactivate_failed(struct session *s, uint32_t n)
{
    struct task_range ranges[JOURNAL_MAX_RANGES];
    struct journal_record r = {.type = JOURNAL_REACTIVATE,
                               .u.reactivate.ranges = ranges};
    uint32_t count = 0;
    for (uint32_t i = 5; i + 1 < n && count < JOURNAL_MAX_RANGES; i += 5)
        ranges[count++] = (struct task_range){.first = i, .count = 1};
    r.u.reactivate.range_count = count;
    if (count > 0)
        put(s, r);
}

/* Two sessions. In the first, task 5 is retried and fails again, 10 fails and
 * the last is not run; the second one reactivates and runs 5. */
static void fill(const char *dir, const struct jobspec *spec, int files)
{
    struct session s = {.files = files};
    uint32_t n = spec->jobs[0].tasks.count;
    begin(&s, dir, spec);
    for (uint32_t i = 0; i + 1 < n || i == 0; i++) {
        if (i == 5)
            put_attempt(&s, spec, 0, i, 1, true, true);
        put_attempt(&s, spec, 0, i, i == 5 ? 2 : 1, i > 0 && i % 5 == 0, false);
    }
    if (spec->job_count > 1) {
        put_attempt(&s, spec, 1, 0, 1, false, false);
        put_job(&s, 1, JOB_TERMINATING);
        put_job(&s, 1, JOB_COMPLETED);
    }
    end(&s);
    rundir_close(s.rundir);
    begin(&s, dir, spec);
    reactivate_failed(&s, n);
    if (n > 5)
        put_attempt(&s, spec, 0, 5, 3, false, false);
    end(&s);
    rundir_close(s.rundir);
}

/* What there is besides tasks: states of nodes, skipped tasks, commands,
 * special tasks; a job of a schedule that has begun, and one that has not. */
static void fill_life(const char *dir, struct jobspec *spec)
{
    static const struct special_task special = {.id = "prepare"};
    static const struct pool pool = {.id = "fat", .start_task = &special};
    struct session s = {0};
    struct attempt a;
    struct job *jobs = (struct job *)spec->jobs;
    jobs[0].preparation = &special;
    jobs[0].schedule = jobs[1].schedule = 1;
    spec->pools = &pool;
    spec->pool_count = 1;
    begin(&s, dir, spec);
    put(&s, (struct journal_record){
                .type = JOURNAL_NODE_STATE,
                .u.node_state = {1, NODE_UNUSABLE, "5 tasks failed"}});
    put(&s, (struct journal_record){.type = JOURNAL_OCCURRENCE,
                                    .u.occurrence = {0, true}});
    put(&s, (struct journal_record){.type = JOURNAL_OCCURRENCE,
                                    .u.occurrence = {1, false}});
    put(&s, (struct journal_record){.type = JOURNAL_SKIPPED,
                                    .u.skipped = {{0, 2, 3}, 0, 1}});
    put(&s, (struct journal_record){
                .type = JOURNAL_COMMAND,
                .u.command = {"job disable scan", "JobCompleted: it is"}});
    for (int start = 0; start < 2; start++) {
        attempt_init(&a);
        a.job = start ? JOB_OF_POOL(0) : 0;
        a.index = start ? INDEX_START : INDEX_JOB_PREPARATION;
        a.attempt = 1;
        a.rank = 1;
        a.result = RESULT_FAILURE;
        a.reason = REASON_EXIT_CODE;
        a.exit_code = 3 + start;
        put(&s,
            (struct journal_record){.type = JOURNAL_SPECIAL, .u.attempt = &a});
    }
    end(&s);
    rundir_close(s.rundir);
}

static void fill_many(const char *dir, const struct jobspec *spec,
                      uint32_t step, int files)
{
    struct session s = {.files = files};
    begin(&s, dir, spec);
    uint32_t n = spec->jobs[0].tasks.count;
    for (uint32_t i = 0; i < n && n - i >= step; i += step)
        put_attempt(&s, spec, 0, i, 1, i % 100 == 5, false);
    end(&s);
    rundir_close(s.rundir);
}

/* Attempts of tasks here and there, each a few times, in two sessions. */
static void fill_wildly(const char *dir, const struct jobspec *spec)
{
    uint32_t n = spec->jobs[0].tasks.count, x = 1;
    for (int k = 0; k < 2; k++) {
        struct session s = {0};
        begin(&s, dir, spec);
        for (uint32_t i = 0; i < 10000; i++) {
            x = x * 1664525 + 1013904223;
            uint32_t at = i % 3 ? x % n : x % 7 * (n / 7) + i / 50;
            put_attempt(&s, spec, 0, at, i / 3 + 1, x >> 16 & 1, x >> 17 & 1);
        }
        end(&s);
        rundir_close(s.rundir);
    }
}

int main(int argc, char **argv)
{
    struct err err;
    if (argc < 3)
        return 2;
    uint32_t rows = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;
    bool again = strcmp(argv[1], "again") == 0;
    bool files = strcmp(argv[1], "benchfiles") == 0;
    bool bench = strcmp(argv[1], "bench") == 0 || again || files;
    bool sparse = strcmp(argv[1], "sparse") == 0;
    bool life = strcmp(argv[1], "life") == 0;
    struct jobspec *spec = make_spec(bench  ? "bench"
                                     : life ? "two"
                                            : argv[1],
                                     rows);
    if (again) {
        /* it is there */
    } else if (bench || sparse) {
        fill_many(argv[2], spec, bench ? 1 : 1000003, files);
    } else if (strcmp(argv[1], "slabs") == 0) {
        fill_wildly(argv[2], spec);
    } else if (life) {
        fill_life(argv[2], spec);
    } else if (strcmp(argv[1], "empty") == 0) {
        struct session s = {0};
        begin(&s, argv[2], spec);
        end(&s);
        rundir_close(s.rundir);
    } else {
        fill(argv[2], spec, strcmp(argv[1], "files") == 0 ? 2 : 0);
    }
    struct rundir *r = rundir_open_read(argv[2], &err);
    int64_t start = clock_mono_ns();
    clock_t cpu = clock();
    if (!r || results_build(r, spec, NULL, &err) < 0)
        die(&err);
    if (bench || sparse) {
        struct stat st;
        char *path = rundir_file(r, "results.h5");
        double s = (double)(clock_mono_ns() - start) / (double)NS_PER_SEC;
        if (stat(path, &st) < 0)
            return 1;
        printf("results_build: %.2f s (CPU %.2f), %.0f rows/s, %.1f MB\n", s,
               (double)(clock() - cpu) / CLOCKS_PER_SEC, rows / s,
               (double)st.st_size / 1e6);
        mem_free(path);
    }
    rundir_close(r);
    jobspec_destroy(spec);
    return 0;
}
