/* Forgetting what uploads have noted: see forget.h. */
#include "config.h"
#include "manager/forget.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/jobspec.h"
#include "stage/remove.h"
#include "stage/upload.h"

static const char folder_name[] = "uploads";
enum { BATCH = 256, KEY_BYTES = JOBSPEC_MAX_ID + 16 };

struct noted {
    struct noted *next;
    uint64_t ticket;
    char key[KEY_BYTES];
};

struct forgetting {
    struct io_job job;
    struct io *io;
    char *folder;
    struct noted *first, *last; /* by ticket */
    struct noted *going;        /* of the job */
    enum { IDLE, LOOKING, GOING } state;
    forget_ended *ended;
    void *arg;
};

/* ---- What earlier sessions have left ---- */

static struct forgetting *forgetting_of(struct io_job *j)
{
    return (struct forgetting *)((char *)j - offsetof(struct forgetting, job));
}

static int look_work(struct io_job *j, struct err *err)
{
    struct forgetting *f = forgetting_of(j);
    struct dirent *e;
    DIR *d = opendir(f->folder);
    (void)err;
    if (!d) /* nothing was uploaded yet */
        return 0;
    while ((e = readdir(d))) {
        struct noted *n = NULL;
        if (strlen(e->d_name) < KEY_BYTES && (n = mem_calloc(1, sizeof(*n)))) {
            memcpy(n->key, e->d_name, strlen(e->d_name));
            n->next = f->going;
            f->going = n;
        }
    }
    closedir(d);
    return 0;
}

/* Is the key that of a task which has ended? */
static bool has_ended(const struct forgetting *f, const char *key)
{
    char job_id[KEY_BYTES], *dot, *end;
    memcpy(job_id, key, sizeof(job_id));
    dot = strrchr(job_id, '.');
    if (!dot || dot[1] < '0' || dot[1] > '9')
        return false;
    *dot = '\0';
    errno = 0;
    unsigned long index = strtoul(dot + 1, &end, 10);
    return errno == 0 && *end == '\0' && index <= UINT32_MAX &&
           f->ended(f->arg, job_id, (uint32_t)index);
}

static void look_done(struct io_job *j, int rc, const struct err *err)
{
    struct forgetting *f = forgetting_of(j);
    struct noted *n;
    (void)rc;
    (void)err;
    f->state = IDLE;
    while ((n = f->going)) {
        f->going = n->next;
        if (!has_ended(f, n->key)) {
            mem_free(n);
            continue;
        }
        n->next = f->first; /* ticket 0: before all others */
        f->first = n;
        if (!f->last)
            f->last = n;
    }
}

struct forgetting *forgetting_create(struct io *io, const char *run_dir,
                                     forget_ended *ended, void *arg,
                                     struct err *err)
{
    struct forgetting *f = mem_calloc(1, sizeof(*f));
    char *folder = f ? path_join(run_dir, folder_name) : NULL;
    if (!folder) {
        mem_free(f);
        err_set(err, ENOMEM, "no memory for the manager");
        return NULL;
    }
    *f = (struct forgetting){.io = io,
                             .folder = folder,
                             .state = LOOKING,
                             .ended = ended,
                             .arg = arg,
                             .job = {.work = look_work, .done = look_done}};
    io_start_long(io, &f->job);
    return f;
}

int forget_all(const char *run_dir, struct err *err)
{
    int fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", run_dir);
    int rc = remove_tree(fd, folder_name, run_dir, err);
    close(fd);
    return rc;
}

/* ---- What ends now ---- */

static void free_all(struct noted *n)
{
    while (n) {
        struct noted *next = n->next;
        mem_free(n);
        n = next;
    }
}

/* Those who were killed while they wrote a manifest have left a part of it
 * under a temporary name (file_replace's; a key ends in a number). */
static void sweep(const char *folder)
{
    struct dirent *e;
    DIR *d = opendir(folder);
    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".tmp") == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

void forgetting_destroy(struct forgetting *f)
{
    if (!f)
        return;
    free_all(f->first);
    free_all(f->going);
    sweep(f->folder);       /* nobody writes there any more */
    (void)rmdir(f->folder); /* fine if somebody needs it */
    mem_free(f->folder);
    mem_free(f);
}

void forgetting_add(struct forgetting *f, const char *job_id, uint32_t index,
                    uint64_t ticket)
{
    struct noted *n = mem_calloc(1, sizeof(*n));
    if (!n)
        return;
    n->ticket = ticket;
    snprintf(n->key, sizeof(n->key), "%s.%" PRIu32, job_id, index);
    if (f->last)
        f->last->next = n;
    else
        f->first = n;
    f->last = n;
}

static int forget_work(struct io_job *j, struct err *err)
{
    struct forgetting *f = forgetting_of(j);
    (void)err;
    for (struct noted *n = f->going; n; n = n->next)
        upload_forget(f->folder, n->key);
    return 0;
}

static void forget_done(struct io_job *j, int rc, const struct err *err)
{
    struct forgetting *f = forgetting_of(j);
    (void)rc;
    (void)err;
    free_all(f->going);
    f->going = NULL;
    f->state = IDLE;
}

void forgetting_written(struct forgetting *f, uint64_t ticket)
{
    struct noted *last = NULL;
    if (f->state != IDLE || !f->first || f->first->ticket > ticket)
        return;
    f->state = GOING;
    f->going = f->first;
    for (int n = 0; n < BATCH && f->first && f->first->ticket <= ticket; n++) {
        last = f->first;
        f->first = last->next;
    }
    last->next = NULL;
    if (!f->first)
        f->last = NULL;
    f->job = (struct io_job){.work = forget_work, .done = forget_done};
    io_start_long(f->io, &f->job);
}

bool forgetting_done(const struct forgetting *f)
{
    return f->state == IDLE && !f->first;
}
