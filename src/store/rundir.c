/* The run directory: see rundir.h.
 *
 * Opens it, makes it, moves it aside; its other parts are in rundir_parts.h;
 * who may write, rundir_lock.c knows. run.yaml is renamed into place as the
 * last step of making the directory, so one without it is unfinished and is
 * completed, if there is nothing in it but what belongs to us; a journal
 * without it is damage and refused.
 */
#include "config.h"
#include "store/rundir_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "store/folder.h"
#include "store/rundir_lock.h"

enum {
    OPEN_TRIES = 16,           /* against one who moves it aside meanwhile */
    TEMPORARY_MAX_AGE_S = 600, /* of what a crash left behind */
    ASIDE_MAX = 100000
};

/* ---- Opening ---- */

static struct rundir *rundir_create(const char *path, struct err *err)
{
    struct rundir *r = mem_calloc(1, sizeof(*r));
    if (!r)
        goto nomem;
    r->dir_fd = r->lock_fd = -1;
    r->generation = 1;
    rundir_name_journal(r->journal, 1);
    buf_init(&r->text, RUNDIR_SPEC_MAX_BYTES + RUNDIR_HEADER_MAX_BYTES);
    char cwd[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
        err_sys(err, errno, "cannot find the current folder");
        rundir_close(r);
        return NULL;
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    char *name = mem_strndup(path, len);
    r->path = name ? path_join(cwd, name) : NULL;
    mem_free(name);
    if (r->path)
        return r;
nomem:
    err_set(err, ENOMEM, "no memory to open %s", path);
    rundir_close(r);
    return NULL;
}

void rundir_close(struct rundir *r)
{
    if (!r)
        return;
    int saved = errno;
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    errno = saved;
    buf_fini(&r->text);
    mem_free(r->spec_folder);
    mem_free(r->spec_path);
    mem_free(r->path);
    mem_free(r);
}

static int open_dir(struct rundir *r)
{
    r->dir_fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return r->dir_fd < 0 ? -1 : 0;
}

/* May we write here, and nobody else? made: it is new. */
static int check_owner(const struct rundir *r, bool made, struct err *err)
{
    struct stat st;
    if (fstat(r->dir_fd, &st) < 0)
        return err_sys(err, errno, "cannot look at %s", r->path);
    if (st.st_uid != geteuid() && geteuid() != 0)
        return err_set(err, EPERM, "%s belongs to another user (uid %lu)",
                       r->path, (unsigned long)st.st_uid);
    if (made && fchmod(r->dir_fd, 0700) < 0)
        return err_sys(err, errno, "cannot set the mode of %s", r->path);
    if (!made && (st.st_mode & S_IWOTH))
        return err_set(err, EPERM,
                       "%s may be written by anybody; chmod o-w it first",
                       r->path);
    return 0;
}

/* Is the locked folder still the one at its path? */
static bool still_there(const struct rundir *r)
{
    struct stat a, b;
    return fstat(r->dir_fd, &a) == 0 && stat(r->path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Open and lock the folder at r->path, making it if make. 0; 1: it was moved
 * away in between; -1 with err. */
static int open_locked(struct rundir *r, bool make,
                       enum folder_content *content, struct err *err)
{
    struct folder_look l;
    if (make && file_make_dirs(r->path, 0700, err) < 0)
        return -1;
    if (open_dir(r) < 0)
        return err_sys(err, errno, "cannot open %s", r->path);
    if (folder_classify(r->dir_fd, r->path, content, &l, err) < 0)
        return -1;
    if (*content == FOLDER_FOREIGN)
        return folder_refuse_foreign(r->path, &l, err);
    if (check_owner(r, make && *content == FOLDER_EMPTY, err) < 0)
        return -1;
    if (rundir_lock_take(r->dir_fd, r->path, &r->lock_fd, err) < 0)
        return -1;
    if (!still_there(r)) {
        close(r->lock_fd);
        close(r->dir_fd);
        r->lock_fd = r->dir_fd = -1;
        return 1;
    }
    /* what it was before the lock may have changed meanwhile */
    if (folder_classify(r->dir_fd, r->path, content, &l, err) < 0)
        return -1;
    return *content == FOLDER_FOREIGN ? folder_refuse_foreign(r->path, &l, err)
                                      : 0;
}

static int lock_folder(struct rundir *r, bool make,
                       enum folder_content *content, struct err *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        int rc = open_locked(r, make, content, err);
        if (rc <= 0)
            return rc;
    }
    return err_set(err, EBUSY, "others keep moving %s away", r->path);
}

/* ---- Making ---- */

int rundir_make_folder(const struct rundir *r, const char *name,
                       struct err *err)
{
    if (mkdirat(r->dir_fd, name, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make the folder %s/%s", r->path,
                       name);
    int fd = openat(r->dir_fd, name,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fchmod(fd, 0700) < 0) {
        err_sys(err, errno, "cannot use the folder %s/%s", r->path, name);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

/* Make, or complete, what a run directory has; run.yaml last. */
static int complete(struct rundir *r, const char *text, size_t len,
                    struct inputs *inputs, struct err *err)
{
    if (len > RUNDIR_SPEC_MAX_BYTES)
        return err_set(err, EFBIG, "the job spec is larger than %d bytes",
                       RUNDIR_SPEC_MAX_BYTES);
    if (rundir_make_folder(r, "journal", err) < 0 ||
        rundir_make_folder(r, "output", err) < 0 ||
        rundir_make_folder(r, "files", err) < 0 ||
        (inputs && inputs_keep(inputs, r->dir_fd, r->path, err) < 0))
        return -1;
    char *path = rundir_file(r, "run.yaml");
    if (!path || rundir_put_header(&r->text, r->spec_path, text, len) < 0 ||
        buf_put(&r->text, text, len) < 0) {
        mem_free(path);
        return err_set(err, ENOMEM, "no memory for %s", r->path);
    }
    int rc = file_replace(path, r->text.data, r->text.len, 0600, 1, err);
    mem_free(path);
    if (rc < 0)
        return -1;
    if (fsync(r->dir_fd) < 0 && errno != EINVAL)
        return err_sys(err, errno, "cannot write %s", r->path);
    return rundir_parse_header(r, err);
}

/* ---- Sessions ---- */

static int session_of(void *arg, const char *name)
{
    uint32_t *last = arg;
    char *end;
    unsigned long n = strtoul(name, &end, 10);
    if (end != name && *end == '.' && n <= UINT32_MAX - 1 && n > *last)
        *last = (uint32_t)n;
    return 0;
}

static int find_sessions(struct rundir *r, bool packs, struct err *err)
{
    if (folder_each_name(r->dir_fd, r->journal, session_of, &r->session) < 0)
        return err_sys(err, errno, "cannot read %s/%s", r->path, r->journal);
    if (packs &&
        folder_each_name(r->dir_fd, "output", session_of, &r->session) < 0)
        return err_sys(err, errno, "cannot read %s/output", r->path);
    return 0;
}

static int remove_stale(void *arg, const char *name)
{
    const struct rundir *r = arg;
    struct stat st;
    if (folder_is_temporary(name) &&
        fstatat(r->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtime < clock_wall_ns() / NS_PER_SEC - TEMPORARY_MAX_AGE_S)
        (void)unlinkat(r->dir_fd, name, 0); /* they only take room */
    return 0;
}

struct rundir *rundir_open(const char *path, const char *spec_text,
                           size_t spec_len, const char *spec_path,
                           struct inputs *inputs, bool *fresh, struct err *err)
{
    enum folder_content content;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    r->spec_path = mem_strdup(spec_path ? spec_path : "");
    if (!r->spec_path) {
        err_set(err, ENOMEM, "no memory to open %s", path);
        goto fail;
    }
    if (lock_folder(r, true, &content, err) < 0)
        goto fail;
    if (content == FOLDER_RUN) {
        if (rundir_load_spec(r, err) < 0 ||
            rundir_check_spec(r, spec_text, spec_len, err) < 0 ||
            (inputs && inputs_compare(inputs, r->dir_fd, r->path, err) < 0))
            goto fail;
    } else if (complete(r, spec_text, spec_len, inputs, err) < 0) {
        goto fail;
    }
    if (find_sessions(r, true, err) < 0)
        goto fail;
    (void)folder_each_name(r->dir_fd, ".", remove_stale, r);
    r->session++;
    *fresh = content != FOLDER_RUN;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

struct rundir *rundir_open_read(const char *path, struct err *err)
{
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    if (open_dir(r) < 0) {
        err_sys(err, errno, "cannot open the run directory %s", path);
        goto fail;
    }
    if (faccessat(r->dir_fd, "run.yaml", F_OK, 0) < 0) {
        err_set(err, ENOENT, "%s is not a run directory (it has no run.yaml)",
                path);
        goto fail;
    }
    if (rundir_load_spec(r, err) < 0 || find_sessions(r, false, err) < 0)
        goto fail;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

struct rundir *rundir_open_locked(const char *path, struct err *err)
{
    enum folder_content content = FOLDER_EMPTY;
    struct stat st;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return NULL;
    if (stat(r->path, &st) < 0) {
        err_sys(err, errno, "cannot open the run directory %s", path);
        goto fail;
    }
    char *spec = rundir_file(r, "run.yaml");
    bool is_run = spec && access(spec, F_OK) == 0;
    mem_free(spec);
    if (!is_run) {
        err_set(err, ENOENT, "%s is not a run directory (it has no run.yaml)",
                path);
        goto fail;
    }
    if (lock_folder(r, false, &content, err) < 0)
        goto fail;
    if (rundir_load_spec(r, err) < 0 || find_sessions(r, true, err) < 0)
        goto fail;
    return r;
fail:
    rundir_close(r);
    return NULL;
}

/* ---- Moving aside ---- */

/* Rename, never onto something. -1 with errno. */
static int rename_to_free(const char *from, const char *to)
{
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

int rundir_move_aside(const char *path, char **to, struct err *err)
{
    enum folder_content content;
    struct stat st;
    *to = NULL;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return 0;
    struct rundir *r = rundir_create(path, err);
    if (!r)
        return -1;
    int rc = lock_folder(r, false, &content, err);
    size_t size = strlen(r->path) + 16;
    char *name = rc == 0 ? mem_alloc(size) : NULL;
    if (rc == 0 && !name)
        rc = err_set(err, ENOMEM, "no memory to move %s", path);
    for (int i = 1; rc == 0; i++) {
        snprintf(name, size, "%s.%d", r->path, i);
        if (rename_to_free(r->path, name) == 0)
            break;
        if ((errno != EEXIST && errno != ENOTEMPTY) || i == ASIDE_MAX)
            rc = err_sys(err, errno, "cannot move %s to %s", path, name);
    }
    if (rc == 0) {
        *to = name;
        name = NULL;
    }
    mem_free(name);
    rundir_close(r);
    return rc;
}

/* ---- Questions ---- */

int rundir_in_use(const struct rundir *r)
{
    return rundir_lock_look(r->dir_fd);
}

uint32_t rundir_session(const struct rundir *r)
{
    return r->session;
}
