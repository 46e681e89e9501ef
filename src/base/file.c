/* Files and paths: see file.h. */
#include "config.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { READ_STEP_BYTES = 1 << 16 };

int file_read(const char *path, struct buf *b, struct err *err)
{
    size_t start = b->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    for (;;) {
        size_t room = b->max_bytes - b->len;
        char *to =
            buf_reserve(b, room < READ_STEP_BYTES ? room : READ_STEP_BYTES);
        if (!to) {
            err_sys(err, errno, "cannot read %s", path);
            break;
        }
        char probe; /* at the maximum: is there one more byte? */
        ssize_t n =
            room == 0
                ? read(fd, &probe, 1)
                : read(fd, to, room < READ_STEP_BYTES ? room : READ_STEP_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_sys(err, errno, "cannot read %s", path);
            break;
        }
        if (n == 0) {
            close(fd);
            return 0;
        }
        if (room == 0) {
            err_set(err, EFBIG, "%s is larger than %zu bytes", path,
                    b->max_bytes);
            break;
        }
        buf_commit(b, (size_t)n);
    }
    buf_truncate(b, start);
    close(fd);
    return -1;
}

int file_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int file_read_at(int fd, void *data, size_t len, uint64_t offset)
{
    char *p = data;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO;
            return -1;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int file_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* A name beside path that nobody else has: hosts that share the folder may
 * write the same file, and their pids may be equal. */
static void tmp_name(char *tmp, size_t size, const char *path)
{
    uint64_t noise = (uint64_t)getpid();
    (void)!getrandom(&noise, sizeof(noise), GRND_NONBLOCK);
    snprintf(tmp, size, "%s.%016" PRIx64 ".tmp", path, noise);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode,
                 int sync, struct err *err)
{
    size_t size = strlen(path) + 32;
    char *tmp = mem_alloc(size);
    if (!tmp)
        return err_set(err, ENOMEM, "no memory to write %s", path);
    tmp_name(tmp, size, path);
    int saved, fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        saved = errno;
        goto fail;
    }
    if (file_write_all(fd, data, len) < 0 || (sync && fdatasync(fd) < 0)) {
        saved = errno;
        close(fd);
        goto unlink;
    }
    if (close(fd) < 0 || rename(tmp, path) < 0) {
        saved = errno;
        goto unlink;
    }
    mem_free(tmp);
    return 0;
unlink:
    unlink(tmp);
fail:
    mem_free(tmp);
    return err_sys(err, saved, "cannot write %s", path);
}

/* One folder; fine if it is there, whatever mkdir says of that (a read-only or
 * automounted file system has its own words). */
static int folder_make(const char *path, mode_t mode, struct err *err)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    int saved = errno;
    if (stat(path, &st) < 0)
        return err_sys(err, saved, "cannot make the folder %s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ENOTDIR, "%s is not a folder", path);
    return 0;
}

bool file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

DIR *file_names(int fd)
{
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0) {
        int code = errno;
        close(fd);
        errno = code;
    }
    return d;
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
    char *copy = mem_strdup(path);
    if (!copy)
        return err_set(err, ENOMEM, "no memory to make %s", path);
    size_t len = strlen(copy);
    while (len > 1 && copy[len - 1] == '/') /* mode is the last one's */
        copy[--len] = '\0';
    int rc = 0;
    for (char *p = copy + (len > 0); rc == 0; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        rc = folder_make(copy, end ? 0777 : mode, err);
        *p = end;
        if (!end)
            break;
    }
    mem_free(copy);
    return rc;
}

char *path_join(const char *dir, const char *name)
{
    size_t dlen = strlen(dir);
    if (name[0] == '/' || dlen == 0)
        return mem_strdup(name);
    while (dlen > 1 && dir[dlen - 1] == '/')
        dlen--;
    size_t nlen = strlen(name);
    char *path = mem_alloc(dlen + nlen + 2);
    if (path) {
        memcpy(path, dir, dlen);
        size_t at = dlen;
        if (dir[dlen - 1] != '/')
            path[at++] = '/';
        memcpy(path + at, name, nlen + 1);
    }
    return path;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
