/* Messages between ranks in one process, on a virtual clock: exactly once, in
 * order, byte for byte, whatever the network does; late acknowledgement;
 * heartbeats; peers that go; packets that are no packets. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "comm/comm.h"
#include "comm/packet.h"
#include "comm/pair.h"

enum { MAX_RANKS = 4, MAX_MESSAGE = 30000, EPOCH = 77 };

/* Between an endpoint and its transport: watches the window, and can refuse. */
struct spy {
    struct transport transport;
    struct transport *below;
    uint64_t acked[MAX_RANKS]; /* the last acknowledgement from each */
    unsigned sent, data_sent;
    int refuse; /* 0: no; 1: full; -1: unreachable */
};

struct flow {
    uint64_t sent, received; /* messages from one rank to another's port */
};

struct node {
    struct spy spy;
    struct comm *comm;
    unsigned heard[MAX_RANKS], gone[MAX_RANKS], messages;
    char why[128];
    struct flow to[MAX_RANKS][COMM_PORTS], from[MAX_RANKS][COMM_PORTS];
    bool any;      /* what comes is not what message_make makes */
    int forget_at; /* forget the sender of the so manyth message */
    int mark_at;   /* make a mark within the so manyth message */
    uint64_t mark;
};

static struct {
    struct pair *pair;
    uint32_t size;
    int64_t now_ns;
    struct node nodes[MAX_RANKS];
} net;

static uint64_t mix(uint64_t v)
{
    v = (v ^ (v >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
    return v ^ (v >> 29);
}

static int spy_send(struct transport *t, int64_t now_ns, uint32_t peer,
                    const void *data, size_t len)
{
    struct spy *s = (struct spy *)t;
    struct packet p;
    assert_null(packet_get(&p, data, len));
    if (s->refuse)
        return s->refuse - (s->refuse > 0);
    if (p.kind == PACKET_DATA) {
        assert_in_range(p.seq, 1, s->acked[peer] + COMM_WINDOW);
        s->data_sent++;
    }
    s->sent++;
    return s->below->ops->send(s->below, now_ns, peer, data, len);
}

static size_t spy_receive(struct transport *t, int64_t now_ns, uint32_t *peer,
                          void *data)
{
    struct spy *s = (struct spy *)t;
    struct packet p;
    size_t len = s->below->ops->receive(s->below, now_ns, peer, data);
    if (len > 0 && !packet_get(&p, data, len) && p.ack > s->acked[*peer])
        s->acked[*peer] = p.ack;
    return len;
}

static void spy_forget(struct transport *t, uint32_t peer)
{
    struct spy *s = (struct spy *)t;
    s->below->ops->forget(s->below, peer);
}

static size_t spy_packet_bytes(const struct transport *t, uint32_t peer)
{
    const struct spy *s = (const struct spy *)t;
    return s->below->ops->packet_bytes(s->below, peer);
}

static bool spy_flushed(struct transport *t)
{
    struct spy *s = (struct spy *)t;
    return s->below->ops->flushed(s->below);
}

static const struct transport_ops spy_ops = {spy_send, spy_receive, spy_forget,
                                             spy_packet_bytes, spy_flushed};

/* Message number i of a flow: its length and bytes follow from both. */
static size_t message_make(uint32_t from, uint32_t to, unsigned port,
                           uint64_t i, char *data)
{
    uint64_t h = mix(i << 8 | from << 4 | to << 1 | port);
    size_t len = h % 16 == 0 ? h / 16 % (MAX_MESSAGE + 1) : h / 16 % 200;
    for (size_t k = 0; k < len; k++)
        data[k] = (char)(h >> 8 * (k % 8)) + (char)k;
    return len;
}

static void take_message(struct node *n, unsigned port, uint32_t peer,
                         const void *data, size_t len)
{
    static char expected[MAX_MESSAGE];
    struct flow *f = &n->from[peer][port];
    uint32_t me = (uint32_t)(n - net.nodes);
    if (!n->any) {
        assert_int_equal(len,
                         message_make(peer, me, port, f->received, expected));
        assert_memory_equal(data, expected, len);
    }
    f->received++;
    n->messages++;
    if ((int)n->messages == n->forget_at)
        comm_forget(n->comm, peer);
    if ((int)n->messages == n->mark_at)
        n->mark = comm_mark(n->comm);
}

static void on_manager(void *arg, uint32_t peer, const void *data, size_t len)
{
    take_message(arg, COMM_TO_MANAGER, peer, data, len);
}

static void on_worker(void *arg, uint32_t peer, const void *data, size_t len)
{
    take_message(arg, COMM_TO_WORKER, peer, data, len);
}

static void on_heard(void *arg, uint32_t peer)
{
    struct node *n = arg;
    n->heard[peer]++;
}

static void on_gone(void *arg, uint32_t peer, const char *why)
{
    struct node *n = arg;
    n->gone[peer]++;
    snprintf(n->why, sizeof(n->why), "%s", why);
}

/* Size ranks over a network with these faults (NULL: none). -1: no memory. */
static int net_try_up(uint32_t size, const struct pair_faults *faults)
{
    static const struct pair_faults none;
    struct err err;
    memset(&net, 0, sizeof(net));
    net.size = size;
    net.now_ns = 1;
    net.pair = pair_create(size, faults ? faults : &none, &err);
    if (!net.pair)
        return -1;
    for (uint32_t i = 0; i < size; i++) {
        struct node *n = &net.nodes[i];
        n->spy = (struct spy){.transport = {&spy_ops, i, size},
                              .below = pair_transport(net.pair, i)};
        n->comm = comm_create(&n->spy.transport, EPOCH, MAX_MESSAGE, &err);
        if (!n->comm)
            return -1;
        comm_listen(n->comm, COMM_TO_MANAGER,
                    &(struct comm_handler){on_manager, on_heard, on_gone, n});
        comm_listen(n->comm, COMM_TO_WORKER,
                    &(struct comm_handler){.message = on_worker, .arg = n});
    }
    return 0;
}

static void net_up(uint32_t size, const struct pair_faults *faults)
{
    assert_int_equal(net_try_up(size, faults), 0);
}

static void net_down(void)
{
    for (uint32_t i = 0; i < net.size; i++)
        comm_destroy(net.nodes[i].comm);
    pair_destroy(net.pair);
}

/* One turn of each. Has something happened, or will it without time? Else
 * time goes to where something happens next. */
static bool net_step(void)
{
    bool moved = false;
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < net.size; i++)
        moved |= comm_turn(net.nodes[i].comm, net.now_ns);
    for (uint32_t i = 0; i < net.size && !moved; i++) {
        int64_t mine = comm_deadline_ns(net.nodes[i].comm);
        int64_t comes = pair_next_ns(net.pair, i);
        next = mine < next ? mine : next;
        next = comes < next ? comes : next;
    }
    if (moved || next <= net.now_ns)
        return true;
    net.now_ns = next == INT64_MAX ? net.now_ns + NS_PER_SEC : next;
    return false;
}

static void net_run(int64_t ns)
{
    int64_t end = net.now_ns + ns;
    while (net.now_ns < end)
        net_step();
}

static int try_send(uint32_t from, uint32_t to, enum comm_port port)
{
    static char data[MAX_MESSAGE];
    struct flow *f = &net.nodes[from].to[to][port];
    struct err err;
    size_t len = message_make(from, to, port, f->sent, data);
    if (comm_send(net.nodes[from].comm, to, port, data, len, &err) < 0)
        return err.code;
    f->sent++;
    return 0;
}

static void send(uint32_t from, uint32_t to, enum comm_port port)
{
    assert_int_equal(try_send(from, to, port), 0);
}

/* Until all is acknowledged; at most so long. */
static void net_settle(int64_t max_ns)
{
    int64_t end = net.now_ns + max_ns;
    for (bool idle = false; !idle;) {
        net_step();
        idle = true;
        for (uint32_t i = 0; i < net.size; i++)
            idle &= comm_idle(net.nodes[i].comm);
        assert_true(net.now_ns <= end);
    }
}

static void assert_all_came(void)
{
    for (uint32_t i = 0; i < net.size; i++)
        for (uint32_t k = 0; k < net.size; k++)
            for (int port = 0; port < COMM_PORTS; port++)
                assert_int_equal(net.nodes[i].to[k][port].sent,
                                 net.nodes[k].from[i][port].received);
}

/* ---- streams ---- */

static const struct pair_faults networks[] = {
    {0},
    {.delay_max_ns = 0, .delay_min_ns = 3 * NS_PER_MS},
    {.delay_max_ns = 50 * NS_PER_MS, .seed = 1},
    {.delay_max_ns = 3 * NS_PER_SEC, .seed = 2},
    {.repeat_permille = 500, .delay_max_ns = NS_PER_MS, .seed = 3},
    {.drop_permille = 10, .seed = 4},
    {.drop_permille = 100, .delay_max_ns = NS_PER_MS, .seed = 5},
    {.drop_permille = 300, .seed = 6},
    {.drop_permille = 300,
     .repeat_permille = 300,
     .delay_max_ns = 20 * NS_PER_MS,
     .seed = 7},
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t w = 0; w < sizeof(networks) / sizeof(networks[0]); w++) {
        uint64_t random = w;
        net_up(3, &networks[w]);
        for (int i = 0; i < 3000; i++) {
            random = mix(random + 12345);
            send(random % 3, random / 3 % 3,
                 random % 5 == 0 ? COMM_TO_MANAGER : COMM_TO_WORKER);
            if (random >> 20 & 1)
                net_step();
        }
        net_settle(100000 * NS_PER_SEC);
        assert_all_came();
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(comm_backlog_total_bytes(net.nodes[i].comm), 0);
            assert_string_equal(net.nodes[i].why, "");
        }
        net_down();
    }
}

/* Without faults no time passes and nothing is sent twice. */
static void test_no_resend(void **state)
{
    (void)state;
    net_up(2, NULL);
    for (int i = 0; i < 20000; i++) {
        send(0, 1, COMM_TO_WORKER);
        if (i % 100 == 0)
            net_step();
    }
    while (comm_backlog_total_bytes(net.nodes[0].comm) > 0)
        net_step();
    assert_int_equal(net.now_ns, 1);
    assert_all_came();
    /* small ones share packets: there are fewer packets than messages */
    assert_in_range(net.nodes[0].spy.data_sent, 100, 15000);
    net_down();
}

static void test_resend_backs_off(void **state)
{
    (void)state;
    net_up(2, NULL);
    pair_cut(net.pair, 1, true);
    for (int i = 0; i < 1000; i++)
        send(0, 1, COMM_TO_WORKER);
    net_run(100 * NS_PER_SEC);
    /* the window, then at 1 3 7 15 31 47 63 79 95 s */
    assert_int_equal(net.nodes[0].spy.data_sent, COMM_WINDOW + 9);
    assert_int_equal(net.nodes[1].messages, 0);
    pair_cut(net.pair, 1, false);
    net_settle(20 * NS_PER_SEC);
    assert_all_came();
    net_down();
}

static void test_send_errors(void **state)
{
    static char data[MAX_MESSAGE + 1];
    struct err err;
    (void)state;
    net_up(2, NULL);
    struct comm *c = net.nodes[0].comm;
    assert_int_equal(comm_rank(c), 0);
    assert_int_equal(comm_size(c), 2);
    assert_int_equal(
        comm_send(c, 1, COMM_TO_WORKER, data, MAX_MESSAGE + 1, &err), -1);
    assert_int_equal(err.code, EMSGSIZE);
    assert_int_equal(comm_send(c, 2, COMM_TO_WORKER, data, 1, &err), -1);
    assert_int_equal(err.code, EPIPE);
    assert_int_equal(comm_watch(c, 2, &err), -1);
    assert_int_equal(err.code, EPIPE);
    assert_int_equal(comm_backlog_total_bytes(c), 0);
    net_down();
}

static void test_backlog_and_idle(void **state)
{
    struct pair_faults slow = {.delay_min_ns = NS_PER_MS};
    struct err err;
    (void)state;
    net_up(3, &slow);
    struct comm *c = net.nodes[0].comm;
    assert_true(comm_idle(c));
    assert_true(comm_deadline_ns(c) == INT64_MAX);
    assert_int_equal(comm_backlog_bytes(c, 1), 0);
    static char data[1000];
    assert_int_equal(comm_send(c, 1, COMM_TO_WORKER, data, 0, &err), 0);
    size_t one = comm_backlog_bytes(c, 1);
    assert_in_range(one, 1, 8);
    assert_true(comm_deadline_ns(c) <= net.now_ns);
    net.nodes[1].from[0][COMM_TO_WORKER].received = 0;
    comm_destroy(net.nodes[1].comm); /* it has another view of lengths */
    net.nodes[1].comm =
        comm_create(&net.nodes[1].spy.transport, EPOCH, MAX_MESSAGE, &err);
    comm_listen(
        net.nodes[1].comm, COMM_TO_WORKER,
        &(struct comm_handler){.message = on_worker, .arg = &net.nodes[1]});
    comm_forget(net.nodes[1].comm, 0);
    assert_int_equal(comm_send(c, 2, COMM_TO_WORKER, data, 0, &err), 0);
    assert_int_equal(comm_backlog_total_bytes(c), 2 * one);
    assert_false(comm_idle(c));
    comm_turn(c, net.now_ns);
    assert_int_equal(comm_backlog_total_bytes(c), 2 * one);
    comm_forget(c, 1);
    assert_int_equal(comm_backlog_bytes(c, 1), 0);
    assert_int_equal(comm_backlog_total_bytes(c), one);
    comm_forget(c, 2);
    assert_int_equal(comm_backlog_total_bytes(c), 0);
    assert_true(comm_idle(c));
    net_down();
}

static void test_transport_full(void **state)
{
    (void)state;
    net_up(2, NULL);
    net.nodes[0].spy.refuse = 1;
    for (int i = 0; i < 100; i++)
        send(0, 1, COMM_TO_WORKER);
    for (int i = 0; i < 100; i++)
        net_step();
    assert_int_equal(net.nodes[1].messages, 0);
    assert_int_equal(net.nodes[0].spy.sent, 0);
    net.nodes[0].spy.refuse = 0;
    net_settle(10 * NS_PER_SEC);
    assert_all_came();
    net_down();
}

static void test_transport_dead(void **state)
{
    (void)state;
    net_up(2, NULL);
    send(0, 1, COMM_TO_WORKER);
    net_settle(NS_PER_SEC);
    net.nodes[0].spy.refuse = -1;
    for (int i = 0; i < 100; i++)
        send(0, 1, COMM_TO_WORKER);
    net_step();
    assert_int_equal(net.nodes[0].gone[1], 1);
    assert_non_null(strstr(net.nodes[0].why, "cannot reach"));
    assert_int_equal(try_send(0, 1, COMM_TO_WORKER), EPIPE);
    assert_true(comm_idle(net.nodes[0].comm));
    net_run(10 * NS_PER_SEC);
    assert_int_equal(net.nodes[0].gone[1], 1);
    net_down();
}

/* ---- acknowledging late ---- */

static void test_hold(void **state)
{
    (void)state;
    net_up(3, NULL);
    struct comm *manager = net.nodes[0].comm;
    comm_hold(manager);
    send(1, 0, COMM_TO_MANAGER);
    send(2, 0, COMM_TO_MANAGER);
    while (net_step())
        ;
    assert_int_equal(net.nodes[0].messages, 2);
    assert_true(comm_backlog_bytes(net.nodes[1].comm, 0) > 0);
    assert_false(comm_idle(net.nodes[1].comm));
    assert_false(comm_idle(manager));
    uint64_t first = comm_mark(manager);
    send(1, 0, COMM_TO_MANAGER);
    while (net_step())
        ;
    uint64_t second = comm_mark(manager);
    assert_true(second > first);
    comm_ack(manager, first - 1); /* of nothing */
    while (net_step())
        ;
    assert_int_equal(net.nodes[1].spy.acked[0], 0);
    comm_ack(manager, first);
    while (net_step())
        ;
    assert_int_equal(net.nodes[1].spy.acked[0], 1);
    assert_int_equal(net.nodes[2].spy.acked[0], 1);
    assert_true(comm_idle(net.nodes[2].comm));
    assert_false(comm_idle(net.nodes[1].comm));
    comm_ack(manager, second);
    comm_ack(manager, first); /* old news */
    net_settle(NS_PER_SEC);
    assert_true(comm_idle(manager));
    /* what it sends is acknowledged at once, and held ones go on */
    send(0, 1, COMM_TO_WORKER);
    while (net_step())
        ;
    assert_int_equal(comm_backlog_total_bytes(manager), 0);
    net_down();
}

/* The window stays shut while nothing is marked, and repeating does not help;
 * a mark of all opens it. */
static void test_hold_window(void **state)
{
    (void)state;
    net_up(2, NULL);
    comm_hold(net.nodes[0].comm);
    for (int i = 0; i < 3000; i++)
        send(1, 0, COMM_TO_MANAGER);
    while (net.nodes[0].messages < 3000) {
        unsigned before = net.nodes[0].messages;
        net_run(4 * NS_PER_SEC);
        assert_true(net.nodes[0].messages > before);
        unsigned held = net.nodes[0].messages;
        net_run(NS_PER_SEC);
        assert_int_equal(net.nodes[0].messages, held);
        comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
    }
    comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
    net_settle(20 * NS_PER_SEC);
    assert_all_came();
    net_down();
}

/* A message that is larger than the window must not wait for a mark that
 * nobody makes, since nothing was delivered; also behind a small one whose
 * mark comes early or late. */
static void test_hold_large(void **state)
{
    static const char data[MAX_MESSAGE];
    struct err err;
    (void)state;
    for (int with_small = 0; with_small < 3; with_small++) {
        net_up(2, NULL);
        struct comm *to = net.nodes[0].comm, *from = net.nodes[1].comm;
        comm_hold(to);
        if (with_small)
            send(1, 0, COMM_TO_MANAGER);
        if (with_small == 2)
            while (net_step())
                ; /* a packet of its own */
        net.nodes[0].any = true;
        assert_int_equal(
            comm_send(from, 0, COMM_TO_WORKER, data, sizeof(data), &err), 0);
        uint64_t mark = with_small == 2 ? comm_mark(to) : 0;
        for (int i = 0; i < 40; i++) {
            net_step();
            if (with_small == 1 && i == 10)
                comm_ack(to, comm_mark(to));
            if (with_small == 2 && i == 10)
                comm_ack(to, mark);
        }
        assert_int_equal(net.nodes[0].messages, with_small ? 2 : 1);
        assert_false(comm_idle(from));
        comm_ack(to, comm_mark(to));
        net_settle(20 * NS_PER_SEC);
        net_down();
    }
}

/* A mark made in the middle of a packet does not cover the packet, and nothing
 * is stuck by it. */
static void test_mark_within(void **state)
{
    (void)state;
    for (int at = 1; at <= 20; at++) {
        net_up(2, NULL);
        comm_hold(net.nodes[0].comm);
        for (int i = 0; i < 20; i++)
            send(1, 0, COMM_TO_MANAGER);
        net.nodes[0].mark_at = at;
        for (int i = 0; i < 20; i++) {
            net_run(NS_PER_SEC);
            comm_ack(net.nodes[0].comm, net.nodes[0].mark);
            net_run(NS_PER_SEC);
            comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
        }
        assert_true(net.nodes[0].mark > 0);
        net_settle(20 * NS_PER_SEC);
        assert_all_came();
        net_down();
    }
}

/* Marks come back some time after they were made, as from a journal. */
static void test_hold_with_faults(void **state)
{
    struct pair_faults faults = {.drop_permille = 200,
                                 .repeat_permille = 200,
                                 .delay_max_ns = 5 * NS_PER_MS,
                                 .seed = 9};
    uint64_t marks[8] = {0};
    (void)state;
    net_up(4, &faults);
    comm_hold(net.nodes[0].comm);
    for (int i = 0; i < 4000; i++)
        send((uint32_t)i % 4, 0, COMM_TO_MANAGER);
    for (int turn = 0; net.nodes[0].messages < 4000; turn++) {
        net_step();
        assert_true(net.now_ns < 100000 * NS_PER_SEC);
        comm_ack(net.nodes[0].comm, marks[turn % 8]);
        marks[turn % 8] = comm_mark(net.nodes[0].comm);
    }
    comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
    net_settle(1000 * NS_PER_SEC);
    assert_all_came();
    net_down();
}

/* ---- heartbeats, forgetting, cuts ---- */

static void test_heartbeats(void **state)
{
    struct err err;
    (void)state;
    net_up(3, NULL);
    assert_int_equal(comm_watch(net.nodes[0].comm, 1, &err), 0);
    assert_int_equal(comm_watch(net.nodes[0].comm, 1, &err), 0);
    assert_true(comm_deadline_ns(net.nodes[0].comm) <= net.now_ns);
    for (int i = 0; i < 3; i++)
        assert_false(net_step()); /* nothing but heartbeats */
    net_run(10 * NS_PER_SEC);
    assert_in_range(net.nodes[1].heard[0], 10, 14);
    assert_int_equal(net.nodes[2].heard[0], 0);
    assert_int_equal(net.nodes[0].heard[1], 0); /* nobody told it to */
    /* who was talked to hears us too */
    send(1, 0, COMM_TO_MANAGER);
    net_run(10 * NS_PER_SEC);
    assert_in_range(net.nodes[0].heard[1], 10, 13);
    unsigned heard = net.nodes[1].heard[0], sent = net.nodes[0].spy.sent;
    comm_forget(net.nodes[0].comm, 1);
    assert_true(comm_deadline_ns(net.nodes[0].comm) == INT64_MAX);
    net_run(10 * NS_PER_SEC);
    assert_int_equal(net.nodes[1].heard[0], heard);
    assert_int_equal(net.nodes[0].spy.sent, sent);
    net_down();
}

/* Who talks all the time needs no heartbeats. */
static void test_no_heartbeat_when_busy(void **state)
{
    (void)state;
    net_up(2, NULL);
    for (int i = 0; i < 50; i++) {
        send(0, 1, COMM_TO_WORKER);
        net_settle(NS_PER_SEC);
        net.now_ns += NS_PER_SEC / 2;
    }
    assert_int_equal(net.nodes[0].spy.sent, net.nodes[0].spy.data_sent);
    net_down();
}

static void test_forget_within(void **state)
{
    (void)state;
    for (int at = 1; at < 40; at++) {
        net_up(2, NULL);
        for (int i = 0; i < 40; i++)
            send(1, 0, COMM_TO_MANAGER);
        net.nodes[0].forget_at = at;
        net_run(10 * NS_PER_SEC);
        assert_int_equal(net.nodes[0].messages, at);
        assert_int_equal(net.nodes[0].gone[1], 0); /* our own wish */
        assert_int_equal(try_send(0, 1, COMM_TO_WORKER), EPIPE);
        comm_forget(net.nodes[0].comm, 1);
        net_down();
    }
}

/* Forgotten with marks on their way and messages in no mark. */
static void test_forget_held(void **state)
{
    (void)state;
    net_up(3, NULL);
    struct comm *c = net.nodes[0].comm;
    comm_hold(c);
    send(1, 0, COMM_TO_MANAGER);
    while (net_step())
        ;
    uint64_t mark = comm_mark(c);
    send(1, 0, COMM_TO_MANAGER);
    send(2, 0, COMM_TO_MANAGER);
    while (net_step())
        ;
    comm_forget(c, 1);
    comm_ack(c, mark);
    comm_ack(c, comm_mark(c));
    while (net_step())
        ;
    assert_true(comm_idle(c));
    assert_true(comm_idle(net.nodes[2].comm));
    assert_false(comm_idle(net.nodes[1].comm));
    net_down();
}

static void test_cut(void **state)
{
    (void)state;
    net_up(2, NULL);
    send(0, 1, COMM_TO_WORKER);
    send(1, 0, COMM_TO_MANAGER);
    net_settle(NS_PER_SEC);
    unsigned heard = net.nodes[1].heard[0];
    pair_cut(net.pair, 0, true);
    send(0, 0, COMM_TO_WORKER); /* a rank reaches itself */
    for (int i = 0; i < 100; i++)
        send(0, 1, COMM_TO_WORKER);
    net_run(30 * NS_PER_SEC);
    assert_int_equal(net.nodes[1].heard[0], heard);
    assert_int_equal(net.nodes[0].from[0][COMM_TO_WORKER].received, 1);
    pair_cut(net.pair, 0, false);
    net_settle(60 * NS_PER_SEC);
    assert_all_came();
    net_down();
}

/* ---- packets that nobody should send ---- */

static void inject(const void *data, size_t len)
{
    struct transport *t = pair_transport(net.pair, 1);
    assert_int_equal(t->ops->send(t, net.now_ns, 0, data, len), 1);
    comm_turn(net.nodes[0].comm, net.now_ns);
}

static size_t craft(unsigned char *data, enum packet_kind kind, uint64_t seq,
                    uint64_t ack, const char *payload, size_t len)
{
    struct packet p = {kind, EPOCH, seq, ack, (const void *)payload, len};
    return packet_put(data, &p);
}

static void test_malformed(void **state)
{
    static const struct {
        enum packet_kind kind;
        uint64_t seq, ack;
        const char *payload;
        size_t len;
        const char *why;
    } cases[] = {
        {PACKET_ACK, 0, 1, "", 0, "never sent"},
        {PACKET_ACK, 0, UINT64_MAX, "", 0, "never sent"},
        {PACKET_DATA, COMM_WINDOW + 1, 0, "\0\0\0\0", 4, "credit"},
        {PACKET_DATA, UINT64_MAX, 0, "\0\0\0\0", 4, "credit"},
        {PACKET_DATA, 1, 0, "\xff\xff\xff\xff", 4, "malformed stream"},
        {PACKET_DATA, 1, 0, "", 0, "malformed"},
        {PACKET_ACK, 1, 0, "", 0, "malformed"},
        {PACKET_ACK, 0, 0, "x", 1, "malformed"},
        {(enum packet_kind)9, 0, 0, "", 0, "unknown kind"},
    };
    unsigned char data[PACKET_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        net_up(2, NULL);
        size_t len = craft(data, cases[i].kind, cases[i].seq, cases[i].ack,
                           cases[i].payload, cases[i].len);
        inject(data, len);
        assert_int_equal(net.nodes[0].gone[1], 1);
        if (!strstr(net.nodes[0].why, cases[i].why))
            fail_msg("\"%s\" lacks \"%s\"", net.nodes[0].why, cases[i].why);
        inject(data, len); /* nobody listens any more */
        assert_int_equal(net.nodes[0].gone[1], 1);
        assert_int_equal(try_send(0, 1, COMM_TO_WORKER), EPIPE);
        net_down();
    }
}

static void test_other_epoch_and_version(void **state)
{
    unsigned char data[PACKET_MAX_BYTES];
    (void)state;
    net_up(2, NULL);
    size_t len = craft(data, PACKET_DATA, 99, 99, "junk", 4);
    data[4]++; /* the epoch */
    inject(data, len);
    assert_int_equal(net.nodes[0].gone[1], 0);
    assert_int_equal(net.nodes[0].heard[1], 0);
    data[0] = PACKET_VERSION + 1;
    inject(data, len);
    assert_int_equal(net.nodes[0].gone[1], 1);
    assert_non_null(strstr(net.nodes[0].why, "version"));
    net_down();
    net_up(2, NULL);
    inject(data, 1);
    assert_non_null(strstr(net.nodes[0].why, "length"));
    net_down();
}

static void test_nobody_listens(void **state)
{
    static const struct comm_handler nobody;
    (void)state;
    net_up(2, NULL);
    comm_listen(net.nodes[0].comm, COMM_TO_WORKER, &nobody);
    send(1, 0, COMM_TO_MANAGER);
    send(1, 0, COMM_TO_WORKER);
    net_run(NS_PER_SEC);
    assert_int_equal(net.nodes[0].messages, 1);
    assert_int_equal(net.nodes[0].gone[1], 1);
    assert_non_null(strstr(net.nodes[0].why, "nobody listens"));
    net_down();
}

/* Random packets, near to right ones: whatever they are, there is an end of
 * the peer or there is not, and never a crash. */
static void test_fuzz(void **state)
{
    unsigned char data[PACKET_MAX_BYTES];
    uint64_t random = 4711;
    unsigned gone = 0, packets = 0, messages = 0;
    (void)state;
    for (int round = 0; round < 4000; round++) {
        net_up(2, NULL);
        net.nodes[0].any = true;
        for (int port = COMM_TO_WORKER; port < COMM_PORTS; port++)
            comm_listen(net.nodes[0].comm, (enum comm_port)port,
                        &(struct comm_handler){.message = on_worker,
                                               .arg = &net.nodes[0]});
        if (round % 2)
            comm_hold(net.nodes[0].comm);
        for (int i = 0; i < 10 && !net.nodes[0].gone[1]; i++, packets++) {
            char payload[300] = {0};
            random = mix(random + 99);
            size_t len = 1 + random % sizeof(payload);
            for (size_t k = 0; k < len; k += 4 + (unsigned char)payload[k] / 2)
                payload[k] = (char)(mix(random + k) >> 13 & 0x7f);
            len = craft(data, PACKET_DATA,
                        1 + (uint64_t)i + (random >> 20) % 16 / 15, 0, payload,
                        len);
            if ((random >> 40 & 7) == 0)
                data[random >> 41 & 31] ^= (unsigned char)(random >> 50);
            inject(data, random >> 58 ? len : len / 2 + 1);
            if (round % 4 == 1)
                comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
        }
        gone += net.nodes[0].gone[1];
        messages += net.nodes[0].messages;
        net_down();
    }
    assert_in_range(gone, 400, 3990);
    assert_true(packets > 8000);
    assert_true(messages > 1000);
}

/* ---- memory ---- */

/* Whatever allocation fails, in whichever rank: what was accepted comes. */
static void test_no_memory(void **state)
{
    struct pair_faults faults = {.delay_max_ns = NS_PER_MS, .seed = 3};
    unsigned long k = 0, made;
    (void)state;
    do {
        mem_fail_at(++k);
        if (net_try_up(2, &faults) == 0) {
            for (int i = 0; i < 60; i++) {
                while (try_send((uint32_t)i % 2, i / 2 % 2, COMM_TO_WORKER))
                    ;
                if (i % 3 == 0)
                    net_step();
            }
            net_settle(100 * NS_PER_SEC);
            assert_all_came();
        }
        made = mem_fail_at(0);
        net_down();
    } while (made >= k);
    assert_true(k > 30);
}

/* What nobody talks to costs no allocation. */
static void test_many_peers(void **state)
{
    static const struct pair_faults none;
    struct err err;
    (void)state;
    struct pair *pair = pair_create(4000, &none, &err);
    assert_non_null(pair);
    mem_fail_at(0);
    struct comm *c =
        comm_create(pair_transport(pair, 0), EPOCH, MAX_MESSAGE, &err);
    assert_non_null(c);
    assert_in_range(mem_fail_at(0), 1, 4);
    for (uint32_t i = 0; i < 4000; i++)
        assert_int_equal(comm_watch(c, i, &err), 0);
    comm_turn(c, 1);
    for (uint32_t i = 0; i < 4000; i++)
        assert_int_equal(pair_next_ns(pair, i), 1);
    comm_destroy(c);
    pair_destroy(pair);
    comm_destroy(NULL);
    pair_destroy(NULL);
}

/* Many messages, on ports and ranks mixed, while marks come late. */
static void test_stress(void **state)
{
    uint64_t marks[4] = {0};
    (void)state;
    net_up(4, NULL);
    comm_hold(net.nodes[0].comm);
    for (int i = 0; i < 60000; i++) {
        uint64_t random = mix((uint64_t)i);
        if (random % 2)
            send(random / 2 % 4, 0, COMM_TO_MANAGER);
        else
            send(0, random / 2 % 4, COMM_TO_WORKER);
        if (i % 50 == 0) {
            net_step();
            comm_ack(net.nodes[0].comm, marks[i / 50 % 4]);
            marks[i / 50 % 4] = comm_mark(net.nodes[0].comm);
        }
    }
    for (int i = 0; i < 100000; i++) {
        comm_ack(net.nodes[0].comm, comm_mark(net.nodes[0].comm));
        if (!net_step() && comm_idle(net.nodes[0].comm))
            break;
    }
    net_settle(NS_PER_SEC);
    assert_all_came();
    net_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_no_resend),
        cmocka_unit_test(test_resend_backs_off),
        cmocka_unit_test(test_send_errors),
        cmocka_unit_test(test_backlog_and_idle),
        cmocka_unit_test(test_transport_full),
        cmocka_unit_test(test_transport_dead),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_window),
        cmocka_unit_test(test_hold_large),
        cmocka_unit_test(test_mark_within),
        cmocka_unit_test(test_hold_with_faults),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_no_heartbeat_when_busy),
        cmocka_unit_test(test_forget_within),
        cmocka_unit_test(test_forget_held),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_other_epoch_and_version),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_many_peers),
        cmocka_unit_test(test_stress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
