/* Where staged data comes from: see origin.h. */
#include "config.h"
#include "stage/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "stage/http.h"
#include "stage/listing.h"
#include "stage/package.h"

struct origin {
    enum object_kind kind;
    const atomic_bool *stop; /* or NULL */
    struct origin_counts counts;
    uint64_t at; /* how much was read */
    bool ended;  /* all of it */
    char *path;  /* of OBJECT_FILE and OBJECT_TREE, for errors */
    /* OBJECT_FILE */
    int fd;
    struct stat before;
    /* OBJECT_LIST: the listing */
    struct buf list;
    struct http *http;
    struct tree *tree;
};

static const char *type_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a named pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* Looked at before it is opened: opening a device may do something. */
static int look(const char *path, struct stat *st, struct err *err)
{
    if (stat(path, st) < 0)
        return err_sys(err, errno, "cannot read \"%s\"", path);
    if (S_ISREG(st->st_mode))
        return 0;
    return err_set(err, S_ISDIR(st->st_mode) ? EISDIR : EINVAL,
                   "\"%s\" is %s, but should be a file", path,
                   type_name(st->st_mode));
}

static int changed(const struct origin *o, struct err *err)
{
    return err_set(err, ESTALE, "\"%s\" changed while it was read", o->path);
}

static int open_file(struct origin *o, const char *path, struct err *err)
{
    struct stat st;
    o->path = mem_strdup(path);
    if (!o->path)
        return err_set(err, ENOMEM, "no memory to read a file");
    if (look(path, &st, err) < 0)
        return -1;
    o->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (o->fd < 0 || fstat(o->fd, &o->before) < 0)
        return err_sys(err, errno, "cannot read \"%s\"", path);
    o->counts.opens++;
    if (!S_ISREG(o->before.st_mode))
        return changed(o, err);
    (void)posix_fadvise(o->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

/* key: "DIR\nPREFIX". */
static int open_list(struct origin *o, const char *key, const atomic_bool *stop,
                     struct err *err)
{
    const char *line = strchr(key, '\n');
    char *dir = mem_strndup(key, line ? (size_t)(line - key) : strlen(key));
    if (!dir)
        return err_set(err, ENOMEM, "no memory to list a container");
    buf_init(&o->list, LISTING_MAX_BYTES);
    struct listing_seen seen = {0};
    int rc =
        listing_make(dir, line ? line + 1 : NULL, stop, &o->list, &seen, err);
    o->counts.opens += seen.opens;
    mem_free(dir);
    return rc;
}

static int open_tree(struct origin *o, const char *folder, struct err *err)
{
    o->path = mem_strdup(folder);
    if (!o->path)
        return err_set(err, ENOMEM, "no memory to read a folder");
    o->tree = tree_open(folder, err);
    return o->tree ? 0 : err_context(err, "\"%s\"", folder);
}

static int open_kind(struct origin *o, const char *key, const atomic_bool *stop,
                     struct err *err)
{
    const struct http_options options = {.retries = UINT32_MAX, .stop = stop};
    switch (o->kind) {
    case OBJECT_FILE:
        return open_file(o, key, err);
    case OBJECT_LIST:
        return open_list(o, key, stop, err);
    case OBJECT_URL:
        o->http = http_open(key, &options, err);
        return o->http ? 0 : -1;
    case OBJECT_TREE:
        return open_tree(o, key, err);
    case OBJECT_PACKAGE:
        break;
    }
    return err_set(err, EINVAL, "objects of kind %d are not read", o->kind);
}

struct origin *origin_open(enum object_kind kind, const char *key,
                           const atomic_bool *stop, struct err *err)
{
    struct origin *o = mem_calloc(1, sizeof(*o));
    if (!o) {
        err_set(err, ENOMEM, "no memory to read what is staged");
        return NULL;
    }
    o->kind = kind;
    o->stop = stop;
    o->fd = -1;
    if (open_kind(o, key, stop, err) == 0)
        return o;
    origin_close(o, NULL, NULL);
    return NULL;
}

uint64_t origin_bytes(const struct origin *o)
{
    switch (o->kind) {
    case OBJECT_FILE:
        return (uint64_t)o->before.st_size;
    case OBJECT_LIST:
        return o->list.len;
    case OBJECT_URL:
        return http_bytes(o->http);
    default:
        return UINT64_MAX;
    }
}

static ssize_t read_file(struct origin *o, void *data, size_t len,
                         struct err *err)
{
    uint64_t size = (uint64_t)o->before.st_size, left = size - o->at;
    if (left == 0 && size > 0)
        return 0;
    if (len > left)
        len = (size_t)left;
    if (size == 0)
        len = 1; /* one that has grown is found out */
    ssize_t n;
    do
        n = pread(o->fd, data, len, (off_t)o->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(err, errno, "cannot read \"%s\"", o->path);
    if ((n == 0) != (size == 0))
        return err_set(err, ESTALE,
                       "\"%s\" has %llu bytes now, and had %llu when it was "
                       "opened",
                       o->path, (unsigned long long)o->at + (n > 0),
                       (unsigned long long)size);
    o->counts.bytes += (uint64_t)n;
    return n;
}

static ssize_t read_list(struct origin *o, void *data, size_t len)
{
    size_t left = o->list.len - (size_t)o->at;
    if (len > left)
        len = left;
    if (len > 0)
        memcpy(data, o->list.data + o->at, len);
    return (ssize_t)len;
}

ssize_t origin_read(struct origin *o, void *data, size_t len, struct err *err)
{
    ssize_t n;
    if (len == 0 || o->ended)
        return 0;
    if (o->stop && atomic_load(o->stop))
        return err_set(err, ECANCELED, "given up");
    if (o->kind == OBJECT_FILE)
        n = read_file(o, data, len, err);
    else if (o->kind == OBJECT_LIST)
        n = read_list(o, data, len);
    else if (o->kind == OBJECT_URL)
        n = http_read(o->http, data, len, err);
    else if ((n = tree_read(o->tree, data, len, err)) < 0)
        err_context(err, "\"%s\"", o->path);
    if (n > 0)
        o->at += (uint64_t)n;
    o->ended = n == 0;
    return n;
}

static void add_counts(struct origin *o, struct origin_counts *counts)
{
    if (o->http)
        o->counts.http_requests = http_requests(o->http);
    if (o->tree)
        tree_counts(o->tree, &o->counts.opens, &o->counts.bytes);
    counts->opens += o->counts.opens;
    counts->bytes += o->counts.bytes;
    counts->http_requests += o->counts.http_requests;
}

int origin_close(struct origin *o, struct origin_counts *counts,
                 struct err *err)
{
    struct stat st;
    int rc = 0;
    if (!o)
        return 0;
    int saved = errno;
    if (o->ended && o->fd >= 0 &&
        (fstat(o->fd, &st) < 0 || !file_is_same(&st, &o->before)))
        rc = changed(o, err);
    if (counts)
        add_counts(o, counts);
    if (o->fd >= 0)
        close(o->fd);
    http_close(o->http);
    tree_close(o->tree);
    buf_fini(&o->list);
    mem_free(o->path);
    mem_free(o);
    errno = saved;
    return rc;
}

static int file_identity(const char *path, char text[ORIGIN_IDENTITY_BYTES],
                         struct err *err)
{
    struct stat st;
    if (look(path, &st, err) < 0)
        return -1;
    int n = snprintf(
        text, ORIGIN_IDENTITY_BYTES, "file %llu %llu %llu %lld.%09ld %s",
        (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
        (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
        st.st_mtim.tv_nsec, path);
    return n < ORIGIN_IDENTITY_BYTES;
}

/* Costs a request: the answer's head. */
static int url_identity(const char *url, char text[ORIGIN_IDENTITY_BYTES],
                        struct origin_counts *counts, struct err *err)
{
    const struct http_options options = {.retries = UINT32_MAX};
    struct http *h = http_open(url, &options, err);
    if (!h)
        return -1;
    int n = snprintf(text, ORIGIN_IDENTITY_BYTES, "url %s %s", http_identity(h),
                     url);
    bool has = http_identity(h)[0] && n < ORIGIN_IDENTITY_BYTES;
    if (counts)
        counts->http_requests += http_requests(h);
    http_close(h);
    return has;
}

int origin_identity(enum object_kind kind, const char *key,
                    char text[ORIGIN_IDENTITY_BYTES],
                    struct origin_counts *counts, struct err *err)
{
    if (kind == OBJECT_FILE)
        return file_identity(key, text, err);
    if (kind == OBJECT_URL)
        return url_identity(key, text, counts, err);
    return 0;
}
