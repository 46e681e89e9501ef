/* Files from the cache into folders of tasks: see place.h. */
#include "config.h"
#include "stage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage/beneath.h"
#include "stage/cache_parts.h"
#include "stage/copy.h"

/* What a file is made from, and where. */
struct placing {
    const char *entry, *path; /* path: for errors */
    const char *base;         /* in the folder dir */
    int dir, from;
    uint64_t bytes;
    mode_t mode;
    const struct scratch *scratch;
};

static int gone(const struct placing *p, struct err *err)
{
    return err_set(err, ESTALE,
                   "the cached file \"%s\" for \"%s\" is gone, or was written "
                   "to",
                   p->entry, p->path);
}

static int failed(const struct placing *p, const char *what, struct err *err)
{
    return err_sys(err, errno, "cannot %s \"%s\"", what, p->path);
}

/* May the file be shared with the cache? Then the entry has its mode: that of
 * the first who asked. 1: it is linked; 0: not. */
static int try_link(const struct placing *p)
{
    struct stat st, made;
    bool fits = false;
    if (p->mode & (S_IWUSR | S_IWGRP | S_IWOTH) || geteuid() == 0 ||
        flock(p->from, LOCK_EX) < 0)
        return 0;
    if (fstat(p->from, &st) == 0)
        fits = (st.st_mode & 07777) == p->mode ||
               (st.st_nlink == 1 && fchmod(p->from, p->mode) == 0);
    if (fits)
        fits = linkat(AT_FDCWD, p->entry, p->dir, p->base, 0) == 0;
    flock(p->from, LOCK_UN);
    if (!fits)
        return 0;
    /* the name may belong to another file by now */
    if (fstatat(p->dir, p->base, &made, AT_SYMLINK_NOFOLLOW) == 0 &&
        made.st_ino == st.st_ino && made.st_dev == st.st_dev)
        return 1;
    unlinkat(p->dir, p->base, 0);
    return 0;
}

/* Is there room for a copy of the entry, whose holes take none? */
static int has_room(const struct placing *p, struct err *err)
{
    struct stat st;
    uint64_t bytes = p->bytes;
    if (fstat(p->from, &st) == 0 && (uint64_t)st.st_blocks * 512 < bytes)
        bytes = (uint64_t)st.st_blocks * 512;
    return scratch_room(p->scratch, bytes, err);
}

/* Fill the new file. Returns how, or -1 with err. */
static int fill(const struct placing *p, int to, struct err *err)
{
    if (p->bytes > 0 && ioctl(to, FICLONE, p->from) == 0)
        return PLACE_REFLINK;
    if (p->scratch && has_room(p, err) < 0)
        return -1;
    if (copy_data(p->from, to, p->bytes, NULL) < 0)
        return failed(p, "write", err);
    return PLACE_COPY;
}

/* Returns how, or -1 with err; errno EEXIST and a clear err: the name is taken.
 */
static int make(const struct placing *p, struct err *err)
{
    struct stat st;
    err_clear(err);
    if (try_link(p))
        return PLACE_LINK;
    int to = openat(p->dir, p->base,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return errno == EEXIST ? -1 : failed(p, "make", err);
    int how = fill(p, to, err), rc = how < 0 ? -1 : 0;
    if (rc == 0 && (fstat(p->from, &st) < 0 || !cache_is_sealed(&st, p->bytes)))
        rc = gone(p, err); /* somebody wrote to it meanwhile */
    if (rc == 0 && fchmod(to, p->mode) < 0)
        rc = failed(p, "set the mode of", err);
    if (close(to) < 0 && rc == 0)
        rc = failed(p, "write", err);
    if (rc < 0)
        unlinkat(p->dir, p->base, 0);
    errno = 0;
    return rc < 0 ? -1 : how;
}

/* Make it, and replace what has its name. */
static int make_or_replace(const struct placing *p, struct err *err)
{
    int how;
    for (int tries = 0; tries < 8; tries++) {
        how = make(p, err);
        if (how >= 0 || errno != EEXIST)
            return how;
        if (unlinkat(p->dir, p->base, 0) < 0 && errno != ENOENT)
            return failed(p, "replace", err);
    }
    errno = EEXIST;
    return failed(p, "make", err);
}

int place_file(const char *entry, uint64_t bytes, int dir_fd, const char *path,
               mode_t mode, const struct scratch *scratch, enum place_how *how,
               struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    struct beneath_make made = {.mode = 0700};
    struct stat st;
    struct err e;
    struct placing p = {.entry = entry,
                        .path = path,
                        .bytes = bytes,
                        .mode = mode,
                        .scratch = scratch,
                        .dir = -1,
                        .from = -1};
    if (beneath_plain(path, plain, err) < 0)
        return err_context(err, "the path \"%s\" cannot be used: it", path);
    if (!plain[0] || mode & ~(mode_t)0777)
        return err_set(err, EINVAL, "\"%s\" with mode %04o is no file", path,
                       (unsigned)mode);
    int rc;
    p.from = open(entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (p.from < 0)
        rc = errno == ENOENT ? gone(&p, &e)
                             : err_sys(&e, errno, "cannot open \"%s\"", entry);
    else if (fstat(p.from, &st) < 0 || !cache_is_sealed(&st, bytes))
        rc = gone(&p, &e);
    else if ((p.dir = beneath_parent(dir_fd, plain, &made, &p.base)) < 0)
        rc = failed(&p, "make the folders of", &e);
    else
        rc = make_or_replace(&p, &e);
    if (p.from >= 0)
        close(p.from);
    if (p.dir >= 0)
        close(p.dir);
    if (rc < 0)
        return err_set(err, e.code, "%s", e.text);
    if (how)
        *how = (enum place_how)rc;
    return 0;
}
