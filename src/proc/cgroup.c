/* Limits by control groups: see cgroup.h. */
#include "config.h"
#include "proc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/file.h"
#include "base/mem.h"

enum {
    TEXT_BYTES = 65536,
    KEY_BYTES = 64,
    REMOVE_TRIES = 50,
    ENABLE_TRIES = 5
};

struct cgroups {
    int fd; /* the folder */
    char *path;
    char key[KEY_BYTES];
    uint64_t made, removed;
};

/* ---- Reading and writing ---- */

static bool read_at(int folder, const char *name, char *text, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = -1;
    while (fd >= 0 && len < size - 1 &&
           (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    if (fd >= 0)
        close(fd);
    return fd >= 0 && n >= 0;
}

static int write_at(int folder, const char *name, const char *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 0;
}

static int write_in(struct cgroups *c, const char *group, const char *name,
                    const char *text)
{
    char path[KEY_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", group, name);
    return write_at(c->fd, path, text);
}

/* The number behind "name " in a file of lines; 0: it is not there. */
static uint64_t number_in(struct cgroups *c, const char *group,
                          const char *file, const char *name)
{
    char path[KEY_BYTES + 64], text[1024];
    snprintf(path, sizeof(path), "%s/%s", group, file);
    if (!read_at(c->fd, path, text, sizeof(text)))
        return 0;
    for (const char *p = text; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, name, strlen(name)) == 0)
            return strtoull(p + strlen(name), NULL, 10);
    }
    return 0;
}

/* ---- Which one is ours ---- */

/* Where version 2 is mounted: all of it, or beside version 1. */
static const char *mount_point(void)
{
    static const char *const points[] = {"/sys/fs/cgroup",
                                         "/sys/fs/cgroup/unified"};
    struct statfs fs;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        if (statfs(points[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            return points[i];
    return NULL;
}

/* The folder of the group that we are in. NULL with err. */
static char *own_folder(struct err *err)
{
    const char *mount = mount_point();
    char text[TEXT_BYTES], *path = NULL;
    if (!mount) {
        err_set(err, ENOENT, "there are no control groups of version 2");
        return NULL;
    }
    if (read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)))
        for (char *p = text; p; p = strchr(p, '\n')) {
            p += *p == '\n';
            if (strncmp(p, "0::/", 4) != 0)
                continue;
            p[strcspn(p, "\n")] = '\0';
            path = path_join(mount, p + 4);
            break;
        }
    if (!path)
        err_set(err, ENOENT, "/proc/self/cgroup names no control group");
    return path;
}

/* That we may write there makes none ours: root may everywhere, and what a
 * desktop starts belongs to its user. */
static bool is_delegated(int fd)
{
    static const char *const names[] = {"user.delegate", "trusted.delegate"};
    char is = '0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (fgetxattr(fd, names[i], &is, 1) == 1 && is == '1')
            return true;
    return false;
}

/* Move the processes of the folder into a group below it. Other ranks do the
 * same; a process that is gone is moved. */
static int move_processes(struct cgroups *c, struct err *err)
{
    char *text = mem_alloc(TEXT_BYTES), *save = NULL;
    int rc = 0;
    if (!text)
        return err_set(err, ENOMEM, "no memory for a list of processes");
    if (!read_at(c->fd, "cgroup.procs", text, TEXT_BYTES))
        rc = err_sys(err, errno, "cannot read %s/cgroup.procs", c->path);
    else if (text[0] && mkdirat(c->fd, "mpibatch", 0755) < 0 && errno != EEXIST)
        rc = err_sys(err, errno, "cannot make a control group in %s", c->path);
    for (char *pid = rc == 0 ? strtok_r(text, "\n", &save) : NULL;
         rc == 0 && pid; pid = strtok_r(NULL, "\n", &save))
        if (write_in(c, "mpibatch", "cgroup.procs", pid) < 0 && errno != ESRCH)
            rc =
                err_sys(err, errno, "cannot move a process within %s", c->path);
    mem_free(text);
    return rc;
}

static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = text; (p = strstr(p, word)) != NULL; p += len)
        if ((p == text || p[-1] == ' ') &&
            (p[len] == ' ' || p[len] == '\n' || p[len] == '\0'))
            return true;
    return false;
}

/* Let groups of the folder have limits of memory. */
static int enable(struct cgroups *c, struct err *err)
{
    char text[1024];
    if (!read_at(c->fd, "cgroup.controllers", text, sizeof(text)) ||
        !has_word(text, "memory"))
        return err_set(err, ENOENT, "%s has no control of memory", c->path);
    if (read_at(c->fd, "cgroup.subtree_control", text, sizeof(text)) &&
        has_word(text, "memory"))
        return 0;
    for (int i = 0; i < ENABLE_TRIES; i++) {
        if (move_processes(c, err) < 0)
            return -1;
        if (write_at(c->fd, "cgroup.subtree_control", "+memory") == 0)
            return 0;
        if (errno != EBUSY) /* a process has come meanwhile */
            break;
    }
    return err_sys(err, errno, "cannot divide %s", c->path);
}

struct cgroups *cgroups_open(const char *named, const char *key,
                             struct err *err)
{
    struct cgroups *c = mem_calloc(1, sizeof(*c));
    if (!c) {
        err_set(err, ENOMEM, "no memory for control groups");
        return NULL;
    }
    c->fd = -1;
    snprintf(c->key, sizeof(c->key), "%.*s", KEY_BYTES - 1, key);
    c->path = named ? mem_strdup(named) : own_folder(err);
    if (!c->path) {
        if (named)
            err_set(err, ENOMEM, "no memory for control groups");
        goto fail;
    }
    c->fd = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->fd < 0) {
        err_sys(err, errno, "cannot open %s", c->path);
        goto fail;
    }
    if (!named && !is_delegated(c->fd)) {
        err_set(err, EPERM, "%s is not delegated to us", c->path);
        goto fail;
    }
    if (enable(c, err) < 0)
        goto fail;
    return c;
fail:
    cgroups_close(c);
    return NULL;
}

/* ---- Groups ---- */

static void name_of(const struct cgroups *c, uint64_t number,
                    char name[KEY_BYTES + 32])
{
    snprintf(name, KEY_BYTES + 32, "mpibatch-%s-%" PRIu64, c->key, number);
}

/* Kill what is in it, and remove it: the dead need a moment. */
static void remove_group(struct cgroups *c, const char *name)
{
    for (int i = 0; i < REMOVE_TRIES; i++) {
        if (unlinkat(c->fd, name, AT_REMOVEDIR) == 0) {
            c->removed++;
            return;
        }
        if (errno != EBUSY)
            return;
        write_in(c, name, "cgroup.kill", "1");
        usleep(200);
    }
}

int cgroups_enter(struct cgroups *c, uint64_t number, struct err *err)
{
    char name[KEY_BYTES + 32], path[KEY_BYTES + 64];
    name_of(c, number, name);
    snprintf(path, sizeof(path), "%s/cgroup.procs", name);
    int fd = openat(c->fd, path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "cannot open %s/%s", c->path, path)
                  : fd;
}

int cgroups_make(struct cgroups *c, uint64_t memory_bytes, uint64_t *number,
                 struct err *err)
{
    char name[KEY_BYTES + 32], limit[24];
    int fd = -1;
    name_of(c, ++c->made, name);
    snprintf(limit, sizeof(limit), "%" PRIu64, memory_bytes);
    if (mkdirat(c->fd, name, 0755) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make a control group in %s",
                       c->path);
    if (write_in(c, name, "memory.max", limit) == 0) {
        write_in(c, name, "memory.swap.max", "0");  /* if there is swap, */
        write_in(c, name, "memory.oom.group", "1"); /* and since Linux 4.19 */
        fd = cgroups_enter(c, c->made, err);
    } else {
        err_sys(err, errno, "cannot limit the memory of a group in %s",
                c->path);
    }
    if (fd < 0) {
        remove_group(c, name);
        return -1;
    }
    *number = c->made;
    return fd;
}

struct cgroup_end cgroups_end(struct cgroups *c, uint64_t number)
{
    char name[KEY_BYTES + 32];
    name_of(c, number, name);
    const struct cgroup_end end = {
        .over = number_in(c, name, "memory.events", "oom_kill ") > 0,
        .peak_bytes = number_in(c, name, "memory.peak", "")};
    remove_group(c, name);
    return end;
}

void cgroups_close(struct cgroups *c)
{
    char name[KEY_BYTES + 32];
    if (!c)
        return;
    int saved = errno;
    for (uint64_t i = 1; c->removed < c->made && i <= c->made; i++) {
        name_of(c, i, name);
        remove_group(c, name);
    }
    if (c->fd >= 0)
        close(c->fd);
    mem_free(c->path);
    mem_free(c);
    errno = saved;
}
