/* Removal of a tree: see remove.h.
 *
 * Only two folders are open at a time: the tree's top, and one folder in it.
 * What that folder holds is removed; a folder in it that is not empty is moved
 * up into the top, under a name of ours, to have its turn there. So neither a
 * stack nor ".." is needed, whatever the depth.
 */
#include "config.h"
#include "stage/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct removal {
    int top; /* open */
    const char *path;
    uint64_t moved; /* numbers our names */
    uint64_t mount; /* what the tree lies on */
    bool progress;  /* in this pass */
    bool failed;
    struct err *err;         /* the first one, if failed */
    const atomic_bool *stop; /* or NULL */
};

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static void fail(struct removal *r, int code, const char *name)
{
    if (!r->failed)
        err_sys(r->err, code, "cannot remove \"%s\" in \"%s\"", name, r->path);
    r->failed = true;
}

/* What fd lies on: the mount, where the kernel tells (a folder mounted from the
 * same file system differs then, too), else the device. */
static int mount_of(int fd, uint64_t *mount)
{
#ifdef STATX_MNT_ID
    struct statx sx;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 &&
        sx.stx_mask & STATX_MNT_ID) {
        *mount = sx.stx_mnt_id;
        return 0;
    }
#endif
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    *mount = st.st_dev;
    return 0;
}

/* Let its owner do everything with the folder. By a file descriptor, so that no
 * link can be put in its place. */
static int make_writable(int dir, const char *name)
{
    char path[64];
    int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int rc = chmod(path, S_IRWXU);
    int code = errno;
    close(fd);
    errno = code;
    return rc;
}

static int open_folder(int dir, const char *name)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    struct stat st;
    int fd = openat(dir, name, FLAGS);
    if (fd < 0 && errno == EACCES && make_writable(dir, name) == 0)
        fd = openat(dir, name, FLAGS);
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
        (void)!fchmod(fd, S_IRWXU);
    return fd;
}

/* Move a folder that is not empty up into the top. */
static int move_up(struct removal *r, int dir, const char *name)
{
    char to[64];
    bool opened = false;
    for (;;) {
        snprintf(to, sizeof(to), ".removed-%llu",
                 (unsigned long long)r->moved++);
        if (renameat(dir, name, r->top, to) == 0)
            return 0;
        if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
            continue; /* the name is taken */
        /* a folder that moves must be writable itself */
        if (errno != EACCES || opened || make_writable(dir, name) < 0)
            return -1;
        opened = true;
    }
}

/* Remove one name of a folder, if it is no folder with something in it: then 1,
 * else 0, or -1 with errno. */
static int remove_one(int dir, const char *name, unsigned char type)
{
    if (type != DT_DIR) {
        if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
            return 0;
        if (errno != EISDIR && errno != EPERM)
            return -1;
    }
    int code = errno;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST)
        return 1;
    if (errno == ENOTDIR && type != DT_DIR) /* EPERM was about a file */
        errno = code;
    return -1;
}

static bool is_stopped(const struct removal *r)
{
    return r->stop && atomic_load(r->stop);
}

/* Call each for the entries of the folder fd, which is closed. */
static int walk(struct removal *r, int fd,
                void (*each)(struct removal *r, int dir,
                             const struct dirent *e))
{
    DIR *d = file_names(fd);
    if (!d)
        return -1;
    errno = 0;
    for (struct dirent *e; !is_stopped(r) && (e = readdir(d)); errno = 0)
        if (!is_dots(e->d_name))
            each(r, dirfd(d), e);
    int code = is_stopped(r) ? ECANCELED : errno;
    closedir(d);
    errno = code;
    return code ? -1 : 0;
}

static void remove_or_move(struct removal *r, int dir, const struct dirent *e)
{
    int rc = remove_one(dir, e->d_name, e->d_type);
    if (rc == 1)
        rc = move_up(r, dir, e->d_name);
    if (rc < 0)
        fail(r, errno, e->d_name);
    else
        r->progress = true;
}

/* One entry of the top: a folder that is not empty is emptied. */
static void remove_in_top(struct removal *r, int dir, const struct dirent *e)
{
    int rc = remove_one(dir, e->d_name, e->d_type);
    if (rc == 1) {
        uint64_t mount;
        int fd = open_folder(dir, e->d_name);
        if (fd < 0 || mount_of(fd, &mount) < 0 || mount != r->mount) {
            fail(r, fd < 0 ? errno : EBUSY, e->d_name);
            if (fd >= 0)
                close(fd);
            return;
        }
        rc = walk(r, fd, remove_or_move);
        if (rc == 0)
            rc = unlinkat(dir, e->d_name, AT_REMOVEDIR);
        if (rc < 0 && (errno == ENOTEMPTY || errno == EEXIST) && r->progress)
            return; /* the next pass */
    }
    if (rc < 0)
        fail(r, errno, e->d_name);
    else
        r->progress = true;
}

/* Passes over the top, until nothing is left or nothing more can be done. */
static void empty_top(struct removal *r)
{
    do {
        r->progress = false;
        int fd = openat(r->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || walk(r, fd, remove_in_top) < 0) {
            fail(r, errno, ".");
            return;
        }
    } while (r->progress);
}

int remove_tree(int dir_fd, const char *name, const char *path, struct err *err)
{
    return remove_tree_until(dir_fd, name, path, NULL, err);
}

int remove_tree_until(int dir_fd, const char *name, const char *path,
                      const atomic_bool *stop, struct err *err)
{
    struct removal r = {.path = path, .err = err, .top = -1, .stop = stop};
    uint64_t around;
    int rc = remove_one(dir_fd, name, DT_UNKNOWN);
    if (rc == 0)
        return 0;
    if (rc < 0) {
        fail(&r, errno, name);
        return -1;
    }
    r.top = open_folder(dir_fd, name);
    if (r.top < 0 || mount_of(r.top, &r.mount) < 0 ||
        mount_of(dir_fd, &around) < 0)
        fail(&r, errno, name);
    else if (r.mount != around)
        fail(&r, EBUSY, name);
    else
        empty_top(&r);
    if (r.top >= 0)
        close(r.top);
    if (!r.failed && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 &&
        errno != ENOENT)
        fail(&r, errno, name);
    return r.failed ? -1 : 0;
}
