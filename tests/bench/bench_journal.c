/* How fast the journal is written, and read again at a resume.
 *
 *   bench_journal DIR [RECORDS]      DIR must not exist; 10,000,000 records
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "store/journal.h"

static void die(const struct err *err)
{
    fprintf(stderr, "bench_journal: %s\n", err->text);
    exit(1);
}

static void report(const char *what, uint32_t n, int64_t start_ns)
{
    double s = (double)(clock_mono_ns() - start_ns) / (double)NS_PER_SEC;
    printf("%-28s %8.3f s %8.2f M records/s\n", what, s, n / s / 1e6);
}

static struct jobspec *make_spec(uint32_t tasks)
{
    struct arena *arena = arena_create(1 << 20);
    struct jobspec *spec = arena_calloc(arena, 1, sizeof(*spec));
    struct job *job = arena_calloc(arena, 1, sizeof(*job));
    job->id = "job";
    taskset_init_listed(&job->tasks, tasks);
    *spec = (struct jobspec){
        .arena = arena, .name = "bench", .jobs = job, .job_count = 1};
    return spec;
}

static void write_all(struct rundir *r, const struct jobspec *spec,
                      uint32_t count)
{
    struct err err;
    struct writer *w = writer_create(&err);
    struct journal *j = w ? journal_create(r, spec, w, &err) : NULL;
    if (!j)
        die(&err);
    static struct attempt a;
    attempt_init(&a);
    a.attempt = 1;
    a.result = RESULT_SUCCESS;
    a.exit_code = 0;
    int64_t start = clock_mono_ns();
    struct journal_record rec = {.type = JOURNAL_ATTEMPT, .u.attempt = &a};
    for (uint32_t i = 0; i < count; i++) {
        a.index = i;
        a.start_ns = start + i * 100;
        a.submit_ns = a.start_ns - 50000;
        a.end_ns = a.start_ns + 1200000;
        a.user_ns = a.system_ns = 500000;
        a.max_rss_bytes = 2 << 20;
        rec.time_ns = a.end_ns;
        if (journal_append(j, &rec, NULL, &err) < 0)
            die(&err);
        if (i % 256 == 255)
            writer_flush(w);
    }
    report("append", count, start);
    journal_destroy(j);
    if (writer_destroy(w, 60 * NS_PER_SEC, &err) < 0)
        die(&err);
    report("append and sync", count, start);
}

static bool nothing(void *arg, uint32_t job, uint32_t index)
{
    (void)arg;
    (void)job;
    (void)index;
    return false;
}

static void scan(const struct rundir *r, const struct jobspec *spec,
                 const char *what, bool light, bool skip, uint32_t count)
{
    struct err err;
    struct journal_record rec;
    uint32_t n = 0;
    int64_t start = clock_mono_ns();
    struct journal_reader *jr = journal_read(r, spec, &err);
    if (!jr)
        die(&err);
    journal_reader_light(jr, light);
    journal_reader_filter(jr, skip ? nothing : NULL, NULL);
    int got;
    while ((got = journal_next(jr, &rec, &err)) == 1)
        n++;
    if (got < 0 || n != (skip ? 0 : count))
        die(&err);
    report(what, count, start);
    journal_reader_destroy(jr);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    bool fresh;
    if (argc < 2)
        return 2;
    uint32_t count = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000000;
    struct jobspec *spec = make_spec(count);
    struct rundir *r = rundir_open(argv[1], "", 0, NULL, NULL, &fresh, &err);
    if (!r)
        die(&err);
    write_all(r, spec, count);
    scan(r, spec, "read, light (resume)", true, false, count);
    scan(r, spec, "read, all skipped (filter)", false, true, count);
    scan(r, spec, "read, in full", false, false, count);
    rundir_close(r);
    jobspec_destroy(spec);
    return 0;
}
