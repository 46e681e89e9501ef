/* How much the cache takes, and what goes for room: see cache_parts.h. */
#include "config.h"
#include "stage/cache_parts.h"

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
#include "base/heap.h"
#include "base/mem.h"
#include "base/quantity.h"

/* How many of the longest unused entries one walk finds. */
enum { OLDEST = 512 };
/* For so long an entry counts as used just now: whoever has found it puts it
 * into its place. */
enum { FRESH_S = 2 };

int cache_get_used(struct cache *c, uint64_t *used, struct err *err)
{
    if (file_read_at(c->state, used, sizeof(*used), 0) < 0)
        return err_sys(err, errno, "cannot read \"%s/state\"", c->dir);
    return 0;
}

int cache_set_used(struct cache *c, uint64_t used, struct err *err)
{
    if (pwrite(c->state, &used, sizeof(used), 0) != (ssize_t)sizeof(used))
        return err_sys(err, errno ? errno : EIO, "cannot write \"%s/state\"",
                       c->dir);
    return 0;
}

int cache_change_used(struct cache *c, uint64_t less, uint64_t more,
                      struct err *err)
{
    uint64_t used;
    if (cache_get_used(c, &used, err) < 0)
        return -1;
    used += more;
    return cache_set_used(c, used > less ? used - less : 0, err);
}

/* Call each for the names in the folder at name in dir that do not begin with
 * a dot. -1 with errno. */
static int each_name(int dir, const char *name, void *arg,
                     void (*each)(void *arg, int dir, const char *name))
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    DIR *d = file_names(fd);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            each(arg, fd, e->d_name);
    closedir(d);
    return 0;
}

/* ---- partials ---- */

static void sweep_one(void *arg, int dir, const char *name)
{
    uint64_t *live = arg;
    unsigned long long reserved;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(dir, name, 0); /* whoever made it is gone */
    else if (sscanf(name, "p-%llu-", &reserved) == 1)
        *live += reserved;
    close(fd);
}

int cache_sweep_tmp(struct cache *c, uint64_t *live, struct err *err)
{
    *live = 0;
    if (each_name(c->tmp, ".", live, sweep_one) < 0)
        return err_sys(err, errno, "cannot read \"%s/tmp\"", c->dir);
    return 0;
}

/* ---- entries ---- */

struct entry {
    struct heap_node node; /* first */
    struct timespec used;
    uint64_t bytes;
    char name[CACHE_NAME_BYTES];
};

/* The longest unused entries, the least of them that was used last on top. */
struct survey {
    struct heap oldest;
    uint64_t used; /* by all */
    uint64_t live; /* of it, by partials */
    bool spared;   /* what was used just now */
    char folder[3];
    bool more; /* entries than there are in oldest */
    bool no_memory;
};

static int compare_time(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/* The latest first. */
static int compare(const struct heap_node *a, const struct heap_node *b)
{
    const struct entry *x = (const struct entry *)a;
    const struct entry *y = (const struct entry *)b;
    int by = compare_time(&y->used, &x->used);
    return by ? by : strcmp(y->name, x->name);
}

static void survey_entry(void *arg, int dir, const char *name)
{
    struct survey *s = arg;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        strlen(name) + 4 > CACHE_NAME_BYTES)
        return;
    s->used += cache_cost((uint64_t)st.st_size);
    struct entry *e = (struct entry *)heap_top(&s->oldest);
    if (s->oldest.count >= OLDEST) {
        s->more = true;
        if (compare_time(&st.st_atim, &e->used) >= 0)
            return;
        heap_remove(&s->oldest, &e->node);
    } else if (!(e = mem_calloc(1, sizeof(*e)))) {
        s->no_memory = true;
        return;
    }
    heap_node_init(&e->node);
    e->used = st.st_atim;
    e->bytes = (uint64_t)st.st_size;
    snprintf(e->name, sizeof(e->name), "%s/%s", s->folder, name);
    if (heap_add(&s->oldest, &e->node) < 0) {
        mem_free(e);
        s->no_memory = true;
    }
}

static void survey_folder(void *arg, int dir, const char *name)
{
    struct survey *s = arg;
    if (strlen(name) != 2)
        return;
    memcpy(s->folder, name, sizeof(s->folder));
    (void)each_name(dir, name, s, survey_entry);
}

static void survey_fini(struct survey *s)
{
    struct heap_node *n;
    while ((n = heap_top(&s->oldest))) {
        heap_remove(&s->oldest, n);
        mem_free(n);
    }
    heap_fini(&s->oldest);
}

static int survey_make(struct cache *c, struct survey *s, struct err *err)
{
    *s = (struct survey){0};
    heap_init(&s->oldest, compare);
    if (cache_sweep_tmp(c, &s->live, err) < 0)
        return -1;
    if (each_name(c->objects, ".", s, survey_folder) < 0)
        return err_sys(err, errno, "cannot read \"%s/objects\"", c->dir);
    if (s->no_memory)
        return err_set(err, ENOMEM, "no memory to look through the cache");
    s->used += s->live;
    return 0;
}

/* ---- room ---- */

/* How much must go so that bytes more fit into the bound; and onto the disk. */
static uint64_t too_much(const struct cache *c, uint64_t used, uint64_t bytes)
{
    return used + bytes > c->max_bytes ? used + bytes - c->max_bytes : 0;
}

static bool disk_has(const struct cache *c, uint64_t bytes)
{
    struct statvfs v;
    if (fstatvfs(c->fd, &v) < 0)
        return true; /* a write will tell */
    uint64_t left = (uint64_t)v.f_bavail * v.f_frsize;
    return left >= c->config.reserve_bytes &&
           left - c->config.reserve_bytes >= bytes;
}

static bool is_fresh(const struct entry *e)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return e->used.tv_sec <= now.tv_sec &&
           e->used.tv_sec > now.tv_sec - FRESH_S;
}

/* Evict those of a survey, the longest unused first, until it is enough. */
static uint64_t evict(struct cache *c, struct survey *s, uint64_t bytes,
                      bool patient)
{
    struct entry *list[OLDEST];
    size_t count = s->oldest.count;
    uint64_t gone = 0;
    for (size_t i = count; i > 0; i--) {
        list[i - 1] = (struct entry *)heap_top(&s->oldest);
        heap_remove(&s->oldest, &list[i - 1]->node);
    }
    for (size_t i = 0; i < count; i++) {
        struct entry *e = list[i];
        bool wanted =
            too_much(c, s->used - gone, bytes) > 0 || !disk_has(c, bytes);
        if (wanted && patient && is_fresh(e)) {
            s->spared = true;
        } else if (wanted && unlinkat(c->objects, e->name, 0) == 0) {
            gone += cache_cost(e->bytes);
            atomic_fetch_add(&c->evictions, 1);
            atomic_fetch_add(&c->evicted_bytes, e->bytes);
        }
        mem_free(e);
    }
    s->used -= gone;
    return gone;
}

static int no_room(const struct cache *c, uint64_t bytes, struct err *err)
{
    char need[16], bound[16], kept[16];
    size_format(bytes, need);
    if (bytes > c->max_bytes)
        return err_set(err, ENOSPC,
                       "%s do not fit into the node's cache, which may take %s "
                       "(pool.cache.max_size): \"%s\"",
                       need, size_format(c->max_bytes, bound), c->dir);
    if (!disk_has(c, bytes))
        return err_set(err, ENOSPC,
                       "no room for %s in the node's cache: its disk is full "
                       "up to the %s that stay free (pool.scratch_reserve): "
                       "\"%s\"",
                       need, size_format(c->config.reserve_bytes, kept),
                       c->dir);
    return err_set(err, ENOSPC,
                   "no room for %s in the node's cache: what is being staged "
                   "fills the %s that it may take (pool.cache.max_size): "
                   "\"%s\"",
                   need, size_format(c->max_bytes, bound), c->dir);
}

int cache_reserve(struct cache *c, uint64_t bytes, bool patient,
                  struct err *err)
{
    struct survey s;
    uint64_t used;
    if (bytes > c->max_bytes)
        return no_room(c, bytes, err);
    if (cache_get_used(c, &used, err) < 0)
        return -1;
    while (too_much(c, used, bytes) > 0 || !disk_has(c, bytes)) {
        int rc = survey_make(c, &s, err);
        uint64_t gone = rc < 0 ? 0 : evict(c, &s, bytes, patient);
        used = s.used;
        bool enough = too_much(c, used, bytes) == 0 && disk_has(c, bytes);
        survey_fini(&s);
        if (rc < 0 || cache_set_used(c, used, err) < 0)
            return -1;
        if (!enough && patient && (s.spared || s.live > 0))
            return 1;
        if (!enough && gone == 0)
            return no_room(c, bytes, err);
    }
    return cache_set_used(c, used + bytes, err);
}
