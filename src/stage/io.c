/* Threads for what may wait: see io.h.
 *
 * One mutex guards the queues and the list of ended jobs. The eventfd is
 * written when that list stops being empty, and read before it is taken: no
 * wake-up is lost, and many ends cost one.
 */
#include "config.h"
#include "stage/io.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct queue {
    struct io_job *first, **last;
};

struct io {
    pthread_mutex_t lock;
    pthread_cond_t more;        /* a job that somebody may take, or the end */
    struct queue shorts, longs; /* waiting */
    struct queue ended;         /* to be done */
    uint32_t long_running;      /* long jobs in threads */
    uint32_t thread_count;      /* threads that were started */
    bool ending;
    uint32_t pending; /* the loop's alone */
    int event_fd;
    pthread_t threads[IO_MAX_THREADS];
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_add(struct queue *q, struct io_job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
}

static struct io_job *queue_take(struct queue *q)
{
    struct io_job *j = q->first;
    if (!j)
        return NULL;
    q->first = j->next;
    if (!q->first)
        q->last = &q->first;
    return j;
}

/* The next job for a thread: short ones first, and one thread is left to them.
 * With the lock held. */
static struct io_job *take(struct io *io, bool *is_long)
{
    struct io_job *j = queue_take(&io->shorts);
    *is_long = false;
    if (!j && io->long_running + 1 < io->thread_count) {
        j = queue_take(&io->longs);
        *is_long = j != NULL;
    }
    return j;
}

static void end_job(struct io *io, struct io_job *j, bool was_long)
{
    static const uint64_t one = 1;
    pthread_mutex_lock(&io->lock);
    bool first = !io->ended.first;
    queue_add(&io->ended, j);
    if (was_long) {
        io->long_running--;
        if (io->longs.first)
            pthread_cond_signal(&io->more);
    }
    pthread_mutex_unlock(&io->lock);
    if (first)
        while (write(io->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
}

static void *thread_main(void *arg)
{
    struct io *io = arg;
    pthread_mutex_lock(&io->lock);
    for (;;) {
        bool is_long;
        struct io_job *j = NULL;
        while (!io->ending && !(j = take(io, &is_long)))
            pthread_cond_wait(&io->more, &io->lock);
        if (!j)
            break;
        io->long_running += is_long;
        pthread_mutex_unlock(&io->lock);
        err_clear(&j->err);
        j->rc = j->work(j, &j->err);
        end_job(io, j, is_long);
        pthread_mutex_lock(&io->lock);
    }
    pthread_mutex_unlock(&io->lock);
    return NULL;
}

struct io *io_create(uint32_t threads, struct err *err)
{
    assert(threads >= 2 && threads <= IO_MAX_THREADS);
    struct io *io = mem_calloc(1, sizeof(*io));
    if (!io) {
        err_set(err, ENOMEM, "no memory for the threads of staging");
        return NULL;
    }
    queue_init(&io->shorts);
    queue_init(&io->longs);
    queue_init(&io->ended);
    pthread_mutex_init(&io->lock, NULL);
    pthread_cond_init(&io->more, NULL);
    io->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->event_fd < 0) {
        err_sys(err, errno, "cannot make an eventfd");
        io_destroy(io);
        return NULL;
    }
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = 0;
    pthread_mutex_lock(&io->lock);
    while (rc == 0 && io->thread_count < threads) {
        rc = pthread_create(&io->threads[io->thread_count], NULL, thread_main,
                            io);
        io->thread_count += rc == 0;
    }
    pthread_mutex_unlock(&io->lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        err_sys(err, rc, "cannot start a thread for staging");
        io_destroy(io);
        return NULL;
    }
    return io;
}

/* Done of all that is in the list, less the lock. */
static bool run_ended(struct io *io)
{
    pthread_mutex_lock(&io->lock);
    struct io_job *j = io->ended.first;
    queue_init(&io->ended);
    pthread_mutex_unlock(&io->lock);
    bool any = j != NULL;
    while (j) {
        struct io_job *next = j->next; /* done may free j */
        io->pending--;
        j->done(j, j->rc, &j->err);
        j = next;
    }
    return any;
}

void io_destroy(struct io *io)
{
    if (!io)
        return;
    int saved = errno;
    pthread_mutex_lock(&io->lock);
    io->ending = true;
    pthread_cond_broadcast(&io->more);
    pthread_mutex_unlock(&io->lock);
    for (uint32_t i = 0; i < io->thread_count; i++)
        pthread_join(io->threads[i], NULL);
    do {
        struct io_job *j;
        while ((j = queue_take(&io->shorts)) || (j = queue_take(&io->longs))) {
            j->rc = err_set(&j->err, ECANCELED, "given up");
            queue_add(&io->ended, j);
        }
    } while (run_ended(io));
    if (io->event_fd >= 0)
        close(io->event_fd);
    pthread_cond_destroy(&io->more);
    pthread_mutex_destroy(&io->lock);
    mem_free(io);
    errno = saved;
}

static void start(struct io *io, struct queue *q, struct io_job *j)
{
    io->pending++;
    pthread_mutex_lock(&io->lock);
    queue_add(q, j);
    pthread_cond_signal(&io->more);
    pthread_mutex_unlock(&io->lock);
}

void io_start(struct io *io, struct io_job *j)
{
    start(io, &io->shorts, j);
}

void io_start_long(struct io *io, struct io_job *j)
{
    start(io, &io->longs, j);
}

int io_fd(const struct io *io)
{
    return io->event_fd;
}

bool io_turn(struct io *io)
{
    uint64_t ends;
    while (read(io->event_fd, &ends, sizeof(ends)) < 0 && errno == EINTR)
        ;
    return run_ended(io);
}

uint32_t io_pending(const struct io *io)
{
    return io->pending;
}
