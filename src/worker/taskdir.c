/* A task's own directory on its node: see taskdir.h. */
#include "config.h"
#include "worker/taskdir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stage/copy.h"
#include "stage/remove.h"

static const char away_folder[] = "volatile";

int taskdir_init(struct taskdir *d, const char *scratch_path,
                 const char *job_id, const char *task_id, struct err *err)
{
    static const char form[] = "%s/workitems/%s/job-1/%s%s";
    static const char startup[] = "%s/startup%s";
    size_t len = strlen(scratch_path) + strlen(job_id) + strlen(task_id) +
                 sizeof(form) + sizeof("/wd");
    *d = (struct taskdir){.path = mem_alloc(len),
                          .wd = mem_alloc(len),
                          .root_len = strlen(scratch_path) + 1};
    if (!d->path || !d->wd) {
        taskdir_fini(d);
        return err_set(err, ENOMEM, "no memory for a task's directory");
    }
    if (!job_id[0]) {
        snprintf(d->path, len, startup, scratch_path, "");
        snprintf(d->wd, len, startup, scratch_path, "/wd");
        return 0;
    }
    snprintf(d->path, len, form, scratch_path, job_id, task_id, "");
    snprintf(d->wd, len, form, scratch_path, job_id, task_id, "/wd");
    return 0;
}

void taskdir_fini(struct taskdir *d)
{
    mem_free(d->path);
    mem_free(d->wd);
    *d = (struct taskdir){0};
}

/* Its path below the scratch. */
static const char *below(const struct taskdir *d)
{
    return d->path + d->root_len;
}

/* ---- Making it ---- */

/* Make the folders that path stands in. */
static int make_parents(int root, const char *path)
{
    char part[PATH_MAX];
    for (const char *end = strchr(path, '/'); end; end = strchr(end + 1, '/')) {
        if ((size_t)(end - path) >= sizeof(part)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, (size_t)(end - path));
        part[end - path] = '\0';
        if (mkdirat(root, part, 0700) < 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int clear_away(const struct taskdir *d, struct scratch *s,
                      struct err *err)
{
    char away[TASKDIR_AWAY_BYTES];
    int rc = taskdir_take_away(d, s, away, err);
    return rc > 0 ? taskdir_remove(s, away, err) : rc;
}

/* What is in its place becomes TASK.N, if it was made for attempt N. */
static int move_aside(const struct taskdir *d, struct scratch *s,
                      uint32_t attempt, int64_t expires_ns, struct err *err)
{
    char to[PATH_MAX];
    int root = scratch_fd(s);
    uint32_t had = scratch_noted(s, below(d));
    snprintf(to, sizeof(to), "%s.%" PRIu32, below(d), had);
    if (had == 0 || renameat2(root, below(d), root, to, RENAME_NOREPLACE) < 0) {
        if (had > 0 && errno != EEXIST)
            return err_sys(err, errno, "cannot move %s aside", d->path);
        /* whoever made it was killed before he could say so: it is empty */
        return clear_away(d, s, err);
    }
    /* whoever sees the next one in its place knows that it is not this one */
    if (scratch_keep(s, to, expires_ns, err) < 0 ||
        scratch_note(s, below(d), attempt, err) < 0)
        return -1;
    return 0;
}

int taskdir_make(const struct taskdir *d, struct scratch *s, uint32_t attempt,
                 int64_t expires_ns, struct err *err)
{
    int root = scratch_fd(s);
    int rc = mkdirat(root, below(d), 0700);
    if (rc < 0 && errno == ENOENT) {
        if (make_parents(root, below(d)) < 0)
            return err_sys(err, errno, "cannot make the folders of %s",
                           d->path);
        rc = mkdirat(root, below(d), 0700);
    }
    if (rc < 0 && errno == EEXIST) {
        if ((expires_ns > 0 ? move_aside(d, s, attempt, expires_ns, err)
                            : clear_away(d, s, err)) < 0)
            return -1;
        rc = mkdirat(root, below(d), 0700);
    }
    if (rc == 0 && expires_ns > 0 &&
        scratch_note(s, below(d), attempt, err) < 0)
        return -1;
    if (rc < 0 || mkdirat(root, d->wd + d->root_len, 0700) < 0)
        return err_sys(err, errno, "cannot make %s", d->wd);
    return 0;
}

int taskdir_go_on(const struct taskdir *d, struct scratch *s, uint32_t attempt,
                  int64_t expires_ns, struct err *err)
{
    struct stat st;
    if (fstatat(scratch_fd(s), d->wd + d->root_len, &st, AT_SYMLINK_NOFOLLOW) <
            0 ||
        !S_ISDIR(st.st_mode))
        return 0;
    if (expires_ns > 0 && scratch_note(s, below(d), attempt, err) < 0)
        return -1;
    return 1;
}

/* ---- Its outputs ---- */

/* All of the file at path. */
static int copy_file(const char *path, int to)
{
    struct stat st;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return -1;
    int rc = fstat(from, &st);
    if (rc == 0)
        rc = copy_data(from, to, (uint64_t)st.st_size, NULL);
    int saved = errno;
    close(from);
    errno = saved;
    return rc;
}

/* The bytes, or (NULL) what the file has. */
static int put(const struct taskdir *d, const char *name, mode_t mode,
               const char *bytes, size_t len, const char *file, struct err *err)
{
    int dir = open(d->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = -1, rc = -1;
    if (dir >= 0 && (unlinkat(dir, name, 0) == 0 || errno == ENOENT))
        fd = openat(dir, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0)
        rc = bytes ? file_write_all(fd, bytes, len) : copy_file(file, fd);
    if (rc < 0)
        err_sys(err, errno, "cannot write %s/%s", d->path, name);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = err_sys(err, errno, "cannot write %s/%s", d->path, name);
    if (dir >= 0)
        close(dir);
    return rc;
}

int taskdir_put_file(const struct taskdir *d, const char *name,
                     const char *bytes, size_t len, struct err *err)
{
    return put(d, name, 0700, bytes, len, NULL, err);
}

int taskdir_put_output(const struct taskdir *d, int stream, const char *bytes,
                       size_t len, const char *file, struct err *err)
{
    return put(d, stream == 0 ? "stdout.txt" : "stderr.txt", 0600, bytes, len,
               file, err);
}

/* ---- What becomes of it ---- */

int taskdir_keep(const struct taskdir *d, struct scratch *s, int64_t expires_ns,
                 struct err *err)
{
    return scratch_keep(s, below(d), expires_ns, err);
}

int taskdir_take_away(const struct taskdir *d, struct scratch *s,
                      char away[TASKDIR_AWAY_BYTES], struct err *err)
{
    int root = scratch_fd(s);
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_sys(err, errno, "no random numbers");
    snprintf(away, TASKDIR_AWAY_BYTES, "%s/removed-%016" PRIx64, away_folder,
             random);
    if (renameat2(root, below(d), root, away, RENAME_NOREPLACE) == 0) {
        scratch_forget(s, below(d));
        return 1;
    }
    if (errno == ENOENT)
        return 0;
    return err_sys(err, errno, "cannot move %s away", d->path);
}

int taskdir_remove(struct scratch *s, const char *away, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", scratch_path(s), away_folder);
    int dir = openat(scratch_fd(s), away_folder,
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_sys(err, errno, "cannot open %s", path);
    int rc = remove_tree(dir, path_base(away), path, err);
    close(dir);
    return rc;
}
