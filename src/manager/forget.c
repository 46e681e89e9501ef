/* Forgetting what uploads have noted: see forget.h. */
#include "config.h"
#include "manager/forget.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/jobspec.h"
#include "stage/upload.h"

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
    struct noted *going;        /* of the job; NULL: none is under way */
};

struct forgetting *forgetting_create(struct io *io, const char *run_dir,
                                     struct err *err)
{
    struct forgetting *f = mem_calloc(1, sizeof(*f));
    if (f) {
        f->io = io;
        f->folder = path_join(run_dir, "uploads");
    }
    if (f && f->folder)
        return f;
    mem_free(f);
    err_set(err, ENOMEM, "no memory for the manager");
    return NULL;
}

static void free_all(struct noted *n)
{
    while (n) {
        struct noted *next = n->next;
        mem_free(n);
        n = next;
    }
}

void forgetting_destroy(struct forgetting *f)
{
    if (!f)
        return;
    free_all(f->first);
    free_all(f->going);
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

static struct forgetting *forgetting_of(struct io_job *j)
{
    return (struct forgetting *)((char *)j - offsetof(struct forgetting, job));
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
}

void forgetting_written(struct forgetting *f, uint64_t ticket)
{
    struct noted *last = NULL;
    if (f->going || !f->first || f->first->ticket > ticket)
        return;
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
    return !f->going && !f->first;
}
