/* The event loop: order within a turn, ties, removal in the middle, naps. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "comm/loop.h"

struct timer {
    struct loop_timer timer; /* the first member */
    char name;
    int64_t again_ns; /* start anew after so long */
    bool stop;        /* the loop */
};

struct fd {
    struct loop_fd fd; /* the first member */
    int write;
    char name;
    struct fd *removes;
};

static struct {
    struct loop *loop;
    char trace[64];
    size_t len;
    int turns, stop_after_turns;
    int busy_turns;
    int64_t woken_ns, woken_wall_ns;
} t;

static void trace(char c)
{
    if (t.len < sizeof(t.trace) - 1)
        t.trace[t.len++] = c;
}

static int setup(void **state)
{
    struct err err;
    (void)state;
    memset(&t, 0, sizeof(t));
    t.loop = loop_create(&err);
    return t.loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(t.loop);
    return 0;
}

static void on_timer(struct loop_timer *timer)
{
    struct timer *x = (struct timer *)timer;
    trace(x->name);
    if (x->again_ns)
        loop_timer_start(t.loop, timer, loop_now_ns(t.loop) + x->again_ns,
                         NULL);
    if (x->stop)
        loop_stop(t.loop);
}

static void timer_up(struct timer *x, char name, int64_t in_ns)
{
    *x = (struct timer){.name = name};
    loop_timer_init(&x->timer, on_timer);
    assert_int_equal(
        loop_timer_start(t.loop, &x->timer, loop_now_ns(t.loop) + in_ns, NULL),
        0);
}

static void on_fd(struct loop_fd *fd, uint32_t events)
{
    struct fd *x = (struct fd *)fd;
    char byte;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(fd->fd, &byte, 1), 1);
    trace(x->name);
    if (x->removes)
        loop_remove_fd(t.loop, &x->removes->fd);
    loop_stop(t.loop);
}

static void fd_up(struct fd *x, char name)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    *x = (struct fd){.fd = {on_fd, fds[0]}, .write = fds[1], .name = name};
    assert_int_equal(loop_add_fd(t.loop, &x->fd, EPOLLIN, NULL), 0);
}

static void fd_down(struct fd *x)
{
    loop_remove_fd(t.loop, &x->fd);
    close(x->fd.fd);
    close(x->write);
}

static void run(void)
{
    struct err err;
    assert_int_equal(loop_run(t.loop, &err), 0);
}

static void test_timers(void **state)
{
    struct timer x[6];
    (void)state;
    timer_up(&x[0], 'c', 2 * NS_PER_MS);
    timer_up(&x[1], 'a', NS_PER_MS);
    timer_up(&x[2], 'b', NS_PER_MS); /* a tie: started later */
    timer_up(&x[3], 'x', NS_PER_MS);
    timer_up(&x[4], 'd', 3 * NS_PER_MS);
    timer_up(&x[5], '0', -NS_PER_SEC); /* long due */
    x[4].stop = true;
    loop_timer_stop(t.loop, &x[3].timer);
    loop_timer_stop(t.loop, &x[3].timer);
    int64_t start = clock_mono_ns();
    run();
    assert_true(clock_mono_ns() - start >= 2 * NS_PER_MS);
    assert_string_equal(t.trace, "0abcd");
    /* moved: once, at the new time */
    t.len = 0;
    memset(t.trace, 0, sizeof(t.trace));
    timer_up(&x[0], 'a', NS_PER_MS);
    timer_up(&x[1], 'b', 2 * NS_PER_MS);
    loop_timer_start(t.loop, &x[0].timer, loop_now_ns(t.loop) + 3 * NS_PER_MS,
                     NULL);
    x[0].stop = true;
    run();
    assert_string_equal(t.trace, "ba");
}

/* One that starts itself anew in the past does not hold up the others. */
static void test_timer_hog(void **state)
{
    struct timer hog, other;
    (void)state;
    timer_up(&hog, 'h', 0);
    hog.again_ns = -NS_PER_SEC;
    timer_up(&other, 'o', NS_PER_MS);
    other.stop = true;
    run();
    assert_non_null(strchr(t.trace, 'h'));
    assert_true(hog.timer.node.at != HEAP_OUT);
}

static void test_fds(void **state)
{
    struct fd a, b;
    (void)state;
    fd_up(&a, 'a');
    fd_up(&b, 'b');
    assert_int_equal(write(b.write, "x", 1), 1);
    run();
    assert_string_equal(t.trace, "b");
    assert_int_equal(write(a.write, "x", 1), 1);
    assert_int_equal(write(b.write, "x", 1), 1);
    run();
    run();
    assert_int_equal(t.len, 3);
    struct loop_fd bad = {on_fd, -1};
    struct err err = {0};
    assert_int_equal(loop_add_fd(t.loop, &bad, EPOLLIN, &err), -1);
    assert_int_equal(err.code, EBADF);
    fd_down(&a);
    fd_down(&b);
}

static void on_fd_remove(struct loop_fd *fd, uint32_t events)
{
    struct fd *x = (struct fd *)fd;
    (void)events;
    trace(x->name);
    loop_remove_fd(t.loop, &x->removes->fd);
}

/* Each of two ready ones removes the other: only one is called. */
static void test_removed_in_turn(void **state)
{
    struct fd a, b;
    struct timer end, stop;
    (void)state;
    fd_up(&a, 'a');
    fd_up(&b, 'b');
    a.removes = &b;
    b.removes = &a;
    a.fd.ready = b.fd.ready = on_fd_remove;
    assert_int_equal(write(a.write, "x", 1), 1);
    assert_int_equal(write(b.write, "x", 1), 1);
    timer_up(&end, 'e', 0);
    timer_up(&stop, 's', NS_PER_MS);
    stop.stop = true;
    run();
    /* the one that is left stays ready until the end */
    assert_int_equal(t.trace[0], 'e');
    assert_true(!strchr(t.trace, 'a') != !strchr(t.trace, 'b'));
    fd_down(&a);
    fd_down(&b);
}

/* Removes itself; nothing is called twice. */
static void test_removes_itself(void **state)
{
    struct fd a;
    struct timer stop;
    (void)state;
    fd_up(&a, 'f');
    a.removes = &a;
    a.fd.ready = on_fd_remove;
    assert_int_equal(write(a.write, "x", 1), 1);
    timer_up(&stop, 's', 2 * NS_PER_MS);
    stop.stop = true;
    run();
    assert_string_equal(t.trace, "fs");
    fd_down(&a);
}

static bool on_turn(void *arg)
{
    t.turns++;
    if (arg)
        trace(*(const char *)arg);
    if (t.turns == t.stop_after_turns)
        loop_stop(t.loop);
    return t.turns <= t.busy_turns;
}

static void test_turns(void **state)
{
    struct timer x;
    struct err err = {0};
    static const char names[] = "1234";
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            loop_add_turn(t.loop, on_turn, (void *)&names[i], &err), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(loop_add_turn(t.loop, on_turn, NULL, &err), 0);
    assert_int_equal(loop_add_turn(t.loop, on_turn, NULL, &err), -1);
    assert_int_equal(err.code, ENOSPC);
    timer_up(&x, 't', 0);
    t.stop_after_turns = 16;
    run();
    assert_string_equal(t.trace, "1234t1234");
    assert_int_equal(t.turns, 16);
}

/* Behind loop_stop nothing is called: no turn, no timer that is due. */
static void test_stop_is_the_end(void **state)
{
    struct timer stop, late;
    static const char names[] = "12";
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            loop_add_turn(t.loop, on_turn, (void *)&names[i], NULL), 0);
    timer_up(&late, 'l', 0);
    t.stop_after_turns = 1;
    run();
    assert_string_equal(t.trace, "1");
    t.stop_after_turns = 0;
    timer_up(&stop, 's', -NS_PER_SEC); /* due before the other */
    stop.stop = true;
    run();
    assert_string_equal(t.trace, "112s");
    loop_timer_stop(t.loop, &late.timer);
}

/* A busy loop does not nap; an idle one naps, longer and longer. */
static void test_naps(void **state)
{
    struct timer stop;
    struct rusage before, after;
    (void)state;
    assert_int_equal(loop_add_turn(t.loop, on_turn, NULL, NULL), 0);
    t.busy_turns = t.stop_after_turns = 1000;
    int64_t start = clock_mono_ns();
    run();
    assert_true(clock_mono_ns() - start < NS_PER_SEC / 2);
    t.turns = t.busy_turns = t.stop_after_turns = 0;
    timer_up(&stop, 's', 300 * NS_PER_MS);
    stop.stop = true;
    getrusage(RUSAGE_SELF, &before);
    run();
    getrusage(RUSAGE_SELF, &after);
    assert_in_range(t.turns, 2, 310); /* of 1 ms, after the first few */
    int64_t cpu_us =
        (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
        after.ru_utime.tv_usec - before.ru_utime.tv_usec +
        (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
        after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    print_message("300 ms idle: %d turns, %lld us of CPU\n", t.turns,
                  (long long)cpu_us);
    assert_true(cpu_us < 150000);
    /* after a second of nothing the naps are of 5 ms */
    t.turns = 0;
    timer_up(&stop, 's', 1200 * NS_PER_MS);
    stop.stop = true;
    run();
    t.turns = 0;
    timer_up(&stop, 's', 200 * NS_PER_MS);
    stop.stop = true;
    run();
    assert_in_range(t.turns, 2, 45);
}

/* Without turns it sleeps; a descriptor wakes it, and finds a fresh time. */
static void on_expired(struct loop_fd *fd, uint32_t events)
{
    uint64_t count;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(fd->fd, &count, sizeof(count)), sizeof(count));
    t.woken_ns = loop_now_ns(t.loop);
    t.woken_wall_ns = loop_wall_ns(t.loop);
    loop_stop(t.loop);
}

static void test_time_after_wait(void **state)
{
    struct itimerspec when = {.it_value.tv_nsec = 100 * NS_PER_MS};
    struct loop_fd fd = {.ready = on_expired};
    (void)state;
    fd.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    assert_true(fd.fd >= 0);
    assert_int_equal(loop_add_fd(t.loop, &fd, EPOLLIN, NULL), 0);
    int64_t start = clock_mono_ns(), wall = clock_wall_ns();
    assert_int_equal(timerfd_settime(fd.fd, 0, &when, NULL), 0);
    run();
    assert_true(t.woken_ns - start >= 100 * NS_PER_MS);
    assert_true(t.woken_wall_ns - wall >= 90 * NS_PER_MS);
    loop_remove_fd(t.loop, &fd);
    close(fd.fd);
}

static void test_stop_before_run(void **state)
{
    (void)state;
    loop_stop(t.loop);
    run();
}

static void test_no_memory(void **state)
{
    struct err err = {0};
    struct timer x = {0};
    (void)state;
    mem_fail_at(1);
    assert_null(loop_create(&err));
    assert_int_equal(err.code, ENOMEM);
    loop_timer_init(&x.timer, on_timer);
    mem_fail_at(1);
    assert_int_equal(loop_timer_start(t.loop, &x.timer, 0, &err), -1);
    mem_fail_at(0);
    assert_int_equal(err.code, ENOMEM);
    loop_timer_stop(t.loop, &x.timer);
    loop_destroy(NULL);
}

/* Many timers at random times fire in order. */
static int64_t last_ns;

static void on_ordered(struct loop_timer *timer)
{
    assert_true(timer->at_ns >= last_ns);
    last_ns = timer->at_ns;
    if (++t.turns == 2000)
        loop_stop(t.loop);
}

static void test_stress(void **state)
{
    static struct loop_timer timers[2000];
    uint64_t random = 5;
    (void)state;
    last_ns = INT64_MIN;
    for (int i = 0; i < 2000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        loop_timer_init(&timers[i], on_ordered);
        loop_timer_start(t.loop, &timers[i],
                         loop_now_ns(t.loop) +
                             (int64_t)(random >> 33) % (5 * NS_PER_MS),
                         NULL);
    }
    run();
    assert_int_equal(t.turns, 2000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_timers),
        T(test_timer_hog),
        T(test_fds),
        T(test_removed_in_turn),
        T(test_removes_itself),
        T(test_turns),
        T(test_stop_is_the_end),
        T(test_naps),
        T(test_time_after_wait),
        T(test_stop_before_run),
        T(test_no_memory),
        T(test_stress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
