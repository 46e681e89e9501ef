/* files/ of a run directory: see returned_place.h.
 *
 * Folders are entered one by one, without following links. An attempt that is
 * not in the journal, since its session died, may have left files: when its
 * number comes again, its folder is older than the session, and is moved away
 * and removed as a whole.
 */
#include "config.h"
#include "store/returned_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "store/folder.h"

#define PART_FOLDER ".part"

/* As deep as a file's name can be, and our folders above it. */
enum { DEPTH_MAX = ATTEMPT_MAX_FILE_NAME / 2 + 8 };

static int folder_open(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Sync a folder, where the file system can. */
static int folder_sync(int fd)
{
    return fsync(fd) < 0 && errno != EINVAL ? -1 : 0;
}

/* Enter a folder, made if it is not there; the new name lasts. -1 with errno.
 */
static int folder_enter(int at, const char *name)
{
    bool made = mkdirat(at, name, 0700) == 0;
    if (!made && errno != EEXIST)
        return -1;
    if (made && folder_sync(at) < 0)
        return -1;
    return folder_open(at, name);
}

/* ---- Removing ---- */

struct removal {
    int fd;
    int depth;
};

/* Remove what has that name, with all below; what cannot be removed stays. */
static int remove_name(void *arg, const char *name)
{
    struct removal *above = arg;
    if (unlinkat(above->fd, name, 0) == 0 || errno == ENOENT ||
        above->depth == DEPTH_MAX)
        return 0;
    struct removal here = {.fd = folder_open(above->fd, name),
                           .depth = above->depth + 1};
    if (here.fd < 0)
        return 0;
    (void)folder_each_name(here.fd, ".", remove_name, &here);
    close(here.fd);
    (void)unlinkat(above->fd, name, AT_REMOVEDIR);
    return 0;
}

static void remove_all(int fd, const char *name)
{
    struct removal r = {.fd = fd};
    (void)remove_name(&r, name);
}

static void remove_below(int fd)
{
    struct removal r = {.fd = fd};
    (void)folder_each_name(fd, ".", remove_name, &r);
}

/* ---- Life ---- */

static int open_parts(struct returned_place *p)
{
    struct stat st;
    int fd = folder_enter(p->files_fd, PART_FOLDER);
    if (fd < 0)
        return -1;
    remove_below(fd);
    p->part_fd = folder_enter(fd, p->session);
    int saved = errno;
    close(fd);
    errno = saved;
    if (p->part_fd < 0 || fstat(p->part_fd, &st) < 0)
        return -1;
    p->since_ns = st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec;
    return 0;
}

int returned_place_init(struct returned_place *p, const struct rundir *r,
                        struct err *err)
{
    *p = (struct returned_place){.files_fd = -1, .part_fd = -1};
    snprintf(p->session, sizeof(p->session), "%04u", rundir_session(r));
    char *path = rundir_file(r, "files");
    if (!path)
        return err_set(err, ENOMEM, "no memory for returned files");
    int rc = 0;
    p->files_fd = folder_open(AT_FDCWD, path);
    if (p->files_fd < 0 || open_parts(p) < 0)
        rc = err_sys(err, errno, "cannot use the folder %s", path);
    mem_free(path);
    return rc;
}

void returned_place_fini(struct returned_place *p)
{
    if (p->part_fd >= 0) {
        remove_below(p->part_fd);
        close(p->part_fd);
        int fd = folder_open(p->files_fd, PART_FOLDER);
        if (fd >= 0) {
            (void)unlinkat(fd, p->session, AT_REMOVEDIR);
            close(fd);
        }
        (void)unlinkat(p->files_fd, PART_FOLDER, AT_REMOVEDIR);
    }
    if (p->files_fd >= 0)
        close(p->files_fd);
    p->files_fd = p->part_fd = -1;
}

/* ---- Parts ---- */

void returned_part_name(uint64_t number, char name[RETURNED_PART_NAME])
{
    snprintf(name, RETURNED_PART_NAME, "%llu", (unsigned long long)number);
}

int returned_part_make(struct returned_place *p, uint64_t number, mode_t mode)
{
    char name[RETURNED_PART_NAME];
    returned_part_name(number, name);
    return openat(p->part_fd, name,
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
}

void returned_part_remove(struct returned_place *p, uint64_t number)
{
    char name[RETURNED_PART_NAME];
    returned_part_name(number, name);
    (void)unlinkat(p->part_fd, name, 0);
}

/* Is the folder of an earlier session? */
static bool is_older(const struct returned_place *p, int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 &&
           st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec < p->since_ns;
}

/* Move a folder among the parts, and remove it there. */
static int move_away(struct returned_place *p, int at, const char *name)
{
    char old[RETURNED_PART_NAME + 4];
    snprintf(old, sizeof(old), "old-%llu", (unsigned long long)p->old_count++);
    if (renameat(at, name, p->part_fd, old) < 0)
        return -1;
    remove_all(p->part_fd, old);
    return 0;
}

/* Enter files/JOB/TASK. -1 with errno. */
static int enter_task(struct returned_place *p, const struct returned_of *of,
                      bool make)
{
    int job = make ? folder_enter(p->files_fd, of->job_id)
                   : folder_open(p->files_fd, of->job_id);
    if (job < 0)
        return -1;
    int task =
        make ? folder_enter(job, of->task_id) : folder_open(job, of->task_id);
    int saved = errno;
    close(job);
    errno = saved;
    return task;
}

static void attempt_name(const struct returned_of *of, char name[16])
{
    snprintf(name, 16, "%u", of->attempt);
}

/* Enter the folder of an attempt, which is made. */
static int enter_attempt(struct returned_place *p, const struct returned_of *of)
{
    char name[16];
    int task = enter_task(p, of, true), fd = -1;
    if (task < 0)
        return -1;
    attempt_name(of, name);
    fd = folder_enter(task, name);
    if (fd >= 0 && is_older(p, fd)) {
        close(fd);
        fd = move_away(p, task, name) == 0 ? folder_enter(task, name) : -1;
    }
    int saved = errno;
    close(task);
    errno = saved;
    return fd;
}

/* Give the part its name below the folder fd, which is closed. */
static int rename_below(struct returned_place *p, const char *part, int fd,
                        const char *name)
{
    char one[NAME_MAX + 1];
    const char *slash;
    while (fd >= 0 && (slash = strchr(name, '/'))) {
        snprintf(one, sizeof(one), "%.*s", (int)(slash - name), name);
        int below = folder_enter(fd, one), saved = errno;
        close(fd);
        errno = saved;
        fd = below;
        name = slash + 1;
    }
    if (fd < 0)
        return -1;
    int rc = renameat(p->part_fd, part, fd, name) < 0 ? -1 : folder_sync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc;
}

int returned_part_keep(struct returned_place *p, uint64_t number,
                       const struct returned_of *of, const char *name)
{
    char part[RETURNED_PART_NAME];
    returned_part_name(number, part);
    return rename_below(p, part, enter_attempt(p, of), name);
}

void returned_attempt_remove(struct returned_place *p,
                             const struct returned_of *of)
{
    char name[16];
    int task = enter_task(p, of, false);
    if (task < 0)
        return;
    attempt_name(of, name);
    if (move_away(p, task, name) < 0)
        remove_all(task, name);
    close(task);
}
