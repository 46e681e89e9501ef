/* Manifests that may go: see settling.h. */
#include "config.h"
#include "worker/settling.h"

#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "stage/upload.h"

struct settled {
    struct settled *next;
    uint64_t mark; /* acknowledged up to here: settled */
    uint32_t peer;
    char key[];
};

struct settling {
    struct io_job job;
    bool job_out;
    const struct staging *staging;
    struct comm *comm;
    char *manifests;
    struct settled *first, **last; /* waiting, in the order of their marks */
    struct settled *going;         /* the job's */
};

struct settling *settling_create(const struct staging *staging,
                                 struct comm *comm)
{
    struct settling *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->staging = staging;
    s->comm = comm;
    s->last = &s->first;
    s->manifests = path_join(staging->run_dir, "uploads");
    if (s->manifests)
        return s;
    mem_free(s);
    return NULL;
}

void settling_add(struct settling *s, uint32_t peer, const char *key)
{
    size_t len = strlen(key) + 1;
    struct settled *e = mem_alloc(sizeof(*e) + len);
    if (!e)
        return;
    *e = (struct settled){.mark = comm_queued_bytes(s->comm, peer),
                          .peer = peer};
    memcpy(e->key, key, len);
    *s->last = e;
    s->last = &e->next;
}

/* Take those that are settled, from the front. */
static struct settled *take(struct settling *s)
{
    struct settled *list = s->first, **end = &list;
    while (*end && comm_settled_bytes(s->comm, (*end)->peer) >= (*end)->mark)
        end = &(*end)->next;
    s->first = *end;
    if (!s->first)
        s->last = &s->first;
    *end = NULL;
    return list;
}

static void forget(const struct settling *s, const struct settled *list)
{
    for (; list; list = list->next)
        upload_forget(s->manifests, list->key);
}

static void list_free(struct settled *list)
{
    for (struct settled *next; list; list = next) {
        next = list->next;
        mem_free(list);
    }
}

static int work(struct io_job *j, struct err *err)
{
    struct settling *s = (struct settling *)j; /* its first member */
    (void)err;
    forget(s, s->going);
    return 0;
}

static void done(struct io_job *j, int rc, const struct err *err)
{
    struct settling *s = (struct settling *)j;
    (void)err;
    s->job_out = false;
    if (rc < 0)
        forget(s, s->going); /* io has ended: the rank leaves */
    list_free(s->going);
    s->going = NULL;
}

void settling_step(struct settling *s)
{
    if (s->job_out || !(s->going = take(s)))
        return;
    s->job = (struct io_job){.work = work, .done = done};
    s->job_out = true;
    io_start_long(s->staging->io, &s->job);
}

void settling_end(struct settling *s)
{
    struct settled *list = take(s);
    forget(s, list);
    list_free(list);
}

void settling_destroy(struct settling *s)
{
    if (!s)
        return;
    list_free(s->first);
    list_free(s->going);
    mem_free(s->manifests);
    mem_free(s);
}
