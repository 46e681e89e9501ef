/* Messages of the bulk channel: every kind there and back, every bound, and
 * bytes of any kind: what is parsed is exactly what would be written. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sample.h"
#include "wire/stage_msg.h"

static const struct object_meta meta = {
    .bytes = UINT64_MAX,
    .digest.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    .mode = 07777};

#define OFFER (STAGE_OFFER_BIT | 300)

static const struct stage_msg all[] = {
    {.kind = STAGE_WANT, .u.want = {UINT64_MAX, OBJECT_LIST, "/a\nb"}},
    {.kind = STAGE_GOT, .u.got = {7, meta}},
    {.kind = STAGE_FAILED,
     .u.failed = {8, OBJECT_BLAME_PARENT, 4, FAILURE_UNKNOWN, "no such file"}},
    {.kind = STAGE_MISSING, .u.missing = {UINT64_MAX}},
    {.kind = STAGE_STREAM_ASK, .u.stream = {1}},
    {.kind = STAGE_STREAM_DONE, .u.stream = {0}},
    {.kind = STAGE_HAVE, .u.have = {1, 2, meta}},
    {.kind = STAGE_FETCH,
     .u.fetch = {3, OBJECT_FILE, "/in/x", STAGE_ORIGIN, false, {0}}},
    {.kind = STAGE_FETCH,
     .u.fetch = {3, OBJECT_URL, "http://x", 9, true, meta}},
    {.kind = STAGE_ERROR, .u.error = {UINT64_MAX, 7, FAILURE_EXIT_CODE, ""}},
    {.kind = STAGE_GRANT, .u.stream = {UINT64_MAX}},
    {.kind = STAGE_PULL, .u.pull = {1, OFFER, 1 << 20, UINT64_MAX}},
    {.kind = STAGE_MORE, .u.more = {1, 65536}},
    {.kind = STAGE_CANCEL, .u.cancel = {1}},
    {.kind = STAGE_PIECE, .u.piece = {1, UINT64_MAX, "\0ab", 3}},
    {.kind = STAGE_END, .u.end = {1, 1 << 30, 0, ""}},
    {.kind = STAGE_END, .u.end = {1, 0, 3, "gone"}},
    {.kind = STAGE_OFFER,
     .u.offer = {.handle = OFFER,
                 .what = STAGE_OFFER_FILE,
                 .bytes = STAGE_UNKNOWN,
                 .job = 1,
                 .index = TASKSET_MAX_COUNT - 1,
                 .attempt = UINT32_MAX,
                 .mode = 0644,
                 .name = "out/energy.csv"}},
    {.kind = STAGE_OFFER,
     .u.offer = {.handle = OFFER,
                 .what = STAGE_OFFER_ANSWER,
                 .bytes = 5,
                 .ask = UINT64_MAX,
                 .size = 10,
                 .code = ENOENT,
                 .text = "no such file"}},
    {.kind = STAGE_OFFER_GONE, .u.gone = {OFFER}},
    {.kind = STAGE_TAKEN, .u.taken = {OFFER, true, 2, 1 << 30, {{9}}, 0, ""}},
    {.kind = STAGE_TAKEN,
     .u.taken = {OFFER, false, 2, 0, {{0}}, FAILURE_DISK_FULL, "full"}},
    {.kind = STAGE_ASK,
     .u.ask = {4, STAGE_ASK_READ, STAGE_ASK_TASK, 2, 0, "wd/x", 5, 6, false}},
    {.kind = STAGE_ASK,
     .u.ask = {4, STAGE_ASK_LIST, STAGE_ASK_NODE, 0, 0, "", 0, 0, true}},
    {.kind = STAGE_LOST, .u.lost = {UINT32_MAX}},
    {.kind = STAGE_COUNTS_SUM, .u.counts = {.shared_opens = 9}},
    {.kind = STAGE_ASK_GONE, .u.ask_gone = {4}},
};
enum { ALL_COUNT = sizeof(all) / sizeof(all[0]) };

/* Parse from memory of exactly that size; what is read must be written as the
 * same bytes. */
static int parse_exact(const void *data, size_t len, struct err *err)
{
    struct stage_msg m;
    struct buf again;
    unsigned char *copy = mem_alloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    int rc = stage_msg_parse(copy, len, &sample_spec, &m, err);
    if (rc == 0) {
        buf_init(&again, STAGE_MSG_MAX_BYTES);
        assert_int_equal(stage_msg_put(&again, &m), 0);
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, data, len);
        buf_fini(&again);
    } else {
        assert_int_equal(err->code, EPROTO);
    }
    mem_free(copy);
    return rc;
}

static void put(struct buf *b, const struct stage_msg *m)
{
    buf_init(b, STAGE_MSG_MAX_BYTES);
    assert_int_equal(stage_msg_put(b, m), 0);
}

/* Each kind, and each of its beginnings, which are no messages (the start of
 * a piece may be a shorter piece). */
static void test_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < ALL_COUNT; i++) {
        struct buf b;
        struct err err;
        put(&b, &all[i]);
        if (parse_exact(b.data, b.len, &err) < 0)
            fail_msg("message %d: %s", i, err.text);
        for (size_t len = 0; len < b.len; len++)
            if (all[i].kind != STAGE_PIECE || len < b.len - 2)
                assert_int_equal(parse_exact(b.data, len, &err), -1);
        if (all[i].kind != STAGE_PIECE) {
            assert_int_equal(buf_putc(&b, 0), 0);
            assert_int_equal(parse_exact(b.data, b.len, &err), -1);
        }
        buf_fini(&b);
    }
}

static void test_fields(void **state)
{
    struct buf b;
    struct stage_msg m;
    struct err err;
    (void)state;
    put(&b, &all[17]);
    assert_int_equal(stage_msg_parse(b.data, b.len, &sample_spec, &m, &err), 0);
    assert_int_equal(m.kind, STAGE_OFFER);
    assert_int_equal(m.u.offer.handle, OFFER);
    assert_int_equal(m.u.offer.index, TASKSET_MAX_COUNT - 1);
    assert_int_equal(m.u.offer.attempt, UINT32_MAX);
    assert_int_equal(m.u.offer.bytes, STAGE_UNKNOWN);
    assert_string_equal(m.u.offer.name, "out/energy.csv");
    /* who knows no tasks takes no message about one */
    assert_int_equal(stage_msg_parse(b.data, b.len, NULL, &m, &err), -1);
    buf_fini(&b);
    put(&b, &all[8]);
    assert_int_equal(stage_msg_parse(b.data, b.len, NULL, &m, &err), 0);
    assert_int_equal(m.u.fetch.from, 9);
    assert_memory_equal(&m.u.fetch.meta, &meta, sizeof(meta));
    buf_fini(&b);
}

/* A bad field is named as an error, whichever it is. */
static void test_bounds(void **state)
{
    static const struct stage_msg bad[] = {
        {.kind = STAGE_WANT, .u.want = {1, 0, "x"}},
        {.kind = STAGE_WANT, .u.want = {1, OBJECT_PACKAGE + 1, "x"}},
        {.kind = STAGE_GOT, .u.got = {1, {.mode = 010000}}},
        {.kind = STAGE_FAILED, .u.failed = {1, 1, 0, FAILURE_NONE, "x"}},
        {.kind = STAGE_FAILED, .u.failed = {1, 1, 0, FAILURE_COUNT, "x"}},
        {.kind = STAGE_FAILED, .u.failed = {1, 4, 0, FAILURE_UNKNOWN, "x"}},
        {.kind = STAGE_FAILED, .u.failed = {1, 0, 0, FAILURE_UNKNOWN, "x"}},
        {.kind = STAGE_ERROR, .u.error = {1, 2, FAILURE_NONE, "x"}},
        {.kind = STAGE_OFFER, .u.offer = {.what = 3}},
        {.kind = STAGE_OFFER,
         .u.offer =
             {.what = STAGE_OFFER_FILE, .job = 3, .attempt = 1, .name = "x"}},
        {.kind = STAGE_OFFER,
         .u.offer = {.what = STAGE_OFFER_FILE,
                     .job = 2,
                     .index = 1,
                     .attempt = 1,
                     .name = "x"}},
        {.kind = STAGE_OFFER,
         .u.offer = {.what = STAGE_OFFER_FILE, .job = 2, .name = "x"}},
        {.kind = STAGE_OFFER,
         .u.offer = {.what = STAGE_OFFER_FILE, .job = 2, .attempt = 1}},
        {.kind = STAGE_OFFER,
         .u.offer = {.what = STAGE_OFFER_ANSWER, .code = 4096}},
        {.kind = STAGE_TAKEN, .u.taken = {.failure = FAILURE_COUNT}},
        {.kind = STAGE_ASK, .u.ask = {1, 4, STAGE_ASK_NODE}},
        {.kind = STAGE_ASK, .u.ask = {1, STAGE_ASK_LIST, 0}},
        {.kind = STAGE_ASK, .u.ask = {1, STAGE_ASK_LIST, STAGE_ASK_TASK, 3}},
        {.kind = STAGE_ASK, .u.ask = {1, STAGE_ASK_LIST, STAGE_ASK_TASK, 2, 1}},
        {.kind = STAGE_ASK, .u.ask = {1, STAGE_ASK_LIST, STAGE_ASK_NODE, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf b;
        struct err err;
        put(&b, &bad[i]);
        if (parse_exact(b.data, b.len, &err) == 0)
            fail_msg("message %zu is read", i);
        buf_fini(&b);
    }
}

/* Texts and pieces as long as may be, and one byte more; nothing is written
 * of what does not fit. */
static void test_lengths(void **state)
{
    static char text[STAGE_MAX_PIECE + 2];
    struct stage_msg m = {.kind = STAGE_WANT, .u.want = {1, OBJECT_FILE, text}};
    struct buf b;
    struct err err;
    (void)state;
    memset(text, 'x', STAGE_MAX_KEY);
    put(&b, &m);
    assert_int_equal(parse_exact(b.data, b.len, &err), 0);
    size_t before = b.len;
    text[STAGE_MAX_KEY] = 'x';
    assert_int_equal(stage_msg_put(&b, &m), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(b.len, before);
    buf_fini(&b);
    m = (struct stage_msg){
        .kind = STAGE_PIECE,
        .u.piece = {UINT32_MAX, UINT64_MAX, text, STAGE_MAX_PIECE}};
    put(&b, &m);
    assert_int_equal(parse_exact(b.data, b.len, &err), 0);
    assert_int_equal(buf_putc(&b, 'x'), 0);
    assert_int_equal(parse_exact(b.data, b.len, &err), -1);
    m.u.piece.len++;
    assert_int_equal(stage_msg_put(&b, &m), -1);
    m.u.piece.len = 0;
    assert_int_equal(stage_msg_put(&b, &m), -1);
    m.kind = 0;
    assert_int_equal(stage_msg_put(&b, &m), -1);
    buf_fini(&b);
}

/* A NUL within a text, none behind it; another version; no such kind. */
static void test_malformed(void **state)
{
    static const char *const messages[] = {
        "\1\3\0\0",   "\1\1\1\1\3a\0b",   "\1\1\1\1\3a\0\0", "\1\1\1\1\1a",
        "\1\1\1\1\0", "\2\4\1",           "\1\x7f",          "\1",
        "\0",         "\1\1\x80\0\1\2a\0"};
    static const size_t lens[] = {4, 8, 8, 6, 5, 3, 2, 1, 1, 8};
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        assert_int_equal(parse_exact(messages[i], lens[i], &err), -1);
}

/* No memory: an error, and nothing is written. */
static void test_no_memory(void **state)
{
    (void)state;
    for (int i = 0; i < ALL_COUNT; i++) {
        struct buf b;
        buf_init(&b, STAGE_MSG_MAX_BYTES);
        mem_fail_at(1);
        assert_int_equal(stage_msg_put(&b, &all[i]), -1);
        assert_int_equal(b.len, 0);
        mem_fail_at(0);
        buf_fini(&b);
        buf_init(&b, 3);
        int rc = stage_msg_put(&b, &all[i]);
        assert_int_equal(b.len, rc == 0 ? 3 : 0);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_bounds),         cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_malformed),      cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
