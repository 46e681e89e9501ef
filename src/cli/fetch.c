/* Getting files: see fetch.h. What comes from a node is written beside its
 * name and renamed, beneath the folder that was named: the names are the
 * task's, and are not trusted. */
#include "config.h"
#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/glob.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/command.h"
#include "stage/beneath.h"
#include "view/describe.h"

struct target {
    int fd;
    bool escaped;
    bool kept; /* it can be begun anew: it is a file that nobody sees yet */
    struct buf shown;
};

static int output_write(struct target *o, const struct buf *piece)
{
    if (!o->escaped)
        return file_write_all(o->fd, buf_text(piece), piece->len);
    buf_reset(&o->shown);
    if (text_put_printable(&o->shown, buf_text(piece), piece->len, true) < 0)
        return -1;
    return file_write_all(o->fd, buf_text(&o->shown), o->shown.len);
}

/* An output grows and never changes: another one has the rest of it. */
static bool is_output(const char *path)
{
    return strcmp(path, "stdout.txt") == 0 || strcmp(path, "stderr.txt") == 0;
}

/* The copy ended before its time, with bytes from..at of end written. */
static int cut_off(struct fetch *f, const struct target *o, const char *path,
                   uint64_t from, uint64_t at, uint64_t end, struct err *err)
{
    bool moved = err->code == HOLDER_ENDED || err->code == HOLDER_WAITS ||
                 err->code == ENOTCONN;
    if (at == from || (moved && o->kept))
        return -1;
    if (moved && is_output(path)) {
        f->done = at;
        return -1;
    }
    err->code = EIO; /* what was written is written: nobody else is asked */
    return err_context(err, "%s was read to byte %llu of %llu", path,
                       (unsigned long long)at, (unsigned long long)end);
}

/* Copy a file to o: as long as it was when that began. */
static int copy(struct fetch *f, struct holder *s, const char *path,
                struct target *o, struct file_info *info, struct err *err)
{
    struct file_info now;
    struct buf piece;
    uint64_t from = o->kept ? 0 : f->done, at = from, end = 0;
    bool begun = false;
    int rc;
    buf_init(&piece, HOLDER_PIECE_BYTES);
    buf_init(&o->shown, 4 * HOLDER_PIECE_BYTES + 1);
    do {
        uint64_t left = begun ? end - at : HOLDER_PIECE_BYTES;
        buf_reset(&piece);
        rc = holder_read(s, path, at,
                         left < HOLDER_PIECE_BYTES ? (uint32_t)left
                                                   : HOLDER_PIECE_BYTES,
                         0, &piece, &now, err);
        if (rc < 0)
            break;
        if (!begun) {
            begun = true;
            *info = now;
            end = now.bytes;
        }
        if (piece.len > 0 && output_write(o, &piece) < 0)
            rc = err_sys(err, errno, "cannot write %s",
                         f->to ? f->to : "to stdout");
        else if (piece.len == 0 && at < end)
            rc = err_set(err, EIO, "%s became shorter while it was read", path);
        else
            at += piece.len;
    } while (rc == 0 && at < end);
    buf_fini(&piece);
    buf_fini(&o->shown);
    if (rc < 0)
        return cut_off(f, o, path, from, at, end, err);
    f->count++;
    f->bytes += at;
    return 0;
}

/* A file without a name, where the file system has such, so that nothing is
 * left when we are ended; else beside its name. named: which it is. -1 with
 * errno. */
static int open_beside(int dir, const char *tmp, bool *named)
{
    int fd = openat(dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    *named = fd < 0;
    return fd >= 0 ? fd
                   : openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                            0600);
}

/* Give it a name. -1 with errno. */
static int link_beside(int dir, int fd, const char *tmp)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, dir, tmp, AT_SYMLINK_FOLLOW);
}

/* Copy it to name in the open folder dir. */
static int copy_into(struct fetch *f, struct holder *s, const char *path,
                     int dir, const char *name, struct err *err)
{
    struct target o = {.kept = true};
    struct file_info info;
    char tmp[64];
    uint64_t noise = 0;
    bool named;
    if (getrandom(&noise, sizeof(noise), 0) < 0)
        return err_sys(err, errno, "no random numbers");
    snprintf(tmp, sizeof(tmp), ".mpibatch-%016llx.part",
             (unsigned long long)noise);
    o.fd = open_beside(dir, tmp, &named);
    if (o.fd < 0)
        return err_sys(err, errno, "cannot write %s", name);
    int rc = copy(f, s, path, &o, &info, err);
    mode_t mask = umask(0);
    umask(mask);
    if (rc == 0 && (fchmod(o.fd, (info.mode & 0777 & ~mask) | 0600) < 0 ||
                    (!named && link_beside(dir, o.fd, tmp) < 0)))
        rc = err_sys(err, errno, "cannot write %s", name);
    else if (rc == 0)
        named = true;
    if (close(o.fd) < 0 && rc == 0)
        rc = err_sys(err, errno, "cannot write %s", name);
    if (rc == 0 && renameat(dir, tmp, dir, name) < 0)
        rc = err_sys(err, errno, "cannot write %s", name);
    if (rc < 0 && named)
        (void)unlinkat(dir, tmp, 0);
    return rc;
}

/* ---- One file ---- */

/* err says why path cannot be had: what may have been meant, behind it. */
static int none_of_it(struct holder *s, const char *path, struct err *err)
{
    char inside[BENEATH_NAME_MAX];
    struct file_info info;
    struct err none;
    if (err->code != ENOENT && err->code != EISDIR)
        return -1;
    if (holder_look(s, path, &info, &none) == 0 && info.type == FILE_FOLDER)
        return err_set(err, EISDIR,
                       "%s is a folder; -o DIR gets the files in it", path);
    int n = snprintf(inside, sizeof(inside), "wd/%s", path);
    if (err->code == ENOENT && (size_t)n < sizeof(inside) &&
        holder_look(s, inside, &info, &none) == 0)
        return err_set(err, ENOENT, "there is no %s; there is %s", path,
                       inside);
    return -1;
}

static int to_stdout(struct fetch *f, struct holder *s, const char *path,
                     struct err *err)
{
    struct target o = {.fd = STDOUT_FILENO,
                       .escaped = !f->raw && isatty(STDOUT_FILENO)};
    struct file_info info;
    int rc = copy(f, s, path, &o, &info, err);
    return rc < 0 ? none_of_it(s, path, err) : rc;
}

static bool is_folder(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    return (len > 0 && path[len - 1] == '/') ||
           (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int folder_open(const char *path, struct err *err)
{
    if (file_make_dirs(path, 0777, err) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "cannot open %s", path) : fd;
}

/* To a file of that name, or into a folder by its own name. */
static int to_file(struct fetch *f, struct holder *s, const char *path,
                   struct err *err)
{
    const char *base = path_base(f->to);
    char *folder;
    if (is_folder(f->to)) {
        folder = mem_strdup(f->to);
        base = path_base(path);
    } else if (base > f->to) {
        folder = mem_strndup(f->to, (size_t)(base - f->to));
    } else {
        folder = mem_strdup(".");
    }
    if (!folder)
        return err_set(err, ENOMEM, "no memory");
    int dir = folder_open(folder, err);
    mem_free(folder);
    if (dir < 0)
        return -1;
    int rc = copy_into(f, s, path, dir, base, err);
    close(dir);
    return rc;
}

/* ---- Several ---- */

/* The regular files of a list that match (NULL: all), each into its own place
 * below the open folder root. */
static int list_fetch(struct fetch *f, struct holder *s, const struct buf *list,
                      const char *pattern, int root, struct err *err)
{
    struct file_info info;
    size_t at = 0;
    uint64_t before = f->count;
    int rc;
    while ((rc = file_info_next(list->data, list->len, &at, &info, err)) > 0) {
        const char *base;
        char name[BENEATH_NAME_MAX];
        if (info.type != FILE_REGULAR ||
            (pattern && !glob_match(pattern, info.name)))
            continue;
        if (beneath_plain(info.name, name, err) < 0)
            return err_context(err, "%s", info.name);
        struct beneath_make make = {.mode = 0777};
        int dir = beneath_parent(root, name, &make, &base);
        if (dir < 0)
            return err_sys(err, errno, "cannot make the folder of %s/%s", f->to,
                           name);
        rc = copy_into(f, s, info.name, dir, base, err);
        close(dir);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && pattern && f->count == before)
        return err_set(err, ENOENT, "no file matches %s", pattern);
    return rc;
}

static bool is_pattern(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

/* 1: it is one, and not the name of what is there; 0: it is not; -1 with err:
 * nobody can say. */
static int is_wild(struct holder *s, const char *path, struct err *err)
{
    struct file_info info;
    if (!is_pattern(path) || holder_look(s, path, &info, err) == 0)
        return 0;
    return err->code == ENOENT ? 1 : -1;
}

/* The folder of a pattern that has none: all up to the first wildcard. */
static void pattern_folder(const char *pattern, char folder[BENEATH_NAME_MAX])
{
    size_t len = strcspn(pattern, "*?[");
    while (len > 0 && pattern[len - 1] != '/')
        len--;
    snprintf(folder, BENEATH_NAME_MAX, "%.*s", (int)(len > 0 ? len - 1 : 0),
             pattern);
}

static int path_fetch(struct fetch *f, struct holder *s, const char *path,
                      int root, struct err *err)
{
    char folder[BENEATH_NAME_MAX];
    bool more;
    struct buf list;
    int wild = is_wild(s, path, err);
    if (wild < 0)
        return -1;
    buf_init(&list, HOLDER_LIST_BYTES);
    if (wild)
        pattern_folder(path, folder);
    else
        snprintf(folder, sizeof(folder), "%s", path);
    int rc = holder_list(s, folder, true, &list, &more, err);
    if (rc < 0 && wild && err->code == ENOENT)
        rc = err_set(err, ENOENT, "no file matches %s", path);
    if (rc == 0)
        rc = list_fetch(f, s, &list, wild ? path : NULL, root, err);
    if (rc == 0 && more)
        rc = err_set(err, E2BIG,
                     "there are more files than can be listed at once; name "
                     "folders in %s",
                     *folder ? folder : "it");
    buf_fini(&list);
    return rc;
}

/* The plain form of each path: relative, without "." and "..". */
static int path_plain(const char *path, char plain[BENEATH_NAME_MAX],
                      struct err *err)
{
    if (beneath_plain(path, plain, err) < 0) {
        err->code = EINVAL;
        return err_context(err, "%s", path);
    }
    return 0;
}

static int several(struct fetch *f, struct holder *s, struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    int root = folder_open(f->to, err), rc = 0;
    if (root < 0)
        return -1;
    for (unsigned i = 0; rc == 0 && i < f->paths->count; i++) {
        rc = path_plain(f->paths->list[i], plain, err);
        if (rc == 0)
            rc = path_fetch(f, s, plain, root, err);
    }
    close(root);
    return rc;
}

int fetch_run(struct fetch *f, struct holder *s, struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    struct file_info info;
    if (path_plain(f->paths->list[0], plain, err) < 0)
        return -1;
    int wild = f->paths->count == 1 ? is_wild(s, plain, err) : 0;
    if (wild < 0)
        return -1;
    bool one = f->paths->count == 1 && !wild;
    if (one && f->to) {
        if (holder_look(s, plain, &info, err) < 0)
            return -1;
        one = info.type != FILE_FOLDER;
    }
    if (one)
        return f->to ? to_file(f, s, plain, err) : to_stdout(f, s, plain, err);
    if (!f->to)
        return err_set(err, EINVAL,
                       "this may be more than one file: say where they go, by "
                       "-o DIR");
    return several(f, s, err);
}

void fetch_say(const struct fetch *f)
{
    char files[64], bytes[16];
    log_info("%s, %s", describe_count(f->count, "file", files),
             size_format(f->bytes, bytes));
}
