/* The writer: see writer.h.
 *
 * Bytes gather in a batch. The thread takes the batch, writes its runs in
 * order and keeps it until a sync: when a sync fails, the system may have
 * dropped what it had accepted, so all since the last good sync is written
 * again, at the same places. Only the caller's side allocates; the thread
 * frees. Invariants: batches in the queue are in the order of their tickets;
 * `filling` is written by the caller only, under the lock; all behind `head`
 * and in front of `filling` belongs to the thread.
 */
#include "config.h"
#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"

enum {
    MAX_FILES = 8,
    MAX_NAME = 255,
    EAGER_BYTES = 1 << 20,   /* a batch this large is written at once */
    UNSYNCED_BYTES = 1 << 26 /* so much unsynced is synced at once */
};
#define BACKLOG_MAX_BYTES ((size_t)1 << 30)
#define SYNC_EVERY_NS     NS_PER_SEC
#define RETRY_EVERY_NS    NS_PER_SEC
#define GIVE_UP_NS        (2 * NS_PER_SEC) /* beyond the caller's timeout */

struct file {
    int fd;
    uint64_t offset; /* where the next run goes: the caller's */
    bool dirty;      /* the thread's */
    char name[MAX_NAME + 1];
};

/* Bytes for one file. */
struct run {
    int file;
    uint64_t offset;
    size_t len;
};

struct batch {
    struct batch *next;
    struct buf data;
    struct run *runs;
    size_t count, cap;
    uint64_t ticket; /* the last one in it */
};

/* What the thread is at: the runs before run are written, and done bytes of
 * it, which starts at byte at of the batch. */
struct place {
    struct batch *batch;
    size_t run, at, done;
};

struct writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something for the thread to do */
    pthread_cond_t idle; /* the thread has ended */
    struct file files[MAX_FILES];
    int file_count;

    /* under the lock */
    struct batch *filling;          /* NULL: nothing queued */
    struct batch *full, **full_end; /* queued in front of it, not taken */
    struct batch *spare;
    bool flush, sync, quit, ended, lost;
    int64_t quit_deadline_ns;
    char why[256]; /* "": no write fails */
    uint64_t ticket;

    _Atomic bool stalled;
    _Atomic uint64_t written, synced;
    _Atomic size_t backlog;

    /* the thread's */
    struct batch *head, **end; /* taken, not yet on disk */
    struct place place;
    size_t unsynced_bytes;
    int64_t last_sync_ns;
};

static void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    buf_fini(&b->data);
    mem_free(b->runs);
    mem_free(b);
}

static void batches_destroy(struct batch *b)
{
    while (b) {
        struct batch *next = b->next;
        batch_destroy(b);
        b = next;
    }
}

/* ---- The thread ---- */

static void wait_until(struct writer *w, int64_t deadline_ns)
{
    struct timespec ts = {.tv_sec = deadline_ns / NS_PER_SEC,
                          .tv_nsec = deadline_ns % NS_PER_SEC};
    pthread_cond_timedwait(&w->work, &w->lock, &ts);
}

/* Say that a write fails, or (name NULL) that none does. */
static void set_stalled(struct writer *w, const char *name, int error)
{
    pthread_mutex_lock(&w->lock);
    if (name)
        snprintf(w->why, sizeof(w->why), "cannot write %.160s: %s", name,
                 strerror(error));
    else
        w->why[0] = '\0';
    atomic_store(&w->stalled, name != NULL);
    pthread_mutex_unlock(&w->lock);
}

/* Write on from the place; -1 with errno and *bad: the file. */
static int write_on(struct writer *w, struct file **bad)
{
    struct place *p = &w->place;
    for (; p->batch; *p = (struct place){.batch = p->batch->next}) {
        for (; p->run < p->batch->count; p->run++) {
            const struct run *run = &p->batch->runs[p->run];
            struct file *f = &w->files[run->file];
            f->dirty = true;
            while (p->done < run->len) {
                ssize_t n =
                    pwrite(f->fd, p->batch->data.data + p->at + p->done,
                           run->len - p->done, (off_t)(run->offset + p->done));
                if (n < 0 && errno == EINTR)
                    continue;
                if (n <= 0) {
                    errno = n < 0 ? errno : ENOSPC;
                    *bad = f;
                    return -1;
                }
                p->done += (size_t)n;
                w->unsynced_bytes += (size_t)n;
            }
            p->at += run->len;
            p->done = 0;
        }
        if (p->batch->ticket > atomic_load(&w->written)) {
            atomic_fetch_sub(&w->backlog, p->batch->data.len);
            atomic_store(&w->written, p->batch->ticket);
        }
    }
    return 0;
}

/* All that was written is on disk: forget it, keep one batch for use. */
static void forget_synced(struct writer *w)
{
    struct batch *b = w->head;
    w->head = NULL;
    w->end = &w->head;
    w->unsynced_bytes = 0;
    if (!b)
        return;
    pthread_mutex_lock(&w->lock);
    if (!w->spare && b->data.cap <= 4 * EAGER_BYTES) {
        w->spare = b;
        b = b->next;
        w->spare->next = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    batches_destroy(b);
}

/* Sync what is dirty, all being written. A failure starts the writing of what
 * was not synced anew. */
static int sync_files(struct writer *w, struct file **bad)
{
    uint64_t ticket = atomic_load(&w->written);
    for (int i = 0; i < MAX_FILES; i++) {
        struct file *f = &w->files[i];
        if (!f->dirty)
            continue;
        /* EINVAL, EROFS: a pipe or a device, which cannot be synced */
        if (fdatasync(f->fd) < 0 && errno != EINVAL && errno != EROFS) {
            *bad = f;
            w->place = (struct place){.batch = w->head};
            return -1;
        }
        f->dirty = false;
    }
    forget_synced(w);
    atomic_store(&w->synced, ticket);
    w->last_sync_ns = clock_mono_ns();
    return 0;
}

static bool is_dirty(const struct writer *w)
{
    return w->head != NULL;
}

/* Take what is queued. Under the lock. */
static void take(struct writer *w)
{
    struct batch *first = w->full;
    if (first) {
        *w->end = first;
        w->end = w->full_end;
        w->full = NULL;
        w->full_end = &w->full;
    }
    if (w->filling) {
        *w->end = w->filling;
        w->end = &w->filling->next;
        if (!first)
            first = w->filling;
        w->filling = NULL;
    }
    if (!w->place.batch)
        w->place = (struct place){.batch = first};
}

/* Wait for something to do and take it. false: the end. *sync: sync then. */
static bool next_turn(struct writer *w, bool *sync)
{
    int64_t due = w->last_sync_ns + SYNC_EVERY_NS, now = clock_mono_ns();
    pthread_mutex_lock(&w->lock);
    for (; !w->flush && !w->sync && !w->quit && now < due;
         now = clock_mono_ns())
        wait_until(w, due);
    take(w);
    *sync = w->sync || w->quit || now >= due;
    bool more = is_dirty(w) || !w->quit;
    w->flush = w->sync = false;
    pthread_mutex_unlock(&w->lock);
    if (now >= due && !is_dirty(w))
        w->last_sync_ns = now;
    return more;
}

/* Wait before the next try. false: time is up. */
static bool wait_for_retry(struct writer *w)
{
    int64_t until = clock_mono_ns() + RETRY_EVERY_NS, now;
    pthread_mutex_lock(&w->lock);
    while ((now = clock_mono_ns()) < until) {
        if (w->quit && w->quit_deadline_ns <= now)
            break;
        wait_until(w, w->quit && w->quit_deadline_ns < until
                          ? w->quit_deadline_ns
                          : until);
    }
    bool more = !w->quit || w->quit_deadline_ns > now;
    pthread_mutex_unlock(&w->lock);
    return more;
}

static void *run_thread(void *arg)
{
    struct writer *w = arg;
    bool sync, lost = false;
    while (!lost && next_turn(w, &sync)) {
        struct file *bad;
        while (write_on(w, &bad) < 0 ||
               ((sync || w->unsynced_bytes > UNSYNCED_BYTES) && is_dirty(w) &&
                sync_files(w, &bad) < 0)) {
            set_stalled(w, bad->name, errno);
            lost = !wait_for_retry(w);
            if (lost)
                break;
        }
        if (!lost && atomic_load(&w->stalled))
            set_stalled(w, NULL, 0);
    }
    pthread_mutex_lock(&w->lock);
    w->lost = lost;
    w->ended = true;
    pthread_cond_signal(&w->idle);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- The caller's side ---- */

static int start_thread(struct writer *w)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, &attr);
    pthread_cond_init(&w->idle, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, run_thread, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void release(struct writer *w)
{
    pthread_cond_destroy(&w->idle);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    for (int i = 0; i < w->file_count; i++)
        close(w->files[i].fd);
    batches_destroy(w->head);
    batches_destroy(w->full);
    batch_destroy(w->filling);
    batch_destroy(w->spare);
    mem_free(w);
}

struct writer *writer_create(struct err *err)
{
    struct writer *w = mem_calloc(1, sizeof(*w));
    if (!w) {
        err_set(err, ENOMEM, "no memory for the writer");
        return NULL;
    }
    w->end = &w->head;
    w->full_end = &w->full;
    w->last_sync_ns = clock_mono_ns();
    int rc = start_thread(w);
    if (rc != 0) {
        err_sys(err, rc, "cannot start the writer's thread");
        release(w);
        return NULL;
    }
    return w;
}

int writer_destroy(struct writer *w, int64_t timeout_ns, struct err *err)
{
    if (!w)
        return 0;
    int64_t deadline = clock_mono_ns() + timeout_ns;
    int64_t give_up = deadline + GIVE_UP_NS;
    struct timespec ts = {.tv_sec = give_up / NS_PER_SEC,
                          .tv_nsec = give_up % NS_PER_SEC};
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    w->quit_deadline_ns = deadline;
    pthread_cond_signal(&w->work);
    int rc = 0;
    while (!w->ended && rc == 0)
        rc = pthread_cond_timedwait(&w->idle, &w->lock, &ts);
    bool ended = w->ended, lost = w->lost;
    pthread_mutex_unlock(&w->lock);
    if (!ended) { /* within a call that does not return: leave it there */
        pthread_detach(w->thread);
        return err_set(err, ETIMEDOUT,
                       "the run directory does not answer: "
                       "%zu bytes may not be written",
                       atomic_load(&w->backlog));
    }
    pthread_join(w->thread, NULL);
    rc = lost ? err_set(err, EIO, "%s; %zu bytes are lost", w->why,
                        atomic_load(&w->backlog))
              : 0;
    release(w);
    return rc;
}

int writer_add_file(struct writer *w, int fd, const char *name, uint64_t offset)
{
    pthread_mutex_lock(&w->lock);
    int i = w->file_count < MAX_FILES ? w->file_count++ : -1;
    if (i >= 0) {
        struct file *f = &w->files[i];
        f->fd = fd;
        f->offset = offset;
        snprintf(f->name, sizeof(f->name), "%s", name);
    }
    pthread_mutex_unlock(&w->lock);
    return i;
}

/* A batch with room for one more run. Under the lock. */
static struct batch *filling(struct writer *w)
{
    struct batch *b = w->filling;
    if (b && b->data.len >= EAGER_BYTES) {
        *w->full_end = b;
        w->full_end = &b->next;
        b = w->filling = NULL;
    }
    if (!b && w->spare) {
        b = w->spare;
        w->spare = NULL;
        buf_reset(&b->data);
        b->count = 0;
    } else if (!b) {
        b = mem_calloc(1, sizeof(*b));
        if (!b)
            return NULL;
        buf_init(&b->data, BACKLOG_MAX_BYTES);
    }
    w->filling = b;
    if (b->count == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 8;
        struct run *runs = mem_resize(b->runs, cap, sizeof(*runs));
        if (!runs)
            return NULL;
        b->runs = runs;
        b->cap = cap;
    }
    return b;
}

/* Queue bytes; -1: no memory. Under the lock. */
static int queue(struct writer *w, int file, const void *data, size_t len)
{
    struct file *f = &w->files[file];
    struct batch *b = filling(w);
    if (!b || buf_put(&b->data, data, len) < 0)
        return -1;
    struct run *last = b->count > 0 ? &b->runs[b->count - 1] : NULL;
    if (last && last->file == file)
        last->len += len;
    else
        b->runs[b->count++] =
            (struct run){.file = file, .offset = f->offset, .len = len};
    f->offset += len;
    b->ticket = ++w->ticket;
    return 0;
}

int writer_append(struct writer *w, int file, const void *data, size_t len,
                  uint64_t *ticket, struct err *err)
{
    size_t backlog = atomic_load(&w->backlog);
    if (len > BACKLOG_MAX_BYTES - backlog)
        return err_set(err, ENOMEM, "%s: %zu bytes wait to be written already",
                       w->files[file].name, backlog);
    pthread_mutex_lock(&w->lock);
    /* counted before the thread can take it */
    atomic_fetch_add(&w->backlog, len);
    int rc = queue(w, file, data, len);
    if (rc < 0)
        atomic_fetch_sub(&w->backlog, len);
    if (rc == 0 && ticket)
        *ticket = w->ticket;
    if (rc == 0 && w->filling->data.len >= EAGER_BYTES && !w->flush) {
        w->flush = true;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
    return rc == 0 ? 0
                   : err_set(err, ENOMEM, "%s: no memory to write %zu bytes",
                             w->files[file].name, len);
}

void writer_flush(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->filling && w->filling->count > 0 && !w->flush) {
        w->flush = true;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

void writer_sync(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->sync = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

uint64_t writer_written(const struct writer *w)
{
    return atomic_load(&w->written);
}

uint64_t writer_synced(const struct writer *w)
{
    return atomic_load(&w->synced);
}

size_t writer_backlog_bytes(const struct writer *w)
{
    return atomic_load(&w->backlog);
}

bool writer_stalled(const struct writer *w, char why[256])
{
    if (!atomic_load(&w->stalled)) {
        why[0] = '\0';
        return false;
    }
    pthread_mutex_t *lock = (pthread_mutex_t *)&w->lock;
    pthread_mutex_lock(lock);
    memcpy(why, w->why, sizeof(w->why));
    pthread_mutex_unlock(lock);
    return why[0] != '\0';
}
