/* The processes of a running task: see family.h. */
#include "config.h"
#include "proc/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/procfs.h"
#include "proc/spawner.h"

enum { CHILDREN_TEXT_BYTES = 1024 };

void family_init(struct family *t)
{
    *t = (struct family){0};
}

void family_fini(struct family *t)
{
    mem_free(t->pids);
    *t = (struct family){0};
}

static int put(struct family *t, pid_t pid)
{
    if (t->count == FAMILY_MAX)
        return 0;
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        pid_t *pids = mem_resize(t->pids, cap, sizeof(pids[0]));
        if (!pids) {
            errno = ENOMEM;
            return -1;
        }
        t->pids = pids;
        t->cap = cap;
    }
    t->pids[t->count++] = pid;
    return 0;
}

/* Put the pids of a list of children, as much of it as ends with a blank.
 * Returns how many bytes that were, or -1. */
static ssize_t put_list(struct family *t, const char *text, size_t len)
{
    const char *p = text;
    for (const char *end; (end = memchr(p, ' ', len)) != NULL; p = end + 1) {
        long pid = strtol(p, NULL, 10);
        if (pid > 0 && put(t, (pid_t)pid) < 0)
            return -1;
        len -= (size_t)(end + 1 - p);
    }
    return p - text;
}

/* Put the children of one thread. A thread that is gone has none. */
static int put_children(struct family *t, int tasks_fd, const char *thread)
{
    char path[32], text[CHILDREN_TEXT_BYTES + 1];
    size_t len = 0;
    ssize_t n, used = 0;
    snprintf(path, sizeof(path), "%.16s/children", thread);
    int fd = openat(tasks_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while (used >= 0 &&
           (n = read(fd, text + len, CHILDREN_TEXT_BYTES - len)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        used = put_list(t, text, len);
        if (used > 0) {
            len -= (size_t)used;
            memmove(text, text + used, len);
        }
    }
    close(fd);
    return used < 0 ? -1 : 0;
}

/* Put the children of all threads of a process. */
static int put_children_of(struct family *t, pid_t pid)
{
    char path[48];
    int rc = 0;
    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOMEM ? -1 : 0;
    for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            rc = put_children(t, dirfd(dir), e->d_name);
    closedir(dir);
    return rc;
}

/* Put that process and its descendants. */
static int put_family(struct family *t, pid_t first)
{
    size_t at = t->count;
    int rc = put(t, first);
    for (; rc == 0 && at < t->count; at++)
        rc = put_children_of(t, t->pids[at]);
    return rc;
}

int family_read(struct family *t, pid_t first)
{
    t->count = 0;
    return put_family(t, first);
}

static bool is_in(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

size_t family_strays(struct spawner *s, const pid_t *keep, size_t keep_count,
                     pid_t pids[FAMILY_MAX_STRAYS])
{
    struct buf *b = &s->children;
    size_t count = 0;
    char *p, *end;
    if (spawner_read_children(s) < 0 || b->len == 0)
        return 0;
    for (p = b->data; count < FAMILY_MAX_STRAYS; p = end) {
        pid_t pid = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        if (!is_in(pid, keep, keep_count) && !is_in(pid, s->own, s->own_count))
            pids[count++] = pid;
    }
    return count;
}

static bool is_marker(const char *entry, void *arg)
{
    return strcmp(entry, arg) == 0;
}

int family_add_strays(struct family *t, pid_t first, const char *marker,
                      const pid_t *strays, size_t count)
{
    char want[SPAWN_MAX_MARKER + 1];
    snprintf(want, sizeof(want), "%s", marker);
    for (size_t i = 0; i < count; i++)
        if ((getsid(strays[i]) == first || getpgid(strays[i]) == first ||
             procfs_find_env(strays[i], is_marker, want) == PROCFS_ENV_FOUND) &&
            put_family(t, strays[i]) < 0)
            return -1;
    return 0;
}
