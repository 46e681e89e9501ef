/* The event loop: see loop.h. The wait is a ppoll of the epoll descriptor:
 * epoll_wait counts in milliseconds, a nap is less. */
#include "config.h"
#include "comm/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"

enum { LOOP_MAX_TURNS = 8, LOOP_BATCH = 64 };
#define NAP_MIN_NS  (50 * NS_PER_US)
#define NAP_MAX_NS  (1 * NS_PER_MS)
#define NAP_LONG_NS (5 * NS_PER_MS)
/* Idle for so long: naps are long. */
#define IDLE_LONG_NS (1 * NS_PER_SEC)

struct loop {
    int epoll;
    bool stopped;
    int64_t now_ns, wall_ns;
    int64_t busy_ns; /* when something happened last */
    int64_t nap_ns;  /* the next one */
    struct heap timers;
    uint64_t order;
    struct turn {
        bool (*turn)(void *arg);
        void *arg;
    } turns[LOOP_MAX_TURNS];
    int turn_count;
    struct epoll_event batch[LOOP_BATCH]; /* being handled: next..count-1 */
    int batch_next, batch_count;
};

static struct loop_timer *timer_of(const struct heap_node *n)
{
    return (struct loop_timer *)n; /* its first member */
}

static int compare_timers(const struct heap_node *a, const struct heap_node *b)
{
    const struct loop_timer *s = timer_of(a), *t = timer_of(b);
    if (s->at_ns != t->at_ns)
        return s->at_ns < t->at_ns ? -1 : 1;
    return s->order < t->order ? -1 : 1;
}

static void take_time(struct loop *l)
{
    l->now_ns = clock_mono_ns();
    l->wall_ns = clock_wall_ns();
}

static void mark_busy(struct loop *l)
{
    l->busy_ns = l->now_ns;
    l->nap_ns = NAP_MIN_NS;
}

struct loop *loop_create(struct err *err)
{
    struct loop *l = mem_calloc(1, sizeof(*l));
    if (!l) {
        err_set(err, ENOMEM, "event loop: no memory");
        return NULL;
    }
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        err_sys(err, errno, "event loop");
        mem_free(l);
        return NULL;
    }
    heap_init(&l->timers, compare_timers);
    take_time(l);
    mark_busy(l);
    return l;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    int saved = errno;
    heap_fini(&l->timers);
    close(l->epoll);
    mem_free(l);
    errno = saved;
}

int64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}

int64_t loop_wall_ns(const struct loop *l)
{
    return l->wall_ns;
}

int loop_add_fd(struct loop *l, struct loop_fd *fd, uint32_t events,
                struct err *err)
{
    struct epoll_event e = {.events = events, .data.ptr = fd};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd->fd, &e) < 0)
        return err_sys(err, errno, "event loop: descriptor %d", fd->fd);
    return 0;
}

void loop_remove_fd(struct loop *l, struct loop_fd *fd)
{
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd->fd, NULL);
    for (int i = l->batch_next; i < l->batch_count; i++)
        if (l->batch[i].data.ptr == fd)
            l->batch[i].data.ptr = NULL;
}

void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop_timer *))
{
    *t = (struct loop_timer){.fire = fire};
    heap_node_init(&t->node);
}

int loop_timer_start(struct loop *l, struct loop_timer *t, int64_t at_ns,
                     struct err *err)
{
    t->at_ns = at_ns;
    t->order = l->order++;
    if (t->node.at != HEAP_OUT)
        heap_update(&l->timers, &t->node);
    else if (heap_add(&l->timers, &t->node) < 0)
        return err_set(err, ENOMEM, "event loop: no memory for a timer");
    return 0;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    heap_remove(&l->timers, &t->node);
}

int loop_add_turn(struct loop *l, bool (*turn)(void *arg), void *arg,
                  struct err *err)
{
    if (l->turn_count == LOOP_MAX_TURNS)
        return err_set(err, ENOSPC, "event loop: over %d turn functions",
                       LOOP_MAX_TURNS);
    l->turns[l->turn_count++] = (struct turn){turn, arg};
    return 0;
}

static bool run_turns(struct loop *l)
{
    bool moved = false;
    for (int i = 0; i < l->turn_count && !l->stopped; i++)
        moved |= l->turns[i].turn(l->turns[i].arg);
    return moved;
}

/* At most as many as there were at first: one that starts itself anew in the
 * past cannot hold up the rest for ever. Did any fire? */
static bool run_timers(struct loop *l)
{
    struct heap_node *n;
    bool fired = false;
    for (size_t left = l->timers.count; left > 0 && !l->stopped; left--) {
        n = heap_top(&l->timers);
        if (!n || timer_of(n)->at_ns > l->now_ns)
            break;
        heap_remove(&l->timers, n);
        timer_of(n)->fire(timer_of(n));
        fired = true;
    }
    return fired;
}

/* How long to wait: until the next timer; a nap, if there is something that
 * wakes nobody; -1: until a descriptor is ready. */
static int64_t wait_ns(struct loop *l)
{
    const struct heap_node *n = heap_top(&l->timers);
    int64_t wait = n ? timer_of(n)->at_ns - l->now_ns : -1;
    if (n && wait < 0)
        wait = 0;
    if (l->turn_count == 0)
        return wait;
    int64_t nap = l->nap_ns;
    if (l->now_ns - l->busy_ns > IDLE_LONG_NS)
        nap = NAP_LONG_NS;
    else if (2 * nap <= NAP_MAX_NS)
        l->nap_ns = 2 * nap;
    else
        l->nap_ns = NAP_MAX_NS;
    return n && wait < nap ? wait : nap;
}

/* Wait for descriptors. How many are ready, in the batch; -1: errno. */
static int wait_fds(struct loop *l, int64_t ns)
{
    struct pollfd p = {.fd = l->epoll, .events = POLLIN};
    struct timespec ts = {.tv_sec = ns / NS_PER_SEC,
                          .tv_nsec = ns % NS_PER_SEC};
    if (ns != 0) {
        int n = ppoll(&p, 1, ns < 0 ? NULL : &ts, NULL);
        if (n < 0)
            return errno == EINTR ? 0 : -1;
        if (n == 0)
            return 0;
    }
    int n = epoll_wait(l->epoll, l->batch, LOOP_BATCH, 0);
    return n < 0 && errno == EINTR ? 0 : n;
}

static int handle_fds(struct loop *l, int64_t ns, struct err *err)
{
    int count = wait_fds(l, ns);
    if (count < 0)
        return err_sys(err, errno, "event loop: waiting");
    if (ns != 0)
        take_time(l);
    if (count > 0)
        mark_busy(l);
    l->batch_count = count;
    for (l->batch_next = 0; l->batch_next < count && !l->stopped;) {
        struct epoll_event *e = &l->batch[l->batch_next++];
        struct loop_fd *fd = e->data.ptr;
        if (fd)
            fd->ready(fd, e->events);
    }
    l->batch_next = l->batch_count = 0;
    return 0;
}

int loop_run(struct loop *l, struct err *err)
{
    while (!l->stopped) {
        take_time(l);
        bool moved = run_turns(l);
        bool fired = run_timers(l); /* what it did may be for the turns */
        if (moved)
            mark_busy(l);
        if (l->stopped)
            break;
        if (handle_fds(l, moved || fired ? 0 : wait_ns(l), err) < 0)
            return -1;
    }
    l->stopped = false;
    return 0;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}
