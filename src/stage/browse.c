/* Looking at files for somebody else: see browse.h. A path is brought to one
 * without links, and that is walked without following any. */
#include "config.h"
#include "stage/browse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/beneath.h"

static void info_of(const struct stat *st, struct file_info *f)
{
    f->type = S_ISREG(st->st_mode)   ? FILE_REGULAR
              : S_ISDIR(st->st_mode) ? FILE_FOLDER
              : S_ISLNK(st->st_mode) ? FILE_LINK
                                     : FILE_OTHER;
    f->mode = st->st_mode & 07777;
    f->bytes = f->type == FILE_FOLDER ? 0 : (uint64_t)st->st_size;
    f->modified_ns = st->st_mtim.tv_sec < 0 ? 0
                                            : st->st_mtim.tv_sec * NS_PER_SEC +
                                                  st->st_mtim.tv_nsec;
}

/* Why there is nothing to be seen at path. */
static int refuse(const char *path, int code, struct err *err)
{
    if (path[0] == '/')
        return err_set(err, EINVAL, "%s is absolute", path);
    if (code == EXDEV)
        return err_set(err, EACCES, "%s leads out of the folder", path);
    if (code == ENOENT)
        return err_set(err, ENOENT, "there is no %s", path);
    return err_sys(err, code, "%s", path);
}

/* Where path really is: name, and the folder that it is in, open; the folder
 * itself is "." of itself. -1 with err. */
static int find(int folder, const char *path, char real[BENEATH_NAME_MAX],
                const char **name, struct err *err)
{
    int found = beneath_resolve(folder, NULL, path, real);
    if (found <= 0)
        return refuse(path, found < 0 ? errno : ENOENT, err);
    *name = ".";
    int dir = *real ? beneath_parent(folder, real, NULL, name)
                    : openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? refuse(path, errno, err) : dir;
}

int browse_at(int folder, const char *path, struct file_info *f,
              struct err *err)
{
    char real[BENEATH_NAME_MAX];
    const char *name;
    struct stat st;
    int dir = find(folder, path, real, &name, err);
    if (dir < 0)
        return -1;
    int rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    int code = errno;
    close(dir);
    if (rc < 0)
        return refuse(path, code, err);
    info_of(&st, f);
    return 0;
}

int browse_open(int folder, const char *path, struct file_info *f,
                struct err *err)
{
    struct stat st;
    int fd = beneath_open_resolved(folder, path);
    if (fd < 0)
        return refuse(path, errno, err);
    if (fstat(fd, &st) < 0) {
        refuse(path, errno, err);
    } else if (S_ISDIR(st.st_mode)) {
        err_set(err, EISDIR, "%s is a folder", *path ? path : "that");
    } else if (!S_ISREG(st.st_mode)) {
        err_set(err, EINVAL, "%s is no regular file", path);
    } else {
        info_of(&st, f);
        return fd;
    }
    close(fd);
    return -1;
}

/* ---- Lists ---- */

struct list {
    struct buf *out;
    struct buf path;       /* of what is looked at */
    uint32_t files, names; /* listed; read so far */
    bool recursive, more;
    struct err *err;
};

static void put(struct list *l, const struct stat *st)
{
    struct file_info f = {.name = buf_text(&l->path)};
    info_of(st, &f);
    if (l->files == BROWSE_MAX_FILES || file_info_put(l->out, &f) < 0)
        l->more = true;
    l->files++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
    char **list;
    size_t count, cap;
};

static void names_fini(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        mem_free(n->list[i]);
    mem_free(n->list);
}

static int names_add(struct names *n, const char *name)
{
    if (n->count == n->cap) {
        size_t cap = n->cap ? 2 * n->cap : 64;
        char **list = mem_resize(n->list, cap, sizeof(*list));
        if (!list)
            return -1;
        n->list = list;
        n->cap = cap;
    }
    n->list[n->count] = mem_strdup(name);
    return n->list[n->count++] ? 0 : -1;
}

/* The names of the open folder dir, which is closed, sorted; of a huge one the
 * first that come. */
static int names_read(struct list *l, int dir, struct names *n)
{
    DIR *d = file_names(dir);
    if (!d)
        return err_sys(l->err, errno, "cannot read %s", buf_text(&l->path));
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (l->names++ == 2 * BROWSE_MAX_FILES) {
            l->more = true;
            break;
        }
        if (names_add(n, e->d_name) < 0) {
            n->count -= n->count > 0 && !n->list[n->count - 1];
            rc = err_set(l->err, ENOMEM, "no memory for a list of files");
        }
    }
    closedir(d);
    qsort(n->list, n->count, sizeof(*n->list), by_name);
    return rc;
}

static int walk(struct list *l, int dir, unsigned depth);

static int visit(struct list *l, int dir, const char *name, unsigned depth)
{
    struct stat st;
    size_t back = l->path.len;
    int rc = 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* it has gone meanwhile */
    if ((back > 0 && buf_putc(&l->path, '/') < 0) ||
        buf_puts(&l->path, name) < 0) {
        l->more = true; /* a path that nobody could ask for */
    } else {
        put(l, &st);
        if (S_ISDIR(st.st_mode) && l->recursive && !l->more) {
            int fd = openat(dir, name,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd >= 0) /* one that may not be read is only named */
                rc = walk(l, fd, depth + 1);
        }
    }
    buf_truncate(&l->path, back);
    return rc;
}

/* What is in the open folder dir, which is closed. */
static int walk(struct list *l, int dir, unsigned depth)
{
    struct names names = {0};
    if (depth > BENEATH_DEPTH_MAX) {
        l->more = true;
        close(dir);
        return 0;
    }
    int copy = dup(dir);
    int rc = copy < 0
                 ? err_sys(l->err, errno, "cannot read %s", buf_text(&l->path))
                 : names_read(l, copy, &names);
    for (size_t i = 0; rc == 0 && i < names.count && !l->more; i++)
        rc = visit(l, dir, names.list[i], depth);
    names_fini(&names);
    close(dir);
    return rc;
}

int browse_list(int folder, const char *path, bool recursive, struct buf *out,
                bool *more, struct err *err)
{
    struct list l = {.out = out, .recursive = recursive, .err = err};
    char real[BENEATH_NAME_MAX];
    const char *name;
    struct stat st;
    int dir = find(folder, path, real, &name, err), rc = -1;
    if (dir < 0)
        return -1;
    buf_init(&l.path, BENEATH_NAME_MAX);
    int fd = -1;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        refuse(path, errno, err);
    } else if (buf_puts(&l.path, real) < 0) {
        err_set(err, ENOMEM, "no memory for a list of files");
    } else if (!S_ISDIR(st.st_mode)) {
        put(&l, &st);
        rc = 0;
    } else if ((fd = openat(dir, name,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) <
               0) {
        refuse(path, errno, err);
    } else {
        rc = walk(&l, fd, 0);
    }
    close(dir);
    buf_fini(&l.path);
    *more = l.more;
    return rc;
}
