/* The scratch of a node: see scratch.h. */
#include "config.h"
#include "stage/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "stage/beneath.h"
#include "stage/scratch_parts.h"

struct scratch {
    char *path, *cache_path;
    int fd, lock;   /* the folder, .owner */
    int cache_lock; /* .owner of a cache that is kept, or -1 */
    uint64_t reserve_bytes;
    bool creator;
};

static const char *const folders[] = {"shared",   "startup",  "applications",
                                      "fsmounts", "volatile", "workitems"};

const char *scratch_root(const char *wanted, char *(*lookup)(const char *name))
{
    static const char *const names[] = {"SLURM_TMPDIR", "TMPDIR"};
    if (wanted)
        return wanted;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = lookup(names[i]);
        if (path && path[0] == '/' && access(path, W_OK | X_OK) == 0)
            return path;
    }
    return "/tmp";
}

/* Whoever may rename what is in root could put a scratch of his own there. */
static void warn_of_root(const char *root)
{
    struct stat st;
    if (stat(root, &st) == 0 && st.st_mode & (S_IWGRP | S_IWOTH) &&
        !(st.st_mode & S_ISVTX))
        log_warning("others may rename what is in \"%s\", where the scratch "
                    "is: let its owner chmod +t it, or set pool.scratch",
                    root);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in root that are of this kind, sorted; heap, as are they. -1 with
 * err. */
static int find_names(const char *root, enum scratch_name kind, char ***names,
                      size_t *count, struct err *err)
{
    char **found = NULL;
    size_t n = 0;
    DIR *d = opendir(root);
    if (!d)
        return err_sys(err, errno, "cannot read \"%s\"", root);
    for (struct dirent *e; (e = readdir(d));) {
        if (scratch_name_of(e->d_name) != kind)
            continue;
        char **more = mem_resize(found, n + 1, sizeof(found[0]));
        if (more)
            found = more;
        if (!more || !(found[n] = mem_strdup(e->d_name)))
            break;
        n++;
    }
    closedir(d);
    if (n > 0)
        qsort(found, n, sizeof(found[0]), compare_names);
    *names = found;
    *count = n;
    return 0;
}

/* The same, with root open to work on them. The fd, or -1 with err. */
static int open_names(const char *root, enum scratch_name kind, char ***names,
                      size_t *count, struct err *err)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open \"%s\"", root);
    if (find_names(root, kind, names, count, err) == 0)
        return fd;
    close(fd);
    return -1;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

/* The cache that was kept, or a new one. */
static int open_kept_cache(struct scratch *s, const char *root, const char *key,
                           const char *run_dir, struct err *err)
{
    char **names;
    size_t count;
    int fd = -1;
    int root_fd = open_names(root, SCRATCH_NAME_CACHE, &names, &count, err);
    if (root_fd < 0)
        return -1;
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        enum scratch_state state =
            scratch_look(root_fd, names[i], true, &fd, &s->cache_lock);
        found = state == SCRATCH_LOCKED;
        if (found)
            s->cache_path = path_join(root, names[i]);
        if (found || state == SCRATCH_NAKED)
            close(fd);
    }
    free_names(names, count);
    close(root_fd);
    if (found)
        return s->cache_path ? 0 : err_set(err, ENOMEM, "no memory");
    if (scratch_make(root, true, key, run_dir, &s->cache_path, &fd,
                     &s->cache_lock, err) < 0)
        return -1;
    close(fd);
    return 0;
}

static struct scratch *create(uint64_t reserve_bytes, struct err *err)
{
    struct scratch *s = mem_calloc(1, sizeof(*s));
    if (!s) {
        err_set(err, ENOMEM, "no memory for the scratch");
        return NULL;
    }
    s->fd = s->lock = s->cache_lock = -1;
    s->reserve_bytes = reserve_bytes;
    return s;
}

struct scratch *scratch_create(const char *root, const char *key,
                               const char *run_dir, bool keep_cache,
                               uint64_t reserve_bytes, struct err *err)
{
    if (root[0] != '/') {
        err_set(err, EINVAL,
                "pool.scratch is \"%s\", but should be an absolute path", root);
        return NULL;
    }
    struct scratch *s = create(reserve_bytes, err);
    if (!s)
        return NULL;
    s->creator = true;
    warn_of_root(root);
    if (scratch_make(root, false, key, run_dir, &s->path, &s->fd, &s->lock,
                     err) < 0)
        goto failed;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (mkdirat(s->fd, folders[i], 0700) < 0) {
            err_sys(err, errno, "cannot make \"%s/%s\"", s->path, folders[i]);
            goto failed;
        }
    if (keep_cache) {
        if (open_kept_cache(s, root, key, run_dir, err) < 0)
            goto failed;
    } else {
        s->cache_path = path_join(s->path, "cache");
        if (!s->cache_path || mkdirat(s->fd, "cache", 0700) < 0) {
            err_sys(err, errno, "cannot make \"%s/cache\"", s->path);
            goto failed;
        }
    }
    return s;
failed:
    scratch_leave(s, INT64_MAX, NULL);
    return NULL;
}

/* Open a folder that another rank has made, and lock its .owner. */
static int join(const char *path, int *fd, int *lock, struct err *err)
{
    enum scratch_state state = scratch_look(AT_FDCWD, path, true, fd, lock);
    if (state == SCRATCH_LOCKED)
        return 0;
    if (state == SCRATCH_NAKED)
        close(*fd);
    return err_set(err, ENOENT,
                   "\"%s\" is not the scratch of this node: it is gone, or "
                   "not private",
                   path);
}

struct scratch *scratch_join(const char *path, const char *cache_path,
                             uint64_t reserve_bytes, struct err *err)
{
    struct scratch *s = create(reserve_bytes, err);
    if (!s)
        return NULL;
    size_t len = strlen(path);
    bool inside = strncmp(cache_path, path, len) == 0 && cache_path[len] == '/';
    int fd;
    s->path = mem_strdup(path);
    s->cache_path = mem_strdup(cache_path);
    if (!s->path || !s->cache_path)
        err_set(err, ENOMEM, "no memory for the scratch");
    else if (join(path, &s->fd, &s->lock, err) == 0) {
        if (inside)
            return s;
        if (join(cache_path, &fd, &s->cache_lock, err) == 0) {
            close(fd);
            return s;
        }
    }
    scratch_abandon(s);
    return NULL;
}

void scratch_abandon(struct scratch *s)
{
    if (!s)
        return;
    int saved = errno;
    if (s->lock >= 0)
        close(s->lock);
    if (s->cache_lock >= 0)
        close(s->cache_lock);
    if (s->fd >= 0)
        close(s->fd);
    mem_free(s->path);
    mem_free(s->cache_path);
    mem_free(s);
    errno = saved;
}

/* Prune a scratch whose lock is ours alone, and remove it if nothing is kept.
 */
static int remove_scratch(int root_fd, const char *root, const char *name,
                          int fd, int64_t now_wall_ns, const atomic_bool *stop,
                          uint64_t *kept, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    *kept = 0;
    if (scratch_prune(fd, path, now_wall_ns, stop, kept, err) < 0)
        return -1;
    return *kept > 0 ? 0 : scratch_finish(root_fd, name, fd, root, err);
}

/* Does nobody else use it? Where locks do not work it is as good as if whoever
 * made it is the last. */
static bool is_last(const struct scratch *s)
{
    return flock(s->lock, LOCK_EX | LOCK_NB) == 0 ||
           (errno != EWOULDBLOCK && s->creator);
}

int scratch_leave(struct scratch *s, int64_t now_wall_ns, struct err *err)
{
    int rc = 0;
    uint64_t kept;
    if (!s)
        return 0;
    if (s->lock >= 0 && is_last(s)) {
        const char *name = path_base(s->path);
        char *root = mem_strndup(s->path, (size_t)(name - s->path));
        int root_fd =
            root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        rc = root_fd < 0 ? err_sys(err, errno, "cannot open \"%s\"", s->path)
                         : remove_scratch(root_fd, root, name, s->fd,
                                          now_wall_ns, NULL, &kept, err);
        if (root_fd >= 0)
            close(root_fd);
        mem_free(root);
    }
    scratch_abandon(s);
    return rc;
}

const char *scratch_path(const struct scratch *s)
{
    return s->path;
}

const char *scratch_cache_path(const struct scratch *s)
{
    return s->cache_path;
}

int scratch_fd(const struct scratch *s)
{
    return s->fd;
}

bool scratch_marker_name(const char *name, char marker[NAME_MAX + 1])
{
    return snprintf(marker, NAME_MAX + 1, ".%s.kept", name) <= NAME_MAX;
}

uint32_t scratch_marker_number(const char *bytes, size_t len)
{
    uint64_t number = 0;
    if (len < SCRATCH_NOTE_BYTES || bytes[SCRATCH_NOTE_BYTES - 1] != '\n')
        return 0;
    for (size_t i = 0; i < SCRATCH_NOTE_BYTES - 1; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(bytes[i] - '0');
    }
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* The folder that the folder of a task is in, open, and what its marker there
 * is called. -1 with err. */
static int marker_find(struct scratch *s, const char *path,
                       char marker[NAME_MAX + 1], struct err *err)
{
    char plain[BENEATH_NAME_MAX];
    const char *base;
    unsigned depth = 0;
    if (beneath_plain(path, plain, err) < 0)
        return err_context(err, "\"%s\" cannot be kept: it", path);
    for (const char *p = plain; (p = strchr(p, '/')); p++)
        depth++;
    if (depth != SCRATCH_TASK_DEPTH || strncmp(plain, "workitems/", 10) != 0)
        return err_set(err, EINVAL, "\"%s\" is not the folder of a task", path);
    int dir = beneath_parent(s->fd, plain, NULL, &base);
    if (dir >= 0 && !scratch_marker_name(base, marker)) {
        close(dir);
        dir = -1;
        errno = ENAMETOOLONG;
    }
    return dir < 0 ? err_sys(err, errno, "cannot keep \"%s/%s\"", s->path, path)
                   : dir;
}

static int marker_open(struct scratch *s, const char *path, int flags,
                       struct err *err)
{
    char marker[NAME_MAX + 1];
    int dir = marker_find(s, path, marker, err);
    if (dir < 0)
        return -1;
    int fd =
        openat(dir, marker, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        err_sys(err, errno, "cannot keep \"%s/%s\"", s->path, path);
    close(dir);
    return fd;
}

/* Its folder stays until then. */
static int marker_set(int fd, int64_t expires_wall_ns)
{
    struct timespec times[2] = {
        {.tv_nsec = UTIME_NOW},
        {.tv_sec = (time_t)(expires_wall_ns / 1000000000),
         .tv_nsec = expires_wall_ns % 1000000000}};
    return futimens(fd, times);
}

int scratch_keep(struct scratch *s, const char *path, int64_t expires_wall_ns,
                 struct err *err)
{
    int fd = marker_open(s, path, O_WRONLY | O_CREAT, err);
    if (fd < 0)
        return -1;
    int rc = marker_set(fd, expires_wall_ns);
    if (rc < 0)
        err_sys(err, errno, "cannot keep \"%s/%s\"", s->path, path);
    close(fd);
    return rc;
}

int scratch_note(struct scratch *s, const char *path, uint32_t number,
                 struct err *err)
{
    char text[SCRATCH_NOTE_BYTES + 1];
    int fd = marker_open(s, path, O_WRONLY | O_CREAT, err);
    if (fd < 0)
        return -1;
    snprintf(text, sizeof(text), "%010" PRIu32 "\n", number);
    /* over what was there, so that a reader sees one of both */
    int rc = file_write_all(fd, text, SCRATCH_NOTE_BYTES);
    if (rc == 0)
        rc = marker_set(fd, 0);
    if (rc < 0)
        err_sys(err, errno, "cannot write beside \"%s/%s\"", s->path, path);
    close(fd);
    return rc;
}

uint32_t scratch_noted(struct scratch *s, const char *path)
{
    char text[SCRATCH_NOTE_BYTES];
    struct err unsaid;
    int fd = marker_open(s, path, O_RDONLY, &unsaid);
    if (fd < 0)
        return 0;
    ssize_t n = pread(fd, text, sizeof(text), 0);
    close(fd);
    return n < 0 ? 0 : scratch_marker_number(text, (size_t)n);
}

void scratch_forget(struct scratch *s, const char *path)
{
    char marker[NAME_MAX + 1];
    struct err unsaid;
    int dir = marker_find(s, path, marker, &unsaid);
    if (dir < 0)
        return;
    unlinkat(dir, marker, 0);
    close(dir);
}

/* Less the user's, and the group's, disk quota: as far as the kernel tells. */
static void apply_quota(int fd, int type, unsigned id, uint64_t *bytes)
{
#ifdef SYS_quotactl_fd
    struct dqblk q;
    memset(&q, 0, sizeof(q));
    if (syscall(SYS_quotactl_fd, (unsigned)fd, QCMD((unsigned)Q_GETQUOTA, type),
                id, &q) < 0 ||
        q.dqb_bhardlimit == 0)
        return;
    uint64_t limit = (uint64_t)q.dqb_bhardlimit * 1024;
    uint64_t left = limit > q.dqb_curspace ? limit - q.dqb_curspace : 0;
    if (left < *bytes)
        *bytes = left;
#else
    (void)fd, (void)type, (void)id, (void)bytes;
#endif
}

int scratch_free_bytes(const struct scratch *s, uint64_t *bytes,
                       struct err *err)
{
    struct statvfs v;
    if (fstatvfs(s->fd, &v) < 0)
        return err_sys(err, errno, "cannot ask how full \"%s\" is", s->path);
    *bytes = (uint64_t)v.f_bavail * v.f_frsize;
    apply_quota(s->fd, USRQUOTA, geteuid(), bytes);
    apply_quota(s->fd, GRPQUOTA, getegid(), bytes);
    return 0;
}

int scratch_room(const struct scratch *s, uint64_t bytes, struct err *err)
{
    uint64_t left;
    char need[16], has[16], kept[16];
    if (scratch_free_bytes(s, &left, err) < 0)
        return -1;
    if (left >= s->reserve_bytes && left - s->reserve_bytes >= bytes)
        return 0;
    return err_set(err, ENOSPC,
                   "no room for %s on the scratch disk: %s are free, of which "
                   "%s stay so (pool.scratch_reserve): \"%s\"",
                   size_format(bytes, need), size_format(left, has),
                   size_format(s->reserve_bytes, kept), s->path);
}

/* A folder without .owner, which may be one that is just being made. */
static enum scratch_state remove_naked(int root_fd, const char *name, int fd,
                                       const char *root, int64_t now_wall_ns)
{
    struct stat st;
    struct err err;
    if (fstat(fd, &st) < 0 ||
        now_wall_ns / 1000000000 - st.st_mtim.tv_sec < SCRATCH_YOUNG_S ||
        scratch_finish(root_fd, name, fd, root, &err) < 0)
        return SCRATCH_NAKED; /* what has content is nothing of ours */
    return SCRATCH_GONE;
}

static void clean_one(int root_fd, const char *root, const char *name,
                      int64_t now_wall_ns, const atomic_bool *stop,
                      struct scratch_cleaned *cleaned, struct err *err)
{
    int fd = -1, lock = -1;
    uint64_t kept = 0;
    enum scratch_state state = scratch_look(root_fd, name, false, &fd, &lock);
    if (state == SCRATCH_NAKED) {
        if (remove_naked(root_fd, name, fd, root, now_wall_ns) == SCRATCH_GONE)
            cleaned->removed++;
        close(fd);
    }
    if (state != SCRATCH_LOCKED)
        return;
    if (remove_scratch(root_fd, root, name, fd, now_wall_ns, stop, &kept, err) <
        0)
        cleaned->failed++;
    else if (kept > 0)
        cleaned->kept++;
    else
        cleaned->removed++;
    close(lock);
    close(fd);
}

/* Two sessions that began at the same time may have made a cache each: all but
 * the first, which everybody takes, go when nobody uses them. */
static void clean_caches(int root_fd, const char *root, const atomic_bool *stop,
                         struct scratch_cleaned *cleaned, struct err *err)
{
    char **names;
    size_t count;
    bool first = true;
    if (find_names(root, SCRATCH_NAME_CACHE, &names, &count, err) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        int fd = -1, lock = -1;
        enum scratch_state state =
            scratch_look(root_fd, names[i], first, &fd, &lock);
        if (state == SCRATCH_LOCKED) {
            uint64_t kept;
            if (!first && remove_scratch(root_fd, root, names[i], fd, INT64_MAX,
                                         stop, &kept, err) < 0)
                cleaned->failed++;
            first = false;
            close(lock);
        }
        if (state == SCRATCH_LOCKED || state == SCRATCH_NAKED)
            close(fd);
    }
    free_names(names, count);
}

static bool is_stopped(const atomic_bool *stop)
{
    return stop && atomic_load(stop);
}

int scratch_clean_stale(const char *root, int64_t now_wall_ns,
                        const atomic_bool *stop,
                        struct scratch_cleaned *cleaned, struct err *err)
{
    char **names;
    size_t count;
    *cleaned = (struct scratch_cleaned){0};
    int root_fd = open_names(root, SCRATCH_NAME_OWN, &names, &count, err);
    if (root_fd < 0)
        return -1;
    for (size_t i = 0; i < count && !is_stopped(stop); i++)
        clean_one(root_fd, root, names[i], now_wall_ns, stop, cleaned, err);
    free_names(names, count);
    if (!is_stopped(stop))
        clean_caches(root_fd, root, stop, cleaned, err);
    close(root_fd);
    if (is_stopped(stop))
        return err_set(err, ECANCELED, "\"%s\" was not cleaned up to its end",
                       root);
    return cleaned->failed > 0 ? -1 : 0;
}

/* One of them; 1: it is gone, 0: it is nothing of ours, -1 with err (EBUSY: it
 * is in use). */
static int remove_cache(int root_fd, const char *root, const char *name,
                        struct err *err)
{
    int fd = -1, lock = -1;
    uint64_t kept;
    enum scratch_state state = scratch_look(root_fd, name, false, &fd, &lock);
    if (state == SCRATCH_NAKED)
        close(fd);
    if (state == SCRATCH_IN_USE)
        return err_set(err, EBUSY, "\"%s/%s\" is in use", root, name);
    if (state != SCRATCH_LOCKED)
        return 0;
    int rc =
        remove_scratch(root_fd, root, name, fd, INT64_MAX, NULL, &kept, err);
    /* what is mounted in it is no session */
    if (rc < 0 && err->code == EBUSY)
        err->code = EIO;
    close(lock);
    close(fd);
    return rc < 0 ? -1 : 1;
}

int scratch_remove_caches(const char *root, uint32_t *removed, uint32_t *used,
                          struct err *err)
{
    char **names;
    size_t count;
    int rc = 0;
    *removed = *used = 0;
    int root_fd = open_names(root, SCRATCH_NAME_CACHE, &names, &count, err);
    if (root_fd < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct err why;
        int one = remove_cache(root_fd, root, names[i], &why);
        *removed += one > 0;
        *used += one < 0 && why.code == EBUSY;
        if (one < 0 && why.code != EBUSY)
            rc = err_set(err, why.code, "%s", why.text);
    }
    free_names(names, count);
    close(root_fd);
    return rc;
}
