/* Unpacking an application package, once a node: its archive, or the folder
 * as one, is wanted like any object; then it is unpacked beside where it will
 * be, and renamed, so that a package that is there is whole. */
#include "config.h"
#include "worker/stager_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stage/package.h"
#include "stage/remove.h"

/* What stands for the version of a package without one. */
#define NO_VERSION "-"

struct unpacking {
    struct io_job job;
    struct stager *stager;
    void (*done)(void *arg, int rc, enum failure failure, const char *text);
    void *arg;
    enum { UNPACK_LOOKING, UNPACK_WANTING, UNPACK_GOING, UNPACK_STOPPED } state;
    bool job_out;
    atomic_bool stop;
    const struct application_package *package;
    enum object_kind kind;
    uint32_t again;
    bool archive_gone;
    char *source; /* the archive or folder */
    char archive[PATH_MAX];
    char path[PATH_MAX];
};

static const struct application_package *package_find(const struct stager *s,
                                                      const char *key)
{
    char *end;
    unsigned long i = strtoul(key, &end, 10);
    const struct pool *pool = &s->config.spec->pools[0];
    return *key && !*end && i < pool->package_count ? &pool->packages[i] : NULL;
}

int package_folder(const struct stager *s, const char *key, char path[PATH_MAX],
                   struct err *err)
{
    const struct application_package *p = package_find(s, key);
    if (!p)
        return err_set(err, EINVAL, "no package %s", key);
    int n = snprintf(path, PATH_MAX, "%s/%s/%s", s->config.applications, p->id,
                     p->version[0] ? p->version : NO_VERSION);
    return n < PATH_MAX ? 0
                        : err_set(err, ENAMETOOLONG,
                                  "the path of package %s is too long", p->id);
}

/* ---- In threads ---- */

static int look(struct io_job *j, struct err *err)
{
    struct unpacking *u = LIST_OF(j, struct unpacking, job);
    struct stat st;
    if (stat(u->source, &st) < 0)
        return err_sys(err, errno, "\"%s\"", u->source);
    u->kind = S_ISDIR(st.st_mode) ? OBJECT_TREE : OBJECT_FILE;
    return 0;
}

/* The folder that the package's folder is in; the temporary name beside it. */
static int make_place(const struct unpacking *u, char tmp[PATH_MAX],
                      int *folder, struct err *err)
{
    char dir[PATH_MAX];
    uint64_t random;
    snprintf(dir, sizeof(dir), "%s", u->path);
    *strrchr(dir, '/') = '\0';
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "cannot make \"%s\"", dir);
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_sys(err, errno, "no random number");
    if (snprintf(tmp, PATH_MAX, "%s/.unpacking-%016llx", dir,
                 (unsigned long long)random) >= PATH_MAX)
        return err_set(err, ENAMETOOLONG, "\"%s\" is too long a path", dir);
    *folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *folder < 0 ? err_sys(err, errno, "cannot open \"%s\"", dir) : 0;
}

/* A folder for PATH that is not there would be found out by a command that is
 * not, in each task. */
static int has_folders(const struct application_package *p, const char *where,
                       struct err *err)
{
    struct stat st;
    for (uint32_t i = 0; i < p->add_to_path_count; i++) {
        char *path = path_join(where, p->add_to_path[i]);
        if (!path)
            return err_set(err, ENOMEM, "no memory for a path");
        bool is = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        mem_free(path);
        if (!is)
            return err_set(err, EPROTO,
                           "there is no folder \"%s\" in it for add_to_path; "
                           "paths begin at the top of the package",
                           p->add_to_path[i]);
    }
    return 0;
}

static int unpack(struct io_job *j, struct err *err)
{
    struct unpacking *u = LIST_OF(j, struct unpacking, job);
    struct package_limits limits = {
        .stop = &u->stop, .reserve_bytes = u->stager->config.reserve_bytes};
    char tmp[PATH_MAX];
    int folder = -1;
    u->archive_gone = false;
    if (access(u->path, F_OK) == 0)
        return 0; /* a rank that is lost has done it */
    if (make_place(u, tmp, &folder, err) < 0)
        return -1;
    int rc = package_unpack(u->archive, tmp, &limits, NULL, err);
    if (rc < 0) {
        u->archive_gone = err->code == ENOENT && access(u->archive, F_OK) < 0;
    } else if (has_folders(u->package, tmp, err) < 0) {
        rc = -1;
        remove_tree(folder, path_base(tmp), tmp, NULL);
    } else if (rename(tmp, u->path) < 0) {
        bool is_there = access(u->path, F_OK) == 0;
        rc = is_there ? 0 : err_sys(err, errno, "cannot make \"%s\"", u->path);
        remove_tree(folder, path_base(tmp), u->path, NULL);
    }
    close(folder);
    return rc;
}

/* ---- Steps ---- */

static void unpacking_free(struct unpacking *u)
{
    mem_free(u->source);
    mem_free(u);
}

static void finish(struct unpacking *u, int rc, enum failure failure,
                   const char *why)
{
    char text[STAGE_MAX_TEXT + 1];
    snprintf(text, sizeof(text), "application package %s%s%s: %s",
             u->package->id, u->package->version[0] ? " " : "",
             u->package->version, why);
    u->done(u->arg, rc, failure, text);
    unpacking_free(u);
}

static void want_archive(struct unpacking *u);

/* Behind a job: does anybody care? */
static bool back(struct unpacking *u)
{
    u->job_out = false;
    if (u->state != UNPACK_STOPPED)
        return true;
    unpacking_free(u);
    return false;
}

static void unpacked(struct io_job *j, int rc, const struct err *err)
{
    struct unpacking *u = LIST_OF(j, struct unpacking, job);
    if (!back(u))
        return;
    if (rc < 0 && u->archive_gone && ++u->again < STAGER_MAX_AGAIN) {
        stager_missing(u->stager, u->kind, u->source);
        want_archive(u);
    } else if (rc < 0) {
        finish(u, rc, failure_of_errno(err->code, PHASE_PACKAGE), err->text);
    } else {
        finish(u, 0, FAILURE_NONE, "");
    }
}

static void start(struct unpacking *u,
                  int (*work)(struct io_job *, struct err *),
                  void (*done)(struct io_job *, int, const struct err *),
                  bool is_long)
{
    u->job.work = work;
    u->job.done = done;
    u->job_out = true;
    if (is_long)
        io_start_long(u->stager->config.io, &u->job);
    else
        io_start(u->stager->config.io, &u->job);
}

static void on_archive(void *arg, const struct stager_result *r)
{
    struct unpacking *u = arg;
    if (u->state == UNPACK_STOPPED) {
        unpacking_free(u);
        return;
    }
    if (!r->ok) {
        finish(u, -1,
               r->failure == FAILURE_DISK_FULL
                   ? FAILURE_DISK_FULL
                   : FAILURE_APPLICATION_PACKAGE_ERROR,
               r->text);
        return;
    }
    memcpy(u->archive, r->path, sizeof(u->archive));
    u->state = UNPACK_GOING;
    start(u, unpack, unpacked, true);
}

static void want_archive(struct unpacking *u)
{
    struct err err;
    u->state = UNPACK_WANTING;
    if (stager_want(u->stager, u->kind, u->source, NULL, on_archive, u, &err) <
        0)
        finish(u, -1, FAILURE_APPLICATION_PACKAGE_ERROR, err.text);
}

static void looked(struct io_job *j, int rc, const struct err *err)
{
    struct unpacking *u = LIST_OF(j, struct unpacking, job);
    if (!back(u))
        return;
    if (rc < 0)
        finish(u, rc, FAILURE_APPLICATION_PACKAGE_ERROR, err->text);
    else
        want_archive(u);
}

struct unpacking *package_start(struct stager *s, const char *key,
                                void (*done)(void *arg, int rc,
                                             enum failure failure,
                                             const char *text),
                                void *arg)
{
    struct unpacking *u = mem_calloc(1, sizeof(*u));
    struct err err;
    if (!u)
        return NULL;
    u->stager = s;
    u->done = done;
    u->arg = arg;
    u->package = package_find(s, key);
    if (u->package && package_folder(s, key, u->path, NULL) == 0)
        u->source = package_path(u->package, s->config.work_dir, &err);
    if (!u->source) {
        mem_free(u);
        return NULL;
    }
    u->state = UNPACK_LOOKING;
    start(u, look, looked, false);
    return u;
}

void package_stop(struct unpacking *u)
{
    if (!u)
        return;
    bool waits = u->job_out || u->state == UNPACK_WANTING;
    u->state = UNPACK_STOPPED;
    atomic_store(&u->stop, true);
    if (!waits)
        unpacking_free(u);
}
