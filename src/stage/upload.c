/* Uploads: see upload.h.
 *
 * In this order, so that an end at any place leaves what the next attempt can
 * put right: the manifest names the temporary files; they are written; it
 * names the final ones; they are renamed; what an attempt before has left is
 * removed.
 */
#include "config.h"
#include "stage/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "stage/beneath.h"
#include "stage/upload_copy.h"
#include "stage/upload_manifest.h"
#include "stage/upload_plan.h"

struct uploading {
    const struct upload *u;
    struct upload_counts counts;
    struct upload_plan plan;
    struct manifest old;
    uint64_t token;
    int task_dir;
    int container; /* open: of the item that is at hand; -1 */
    const char *container_path;
    enum failure failure; /* if it is none that the errno tells */
    struct err *err;
};

static uint64_t draw_token(void)
{
    uint64_t token = 0;
    if (getrandom(&token, sizeof(token), GRND_NONBLOCK) != sizeof(token)) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        token = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec ^
                (uint64_t)getpid() << 16;
    }
    return token;
}

/* Have the container at path open. -1 with errno. */
static int enter(struct uploading *w, const char *path)
{
    if (w->container >= 0 && strcmp(w->container_path, path) == 0)
        return 0;
    if (w->container >= 0)
        close(w->container);
    w->container = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->container_path = path;
    return w->container < 0 ? -1 : 0;
}

static int enter_set(struct uploading *w, const struct upload_set *set)
{
    if (enter(w, set->container) == 0)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR)
        w->failure = FAILURE_UPLOAD_CONTAINER_NOT_FOUND;
    return err_sys(w->err, errno, "the container %s (%s) cannot be opened",
                   set->shown, set->container);
}

/* All containers must be there before anything is written. */
static int check_containers(struct uploading *w)
{
    for (uint32_t i = 0; i < w->u->set_count; i++)
        if (enter_set(w, &w->u->sets[i]) < 0)
            return -1;
    return 0;
}

/* Remove a file of an attempt; one that is not what it says stays. */
static void remove_record(struct uploading *w, const struct manifest_record *r)
{
    const char *base;
    struct stat st;
    char plain[BENEATH_NAME_MAX];
    if (beneath_plain(r->name, plain, NULL) < 0 || !*plain ||
        enter(w, r->container) < 0)
        return;
    int folder = upload_folder(w->container, plain, false, &base);
    if (folder < 0)
        return;
    bool same =
        !r->final ||
        (fstatat(folder, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(st.st_mode) && (uint64_t)st.st_size == r->bytes &&
         (st.st_ino == r->ino || (st.st_mtim.tv_sec == r->mtime.tv_sec &&
                                  st.st_mtim.tv_nsec == r->mtime.tv_nsec)));
    if (same && unlinkat(folder, base, 0) == 0 && r->final)
        w->counts.removed++;
    close(folder);
}

/* What attempts before have left: temporary files, or final ones. */
static void remove_old(struct uploading *w, bool final)
{
    for (size_t i = 0; i < w->old.count; i++) {
        const struct manifest_record *r = &w->old.records[i];
        if (r->final == final &&
            !(final && upload_plan_has(&w->plan, r->container, r->name)))
            remove_record(w, r);
    }
}

static int copy_all(struct uploading *w)
{
    for (size_t i = 0; i < w->plan.count; i++) {
        struct upload_item *it = &w->plan.items[i];
        if (enter_set(w, it->set) < 0 ||
            upload_copy(w->u, w->task_dir, w->container, it, &w->counts,
                        w->err) < 0)
            return -1;
    }
    return 0;
}

/* Our temporary files, when something went wrong. */
static void remove_copies(struct uploading *w)
{
    for (size_t i = 0; i < w->plan.count; i++) {
        const struct upload_item *it = &w->plan.items[i];
        remove_record(w,
                      &(struct manifest_record){.container = it->set->container,
                                                .name = it->temp});
    }
}

/* Give a copy its name, in the open folder. */
static int rename_one(struct uploading *w, int folder,
                      const struct upload_item *it)
{
    const char *base = path_base(it->name), *temp = path_base(it->temp);
    unsigned try = 0;
    while (renameat(folder, temp, folder, base) < 0) {
        int code = errno;
        if (!upload_again(w->u, code, try++, &w->counts))
            return err_sys(w->err, code,
                           "cannot store \"%s\" in the container %s", it->name,
                           it->set->shown);
    }
    w->counts.files++;
    w->counts.bytes += it->bytes;
    return 0;
}

/* Are two items in the same folder? */
static bool same_folder(const struct upload_item *a,
                        const struct upload_item *b)
{
    size_t n = (size_t)(path_base(a->name) - a->name);
    return strcmp(a->set->container, b->set->container) == 0 &&
           n == (size_t)(path_base(b->name) - b->name) &&
           memcmp(a->name, b->name, n) == 0;
}

/* Rename all, folder by folder, and sync the folders. */
static int rename_all(struct uploading *w)
{
    const struct upload_plan *p = &w->plan;
    for (size_t i = 0; i < p->count;) {
        const struct upload_item *first = &p->items[i];
        const char *base;
        if (enter_set(w, first->set) < 0)
            return -1;
        int folder = upload_folder(w->container, first->name, false, &base);
        if (folder < 0)
            return err_sys(w->err, errno,
                           "cannot store \"%s\" in the container %s",
                           first->name, first->set->shown);
        int rc = 0;
        for (; rc == 0 && i < p->count && same_folder(first, &p->items[i]); i++)
            rc = rename_one(w, folder, &p->items[i]);
        if (rc == 0)
            (void)!fsync(folder); /* not all file systems can */
        close(folder);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Copies are there: the second step. */
static int publish(struct uploading *w)
{
    const struct upload *u = w->u;
    if (manifest_append(u->manifests, u->key, w->token, &w->plan, w->err) < 0)
        return -1;
    if (rename_all(w) < 0)
        return -1;
    remove_old(w, true);
    if (w->old.count > 0) /* what it names is gone */
        return manifest_write(u->manifests, u->key, w->token, NULL, &w->plan,
                              true, w->err);
    return 0;
}

/* With an open task directory and the old manifest. */
static int upload_all(struct uploading *w)
{
    const struct upload *u = w->u;
    if (check_containers(w) < 0 ||
        upload_plan_make(&w->plan, u, w->task_dir, w->token, &w->counts,
                         w->err) < 0)
        return -1;
    remove_old(w, false); /* before the manifest forgets them */
    if (w->plan.count == 0) {
        remove_old(w, true);
        if (w->old.count > 0)
            manifest_remove(u->manifests, u->key);
        return 0;
    }
    if (manifest_write(u->manifests, u->key, w->token, &w->old, &w->plan, false,
                       w->err) < 0)
        return -1;
    if (copy_all(w) == 0 && publish(w) == 0)
        return 0;
    remove_copies(w);
    return -1;
}

int upload_run(const struct upload *u, struct upload_counts *counts,
               enum failure *failure, struct err *err)
{
    struct err why = {0};
    struct uploading w = {
        .u = u, .token = draw_token(), .container = -1, .err = &why};
    int rc = -1;
    w.task_dir = open(u->task_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.task_dir < 0)
        err_sys(&why, errno, "cannot open the task's directory %s",
                u->task_dir);
    else if (manifest_read(&w.old, u->manifests, u->key, &why) == 0)
        rc = upload_all(&w);
    if (w.task_dir >= 0)
        close(w.task_dir);
    if (w.container >= 0)
        close(w.container);
    upload_plan_fini(&w.plan);
    manifest_fini(&w.old);
    if (counts)
        *counts = w.counts;
    if (rc < 0 && failure)
        *failure =
            w.failure ? w.failure : failure_of_errno(why.code, PHASE_UPLOAD);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

void upload_forget(const char *manifests, const char *key)
{
    manifest_remove(manifests, key);
}
