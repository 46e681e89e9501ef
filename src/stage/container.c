/* Many files into a folder, or out of one: see container.h. */
#include "config.h"
#include "stage/container.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stage/beneath.h"

enum { PIECE_BYTES = 4 << 20, BUFFER_BYTES = 1 << 18, PART_NAME = 64 };

/* What the threads share. */
struct work {
    const struct container_copy *copy;
    struct container_progress *progress;
    atomic_size_t next;
    pthread_mutex_t lock; /* of failed */
};

/* A file on its way. */
struct passage {
    const struct work *work;
    int from, folder, to; /* folder: where it will be */
    struct stat st;
    const char *base; /* its name there */
    char part[PART_NAME];
    bool named;       /* the temporary file has a name */
    uint64_t written; /* of it, for progress */
};

static bool is_stopped(const struct work *w)
{
    return w->copy->stop && atomic_load(w->copy->stop);
}

/* -- Opening ------------------------------------------------------------- */

static int source_open(struct passage *p, const struct container_item *item,
                       struct err *err)
{
    int folder = p->work->copy->from;
    p->from = folder < 0 ? open(item->from,
                                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                         : beneath_open_resolved(folder, item->from);
    if (p->from < 0 || fstat(p->from, &p->st) < 0)
        return err_sys(err, errno, "cannot open %s", item->from);
    if (!S_ISREG(p->st.st_mode))
        return err_set(err, EINVAL, "%s is no regular file", item->from);
    return 0;
}

/* Has what is there the size and the time of the source? */
static bool is_same(const struct passage *p, const struct stat *there)
{
    const struct timespec *a = &p->st.st_mtim, *b = &there->st_mtim;
    return S_ISREG(there->st_mode) && there->st_size == p->st.st_size &&
           a->tv_sec == b->tv_sec &&
           /* not all file systems keep nanoseconds */
           (a->tv_nsec == b->tv_nsec || b->tv_nsec == 0);
}

/* A name that the same file gets again, so that what a killed process has left
 * is found and overwritten. */
static void part_name(struct passage *p)
{
    uint64_t h = hash_text(HASH_START, p->base);
    snprintf(p->part, sizeof(p->part), CONTAINER_PART "%016" PRIx64, h);
}

/* Open a temporary file: without a name where the file system can do that, so
 * that nothing is left of it. */
static int part_open(struct passage *p, struct err *err)
{
    mode_t mode = (p->st.st_mode & 0777) | 0200;
    p->to = openat(p->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (p->to >= 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT &&
        errno != EINVAL)
        return err_sys(err, errno, "cannot make a file there");
    p->to = openat(p->folder, p->part,
                   O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, mode);
    if (p->to < 0)
        return err_sys(err, errno, "cannot make a file there");
    if (flock(p->to, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, EBUSY, "somebody else is writing it just now");
    p->named = true;
    return ftruncate(p->to, 0) < 0
               ? err_sys(err, errno, "cannot empty %s", p->part)
               : 0;
}

/* -- Copying ------------------------------------------------------------- */

static void written_add(struct passage *p, uint64_t bytes)
{
    p->written += bytes;
    atomic_fetch_add(&p->work->progress->bytes, bytes);
    atomic_fetch_add(&p->work->progress->written, bytes);
}

/* As much as the kernel copies by itself. 1: all; 0: none of it. */
static int data_copy_inside(struct passage *p, struct err *err)
{
    off_t at = 0;
    while (at < p->st.st_size) {
        size_t left = (size_t)(p->st.st_size - at);
        loff_t in = at, out = at;
        if (is_stopped(p->work))
            return err_set(err, ECANCELED, "interrupted");
        ssize_t n = copy_file_range(p->from, &in, p->to, &out,
                                    left < PIECE_BYTES ? left : PIECE_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && at == 0 &&
            (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
             errno == EOPNOTSUPP || errno == EPERM || errno == EIO))
            return 0;
        if (n < 0)
            return err_sys(err, errno, "cannot copy it");
        if (n == 0)
            return at == 0 ? 0 /* odd file systems say so */
                           : err_set(err, ESTALE, "it became shorter");
        written_add(p, (uint64_t)n);
        at += n;
    }
    return 1;
}

static int data_copy_by_hand(struct passage *p, struct err *err)
{
    char *buffer = mem_alloc(BUFFER_BYTES);
    off_t at = 0;
    int rc = buffer ? 0 : err_set(err, ENOMEM, "no memory to copy it");
    while (rc == 0 && at < p->st.st_size) {
        if (is_stopped(p->work)) {
            rc = err_set(err, ECANCELED, "interrupted");
            break;
        }
        ssize_t n = pread(p->from, buffer, BUFFER_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(err, errno, "cannot read it");
        else if (n == 0)
            rc = err_set(err, ESTALE, "it became shorter");
        else if (file_write_all(p->to, buffer, (size_t)n) < 0)
            rc = err_sys(err, errno, "cannot write it");
        if (rc == 0) {
            written_add(p, (uint64_t)n);
            at += n;
        }
    }
    mem_free(buffer);
    return rc;
}

static int data_copy(struct passage *p, struct err *err)
{
    struct stat now;
    int rc = data_copy_inside(p, err);
    if (rc == 0)
        rc = data_copy_by_hand(p, err);
    if (rc < 0)
        return -1;
    if (fstat(p->from, &now) < 0)
        return err_sys(err, errno, "cannot look at it again");
    if (!file_is_same(&now, &p->st))
        return err_set(err, ESTALE, "it was changed while it was copied");
    return 0;
}

/* Give the temporary file the name of its own, in place of what has it. */
static int part_rename(struct passage *p, struct err *err)
{
    char self[64];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, p->st.st_mtim};
    if (futimens(p->to, times) < 0 || fsync(p->to) < 0)
        return err_sys(err, errno, "cannot write it");
    snprintf(self, sizeof(self), "/proc/self/fd/%d", p->to);
    if (!p->named) {
        if (linkat(AT_FDCWD, self, p->folder, p->base, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        if (errno != EEXIST)
            return err_sys(err, errno, "cannot give it its name");
        (void)unlinkat(p->folder, p->part, 0); /* of a killed process */
        if (linkat(AT_FDCWD, self, p->folder, p->part, AT_SYMLINK_FOLLOW) < 0)
            return err_sys(err, errno, "cannot give it its name");
        p->named = true;
    }
    if (renameat(p->folder, p->part, p->folder, p->base) < 0)
        return err_sys(err, errno, "cannot give it its name");
    p->named = false;
    return 0;
}

/* 1: it is there already. */
static int passage_run(struct passage *p, const struct container_item *item,
                       struct err *err)
{
    struct beneath_make make = {.mode = 0777};
    struct stat there;
    if (source_open(p, item, err) < 0)
        return -1;
    p->folder = beneath_parent(p->work->copy->to, item->to, &make, &p->base);
    if (p->folder < 0)
        return errno == ELOOP || errno == ENOTDIR
                   ? err_set(err, errno,
                             "a folder on the way to %s is a link or a file",
                             item->to)
                   : err_sys(err, errno, "cannot make the folder of %s",
                             item->to);
    int found = fstatat(p->folder, p->base, &there, AT_SYMLINK_NOFOLLOW);
    if (found == 0 && S_ISDIR(there.st_mode))
        return err_set(err, EISDIR, "%s is a folder there", item->to);
    if (found == 0 && !p->work->copy->all && is_same(p, &there))
        return 1;
    part_name(p);
    return part_open(p, err) < 0 || data_copy(p, err) < 0 ||
                   part_rename(p, err) < 0
               ? -1
               : 0;
}

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void item_copy(struct work *w, const struct container_item *item)
{
    struct container_progress *progress = w->progress;
    struct passage p = {.work = w, .from = -1, .folder = -1, .to = -1};
    struct err err = {0};
    int rc = passage_run(&p, item, &err);
    if (p.named)
        (void)unlinkat(p.folder, p.part, 0);
    fd_close(p.to);
    fd_close(p.folder);
    fd_close(p.from);
    if (rc >= 0) {
        if (rc == 1) {
            atomic_fetch_add(&progress->same, 1);
            atomic_fetch_add(&progress->bytes, (uint64_t)p.st.st_size);
        }
        atomic_fetch_add(&progress->files, 1);
        return;
    }
    atomic_fetch_sub(&progress->bytes, p.written);
    atomic_fetch_sub(&progress->written, p.written);
    if (err.code == ECANCELED)
        return;
    atomic_fetch_add(&progress->failures, 1);
    pthread_mutex_lock(&w->lock);
    w->copy->failed(w->copy->arg, item, &err);
    pthread_mutex_unlock(&w->lock);
}

static void *thread_main(void *arg)
{
    struct work *w = arg;
    size_t i;
    while (!is_stopped(w) &&
           (i = atomic_fetch_add(&w->next, 1)) < w->copy->count)
        item_copy(w, &w->copy->items[i]);
    return NULL;
}

int container_copy(const struct container_copy *c,
                   struct container_progress *progress, struct err *err)
{
    struct work w = {.copy = c, .progress = progress};
    pthread_t threads[CONTAINER_MAX_THREADS];
    uint32_t wanted =
        c->threads < CONTAINER_MAX_THREADS ? c->threads : CONTAINER_MAX_THREADS;
    uint32_t count = 0;
    sigset_t all, before;
    int rc = 0;
    if (wanted > c->count)
        wanted = (uint32_t)c->count;
    pthread_mutex_init(&w.lock, NULL);
    sigfillset(&all); /* signals are for the thread that asks */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (count < wanted && rc == 0) {
        rc = pthread_create(&threads[count], NULL, thread_main, &w);
        count += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&w.lock);
    atomic_store(&progress->ended, true);
    return rc == 0 || count > 0 ? 0 : err_sys(err, rc, "cannot start a thread");
}
