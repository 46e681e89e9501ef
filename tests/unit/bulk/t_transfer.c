/* Bytes from rank to rank, over networks that drop, repeat, delay and reorder:
 * all come, once, in order, whatever grows, waits, is cancelled, or dies. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net.h"

enum { MIB = 1 << 20 };

/* What a pull has got. */
struct got {
    struct transfers *transfers;
    struct pull *pull;
    uint64_t bytes, consume_max;
    bool ended, hold; /* hold: consume nothing */
    enum transfer_end end;
    enum failure failure;
    char text[128];
    uint64_t cancel_at; /* cancel when so much has come */
};

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    struct got *g = arg;
    assert_false(g->ended);
    assert_int_equal(offset, g->bytes);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const unsigned char *)data)[i], byte_at(offset + i));
    g->bytes += len;
    if (g->cancel_at > 0 && g->bytes >= g->cancel_at) {
        transfers_cancel(g->pull);
        g->pull = NULL;
        g->ended = true;
    } else if (!g->hold) {
        transfers_consumed(g->pull, len);
    }
}

static void on_ended(void *arg, enum transfer_end end, uint64_t total,
                     enum failure failure, const char *text)
{
    struct got *g = arg;
    assert_false(g->ended);
    g->ended = true;
    g->pull = NULL;
    g->end = end;
    g->failure = failure;
    snprintf(g->text, sizeof(g->text), "%s", text);
    if (end == TRANSFER_WHOLE)
        assert_int_equal(total, g->bytes);
}

static void pull(struct got *g, uint32_t to, uint32_t from, uint64_t handle,
                 uint64_t offset)
{
    struct err err;
    struct transfer_sink sink = {on_piece, on_ended, g};
    g->ended = false;
    g->bytes = offset;
    g->pull = transfers_pull(net.ranks[to].transfers, from, handle, offset,
                             &sink, &err);
    if (!g->pull)
        fail_msg("pull: %s", err.text);
}

static void serve_file(uint32_t rank, uint64_t handle, int fd,
                       uint64_t available, uint64_t total)
{
    struct err err;
    struct transfer_source s = {
        .fd = fd, .available = available, .total = total};
    assert_int_equal(
        transfers_serve(net.ranks[rank].transfers, handle, &s, &err), 0);
}

static const struct pair_faults networks[] = {
    {0},
    {.delay_max_ns = 2 * NS_PER_MS, .seed = 1},
    {.repeat_permille = 300, .delay_max_ns = NS_PER_MS, .seed = 3},
    {.drop_permille = 20, .delay_max_ns = NS_PER_MS, .seed = 5},
};

static void test_networks(void **state)
{
    static const uint64_t sizes[] = {0, 1, 3000, STAGE_MAX_PIECE, 700001};
    (void)state;
    for (size_t w = 0; w < sizeof(networks) / sizeof(networks[0]); w++) {
        net_up(3, &networks[w]);
        for (uint64_t i = 0; i < 5; i++) {
            struct got to_0 = {0}, to_2 = {0};
            serve_file(1, i, file_make(sizes[i]), sizes[i], sizes[i]);
            pull(&to_0, 0, 1, i, 0);
            pull(&to_2, 2, 1, i, sizes[i] / 2);
            assert_true(net_until(&to_0.ended, 100000 * NS_PER_SEC));
            assert_true(net_until(&to_2.ended, 100000 * NS_PER_SEC));
            assert_int_equal(to_0.end, TRANSFER_WHOLE);
            assert_int_equal(to_2.end, TRANSFER_WHOLE);
            assert_int_equal(to_0.bytes, sizes[i]);
            assert_int_equal(to_2.bytes, sizes[i]);
        }
        assert_false(transfers_busy(net.ranks[1].transfers));
        net_down();
    }
}

/* From itself, from memory. */
static void test_memory(void **state)
{
    unsigned char data[1000];
    struct got g = {0};
    struct err err;
    (void)state;
    net_up(1, NULL);
    for (int i = 0; i < 1000; i++)
        data[i] = byte_at((uint64_t)i);
    struct transfer_source s = {
        .fd = -1, .memory = data, .available = 1000, .total = 1000};
    assert_int_equal(transfers_serve(net.ranks[0].transfers, 5, &s, &err), 0);
    pull(&g, 0, 0, 5, 0);
    assert_true(net_until(&g.ended, NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_WHOLE);
    assert_int_equal(g.bytes, 1000);
    net_down();
}

/* More than a window does not come before what came is consumed; then the
 * rest does. */
static void test_window(void **state)
{
    struct got g = {.hold = true};
    (void)state;
    net_up(2, NULL);
    serve_file(1, 5, file_make(3 * MIB), 3 * MIB, 3 * MIB);
    pull(&g, 0, 1, 5, 0);
    net_run(NS_PER_SEC);
    assert_int_equal(g.bytes, TRANSFER_WINDOW_BYTES);
    transfers_consumed(g.pull, MIB / 2);
    net_run(NS_PER_SEC);
    assert_int_equal(g.bytes, TRANSFER_WINDOW_BYTES + MIB / 2);
    g.hold = false;
    transfers_consumed(g.pull, MIB);
    assert_true(net_until(&g.ended, 10 * NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_WHOLE);
    assert_int_equal(g.bytes, 3 * MIB);
    net_down();
}

/* It is served as it grows, through a rank between. */
static void test_growing(void **state)
{
    struct got g = {0};
    uint64_t there = 0, total = 2 * MIB + 77;
    (void)state;
    net_up(2, NULL);
    serve_file(1, 5, file_make(total), 0, STAGE_UNKNOWN);
    pull(&g, 0, 1, 5, 0);
    while (there < total) {
        net_run(10 * NS_PER_MS);
        assert_int_equal(g.bytes, there);
        assert_false(g.ended);
        there = there + 300000 < total ? there + 300000 : total;
        transfers_grown(net.ranks[1].transfers, 5, there, STAGE_UNKNOWN);
    }
    net_run(10 * NS_PER_MS);
    assert_int_equal(g.bytes, total);
    assert_false(g.ended);
    transfers_grown(net.ranks[1].transfers, 5, total, total);
    assert_true(net_until(&g.ended, NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_WHOLE);
    net_down();
}

/* ---- handles that are not served ---- */

static unsigned unknown_count;

static bool unknown_serves(void *arg, uint64_t handle)
{
    (void)arg;
    unknown_count++;
    if (handle == 5)
        serve_file(1, 5, file_make(100), 100, 100);
    return handle < 9;
}

static void test_unknown(void **state)
{
    struct got now = {0}, later = {0}, never = {0}, refused = {0}, late = {0};
    (void)state;
    net_up(2, NULL);
    unknown_count = 0;
    transfers_on_unknown(net.ranks[1].transfers, unknown_serves, NULL);
    pull(&now, 0, 1, 5, 0);
    pull(&later, 0, 1, 6, 0);
    pull(&late, 0, 1, 7, 0);
    pull(&refused, 0, 1, 8, 0);
    pull(&never, 0, 1, 9, 0);
    net_run(NS_PER_SEC);
    assert_int_equal(unknown_count, 5);
    assert_int_equal(now.end, TRANSFER_WHOLE);
    assert_int_equal(now.bytes, 100);
    assert_true(never.ended);
    assert_int_equal(never.end, TRANSFER_REFUSED);
    assert_int_equal(never.failure, FAILURE_UNKNOWN);
    serve_file(1, 6, file_make(50), 50, 50);
    transfers_refuse(net.ranks[1].transfers, 8, FAILURE_BLOB_NOT_FOUND,
                     "no such file");
    net_run(NS_PER_SEC);
    assert_int_equal(later.end, TRANSFER_WHOLE);
    assert_int_equal(later.bytes, 50);
    assert_int_equal(refused.failure, FAILURE_BLOB_NOT_FOUND);
    assert_string_equal(refused.text, "no such file");
    assert_false(late.ended);
    net_run(TRANSFER_PATIENCE_NS);
    assert_true(late.ended);
    assert_int_equal(late.end, TRANSFER_REFUSED);
    net_down();
}

/* ---- ends ---- */

static unsigned idle_count;

static void unserve_idle(void *arg, uint64_t handle)
{
    idle_count++;
    transfers_unserve(arg, handle);
}

static void test_idle_and_unserve(void **state)
{
    struct got one = {0}, two = {.hold = true}, three = {0};
    struct err err;
    (void)state;
    net_up(2, NULL);
    idle_count = 0;
    struct transfer_source s = {.fd = file_make(2 * MIB),
                                .available = 2 * MIB,
                                .total = 2 * MIB,
                                .idle = unserve_idle,
                                .arg = net.ranks[1].transfers};
    assert_int_equal(transfers_serve(net.ranks[1].transfers, 5, &s, &err), 0);
    pull(&one, 0, 1, 5, 0);
    pull(&two, 0, 1, 5, 0);
    assert_true(net_until(&one.ended, NS_PER_SEC));
    assert_int_equal(one.end, TRANSFER_WHOLE);
    assert_int_equal(idle_count, 0);
    transfers_cancel(two.pull);
    net_run(NS_PER_SEC);
    assert_int_equal(idle_count, 1);
    assert_false(transfers_serves(net.ranks[1].transfers, 5));
    assert_int_equal(fcntl(s.fd, F_GETFD), -1); /* it is closed */
    serve_file(1, 6, file_make(2 * MIB), 2 * MIB, 2 * MIB);
    three.hold = true;
    pull(&three, 0, 1, 6, 0);
    net_run(NS_PER_SEC);
    transfers_unserve(net.ranks[1].transfers, 6);
    transfers_unserve(net.ranks[1].transfers, 6);
    assert_true(net_until(&three.ended, NS_PER_SEC));
    assert_int_equal(three.end, TRANSFER_REFUSED);
    net_down();
}

/* A pull that was cancelled is quiet; another of the same handle begins
 * anew. */
static void test_cancel(void **state)
{
    struct got one = {.cancel_at = 200000}, two = {0};
    (void)state;
    net_up(2, &networks[1]);
    serve_file(1, 5, file_make(MIB), MIB, MIB);
    pull(&one, 0, 1, 5, 0);
    assert_true(net_until(&one.ended, NS_PER_SEC));
    pull(&two, 0, 1, 5, one.bytes);
    assert_true(net_until(&two.ended, 10 * NS_PER_SEC));
    assert_int_equal(two.end, TRANSFER_WHOLE);
    assert_int_equal(two.bytes, MIB);
    net_down();
}

/* A file that is cut off while it is sent is refused, not waited for. */
static void test_shrunk(void **state)
{
    struct got g = {0};
    (void)state;
    net_up(2, NULL);
    serve_file(1, 5, file_make(MIB / 2), MIB, MIB);
    pull(&g, 0, 1, 5, 0);
    assert_true(net_until(&g.ended, NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_REFUSED);
    assert_non_null(strstr(g.text, "shorter"));
    net_down();
}

/* ---- deaths ---- */

static void test_server_dies(void **state)
{
    struct got g = {.hold = true}, other = {0};
    struct err err;
    (void)state;
    net_up(3, NULL);
    serve_file(1, 5, file_make(3 * MIB), 3 * MIB, 3 * MIB);
    serve_file(2, 5, file_make(3 * MIB), 3 * MIB, 3 * MIB);
    pull(&g, 0, 1, 5, 0);
    net_run(NS_PER_SEC);
    net_kill(1);
    net_run(5 * NS_PER_SEC);
    assert_false(g.ended);
    transfers_lost(net.ranks[0].transfers, 1);
    assert_true(g.ended);
    assert_int_equal(g.end, TRANSFER_LOST);
    struct transfer_sink sink = {on_piece, on_ended, &g};
    assert_null(transfers_pull(net.ranks[0].transfers, 1, 5, 0, &sink, &err));
    assert_int_equal(err.code, EPIPE);
    pull(&other, 0, 2, 5, g.bytes);
    assert_true(net_until(&other.ended, 10 * NS_PER_SEC));
    assert_int_equal(other.end, TRANSFER_WHOLE);
    assert_int_equal(other.bytes, 3 * MIB);
    net_down();
}

/* Rank 0 says who is dead: those that served it forget it. */
static void test_puller_dies(void **state)
{
    struct got g = {.hold = true}, other = {0};
    (void)state;
    net_up(3, NULL);
    serve_file(2, 5, file_make(3 * MIB), 3 * MIB, 3 * MIB);
    pull(&g, 1, 2, 5, 0);
    net_run(NS_PER_SEC);
    assert_true(transfers_busy(net.ranks[2].transfers));
    net_kill(1);
    transfers_lost(net.ranks[0].transfers, 1);
    net_run(NS_PER_SEC);
    assert_false(transfers_busy(net.ranks[2].transfers));
    pull(&other, 0, 2, 5, 0);
    assert_true(net_until(&other.ended, 10 * NS_PER_SEC));
    assert_int_equal(other.bytes, 3 * MIB);
    net_down();
}

/* Only rank 0 may say so, and only of a rank that there is. */
static void test_false_rumour(void **state)
{
    struct got g = {0};
    struct buf b;
    struct err err;
    struct stage_msg m = {.kind = STAGE_LOST, .u.lost = {0}};
    (void)state;
    net_up(3, NULL);
    buf_init(&b, 100);
    stage_msg_put(&b, &m);
    comm_send(net.ranks[1].comm, 2, COMM_TO_TRANSFER, b.data, b.len, &err);
    m.u.lost.rank = UINT32_MAX;
    buf_reset(&b);
    stage_msg_put(&b, &m);
    comm_send(net.ranks[0].comm, 2, COMM_TO_TRANSFER, b.data, b.len, &err);
    net_run(NS_PER_SEC);
    serve_file(0, 5, file_make(100), 100, 100);
    pull(&g, 2, 0, 5, 0);
    assert_true(net_until(&g.ended, NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_WHOLE);
    buf_fini(&b);
    net_down();
}

/* ---- what is not asked for ---- */

static void inject(uint32_t from, const struct stage_msg *m)
{
    struct buf b;
    struct err err;
    buf_init(&b, STAGE_MSG_MAX_BYTES);
    assert_int_equal(stage_msg_put(&b, m), 0);
    assert_int_equal(comm_send(net.ranks[from].comm, 0, COMM_TO_TRANSFER,
                               b.data, b.len, &err),
                     0);
    buf_fini(&b);
}

/* Bytes beyond the window, at another place, of another's pull, a wrong total:
 * an end, or nothing. */
static void test_wrong_pieces(void **state)
{
    static char data[STAGE_MAX_PIECE];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct got g = {.hold = true};
        net_up(3, NULL);
        pull(&g, 0, 1, 5, 0); /* the first: number 1 */
        struct stage_msg piece = {.kind = STAGE_PIECE,
                                  .u.piece = {1, i == 0, data, 1}};
        if (i == 2)
            piece = (struct stage_msg){.kind = STAGE_END, .u.end = {1, 17}};
        if (i == 3)
            piece.u.piece.pull = 99;
        inject(i == 1 ? 2 : 1, &piece);
        net_run(NS_PER_SEC);
        assert_int_equal(g.ended, i == 0 || i == 2);
        if (g.ended)
            assert_int_equal(g.end, TRANSFER_REFUSED);
        assert_int_equal(g.bytes, 0);
        net_down();
    }
}

/* A flood of pulls is bounded; the server goes on. */
static void test_flood(void **state)
{
    struct got g = {0};
    (void)state;
    net_up(2, NULL);
    for (uint32_t i = 0; i < 5000; i++)
        inject(1, &(struct stage_msg){.kind = STAGE_PULL,
                                      .u.pull = {1000 + i, 7, 0, 10}});
    net_run(NS_PER_SEC);
    for (uint32_t i = 0; i < 5000; i++)
        inject(1, &(struct stage_msg){.kind = STAGE_CANCEL,
                                      .u.cancel = {1000 + i}});
    net_run(NS_PER_SEC);
    assert_false(transfers_busy(net.ranks[0].transfers));
    serve_file(0, 5, file_make(100), 100, 100);
    pull(&g, 1, 0, 5, 0);
    assert_true(net_until(&g.ended, NS_PER_SEC));
    assert_int_equal(g.end, TRANSFER_WHOLE);
    net_down();
}

/* Many at once, with faults, some cancelled: those that are not come whole. */
static void test_many(void **state)
{
    enum { MANY = 40 };
    static struct got got[MANY];
    struct pair_faults faults = {
        .drop_permille = 10, .delay_max_ns = NS_PER_MS, .seed = 11};
    (void)state;
    memset(got, 0, sizeof(got));
    net_up(4, &faults);
    for (uint32_t i = 0; i < MANY; i++) {
        uint64_t bytes = (uint64_t)i * 9001;
        serve_file(i % 4, i, file_make(bytes), bytes, bytes);
        got[i].cancel_at = i % 5 == 4 ? bytes / 2 : 0;
        pull(&got[i], (i / 4) % 4, i % 4, i, 0);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(net_until(&got[i].ended, 100000 * NS_PER_SEC));
        if (got[i].cancel_at == 0) {
            assert_int_equal(got[i].end, TRANSFER_WHOLE);
            assert_int_equal(got[i].bytes, (uint64_t)i * 9001);
        }
    }
    net_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_idle_and_unserve),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_shrunk),
        cmocka_unit_test(test_server_dies),
        cmocka_unit_test(test_puller_dies),
        cmocka_unit_test(test_false_rumour),
        cmocka_unit_test(test_wrong_pieces),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
