/* Manifests of uploads: see upload_manifest.h. */
#include "config.h"
#include "stage/upload_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define TITLE "mpibatch uploads 1"

enum { MANIFEST_MAX_BYTES = 256 << 20, HEAD_BYTES = 64 };

static char *manifest_path(const char *folder, const char *key, struct err *err)
{
    char *path = path_join(folder, key);
    if (!path)
        err_set(err, ENOMEM, "no memory for a manifest");
    return path;
}

/* The text at *at, and on to the next; NULL: none is whole. */
static const char *next_text(const struct buf *b, size_t *at)
{
    size_t len = strnlen(b->data + *at, b->len - *at);
    if (*at + len >= b->len)
        return NULL;
    const char *text = b->data + *at;
    *at += len + 1;
    return text;
}

/* The record at *at. false: no whole one. */
static bool next_record(const struct buf *b, size_t *at,
                        struct manifest_record *r)
{
    const char *kind = next_text(b, at);
    if (!kind)
        return false;
    *r = (struct manifest_record){.final = kind[0] == 'F',
                                  .container = next_text(b, at)};
    r->name = r->container ? next_text(b, at) : NULL;
    if (!r->name || !r->final)
        return r->name != NULL;
    const char *what = next_text(b, at);
    long long seconds;
    long nanoseconds;
    if (!what || sscanf(what, "%" SCNu64 " %" SCNu64 " %lld %ld", &r->ino,
                        &r->bytes, &seconds, &nanoseconds) != 4)
        return false;
    r->mtime.tv_sec = seconds;
    r->mtime.tv_nsec = nanoseconds;
    return true;
}

static int parse(struct manifest *m, struct err *err)
{
    size_t at = 0, cap = 0;
    struct manifest_record r;
    const char *title = next_text(&m->text, &at);
    if (!title || !next_text(&m->text, &at) || strcmp(title, TITLE) != 0)
        return err_set(err, EPROTO, "it is no manifest of mpibatch");
    while (next_record(&m->text, &at, &r)) {
        if (m->count == cap) {
            cap = cap ? 2 * cap : 16;
            void *more = mem_resize(m->records, cap, sizeof(*m->records));
            if (!more)
                return err_set(err, ENOMEM, "no memory for a manifest");
            m->records = more;
        }
        m->records[m->count++] = r;
    }
    return 0;
}

int manifest_read(struct manifest *m, const char *folder, const char *key,
                  struct err *err)
{
    struct err why = {0};
    *m = (struct manifest){0};
    buf_init(&m->text, MANIFEST_MAX_BYTES);
    char *path = manifest_path(folder, key, err);
    if (!path)
        return -1;
    int rc = file_read(path, &m->text, &why);
    if (rc < 0 && why.code == ENOENT) {
        rc = 0;
    } else {
        if (rc == 0)
            rc = parse(m, &why);
        if (rc < 0 && err) {
            *err = why;
            err_context(err, "the manifest %s", path);
        }
    }
    if (rc < 0)
        manifest_fini(m);
    mem_free(path);
    return rc;
}

void manifest_fini(struct manifest *m)
{
    buf_fini(&m->text);
    mem_free(m->records);
    *m = (struct manifest){0};
}

static int put_text(struct buf *b, const char *text)
{
    return buf_put(b, text, strlen(text) + 1);
}

static int put_final(struct buf *b, const char *container, const char *name,
                     uint64_t ino, uint64_t bytes, struct timespec mtime)
{
    if (put_text(b, "F") < 0 || put_text(b, container) < 0 ||
        put_text(b, name) < 0)
        return -1;
    if (buf_printf(b, "%" PRIu64 " %" PRIu64 " %lld %ld", ino, bytes,
                   (long long)mtime.tv_sec, mtime.tv_nsec) < 0)
        return -1;
    return buf_putc(b, '\0');
}

static int put_plan(struct buf *b, const struct upload_plan *p, bool copied)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct upload_item *it = &p->items[i];
        if (copied) {
            if (put_final(b, it->set->container, it->name, it->ino, it->bytes,
                          it->mtime) < 0)
                return -1;
        } else if (put_text(b, "T") < 0 ||
                   put_text(b, it->set->container) < 0 ||
                   put_text(b, it->temp) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_head(struct buf *b, uint64_t token)
{
    if (put_text(b, TITLE) < 0 || buf_printf(b, "%016" PRIx64, token) < 0)
        return -1;
    return buf_putc(b, '\0');
}

/* Write the file at path in the folder, which is made by the first. */
static int put_file(const char *folder, const char *path, const struct buf *b,
                    struct err *err)
{
    struct err why = {0};
    int rc = file_replace(path, b->data, b->len, 0600, 0, &why);
    if (rc < 0 && why.code == ENOENT &&
        (mkdir(folder, 0700) == 0 || errno == EEXIST))
        rc = file_replace(path, b->data, b->len, 0600, 0, &why);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

int manifest_write(const char *folder, const char *key, uint64_t token,
                   const struct manifest *old, const struct upload_plan *p,
                   bool copied, struct err *err)
{
    struct buf b;
    char *path = manifest_path(folder, key, err);
    if (!path)
        return -1;
    buf_init(&b, MANIFEST_MAX_BYTES);
    int rc = put_head(&b, token);
    for (size_t i = 0; rc == 0 && old && i < old->count; i++) {
        const struct manifest_record *r = &old->records[i];
        if (r->final)
            rc = put_final(&b, r->container, r->name, r->ino, r->bytes,
                           r->mtime);
    }
    if (rc == 0)
        rc = put_plan(&b, p, copied);
    if (rc < 0)
        err_sys(err, errno, "cannot write the manifest %s", path);
    else
        rc = put_file(folder, path, &b, err);
    buf_fini(&b);
    mem_free(path);
    return rc;
}

/* Is the open manifest the one with the token? */
static bool is_ours(int fd, uint64_t token)
{
    char head[HEAD_BYTES] = "", token_text[24];
    snprintf(token_text, sizeof(token_text), "%016" PRIx64, token);
    ssize_t n = pread(fd, head, sizeof(head) - 1, 0);
    return n > (ssize_t)sizeof(TITLE) && strcmp(head, TITLE) == 0 &&
           strcmp(head + sizeof(TITLE), token_text) == 0;
}

int manifest_append(const char *folder, const char *key, uint64_t token,
                    const struct upload_plan *p, struct err *err)
{
    struct buf b;
    char *path = manifest_path(folder, key, err);
    if (!path)
        return -1;
    buf_init(&b, MANIFEST_MAX_BYTES);
    int rc = -1, fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        err_sys(err, errno, "cannot write the manifest %s", path);
    else if (fd < 0 || !is_ours(fd, token))
        err_set(err, ECANCELED, "another attempt of the task stores its files");
    else if (put_plan(&b, p, true) < 0 || file_write_all(fd, b.data, b.len) < 0)
        err_sys(err, errno, "cannot write the manifest %s", path);
    else
        rc = 0;
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = err_sys(err, errno, "cannot write the manifest %s", path);
    buf_fini(&b);
    mem_free(path);
    return rc;
}

void manifest_remove(const char *folder, const char *key)
{
    char *path = path_join(folder, key);
    if (path)
        unlink(path);
    mem_free(path);
}
