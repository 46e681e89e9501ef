/* What messages cost: null descriptors between ranks, one way and there and
 * back, and what waiting costs. To be run under mpirun with 2 ranks or more;
 * rank 0 leads and prints.
 *
 *   mpirun -n 2 tests/bench/bench_comm
 */
#include "config.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "comm/world.h"

enum op {
    OP_NULL,  /* count it */
    OP_SEND,  /* send that many OP_NULL */
    OP_ECHO,  /* send it back */
    OP_IDLE,  /* wait for so many ms, then answer with the CPU time */
    OP_COUNT, /* answer how many OP_NULL have come */
    OP_QUIT
};

/* As large as a range descriptor. */
struct order {
    uint32_t op;
    uint32_t spare;
    uint64_t number;
};

static const uint64_t messages = 4000000;
static const int64_t trips_ns = 1 * NS_PER_SEC;
static const size_t backlog_max = 256 * 1024;

static struct {
    struct world *world;
    struct comm *comm;
    struct loop *loop;
    struct loop_timer timer;
    uint64_t nulls, echoes, answers;
    uint64_t to_send;
    int64_t cpu_ns; /* of all others, answered */
    uint64_t turns;
    bool quit;
} b;

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_comm: %s: %s\n", what, err->text);
    world_abort(b.world, 1);
}

static void order(uint32_t peer, enum op op, uint64_t number)
{
    struct err err;
    struct order o = {.op = op, .number = number};
    if (comm_send(b.comm, peer, peer ? COMM_TO_WORKER : COMM_TO_MANAGER, &o,
                  sizeof(o), &err) < 0)
        die("send", &err);
}

static int64_t cpu_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_SEC +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

static bool turn(void *arg)
{
    (void)arg;
    b.turns++;
    return comm_turn(b.comm, loop_now_ns(b.loop));
}

static void wake(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(b.loop);
}

/* Run the loop for so long; the CPU time that it took. */
static int64_t idle(uint64_t ms)
{
    struct err err;
    int64_t start = cpu_ns();
    int64_t end = clock_mono_ns() + (int64_t)ms * NS_PER_MS;
    if (loop_timer_start(b.loop, &b.timer, end, &err) < 0 ||
        loop_run(b.loop, &err) < 0)
        die("loop", &err);
    return cpu_ns() - start;
}

static void message(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct order o;
    (void)arg;
    if (len != sizeof(o))
        return;
    memcpy(&o, data, sizeof(o));
    switch ((enum op)o.op) {
    case OP_NULL:
        b.nulls++;
        break;
    case OP_SEND:
        b.to_send = o.number;
        break;
    case OP_ECHO:
        if (comm_rank(b.comm) == 0)
            b.echoes++;
        else
            order(peer, OP_ECHO, 0);
        break;
    case OP_IDLE:
        if (comm_rank(b.comm) == 0) {
            b.cpu_ns += (int64_t)o.number;
            b.answers++;
        } else {
            b.to_send = UINT64_MAX - o.number;
        }
        break;
    case OP_COUNT:
        if (comm_rank(b.comm) == 0)
            b.answers++;
        else
            order(peer, OP_COUNT, b.nulls);
        break;
    case OP_QUIT:
        b.quit = true;
        break;
    }
}

/* One turn; nobody else may have a core. */
static void step(void)
{
    if (!comm_turn(b.comm, clock_mono_ns()))
        sched_yield();
}

static void send_some(uint32_t peer, uint64_t *left)
{
    while (*left > 0 && comm_backlog_bytes(b.comm, peer) < backlog_max) {
        order(peer, OP_NULL, *left);
        --*left;
    }
}

static void follow(void)
{
    while (!b.quit || !comm_idle(b.comm)) {
        step();
        if (b.to_send > UINT64_MAX / 2) {
            uint64_t ms = UINT64_MAX - b.to_send;
            b.to_send = 0;
            order(0, OP_IDLE, (uint64_t)idle(ms));
        }
        send_some(0, &b.to_send);
    }
}

static void bench_to_leader(uint32_t others)
{
    int64_t start = clock_mono_ns();
    uint64_t each = messages / others;
    b.nulls = 0;
    for (uint32_t i = 1; i <= others; i++)
        order(i, OP_SEND, each);
    while (b.nulls < each * others)
        step();
    double s = (double)(clock_mono_ns() - start) / 1e9;
    printf("to the manager      %10.0f messages/s\n",
           (double)(each * others) / s);
}

static void bench_from_leader(uint32_t others)
{
    int64_t start = clock_mono_ns();
    uint64_t each = messages / others, left[64];
    for (uint32_t i = 1; i <= others; i++)
        left[i % 64] = each;
    b.answers = 0;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 1; i <= others; i++) {
            send_some(i, &left[i % 64]);
            more |= left[i % 64] > 0;
        }
        step();
    }
    for (uint32_t i = 1; i <= others; i++)
        order(i, OP_COUNT, 0);
    while (b.answers < others)
        step();
    double s = (double)(clock_mono_ns() - start) / 1e9;
    printf("from the manager    %10.0f messages/s\n",
           (double)(each * others) / s);
}

/* many: how many are on their way to each. */
static void bench_trips(uint32_t others, uint32_t many)
{
    int64_t start = clock_mono_ns();
    int64_t end = start + trips_ns;
    uint64_t sent = 0;
    b.echoes = 0;
    while (clock_mono_ns() < end || b.echoes < sent) {
        while (sent < b.echoes + (uint64_t)others * many &&
               clock_mono_ns() < end)
            order(1 + (uint32_t)(sent++ % others), OP_ECHO, 0);
        step();
    }
    double s = (double)(clock_mono_ns() - start) / 1e9;
    printf("round trips, %3u each %8.0f /s\n", many, (double)sent / s);
}

/* Waiting with a message every so many ms (0: none but heartbeats). */
static void bench_idle(uint32_t others, uint64_t every_ms)
{
    enum { TOTAL_MS = 4000 };
    int64_t cpu = 0, start;
    b.cpu_ns = 0;
    b.answers = 0;
    for (uint32_t i = 1; i <= others; i++)
        order(i, OP_IDLE, TOTAL_MS);
    for (start = clock_mono_ns(); clock_mono_ns() - start < 50 * NS_PER_MS;)
        step();
    b.turns = 0;
    start = clock_mono_ns();
    for (uint64_t at = 50; at < TOTAL_MS; at += every_ms ? every_ms : 3900) {
        if (every_ms)
            order(1 + (uint32_t)(at / every_ms) % others, OP_NULL, 0);
        cpu += idle(every_ms ? every_ms : 3900);
    }
    double s = (double)(clock_mono_ns() - start) / 1e9;
    double turns = (double)b.turns / s;
    while (b.answers < others)
        step();
    printf("waiting, a message every %4llu ms: manager %.2f %% of a core "
           "(%.0f turns/s), others %.2f %% each\n",
           (unsigned long long)every_ms, (double)cpu / 1e7 / s, turns,
           (double)b.cpu_ns / 1e7 / 4 / others);
}

/* Start-up's exchange: everybody checks it, rank 0 prints. */
static void bench_exchange(void)
{
    enum { BYTES = 64 << 20 };
    struct err err;
    struct buf all, mine;
    size_t *offsets;
    uint32_t rank = world_rank(b.world), size = world_size(b.world);
    buf_init(&all, BYTES);
    buf_init(&mine, 1024);
    char *to = rank == 0 ? buf_reserve(&all, BYTES) : NULL;
    for (size_t i = 0; to && i < BYTES; i++)
        to[i] = (char)(i * 7 >> 3);
    if (to)
        buf_commit(&all, BYTES);
    int64_t start = clock_mono_ns();
    if (world_broadcast(b.world, &all, &err) < 0)
        die("broadcast", &err);
    double s = (double)(clock_mono_ns() - start) / 1e9;
    bool good = all.len == BYTES;
    for (size_t i = 0; good && i < BYTES; i++)
        good = all.data[i] == (char)(i * 7 >> 3);
    for (uint32_t i = 0; i < rank; i++)
        good &= buf_printf(&mine, "%u", rank) == 0;
    if (world_gather_all(b.world, &mine, &all, &offsets, &err) < 0)
        die("gather", &err);
    for (uint32_t i = 0; i < size; i++) {
        char digits[16];
        size_t each = (size_t)snprintf(digits, sizeof(digits), "%u", i);
        good &= offsets[i + 1] - offsets[i] == each * i;
        for (size_t at = offsets[i]; at < offsets[i + 1]; at += each)
            good &= memcmp(all.data + at, digits, each) == 0;
    }
    err_set(&err, 0, "wrong bytes");
    if (!good)
        die("exchange", &err);
    if (rank == 0)
        printf("broadcast of 64 MiB %10.2f GB/s\n", BYTES / s / 1e9);
    mem_free(offsets);
    buf_fini(&all);
    buf_fini(&mine);
}

static void lead(void)
{
    uint32_t others = comm_size(b.comm) - 1;
    printf("%u ranks, %s, %zu bytes a message\n", others + 1,
           world_library(b.world), sizeof(struct order));
    bench_to_leader(others);
    bench_from_leader(others);
    bench_trips(others, 1);
    bench_trips(others, 16);
    bench_trips(others, 256);
    bench_idle(others, 0);
    bench_idle(others, 100);
    bench_idle(others, 10);
    for (uint32_t i = 1; i <= others; i++)
        order(i, OP_QUIT, 0);
    while (!comm_idle(b.comm))
        step();
}

int main(void)
{
    struct err err;
    b.world = world_init(&err);
    if (!b.world) {
        fprintf(stderr, "bench_comm: %s\n", err.text);
        return 1;
    }
    uint32_t size = world_size(b.world);
    if (size < 2 || size > 64) {
        fprintf(stderr, "bench_comm: needs 2 to 64 ranks, by mpirun\n");
        world_leave(b.world, true, 1);
        return 1;
    }
    struct comm_handler handler = {.message = message};
    b.comm = comm_create(world_transport(b.world), 1, 64 * 1024, &err);
    b.loop = loop_create(&err);
    if (!b.comm || !b.loop || loop_add_turn(b.loop, turn, NULL, &err) < 0)
        die("start", &err);
    loop_timer_init(&b.timer, wake);
    comm_listen(b.comm, COMM_TO_MANAGER, &handler);
    comm_listen(b.comm, COMM_TO_WORKER, &handler);
    bench_exchange();
    if (world_rank(b.world) == 0)
        lead();
    else
        follow();
    loop_destroy(b.loop);
    comm_destroy(b.comm);
    world_leave(b.world, true, 0);
    return 0;
}
