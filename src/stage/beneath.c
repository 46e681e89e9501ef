/* Names that must stay beneath a folder: see beneath.h. */
#include "config.h"
#include "stage/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* followed for one name, as the kernel does */

int beneath_plain(const char *name, char *out, struct err *err)
{
    size_t len = 0;
    unsigned depth = 0;
    if (name[0] == '/')
        return err_set(err, EINVAL, "is absolute");
    out[0] = '\0';
    for (const char *p = name; *p; p += strspn(p, "/")) {
        size_t part = strcspn(p, "/");
        bool dots = part == 2 && memcmp(p, "..", 2) == 0;
        if (dots)
            return err_set(err, EINVAL, "has \"..\" in it");
        if (part > NAME_MAX)
            return err_set(err, ENAMETOOLONG,
                           "has a part of %zu bytes; a file name has at most "
                           "%d",
                           part, NAME_MAX);
        if (part != 1 || p[0] != '.') {
            if (len + part + 2 > BENEATH_NAME_MAX)
                return err_set(err, ENAMETOOLONG, "is longer than %d bytes",
                               BENEATH_NAME_MAX - 1);
            if (++depth > BENEATH_DEPTH_MAX)
                return err_set(err, ENAMETOOLONG,
                               "is more than %d folders deep",
                               BENEATH_DEPTH_MAX);
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, p, part);
            len += part;
            out[len] = '\0';
        }
        p += part;
    }
    return 0;
}

/* Open the folder at one name, following no link: ELOOP for one. */
static int open_folder(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR) /* what a link gives here, too */
        errno = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISLNK(st.st_mode)
                    ? ELOOP
                    : ENOTDIR;
    return fd;
}

/* As beneath_folder, of the first len bytes of name. */
static int walk(int root, const char *name, size_t len,
                struct beneath_make *make)
{
    char part[NAME_MAX + 1];
    int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t at = 0; dir >= 0 && at < len;) {
        size_t n = strcspn(name + at, "/");
        if (n > NAME_MAX) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, name + at, n);
        part[n] = '\0';
        int next = open_folder(dir, part);
        if (next < 0 && errno == ENOENT && make) {
            int made = mkdirat(dir, part, make->mode);
            make->made += made == 0;
            if (made == 0 || errno == EEXIST)
                next = open_folder(dir, part);
        }
        int code = errno;
        close(dir);
        errno = code;
        dir = next;
        at += n + 1;
    }
    return dir;
}

int beneath_folder(int root, const char *name, struct beneath_make *make)
{
    return walk(root, name, strlen(name), make);
}

int beneath_parent(int root, const char *name, struct beneath_make *make,
                   const char **base)
{
    const char *slash = strrchr(name, '/');
    if (!*name) {
        errno = EINVAL;
        return -1;
    }
    *base = slash ? slash + 1 : name;
    return walk(root, name, slash ? (size_t)(slash - name) : 0, make);
}

/* What is still to be walked, and where we are. */
struct resolve {
    int root;
    const char *prefix;
    char todo[2 * PATH_MAX];
    char *real; /* BENEATH_NAME_MAX bytes */
    size_t len; /* of real */
    unsigned links;
    bool missing;
};

/* One folder up. */
static int resolve_up(struct resolve *r)
{
    if (r->len == 0) {
        errno = EXDEV;
        return -1;
    }
    while (r->len > 0 && r->real[--r->len] != '/')
        ;
    r->real[r->len] = '\0';
    return 0;
}

/* Put a link's target, of the link that real ends with, in front of what is
 * still to be walked: rest, which is empty or begins with "/". */
static int resolve_link(struct resolve *r, const char *rest)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(r->root, r->real, target, sizeof(target) - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    const char *from = target;
    resolve_up(r);
    if (target[0] == '/') {
        size_t own = r->prefix ? strlen(r->prefix) : 0;
        if (own == 0 || strncmp(target, r->prefix, own) != 0 ||
            (target[own] != '/' && target[own] != '\0')) {
            errno = EXDEV;
            return -1;
        }
        from += own;
        r->len = 0;
        r->real[0] = '\0';
    }
    size_t ahead = strlen(from), left = strlen(rest);
    if (++r->links > LINKS_MAX || ahead + left >= sizeof(r->todo)) {
        errno = r->links > LINKS_MAX ? ELOOP : ENAMETOOLONG;
        return -1;
    }
    memmove(r->todo + ahead, rest, left + 1);
    memcpy(r->todo, from, ahead);
    return 0;
}

/* One part, n bytes at name, which is no "..": a link, a folder, a file, or
 * nothing. rest is behind it, and *again says whether todo begins anew. */
static int resolve_part(struct resolve *r, const char *name, size_t n,
                        const char *rest, bool *again)
{
    struct stat st;
    if (r->len + n + 2 > BENEATH_NAME_MAX || n > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (r->len > 0)
        r->real[r->len++] = '/';
    memcpy(r->real + r->len, name, n);
    r->len += n;
    r->real[r->len] = '\0';
    if (fstatat(r->root, r->real, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return -1;
        r->missing = true;
        return 0;
    }
    if (S_ISLNK(st.st_mode)) {
        *again = true;
        return resolve_link(r, rest);
    }
    if (*rest && !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return 0;
}

int beneath_resolve(int root, const char *prefix, const char *name, char *out)
{
    struct resolve r = {.root = root, .prefix = prefix, .real = out};
    if (name[0] == '/' || strlen(name) >= PATH_MAX) {
        errno = name[0] == '/' ? EXDEV : ENAMETOOLONG;
        return -1;
    }
    out[0] = '\0';
    snprintf(r.todo, sizeof(r.todo), "%s", name);
    for (const char *p = r.todo; *p;) {
        size_t n = strcspn(p, "/");
        const char *rest = p + n;
        bool again = false;
        if (n == 2 && memcmp(p, "..", 2) == 0) {
            if (resolve_up(&r) < 0)
                return -1;
        } else if (n > 0 && (n != 1 || p[0] != '.')) {
            if (resolve_part(&r, p, n, rest, &again) < 0)
                return -1;
        }
        p = again ? r.todo : rest + (*rest == '/');
    }
    return !r.missing;
}

int beneath_open(int root, const char *name)
{
    const char *base = ".";
    int parent = *name ? beneath_parent(root, name, NULL, &base)
                       : fcntl(root, F_DUPFD_CLOEXEC, 3);
    if (parent < 0)
        return -1;
    int fd = openat(parent, base,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int code = errno;
    close(parent);
    errno = code;
    return fd;
}

int beneath_open_resolved(int root, const char *name)
{
    char plain[BENEATH_NAME_MAX];
    int there = beneath_resolve(root, NULL, name, plain);
    if (there == 0)
        errno = ENOENT;
    return there > 0 ? beneath_open(root, plain) : -1;
}
