/* Records: every field survives, every bound is checked, nothing crashes. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/record.h"
#include "sample.h"

static void assert_same_output(const struct output *a, const struct output *b)
{
    assert_int_equal(a->place, b->place);
    assert_int_equal(a->session, b->session);
    assert_true(a->offset == b->offset);
    assert_true(a->bytes == b->bytes);
}

static void assert_same_files(const struct attempt *a, const struct attempt *b)
{
    assert_int_equal(a->file_count, b->file_count);
    for (uint32_t i = 0; i < a->file_count; i++) {
        const struct attempt_file *f = &a->files[i], *g = &b->files[i];
        assert_string_equal(f->name, g->name);
        assert_int_equal(f->place, g->place);
        assert_int_equal(f->mode, g->mode);
        assert_int_equal(f->session, g->session);
        assert_true(f->offset == g->offset);
        assert_true(f->bytes == g->bytes);
        assert_memory_equal(&f->digest, &g->digest, sizeof(f->digest));
    }
}

static void assert_same(const struct attempt *a, const struct attempt *b)
{
    assert_int_equal(a->job, b->job);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->disposition, b->disposition);
    assert_int_equal(a->exit_code, b->exit_code);
    assert_int_equal(a->signal, b->signal);
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->rank, b->rank);
    assert_int_equal(a->slot, b->slot);
    assert_true(a->submit_ns == b->submit_ns);
    assert_true(a->start_ns == b->start_ns);
    assert_true(a->end_ns == b->end_ns);
    assert_true(a->user_ns == b->user_ns);
    assert_true(a->system_ns == b->system_ns);
    assert_true(a->max_rss_bytes == b->max_rss_bytes);
    assert_true(a->read_bytes == b->read_bytes);
    assert_true(a->write_bytes == b->write_bytes);
    assert_same_output(&a->output[0], &b->output[0]);
    assert_same_output(&a->output[1], &b->output[1]);
    assert_string_equal(a->message, b->message);
    assert_int_equal(a->failure, b->failure);
    assert_int_equal(a->kept, b->kept);
    assert_true(a->prepare_ns == b->prepare_ns);
    assert_true(a->store_ns == b->store_ns);
    assert_same_files(a, b);
    assert_int_equal(a->metric_count, b->metric_count);
}

static void put(struct buf *b, const struct attempt *a)
{
    buf_init(b, RECORD_MAX_BYTES);
    assert_int_equal(record_put_attempt(b, a, &sample_spec), 0);
}

/* Read it back; b is freed. */
static void get(struct buf *b, struct attempt *a)
{
    struct unpack u;
    struct err err;
    unpack_init(&u, b->data, b->len);
    assert_int_equal(record_get_attempt(&u, &sample_spec, a, &err), 0);
    assert_true(unpack_done(&u));
    buf_fini(b);
}

static void test_null_task(void **state)
{
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_null(&a);
    put(&b, &a);
    print_message("a null task's record has %zu bytes\n", b.len);
    assert_in_range(b.len, 40, 60);
    get(&b, &back);
    assert_same(&a, &back);
}

static void test_all_fields(void **state)
{
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_full(&a);
    put(&b, &a);
    get(&b, &back);
    assert_same(&a, &back);
    assert_true(back.metrics[0].u.number == -0.1);
    assert_true(back.metrics[1].u.integer == INT64_MIN);
    assert_string_equal(back.metrics[2].string, "ordered");
    assert_int_equal(back.metrics[3].state, METRIC_MALFORMED);
    assert_null(back.metrics[3].string);
    attempt_fini(&a);
    attempt_fini(&back);
}

static void test_times(void **state)
{
    static const int64_t times[][3] = {
        {0, 0, 0},
        {0, INT64_MAX, 0},
        {INT64_MAX, 0, INT64_MAX},
        {INT64_MIN, INT64_MAX, INT64_MIN},
        {5, 3, 1},
        {0, 0, INT64_C(1764000000000000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct attempt a, back;
        struct buf b;
        sample_null(&a);
        a.submit_ns = times[i][0];
        a.start_ns = times[i][1];
        a.end_ns = times[i][2];
        a.user_ns = -1;
        put(&b, &a);
        get(&b, &back);
        assert_same(&a, &back);
    }
}

static void test_lacking_metrics(void **state)
{
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_null(&a);
    a.job = 1;
    put(&b, &a);
    get(&b, &back);
    assert_int_equal(back.metric_count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(back.metrics[i].state, METRIC_MISSING);
    attempt_fini(&back);
}

static void test_largest(void **state)
{
    struct metric metrics[JOBSPEC_MAX_METRICS];
    struct job job = {.id = "large",
                      .tasks = {.count = 1},
                      .metrics = metrics,
                      .metric_count = JOBSPEC_MAX_METRICS};
    struct jobspec spec = {.jobs = &job, .job_count = 1};
    char text[METRIC_MAX_STRING + 2];
    struct attempt a;
    struct buf b;
    (void)state;
    memset(text, 't', sizeof(text));
    text[METRIC_MAX_STRING] = '\0';
    sample_full(&a);
    attempt_fini(&a);
    a.job = a.index = 0;
    a.metric_count = JOBSPEC_MAX_METRICS;
    for (int i = 0; i < JOBSPEC_MAX_METRICS; i++) {
        metrics[i] = (struct metric){.name = "m", .type = METRIC_STRING};
        a.metrics[i] =
            (struct metric_value){.state = METRIC_OK, .string = text};
    }
    buf_init(&b, RECORD_MAX_BYTES);
    assert_int_equal(record_put_attempt(&b, &a, &spec), 0);
    buf_reset(&b);
    text[METRIC_MAX_STRING] = 't';
    text[METRIC_MAX_STRING + 1] = '\0';
    assert_int_equal(record_put_attempt(&b, &a, &spec), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

/* As many files as there may be, each as long as they may be together. */
static void test_most_files(void **state)
{
    enum { LEN = ATTEMPT_MAX_FILE_NAMES / ATTEMPT_MAX_FILES - 1 };
    char name[LEN + 1];
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_null(&a);
    memset(name, 'n', LEN);
    name[LEN] = '\0';
    for (int i = 0; i < ATTEMPT_MAX_FILES; i++) {
        struct attempt_file *f = attempt_add_file(&a, name);
        assert_non_null(f);
        *f = (struct attempt_file){f->name,    FILE_OWN,   07777,
                                   UINT32_MAX, UINT64_MAX, UINT64_MAX,
                                   {{1, 2, 3}}};
    }
    put(&b, &a);
    get(&b, &back);
    assert_same(&a, &back);
    attempt_fini(&a);
    attempt_fini(&back);
    assert_int_equal(back.file_count, 0);
}

/* A name that leads elsewhere is not taken from a record. */
static void test_file_names(void **state)
{
    struct attempt a, back;
    struct unpack u;
    struct err err = {0};
    struct buf b;
    (void)state;
    sample_null(&a);
    assert_non_null(attempt_add_file(&a, "x/y"));
    put(&b, &a);
    attempt_fini(&a);
    char *name = memmem(b.data, b.len, "x/y", 3);
    assert_non_null(name);
    memcpy(name, "../", 3);
    unpack_init(&u, b.data, b.len);
    assert_int_equal(record_get_attempt(&u, &sample_spec, &back, &err), -1);
    assert_int_equal(err.code, EPROTO);
    assert_int_equal(back.file_count, 0);
    buf_fini(&b);
}

/* Arrays come back whole, whatever their state says, and the largest fit. */
static void test_arrays(void **state)
{
    enum { CELLS = JOBSPEC_MAX_METRIC_CELLS / 4 };
    struct metric metrics[4] = {
        {.name = "a", .type = METRIC_INT64, .rank = 1, .cells = CELLS},
        {.name = "b", .type = METRIC_FLOAT64, .rank = 2, .cells = CELLS},
        {.name = "c", .type = METRIC_INT64, .rank = 1, .cells = CELLS},
        {.name = "d", .type = METRIC_INT64, .rank = 1, .cells = CELLS}};
    struct job job = {.id = "arrays",
                      .tasks = {.count = 1},
                      .metrics = metrics,
                      .metric_count = 4};
    struct jobspec spec = {.jobs = &job, .job_count = 1};
    struct attempt a, back;
    struct unpack u;
    struct err err;
    struct buf b;
    (void)state;
    attempt_init(&a);
    a.attempt = 1;
    a.metric_count = 4;
    for (int m = 0; m < 4; m++) {
        a.metrics[m] = (struct metric_value){
            .state = m == 2 ? METRIC_MISSING : METRIC_OUT_OF_RANGE,
            .cells = m == 2 ? 0 : CELLS,
            .u.numbers = m == 2 ? NULL : mem_calloc(CELLS, 8)};
        for (int i = 0; m != 2 && i < CELLS; i++)
            if (m == 1)
                a.metrics[m].u.numbers[i] = i / 3.0;
            else
                a.metrics[m].u.integers[i] = INT64_MIN + i;
    }
    buf_init(&b, RECORD_MAX_BYTES);
    assert_int_equal(record_put_attempt(&b, &a, &spec), 0);
    unpack_init(&u, b.data, b.len);
    assert_int_equal(record_get_attempt(&u, &spec, &back, &err), 0);
    assert_true(unpack_done(&u));
    assert_int_equal(back.metrics[0].state, METRIC_OUT_OF_RANGE);
    assert_int_equal(back.metrics[2].cells, 0);
    for (int m = 0; m < 4; m++)
        if (m != 2)
            assert_memory_equal(a.metrics[m].u.numbers,
                                back.metrics[m].u.numbers, CELLS * 8);
    attempt_fini(&back);
    unpack_init(&u, b.data, b.len - 1);
    assert_int_equal(record_get_attempt(&u, &spec, &back, &err), -1);
    unsigned long k = 0;
    do {
        mem_fail_at(++k);
        unpack_init(&u, b.data, b.len);
    } while (record_get_attempt(&u, &spec, &back, &err) < 0);
    mem_fail_at(0);
    assert_true(k > 3);
    attempt_fini(&back);
    /* one of another size than its metric's is refused */
    metrics[3].cells = CELLS - 1;
    buf_reset(&b);
    assert_int_equal(record_put_attempt(&b, &a, &spec), -1);
    assert_int_equal(errno, EINVAL);
    attempt_fini(&a);
    buf_fini(&b);
}

static void test_no_such_job(void **state)
{
    struct attempt a;
    struct buf b;
    (void)state;
    sample_null(&a);
    a.job = 3;
    buf_init(&b, RECORD_MAX_BYTES);
    assert_int_equal(record_put_attempt(&b, &a, &sample_spec), -1);
    assert_int_equal(errno, EINVAL);
    buf_fini(&b);
}

/* One byte of a null task's record changed: what is said? The first bytes are
 * job, index (3), attempt, result, reason, failure, disposition. */
static const struct {
    size_t at;
    unsigned char byte;
    const char *says;
} bad_bytes[] = {
    {0, 3, "job 3 of 3"},
    {0, 2, "task 999999 of 1 in job one"},
    {0, 1, "0 metrics, job scan has 4"},
    {1, 0xc0, "task 1000000 of 1000000 in job null"},
    {4, 0, "attempts count from 1"},
    {5, RESULT_FAILURE + 1, "malformed"},
    {6, REASON_COUNT, "malformed"},
    {7, 1 << 5, "malformed"}, /* behind the disposition: what is there */
};

static void test_bounds(void **state)
{
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_null(&a);
    put(&b, &a);
    for (size_t i = 0; i < sizeof(bad_bytes) / sizeof(bad_bytes[0]); i++) {
        char old = b.data[bad_bytes[i].at];
        struct unpack u;
        struct err err = {0};
        b.data[bad_bytes[i].at] = (char)bad_bytes[i].byte;
        unpack_init(&u, b.data, b.len);
        assert_int_equal(record_get_attempt(&u, &sample_spec, &back, &err), -1);
        assert_int_equal(err.code, EPROTO);
        if (!strstr(err.text, bad_bytes[i].says))
            fail_msg("\"%s\" lacks \"%s\"", err.text, bad_bytes[i].says);
        assert_true(u.bad);
        assert_int_equal(back.exit_code, -1);
        assert_int_equal(back.metric_count, 0);
        b.data[bad_bytes[i].at] = old;
    }
    buf_fini(&b);
}

static void test_truncated(void **state)
{
    struct attempt a, back;
    struct buf b;
    (void)state;
    sample_full(&a);
    put(&b, &a);
    attempt_fini(&a);
    for (size_t cut = 0; cut < b.len; cut++) {
        struct unpack u;
        struct err err = {0};
        unpack_init(&u, b.data, cut);
        assert_int_equal(record_get_attempt(&u, &sample_spec, &back, &err), -1);
        assert_int_equal(err.code, EPROTO);
        assert_int_equal(back.metric_count, 0);
    }
    buf_fini(&b);
}

static void test_no_memory(void **state)
{
    struct attempt a, back;
    struct buf b;
    struct unpack u;
    struct err err = {0};
    (void)state;
    sample_full(&a);
    unsigned long k = 0;
    for (int rc = -1; rc < 0;) {
        buf_init(&b, RECORD_MAX_BYTES);
        mem_fail_at(++k);
        rc = record_put_attempt(&b, &a, &sample_spec);
        mem_fail_at(0);
        assert_true(rc == 0 || b.len == 0);
        if (rc < 0)
            buf_fini(&b);
    }
    assert_true(k > 2);
    mem_fail_at(1);
    unpack_init(&u, b.data, b.len);
    assert_int_equal(record_get_attempt(&u, &sample_spec, &back, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    assert_int_equal(back.metric_count, 0);
    buf_fini(&b);
    attempt_fini(&a);
}

static void test_node(void **state)
{
    static struct node_info n, back;
    struct buf b;
    struct unpack u;
    struct err err = {0};
    (void)state;
    memset(n.hostname, 'h', NODE_MAX_NAME);
    memset(n.cpus, '7', NODE_MAX_CPUS);
    memset(n.scratch, 's', NODE_MAX_SCRATCH);
    n.boot_id = UINT64_MAX;
    n.memory_bytes = UINT64_C(1) << 40;
    n.cores = 128;
    n.hwthreads = 256;
    n.gpus = GPU_MAX_PER_NODE;
    n.pool = POOL_NONE;
    n.pid = 4194303;
    buf_init(&b, 8192);
    assert_int_equal(record_put_node(&b, &n), 0);
    unpack_init(&u, b.data, b.len);
    assert_int_equal(record_get_node(&u, &back, &err), 0);
    assert_true(unpack_done(&u));
    assert_memory_equal(&n, &back, sizeof(n));
    for (size_t cut = 0; cut < b.len; cut++) {
        unpack_init(&u, b.data, cut);
        assert_int_equal(record_get_node(&u, &back, &err), -1);
        assert_int_equal(err.code, EPROTO);
        assert_string_equal(back.hostname, "");
    }
    buf_fini(&b);
    buf_init(&b, 100);
    assert_int_equal(record_put_node(&b, &n), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_task),
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_lacking_metrics),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_most_files),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_no_such_job),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
