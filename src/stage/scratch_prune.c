/* What goes and what stays of a scratch: see scratch_parts.h. */
#include "config.h"
#include "stage/scratch_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "stage/remove.h"

struct prune {
    const char *path; /* of the scratch, for errors */
    int64_t now_wall_ns;
    uint64_t kept;
    bool failed;
    const atomic_bool *stop; /* or NULL */
    struct err *err;
};

/* When the folder at name expires: does its marker say that it has not? */
static bool is_kept(const struct prune *p, int dir, const char *name)
{
    char marker[NAME_MAX + 1];
    struct stat st;
    if (snprintf(marker, sizeof(marker), ".%s.kept", name) >=
            (int)sizeof(marker) ||
        fstatat(dir, marker, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return false;
    return (int64_t)st.st_mtim.tv_sec >= p->now_wall_ns / 1000000000;
}

/* Is it the marker of a folder that is there and kept? */
static bool is_marker(const struct prune *p, int dir, const char *name)
{
    char folder[NAME_MAX + 1];
    struct stat st;
    size_t len = strlen(name);
    if (len < 7 || name[0] != '.' || strcmp(name + len - 5, ".kept") != 0)
        return false;
    memcpy(folder, name + 1, len - 6);
    folder[len - 6] = '\0';
    return fstatat(dir, folder, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode) && is_kept(p, dir, folder);
}

static void take_away(struct prune *p, int dir, const char *name)
{
    struct err e;
    if (remove_tree_until(dir, name, p->path, p->stop, &e) == 0)
        return;
    if (!p->failed)
        err_set(p->err, e.code, "%s", e.text);
    p->failed = true;
}

static bool is_stopped(struct prune *p)
{
    if (!p->stop || !atomic_load(p->stop))
        return false;
    if (!p->failed)
        err_set(p->err, ECANCELED, "\"%s\" was not cleaned up to its end",
                p->path);
    p->failed = true;
    return true;
}

static void prune_folder(struct prune *p, int fd, unsigned depth);

static void prune_one(struct prune *p, int dir, const char *name,
                      unsigned depth)
{
    static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (depth == 0 && strcmp(name, ".owner") == 0)
        return;
    bool task = depth == SCRATCH_TASK_DEPTH;
    bool way = depth > 0 ? !task : strcmp(name, "workitems") == 0;
    if (task && is_marker(p, dir, name))
        return;
    if (task && is_kept(p, dir, name)) {
        p->kept++;
        return;
    }
    int fd = way ? openat(dir, name, flags) : -1;
    if (fd >= 0) { /* something below it may be kept */
        uint64_t before = p->kept;
        prune_folder(p, fd, depth + 1);
        if (p->kept > before)
            return;
    }
    take_away(p, dir, name);
}

/* Of the folder fd, which is closed. */
static void prune_folder(struct prune *p, int fd, unsigned depth)
{
    DIR *d = file_names(fd);
    if (!d)
        return;
    for (struct dirent *e; !is_stopped(p) && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            prune_one(p, fd, e->d_name, depth);
    closedir(d);
}

int scratch_prune(int fd, const char *path, int64_t now_wall_ns,
                  const atomic_bool *stop, uint64_t *kept, struct err *err)
{
    struct prune p = {
        .path = path, .now_wall_ns = now_wall_ns, .stop = stop, .err = err};
    int top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return err_sys(err, errno, "cannot read \"%s\"", path);
    prune_folder(&p, top, 0);
    *kept = p.kept;
    return p.failed ? -1 : 0;
}
