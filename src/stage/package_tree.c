/* A folder as a pax archive: see package.h.
 *
 * Made piece by piece as it is read: a header, a file's bytes, the zeros up to
 * the next block. One folder a level is open, with the sorted names of its
 * entries. Bytes of names go in as they are.
 */
#include "config.h"
#include "stage/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "stage/beneath.h"
#include "stage/package_shown.h"

enum {
    BLOCK = 512,
    END_BLOCKS = 2,
    LINK_MAX_BYTES = 4096,
    NAMES_MAX_BYTES = 128 << 20, /* of one folder */
    PREFIX_BYTES = 155,
    NAME_BYTES = 100
};

/* A folder that is walked. */
struct level {
    int dir;
    struct buf bytes;   /* the names, a NUL behind each */
    const char **names; /* sorted */
    size_t count, next;
    size_t path_len; /* of the folder's own path */
};

struct tree {
    int root;
    struct level levels[BENEATH_DEPTH_MAX + 1];
    int depth; /* levels in use */
    char path[BENEATH_NAME_MAX];
    struct buf head; /* what is to be given out before more is made */
    size_t head_at;
    int file; /* that is read, -1 */
    uint64_t file_left, file_bytes;
    struct timespec file_mtime;
    bool ended;
    uint64_t entries, opens, bytes;
};

static int refuse(const struct tree *t, const char *why, struct err *err)
{
    char text[SHOWN_MAX];
    return err_set(err, EPROTO, "refused: its entry %s %s",
                   package_shown(t->path, text), why);
}

static int failed(const struct tree *t, int code, struct err *err)
{
    char text[SHOWN_MAX];
    return err_sys(err, code, "cannot read its entry %s",
                   package_shown(t->path, text));
}

static void level_close(struct level *l)
{
    close(l->dir);
    buf_fini(&l->bytes);
    mem_free(l->names);
    l->names = NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a level's folder, sorted. */
static int level_read(struct tree *t, struct level *l, struct err *err)
{
    int copy = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = file_names(copy);
    if (!d)
        return failed(t, errno, err);
    int rc = 0;
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)); errno = 0) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        rc = buf_put(&l->bytes, e->d_name, strlen(e->d_name) + 1);
        if (rc < 0)
            failed(t, errno, err);
        l->count++;
    }
    if (rc == 0 && errno != 0)
        rc = failed(t, errno, err);
    closedir(d);
    if (rc < 0 || l->count == 0)
        return rc;
    l->names = mem_calloc(l->count, sizeof(*l->names));
    if (!l->names)
        return failed(t, ENOMEM, err);
    size_t n = 0;
    for (size_t at = 0; at < l->bytes.len; at += strlen(l->names[n++]) + 1)
        l->names[n] = l->bytes.data + at;
    qsort(l->names, l->count, sizeof(*l->names), by_bytes);
    return 0;
}

/* Go into the open folder dir, whose path is t->path. */
static int level_open(struct tree *t, int dir, struct err *err)
{
    if (t->depth > BENEATH_DEPTH_MAX) {
        close(dir);
        return refuse(t, "is too many folders deep", err);
    }
    struct level *l = &t->levels[t->depth++];
    *l = (struct level){.dir = dir, .path_len = strlen(t->path)};
    buf_init(&l->bytes, NAMES_MAX_BYTES);
    t->opens++;
    return level_read(t, l, err);
}

/* One record of a pax header: its length counts its own digits. */
static int put_record(struct buf *b, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;
    char digits[24];
    while ((size_t)snprintf(digits, sizeof(digits), "%zu", len) + rest != len)
        len++;
    return buf_printf(b, "%zu %s=%s\n", len, key, value);
}

/* Zeros up to the next block. */
static int put_padding(struct buf *b)
{
    static const char zeros[BLOCK];
    size_t over = b->len % BLOCK;
    return over ? buf_put(b, zeros, BLOCK - over) : 0;
}

/* A number in size - 1 octal digits, with a NUL behind; 0 if it does not fit:
 * a record has it then. */
static void put_octal(char *field, size_t size, uint64_t value)
{
    if (size < 20 && value >> (3 * (size - 1)))
        value = 0;
    field[--size] = '\0';
    for (; size > 0; value >>= 3)
        field[--size] = (char)('0' + (value & 7));
}

/* One block. name and link are cut; a pax header has them whole. */
static int put_header(struct buf *b, const char *name, char type, mode_t mode,
                      uint64_t size, uint64_t mtime, const char *link)
{
    char h[BLOCK] = "";
    unsigned sum = 0;
    memcpy(h, name, strnlen(name, NAME_BYTES));
    put_octal(h + 100, 8, mode);
    put_octal(h + 108, 8, 0);
    put_octal(h + 116, 8, 0);
    put_octal(h + 124, 12, size);
    put_octal(h + 136, 12, mtime);
    memset(h + 148, ' ', 8);
    h[156] = type;
    memcpy(h + 157, link, strnlen(link, NAME_BYTES));
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    put_octal(h + 148, 7, sum);
    return buf_put(b, h, BLOCK);
}

/* All that stands before an entry's bytes. */
static int put_entry(struct tree *t, const struct stat *st, char type,
                     uint64_t size, const char *link, struct err *err)
{
    uint64_t mtime = st->st_mtime > 0 ? (uint64_t)st->st_mtime : 0;
    char number[24];
    struct buf pax;
    bool utf8 = text_is_utf8(t->path, strlen(t->path)) &&
                text_is_utf8(link, strlen(link));
    int rc = 0;
    buf_init(&pax, 4 * LINK_MAX_BYTES);
    snprintf(number, sizeof(number), "%" PRIu64, size);
    if (!utf8)
        rc = put_record(&pax, "hdrcharset", "BINARY");
    if (rc == 0 && (!utf8 || strlen(t->path) > NAME_BYTES))
        rc = put_record(&pax, "path", t->path);
    if (rc == 0 && (!utf8 || strlen(link) > NAME_BYTES))
        rc = put_record(&pax, "linkpath", link);
    if (rc == 0 && size > 077777777777)
        rc = put_record(&pax, "size", number);
    if (rc == 0 && pax.len > 0) {
        rc = put_header(&t->head, "pax", 'x', 0600, pax.len, 0, "");
        if (rc == 0)
            rc = buf_put(&t->head, pax.data, pax.len);
        if (rc == 0)
            rc = put_padding(&t->head);
    }
    if (rc == 0)
        rc = put_header(&t->head, t->path, type, st->st_mode & 0777, size,
                        mtime, link);
    buf_fini(&pax);
    return rc < 0 ? failed(t, errno, err) : 0;
}

static int add_file(struct tree *t, int dir, const char *name, struct err *err)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return failed(t, errno, err);
    t->opens++;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ESTALE, "it changed while it was read");
    }
    if (st.st_mode & (S_ISUID | S_ISGID | S_ISVTX)) {
        close(fd);
        return refuse(t, "has the setuid, setgid or sticky bit", err);
    }
    if (put_entry(t, &st, '0', (uint64_t)st.st_size, "", err) < 0) {
        close(fd);
        return -1;
    }
    t->file = fd;
    t->file_bytes = t->file_left = (uint64_t)st.st_size;
    t->file_mtime = st.st_mtim;
    return 0;
}

static int add_link(struct tree *t, int dir, const char *name,
                    const struct stat *st, struct err *err)
{
    char target[LINK_MAX_BYTES], real[BENEATH_NAME_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
    if (n < 0)
        return failed(t, errno, err);
    target[n] = '\0';
    if (beneath_resolve(t->root, NULL, t->path, real) < 0 && errno != ELOOP &&
        errno != ENOTDIR)
        return errno == EXDEV
                   ? refuse(t, "is a symbolic link that leads out of it", err)
                   : failed(t, errno, err);
    return put_entry(t, st, '2', 0, target, err);
}

static int add_folder(struct tree *t, int dir, const char *name,
                      const struct stat *st, struct err *err)
{
    size_t len = strlen(t->path);
    if (len + 1 >= sizeof(t->path))
        return refuse(t, "is longer than a name may be", err);
    t->path[len] = '/'; /* as archives name folders */
    t->path[len + 1] = '\0';
    int rc = put_entry(t, st, '5', 0, "", err);
    t->path[len] = '\0';
    if (rc < 0)
        return -1;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed(t, errno, err);
    return level_open(t, fd, err);
}

static int add_any(struct tree *t, int dir, const char *name, struct err *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(t, errno, err);
    switch (st.st_mode & S_IFMT) {
    case S_IFREG:
        return add_file(t, dir, name, err);
    case S_IFDIR:
        return add_folder(t, dir, name, &st, err);
    case S_IFLNK:
        return add_link(t, dir, name, &st, err);
    default:
        return refuse(t, package_kind(st.st_mode & S_IFMT), err);
    }
}

/* The next entry; or the end. */
static int step(struct tree *t, struct err *err)
{
    while (t->depth > 0 &&
           t->levels[t->depth - 1].next == t->levels[t->depth - 1].count)
        level_close(&t->levels[--t->depth]);
    if (t->depth == 0) {
        static const char zeros[END_BLOCKS * BLOCK];
        t->ended = true;
        return buf_put(&t->head, zeros, sizeof(zeros)) < 0
                   ? failed(t, errno, err)
                   : 0;
    }
    struct level *l = &t->levels[t->depth - 1];
    const char *name = l->names[l->next++];
    size_t len = l->path_len;
    t->path[len] = '\0';
    if (++t->entries > PACKAGE_MAX_ENTRIES)
        return err_set(err, EPROTO, "refused: it holds more than %d entries",
                       PACKAGE_MAX_ENTRIES);
    if (len + 1 + strlen(name) >= sizeof(t->path))
        return refuse(t, "has names in it that are too long", err);
    snprintf(t->path + len, sizeof(t->path) - len, "%s%s", len ? "/" : "",
             name);
    return add_any(t, l->dir, name, err);
}

/* The file's bytes are read: is it still as it was? */
static int end_file(struct tree *t, struct err *err)
{
    struct stat st;
    char text[SHOWN_MAX];
    int rc = fstat(t->file, &st);
    bool same = rc == 0 && (uint64_t)st.st_size == t->file_bytes &&
                st.st_mtim.tv_sec == t->file_mtime.tv_sec &&
                st.st_mtim.tv_nsec == t->file_mtime.tv_nsec;
    close(t->file);
    t->file = -1;
    if (!same)
        return err_set(err, ESTALE, "its entry %s changed while it was read",
                       package_shown(t->path, text));
    static const char zeros[BLOCK];
    size_t over = t->file_bytes % BLOCK;
    if (over && buf_put(&t->head, zeros, BLOCK - over) < 0)
        return failed(t, errno, err);
    return 0;
}

static ssize_t read_file(struct tree *t, void *data, size_t len,
                         struct err *err)
{
    char text[SHOWN_MAX];
    size_t want = len < t->file_left ? len : (size_t)t->file_left;
    ssize_t n;
    do
        n = read(t->file, data, want);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return failed(t, errno, err);
    if (n == 0)
        return err_set(err, ESTALE, "its entry %s changed while it was read",
                       package_shown(t->path, text));
    t->file_left -= (uint64_t)n;
    t->bytes += (uint64_t)n;
    return n;
}

ssize_t tree_read(struct tree *t, void *data, size_t len, struct err *err)
{
    while (len > 0) {
        if (t->head_at < t->head.len) {
            size_t n = t->head.len - t->head_at;
            n = n < len ? n : len;
            memcpy(data, t->head.data + t->head_at, n);
            t->head_at += n;
            return (ssize_t)n;
        }
        buf_reset(&t->head);
        t->head_at = 0;
        if (t->file >= 0 && t->file_left > 0)
            return read_file(t, data, len, err);
        if (t->file < 0 && t->ended)
            return 0;
        if (t->file >= 0 ? end_file(t, err) < 0 : step(t, err) < 0)
            return -1;
    }
    return 0;
}

struct tree *tree_open(const char *folder, struct err *err)
{
    struct tree *t = mem_calloc(1, sizeof(*t));
    if (!t) {
        err_set(err, ENOMEM, "no memory to read a folder");
        return NULL;
    }
    t->file = -1;
    buf_init(&t->head, 8 * LINK_MAX_BYTES);
    t->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int dir = t->root < 0
                  ? -1
                  : openat(t->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        err_sys(err, errno, "cannot read the folder");
    else if (level_open(t, dir, err) == 0)
        return t;
    tree_close(t);
    return NULL;
}

void tree_counts(const struct tree *t, uint64_t *opens, uint64_t *bytes)
{
    *opens = t->opens;
    *bytes = t->bytes;
}

void tree_close(struct tree *t)
{
    if (!t)
        return;
    while (t->depth > 0)
        level_close(&t->levels[--t->depth]);
    if (t->file >= 0)
        close(t->file);
    if (t->root >= 0)
        close(t->root);
    buf_fini(&t->head);
    mem_free(t);
}
