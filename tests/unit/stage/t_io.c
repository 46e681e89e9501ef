/* Tests of stage/io: order, both queues, the eventfd, the end with jobs
 * waiting, errors, signals. Made to be run under a thread sanitizer as well. */
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "stage/io.h"

struct job {
    struct io_job job; /* first: a job is found by it */
    struct io *io;
    int gate;  /* read a byte from it before anything else; -1: no */
    int fail;  /* errno to fail with */
    int again; /* how often done starts it again */
    int done, rc, code;
    unsigned order; /* in which it was done */
    bool is_long;
    bool signals_blocked;
    pthread_t worker;
};

static unsigned done_count;
static atomic_uint work_count;

static int work(struct io_job *io_job, struct err *err)
{
    struct job *j = (struct job *)io_job;
    sigset_t mask;
    char c;
    atomic_fetch_add(&work_count, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    j->signals_blocked =
        sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1;
    j->worker = pthread_self();
    if (j->gate >= 0 && read(j->gate, &c, 1) != 1)
        return err_sys(err, errno, "gate");
    return j->fail ? err_set(err, j->fail, "asked for") : 0;
}

static void start(struct job *j)
{
    if (j->is_long)
        io_start_long(j->io, &j->job);
    else
        io_start(j->io, &j->job);
}

static void done(struct io_job *io_job, int rc, const struct err *err)
{
    struct job *j = (struct job *)io_job;
    j->done++;
    j->rc = rc;
    j->code = err->code;
    j->order = done_count++;
    if (j->again-- > 0)
        start(j);
}

static struct job job(struct io *io, bool is_long)
{
    return (struct job){.job = {.work = work, .done = done},
                        .io = io,
                        .is_long = is_long,
                        .gate = -1};
}

static struct io *create(uint32_t threads)
{
    struct err err;
    struct io *io = io_create(threads, &err);
    assert_non_null(io);
    done_count = 0;
    atomic_store(&work_count, 0);
    return io;
}

static bool readable(struct io *io, int ms)
{
    struct pollfd p = {.fd = io_fd(io), .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

/* As a loop does it. */
static void wait_for(struct io *io, uint32_t left)
{
    while (io_pending(io) > left) {
        assert_true(readable(io, 20000));
        assert_true(io_turn(io));
    }
}

static void many(void **state)
{
    enum { JOBS = 2000 };
    static struct job jobs[JOBS];
    struct io *io = create(4);
    (void)state;
    assert_false(readable(io, 0));
    assert_false(io_turn(io));
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = job(io, i % 3 == 0);
        jobs[i].fail = i % 5 == 0 ? ENOSPC : 0;
        jobs[i].again = i % 7 == 0;
        start(&jobs[i]);
    }
    assert_int_equal(io_pending(io), JOBS);
    wait_for(io, 0);
    assert_false(readable(io, 0));
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].done, i % 7 == 0 ? 2 : 1);
        assert_int_equal(jobs[i].rc, i % 5 == 0 ? -1 : 0);
        assert_int_equal(jobs[i].code, i % 5 == 0 ? ENOSPC : 0);
        assert_true(jobs[i].signals_blocked);
        assert_false(pthread_equal(jobs[i].worker, pthread_self()));
    }
    io_destroy(io);
}

/* Long jobs that hang leave a thread for the short ones; those are first in,
 * first out. */
static void short_beside_long(void **state)
{
    enum { LONG = 5, SHORT = 50 };
    struct job longs[LONG], shorts[SHORT];
    int gate[2];
    struct io *io = create(3);
    (void)state;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < LONG; i++) {
        longs[i] = job(io, true);
        longs[i].gate = gate[0];
        start(&longs[i]);
    }
    for (int i = 0; i < SHORT; i++) {
        shorts[i] = job(io, false);
        start(&shorts[i]);
    }
    wait_for(io, LONG);
    assert_true(atomic_load(&work_count) <= 2 + SHORT);
    for (int i = 0; i < LONG; i++)
        assert_int_equal(longs[i].done, 0);
    assert_int_equal(write(gate[1], "12345", 5), 5);
    wait_for(io, 0);
    for (int i = 0; i < LONG; i++)
        assert_int_equal(longs[i].rc, 0);
    /* one thread, then: in order */
    for (int i = 0; i < 2; i++) {
        longs[i] = job(io, true);
        longs[i].gate = gate[0];
        start(&longs[i]);
    }
    while (atomic_load(&work_count) < LONG + SHORT + 2)
        usleep(1000);
    for (int i = 0; i < SHORT; i++)
        start(&shorts[i]);
    wait_for(io, 2);
    for (int i = 1; i < SHORT; i++)
        assert_true(shorts[i].order > shorts[i - 1].order);
    assert_int_equal(write(gate[1], "12", 2), 2);
    io_destroy(io); /* waits for the two */
    assert_int_equal(longs[0].done, 1);
    assert_int_equal(longs[1].rc, 0);
    close(gate[0]);
    close(gate[1]);
}

/* What waits when it ends is cancelled, and so is what a callback starts. */
static void cancelled(void **state)
{
    enum { LONG = 4 };
    struct job longs[LONG];
    int gate[2];
    struct io *io = create(2);
    (void)state;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < LONG; i++) {
        longs[i] = job(io, true);
        longs[i].gate = gate[0];
        longs[i].again = i == 0;
        start(&longs[i]);
    }
    while (atomic_load(&work_count) == 0)
        usleep(1000);
    assert_int_equal(write(gate[1], "1", 1), 1);
    close(gate[1]); /* whoever is still begun fails, and does not hang */
    io_destroy(io);
    assert_int_equal(longs[0].done, 2);
    assert_int_equal(longs[0].code, ECANCELED);
    for (int i = 1; i < LONG; i++)
        assert_int_equal(longs[i].done, 1);
    assert_int_equal(longs[LONG - 1].rc, -1);
    close(gate[0]);
    io_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many),
        cmocka_unit_test(short_beside_long),
        cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
