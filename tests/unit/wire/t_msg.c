/* Messages: every kind there and back, every bound, and bytes of any kind:
 * what is parsed is exactly what would be written. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sample.h"
#include "wire/msg.h"

enum { LAST_KIND = MSG_BYE };

static const struct msg plain[] = {
    {.kind = MSG_READY, .u.ready = {MSG_VERSION, 8, 64, 3, {2, 0, 1}}},
    {.kind = MSG_STARTED, .u.started = {1, 17, 2, 63, 1764000000000000000}},
    {.kind = MSG_RETURNED, .u.range = {0, 0, 1000000, 1}},
    {.kind = MSG_LEFT},
    {.kind = MSG_ASSIGN, .u.range = {1, 0, TASKSET_MAX_COUNT, UINT32_MAX}},
    {.kind = MSG_ASSIGN, .u.range = {2, 0, 1, 1}},
    {.kind = MSG_RECALL, .u.recall = {UINT32_MAX}},
    {.kind = MSG_CANCEL, .u.cancel = {2}},
    {.kind = MSG_STOP, .u.stop = {true}},
    {.kind = MSG_STOP, .u.stop = {false}},
    {.kind = MSG_BYE},
    {.kind = MSG_RETURNED, .u.range = {0, 0, 0, 0}},
    {.kind = MSG_STORING, .u.started = {1, 17, 2, 63, 0}},
    {.kind = MSG_PREPARED, .u.started = {1, 17, 2, 0, 0}},
    {.kind = MSG_INSTANCE, .u.started = {1, 17, 2, 0, 0}},
    {.kind = MSG_GO, .u.one = {1, 17, 2, REASON_NONE}},
    {.kind = MSG_END, .u.one = {1, 17, 2, REASON_STOPPED}},
    {.kind = MSG_PREPARING, .u.started = {1, 17, 2, 0, 0}},
};
enum { PLAIN_COUNT = sizeof(plain) / sizeof(plain[0]) };

/* A result with outputs inside. */
static void put_result(struct buf *b, const char *out, const char *errs)
{
    struct attempt a;
    struct msg m = {.kind = MSG_RESULT, .u.result.attempt = &a};
    sample_full(&a);
    const char *outputs[2] = {out, errs};
    for (int i = 0; i < 2; i++) {
        if (!outputs[i])
            continue;
        a.output[i] = (struct output){.place = OUTPUT_INLINE,
                                      .bytes = strlen(outputs[i])};
        m.u.result.output[i] = outputs[i];
        m.u.result.output_len[i] = strlen(outputs[i]);
    }
    assert_int_equal(msg_put(b, &m, &sample_spec), 0);
    attempt_fini(&a);
}

/* Parse from memory of exactly that size, so that a sanitizer sees one byte
 * too far. 0 or -1; a message must be written as the same bytes again. */
static int parse_exact(const void *data, size_t len, struct err *err)
{
    struct attempt a;
    struct msg m = {.u.result.attempt = &a};
    attempt_init(&a);
    char *copy = mem_alloc(len);
    assert_non_null(copy);
    memcpy(copy, data, len);
    int rc = msg_parse(copy, len, &sample_spec, &m, err);
    if (rc == 0) {
        struct buf again;
        buf_init(&again, MSG_MAX_BYTES);
        assert_int_equal(msg_put(&again, &m, &sample_spec), 0);
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, copy, len);
        buf_fini(&again);
        if (m.kind == MSG_RESULT)
            attempt_fini(&a);
    } else {
        assert_int_equal(a.metric_count, 0);
    }
    mem_free(copy);
    return rc;
}

static void test_plain_kinds(void **state)
{
    (void)state;
    for (int i = 0; i < PLAIN_COUNT; i++) {
        struct buf b;
        struct msg m = {0};
        struct err err = {0};
        buf_init(&b, MSG_MAX_BYTES);
        assert_int_equal(msg_put(&b, &plain[i], &sample_spec), 0);
        assert_in_range(b.len, 1, 32);
        assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
        assert_int_equal(m.kind, plain[i].kind);
        assert_int_equal(parse_exact(b.data, b.len, &err), 0);
        for (size_t cut = 0; cut < b.len; cut++) {
            assert_int_equal(parse_exact(b.data, cut, &err), -1);
            assert_int_equal(err.code, EPROTO);
        }
        assert_int_equal(buf_putc(&b, 0), 0);
        assert_int_equal(parse_exact(b.data, b.len, &err), -1);
        assert_non_null(strstr(err.text, "trailing"));
        buf_fini(&b);
    }
}

/* Of the GPUs each is named once. */
static void test_ready_gpus(void **state)
{
    static const struct {
        uint32_t count, gpus[3];
        int rc;
    } cases[] = {{0, {0}, 0},
                 {3, {0, 1, 2}, 0},
                 {3, {0, 1, 1}, -1},
                 {3, {0, 1, 3}, -1},
                 {1, {1}, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct msg m = {.kind = MSG_READY, .u.ready = {MSG_VERSION, 0, 1}};
        struct buf b;
        struct err err;
        m.u.ready.gpu_count = cases[i].count;
        memcpy(m.u.ready.gpus, cases[i].gpus, sizeof(cases[i].gpus));
        buf_init(&b, MSG_MAX_BYTES);
        assert_int_equal(msg_put(&b, &m, &sample_spec), 0);
        assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err),
                         cases[i].rc);
        buf_fini(&b);
    }
}

static void test_fields(void **state)
{
    struct buf b;
    struct msg m = {0};
    struct err err;
    (void)state;
    buf_init(&b, MSG_MAX_BYTES);
    assert_int_equal(msg_put(&b, &plain[0], &sample_spec), 0);
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_int_equal(m.u.ready.version, MSG_VERSION);
    assert_int_equal(m.u.ready.first_slot, 8);
    assert_int_equal(m.u.ready.slots, 64);
    assert_int_equal(m.u.ready.gpu_count, 3);
    assert_int_equal(m.u.ready.gpus[0], 2);
    assert_int_equal(m.u.ready.gpus[2], 1);
    buf_reset(&b);
    assert_int_equal(msg_put(&b, &plain[1], &sample_spec), 0);
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_int_equal(m.u.started.job, 1);
    assert_int_equal(m.u.started.index, 17);
    assert_int_equal(m.u.started.attempt, 2);
    assert_int_equal(m.u.started.slot, 63);
    assert_true(m.u.started.start_ns == 1764000000000000000);
    buf_reset(&b);
    assert_int_equal(msg_put(&b, &plain[4], &sample_spec), 0);
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_int_equal(m.u.range.job, 1);
    assert_int_equal(m.u.range.first, 0);
    assert_int_equal(m.u.range.count, TASKSET_MAX_COUNT);
    assert_int_equal(m.u.range.attempt, UINT32_MAX);
    buf_reset(&b);
    assert_int_equal(msg_put(&b, &plain[6], &sample_spec), 0);
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_int_equal(m.u.recall.count, UINT32_MAX);
    buf_fini(&b);
}

static void test_result(void **state)
{
    struct attempt a;
    struct msg m = {.u.result.attempt = &a};
    struct err err;
    struct buf b;
    (void)state;
    attempt_init(&a);
    buf_init(&b, MSG_MAX_BYTES);
    put_result(&b, "printed", "");
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_ptr_equal(m.u.result.attempt, &a);
    assert_int_equal(m.u.result.output_len[0], 7);
    assert_memory_equal(m.u.result.output[0], "printed", 7);
    assert_int_equal(m.u.result.output_len[1], 0);
    assert_string_equal(a.metrics[2].string, "ordered");
    attempt_fini(&a);
    for (size_t cut = 0; cut < b.len; cut++) {
        assert_int_equal(parse_exact(b.data, cut, &err), -1);
        assert_int_equal(err.code, EPROTO);
    }
    /* who takes no results */
    m.u.result.attempt = NULL;
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), -1);
    assert_non_null(strstr(err.text, "not expected"));
    buf_fini(&b);
}

static void test_largest_result(void **state)
{
    char *out = mem_alloc(MSG_MAX_OUTPUT + 2);
    struct err err;
    struct buf b;
    (void)state;
    assert_non_null(out);
    memset(out, 'o', MSG_MAX_OUTPUT + 2);
    out[MSG_MAX_OUTPUT] = '\0';
    buf_init(&b, MSG_MAX_BYTES);
    put_result(&b, out, out);
    assert_int_equal(parse_exact(b.data, b.len, &err), 0);
    buf_fini(&b);
    /* one byte more, and an output that is not as long as its record says */
    struct attempt a;
    struct msg m = {.kind = MSG_RESULT, .u.result.attempt = &a};
    sample_null(&a);
    a.output[0] =
        (struct output){.place = OUTPUT_INLINE, .bytes = MSG_MAX_OUTPUT + 1};
    m.u.result.output[0] = out;
    m.u.result.output_len[0] = MSG_MAX_OUTPUT + 1;
    assert_int_equal(msg_put(&b, &m, &sample_spec), -1);
    assert_int_equal(errno, EINVAL);
    m.u.result.output_len[0] = MSG_MAX_OUTPUT;
    assert_int_equal(msg_put(&b, &m, &sample_spec), -1);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
    mem_free(out);
}

/* The end of an output in a file travels, if it is not too long. */
static void test_tail(void **state)
{
    static const char end[MSG_MAX_TAIL + 1] = "the end";
    static const size_t lens[] = {0, 7, MSG_MAX_TAIL, MSG_MAX_TAIL + 1};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct attempt a, back;
        struct msg m = {.kind = MSG_RESULT, .u.result.attempt = &a};
        struct err err;
        struct buf b;
        buf_init(&b, MSG_MAX_BYTES);
        sample_null(&a);
        a.output[1] =
            (struct output){.place = OUTPUT_FILE, .bytes = UINT64_C(1) << 40};
        m.u.result.output[1] = end;
        m.u.result.output_len[1] = lens[i];
        assert_int_equal(msg_put(&b, &m, &sample_spec), i < 3 ? 0 : -1);
        if (i < 3) {
            assert_int_equal(parse_exact(b.data, b.len, &err), 0);
            attempt_init(&back);
            m.u.result.attempt = &back;
            assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err),
                             0);
            assert_int_equal(m.u.result.output_len[1], lens[i]);
            assert_memory_equal(m.u.result.output[1], end, lens[i]);
            attempt_fini(&back);
            assert_int_equal(parse_exact(b.data, b.len - 1, &err), -1);
        }
        buf_fini(&b);
    }
}

/* Written by hand: kind and varints. */
static const struct {
    size_t len;
    unsigned char bytes[12];
    const char *says;
} bad[] = {
    {0, {0}, "no such kind"},
    {1, {0}, "no such kind"},
    {1, {MSG_LEFT + 1}, "no such kind"},
    {1, {31}, "no such kind"},
    {1, {LAST_KIND + 1}, "no such kind"},
    {1, {255}, "no such kind"},
    {2, {MSG_LEFT, 0}, "trailing"},
    {2, {MSG_STOP, 2}, "malformed"},
    {2, {MSG_CANCEL, 3}, "job 3 of 3"},
    {5, {MSG_ASSIGN, 3, 0, 1, 1}, "job 3 of 3"},
    {5, {MSG_ASSIGN, 2, 0, 0, 1}, "no tasks"},
    {5, {MSG_ASSIGN, 0, 0, 0, 0}, "no tasks"},
    {5, {MSG_RETURNED, 0, 0, 0, 1}, "no tasks"},
    {5, {MSG_ASSIGN, 2, 0, 2, 1}, "2 tasks from 0 on, job one has 1"},
    {5, {MSG_ASSIGN, 2, 1, 1, 1}, "1 tasks from 1 on, job one has 1"},
    {5, {MSG_ASSIGN, 2, 0, 1, 0}, "attempts count from 1"},
    {9,
     {MSG_RETURNED, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1},
     "4294967295 tasks from 1 on"},
    {9,
     {MSG_ASSIGN, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 1},
     "malformed"}, /* over 32 bits */
    {6, {MSG_STARTED, 2, 1, 1, 0, 0}, "1 tasks from 1 on"},
    {6, {MSG_STARTED, 2, 0, 0, 0, 0}, "attempts count from 1"},
};

static void test_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err err = {0};
        assert_int_equal(parse_exact(bad[i].bytes, bad[i].len, &err), -1);
        assert_int_equal(err.code, EPROTO);
        if (!strstr(err.text, bad[i].says))
            fail_msg("\"%s\" lacks \"%s\"", err.text, bad[i].says);
    }
}

static void test_bad_kind_is_not_put(void **state)
{
    struct msg m = {.kind = (enum msg_kind)77};
    struct buf b;
    (void)state;
    buf_init(&b, 64);
    assert_int_equal(msg_put(&b, &m, &sample_spec), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void test_no_memory(void **state)
{
    struct attempt a;
    struct msg m = {.kind = MSG_RESULT, .u.result.attempt = &a};
    struct err err;
    struct buf b;
    (void)state;
    sample_full(&a);
    buf_init(&b, MSG_MAX_BYTES);
    unsigned long k = 0;
    int rc;
    do {
        buf_fini(&b);
        mem_fail_at(++k);
        rc = msg_put(&b, &m, &sample_spec);
        mem_fail_at(0);
        assert_true(rc == 0 || b.len == 0);
    } while (rc < 0);
    assert_true(k > 2);
    attempt_fini(&a);
    attempt_init(&a);
    mem_fail_at(1);
    assert_int_equal(msg_parse(b.data, b.len, &sample_spec, &m, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    assert_int_equal(a.metric_count, 0);
    buf_fini(&b);
}

/* Valid messages with flipped bits and changed bytes, and random bytes. */
static void test_fuzz(void **state)
{
    enum { ROUNDS = 40000 };
    struct buf valid[PLAIN_COUNT + 1];
    unsigned parsed = 0;
    uint64_t seed = 20251123;
    (void)state;
    for (int i = 0; i <= PLAIN_COUNT; i++) {
        buf_init(&valid[i], MSG_MAX_BYTES);
        if (i < PLAIN_COUNT)
            assert_int_equal(msg_put(&valid[i], &plain[i], &sample_spec), 0);
        else
            put_result(&valid[i], "some", "output");
    }
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char data[600];
        struct err err = {0};
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        const struct buf *from = &valid[(seed >> 33) % (PLAIN_COUNT + 1)];
        size_t len = from->len;
        assert_true(len <= sizeof(data));
        memcpy(data, from->data, len);
        for (unsigned changes = 1 + (seed >> 40) % 3; changes > 0; changes--) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            size_t at = (seed >> 16) % len;
            if (seed >> 63)
                data[at] ^= (unsigned char)(1 << (seed >> 60 & 7));
            else
                data[at] = (unsigned char)(seed >> 50);
        }
        if (round % 4 == 0) { /* random from the second byte on */
            len = 1 + (seed >> 20) % 64;
            for (size_t i = 1; i < len; i++) {
                seed =
                    seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                data[i] = (unsigned char)(seed >> 40);
            }
        }
        if (parse_exact(data, len, &err) == 0)
            parsed++;
        else
            assert_int_equal(err.code, EPROTO);
    }
    assert_in_range(parsed, ROUNDS / 100, ROUNDS * 9 / 10);
    for (int i = 0; i <= PLAIN_COUNT; i++)
        buf_fini(&valid[i]);
}

/* Every single bit of a full result flipped. */
static void test_every_bit(void **state)
{
    struct buf b;
    struct err err = {0};
    (void)state;
    buf_init(&b, MSG_MAX_BYTES);
    put_result(&b, "some", "output");
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (char)(1 << bit % 8);
        if (parse_exact(b.data, b.len, &err) < 0)
            assert_int_equal(err.code, EPROTO);
        b.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_kinds),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_ready_gpus),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_largest_result),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_bad_kind_is_not_put),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
