/* What rank 0 takes in, from ranks that really offer it, into a real run
 * directory: small and large files, many, from ranks that die or think better
 * of it; answers that somebody takes or does not. */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../bulk/net.h"
#include "../tmpdir.h"
#include "bulk/offer.h"
#include "manager/receive.h"

enum { MIB = 1 << 20 };

static struct {
    char *dir;
    struct jobspec spec;
    struct job jobs[1];
    struct rundir *rundir;
    struct writer *writer;
    struct incoming *incoming;
    struct receiver *receiver;
    struct offers *offers[NET_MAX_RANKS];
    /* the last answer that was offered */
    unsigned answers;
    uint32_t answer_rank;
    uint64_t answer_handle, answer_size;
    uint32_t answer_code;
} run;

static bool incoming_more(void)
{
    return incoming_turn(run.incoming);
}

static void on_answer(void *arg, uint32_t rank, const struct stage_msg *m)
{
    (void)arg;
    run.answers++;
    run.answer_rank = rank;
    run.answer_handle = m->u.offer.handle;
    run.answer_size = m->u.offer.size;
    run.answer_code = m->u.offer.code;
}

static void up(void)
{
    static struct task_template task;
    struct err err = {0};
    bool fresh;
    memset(&run, 0, sizeof(run));
    run.dir = tmpdir_make("t_receive");
    assert_non_null(run.dir);
    run.jobs[0].id = "job";
    run.jobs[0].templates = &task;
    run.jobs[0].tasks.count = 1000;
    run.jobs[0].tasks.kind = TASKS_COMMANDS;
    run.spec.jobs = run.jobs;
    run.spec.job_count = 1;
    net_up(3, NULL);
    run.rundir = rundir_open(run.dir, "x", 1, "/x", NULL, &fresh, &err);
    run.writer = writer_create(&err);
    run.incoming = incoming_create(run.rundir, run.writer, &err);
    if (!run.incoming)
        fail_msg("%s", err.text);
    const struct receiver_config config = {.bulk = net.ranks[0].comm,
                                           .transfers = net.ranks[0].transfers,
                                           .io = net.ranks[0].io,
                                           .spec = &run.spec,
                                           .incoming = run.incoming,
                                           .answer = on_answer};
    run.receiver = receiver_create(&config, &err);
    assert_non_null(run.receiver);
    for (uint32_t i = 0; i < 3; i++) {
        run.offers[i] =
            offers_create(net.ranks[i].comm, net.ranks[i].transfers, &err);
        assert_non_null(run.offers[i]);
    }
    net_more = incoming_more;
    net_more_fd = incoming_fd(run.incoming);
}

static void rank_dies(uint32_t rank)
{
    offers_destroy(run.offers[rank]);
    run.offers[rank] = NULL;
    net_kill(rank);
    transfers_lost(net.ranks[0].transfers, rank);
    receiver_lost(run.receiver, rank);
}

static void down(void)
{
    struct err err;
    net_more = NULL;
    net_more_fd = -1;
    for (uint32_t i = 0; i < 3; i++)
        offers_destroy(run.offers[i]);
    receiver_destroy(run.receiver);
    incoming_destroy(run.incoming, NS_PER_SEC);
    writer_destroy(run.writer, NS_PER_SEC, &err);
    rundir_close(run.rundir);
    net_down();
    tmpdir_remove(run.dir);
}

struct taken {
    bool called;
    struct offer_taken what;
    uint64_t bytes;
    uint32_t index;
};

static void on_taken(void *arg, const struct offer_taken *taken)
{
    struct taken *t = arg;
    assert_false(t->called);
    t->called = true;
    t->what = *taken;
}

static uint64_t offer(uint32_t rank, struct taken *t, uint32_t index,
                      uint64_t bytes)
{
    struct err err;
    struct offer_file f = {.job = 0,
                           .index = index,
                           .attempt = 1,
                           .name = "out/x",
                           .mode = 0640,
                           .fd = file_make(bytes),
                           .bytes = bytes};
    *t = (struct taken){.bytes = bytes, .index = index};
    uint64_t handle = offers_file(run.offers[rank], &f, on_taken, t, &err);
    assert_true(handle != 0);
    return handle;
}

/* It is where it was said to be. */
static void check_stored(const struct taken *t)
{
    char id[32];
    struct err err;
    struct digest d;
    uint64_t offset;
    unsigned char byte;
    snprintf(id, sizeof(id), "%u", t->index);
    struct returned_of of = {"job", id, 1};
    struct attempt_file f = {.name = (char[]){"out/x"},
                             .place = t->what.packed ? FILE_PACKED : FILE_OWN,
                             .session = t->what.session,
                             .offset = t->what.offset,
                             .bytes = t->bytes,
                             .digest = t->what.digest};
    assert_true(t->called);
    assert_int_equal(t->what.failure, FAILURE_NONE);
    assert_int_equal(t->what.packed, t->bytes <= RETURNED_MAX_PACKED);
    digest_make(t->bytes, &d);
    assert_memory_equal(&t->what.digest, &d, sizeof(d));
    writer_flush(run.writer); /* as the manager does, turn after turn */
    int fd = returned_open(run.rundir, &of, &f, &offset, &err);
    for (int i = 0; fd < 0 && t->what.packed && i < 5000; i++) {
        usleep(1000); /* the writer has it, and writes it before its record */
        fd = returned_open(run.rundir, &of, &f, &offset, &err);
    }
    if (fd < 0)
        fail_msg("%s", err.text);
    for (uint64_t at = 0; at < t->bytes; at += 1 + t->bytes / 1000) {
        assert_int_equal(pread(fd, &byte, 1, (off_t)(offset + at)), 1);
        assert_int_equal(byte, byte_at(at));
    }
    close(fd);
}

static void test_files(void **state)
{
    static const uint64_t sizes[] = {0, 1, 65536, 65537, 3 * MIB + 1};
    struct taken t[3][5];
    (void)state;
    up();
    for (uint32_t rank = 0; rank < 3; rank++)
        for (uint32_t i = 0; i < 5; i++)
            offer(rank, &t[rank][i], rank * 10 + i, sizes[i]);
    for (uint32_t rank = 0; rank < 3; rank++)
        for (uint32_t i = 0; i < 5; i++) {
            assert_true(net_until(&t[rank][i].called, 1000 * NS_PER_SEC));
            check_stored(&t[rank][i]);
        }
    assert_int_equal(receiver_pending(run.receiver), 0);
    down();
}

static void test_many(void **state)
{
    enum { MANY = 500 };
    static struct taken t[MANY];
    (void)state;
    up();
    for (uint32_t i = 0; i < MANY; i++)
        offer(1 + i % 2, &t[i], i, i % 50 == 0 ? 100000 : i);
    net_run(NS_PER_US);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(net_until(&t[i].called, 1000 * NS_PER_SEC));
        check_stored(&t[i]);
    }
    down();
}

static unsigned own_files;

static int count_one(const char *path, const struct stat *st, int type,
                     struct FTW *at)
{
    (void)path;
    (void)st;
    (void)at;
    own_files += type == FTW_F;
    return 0;
}

/* Files of their own in the run directory, under any name. */
static unsigned count_own(void)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/files", run.dir);
    own_files = 0;
    nftw(path, count_one, 16, FTW_PHYS);
    return own_files;
}

/* A rank dies in the middle: no part of its files stays; another's come. One
 * that was whole may, though the rank was not told any more. */
static void test_death(void **state)
{
    (void)state;
    for (int steps = 1; steps < 400; steps = steps * 3 + 1) {
        struct taken lost[2], other;
        static const bool never;
        up();
        offer(1, &lost[0], 1, 4 * MIB);
        offer(1, &lost[1], 2, 100);
        for (int i = 0; i < steps; i++)
            net_step();
        rank_dies(1);
        offer(2, &other, 3, 2 * MIB);
        assert_true(net_until(&other.called, 1000 * NS_PER_SEC));
        check_stored(&other);
        net_until(&never, 20 * NS_PER_MS); /* a step takes 1 ms in truth */
        assert_int_equal(receiver_pending(run.receiver), 0);
        assert_true(count_own() >= 1 + (unsigned)lost[0].called);
        assert_true(count_own() <= 2);
        down();
    }
}

static void test_withdrawn(void **state)
{
    (void)state;
    for (int steps = 0; steps < 200; steps = steps * 3 + 1) {
        struct taken gone, other;
        up();
        uint64_t handle = offer(1, &gone, 1, 4 * MIB);
        for (int i = 0; i < steps; i++)
            net_step();
        offers_withdraw(run.offers[1], handle);
        offer(1, &other, 2, 100);
        assert_true(net_until(&other.called, 1000 * NS_PER_SEC));
        net_run(NS_PER_SEC);
        assert_false(gone.called);
        assert_int_equal(receiver_pending(run.receiver), 0);
        assert_true(count_own() <= 1);
        down();
    }
}

/* A name that may not be one is refused; the task is told. */
static void test_bad_name(void **state)
{
    struct taken t = {0};
    struct err err;
    struct offer_file f = {.attempt = 1,
                           .name = "../../etc/passwd",
                           .fd = file_make(10),
                           .bytes = 10};
    (void)state;
    up();
    assert_true(offers_file(run.offers[1], &f, on_taken, &t, &err) != 0);
    assert_true(net_until(&t.called, NS_PER_SEC));
    assert_int_not_equal(t.what.failure, FAILURE_NONE);
    down();
}

/* ---- answers ---- */

struct answer {
    bool ended;
    struct landing_end end;
};

static void on_ended(void *arg, const struct landing_end *end)
{
    struct answer *a = arg;
    assert_false(a->ended);
    a->ended = true;
    a->end = *end;
}

static void answer(uint32_t rank, struct taken *t, uint64_t bytes)
{
    struct err err;
    struct offer_answer a = {
        .ask = 7, .fd = file_make(bytes), .bytes = bytes, .size = 2 * bytes};
    unsigned before = run.answers;
    *t = (struct taken){0};
    assert_true(offers_answer(run.offers[rank], &a, on_taken, t, &err) != 0);
    for (int i = 0; i < 100 && run.answers == before; i++)
        net_step();
    assert_int_equal(run.answers, before + 1);
}

static void test_answers(void **state)
{
    struct taken t;
    struct answer a = {0};
    struct err err;
    (void)state;
    up();
    int fd = file_make(0);
    answer(1, &t, MIB);
    assert_int_equal(run.answer_rank, 1);
    assert_int_equal(run.answer_size, 2 * MIB);
    receiver_take(run.receiver, 1, run.answer_handle, fd, NULL, on_ended, &a);
    assert_true(net_until(&a.ended, NS_PER_SEC));
    assert_int_equal(a.end.end, TRANSFER_WHOLE);
    assert_int_equal(a.end.bytes, MIB);
    file_check(fd, MIB);
    assert_true(net_until(&t.called, NS_PER_SEC));
    assert_int_equal(t.what.failure, FAILURE_NONE);
    close(fd);
    /* declined, at once and in the middle */
    for (int steps = 0; steps < 40; steps += 8) {
        a.ended = false;
        fd = file_make(0);
        answer(1, &t, 2 * MIB);
        if (steps > 0)
            receiver_take(run.receiver, 1, run.answer_handle, fd, NULL,
                          on_ended, &a);
        for (int i = 0; i < steps; i++)
            net_step();
        bool ended = a.ended;
        receiver_decline(run.receiver, 1, run.answer_handle);
        assert_true(net_until(&t.called, NS_PER_SEC));
        assert_int_equal(a.ended, ended);
        close(fd);
    }
    /* nothing to take */
    struct offer_answer none = {
        .ask = 8, .code = ENOENT, .text = "no such file", .fd = -1};
    t = (struct taken){0};
    assert_true(offers_answer(run.offers[2], &none, on_taken, &t, &err) != 0);
    net_run(NS_PER_MS);
    assert_int_equal(run.answer_code, ENOENT);
    receiver_decline(run.receiver, 2, run.answer_handle);
    assert_true(net_until(&t.called, NS_PER_SEC));
    assert_int_equal(receiver_pending(run.receiver), 0);
    down();
}

/* Who answers dies: before it is taken, while it is. */
static void test_answer_lost(void **state)
{
    struct taken t;
    (void)state;
    for (int steps = 0; steps < 30; steps += 10) {
        struct answer a = {0};
        up();
        int fd = file_make(0);
        answer(1, &t, 4 * MIB);
        if (steps == 0)
            rank_dies(1);
        receiver_take(run.receiver, 1, run.answer_handle, fd, NULL, on_ended,
                      &a);
        for (int i = 0; i < steps; i++)
            net_step();
        if (steps > 0)
            rank_dies(1);
        assert_true(net_until(&a.ended, NS_PER_SEC));
        assert_int_equal(a.end.end, TRANSFER_LOST);
        net_run(NS_PER_SEC);
        assert_int_equal(receiver_pending(run.receiver), 0);
        close(fd);
        down();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_death),       cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_bad_name),    cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answer_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
