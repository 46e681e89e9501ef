/* The stream of messages with one peer: packets in any order give the
 * messages in order, once, whatever their sizes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "comm/packet.h"
#include "comm/stream.h"

enum { MAX_MESSAGE = 5 * PACKET_MAX_PAYLOAD };

/* What the sink gets: lengths and first bytes. */
static struct {
    size_t count, len[64];
    unsigned port[64];
    char first[64];
    bool over;
    struct stream_in *end; /* the sink ends this stream */
} got;

static bool sink(void *arg, unsigned port, const void *data, size_t len)
{
    (void)arg;
    assert_true(got.count < 64);
    got.port[got.count] = port;
    got.len[got.count] = len;
    got.first[got.count++] = len ? *(const char *)data : 0;
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const char *)data)[i], *(const char *)data);
    if (got.end)
        stream_in_fini(got.end);
    return !got.over && !got.end;
}

static int setup(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    return 0;
}

static void put(struct stream_out *s, enum comm_port port, char byte,
                size_t len)
{
    char data[MAX_MESSAGE + 1];
    memset(data, byte, len);
    assert_int_equal(
        stream_out_put(s, port, data, len / 3, data, len - len / 3), 0);
}

/* The packets of a stream, cut and acknowledged at once. */
struct cut {
    size_t len;
    unsigned char data[PACKET_MAX_PAYLOAD];
};

static int cut_all(struct stream_out *s, struct cut *cuts, int max)
{
    const void *data;
    size_t len;
    int n = 0;
    while ((data = stream_out_next(s, &len))) {
        assert_true(n < max);
        cuts[n].len = len;
        memcpy(cuts[n++].data, data, len);
        stream_out_cut(s, len);
        assert_int_equal(stream_out_ack(s, s->sent), (int64_t)len);
    }
    return n;
}

static void test_out(void **state)
{
    struct stream_out s;
    const void *data;
    size_t len;
    (void)state;
    stream_out_init(&s, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    assert_null(stream_out_next(&s, &len));
    assert_null(stream_out_oldest(&s, &len));
    put(&s, COMM_TO_MANAGER, 'a', 5 * PACKET_MAX_PAYLOAD);
    assert_int_equal(stream_out_bytes(&s),
                     5 * PACKET_MAX_PAYLOAD + STREAM_FRAME_BYTES);
    for (int i = 1; i <= COMM_WINDOW; i++) {
        data = stream_out_next(&s, &len);
        assert_non_null(data);
        assert_int_equal(len, PACKET_MAX_PAYLOAD);
        stream_out_cut(&s, len);
        assert_int_equal(s.sent, i);
    }
    assert_null(stream_out_next(&s, &len)); /* the window is full */
    assert_non_null(stream_out_oldest(&s, &len));
    assert_int_equal(stream_out_ack(&s, 5), -1);
    assert_int_equal(stream_out_ack(&s, 0), 0);
    assert_int_equal(stream_out_ack(&s, 3), 3 * PACKET_MAX_PAYLOAD);
    assert_int_equal(stream_out_ack(&s, 2), 0); /* old news */
    assert_non_null(stream_out_next(&s, &len));
    stream_out_cut(&s, len);
    put(&s, COMM_TO_WORKER, 'b', 10); /* what is cut stays as it is */
    stream_out_next(&s, &len);
    assert_int_equal(len, 2 * STREAM_FRAME_BYTES + 10);
    stream_out_cut(&s, len);
    assert_int_equal(stream_out_ack(&s, 6),
                     2 * PACKET_MAX_PAYLOAD + 2 * STREAM_FRAME_BYTES + 10);
    assert_int_equal(stream_out_bytes(&s), 0);
    stream_out_fini(&s);
}

static void test_small_share_a_packet(void **state)
{
    struct stream_out out;
    struct stream_in in;
    struct cut cut;
    (void)state;
    stream_out_init(&out, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
    put(&out, COMM_TO_MANAGER, 'a', 1);
    put(&out, COMM_TO_WORKER, 'b', 0);
    put(&out, COMM_TO_WORKER, 'c', 100);
    assert_int_equal(cut_all(&out, &cut, 1), 1);
    assert_int_equal(stream_in_take(&in, 1, cut.data, cut.len, sink, NULL),
                     STREAM_NEW);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.port[0], COMM_TO_MANAGER);
    assert_int_equal(got.port[1], COMM_TO_WORKER);
    assert_int_equal(got.len[1], 0);
    assert_int_equal(got.len[2], 100);
    assert_int_equal(got.first[2], 'c');
    assert_int_equal(in.completed, 1);
    assert_int_equal(stream_in_take(&in, 1, cut.data, cut.len, sink, NULL),
                     STREAM_OLD);
    assert_int_equal(got.count, 3);
    stream_out_fini(&out);
    stream_in_fini(&in);
}

/* Cut the bytes of three messages at each place: the frames' heads too. */
static void test_every_cut(void **state)
{
    struct stream_out out;
    (void)state;
    stream_out_init(&out, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    put(&out, COMM_TO_WORKER, 'a', 7);
    put(&out, COMM_TO_MANAGER, 'b', 0);
    put(&out, COMM_TO_WORKER, 'c', 3);
    const char *all = out.queue.data;
    size_t len = out.queue.len;
    for (size_t a = 1; a < len - 1; a++) {
        for (size_t b = a + 1; b < len; b++) {
            struct stream_in in;
            stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
            memset(&got, 0, sizeof(got));
            stream_in_take(&in, 1, all, a, sink, NULL);
            stream_in_take(&in, 2, all + a, b - a, sink, NULL);
            assert_int_equal(
                stream_in_take(&in, 3, all + b, len - b, sink, NULL),
                STREAM_NEW);
            assert_int_equal(got.count, 3);
            assert_int_equal(got.len[0], 7);
            assert_int_equal(got.len[1], 0);
            assert_int_equal(got.len[2], 3);
            assert_int_equal(got.first[2], 'c');
            assert_int_equal(in.delivered, 3);
            assert_int_equal(in.completed, 3);
            stream_in_fini(&in);
        }
    }
    stream_out_fini(&out);
}

/* All orders of four packets, the last of which completes the message. */
static void test_every_order(void **state)
{
    struct stream_out out;
    static struct cut cuts[4];
    (void)state;
    stream_out_init(&out, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    put(&out, COMM_TO_WORKER, 'a', 3 * PACKET_MAX_PAYLOAD);
    assert_int_equal(cut_all(&out, cuts, 4), 4);
    for (int code = 0; code < 256; code++) {
        struct stream_in in;
        int used = 0;
        for (int i = 0; i < 4; i++)
            used |= 1 << (code >> 2 * i & 3);
        if (used != 15)
            continue;
        stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
        memset(&got, 0, sizeof(got));
        for (int i = 0; i < 4; i++) {
            int k = code >> 2 * i & 3;
            assert_int_equal(got.count, 0);
            assert_int_equal(stream_in_take(&in, (uint64_t)k + 1, cuts[k].data,
                                            cuts[k].len, sink, NULL),
                             STREAM_NEW);
            assert_int_equal(stream_in_take(&in, (uint64_t)k + 1, cuts[k].data,
                                            cuts[k].len, sink, NULL),
                             STREAM_OLD);
        }
        assert_int_equal(got.count, 1);
        assert_int_equal(got.len[0], 3 * PACKET_MAX_PAYLOAD);
        assert_int_equal(in.delivered, 4);
        stream_in_fini(&in);
    }
    stream_out_fini(&out);
}

static void test_broken(void **state)
{
    struct stream_in in;
    unsigned char data[PACKET_MAX_PAYLOAD + 1] = {0};
    uint32_t frame = (MAX_MESSAGE + 1) * COMM_PORTS;
    (void)state;
    stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
    memcpy(data, &frame, 4);
    assert_int_equal(stream_in_take(&in, 1, data, 100, sink, NULL),
                     STREAM_BROKEN);
    stream_in_fini(&in);
    /* the head in two packets */
    assert_int_equal(stream_in_take(&in, 1, data, 2, sink, NULL), STREAM_NEW);
    assert_int_equal(stream_in_take(&in, 2, data + 2, 2, sink, NULL),
                     STREAM_BROKEN);
    stream_in_fini(&in);
    /* over the window, over the size */
    assert_int_equal(stream_in_take(&in, COMM_WINDOW + 1, data, 4, sink, NULL),
                     STREAM_BROKEN);
    assert_int_equal(stream_in_take(&in, 1, data, sizeof(data), sink, NULL),
                     STREAM_BROKEN);
    /* a whole frame over a small maximum */
    struct stream_in small;
    stream_in_init(&small, 3, COMM_WINDOW);
    frame = 4 * COMM_PORTS;
    memcpy(data, &frame, 4);
    assert_int_equal(stream_in_take(&small, 1, data, 8, sink, NULL),
                     STREAM_BROKEN);
    assert_int_equal(got.count, 0);
    stream_in_fini(&small);
    stream_in_fini(&in);
}

static void test_sink_ends_it(void **state)
{
    struct stream_out out;
    static struct cut cuts[3];
    (void)state;
    stream_out_init(&out, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    put(&out, COMM_TO_WORKER, 'a', PACKET_MAX_PAYLOAD);
    put(&out, COMM_TO_WORKER, 'b', 10);
    put(&out, COMM_TO_WORKER, 'c', PACKET_MAX_PAYLOAD);
    assert_int_equal(cut_all(&out, cuts, 3), 3);
    for (int reversed = 0; reversed < 2; reversed++) {
        struct stream_in in;
        enum stream_took took = STREAM_NEW;
        stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
        memset(&got, 0, sizeof(got));
        got.end = &in;
        for (int i = 0; i < 3 && took == STREAM_NEW; i++) {
            int k = reversed ? 2 - i : i;
            took = stream_in_take(&in, (uint64_t)k + 1, cuts[k].data,
                                  cuts[k].len, sink, NULL);
        }
        assert_int_equal(took, STREAM_OVER);
        assert_int_equal(got.count, 1);
        stream_in_fini(&in);
    }
    stream_out_fini(&out);
}

/* Whichever allocation fails, sending the packet again goes on where it
 * failed: no message is lost or repeated. */
static void test_no_memory(void **state)
{
    struct stream_out out;
    static struct cut cuts[8];
    (void)state;
    stream_out_init(&out, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    put(&out, COMM_TO_WORKER, 'a', 10);
    put(&out, COMM_TO_WORKER, 'b', MAX_MESSAGE);
    put(&out, COMM_TO_WORKER, 'c', 10);
    put(&out, COMM_TO_WORKER, 'd', PACKET_MAX_PAYLOAD);
    int n = cut_all(&out, cuts, 8);
    unsigned long made = 1;
    for (unsigned long k = 1; k <= made; k++) {
        struct stream_in in;
        stream_in_init(&in, MAX_MESSAGE, COMM_WINDOW);
        memset(&got, 0, sizeof(got));
        mem_fail_at(k);
        while (in.delivered < (uint64_t)n) {
            /* each pair the wrong way round */
            int i = (int)in.delivered, j = i + 1 < n ? i + 1 : i;
            stream_in_take(&in, (uint64_t)j + 1, cuts[j].data, cuts[j].len,
                           sink, NULL);
            stream_in_take(&in, (uint64_t)i + 1, cuts[i].data, cuts[i].len,
                           sink, NULL);
        }
        made = mem_fail_at(0);
        assert_int_equal(got.count, 4);
        assert_int_equal(got.len[1], MAX_MESSAGE);
        assert_int_equal(got.first[3], 'd');
        stream_in_fini(&in);
    }
    assert_true(made > 5);
    mem_fail_at(1);
    struct stream_out empty;
    stream_out_init(&empty, COMM_WINDOW, PACKET_MAX_PAYLOAD);
    assert_int_equal(stream_out_put(&empty, COMM_TO_WORKER, "x", 1, NULL, 0),
                     -1);
    mem_fail_at(0);
    assert_int_equal(stream_out_bytes(&empty), 0);
    stream_out_fini(&empty);
    stream_out_fini(&out);
}

static void test_packet(void **state)
{
    unsigned char data[PACKET_MAX_BYTES];
    struct packet p = {.kind = PACKET_DATA,
                       .epoch = 0xfffffffe,
                       .seq = UINT64_MAX,
                       .ack = UINT64_MAX - 1,
                       .payload = (const unsigned char *)"abc",
                       .payload_len = 3};
    struct packet back;
    (void)state;
    size_t len = packet_put(data, &p);
    assert_int_equal(len, PACKET_HEADER_BYTES + 3);
    assert_null(packet_get(&back, data, len));
    assert_int_equal(back.kind, PACKET_DATA);
    assert_int_equal(back.epoch, 0xfffffffe);
    assert_true(back.seq == UINT64_MAX && back.ack == UINT64_MAX - 1);
    assert_int_equal(back.payload_len, 3);
    assert_memory_equal(back.payload, "abc", 3);
    for (size_t cut = 0; cut < len - 2; cut++)
        assert_non_null(packet_get(&back, data, cut));
    static const struct {
        size_t at;
        unsigned char byte;
    } bad[] = {{0, 0}, {0, 2}, {1, 0}, {1, 3}, {1, PACKET_ACK}, {2, 1}, {3, 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        packet_put(data, &p);
        data[bad[i].at] = bad[i].byte;
        assert_non_null(packet_get(&back, data, len));
    }
    p = (struct packet){.kind = PACKET_ACK, .ack = 3};
    len = packet_put(data, &p);
    assert_null(packet_get(&back, data, len));
    assert_non_null(packet_get(&back, data, len + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_out, setup),
        cmocka_unit_test_setup(test_small_share_a_packet, setup),
        cmocka_unit_test_setup(test_every_cut, setup),
        cmocka_unit_test_setup(test_every_order, setup),
        cmocka_unit_test_setup(test_broken, setup),
        cmocka_unit_test_setup(test_sink_ends_it, setup),
        cmocka_unit_test_setup(test_no_memory, setup),
        cmocka_unit_test_setup(test_packet, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
