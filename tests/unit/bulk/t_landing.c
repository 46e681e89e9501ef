/* Pulls that land in files: hashed, told as they grow, going on from another
 * rank, on a full disk, cancelled and destroyed at any moment. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "bulk/landing.h"
#include "net.h"

enum { MIB = 1 << 20 };

struct landed {
    struct landing *landing;
    int fd;
    uint64_t progress;
    unsigned grown;
    bool ended;
    struct landing_end end;
    char text[200];
    uint64_t serve_to; /* grow what rank 0 serves under this handle */
};

static void on_progress(void *arg, uint64_t bytes)
{
    struct landed *l = arg;
    assert_true(bytes > l->progress);
    assert_true(lseek(l->fd, 0, SEEK_END) >= (off_t)bytes); /* all is there */
    l->progress = bytes;
    l->grown++;
    if (l->serve_to)
        transfers_grown(net.ranks[1].transfers, l->serve_to, bytes,
                        STAGE_UNKNOWN);
}

static void on_ended(void *arg, const struct landing_end *end)
{
    struct landed *l = arg;
    assert_false(l->ended);
    l->ended = true;
    l->end = *end;
    snprintf(l->text, sizeof(l->text), "%s", end->text);
    if (l->serve_to)
        transfers_grown(net.ranks[1].transfers, l->serve_to, end->bytes,
                        end->bytes);
}

static void create(struct landed *l, uint32_t rank)
{
    struct err err;
    l->fd = file_make(0);
    struct landing_config config = {.transfers = net.ranks[rank].transfers,
                                    .io = net.ranks[rank].io,
                                    .fd = l->fd,
                                    .progress = on_progress,
                                    .ended = on_ended,
                                    .arg = l};
    l->landing = landing_create(&config, &err);
    assert_non_null(l->landing);
}

static void destroy(struct landed *l)
{
    landing_destroy(l->landing);
    l->landing = NULL;
    close(l->fd);
}

static void serve(uint32_t rank, uint64_t handle, int fd, uint64_t available,
                  uint64_t total)
{
    struct err err;
    struct transfer_source s = {
        .fd = fd, .available = available, .total = total};
    assert_int_equal(
        transfers_serve(net.ranks[rank].transfers, handle, &s, &err), 0);
}

static void pull(struct landed *l, uint32_t from, uint64_t handle)
{
    struct err err;
    l->ended = false;
    if (landing_pull(l->landing, from, handle, &err) < 0)
        fail_msg("%s", err.text);
}

static void check_whole(struct landed *l, uint64_t bytes)
{
    struct digest d;
    assert_true(net_until(&l->ended, 1000 * NS_PER_SEC));
    assert_int_equal(l->end.end, TRANSFER_WHOLE);
    assert_int_equal(l->end.code, 0);
    assert_int_equal(l->end.bytes, bytes);
    digest_make(bytes, &d);
    assert_memory_equal(&l->end.digest, &d, sizeof(d));
    file_check(l->fd, bytes);
}

static void test_sizes(void **state)
{
    static const uint64_t sizes[] = {0, 1, 256 * 1024, 5 * MIB + 1};
    struct pair_faults faults = {.delay_max_ns = NS_PER_MS, .seed = 3};
    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        struct landed l = {0};
        net_up(2, &faults);
        serve(1, 5, file_make(sizes[i]), sizes[i], sizes[i]);
        create(&l, 0);
        pull(&l, 1, 5);
        check_whole(&l, sizes[i]);
        destroy(&l);
        net_down();
    }
}

/* From rank 2 through rank 1, while rank 2's file grows. */
static void test_pipeline(void **state)
{
    enum { TOTAL = 4 * MIB + 5 };
    struct landed middle = {.serve_to = 6}, last = {0};
    uint64_t there = 0;
    (void)state;
    net_up(3, NULL);
    serve(2, 5, file_make(TOTAL), 0, STAGE_UNKNOWN);
    create(&middle, 1);
    create(&last, 0);
    serve(1, 6, dup(middle.fd), 0, STAGE_UNKNOWN);
    pull(&middle, 2, 5);
    pull(&last, 1, 6);
    while (there < TOTAL) {
        there = there + MIB / 2 < TOTAL ? there + MIB / 2 : TOTAL;
        transfers_grown(net.ranks[2].transfers, 5, there, STAGE_UNKNOWN);
        net_run(10 * NS_PER_MS);
        assert_int_equal(last.progress, there);
    }
    assert_true(last.grown >= 8);
    assert_false(last.ended);
    transfers_grown(net.ranks[2].transfers, 5, TOTAL, TOTAL);
    check_whole(&middle, TOTAL);
    check_whole(&last, TOTAL);
    destroy(&middle);
    destroy(&last);
    net_down();
}

/* The server is lost in the middle, again and again: another goes on. */
static void test_lost(void **state)
{
    enum { TOTAL = 3 * MIB };
    struct landed l = {0};
    (void)state;
    net_up(4, NULL);
    create(&l, 0);
    for (uint32_t rank = 1; rank < 4; rank++) {
        uint64_t there = rank < 3 ? rank * MIB + 17 : TOTAL;
        serve(rank, 5, file_make(TOTAL), there,
              rank < 3 ? STAGE_UNKNOWN : TOTAL);
        pull(&l, rank, 5);
        if (rank == 3)
            break;
        net_run(NS_PER_SEC);
        net_kill(rank);
        transfers_lost(net.ranks[0].transfers, rank);
        assert_true(net_until(&l.ended, NS_PER_SEC));
        assert_int_equal(l.end.end, TRANSFER_LOST);
        assert_int_equal(l.end.bytes, there);
    }
    check_whole(&l, TOTAL);
    destroy(&l);
    net_down();
}

/* Cancelled and begun anew at once, with blocks still on their way to disk;
 * destroyed in the middle: nothing is called, nothing leaks. */
static void test_cancel(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 60; steps += 3) {
        struct landed l = {0}, gone = {0};
        net_up(2, NULL);
        serve(1, 5, file_make(2 * MIB), 2 * MIB, 2 * MIB);
        create(&l, 0);
        create(&gone, 0);
        pull(&l, 1, 5);
        pull(&gone, 1, 5);
        for (unsigned i = 0; i < steps; i++)
            net_step();
        if (!l.ended) {
            landing_cancel(l.landing);
            pull(&l, 1, 5);
        }
        bool ended = gone.ended;
        destroy(&gone);
        check_whole(&l, 2 * MIB);
        assert_int_equal(gone.ended, ended);
        destroy(&l);
        net_down();
    }
}

static void test_refused(void **state)
{
    struct landed l = {0};
    (void)state;
    net_up(2, NULL);
    create(&l, 0);
    pull(&l, 1, 5);
    net_run(NS_PER_SEC);
    transfers_refuse(net.ranks[1].transfers, 5, FAILURE_BLOB_ACCESS_DENIED,
                     "it may not be read");
    assert_true(net_until(&l.ended, NS_PER_SEC));
    assert_int_equal(l.end.end, TRANSFER_REFUSED);
    assert_int_equal(l.end.failure, FAILURE_BLOB_ACCESS_DENIED);
    assert_int_equal(l.end.code, 0);
    assert_string_equal(l.text, "it may not be read");
    destroy(&l);
    net_down();
}

/* The disk takes no more: an end that says so, and the server is let go. */
static void test_full(void **state)
{
    struct landed l = {0};
    struct rlimit old, limit;
    struct err err;
    (void)state;
    net_up(2, NULL);
    serve(1, 5, file_make(4 * MIB), 4 * MIB, 4 * MIB);
    create(&l, 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 2 * MIB;
    setrlimit(RLIMIT_FSIZE, &limit);
    pull(&l, 1, 5);
    assert_true(net_until(&l.ended, 1000 * NS_PER_SEC));
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(l.end.end, TRANSFER_REFUSED);
    assert_int_equal(l.end.code, EFBIG);
    assert_true(l.end.bytes <= 2 * MIB);
    assert_true(l.text[0] != '\0');
    assert_int_equal(landing_pull(l.landing, 1, 5, &err), -1);
    net_run(NS_PER_SEC);
    assert_false(transfers_busy(net.ranks[1].transfers));
    destroy(&l);
    net_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_lost),    cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
