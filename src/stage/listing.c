/* The files of a container: see listing.h.
 *
 * Folders are walked with one open folder a level. What a link leads to is
 * found by beneath_resolve: it never leaves the container.
 */
#include "config.h"
#include "stage/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stage/beneath.h"

/* One that was found, for sorting: its line in text. */
struct found {
    size_t at, name; /* where its line, and its name in it, begin */
};

struct walk {
    const char *dir, *prefix;
    size_t prefix_len;
    int root;
    const atomic_bool *stop;
    struct listing_seen seen;
    struct buf text;
    struct found *found;
    size_t count, cap;
    char name[PATH_MAX]; /* of where we are, relative to dir */
    struct {
        dev_t dev;
        ino_t ino;
    } above[LISTING_MAX_DEPTH + 1];
    struct err *err;
};

static int too_many(const struct walk *w)
{
    return err_set(w->err, E2BIG,
                   "\"%s\" has more than %d files%s (or their names more than "
                   "%d MiB): name less of it with blob_prefix",
                   w->dir, LISTING_MAX_FILES,
                   w->prefix_len ? " that begin so" : "",
                   LISTING_MAX_BYTES >> 20);
}

static int add_file(struct walk *w, const struct stat *st)
{
    if (strncmp(w->name, w->prefix, w->prefix_len) != 0)
        return 0;
    if (w->count == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        struct found *more = mem_resize(w->found, cap, sizeof(more[0]));
        if (!more)
            return err_set(w->err, ENOMEM, "no memory to list \"%s\"", w->dir);
        w->found = more;
        w->cap = cap;
    }
    struct found f = {.at = w->text.len};
    if (w->count >= LISTING_MAX_FILES)
        return too_many(w);
    if (buf_printf(&w->text, "%llu %03o ", (unsigned long long)st->st_size,
                   (unsigned)st->st_mode & 0777) < 0)
        return too_many(w);
    f.name = w->text.len;
    if (buf_put(&w->text, w->name, strlen(w->name) + 1) < 0)
        return too_many(w);
    w->found[w->count++] = f;
    return 0;
}

/* Is w->name one that is asked for, or may it be a folder that holds such? */
static bool is_wanted(const struct walk *w, size_t len)
{
    if (len >= w->prefix_len)
        return strncmp(w->name, w->prefix, w->prefix_len) == 0;
    return strncmp(w->name, w->prefix, len) == 0 && w->prefix[len] == '/';
}

static int walk_folder(struct walk *w, int fd, size_t len, unsigned depth);

/* Is it one of the folders that we are in: a link upwards? */
static bool is_above(const struct walk *w, const struct stat *st,
                     unsigned depth)
{
    for (unsigned i = 0; i <= depth; i++)
        if (w->above[i].dev == st->st_dev && w->above[i].ino == st->st_ino)
            return true;
    return false;
}

static int enter(struct walk *w, int fd, const struct stat *st, size_t len,
                 unsigned depth)
{
    if (fd < 0)
        return err_sys(w->err, errno, "cannot open \"%s/%s\"", w->dir, w->name);
    if (depth + 1 > LISTING_MAX_DEPTH) {
        close(fd);
        return err_set(w->err, E2BIG, "\"%s\" is more than %d folders deep",
                       w->dir, LISTING_MAX_DEPTH);
    }
    w->above[depth + 1].dev = st->st_dev;
    w->above[depth + 1].ino = st->st_ino;
    return walk_folder(w, fd, len, depth + 1);
}

/* A link: what it leads to within the container, without links on the way. 1
 * with *st and plain, or 0. */
static int follow(struct walk *w, char plain[BENEATH_NAME_MAX], struct stat *st)
{
    return beneath_resolve(w->root, w->dir, w->name, plain) == 1 &&
           fstatat(w->root, plain[0] ? plain : ".", st, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           !S_ISLNK(st->st_mode);
}

/* The link w->name, len bytes, is followed to no file. */
static void link_left(struct walk *w, size_t len)
{
    if (len >= w->prefix_len && w->seen.links++ == 0)
        snprintf(w->seen.link, sizeof(w->seen.link), "%.*s",
                 LISTING_LINK_SHOWN - 1, w->name);
}

/* w->name, len bytes, is what is called base in the folder dir. */
static int walk_one(struct walk *w, int dir, const char *base, size_t len,
                    unsigned depth)
{
    char plain[BENEATH_NAME_MAX];
    struct stat st;
    bool link = false;
    int fd;
    if (!is_wanted(w, len)) /* before any look: others are many, perhaps */
        return 0;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT
                   ? 0
                   : err_sys(w->err, errno, "cannot look at \"%s/%s\"", w->dir,
                             w->name);
    if (S_ISLNK(st.st_mode)) {
        link = true;
        if (!follow(w, plain, &st)) {
            link_left(w, len);
            return 0;
        }
    }
    if (S_ISREG(st.st_mode))
        return add_file(w, &st);
    if (!S_ISDIR(st.st_mode) || (link && is_above(w, &st, depth)))
        return 0;
    if (link)
        fd = beneath_folder(w->root, plain, NULL);
    else
        fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return enter(w, fd, &st, len, depth);
}

/* Of the folder fd, which is closed, whose name is the first len bytes of
 * w->name. */
static int walk_folder(struct walk *w, int fd, size_t len, unsigned depth)
{
    DIR *d = file_names(fd);
    int rc = 0;
    w->seen.opens++;
    if (!d)
        return err_sys(w->err, errno, "cannot read \"%s/%s\"", w->dir, w->name);
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)); errno = 0) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(w->name + len, sizeof(w->name) - len, "%s%s",
                         len ? "/" : "", e->d_name);
        if (w->stop && atomic_load(w->stop))
            rc = err_set(w->err, ECANCELED, "given up");
        else if ((size_t)n >= sizeof(w->name) - len)
            rc = err_set(w->err, ENAMETOOLONG,
                         "a name in \"%s\" is longer than %d bytes", w->dir,
                         PATH_MAX);
        else
            rc = walk_one(w, fd, e->d_name, len + (size_t)n, depth);
    }
    if (rc == 0 && errno != 0)
        rc = err_sys(w->err, errno, "cannot read \"%s/%.*s\"", w->dir, (int)len,
                     w->name);
    w->name[len] = '\0';
    closedir(d);
    return rc;
}

static int compare(const void *a, const void *b, void *arg)
{
    const char *text = arg;
    return strcmp(text + ((const struct found *)a)->name,
                  text + ((const struct found *)b)->name);
}

static int put_sorted(struct walk *w, struct buf *b)
{
    if (w->count > 0)
        qsort_r(w->found, w->count, sizeof(w->found[0]), compare, w->text.data);
    for (size_t i = 0; i < w->count; i++) {
        const char *line = w->text.data + w->found[i].at;
        if (buf_put(b, line, strlen(line) + 1) < 0)
            return err_sys(w->err, errno, "cannot list \"%s\"", w->dir);
    }
    return 0;
}

int listing_make(const char *dir, const char *prefix, const atomic_bool *stop,
                 struct buf *b, struct listing_seen *seen, struct err *err)
{
    struct stat st;
    struct walk *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return err_set(err, ENOMEM, "no memory to list \"%s\"", dir);
    w->dir = dir;
    w->prefix = prefix ? prefix : "";
    w->prefix_len = strlen(w->prefix);
    w->stop = stop;
    w->err = err;
    buf_init(&w->text, LISTING_MAX_BYTES);
    int rc;
    w->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = w->root < 0
                 ? -1
                 : openat(w->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = err_sys(err, errno, "cannot open the folder \"%s\"", dir);
        if (fd >= 0)
            close(fd);
    } else {
        w->above[0].dev = st.st_dev;
        w->above[0].ino = st.st_ino;
        rc = walk_folder(w, fd, 0, 0);
    }
    if (rc == 0)
        rc = put_sorted(w, b);
    if (rc == 0 && seen)
        *seen = w->seen;
    if (w->root >= 0)
        close(w->root);
    buf_fini(&w->text);
    mem_free(w->found);
    mem_free(w);
    return rc;
}

/* Digits of a base up to a space; *p is behind that. */
static bool number(const char **p, unsigned base, uint64_t max, uint64_t *value)
{
    const char *s = *p;
    uint64_t v = 0;
    for (; *s >= '0' && (unsigned)(*s - '0') < base; s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (v > (max - digit) / base)
            return false;
        v = v * base + digit;
    }
    if (s == *p || *s != ' ')
        return false;
    *p = s + 1;
    *value = v;
    return true;
}

/* No empty part, no "." and no "..". */
static bool is_name(const char *name)
{
    for (const char *p = name;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') ||
            (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (!*p)
            return true;
    }
}

int listing_next(const char *data, size_t len, size_t *at, struct listed *f,
                 struct err *err)
{
    uint64_t bytes, mode;
    if (*at == len)
        return 0;
    const char *p = data + *at;
    const char *end = memchr(p, 0, len - *at);
    if (!end || !number(&p, 10, INT64_MAX, &bytes) ||
        !number(&p, 8, 0777, &mode) || !is_name(p))
        return err_set(err, EPROTO, "the listing of a container is damaged");
    *f = (struct listed){.bytes = bytes, .mode = (uint32_t)mode, .name = p};
    *at = (size_t)(end + 1 - data);
    return 1;
}
