/* The copies of tables in a run directory: see inputs.h.
 *
 * They are written before run.yaml is, and synced, so that a run directory
 * with a run.yaml has them. Where a mapped file has been copied, the copy is
 * mapped in its place: what has been built upon the bytes stays right, and
 * nobody can take them away.
 */
#include "config.h"
#include "store/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/difference.h"
#include "store/line_path.h"
#include "store/inputs_parts.h"

enum { INDEX_MAX_BYTES = 64 << 20, NAMES_SHOWN = 3 };

static const char *const kind_words[] = {"csv", "tsv", "commands", "paths"};

enum { KIND_COUNT = sizeof(kind_words) / sizeof(kind_words[0]) };

const char *inputs_kind_name(enum table_kind kind)
{
    return kind_words[kind];
}

/* ---- The index ---- */

static int index_write(const struct inputs *t, const char *folder,
                       struct err *err)
{
    struct buf b;
    int rc = 0;
    buf_init(&b, INDEX_MAX_BYTES);
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        const struct inputs_entry *e = &t->list[i];
        rc = buf_printf(&b, "%zu.%s %s %zu ", i + 1, kind_words[e->kind],
                        kind_words[e->kind], e->len);
        if (rc == 0)
            rc = line_path_put(&b, e->path);
        if (rc == 0)
            rc = buf_putc(&b, '\n');
    }
    char *path = path_join(folder, "index");
    if (rc < 0 || !path)
        rc = err_set(err, ENOMEM, "no memory for the list of tables");
    else
        rc = file_replace(path, buf_text(&b), b.len, 0600, 1, err);
    mem_free(path);
    buf_fini(&b);
    return rc;
}

/* A line of the index; err says already that it is damaged. */
static int index_line(struct inputs *t, const char *line, struct err *err)
{
    char name[32], word[16];
    size_t len;
    int kind = 0, at = 0;
    if (sscanf(line, "%31s %15s %zu %n", name, word, &len, &at) != 3 ||
        at == 0 || strchr(name, '/') || len > TABLE_MAX_BYTES)
        return -1;
    while (kind < KIND_COUNT && strcmp(kind_words[kind], word) != 0)
        kind++;
    if (kind == KIND_COUNT)
        return -1;
    char *path = line_path_get(line + at, strlen(line + at));
    if (!path)
        return err_set(err, ENOMEM, "no memory for the list of tables");
    struct inputs_entry *e = inputs_append(t, (enum table_kind)kind, path, err);
    mem_free(path);
    if (!e)
        return -1;
    e->len = len;
    snprintf(e->name, sizeof(e->name), "%s", name);
    return 0;
}

static int index_read(struct inputs *t, struct err *err)
{
    struct buf b;
    char *path = path_join(t->folder, "tables/index"), *next;
    int rc = 0;
    buf_init(&b, INDEX_MAX_BYTES);
    if (!path) {
        rc = err_set(err, ENOMEM, "no memory for a path");
    } else if (access(path, F_OK) < 0 && errno == ENOENT) {
        rc = 0; /* a spec that names none */
    } else if ((rc = file_read(path, &b, err)) == 0) {
        for (char *s = b.data; rc == 0 && s && *s; s = next) {
            next = strchr(s, '\n');
            if (next)
                *next++ = '\0';
            err_set(err, EBADMSG, "%s is damaged", path);
            rc = next ? index_line(t, s, err) : -1;
        }
    }
    mem_free(path);
    buf_fini(&b);
    return rc;
}

struct inputs *inputs_open(const char *path, struct err *err)
{
    struct inputs *t = inputs_create(path, err);
    if (!t)
        return NULL;
    t->source = INPUTS_COPIES;
    if (index_read(t, err) == 0)
        return t;
    inputs_destroy(t);
    return NULL;
}

/* ---- Making copies ---- */

static int changed(const struct inputs_entry *e, struct err *err)
{
    return err_set(err, EAGAIN,
                   "%s is being changed by somebody; try again when it is "
                   "complete",
                   e->path);
}

/* Copy len bytes from one open file to another, by the kernel where it can.
 * -1 with errno; EFAULT: the file has become shorter. */
static int bytes_copy(int from, int to, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, len - at, 0);
        if (n < 0 && at == 0)
            break; /* another file system, or one that cannot */
        if (n <= 0) {
            errno = n < 0 ? errno : EFAULT;
            return -1;
        }
        at += (size_t)n;
    }
    enum { PIECE = 1 << 20 };
    char *piece = at < len ? mem_alloc(PIECE) : NULL;
    int rc = 0;
    if (at < len && !piece)
        return -1;
    while (rc == 0 && at < len) {
        size_t n = len - at < PIECE ? len - at : PIECE;
        rc = file_read_at(from, piece, n, at);
        if (rc == 0)
            rc = file_write_all(to, piece, n);
        else if (errno == EIO)
            errno = EFAULT;
        at += n;
    }
    mem_free(piece);
    return rc;
}

/* Write the bytes of an entry to fd: of a file from the file, which is still
 * the same then. */
static int entry_write(const struct inputs *t, const struct inputs_entry *e,
                       int fd, struct err *err)
{
    struct stat st;
    if (e->owner != BYTES_MAPPED) {
        if (file_write_all(fd, e->bytes, e->len) < 0)
            return err_sys(err, errno, "cannot copy the names of %s", e->path);
        return 0;
    }
    char *path = path_join(t->folder, e->path);
    int from = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    int rc = -1;
    if (!path)
        err_set(err, ENOMEM, "no memory for a path");
    else if (from < 0)
        err_sys(err, errno, "cannot open %s", path);
    else if (fstat(from, &st) < 0 || !file_is_same(&st, &e->file))
        changed(e, err);
    else if (bytes_copy(from, fd, e->len) < 0)
        errno == EFAULT ? changed(e, err)
                        : err_sys(err, errno, "cannot copy %s", path);
    else if (fstat(from, &st) < 0 || !file_is_same(&st, &e->file))
        changed(e, err);
    else
        rc = 0;
    if (from >= 0)
        close(from);
    mem_free(path);
    return rc;
}

/* The copy of entry i is open as fd: map it in place of the file. */
static int entry_switch(struct inputs_entry *e, int fd, struct err *err)
{
    return e->owner == BYTES_MAPPED ? inputs_map(e, fd, e->bytes, err) : 0;
}

static int entry_keep(struct inputs *t, size_t i, int folder, struct err *err)
{
    struct inputs_entry *e = &t->list[i];
    snprintf(e->name, sizeof(e->name), "%zu.%s", i + 1, kind_words[e->kind]);
    int rc = -1;
    int fd = openat(folder, e->name,
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot make a copy of %s", e->path);
    if (entry_write(t, e, fd, err) == 0) {
        if (fsync(fd) < 0 && errno != EINVAL)
            err_sys(err, errno, "cannot make a copy of %s", e->path);
        else
            rc = entry_switch(e, fd, err);
    }
    close(fd);
    return rc;
}

/* Open tables/ of a run directory; make it if make. -1 with errno. */
static int folder_open(int dir_fd, bool make)
{
    if (make && mkdirat(dir_fd, "tables", 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(dir_fd, "tables",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int inputs_keep(struct inputs *t, int dir_fd, const char *path, struct err *err)
{
    if (t->count == 0)
        return 0;
    int rc = -1, folder = folder_open(dir_fd, true);
    char *folder_path = path_join(path, "tables");
    if (folder < 0)
        err_sys(err, errno, "cannot make the folder %s/tables", path);
    else if (!folder_path)
        err_set(err, ENOMEM, "no memory for a path");
    else
        rc = 0;
    for (size_t i = 0; rc == 0 && i < t->count; i++)
        rc = entry_keep(t, i, folder, err);
    if (rc == 0)
        rc = index_write(t, folder_path, err);
    if (rc == 0 && fsync(folder) < 0 && errno != EINVAL)
        rc = err_sys(err, errno, "cannot write %s", folder_path);
    if (folder >= 0)
        close(folder);
    mem_free(folder_path);
    return rc;
}

/* ---- Comparing ---- */

#define WHAT_TO_DO                                                             \
    "(put it back as it was, use -o DIR for another run, or --fresh to start " \
    "anew)"

/* Append the names of a that are not in b, both sorted: "x, y and 3 more". */
static size_t names_missing(const char *a, size_t a_len, const char *b,
                            size_t b_len, struct buf *out)
{
    const char *a_end = a + a_len, *b_end = b + b_len;
    size_t count = 0;
    for (; a < a_end; a += strlen(a) + 1) {
        while (b < b_end && strcmp(b, a) < 0)
            b += strlen(b) + 1;
        if (b < b_end && strcmp(b, a) == 0)
            continue;
        if (count++ < NAMES_SHOWN) {
            (void)buf_puts(out, count > 1 ? ", " : "");
            (void)text_put_printable(out, a, strlen(a), false);
        }
    }
    if (count > NAMES_SHOWN)
        (void)buf_printf(out, " and %zu more", count - NAMES_SHOWN);
    return count;
}

static int refuse_paths(const struct inputs_entry *now, const char *old,
                        size_t old_len, const char *path, struct err *err)
{
    struct buf came, went;
    buf_init(&came, 400);
    buf_init(&went, 400);
    size_t n = names_missing(now->bytes, now->len, old, old_len, &came);
    size_t m = names_missing(old, old_len, now->bytes, now->len, &went);
    err_set(err, EINVAL,
            "%s belongs to other files than \"%s\" matches now: %s%s%s%s%s "
            "(put them back as they were, use -o DIR for another run, or "
            "--fresh to start anew)",
            path, now->path, buf_text(&came),
            n == 0   ? ""
            : n == 1 ? " is new"
                     : " are new",
            n > 0 && m > 0 ? ", " : "", buf_text(&went),
            m == 0   ? ""
            : m == 1 ? " is gone"
                     : " are gone");
    buf_fini(&came);
    buf_fini(&went);
    return -1;
}

static int refuse_changed(const struct inputs_entry *now, const char *old,
                          size_t old_len, const char *path, struct err *err)
{
    struct difference d;
    if (now->kind == TABLE_PATHS)
        return refuse_paths(now, old, old_len, path, err);
    difference_find(old, old_len, now->len ? now->bytes : "", now->len, &d);
    return err_set(err, EINVAL,
                   "%s belongs to another %s: line %zu was %s and is now "
                   "%s " WHAT_TO_DO,
                   path, now->path, d.line, d.was, d.is);
}

/* Compare an entry with its copy, and go on with that. */
static int entry_compare(struct inputs_entry *now, struct inputs *kept,
                         const char *path, int folder, struct err *err)
{
    const char *old;
    size_t len;
    if (inputs_get(kept, now->kind, now->path, &old, &len, err) < 0)
        return err_context(err, "%s", path);
    if (len != now->len || (len > 0 && memcmp(old, now->bytes, len) != 0))
        return refuse_changed(now, old, len, path, err);
    for (size_t i = 0; i < kept->count; i++)
        if (kept->list[i].kind == now->kind &&
            strcmp(kept->list[i].path, now->path) == 0)
            snprintf(now->name, sizeof(now->name), "%s", kept->list[i].name);
    int fd = openat(folder, now->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the copy of %s", now->path);
    int rc = entry_switch(now, fd, err);
    close(fd);
    return rc;
}

int inputs_compare(struct inputs *t, int dir_fd, const char *path,
                   struct err *err)
{
    if (t->count == 0)
        return 0;
    struct inputs *kept = inputs_open(path, err);
    if (!kept)
        return -1;
    int rc = 0, folder = folder_open(dir_fd, false);
    if (folder < 0)
        rc = err_sys(err, errno, "cannot open %s/tables", path);
    for (size_t i = 0; rc == 0 && i < t->count; i++)
        rc = entry_compare(&t->list[i], kept, path, folder, err);
    if (folder >= 0)
        close(folder);
    inputs_destroy(kept);
    return rc;
}
