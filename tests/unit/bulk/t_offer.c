/* What a rank offers: rank 0 is told of a few at once, in order, may pull it,
 * and says what became of it; what is withdrawn is told too. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bulk/landing.h"
#include "bulk/offer.h"
#include "net.h"

enum { MAX_HEARD = 200 };

/* What rank 0 was told. */
static struct {
    unsigned count, gone;
    uint64_t handles[MAX_HEARD], gone_handle;
    struct stage_msg last; /* but for its texts */
    char name[100], text[100];
} heard;

static struct offers *offers;

static const struct taskset many = {.count = 1000};
static const struct job jobs[] = {{.id = "a"}, {.id = "b"}};

static struct jobspec spec(void)
{
    static struct job mine[2];
    memcpy(mine, jobs, sizeof(mine));
    mine[1].tasks = many;
    return (struct jobspec){.jobs = mine, .job_count = 2};
}

static void on_receiver(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct jobspec s = spec();
    struct stage_msg m;
    struct err err;
    (void)arg;
    assert_int_equal(peer, 1);
    if (stage_msg_parse(data, len, &s, &m, &err) < 0)
        fail_msg("%s", err.text);
    if (m.kind == STAGE_OFFER_GONE) {
        heard.gone++;
        heard.gone_handle = m.u.gone.handle;
        return;
    }
    assert_int_equal(m.kind, STAGE_OFFER);
    assert_true(heard.count < MAX_HEARD);
    heard.handles[heard.count++] = m.u.offer.handle;
    heard.last = m;
    snprintf(heard.name, sizeof(heard.name), "%s", m.u.offer.name);
    snprintf(heard.text, sizeof(heard.text), "%s", m.u.offer.text);
}

static void up(void)
{
    struct err err;
    memset(&heard, 0, sizeof(heard));
    net_up(3, NULL);
    comm_listen(net.ranks[0].comm, COMM_TO_RECEIVER,
                &(struct comm_handler){.message = on_receiver});
    offers = offers_create(net.ranks[1].comm, net.ranks[1].transfers, &err);
    assert_non_null(offers);
}

static void down(void)
{
    offers_destroy(offers);
    net_down();
}

struct taken {
    bool called;
    struct offer_taken what;
    char text[100];
};

static void on_taken(void *arg, const struct offer_taken *taken)
{
    struct taken *t = arg;
    assert_false(t->called);
    t->called = true;
    t->what = *taken;
    snprintf(t->text, sizeof(t->text), "%s", taken->text);
}

static uint64_t offer(struct taken *t, uint32_t index, uint64_t bytes)
{
    struct err err;
    struct offer_file f = {.job = 1,
                           .index = index,
                           .attempt = 2,
                           .name = "out/x",
                           .mode = 0640,
                           .fd = file_make(bytes),
                           .bytes = bytes};
    uint64_t handle = offers_file(offers, &f, on_taken, t, &err);
    if (handle == 0)
        fail_msg("%s", err.text);
    return handle;
}

static void say_taken(uint32_t rank, uint64_t handle, enum failure failure,
                      const char *text)
{
    struct stage_msg m = {.kind = STAGE_TAKEN};
    struct buf b;
    struct err err;
    m.u.taken.handle = handle;
    m.u.taken.packed = true;
    m.u.taken.session = 3;
    m.u.taken.offset = 4711;
    m.u.taken.digest.bytes[15] = 9;
    m.u.taken.failure = failure;
    m.u.taken.text = text;
    buf_init(&b, STAGE_MSG_MAX_BYTES);
    assert_int_equal(stage_msg_put(&b, &m), 0);
    assert_int_equal(comm_send(net.ranks[rank].comm, 1, COMM_TO_OFFERER, b.data,
                               b.len, &err),
                     0);
    buf_fini(&b);
    net_run(NS_PER_MS);
}

/* ---- pulling it, at rank 0 ---- */

static struct pull *pulling;
static uint64_t pulled, first_at;
static bool ended;

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    (void)arg;
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const unsigned char *)data)[i],
                         byte_at(first_at + offset + i));
    pulled += len;
    transfers_consumed(pulling, len);
}

static void on_ended(void *arg, enum transfer_end end, uint64_t total,
                     enum failure failure, const char *text)
{
    (void)arg;
    (void)failure;
    (void)text;
    assert_int_equal(end, TRANSFER_WHOLE);
    assert_int_equal(total, pulled);
    ended = true;
}

static void pull_all(uint64_t handle)
{
    struct transfer_sink sink = {.piece = on_piece, .ended = on_ended};
    struct err err;
    pulled = 0;
    ended = false;
    pulling = transfers_pull(net.ranks[0].transfers, 1, handle, 0, &sink, &err);
    assert_non_null(pulling);
    assert_true(net_until(&ended, NS_PER_SEC));
}

static void test_file(void **state)
{
    struct taken t = {0};
    (void)state;
    up();
    uint64_t handle = offer(&t, 17, 100000);
    net_run(NS_PER_MS);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.handles[0], handle);
    assert_true(handle & STAGE_OFFER_BIT);
    assert_int_equal(heard.last.u.offer.what, STAGE_OFFER_FILE);
    assert_int_equal(heard.last.u.offer.job, 1);
    assert_int_equal(heard.last.u.offer.index, 17);
    assert_int_equal(heard.last.u.offer.attempt, 2);
    assert_int_equal(heard.last.u.offer.mode, 0640);
    assert_int_equal(heard.last.u.offer.bytes, 100000);
    assert_string_equal(heard.name, "out/x");
    first_at = 0;
    pull_all(handle);
    assert_int_equal(pulled, 100000);
    say_taken(2, handle, FAILURE_NONE, ""); /* only rank 0's word counts */
    assert_false(t.called);
    say_taken(0, handle, FAILURE_NONE, "");
    assert_true(t.called);
    assert_int_equal(t.what.failure, FAILURE_NONE);
    assert_true(t.what.packed);
    assert_int_equal(t.what.session, 3);
    assert_int_equal(t.what.offset, 4711);
    assert_int_equal(t.what.digest.bytes[15], 9);
    assert_false(transfers_serves(net.ranks[1].transfers, handle));
    say_taken(0, handle, FAILURE_NONE, ""); /* once more: nothing */
    down();
}

static void test_refused(void **state)
{
    struct taken t = {0};
    (void)state;
    up();
    uint64_t handle = offer(&t, 0, 10);
    say_taken(0, handle, FAILURE_DISK_FULL, "no room");
    assert_true(t.called);
    assert_int_equal(t.what.failure, FAILURE_DISK_FULL);
    assert_string_equal(t.text, "no room");
    down();
}

/* Rank 0 knows of 64 at once; the others follow in their order. */
static void test_turns(void **state)
{
    enum { MANY = 150 };
    static struct taken t[MANY];
    uint64_t handles[MANY];
    (void)state;
    memset(t, 0, sizeof(t));
    up();
    for (uint32_t i = 0; i < MANY; i++)
        handles[i] = offer(&t[i], i, 0);
    net_run(NS_PER_MS);
    assert_int_equal(heard.count, 64);
    for (uint32_t i = 0; i < MANY; i++)
        assert_true(transfers_serves(net.ranks[1].transfers, handles[i]));
    offers_withdraw(offers, handles[70]); /* nobody knows of it */
    offers_withdraw(offers, handles[MANY - 1]);
    assert_int_equal(heard.gone, 0);
    offers_withdraw(offers, handles[5]);
    net_run(NS_PER_MS);
    assert_int_equal(heard.gone, 1);
    assert_int_equal(heard.gone_handle, handles[5]);
    assert_int_equal(heard.count, 65);
    for (unsigned i = 0; i < heard.count; i++)
        if (heard.handles[i] != handles[5])
            say_taken(0, heard.handles[i], FAILURE_NONE, "");
    assert_int_equal(heard.count, MANY - 2);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(t[i].called, i != 5 && i != 70 && i != MANY - 1);
    for (unsigned i = 1; i < heard.count; i++)
        assert_true(heard.handles[i] > heard.handles[i - 1]);
    down();
}

static void test_answers(void **state)
{
    struct err err;
    struct taken t = {0};
    struct offer_answer none = {
        .ask = 8, .code = ENOENT, .text = "no such file", .fd = -1};
    struct offer_answer file = {.ask = 9,
                                .fd = file_make(5000),
                                .from = 1000,
                                .bytes = 3000,
                                .size = 5000};
    struct offer_answer memory = {
        .ask = 10, .fd = -1, .memory = mem_alloc(100), .bytes = 100};
    (void)state;
    up();
    uint64_t handle = offers_answer(offers, &none, on_taken, &t, &err);
    net_run(NS_PER_MS);
    assert_int_equal(heard.last.u.offer.what, STAGE_OFFER_ANSWER);
    assert_int_equal(heard.last.u.offer.ask, 8);
    assert_int_equal(heard.last.u.offer.code, ENOENT);
    assert_string_equal(heard.text, "no such file");
    say_taken(0, handle, FAILURE_NONE, "");
    assert_true(t.called);
    handle = offers_answer(offers, &file, NULL, NULL, &err);
    net_run(NS_PER_MS);
    assert_int_equal(heard.last.u.offer.size, 5000);
    first_at = 1000;
    pull_all(handle);
    assert_int_equal(pulled, 3000);
    say_taken(0, handle, FAILURE_NONE, "");
    for (int i = 0; i < 100; i++)
        ((unsigned char *)memory.memory)[i] = byte_at((uint64_t)i);
    handle = offers_answer(offers, &memory, NULL, NULL, &err);
    first_at = 0;
    pull_all(handle);
    assert_int_equal(pulled, 100);
    assert_true(transfers_serves(net.ranks[1].transfers, handle));
    down(); /* frees it */
}

/* What cannot be said is an error, and the descriptor stays the caller's. */
static void test_too_long(void **state)
{
    static char name[STAGE_MAX_PATH + 2];
    struct err err;
    struct offer_file f = {.job = 1, .attempt = 1, .name = name};
    (void)state;
    up();
    memset(name, 'x', sizeof(name) - 1);
    f.fd = file_make(1);
    assert_int_equal(offers_file(offers, &f, on_taken, NULL, &err), 0);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(close(f.fd), 0);
    net_run(NS_PER_MS);
    assert_int_equal(heard.count, 0);
    down();
}

static void test_no_memory(void **state)
{
    struct err err;
    (void)state;
    up();
    struct offer_file f = {.job = 1, .attempt = 1, .name = "x", .bytes = 1};
    uint64_t handle = 0;
    for (unsigned long k = 1; handle == 0 && k < 50; k++) {
        f.fd = file_make(1);
        mem_fail_at(k);
        handle = offers_file(offers, &f, NULL, NULL, &err);
        mem_fail_at(0);
        if (handle == 0) {
            assert_int_equal(err.code, ENOMEM);
            assert_int_equal(close(f.fd), 0);
        }
    }
    assert_true(handle != 0);
    net_run(NS_PER_MS);
    down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_turns),    cmocka_unit_test(test_answers),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
