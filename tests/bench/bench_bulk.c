/* How fast bytes go from rank to rank on the bulk channel: figures, not a test.
 *
 *   mpirun -n 3 tests/bench/bench_bulk MIB DIR
 *
 * Rank 0 has a file of MIB mebibytes in DIR. First all others get it at once
 * through a tree, each into a file of its own while it serves those below it,
 * as staging does; then each sends what it has to rank 0, which keeps nothing,
 * as what tasks return. Prints the rate, and what each rank needed of a core,
 * threads and all. DIR is for files on this node: /dev/shm shows the channel,
 * a disk shows the disk.
 */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bulk/landing.h"
#include "bulk/transfer.h"
#include "comm/comm.h"
#include "comm/loop.h"
#include "comm/world.h"

enum { FANOUT = 2, HANDLE = 1, BLOCK = 1 << 20 };

/* What ranks tell each other, on COMM_TO_WORKER. */
enum op { OP_GOT = 1, OP_SEND, OP_SENT, OP_QUIT };
struct order {
    uint32_t op;
    uint32_t good;
    double cpu_s;
};

static struct {
    struct world *world;
    struct loop *loop;
    struct comm *comm;
    struct io *io;
    struct transfers *transfers;
    struct loop_fd io_fd;
    struct landing *landing;
    int fd;
    uint64_t bytes;
    struct digest digest;
    double cpu_start;
    uint32_t answers;
    bool good;
} b;

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_bulk: %s: %s\n", what, err->text);
    world_abort(b.world, 1);
}

static double cpu_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void order(uint32_t to, enum op op, bool good)
{
    struct order o = {(uint32_t)op, good, cpu_s() - b.cpu_start};
    struct err err;
    if (comm_send(b.comm, to, COMM_TO_WORKER, &o, sizeof(o), &err) < 0)
        die("send", &err);
}

static void serve(uint64_t available, uint64_t total)
{
    struct err err;
    struct transfer_source source = {
        .fd = dup(b.fd), .available = available, .total = total};
    if (transfers_serve(b.transfers, HANDLE, &source, &err) < 0)
        die("serve", &err);
}

static void on_progress(void *arg, uint64_t bytes)
{
    (void)arg;
    transfers_grown(b.transfers, HANDLE, bytes, STAGE_UNKNOWN);
}

static void on_landed(void *arg, const struct landing_end *end)
{
    (void)arg;
    if (end->end != TRANSFER_WHOLE)
        fprintf(stderr, "bench_bulk: %s\n", end->text);
    transfers_grown(b.transfers, HANDLE, end->bytes, end->bytes);
    order(0, OP_GOT,
          end->end == TRANSFER_WHOLE &&
              memcmp(&end->digest, &b.digest, sizeof(b.digest)) == 0);
}

static struct pull *pulls[64];

static void on_piece(void *arg, uint64_t offset, const void *data, size_t len)
{
    (void)offset;
    (void)data;
    transfers_consumed(*(struct pull **)arg, len);
}

static void on_sent(void *arg, enum transfer_end end, uint64_t total,
                    enum failure failure, const char *text)
{
    (void)arg;
    (void)failure;
    (void)text;
    b.good &= end == TRANSFER_WHOLE && total == b.bytes;
    if (++b.answers == world_size(b.world) - 1)
        loop_stop(b.loop);
}

static void on_order(void *arg, uint32_t peer, const void *data, size_t len)
{
    struct order o;
    (void)arg;
    (void)len;
    memcpy(&o, data, sizeof(o));
    switch ((enum op)o.op) {
    case OP_GOT:
    case OP_SENT:
        b.good &= o.good;
        printf("  rank %u: %.2f s of a core\n", peer, o.cpu_s);
        if (++b.answers == world_size(b.world) - 1)
            loop_stop(b.loop);
        break;
    case OP_SEND:
        b.cpu_start = cpu_s() - b.cpu_start;
        order(0, OP_SENT, true);
        break;
    case OP_QUIT:
        loop_stop(b.loop);
        break;
    }
}

static bool on_turn(void *arg)
{
    (void)arg;
    int64_t now_ns = loop_now_ns(b.loop);
    bool moved = comm_turn(b.comm, now_ns);
    return transfers_turn(b.transfers, now_ns) || moved;
}

static void on_io(struct loop_fd *fd, uint32_t events)
{
    (void)fd;
    (void)events;
    io_turn(b.io);
}

/* Rank 0's file, and what all must have in the end. */
static void file_make(struct err *err)
{
    struct checksum *sum = checksum_create(err);
    static uint64_t block[BLOCK / 8];
    uint64_t random = 4711;
    for (uint64_t at = 0; sum && at < b.bytes; at += BLOCK) {
        for (int i = 0; i < BLOCK / 8; i++)
            block[i] = random = random * UINT64_C(6364136223846793005) + 1;
        if (world_rank(b.world) == 0 &&
            pwrite(b.fd, block, BLOCK, (off_t)at) != BLOCK)
            perror("bench_bulk");
        checksum_update(sum, block, BLOCK);
    }
    if (!sum)
        die("checksum", err);
    checksum_get(sum, b.digest.bytes);
    checksum_destroy(sum);
}

static void report(const char *what, int64_t start_ns, double cpu)
{
    double s = (double)(clock_mono_ns() - start_ns) / 1e9;
    double bytes = (double)b.bytes * (world_size(b.world) - 1);
    printf("%s: %.0f MB/s each, %.0f MB/s in all, %.2f s; rank 0: %.2f s of a "
           "core%s\n",
           what, (double)b.bytes / s / 1e6, bytes / s / 1e6, s, cpu_s() - cpu,
           b.good ? "" : "; WRONG BYTES");
    fflush(stdout);
}

static void lead(void)
{
    struct err err;
    uint32_t size = world_size(b.world);
    serve(b.bytes, b.bytes);
    double cpu = cpu_s();
    int64_t start = clock_mono_ns();
    if (loop_run(b.loop, &err) < 0)
        die("loop", &err);
    report("to all, through a tree, into files", start, cpu);
    b.answers = 0;
    cpu = cpu_s();
    start = clock_mono_ns();
    for (uint32_t i = 1; i < size; i++) {
        struct transfer_sink sink = {on_piece, on_sent, &pulls[i]};
        pulls[i] = transfers_pull(b.transfers, i, HANDLE, 0, &sink, &err);
        if (!pulls[i])
            die("pull", &err);
    }
    if (loop_run(b.loop, &err) < 0)
        die("loop", &err);
    report("from all, to nowhere", start, cpu);
    for (uint32_t i = 1; i < size; i++)
        order(i, OP_QUIT, true);
    while (!comm_idle(b.comm))
        comm_turn(b.comm, clock_mono_ns());
}

static void follow(void)
{
    struct err err;
    struct landing_config config = {.transfers = b.transfers,
                                    .io = b.io,
                                    .fd = b.fd,
                                    .progress = on_progress,
                                    .ended = on_landed};
    b.landing = landing_create(&config, &err);
    serve(0, STAGE_UNKNOWN);
    if (!b.landing ||
        landing_pull(b.landing, (world_rank(b.world) - 1) / FANOUT, HANDLE,
                     &err) < 0 ||
        loop_run(b.loop, &err) < 0)
        die("follow", &err);
    while (!comm_idle(b.comm))
        comm_turn(b.comm, clock_mono_ns());
}

int main(int argc, char **argv)
{
    struct err err;
    char path[PATH_MAX];
    b.world = world_init(&err);
    if (!b.world) {
        fprintf(stderr, "bench_bulk: %s\n", err.text);
        return 1;
    }
    uint32_t rank = world_rank(b.world), size = world_size(b.world);
    if (argc < 3 || size < 2 || size > 64) {
        fprintf(stderr, "usage: mpirun -n 2..64 bench_bulk MIB DIR\n");
        world_leave(b.world, true, 2);
        return 2;
    }
    b.bytes = strtoull(argv[1], NULL, 10) << 20;
    b.good = true;
    snprintf(path, sizeof(path), "%s/bulk.XXXXXX", argv[2]);
    b.fd = mkostemp(path, O_CLOEXEC);
    unlink(path);
    b.comm = comm_create(world_bulk_transport(b.world), 1, STAGE_MSG_MAX_BYTES,
                         &err);
    b.loop = loop_create(&err);
    b.io = io_create(4, &err);
    if (!b.comm || !b.loop || !b.io)
        die("start", &err);
    comm_set_bulk(b.comm);
    b.transfers = transfers_create(b.comm, b.io, &err);
    comm_listen(b.comm, COMM_TO_WORKER,
                &(struct comm_handler){.message = on_order});
    b.io_fd = (struct loop_fd){.ready = on_io, .fd = io_fd(b.io)};
    if (!b.transfers || loop_add_turn(b.loop, on_turn, NULL, &err) < 0 ||
        loop_add_fd(b.loop, &b.io_fd, EPOLLIN, &err) < 0)
        die("start", &err);
    file_make(&err);
    struct buf none, all;
    size_t *offsets = NULL;
    buf_init(&none, 1);
    buf_init(&all, 1);
    world_gather_all(b.world, &none, &all, &offsets, &err); /* a barrier */
    mem_free(offsets);
    b.cpu_start = cpu_s();
    if (rank == 0)
        lead();
    else
        follow();
    landing_destroy(b.landing);
    transfers_destroy(b.transfers);
    io_destroy(b.io);
    loop_destroy(b.loop);
    comm_destroy(b.comm);
    close(b.fd);
    world_leave(b.world, true, 0);
    return 0;
}
