/* The cache of a node: opening, finding, sources. See cache.h. */
#include "config.h"
#include "stage/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stage/cache_parts.h"

enum {
    LOCK_WAIT_S = 60,     /* for another process's lock */
    SOURCE_MAX_BYTES = 96 /* of what is remembered of one */
};

void cache_name(const struct digest *digest, char name[CACHE_NAME_BYTES])
{
    checksum_format(digest->bytes, name + 3);
    name[0] = name[3];
    name[1] = name[4];
    name[2] = '/';
}

uint64_t cache_cost(uint64_t bytes)
{
    return bytes > UINT64_MAX - 4095 ? UINT64_MAX
                                     : (bytes + 4095) & ~(uint64_t)4095;
}

int cache_lock(struct cache *c, struct err *err)
{
    static const struct timespec pause = {.tv_nsec = 2000000};
    pthread_mutex_lock(&c->lock);
    int tries = LOCK_WAIT_S * 500;
    while (flock(c->state, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EWOULDBLOCK && tries-- > 0) {
            nanosleep(&pause, NULL);
            continue;
        }
        int code = errno == EWOULDBLOCK ? ETIMEDOUT : errno;
        pthread_mutex_unlock(&c->lock);
        return err_sys(err, code, "cannot lock the cache \"%s\"", c->dir);
    }
    return 0;
}

void cache_unlock(struct cache *c)
{
    flock(c->state, LOCK_UN);
    pthread_mutex_unlock(&c->lock);
}

static int open_folder(struct cache *c, const char *name, int *fd,
                       struct err *err)
{
    if (mkdirat(c->fd, name, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make \"%s/%s\"", c->dir, name);
    *fd = openat(c->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return err_sys(err, errno, "cannot open \"%s/%s\"", c->dir, name);
    return 0;
}

/* Forget the sources whose content is no longer there. */
static void sweep_sources(struct cache *c)
{
    int fd = openat(c->sources, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = file_names(fd);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char text[CHECKSUM_TEXT_BYTES], name[CACHE_NAME_BYTES];
        struct digest digest;
        struct stat st;
        int source =
            e->d_name[0] == '.'
                ? -1
                : openat(fd, e->d_name,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (source < 0)
            continue;
        ssize_t n = read(source, text, sizeof(text) - 1);
        close(source);
        text[n < 0 ? 0 : n] = '\0';
        if (checksum_parse(text, digest.bytes) == 0) {
            cache_name(&digest, name);
            if (fstatat(c->objects, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                continue;
        }
        unlinkat(fd, e->d_name, 0);
    }
    closedir(d);
}

/* With the lock held: what nobody else can be changing. */
static int begin(struct cache *c, struct err *err)
{
    struct stat st;
    struct statvfs v;
    uint64_t used = 0, live;
    if (cache_sweep_tmp(c, &live, err) < 0)
        return -1;
    if (fstat(c->state, &st) < 0 || fstatvfs(c->fd, &v) < 0)
        return err_sys(err, errno, "cannot look at the cache \"%s\"", c->dir);
    if (st.st_size != sizeof(used)) {
        if (cache_set_used(c, 0, err) < 0)
            return -1;
    } else if (cache_get_used(c, &used, err) < 0) {
        return -1;
    }
    c->max_bytes = c->config.max_bytes;
    if (c->max_bytes == 0) /* the same for each rank, whenever it opens it */
        c->max_bytes = ((uint64_t)v.f_bavail * v.f_frsize + used) / 2;
    if (c->config.keep)
        sweep_sources(c);
    return 0;
}

struct cache *cache_open(const char *dir, const struct cache_config *config,
                         struct err *err)
{
    struct cache *c = mem_calloc(1, sizeof(*c));
    if (!c || !(c->dir = mem_strdup(dir))) {
        mem_free(c);
        err_set(err, ENOMEM, "no memory for the cache");
        return NULL;
    }
    c->config = *config;
    c->objects = c->tmp = c->sources = c->state = -1;
    pthread_mutex_init(&c->lock, NULL);
    c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd < 0) {
        err_sys(err, errno, "cannot open the cache \"%s\"", dir);
        goto failed;
    }
    if (open_folder(c, "objects", &c->objects, err) < 0 ||
        open_folder(c, "tmp", &c->tmp, err) < 0 ||
        open_folder(c, "sources", &c->sources, err) < 0)
        goto failed;
    c->state =
        openat(c->fd, "state", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->state < 0) {
        err_sys(err, errno, "cannot open \"%s/state\"", dir);
        goto failed;
    }
    if (cache_lock(c, err) < 0)
        goto failed;
    int rc = begin(c, err);
    cache_unlock(c);
    if (rc == 0)
        return c;
failed:
    cache_close(c);
    return NULL;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    int saved = errno;
    int fds[] = {c->state, c->sources, c->tmp, c->objects, c->fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->dir);
    mem_free(c);
    errno = saved;
}

bool cache_is_kept(const struct cache *c)
{
    return c->config.keep;
}

uint64_t cache_max_bytes(const struct cache *c)
{
    return c->max_bytes;
}

/* Somebody wrote to the entry: under the lock look again, and remove it. */
static int drop(struct cache *c, const char *name, uint64_t bytes,
                struct err *err)
{
    struct stat st;
    int rc = 0;
    if (cache_lock(c, err) < 0)
        return -1;
    if (fstatat(c->objects, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !cache_is_sealed(&st, bytes)) {
        if (unlinkat(c->objects, name, 0) < 0)
            rc = err_sys(err, errno, "cannot remove \"%s/objects/%s\"", c->dir,
                         name);
        else
            rc = cache_change_used(c, cache_cost(bytes), 0, err);
        atomic_fetch_add(&c->poisoned, 1);
    }
    cache_unlock(c);
    return rc;
}

int cache_find(struct cache *c, const struct digest *digest, uint64_t bytes,
               char path[PATH_MAX], struct err *err)
{
    static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW},
                                           {.tv_nsec = UTIME_OMIT}};
    char name[CACHE_NAME_BYTES];
    struct stat st;
    cache_name(digest, name);
    if (fstatat(c->objects, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_sys(err, errno, "cannot look at \"%s/objects/%s\"",
                           c->dir, name);
        atomic_fetch_add(&c->misses, 1);
        return 0;
    }
    if (!cache_is_sealed(&st, bytes)) {
        atomic_fetch_add(&c->misses, 1);
        return drop(c, name, bytes, err);
    }
    if (snprintf(path, PATH_MAX, "%s/objects/%s", c->dir, name) >= PATH_MAX)
        return err_set(err, ENAMETOOLONG, "the path of the cache is too long");
    utimensat(c->objects, name, now, AT_SYMLINK_NOFOLLOW);
    atomic_fetch_add(&c->hits, 1);
    return 1;
}

/* The name of a source's file. */
static void source_name(const char *identity, char name[CHECKSUM_TEXT_BYTES])
{
    unsigned char bytes[CHECKSUM_BYTES];
    checksum_of(identity, strlen(identity), bytes);
    checksum_format(bytes, name);
}

int cache_find_source(struct cache *c, const char *identity,
                      struct object_meta *meta, struct err *err)
{
    char name[CHECKSUM_TEXT_BYTES], text[SOURCE_MAX_BYTES], path[PATH_MAX];
    struct object_meta m;
    unsigned long long bytes;
    unsigned mode;
    int end = 0;
    source_name(identity, name);
    int fd = openat(c->sources, name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : err_sys(err, errno, "cannot open \"%s/sources/%s\"",
                             c->dir, name);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= CHECKSUM_TEXT_BYTES)
        return 0;
    text[n] = '\0';
    if (text[CHECKSUM_TEXT_BYTES - 1] != ' ' ||
        sscanf(text + CHECKSUM_TEXT_BYTES, "%llu %o\n%n", &bytes, &mode,
               &end) != 2 ||
        end == 0 || text[CHECKSUM_TEXT_BYTES + end])
        return 0; /* damaged: as if it were not there */
    text[CHECKSUM_TEXT_BYTES - 1] = '\0';
    if (checksum_parse(text, m.digest.bytes) < 0)
        return 0;
    m.bytes = bytes;
    m.mode = mode & 07777;
    int rc = cache_find(c, &m.digest, m.bytes, path, err);
    if (rc == 1)
        *meta = m;
    return rc;
}

int cache_add_source(struct cache *c, const char *identity,
                     const struct object_meta *meta, struct err *err)
{
    char name[CHECKSUM_TEXT_BYTES], hex[CHECKSUM_TEXT_BYTES];
    char text[SOURCE_MAX_BYTES], path[PATH_MAX];
    source_name(identity, name);
    checksum_format(meta->digest.bytes, hex);
    int n = snprintf(text, sizeof(text), "%s %llu %o\n", hex,
                     (unsigned long long)meta->bytes, meta->mode & 07777);
    if (snprintf(path, sizeof(path), "%s/sources/%s", c->dir, name) >=
        (int)sizeof(path))
        return err_set(err, ENAMETOOLONG, "the path of the cache is too long");
    return file_replace(path, text, (size_t)n, 0600, c->config.keep, err);
}

void cache_get_counts(struct cache *c, struct cache_counts *counts)
{
    *counts = (struct cache_counts){
        .hits = atomic_load(&c->hits),
        .misses = atomic_load(&c->misses),
        .evictions = atomic_load(&c->evictions),
        .evicted_bytes = atomic_load(&c->evicted_bytes),
        .poisoned = atomic_load(&c->poisoned),
    };
}
