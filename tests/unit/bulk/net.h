/* Ranks in one process with all that moves bytes in mass: the channel over a
 * network with faults, threads for the disk, transfers. The network's clock is
 * virtual: it goes on when neither the ranks nor the threads have anything to
 * do. */
#ifndef MPIBATCH_TESTS_BULK_NET_H
#define MPIBATCH_TESTS_BULK_NET_H

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "bulk/transfer.h"
#include "comm/comm.h"
#include "comm/pair.h"
#include "stage/io.h"
#include "wire/stage_msg.h"

enum { NET_MAX_RANKS = 4 };

struct rank {
    struct comm *comm;
    struct io *io;
    struct transfers *transfers;
};

/* What else rank 0 does in a turn, and the descriptor that wakes it for that
 * (-1: none). */
static bool (*net_more)(void);
static int net_more_fd = -1;

static struct {
    struct pair *pair;
    uint32_t size;
    int64_t now_ns;
    struct rank ranks[NET_MAX_RANKS];
} net;

static inline void net_up(uint32_t size, const struct pair_faults *faults)
{
    static const struct pair_faults none;
    struct err err;
    memset(&net, 0, sizeof(net));
    net.size = size;
    net.now_ns = 1;
    net.pair = pair_create(size, faults ? faults : &none, &err);
    assert_non_null(net.pair);
    for (uint32_t i = 0; i < size; i++) {
        struct rank *r = &net.ranks[i];
        r->comm = comm_create(pair_transport(net.pair, i), 7,
                              STAGE_MSG_MAX_BYTES, &err);
        r->io = io_create(2, &err);
        assert_non_null(r->comm);
        assert_non_null(r->io);
        comm_set_bulk(r->comm);
        r->transfers = transfers_create(r->comm, r->io, &err);
        assert_non_null(r->transfers);
    }
}

/* The process of a rank ends, as SIGKILL would end it. */
static inline void net_kill(uint32_t rank)
{
    struct rank *r = &net.ranks[rank];
    transfers_destroy(r->transfers);
    io_destroy(r->io);
    comm_destroy(r->comm);
    memset(r, 0, sizeof(*r));
    pair_cut(net.pair, rank, true);
}

static inline void net_down(void)
{
    for (uint32_t i = 0; i < net.size; i++)
        if (net.ranks[i].comm)
            net_kill(i);
    pair_destroy(net.pair);
}

/* One turn of each. Has anything happened? */
static inline bool net_turns(void)
{
    bool moved = false;
    for (uint32_t i = 0; i < net.size; i++) {
        struct rank *r = &net.ranks[i];
        if (!r->comm)
            continue;
        moved |= io_turn(r->io);
        moved |= comm_turn(r->comm, net.now_ns);
        moved |= transfers_turn(r->transfers, net.now_ns);
    }
    if (net_more)
        moved |= net_more();
    return moved;
}

/* Wait for a thread, if one works. */
static inline bool net_threads(void)
{
    struct pollfd fds[NET_MAX_RANKS + 1];
    nfds_t n = 0;
    for (uint32_t i = 0; i < net.size; i++)
        if (net.ranks[i].comm && io_pending(net.ranks[i].io) > 0)
            fds[n++] =
                (struct pollfd){.fd = io_fd(net.ranks[i].io), .events = POLLIN};
    if (net_more_fd >= 0) /* works on when it wants: look now and then */
        fds[n++] = (struct pollfd){.fd = net_more_fd, .events = POLLIN};
    return n > 0 && poll(fds, n, net_more_fd < 0 ? 1000 : 1) > 0;
}

static inline void net_step(void)
{
    int64_t next = net.now_ns + 100 * NS_PER_MS;
    if (net_turns() || net_threads()) {
        net.now_ns += NS_PER_US; /* who spins does so for a while only */
        return;
    }
    for (uint32_t i = 0; i < net.size; i++) {
        if (!net.ranks[i].comm)
            continue;
        int64_t comes = pair_next_ns(net.pair, i);
        int64_t due = comm_deadline_ns(net.ranks[i].comm);
        next = comes < next ? comes : next;
        next = due < next ? due : next;
    }
    net.now_ns = next > net.now_ns ? next : net.now_ns + NS_PER_US;
}

/* Until it is so, at most so long of the network's time. */
static inline bool net_until(const bool *so, int64_t ns)
{
    for (int64_t end = net.now_ns + ns; !*so && net.now_ns < end;)
        net_step();
    return *so;
}

static inline void net_run(int64_t ns)
{
    static const bool never;
    net_until(&never, ns);
}

/* ---- files ---- */

static inline unsigned char byte_at(uint64_t offset)
{
    uint64_t z = (offset >> 3) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned char)(z >> 32 ^ offset);
}

/* A file without a name, with the bytes that belong there. */
static inline int file_make(uint64_t bytes)
{
    char path[] = "/tmp/t_bulk.XXXXXX";
    static unsigned char block[64 * 1024];
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    for (uint64_t at = 0; at < bytes; at += sizeof(block)) {
        size_t len =
            bytes - at < sizeof(block) ? (size_t)(bytes - at) : sizeof(block);
        for (size_t i = 0; i < len; i++)
            block[i] = byte_at(at + i);
        assert_int_equal(pwrite(fd, block, len, (off_t)at), (ssize_t)len);
    }
    return fd;
}

static inline void file_check(int fd, uint64_t bytes)
{
    static unsigned char block[64 * 1024];
    assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)bytes);
    for (uint64_t at = 0; at < bytes; at += sizeof(block)) {
        ssize_t n = pread(fd, block, sizeof(block), (off_t)at);
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(block[i], byte_at(at + (uint64_t)i));
    }
}

static inline void digest_make(uint64_t bytes, struct digest *d)
{
    struct err err;
    struct checksum *sum = checksum_create(&err);
    for (uint64_t at = 0; at < bytes; at++) {
        unsigned char c = byte_at(at);
        checksum_update(sum, &c, 1);
    }
    checksum_get(sum, d->bytes);
    checksum_destroy(sum);
}

#endif
