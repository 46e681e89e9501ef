/* Entries that are being made: see cache.h. */
#include "config.h"
#include "stage/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/cache_parts.h"

enum {
    HOLE_BYTES = 4096,        /* zeros in such blocks become holes */
    FIRST_RESERVED = 1 << 20, /* where the size is not known */
    PARTIAL_NAME_BYTES = 64,
    PATIENCE_S = 600, /* for room */
    FIRST_PAUSE_NS = 20000000,
    LAST_PAUSE_NS = 300000000
};

struct partial {
    struct cache *cache;
    struct checksum *checksum;
    uint64_t expected; /* UINT64_MAX: not known */
    uint64_t bytes;    /* appended */
    uint64_t size;     /* of the file: less while it ends with a hole */
    uint64_t reserved; /* counted as used */
    uint64_t random;
    int fd;
    char name[PARTIAL_NAME_BYTES];
};

static void put_name(const struct partial *p, uint64_t reserved,
                     char name[PARTIAL_NAME_BYTES])
{
    snprintf(name, PARTIAL_NAME_BYTES, "p-%llu-%016llx",
             (unsigned long long)reserved, (unsigned long long)p->random);
}

/* Free the memory and close the file; what it reserved is somebody else's. */
static void release(struct partial *p)
{
    if (p->fd >= 0) {
        flock(p->fd, LOCK_UN); /* others may have its descriptor, too */
        close(p->fd);
    }
    checksum_destroy(p->checksum);
    mem_free(p);
}

/* With the lock held: the file is made and locked before anybody can take it
 * for a leftover. 1: there will be room later. */
static int make_file(struct partial *p, bool patient, struct err *err)
{
    struct cache *c = p->cache;
    p->reserved = cache_cost(p->expected == UINT64_MAX ? 0 : p->expected);
    int rc = cache_reserve(c, p->reserved, patient, err);
    if (rc != 0)
        return rc;
    put_name(p, p->reserved, p->name);
    p->fd = openat(c->tmp, p->name,
                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->fd < 0 || flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
        err_sys(err, errno, "cannot make \"%s/tmp/%s\"", c->dir, p->name);
        if (p->fd >= 0)
            unlinkat(c->tmp, p->name, 0);
        cache_change_used(c, p->reserved, 0, NULL);
        return -1;
    }
    return 0;
}

/* make_file, again and again while there is no room yet. */
static int make_room(struct partial *p, const atomic_bool *stop,
                     struct err *err)
{
    struct timespec pause = {.tv_nsec = FIRST_PAUSE_NS};
    for (int64_t waited_ns = 0;; waited_ns += pause.tv_nsec) {
        bool patient = stop && waited_ns < PATIENCE_S * NS_PER_SEC;
        if (cache_lock(p->cache, err) < 0)
            return -1;
        int rc = make_file(p, patient, err);
        cache_unlock(p->cache);
        if (rc <= 0)
            return rc;
        if (atomic_load(stop))
            return err_set(err, ECANCELED, "given up");
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < LAST_PAUSE_NS)
            pause.tv_nsec *= 2;
    }
}

static struct partial *begin(struct cache *c, uint64_t bytes,
                             const atomic_bool *stop, struct err *err)
{
    struct partial *p = mem_calloc(1, sizeof(*p));
    if (!p) {
        err_set(err, ENOMEM, "no memory to stage a file");
        return NULL;
    }
    p->cache = c;
    p->fd = -1;
    p->expected = bytes;
    p->checksum = checksum_create(err);
    if (!p->checksum)
        goto failed;
    if (getrandom(&p->random, sizeof(p->random), 0) !=
        (ssize_t)sizeof(p->random)) {
        err_sys(err, errno, "no random number");
        goto failed;
    }
    if (make_room(p, stop, err) == 0)
        return p;
failed:
    release(p);
    return NULL;
}

struct partial *cache_begin(struct cache *c, uint64_t bytes, struct err *err)
{
    return begin(c, bytes, NULL, err);
}

struct partial *cache_begin_patiently(struct cache *c, uint64_t bytes,
                                      const atomic_bool *stop, struct err *err)
{
    return begin(c, bytes, stop, err);
}

/* Reserve more, and say so in the name. */
static int grow(struct partial *p, uint64_t bytes, struct err *err)
{
    struct cache *c = p->cache;
    char name[PARTIAL_NAME_BYTES];
    uint64_t need = cache_cost(bytes);
    uint64_t more = p->reserved ? 2 * p->reserved : FIRST_RESERVED;
    if (more < need)
        more = need;
    if (cache_lock(c, err) < 0)
        return -1;
    int rc = cache_reserve(c, more - p->reserved, false, err);
    if (rc < 0 && more > need) {
        more = need;
        rc = cache_reserve(c, more - p->reserved, false, err);
    }
    if (rc == 0) {
        put_name(p, more, name);
        if (renameat(c->tmp, p->name, c->tmp, name) < 0) {
            rc = err_sys(err, errno, "cannot rename \"%s/tmp/%s\"", c->dir,
                         p->name);
            cache_change_used(c, more - p->reserved, 0, NULL);
        } else {
            memcpy(p->name, name, sizeof(name));
            p->reserved = more;
        }
    }
    cache_unlock(c);
    return rc;
}

static bool is_zero(const unsigned char *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* How much of data, which will lie at offset at, is written before, or with
 * zero before, the next change between holes and content. */
static size_t run(const unsigned char *data, size_t len, uint64_t at,
                  bool *hole)
{
    size_t n = 0;
    while (n < len) {
        uint64_t off = at + n;
        size_t block = HOLE_BYTES - (size_t)(off % HOLE_BYTES);
        bool zero =
            block == HOLE_BYTES && block <= len - n && is_zero(data + n, block);
        if (n == 0)
            *hole = zero;
        else if (zero != *hole)
            break;
        n += block < len - n ? block : len - n;
    }
    return n;
}

static int failed_write(const struct partial *p, struct err *err)
{
    return err_sys(err, errno, "cannot write to \"%s/tmp\"", p->cache->dir);
}

int cache_append(struct partial *p, const void *data, size_t len,
                 struct err *err)
{
    const unsigned char *from = data;
    uint64_t at = p->bytes;
    if (p->expected != UINT64_MAX && len > p->expected - p->bytes)
        return err_set(err, ESTALE,
                       "it has more than the %llu bytes that it had first",
                       (unsigned long long)p->expected);
    if (p->bytes + len > p->reserved && p->expected == UINT64_MAX &&
        grow(p, p->bytes + len, err) < 0)
        return -1;
    checksum_update(p->checksum, data, len);
    while (len > 0) {
        bool hole = false;
        size_t n = run(from, len, at, &hole);
        if (!hole) {
            if (file_write_at(p->fd, from, n, at) < 0)
                return failed_write(p, err);
            p->size = at + n;
        }
        from += n;
        len -= n;
        at += n;
    }
    if (p->size < at) { /* it can be read so far */
        if (ftruncate(p->fd, (off_t)at) < 0)
            return failed_write(p, err);
        p->size = at;
    }
    p->bytes = at;
    return 0;
}

uint64_t cache_appended(const struct partial *p)
{
    return p->bytes;
}

int cache_partial_fd(const struct partial *p)
{
    return p->fd;
}

static int check(const struct partial *p, const struct digest *expected,
                 const struct digest *digest, struct err *err)
{
    char has[CHECKSUM_TEXT_BYTES], wanted[CHECKSUM_TEXT_BYTES];
    if (p->expected != UINT64_MAX && p->bytes != p->expected)
        return err_set(err, EBADMSG, "it has %llu bytes, but should have %llu",
                       (unsigned long long)p->bytes,
                       (unsigned long long)p->expected);
    if (!expected || memcmp(expected, digest, sizeof(*digest)) == 0)
        return 0;
    checksum_format(digest->bytes, has);
    checksum_format(expected->bytes, wanted);
    return err_set(err, EBADMSG, "its XXH3-128 is %s, but should be %s", has,
                   wanted);
}

/* Make the file what entries are: read-only, with their time. */
static int seal(struct partial *p, struct err *err)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
                                      {.tv_sec = CACHE_SEAL_S}};
    if ((p->cache->config.keep && fdatasync(p->fd) < 0) ||
        fchmod(p->fd, 0400) < 0 || futimens(p->fd, times) < 0)
        return failed_write(p, err);
    return 0;
}

/* With the lock held: give it its name. One that is there has the same content,
 * or somebody wrote to it. */
static int publish(struct partial *p, const char *name, struct err *err)
{
    struct cache *c = p->cache;
    struct stat st;
    char folder[3] = {name[0], name[1], '\0'};
    uint64_t less = p->reserved, more = cache_cost(p->bytes);
    if (fstatat(c->objects, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        less += cache_cost((uint64_t)st.st_size);
        if (!cache_is_sealed(&st, p->bytes))
            atomic_fetch_add(&c->poisoned, 1);
    }
    if (renameat(c->tmp, p->name, c->objects, name) < 0 &&
        (errno != ENOENT ||
         (mkdirat(c->objects, folder, 0700) < 0 && errno != EEXIST) ||
         renameat(c->tmp, p->name, c->objects, name) < 0))
        return err_sys(err, errno, "cannot make \"%s/objects/%s\"", c->dir,
                       name);
    return cache_change_used(c, less, more, err);
}

int cache_commit(struct partial *p, const struct digest *expected,
                 struct digest *digest, char path[PATH_MAX], struct err *err)
{
    struct cache *c = p->cache;
    char name[CACHE_NAME_BYTES];
    struct digest d;
    checksum_get(p->checksum, d.bytes);
    cache_name(&d, name);
    if (path &&
        snprintf(path, PATH_MAX, "%s/objects/%s", c->dir, name) >= PATH_MAX) {
        cache_abort(p);
        return err_set(err, ENAMETOOLONG, "the path of the cache is too long");
    }
    if (check(p, expected, &d, err) < 0 || seal(p, err) < 0 ||
        cache_lock(c, err) < 0) {
        cache_abort(p);
        return -1;
    }
    int rc = publish(p, name, err);
    cache_unlock(c);
    if (rc < 0) {
        cache_abort(p);
        return -1;
    }
    release(p);
    if (digest)
        *digest = d;
    return 0;
}

void cache_abort(struct partial *p)
{
    if (!p)
        return;
    int saved = errno;
    struct cache *c = p->cache;
    bool locked = cache_lock(c, NULL) == 0;
    unlinkat(c->tmp, p->name, 0);
    if (locked) {
        cache_change_used(c, p->reserved, 0, NULL);
        cache_unlock(c);
    }
    release(p);
    errno = saved;
}
