/* Orders about files that come in, and the thread that carries them out. See
 * incoming_parts.h. */
#include "config.h"
#include "store/incoming_parts.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"

#define RETRY_EVERY_NS NS_PER_SEC

/* ---- Orders ---- */

void incoming_queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_put(struct queue *q, struct order *o)
{
    o->next = NULL;
    *q->end = o;
    q->end = &o->next;
}

struct order *incoming_queue_take(struct queue *q)
{
    struct order *o = q->first;
    if (o) {
        q->first = o->next;
        if (!q->first)
            q->end = &q->first;
    }
    return o;
}

void incoming_order_free(struct order *o)
{
    mem_free(o->err);
    mem_free(o);
}

struct order *incoming_order_new(enum order_kind kind, struct incoming_file *f,
                                 const void *data, size_t len)
{
    struct order *o = mem_alloc(sizeof(*o) + len);
    if (!o)
        return NULL;
    *o = (struct order){.kind = kind, .file = f, .len = len};
    if (len > 0)
        memcpy(o->data, data, len);
    return o;
}

void incoming_order_give(struct incoming *in, struct order *o)
{
    if (o->file)
        o->file->orders++;
    atomic_fetch_add(&in->backlog, o->len);
    pthread_mutex_lock(&in->lock);
    queue_put(&in->todo, o);
    pthread_cond_signal(&in->work);
    pthread_mutex_unlock(&in->lock);
}

/* ---- The thread ---- */

/* Something that passes: the disk is full or does not answer as it should. */
static bool passes(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EIO || code == ESTALE ||
           code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
}

static void set_stalled(struct incoming *in, const struct incoming_file *f,
                        int code)
{
    pthread_mutex_lock(&in->lock);
    if (code)
        snprintf(in->why, sizeof(in->why),
                 "cannot write files/%.60s/%.60s/%u/%.60s: %s", f->of.job_id,
                 f->of.task_id, f->of.attempt, f->name, strerror(code));
    atomic_store(&in->stalled, code != 0);
    pthread_mutex_unlock(&in->lock);
}

/* A failure: wait before the next try. false: there is none; errno stays. */
static bool wait_for_retry(struct incoming *in, const struct incoming_file *f)
{
    int code = errno;
    if (!passes(code))
        return false;
    set_stalled(in, f, code);
    int64_t until = clock_mono_ns() + RETRY_EVERY_NS;
    struct timespec ts = {.tv_sec = until / NS_PER_SEC,
                          .tv_nsec = until % NS_PER_SEC};
    pthread_mutex_lock(&in->lock);
    while (!in->quit && clock_mono_ns() < until)
        pthread_cond_timedwait(&in->work, &in->lock, &ts);
    bool more = !in->quit;
    pthread_mutex_unlock(&in->lock);
    errno = code;
    return more;
}

static int part_make(struct incoming_file *f)
{
    f->sum = checksum_create(NULL);
    if (!f->sum) {
        errno = ENOMEM;
        return -1;
    }
    /* readable and executable by us as it was where it was made */
    f->fd =
        returned_part_make(&f->in->place, f->number, (f->mode & 0700) | 0600);
    if (f->fd >= 0)
        return 0;
    int code = errno;
    checksum_destroy(f->sum);
    f->sum = NULL;
    errno = code;
    return -1;
}

static int write_once(struct incoming_file *f, const struct order *o,
                      size_t *done)
{
    if (f->fd < 0 && part_make(f) < 0)
        return -1;
    while (*done < o->len) {
        ssize_t n =
            pwrite(f->fd, o->data + *done, o->len - *done, (off_t)f->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : ENOSPC;
            return -1;
        }
        *done += (size_t)n;
        f->offset += (uint64_t)n;
    }
    return 0;
}

static int do_write(struct incoming *in, struct incoming_file *f,
                    const struct order *o)
{
    size_t done = 0;
    int rc;
    while ((rc = write_once(f, o, &done)) < 0 && wait_for_retry(in, f))
        ;
    if (rc == 0)
        checksum_update(f->sum, o->data, o->len);
    return rc;
}

/* A sync that fails may have lost what was written: no second try of that. */
static int do_end(struct incoming *in, struct incoming_file *f)
{
    int rc = fsync(f->fd);
    while (rc == 0 && (rc = returned_part_keep(&in->place, f->number, &f->of,
                                               f->name)) < 0) {
        if (!wait_for_retry(in, f))
            break;
        rc = 0;
    }
    return rc;
}

static void file_break(struct incoming *in, struct incoming_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        returned_part_remove(&in->place, f->number);
    }
    f->fd = -1;
    f->broken = true;
}

static struct err *error_new(const struct incoming_file *f, int code)
{
    struct err *e = mem_calloc(1, sizeof(*e));
    if (e)
        err_sys(e, code, "cannot keep the returned file %s", f->name);
    return e;
}

static void order_do(struct incoming *in, struct order *o)
{
    struct incoming_file *f = o->file;
    int rc = 0;
    if (o->kind == ORDER_FORGET) {
        returned_attempt_remove(&in->place, &o->of);
        return;
    }
    if (f->broken)
        return;
    if (o->kind == ORDER_ABORT)
        file_break(in, f);
    else
        rc = o->kind == ORDER_WRITE ? do_write(in, f, o) : do_end(in, f);
    if (rc < 0) {
        o->failed = true;
        o->err = error_new(f, errno);
        file_break(in, f);
    } else if (o->kind == ORDER_END) {
        close(f->fd);
        f->fd = -1;
    }
    if (atomic_load(&in->stalled))
        set_stalled(in, f, 0);
}

static void wake_caller(struct incoming *in)
{
    uint64_t one = 1;
    while (write(in->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void *thread_main(void *arg)
{
    struct incoming *in = arg;
    pthread_mutex_lock(&in->lock);
    for (;;) {
        while (!in->todo.first && !in->quit)
            pthread_cond_wait(&in->work, &in->lock);
        if (in->quit)
            break;
        struct order *o = incoming_queue_take(&in->todo);
        pthread_mutex_unlock(&in->lock);
        order_do(in, o);
        pthread_mutex_lock(&in->lock);
        bool first = !in->ready.first;
        queue_put(&in->ready, o);
        if (first)
            wake_caller(in);
    }
    in->ended = true;
    pthread_cond_signal(&in->idle);
    pthread_mutex_unlock(&in->lock);
    return NULL;
}

int incoming_thread_start(struct incoming *in)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->work, &attr);
    pthread_cond_init(&in->idle, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&in->thread, NULL, thread_main, in);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        pthread_cond_destroy(&in->idle);
        pthread_cond_destroy(&in->work);
        pthread_mutex_destroy(&in->lock);
    }
    return rc;
}

bool incoming_thread_end(struct incoming *in, int64_t timeout_ns)
{
    int64_t give_up = clock_mono_ns() + timeout_ns;
    struct timespec ts = {.tv_sec = give_up / NS_PER_SEC,
                          .tv_nsec = give_up % NS_PER_SEC};
    pthread_mutex_lock(&in->lock);
    in->quit = true;
    pthread_cond_signal(&in->work);
    int rc = 0;
    while (!in->ended && rc == 0)
        rc = pthread_cond_timedwait(&in->idle, &in->lock, &ts);
    bool ended = in->ended;
    pthread_mutex_unlock(&in->lock);
    if (!ended) {
        pthread_detach(in->thread);
        return false;
    }
    pthread_join(in->thread, NULL);
    pthread_cond_destroy(&in->idle);
    pthread_cond_destroy(&in->work);
    pthread_mutex_destroy(&in->lock);
    return true;
}
