/* One file into a container: see upload_copy.h. */
#include "config.h"
#include "stage/upload_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "stage/beneath.h"
#include "stage/copy.h"

enum { NAP_MS = 100 };

static bool stopped(const struct upload *u)
{
    return u->stop && atomic_load(u->stop);
}

bool upload_again(const struct upload *u, int code, unsigned try,
                  struct upload_counts *counts)
{
    if (code != EIO && code != ESTALE && code != EAGAIN && code != EINTR &&
        code != ETIMEDOUT)
        return false;
    if (try >= UPLOAD_RETRIES)
        return false;
    uint64_t ms = (uint64_t)(u->pause_ms ? u->pause_ms : UPLOAD_PAUSE_MS)
                  << try;
    for (; ms > 0 && !stopped(u);) {
        uint64_t nap = ms < NAP_MS ? ms : NAP_MS;
        nanosleep(&(struct timespec){.tv_nsec = (long)nap * 1000000}, NULL);
        ms -= nap;
    }
    counts->retries++;
    return !stopped(u);
}

int upload_folder(int container, const char *name, bool make, const char **base)
{
    char folder[BENEATH_NAME_MAX], real[BENEATH_NAME_MAX];
    struct beneath_make made = {.mode = 0777}; /* as the user's umask has it */
    int fd = beneath_parent(container, name, make ? &made : NULL, base);
    if (fd >= 0 || errno != ELOOP)
        return fd;
    *base = path_base(name);
    size_t len = (size_t)(*base - name);
    memcpy(folder, name, len);
    folder[len > 0 ? len - 1 : 0] = '\0';
    if (beneath_resolve(container, NULL, folder, real) < 0)
        return -1;
    return beneath_folder(container, real, make ? &made : NULL);
}

/* What is copied, and how far it is. */
struct copying {
    const struct upload *upload;
    struct upload_item *item;
    int from, folder, to;
    bool full; /* where it failed: in the container, not at the source */
};

/* The bytes, synced. *shared: no byte was copied. -1 with errno. */
static int fill(struct copying *c, bool *shared)
{
    struct stat st, after;
    if (fstat(c->from, &st) < 0)
        return -1;
    *shared = st.st_size > 0 && ioctl(c->to, FICLONE, c->from) == 0;
    if (!*shared &&
        copy_data(c->from, c->to, (uint64_t)st.st_size, c->upload->stop) < 0)
        return -1;
    if (fchmod(c->to, st.st_mode & 0777) < 0 || fsync(c->to) < 0 ||
        fstat(c->from, &after) < 0)
        return -1;
    if (!file_is_same(&st, &after)) { /* somebody still writes */
        errno = EAGAIN;
        return -1;
    }
    if (fstat(c->to, &after) < 0)
        return -1;
    c->item->ino = after.st_ino;
    c->item->bytes = (uint64_t)after.st_size;
    c->item->mtime = after.st_mtim;
    return 0;
}

static int open_source(int task_dir, const char *source)
{
    struct stat st;
    int fd = beneath_open(task_dir, source);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

/* One try. -1 with errno, and nothing is left. */
static int try_copy(struct copying *c, int task_dir, int container,
                    bool *shared)
{
    const char *base;
    c->full = false;
    c->from = open_source(task_dir, c->item->source);
    if (c->from < 0)
        return -1;
    c->full = true;
    c->folder = upload_folder(container, c->item->temp, true, &base);
    if (c->folder < 0) {
        int code = errno;
        close(c->from);
        errno = code;
        return -1;
    }
    c->to = openat(c->folder, base,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = c->to < 0 ? -1 : fill(c, shared), code = errno;
    if (c->to >= 0 && close(c->to) < 0 && rc == 0) {
        rc = -1;
        code = errno;
    }
    if (rc < 0 && c->to >= 0)
        unlinkat(c->folder, base, 0);
    close(c->folder);
    close(c->from);
    errno = code;
    return rc;
}

static int give_up(const struct copying *c, int code, struct err *err)
{
    const char *name = c->item->name, *where = c->item->set->shown;
    if (code == ECANCELED)
        return err_set(err, code, "cancelled");
    if (code == ENOSPC || code == EDQUOT)
        return err_sys(err, code,
                       "the container %s is full: cannot store \"%s\"", where,
                       name);
    if (!c->full)
        return err_sys(err, code, "cannot read the output file \"%s\"",
                       c->item->source);
    return err_sys(err, code, "cannot store \"%s\" in the container %s", name,
                   where);
}

int upload_copy(const struct upload *u, int task_dir, int container,
                struct upload_item *it, struct upload_counts *counts,
                struct err *err)
{
    struct copying c = {.upload = u, .item = it};
    bool shared = false;
    for (unsigned try = 0;; try++) {
        if (stopped(u))
            return err_set(err, ECANCELED, "cancelled");
        if (try_copy(&c, task_dir, container, &shared) == 0)
            break;
        int code = errno;
        if (!upload_again(u, code, try, counts))
            return give_up(&c, stopped(u) ? ECANCELED : code, err);
    }
    counts->reflinks += shared;
    return 0;
}
