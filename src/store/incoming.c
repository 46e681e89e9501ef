/* Files coming in: see incoming.h.
 *
 * A file gathers in memory until it is over or too large to be packed. From
 * then on its bytes are orders to the thread, in a queue: write, end, abort.
 * An order that is carried out comes back in another queue, for the caller's
 * side to call what is due, and to free. A file is freed when it is over for
 * the caller and none of its orders is under way.
 *
 * Who owns what: `fd`, `offset`, `sum` and `broken` of a file are the thread's;
 * `over`, `orders` and the rest the caller's. `quit`, the queues and `why` are
 * under the lock.
 */
#include "config.h"
#include "store/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/checksum.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/returned_place.h"

#define RETRY_EVERY_NS NS_PER_SEC

enum order_kind { ORDER_WRITE, ORDER_END, ORDER_ABORT, ORDER_FORGET };

struct order {
    struct order *next;
    enum order_kind kind;
    struct incoming_file *file; /* NULL: ORDER_FORGET */
    struct returned_of of;      /* ORDER_FORGET: its strings behind data */
    bool failed;
    struct err *err; /* why; heap; NULL: no memory to say so */
    size_t len;
    char data[];
};

struct queue {
    struct order *first, **end;
};

struct incoming_file {
    struct incoming *in;
    struct incoming_file *next, **link; /* of all that are not freed */
    struct returned_of of;              /* strings: own */
    char *name;
    uint32_t mode;
    struct incoming_events events;
    struct buf small; /* until it is too large */
    uint64_t number;  /* of its part; 0: it has none yet */
    uint32_t orders;  /* under way */
    bool over;        /* for the caller */

    int fd; /* -1: not made */
    uint64_t offset;
    struct checksum *sum;
    bool broken; /* the file: later orders have no effect */
};

struct incoming {
    struct writer *writer;
    uint32_t session;
    int pack; /* the writer's number; -1: not made yet */
    uint64_t pack_offset;
    char *pack_path;
    struct incoming_file *files;
    uint64_t numbers;

    struct returned_place place; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct queue todo, ready;
    bool quit, ended;
    char why[256]; /* "": no write fails */
    int event_fd;
    _Atomic uint64_t backlog;
    _Atomic bool stalled;
};

static void queue_init(struct queue *q)
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

static struct order *queue_take(struct queue *q)
{
    struct order *o = q->first;
    if (o) {
        q->first = o->next;
        if (!q->first)
            q->end = &q->first;
    }
    return o;
}

static void order_free(struct order *o)
{
    mem_free(o->err);
    mem_free(o);
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
        struct order *o = queue_take(&in->todo);
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

/* ---- Orders ---- */

static struct order *order_new(enum order_kind kind, struct incoming_file *f,
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

static void order_give(struct incoming *in, struct order *o)
{
    if (o->file)
        o->file->orders++;
    atomic_fetch_add(&in->backlog, o->len);
    pthread_mutex_lock(&in->lock);
    queue_put(&in->todo, o);
    pthread_cond_signal(&in->work);
    pthread_mutex_unlock(&in->lock);
}

/* ---- Files ---- */

static void file_free(struct incoming_file *f)
{
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    if (f->fd >= 0)
        close(f->fd);
    checksum_destroy(f->sum);
    buf_fini(&f->small);
    mem_free((char *)f->of.job_id);
    mem_free((char *)f->of.task_id);
    mem_free(f->name);
    mem_free(f);
}

/* It is over: free it, if the thread has done with it, too. */
static void file_release(struct incoming_file *f)
{
    if (f->over && f->orders == 0)
        file_free(f);
}

static void file_done(struct incoming_file *f, const struct attempt_file *where,
                      const struct err *err)
{
    f->over = true;
    f->events.done(f->events.arg, where, err);
}

static void file_failed(struct incoming_file *f, const struct err *err)
{
    static const struct err no_memory = {
        .code = ENOMEM, .text = "no memory to keep a returned file"};
    file_done(f, NULL, err ? err : &no_memory);
}

struct incoming_file *incoming_begin(struct incoming *in,
                                     const struct returned_of *of,
                                     const char *name, uint32_t mode,
                                     const struct incoming_events *events,
                                     struct err *err)
{
    if (!id_is_valid(of->job_id) || !id_is_valid(of->task_id) ||
        !attempt_file_name_is_valid(name)) {
        err_set(err, EINVAL, "a returned file cannot have this name");
        return NULL;
    }
    struct incoming_file *f = mem_calloc(1, sizeof(*f));
    if (!f) {
        err_set(err, ENOMEM, "no memory to keep a returned file");
        return NULL;
    }
    f->in = in;
    f->fd = -1;
    f->mode = mode;
    f->events = *events;
    buf_init(&f->small, RETURNED_MAX_PACKED);
    f->next = in->files;
    f->link = &in->files;
    if (f->next)
        f->next->link = &f->next;
    in->files = f;
    f->of = (struct returned_of){.job_id = mem_strdup(of->job_id),
                                 .task_id = mem_strdup(of->task_id),
                                 .attempt = of->attempt};
    f->name = mem_strdup(name);
    if (f->of.job_id && f->of.task_id && f->name)
        return f;
    file_free(f);
    err_set(err, ENOMEM, "no memory to keep a returned file");
    return NULL;
}

/* More than a pack takes: what has gathered goes to a part. */
static int file_grow(struct incoming_file *f)
{
    struct order *o = NULL;
    if (f->small.len > 0 &&
        !(o = order_new(ORDER_WRITE, f, f->small.data, f->small.len)))
        return -1;
    f->number = ++f->in->numbers;
    buf_fini(&f->small);
    if (o)
        order_give(f->in, o);
    return 0;
}

int incoming_put(struct incoming_file *f, const void *data, size_t len,
                 struct err *err)
{
    if (len == 0)
        return 0;
    if (!f->number && len <= RETURNED_MAX_PACKED - f->small.len) {
        if (buf_put(&f->small, data, len) == 0)
            return 0;
    } else if (f->number || file_grow(f) == 0) {
        struct order *o = order_new(ORDER_WRITE, f, data, len);
        if (o) {
            order_give(f->in, o);
            return 0;
        }
    }
    return err_set(err, ENOMEM, "no memory to keep the returned file %s",
                   f->name);
}

/* ---- The pack ---- */

static int pack_open(struct incoming *in, struct err *err)
{
    if (in->pack >= 0)
        return 0;
    int fd = open(in->pack_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot make %s", in->pack_path);
    in->pack = writer_add_file(in->writer, fd, in->pack_path, 0);
    if (in->pack >= 0)
        return 0;
    close(fd);
    (void)unlink(in->pack_path);
    return err_set(err, EMFILE, "%s: the writer has too many files",
                   in->pack_path);
}

static int pack_put(struct incoming *in, struct incoming_file *f,
                    struct attempt_file *where, struct err *err)
{
    const char *data = buf_text(&f->small);
    *where = (struct attempt_file){.place = FILE_PACKED,
                                   .session = in->session,
                                   .offset = in->pack_offset,
                                   .bytes = f->small.len,
                                   .mode = f->mode & 0777};
    checksum_of(data, f->small.len, where->digest.bytes);
    if (f->small.len == 0)
        return 0;
    if (pack_open(in, err) < 0 ||
        writer_append(in->writer, in->pack, data, f->small.len, NULL, err) < 0)
        return -1;
    in->pack_offset += f->small.len;
    return 0;
}

static void end_small(struct incoming_file *f)
{
    struct attempt_file where;
    struct err err;
    uint64_t bytes = f->small.len;
    if (pack_put(f->in, f, &where, &err) < 0) {
        file_failed(f, &err);
    } else {
        if (bytes > 0 && f->events.consumed)
            f->events.consumed(f->events.arg, bytes);
        file_done(f, &where, NULL);
    }
    file_release(f);
}

void incoming_end(struct incoming_file *f)
{
    if (!f->number) {
        end_small(f);
        return;
    }
    struct order *o = order_new(ORDER_END, f, NULL, 0);
    if (o) {
        order_give(f->in, o);
        return;
    }
    file_failed(f, NULL); /* its part goes with the session's others */
    file_release(f);
}

void incoming_abort(struct incoming_file *f)
{
    struct order *o = f->number ? order_new(ORDER_ABORT, f, NULL, 0) : NULL;
    f->over = true;
    if (o)
        order_give(f->in, o);
    file_release(f);
}

void incoming_forget(struct incoming *in, const struct returned_of *of)
{
    size_t job = strlen(of->job_id) + 1, task = strlen(of->task_id) + 1;
    struct order *o = mem_alloc(sizeof(*o) + job + task);
    if (!o)
        return; /* it only takes room */
    *o = (struct order){.kind = ORDER_FORGET};
    memcpy(o->data, of->job_id, job);
    memcpy(o->data + job, of->task_id, task);
    o->of = (struct returned_of){o->data, o->data + job, of->attempt};
    order_give(in, o);
}

/* ---- What comes back ---- */

static void told_end(struct incoming_file *f)
{
    struct attempt_file where = {.place = FILE_OWN,
                                 .session = f->in->session,
                                 .bytes = f->offset,
                                 .mode = f->mode & 0777};
    checksum_get(f->sum, where.digest.bytes);
    file_done(f, &where, NULL);
}

static void order_told(struct incoming *in, struct order *o)
{
    struct incoming_file *f = o->file;
    atomic_fetch_sub(&in->backlog, o->len);
    if (!f)
        return;
    f->orders--;
    if (!f->over && o->failed)
        file_failed(f, o->err);
    else if (!f->over && o->kind == ORDER_END)
        told_end(f);
    else if (!f->over && o->kind == ORDER_WRITE && f->events.consumed)
        f->events.consumed(f->events.arg, o->len);
    file_release(f);
}

bool incoming_turn(struct incoming *in)
{
    uint64_t count;
    struct order *o;
    while (read(in->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&in->lock);
    struct order *first = in->ready.first;
    queue_init(&in->ready);
    pthread_mutex_unlock(&in->lock);
    bool any = first != NULL;
    while ((o = first)) {
        first = o->next;
        order_told(in, o);
        order_free(o);
    }
    return any;
}

/* ---- Life ---- */

static int start_thread(struct incoming *in)
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

static void queue_drop(struct queue *q)
{
    struct order *o;
    while ((o = queue_take(q))) {
        if (o->file)
            o->file->orders--;
        order_free(o);
    }
}

/* The thread has ended, or has never begun. */
static void release(struct incoming *in)
{
    queue_drop(&in->todo);
    queue_drop(&in->ready);
    while (in->files)
        file_free(in->files);
    returned_place_fini(&in->place);
    if (in->event_fd >= 0)
        close(in->event_fd);
    mem_free(in->pack_path);
    mem_free(in);
}

struct incoming *incoming_create(struct rundir *r, struct writer *writer,
                                 struct err *err)
{
    struct incoming *in = mem_calloc(1, sizeof(*in));
    if (!in) {
        err_set(err, ENOMEM, "no memory for returned files");
        return NULL;
    }
    in->writer = writer;
    in->session = rundir_session(r);
    in->pack = -1;
    in->event_fd = -1;
    queue_init(&in->todo);
    queue_init(&in->ready);
    if (returned_place_init(&in->place, r, err) < 0)
        goto fail;
    in->pack_path = returned_pack_path(r, in->session, err);
    if (!in->pack_path)
        goto fail;
    in->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (in->event_fd < 0) {
        err_sys(err, errno, "cannot wait for returned files");
        goto fail;
    }
    int rc = start_thread(in);
    if (rc == 0)
        return in;
    err_sys(err, rc, "cannot start a thread for returned files");
fail:
    release(in);
    return NULL;
}

void incoming_destroy(struct incoming *in, int64_t timeout_ns)
{
    if (!in)
        return;
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
    if (!ended) { /* within a call that does not return: leave it there */
        pthread_detach(in->thread);
        return;
    }
    pthread_join(in->thread, NULL);
    pthread_cond_destroy(&in->idle);
    pthread_cond_destroy(&in->work);
    pthread_mutex_destroy(&in->lock);
    release(in);
}

int incoming_fd(const struct incoming *in)
{
    return in->event_fd;
}

uint64_t incoming_backlog_bytes(const struct incoming *in)
{
    return atomic_load(&in->backlog) + writer_backlog_bytes(in->writer);
}

bool incoming_stalled(struct incoming *in, char why[256])
{
    if (!atomic_load(&in->stalled)) {
        why[0] = '\0';
        return false;
    }
    pthread_mutex_lock(&in->lock);
    memcpy(why, in->why, sizeof(in->why));
    pthread_mutex_unlock(&in->lock);
    return true;
}
