/* Tests of the journal: what is written is read, whatever happened to it. */
#include "config.h"

#include "fixture.h"

#include <errno.h>

#include "base/quantity.h"
#include "store/journal.h"
#include "store/journal_frame.h"

static const char spec_text[] = "name: test\n";
enum { HEADER = 24 };

static const struct metric metrics[] = {
    {.name = "energy", .type = METRIC_FLOAT64},
    {.name = "count", .type = METRIC_INT64},
    {.name = "word", .type = METRIC_STRING},
};

static struct jobspec *make_spec(void)
{
    struct jobspec *spec = spec_make("test", 2);
    taskset_init_listed(&job_of(spec, 0)->tasks, 100000);
    taskset_init_listed(&job_of(spec, 1)->tasks, 5);
    job_of(spec, 1)->id = "other";
    job_of(spec, 0)->metrics = metrics;
    job_of(spec, 0)->metric_count = 3;
    return spec;
}

/* A run directory's writing side. */
struct session {
    struct rundir *rundir;
    struct writer *writer;
    struct journal *journal;
};

static struct session begin(const char *dir, const struct jobspec *spec)
{
    struct session s;
    struct err err = {0};
    bool fresh;
    s.rundir = rundir_open(dir, spec_text, strlen(spec_text), "/x", NULL,
                           &fresh, &err);
    assert_non_null(s.rundir);
    s.writer = writer_create(&err);
    assert_non_null(s.writer);
    s.journal = journal_create(s.rundir, spec, s.writer, &err);
    assert_non_null(s.journal);
    return s;
}

static void end(struct session *s)
{
    struct err err = {0};
    journal_destroy(s->journal);
    assert_int_equal(writer_destroy(s->writer, NS_PER_SEC, &err), 0);
    rundir_close(s->rundir);
}

static void put(struct session *s, const struct journal_record *r)
{
    struct err err = {0};
    assert_int_equal(journal_append(s->journal, r, NULL, &err), 0);
}

/* The attempt that task i is recorded with. */
static void attempt_of(uint32_t i, struct attempt *a)
{
    static char words[][8] = {"", "a", "\xc3\xa4\n"};
    static char names[][8] = {"e.dat", "d/x y"};
    static struct attempt_file files[] = {
        {.name = names[0], .place = FILE_PACKED, .session = 1, .bytes = 7},
        {.name = names[1], .place = FILE_OWN, .bytes = 1 << 20}};
    attempt_init(a);
    a->job = i % 4 == 3;
    a->index = i % 4 == 3 ? i % 5 : i;
    a->attempt = 1 + i % 2;
    a->result = i % 3 ? RESULT_SUCCESS : RESULT_FAILURE;
    a->reason = i % 3 ? REASON_NONE : REASON_SIGNAL;
    a->disposition = i % 6 == 3 ? TASK_RETRIES : TASK_ENDS;
    a->exit_code = i % 3 ? 0 : -1;
    a->signal = i % 3 ? 0 : 9;
    a->start_ns = 1700000000000000000 + i;
    a->submit_ns = a->start_ns - 5;
    a->end_ns = a->start_ns + 1000;
    a->output[0] = (struct output){OUTPUT_PACKED, 1, i * 10, 10};
    if (i % 8 == 5) {
        a->failure = FAILURE_DISK_FULL;
        a->prepare_ns = 5 + i;
        a->kept = true;
        a->files = files;
        a->file_count = 2;
    }
    if (a->job == 1)
        return;
    a->metric_count = 3;
    a->metrics[0].u.number = i / 3.0;
    a->metrics[1].state = i % 5 ? METRIC_OK : METRIC_MALFORMED;
    a->metrics[1].u.integer = -(int64_t)i;
    a->metrics[2].string = words[i % 3];
}

static void put_attempt(struct session *s, uint32_t i)
{
    struct attempt a;
    struct journal_record r = {
        .type = JOURNAL_ATTEMPT, .time_ns = 1000 + i, .u.attempt = &a};
    attempt_of(i, &a);
    put(s, &r);
}

static void assert_attempt(const struct journal_record *r, uint32_t i)
{
    struct attempt a;
    const struct attempt *b = r->u.attempt;
    attempt_of(i, &a);
    assert_int_equal(r->type, JOURNAL_ATTEMPT);
    assert_int_equal(r->time_ns, 1000 + i);
    assert_int_equal(b->job, a.job);
    assert_int_equal(b->index, a.index);
    assert_int_equal(b->attempt, a.attempt);
    assert_int_equal(b->result, a.result);
    assert_int_equal(b->reason, a.reason);
    assert_int_equal(b->disposition, a.disposition);
    assert_int_equal(b->start_ns, a.start_ns);
    assert_int_equal(b->output[0].offset, a.output[0].offset);
    assert_int_equal(b->failure, a.failure);
    assert_int_equal(b->prepare_ns, a.prepare_ns);
    assert_int_equal(b->kept, a.kept);
    assert_int_equal(b->file_count, a.file_count);
    for (uint32_t k = 0; k < a.file_count; k++) {
        assert_string_equal(b->files[k].name, a.files[k].name);
        assert_int_equal(b->files[k].place, a.files[k].place);
        assert_int_equal(b->files[k].bytes, a.files[k].bytes);
    }
    assert_int_equal(b->metric_count, a.metric_count);
    for (uint32_t k = 0; k < a.metric_count; k++)
        assert_int_equal(b->metrics[k].state, a.metrics[k].state);
    if (a.metric_count > 0) {
        assert_true(b->metrics[0].u.number == a.metrics[0].u.number);
        assert_string_equal(b->metrics[2].string, a.metrics[2].string);
    }
}

static struct rundir *reader_of(const char *dir)
{
    struct err err = {0};
    struct rundir *r = rundir_open_read(dir, &err);
    assert_non_null(r);
    return r;
}

static const struct task_range reactivated[] = {{1, 0, 2}, {1, 4, 1}};

static void reads_what_was_written(void **state)
{
    struct jobspec *spec = make_spec();
    struct err err = {0};
    const char *file;
    struct node_info node = {.hostname = "n7", .cores = 4, .cpus = "0-3"};
    for (int n = 1; n <= 2; n++) {
        struct session s = begin(*state, spec);
        struct journal_record r = {.type = JOURNAL_SESSION, .time_ns = 1};
        strcpy(r.u.session.version, "1.2");
        strcpy(r.u.session.mpi, "Open MPI");
        r.u.session.rank_count = 4;
        r.u.session.node_count = 2;
        put(&s, &r);
        r = (struct journal_record){.type = JOURNAL_NODE, .time_ns = 2};
        r.u.node.rank = 3;
        r.u.node.node = 1;
        r.u.node.first_slot = 2;
        r.u.node.slots = 2;
        r.u.node.info = &node;
        put(&s, &r);
        for (uint32_t i = 0; i < 1000; i++)
            put_attempt(&s, i);
        r = (struct journal_record){.type = JOURNAL_JOB, .time_ns = 3};
        r.u.job.job = 1;
        r.u.job.state = JOB_COMPLETED;
        r.u.job.end = JOB_END_ALL_TASKS_COMPLETE;
        put(&s, &r);
        r = (struct journal_record){.type = JOURNAL_REACTIVATE};
        r.u.reactivate.job = 1;
        r.u.reactivate.range_count = 2;
        r.u.reactivate.ranges = reactivated;
        put(&s, &r);
        put(&s, &(struct journal_record){.type = JOURNAL_TICK, .time_ns = -9});
        put(&s, &(struct journal_record){.type = JOURNAL_LOST, .u.lost = {7}});
        r = (struct journal_record){.type = JOURNAL_COUNTS, .time_ns = 5};
        for (int i = 0; i < STAGE_COUNTS; i++)
            stage_count_set(&r.u.counts, i, UINT64_MAX - (unsigned)i);
        put(&s, &r);
        r = (struct journal_record){.type = JOURNAL_END, .time_ns = 4};
        r.u.end.exit_code = -3;
        put(&s, &r);
        end(&s);
    }
    struct rundir *rd = reader_of(*state);
    struct journal_reader *jr = journal_read(rd, spec, &err);
    struct journal_record r;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t n = 1; n <= 2; n++) {
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_SESSION);
            assert_int_equal(r.session, n);
            assert_int_equal(r.time_ns, 1);
            assert_string_equal(r.u.session.version, "1.2");
            assert_string_equal(r.u.session.mpi, "Open MPI");
            assert_int_equal(r.u.session.rank_count, 4);
            assert_int_equal(r.u.session.node_count, 2);
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_NODE);
            assert_int_equal(r.u.node.rank, 3);
            assert_int_equal(r.u.node.node, 1);
            assert_int_equal(r.u.node.first_slot, 2);
            assert_int_equal(r.u.node.slots, 2);
            assert_string_equal(r.u.node.info->hostname, "n7");
            assert_string_equal(r.u.node.info->cpus, "0-3");
            for (uint32_t i = 0; i < 1000; i++) {
                assert_int_equal(journal_next(jr, &r, &err), 1);
                assert_attempt(&r, i);
            }
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_JOB);
            assert_int_equal(r.u.job.job, 1);
            assert_int_equal(r.u.job.state, JOB_COMPLETED);
            assert_int_equal(r.u.job.end, JOB_END_ALL_TASKS_COMPLETE);
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_REACTIVATE);
            assert_int_equal(r.u.reactivate.job, 1);
            assert_int_equal(r.u.reactivate.range_count, 2);
            assert_memory_equal(r.u.reactivate.ranges, reactivated,
                                sizeof(reactivated));
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_TICK);
            assert_int_equal(r.time_ns, -9);
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_LOST);
            assert_int_equal(r.u.lost.rank, 7);
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_COUNTS);
            for (int i = 0; i < STAGE_COUNTS; i++)
                assert_true(stage_count_get(&r.u.counts, i) ==
                            UINT64_MAX - (unsigned)i);
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_int_equal(r.type, JOURNAL_END);
            assert_int_equal(r.u.end.exit_code, -3);
        }
        assert_int_equal(journal_next(jr, &r, &err), 0);
        assert_int_equal(journal_next(jr, &r, &err), 0);
        assert_int_equal(journal_torn_bytes(jr, &file), 0);
        assert_null(file);
        assert_int_equal(journal_rewind(jr, &err), 0);
    }
    journal_reader_destroy(jr);
    rundir_close(rd);
    jobspec_destroy(spec);
}

/* ---- What the whole job life adds ---- */

static const struct special_task special = {.id = "special"};

/* One of each; all of them are of make_spec's with special tasks. */
static uint32_t life_of(uint32_t i, struct journal_record *r, struct attempt *a)
{
    const struct journal_record all[] = {
        {.type = JOURNAL_JOB,
         .u.job = {1, JOB_TERMINATING, JOB_END_USER, "we know enough"}},
        {.type = JOURNAL_NODE_STATE,
         .u.node_state = {7, NODE_UNUSABLE, "5 tasks in a row failed"}},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{1, 2, 3}, 0, 99999}},
        {.type = JOURNAL_ADDED, .u.added = {1, 1, 3, 2}},
        {.type = JOURNAL_OCCURRENCE, .u.occurrence = {1, true}},
        {.type = JOURNAL_COMMAND,
         .u.command = {"job disable other", "JobCompleted: it has ended"}},
        {.type = JOURNAL_SPECIAL},
        {.type = JOURNAL_SPECIAL},
    };
    enum { COUNT = sizeof(all) / sizeof(all[0]) };
    if (i >= COUNT)
        return COUNT;
    *r = all[i];
    r->time_ns = i;
    if (r->type != JOURNAL_SPECIAL)
        return COUNT;
    attempt_init(a);
    a->job = i == COUNT - 1 ? JOB_OF_POOL(0) : 0;
    a->index = i == COUNT - 1 ? INDEX_START : INDEX_JOB_PREPARATION;
    a->attempt = 2;
    a->node = 3;
    a->result = RESULT_FAILURE;
    a->reason = REASON_EXIT_CODE;
    a->exit_code = 9;
    r->u.attempt = a;
    return COUNT;
}

static struct jobspec *make_life(void)
{
    static struct pool pool = {.id = "p", .start_task = &special};
    struct jobspec *spec = make_spec();
    job_of(spec, 0)->preparation = &special;
    spec->pools = &pool;
    spec->pool_count = 1;
    spec->fragment_count = 1;
    return spec;
}

static void assert_life(const struct journal_record *r,
                        const struct journal_record *as)
{
    assert_int_equal(r->type, as->type);
    assert_int_equal(r->time_ns, as->time_ns);
    if (as->type == JOURNAL_JOB) {
        assert_int_equal(r->u.job.job, 1);
        assert_int_equal(r->u.job.end, JOB_END_USER);
        assert_string_equal(r->u.job.why, as->u.job.why);
    } else if (as->type == JOURNAL_NODE_STATE) {
        assert_int_equal(r->u.node_state.node, 7);
        assert_int_equal(r->u.node_state.state, NODE_UNUSABLE);
        assert_string_equal(r->u.node_state.why, as->u.node_state.why);
    } else if (as->type == JOURNAL_SKIPPED) {
        assert_memory_equal(&r->u.skipped, &as->u.skipped,
                            sizeof(r->u.skipped));
    } else if (as->type == JOURNAL_ADDED) {
        assert_memory_equal(&r->u.added, &as->u.added, sizeof(r->u.added));
    } else if (as->type == JOURNAL_OCCURRENCE) {
        assert_int_equal(r->u.occurrence.job, 1);
        assert_true(r->u.occurrence.begun);
    } else if (as->type == JOURNAL_COMMAND) {
        assert_string_equal(r->u.command.text, as->u.command.text);
        assert_string_equal(r->u.command.error, as->u.command.error);
    } else {
        assert_int_equal(r->u.attempt->job, as->u.attempt->job);
        assert_int_equal(r->u.attempt->index, as->u.attempt->index);
        assert_int_equal(r->u.attempt->attempt, 2);
        assert_int_equal(r->u.attempt->metric_count, 0);
    }
}

/* A run directory with one of each. */
static void life_make(const char *dir, const struct jobspec *spec)
{
    struct session s = begin(dir, spec);
    struct attempt a;
    struct journal_record r;
    for (uint32_t i = 0; i < life_of(i, &r, &a); i++)
        put(&s, &r);
    end(&s);
}

static void keeps_the_whole_life(void **state)
{
    struct jobspec *spec = make_life();
    struct err err = {0};
    struct attempt a;
    struct journal_record r, as;
    life_make(*state, spec);
    struct rundir *rd = reader_of(*state);
    struct journal_reader *jr = journal_read(rd, spec, &err);
    for (int light = 0; light < 2; light++) {
        journal_reader_light(jr, light);
        assert_int_equal(journal_rewind(jr, &err), 0);
        for (uint32_t i = 0; i < life_of(i, &as, &a); i++) {
            assert_int_equal(journal_next(jr, &r, &err), 1);
            assert_life(&r, &as);
            if (as.type == JOURNAL_SPECIAL)
                assert_int_equal(r.u.attempt->exit_code, 9);
        }
        assert_int_equal(journal_next(jr, &r, &err), 0);
    }
    journal_reader_destroy(jr);
    rundir_close(rd);
    jobspec_destroy(spec);
}

/* A reader whose spec lacks what was added sees what was before it. */
static void ends_at_tasks_that_it_does_not_know(void **state)
{
    struct jobspec *spec = make_life();
    struct err err = {0};
    struct journal_record r;
    life_make(*state, spec);
    spec->fragment_count = 0;
    struct rundir *rd = reader_of(*state);
    struct journal_reader *jr = journal_read(rd, spec, &err);
    for (int i = 0; i < 3; i++)
        assert_int_equal(journal_next(jr, &r, &err), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(journal_next(jr, &r, &err), 0);
    assert_int_equal(journal_torn_bytes(jr, NULL), 0);
    journal_reader_destroy(jr);
    rundir_close(rd);
    jobspec_destroy(spec);
}

static void refuses_what_there_is_not(void **state)
{
    struct jobspec *spec = make_life();
    struct attempt a;
    struct err err = {0};
    struct session s = begin(*state, spec);
    attempt_of(0, &a);
    struct attempt start = a;
    start.job = JOB_OF_POOL(0);
    start.index = INDEX_START;
    struct attempt release = a;
    release.index = INDEX_JOB_RELEASE; /* the job has none */
    const struct journal_record bad[] = {
        {.type = JOURNAL_SPECIAL, .u.attempt = &a},
        {.type = JOURNAL_ATTEMPT, .u.attempt = &start},
        {.type = JOURNAL_SPECIAL, .u.attempt = &release},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{2, 0, 1}, 0, 0}},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{1, 0, 0}, 0, 0}},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{1, 3, 3}, 0, 0}},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{1, 0, 1}, 1, 5}},
        {.type = JOURNAL_SKIPPED, .u.skipped = {{1, 0, 1}, 2, 0}},
        {.type = JOURNAL_ADDED, .u.added = {1, 1, 4, 2}},
        {.type = JOURNAL_OCCURRENCE, .u.occurrence = {2, true}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(journal_append(s.journal, &bad[i], NULL, &err), -1);
    end(&s);
    jobspec_destroy(spec);
}

/* Whatever a record's bytes are, with a checksum that is right: it is read or
 * refused, and what it says is of this spec. */
static void bears_any_payload(void **state)
{
    struct jobspec *spec = make_life();
    struct journal_record r;
    struct err err = {0};
    life_make(*state, spec);
    struct buf b = file_of(path_of("%s/journal/0001.journal", (char *)*state));
    uint32_t seed = 1, refused = 0;
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct rundir *rd = reader_of(*state);
    for (size_t at = HEADER; at < b.len;) {
        uint32_t len;
        memcpy(&len, b.data + at, 4);
        unsigned char *p = (unsigned char *)b.data + at;
        for (int k = 0; k < 200; k++) {
            unsigned char old[2048];
            assert_true(len <= sizeof(old));
            memcpy(old, p, 8 + len);
            seed = seed * 1664525 + 1013904223;
            /* behind type and time */
            p[8 + 9 + (seed >> 16) % (len - 9)] = (unsigned char)(seed >> 8);
            frame_put_u32(p + 4, frame_crc(p, p + 8, len));
            file_make(path, b.data, b.len);
            struct journal_reader *jr = journal_read(rd, spec, &err);
            int rc;
            while ((rc = journal_next(jr, &r, &err)) == 1)
                if (r.type == JOURNAL_SKIPPED)
                    assert_true(r.u.skipped.tasks.count <= 100000);
            refused += rc < 0;
            journal_reader_destroy(jr);
            memcpy(p, old, 8 + len);
        }
        at += 8 + len;
    }
    assert_true(refused > 0);
    buf_fini(&b);
    rundir_close(rd);
    jobspec_destroy(spec);
}

static bool every_tenth(void *arg, uint32_t job, uint32_t index)
{
    ++*(unsigned *)arg;
    return job == 0 && index % 10 == 0;
}

static void filters_seeks_and_reads_lightly(void **state)
{
    struct jobspec *spec = make_spec();
    struct err err = {0};
    struct journal_record r;
    struct journal_place place = {0}, middle = {0};
    for (int n = 0; n < 2; n++) {
        struct session s = begin(*state, spec);
        for (uint32_t i = 0; i < 30000; i++)
            put_attempt(&s, i);
        end(&s);
    }
    struct rundir *rd = reader_of(*state);
    struct journal_reader *jr = journal_read(rd, spec, &err);
    unsigned asked = 0, got = 0;
    journal_reader_filter(jr, every_tenth, &asked);
    while (journal_next(jr, &r, &err) == 1) {
        assert_int_equal(r.u.attempt->index % 10, 0);
        assert_string_equal(r.u.attempt->metrics[2].string,
                            &"\0\0a\0\xc3\xa4\n"[r.u.attempt->index % 3 * 2]);
        got++;
    }
    assert_int_equal(asked, 60000);
    assert_int_equal(got, 2 * 3000);
    journal_reader_filter(jr, NULL, NULL);
    journal_reader_light(jr, true);
    assert_int_equal(journal_rewind(jr, &err), 0);
    for (uint32_t i = 0; i < 60000; i++) {
        struct attempt a;
        attempt_of(i % 30000, &a);
        place = journal_tell(jr);
        assert_int_equal(journal_next(jr, &r, &err), 1);
        const struct attempt *b = r.u.attempt;
        assert_int_equal(b->job, a.job);
        assert_int_equal(b->index, a.index);
        assert_int_equal(b->attempt, a.attempt);
        assert_int_equal(b->result, a.result);
        assert_int_equal(b->reason, a.reason);
        assert_int_equal(b->disposition, a.disposition);
        assert_int_equal(b->exit_code, a.exit_code);
        assert_int_equal(b->signal, a.signal);
        assert_int_equal(b->metric_count, a.metric_count);
        assert_int_equal(b->metrics[0].state, a.metrics[1].state == METRIC_OK
                                                  ? METRIC_OK
                                                  : METRIC_MISSING);
        assert_null(b->metrics[2].string);
        if (i == 44444)
            middle = place;
    }
    assert_int_equal(journal_next(jr, &r, &err), 0);
    journal_reader_light(jr, false);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(journal_seek(jr, middle, &err), 0);
        assert_int_equal(journal_next(jr, &r, &err), 1);
        assert_attempt(&r, 14444);
        assert_int_equal(journal_seek(jr, place, &err), 0);
        assert_int_equal(journal_next(jr, &r, &err), 1);
        assert_attempt(&r, 29999);
        assert_int_equal(journal_next(jr, &r, &err), 0);
    }
    struct journal_place nowhere = {.file = 3};
    assert_int_equal(journal_seek(jr, nowhere, &err), -1);
    assert_int_equal(err.code, EINVAL);
    journal_reader_destroy(jr);
    rundir_close(rd);
    jobspec_destroy(spec);
}

/* ---- Damage ---- */

enum { FEW = 12 };

/* A run directory whose only journal has FEW attempts; *bytes: the file. */
static struct buf few(const char *dir, const struct jobspec *spec,
                      size_t starts[FEW + 1])
{
    struct session s = begin(dir, spec);
    for (uint32_t i = 0; i < FEW; i++)
        put_attempt(&s, i);
    end(&s);
    struct buf b = file_of(path_of("%s/journal/0001.journal", dir));
    starts[0] = HEADER;
    for (uint32_t i = 0; i < FEW; i++) {
        uint32_t len;
        memcpy(&len, b.data + starts[i], 4);
        starts[i + 1] = starts[i] + 8 + len;
    }
    assert_int_equal(starts[FEW], b.len);
    return b;
}

struct outcome {
    uint32_t records;
    int end; /* what the last journal_next said */
    uint64_t torn;
    struct err err;
};

static struct outcome read_all(struct rundir *rd, const struct jobspec *spec)
{
    struct outcome o = {0};
    struct journal_record r;
    struct journal_reader *jr = journal_read(rd, spec, &o.err);
    assert_non_null(jr);
    while ((o.end = journal_next(jr, &r, &o.err)) == 1) {
        assert_true(o.records < FEW);
        assert_attempt(&r, o.records);
        o.records++;
    }
    o.torn = journal_torn_bytes(jr, NULL);
    journal_reader_destroy(jr);
    return o;
}

static void cuts_a_torn_tail_at_any_byte(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf whole = few(*state, spec, starts);
    struct rundir *rd = reader_of(*state);
    for (size_t len = 0; len <= whole.len; len++) {
        uint32_t complete = 0;
        while (complete < FEW && starts[complete + 1] <= len)
            complete++;
        size_t good = len < HEADER ? 0 : starts[complete];
        file_make(path, whole.data, len);
        struct outcome o = read_all(rd, spec);
        assert_int_equal(o.end, 0);
        assert_int_equal(o.records, complete);
        assert_int_equal(o.torn, len - good);
        /* the rest as zeros, as power loss may leave it */
        struct buf b;
        buf_init(&b, 1 << 20);
        assert_int_equal(buf_put(&b, whole.data, len), 0);
        memset(buf_reserve(&b, 5000), 0, 5000);
        buf_commit(&b, len % 2 ? 5000 : 3);
        file_make(path, b.data, b.len);
        o = read_all(rd, spec);
        assert_int_equal(o.end, 0);
        /* the last bytes of a record may be zeros */
        if (o.records != complete)
            assert_int_equal(o.records, complete + 1);
        else
            assert_int_equal(o.torn, b.len - good);
        buf_fini(&b);
    }
    rundir_close(rd);
    buf_fini(&whole);
    jobspec_destroy(spec);
}

static void detects_each_flipped_bit(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf b = few(*state, spec, starts);
    struct rundir *rd = reader_of(*state);
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        uint32_t hit = 0; /* the record that is changed */
        while (hit < FEW && starts[hit + 1] <= bit / 8)
            hit++;
        b.data[bit / 8] ^= (char)(1 << bit % 8);
        file_make(path, b.data, b.len);
        struct outcome o = read_all(rd, spec);
        b.data[bit / 8] ^= (char)(1 << bit % 8);
        if (bit / 8 >= starts[FEW - 1]) { /* nothing valid follows */
            assert_int_equal(o.end, 0);
            assert_int_equal(o.records, FEW - 1);
            assert_int_equal(o.torn, b.len - starts[FEW - 1]);
            continue;
        }
        size_t at = bit / 8 < HEADER ? 0 : starts[hit];
        char where[64];
        snprintf(where, sizeof(where),
                 "0001.journal is damaged at byte %zu:", at);
        assert_int_equal(o.end, -1);
        assert_int_equal(o.err.code, EBADMSG);
        if (!strstr(o.err.text, where))
            fail_msg("bit %zu: no \"%s\" in \"%s\"", bit, where, o.err.text);
        assert_int_equal(o.records, bit / 8 < HEADER ? 0 : hit);
    }
    rundir_close(rd);
    buf_fini(&b);
    jobspec_destroy(spec);
}

static void cuts_garbage_behind_the_end(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    unsigned seed = 1;
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf b = few(*state, spec, starts);
    struct rundir *rd = reader_of(*state);
    size_t whole = b.len;
    for (int round = 0; round < 50; round++) {
        b.len = whole;
        for (int i = rand_r(&seed) % 60000; i >= 0; i--)
            assert_int_equal(buf_putc(&b, (char)rand_r(&seed)), 0);
        file_make(path, b.data, b.len);
        struct outcome o = read_all(rd, spec);
        assert_int_equal(o.end, 0);
        assert_int_equal(o.records, FEW);
        assert_int_equal(o.torn, b.len - whole);
    }
    rundir_close(rd);
    buf_fini(&b);
    jobspec_destroy(spec);
}

/* Power loss may leave zeros where a block was not written, and have written
 * later ones. */
static void cuts_at_a_hole(void **state)
{
    struct jobspec *spec = make_spec();
    struct err err = {0};
    struct journal_record r;
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct session s = begin(*state, spec);
    for (uint32_t i = 0; i < 500; i++)
        put_attempt(&s, i);
    end(&s);
    struct buf b = file_of(path), old = file_of(path);
    struct rundir *rd = reader_of(*state);
    for (size_t block = 512; block + 1024 <= b.len; block += 512) {
        memset(b.data + block, 0, 512);
        file_make(path, b.data, b.len);
        memcpy(b.data + block, old.data + block, 512);
        struct journal_reader *jr = journal_read(rd, spec, &err);
        uint32_t n = 0;
        int rc;
        while ((rc = journal_next(jr, &r, &err)) == 1)
            assert_attempt(&r, n++);
        assert_int_equal(rc, 0);
        uint64_t torn = journal_torn_bytes(jr, NULL);
        /* zeros at the end of a record are as they were */
        assert_in_range(b.len - torn, block - 200, block + 8);
        journal_reader_destroy(jr);
    }
    rundir_close(rd);
    buf_fini(&b);
    buf_fini(&old);
    jobspec_destroy(spec);
}

static void a_new_session_follows_a_torn_one(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    char path[512];
    struct err err = {0};
    struct journal_record r;
    const char *file;
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf b = few(*state, spec, starts);
    file_make(path, b.data, starts[6] + 11);
    struct session s = begin(*state, spec);
    assert_int_equal(rundir_session(s.rundir), 2);
    for (uint32_t i = 6; i < FEW; i++)
        put_attempt(&s, i);
    end(&s);
    struct buf now = file_of(path);
    assert_int_equal(now.len, starts[6] + 11);
    struct rundir *rd = reader_of(*state);
    struct journal_reader *jr = journal_read(rd, spec, &err);
    for (uint32_t i = 0; i < FEW; i++) {
        assert_int_equal(journal_next(jr, &r, &err), 1);
        assert_attempt(&r, i);
        assert_int_equal(r.session, i < 6 ? 1 : 2);
    }
    assert_int_equal(journal_next(jr, &r, &err), 0);
    assert_int_equal(journal_torn_bytes(jr, &file), 11);
    assert_string_equal(file, path);
    journal_reader_destroy(jr);
    rundir_close(rd);
    buf_fini(&b);
    buf_fini(&now);
    jobspec_destroy(spec);
}

static void refuses_another_file(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf b = few(*state, spec, starts);
    /* the same file as another session's */
    file_make(path_of("%s/journal/0002.journal", (char *)*state), b.data,
              b.len);
    file_make(path_of("%s/journal/notes.txt", (char *)*state), "x", 1);
    struct rundir *rd = reader_of(*state);
    struct outcome o = read_all(rd, spec);
    assert_int_equal(o.end, -1);
    assert_int_equal(o.err.code, EBADMSG);
    assert_int_equal(o.records, FEW);
    assert_non_null(strstr(o.err.text, "not this session's journal"));
    assert_int_equal(unlink(path_of("%s/journal/0002.journal", (char *)*state)),
                     0);
    /* with fewer tasks than the journal speaks of */
    taskset_init_listed(&job_of(spec, 0)->tasks, 5);
    o = read_all(rd, spec);
    assert_int_equal(o.err.code, EBADMSG);
    assert_int_equal(o.records, 5);
    rundir_close(rd);
    buf_fini(&b);
    jobspec_destroy(spec);
}

static void refuses_another_format(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    char path[512];
    snprintf(path, sizeof(path), "%s/journal/0001.journal", (char *)*state);
    struct buf b = few(*state, spec, starts);
    unsigned char *h = (unsigned char *)b.data;
    struct rundir *rd = reader_of(*state);
    for (int i = -1; i <= 1; i += 2) {
        frame_put_u32(h + 8, JOURNAL_VERSION + (unsigned)i);
        frame_put_u32(h + 20, crc32c(0, h, 20));
        file_make(path, b.data, b.len);
        struct outcome o = read_all(rd, spec);
        assert_int_equal(o.end, -1);
        assert_int_equal(o.err.code, EPROTO);
        assert_non_null(strstr(o.err.text, i < 0 ? "an older" : "a newer"));
    }
    rundir_close(rd);
    buf_fini(&b);
    jobspec_destroy(spec);
}

static void survives_lack_of_memory(void **state)
{
    struct jobspec *spec = make_spec();
    size_t starts[FEW + 1];
    struct buf b = few(*state, spec, starts);
    struct rundir *rd = reader_of(*state);
    struct err err = {0};
    struct journal_record r;
    bool done = false;
    for (unsigned long k = 1; !done; k++) {
        mem_fail_at(k);
        struct journal_reader *jr = journal_read(rd, spec, &err);
        int rc = -1;
        while (jr && (rc = journal_next(jr, &r, &err)) == 1)
            ;
        mem_fail_at(0);
        done = rc == 0;
        if (!done)
            assert_int_equal(err.code, ENOMEM);
        journal_reader_destroy(jr);
    }
    rundir_close(rd);
    bool fresh;
    struct journal *j = NULL;
    struct writer *w = writer_create(&err);
    rd = rundir_open(*state, spec_text, strlen(spec_text), "/x", NULL, &fresh,
                     &err);
    for (unsigned long k = 1; !j; k++) {
        mem_fail_at(k);
        j = journal_create(rd, spec, w, &err);
        mem_fail_at(0);
        if (!j)
            assert_int_equal(err.code, ENOMEM);
    }
    struct attempt a;
    attempt_of(0, &a);
    r = (struct journal_record){.type = JOURNAL_ATTEMPT, .u.attempt = &a};
    int rc = -1;
    for (unsigned long k = 1; rc < 0; k++) {
        mem_fail_at(k);
        rc = journal_append(j, &r, NULL, &err);
        mem_fail_at(0);
    }
    journal_destroy(j);
    assert_int_equal(writer_destroy(w, NS_PER_SEC, &err), 0);
    rundir_close(rd);
    buf_fini(&b);
    jobspec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
        TEST(reads_what_was_written),
        TEST(keeps_the_whole_life),
        TEST(ends_at_tasks_that_it_does_not_know),
        TEST(refuses_what_there_is_not),
        TEST(bears_any_payload),
        TEST(filters_seeks_and_reads_lightly),
        TEST(cuts_a_torn_tail_at_any_byte),
        TEST(detects_each_flipped_bit),
        TEST(cuts_garbage_behind_the_end),
        TEST(cuts_at_a_hole),
        TEST(a_new_session_follows_a_torn_one),
        TEST(refuses_another_file),
        TEST(refuses_another_format),
        TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
